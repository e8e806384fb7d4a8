/*
 * Which frames of a zone to leave free.
 *
 * Theory: a free block of order o stays one exactly if its buddy is not free as a whole. So every
 * block of order o + 1 can lend one half at most, and which of those that can is taken changes
 * nothing for the smaller orders: going down from the largest, the number of blocks that can still
 * lend depends only on how many were taken. Hence the greedy choice meets every demand that can be
 * met with these classes, and is free to prefer: largest blocks at the end of the zone, where
 * memory is untouched; small ones spread over the pageblocks that are in use anyway, as on a
 * machine that has run for a while; whole pageblocks last.
 *
 * Frames known to be free stay free. They are most of them as a rule; the few that nothing ever
 * happened to are holes in larger blocks: from the largest order down, blocks that lack least are
 * filled up until there are as many as wanted, or no more pages are missing.
 *
 * Of what gets held, as many frames can move as compaction would find on LRU lists. Where they lie
 * nobody tells, so they are spread evenly over what movable pageblocks hold.
 *
 * A class that lacks room is given pageblocks that nobody needs: cells count more than the number
 * of pageblocks of a type.
 *
 * Invariant: keep and used have no bit in common; after order o was placed, the maximal blocks of
 * `keep` are the blocks placed so far.
 */
#include "sim/page_plan.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "sim/page_holes.h"

/*
 * Pages on a CPU's lists came a batch at a time, or were freed together: they lie in pieces of a
 * few dozen, and when a list is drained they merge. Single frames between others' never would.
 */
#define PERCPU_ORDER 5

/* ---- Blocks of bits ---- */

static bool words_are(const u64 *map, unsigned long frame, int order, u64 value)
{
	const u64 *word = &map[frame / BITS_PER_WORD];

	for (unsigned long i = 0; i < 1UL << (order - WORD_ORDER); i++)
		if (word[i] != value)
			return false;
	return true;
}

bool page_plan_clear(const u64 *map, unsigned long frame, int order)
{
	if (order >= WORD_ORDER)
		return words_are(map, frame, order, 0);
	return !(map[frame / BITS_PER_WORD] & block_mask(frame, order));
}

bool page_plan_full(const u64 *map, unsigned long frame, int order)
{
	u64 mask;

	if (order >= WORD_ORDER)
		return words_are(map, frame, order, ~0ULL);
	mask = block_mask(frame, order);
	return (map[frame / BITS_PER_WORD] & mask) == mask;
}

void page_plan_set(u64 *map, unsigned long frame, int order)
{
	u64 *word = &map[frame / BITS_PER_WORD];

	if (order < WORD_ORDER) {
		*word |= block_mask(frame, order);
		return;
	}
	for (unsigned long i = 0; i < 1UL << (order - WORD_ORDER); i++)
		word[i] = ~0ULL;
}

/* ---- Room for free blocks ---- */

static bool untaken(const struct page_plan *p, unsigned long frame, int order)
{
	return page_plan_clear(p->used, frame, order) && page_plan_clear(p->keep, frame, order);
}

/* Could this block be a free one of just this order? */
static bool can_keep(const struct page_plan *p, unsigned long frame, int order)
{
	return untaken(p, frame, order) &&
	       (order == LARGEST_ORDER || !page_plan_full(p->keep, frame ^ (1UL << order), order));
}

static unsigned long nr_pageblocks(const struct page_plan *p)
{
	return p->nr_frames >> pageblock_order;
}

/* The half that the block of the next order lends; false: neither can be. */
static bool lend_half(const struct page_plan *p, unsigned long parent, int order,
		      unsigned long *frame)
{
	*frame = parent;
	if (can_keep(p, *frame, order))
		return true;
	*frame += 1UL << order;
	return can_keep(p, *frame, order);
}

static u64 count_lenders(const struct page_plan *p, unsigned long pageblock, int order)
{
	unsigned long first = pageblock << pageblock_order, frame;
	u64 n = 0;

	for (unsigned long at = first; at < first + pageblock_nr_pages; at += 2UL << order)
		n += lend_half(p, at, order, &frame);
	return n;
}

/* `nr` of `of` things are to be picked, evenly. */
struct picker {
	u64 nr, of, seen, picked;
};

