/*
 * Zonelists by node distance.
 *
 * Theory: a request prefers its own node, then the nearest; within a node the highest zone it may
 * use, so that low memory is kept for those who need it. Among nodes at equal distance the order
 * rotates from node to node: each list adds load to the first node of every distance group, and
 * less loaded nodes come first (build_zonelists, find_next_best_node, mm/page_alloc.c, 6.1).
 *
 * Invariant: every list names each zone with memory that its highest type admits, once.
 *
 * Unlike Linux: one list for each highest type instead of one list that is filtered while it is
 * walked.
 */
#include "alloc/pages/zonelist.h"

#include <string.h>

/* Where two bits contradict each other Linux has a bug caught at boot; here the lower zone wins. */
const u8 gfp_zone_table[16] = {
	[0] = ZONE_NORMAL,
	[__GFP_DMA] = ZONE_DMA,
	[__GFP_HIGHMEM] = ZONE_NORMAL,
	[__GFP_DMA | __GFP_HIGHMEM] = ZONE_DMA,
	[__GFP_DMA32] = ZONE_DMA32,
	[__GFP_DMA32 | __GFP_DMA] = ZONE_DMA,
	[__GFP_DMA32 | __GFP_HIGHMEM] = ZONE_DMA32,
	[__GFP_DMA32 | __GFP_HIGHMEM | __GFP_DMA] = ZONE_DMA,
	[__GFP_MOVABLE] = ZONE_NORMAL,
	[__GFP_MOVABLE | __GFP_DMA] = ZONE_DMA,
	[__GFP_MOVABLE | __GFP_HIGHMEM] = ZONE_MOVABLE,
	[__GFP_MOVABLE | __GFP_HIGHMEM | __GFP_DMA] = ZONE_DMA,
	[__GFP_MOVABLE | __GFP_DMA32] = ZONE_DMA32,
	[__GFP_MOVABLE | __GFP_DMA32 | __GFP_DMA] = ZONE_DMA,
	[__GFP_MOVABLE | __GFP_DMA32 | __GFP_HIGHMEM] = ZONE_DMA32,
	[__GFP_MOVABLE | __GFP_DMA32 | __GFP_HIGHMEM | __GFP_DMA] = ZONE_DMA,
};

struct node_order {
	int nids[MAX_NUMNODES];
	int nr;
	bool used[MAX_NUMNODES];
};

static bool node_has_cpus(int nid)
{
	int cpu;

	for_each_possible_cpu (cpu)
		if (cpu_to_node(cpu) == nid)
			return true;
	return false;
}

/* The nearest node not yet used; then the next one, the one without CPUs, the less loaded. */
static int next_best_node(int node, const struct node_order *order, const u32 load[])
{
	int best = NUMA_NO_NODE, n;
	u32 best_value = ~0U;

	for_each_node (n) {
		u32 value;

		if (order->used[n] || !node_has_memory(n))
			continue;
		value = (u32)node_distance(node, n) + (n < node) + node_has_cpus(n);
		value = value * MAX_NUMNODES + load[n];
		if (value < best_value) {
			best_value = value;
			best = n;
		}
	}
	return best;
}

static void order_nodes(int local, struct node_order *order, u32 load[])
{
	int prev = local, n = local;

	*order = (struct node_order){.nr = 0};
	do {
		if (node_distance(local, n) != node_distance(local, prev))
			load[n]++;
		order->used[n] = true;
		order->nids[order->nr++] = n;
		prev = n;
		n = next_best_node(local, order, load);
	} while (n != NUMA_NO_NODE);
}

/* Writes one list at `at`; returns the place behind it. */
static u8 *build_list(struct zonelist *zl, const struct node_order *order, int highest, u8 *at)
{
	zl->zones = at;
	zl->highest = (u8)highest;
	for (int i = 0; i < order->nr; i++) {
		int nid = order->nids[i];

		for (int type = highest; type >= 0; type--) {
			if (!node_zone(nid, (enum zone_type)type)->spanned_pages)
				continue;
			*at++ = (u8)(nid * MAX_NR_ZONES + type);
			zl->nr++;
			zl->nr_thisnode += i == 0;
		}
	}
	return at;
}

void zonelists_create(struct zonelists *zls)
{
	size_t nr_lists = (size_t)kernel->nr_node_ids * MAX_NR_ZONES;
	u32 load[MAX_NUMNODES] = {0};
	struct node_order order;
	u8 *at;
	int nid;

	zls->lists = instance_alloc(nr_lists * sizeof(*zls->lists));
	at = zls->room = instance_alloc(nr_lists * nr_lists);
	for_each_node (nid) {
		order_nodes(nid, &order, load);
		for (int highest = 0; highest < MAX_NR_ZONES; highest++)
			at = build_list(&zls->lists[nid * MAX_NR_ZONES + highest], &order, highest,
					at);
	}
}

void zonelists_destroy(struct zonelists *zls)
{
	instance_free(zls->room);
	instance_free(zls->lists);
}
