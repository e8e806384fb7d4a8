/*
 * The machine that was recorded, as a machine/1 text: memory from zoneinfo, CPUs and distances from
 * META.
 *
 * Theory. Frames are numbered as recorded, so node boundaries must be the recorded ones: a node's
 * memory goes from its first frame to the next node's first, holes included (the simulated machine
 * has none). Boundaries are rounded to whole blocks of 4 MiB. min_free is what the zones' min
 * watermarks add up to; batch and high of per-CPU lists are those of each zone.
 *
 * META is a text for people, of which only lines like these are read:
 *
 *	name: small-fstree
 *	hz: 250
 *	  node0: cpus=0-1 distance=10 20
 */
#define _GNU_SOURCE /* open_memstream */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/bits.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "traces/snapshots_parse.h"

#define PAGE_BYTES 4096
#define BLOCK_PAGES 1024 /* memory of a machine comes in such blocks */
#define CPUS_MAX 1024
#define CPU_WORDS (CPUS_MAX / BITS_PER_WORD)
#define PFN_MAX (1ULL << 32) /* 16 TiB */
#define DISTANCE_LOCAL 10
#define DISTANCE_MAX 254
#define SCALE_MAX 3000
#define HZ_MAX 10000
#define PCP_PAGES_MAX 1000000

struct recorded_node {
	u64 start, end; /* pfn; both 0: no memory */
	u64 cpus[CPU_WORDS];
	unsigned int nr_cpus;
	u8 distance[SNAPSHOT_NODES];
	unsigned int nr_distances;
};

struct recorded {
	char name[64];
	u64 hz; /* 0: not known */
	struct recorded_node nodes[SNAPSHOT_NODES];
	unsigned int nr_nodes, nr_cpus;
	u64 min_pages, scale;
	char *note;
};

static void add_note(struct recorded *m, const char *note)
{
	char *old = m->note;

	m->note = old ? mem_print("%s; %s", old, note) : mem_dup(note);
	free(old);
}

/* "0-1,4": false if it is anything else. */
static bool read_cpus(const char *p, struct recorded_node *n)
{
	u64 cpus[CPU_WORDS] = {0};
	unsigned int nr = 0;

	while (*p && *p != ' ' && *p != '\n') {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (end == p)
			return false;
		if (*end == '-') {
			p = end + 1;
			last = strtoul(p, &end, 10);
			if (end == p)
				return false;
		}
		if (last >= CPUS_MAX || first > last)
			return false;
		for (; first <= last; first++, nr++)
			bit_set(cpus, (unsigned int)first);
		p = *end == ',' ? end + 1 : end;
		if (*end && !strchr(", \n", *end))
			return false;
	}
	memcpy(n->cpus, cpus, sizeof(cpus));
	n->nr_cpus = nr;
	return true;
}

static void read_distances(const char *p, struct recorded_node *n)
{
	for (n->nr_distances = 0; n->nr_distances < SNAPSHOT_NODES; n->nr_distances++) {
		char *end;
		unsigned long v = strtoul(p, &end, 10);

		if (end == p || v < DISTANCE_LOCAL || v > DISTANCE_MAX)
			return;
		n->distance[n->nr_distances] = (u8)v;
		p = end;
		/* Only on this line, and only numbers. */
		if (*p != ' ' || p[1] < '0' || p[1] > '9') {
			n->nr_distances++;
			return;
		}
	}
}

static void read_node(const char *line, struct recorded *m)
{
	const char *cpus, *distance, *end = strchr(line, '\n');
	unsigned int nid;
	int n = 0;

	if (sscanf(line, "node%2u:%n", &nid, &n) != 1 || !n || nid >= SNAPSHOT_NODES)
		return;
	cpus = strstr(line, " cpus=");
	distance = strstr(line, " distance=");
	if (cpus && (!end || cpus < end))
		read_cpus(cpus + 6, &m->nodes[nid]);
	if (distance && (!end || distance < end))
		read_distances(distance + 10, &m->nodes[nid]);
}

/* What may be in a machine's name; the rest becomes '-'. */
static void read_name(const char *p, struct recorded *m)
{
	size_t n = 0;

	while (*p == ' ')
		p++;
	for (; *p && *p != '\n' && n < sizeof(m->name) - 1; p++) {
		bool fits = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			    (*p >= '0' && *p <= '9') || *p == '-' || *p == '_' || *p == '.';

		m->name[n++] = fits ? *p : '-';
	}
	m->name[n] = '\0';
}

