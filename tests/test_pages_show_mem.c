/*
 * What is reported when a request is refused: the kernel's words (warn_alloc, __show_free_areas,
 * mm/page_alloc.c; dump_header, mm/oom_kill.c, 6.1), as often as the kernel's.
 */
#include "tests/pages_test.h"
#include "tests/pressure_lab.h"

#include "alloc/show_mem.h"
#include "lib/text.h"

#define NODE                                                                                       \
	"  - {memory: 16MiB, cpus: 0-1, distance: [10]}\n"                                         \
	"watermarks: {min_free: 1MiB}\n"

static struct {
	unsigned int nr_refused, nr_oom;
	char refused[4096], oom[4096]; /* the last ones */
} seen;

static void see(void *arg, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	(void)arg, (void)t_ns, (void)cpu;
	if (!strcmp(kind, "refused")) {
		seen.nr_refused++;
		snprintf(seen.refused, sizeof(seen.refused), "%s", detail);
	} else if (!strcmp(kind, "oom")) {
		seen.nr_oom++;
		snprintf(seen.oom, sizeof(seen.oom), "%s", detail);
	}
}

/* 250 pages are free, where 252 to 3071 are in use. */
static void open_full(struct lab *lab)
{
	memset(&seen, 0, sizeof(seen));
	pressure_open(lab, NODE, "page_allocator(batch=4,high=64)", MM_BARE);
	lab->m->on_event = see;
	assert_non_null(lab_alloc(lab, 0, 10, GFP_MOVABLE_USER, -1));
	assert_non_null(lab_alloc(lab, 0, 10, GFP_KERNEL, -1));
	assert_non_null(lab_alloc(lab, 0, 10, GFP_MOVABLE_USER, -1));
	for (int order = 9; order >= 8; order--)
		assert_non_null(lab_alloc(lab, 0, order, GFP_MOVABLE_USER, -1));
	assert_non_null(lab_alloc(lab, 0, 0, GFP_MOVABLE_USER, -1));
	assert_non_null(lab_alloc(lab, 1, 0, GFP_MOVABLE_USER, -1));
	assert_blocks(3072, 1024, "M9 M8 M0 :0*3 M0 :0*3 .3 .4 .5 .6 .7");
	kernel->mm_mode = MM_LIVE;
}

#define ZONE_LINES                                                                                 \
	"Mem-Info:\n"                                                                              \
	" slab_reclaimable:0 slab_unreclaimable:0\n"                                               \
	" free:248 free_pcp:6\n"                                                                   \
	"Node 0 DMA free:992kB boost:0kB min:1024kB low:1280kB high:1536kB "                       \
	"reserved_highatomic:0KB present:16384kB managed:16384kB free_pcp:24kB local_pcp:12kB\n"   \
	"lowmem_reserve[]: 0 0 0 0\n"                                                              \
	"Node 0 DMA: 0*4kB 0*8kB 0*16kB 1*32kB (M) 1*64kB (M) 1*128kB (M) 1*256kB (M) "            \
	"1*512kB (M) 0*1024kB 0*2048kB 0*4096kB = 992kB\n"

static void a_refusal_in_the_kernels_words(void **state)
{
	struct lab lab;

	(void)state;
	open_full(&lab);
	assert_null(lab_alloc(&lab, 0, 4, GFP_KERNEL | __GFP_ZERO | __GFP_NORETRY, -1));
	assert_int_equal(seen.nr_refused, 1);
	assert_string_equal(
		seen.refused,
		"?: page allocation failure: order:4, "
		"mode:0x10dc0(GFP_KERNEL|__GFP_NORETRY|__GFP_ZERO), nodemask=(null)\n" ZONE_LINES);
	assert_int_equal(seen.nr_oom, 0);
	pressure_close(&lab);
}

static void the_oom_killer_in_the_kernels_words(void **state)
{
	struct lab lab;

	(void)state;
	open_full(&lab);
	assert_null(lab_alloc(&lab, 0, 1, GFP_HIGHUSER_MOVABLE, -1));
	assert_int_equal(seen.nr_oom, 1);
	assert_string_equal(seen.oom,
			    "? invoked oom-killer: gfp_mask=0x100cca"
			    "(GFP_HIGHUSER_MOVABLE), order=1, oom_score_adj=0\n" ZONE_LINES);
	assert_int_equal(seen.nr_refused, 1);
	pressure_close(&lab);
}

/* One failure in ten seconds, ten times the OOM killer in five; __GFP_NOWARN is not heard. */
static void it_is_not_repeated(void **state)
{
	struct lab lab;

	(void)state;
	open_full(&lab);
	assert_null(lab_alloc(&lab, 0, 4, GFP_NOWAIT | __GFP_NOWARN, -1));
	assert_int_equal(seen.nr_refused, 0);
	for (int i = 0; i < 12; i++)
		assert_null(lab_alloc(&lab, 0, 1, GFP_KERNEL, -1));
	assert_int_equal(seen.nr_refused, 1);
	assert_int_equal(seen.nr_oom, 10);
	assert_int_equal(vm_event(OOM_KILL), 12);
	lab.m->now_ns += 5001000000ULL;
	assert_null(lab_alloc(&lab, 0, 1, GFP_KERNEL, -1));
	assert_int_equal(seen.nr_refused, 1);
	assert_int_equal(seen.nr_oom, 11);
	lab.m->now_ns += 5001000000ULL;
	assert_null(lab_alloc(&lab, 0, 1, GFP_KERNEL, -1));
	assert_int_equal(seen.nr_refused, 2);
	pressure_close(&lab);
}

/* Types of free blocks, boost and reserve; and only the zones that the request could use. */
static void types_boost_and_reserve_show(void **state)
{
	struct lab lab;
	char buf[4096];
	struct text t = text_in(buf, sizeof(buf));

	(void)state;
	lab_open(&lab,
		 "  - {memory: 32MiB, cpus: 0, distance: [10]}\n"
		 "watermarks: {min_free: 1MiB}\n",
		 "page_allocator(pcp=off)");
	set_pageblock_migratetype(lab.pa, 0, MIGRATE_HIGHATOMIC);
	set_pageblock_migratetype(lab.pa, 512, MIGRATE_HIGHATOMIC);
	assert_non_null(lab_alloc(&lab, 0, 9, GFP_KERNEL | __GFP_DMA, -1));
	assert_non_null(lab_alloc(&lab, 0, 9, GFP_RECLAIM_KERNEL | __GFP_DMA, -1));
	show_mem(lab.pa, ZONE_DMA, &t);
	assert_null(strstr(buf, "DMA32"));
	assert_non_null(strstr(buf, " reserved_highatomic:4096KB "));
	assert_non_null(strstr(buf, "\nlowmem_reserve[]: 0 16 16 16\n"));
	assert_non_null(strstr(buf, " 0*1024kB 2*2048kB (UE) 2*4096kB (MH) = 12288kB\n"));
	lab_close(&lab);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_refusal_in_the_kernels_words),
		cmocka_unit_test(the_oom_killer_in_the_kernels_words),
		cmocka_unit_test(it_is_not_repeated),
		cmocka_unit_test(types_boost_and_reserve_show),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
