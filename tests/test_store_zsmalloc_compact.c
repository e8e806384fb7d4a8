/*
 * zsmalloc: what compaction keeps, gains and is bounded by; induced failure; densities; a fuzz.
 */
#include "tests/test.h"

#include <math.h>

#include "lib/rng.h"
#include "tests/store_lab.h"

#define CLASSES_MAX 256
#define OBJECTS 6000U

struct object {
	unsigned long handle; /* 0: none */
	u32 size;
};

static struct object objects[OBJECTS];

static void put(struct store_lab *l, unsigned int i, u32 size)
{
	objects[i] = (struct object){store_lab_malloc(l, (int)(i & 1), size), size};
	assert_true(objects[i].handle);
	assert_true(store_lab_write(l, 0, objects[i].handle, size, i));
}

static void drop(struct store_lab *l, unsigned int i)
{
	assert_int_equal(store_lab_read(l, 0, objects[i].handle, objects[i].size, i), 1);
	assert_true(store_lab_free(l, 0, objects[i].handle, objects[i].size));
	objects[i].handle = 0;
}

static void assert_contents(struct store_lab *l)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (objects[i].handle)
			assert_int_equal(
				store_lab_read(l, 0, objects[i].handle, objects[i].size, i), 1);
}

static void drop_all(struct store_lab *l)
{
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (objects[i].handle)
			drop(l, i);
	assert_int_equal(store_lab_stats(l).pages, 0);
	assert_int_equal(store_lab_stats(l).descriptors, 0);
}

/* A store of all sizes, of which `keep` in a hundred are left. */
static void open_thinned(struct store_lab *l, const char *slab, const char *store, u64 keep)
{
	struct rng r;

	rng_init(&r, 1, "zsmalloc", "thinned");
	store_lab_open(l, "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n", NULL, slab, store);
	memset(objects, 0, sizeof(objects));
	for (unsigned int i = 0; i < OBJECTS; i++)
		put(l, i, (u32)rng_below(&r, PAGE_SIZE) + 1);
	for (unsigned int i = 0; i < OBJECTS; i++)
		if (rng_below(&r, 100) >= keep)
			drop(l, i);
}

static u64 freeable(const struct store_lab *l)
{
	struct store_class classes[CLASSES_MAX];
	unsigned int n = store_classes(l->store, classes, CLASSES_MAX);
	u64 pages = 0;

	for (unsigned int i = 0; i < n; i++)
		pages += classes[i].freeable;
	assert_int_equal(store_lab_stats(l).freeable_pages, pages);
	return pages;
}

/* No class has a zspage more than its objects need. */
static void assert_compact(const struct store_lab *l)
{
	struct store_class classes[CLASSES_MAX];
	unsigned int n = store_classes(l->store, classes, CLASSES_MAX);

	for (unsigned int i = 0; i < n; i++) {
		const struct store_class *c = &classes[i];
		u64 objs = c->pages_per_zspage * PAGE_SIZE / c->size;

		assert_int_equal(c->pages_used,
				 DIV_ROUND_UP(c->obj_used, objs) * c->pages_per_zspage);
		assert_int_equal(c->freeable, 0);
	}
}

/* ---- Compaction ---- */

