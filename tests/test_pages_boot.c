/*
 * boot: early pages, the hand-over with no page lost or doubled, states, refused combinations.
 */
#include "tests/pages_test.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alloc/boot.h"
#include "tests/slab_lab.h"

/* 16 MiB below the DMA limit, 16 MiB above it; the second node has CPUs only. */
#define BOOT_NODES                                                                                 \
	"  - {memory: 32MiB, cpus: 0-1, distance: [10, 20, 30]}\n"                                 \
	"  - {memory: 0B, cpus: 2, distance: [20, 10, 15]}\n"                                      \
	"  - {memory: 16MiB, cpus: 3, distance: [30, 15, 10]}\n"
#define DMA_END 4096
#define FIRST_END 8192
#define ALL_PAGES 12288

static void come_up(struct lab *lab, struct boot_counts *counts)
{
	mem_init(boot_layer(lab->pa), counts);
	kmem_cache_init();
	assert_int_equal(kernel->slab_state, SLAB_NORMAL);
}

static unsigned long early_pfn(struct lab *lab, int cpu, int order, gfp_t flags, int node)
{
	struct page *page = lab_alloc(lab, cpu, order, flags, node);

	page_allocator_check(lab->pa);
	return page ? page_to_pfn(page) : ~0UL;
}

static void early_pages_lie_above_the_dma_limit_aligned_to_their_size(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, BOOT_NODES, "boot:page_allocator");
	assert_int_equal(kernel->slab_state, SLAB_NONE);
	assert_int_equal(lab.pa->base->layer->live_bytes, 0);
	assert_int_equal(node_zone(0, ZONE_DMA32)->vm_stat[NR_FREE_PAGES], 0); /* it is not up */
	assert_int_equal(early_pfn(&lab, 0, 0, GFP_KERNEL, -1), DMA_END + 1);
	assert_int_equal(early_pfn(&lab, 0, 3, GFP_KERNEL, -1), DMA_END + 8);
	assert_int_equal(early_pfn(&lab, 0, 1, GFP_KERNEL, -1), DMA_END + 2);
	assert_int_equal(early_pfn(&lab, 0, 0, GFP_DMA, -1), 0);
	assert_int_equal(early_pfn(&lab, 0, 2, GFP_DMA, 2), 4);
	assert_pages(DMA_END + 1, 16, "|U|UU|____|UUUUUUUU|_|");
	assert_pages(0, 9, "|U|_|__|UUUU|_|");
	assert_int_equal(lab.pa->base->layer->live_bytes, 16 * PAGE_SIZE);
	lab_close(&lab);
}

static void early_requests_go_to_the_nearest_node_with_memory(void **state)
{
	struct lab lab;

	(void)state;
	lab_open(&lab, BOOT_NODES, "boot:page_allocator");
	assert_int_equal(early_pfn(&lab, 0, 0, GFP_KERNEL, 1), FIRST_END + 1);
	assert_int_equal(early_pfn(&lab, 2, 0, GFP_KERNEL, -1), FIRST_END + 2);
	assert_int_equal(early_pfn(&lab, 2, 0, GFP_KERNEL | __GFP_THISNODE, 1), ~0UL);
	assert_int_equal(early_pfn(&lab, 0, 0, GFP_KERNEL | __GFP_THISNODE, 2), FIRST_END + 3);
	lab_close(&lab);
	lab_open(&lab, BOOT_NODES, "numactl(node=1):boot:page_allocator");
	assert_int_equal(early_pfn(&lab, 0, 0, GFP_KERNEL, 0), FIRST_END + 1);
	lab_close(&lab);
}

