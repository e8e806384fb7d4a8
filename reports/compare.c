/*
 * `compare`: what a stack does to each figure of each load, printed.
 */
#include "reports/compare.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/suggest.h"
#include "reports/compare_text.h"
#include "reports/effects.h"
#include "reports/fail_on.h"
#include "reports/values.h"

/* A pattern that no metric of the comparison matches is a slip of the user's, not an empty result.
 */
static int pattern_check(const struct comparison *c, const char *what, const char *pattern,
			 struct err *e)
{
	struct name_set metrics = {0};
	const char *near;
	int rc;

	for (size_t i = 0; i < c->nr; i++) {
		for (size_t j = 0; j < c->pairings[i].nr; j++) {
			name_set_add(&metrics, c->pairings[i].pairs[j].metric);
			if (!fnmatch(pattern, c->pairings[i].pairs[j].metric, 0)) {
				name_set_free(&metrics);
				return 0;
			}
		}
	}
	near = metrics.nr ? suggest_nearest(pattern, metrics.names) : NULL;
	rc = near ? err_set(e, "%s: no metric '%s' in these runs: did you mean '%s'?", what,
			    pattern, near)
		  : err_set(e,
			    "%s: no metric '%s' in these runs; `kmemsim list metrics` names them",
			    what, pattern);
	name_set_free(&metrics);
	return rc;
}

/* --- csv, json --- */

static void effect_row(struct out *out, const struct effects *x, const struct effect *f)
{
	const struct pairing *pg = x->pairings;

	out_str(out, pg->new->load);
	if (x->nr_pairings == 1)
		out_int(out, pg->new->seed);
	else
		out_real(out, NAN);
	out_str(out, pg->base->label);
	out_str(out, pg->new->label);
	out_str(out, f->pair->layer);
	out_str(out, f->pair->metric);
	out_str(out, f->pair->unit);
	out_str(out, f->pair->better);
	out_real(out, f->base);
	out_real(out, f->new);
	out_real(out, f->diff);
	out_real(out, f->ratio);
	out_str(out, verdict_names[f->verdict]);
	out_int(out, (s64)f->nr);
	out_real(out, f->interval.low);
	out_real(out, f->interval.high);
	out_real(out, f->p);
	out_real(out, f->p_holm);
	out_row_end(out);
}

static void note_line(void *arg, const char *text)
{
	fprintf(arg, "note: %s\n", text);
}

static void comparison_rows(FILE *f, FILE *notes, const struct compare_options *o,
			    const struct comparison *c)
{
	static const struct out_column cols[] = {{"load", OUT_STR},
						 {"seed", OUT_INT},
						 {"base", OUT_STR},
						 {"new", OUT_STR},
						 {"layer", OUT_STR},
						 {"metric", OUT_STR},
						 {"unit", OUT_STR},
						 {"better", OUT_STR},
						 {"base_value", OUT_REAL},
						 {"new_value", OUT_REAL},
						 {"difference", OUT_REAL},
						 {"relative", OUT_REAL},
						 {"verdict", OUT_STR},
						 {"pairs", OUT_INT},
						 {"difference_low", OUT_REAL},
						 {"difference_high", OUT_REAL},
						 {"p_value", OUT_REAL},
						 {"p_holm", OUT_REAL},
						 {NULL, OUT_STR}};
	struct out out;

	out_begin(&out, f, o->format, cols);
	for (size_t at = 0; at < c->nr;) {
		struct effects x;

		effects_make(&x, c, at);
		effects_holm(&x, compare_shown_layer, o);
		effects_holm(&x, compare_shown_cache, o);
		for (size_t i = 0; i < x.nr; i++)
			if (compare_shown(&x.list[i], o))
				effect_row(&out, &x, &x.list[i]);
		compare_notes(&x, note_line, notes);
		at += x.nr_pairings;
		effects_free(&x);
	}
	out_end(&out);
}

/* --- fail-on --- */