static void test_all(void **state)
{
	struct store_compact c;
	struct store_lab l;
	u64 gain, pages;

	(void)state;
	open_thinned(&l, NULL, "zsmalloc", 40);
	gain = freeable(&l);
	pages = store_lab_stats(&l).pages;
	assert_true(gain > 300);
	c = store_lab_compact(&l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(c.freed_pages, gain);
	assert_int_equal(store_lab_stats(&l).pages, pages - gain);
	assert_true(c.moved_blocks && c.moved_bytes > c.moved_blocks * 32);
	assert_false(c.more);
	assert_compact(&l);
	store_check(l.store);
	assert_contents(&l);
	c = store_lab_compact(&l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(c.freed_pages, 0);
	assert_int_equal(c.moved_blocks, 0);
	assert_false(c.more);
	assert_int_equal(l.store->compacted.runs, 2);
	assert_int_equal(l.store->compacted.freed_pages, gain);
	drop_all(&l);
	store_lab_close(&l);
}

/* One object a run: the same is gained, run by run, and contents are there after each. */
static void test_step_by_step(void **state)
{
	u64 gain, freed = 0, moved = 0;
	struct store_compact c;
	struct store_lab l;

	(void)state;
	open_thinned(&l, NULL, "zsmalloc(chain=8)", 30);
	gain = freeable(&l);
	do {
		c = store_lab_compact(&l, 0, UINT64_MAX, 1);
		assert_int_equal(c.moved_blocks, 1);
		freed += c.freed_pages;
		moved++;
		assert_in_range(moved, 1, OBJECTS);
		if (moved % 100 == 0)
			store_check(l.store);
	} while (c.more);
	assert_int_equal(freed, gain);
	assert_compact(&l);
	assert_contents(&l);
	assert_int_equal(store_lab_compact(&l, 0, UINT64_MAX, 1).moved_blocks, 0);
	drop_all(&l);
	store_lab_close(&l);
}

/* Between runs that stopped half-way objects come and go. */
static void test_interrupted(void **state)
{
	struct store_compact c;
	struct store_lab l;
	struct rng r;

	(void)state;
	rng_init(&r, 2, "zsmalloc", "interrupted");
	open_thinned(&l, NULL, "zsmalloc", 50);
	for (unsigned int round = 0; round < 2000; round++) {
		unsigned int i = (unsigned int)rng_below(&r, OBJECTS);

		c = store_lab_compact(&l, 0, UINT64_MAX, 1 + rng_below(&r, 5000));
		if (objects[i].handle)
			drop(&l, i);
		else
			put(&l, i, 1 + (u32)rng_below(&r, PAGE_SIZE));
		if (round % 100 == 0)
			store_check(l.store);
	}
	c = store_lab_compact(&l, 0, UINT64_MAX, UINT64_MAX);
	assert_false(c.more);
	assert_compact(&l);
	assert_contents(&l);
	drop_all(&l);
	store_lab_close(&l);
}

static void test_bounds(void **state)
{
	struct store_compact c;
	struct store_lab l;
	u64 gain;

	(void)state;
	open_thinned(&l, NULL, "zsmalloc", 40);
	gain = freeable(&l);
	c = store_lab_compact(&l, 0, 10, UINT64_MAX);
	assert_in_range(c.freed_pages, 10, 10 + 3); /* the last zspage may be of four pages */
	assert_false(c.more);
	c = store_lab_compact(&l, 0, UINT64_MAX, 20000);
	assert_in_range(c.moved_bytes, 20000, 20000 + PAGE_SIZE);
	assert_true(c.more);
	c = store_lab_compact(&l, 0, 0, UINT64_MAX);
	assert_int_equal(c.moved_blocks, 0);
	assert_true(l.store->compacted.freed_pages < gain);
	store_check(l.store);
	drop_all(&l);
	store_lab_close(&l);
}

/* The emptier one of two goes into the fuller one, which is the better bargain. */
static void test_direction(void **state)
{
	struct store_compact c;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zsmalloc");
	memset(objects, 0, sizeof(objects));
	for (unsigned int i = 0; i < 16; i++)
		put(&l, i, 504);
	drop(&l, 0); /* 7 of 8 */
	for (unsigned int i = 8; i < 15; i++)
		drop(&l, i); /* 1 of 8 */
	c = store_lab_compact(&l, 0, UINT64_MAX, UINT64_MAX);
	assert_int_equal(c.freed_pages, 1);
	assert_int_equal(c.moved_blocks, 1);
	assert_int_equal(c.moved_bytes, 512);
	assert_contents(&l);
	drop_all(&l);
	store_lab_close(&l);
}

/* ---- Induced failure ---- */

/*
 * The nth request of the first malloc to a layer is refused: true if malloc was. Nothing is lost
 * then, and the next one goes well.
 */
static bool refused(struct store_lab *l, struct layer *layer, u64 nth)
{
	const u32 size = 2720; /* of a class with three pages */
	struct store_stats s;
	unsigned long handle;
	bool was_refused;

	layer->inject = (struct injection){.only_nth = nth};
	handle = store_lab_malloc(l, 0, size);
	was_refused = !handle;
	store_check(l->store);
	s = store_lab_stats(l);
	if (was_refused) {
		assert_int_equal(s.pages + s.blocks + s.descriptors, 0);
		handle = store_lab_malloc(l, 0, size);
		assert_true(handle);
		s = store_lab_stats(l);
	}
	assert_int_equal(s.pages, 3);
	assert_int_equal(s.descriptors, 2);
	assert_true(store_lab_write(l, 0, handle, size, nth));
	assert_int_equal(store_lab_read(l, 0, handle, size, nth), 1);
	assert_true(store_lab_free(l, 0, handle, size));
	return was_refused;
}

/* A handle, a descriptor; a slab of each, three pages. */
static void test_failures(void **state)
{
	struct store_lab l;

	(void)state;
	for (u64 nth = 1; nth <= 3; nth++) {
		store_lab_open(&l, LAB_NODE, NULL, NULL, "zsmalloc");
		assert_int_equal(refused(&l, l.sl.sa->layer, nth), nth <= 2);
		store_lab_close(&l);
	}
	for (u64 nth = 1; nth <= 6; nth++) {
		store_lab_open(&l, LAB_NODE, NULL, NULL, "zsmalloc");
		assert_int_equal(refused(&l, l.sl.lab.pa->layer, nth), nth <= 5);
		store_lab_close(&l);
	}
}

/* The machine is filled until nothing goes, and emptied again. */
static void test_no_memory(void **state)
{
	unsigned int nr = 0;
	struct store_lab l;

	(void)state;
	store_lab_open(&l, "  - {memory: 8MiB, cpus: 0-1, distance: [10]}\n", NULL, NULL,
		       "zsmalloc");
	memset(objects, 0, sizeof(objects));
	for (; nr < OBJECTS; nr++) {
		u32 size = 1 + nr * 37 % 4000;
		unsigned long handle = store_lab_malloc(&l, 0, size);

		if (!handle)
			break;
		objects[nr] = (struct object){handle, size};
		assert_true(store_lab_write(&l, 0, handle, size, nr));
	}
	assert_in_range(nr, 1000, OBJECTS - 1);
	store_check(l.store);
	assert_contents(&l);
	drop_all(&l);
	store_lab_close(&l);
}

/* ---- Densities ---- */

/* Objects for each page of a store that is filled and never freed from. */
static double packed(struct store_lab *l, const u32 *sizes, unsigned int n)
{
	struct store_stats s;

	for (unsigned int i = 0; i < n; i++)
		assert_true(store_lab_malloc(l, 0, sizes[i]));
	s = store_lab_stats(l);
	return (double)n / (double)s.pages;
}

/* Of the gamma distribution with mean 1 (Marsaglia and Tsang 2000). */
static double draw_gamma(struct rng *r, double shape)
{
	double c = shape - 1.0 / 3, x, v;

	ASSERT(shape >= 1);
	do {
		x = sqrt(-2 * log(1 - rng_double(r))) * cos(2 * 3.14159265358979 * rng_double(r));
		v = pow(1 + x / sqrt(9 * c), 3);
	} while (v <= 0 || log(1 - rng_double(r)) > x * x / 2 + c - c * v + c * log(v));
	return c * v / shape;
}

/*
 * So many pages of zeros, of 28 bytes each, and others of a gamma distribution cut off at a page;
 * before that is done, mean and deviation of all are as given.
 */
static double packing(double zeros, double mean, double sd)
{
	double rest = (mean - zeros * 28) / (1 - zeros), density;
	double var = (sd * sd + mean * mean - zeros * 28 * 28) / (1 - zeros) - rest * rest;
	static u32 sizes[20000];
	struct store_lab l;
	struct rng r;

	rng_init(&r, 3, "zsmalloc", "packing");
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		double size = rest * draw_gamma(&r, rest * rest / var);

		sizes[i] = rng_double(&r) < zeros ? 28 : (u32)max(1.0, min(size, 4096.0));
	}
	store_lab_open(&l, "  - {memory: 128MiB, cpus: 0-1, distance: [10]}\n", NULL, NULL,
		       "zsmalloc");
	density = packed(&l, sizes, ARRAY_SIZE(sizes));
	store_lab_close(&l);
	return density;
}

/* As published for fully packed stores; of the sizes only mean and deviation are. */
static void test_packing(void **state)
{
	(void)state;
	assert_in_range((long)(100 * packing(.11, 694, 474)), 547, 593);
	assert_in_range((long)(100 * packing(0, 1340, 842)), 278, 302);
	assert_in_range((long)(100 * packing(0, 1636, 1031)), 230, 250);
}

/* From 80 % of a page on nothing is gained, and one object in four pages is the worst. */
static void test_extremes(void **state)
{
	static u32 sizes[1000];
	struct store_lab l;

	(void)state;
	for (u32 size = 3257; size <= PAGE_SIZE; size += 100) {
		for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++)
			sizes[i] = size;
		store_lab_open(&l, LAB_NODE, NULL, NULL, "zsmalloc");
		assert_int_equal((long)(100 * packed(&l, sizes, ARRAY_SIZE(sizes))), 100);
		store_lab_close(&l);
	}
	store_lab_open(&l, LAB_NODE, NULL, NULL, "zsmalloc");
	sizes[0] = 3256;
	assert_int_equal((long)(100 * packed(&l, sizes, 1)), 25);
	store_lab_close(&l);
}

