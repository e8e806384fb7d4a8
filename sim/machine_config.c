/*
 * Machine files: reading, checking, printing.
 *
 * Theory: everything is checked here, where a mistake still has a line and a column; who builds
 * from a machine_config need not look again. It holds no pointers, so it is copied freely.
 *
 * Invariant: of a machine that was read, CPUs 0 to nr_cpus - 1 are on one node each, memory is in
 * whole blocks, distances are the same both ways and LOCAL_DISTANCE from a node to itself.
 *
 * Unlike Linux: memory has no holes, and distances that differ by direction, which a SLIT may hold,
 * are a mistake.
 */
#include "sim/machine_config.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/kernel.h"
#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/file.h"
#include "lib/units.h"

#define MACHINE_MEMORY_MAX (16 * TIB)
#define HZ_MAX 10000
#define DISTANCE_MAX 254 /* ACPI SLIT: 255 is "unreachable" */
#define REMOTE_DISTANCE 20
#define PCP_PAGES_MAX 1000000
#define WATERMARK_SCALE_MAX 3000 /* vm.watermark_scale_factor of Linux */
#define CPU_WORDS (MACHINE_CPUS_MAX / BITS_PER_WORD)

static const char default_text[] = "kmemsim: machine/1\n"
				   "name: 2node\n"
				   "hz: 250\n"
				   "nodes:\n"
				   "  - {memory: 1GiB, cpus: 0-1, distance: [10, 20]}\n"
				   "  - {memory: 1GiB, cpus: 2-3, distance: [20, 10]}\n";

/* Memory comes in whole blocks; the message gives the sizes next to a bad one. */
static int blocks_read(const struct yaml_node *n, u64 *bytes, struct err *e)
{
	char low[32], high[32];

	if (yaml_size(n, bytes, e))
		return -1;
	if (*bytes > MACHINE_MEMORY_MAX)
		return yaml_error(n, e, "more than 16TiB of memory");
	if (*bytes % MACHINE_BLOCK_BYTES == 0)
		return 0;
	size_print(*bytes - *bytes % MACHINE_BLOCK_BYTES, low, sizeof(low));
	size_print(ALIGN(*bytes, MACHINE_BLOCK_BYTES), high, sizeof(high));
	return yaml_error(n, e, "not a multiple of 4MiB, the largest buddy block: %s or %s", low,
			  high);
}

/* Which CPUs have a node already, over all nodes read so far. */
struct cpus_seen {
	u64 map[CPU_WORDS];
	unsigned int nr, highest;
};

static int cpus_read(struct machine_config *m, unsigned int nid, const struct yaml_node *n,
		     struct cpus_seen *seen, struct err *e)
{
	u64 map[CPU_WORDS];

	if (yaml_cpulist(n, map, MACHINE_CPUS_MAX, e))
		return -1;
	for (unsigned int cpu = 0; cpu < MACHINE_CPUS_MAX; cpu++) {
		if (!bit_test(map, cpu))
			continue;
		if (bit_test(seen->map, cpu))
			return yaml_error(n, e, "CPU %u is on node %u already", cpu,
					  m->cpu_node[cpu]);
		bit_set(seen->map, cpu);
		m->cpu_node[cpu] = (u8)nid;
		seen->highest = max(seen->highest, cpu);
		seen->nr++;
	}
	return 0;
}

static int distances_read(struct machine_config *m, unsigned int nid, const struct yaml_node *row,
			  struct err *e)
{
	u64 v;

	if (!yaml_is_sequence(row) || yaml_count(row) != m->nr_nodes)
		return yaml_error(row, e,
				  "node %u: the distance matrix is not square: %u numbers "
				  "are wanted, one for each node",
				  nid, m->nr_nodes);
	for (unsigned int to = 0; to < m->nr_nodes; to++) {
		const struct yaml_node *n = yaml_item(row, to);

		if (yaml_u64(n, LOCAL_DISTANCE, DISTANCE_MAX, &v, e))
			return -1;
		if (to == nid && v != LOCAL_DISTANCE)
			return yaml_error(n, e, "the distance of node %u to itself must be %d", nid,
					  LOCAL_DISTANCE);
		if (to < nid && v != m->nodes[to].distance[nid])
			return yaml_error(n, e,
					  "node %u is %llu from node %u, but %u the other way", nid,
					  (unsigned long long)v, to, m->nodes[to].distance[nid]);
		m->nodes[nid].distance[to] = (u8)v;
	}
	return 0;
}

static void distances_default(struct machine_config *m, unsigned int nid)
{
	for (unsigned int to = 0; to < m->nr_nodes; to++)
		m->nodes[nid].distance[to] = to == nid ? LOCAL_DISTANCE : REMOTE_DISTANCE;
}

