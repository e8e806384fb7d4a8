/*
 * kmalloc (store): compressed objects in the caches of a kmalloc of their own.
 *
 * Theory: what a pool of its own must be measured against: no pool at all. An object lies in a slab
 * of the smallest class that holds it, so it wastes what its class is larger; slabs of the larger
 * classes are blocks of several pages, which must be found in one piece. Nothing is kept beside the
 * objects. A handle is an address, and nothing moves.
 *
 * The kmalloc is the store's alone, over the stack's chain of slabs: its objects share no slab with
 * the load's, so what it holds can be told.
 *
 * In the statistics its slabs are the pages for contents; wholly free ones on partial lists are its
 * reserve. For everybody else they are slabs, taken by a slab allocator: nr_pages is 0.
 *
 * Invariant: live counts the objects of each cache. The caches exist as long as the store.
 *
 * Unlike Linux: no zpool driver is like it; compcache and zcache used kmalloc where they had no
 * pool. Which of the sizes of a class an object was asked for with nobody knows, so that a wrong
 * size of the right class passes. Over a source of slabs that keeps all caches in the same pages
 * (slob), the pages are those of all.
 */
#include "alloc/kmalloc.h"

#include "alloc/layer.h"
#include "alloc/slab_leak.h"
#include "alloc/store_alloc.h"

struct kmalloc_store {
	struct store s;
	struct kmalloc km;
	u64 *live; /* objects, by cache: as km.caches */
};

static struct kmalloc_store *to_ks(const struct store *s)
{
	return container_of((struct store *)(unsigned long)s, struct kmalloc_store, s);
}

static u32 nr_caches(const struct kmalloc_store *ks)
{
	return NR_KMALLOC_TYPES * ks->km.nr_classes;
}

/* The first or next one there is. */
static u32 next_cache(const struct kmalloc_store *ks, u32 i)
{
	while (i < nr_caches(ks) && !ks->km.caches[i].cache)
		i++;
	return i;
}

#define for_each_cache(ks, i)                                                                      \
	for (i = next_cache(ks, 0); i < nr_caches(ks); i = next_cache(ks, i + 1))

/* Bytes an object takes. */
static u64 chunk_bytes(const struct slab_cache *cache)
{
	return max(cache->size, cache->objsize);
}

/* ---- Objects ---- */

static unsigned long kmalloc_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct kmalloc_store *ks = to_ks(self);
	gfp_t gfp = store_gfp_slab(flags);
	const struct kmalloc_cache *c = kmalloc_class(&ks->km, size, gfp);
	void *object = c ? slab_alloc(c->cache, gfp) : NULL;

	if (object)
		ks->live[c - ks->km.caches]++;
	return (unsigned long)object;
}

/* The cache, as an index; nr_caches: it is none of the store's. */
static u32 cache_index(const struct kmalloc_store *ks, const struct slab_cache *top)
{
	u32 i = nr_caches(ks);

	if (top->objsize <= ks->km.size_max)
		for (i = ks->km.class_of[DIV_ROUND_UP(top->objsize, 8)]; i < nr_caches(ks);
		     i += ks->km.nr_classes)
			if (ks->km.caches[i].cache == top)
				return i;
	return nr_caches(ks);
}

/* The cache, as an index, of a live object of this size; nr_caches: the handle is that of none. */
static u32 live_cache(const struct kmalloc_store *ks, unsigned long handle, size_t size)
{
	const void *object = (const void *)handle;
	struct slab_cache *cache;
	struct page *page;
	u32 i;

	if (!size || size > ks->s.size_max || !virt_addr_valid(object))
		return nr_caches(ks);
	page = virt_to_head_page(object);
	cache = page->flags & PG_slab ? slab_cache_of(page, object) : NULL;
	if (!cache)
		return nr_caches(ks);
	i = cache_index(ks, cache->top);
	if (i >= nr_caches(ks) || i % ks->km.nr_classes != ks->km.class_of[DIV_ROUND_UP(size, 8)] ||
	    !slab_valid_pointer(cache->top, object) || !slab_in_use(cache->top, object))
		return nr_caches(ks);
	return i;
}