static void draw_hand_over(const char *source, const char *after)
{
	struct boot_counts counts;
	char chain[64];
	struct lab lab;

	snprintf(chain, sizeof(chain), "boot:%s", source);
	lab_open(&lab, BOOT_NODES, chain);
	for (int i = 0; i < 4; i++)
		early_pfn(&lab, 0, i, GFP_KERNEL, 0);
	lab_free(&lab, 0, pfn_to_page(DMA_END + 2), 1);
	assert_pages(DMA_END + 1, 16, "|U|__|UUUU|UUUUUUUU|_|");
	come_up(&lab, &counts);
	assert_int_equal(counts.kept, 13);
	assert_int_equal(counts.handed_over, ALL_PAGES - 13);
	assert_int_equal(lab_free_pages(&lab), ALL_PAGES - 13);
	assert_pages(DMA_END + 1, 15, after);
	page_allocator_check(lab.pa);
	/* Early pages go back like any other: then all of memory is free. */
	lab_free(&lab, 1, pfn_to_page(DMA_END + 1), 0);
	lab_free(&lab, 2, pfn_to_page(DMA_END + 4), 2);
	lab_free(&lab, 3, pfn_to_page(DMA_END + 8), 3);
	lab_settle(&lab);
	assert_int_equal(lab_free_pages(&lab), ALL_PAGES);
	assert_int_equal(page_nr_free(lab.pa, node_zone(0, ZONE_DMA32), MIGRATE_MOVABLE, 10), 4);
	assert_int_equal(lab.pa->base->layer->live_objs, 0);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void what_is_free_is_handed_over_and_nothing_else(void **state)
{
	(void)state;
	draw_hand_over("page_allocator", "|U|..|UUUU|UUUUUUUU|");
	draw_hand_over("bitmap", "|U|__|UUUU|UUUUUUUU|");
}

/* With nothing kept, memory is as it would be without a boot phase, to the order of its blocks. */
static void a_hand_over_at_once_leaves_no_trace(void **state)
{
	unsigned long pfns[2][64];
	struct boot_counts counts;
	struct lab lab;

	(void)state;
	for (int boot = 0; boot < 2; boot++) {
		lab_open(&lab, BOOT_NODES, boot ? "boot:page_allocator" : "page_allocator");
		if (boot)
			come_up(&lab, &counts);
		for (int i = 0; i < 64; i++) {
			gfp_t flags = i % 5 ? GFP_KERNEL : GFP_MOVABLE_USER;

			pfns[boot][i] = early_pfn(&lab, i % 4, i % 11, flags, -1);
		}
		lab_close(&lab);
	}
	assert_memory_equal(pfns[0], pfns[1], sizeof(pfns[0]));
}

/* Untouched memory comes as a range: a terabyte costs what was touched of it. */
static void a_terabyte_stays_untouched(void **state)
{
	struct boot_counts counts;
	struct lab lab;
	int n;

	(void)state;
	skip_shadowed();
	lab_open(&lab,
		 "  - {memory: 512GiB, cpus: 0, distance: [10, 20]}\n"
		 "  - {memory: 512GiB, cpus: 1, distance: [20, 10]}\n",
		 "boot:page_allocator");
	for_each_node (n)
		early_pfn(&lab, 0, 0, GFP_KERNEL, n);
	come_up(&lab, &counts);
	assert_int_equal(counts.kept, 2);
	assert_int_equal(counts.handed_over, (1UL << 28) - 2);
	assert_blocks(1UL << 27, 6144, ".10*4 U0 .0 .1 .2 .3 .4 .5 .6 .7 .8 .9 _10");
	lab_close(&lab);
}

/* The hand-over writes into no struct of a page that holds objects (memmap_init must skip it). */
static void structs_of_early_slab_pages_survive(void **state)
{
	static struct slab_control room;
	struct boot_counts counts;
	struct slab_cache *cache;
	struct page before[2], *page;
	struct slab_lab sl;
	char drawn[128];
	void *objects[40];
	struct err e;

	(void)state;
	lab_open(&sl.lab, BOOT_NODES, "boot:page_allocator");
	kmem_cache_init();
	assert_int_equal(kernel->slab_state, SLAB_EARLY);
	sl.sa = slab_lab_chain(sl.lab.pa, "slabifier(max_order=1,min_order=1)", &e);
	cache = slab_lab_cache(&sl, &room, "early", 512);
	for (int i = 0; i < 40; i++)
		objects[i] = slab_lab_alloc(&sl, 0, cache, GFP_KERNEL, -1);
	slab_lab_free(&sl, 0, cache, objects[3]);
	page = virt_to_head_page(objects[0]);
	assert_pages(DMA_END + 1, 7, "|_|SS|SS|SS|");
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, objects[3]),
			    "cpu0+ aaa.aaaaaaaaaaaa");
	memcpy(before, page, sizeof(before));
	come_up(&sl.lab, &counts);
	assert_memory_equal(page, before, sizeof(before));
	assert_pages(DMA_END, 8, "|..|SS|SS|SS|");
	assert_string_equal(draw_slab(drawn, sizeof(drawn), cache, objects[3]),
			    "cpu0+ aaa.aaaaaaaaaaaa");
	slab_cache_check(cache);
	for (int i = 0; i < 40; i++)
		if (i != 3)
			slab_lab_free(&sl, i % 4, cache, objects[i]);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_allocator_put(sl.sa);
	lab_settle(&sl.lab);
	assert_int_equal(lab_free_pages(&sl.lab), ALL_PAGES);
	lab_close(&sl.lab);
}

