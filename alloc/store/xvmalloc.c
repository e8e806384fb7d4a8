/*
 * xvmalloc: two-level segregated fit inside of pages (drivers/staging/zram/xvmalloc.c, Linux 2.6.33
 * to 3.2).
 *
 * Theory: a page is cut into blocks without a gap; a block begins with four bytes, its size and
 * where the block before it begins, with a flag that it is free and one that the block before it
 * is. So both neighbours of a block are known, and a free one never touches another. Free blocks of
 * all pages of the pool are on lists, one for each 8 bytes of size; a block on a list holds the
 * list's links itself. Bits say which lists have blocks, and a bit for each word of those which
 * words have some, so a request finds the smallest list that will do in at most three looks, takes
 * its first block, whatever page it lies in, and leaves what it does not need as another block. A
 * free melts with its neighbours; a page that is one free block goes back. A list holds blocks of
 * two lengths, and a request looks at none: it begins where the shorter ones will do, so it passes
 * over a block that fits exactly if its length is no multiple of 8.
 *
 * Objects take 4 bytes each and 4 bytes of rounding at most. But a block cannot be larger than what
 * is left in a page: objects from 2041 bytes on have a page each. An object's handle is its
 * address: nothing can move, so there is no compaction.
 *
 * Which handles are those of live objects is a bit each in a map beside the page, which is the
 * simulator's and costs nothing: what a header seems to be may be somebody's contents.
 *
 * Invariant: the blocks of a page fill it, no two free ones in a row. A free block of at least
 * XV_MIN_ALLOC_SIZE is on the list of its size, a smaller one on none. A bit is set exactly if its
 * list, or its word, is not empty. In the map are the objects in use and nothing else.
 *
 * Unlike Linux: links are addresses, not pages and offsets. Objects of 4089 to 4092 bytes are
 * stored; there they look for a list that does not exist, are refused, and each leaves an empty
 * page behind.
 */
#include "alloc/store/xvmalloc.h"

#include "alloc/layer.h"

#define MAPS_AT_ONCE 64

struct xv_maps {
	struct xv_maps *next;
	struct xv_map maps[MAPS_AT_ONCE];
};

/* What stands before `next` is the free, or used, block b. */
static void set_before(struct xv_block *next, const struct xv_block *b, bool is_free)
{
	if (next)
		next->prev =
			(u16)((next->prev & BLOCK_FREE) | offset_of(b) | (is_free ? PREV_FREE : 0));
}

/* ---- Lists of free blocks ---- */

/* The list whose blocks are all as large, or larger; NUM_FREE_LISTS: there can be none. */
static u32 index_for(u32 size)
{
	return DIV_ROUND_UP(max(size, XV_MIN_ALLOC_SIZE) - XV_MIN_ALLOC_SIZE, FL_DELTA);
}

static void insert_block(struct xv_pool *p, struct xv_block *b)
{
	u32 i = index_of(b->size);
	struct xv_block *first = p->lists[i].first;

	charge(COST_LIST_STEP);
	b->prev_free = NULL;
	b->next_free = first;
	p->lists[i].first = b;
	p->lists[i].nr++;
	if (first) {
		ASSERT(!first->prev_free);
		first->prev_free = b;
		return;
	}
	bit_set(p->slbitmap, i);
	bit_set(&p->flbitmap, i / BITS_PER_WORD);
}

static void remove_block(struct xv_pool *p, struct xv_block *b)
{
	struct xv_block *next = b->next_free, *prev = b->prev_free;
	u32 i = index_of(b->size);

	charge(COST_LIST_STEP);
	ASSERT(b->prev & BLOCK_FREE && p->lists[i].nr);
	ASSERT(prev ? prev->next_free == b : p->lists[i].first == b);
	p->lists[i].nr--;
	if (next)
		next->prev_free = prev;
	if (prev)
		prev->next_free = next;
	else
		p->lists[i].first = next;
	if (p->lists[i].nr)
		return;
	bit_clear(p->slbitmap, i);
	if (!p->slbitmap[i / BITS_PER_WORD])
		bit_clear(&p->flbitmap, i / BITS_PER_WORD);
}

static void insert_if_listed(struct xv_pool *p, struct xv_block *b)
{
	if (b->size >= XV_MIN_ALLOC_SIZE)
		insert_block(p, b);
}

static void remove_if_listed(struct xv_pool *p, struct xv_block *b)
{
	if (b->size >= XV_MIN_ALLOC_SIZE)
		remove_block(p, b);
}

/* The first block of the smallest list with one that is large enough. */
static struct xv_block *find_block(struct xv_pool *p, u32 size)
{
	u32 i = index_for(size), word = i / BITS_PER_WORD;
	u64 bits;

