/*
 * zoneinfo, buddyinfo, pagetypeinfo: what each zone had.
 *
 * Mobility types are told by their names, since vendors number them differently; of others than
 * the five (CMA), blocks are in buddyinfo's sums only. Blocks above order 10 are counted as the
 * blocks of order 10 that they are made of.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/snapshots_parse.h"

#define ORDERS_READ_MAX 32 /* in a line of /proc */
#define CPUS_MAX 4096

static const char *const type_names[SNAPSHOT_TYPES] = {"Unmovable", "Movable", "Reclaimable",
						       "HighAtomic", "Isolate"};

struct snapshot_zone *snapshot_zone_add(struct snapshot *snap, int node, const char *zone)
{
	const struct snapshot_zone *known = snapshot_zone(snap, node, zone);
	struct snapshot_zone *z;

	if (known)
		return &snap->zones[known - snap->zones];
	snap->zones = mem_grow_zeroed(snap->zones, snap->nr_zones, snap->nr_zones + 1,
				      sizeof(*snap->zones));
	z = &snap->zones[snap->nr_zones++];
	z->node = node;
	strcpy(z->zone, zone);
	return z;
}

/* Stable, so that zones of a node stay as /proc has them. */
void snapshot_zones_sort(struct snapshot *snap)
{
	for (size_t i = 1; i < snap->nr_zones; i++) {
		struct snapshot_zone z = snap->zones[i];
		size_t at = i;

		for (; at && snap->zones[at - 1].node > z.node; at--)
			snap->zones[at] = snap->zones[at - 1];
		snap->zones[at] = z;
	}
}

/* "Node 0, zone      DMA"; "... DMA," too where comma is not NULL: it says if there was one. */
static int zone_head(struct scan *s, struct snapshot *snap, bool *comma, struct snapshot_zone **z,
		     struct err *e)
{
	char name[sizeof((*z)->zone)];
	struct word w;
	u64 node;

	if (scan_literal(s, "Node", e) || scan_need(s, "the node", &w, e))
		return -1;
	if (w.text[w.len - 1] != ',')
		return scan_error(s, w.text, e, "'Node <number>,' is wanted");
	w.len--;
	if (scan_word_number(s, &w, "node", &node, e))
		return -1;
	if (node >= SNAPSHOT_NODES)
		return scan_error(s, w.text, e, "node %llu: nodes are below %d",
				  (unsigned long long)node, SNAPSHOT_NODES);
	if (scan_literal(s, "zone", e) || scan_need(s, "the zone's name", &w, e))
		return -1;
	if (comma) {
		*comma = w.len > 1 && w.text[w.len - 1] == ',';
		w.len -= *comma;
	}
	if (w.len >= sizeof(name) || memchr(w.text, ',', w.len))
		return scan_error(s, w.text, e, "this cannot be a zone's name");
	memcpy(name, w.text, w.len);
	name[w.len] = '\0';
	*z = snapshot_zone_add(snap, (int)node, name);
	return 0;
}

/* Free blocks by order; all lines of a file have the same number of them (*nr_orders 0: the first).
 * *capped: a cell said ">100000", and 100000 is what is counted. */
static int read_orders(struct scan *s, u64 nr_free[SNAPSHOT_ORDERS], unsigned int *nr_orders,
		       bool *capped, struct err *e)
{
	unsigned int nr = 0;
	struct word w;

	for (; scan_word(s, &w); nr++) {
		u64 v;

		if (capped && w.text[0] == '>') {
			*capped = true;
			w.text++, w.len--;
		}
		if (scan_word_number(s, &w, "free blocks", &v, e))
			return -1;
		if (nr == ORDERS_READ_MAX || (nr >= SNAPSHOT_ORDERS && v > UINT32_MAX))
			return scan_error(s, w.text, e, "blocks of order %u are impossible", nr);
		if (nr < SNAPSHOT_ORDERS)
			nr_free[nr] = v;
		else
			nr_free[SNAPSHOT_ORDERS - 1] += v << (nr - SNAPSHOT_ORDERS + 1);
	}
	if (!nr)
		return scan_error(s, w.text, e, "the numbers of free blocks are missing");
	if (*nr_orders && nr != *nr_orders)
		return scan_error(s, w.text, e, "%u orders; the lines before have %u", nr,
				  *nr_orders);
	*nr_orders = nr;
	return 0;
}

static bool blank_line(const struct scan *s)
{
	struct scan copy = *s;
	struct word w;

	return !scan_word(&copy, &w);
}

int parse_buddyinfo(struct scan *s, struct snapshot *snap, struct err *e)
{
	unsigned int nr_orders = 0;

	while (scan_line(s)) {
		struct snapshot_zone *z;

		if (blank_line(s))
			continue;
		if (zone_head(s, snap, NULL, &z, e))
			return -1;
		if (z->has_buddy)
			return scan_error(s, s->line, e, "a second line of node %d, zone %s",
					  z->node, z->zone);
		if (read_orders(s, z->nr_free, &nr_orders, NULL, e))
			return -1;
		z->has_buddy = true;
	}
	return nr_orders ? 0 : scan_error(s, s->p, e, "no zone in it");
}

