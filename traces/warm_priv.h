/*
 * What the files of the warm start share.
 *
 * warm.c		the source: births, frees of placeholders, shrink, then the load
 * warm_scan.c	what the load says: what lives at time zero, what each snapshot leaves unexplained
 * warm_slabs.c	which slab holds whom
 * warm_holes.c	which of its other slots are free
 * warm_pages.c	the target of page memory
 */
#ifndef TRACES_WARM_PRIV_H
#define TRACES_WARM_PRIV_H

#include "lib/bits.h"
#include "traces/kmt.h"
#include "traces/state.h"
#include "traces/warm.h"

#define WARM_NODES SNAPSHOT_NODES

/* A cache of the load. */
struct warm_count {
	s64 net;       /* allocations less frees since time zero, so far */
	s64 residents; /* the smallest of active less net, over snapshots */
	bool counted;  /* a snapshot has the cache */
};

struct warm {
	struct source src;
	struct source *kmt;
	struct state state;
	const struct snapshots *snapshots; /* until warm_open returns; report too */
	struct warm_report *report;

	/* Filled in by the scan. */
	struct request *live; /* by object: what made it; kind NR_REQUEST_KINDS: not alive */
	struct warm_count *counts;
	u32 *mark_of; /* by recorded mark: its new number */
	struct source_mark *marks;
	u8 *node_of_cpu;
	u64 *cpus_of; /* by cache, cpu_words words: CPUs that allocated from it before time zero */
	size_t cpu_words;
	bool shrunk; /* every cache was shrunk right before time zero */

	/* What comes before the load. */
	struct request *births;
	u64 nr_births, births_max;
	struct request *cpu_slabs; /* births that follow the shrink: slabs of a CPU */
	u64 nr_cpu_slabs, cpu_slabs_max;
	u32 next_id;
	u8 *placed; /* by object: its birth has been written */

	struct page_target pages;
	struct page_target_zone *zones;
	u32 **pcp_counts;
	struct page_place *places;
	struct page_free *frees;
	u64 nr_frees;

	struct request *batch; /* shifted */
	u64 skip;	       /* requests of the load still to leave out */
	bool begun;
};

/* A bitmap of CPUs. */
static inline u64 *warm_cpus_of(const struct warm *w, u32 cache)
{
	return w->cpus_of + cache * w->cpu_words;
}

/* warm_scan.c */
int __must_check warm_scan(struct warm *w, struct err *e);

/* warm_slabs.c: appends the births of all slab objects. */
void warm_slabs(struct warm *w);
int warm_node(const struct warm *w, u64 pfn);

/* warm_pages.c */
void warm_pages(struct warm *w);
/* What a snapshot knows of a zone's free blocks; not of its per-CPU lists. */
void warm_fill_zone(struct page_target_zone *to, const struct snapshot_zone *from);

/* warm.c */
void warm_birth(struct warm *w, const struct request *q);
/* After the shrink, a CPU takes such an object and gives it back. */
void warm_cpu_slab(struct warm *w, const struct request *q, int cpu);

#endif
