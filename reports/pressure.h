/*
 * What a run says of memory under pressure, over time: free pages and indices of each zone beside
 * its watermarks, the score that kcompactd goes by, what compaction and reclaim have done so far.
 *
 * The one question everybody asks: *and in an old database?* Whatever it has no table for is empty.
 */
#ifndef REPORTS_PRESSURE_H
#define REPORTS_PRESSURE_H

#include "lib/err.h"
#include "lib/types.h"
#include "reports/db.h"
#include "sim/sink.h"

/* A value for each instant; straight lines between them. */
struct curve {
	u64 *t_ns;
	double *value;
	size_t nr, room;
};

/* What has been done up to an instant. */
enum pressure_work {
	WORK_MOVED,	   /* pages, by compaction */
	WORK_GAINED,	   /* free blocks of 2 MiB, by compaction */
	WORK_COMPACT_NS,   /* time in compaction */
	WORK_STEAL_KSWAPD, /* pages reclaimed */
	WORK_STEAL_DIRECT,
	WORK_STALLS, /* requests that had to reclaim themselves */
	NR_WORK,
};

/* What could be had at an instant (sim/metrics.h). */
enum pressure_state {
	STATE_AVAILABLE, /* blocks of 2 MiB */
	STATE_COMPACTED, /* the same, with compaction */
	STATE_MOVES,	 /* fewest pages to move for that */
	NR_STATES,
};

struct pressure_zone {
	int node;
	char name[16];
	double min, low, high; /* pages; 0: the allocator keeps none */
	struct curve free;     /* pages */
	/* Of each instant of `free`: of orders, as in sim/metrics.h. */
	s16 (*fragmentation)[SINK_NR_ORDERS], (*unusable)[SINK_NR_ORDERS];
	size_t index_room;
};

struct pressure_node {
	int node;
	struct curve score; /* of proactive compaction */
};

struct pressure {
	struct pressure_zone *zones; /* by node and name */
	size_t nr_zones, zones_room;
	struct pressure_node *nodes;
	size_t nr_nodes, nodes_room;
	struct curve work[NR_WORK];
	struct curve state[NR_STATES];
};

/* Was the run ever under pressure, or not given a huge page at once? */
int __must_check pressure_tells(struct db *db, s64 run_id, bool *tells, struct err *e);
/* end_ns: of the run. */
int __must_check pressure_load(struct pressure *p, struct db *db, s64 run_id, u64 end_ns,
			       struct err *e);
void pressure_free(struct pressure *p);

/* NULL if it has no such zone or node. */
const struct pressure_zone *pressure_zone(const struct pressure *p, int node, const char *name);
const struct pressure_node *pressure_node(const struct pressure *p, int node);
/* 0 before the first instant; `c` may be NULL. */
double curve_at(const struct curve *c, u64 t_ns);
double curve_most(const struct curve *c);
/* 0 if there are none. */
double curve_least(const struct curve *c);

#endif
