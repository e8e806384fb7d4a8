/*
 * The repair of recorded events, rule by rule. Drawings: a line of time for each address,
 * a = allocation, f = free, A/F = what the repair puts in, . = nothing recorded.
 */
#include <string.h>

#include "tests/test.h"
#include "tests/traces_lab.h"

#define KERNEL 0xcc0U
#define MOVABLE 0x100ccaU

static struct traces_lab lab;

static int begin(void **state)
{
	(void)state;
	traces_lab_begin(&lab);
	return 0;
}

static int end(void **state)
{
	(void)state;
	traces_lab_close(&lab);
	return 0;
}

/* The recorded kernel's own slab page:  page  a---------f      is no request,
 *                                       obj     a--f           and its objects are. */
static void slab_page(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x10, 0, KERNEL);
	lab_cache_alloc(&lab, LAB_ADDR(0x10, 64), 24, 32, "f+0x1", NULL);
	lab_cache_free(&lab, LAB_ADDR(0x10, 64), "inode");
	lab_page_free(&lab, 0x10, 0);
	lab_expect(&lab, "10 kmem_cache_alloc #0 inode\n"
			 "20 kmem_cache_free #0\n");
	assert_int_equal(lab_stats(&lab)->slab_pages, 1);
	assert_int_equal(lab.source->tables.caches[0].object_size, 24);
	assert_int_equal(lab.source->tables.caches[0].size, 32);
	assert_int_equal(lab.source->tables.caches[0].align, 16);
}

/* An object in the second page of a block of four makes the whole block a slab page. */
static void slab_page_tail(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x20, 2, KERNEL);
	lab_kmalloc(&lab, LAB_ADDR(0x21, 512), 500, 512, KERNEL);
	lab_page_alloc(&lab, 0x30, 2, KERNEL);
	lab_page_free(&lab, 0x30, 2);
	lab_expect(&lab, "10 kmalloc #0 kmalloc-512\n"
			 "20 page_alloc #1 order 2\n"
			 "30 page_free #1\n");
}

/* Older than the trace:  obj  A|...f   page unseen, address new: born before time zero. */
static void orphan_free(void **state)
{
	(void)state;
	lab_mark(&lab, "hello");
	lab_cache_free(&lab, LAB_ADDR(0x1800, 128), "dentry");
	lab_cache_free(&lab, LAB_ADDR(0x40, 64), "dentry");
	lab_cache_free(&lab, LAB_ADDR(0x40, 0), "dentry");
	lab_expect(&lab, "0 kmem_cache_alloc #0 dentry birth\n"
			 "0 kmem_cache_alloc #1 dentry birth\n"
			 "0 kmem_cache_alloc #2 dentry birth\n"
			 "0 mark hello\n"
			 "10 kmem_cache_free #2\n"
			 "20 kmem_cache_free #1\n"
			 "30 kmem_cache_free #0\n");
	assert_int_equal(lab_stats(&lab)->orphan_births, 3);
	/* Nobody showed the size: the distance of two of one page does. */
	assert_int_equal(lab.source->tables.caches[0].object_size, 64);
}

/* Births take place on the node where they were: CPU 2 is the first of node 1. */
static void births_on_their_node(void **state)
{
	const struct request *r;
	struct err e;

	(void)state;
	lab_cache_free(&lab, LAB_ADDR(0x1800, 0), "dentry");
	lab_cache_free(&lab, LAB_ADDR(0x40, 0), "dentry");
	traces_lab_end(&lab);
	assert_int_equal(lab.source->ops->rewind(lab.source, &e), 0);
	assert_int_equal(lab.source->ops->next(lab.source, &r, &e), 4);
	assert_int_equal(r[0].cpu, 0);
	assert_int_equal(r[0].node, 0);
	assert_int_equal(r[1].cpu, 2);
	assert_int_equal(r[1].node, 1);
}

/* Allocated in bulk, without an event:  page  a-------     the page is young, so the object
 *                                       obj   .A--f        was born after it, not before time 0. */