/* A slab for a node that has CPUs only lies on the nearest one, early and later. */
static void slabs_of_a_node_without_memory_lie_on_the_nearest(void **state)
{
	static struct slab_control room;
	struct boot_counts counts;
	struct slab_cache *cache;
	struct slab_lab sl;
	struct err e;
	void *object;

	(void)state;
	for (int boot = 0; boot < 2; boot++) {
		lab_open(&sl.lab, BOOT_NODES, boot ? "boot:page_allocator" : "page_allocator");
		if (boot)
			kmem_cache_init();
		sl.sa = slab_lab_chain(sl.lab.pa, "slabifier", &e);
		cache = slab_lab_cache(&sl, &room, "nearest", 4096);
		for (int i = 0; i < 20; i++) {
			object = slab_lab_alloc(&sl, 2, cache, GFP_KERNEL, i % 2 ? 1 : -1);
			assert_int_equal(page_to_nid(virt_to_page(object)), 2);
			if (boot && i == 10)
				come_up(&sl.lab, &counts);
			slab_lab_free(&sl, i % 4, cache, object);
		}
		assert_null(slab_lab_alloc(&sl, 2, cache, GFP_KERNEL | __GFP_THISNODE, 1));
		assert_int_equal(slab_cache_destroy(cache), 0);
		slab_allocator_put(sl.sa);
		lab_close(&sl.lab);
	}
}

/* Layers above hold what they took early: reserves, and pages in limbo. */
static void layers_above_work_over_it(void **state)
{
	struct boot_counts counts;
	struct lab lab;

	(void)state;
	lab_open(&lab, BOOT_NODES, "rcu:reclaimable:mempool(order=2,min_nr=3):boot:page_allocator");
	assert_pages(DMA_END + 1, 15, "|_|__|~~~~|~~~~|~~~~|");
	lab_free(&lab, 0, lab_alloc(&lab, 0, 0, GFP_KERNEL, 0), 0);
	assert_pages(DMA_END + 1, 3, "|~|__|"); /* it waits for a grace period */
	come_up(&lab, &counts);
	assert_int_equal(counts.kept, 13);
	assert_pages(DMA_END, 4, "|.|~|..|");
	lab_settle(&lab);
	assert_int_equal(lab_free_pages(&lab), ALL_PAGES - 12);
	page_allocator_check(lab.pa);
	lab_close(&lab);
}

