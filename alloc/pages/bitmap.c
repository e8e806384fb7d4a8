/*
 * bitmap: one bit a frame, first fit by address.
 *
 * Theory: the naive twin of the buddy system. A request takes the lowest free, naturally aligned
 * block of the first zone in its zonelist that has one; no lists, no caches, no mobility. Blocks
 * inside a word are found by folding it: after k steps bit i says that 2^k frames from i on are
 * free.
 *
 * The number of free blocks of order o that are part of no larger one follows from the number F(o)
 * of all aligned free blocks: F(o) - 2 F(o+1).
 *
 * Invariant: bit set <=> frame given out. `full` has a bit set for each word of ones. No free block
 * of order o starts below lowest[o]; nothing was ever given out from `touched` on. The last three
 * save searching and change no result.
 *
 * Unlike Linux: it has nothing like it since bootmem.
 */
#include "alloc/page_alloc.h"
#include "alloc/pages/bit_blocks.h"
#include "alloc/pages/block.h"
#include "alloc/pages/zonelist.h"

#define NOT_FOUND (~0UL)

/* Offsets are frames from the start of the zone. */
struct bitmap_zone {
	struct zone *zone;
	unsigned long
		online; /* frames that are its own: all of the zone, but while boot has them */
	u64 *used, *full;
	unsigned long touched;
	unsigned long lowest[MAX_ORDER];
	spinlock_t lock;
};

struct bitmap_pages {
	struct page_allocator pa;
	struct zonelists zonelists;
	struct bitmap_zone *zones; /* beside kernel->zones */
	int nr_zones;
};

static struct allocator_desc bitmap_desc;

static struct bitmap_pages *to_bitmap(const struct page_allocator *pa)
{
	return container_of((struct page_allocator *)pa, struct bitmap_pages, pa);
}

/* ---- Words ---- */

static void mark_word(struct bitmap_zone *bz, unsigned long word, u64 bits, bool used)
{
	if (used)
		bz->used[word] |= bits;
	else
		bz->used[word] &= ~bits;
	if (bz->used[word] == ~0ULL)
		bit_set(bz->full, word);
	else
		bit_clear(bz->full, word);
}

static void mark_block(struct bitmap_zone *bz, unsigned long offset, int order, bool used)
{
	unsigned long word = offset / BITS_PER_WORD;

	if (order < WORD_ORDER) {
		mark_word(bz, word, ((1ULL << (1U << order)) - 1) << offset % BITS_PER_WORD, used);
		return;
	}
	for (unsigned long i = 0; i < 1UL << (order - WORD_ORDER); i++)
		mark_word(bz, word + i, ~0ULL, used);
}

/* ---- Search ---- */

static unsigned long find_in_words(const struct bitmap_zone *bz, int order, unsigned long nr_words)
{
	unsigned long word = bz->lowest[order] / BITS_PER_WORD;

	while (word < nr_words) {
		u64 open = ~bz->full[word / BITS_PER_WORD] >> word % BITS_PER_WORD;
		u64 blocks;

		charge(COST_LIST_STEP);
		if (!open) {
			word = ALIGN(word + 1, (unsigned long)BITS_PER_WORD);
			continue;
		}
		word += bit_lowest(open);
		if (word >= nr_words)
			break;
		blocks = free_blocks(bz->used[word], order);
		if (blocks)
			return word * BITS_PER_WORD + bit_lowest(blocks);
		word++;
	}
	return NOT_FOUND;
}

static unsigned long find_whole_words(const struct bitmap_zone *bz, int order,
				      unsigned long nr_words)
{
	unsigned long step = 1UL << (order - WORD_ORDER);

	for (unsigned long word = ALIGN(bz->lowest[order] / BITS_PER_WORD, step); word < nr_words;
	     word += step) {
		charge(COST_LIST_STEP);
		if (words_are_free(bz->used, word, step))
			return word * BITS_PER_WORD;
	}
	return NOT_FOUND;
}