/* ---- A fuzz ---- */

/* A few sizes often, all sizes sometimes. */
static u32 draw_size(struct rng *r)
{
	static const u32 often[] = {1, 24, 25, 504, 2720, 3256, 3257, 4096};

	if (rng_below(r, 2))
		return often[rng_below(r, ARRAY_SIZE(often))];
	return 1 + (u32)rng_below(r, PAGE_SIZE);
}

static void fuzz(const char *slab, const char *store)
{
	struct store_lab l;
	struct rng r;

	rng_init(&r, 4, slab, store);
	store_lab_open(&l, LAB_TWO_NODES, NULL, slab, store);
	memset(objects, 0, sizeof(objects));
	for (unsigned int n = 0; n < 40000; n++) {
		unsigned int i = (unsigned int)rng_below(&r, OBJECTS / 2);

		if (objects[i].handle)
			drop(&l, i);
		else if (rng_below(&r, 3) == n / 10000 % 2) /* grows, shrinks */
			put(&l, i, draw_size(&r));
		if (rng_below(&r, 200) == 0)
			store_lab_compact(&l, 0, 1 + rng_below(&r, 100), rng_below(&r, 1 << 16));
		if (n % 1000 == 0)
			store_check(l.store);
	}
	assert_int_equal(store_lab_stats(&l).nr_bad, 0);
	assert_contents(&l);
	drop_all(&l);
	store_check(l.store);
	store_lab_close(&l);
}

static void test_fuzz(void **state)
{
	(void)state;
	fuzz("slabifier", "zsmalloc");
	fuzz("slabifier", "zsmalloc(chain=8)");
	fuzz("slabifier", "zsmalloc(chain=1)");
	fuzz("debug:slabifier", "zsmalloc");
	fuzz("queued_slab", "zsmalloc(chain=3)");
	fuzz("rcu:slob", "zsmalloc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),	    cmocka_unit_test(test_step_by_step),
		cmocka_unit_test(test_interrupted), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_direction),   cmocka_unit_test(test_failures),
		cmocka_unit_test(test_no_memory),   cmocka_unit_test(test_packing),
		cmocka_unit_test(test_extremes),    cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
