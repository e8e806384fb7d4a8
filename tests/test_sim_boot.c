/*
 * The boot phase of a replay: which requests are early, and that the hand-over lies behind them.
 */
#include "alloc/boot.h"
#include "sim/trial.h"
#include "tests/array_source.h"
#include "tests/test.h"

#define NR 40

static struct machine_config machine;

/* Sites by request: 1 is make_thing, 2 other_site, 0 unknown; '+' allocates, '-' frees the same. */
static struct request requests[NR];

static void fill(const char *kinds, const u32 *sites)
{
	size_t n = strlen(kinds);

	ASSERT(n <= NR);
	for (size_t i = 0; i < n; i++)
		requests[i] = (struct request){
			.kind = kinds[i] == '-' ? REQ_CACHE_FREE : REQ_CACHE_ALLOC,
			.object = kinds[i] == '-' ? (u32)i - 1 : (u32)i,
			.gfp = GFP_KERNEL,
			.node = -1,
			.t_ns = kinds[i] == 'b' ? 0 : 1000 * i,
			.flags = kinds[i] == 'b' ? REQ_F_BIRTH : 0,
			.cpu = (u16)(i % 4),
			.site = sites[i],
		};
}

static int run(struct trial *t, size_t n, size_t batch, const char *pages, const char *slab,
	       struct err *e)
{
	struct array_source a;
	struct stack_config stack;
	int ret;

	machine_config_default(&machine);
	assert_int_equal(stack_config_parse(&stack, pages, slab, e), 0);
	array_source_init(&a, requests, n);
	a.batch = batch;
	*t = (struct trial){.machine = &machine,
			    .stack = &stack,
			    .source = &a.src,
			    .seed = 1,
			    .check_every = 3};
	ret = trial_run(t, e);
	stack_config_free(&stack);
	return ret;
}

#define CHAIN "boot(until=make_thing*,before=other_*):page_allocator"

/* The last one of the first site before the first one of the second; a birth is early too. */
static void the_last_early_request_is_found(void **state)
{
	static const u32 sites[] = {0, 0, 1, 0, 1, 0, 0, 2, 1, 1};
	struct trial t;
	struct err e;
	u64 digest = 0;

	(void)state;
	fill("bb++-+++-+", sites);
	for (size_t batch = 1; batch <= 10; batch++) {
		assert_int_equal(run(&t, 10, batch, CHAIN, "slabifier", &e), 0);
		assert_true(t.boot.had && t.boot.late);
		assert_string_equal(t.boot.site, "make_thing+0x10");
		assert_int_equal(t.boot.nr_requests, 3);
		assert_int_equal(t.boot.t_ns, 4000);
		assert_int_equal(t.boot.req_bytes, 3 * 104); /* two births, and one of two */
		assert_int_equal(t.boot.taken_bytes, t.boot.pages.kept * 4096);
		assert_true(t.boot.pages.kept > 0);
		assert_int_equal(t.boot.pages.kept + t.boot.pages.handed_over, 1 << 19);
		assert_true(!digest || t.digest == digest);
		digest = t.digest;
	}
	/* Without an end, the very last one is meant. */
	assert_int_equal(run(&t, 10, 4, "boot(until=make_thing*,before=):bitmap", "slabifier", &e),
			 0);
	assert_int_equal(t.boot.nr_requests, 8);
}

static void without_early_sites_memory_is_handed_over_first(void **state)
{
	static const u32 sites[] = {0, 2, 1, 0};
	struct trial t, plain;
	struct err e;

	(void)state;
	fill("b+-+", sites);
	requests[2].object = 1;
	assert_int_equal(run(&t, 4, 2, "boot:page_allocator", "slabifier", &e), 0);
	assert_true(t.boot.had && !t.boot.late);
	assert_int_equal(t.boot.pages.handed_over, 1 << 19);
	assert_int_equal(run(&t, 4, 2, "boot(until=):page_allocator", "slabifier", &e), 0);
	assert_false(t.boot.late);
	assert_int_equal(run(&plain, 4, 2, "page_allocator", "slabifier", &e), 0);
	assert_false(plain.boot.had);
	/* Who names sites means this load. */
	assert_int_equal(run(&t, 4, 2, CHAIN, "slabifier", &e), -1);
	assert_says(e.msg, "array: no request is early: none is from a call site 'make_thing*' "
			   "before one from 'other_*'");
	assert_int_equal(run(&t, 4, 2, "boot(until=make_thinx):page_allocator", "slabifier", &e),
			 -1);
	assert_says(e.msg, "make_thinx");
	assert_int_equal(run(&t, 4, 2, "boot(until=[):page_allocator", "slabifier", &e), -1);
	assert_says(e.msg, "boot: ");
}

/* Objects of before and after, freed in any order: what is lost is known, all else comes back. */
static void bootmem_objects_survive_the_hand_over(void **state)
{
	static const u32 sites[] = {0, 1, 1, 1, 0, 0, 0, 0};
	struct trial t, early;
	struct err e;

	(void)state;
	fill("b+++----", sites);
	for (u32 i = 4; i < 8; i++)
		requests[i].object = 7 - i;
	assert_int_equal(run(&t, 8, 3, CHAIN, "bootmem:slabifier", &e), 0);
	assert_int_equal(t.boot.nr_requests, 3);
	assert_int_equal(t.boot.pages.kept, 2); /* two objects of 104 bytes share a page a node */
	assert_int_equal(run(&early, 8, 3, CHAIN, "slabifier", &e), 0);
	assert_int_equal(early.boot.req_bytes, t.boot.req_bytes);
	assert_int_equal(early.boot.pages.kept, 4); /* a slab on each CPU */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_last_early_request_is_found),
		cmocka_unit_test(without_early_sites_memory_is_handed_over_first),
		cmocka_unit_test(bootmem_objects_survive_the_hand_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
