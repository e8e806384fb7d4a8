/*
 * Layers that change what is asked for: what dma and numactl share.
 *
 * Theory: such a layer keeps no pages; it rewrites the request and passes it on, and frees are
 * passed on as they are. What a chain of them forces in the end is known when it is made: all flags
 * together, and the innermost node. A chain that nothing can satisfy is refused there, with the
 * reason, rather than failing every request.
 *
 * Invariant: live_bytes of the layer and of its base are equal as far as this layer uses the base.
 *
 * Unlike Linux: there such a policy belongs to the task or the caller (mm/mempolicy.c).
 */
#include "alloc/pages/forced.h"

#include "alloc/pages/zonelist.h"

struct forced_pages {
	struct page_allocator pa;
	int node; /* -1: as asked */
	gfp_t flags;
};

static void forced_rewrite(const struct page_allocator *self, gfp_t *flags, int *node)
{
	const struct forced_pages *fp = container_of(self, const struct forced_pages, pa);

	*flags |= fp->flags;
	if (fp->node >= 0)
		*node = fp->node;
}

static bool node_has_zone(int nid, enum zone_type highest)
{
	for (int type = 0; type <= (int)highest; type++)
		if (node_zone(nid, (enum zone_type)type)->spanned_pages)
			return true;
	return false;
}

static int check_possible(int node, gfp_t flags, struct err *e)
{
	enum zone_type highest = gfp_zone(flags | __GFP_HIGHMEM | __GFP_MOVABLE);

	if (node >= kernel->nr_node_ids)
		return err_set(e, "node %d does not exist: this machine has nodes 0 to %d", node,
			       kernel->nr_node_ids - 1);
	if ((flags & __GFP_DMA) && (flags & __GFP_DMA32))
		return err_set(e, "__GFP_DMA and __GFP_DMA32 exclude each other");
	if ((flags & __GFP_MOVABLE) && (flags & __GFP_RECLAIMABLE))
		return err_set(e, "__GFP_MOVABLE and __GFP_RECLAIMABLE exclude each other");
	if (node >= 0 && (flags & __GFP_THISNODE) && !node_has_zone(node, highest))
		return err_set(
			e,
			"node %d has no memory in zone %s or below, and __GFP_THISNODE forbids "
			"other nodes: every request would be refused",
			node, zone_names[highest]);
	return 0;
}

struct page_allocator *forced_create(struct page_allocator *base, int node, gfp_t flags,
				     const struct allocator_desc *desc, struct err *e)
{
	int chain_node = node;
	gfp_t chain_flags = flags;
	struct forced_pages *fp;

	page_chain_rewrite(base, &chain_flags, &chain_node);
	if (check_possible(node, flags, e) || check_possible(chain_node, chain_flags, e))
		return NULL;
	fp = instance_alloc(sizeof(*fp));
	derive_page_allocator(&fp->pa, base, desc);
	fp->pa.rewrite = forced_rewrite;
	fp->node = node;
	fp->flags = flags;
	return &fp->pa;
}
