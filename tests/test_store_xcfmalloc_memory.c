/*
 * xcfmalloc: its functions by name, and the memory it asks for: with whose flags, under which lock,
 * and what is left behind where there is none.
 */
#include "tests/test.h"

#include "tests/xcf_lab.h"

static void fill(struct xcf_lab *xl, unsigned long *handles, int nr, size_t size)
{
	for (int i = 0; i < nr; i++) {
		handles[i] = store_lab_malloc(&xl->l, 0, size);
		assert_true(handles[i]);
		assert_true(store_lab_write(&xl->l, 0, handles[i], size, (u64)i));
	}
}

/* ---- Memory: whose flags, and under which lock ---- */

static struct {
	struct page *(*allocate)(const struct page_allocator *, int, gfp_t, int);
	void (*free)(const struct page_allocator *, struct page *, int);
	const spinlock_t *lock;
	gfp_t all_store, all_slab;
	u64 nr_store, nr_slab, nr_free;
} spy;

static struct page *spy_allocate(const struct page_allocator *self, int order, gfp_t flags,
				 int node)
{
	assert_false(spy.lock->locked);
	/* Pages of slabs are asked for without what contents may have. */
	if (flags & __GFP_HIGHMEM) {
		spy.all_store = spy.nr_store++ ? spy.all_store & flags : flags;
	} else {
		spy.all_slab = spy.nr_slab++ ? spy.all_slab & flags : flags;
	}
	return spy.allocate(self, order, flags, node);
}

static void spy_free(const struct page_allocator *self, struct page *page, int order)
{
	assert_false(spy.lock->locked);
	spy.nr_free++;
	spy.free(self, page, order);
}

static void spy_on(struct xcf_lab *xl, const struct xcf_pool *x)
{
	memset(&spy, 0, sizeof(spy));
	spy.allocate = xl->l.sl.lab.pa->allocate;
	spy.free = xl->l.sl.lab.pa->free;
	spy.lock = &x->lock;
	xl->l.sl.lab.pa->allocate = spy_allocate;
	xl->l.sl.lab.pa->free = spy_free;
}

static void spy_off(struct xcf_lab *xl)
{
	xl->l.sl.lab.pa->allocate = spy.allocate;
	xl->l.sl.lab.pa->free = spy.free;
}

static void nothing_is_allocated_under_the_lock(void **state)
{
	static unsigned long handles[600];
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc(reserve=1)");
	spy_on(&xl, xl.x);
	fill(&xl, handles, 600, 1800);
	for (int i = 0; i < 600; i += 2)
		assert_true(store_lab_free(&xl.l, 0, handles[i], 1800));
	assert_true(store_lab_compact(&xl.l, 0, UINT64_MAX, UINT64_MAX).freed_pages > 0);
	for (int i = 1; i < 600; i += 2)
		assert_true(store_lab_free(&xl.l, 0, handles[i], 1800));
	assert_true(spy.nr_store > 100 && spy.nr_slab > 1 && spy.nr_free > 100);
	spy_off(&xl);
	xcf_lab_close(&xl);
}

static void a_pool_remembers_its_flags(void **state)
{
	unsigned long handles[200];
	struct store_env env;
	struct xcf_pool *x;
	struct xcf_lab xl;
	struct err e;
	u64 entered_ns;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	env = xl.l.store->env;
	x = xcf_create_pool(&env, NULL, __GFP_HIGH | __GFP_ACCOUNT, &e);
	assert_non_null(x);
	spy_on(&xl, x);
	entered_ns = machine_enter(xl.l.sl.lab.m, 0, xl.l.sl.lab.m->now_ns);
	for (int i = 0; i < 200; i++)
		handles[i] = xcf_malloc(x, 3000, GFP_STORE);
	for (int i = 0; i < 200; i++)
		assert_true(handles[i] && xcf_free(x, handles[i], 3000));
	machine_leave(xl.l.sl.lab.m, entered_ns);
	assert_true(spy.nr_store && spy.nr_slab);
	assert_int_equal(spy.all_store & (__GFP_HIGH | __GFP_ACCOUNT), __GFP_HIGH | __GFP_ACCOUNT);
	assert_true(spy.all_slab & __GFP_HIGH);
	xcf_destroy_pool(x);
	spy_off(&xl);
	xcf_lab_close(&xl);
}

