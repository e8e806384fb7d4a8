/*
 * Fidelity: how truly a simulated machine follows the recorded one that its load comes from.
 *
 * At each snapshot of the recorded machine both sides are looked at: the bytes of each cache's
 * slabs, the free pages of each zone in blocks of each order. Scores are ratios of sums, so that
 * what is large counts:
 *
 *	slab_change_error  sum |d_sim - d_real| / sum |d_real|, d: the change of a cache's slab
 *			   bytes since the first snapshot, each side by its own first
 *	slab_error	   sum |sim - real| / sum real, of slab bytes
 *	free_error	   sum |sim - real| / sum real, of free pages by zone and order
 *	store_error	   the largest |sim - real| / real of the store, of all readings of
 *			   mm_stat; there only where the recording has some (fidelity_store.h)
 *
 * the first three over the snapshots after the first, pooled: sums first, then the ratio. Slabs are
 * those of caches with activity in the trace that slabinfo knows, bytes by each side's own slab
 * size. Beside each stands the score of doing nothing, of a simulator that keeps the recorded state
 * of the first snapshot for ever: by definition 1 for the change.
 *
 * In no score, but side by side: pageblocks by type, and what was counted from one snapshot to the
 * next: what /proc/vmstat counts, events of the recording, and what the simulator counts likewise.
 *
 * The one question everybody asks: *which is the headline?* slab_change_error. The others are
 * flattered by what never changes.
 */
#ifndef REPORTS_FIDELITY_H
#define REPORTS_FIDELITY_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"
#include "reports/proc_state.h"

enum fidelity_score {
	FIDELITY_SLAB_CHANGE,
	FIDELITY_SLAB_CHANGE_IDLE,
	FIDELITY_SLAB,
	FIDELITY_SLAB_IDLE,
	FIDELITY_FREE,
	FIDELITY_FREE_IDLE,
	NR_SNAPSHOT_SCORES, /* the others are not of one snapshot */
	FIDELITY_STORE = NR_SNAPSHOT_SCORES,
	FIDELITY_STORE_IDLE,
	NR_FIDELITY_SCORES
};
/* "slab_change_error", "slab_change_error_idle", ...: names of metrics (sim/sink.h). */
extern const char *const fidelity_score_names[NR_FIDELITY_SCORES];

/* Of one snapshot, or pooled. NAN: undefined, nothing was there to compare with. */
struct fidelity_scores {
	double score[NR_FIDELITY_SCORES];
};

struct fidelity_snapshot {
	char *label;
	u64 t_ns; /* on the load's clock: when slabinfo was read */
	struct proc_state recorded, simulated;
	const char *counts_file; /* at whose mark both sides count; NULL: nothing is counted */
	bool slabs_first; /* recorded slabs are slabinfo0's, which is read before the others */
	bool has_slabs, has_free; /* both sides are known */
	struct fidelity_scores scores;
};

struct fidelity_value {			     /* of one cache or block size at one snapshot */
	u64 recorded, simulated;	     /* bytes of slabs; free pages */
	u64 recorded_count, simulated_count; /* slabs; blocks */
};

struct fidelity_item {
	char *name;	       /* of the cache; "NODE/ZONE/ORDER" */
	int node, order, type; /* of a block size; of pageblocks: their type, no order */
	char zone[16];
	struct fidelity_value *at;	  /* at each snapshot */
	bool has_recorded, has_simulated; /* of a count */
	/* What it adds to the sum above the line of its kind's first score. */
	u64 error;
};

enum fidelity_store_figure { /* as mm_stat calls them */
			     FIDELITY_MEM_USED_TOTAL,
			     FIDELITY_COMPR_DATA_SIZE,
			     FIDELITY_PAGES_COMPACTED,
			     NR_FIDELITY_STORE
};
extern const char *const fidelity_store_names[NR_FIDELITY_STORE];

struct fidelity_store { /* a reading of mm_stat */
	char *label;
	char *mark; /* of the load */
	u64 t_ns;   /* on the load's clock */
	u64 recorded[NR_FIDELITY_STORE], simulated[NR_FIDELITY_STORE];
	bool seen;    /* the simulated side is known */
	double error; /* of the store's memory; NAN: undefined */
};

struct fidelity {
	struct fidelity_snapshot *snaps;
	size_t nr_snaps;
	struct fidelity_store *store;
	size_t nr_store;
	char **active; /* caches with activity in the trace */
	size_t nr_active;
	/* Filled in by fidelity_compute. */
	struct fidelity_item *caches, *areas, *types, *counts;
	size_t nr_caches, nr_areas, nr_types, nr_counts;
	char **unknown; /* active caches that no slabinfo knows: in no score */
	size_t nr_unknown;
	struct fidelity_scores pooled;
};

/* A fidelity of nr_snaps snapshots, the first of which is the base of all changes. */
struct fidelity *fidelity_new(size_t nr_snaps);
void fidelity_active_add(struct fidelity *f, const char *cache);
/* Once both sides are filled in; may be called again. */
void fidelity_compute(struct fidelity *f);
void fidelity_free(struct fidelity *f);

/* The caches by their error, largest first: up to n of those that have one, into worst. */
size_t fidelity_worst(const struct fidelity *f, const struct fidelity_item **worst, size_t n);
/* Sum of all caches' errors: what a share is a share of. */
u64 fidelity_error_sum(const struct fidelity *f);

/* Of a count: what was counted since the snapshot before the i-th. */
u64 fidelity_since(const struct fidelity_item *count, size_t i, bool recorded);

/* --fail-on 'slab_change_error>0.3': also <, and any score. */
struct fidelity_limit {
	enum fidelity_score score;
	bool above;
	double value;
	const char *text; /* as given; the caller's */
};
int __must_check fidelity_limit_parse(struct fidelity_limit *l, const char *text, struct err *e);
/* A score that is undefined misses every limit: what was asked for cannot be said. */
bool fidelity_limit_missed(const struct fidelity_limit *l, const struct fidelity_scores *s);

#endif