	store_search(&p->s);
	if (i >= NUM_FREE_LISTS)
		return NULL;
	store_search_steps(&p->s, 1);
	bits = p->slbitmap[word] >> (i % BITS_PER_WORD);
	if (bits)
		return p->lists[i + bit_lowest(bits)].first;
	store_search_steps(&p->s, 1);
	bits = word + 1 < BITS_PER_WORD ? p->flbitmap >> (word + 1) : 0;
	if (!bits)
		return NULL;
	store_search_steps(&p->s, 1);
	word += 1 + bit_lowest(bits);
	return p->lists[word * BITS_PER_WORD + bit_lowest(p->slbitmap[word])].first;
}

/* ---- Pages ---- */

static struct xv_map *get_map(struct xv_pool *p)
{
	struct xv_map *map = p->spare;

	if (!map) {
		struct xv_maps *more = instance_alloc(sizeof(*more));

		more->next = p->all_maps;
		p->all_maps = more;
		for (int i = 0; i < MAPS_AT_ONCE; i++) {
			more->maps[i].next_spare = map;
			map = &more->maps[i];
		}
	}
	p->spare = map->next_spare;
	*map = (struct xv_map){.live = {0}};
	return map;
}

/* The page joins the pool, as one free block that is on no list. */
static struct xv_block *add_page(struct xv_pool *p, struct page *page)
{
	struct xv_block *b = page_address(page);

	note_path(PATH_NEW_SLAB);
	page->store_private = (unsigned long)get_map(p);
	list_add_tail(&page->lru, &p->pages);
	b->size = XV_MAX_ALLOC_SIZE;
	b->prev = BLOCK_FREE;
	return b;
}

/* It is for the caller to give back, who holds no lock then. */
static struct page *remove_page(struct xv_pool *p, struct page *page)
{
	struct xv_map *map = map_of(page);

	map->next_spare = p->spare;
	p->spare = map;
	list_del(&page->lru);
	return page;
}

/* ---- Objects ---- */

/* Cuts what is not needed off the free block, which is on no list. */
static void take_block(struct xv_pool *p, struct xv_block *b, u32 size)
{
	u32 need = ALIGN(size, XV_ALIGN), spare = b->size - need;
	struct xv_block *next = block_next(b);

	ASSERT(b->size >= need && !(b->prev & PREV_FREE));
	b->prev &= (u16)~BLOCK_FREE;
	b->size = (u16)size;
	if (spare) {
		struct xv_block *rest = block_next(b);

		charge(COST_LIST_STEP);
		rest->size = (u16)(spare - XV_ALIGN);
		rest->prev = (u16)(offset_of(b) | BLOCK_FREE);
		set_before(next, rest, true);
		insert_if_listed(p, rest);
	} else {
		set_before(next, b, false);
	}
	bit_set(map_of(virt_to_page(b))->live, unit_of(object_of(b)));
	p->nr_live++;
	p->live_bytes += block_bytes(b);
}

static unsigned long xv_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct xv_pool *p = to_xv(self);
	struct xv_block *b;

	charge(COST_CALL);
	spin_lock(&p->lock);
	b = find_block(p, ALIGN((u32)size, XV_ALIGN));
	if (b) {
		remove_block(p, b);
	} else {
		struct page *page;

		spin_unlock(&p->lock);
		page = store_page_alloc(self, flags & ~__GFP_MOVABLE);
		if (!page)
			return 0;
		spin_lock(&p->lock);
		b = add_page(p, page);
	}
	store_touch(b);
	take_block(p, b, (u32)size);
	spin_unlock(&p->lock);
	return (unsigned long)object_of(b);
}

/* The block of a live object of this size; NULL: the handle is that of none. */
static struct xv_block *live_block(const struct xv_pool *p, unsigned long handle, size_t size)
{
	const struct page *page = store_page_of(&p->s, handle);
	struct xv_block *b = (struct xv_block *)(handle - XV_ALIGN);

	if (!page || handle % XV_ALIGN || !bit_test(map_of(page)->live, unit_of((void *)handle)))
		return NULL;
	return b->size == size ? b : NULL;
}

/* Its header, and those of its neighbours, say the same. */
static bool is_sound(const struct xv_block *b)
{
	u32 at = offset_of(b), end = at + block_bytes(b);
	const struct xv_block *before = block_at(b, prev_offset(b));

	if (b->prev & BLOCK_FREE || end > PAGE_SIZE || (at && prev_offset(b) >= at))
		return false;
	if (at && prev_offset(b) + block_bytes(before) != at)
		return false;
	if (at && !!(b->prev & PREV_FREE) != !!(before->prev & BLOCK_FREE))
		return false;
	return end == PAGE_SIZE || prev_offset(block_at(b, end)) == at;
}

/* Of a handle that is none; headers may be overwritten. */
static const char *kind_of_bad(const struct xv_pool *p, unsigned long handle)
{
	u32 at = (u32)(virt_to_phys((void *)handle) % PAGE_SIZE);
	const struct xv_block *b;

	if (!store_page_of(&p->s, handle) || handle % XV_ALIGN)
		return "invalid_pointer";
	for (u32 begin = 0; begin < PAGE_SIZE; begin += block_bytes(b)) {
		b = block_at((void *)handle, begin);
		if (at - begin < block_bytes(b))
			return b->prev & BLOCK_FREE ? "double_free" : "invalid_pointer";
	}
	return "invalid_pointer";
}

