/*
 * forward (slab): a derivation that overrides nothing.
 *
 * Theory: as for pages: what derive_slab_allocator gives is whole. Each cache stands on a cache of
 * the base, of the same geometry; every method forwards to it, and kfree enters here.
 *
 * Invariant: what lies above it cannot tell that it is there, but by the time it takes.
 *
 * Unlike the modular slab (2006): there a derivation without methods of its own was a copy of its
 * base, and its caches were the base's.
 */
#include "alloc/slab_alloc.h"

static struct allocator_desc forward_slab_desc;

static struct slab_allocator *forward_instance(struct slab_allocator *base,
					       struct page_allocator *pages, const void *options,
					       struct err *e)
{
	struct slab_allocator *sa = instance_alloc(sizeof(*sa));

	(void)options, (void)e;
	derive_slab_allocator(sa, base, pages, &forward_slab_desc);
	return sa;
}

static struct allocator_desc forward_slab_desc = {
	.name = "forward",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "passes everything on: what a derivation costs",
	.help = "Any number of them stand on each other: compare stacks of 0, 1, 2, ... to see\n"
		"the price of one, in simulated time and, as bench/layers does, in host time.",
	.create_slab = forward_instance,
};
ALLOCATOR(forward_slab_desc)
