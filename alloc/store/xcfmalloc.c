/*
 * xcfmalloc: compressed pages scattered over blocks of different pages.
 *
 * Theory: an object may lie in several blocks (at most max_blocks), so what is free is of use even
 * where no single block is large enough: hardly any external fragmentation, at the price of copying
 * in pieces. A block of an exact size is taken first; then, unless it is the last one that the
 * object may have, the largest smaller one; then the smallest larger one, whose rest stays free. A
 * free block merges with its neighbours in the page. Users have handles, so blocks can move:
 * compaction empties sparse pages (xcfmalloc_compact.c).
 *
 * Each block in use has a descriptor in a slab cache and names it in its header: a handle is proved
 * by going from the descriptor to the block and back. What is written over a header is found when
 * somebody next touches the block or a neighbour. The page is then given up: its objects stay and
 * can be read, what is free in it serves nobody until the last of them has gone
 * (xcfmalloc_check.c).
 *
 * Invariant: pages for contents = reserve + blocks in use + free blocks. Memory is asked for and
 * given back without the pool's lock.
 *
 * Unlike Linux: it never was in it; xcfmalloc v2 was posted in 2011. There, free blocks have
 * descriptors too, and the search for a free block looks at the sizes one by one. What was wrong in
 * it is right here: the last block of an object is never short, blocks of the smallest size serve
 * as smaller ones, a pool remembers its gfp flags and gives everything back, nothing is allocated
 * under the lock, a size of 0 is refused.
 */
#include "alloc/store/xcfmalloc_pool.h"

/* ---- Blocks of objects ---- */

/* A page without blocks, which is on no list: kept, or for the caller to give back. */
static struct page *emptied(struct xcf_pool *x, struct page *page)
{
	if (x->victim == page)
		x->victim = NULL;
	if (x->nr_reserve >= x->reserve_max)
		return page;
	xcf_reserve_add(x, page);
	return NULL;
}

/* Returns a page that is to be given back, or NULL. */
static struct page *free_block(struct xcf_pool *x, const struct xcf_desc *d)
{
	u64 at = xcf_block(d);
	struct page *page = xcf_page(at);

	store_touch(xcf_bytes(at));
	if (unlikely(!page->store_given_up &&
		     !xcf_neighbours_sound(x, at, page->store_blocks == 1))) {
		xcf_recover(x, at);
		ASSERT(page->store_given_up ||
		       xcf_neighbours_sound(x, at, page->store_blocks == 1));
	}
	xcf_account(x, at, d->size, -1);
	if (unlikely(page->store_given_up)) {
		if (page->store_used)
			return NULL;
		xcf_take_back(page);
		return emptied(x, page);
	}
	return xcf_put(x, at) ? emptied(x, page) : NULL;
}

/* All blocks and descriptors from the first on. Under the lock, which is dropped. */
static void release(struct xcf_pool *x, struct xcf_desc *first)
{
	struct page *surplus[STORE_SPANS_MAX];
	struct xcf_desc *d, *next;
	unsigned int nr = 0;

	first->asked = 0;
	for (d = first; d; d = xcf_desc(d->next)) {
		struct page *page;

		store_touch(d);
		page = free_block(x, d);
		if (page)
			surplus[nr++] = page;
		x->nr_descs--;
	}
	spin_unlock(&x->lock);
	while (nr)
		store_page_free(&x->s, surplus[--nr]);
	for (d = first; d; d = next) {
		next = xcf_desc(d->next);
		kmem_cache_free(x->descs, d);
	}
}

/* The lock is dropped meanwhile. */
static bool grow(struct xcf_pool *x, gfp_t flags)
{
	struct page *page;

	spin_unlock(&x->lock);
	note_path(PATH_SLOW);
	page = store_page_alloc(&x->s, flags);
	if (page)
		(void)page_address(page); /* from here on its bytes are written */
	spin_lock(&x->lock);
	if (page)
		xcf_reserve_add(x, page);
	return page;
}

/* A block for up to `left` bytes, and its descriptor; NULL: no memory. */
static struct xcf_desc *get_block(struct xcf_pool *x, u32 left, u32 before, gfp_t flags)
{
	struct xcf_desc *d = store_cache_alloc(x->descs, flags);
	bool last = before + 1 == x->max_blocks;
	u64 at;

