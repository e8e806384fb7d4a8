/*
 * ctor_dtor (ctor_and_dtor_for_page_allocator): objects on fresh pages are made, those on pages
 * that go are unmade.
 *
 * Theory: what a slab constructor does to each object belongs to the pages: it runs once for each
 * chunk of `size` bytes of a block that comes from below, and its opposite before the block goes
 * back. Chunks start at offset 0 of the block; a rest at its end is left alone. What a constructor
 * writes is what the contents are to be: __GFP_ZERO is not passed on.
 *
 * Invariant: a block that came out through this layer was constructed once and not destroyed since.
 *
 * Unlike Linux: there the slab allocator runs constructors (mm/slub.c, setup_object), and there are
 * no destructors any more. Unlike the modular slab (2006): nothing is constructed on a page that
 * was refused, and the mode comes from the request's flags.
 */
#include <string.h>

#include "alloc/page_alloc.h"
#include "alloc/poison.h"

struct ctor_pages {
	struct page_allocator pa;
	size_t size;
	void *private;
	page_ctor_fn ctor, dtor; /* NULL: nothing to do */
	u64 fill;		 /* index into fills, for those a chain can name */
};

static const struct ctor_pages *to_ctor(const struct page_allocator *pa)
{
	return container_of(pa, const struct ctor_pages, pa);
}

static void for_each_chunk(const struct ctor_pages *cp, struct page *page, int order,
			   page_ctor_fn run, unsigned int mode)
{
	char *at = page_address(page);

	for (size_t rest = PAGE_SIZE << order; rest >= cp->size; rest -= cp->size) {
		charge(COST_INDIRECT_CALL);
		run(at, cp->private, mode);
		at += cp->size;
	}
}

static void ctor_rewrite(const struct page_allocator *self, gfp_t *flags, int *node)
{
	(void)node;
	if (to_ctor(self)->ctor)
		*flags &= ~__GFP_ZERO;
}

static struct page *constructed(const struct ctor_pages *cp, struct page *page, int order,
				gfp_t flags)
{
	if (page && cp->ctor)
		for_each_chunk(cp, page, order, cp->ctor,
			       flags & __GFP_DIRECT_RECLAIM ? CTOR_MAY_SLEEP : 0);
	return page;
}

static struct page *ctor_allocate(const struct page_allocator *self, int order, gfp_t flags,
				  int node)
{
	charge(COST_CALL);
	ctor_rewrite(self, &flags, &node);
	return constructed(to_ctor(self), page_alloc(self->base, order, flags, node), order, flags);
}

static struct page *ctor_allocate_at(const struct page_allocator *self, unsigned long pfn,
				     int order, gfp_t flags, int node)
{
	charge(COST_CALL);
	ctor_rewrite(self, &flags, &node);
	return constructed(to_ctor(self), page_alloc_at(self->base, pfn, order, flags, node), order,
			   flags);
}

static void ctor_free(const struct page_allocator *self, struct page *page, int order)
{
	const struct ctor_pages *cp = to_ctor(self);

	charge(COST_CALL);
	if (cp->dtor)
		for_each_chunk(cp, page, order, cp->dtor, 0);
	page_free(self->base, page, order);
}

static struct allocator_desc ctor_desc;

static struct ctor_pages *ctor_make(struct page_allocator *base, size_t size, page_ctor_fn dtor,
				    struct err *e)
{
	struct ctor_pages *cp;

	if ((base->defers_free && dtor) || base->keeps_nothing) {
		err_set(e,
			base->keeps_nothing
				? "'%s' keeps nothing: there is nothing to construct"
				: "a free waits in '%s': objects would be destroyed while readers "
				  "may "
				  "still look (the order that works: rcu:ctor_dtor:...)",
			base->name);
		return NULL;
	}
	cp = instance_alloc(sizeof(*cp));
	derive_page_allocator(&cp->pa, base, &ctor_desc);
	cp->pa.allocate = ctor_allocate;
	cp->pa.allocate_at = ctor_allocate_at;
	cp->pa.free = ctor_free;
	cp->pa.rewrite = ctor_rewrite;
	cp->size = size;
	cp->dtor = dtor;
	return cp;
}

struct page_allocator *ctor_and_dtor_for_page_allocator(struct page_allocator *base, size_t size,
							void *private, page_ctor_fn ctor,
							page_ctor_fn dtor)
{
	struct err e;
	struct ctor_pages *cp;

	ASSERT(size);
	cp = ctor_make(base, size, dtor, &e);
	if (!cp)
		return NULL;
	cp->private = private;
	cp->ctor = ctor;
	return &cp->pa;
}

/* ---- As a chain names it ---- */

static const struct ctor_fill {
	const char *name;
	int byte;
} fills[] = {{"zero", 0}, {"poison", POISON_INUSE}};
static const char *const fill_names[] = {"zero", "poison", NULL};

struct ctor_options {
	u64 size, fill;
};

static void fill_chunk(void *object, void *private, unsigned int mode)
{
	const struct ctor_pages *cp = private;

	(void)mode;
	charge_bytes(cp->size);
	memset(object, fills[cp->fill].byte, cp->size);
}

static struct page_allocator *ctor_create(struct page_allocator *base, const void *options,
					  struct err *e)
{
	const struct ctor_options *o = options;
	struct ctor_pages *cp = ctor_make(base, o->size, NULL, e);

	if (!cp)
		return NULL;
	cp->private = cp;
	cp->ctor = fill_chunk;
	cp->fill = o->fill;
	return &cp->pa;
}

static const struct opt_desc ctor_opts[] = {
	OPT_SIZE("size", struct ctor_options, size, "64B", 8, PAGE_SIZE << (MAX_ORDER - 1),
		 "bytes from one object to the next"),
	OPT_ENUM("fill", struct ctor_options, fill, "zero", fill_names,
		 "what the constructor writes into each object"),
	OPT_END,
};

static struct allocator_desc ctor_desc = {
	.name = "ctor_dtor",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "constructs each object-sized chunk of a block",
	.help = "In a chain the constructor fills each object; in C any constructor and destructor "
		"can "
		"be\ngiven. __GFP_ZERO is not passed on: contents are the constructor's.",
	.options = ctor_opts,
	.options_size = sizeof(struct ctor_options),
	.create_pages = ctor_create,
};
ALLOCATOR(ctor_desc)