/* The type of that name; -1: one that is not told apart here. */
static int type_of(const struct word *w)
{
	for (int i = 0; i < SNAPSHOT_TYPES; i++)
		if (word_is(w, type_names[i]))
			return i;
	return -1;
}

/* Which lines of types a zone had already. */
struct types_state {
	struct snapshot *snap;
	unsigned int nr_orders;
	int block_type[SNAPSHOT_TYPES_READ]; /* columns of the numbers of blocks */
	unsigned int nr_block_types;
	u32 seen[SNAPSHOT_NODES * 8]; /* by zone: bits of types; the last: blocks */
	bool blocks;		      /* lines are of blocks; else of free lists */
	bool skip;		      /* of neither (mixed blocks) */
};

static int once(const struct scan *s, struct types_state *t, const struct snapshot_zone *z, int bit,
		struct err *e)
{
	size_t i = (size_t)(z - t->snap->zones);

	if (i >= ARRAY_SIZE(t->seen))
		return scan_error(s, s->line, e, "too many zones");
	if (t->seen[i] >> bit & 1)
		return scan_error(s, s->line, e, "a second such line of node %d, zone %s", z->node,
				  z->zone);
	t->seen[i] |= 1U << bit;
	return 0;
}

/* ", type    Unmovable      0      1 ..." */
static int free_line(struct scan *s, struct types_state *t, struct snapshot_zone *z, struct err *e)
{
	u64 other[SNAPSHOT_ORDERS];
	struct word w;
	int type;

	if (scan_literal(s, "type", e) || scan_need(s, "the type's name", &w, e))
		return -1;
	type = type_of(&w);
	if (type >= 0 && once(s, t, z, type, e))
		return -1;
	z->has_types = true;
	return read_orders(s, type < 0 ? other : z->type_free[type], &t->nr_orders, &z->type_capped,
			   e);
}

static int blocks_line(struct scan *s, struct types_state *t, struct snapshot_zone *z,
		       struct err *e)
{
	if (once(s, t, z, SNAPSHOT_TYPES, e))
		return -1;
	for (unsigned int i = 0; i < t->nr_block_types; i++) {
		u64 v;

		if (scan_number(s, "blocks", &v, e))
			return -1;
		if (t->block_type[i] >= 0)
			z->type_blocks[t->block_type[i]] = v;
	}
	return scan_done(s, e);
}

/* "Number of blocks type     Unmovable      Movable ..."; "Number of mixed blocks ...": skipped. */
static int blocks_head(struct scan *s, struct types_state *t, struct err *e)
{
	struct word w;

	if (scan_literal(s, "of", e) || scan_need(s, "what there is a number of", &w, e))
		return -1;
	t->blocks = true;
	t->skip = !word_is(&w, "blocks");
	if (t->skip)
		return 0;
	if (scan_literal(s, "type", e))
		return -1;
	for (t->nr_block_types = 0; scan_word(s, &w); t->nr_block_types++) {
		if (t->nr_block_types == SNAPSHOT_TYPES_READ)
			return scan_error(s, w.text, e, "more than %d types", SNAPSHOT_TYPES_READ);
		t->block_type[t->nr_block_types] = type_of(&w);
	}
	memcpy(t->snap->types, t->block_type, sizeof(t->snap->types));
	t->snap->nr_types = t->nr_block_types;
	return 0;
}

static int types_line(struct scan *s, struct types_state *t, struct err *e)
{
	struct snapshot_zone *z;
	bool comma;

	if (zone_head(s, t->snap, &comma, &z, e))
		return -1;
	if (t->skip)
		return 0;
	if (comma == t->blocks)
		return scan_error(s, s->line, e,
				  t->blocks ? "numbers of blocks are wanted here"
					    : "', type <name>' is wanted here");
	return comma ? free_line(s, t, z, e) : blocks_line(s, t, z, e);
}

/* Each node begins with its block order, then free lists, then numbers of blocks. */
int parse_pagetypeinfo(struct scan *s, struct snapshot *snap, struct err *e)
{
	struct types_state t = {.snap = snap};
	bool any = false;

	while (scan_line(s)) {
		struct scan ahead = *s;
		struct word w;
		int ret = 0;

		if (!scan_word(&ahead, &w))
			continue;
		if (word_is(&w, "Page") || word_is(&w, "Pages") || word_is(&w, "Free"))
			t.blocks = t.skip = false;
		else if (word_is(&w, "Number"))
			ret = blocks_head(&ahead, &t, e);
		else
			ret = types_line(s, &t, e);
		if (ret)
			return -1;
		any |= word_is(&w, "Node");
	}
	return any ? 0 : scan_error(s, s->p, e, "no zone in it");
}