static void functions_by_name(void **state)
{
	char out[3000], in[3000];
	struct store_env env;
	unsigned long a, b;
	struct xcf_pool *x;
	struct xcf_lab xl;
	struct err e;
	u64 entered_ns;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	env = xl.l.store->env;
	x = xcf_create_pool(&env, NULL, GFP_KERNEL, &e);
	entered_ns = machine_enter(xl.l.sl.lab.m, 0, xl.l.sl.lab.m->now_ns);
	memset(out, 'x', sizeof(out));
	a = xcf_malloc(x, 3000, GFP_KERNEL);
	b = xcf_malloc(x, 3000, GFP_KERNEL);
	assert_int_equal(xcf_get_alloc_size(x, b), 3000);
	assert_int_equal(xcf_get_alloc_size(x, b + 8), 0);
	assert_true(xcf_write(x, b, out, 3000));
	assert_true(xcf_free(x, a, 3000));
	xcf_compact(x, UINT64_MAX);
	assert_true(xcf_read(x, b, in, 3000));
	assert_memory_equal(in, out, 3000);
	assert_true(xcf_free(x, b, 3000));
	assert_int_equal(xcf_get_alloc_size(x, b), 0);
	assert_int_equal(xcf_get_total_size_bytes(x), 0);
	xcf_check(xcf_store(x));
	machine_leave(xl.l.sl.lab.m, entered_ns);
	xcf_destroy_pool(x);
	xcf_lab_close(&xl);
}

/* ---- What makes no sense ---- */

static void refused_stacks(void **state)
{
	struct slab_allocator *null;
	struct slabulator sl;
	struct store_env env;
	struct xcf_lab xl;
	struct err e;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	env = xl.l.store->env;
	null = slab_lab_chain(xl.l.sl.lab.pa, "null", &e);
	assert_non_null(null);
	slabulator_init(&sl, null, xl.l.sl.lab.pa);
	env.slabs = &sl;
	assert_null(store_lab_chain(&env, "xcfmalloc", &e));
	assert_says(e.msg, "keeps nothing");
	assert_int_equal(slabulator_destroy(&sl), 0);
	slab_allocator_put(null);
	xcf_lab_close(&xl);
}

/* ---- No memory ---- */

/* Each request for a page or a descriptor fails in turn: what was taken before is given back. */
static void every_site_fails(void **state)
{
	static unsigned long handles[60];

	(void)state;
	for (u64 nth = 1; nth < 200; nth++) {
		struct injection *in;
		struct store_stats s;
		struct xcf_lab xl;
		int failed = 0;

		xcf_lab_open(&xl, nth % 2 ? "xcfmalloc(reserve=0)"
					  : "xcfmalloc(max_blocks=4,reserve=0)");
		in = nth % 4 < 2 ? &xl.l.sl.lab.pa->layer->inject
				 : &xl.x->descs->cache->layer->inject;
		*in = (struct injection){.only_nth = 1 + nth / 4};
		for (int i = 0; i < 60; i++) {
			u64 blocks = xl.x->nr_blocks, objs = xl.x->nr_objs;

			handles[i] = store_lab_malloc(&xl.l, 0, 500 + (size_t)i * 50);
			if (handles[i])
				continue;
			failed++;
			assert_int_equal(xl.x->nr_blocks, blocks);
			assert_int_equal(xl.x->nr_objs, objs);
			store_check(xl.l.store);
		}
		assert_int_equal(failed, in->seen >= in->only_nth);
		s = store_lab_stats(&xl.l);
		assert_int_equal(s.descriptors, s.blocks);
		for (int i = 0; i < 60; i++)
			if (handles[i])
				assert_true(
					store_lab_free(&xl.l, 0, handles[i], 500 + (size_t)i * 50));
		assert_int_equal(store_lab_stats(&xl.l).pages, 0);
		xcf_lab_close(&xl);
	}
}

/* Every other page is refused: objects whose second block needs one give their first one back. */
static void a_split_object_is_undone(void **state)
{
	struct xcf_lab xl;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	xcf_lab_put(&xl, 'a', 3056);
	assert_string_equal(xcf_lab_draw(&xl), "[3072 a][1024 .]");
	xl.l.sl.lab.pa->layer->inject.every = 1;
	assert_false(xcf_lab_put(&xl, 'b', 3056));
	assert_string_equal(xcf_lab_draw(&xl), "[3072 a][1024 .]");
	assert_true(xcf_lab_put(&xl, 'c', 1008)); /* what fits needs no page */
	xl.l.sl.lab.pa->layer->inject.every = 0;
	xcf_lab_verify(&xl);
	xcf_lab_close(&xl);
}

static void no_memory_at_all(void **state)
{
	static unsigned long handles[8192];
	struct xcf_lab xl;
	int nr = 0;

	(void)state;
	xcf_lab_open(&xl, "xcfmalloc");
	while ((handles[nr] = store_lab_malloc(&xl.l, 0, 2500)))
		nr++;
	assert_true(nr > 4000 && nr < 8192);
	store_check(xl.l.store);
	while (nr-- > 0)
		assert_true(store_lab_free(&xl.l, 0, handles[nr], 2500));
	xcf_lab_close(&xl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_allocated_under_the_lock),
		cmocka_unit_test(a_pool_remembers_its_flags),
		cmocka_unit_test(functions_by_name),
		cmocka_unit_test(refused_stacks),
		cmocka_unit_test(every_site_fails),
		cmocka_unit_test(a_split_object_is_undone),
		cmocka_unit_test(no_memory_at_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
