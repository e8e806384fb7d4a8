/*
 * bootmem (slab): what boot did before there were early slabs.
 *
 * Theory: until the hand-over each object is an allocation of bootmem of its own, aligned to a
 * cache line (alloc_bootmem, 2.6). It packs small objects as long as nothing comes between them,
 * and takes back whole pages only: an object's borders stay taken, and with it all that is small.
 * Afterwards the base serves, and an early object that is freed is lost: bootmem is no more, and
 * the page allocator knows only whole pages. Early slabs (slabifier on the page layer `boot`) are
 * the alternative; this is what they are compared with.
 *
 * Objects of all caches share pages: PG_mixed, with early_pages as their cache. Who an object
 * belongs to stands in records: the first one that reaches into a page hangs on it
 * (page->freelist), those that begin behind it follow.
 *
 * Invariant: each object ever handed out early has a record while one of its pages is taken; of the
 * objects of a page, records are in order of addresses and do not overlap.
 *
 * Unlike Linux: callers of bootmem kept size and owner in mind themselves; the records stand in for
 * that and take host memory. Freed contents that readers under RCU may still look at (base or pages
 * wait for a grace period) are not given back at all.
 */
#include "alloc/boot.h"
#include "alloc/slab_alloc.h"

struct boot_object {
	struct list_head list; /* first; of its cache, or, if that has gone, the boot layer's */
	struct boot_object *next;
	struct slab_cache *cache; /* NULL: has gone */
	u64 phys;
	u32 size, pages; /* pages that it lies in and that were not given back */
	u32 site;	 /* that asked for it */
	bool live;
};

struct bootmem_slab {
	struct slab_allocator sa;
	struct bootmem_counts counts;
};

