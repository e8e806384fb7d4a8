/*
 * zsmalloc: size classes 16 bytes apart, in zspages of a few single pages (mm/zsmalloc.c, 6.1).
 *
 * Theory: compressed pages are of any size up to a page, and of all sizes equally often. Classes of
 * 16 bytes keep what rounding loses small, and zspages what is left at their ends
 * (zsmalloc_class.c); objects stay in one piece, but may lie across two pages, and are then copied
 * through a buffer of the CPU. What is lost is room in zspages that are not full, of each class:
 * frees at random leave much of it, and compaction moves objects of one class together
 * (zsmalloc_compact.c). So that they can move, users have a handle: the address of a word that
 * holds the object's place, and the object's first word holds the handle.
 *
 * Both lead to each other, and that is what proves a handle: the word it names must lead to an
 * object of the right class whose head names the handle. What users write never lies where a head
 * does, so no contents can pass for one.
 *
 * Invariant: *handle is the object's place, and its head is handle | OBJ_ALLOCATED_TAG, exactly
 * while it lives. Of all classes, the zspages' pages are the store's pages.
 *
 * Unlike Linux: pages are freed at once, for nobody else ever holds a page's lock (there, a worker
 * frees the rest); nobody waits for a zspage's lock, which is held while contents are read or
 * written, though its time is charged; compaction does not stop when others want the pool's lock;
 * page migration leaves zspages alone, and the shrinker is not called: store_compact is who asks.
 * Head and descriptor of a huge object share one word, where Linux has page->index.
 */
#include "alloc/store/zsmalloc.h"

/* ---- Handles ---- */

/* False: the handle is none of a live object of this size. Takes no time. */
static bool find_object(const struct zs_pool *pool, unsigned long handle, size_t size,
			struct zs_place *at)
{
	const struct zs_class *class;
	unsigned long pfn;
	u64 obj;

	if (handle % ZS_HANDLE_SIZE || !virt_addr_valid((const void *)handle) || !size ||
	    size > ZS_MAX_ALLOC_SIZE)
		return false;
	class = zs_class_for(pool, size);
	obj = *(const u64 *)handle;
	pfn = obj >> OBJ_TAG_BITS >> OBJ_INDEX_BITS;
	if (obj & OBJ_ALLOCATED_TAG || !pfn_valid(pfn))
		return false;
	at->page = pfn_to_page(pfn);
	at->idx = obj >> OBJ_TAG_BITS & OBJ_INDEX_MASK;
	at->offset = at->idx * class->size & (PAGE_SIZE - 1);
	/* The host fetches the head while it looks at page and zspage. */
	__builtin_prefetch((char *)page_name(at->page) + at->offset);
	if (!(at->page->flags & PG_store) || at->page->mapping != &pool->s)
		return false;
	at->zspage = page_zspage(at->page);
	if (class != zspage_class(pool, at->zspage) || at->idx >= class->objs_per_zspage ||
	    at->idx * class->size >> PAGE_SHIFT != at->page->store_nr)
		return false;
	return *zs_head(at) == (handle | OBJ_ALLOCATED_TAG);
}

/* The same, and the zspage's line comes here. */
static bool look_up(const struct zs_pool *pool, unsigned long handle, size_t size,
		    struct zs_place *at)
{
	if (unlikely(!find_object(pool, handle, size, at)))
		return false;
	zspage_touch(at->zspage);
	return true;
}

/* All the bytes that are the user's. */
static int spans_of(const struct zs_class *class, const struct zs_place *at,
		    struct store_span spans[2])
{
	u32 head = at->zspage->huge ? 0 : ZS_HANDLE_SIZE, len = class->size - head;
	u32 here = min(len, (u32)PAGE_SIZE - at->offset - head);

	spans[0] = (struct store_span){(char *)page_address(at->page) + at->offset + head, here};
	if (here == len)
		return 1;
	spans[1] = (struct store_span){page_address(next_page(at->page)), len - here};
	return 2;
}

static int zs_map(const struct store *self, unsigned long handle, size_t size,
		  struct store_span spans[STORE_SPANS_MAX])
{
	const struct zs_pool *pool = to_zs_pool(self);
	struct zs_place at;

	if (!find_object(pool, handle, size, &at))
		return 0;
	return spans_of(zspage_class(pool, at.zspage), &at, spans);
}

/* ---- Objects ---- */

/* The fullest group that has one; NULL: no room in the class. */
static struct zspage *find_zspage(struct zs_pool *pool, struct zs_class *class)
{
	store_search(&pool->s);
	for (int group = ZS_ALMOST_FULL; group >= ZS_EMPTY; group--) {
		struct list_head *list = &class->fullness_list[group];

		store_search_steps(&pool->s, 1);
		if (!list_empty(list))
			return list_first_entry(list, struct zspage, list);
	}
	return NULL;
}

