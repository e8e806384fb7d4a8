/*
 * forward: a derivation that overrides nothing.
 *
 * Theory: what derive_page_allocator gives is whole: every method forwards to the base. Stacked,
 * any number of times, it shows what a derivation costs by itself, in simulated and in host time,
 * and it is where a new derivation starts.
 *
 * Invariant: what lies above it cannot tell that it is there, but by the time it takes.
 *
 * Unlike the modular page allocator (2006): there a derivation without methods of its own was a
 * copy of its base.
 */
#include "alloc/page_alloc.h"

static struct allocator_desc forward_desc;

static struct page_allocator *forward_create(struct page_allocator *base, const void *options,
					     struct err *e)
{
	struct page_allocator *self = instance_alloc(sizeof(*self));

	(void)options, (void)e;
	derive_page_allocator(self, base, &forward_desc);
	return self;
}

static struct allocator_desc forward_desc = {
	.name = "forward",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "passes everything on: what a derivation costs",
	.help = "Any number of them stand on each other: compare stacks of 0, 1, 2, ... to see\n"
		"the price of one, in simulated time and, as bench/layers does, in host time.",
	.create_pages = forward_create,
};
ALLOCATOR(forward_desc)