static bool overwritten(struct store *self, unsigned long handle)
{
	self->nr_bad++;
	report_event("redzone", "%s: free of handle 0x%llx: headers of its page were overwritten",
		     self->name, handle_name(handle));
	return false;
}

/* Melts a block that is in use no more with its free neighbours. */
static struct xv_block *melt(struct xv_pool *p, struct xv_block *b)
{
	struct xv_block *next = block_next(b), *before;

	b->size = (u16)ALIGN((u32)b->size, XV_ALIGN);
	if (next && next->prev & BLOCK_FREE) {
		charge(COST_LIST_STEP);
		remove_if_listed(p, next);
		b->size = (u16)(b->size + block_bytes(next));
	}
	if (b->prev & PREV_FREE) {
		charge(COST_LIST_STEP);
		before = block_at(b, prev_offset(b));
		remove_if_listed(p, before);
		before->size = (u16)(before->size + block_bytes(b));
		b = before;
	}
	b->prev |= BLOCK_FREE;
	ASSERT(!(b->prev & PREV_FREE));
	return b;
}

/* True: the page is one free block. */
static bool free_block(struct xv_pool *p, struct xv_block *b)
{
	p->nr_live--;
	p->live_bytes -= block_bytes(b);
	bit_clear(map_of(virt_to_page(b))->live, unit_of(object_of(b)));
	b = melt(p, b);
	if (b->size == XV_MAX_ALLOC_SIZE)
		return true;
	insert_if_listed(p, b);
	set_before(block_next(b), b, true);
	return false;
}

static bool xv_free(struct store *self, unsigned long handle, size_t size)
{
	struct xv_pool *p = to_xv(self);
	struct xv_block *b;
	struct page *emptied;

	charge(COST_CALL);
	spin_lock(&p->lock);
	b = live_block(p, handle, size);
	if (unlikely(!b || !is_sound(b))) {
		spin_unlock(&p->lock);
		return b ? overwritten(self, handle)
			 : store_bad(self, kind_of_bad(p, handle), "free", handle);
	}
	store_touch(b);
	emptied = free_block(p, b) ? remove_page(p, virt_to_page(b)) : NULL;
	spin_unlock(&p->lock);
	if (emptied)
		store_page_free(self, emptied);
	return true;
}

static int xv_map(const struct store *self, unsigned long handle, size_t size,
		  struct store_span spans[STORE_SPANS_MAX])
{
	if (unlikely(!live_block(to_xv(self), handle, size)))
		return 0;
	spans[0] = (struct store_span){(void *)handle, (u32)size};
	return 1;
}

/* ---- The rest ---- */

static void xv_destructor(struct store *self)
{
	struct xv_pool *p = to_xv(self);

	store_report_leak(self, p->nr_live);
	while (!list_empty(&p->pages))
		store_page_free(self,
				remove_page(p, list_first_entry(&p->pages, struct page, lru)));
	while (p->all_maps) {
		struct xv_maps *maps = p->all_maps;

		p->all_maps = maps->next;
		instance_free(maps);
	}
	store_release(self);
}

static struct allocator_desc xvmalloc_desc;

static struct store *xv_create(struct store *base, const struct store_env *env, const void *options,
			       struct err *e)
{
	struct xv_pool *p;

	(void)base, (void)options;
	if (page_check_keeps(env->pages, "its free lists lie in pages", e))
		return NULL;
	p = instance_alloc(sizeof(*p));
	derive_store(&p->s, NULL, env, &xvmalloc_desc);
	p->s.malloc = xv_malloc;
	p->s.free = xv_free;
	p->s.map = xv_map;
	p->s.stats = xv_stats;
	p->s.classes = xv_classes;
	p->s.check = xv_check;
	p->s.destructor = xv_destructor;
	p->s.size_max = XV_MAX_ALLOC_SIZE;
	spin_lock_init(&p->lock, "xvmalloc");
	INIT_LIST_HEAD(&p->pages);
	return &p->s;
}

static struct allocator_desc xvmalloc_desc = {
	.name = "xvmalloc",
	.kind = ALLOC_STORE,
	.role = ROLE_SOURCE,
	.summary = "two-level segregated fit in pages, 4 bytes an object (compcache, early zram)",
	.help = "A page is cut into blocks of any multiple of 4 bytes, each behind 4 bytes "
		"that tell its size and its neighbour. Free blocks of all pages are on "
		"lists 8 bytes of size apart; two levels of bits find the list. Free blocks "
		"melt; a page that is all free goes back. Objects of more than half a page "
		"have a page each. A handle is an address, so nothing moves: there is no "
		"compaction.",
	.create_store = xv_create,
};
ALLOCATOR(xvmalloc_desc)