static bool kmalloc_free(struct store *self, unsigned long handle, size_t size)
{
	struct kmalloc_store *ks = to_ks(self);
	u32 i = live_cache(ks, handle, size);

	if (unlikely(i >= nr_caches(ks)))
		return store_bad(self, "invalid_pointer", "free", handle);
	ASSERT(ks->live[i]);
	ks->live[i]--;
	kfree(&ks->km, (void *)handle);
	return true;
}

static int kmalloc_map(const struct store *self, unsigned long handle, size_t size,
		       struct store_span spans[STORE_SPANS_MAX])
{
	const struct kmalloc_store *ks = to_ks(self);

	if (unlikely(live_cache(ks, handle, size) >= nr_caches(ks)))
		return 0;
	spans[0] = (struct store_span){(void *)handle, (u32)size};
	return 1;
}

/* ---- Statistics ---- */

/* The pages common to all caches of a source; NULL: this one's are its own. */
static struct slab_cache *shared_cache(struct slab_cache *cache)
{
	while (cache->base)
		cache = cache->base;
	return cache->shares;
}

static void add_pages(struct slab_cache *cache, struct store_stats *s)
{
	struct slab_counts counts = {0};

	slab_cache_counts(cache, &counts);
	s->pages += counts.total << cache->order;
	s->reserve_pages += (counts.total - counts.active) << cache->order;
}

static void kmalloc_stats(const struct store *self, struct store_stats *s)
{
	const struct kmalloc_store *ks = to_ks(self);
	struct slab_cache *seen[NR_KMALLOC_TYPES] = {NULL};
	u32 i;

	for_each_cache(ks, i)
	{
		struct slab_cache *cache = ks->km.caches[i].cache, *shared = shared_cache(cache);
		u32 type = i / ks->km.nr_classes;

		s->blocks += ks->live[i];
		s->block_bytes += ks->live[i] * chunk_bytes(cache);
		if (!shared)
			add_pages(cache, s);
		for (u32 t = 0; t < NR_KMALLOC_TYPES; t++)
			shared = seen[t] == shared ? NULL : shared;
		if (shared)
			add_pages(seen[type] = shared, s);
	}
	s->free_bytes = store_total_bytes(s) - s->block_bytes;
}

static unsigned int kmalloc_classes(const struct store *self, struct store_class *classes,
				    unsigned int n)
{
	const struct kmalloc_store *ks = to_ks(self);
	unsigned int found = 0;
	u32 i;

	for_each_cache(ks, i)
	{
		struct slab_cache *cache = ks->km.caches[i].cache;
		struct slab_counts counts = {0};

		if (found++ >= n)
			continue;
		slab_cache_counts(cache, &counts);
		classes[found - 1] = (struct store_class){
			.index = i,
			.size = (u32)chunk_bytes(cache),
			.obj_allocated = counts.objs_total,
			.obj_used = ks->live[i],
			.pages_used = counts.total << cache->order,
			.pages_per_zspage = 1U << cache->order,
		};
	}
	return found;
}

/* ---- All objects ---- */

struct search {
	struct kmalloc_store *ks;
	u64 *found; /* objects, by cache */
	bool release;
};

/* Objects in use of a slab page, by cache; they are freed if nobody is to have them any more. */
static void look_at_page(struct page *page, void *arg)
{
	const struct search *s = arg;
	struct kmalloc_store *ks = s->ks;
	u64 bytes = PAGE_SIZE << page->order, step;

	for (u64 offset = 0; offset < bytes && page->flags & PG_slab; offset += step) {
		void *object = (char *)page_name(page) + offset;
		struct slab_cache *cache = slab_cache_of(page, object);
		u32 i = cache ? cache_index(ks, cache->top) : nr_caches(ks);

		step = 8;
		if (i >= nr_caches(ks)) {
			if (!(page->flags & PG_mixed))
				return;
			continue;
		}
		if (!slab_valid_pointer(cache->top, object))
			continue;
		if (!(page->flags & PG_mixed))
			step = cache->size;
		if (!slab_in_use(cache->top, object))
			continue;
		s->found[i]++;
		if (s->release)
			kfree(&ks->km, object);
	}
}

