/*
 * Time series of a run, as plots need them: whole-stack figures, and what each layer holds.
 */
#ifndef REPORTS_SAMPLES_H
#define REPORTS_SAMPLES_H

#include "lib/err.h"
#include "lib/types.h"
#include "reports/db.h"
#include "sim/sink.h"

/* Enough for a line on any screen, little enough for a page with a hundred of them. */
#define POINTS_MAX 400

struct series {
	s64 key; /* layer and metric, as numbers of the database */
	char *layer, *metric;
	u64 *t_ns;
	double *value;
	size_t nr, room;
};

struct samples {
	struct series *series;
	size_t nr, room;
};

int __must_check samples_load(struct samples *s, struct db *db, s64 run_id, struct err *e);
void samples_free(struct samples *s);
/* NULL if there is none. */
const struct series *samples_find(const struct samples *s, const char *layer, const char *metric);
/* The value at or before the instant; 0 before the first. `series` may be NULL: 0. */
double series_at(const struct series *series, u64 t_ns);
/* How many of these instants, in order of time, are not after t_ns. */
size_t instants_up_to(const u64 *at_ns, size_t nr, u64 t_ns);
double series_max(const struct series *series);
/*
 * A metric of the layers of a kind ("slab", "pages", "store") at an instant. Layers are numbered
 * from the outside; the innermost is the source of memory, the others derive from it. `above`: the
 * sum over the derived ones; `outer`: of layer 0, which the load talks to.
 */
double samples_above_at(const struct samples *s, const char *kind, const char *metric, u64 t_ns);
double samples_outer_at(const struct samples *s, const char *kind, const char *metric, u64 t_ns);

/* Of the whole stack; 0 if it was not sampled. */
double samples_whole_at(const struct samples *s, const char *metric, u64 t_ns);
/* What all layers hold back from reuse. */
double samples_held_at(const struct samples *s, u64 t_ns);
/* The columns of store_view are series of this layer. */
#define SAMPLES_STORE "store"
/* One of them; 0 before the first instant, and without a store. */
double samples_store_at(const struct samples *s, const char *column, u64 t_ns);
/* All pages that the store has taken for contents, those in reserve and those with one object each
 * included. */
double samples_store_bytes_at(const struct samples *s, u64 t_ns);
/* Of these, the ones that are slabs: a store of slabs (kmalloc) has its objects there. */
double samples_store_slabs_at(const struct samples *s, u64 t_ns);
bool samples_has_store(const struct samples *s);
/* The series whose instants the curves use; NULL if memory was not sampled. */
const struct series *samples_lead(const struct samples *s);

/* Free blocks of the whole machine over time. */
struct free_series {
	u64 *t_ns;
	u64 (*nr_free)[SINK_NR_ORDERS];
	size_t nr, room;
};

int __must_check free_series_load(struct free_series *b, struct db *db, s64 run_id, struct err *e);
void free_series_free(struct free_series *b);

/*
 * Chooses at most `max` of n points so that no peak and no dip of `value` is lost: the first, the
 * last, and of each stretch between the lowest and the highest. Returns how many; picks has room
 * for max.
 */
size_t points_pick(const double *value, size_t n, size_t max, size_t *picks);
/* Sorts the points of several picks, each once; returns how many are left. */
size_t points_merge(size_t *picks, size_t n);

#endif