static bool pick(struct picker *k)
{
	bool now = ++k->seen * k->nr / k->of > k->picked;

	k->picked += now;
	return now;
}

static void keep_in(struct page_plan *p, unsigned long pageblock, int order, struct picker *k)
{
	unsigned long first = pageblock << pageblock_order, frame;

	for (unsigned long at = first; at < first + pageblock_nr_pages && k->picked < k->nr;
	     at += 2UL << order)
		if (lend_half(p, at, order, &frame) && pick(k))
			page_plan_set(p->keep, frame, order);
}

/* In pageblocks of the class that are in use. Returns how many are still wanted. */
static u64 keep_spread(struct page_plan *p, unsigned int class, int order, u64 nr)
{
	struct picker k = {.nr = nr};

	for (unsigned long b = 0; b < nr_pageblocks(p); b++)
		if (p->class[b] == class && p->like[b] != NO_CLASS)
			k.of += count_lenders(p, b, order);
	k.nr = min(k.nr, k.of);
	for (unsigned long b = 0; b < nr_pageblocks(p) && k.picked < k.nr; b++)
		if (p->class[b] == class && p->like[b] != NO_CLASS)
			keep_in(p, b, order, &k);
	return nr - k.picked;
}

/* In the other pageblocks of the class, as few as will do. */
static u64 keep_packed(struct page_plan *p, unsigned int class, int order, u64 nr)
{
	struct picker k = {.nr = nr, .of = nr};

	for (unsigned long b = 0; b < nr_pageblocks(p) && k.picked < nr; b++)
		if (p->class[b] == class && p->like[b] == NO_CLASS)
			keep_in(p, b, order, &k);
	return nr - k.picked;
}

static bool unneeded(const struct page_plan *p, unsigned long pageblock)
{
	return untaken(p, pageblock << pageblock_order, pageblock_order);
}

/* The class with the most pageblocks that nobody needs. */
static unsigned int richest_class(const struct page_plan *p, unsigned int but)
{
	u64 nr[MIGRATE_TYPES] = {0};
	unsigned int richest = but;

	for (unsigned long b = 0; b < nr_pageblocks(p); b++)
		if (p->class[b] != but && unneeded(p, b))
			nr[p->class[b]]++;
	for (unsigned int c = 0; c < p->nr_classes; c++)
		if (nr[c] > nr[richest] && c != but)
			richest = c;
	return richest;
}

/* With pageblocks of other classes. */
static u64 keep_converted(struct page_plan *p, unsigned int class, int order, u64 nr)
{
	unsigned int from = richest_class(p, class);
	struct picker k = {.nr = nr, .of = nr};

	if (from == class)
		return nr;
	for (unsigned long b = 0; b < nr_pageblocks(p) && k.picked < nr; b++) {
		if (p->class[b] != from || !unneeded(p, b))
			continue;
		p->class[b] = (u8) class;
		keep_in(p, b, order, &k);
	}
	return nr - k.picked ? keep_converted(p, class, order, nr - k.picked) : 0;
}

static void keep_small(struct page_plan *p, unsigned int class, int order)
{
	u64 nr = p->want[class][order];

	if (nr)
		nr = keep_spread(p, class, order, nr);
	if (nr)
		nr = keep_packed(p, class, order, nr);
	if (nr)
		nr = keep_converted(p, class, order, nr);
	p->missed[class][order] = nr;
}

/* ---- Whole pageblocks and more ---- */

/* Of the class already, all of it? */
static bool of_class(const struct page_plan *p, unsigned long frame, int order, unsigned int class)
{
	unsigned long b = frame >> pageblock_order;

	return p->class[b] == class && (order == pageblock_order || p->class[b + 1] == class);
}

static void keep_large_at(struct page_plan *p, unsigned long frame, int order, unsigned int class)
{
	page_plan_set(p->keep, frame, order);
	for (unsigned long i = 0; i < 1UL << (order - pageblock_order); i++)
		p->class[(frame >> pageblock_order) + i] = (u8) class;
}

/*
 * From the end of the zone. First where nothing changes its class; of these, pageblocks whose buddy
 * is in use come first (`scraps`), as they are of no use to larger blocks.
 */
