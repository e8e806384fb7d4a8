/*
 * Page allocators with options of their own.
 */
#include "tests/page_variants.h"

#include <stdio.h>
#include <string.h>

static void print_numactl(struct rng *r, char *text, size_t n)
{
	static const char *const names[] = {"", "GFP_THISNODE", "__GFP_DMA32", "__GFP_ZERO",
					    "__GFP_RECLAIMABLE"};
	int node = (int)rng_below(r, 4) - 1;
	u64 i = rng_below(r, ARRAY_SIZE(names));

	snprintf(text, n, "numactl(node=%d,flags=%s)", node, names[i]);
}

static const char *random_page_allocator(struct rng *r)
{
	static const char *const variants[] = {
		"page_allocator",
		"page_allocator(pcp=off)",
		"page_allocator(batch=1,high=3)",
		"page_allocator(batch=7,high=40)",
		"page_allocator(high=2000)",
		"page_allocator(grouping=off)",
		"page_allocator(pcp=off,grouping=off)",
		"page_allocator(watermarks=off)",
		"page_allocator(compaction=off)",
		"page_allocator(proactiveness=100,pcp=off)",
	};

	return variants[rng_below(r, ARRAY_SIZE(variants))];
}

void print_page_allocator(struct rng *r, const struct allocator_desc *d, char *text, size_t n)
{
	if (!strcmp(d->name, "numactl"))
		print_numactl(r, text, n);
	else if (!strcmp(d->name, "page_allocator"))
		snprintf(text, n, "%s", random_page_allocator(r));
	else
		snprintf(text, n, "%s", d->name);
}