/* The lowest free block; remembers where it was, for larger blocks cannot lie lower. */
static unsigned long find_block(struct bitmap_zone *bz, int order)
{
	unsigned long nr_words = bz->zone->spanned_pages / BITS_PER_WORD;
	unsigned long offset = order < WORD_ORDER ? find_in_words(bz, order, nr_words)
						  : find_whole_words(bz, order, nr_words);
	unsigned long below = min(offset, bz->zone->spanned_pages);

	for (int k = order; k < MAX_ORDER; k++)
		bz->lowest[k] = max(bz->lowest[k], below);
	return offset;
}

static struct page *take_from_zone(struct bitmap_zone *bz, int order)
{
	unsigned long offset;

	spin_lock_irqsave(&bz->lock);
	charge_memory(bz->zone->node);
	offset = find_block(bz, order);
	if (offset != NOT_FOUND) {
		mark_block(bz, offset, order, true);
		bz->touched = max(bz->touched, offset + (1UL << order));
		mod_zone_page_state(bz->zone, NR_FREE_PAGES, -(1L << order));
	}
	spin_unlock_irqrestore(&bz->lock);
	return offset == NOT_FOUND ? NULL : pfn_to_page(bz->zone->zone_start_pfn + offset);
}

/* ---- Methods ---- */

static struct page *bitmap_allocate(const struct page_allocator *self, int order, gfp_t flags,
				    int node)
{
	struct bitmap_pages *bp = to_bitmap(self);
	const struct zonelist *zl = gfp_zonelist(&bp->zonelists, flags, node);
	unsigned int nr = zonelist_nr(zl, flags);
	struct page *page = NULL;

	charge(COST_CALL);
	ASSERT(order >= 0 && order < MAX_ORDER);
	for (unsigned int i = 0; i < nr && !page; i++)
		page = take_from_zone(&bp->zones[zl->zones[i]], order);
	if (page)
		block_give_out(page, order, flags, gfp_migratetype(flags));
	return page;
}

static bool block_is_free(const struct bitmap_zone *bz, unsigned long offset, int order)
{
	unsigned long word = offset / BITS_PER_WORD;

	if (order >= WORD_ORDER)
		return words_are_free(bz->used, word, 1UL << (order - WORD_ORDER));
	return free_blocks(bz->used[word], order) >> offset % BITS_PER_WORD & 1;
}

static bool take_at(struct bitmap_zone *bz, unsigned long offset, int order)
{
	bool taken;

	spin_lock_irqsave(&bz->lock);
	charge_memory(bz->zone->node);
	taken = block_is_free(bz, offset, order);
	if (taken) {
		mark_block(bz, offset, order, true);
		bz->touched = max(bz->touched, offset + (1UL << order));
		mod_zone_page_state(bz->zone, NR_FREE_PAGES, -(1L << order));
	}
	spin_unlock_irqrestore(&bz->lock);
	return taken;
}

static struct page *bitmap_allocate_at(const struct page_allocator *self, unsigned long pfn,
				       int order, gfp_t flags, int node)
{
	struct page *page = pfn_to_page(pfn);
	struct bitmap_zone *bz = &to_bitmap(self)->zones[page_zone(page) - kernel->zones];

	charge(COST_CALL);
	if (!gfp_allows_zone(bz->zone, flags, node) ||
	    !take_at(bz, pfn - bz->zone->zone_start_pfn, order))
		return NULL;
	block_give_out(page, order, flags, gfp_migratetype(flags));
	return page;
}

static void bitmap_free(const struct page_allocator *self, struct page *page, int order)
{
	struct bitmap_zone *bz = &to_bitmap(self)->zones[page_zone(page) - kernel->zones];
	unsigned long offset = page_to_pfn(page) - bz->zone->zone_start_pfn;

	charge(COST_CALL);
	block_take_back(page, order);
	spin_lock_irqsave(&bz->lock);
	charge_memory(bz->zone->node);
	mark_block(bz, offset, order, false);
	mod_zone_page_state(bz->zone, NR_FREE_PAGES, 1L << order);
	for (int k = 0; k < MAX_ORDER; k++)
		bz->lowest[k] = min(bz->lowest[k], offset & ~((1UL << k) - 1));
	spin_unlock_irqrestore(&bz->lock);
}

