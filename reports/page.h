/*
 * The page under construction: which runs it shows, in which colours, and where its parts go.
 *
 * Loads are rows, stacks are columns or colours; a stack has the same colour in every figure.
 */
#ifndef REPORTS_PAGE_H
#define REPORTS_PAGE_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"
#include "reports/db.h"
#include "reports/report_dir.h"
#include "reports/runs.h"
#include "reports/samples.h"

#define PAGE_STACKS_MAX 8 /* colours that stay apart */

struct page_stack {
	const char *label;
	char name[64]; /* as shown */
	const char *colour;
};

struct page_run {
	const struct run_info *info;
	size_t load, stack; /* places in page.loads, page.stacks */
	char slug[64];	    /* for file names: "fstree-rcu-2" */
	struct samples samples;
};

struct page {
	struct db *db;
	struct report_dir dir;
	FILE *html;
	struct run_list list;
	struct name_set loads;
	char **load_slugs;
	struct page_stack stacks[PAGE_STACKS_MAX];
	size_t nr_stacks;
	struct page_run *runs; /* one for each load and stack that was run: of the lowest seed */
	size_t nr_runs;
	bool many_seeds;
};

int __must_check page_init(struct page *p, struct db *db, const char *const *labels, struct err *e);
void page_free(struct page *p);

/* NULL if that stack did not run that load. */
struct page_run *page_run(const struct page *p, size_t load, size_t stack);
/* Simulated time at which the last of the load's runs ended. */
u64 page_load_end(const struct page *p, size_t load);

/* <h3>LOAD</h3>, only if there is more than one load. */
void page_load_heading(const struct page *p, size_t load);
/* The sentence above a plot: what it shows. */
void page_finding(const struct page *p, const char *fmt, ...) __printf(2, 3);

/* A sentence that grows, as a list of stacks does. */
struct sentence {
	char text[1536];
	size_t used;
};

void sentence_add(struct sentence *s, const char *fmt, ...) __printf(2, 3);

/* The sections. */
int __must_check page_stacks_figures(struct page *p, struct err *e);
int __must_check page_memory_figures(struct page *p, struct err *e);
int __must_check page_free_figures(struct page *p, struct err *e);
int __must_check page_unusable_figures(struct page *p, struct err *e);
int __must_check page_slab_figures(struct page *p, struct err *e);
int __must_check page_latency_figures(struct page *p, struct err *e);
int __must_check page_comparison(struct page *p, struct err *e);
void page_provenance(struct page *p);

#endif
