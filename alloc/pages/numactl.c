/*
 * numactl: forces a node and adds flags.
 *
 * Theory: placement policy as a layer, so that it can stand above or below any other: pinned slabs
 * under a free cache, or the other way round.
 *
 * Invariant: with node >= 0 and __GFP_THISNODE, whatever it hands out lies on that node.
 *
 * Unlike Linux: there the policy belongs to the task (mm/mempolicy.c), and only its own pages obey
 * it.
 */
#include "alloc/pages/forced.h"

struct numactl_options {
	s64 node;
	u64 flags;
};

static const struct opt_desc numactl_opts[] = {
	OPT_S64("node", struct numactl_options, node, "-1", -1, MAX_NUMNODES - 1,
		"node every request asks for; -1: as asked"),
	OPT_FLAGS("flags", struct numactl_options, flags, "", gfp_flag_names, gfp_flag_values,
		  "flags added to every request, such as GFP_THISNODE"),
	OPT_END};

static struct allocator_desc numactl_desc;

static struct page_allocator *numactl_create(struct page_allocator *base, const void *options,
					     struct err *e)
{
	const struct numactl_options *o = options;

	return forced_create(base, (int)o->node, (gfp_t)o->flags, &numactl_desc, e);
}

struct page_allocator *numactl_allocator(struct page_allocator *base, int node, gfp_t flags)
{
	struct numactl_options o = {.node = node, .flags = flags};
	struct err e;

	return numactl_create(base, &o, &e);
}

static struct allocator_desc numactl_desc = {
	.name = "numactl",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "forces the node and adds flags to every allocation",
	.options = numactl_opts,
	.options_size = sizeof(struct numactl_options),
	.create_pages = numactl_create,
};
ALLOCATOR(numactl_desc)