	if (unlikely(!d))
		return NULL;
	spin_lock(&x->lock);
	at = xcf_take(x, left, last, virt_to_phys(d));
	if (unlikely(at == XCF_NONE) && grow(x, flags))
		at = xcf_take(x, left, last, virt_to_phys(d));
	if (likely(at != XCF_NONE)) {
		u32 size = xcf_tag(x, at)->size;

		store_touch(xcf_bytes(at));
		*d = (struct xcf_desc){.next = XCF_NONE, .before = before};
		xcf_point(d, at, size);
		d->used = (u16)min(left, size - x->header);
		x->nr_descs++;
	}
	spin_unlock(&x->lock);
	if (likely(at != XCF_NONE))
		return d;
	kmem_cache_free(x->descs, d);
	return NULL;
}

unsigned long xcf_malloc(struct xcf_pool *x, size_t size, gfp_t flags)
{
	struct xcf_desc *first = NULL, *last = NULL;
	u32 left = (u32)size, nr = 0;

	charge(COST_CALL);
	if (unlikely(!size || size > x->s.size_max))
		return 0;
	while (left) {
		struct xcf_desc *d = get_block(x, left, nr, (flags & ~__GFP_MOVABLE) | x->gfp);

		if (unlikely(!d)) {
			if (first) {
				spin_lock(&x->lock);
				release(x, first);
			}
			return 0;
		}
		if (last)
			last->next = virt_to_phys(d);
		else
			first = d;
		last = d;
		left -= d->used;
		nr++;
	}
	ASSERT(nr <= x->max_blocks);
	first->asked = (u16)size;
	x->nr_objs++;
	x->nr_split += nr > 1;
	return (unsigned long)first;
}

/* ---- Handles ---- */

bool xcf_free(struct xcf_pool *x, unsigned long handle, size_t size)
{
	struct xcf_desc *d;

	charge(COST_CALL);
	spin_lock(&x->lock);
	d = xcf_prove(x, handle, size);
	if (unlikely(!d)) {
		spin_unlock(&x->lock);
		return store_bad(&x->s, xcf_kind_of_bad(x, handle, true), "free", handle);
	}
	x->nr_objs--;
	release(x, d);
	return true;
}

/* The lock keeps compaction away. */
static bool copy(struct xcf_pool *x, unsigned long handle, char *buf, size_t size, bool writes)
{
	struct xcf_desc *d;

	charge(COST_CALL);
	spin_lock(&x->lock);
	d = xcf_prove(x, handle, size);
	for (struct xcf_desc *piece = d; piece; piece = xcf_desc(piece->next)) {
		u64 at = xcf_block(piece);
		char *contents = xcf_bytes(at) + x->header;

		charge(COST_LIST_STEP);
		charge_bytes(piece->used);
		if (writes)
			memcpy(contents, buf, piece->used);
		else
			memcpy(buf, contents, piece->used);
		buf += piece->used;
	}
	spin_unlock(&x->lock);
	if (likely(d))
		return true;
	return store_bad(&x->s, xcf_kind_of_bad(x, handle, false), writes ? "write" : "read",
			 handle);
}

bool xcf_write(struct xcf_pool *x, unsigned long handle, const void *buf, size_t size)
{
	return copy(x, handle, (char *)(unsigned long)buf, size, true);
}

bool xcf_read(struct xcf_pool *x, unsigned long handle, void *buf, size_t size)
{
	return copy(x, handle, buf, size, false);
}

size_t xcf_get_alloc_size(const struct xcf_pool *x, unsigned long handle)
{
	bool damaged;
	const struct xcf_desc *d = xcf_find(x, handle, 0, &damaged);

	return d ? d->asked : 0;
}

u64 xcf_get_total_size_bytes(const struct xcf_pool *x)
{
	return (x->s.nr_pages - x->nr_reserve) << PAGE_SHIFT;
}

u64 xcf_get_desc_count(const struct xcf_pool *x)
{
	return x->nr_descs;
}

u64 xcf_compact(struct xcf_pool *x, u64 goal)
{
	struct store_compact c = {.goal_pages = goal, .bytes_max = UINT64_MAX};

	xcf_compact_run(&x->s, &c);
	return c.freed_pages;
}

/* ---- Methods ---- */

static unsigned long xcf_store_malloc(struct store *self, size_t size, gfp_t flags)
{
	return xcf_malloc(to_xcf(self), size, flags);
}