static int node_read(struct machine_config *m, unsigned int nid, const struct yaml_node *map,
		     struct cpus_seen *seen, struct err *e)
{
	static const char *const known[] = {"memory", "cpus", "distance", NULL};
	const struct yaml_node *memory, *cpus, *distance;
	unsigned int cpus_before = seen->nr;

	if (yaml_check_keys(map, known, e))
		return -1;
	memory = yaml_get(map, "memory");
	cpus = yaml_get(map, "cpus");
	distance = yaml_get(map, "distance");
	if (memory && blocks_read(memory, &m->nodes[nid].memory, e))
		return -1;
	if (cpus && cpus_read(m, nid, cpus, seen, e))
		return -1;
	if (!m->nodes[nid].memory && seen->nr == cpus_before)
		return yaml_error(map, e, "node %u has neither memory nor CPUs", nid);
	if (distance)
		return distances_read(m, nid, distance, e);
	distances_default(m, nid);
	return 0;
}

static u64 memory_total(const struct machine_config *m)
{
	u64 total = 0;

	for (unsigned int nid = 0; nid < m->nr_nodes; nid++)
		total += m->nodes[nid].memory;
	return total;
}

/* A row left out is the default row; the others must agree with it as well. */
static int symmetry_check(const struct machine_config *m, const struct yaml_node *nodes,
			  struct err *e)
{
	for (unsigned int a = 0; a < m->nr_nodes; a++) {
		for (unsigned int b = 0; b < a; b++) {
			if (m->nodes[a].distance[b] != m->nodes[b].distance[a])
				return yaml_error(
					yaml_item(nodes, a), e,
					"node %u is %u from node %u, but %u the other way", a,
					m->nodes[a].distance[b], b, m->nodes[b].distance[a]);
		}
	}
	return 0;
}

static int nodes_read(struct machine_config *m, const struct yaml_node *nodes, struct err *e)
{
	struct cpus_seen seen = {0};

	if (!yaml_is_sequence(nodes) || !yaml_count(nodes))
		return yaml_error(nodes, e,
				  "a list of nodes is wanted here: "
				  "- {memory: 1GiB, cpus: 0-1}");
	if (yaml_count(nodes) > MACHINE_NODES_MAX)
		return yaml_error(nodes, e, "%zu nodes: at most %d", yaml_count(nodes),
				  MACHINE_NODES_MAX);
	m->nr_nodes = (unsigned int)yaml_count(nodes);
	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		if (node_read(m, nid, yaml_item(nodes, nid), &seen, e))
			return -1;
	}
	if (symmetry_check(m, nodes, e))
		return -1;
	if (!memory_total(m))
		return yaml_error(nodes, e, "the machine has no memory");
	if (memory_total(m) > MACHINE_MEMORY_MAX)
		return yaml_error(nodes, e, "more than 16TiB of memory");
	if (!seen.nr)
		return yaml_error(nodes, e, "the machine has no CPU");
	m->nr_cpus = seen.highest + 1;
	for (unsigned int cpu = 0; cpu < m->nr_cpus; cpu++) {
		if (!bit_test(seen.map, cpu))
			return yaml_error(nodes, e,
					  "CPU %u is on no node: CPUs are numbered from 0 "
					  "without gaps",
					  cpu);
	}
	return 0;
}

static int zones_read(struct machine_config *m, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"movable", NULL};
	const struct yaml_node *movable;

	if (yaml_check_keys(map, known, e))
		return -1;
	movable = yaml_get(map, "movable");
	if (!movable)
		return 0;
	if (blocks_read(movable, &m->movable_bytes, e))
		return -1;
	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		if (m->nodes[nid].memory && m->movable_bytes >= m->nodes[nid].memory)
			return yaml_error(movable, e, "leaves node %u nothing for the kernel", nid);
	}
	return 0;
}

static int batch_read(const struct yaml_node *map, u64 *batch, u64 *high, struct err *e)
{
	const struct yaml_node *b = yaml_get(map, "batch"), *h = yaml_get(map, "high");

	if (b && yaml_u64(b, 0, PCP_PAGES_MAX, batch, e))
		return -1;
	if (h && yaml_u64(h, 0, PCP_PAGES_MAX, high, e))
		return -1;
	if (*high && *high < *batch)
		return yaml_error(h, e, "high is below batch (%llu)", (unsigned long long)*batch);
	return 0;
}

static int zone_type_read(const struct yaml_node *n, unsigned int *type, struct err *e)
{
	const char *text = yaml_text(n, e);

	for (*type = 0; text && *type < MACHINE_ZONES; ++*type)
		if (!strcmp(text, zone_names[*type]))
			return 0;
	return text ? yaml_error(n, e, "zone '%s': DMA, DMA32, Normal or Movable is wanted", text)
		    : -1;
}

