/*
 * What stores ask for when they need a page: movable memory is for pages that can be migrated.
 */
#include "tests/store_lab.h"
#include "tests/test.h"

/* ---- A page layer that remembers what it was asked for ---- */

static gfp_t asked; /* last, for a single page */

static struct page *witness_allocate(const struct page_allocator *self, int order, gfp_t flags,
				     int node)
{
	asked = flags;
	return page_alloc(self->base, order, flags, node);
}

static struct allocator_desc witness_desc;

static struct page_allocator *witness_instance(struct page_allocator *base, const void *options,
					       struct err *e)
{
	struct page_allocator *pa = instance_alloc(sizeof(*pa));

	(void)options, (void)e;
	derive_page_allocator(pa, base, &witness_desc);
	pa->allocate = witness_allocate;
	return pa;
}

static struct allocator_desc witness_desc = {
	.name = "witness",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "remembers what it was asked for",
	.create_pages = witness_instance,
};
ALLOCATOR(witness_desc)

/* ---- Stores ---- */

static const struct {
	const char *store;
	bool movable, highmem;
} expected[] = {
	{"zsmalloc", true, true},
	{"zbud", false, false}, /* a handle is an address; and -EINVAL in Linux */
	{"xvmalloc", false, true},
	{"xcfmalloc", false, true},
	{"xcfmalloc(gfp=__GFP_MOVABLE)", true, true}, /* asked for */
	{"kmalloc", false, false},
};

static void test_flags(void **state)
{
	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(expected); i++) {
		struct store_lab l;
		unsigned long handle;

		store_lab_open(&l, LAB_NODE, "witness:page_allocator", NULL, expected[i].store);
		/* The page for contents is what a large object asks for last. */
		handle = store_malloc(l.store, 3500, GFP_STORE);
		assert_true(handle);
		if (!(asked & __GFP_MOVABLE) == expected[i].movable ||
		    !(asked & __GFP_HIGHMEM) == expected[i].highmem)
			fail_msg("%s asked with 0x%x", expected[i].store, asked);
		assert_true(store_free(l.store, handle, 3500));
		store_lab_close(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flags),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