static bool xcf_store_free(struct store *self, unsigned long handle, size_t size)
{
	return xcf_free(to_xcf(self), handle, size);
}

static bool xcf_store_write(struct store *self, unsigned long handle, const void *buf, size_t size)
{
	return xcf_write(to_xcf(self), handle, buf, size);
}

static bool xcf_store_read(struct store *self, unsigned long handle, void *buf, size_t size)
{
	return xcf_read(to_xcf(self), handle, buf, size);
}

static int xcf_map(const struct store *self, unsigned long handle, size_t size,
		   struct store_span spans[STORE_SPANS_MAX])
{
	const struct xcf_pool *x = to_xcf(self);
	bool damaged;
	const struct xcf_desc *d = size ? xcf_find(x, handle, size, &damaged) : NULL;
	int n = 0;

	for (; d; d = xcf_desc(d->next))
		spans[n++] = (struct store_span){xcf_bytes(xcf_block(d)) + x->header, d->used};
	return n;
}

static void xcf_stats(const struct store *self, struct store_stats *s)
{
	const struct xcf_pool *x = to_xcf(self);

	s->reserve_pages = x->nr_reserve;
	store_cache_stats(x->descs, x->nr_descs, s);
	s->header_bytes = x->nr_blocks * x->header;
	s->blocks = x->nr_blocks;
	s->block_bytes = x->used_units << x->shift;
	s->free_bytes = xcf_get_total_size_bytes(x) - s->block_bytes;
	s->freeable_pages = s->free_bytes >> PAGE_SHIFT; /* if all moves into room that fits */
	s->nr_split = x->nr_split;
}

/* One a size of blocks: those in use and those on the free list. */
static unsigned int xcf_classes(const struct store *self, struct store_class *classes,
				unsigned int n)
{
	const struct xcf_pool *x = to_xcf(self);

	for (u32 i = 0; i < min(n, x->units); i++)
		classes[i] = (struct store_class){
			.index = i,
			.size = (i + 1) << x->shift,
			.obj_allocated = x->nr_used[i + 1] + x->nr_free[i + 1],
			.obj_used = x->nr_used[i + 1],
			.pages_used = i + 1 == x->units ? x->nr_used[i + 1] + x->nr_reserve : 0,
			.pages_per_zspage = 1,
		};
	return x->units;
}

/* ---- Life ---- */

/* Descriptors of blocks in the page. In a damaged one, headers are looked for everywhere. */
static void free_descs_of(struct xcf_pool *x, const struct page *page)
{
	u64 at = xcf_page_at(page), end = at + PAGE_SIZE;
	bool sound = xcf_page_sound(x, page);

	for (; at < end; at += sound ? xcf_tag(x, at)->size : x->unit) {
		u64 owner = xcf_owner(x, at);

		if (!xcf_is_desc(x, owner) || xcf_block(xcf_desc(owner)) != at ||
		    !store_cache_holds(x->descs, (unsigned long)xcf_desc(owner)))
			continue;
		kmem_cache_free(x->descs, xcf_desc(owner));
	}
}

static void give_pages_back(struct xcf_pool *x, struct list_head *pages, bool reserve)
{
	while (!list_empty(pages)) {
		struct page *page = list_first_entry(pages, struct page, lru);

		list_del(&page->lru);
		if (!reserve)
			free_descs_of(x, page);
		store_page_free(&x->s, page);
	}
}

static void xcf_destructor(struct store *self)
{
	struct xcf_pool *x = to_xcf(self);

	store_report_leak(self, x->nr_objs);
	for (u32 i = 0; i <= x->units; i++)
		give_pages_back(x, &x->buckets[i], false);
	give_pages_back(x, &x->given_up, false);
	give_pages_back(x, &x->reserve, true);
	store_release(self);
}

static const char *const geometry_names[] = {"64", "32", NULL};
static const char *const victims_names[] = {"emptiest", "fewest", "oldest", NULL};