static void read_meta(const char *meta, struct recorded *m)
{
	for (const char *line = meta; line && *line; line = strchr(line, '\n')) {
		u64 hz = 0;

		line += *line == '\n';
		line += strspn(line, " \t");
		if (!strncmp(line, "name:", 5))
			read_name(line + 5, m);
		else if (!strncmp(line, "node", 4))
			read_node(line, m);
		else if (!strncmp(line, "hz:", 3))
			hz = strtoull(line + 3, NULL, 10);
		else if (!strncmp(line, "CONFIG_HZ=", 10))
			hz = strtoull(line + 10, NULL, 10);
		if (hz && hz <= HZ_MAX)
			m->hz = hz;
	}
}

/* The first snapshot that tells of zones. */
static const struct snapshot *with_zones(const struct snapshots *s)
{
	for (size_t i = 0; i < s->nr_snaps; i++)
		for (size_t z = 0; z < s->snaps[i].nr_zones; z++)
			if (s->snaps[i].zones[z].has_info && s->snaps[i].zones[z].spanned)
				return &s->snaps[i];
	return NULL;
}

/* low = min + the larger of min / 4 and scale / 10000 of the zone: the scale, if it matters. */
static void learn_scale(struct recorded *m, const struct snapshot_zone *z)
{
	if (z->managed && z->low > z->min + z->min / 4 + 1)
		m->scale = max(m->scale, (z->low - z->min) * 10000 / z->managed);
}

static void learn_zones(struct recorded *m, const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_zones; i++) {
		const struct snapshot_zone *z = &snap->zones[i];
		struct recorded_node *n = &m->nodes[z->node];

		m->nr_nodes = max(m->nr_nodes, (unsigned int)z->node + 1);
		m->nr_cpus = max(m->nr_cpus, z->nr_cpus);
		if (!z->has_info || !z->spanned)
			continue;
		n->start = n->end ? min(n->start, z->start_pfn) : z->start_pfn;
		n->end = max(n->end, z->start_pfn + z->spanned);
		m->min_pages += z->min;
		learn_scale(m, z);
	}
}

/* Nodes with memory in the order of their numbers, none within another. */
static bool nodes_fit(struct recorded *m)
{
	u64 end = 0;

	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		struct recorded_node *n = &m->nodes[nid];

		if (!n->end)
			continue;
		if (n->start < end || n->end > PFN_MAX) {
			add_note(m, n->end > PFN_MAX ? "memory lies above 16 TiB"
						     : "nodes do not lie in the order of their "
						       "numbers");
			return false;
		}
		end = n->end;
	}
	return true;
}

/* Each CPU on one node, none left out: else META is of no use here. */
static bool cpus_fit(const struct recorded *m)
{
	u64 all[CPU_WORDS] = {0};
	unsigned int nr = 0, highest = 0;

	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++) {
			if (!bit_test(m->nodes[nid].cpus, cpu))
				continue;
			if (bit_test(all, cpu))
				return false;
			bit_set(all, cpu);
			highest = cpu;
			nr++;
		}
		/* The simulated machine has no node without either. */
		if (!m->nodes[nid].end && !m->nodes[nid].nr_cpus)
			return false;
	}
	for (unsigned int cpu = 0; cpu < CPUS_MAX; cpu++)
		if (bit_test(all, cpu))
			highest = cpu;
	return nr && nr == highest + 1 && nr >= m->nr_cpus;
}

static bool split_cpus(struct recorded *m)
{
	unsigned int with_memory = 0, cpu = 0, k = 0;

	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		memset(m->nodes[nid].cpus, 0, sizeof(m->nodes[nid].cpus));
		with_memory += m->nodes[nid].end != 0;
	}
	if (with_memory != m->nr_nodes) {
		add_note(m, "a node has no memory, and CPUs of nodes are not known");
		return false;
	}
	if (!m->nr_cpus || m->nr_cpus > CPUS_MAX) {
		add_note(m, "the number of CPUs is not known");
		return false;
	}
	for (unsigned int nid = 0; nid < m->nr_nodes; nid++, k++)
		for (; cpu < m->nr_cpus * (k + 1) / with_memory; cpu++)
			bit_set(m->nodes[nid].cpus, cpu);
	if (m->nr_nodes > 1)
		add_note(m, "CPUs are split evenly between the nodes (no META that tells)");
	return true;
}

static void print_cpus(FILE *f, const u64 *cpus)
{
	const char *between = "";

	for (unsigned int cpu = 0, last; cpu < CPUS_MAX; cpu++) {
		if (!bit_test(cpus, cpu))
			continue;
		for (last = cpu; last + 1 < CPUS_MAX && bit_test(cpus, last + 1);)
			last++;
		fprintf(f, last == cpu ? "%s%u" : "%s%u-%u", between, cpu, last);
		between = ",";
		cpu = last;
	}
}