/* All aligned free blocks of this order, parts of larger ones too. */
static u64 count_aligned_free(const struct bitmap_zone *bz, int order)
{
	unsigned long end = ALIGN(bz->touched, 1UL << (MAX_ORDER - 1));

	if (order == MAX_ORDER)
		return 0;
	return ((bz->zone->spanned_pages - end) >> order) +
	       count_free_blocks(bz->used, end / BITS_PER_WORD, order);
}

static u64 bitmap_nr_free(const struct page_allocator *self, const struct zone *zone,
			  int migratetype, int order)
{
	const struct bitmap_zone *bz = &to_bitmap(self)->zones[zone - kernel->zones];

	if (migratetype != MIGRATE_MOVABLE || !zone->spanned_pages)
		return 0;
	return count_aligned_free(bz, order) - 2 * count_aligned_free(bz, order + 1);
}

/* ---- Boot ---- */

static bool bitmap_withhold(const struct page_allocator *self)
{
	struct bitmap_pages *bp = to_bitmap(self);

	ASSERT(!self->layer->live_objs);
	for (int i = 0; i < bp->nr_zones; i++) {
		bp->zones[i].online = 0;
		bp->zones[i].zone->vm_stat[NR_FREE_PAGES] = 0;
	}
	return true;
}

static void bitmap_hand_over(const struct page_allocator *self, unsigned long pfn, unsigned long nr)
{
	struct zone *zone = page_zone(pfn_to_page(pfn));

	to_bitmap(self)->zones[zone - kernel->zones].online += nr;
	mod_zone_page_state(zone, NR_FREE_PAGES, (long)nr);
}

static void bitmap_adopt(const struct page_allocator *self, struct page *page, int order)
{
	struct bitmap_zone *bz = &to_bitmap(self)->zones[page_zone(page) - kernel->zones];
	unsigned long offset = page_to_pfn(page) - bz->zone->zone_start_pfn;

	bz->online += 1UL << order;
	bz->touched = max(bz->touched, offset + (1UL << order));
	mark_block(bz, offset, order, true);
}

/* ---- Recount ---- */

static bool frame_used(const struct bitmap_zone *bz, unsigned long offset)
{
	return bit_test(bz->used, offset);
}

/* What the structs say: each used frame lies in one given-out block, each other frame in none. */
static unsigned long check_frames(const struct bitmap_zone *bz)
{
	unsigned long used = 0, offset = 0;

	while (offset < bz->touched) {
		const struct page *page = pfn_to_page(bz->zone->zone_start_pfn + offset);

		if (!frame_used(bz, offset)) {
			ASSERT(!(page->flags & ~PG_written));
			offset++;
			continue;
		}
		ASSERT(page->flags & PG_allocated && offset % (1UL << page->order) == 0);
		for (unsigned long i = 1; i < 1UL << page->order; i++) {
			ASSERT(frame_used(bz, offset + i));
			ASSERT(page[i].flags & PG_tail &&
			       compound_head((struct page *)page + i) == page);
		}
		used += 1UL << page->order;
		offset += 1UL << page->order;
	}
	ASSERT(offset == bz->touched);
	return used;
}

/* Where the first free block starts that lies in this word or, a larger one, starts with it. */
static unsigned long lowest_in(const struct bitmap_zone *bz, int order, unsigned long word)
{
	u64 blocks;

	if (order >= WORD_ORDER)
		return words_are_free(bz->used, word, 1UL << (order - WORD_ORDER))
			       ? word * BITS_PER_WORD
			       : NOT_FOUND;
	blocks = free_blocks(bz->used[word], order);
	return blocks ? word * BITS_PER_WORD + bit_lowest(blocks) : NOT_FOUND;
}