static const struct opt_desc xcf_opts[] = {
	OPT_ENUM("geometry", struct xcf_options, geometry, "64", geometry_names,
		 "64: headers of 16 bytes, descriptors of 32; 32: of 12 and 24"),
	OPT_U64("block_shift", struct xcf_options, block_shift, "6", XCF_SHIFT_MIN, 9,
		"sizes of blocks are multiples of two to this power"),
	OPT_U64("reserve", struct xcf_options, reserve, "32", 0, 1 << 20,
		"wholly free pages that are kept"),
	OPT_U64("max_blocks", struct xcf_options, max_blocks, "2", 1, STORE_SPANS_MAX,
		"blocks that an object may lie in"),
	OPT_ENUM("victims", struct xcf_options, victims, "emptiest", victims_names,
		 "pages that compaction empties first: with fewest bytes, fewest blocks, oldest"),
	OPT_U64("tries", struct xcf_options, tries, "256", 1, 1 << 30,
		"pages in a row that compaction fails to empty before it gives up"),
	OPT_FLAGS("gfp", struct xcf_options, gfp, "", gfp_flag_names, gfp_flag_values,
		  "flags added to those of every request for memory"),
	OPT_END};

static struct allocator_desc xcf_store_desc;

static void pool_init(struct xcf_pool *x, const struct xcf_options *o, gfp_t gfp)
{
	x->header = o->geometry == XCF_32BIT ? 12 : 16;
	x->shift = (u32)o->block_shift;
	x->unit = 1U << x->shift;
	x->units = (u32)(PAGE_SIZE >> x->shift);
	x->max_blocks = (u32)o->max_blocks;
	x->reserve_max = o->reserve;
	x->victims = (enum xcf_victims)o->victims;
	x->tries = o->tries;
	x->gfp = (gfp_t)o->gfp | gfp;
	x->s.size_max = PAGE_SIZE - x->header;
	for (u32 i = 0; i <= x->units; i++)
		INIT_LIST_HEAD(&x->buckets[i]);
	INIT_LIST_HEAD(&x->reserve);
	INIT_LIST_HEAD(&x->given_up);
	xcf_lists_clear(x);
	spin_lock_init(&x->lock, "xcf_pool");
}

static void set_methods(struct store *s)
{
	s->malloc = xcf_store_malloc;
	s->free = xcf_store_free;
	s->write = xcf_store_write;
	s->read = xcf_store_read;
	s->map = xcf_map;
	s->compact = xcf_compact_run;
	s->stats = xcf_stats;
	s->classes = xcf_classes;
	s->check = xcf_check;
	s->destructor = xcf_destructor;
}

struct xcf_pool *xcf_create_pool(const struct store_env *env, const struct xcf_options *options,
				 gfp_t gfp, struct err *e)
{
	struct xcf_options o;
	struct xcf_pool *x;

	options_default(xcf_opts, &o);
	if (options)
		o = *options;
	if (o.geometry == XCF_32BIT && kernel->max_pfn > 1UL << 23) {
		err_set(e, "geometry=32: its headers reach 32GiB of memory");
		return NULL;
	}
	x = instance_alloc(sizeof(*x));
	derive_store(&x->s, NULL, env, &xcf_store_desc);
	set_methods(&x->s);
	pool_init(x, &o, gfp);
	x->descs = store_cache_create(&x->s, "xcf_desc", o.geometry == XCF_32BIT ? 24 : 32, e);
	if (x->descs && !slab_check_keeps(x->descs->cache->slab_alloc, env->pages,
					  "blocks name their descriptors", e))
		return x;
	store_release(&x->s);
	return NULL;
}

void xcf_destroy_pool(struct xcf_pool *x)
{
	if (x)
		store_put(&x->s);
}

struct store *xcf_store(struct xcf_pool *x)
{
	return &x->s;
}

static struct store *xcf_create(struct store *base, const struct store_env *env,
				const void *options, struct err *e)
{
	struct xcf_pool *x = xcf_create_pool(env, options, 0, e);

	(void)base;
	return x ? &x->s : NULL;
}

static struct allocator_desc xcf_store_desc = {
	.name = "xcfmalloc",
	.kind = ALLOC_STORE,
	.role = ROLE_SOURCE,
	.summary = "scatters objects over blocks of different pages; blocks can move",
	.help = "xcfmalloc v2 (2011) with compaction. An object lies in up to max_blocks blocks, "
		"each with a header in its page and a descriptor in a slab cache. geometry=32 is "
		"the build that the figures published with it were measured on.",
	.options = xcf_opts,
	.options_size = sizeof(struct xcf_options),
	.create_store = xcf_create,
};
ALLOCATOR(xcf_store_desc)