static void kmalloc_check(const struct store *self)
{
	struct kmalloc_store *ks = to_ks(self);
	u64 *found, live = 0;
	u32 i;

	for_each_cache(ks, i)
	{
		slab_cache_check(ks->km.caches[i].cache);
		live += ks->live[i];
	}
	ASSERT((s64)live == self->layer->live_objs);
	if (self->keeps_nothing)
		return;
	found = instance_alloc(nr_caches(ks) * sizeof(*found));
	for_each_slab_page(look_at_page, &(struct search){.ks = ks, .found = found});
	for_each_cache(ks, i) ASSERT(found[i] == ks->live[i]);
	instance_free(found);
}

static void kmalloc_destructor(struct store *self)
{
	struct kmalloc_store *ks = to_ks(self);
	u64 live = 0;
	u32 i;

	for_each_cache(ks, i) live += ks->live[i];
	store_report_leak(self, live);
	if (live && !self->keeps_nothing)
		for_each_slab_page(look_at_page,
				   &(struct search){.ks = ks, .found = ks->live, .release = true});
	kmalloc_destroy(&ks->km);
	instance_free(ks->live);
	store_release(self);
}

static struct allocator_desc kmalloc_store_desc;

/* Also if some caches do: which objects lie in them is known only when they are made. */
static bool kmalloc_keeps_nothing(const struct store_env *env)
{
	const struct slabulator *sl = env->slabs;
	bool nothing = slab_allocator_source(sl->slab)->desc->keeps_nothing;

	for (unsigned int i = 0; i < sl->nr_choices; i++)
		nothing |= slab_allocator_source(sl->choices[i].slab)->desc->keeps_nothing;
	return nothing || env->pages->keeps_nothing;
}

static struct store *kmalloc_create(struct store *base, const struct store_env *env,
				    const void *options, struct err *e)
{
	struct kmalloc_store *ks = instance_alloc(sizeof(*ks));

	(void)base, (void)options, (void)e;
	derive_store(&ks->s, NULL, env, &kmalloc_store_desc);
	kmalloc_init(&ks->km, env->slabs->slab, env->pages, NULL);
	ks->km.own.choices = env->slabs->choices;
	ks->km.own.nr_choices = env->slabs->nr_choices;
	ks->live = instance_alloc(nr_caches(ks) * sizeof(*ks->live));
	ks->s.malloc = kmalloc_malloc;
	ks->s.free = kmalloc_free;
	ks->s.map = kmalloc_map;
	ks->s.stats = kmalloc_stats;
	ks->s.classes = kmalloc_classes;
	ks->s.check = kmalloc_check;
	ks->s.destructor = kmalloc_destructor;
	ks->s.size_max = min((size_t)ks->km.size_max, (size_t)PAGE_SIZE);
	ks->s.keeps_nothing = kmalloc_keeps_nothing(env);
	return &ks->s;
}

static struct allocator_desc kmalloc_store_desc = {
	.name = "kmalloc",
	.kind = ALLOC_STORE,
	.role = ROLE_SOURCE,
	.summary = "slab caches by size class, as for any other object: no pool at all",
	.help = "A kmalloc of its own, over the stack's slabs: each object lies in a slab "
		"of the smallest class that holds it, up to a page. Its slabs are counted "
		"as pages of the store, wholly free ones as its reserve. A handle is an "
		"address: nothing moves.",
	.create_store = kmalloc_create,
};
ALLOCATOR(kmalloc_store_desc)