/* One zone's own batch and high. A zone that turns out to have no memory has no lists. */
static int zone_pcp_read(struct machine_config *m, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"node", "zone", "batch", "high", NULL};
	const struct yaml_node *node, *zone;
	u64 nid, batch = 0, high = 0;
	unsigned int type;

	if (yaml_check_keys(map, known, e) || !(node = yaml_need(map, "node", e)) ||
	    !(zone = yaml_need(map, "zone", e)) || yaml_u64(node, 0, m->nr_nodes - 1, &nid, e) ||
	    zone_type_read(zone, &type, e) || batch_read(map, &batch, &high, e))
		return -1;
	m->zone_pcp[nid][type] = (struct machine_pcp_config){(u32)batch, (u32)high};
	return 0;
}

static int pcp_read(struct machine_config *m, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"batch", "high", "zones", NULL};
	const struct yaml_node *zones;

	if (yaml_check_keys(map, known, e) || batch_read(map, &m->pcp_batch, &m->pcp_high, e))
		return -1;
	zones = yaml_get(map, "zones");
	if (zones && !yaml_is_sequence(zones))
		return yaml_error(zones, e,
				  "a list of zones is wanted here: "
				  "- {node: 0, zone: DMA32, batch: 7, high: 880}");
	for (size_t i = 0; zones && i < yaml_count(zones); i++)
		if (zone_pcp_read(m, yaml_item(zones, i), e))
			return -1;
	return 0;
}

static int watermarks_read(struct machine_config *m, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"min_free", "scale", NULL};
	const struct yaml_node *min_free, *scale;
	u64 high;

	if (yaml_check_keys(map, known, e))
		return -1;
	min_free = yaml_get(map, "min_free");
	scale = yaml_get(map, "scale");
	if (min_free && yaml_size(min_free, &m->min_free_bytes, e))
		return -1;
	if (m->min_free_bytes > memory_total(m) / 2)
		return yaml_error(min_free, e, "more than half of the machine's memory");
	if (scale && yaml_u64(scale, 1, WATERMARK_SCALE_MAX, &m->watermark_scale, e))
		return -1;
	high = m->min_free_bytes +
	       2 * max(m->min_free_bytes / 4, memory_total(m) * m->watermark_scale / 10000);
	if (high < memory_total(m))
		return 0;
	return yaml_error(map, e,
			  "impossible watermarks: with scale %llu the high one is all of memory",
			  (unsigned long long)m->watermark_scale);
}

/* A path, relative to the machine file, or the table itself. */
static int costs_read(struct machine_config *m, const struct yaml_node *n, const char *dir,
		      struct err *e)
{
	const char *name;
	char *path;
	int ret;

	if (!yaml_is_scalar(n))
		return costs_from_node(&m->costs, n, e);
	name = yaml_text(n, e);
	if (!dir)
		return yaml_error(n, e, "no place to look for '%s': write the costs out", name);
	path = file_in_dir(dir, name);
	ret = costs_load(&m->costs, path, e);
	free(path);
	return ret ? yaml_error_around(n, e) : 0;
}

static int name_read(struct machine_config *m, const struct yaml_node *n, struct err *e)
{
	const char *name = yaml_text(n, e);

	if (!name)
		return -1;
	if (!*name || strlen(name) >= sizeof(m->name) ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") !=
		    strlen(name))
		return yaml_error(n, e,
				  "a machine's name has 1 to %zu letters, digits, '-', '_', '.'",
				  sizeof(m->name) - 1);
	strcpy(m->name, name);
	return 0;
}

static int format_check(const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *format = yaml_get(map, "kmemsim");
	const char *text = format ? yaml_text(format, e) : "machine/1";

	if (!text)
		return -1;
	if (strcmp(text, "machine/1"))
		return yaml_error(format, e, "'%s': 'machine/1' is wanted", text);
	return 0;
}

int machine_config_from_node(struct machine_config *m, const struct yaml_node *map, const char *dir,
			     struct err *e)
{
	static const char *const known[] = {"kmemsim",	    "name",	  "hz",
					    "nodes",	    "zones",	  "costs",
					    "percpu_lists", "watermarks", NULL};
	const struct yaml_node *n;
	u64 hz;