/* The whole matrix, the same both ways, or none of it. */
static bool distances_fit(const struct recorded *m)
{
	for (unsigned int a = 0; a < m->nr_nodes; a++) {
		if (m->nodes[a].nr_distances != m->nr_nodes ||
		    m->nodes[a].distance[a] != DISTANCE_LOCAL)
			return false;
		for (unsigned int b = 0; b < a; b++)
			if (m->nodes[a].distance[b] != m->nodes[b].distance[a])
				return false;
	}
	return true;
}

/* Where the next node with memory begins, rounded to blocks; of the last: its end, rounded up. */
static u64 node_limit(const struct recorded *m, unsigned int nid)
{
	for (unsigned int next = nid + 1; next < m->nr_nodes; next++)
		if (m->nodes[next].end)
			return (m->nodes[next].start + BLOCK_PAGES / 2) / BLOCK_PAGES * BLOCK_PAGES;
	return ALIGN(m->nodes[nid].end, BLOCK_PAGES);
}

/* Zones that a machine can have, with limits that it can have. */
static bool has_lists(const struct snapshot_zone *z)
{
	static const char *const names[] = {"DMA", "DMA32", "Normal", "Movable"};
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		known |= !strcmp(z->zone, names[i]);
	return known && z->has_info && z->spanned && z->pcp_batch && z->pcp_high >= z->pcp_batch &&
	       z->pcp_high <= PCP_PAGES_MAX;
}

static void print_lists(FILE *f, const struct snapshot *snap)
{
	const char *between = "";

	for (size_t i = 0; i < snap->nr_zones; i++) {
		const struct snapshot_zone *z = &snap->zones[i];

		if (!has_lists(z))
			continue;
		fprintf(f, "%s{node: %d, zone: %s, batch: %u, high: %u}",
			*between ? between : "percpu_lists: {zones: [", z->node, z->zone,
			z->pcp_batch, z->pcp_high);
		between = ", ";
	}
	fputs(*between ? "]}\n" : "", f);
}

static char *print_machine(const struct recorded *m, const struct snapshot *snap)
{
	bool distances = distances_fit(m);
	char *text = NULL, size[32];
	u64 begin = 0;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	ASSERT(f);
	fprintf(f, "kmemsim: machine/1\nname: %s\n", m->name[0] ? m->name : "recorded");
	if (m->hz)
		fprintf(f, "hz: %llu\n", (unsigned long long)m->hz);
	fprintf(f, "nodes:\n");
	for (unsigned int nid = 0; nid < m->nr_nodes; nid++) {
		u64 end = m->nodes[nid].end ? node_limit(m, nid) : begin;

		size_print((end - begin) * PAGE_BYTES, size, sizeof(size));
		fprintf(f, "  - {memory: %s, cpus: '", size);
		print_cpus(f, m->nodes[nid].cpus);
		fprintf(f, "'");
		for (unsigned int to = 0; distances && to < m->nr_nodes; to++)
			fprintf(f, "%s%u", to ? ", " : ", distance: [", m->nodes[nid].distance[to]);
		fprintf(f, distances ? "]}\n" : "}\n");
		begin = end;
	}
	print_lists(f, snap);
	if (m->min_pages && m->min_pages < begin / 2) {
		size_print(m->min_pages * PAGE_BYTES, size, sizeof(size));
		fprintf(f, "watermarks: {min_free: %s, scale: %llu}\n", size,
			(unsigned long long)(m->scale ? min(m->scale, (u64)SCALE_MAX) : 10));
	}
	ASSERT(fclose(f) == 0);
	return text;
}

void snapshots_make_machine(struct snapshots *s, const char *meta)
{
	struct recorded *m = mem_alloc(1, sizeof(*m));
	const struct snapshot *snap = with_zones(s);

	if (meta)
		read_meta(meta, m);
	if (!snap) {
		add_note(m, "no zoneinfo tells of its memory");
	} else {
		learn_zones(m, snap);
		for (unsigned int nid = 0; nid < m->nr_nodes; nid++)
			s->pfn_end = max(s->pfn_end, m->nodes[nid].end);
		if (nodes_fit(m) && (cpus_fit(m) || split_cpus(m)))
			s->machine = print_machine(m, snap);
	}
	s->nr_cpus = m->nr_cpus;
	s->machine_note = m->note;
	free(m);
}