static void bulk_on_young_page(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x50, 0, KERNEL);
	lab_mark(&lab, "later");
	lab_cache_free(&lab, LAB_ADDR(0x50, 256), "maple_node");
	lab_expect(&lab, "0 kmem_cache_alloc #0 maple_node repair\n"
			 "10 mark later\n"
			 "20 kmem_cache_free #0\n");
	assert_int_equal(lab_stats(&lab)->bulk_births, 1);
	assert_int_equal(lab_stats(&lab)->orphan_births, 0);
}

/* obj  a-f.A--f   an old page, but the address was seen: bulk again, right after its last free. */
static void bulk_on_seen_address(void **state)
{
	(void)state;
	lab_cache_alloc(&lab, LAB_ADDR(0x60, 0), 256, 256, "f+0x1", NULL);
	lab_cache_free(&lab, LAB_ADDR(0x60, 0), "maple_node");
	lab_mark(&lab, "later");
	lab_cache_free(&lab, LAB_ADDR(0x60, 0), "maple_node");
	lab_expect(&lab, "0 kmem_cache_alloc #0 maple_node\n"
			 "10 kmem_cache_free #0\n"
			 "10 kmem_cache_alloc #0 maple_node repair\n"
			 "20 mark later\n"
			 "30 kmem_cache_free #0\n");
}

/* obj  a---Fa--   reappears allocated: freed in between without an event (kfree_rcu in bulk). */
static void reappears(void **state)
{
	(void)state;
	lab_kmalloc(&lab, LAB_ADDR(0x70, 0), 90, 96, KERNEL);
	lab_kmalloc(&lab, LAB_ADDR(0x70, 0), 70, 96, KERNEL);
	lab_expect(&lab, "0 kmalloc #0 kmalloc-96\n"
			 "10 kfree #0 repair\n"
			 "10 kmalloc #0 kmalloc-96\n");
	assert_int_equal(lab_stats(&lab)->reappeared, 1);
}

/* page  a-------f    a slab page is freed only when it is empty:
 * obj     a-----F    the object on it is dead. */
static void dies_with_its_page(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x80, 1, KERNEL);
	lab_kmalloc(&lab, LAB_ADDR(0x81, 0), 128, 128, KERNEL);
	lab_page_free(&lab, 0x80, 1);
	lab_kmalloc(&lab, LAB_ADDR(0x90, 0), 8, 8, KERNEL);
	lab_expect(&lab, "10 kmalloc #0 kmalloc-128\n"
			 "20 kfree #0 repair\n"
			 "30 kmalloc #0 kmalloc-8\n");
	assert_int_equal(lab_stats(&lab)->slab_page_frees, 1);
}

/* A page generation ends all that was known of its slots: the same address is then new. */
static void generations(void **state)
{
	(void)state;
	lab_cache_alloc(&lab, LAB_ADDR(0xa0, 0), 64, 64, "f+0x1", "old");
	lab_page_free(&lab, 0xa0, 0);
	lab_page_alloc(&lab, 0xa0, 0, KERNEL);
	lab_cache_free(&lab, LAB_ADDR(0xa0, 0), "new");
	lab_expect(&lab, "0 kmem_cache_alloc #0 old\n"
			 "10 kmem_cache_free #0 repair\n"
			 "20 kmem_cache_alloc #0 new repair\n"
			 "30 kmem_cache_free #0\n");
	assert_int_equal(lab_stats(&lab)->slab_pages_old, 1);
}

static void nothing_freed_nothing_got(void **state)
{
	(void)state;
	lab_kfree(&lab, 0, "f+0x1");
	lab_kmalloc(&lab, 0, 32, 32, KERNEL);
	lab_page_alloc(&lab, RAW_PFN_NONE, 9, MOVABLE);
	lab_expect(&lab, "");
	assert_int_equal(lab_stats(&lab)->null_frees, 1);
	assert_int_equal(lab_stats(&lab)->failed_allocs, 2);
}

