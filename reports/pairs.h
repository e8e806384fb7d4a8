/*
 * Summaries of two labels beside each other: pairs of equal load, seed, layer and metric.
 *
 * A replay has no chance in it, so a difference between two of a pair is exact: it is the stack's
 * doing, if all else was equal (comparison_exact). Layers are paired by kind and name, not by
 * depth: the slabifier of "slab/0:slabifier" is the one of "slab/1:slabifier" in a stack with
 * something above it.
 */
#ifndef REPORTS_PAIRS_H
#define REPORTS_PAIRS_H

#include "lib/err.h"
#include "lib/types.h"
#include "reports/db.h"
#include "reports/runs.h"

enum verdict {
	VERDICT_SAME,
	VERDICT_BETTER,
	VERDICT_WORSE,
	VERDICT_DIFFERS,
	VERDICT_ONE_SIDED,
	VERDICT_UNDETECTED, /* over seeds: it might be chance */
	VERDICT_FEW,	    /* over seeds: too few to tell */
	NR_VERDICTS
};

extern const char *const verdict_names[];

struct pair {
	char *layer; /* of the new stack; of the base, if it is there only; "" = whole stack */
	char *metric, *unit, *better;
	double base, new;
	bool has_base, has_new;
};

/* All pairs of one base run and one new run. */
struct pairing {
	const struct run_info *base, *new;
	s64 sample_ns[2]; /* between samples of the base, of the new one; 0: not sampled twice */
	struct pair
		*pairs; /* in the order of the new run's summary, what the base alone has last */
	size_t nr, room;
};

struct comparison {
	struct pairing *pairings; /* by load in the order stored, then by new label, then by seed */
	size_t nr, room;
};

struct comparison_options {
	const char *base;	 /* NULL: the first label of the list */
	const char *const *news; /* NULL-terminated; NULL or none: all other labels */
	bool each_layer;	 /* else the whole stack only */
	bool caches;		 /* the caches' slabs too: layer "cache/NAME", slab_bytes_mean */
};

/* -1 with e set: unknown label (with the nearest one), nothing to pair. The list outlives it. */
int __must_check comparison_make(struct comparison *c, struct db *db, const struct run_list *list,
				 const struct comparison_options *options, struct err *e);
void comparison_free(struct comparison *c);

double pair_diff(const struct pair *p);
/* (new - base) / |base|; infinite from 0. */
double pair_ratio(const struct pair *p);
enum verdict pair_verdict(const struct pair *p);
/* A share of something: its difference in points says it all, a ratio of ratios misleads. */
bool pair_is_share(const struct pair *p);

/* Were input, machine, version and instants of sampling equal in all? Then only stacks differ. */
bool comparison_exact(const struct comparison *c);
/*
 * How many pairings from `at` differ in nothing but their seed: at least 1. `seeds` becomes
 * "seed 1" or "seeds 1 to 3, the same for each".
 */
size_t pairings_alike(const struct comparison *c, size_t at, char *seeds, size_t n);

/* What a reader must know before believing the figures ("ended in oom", "other machine"): calls
 * note for each. */
void pairing_notes(const struct pairing *pg, void (*note)(void *arg, const char *text), void *arg);

#endif
