/*
 * The state at time zero. A slab page is drawn with a letter for each 1 KiB of it: L alive at time
 * zero, f free, . not known.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/traces_lab.h"
#include "traces/state.h"

#define KERNEL 0xcc0U
#define ZERO "SNAP before end shrink"

static struct traces_lab lab;
static struct state st;

static int begin(void **state)
{
	(void)state;
	traces_lab_begin(&lab);
	return 0;
}

static int end(void **state)
{
	(void)state;
	state_free(&st);
	traces_lab_close(&lab);
	return 0;
}

static void alloc(u64 pfn, unsigned int slot)
{
	lab_cache_alloc(&lab, LAB_ADDR(pfn, slot * 1024), 1000, 1024, "make+0x1", NULL);
}

static void freed(u64 pfn, unsigned int slot)
{
	lab_cache_free(&lab, LAB_ADDR(pfn, slot * 1024), "thing");
}

static void finish(void)
{
	const struct source_tables *t;
	struct err e = {{0}};
	size_t n;
	u8 *data;

	traces_lab_end(&lab);
	t = &lab.source->tables;
	assert_int_equal(kmt_section_read(lab.source, KMT_SECTION_STATE, &data, &n, &e), 1);
	assert_int_equal(state_decode(&st, data, n, t->nr_objects_max, t->nr_caches, &e), 0);
	free(data);
}

static void expect_page(u64 pfn, const char *want)
{
	char drawn[5] = "....";

	for (u64 i = 0; i < st.nr_slots; i++)
		if (st.slots[i].ptr >> 12 == pfn)
			drawn[st.slots[i].ptr / 1024 % 4] =
				st.slots[i].object == STATE_FREE ? 'f' : 'L';
	if (strcmp(drawn, want))
		fail_msg("page 0x%llx: Expected %s Was %s", (unsigned long long)pfn, want, drawn);
}

/*
 * before   |zero   after
 * a        |       f        alive
 * a  f     |       a        free
 * (page)   |       f        alive: its page is older, and nobody allocated it since
 * (page)   |       a        free: so it is given out for the first time
 */
static void what_events_tell(void **state)
{
	(void)state;
	alloc(0x10, 0);
	alloc(0x10, 1);
	freed(0x10, 1);
	lab_mark(&lab, ZERO);
	freed(0x10, 0);
	alloc(0x10, 1);
	freed(0x20, 0);
	alloc(0x20, 1);
	freed(0x20, 1);
	alloc(0x20, 0);
	finish();
	expect_page(0x10, "Lf..");
	expect_page(0x20, "Lf..");
	assert_int_equal(st.t_ns, 30);
	assert_int_equal(st.position, 4); /* with the birth of 0x20's first */
	assert_int_equal(lab_stats(&lab)->zero_live, 2);
	assert_int_equal(lab_stats(&lab)->zero_free, 2);
}

/* A page that came later tells nothing of time zero; neither does one in its second use. */
static void generations(void **state)
{
	(void)state;
	lab_mark(&lab, ZERO);
	lab_page_alloc(&lab, 0x10, 0, KERNEL);
	alloc(0x10, 0);
	freed(0x20, 2);
	lab_page_free(&lab, 0x20, 0);
	lab_page_alloc(&lab, 0x20, 0, KERNEL);
	alloc(0x20, 0);
	finish();
	expect_page(0x10, "....");
	expect_page(0x20, "..L.");
	assert_int_equal(st.nr_dead, 1);
	assert_int_equal(st.dead[0].pfn, 0x20);
}

/* Allocated in bulk: after its free and before the next, so it is taken to be alive in between. */
static void bulk(void **state)
{
	(void)state;
	alloc(0x10, 0);
	freed(0x10, 0);
	lab_mark(&lab, ZERO);
	freed(0x10, 0);
	finish();
	expect_page(0x10, "L...");
}

/* Page requests that are held; not those that turn out to be slabs, whenever that is. */
static void pages(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x10, 0, KERNEL);
	lab_page_alloc(&lab, 0x14, 2, KERNEL);
	lab_page_alloc(&lab, 0x20, 0, KERNEL);
	lab_mark(&lab, ZERO);
	lab_page_alloc(&lab, 0x30, 0, KERNEL);
	alloc(0x20, 0);
	lab_page_free(&lab, 0x10, 0);
	lab_page_free(&lab, 0x41, 0);
	finish();
	assert_int_equal(st.nr_pages, 3);
	assert_int_equal(st.pages[0].pfn, 0x10);
	assert_int_equal(st.pages[1].pfn, 0x14);
	assert_int_equal(st.pages[1].order, 2);
	assert_int_equal(st.pages[2].pfn, 0x41);
	expect_page(0x20, "f...");
}

/* "end shrink" of the first label, whatever follows; without it the last end of that label. */
static void which_mark(void **state)
{
	(void)state;
	alloc(0x10, 0);
	lab_mark(&lab, "SNAP first end slabinfo0");
	freed(0x10, 0);
	lab_mark(&lab, "SNAP first end slabinfo");
	alloc(0x10, 0);
	lab_mark(&lab, "SNAP second end shrink");
	finish();
	assert_int_equal(st.t_ns, 30);
	expect_page(0x10, "f...");
}

static void shrink_is_the_mark(void **state)
{
	(void)state;
	alloc(0x10, 0);
	lab_mark(&lab, "SNAP first end shrink");
	freed(0x10, 0);
	lab_mark(&lab, "SNAP first end slabinfo");
	finish();
	assert_int_equal(st.t_ns, 10);
	expect_page(0x10, "L...");
}

/* Without marks: the start. */
static void no_marks(void **state)
{
	(void)state;
	freed(0x10, 0);
	alloc(0x10, 1);
	finish();
	assert_int_equal(st.t_ns, 0);
	assert_int_equal(st.position, 1);
	expect_page(0x10, "Lf..");
}

/* Every byte less is refused, and so is what follows. */
static void damage(void **state)
{
	struct state other;
	struct bytes out = {0};
	struct err e;

	(void)state;
	alloc(0x10, 0);
	lab_page_alloc(&lab, 0x20, 1, KERNEL);
	lab_mark(&lab, ZERO);
	alloc(0x18, 3);
	freed(0x28, 3);
	lab_page_free(&lab, 0x28, 0);
	finish();
	assert_int_equal(st.nr_slots, 3);
	state_encode(&st, &out);
	for (size_t n = 0; n < out.n; n++)
		assert_int_equal(state_decode(&other, out.data, n, 10, 10, &e), -1);
	assert_int_equal(state_decode(&other, out.data, out.n, 1, 10, &e), -1);
	assert_int_equal(state_decode(&other, out.data, out.n, 10, 0, &e), -1);
	bytes_put_le(&out, 0, 1);
	assert_int_equal(state_decode(&other, out.data, out.n, 10, 10, &e), -1);
	bytes_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_events_tell, begin, end),
		cmocka_unit_test_setup_teardown(generations, begin, end),
		cmocka_unit_test_setup_teardown(bulk, begin, end),
		cmocka_unit_test_setup_teardown(pages, begin, end),
		cmocka_unit_test_setup_teardown(which_mark, begin, end),
		cmocka_unit_test_setup_teardown(shrink_is_the_mark, begin, end),
		cmocka_unit_test_setup_teardown(no_marks, begin, end),
		cmocka_unit_test_setup_teardown(damage, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