/* Above 8 KiB kmalloc is pages: page a, kmalloc, kfree, page f give one page request. */
static void large_kmalloc(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x100, 2, KERNEL);
	lab_kmalloc(&lab, LAB_ADDR(0x100, 0), 10000, 16384, KERNEL);
	lab_kfree(&lab, LAB_ADDR(0x100, 0), "f+0x1");
	lab_page_free(&lab, 0x100, 2);
	lab_expect(&lab, "0 page_alloc #0 order 2\n"
			 "30 page_free #0\n");
	assert_int_equal(lab_stats(&lab)->large_kmallocs, 1);
	assert_int_equal(lab_stats(&lab)->slab_pages, 0);
}

/* kmem_cache_alloc without a name: 1 by its free, 2 by its page, 3 by its type, 4 not at all. */
static void names(void **state)
{
	(void)state;
	lab_cache_alloc(&lab, LAB_ADDR(0x200, 0), 56, 56, "f+0x1", NULL);
	lab_cache_alloc(&lab, LAB_ADDR(0x200, 56), 56, 56, "g+0x2", NULL);
	lab_cache_alloc(&lab, LAB_ADDR(0x300, 0), 56, 56, "f+0x1", NULL);
	lab_cache_alloc(&lab, LAB_ADDR(0x400, 0), 40, 48, "h+0x3", NULL);
	lab_cache_free(&lab, LAB_ADDR(0x200, 0), "fields");
	lab_expect(&lab, "0 kmem_cache_alloc #0 fields\n"
			 "10 kmem_cache_alloc #1 fields\n"
			 "20 kmem_cache_alloc #2 fields\n"
			 "30 kmem_cache_alloc #3 anon-40-48\n"
			 "40 kmem_cache_free #0\n");
	assert_int_equal(lab_stats(&lab)->unresolved_caches, 1);
	assert_int_equal(lab_stats(&lab)->unresolved_objects, 1);
}

/* A kfree has no name: the page's other objects tell, else what else was freed at its site. */
static void names_of_kfree(void **state)
{
	(void)state;
	lab_kmalloc(&lab, LAB_ADDR(0x500, 0), 180, 192, KERNEL);
	lab_kfree(&lab, LAB_ADDR(0x500, 192), "other+0x1");
	lab_kfree(&lab, LAB_ADDR(0x500, 0), "put+0x1");
	lab_kfree(&lab, LAB_ADDR(0x600, 0), "put+0x1");
	lab_kfree(&lab, LAB_ADDR(0x700, 0), "nobody+0x1");
	lab_expect(&lab, "0 kmalloc #0 kmalloc-192 birth\n"
			 "0 kmalloc #1 kmalloc-192 birth\n"
			 "0 kmalloc #2 kmalloc-64 birth\n"
			 "0 kmalloc #3 kmalloc-192\n"
			 "10 kfree #0\n"
			 "20 kfree #3\n"
			 "30 kfree #1\n"
			 "40 kfree #2\n");
	assert_int_equal(lab_stats(&lab)->unresolved_objects, 1);
}

static void kmalloc_types(void **state)
{
	(void)state;
	lab_kmalloc(&lab, LAB_ADDR(0x10, 0), 1000, 1024, KERNEL | 0x400000);
	lab_kmalloc(&lab, LAB_ADDR(0x20, 0), 1000, 1024, KERNEL | 0x10 | 0x400000);
	lab_kmalloc(&lab, LAB_ADDR(0x30, 0), 8000, 8192, KERNEL | 0x1 | 0x10);
	lab_expect(&lab, "0 kmalloc #0 kmalloc-cg-1k\n"
			 "10 kmalloc #1 kmalloc-rcl-1k\n"
			 "20 kmalloc #2 dma-kmalloc-8k\n");
	assert_true(lab.source->tables.caches[1].reclaimable);
	assert_false(lab.source->tables.caches[0].reclaimable);
}

