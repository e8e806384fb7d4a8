/*
 * What a machine is, before it exists: the checked content of a machine/1 file.
 *
 *	kmemsim: machine/1
 *	name: 2node
 *	hz: 250
 *	costs: costs-xeon.yaml		# beside this file; left out: the built-in table
 *	nodes:
 *	  - {memory: 1GiB, cpus: 0-1, distance: [10, 20]}
 *	  - {memory: 1GiB, cpus: 2-3, distance: [20, 10]}
 *	zones: {movable: 0B}		# memory of each node set apart as ZONE_MOVABLE
 *	percpu_lists: {batch: 0, high: 0}	# 0: by the size of the zone, as Linux does
 *	# or, zone by zone, as zoneinfo's pagesets tell; zones left out are as said above
 *	percpu_lists: {zones: [{node: 0, zone: DMA32, batch: 7, high: 880}]}
 *	watermarks: {min_free: 0B, scale: 10}	# 0B: as Linux computes it; scale in 1/10000
 *
 * Node memory lies end to end from physical address 0, in whole blocks of 4 MiB (the largest buddy
 * block). A node may have no memory or no CPUs, not neither; each CPU is on exactly one node.
 */
#ifndef SIM_MACHINE_CONFIG_H
#define SIM_MACHINE_CONFIG_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"
#include "lib/yaml.h"
#include "sim/costs.h"

#define MACHINE_NODES_MAX 64
#define MACHINE_CPUS_MAX 1024
#define MACHINE_BLOCK_BYTES (4ULL << 20)
#define LOCAL_DISTANCE 10

struct machine_node_config {
	u64 memory; /* bytes, a multiple of MACHINE_BLOCK_BYTES */
	u8 distance[MACHINE_NODES_MAX];
};

#define MACHINE_ZONES 4 /* DMA, DMA32, Normal, Movable: as enum zone_type */

struct machine_pcp_config { /* per-CPU lists of a zone, in pages; 0: as for the whole machine */
	u32 batch, high;
};

struct machine_config {
	char name[64];
	unsigned int hz;
	unsigned int nr_nodes, nr_cpus;
	struct machine_node_config nodes[MACHINE_NODES_MAX];
	u8 cpu_node[MACHINE_CPUS_MAX];
	u64 movable_bytes; /* of each node */
	u64 pcp_batch, pcp_high;
	struct machine_pcp_config zone_pcp[MACHINE_NODES_MAX][MACHINE_ZONES];
	u64 min_free_bytes, watermark_scale;
	struct cost_table costs;
};

/*
 * From a file, from text that a trace carries (`name` for messages), or from a mapping inside
 * another document. -1 with e set: place, what is wrong.
 */
int __must_check machine_config_load(struct machine_config *m, const char *path, struct err *e);
int __must_check machine_config_parse(struct machine_config *m, const char *name, const char *text,
				      struct err *e);
int __must_check machine_config_from_node(struct machine_config *m, const struct yaml_node *map,
					  const char *dir, struct err *e);

/*
 * Canonical YAML, every key and every cost spelled out; parsing it gives the same machine. The
 * caller frees.
 */
char *machine_config_print(const struct machine_config *m);

/* The machine the shipped traces were recorded on: configs/machine-2node.yaml, built in. */
void machine_config_default(struct machine_config *m);

#endif