static u64 keep_large_pass(struct page_plan *p, unsigned int class, int order, u64 nr,
			   bool as_it_is, bool scraps)
{
	for (unsigned long end = p->nr_frames; end && nr; end -= 1UL << order) {
		unsigned long frame = end - (1UL << order);

		if (!can_keep(p, frame, order) || (as_it_is && !of_class(p, frame, order, class)) ||
		    (scraps && untaken(p, frame & ~((2UL << order) - 1), LARGEST_ORDER)))
			continue;
		keep_large_at(p, frame, order, class);
		nr--;
	}
	return nr;
}

static void keep_large(struct page_plan *p, unsigned int class, int order)
{
	u64 nr = p->want[class][order];

	if (order == pageblock_order) {
		nr = keep_large_pass(p, class, order, nr, true, true);
		nr = keep_large_pass(p, class, order, nr, false, true);
	}
	nr = keep_large_pass(p, class, order, nr, true, false);
	p->missed[class][order] = keep_large_pass(p, class, order, nr, false, false);
}

/* ---- Classes ---- */

/* Wholly free blocks have theirs; how many pageblocks of each class are left to give. */
static void count_left(const struct page_plan *p, s64 left[])
{
	for (unsigned int c = 0; c < p->nr_classes; c++)
		left[c] = (s64)p->nr_blocks[c];
	for (unsigned long b = 0; b < nr_pageblocks(p); b++)
		if (page_plan_full(p->keep, b << pageblock_order, pageblock_order))
			left[p->class[b]]--;
}

/* Gives pageblocks the class they are like, or else have, as far as there are any left. */
static void give_suitable(struct page_plan *p, s64 left[], u64 *given, bool in_use)
{
	for (unsigned long b = 0; b < nr_pageblocks(p); b++) {
		u8 class = in_use ? p->like[b] : p->class[b];

		if ((p->like[b] != NO_CLASS) != in_use || bit_test(given, b) || left[class] <= 0)
			continue;
		p->class[b] = class;
		left[class]--;
		bit_set(given, b);
	}
}

static void give_rest(struct page_plan *p, s64 left[], const u64 *given)
{
	unsigned int class = 0;

	for (unsigned long b = 0; b < nr_pageblocks(p); b++) {
		if (bit_test(given, b))
			continue;
		while (class < p->nr_classes && left[class] <= 0)
			class ++;
		if (class == p->nr_classes)
			return;
		p->class[b] = (u8) class;
		left[class]--;
	}
}

static void give_classes(struct page_plan *p)
{
	u64 *given = mem_alloc(nr_pageblocks(p) / BITS_PER_WORD + 1, sizeof(u64));
	s64 left[MIGRATE_TYPES] = {0};
	bool known = false;

	for (unsigned int c = 0; c < p->nr_classes; c++)
		known |= p->nr_blocks[c] != 0;
	for (unsigned long b = 0; b < nr_pageblocks(p); b++)
		if (page_plan_full(p->keep, b << pageblock_order, pageblock_order))
			bit_set(given, b);
	count_left(p, left);
	if (known) {
		give_suitable(p, left, given, true);
		give_suitable(p, left, given, false);
		give_rest(p, left, given);
	}
	free(given);
}

/* ---- Per-CPU lists ---- */

static u64 count_spare(const struct page_plan *p, const u64 *taken, bool in_use, int order)
{
	u64 n = 0;

	for (unsigned long b = 0; b < nr_pageblocks(p); b++)
		if ((p->like[b] != NO_CLASS) == in_use)
			for (unsigned long f = b << pageblock_order; f < (b + 1) << pageblock_order;
			     f += 1UL << order)
				n += untaken(p, f, order) && page_plan_clear(taken, f, order);
	return n;
}

/*
 * Blocks of this order that are neither used nor kept, spread over the pageblocks in use, or else
 * over the others. Pages of one block lie beside each other in `percpu`.
 */
