/*
 * What the flags of a cache derive: allocators of slabs and of pages.
 *
 * Theory: from the inside out. Pages: DMA, accounting, construction, the wait for a grace period:
 * so a destructor runs when nobody reads any more, and what waits is still counted. Slabs: red
 * zones, poison and users are three options of one debug layer. What the chain has already is not
 * derived again.
 *
 * Invariant: a set of allocators lives as long as a cache stands on it; there is one for each set
 * of flags over a chain, and one for each cache with a constructor.
 *
 * Unlike Linux: SLAB_POISON with a constructor, or with SLAB_DESTROY_BY_RCU, is refused; there it
 * is quietly dropped (kmem_cache_open, mm/slub.c), and the user believes it is on.
 */
#include "alloc/slabulator.h"

#define DEBUG_FLAGS (SLAB_POISON | SLAB_RED_ZONE | SLAB_STORE_USER)
#define DERIVING_FLAGS (DEBUG_FLAGS | SLAB_CACHE_DMA | SLAB_RECLAIM_ACCOUNT | SLAB_TYPESAFE_BY_RCU)

static struct allocator_desc *desc_of(enum allocator_kind kind, const char *name)
{
	struct allocator_desc *desc = allocator_find(kind, name);

	ASSERT(desc);
	return desc;
}

/* ---- Pages ---- */

static const struct page_flag {
	slab_flags_t flag;
	const char *flag_name, *layer;
	const char *instead; /* another layer that a chain may have in its place */
	bool outside;	     /* of construction */
} page_flags[] = {
	{SLAB_CACHE_DMA, "SLAB_CACHE_DMA", "dma", NULL, false},
	{SLAB_RECLAIM_ACCOUNT, "SLAB_RECLAIM_ACCOUNT", "reclaimable", "unreclaimable", false},
	{SLAB_TYPESAFE_BY_RCU, "SLAB_DESTROY_BY_RCU", "rcu", NULL, true},
};

static bool has_already(const struct page_allocator *pages, const struct page_flag *f)
{
	return page_chain_has(pages, desc_of(ALLOC_PAGES, f->layer)) ||
	       (f->instead && page_chain_has(pages, desc_of(ALLOC_PAGES, f->instead)));
}

/* d->pages stands on one layer more. */
static void put_on(struct slab_derived *d, struct page_allocator *derived, const char *name)
{
	struct text id = text_in(derived->layer->id, sizeof(derived->layer->id));

	text_add(&id, "pages+%u:%s", d->number, name);
	d->pages = derived;
}

static int derive_flags(struct slab_derived *d, bool outside, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(page_flags); i++) {
		const struct page_flag *f = &page_flags[i];
		struct allocator_desc *desc = desc_of(ALLOC_PAGES, f->layer);
		struct page_allocator *derived;

		if (!(d->flags & f->flag) || f->outside != outside || has_already(d->pages, f))
			continue;
		derived = desc->create_pages(d->pages, NULL, e);
		if (!derived)
			return err_prefix(e, "%s", f->flag_name);
		put_on(d, derived, f->layer);
	}
	return 0;
}

static void construct(void *object, void *private, unsigned int mode)
{
	struct kmem_cache *k = private;

	k->ctor(object, k, mode);
}

static void destruct(void *object, void *private, unsigned int mode)
{
	struct kmem_cache *k = private;

	k->dtor(object, k, mode);
}

static void derive_construction(struct slab_derived *d, struct kmem_cache *k, size_t chunk)
{
	struct page_allocator *derived = ctor_and_dtor_for_page_allocator(
		d->pages, chunk, k, k->ctor ? construct : NULL, k->dtor ? destruct : NULL);

	ASSERT(derived); /* slab_derive_check */
	put_on(d, derived, "ctor_dtor");
}

/* ---- Slabs ---- */

static void set_option(const struct opt_desc *table, void *options, const char *name,
		       const char *text)
{
	struct err e;
	int ret = options_set(table, options, name, text, &e);

	ASSERT(!ret);
}

static int derive_debug(struct slab_derived *d, struct err *e)
{
	struct allocator_desc *debug = desc_of(ALLOC_SLAB, "debug");
	struct slab_allocator *derived;
	struct text id;
	void *options;

	if (!(d->flags & DEBUG_FLAGS) || slab_chain_has(d->slab, debug))
		return 0;
	options = instance_alloc(debug->options_size);
	options_default(debug->options, options);
	if (!(d->flags & SLAB_RED_ZONE))
		set_option(debug->options, options, "redzone", "0B");
	if (!(d->flags & SLAB_POISON))
		set_option(debug->options, options, "poison", "off");
	if (!(d->flags & SLAB_STORE_USER))
		set_option(debug->options, options, "user", "off");
	derived = debug->create_slab(d->slab, d->pages, options, e);
	instance_free(options);
	if (!derived)
		return err_prefix(e, "SLAB_POISON, SLAB_RED_ZONE, SLAB_STORE_USER");
	d->slab = derived;
	id = text_in(derived->layer->id, sizeof(derived->layer->id));
	text_add(&id, "slab+%u:debug", d->number);
	return 0;
}