static void new_object(struct zs_pool *pool, struct zs_class *class, struct zspage *zspage,
		       unsigned long handle)
{
	struct zs_place at;

	zspage_touch(zspage);
	at = zs_obj_take(pool, zspage, handle);
	zs_record(handle, &at);
	class->obj_used++;
	pool->nr_split += zs_spans(class, &at);
}

static unsigned long zs_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct zs_pool *pool = to_zs_pool(self);
	struct zs_class *class = zs_class_for(pool, size);
	unsigned long handle = (unsigned long)store_cache_alloc(pool->handle_cache, flags);
	struct zspage *zspage;

	charge(COST_CALL);
	if (!handle)
		return 0;
	spin_lock(&pool->lock);
	zspage = find_zspage(pool, class);
	if (likely(zspage)) {
		new_object(pool, class, zspage, handle);
		zspage_fix_group(class, zspage);
		spin_unlock(&pool->lock);
		return handle;
	}
	spin_unlock(&pool->lock);
	zspage = zspage_create(pool, class, flags);
	if (!zspage) {
		kmem_cache_free(pool->handle_cache, (void *)handle);
		return 0;
	}
	spin_lock(&pool->lock);
	new_object(pool, class, zspage, handle);
	zspage_insert(class, zspage);
	class->obj_allocated += class->objs_per_zspage;
	pool->nr_zspages++;
	charge(COST_ATOMIC); /* pages_allocated */
	spin_unlock(&pool->lock);
	return handle;
}

static bool zs_free(struct store *self, unsigned long handle, size_t size)
{
	struct zs_pool *pool = to_zs_pool(self);
	struct zs_class *class;
	struct zs_place at;

	charge(COST_CALL);
	spin_lock(&pool->lock);
	if (unlikely(!look_up(pool, handle, size, &at))) {
		spin_unlock(&pool->lock);
		return store_bad(self, "invalid_pointer", "free", handle);
	}
	class = zspage_class(pool, at.zspage);
	store_touch((const void *)handle);
	zs_obj_put(pool, &at);
	class->obj_used--;
	if (zspage_fix_group(class, at.zspage) == ZS_EMPTY) {
		zspage_remove(class, at.zspage);
		zspage_free(pool, class, at.zspage);
	}
	spin_unlock(&pool->lock);
	kmem_cache_free(pool->handle_cache, (void *)handle);
	return true;
}

/* ---- Contents ---- */

/*
 * zs_map_object() to zs_unmap_object(), with the time that copying `size` bytes takes. The number
 * of spans; 0: the handle is none.
 */
static int map_object(struct zs_pool *pool, unsigned long handle, size_t size,
		      struct store_span spans[2])
{
	struct zs_place at;
	bool found;
	int n;

	charge(COST_CALL);
	spin_lock(&pool->lock);
	found = look_up(pool, handle, size, &at);
	if (likely(found))
		charge_n(COST_ATOMIC, 2); /* the zspage's lock */
	spin_unlock(&pool->lock);
	if (unlikely(!found))
		return 0;
	n = spans_of(zspage_class(pool, at.zspage), &at, spans);
	charge_bytes(size);
	if (n == 2)
		charge_bytes(size); /* through the CPU's buffer */
	return n;
}

static bool zs_write(struct store *self, unsigned long handle, const void *buf, size_t size)
{
	struct store_span spans[2];
	int n = map_object(to_zs_pool(self), handle, size, spans);

	if (unlikely(!n))
		return store_bad(self, "invalid_pointer", "write", handle);
	store_spans_write(spans, n, buf, size);
	return true;
}

static bool zs_read(struct store *self, unsigned long handle, void *buf, size_t size)
{
	struct store_span spans[2];
	int n = map_object(to_zs_pool(self), handle, size, spans);

	if (unlikely(!n))
		return store_bad(self, "invalid_pointer", "read", handle);
	store_spans_read(spans, n, buf, size);
	return true;
}

/* ---- Statistics ---- */

static u64 live_objects(const struct zs_pool *pool)
{
	const struct zs_class *class;
	u64 nr = 0;

	for_each_zs_class(pool, class) nr += class->obj_used;
	return nr;
}

static void zs_stats(const struct store *self, struct store_stats *s)
{
	struct zs_pool *pool = to_zs_pool(self);
	u64 nr = live_objects(pool);
	const struct zs_class *class;

	store_cache_stats(pool->handle_cache, nr, s);
	store_cache_stats(pool->zspage_cache, pool->nr_zspages, s);
	for_each_zs_class(pool, class)
	{
		s->header_bytes += zs_is_huge(class) ? 0 : class->obj_used * ZS_HANDLE_SIZE;
		s->block_bytes += class->obj_used * class->size;
		s->freeable_pages += zs_can_compact(class);
	}
	s->blocks = nr + pool->nr_spanning;
	s->free_bytes = (self->nr_pages << PAGE_SHIFT) - s->block_bytes;
	s->nr_split = pool->nr_split;
}

