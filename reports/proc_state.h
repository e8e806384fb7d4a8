/*
 * What /proc tells of a machine's memory at one instant: slabinfo, buddyinfo, pagetypeinfo.
 *
 * The same shape for a recorded machine and for a simulated one, and printers in the kernel's own
 * format (Linux 6.1), so that tools and eyes made for these files read both alike. Which of the
 * files are known differs; the printers leave out what is not.
 */
#ifndef REPORTS_PROC_STATE_H
#define REPORTS_PROC_STATE_H

#include <stdio.h>

#include "lib/types.h"

#define PROC_ORDERS 11
#define PROC_TYPES 5 /* Unmovable, Movable, Reclaimable, HighAtomic, Isolate */
#define PROC_MOVABLE 1
#define PROC_BLOCK_ORDER 9 /* of pageblocks */
#define PROC_BLOCK_PAGES 512
#define PROC_BLOCK_BYTES_SQL "2097152"
#define PROC_PAGE_BYTES 4096
#define PROC_PAGE_BYTES_SQL "4096"
extern const char *const proc_type_names[PROC_TYPES];

struct proc_slab { /* a line of slabinfo 2.1 */
	char *cache;
	u64 active_objs, num_objs, objsize, objperslab, pagesperslab, active_slabs, num_slabs;
};

struct proc_zone {
	int node;
	char zone[16];
	bool has_free, has_types, has_blocks; /* which of the following are known */
	u64 nr_free[PROC_ORDERS];	      /* buddyinfo */
	u64 type_free[PROC_TYPES][PROC_ORDERS];
	u64 type_blocks[PROC_TYPES];
};

struct proc_count { /* of vmstat, or of an event */
	char *name;
	u64 value;
};

struct proc_state {
	struct proc_slab *slabs; /* by cache once proc_state_sort was called */
	size_t nr_slabs, slabs_room;
	struct proc_zone *zones;
	size_t nr_zones, zones_room;
	struct proc_count *counts;
	size_t nr_counts, counts_room;
};

/* Adds one; the name is copied. */
void proc_slab_add(struct proc_state *s, const struct proc_slab *slab);
void proc_slabs_clear(struct proc_state *s);
/* Sets the figure of that name. */
void proc_count_set(struct proc_state *s, const char *name, u64 value);
/* NULL if there is none. */
const struct proc_count *proc_count_find(const struct proc_state *s, const char *name);
/* The zone of that name, added if there is none. */
struct proc_zone *proc_zone_of(struct proc_state *s, int node, const char *zone);
void proc_state_sort(struct proc_state *s);
void proc_state_free(struct proc_state *s);

/* NULL if there is none. Context: sorted. */
const struct proc_slab *proc_slab_find(const struct proc_state *s, const char *cache);
const struct proc_zone *proc_zone_find(const struct proc_state *s, int node, const char *zone);

static inline u64 proc_slab_bytes(const struct proc_slab *slab)
{
	return slab ? slab->num_slabs * slab->pagesperslab * PROC_PAGE_BYTES : 0;
}

void proc_print_slabinfo(FILE *f, const struct proc_state *s);
void proc_print_buddyinfo(FILE *f, const struct proc_state *s);
void proc_print_pagetypeinfo(FILE *f, const struct proc_state *s);

#endif