/* Page  A|...f  older than the trace; freed in a batch: it was user memory. */
static void orphan_pages(void **state)
{
	const struct request *r;
	struct err e;

	(void)state;
	lab_page_free(&lab, 0x900, 0);
	lab_event(&lab, RAW_PAGE_BATCHED, 0x900, 0);
	lab_page_free(&lab, 0x800, 3);
	lab_expect(&lab, "0 page_alloc #0 order 3 birth\n"
			 "0 page_alloc #1 order 0 birth\n"
			 "0 page_free #1\n"
			 "20 page_free #0\n");
	assert_int_equal(lab.source->ops->rewind(lab.source, &e), 0);
	assert_int_equal(lab.source->ops->next(lab.source, &r, &e), 4);
	assert_int_equal(r[0].gfp, KERNEL);
	assert_int_equal(r[1].gfp, MOVABLE);
}

/* page  a-f.A-f   freed before, so allocated in bulk (alloc_pages_bulk) after that. */
static void bulk_page(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x900, 0, KERNEL);
	lab_page_free(&lab, 0x900, 0);
	lab_mark(&lab, "later");
	lab_page_free(&lab, 0x900, 0);
	lab_expect(&lab, "0 page_alloc #0 order 0\n"
			 "10 page_free #0\n"
			 "10 page_alloc #0 order 0 repair\n"
			 "20 mark later\n"
			 "30 page_free #0\n");
}

/* page  a---Fa-f   allocated twice. */
static void page_reappears(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x900, 0, KERNEL);
	lab_page_alloc(&lab, 0x900, 0, MOVABLE);
	lab_page_free(&lab, 0x900, 0);
	lab_expect(&lab, "0 page_alloc #0 order 0\n"
			 "10 page_free #0 repair\n"
			 "10 page_alloc #0 order 0\n"
			 "20 page_free #0\n");
}

/* source  a---f           freed inside compaction: the request lives on
 * target      ......f     and ends with a free out of nowhere */
static void moved_by_compaction(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x900, 0, MOVABLE);
	lab_event(&lab, RAW_COMPACT_BEGIN, 0, 0);
	lab_event(&lab, RAW_MIGRATE_BEGIN, 0, 0);
	lab_page_free(&lab, 0x900, 0);
	lab_event(&lab, RAW_MIGRATE_END, 0, 0);
	lab_page_free(&lab, 0xa00, 0); /* taken by compaction, not needed, given back */
	lab_event(&lab, RAW_COMPACT_END, 0, 0);
	lab_page_free(&lab, 0xb00, 0);
	lab_expect(&lab, "0 page_alloc #0 order 0\n"
			 "70 page_free #0\n");
	assert_int_equal(lab_stats(&lab)->moved_pages, 1);
	assert_int_equal(lab_stats(&lab)->moved_page_frees, 1);
	assert_int_equal(lab_stats(&lab)->isolated_pages, 1);
}

/* While one task compacts, the frees of others are theirs. */
static void others_do_not_move(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x900, 0, MOVABLE);
	lab_event(&lab, RAW_MIGRATE_BEGIN, 0, 0);
	lab.pid = 2;
	lab_page_free(&lab, 0x900, 0);
	lab_expect(&lab, "0 page_alloc #0 order 0\n"
			 "20 page_free #0\n");
}

/* A block of four is freed in parts: from the first on, the parts are requests of their own. */
static void freed_in_parts(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x40, 2, KERNEL);
	lab_page_free(&lab, 0x42, 1);
	lab_page_free(&lab, 0x40, 1);
	lab_expect(&lab, "0 page_alloc #0 order 2\n"
			 "10 page_free #0 repair\n"
			 "10 page_alloc #0 order 1 repair\n"
			 "10 page_alloc #1 order 1 repair\n"
			 "10 page_free #1\n"
			 "20 page_free #0\n");
}

static void freed_as_one(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x40, 0, KERNEL);
	lab_page_alloc(&lab, 0x41, 0, KERNEL);
	lab_page_free(&lab, 0x40, 1);
	lab_expect(&lab, "0 page_alloc #0 order 0\n"
			 "10 page_alloc #1 order 0\n"
			 "20 page_free #0 repair\n"
			 "20 page_free #1 repair\n");
}

