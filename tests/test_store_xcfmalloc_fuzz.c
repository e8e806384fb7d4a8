/*
 * xcfmalloc at random: objects are made, written, read, freed, compacted, memory fails; contents are
 * verified and the pool is recounted after each step.
 */
#include "tests/test.h"

#include <stdio.h>

#include "lib/rng.h"

#include "tests/store_lab.h"

#define NR 64

struct fuzz {
	struct store_lab l;
	struct rng rng;
	struct {
		unsigned long handle;
		size_t size;
		u64 key;
	} obj[NR];
	u64 keys, refused, freed_pages, splits;
};

/* Half of them small; the edges of blocks and pages often. */
static size_t random_size(struct fuzz *f)
{
	size_t max = f->l.store->size_max;

	switch (rng_below(&f->rng, 4)) {
	case 0:
		return 1 + rng_below(&f->rng, max);
	case 1:
		return 1 + rng_below(&f->rng, 200);
	case 2:
		return min(max, 64 * (1 + rng_below(&f->rng, 64)) - 16 + rng_below(&f->rng, 3));
	default:
		return max - rng_below(&f->rng, 100);
	}
}

static void step_object(struct fuzz *f, u64 i, int cpu)
{
	if (!f->obj[i].handle) {
		f->obj[i].size = random_size(f);
		f->obj[i].handle = store_lab_malloc(&f->l, cpu, f->obj[i].size);
		f->refused += !f->obj[i].handle;
		f->obj[i].key = ++f->keys;
		if (f->obj[i].handle)
			assert_true(store_lab_write(&f->l, cpu, f->obj[i].handle, f->obj[i].size,
						    f->obj[i].key));
		return;
	}
	assert_int_equal(
		store_lab_read(&f->l, cpu, f->obj[i].handle, f->obj[i].size, f->obj[i].key), 1);
	if (rng_below(&f->rng, 4) == 0) {
		f->obj[i].key = ++f->keys;
		assert_true(store_lab_write(&f->l, cpu, f->obj[i].handle, f->obj[i].size,
					    f->obj[i].key));
	} else if (rng_below(&f->rng, 2)) {
		assert_true(store_lab_free(&f->l, cpu, f->obj[i].handle, f->obj[i].size));
		f->obj[i].handle = 0;
	}
}

static void verify_all(struct fuzz *f)
{
	for (int i = 0; i < NR; i++)
		if (f->obj[i].handle)
			assert_int_equal(store_lab_read(&f->l, 0, f->obj[i].handle, f->obj[i].size,
							f->obj[i].key),
					 1);
}

static void step_compact(struct fuzz *f, int cpu)
{
	u64 pages = f->l.store->nr_pages;
	u64 goal = rng_below(&f->rng, 2) ? UINT64_MAX : rng_below(&f->rng, 4);
	struct store_compact c = store_lab_compact(
		&f->l, cpu, goal, rng_below(&f->rng, 2) ? UINT64_MAX : rng_below(&f->rng, 8000));

	assert_int_equal(pages - f->l.store->nr_pages, c.freed_pages);
	assert_true(c.freed_pages <= goal);
	f->freed_pages += c.freed_pages;
	verify_all(f);
}

static void fuzz(struct fuzz *f, const char *pages, const char *slab, const char *store, u64 seed)
{
	memset(f, 0, sizeof(*f));
	rng_init(&f->rng, seed, store, "steps");
	store_lab_open(&f->l, LAB_TWO_NODES, pages, slab, store);
	for (int step = 0; step < 3000; step++) {
		int cpu = (int)rng_below(&f->rng, 4);

		/* It grows and shrinks: only some objects are in play for a while. */
		f->l.sl.lab.pa->layer->inject.every = step / 500 % 3 == 1 ? 3 : 0;
		if (rng_below(&f->rng, 25) == 0)
			step_compact(f, cpu);
		else
			step_object(f, rng_below(&f->rng, step / 700 % 2 ? NR / 4 : NR), cpu);
		store_check(f->l.store);
	}
	f->l.sl.lab.pa->layer->inject.every = 0;
	f->splits = store_lab_stats(&f->l).nr_split;
	for (int i = 0; i < NR; i++)
		if (f->obj[i].handle)
			assert_true(store_lab_free(&f->l, 0, f->obj[i].handle, f->obj[i].size));
	store_check(f->l.store);
	assert_int_equal(store_lab_stats(&f->l).descriptors, 0);
	assert_int_equal(f->l.sl.lab.nr_events, 0);
	store_lab_close(&f->l);
}

static void every_option(void **state)
{
	static const char *const geometries[] = {"64", "32"};
	static const char *const policies[] = {"emptiest", "fewest", "oldest"};
	static struct fuzz f;
	u64 seed = 0;

	(void)state;
	for (int max_blocks = 1; max_blocks <= 8; max_blocks += max_blocks == 2 ? 3 : 1)
		for (int g = 0; g < 2; g++)
			for (int v = 0; v < 3; v++) {
				char store[200];

				snprintf(store, sizeof(store),
					 "xcfmalloc(max_blocks=%d,geometry=%s,victims=%s,"
					 "block_shift=%d,reserve=%d)",
					 max_blocks, geometries[g], policies[v],
					 5 + (int)(seed % 5), (int)(seed % 4));
				fuzz(&f, NULL, NULL, store, seed++);
				assert_true(f.refused > 4 && f.freed_pages > 30);
				assert_int_equal(f.splits > 0, max_blocks > 1);
			}
}

static void any_chain_below(void **state)
{
	static const char *const chains[][2] = {
		{"bitmap", "slabifier"},
		{"rcu:page_allocator", "rcu:slabifier"},
		{"page_allocator", "debug:slabifier"},
		{"page_allocator", "caching:slabifier"},
		{"page_allocator", "queued_slab"},
		{"page_allocator", "slob"},
		{"page_allocator", "buddy_bytes"},
		{"page_allocator", "sequential_fit"},
		{"numactl(node=1):page_allocator", "slabifier"},
		{"page_allocator", "numa:slabifier"},
	};
	static struct fuzz f;

	(void)state;
	for (u64 i = 0; i < sizeof(chains) / sizeof(*chains); i++)
		fuzz(&f, chains[i][0], chains[i][1], i % 2 ? "xcfmalloc(geometry=32)" : "xcfmalloc",
		     100 + i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option),
		cmocka_unit_test(any_chain_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