struct bootmem_cache {
	struct slab_cache c;
	u64 nr_live;
	struct list_head objects;
};
_Static_assert(sizeof(struct bootmem_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static struct allocator_desc bootmem_desc;

static struct bootmem_slab *to_bootmem(const struct slab_allocator *sa)
{
	return container_of((struct slab_allocator *)sa, struct bootmem_slab, sa);
}

static struct bootmem_cache *to_bootmem_cache(struct slab_cache *cache)
{
	return container_of(cache, struct bootmem_cache, c);
}

static bool early(void)
{
	return kernel->slab_state == SLAB_EARLY || kernel->slab_state == SLAB_NONE;
}

const struct bootmem_counts *bootmem_slab_counts(const struct slab_allocator *sa)
{
	while (sa && sa->desc != &bootmem_desc)
		sa = sa->base;
	return sa ? &to_bootmem(sa)->counts : NULL;
}

/* ---- Records ---- */

static struct slab_cache *bootmem_cache_of(struct slab_cache *shared, const void *object);

/* Whose slabs all early pages are, also of several such allocators on one chain of pages. */
static const struct slab_allocator early_objects = {.cache_of = bootmem_cache_of,
						    .name = "bootmem"};
static const struct slab_cache early_pages = {.slab_alloc = &early_objects, .name = "bootmem"};

/* Nothing else lies there: the base, which may have gone before, need not be asked. */
static bool on_early_page(const void *address)
{
	const struct page *page;

	if (unlikely(!virt_addr_valid(address)))
		return false;
	page = virt_to_page(address);
	return (page->flags & PG_mixed) && page->slab_cache == &early_pages;
}

/* The object that this address lies in; NULL: there never was one, or it has gone. */
static struct boot_object *object_at(const void *address)
{
	struct boot_object *o;
	u64 phys;

	if (!on_early_page(address))
		return NULL;
	phys = virt_to_phys(address);
	for (o = virt_to_page(address)->freelist; o && o->phys <= phys; o = o->next) {
		charge(COST_LIST_STEP);
		if (phys < o->phys + o->size)
			return o;
	}
	return NULL;
}

static struct slab_cache *bootmem_cache_of(struct slab_cache *shared, const void *object)
{
	const struct boot_object *o = object_at(object);

	(void)shared;
	return o ? o->cache : NULL;
}

/* What this cache calls `object`; NULL: it is none of its early ones. */
static struct boot_object *own_object(struct slab_cache *cache, const void *object)
{
	struct boot_object *o = object_at(object);

	return o && o->phys == virt_to_phys(object) && o->cache == cache ? o : NULL;
}

static void record(struct bootmem_cache *bc, const void *object)
{
	struct boot_object *o = instance_alloc(sizeof(*o)), **end;
	unsigned long pfn, last;

	o->cache = &bc->c;
	o->phys = virt_to_phys(object);
	o->size = bc->c.objsize;
	o->site = kernel->site;
	o->live = true;
	list_add_tail(&o->list, &bc->objects);
	pfn = o->phys >> PAGE_SHIFT;
	last = (o->phys + o->size - 1) >> PAGE_SHIFT;
	o->pages = (u32)(last - pfn + 1);
	end = (struct boot_object **)&pfn_to_page(pfn)->freelist;
	while (*end)
		end = &(*end)->next;
	*end = o;
	while (++pfn <= last)
		pfn_to_page(pfn)->freelist = o;
}

static void forget(struct boot_object *o)
{
	list_del(&o->list);
	instance_free(o);
}

/* ---- Allocation ---- */

static void *early_alloc(struct slab_cache *cache, gfp_t flags, int node)
{
	struct bootmem_slab *bs = to_bootmem(cache->slab_alloc);
	struct bootmem_cache *bc = to_bootmem_cache(cache);
	void *object;

	charge(COST_CALL);
	note_path(PATH_SLOW);
	object = boot_alloc_bytes(cache->page_alloc, cache->objsize,
				  max(cache->align, (unsigned int)SMP_CACHE_BYTES),
				  flags | cache->gfp, node, &early_pages);
	if (!object)
		return NULL;
	record(bc, object);
	bc->nr_live++;
	bs->counts.nr_objects++;
	if (flags & __GFP_ZERO)
		slab_zero(cache, object);
	return object;
}

static void *bootmem_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	if (unlikely(early()))
		return early_alloc(cache, flags, node == NUMA_NO_NODE ? cache->node : node);
	return slab_alloc_node(cache->base, flags, node);
}

static void *bootmem_slab_alloc(struct slab_cache *cache, gfp_t flags)
{
	if (unlikely(early()))
		return early_alloc(cache, flags, cache->node);
	return slab_alloc(cache->base, flags);
}

/* ---- Freeing ---- */

static void refuse(struct slab_cache *cache, const void *object, const struct boot_object *o)
{
	report_event(o ? "double_free" : "invalid_pointer",
		     "cache %s: early object at 0x%llx, freed by %s on CPU %d", cache->name,
		     (unsigned long long)virt_to_phys(object), site_name(kernel->site),
		     smp_processor_id());
	slab_free_refused(cache);
}

static void free_early_object(struct slab_cache *cache, void *object)
{
	struct bootmem_slab *bs = to_bootmem(cache->slab_alloc);
	struct boot_object *o = own_object(cache, object);
	u64 back = 0;

	if (!o || !o->live) {
		refuse(cache, object, o);
		return;
	}
	o->live = false;
	to_bootmem_cache(cache)->nr_live--;
	if (early() && !cache->base->slab_alloc->defers_free && !cache->page_alloc->defers_free)
		back = boot_free_bytes(cache->page_alloc, object, o->size);
	else
		bs->counts.nr_late++;
	bs->counts.lost_bytes += o->size - (back << PAGE_SHIFT);
	o->pages -= (u32)back;
	if (!o->pages)
		forget(o);
}

static void bootmem_slab_free(struct slab_cache *cache, void *object)
{
	if (unlikely(on_early_page(object)))
		free_early_object(cache, object);
	else
		slab_free(cache->base, object);
}

/* ---- The rest ---- */

static int bootmem_valid_pointer(struct slab_cache *cache, const void *object)
{
	if (on_early_page(object))
		return own_object(cache, object) != NULL;
	return slab_valid_pointer(cache->base, object);
}

static int bootmem_in_use(struct slab_cache *cache, const void *object)
{
	const struct boot_object *o = own_object(cache, object);

	if (on_early_page(object))
		return o && o->live;
	return slab_in_use(cache->base, object);
}

static u32 bootmem_alloc_site(struct slab_cache *cache, const void *object)
{
	const struct boot_object *o = own_object(cache, object);

	if (on_early_page(object))
		return o ? o->site : 0;
	return slab_alloc_site(cache->base, object);
}

/* Their pages are no cache's slabs. */
static unsigned long bootmem_get_objects(struct slab_cache *cache, struct slab_counts *counts)
{
	slab_cache_counts(cache->base, counts);
	counts->objs_total += to_bootmem_cache(cache)->nr_live;
	counts->objs_active += to_bootmem_cache(cache)->nr_live;
	return counts->active;
}

static struct slab_cache *bootmem_create(const struct slab_allocator *self,
					 struct slab_control *room,
					 const struct slab_cache *parameters)
{
	struct bootmem_cache *bc = (struct bootmem_cache *)(void *)room->room;

	*bc = (struct bootmem_cache){.nr_live = 0};
	INIT_LIST_HEAD(&bc->objects);
	return derive_slab_cache(self, &bc->c, parameters);
}

static int bootmem_destroy_cache(struct slab_cache *cache)
{
	struct bootmem_cache *bc = to_bootmem_cache(cache);
	struct list_head *records = boot_records(cache->page_alloc);

	if (bc->nr_live) { /* early pages still lead here, and from here to the base */
		list_del(&cache->list);
		return (int)bc->nr_live + slab_cache_destroy(cache->base);
	}
	while (!list_empty(&bc->objects)) {
		struct boot_object *o = list_first_entry(&bc->objects, struct boot_object, list);

		o->cache = NULL;
		list_del(&o->list);
		list_add_tail(&o->list, records); /* others' hang on it */
	}
	return derived_slab_cache_destroy(cache);
}

static void bootmem_slab_check(struct slab_cache *cache)
{
	struct bootmem_cache *bc = to_bootmem_cache(cache);
	u64 live = 0, clock_ns = kernel->clock_ns;
	const struct boot_object *o;

	list_for_each_entry (o, &bc->objects, list) {
		const struct page *page = pfn_to_page(o->phys >> PAGE_SHIFT);

		live += o->live;
		ASSERT(o->cache == cache && o->pages);
		if (o->live)
			ASSERT(own_object(cache, (const char *)page_name(page) +
							 o->phys % PAGE_SIZE) == o);
	}
	ASSERT(live == bc->nr_live);
	kernel->clock_ns = clock_ns; /* looking takes no time */
}

static struct slab_allocator *bootmem_instance(struct slab_allocator *base,
					       struct page_allocator *pages, const void *options,
					       struct err *e)
{
	struct bootmem_slab *bs;

	(void)options;
	if (!boot_layer(pages)) {
		err_set(e, "there is no bootmem below '%s': its pages need the layer 'boot'",
			pages->name);
		return NULL;
	}
	if (slab_chain_has(base, &bootmem_desc)) {
		err_set(e, "'%s' has its early objects from bootmem already", base->name);
		return NULL;
	}
	bs = instance_alloc(sizeof(*bs));
	derive_slab_allocator(&bs->sa, base, pages, &bootmem_desc);
	bs->sa.alloc = bootmem_slab_alloc;
	bs->sa.alloc_node = bootmem_alloc_node;
	bs->sa.free = bootmem_slab_free;
	bs->sa.cache_of = bootmem_cache_of;
	bs->sa.shifts_objects = true; /* early ones lie anywhere */
	bs->sa.valid_pointer = bootmem_valid_pointer;
	bs->sa.in_use = bootmem_in_use;
	bs->sa.alloc_site = bootmem_alloc_site;
	bs->sa.get_objects = bootmem_get_objects;
	bs->sa.create = bootmem_create;
	bs->sa.destroy = bootmem_destroy_cache;
	bs->sa.check = bootmem_slab_check;
	return &bs->sa;
}

static struct allocator_desc bootmem_desc = {
	.name = "bootmem",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "early objects come from bootmem one by one, as before there were early slabs",
	.help = "Until the hand-over each object is an allocation of bootmem of its own; frees "
		"give back\n"
		"whole pages only. Afterwards the base serves, and an early object that is freed "
		"is lost.\n"
		"Needs the page layer `boot`.",
	.create_slab = bootmem_instance,
};
ALLOCATOR(bootmem_desc)