/* What a zone of zoneinfo says before its per-CPU lists. */
static int zone_number(struct scan *s, const struct word *key, struct snapshot_zone *z,
		       struct err *e)
{
	struct {
		const char *name;
		u64 *to;
	} numbers[] = {
		{"min", &z->min},
		{"low", &z->low},
		{"high", &z->high},
		{"spanned", &z->spanned},
		{"present", &z->present},
		{"managed", &z->managed},
		{"start_pfn:", &z->start_pfn},
		{"nr_zspages", &z->zspages},
		{"nr_zone_inactive_anon", &z->lru[0]},
		{"nr_zone_active_anon", &z->lru[1]},
		{"nr_zone_inactive_file", &z->lru[2]},
		{"nr_zone_active_file", &z->lru[3]},
		{"nr_zone_unevictable", &z->lru[4]},
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!word_is(key, numbers[i].name))
			continue;
		if (numbers[i].to >= z->lru && numbers[i].to < z->lru + SNAPSHOT_LRUS)
			z->lru_told |= 1U << (numbers[i].to - z->lru);
		if (scan_number(s, numbers[i].name, numbers[i].to, e))
			return -1;
		return scan_done(s, e);
	}
	return 0;
}

/* "cpu: 3": CPUs without a list (offline) have 0 pages on it. */
static int pageset_cpu(struct scan *s, struct snapshot_zone *z, struct err *e)
{
	u64 cpu;

	if (scan_number(s, "cpu", &cpu, e))
		return -1;
	if (cpu >= CPUS_MAX)
		return scan_error(s, s->line, e, "CPU %llu: CPUs are below %d",
				  (unsigned long long)cpu, CPUS_MAX);
	if (cpu < z->nr_cpus)
		return scan_error(s, s->line, e, "CPU %llu a second time, or out of order",
				  (unsigned long long)cpu);
	z->pcp_count =
		mem_grow_zeroed(z->pcp_count, z->nr_cpus, (size_t)cpu + 1, sizeof(*z->pcp_count));
	z->nr_cpus = (unsigned int)cpu + 1;
	return 0;
}

static int pageset_number(struct scan *s, const struct word *key, struct snapshot_zone *z,
			  struct err *e)
{
	u64 v;

	if (word_is(key, "cpu:"))
		return pageset_cpu(s, z, e);
	if (!word_is(key, "count:") && !word_is(key, "high:") && !word_is(key, "batch:"))
		return 0;
	if (!z->nr_cpus)
		return scan_error(s, key->text, e, "of which CPU? 'cpu:' is missing before it");
	if (scan_number(s, "pages", &v, e))
		return -1;
	if (v > UINT32_MAX)
		return scan_error(s, key->text, e, "%llu is too large", (unsigned long long)v);
	if (word_is(key, "count:"))
		z->pcp_count[z->nr_cpus - 1] = (u32)v;
	else if (word_is(key, "high:"))
		z->pcp_high = (unsigned int)v;
	else
		z->pcp_batch = (unsigned int)v;
	return scan_done(s, e);
}

/* Which part of a zone the lines are of: counters of the node, watermarks and sizes, lists. */
enum zone_part { PART_NODE, PART_ZONE, PART_LISTS };

static int zoneinfo_line(struct scan *s, struct snapshot_zone *z, enum zone_part *part,
			 struct err *e)
{
	struct word w;

	if (!scan_word(s, &w))
		return 0;
	if (word_is(&w, "pages")) {
		*part = PART_ZONE;
		if (scan_literal(s, "free", e) || scan_number(s, "free pages", &z->free, e))
			return -1;
		return scan_done(s, e);
	}
	if (word_is(&w, "pagesets")) {
		*part = PART_LISTS;
		return 0;
	}
	if (*part == PART_LISTS && pageset_number(s, &w, z, e))
		return -1;
	if (*part == PART_ZONE || word_is(&w, "start_pfn:"))
		return zone_number(s, &w, z, e);
	return 0;
}

int parse_zoneinfo(struct scan *s, struct snapshot *snap, struct err *e)
{
	enum zone_part part = PART_NODE;
	size_t at = 0; /* number of the zone + 1: they move when one is added */

	while (scan_line(s)) {
		struct scan ahead = *s;
		struct snapshot_zone *z;
		struct word w;

		if (!scan_word(&ahead, &w))
			continue;
		if (word_is(&w, "Node")) {
			if (zone_head(s, snap, NULL, &z, e))
				return -1;
			if (z->has_info)
				return scan_error(s, s->line, e, "node %d, zone %s a second time",
						  z->node, z->zone);
			z->has_info = true;
			at = (size_t)(z - snap->zones) + 1;
			part = PART_NODE;
			continue;
		}
		if (!at)
			return scan_error(s, w.text, e, "'Node <number>, zone <name>' is wanted");
		if (zoneinfo_line(s, &snap->zones[at - 1], &part, e))
			return -1;
	}
	return at ? 0 : scan_error(s, s->p, e, "no zone in it");
}
