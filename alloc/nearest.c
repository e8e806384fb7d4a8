/*
 * Nodes with memory by their distance from each node.
 *
 * Theory: an insertion sort by distance; nodes are few, and this is done once.
 *
 * Invariant: a node with memory is first in its own row; every row names the same nodes.
 *
 * Unlike Linux (next_node_in, zonelists): the load that a list adds to a node does not count.
 */
#include "alloc/nearest.h"

static int fill_row(u8 *row, int nid)
{
	int n = 0, other;

	for_each_node (other) {
		int i = n;

		if (!node_has_memory(other))
			continue;
		for (; i > 0 && node_distance(nid, row[i - 1]) > node_distance(nid, other); i--)
			row[i] = row[i - 1];
		row[i] = (u8)other;
		n++;
	}
	return n;
}

u8 *nearest_nodes_create(int *nr)
{
	u8 *rows = instance_alloc((size_t)kernel->nr_node_ids * (size_t)kernel->nr_node_ids);
	int nid;

	for_each_node (nid)
		*nr = fill_row(rows + nid * kernel->nr_node_ids, nid);
	return rows;
}