static void check_hints(const struct bitmap_zone *bz)
{
	unsigned long nr_words = bz->zone->spanned_pages / BITS_PER_WORD;

	for (unsigned long word = 0; word < nr_words && word * BITS_PER_WORD < bz->touched; word++)
		ASSERT(bit_test(bz->full, word) == (bz->used[word] == ~0ULL));
	for (int order = 0; order < MAX_ORDER; order++) {
		unsigned long step = order < WORD_ORDER ? 1 : 1UL << (order - WORD_ORDER);

		for (unsigned long word = 0; word * BITS_PER_WORD < bz->lowest[order]; word += step)
			ASSERT(lowest_in(bz, order, word) >= bz->lowest[order]);
	}
}

static void bitmap_check(const struct page_allocator *self)
{
	const struct bitmap_pages *bp = to_bitmap(self);

	for (int i = 0; i < bp->nr_zones; i++) {
		const struct bitmap_zone *bz = &bp->zones[i];
		unsigned long used;

		if (!bz->zone->spanned_pages)
			continue;
		used = check_frames(bz);
		check_hints(bz);
		ASSERT((long)(bz->online - used) == bz->zone->vm_stat[NR_FREE_PAGES]);
	}
}

/* ---- Life ---- */

static void bitmap_destructor(struct page_allocator *self)
{
	struct bitmap_pages *bp = to_bitmap(self);

	for (int i = 0; i < bp->nr_zones; i++) {
		struct bitmap_zone *bz = &bp->zones[i];

		block_forget(bz->zone->zone_start_pfn, bz->zone->zone_start_pfn + bz->touched);
		bz->zone->vm_stat[NR_FREE_PAGES] = 0;
		instance_free(bz->used);
		instance_free(bz->full);
	}
	instance_free(bp->zones);
	zonelists_destroy(&bp->zonelists);
	derived_destructor(self);
}

static void zone_create(struct bitmap_zone *bz, struct zone *zone)
{
	unsigned long nr_words = zone->spanned_pages / BITS_PER_WORD;

	bz->zone = zone;
	bz->online = zone->spanned_pages;
	if (!nr_words)
		return;
	bz->used = instance_alloc(nr_words * sizeof(u64));
	bz->full = instance_alloc(DIV_ROUND_UP(nr_words, BITS_PER_WORD) * sizeof(u64));
	spin_lock_init(&bz->lock, "bitmap->lock");
	zone->vm_stat[NR_FREE_PAGES] = (long)zone->spanned_pages;
}

static struct page_allocator *bitmap_create(struct page_allocator *base, const void *options,
					    struct err *e)
{
	struct bitmap_pages *bp = instance_alloc(sizeof(*bp));

	(void)options, (void)e;
	derive_page_allocator(&bp->pa, base, &bitmap_desc);
	bp->pa.allocate = bitmap_allocate;
	bp->pa.allocate_at = bitmap_allocate_at;
	bp->pa.free = bitmap_free;
	bp->pa.destructor = bitmap_destructor;
	bp->pa.check = bitmap_check;
	bp->pa.nr_free = bitmap_nr_free;
	bp->pa.withhold = bitmap_withhold;
	bp->pa.hand_over = bitmap_hand_over;
	bp->pa.adopt = bitmap_adopt;
	zonelists_create(&bp->zonelists);
	bp->nr_zones = kernel->nr_node_ids * MAX_NR_ZONES;
	bp->zones = instance_alloc((size_t)bp->nr_zones * sizeof(*bp->zones));
	for (int i = 0; i < bp->nr_zones; i++)
		zone_create(&bp->zones[i], &kernel->zones[i]);
	return &bp->pa;
}

static struct allocator_desc bitmap_desc = {
	.name = "bitmap",
	.kind = ALLOC_PAGES,
	.role = ROLE_SOURCE,
	.summary = "one bit a frame, first fit by address, naturally aligned",
	.help = "The naive twin of page_allocator: same zones and zonelists, but no lists, no "
		"per-CPU "
		"pages and no grouping by mobility. All its free memory is reported as Movable.",
	.create_pages = bitmap_create,
};
ALLOCATOR(bitmap_desc)