static void pick_percpu(struct page_plan *p, u64 *taken, bool in_use, int order, u64 wanted)
{
	struct picker k = {.of = count_spare(p, taken, in_use, order)};

	k.nr = min(wanted >> order, k.of);
	for (unsigned long f = 0; f < p->nr_frames && k.picked < k.nr; f += 1UL << order) {
		if ((p->like[f >> pageblock_order] != NO_CLASS) != in_use ||
		    !untaken(p, f, order) || !page_plan_clear(taken, f, order) || !pick(&k))
			continue;
		page_plan_set(taken, f, order);
		for (unsigned long i = 0; i < 1UL << order; i++)
			p->percpu[p->nr_percpu++] = f + i;
	}
}

static void choose_percpu(struct page_plan *p)
{
	u64 wanted = p->nr_percpu, *taken;

	p->nr_percpu = 0;
	if (!wanted)
		return;
	p->percpu = mem_alloc(wanted, sizeof(*p->percpu));
	taken = mem_alloc(p->nr_frames / BITS_PER_WORD, sizeof(u64));
	for (int order = PERCPU_ORDER; order >= 0 && p->nr_percpu < wanted; order--) {
		pick_percpu(p, taken, true, order, wanted - p->nr_percpu);
		if (p->nr_percpu < wanted)
			pick_percpu(p, taken, false, order, wanted - p->nr_percpu);
	}
	free(taken);
}

/* ---- What gets held and can move ---- */

/* Frames that get held in movable pageblocks: neither used nor kept, nor for a per-CPU list. */
static u64 *find_held(const struct page_plan *p)
{
	u64 *held = mem_alloc(p->nr_frames / BITS_PER_WORD, sizeof(u64));

	for (unsigned long i = 0; i < p->nr_frames / BITS_PER_WORD; i++)
		if (p->class[i * BITS_PER_WORD >> pageblock_order] == MIGRATE_MOVABLE)
			held[i] = ~(p->used[i] | p->keep[i]);
	for (u64 i = 0; i < p->nr_percpu; i++)
		bit_clear(held, p->percpu[i]);
	return held;
}

/* Spread evenly: how many they are is told, not where they lie. */
static void choose_moves(struct page_plan *p)
{
	struct picker k = {0};

	p->moves = find_held(p);
	for (unsigned long i = 0; i < p->nr_frames / BITS_PER_WORD; i++)
		k.of += (u64)__builtin_popcountll(p->moves[i]);
	k.nr = min(p->nr_moves, k.of);
	for (unsigned long frame = 0; frame < p->nr_frames; frame++)
		if (bit_test(p->moves, frame) && !pick(&k))
			bit_clear(p->moves, frame);
	p->nr_moves = k.picked;
}

void page_plan_init(struct page_plan *p, unsigned long nr_frames)
{
	p->nr_frames = nr_frames;
	p->used = mem_alloc(nr_frames / BITS_PER_WORD, sizeof(u64));
	p->keep = mem_alloc(nr_frames / BITS_PER_WORD, sizeof(u64));
	p->known = mem_alloc(nr_frames / BITS_PER_WORD, sizeof(u64));
	p->class = mem_alloc(nr_frames >> pageblock_order, 1);
	p->like = mem_alloc(nr_frames >> pageblock_order, 1);
}

void page_plan_free(struct page_plan *p)
{
	free(p->used);
	free(p->keep);
	free(p->known);
	free(p->class);
	free(p->like);
	free(p->percpu);
	free(p->moves);
}

/* ---- Frames known to be free ---- */

static void plan_around_known(struct page_plan *p)
{
	u64 left;

	for (unsigned long i = 0; i < p->nr_frames / BITS_PER_WORD; i++)
		p->keep[i] = p->known[i] & ~p->used[i];
	left = page_holes_pages(p);
	page_holes_fill_large(p, &left);
	give_classes(p);
	page_holes_fill_small(p, &left);
}

static void plan_by_counts(struct page_plan *p)
{
	for (int order = LARGEST_ORDER; order >= pageblock_order; order--)
		for (unsigned int c = 0; c < p->nr_classes; c++)
			keep_large(p, c, order);
	give_classes(p);
	for (int order = pageblock_order - 1; order >= 0; order--)
		for (unsigned int c = 0; c < p->nr_classes; c++)
			keep_small(p, c, order);
}

void page_plan_make(struct page_plan *p)
{
	if (p->has_known)
		plan_around_known(p);
	else
		plan_by_counts(p);
	choose_percpu(p);
	if (p->knows_moves)
		choose_moves(p);
}
