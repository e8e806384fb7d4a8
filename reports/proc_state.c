/*
 * What /proc tells of a machine's memory at one instant. Formats: mm/slab_common.c, mm/vmstat.c,
 * Linux 6.1.
 */
#include "reports/proc_state.h"

#include <stdlib.h>
#include <string.h>

#include "lib/buddyinfo.h"
#include "lib/mem.h"
#include "lib/slabinfo.h"

const char *const proc_type_names[PROC_TYPES] = {"Unmovable", "Movable", "Reclaimable",
						 "HighAtomic", "Isolate"};

void proc_slab_add(struct proc_state *s, const struct proc_slab *slab)
{
	MEM_ROOM(s->slabs, s->nr_slabs, s->slabs_room);
	s->slabs[s->nr_slabs] = *slab;
	s->slabs[s->nr_slabs++].cache = mem_dup(slab->cache);
}

struct proc_zone *proc_zone_of(struct proc_state *s, int node, const char *zone)
{
	struct proc_zone *z = (struct proc_zone *)proc_zone_find(s, node, zone);

	if (z)
		return z;
	MEM_ROOM(s->zones, s->nr_zones, s->zones_room);
	z = &s->zones[s->nr_zones++];
	*z = (struct proc_zone){.node = node};
	snprintf(z->zone, sizeof(z->zone), "%s", zone);
	return z;
}

const struct proc_count *proc_count_find(const struct proc_state *s, const char *name)
{
	for (size_t i = 0; i < s->nr_counts; i++)
		if (!strcmp(s->counts[i].name, name))
			return &s->counts[i];
	return NULL;
}

void proc_count_set(struct proc_state *s, const char *name, u64 value)
{
	struct proc_count *c = (struct proc_count *)proc_count_find(s, name);

	if (!c) {
		MEM_ROOM(s->counts, s->nr_counts, s->counts_room);
		c = &s->counts[s->nr_counts++];
		c->name = mem_dup(name);
	}
	c->value = value;
}

static int by_cache(const void *a, const void *b)
{
	return strcmp(((const struct proc_slab *)a)->cache, ((const struct proc_slab *)b)->cache);
}

void proc_state_sort(struct proc_state *s)
{
	if (s->nr_slabs)
		qsort(s->slabs, s->nr_slabs, sizeof(*s->slabs), by_cache);
}

void proc_slabs_clear(struct proc_state *s)
{
	for (size_t i = 0; i < s->nr_slabs; i++)
		free(s->slabs[i].cache);
	s->nr_slabs = 0;
}

void proc_state_free(struct proc_state *s)
{
	proc_slabs_clear(s);
	free(s->slabs);
	free(s->zones);
	for (size_t i = 0; i < s->nr_counts; i++)
		free(s->counts[i].name);
	free(s->counts);
	*s = (struct proc_state){0};
}

const struct proc_slab *proc_slab_find(const struct proc_state *s, const char *cache)
{
	struct proc_slab key = {.cache = (char *)(uintptr_t)cache};

	return s->nr_slabs ? bsearch(&key, s->slabs, s->nr_slabs, sizeof(key), by_cache) : NULL;
}

const struct proc_zone *proc_zone_find(const struct proc_state *s, int node, const char *zone)
{
	for (size_t i = 0; i < s->nr_zones; i++)
		if (s->zones[i].node == node && !strcmp(s->zones[i].zone, zone))
			return &s->zones[i];
	return NULL;
}

/* ---- As the kernel prints ---- */

void proc_print_slabinfo(FILE *f, const struct proc_state *s)
{
	fputs(SLABINFO_HEAD, f);
	for (size_t i = 0; i < s->nr_slabs; i++) {
		const struct proc_slab *b = &s->slabs[i];

		fprintf(f, SLABINFO_LINE, b->cache, (unsigned long long)b->active_objs,
			(unsigned long long)b->num_objs, (unsigned long long)b->objsize,
			(unsigned long long)b->objperslab, (unsigned long long)b->pagesperslab,
			(unsigned long long)b->active_slabs, (unsigned long long)b->num_slabs);
	}
}

void proc_print_buddyinfo(FILE *f, const struct proc_state *s)
{
	for (size_t i = 0; i < s->nr_zones; i++) {
		const struct proc_zone *z = &s->zones[i];

		if (!z->has_free)
			continue;
		fprintf(f, PROC_ZONE, z->node, z->zone);
		for (int o = 0; o < PROC_ORDERS; o++)
			fprintf(f, BUDDYINFO_FREE, (unsigned long long)z->nr_free[o]);
		fputc('\n', f);
	}
}

static void print_type_free(FILE *f, const struct proc_zone *z)
{
	for (int t = 0; t < PROC_TYPES; t++) {
		fprintf(f, PAGETYPEINFO_TYPE, z->node, z->zone, proc_type_names[t]);
		for (int o = 0; o < PROC_ORDERS; o++) {
			u64 n = z->type_free[t][o];

			fprintf(f, PAGETYPEINFO_FREE, n >= PAGETYPEINFO_FREE_MAX ? ">" : "",
				(unsigned long long)min(n, (u64)PAGETYPEINFO_FREE_MAX));
		}
		fputc('\n', f);
	}
}

static void print_type_blocks(FILE *f, const struct proc_zone *z)
{
	fprintf(f, PROC_ZONE, z->node, z->zone);
	for (int t = 0; t < PROC_TYPES; t++)
		fprintf(f, PAGETYPEINFO_BLOCKS, (unsigned long long)z->type_blocks[t]);
	fputc('\n', f);
}

static void print_node_types(FILE *f, const struct proc_state *s, int node)
{
	bool blocks = false;

	fprintf(f, PAGETYPEINFO_HEAD, PROC_BLOCK_ORDER, (unsigned long)PROC_BLOCK_PAGES);
	fprintf(f, PAGETYPEINFO_FREE_HEAD, PAGETYPEINFO_FREE_TITLE);
	for (int o = 0; o < PROC_ORDERS; o++)
		fprintf(f, PAGETYPEINFO_ORDER, o);
	fputc('\n', f);
	for (size_t i = 0; i < s->nr_zones; i++) {
		if (s->zones[i].node != node || !s->zones[i].has_types)
			continue;
		print_type_free(f, &s->zones[i]);
		blocks |= s->zones[i].has_blocks;
	}
	if (!blocks)
		return;
	fprintf(f, PAGETYPEINFO_BLOCKS_HEAD, PAGETYPEINFO_BLOCKS_TITLE);
	for (int t = 0; t < PROC_TYPES; t++)
		fprintf(f, PAGETYPEINFO_BLOCKS_TYPE, proc_type_names[t]);
	fputc('\n', f);
	for (size_t i = 0; i < s->nr_zones; i++)
		if (s->zones[i].node == node && s->zones[i].has_types)
			print_type_blocks(f, &s->zones[i]);
}

/* All of a node, then the next; zones of a node stand together. */
void proc_print_pagetypeinfo(FILE *f, const struct proc_state *s)
{
	int last = -1;

	for (size_t i = 0; i < s->nr_zones; i++) {
		if (!s->zones[i].has_types || s->zones[i].node == last)
			continue;
		last = s->zones[i].node;
		print_node_types(f, s, last);
	}
}
