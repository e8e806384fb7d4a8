/*
 * Nodes with memory by their distance from each node: where a slab allocator looks next.
 */
#ifndef ALLOC_NEAREST_H
#define ALLOC_NEAREST_H

#include "alloc/kernel.h"

/*
 * For each node a row of nr_node_ids: the nodes with memory, nearest first, equally far ones by
 * number; nr of them are set in each row. Instance memory: the caller frees.
 */
u8 *nearest_nodes_create(int *nr);

#endif
