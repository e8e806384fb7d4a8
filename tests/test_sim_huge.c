/*
 * What huge pages could be had, at what cost in moves: the bound against every way there is, the
 * books against the page structs.
 */
#include "tests/pages_test.h"

#include <stdlib.h>

#include "alloc/mm.h"
#include "lib/rng.h"
#include "sim/huge.h"
#include "sim/metrics.h"

/* ---- The bound: blocks of 3 pages, 4 of them, every state, every number of empty blocks ---- */

#define SIZE 3
#define NR 4
#define STATES 256 /* (SIZE + 1) ^ NR */

static void state_unpack(unsigned int state, u32 used[NR])
{
	for (int i = 0; i < NR; i++, state /= SIZE + 1)
		used[i] = state % (SIZE + 1);
}

static unsigned int state_pack(const u32 used[NR])
{
	unsigned int state = 0;

	for (int i = NR; i-- > 0;)
		state = state * (SIZE + 1) + used[i];
	return state;
}

static unsigned int nr_empty(unsigned int state)
{
	unsigned int n = 0;
	u32 used[NR];

	state_unpack(state, used);
	for (int i = 0; i < NR; i++)
		n += !used[i];
	return n;
}

/* Breadth first over single moves; -1: cannot be had. */
static int fewest_moves(unsigned int from, unsigned int wanted)
{
	int moves[STATES];
	unsigned int queue[STATES], head = 0, tail = 0;

	for (int i = 0; i < STATES; i++)
		moves[i] = -1;
	moves[from] = 0;
	queue[tail++] = from;
	while (head < tail) {
		unsigned int state = queue[head++];
		u32 used[NR];

		if (nr_empty(state) >= wanted)
			return moves[state];
		state_unpack(state, used);
		for (int i = 0; i < NR * NR; i++) {
			u32 to[NR];
			unsigned int next;

			if (!used[i / NR] || used[i % NR] == SIZE || i / NR == i % NR)
				continue;
			memcpy(to, used, sizeof(to));
			to[i / NR]--;
			to[i % NR]++;
			next = state_pack(to);
			if (moves[next] < 0) {
				moves[next] = moves[state] + 1;
				queue[tail++] = next;
			}
		}
	}
	return -1;
}

static void no_way_is_shorter(void **state)
{
	unsigned int tried = 0;

	(void)state;
	for (unsigned int i = 0; i < STATES; i++) {
		u32 used[NR], by_used[SIZE + 1] = {0}, all = 0;

		state_unpack(i, used);
		for (int b = 0; b < NR; b++) {
			by_used[used[b]]++;
			all += used[b];
		}
		/* No more than free memory could make: so many can always be had. */
		for (unsigned int t = 0; t <= (NR * SIZE - all) / SIZE; t++, tried++)
			assert_int_equal(moves_bound(by_used, SIZE, t), fewest_moves(i, t));
	}
	assert_in_range(tried, 2 * STATES, 4 * STATES);
}

/* ---- The books ---- */

struct block_seen {
	u32 used, movable;
};

static int by_used(const void *a, const void *b)
{
	const struct block_seen *x = a, *y = b;

	return (int)x->used - (int)y->used;
}

static void see(struct block_seen *seen)
{
	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		const struct page *page = pfn_to_page(pfn);

		for (unsigned long i = 0; page->flags & PG_allocated && i < 1UL << page->order;
		     i++) {
			seen[(pfn + i) >> pageblock_order].used++;
			seen[(pfn + i) >> pageblock_order].movable += !!(page->flags & PG_movable);
		}
	}
}

/* The same as huge_prospects, from the structs, by sorting. */
static void prospects_of_structs(struct huge_prospects *h)
{
	struct block_seen *seen = calloc(kernel->max_pfn >> pageblock_order, sizeof(*seen));
	const struct zone *zone;

	*h = (struct huge_prospects){.moves = 0};
	see(seen);
	for_each_populated_zone (zone) {
		struct block_seen *b = seen + (zone->zone_start_pfn >> pageblock_order);
		u64 nr = zone->spanned_pages >> pageblock_order, left = zone->spanned_pages;
		u64 huge = 0, pairs = 0, want, want_movable;

		for (u64 i = 0; i < nr; i++)
			left -= b[i].used;
		for (u64 i = 0; i < nr; i += 2)
			pairs += b[i].used == b[i].movable && b[i + 1].used == b[i + 1].movable;
		h->blocks[1] += min(pairs, left / 1024);
		qsort(b, nr, sizeof(*b), by_used);
		want = want_movable = left / 512;
		for (u64 i = 0; i < nr; i++) {
			bool empties = b[i].used == b[i].movable;

			h->moves += want ? b[i].used : 0;
			want -= want > 0;
			if (!empties || !want_movable)
				continue;
			h->moves_movable += b[i].used;
			want_movable--;
			huge++;
		}
		h->blocks[0] += huge;
	}
	free(seen);
}

static void same_as_structs(void)
{
	struct huge_prospects books, structs;

	huge_prospects(&books);
	prospects_of_structs(&structs);
	assert_int_equal(books.moves, structs.moves);
	assert_int_equal(books.moves_movable, structs.moves_movable);
	assert_int_equal(books.blocks[0], structs.blocks[0]);
	assert_int_equal(books.blocks[1], structs.blocks[1]);
}

#define OPERATIONS 8000

static void books_are_the_structs(void **state)
{
	static struct page *live[OPERATIONS];
	struct huge_prospects h;
	struct lab lab;
	struct rng r;
	size_t nr = 0;

	(void)state;
	lab_open(&lab, "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n", "page_allocator");
	rng_init(&r, 1, "page_allocator", "huge");
	for (int i = 0; i < OPERATIONS; i++) {
		bool movable = rng_below(&r, 1000);
		size_t at = nr ? rng_below(&r, nr) : 0;
		struct page *page;

		if (nr && rng_below(&r, 100) < (i < OPERATIONS / 2 ? 2u : 90u)) {
			lab_free(&lab, 0, live[at], live[at]->order);
			live[at] = live[--nr];
			continue;
		}
		page = lab_alloc(&lab, 0, rng_below(&r, 60) ? 0 : (int)rng_below(&r, 10),
				 movable ? GFP_MOVABLE_USER : GFP_KERNEL, -1);
		if (!page)
			continue;
		page_holder_set(page, (unsigned long)i,
				movable && !page->order && rng_below(&r, 1000));
		live[nr++] = page;
		if (i % 500 == 0)
			same_as_structs();
	}
	same_as_structs();
	huge_prospects(&h);
	assert_true(h.moves > 0 && h.moves_movable > 0 && h.blocks[1] > 0);
	assert_true(h.blocks[0] > 2 * h.blocks[1]);
	while (nr--)
		lab_free(&lab, 0, live[nr], live[nr]->order);
	lab_settle(&lab);
	huge_prospects(&h);
	assert_int_equal(h.moves, 0);
	assert_int_equal(h.blocks[0], kernel->max_pfn / 512);
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_way_is_shorter),
		cmocka_unit_test(books_are_the_structs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