static unsigned int zs_classes(const struct store *self, struct store_class *classes,
			       unsigned int n)
{
	struct zs_pool *pool = to_zs_pool(self);
	const struct zs_class *class;
	unsigned int nr = 0;

	for_each_zs_class(pool, class)
	{
		if (nr++ >= n)
			continue;
		classes[nr - 1] = (struct store_class){
			.index = class->index,
			.size = class->size,
			.almost_full = class->nr_zspages[ZS_ALMOST_FULL],
			.almost_empty = class->nr_zspages[ZS_ALMOST_EMPTY],
			.obj_allocated = class->obj_allocated,
			.obj_used = class->obj_used,
			.pages_used = class->obj_allocated / class->objs_per_zspage *
				      class->pages_per_zspage,
			.pages_per_zspage = class->pages_per_zspage,
			.freeable = zs_can_compact(class),
		};
	}
	return nr;
}

/* ---- The store ---- */

/* A zspage with all that lives in it. */
static void drop_zspage(struct zs_pool *pool, struct zs_class *class, struct zspage *zspage)
{
	for (u32 idx = 0; idx < class->objs_per_zspage; idx++) {
		struct zs_place at = zs_place_of(class, zspage, idx);
		u64 head = *zs_head(&at);

		if (!(head & OBJ_ALLOCATED_TAG))
			continue;
		zs_obj_put(pool, &at);
		class->obj_used--;
		kmem_cache_free(pool->handle_cache, (void *)(head & ~(u64)OBJ_ALLOCATED_TAG));
	}
	zspage_remove(class, zspage);
	zspage_free(pool, class, zspage);
}

static void zs_destructor(struct store *self)
{
	struct zs_pool *pool = to_zs_pool(self);
	struct zs_class *class;

	store_report_leak(self, live_objects(pool));
	for_each_zs_class(pool, class)
	{
		for (int group = 0; group < NR_ZS_FULLNESS; group++) {
			struct list_head *list = &class->fullness_list[group];

			while (!list_empty(list))
				drop_zspage(pool, class,
					    list_first_entry(list, struct zspage, list));
		}
	}
	store_release(self);
}

/* -1: refused, with e set. */
static int make_caches(struct zs_pool *pool, struct err *e)
{
	pool->handle_cache = store_cache_create(&pool->s, "zs_handle", ZS_HANDLE_SIZE, e);
	if (!pool->handle_cache)
		return -1;
	pool->zspage_cache = store_cache_create(&pool->s, "zspage", sizeof(struct zspage), e);
	if (!pool->zspage_cache)
		return -1;
	if (slab_check_keeps(pool->handle_cache->cache->slab_alloc, pool->s.env.pages,
			     "handles name objects", e))
		return -1;
	return slab_check_keeps(pool->zspage_cache->cache->slab_alloc, NULL,
				"zspages have descriptors", e);
}

static struct allocator_desc zsmalloc_desc;

static struct store *zsmalloc_create(struct store *base, const struct store_env *env,
				     const void *options, struct err *e)
{
	const struct zsmalloc_options *o = options;
	struct zs_pool *pool = instance_alloc(sizeof(*pool));

	(void)base;
	derive_store(&pool->s, NULL, env, &zsmalloc_desc);
	pool->s.malloc = zs_malloc;
	pool->s.free = zs_free;
	pool->s.write = zs_write;
	pool->s.read = zs_read;
	pool->s.map = zs_map;
	pool->s.compact = zs_compact;
	pool->s.stats = zs_stats;
	pool->s.classes = zs_classes;
	pool->s.check = zs_check;
	pool->s.destructor = zs_destructor;
	pool->s.size_max = ZS_MAX_ALLOC_SIZE;
	spin_lock_init(&pool->lock, "zsmalloc pool->lock");
	zs_classes_init(pool, (u32)o->chain);
	if (!make_caches(pool, e))
		return &pool->s;
	store_release(&pool->s);
	return NULL;
}

static const struct opt_desc zsmalloc_opts[] = {
	OPT_U64("chain", struct zsmalloc_options, chain, "4", 1, ZS_CHAIN_MAX,
		"pages of the longest zspage (ZS_MAX_PAGES_PER_ZSPAGE)"),
	OPT_END,
};

static struct allocator_desc zsmalloc_desc = {
	.name = "zsmalloc",
	.kind = ALLOC_STORE,
	.role = ROLE_SOURCE,
	.summary = "size classes 16 bytes apart in zspages of a few single pages (zsmalloc of 6.1)",
	.help = "A zspage is 1 to `chain` pages, as many as waste least; objects may lie "
		"across two of them. Each object has a word of 8 bytes before it and a "
		"handle in cache zs_handle, each zspage a descriptor of 56 bytes in cache "
		"zspage. Compaction moves objects of a class together until no zspage can "
		"be gained. One lock a pool, as in 6.1.192 (a backport: 6.1 itself had one a "
		"class, and migrate_lock).",
	.options = zsmalloc_opts,
	.options_size = sizeof(struct zsmalloc_options),
	.create_store = zsmalloc_create,
};
ALLOCATOR(zsmalloc_desc)