static void trip_print(FILE *f, const struct fail_on *fo, const struct effects *x,
		       const struct effect *t)
{
	const struct pairing *pg = x->pairings;
	const char *unit = t->pair->unit, *layer = t->pair->layer;
	char base[VALUE_TEXT_MAX], new[VALUE_TEXT_MAX], diff[VALUE_TEXT_MAX], ratio[VALUE_TEXT_MAX];
	char seeds[96];

	value_print(t->base, unit, base, sizeof(base));
	value_print(t->new, unit, new, sizeof(new));
	value_print_diff(t->diff, unit, diff, sizeof(diff));
	ratio_print(t->ratio, ratio, sizeof(ratio));
	if (x->nr_pairings == 1)
		snprintf(seeds, sizeof(seeds), "seed %lld", (long long)pg->new->seed);
	else
		snprintf(seeds, sizeof(seeds), "median of %zu seeds", t->nr);
	fprintf(f,
		"--fail-on '%s' tripped: %s%s%s on %s, %s: %s -> %s (%s, %s), '%s' against '%s'\n",
		fo->text, layer, *layer ? " " : "", t->pair->metric, pg->new->load, seeds, base,
		new, diff, ratio, pg->new->label, pg->base->label);
}

/* Number of trips; -1 with e set. notes NULL: only looks whether the expression fits. */
static int fail_on_group(const struct fail_on *fo, const struct effects *x, FILE *notes,
			 struct err *e)
{
	int trips = 0;

	for (size_t i = 0; i < x->nr; i++) {
		int tripped = fail_on_check(fo, &x->list[i], e);

		if (tripped < 0)
			return -1;
		if (tripped && notes)
			trip_print(notes, fo, x, &x->list[i]);
		trips += tripped;
	}
	return trips;
}

static int fail_on_run(const struct fail_on *fo, const struct comparison *c, FILE *notes,
		       struct err *e)
{
	int all = 0;

	for (size_t at = 0; at < c->nr;) {
		struct effects x;
		int trips;

		effects_make(&x, c, at);
		trips = fail_on_group(fo, &x, notes, e);
		at += x.nr_pairings;
		effects_free(&x);
		if (trips < 0)
			return -1;
		all += trips;
	}
	return all;
}

static int fail_on_each(const struct compare_options *o, const struct comparison *c, FILE *notes,
			struct err *e)
{
	int all = 0;

	for (size_t i = 0; o->fail_on && o->fail_on[i]; i++) {
		struct fail_on fo;
		int trips;

		if (fail_on_parse(&fo, o->fail_on[i], e))
			return -1;
		trips = pattern_check(c, "--fail-on", fo.pattern, e)
				? -1
				: fail_on_run(&fo, c, notes, e);
		fail_on_free(&fo);
		if (trips < 0)
			return -1;
		all += trips;
	}
	return all > 0;
}

/* Caches are read only where they are shown: there may be hundreds of them in each run. */
static struct comparison_options what_to_read(const struct compare_options *o)
{
	struct comparison_options read = o->labels;

	read.caches = (o->format == OUT_TEXT || read.each_layer) &&
		      (!o->metric || !fnmatch(o->metric, "slab_bytes_mean", 0));
	return read;
}

int compare_print(struct db *db, const struct compare_options *options, FILE *f, FILE *notes,
		  struct err *e)
{
	const struct comparison_options read = what_to_read(options);
	struct run_list list;
	struct comparison c;
	int rc = -1;

	if (runs_load(db, &list, false, e))
		return -1;
	if (comparison_make(&c, db, &list, &read, e))
		goto out;
	/* First whether everything fits, so that a mistake prints its message and nothing else. */
	if ((options->metric && pattern_check(&c, "--metric", options->metric, e)) ||
	    fail_on_each(options, &c, NULL, e) < 0)
		goto out_comparison;
	if (options->format == OUT_TEXT)
		compare_text(f, options, &c);
	else
		comparison_rows(f, notes, options, &c);
	fflush(f);
	rc = fail_on_each(options, &c, notes, e);
out_comparison:
	comparison_free(&c);
out:
	runs_free(&list);
	return rc;
}