/*
 * Where objects of all caches lie side by side, a page that waits is no help: memory of a freed
 * object would be another cache's at once. So each object waits (mm/slob.c, 6.1).
 */
static int derive_object_rcu(struct slab_derived *d, struct err *e)
{
	struct allocator_desc *rcu = desc_of(ALLOC_SLAB, "rcu");
	struct slab_allocator *derived;
	struct text id;

	if (!(d->flags & SLAB_TYPESAFE_BY_RCU) || d->slab->defers_free ||
	    !slab_allocator_source(d->slab)->desc->any_size)
		return 0;
	derived = rcu->create_slab(d->slab, d->pages, NULL, e);
	if (!derived)
		return err_prefix(e, "SLAB_DESTROY_BY_RCU");
	d->slab = derived;
	id = text_in(derived->layer->id, sizeof(derived->layer->id));
	text_add(&id, "slab+%u:rcu", d->number);
	return 0;
}

/* ---- Sets ---- */

static struct slab_derived *derived_find(const struct slabulator *sl,
					 const struct slab_allocator *chain, slab_flags_t flags)
{
	struct slab_derived *d;

	list_for_each_entry (d, &sl->derived, list)
		if (d->chain == chain && d->flags == flags)
			return d;
	return NULL;
}

void slab_derived_put(struct slab_derived *d)
{
	if (!d || --d->refs)
		return;
	list_del(&d->list);
	slab_allocator_put(d->slab);
	page_allocator_put(d->pages);
	instance_free(d);
}

int slab_derive(struct slabulator *sl, const struct slab_allocator *chain, slab_flags_t flags,
		struct kmem_cache *k, size_t chunk, struct slab_derived **set, struct err *e)
{
	struct slab_derived *d;

	flags &= DERIVING_FLAGS;
	*set = NULL;
	if (!flags && !k)
		return 0;
	*set = k ? NULL : derived_find(sl, chain, flags);
	if (*set) {
		(*set)->refs++;
		return 0;
	}
	d = instance_alloc(sizeof(*d));
	*d = (struct slab_derived){.chain = chain,
				   .flags = flags,
				   .slab = slab_allocator_get((struct slab_allocator *)chain),
				   .pages = page_allocator_get(sl->pages),
				   .refs = 1,
				   .number = ++sl->nr_derived};
	INIT_LIST_HEAD(&d->list);
	if (derive_flags(d, false, e))
		goto fail;
	if (k)
		derive_construction(d, k, chunk);
	if (derive_flags(d, true, e) || derive_debug(d, e) || derive_object_rcu(d, e))
		goto fail;
	if (!k)
		list_add_tail(&d->list, &sl->derived);
	*set = d;
	return 0;
fail:
	slab_derived_put(d);
	return -1;
}

/* ---- What makes no sense ---- */

static int check_construction(const struct slabulator *sl, const struct slab_allocator *chain,
			      slab_flags_t flags, const struct kmem_cache *k, struct err *e)
{
	if (flags & SLAB_POISON)
		return err_set(e, "SLAB_POISON would write over what the constructor made");
	if (chain->shifts_objects || slab_allocator_source(chain)->desc->any_size)
		return err_set(e,
			       "objects of '%s' do not begin where their chunks do: a constructor "
			       "would write elsewhere",
			       chain->name);
	if (flags & DEBUG_FLAGS)
		return err_set(e, "red zones and users' names shift objects in their chunks: a "
				  "constructor would write elsewhere");
	if (chain->spoils_free)
		return err_set(e,
			       "'%s' writes into free objects: what the constructor made is lost",
			       chain->name);
	if (slab_check_keeps(chain, sl->pages, "a constructor writes into objects", e))
		return -1;
	if (k->dtor && sl->pages->defers_free)
		return err_set(e,
			       "a free waits in '%s': the destructor would run before the grace "
			       "period, while readers may still look (SLAB_DESTROY_BY_RCU on pages "
			       "that do not wait is the order that works)",
			       sl->pages->name);
	return 0;
}

int slab_derive_check(const struct slabulator *sl, const struct slab_allocator *chain,
		      slab_flags_t flags, const struct kmem_cache *k, struct err *e)
{
	if ((flags & SLAB_TYPESAFE_BY_RCU) && (flags & SLAB_POISON))
		return err_set(e,
			       "SLAB_POISON would write over objects that readers may still look "
			       "at: SLAB_DESTROY_BY_RCU keeps their contents after the free");
	if ((flags & SLAB_TYPESAFE_BY_RCU) && chain->spoils_free)
		return err_set(e,
			       "SLAB_DESTROY_BY_RCU keeps contents after the free, and '%s' writes "
			       "over them (debug(poison=off) does not)",
			       chain->name);
	return k->ctor || k->dtor ? check_construction(sl, chain, flags, k, e) : 0;
}
