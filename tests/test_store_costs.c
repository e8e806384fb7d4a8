/*
 * What stores are charged for: the lines of memory that a malloc and a free look at, the same rule
 * for all (alloc/store_alloc.h).
 */
#include "tests/store_lab.h"
#include "tests/test.h"

/* Lines that one object costs once pages, slabs and zspages are there. */
static const struct expected {
	const char *store;
	size_t size;
	u64 malloc, free;
} expected[] = {
	{"zbud", 1000, 1, 1},	   /* the page's header */
	{"zbud", 3000, 1, 1},	   /* of a page of its own, the same */
	{"xvmalloc", 1000, 1, 1},  /* the block's header */
	{"xvmalloc", 3000, 1, 1},  /* of a page of its own, the same */
	{"xcfmalloc", 1000, 1, 2}, /* the block's header; and its descriptor */
	{"xcfmalloc", 2500, 2, 4}, /* two blocks */
	{"zsmalloc", 1000, 1, 2},  /* the object's head; and its handle's word */
	{"zsmalloc", 4000, 1, 2},  /* of a zspage of its own, the same */
	{"kmalloc", 1000, 0, 0},   /* slabs know what is in the cache */
	{"rcu:zbud", 1000, 1, 1},  /* the record; zbud's free comes later */
	{"debug:zbud", 1000, 1, 2},
};

/* Time that CPU 0 has worked, if nothing but a line of memory costs any. */
static u64 nr_lines(const struct store_lab *l)
{
	return l->sl.lab.m->cpus[0].busy_ns;
}

static void check_lines(const struct expected *x)
{
	unsigned long handles[5], handle;
	struct store_lab l;
	u64 before, lines;

	store_lab_open(&l, LAB_NODE, NULL, NULL, x->store);
	memset(kernel->cost_ns, 0, sizeof(kernel->cost_ns));
	/* Room for one more, whatever the store; the last two leave it. */
	for (u32 i = 0; i < ARRAY_SIZE(handles); i++)
		handles[i] = store_lab_malloc(&l, 0, x->size);
	for (u32 i = 3; i < ARRAY_SIZE(handles); i++)
		assert_true(store_lab_free(&l, 0, handles[i], x->size));
	kernel->cost_ns[COST_LINE_LOCAL] = 1;
	before = nr_lines(&l);
	handle = store_lab_malloc(&l, 0, x->size);
	lines = nr_lines(&l) - before;
	if (lines != x->malloc)
		fail_msg("%s, %zu bytes: a malloc of %llu lines, not %llu", x->store, x->size,
			 (unsigned long long)lines, (unsigned long long)x->malloc);
	before = nr_lines(&l);
	assert_true(store_lab_free(&l, 0, handle, x->size));
	lines = nr_lines(&l) - before;
	if (lines != x->free)
		fail_msg("%s, %zu bytes: a free of %llu lines, not %llu", x->store, x->size,
			 (unsigned long long)lines, (unsigned long long)x->free);
	for (u32 i = 0; i < 3; i++)
		assert_true(store_lab_free(&l, 0, handles[i], x->size));
	store_lab_close(&l);
}

static void test_lines(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(expected); i++)
		check_lines(&expected[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