	*m = (struct machine_config){.name = "unnamed", .hz = 250, .watermark_scale = 10};
	costs_default(&m->costs);
	if (yaml_check_keys(map, known, e) || format_check(map, e))
		return -1;
	if ((n = yaml_get(map, "name")) && name_read(m, n, e))
		return -1;
	if ((n = yaml_get(map, "hz"))) {
		if (yaml_u64(n, 1, HZ_MAX, &hz, e))
			return -1;
		m->hz = (unsigned int)hz;
	}
	if (!(n = yaml_need(map, "nodes", e)) || nodes_read(m, n, e))
		return -1;
	if ((n = yaml_get(map, "zones")) && zones_read(m, n, e))
		return -1;
	if ((n = yaml_get(map, "percpu_lists")) && pcp_read(m, n, e))
		return -1;
	if ((n = yaml_get(map, "watermarks")) && watermarks_read(m, n, e))
		return -1;
	if ((n = yaml_get(map, "costs")) && costs_read(m, n, dir, e))
		return -1;
	return 0;
}

static int from_file(struct machine_config *m, struct yaml_file *f, const char *dir, struct err *e)
{
	const struct yaml_node *root = yaml_root(f, "machine/1", e);
	int ret = root ? machine_config_from_node(m, root, dir, e) : -1;

	yaml_close(f);
	return ret;
}

int machine_config_load(struct machine_config *m, const char *path, struct err *e)
{
	struct yaml_file *f = yaml_open(path, e);
	char *dir;
	int ret;

	if (!f)
		return -1;
	dir = file_dir(path);
	ret = from_file(m, f, dir, e);
	free(dir);
	return ret;
}

int machine_config_parse(struct machine_config *m, const char *name, const char *text,
			 struct err *e)
{
	struct yaml_file *f = yaml_parse(name, text, strlen(text), e);

	return f ? from_file(m, f, NULL, e) : -1;
}

void machine_config_default(struct machine_config *m)
{
	struct err e;

	ASSERT(machine_config_parse(m, "built-in machine", default_text, &e) == 0);
}

static void cpus_print(FILE *f, const struct machine_config *m, unsigned int nid)
{
	const char *between = "";

	for (unsigned int cpu = 0, last; cpu < m->nr_cpus; cpu++) {
		if (m->cpu_node[cpu] != nid)
			continue;
		for (last = cpu; last + 1 < m->nr_cpus && m->cpu_node[last + 1] == nid;)
			last++;
		fprintf(f, last == cpu ? "%s%u" : "%s%u-%u", between, cpu, last);
		between = ",";
		cpu = last;
	}
}

static void node_print(FILE *f, const struct machine_config *m, unsigned int nid)
{
	char memory[32];

	size_print(m->nodes[nid].memory, memory, sizeof(memory));
	fprintf(f, "  - {memory: %s, cpus: '", memory);
	cpus_print(f, m, nid);
	fprintf(f, "', distance: [");
	for (unsigned int to = 0; to < m->nr_nodes; to++)
		fprintf(f, "%s%u", to ? ", " : "", m->nodes[nid].distance[to]);
	fprintf(f, "]}\n");
}

static void pcp_print(FILE *f, const struct machine_config *m)
{
	const char *before = ", zones: [";

	fprintf(f, "percpu_lists: {batch: %llu, high: %llu", (unsigned long long)m->pcp_batch,
		(unsigned long long)m->pcp_high);
	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		for (int type = 0; type < MACHINE_ZONES; type++) {
			const struct machine_pcp_config *z = &m->zone_pcp[nid][type];

			if (!z->batch && !z->high)
				continue;
			fprintf(f, "%s{node: %u, zone: %s, batch: %u, high: %u}", before, nid,
				zone_names[type], z->batch, z->high);
			before = ", ";
		}
	}
	fprintf(f, "%s}\n", before[2] ? "" : "]");
}

char *machine_config_print(const struct machine_config *m)
{
	char *text = NULL, movable[32], min_free[32];
	size_t n;
	FILE *f = open_memstream(&text, &n);

	ASSERT(f);
	size_print(m->movable_bytes, movable, sizeof(movable));
	size_print(m->min_free_bytes, min_free, sizeof(min_free));
	fprintf(f, "kmemsim: machine/1\nname: %s\nhz: %u\nnodes:\n", m->name, m->hz);
	for (unsigned int nid = 0; nid < m->nr_nodes; nid++)
		node_print(f, m, nid);
	fprintf(f, "zones: {movable: %s}\n", movable);
	pcp_print(f, m);
	fprintf(f, "watermarks: {min_free: %s, scale: %llu}\ncosts:\n", min_free,
		(unsigned long long)m->watermark_scale);
	for (int i = 0; i < NR_COSTS; i++)
		fprintf(f, "  %s: %uns\n", cost_descs[i].name, m->costs.ns[i]);
	ASSERT(fclose(f) == 0);
	return text;
}
