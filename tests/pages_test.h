/*
 * What every test of page allocators includes.
 */
#ifndef TESTS_PAGES_TEST_H
#define TESTS_PAGES_TEST_H

#include "tests/test.h"

#include "alloc/pages/page_allocator.h"
#include "tests/draw.h"
#include "tests/lab.h"

#define GFP_MOVABLE_USER GFP_HIGHUSER_MOVABLE
#define GFP_RECLAIM_KERNEL (GFP_KERNEL | __GFP_RECLAIMABLE)

#define assert_pages(first, nr, drawing)                                                           \
	do {                                                                                       \
		char drawn_[2048];                                                                 \
		assert_string_equal(draw_pages(drawn_, sizeof(drawn_), first, nr), drawing);       \
	} while (0)

#define assert_blocks(first, nr, drawing)                                                          \
	do {                                                                                       \
		char drawn_[2048];                                                                 \
		assert_string_equal(draw_blocks(drawn_, sizeof(drawn_), first, nr), drawing);      \
	} while (0)

#endif