/* zs_malloc  [ handle object, zspage object, pages ]  return: one store request, nothing else. */
static void store(void **state)
{
	(void)state;
	lab_event(&lab, RAW_STORE_ALLOC, 0, 1828);
	lab_cache_alloc(&lab, LAB_ADDR(0xc0, 8), 8, 8, "zs_malloc+0x1", NULL);
	lab_page_alloc(&lab, 0xd0, 0, MOVABLE);
	lab.flags = RAW_F_IRQ;
	lab_kmalloc(&lab, LAB_ADDR(0xe0, 0), 64, 64, KERNEL); /* an interrupt's: not the store's */
	lab.flags = 0;
	lab_event(&lab, RAW_STORE_ALLOC_RET, LAB_ADDR(0xc0, 8), 0);
	lab_event(&lab, RAW_STORE_FREE, LAB_ADDR(0xc0, 8), 0);
	lab_cache_free(&lab, LAB_ADDR(0xc0, 8), "zs_handle");
	lab_page_free(&lab, 0xd0, 0);
	lab_cache_free(&lab, LAB_ADDR(0xc0, 16), "zs_handle"); /* older than the trace */
	lab_expect(&lab, "30 kmalloc #0 kmalloc-64\n"
			 "40 store_alloc #1 1828\n"
			 "50 store_free #1\n");
	assert_int_equal(lab_stats(&lab)->store_pages, 1);
}

static void marks(void **state)
{
	(void)state;
	lab_mark(&lab, "SNAP before begin shrink");
	lab_mark(&lab, "SNAP before end shrink");
	lab_expect(&lab, "0 mark SNAP before begin shrink\n"
			 "0 shrink\n"
			 "10 mark SNAP before end shrink\n");
	assert_int_equal(lab.source->tables.marks[1].t_ns, 10);
}

/* Three slab births whose addresses agree on a base: KASLR put the direct map there. */
static void randomised_direct_map(void **state)
{
	const u64 shift = 0x1234ULL << 30;

	(void)state;
	for (u64 i = 1; i <= 3; i++) {
		lab_page_alloc(&lab, 0x100 * i, 0, KERNEL);
		lab_kmalloc(&lab, LAB_ADDR(0x100 * i, 64) + shift, 64, 64, KERNEL);
	}
	lab_page_free(&lab, 0x100, 0);
	lab_expect(&lab, "10 kmalloc #0 kmalloc-64\n"
			 "30 kmalloc #1 kmalloc-64\n"
			 "50 kmalloc #2 kmalloc-64\n"
			 "60 kfree #0 repair\n");
}

static void impossible_events(void **state)
{
	(void)state;
	lab_page_alloc(&lab, 0x10, 0, KERNEL);
	for (u64 i = 1; i <= 3; i++) {
		lab_page_alloc(&lab, 0x100 * i, 0, KERNEL);
		lab_kmalloc(&lab, LAB_ADDR(0x100 * i, 64), 64, 64, KERNEL);
	}
	lab_page_alloc(&lab, 0x13, 1, KERNEL);
	assert_non_null(strstr(lab.error, "page frame 0x13 of order 1 is impossible"));
	lab_kmalloc(&lab, 0x00000000deadbee8ULL, 64, 64, KERNEL);
	assert_non_null(strstr(lab.error, "not in the direct map"));
	traces_lab_end(&lab);
}

#define RULE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RULE(slab_page),
		RULE(slab_page_tail),
		RULE(orphan_free),
		RULE(births_on_their_node),
		RULE(bulk_on_young_page),
		RULE(bulk_on_seen_address),
		RULE(reappears),
		RULE(dies_with_its_page),
		RULE(generations),
		RULE(nothing_freed_nothing_got),
		RULE(large_kmalloc),
		RULE(names),
		RULE(names_of_kfree),
		RULE(kmalloc_types),
		RULE(orphan_pages),
		RULE(bulk_page),
		RULE(page_reappears),
		RULE(moved_by_compaction),
		RULE(others_do_not_move),
		RULE(freed_in_parts),
		RULE(freed_as_one),
		RULE(store),
		RULE(marks),
		RULE(randomised_direct_map),
		RULE(impossible_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