static void what_makes_no_sense_is_refused(void **state)
{
	static const char *const refused[][2] = {
		{"boot:rcu:page_allocator", "boot stands on the source"},
		{"boot:boot:page_allocator", "boot stands on the source"},
		{"boot:mempool:page_allocator", "boot stands on the source"},
		{"boot:null", "no memory that could come up later"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct lab lab;
		struct err e;

		lab_open(&lab, BOOT_NODES, NULL);
		assert_null(lab_chain(refused[i][0], &e));
		assert_says(e.msg, refused[i][1]);
		lab_close(&lab);
	}
}

/* ---- What ends as a bug ---- */

static void kmalloc_without_slabs(struct lab *lab)
{
	(void)lab;
	slab_state_check("kmalloc");
}

static void kfree_in_the_window(struct lab *lab)
{
	struct boot_counts counts;

	kmem_cache_init();
	mem_init(boot_layer(lab->pa), &counts);
	slab_state_check("kfree");
}

static void early_and_normal(struct lab *lab)
{
	struct boot_counts counts;

	kmem_cache_init();
	slab_state_check("kmalloc");
	come_up(lab, &counts);
	slab_state_check("kfree");
	_exit(0);
}

static void mem_init_twice(struct lab *lab)
{
	struct boot_counts counts;

	come_up(lab, &counts);
	mem_init(boot_layer(lab->pa), &counts);
}

static void kmem_cache_init_twice(struct lab *lab)
{
	(void)lab;
	kmem_cache_init();
	kmem_cache_init();
}

/* One frame more is free than bootmem ever had. */
static void a_doubled_page(struct lab *lab)
{
	struct boot_counts counts;

	lab_alloc(lab, 0, 0, GFP_KERNEL, 0);
	pfn_to_page(DMA_END + 1)->flags = 0;
	mem_init(boot_layer(lab->pa), &counts);
}

static void a_lost_page(struct lab *lab)
{
	struct boot_counts counts;

	lab_alloc(lab, 0, 0, GFP_KERNEL, 0);
	pfn_to_page(DMA_END + 2)->flags = PG_allocated;
	mem_init(boot_layer(lab->pa), &counts);
}

/* Exit code; what it said goes to `said`. */
static int dies(void (*deed)(struct lab *lab), char *said, size_t n)
{
	int status, ends[2];
	ssize_t len;
	pid_t child;

	assert_int_equal(pipe(ends), 0);
	child = fork();
	if (!child) {
		struct lab lab;

		dup2(ends[1], STDERR_FILENO);
		lab_open(&lab, BOOT_NODES, "boot:page_allocator");
		deed(&lab);
		_exit(1);
	}
	close(ends[1]);
	len = read(ends[0], said, n - 1);
	said[len > 0 ? len : 0] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void bugs_of_the_boot_phase_are_caught(void **state)
{
	char said[1000];

	(void)state;
	assert_int_equal(dies(early_and_normal, said, sizeof(said)), 0);
	assert_int_equal(dies(kmalloc_without_slabs, said, sizeof(said)), EXIT_BUG);
	assert_says(said, "kmalloc with no slab layer (before the first kmem_cache_init())");
	assert_int_equal(dies(kfree_in_the_window, said, sizeof(said)), EXIT_BUG);
	assert_says(said, "kfree in the forbidden window (after mem_init(), before the second "
			  "kmem_cache_init()), called from ?");
	assert_int_equal(dies(mem_init_twice, said, sizeof(said)), EXIT_BUG);
	assert_int_equal(dies(kmem_cache_init_twice, said, sizeof(said)), EXIT_BUG);
	assert_int_equal(dies(a_doubled_page, said, sizeof(said)), EXIT_BUG);
	assert_int_equal(dies(a_lost_page, said, sizeof(said)), EXIT_BUG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(early_pages_lie_above_the_dma_limit_aligned_to_their_size),
		cmocka_unit_test(early_requests_go_to_the_nearest_node_with_memory),
		cmocka_unit_test(what_is_free_is_handed_over_and_nothing_else),
		cmocka_unit_test(a_hand_over_at_once_leaves_no_trace),
		cmocka_unit_test(a_terabyte_stays_untouched),
		cmocka_unit_test(structs_of_early_slab_pages_survive),
		cmocka_unit_test(slabs_of_a_node_without_memory_lie_on_the_nearest),
		cmocka_unit_test(layers_above_work_over_it),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(bugs_of_the_boot_phase_are_caught),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
