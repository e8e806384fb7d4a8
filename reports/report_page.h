/*
 * The page under construction: which runs it shows, in which colours, and where its parts go.
 *
 * Loads are rows, stacks are columns or colours; a stack has the same colour in every figure.
 *
 * The one question everybody asks: *and the seeds?* Lines are medians, with a band from the lowest
 * to the highest; what cannot be averaged (what memory is made of, maps, tables) is of the lowest
 * seed, the same under every stack that has it.
 */
#ifndef REPORTS_REPORT_PAGE_H
#define REPORTS_REPORT_PAGE_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/text.h"
#include "lib/types.h"
#include "reports/db.h"
#include "reports/report_dir.h"
#include "reports/runs.h"
#include "reports/samples.h"

#define REPORT_STACKS_MAX 128 /* more than anybody looks at in one page */

struct report_stack {
	const char *label;
	char name[112]; /* as shown */
	const char *colour;
};

struct report_figure { /* of a run's summary, the whole stack's */
	char *metric;
	double value;
};

struct report_seed {
	const struct run_info *info;
	struct samples samples;
	struct report_figure *figures;
	size_t nr_figures, room;
};

/* A load under a stack, with every seed. */
struct report_run {
	const struct run_info *info; /* of the lowest seed */
	size_t load, stack;	     /* places in page.loads, page.stacks */
	char slug[64];		     /* for file names: "fstree-rcu-2" */
	struct report_seed *seeds;   /* by seed */
	size_t nr_seeds, room;
};

/* The samples of the lowest seed. */
static inline const struct samples *run_samples(const struct report_run *run)
{
	return &run->seeds[0].samples;
}

struct report {
	struct db *db;
	struct report_dir dir;
	FILE *html;
	struct run_list list;
	struct name_set loads;
	char **load_slugs;
	struct report_stack stacks[REPORT_STACKS_MAX];
	size_t nr_stacks;
	struct report_run *runs; /* one for each load and stack that was run */
	size_t nr_runs;
	bool many_seeds;
	bool stores;	/* some stack has one */
	bool page_only; /* no PNG, no PDF */
};

int __must_check report_init(struct report *p, struct db *db, const char *const *labels,
			     struct err *e);
void report_free(struct report *p);

/* NULL if that stack did not run that load. */
struct report_run *report_run(const struct report *p, size_t load, size_t stack);
/* A label as the page shows it. */
const char *report_name(const struct report *p, const char *label);
/* Simulated time at which the last of the load's runs ended. */
u64 report_load_end(const struct report *p, size_t load);
/* And from which on it was looked at: after its warm-up. */
u64 report_load_begin(const struct report *p, size_t load);

/* A figure of the run's summary, the median of its seeds: exact where samples are not. `fallback`
 * if it has none. */
double report_summary(const struct report_run *run, const char *metric, double fallback);
/* Of one seed. */
double report_summary_of(const struct report_seed *seed, const char *metric, double fallback);

/* What the seeds say at an instant. */
struct band {
	double mid, low, high; /* median, least, most */
};

/* Sorts the values. */
struct band band_of(double *values, size_t n);
struct band report_band(const struct report_run *run,
			double (*value)(const struct samples *s, int what, u64 t), int what, u64 t);

/* Which stacks have least and most of something. */
struct spread {
	const struct report_run *low, *high; /* NULL: nobody was added */
	double least, most;
	size_t nr, nr_low, nr_high; /* all; those with exactly least, most */
};

void spread_add(struct spread *x, const struct report_run *run, double v);
/* "plain", or "plain and 2 others" that have the same. */
void spread_name(const struct report *p, const struct spread *x, bool high, char *buf, size_t n);

/*
 * Adds "WHAT: 3 under A, 2 under B", most and least of a figure of the whole run, behind a
 * semicolon if there is something before; nothing where all have none of it.
 */
void report_metric_words(const struct report *p, size_t load, const char *metric, const char *unit,
			 const char *what, struct text *text);

/* <h3>LOAD</h3>, only if there is more than one load. */
void report_load_heading(const struct report *p, size_t load);
/* The sentence above a plot: what it shows. */
void report_finding(const struct report *p, const char *fmt, ...) __printf(2, 3);

/* A cell of a table: a figure in its unit; NAN: a dash. */
void report_value_cell(FILE *f, double v, const char *unit);

/* Room for a sentence that grows (lib/text.h), as a list of stacks does. */
#define SENTENCE_MAX 1536

/* The sections. */
int __must_check report_overview(struct report *p, struct err *e);
int __must_check report_stacks_figures(struct report *p, struct err *e);
int __must_check report_memory_figures(struct report *p, struct err *e);
int __must_check report_free_figures(struct report *p, struct err *e);
int __must_check report_unusable_figures(struct report *p, struct err *e);
int __must_check report_map_figures(struct report *p, struct err *e);
int __must_check report_blame(struct report *p, struct err *e);
int __must_check report_pressure_figures(struct report *p, struct err *e);
int __must_check report_slab_figures(struct report *p, struct err *e);
int __must_check report_store_figures(struct report *p, struct err *e);
int __must_check report_latency_figures(struct report *p, struct err *e);
int __must_check report_caches(struct report *p, struct err *e);
int __must_check report_sites(struct report *p, struct err *e);
int __must_check report_layers(struct report *p, struct err *e);
int __must_check report_fidelity(struct report *p, struct err *e);
int __must_check report_expectations(struct report *p, struct err *e);
int __must_check report_comparison(struct report *p, struct err *e);
void report_provenance(struct report *p);
/* Is there anything to show? */
int __must_check report_blame_any(struct report *p, bool *any, struct err *e);
int __must_check report_pressure_any(struct report *p, bool *any, struct err *e);
int __must_check report_store_any(struct report *p, bool *any, struct err *e);

#endif
