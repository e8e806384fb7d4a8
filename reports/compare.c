/*
 * `compare`: what a stack does to each figure of each load, printed.
 */
#include "reports/compare.h"

#include <fnmatch.h>
#include <math.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/text.h"
#include "reports/fail_on.h"
#include "reports/values.h"

#define HEADING_MAX 24
#define METRIC_WIDTH 28
#define TEXT_WIDTH 100

static bool shown(const struct compare_options *o, const struct pair *p)
{
	return !o->metric || !fnmatch(o->metric, p->metric, 0);
}

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

/* --- text --- */

static void cell(FILE *f, const char *text, size_t width, bool right)
{
	size_t w = text_width(text), pad = w < width ? width - w : 0;

	fprintf(f, "%*s%s%*s", right ? (int)pad : 0, "", text, right ? 0 : (int)pad, "");
}

static void side_print(bool has, double v, const char *unit, char *buf, size_t n)
{
	if (has)
		value_print(v, unit, buf, n);
	else
		snprintf(buf, n, "-");
}

static void pair_text(FILE *f, const struct pair *p, const size_t width[2])
{
	char base[VALUE_TEXT_MAX], new[VALUE_TEXT_MAX], diff[VALUE_TEXT_MAX] = "",
							ratio[VALUE_TEXT_MAX] = "";
	enum verdict verdict = pair_verdict(p);

	side_print(p->has_base, p->base, p->unit, base, sizeof(base));
	side_print(p->has_new, p->new, p->unit, new, sizeof(new));
	if (verdict != VERDICT_ONE_SIDED) {
		value_print_diff(pair_diff(p), p->unit, diff, sizeof(diff));
		if (!pair_is_share(p))
			ratio_print(pair_ratio(p), ratio, sizeof(ratio));
	}
	fputs("  ", f);
	cell(f, p->metric, METRIC_WIDTH, false);
	cell(f, base, width[0], true);
	cell(f, new, width[1], true);
	if (verdict != VERDICT_ONE_SIDED) {
		cell(f, diff, 15, true);
		cell(f, ratio, 11, true);
	}
	if (verdict == VERDICT_BETTER || verdict == VERDICT_WORSE)
		fprintf(f, "  %s", verdict_names[verdict]);
	fputc('\n', f);
}

/* The label if it fits a column, else the side it stands on. */
static void heading(const char *label, const char *side, char *buf, size_t n)
{
	label_short(label, buf, n);
	if (text_width(buf) > HEADING_MAX)
		snprintf(buf, n, "%s", side);
}

static void note_text(void *arg, const char *text)
{
	fprintf(arg, "  note: %s\n", text);
}

static void pairing_heading(FILE *f, const struct pairing *pg, const char *seeds, size_t width[2])
{
	char base[64], new[64];

	heading(pg->base->label, "base", base, sizeof(base));
	heading(pg->new->label, "new", new, sizeof(new));
	width[0] = max(text_width(base) + 2, (size_t)14);
	width[1] = max(text_width(new) + 2, (size_t)14);
	fprintf(f, "\n%s, %s: '%s' against '%s'\n", pg->new->load, seeds, pg->new->label,
		pg->base->label);
	pairing_notes(pg, note_text, f);
	fputs("  ", f);
	cell(f, "", METRIC_WIDTH, false);
	cell(f, base, width[0], true);
	cell(f, new, width[1], true);
	cell(f, "difference", 15, true);
	cell(f, "relative", 11, true);
	fputc('\n', f);
}

/* What is the same needs no line of its own: names and values, wrapped. */
static void same_text(FILE *f, const struct compare_options *o, const struct pairing *pg,
		      const char *layer)
{
	size_t column = 0;

	for (size_t i = 0; i < pg->nr; i++) {
		const struct pair *p = &pg->pairs[i];
		char value[VALUE_TEXT_MAX];
		size_t width;

		if (!shown(o, p) || strcmp(p->layer, layer) || pair_verdict(p) != VERDICT_SAME)
			continue;
		value_print(p->base, p->unit, value, sizeof(value));
		width = text_width(p->metric) + text_width(value) + 3;
		if (!column || column + width > TEXT_WIDTH) {
			fprintf(f, "%s", column ? ",\n    " : "  the same: ");
			column = column ? 4 : 12;
		} else {
			fputs(", ", f);
		}
		column += width;
		fprintf(f, "%s %s", p->metric, value);
	}
	if (column)
		fputc('\n', f);
}

static void pairing_text(FILE *f, const struct compare_options *o, const struct pairing *pg,
			 const char *seeds)
{
	size_t width[2];

	pairing_heading(f, pg, seeds, width);
	for (size_t i = 0; i < pg->nr;) {
		const char *layer = pg->pairs[i].layer;
		bool any = !*layer;

		for (; i < pg->nr && !strcmp(pg->pairs[i].layer, layer); i++) {
			if (!shown(o, &pg->pairs[i]))
				continue;
			if (!any)
				fprintf(f, "  [%s]\n", layer);
			any = true;
			if (pair_verdict(&pg->pairs[i]) != VERDICT_SAME)
				pair_text(f, &pg->pairs[i], width);
		}
		same_text(f, o, pg, layer);
	}
}

static void comparison_text(FILE *f, const struct compare_options *o, const struct comparison *c)
{
	char seeds[96];

	fputs(comparison_exact(c)
		      ? "Replays are exact: every difference is the stack's doing. better/worse go "
			"by the metric's\ndirection; a line without either has none. '-': not "
			"measured there.\n"
		      : "Not all that is compared here differs in its stack alone: see the notes. "
			"better/worse go by the\nmetric's direction; a line without either has "
			"none. '-': not measured there.\n",
	      f);
	for (size_t i = 0; i < c->nr;) {
		size_t alike = pairings_alike(c, i, seeds, sizeof(seeds));

		pairing_text(f, o, &c->pairings[i], seeds);
		i += alike;
	}
}

/* --- csv, json --- */

static void pair_row(struct out *out, const struct pairing *pg, const struct pair *p)
{
	double ratio = pair_ratio(p);
	bool both = p->has_base && p->has_new;

	out_str(out, pg->new->load);
	out_int(out, pg->new->seed);
	out_str(out, pg->base->label);
	out_str(out, pg->new->label);
	out_str(out, p->layer);
	out_str(out, p->metric);
	out_str(out, p->unit);
	out_str(out, p->better);
	out_real(out, p->has_base ? p->base : NAN);
	out_real(out, p->has_new ? p->new : NAN);
	out_real(out, both ? pair_diff(p) : NAN);
	out_real(out, both && isfinite(ratio) ? ratio : NAN);
	out_str(out, verdict_names[pair_verdict(p)]);
	out_row_end(out);
}

static void note_line(void *arg, const char *text)
{
	fprintf(arg, "note: %s\n", text);
}

static void comparison_rows(FILE *f, FILE *notes, const struct compare_options *o,
			    const struct comparison *c)
{
	static const struct out_column cols[] = {
		{"load", OUT_STR},	 {"seed", OUT_INT},	   {"base", OUT_STR},
		{"new", OUT_STR},	 {"layer", OUT_STR},	   {"metric", OUT_STR},
		{"unit", OUT_STR},	 {"better", OUT_STR},	   {"base_value", OUT_REAL},
		{"new_value", OUT_REAL}, {"difference", OUT_REAL}, {"relative", OUT_REAL},
		{"verdict", OUT_STR},	 {NULL, OUT_STR}};
	struct out out;

	out_begin(&out, f, o->format, cols);
	for (size_t i = 0; i < c->nr; i++) {
		pairing_notes(&c->pairings[i], note_line, notes);
		for (size_t j = 0; j < c->pairings[i].nr; j++)
			if (shown(o, &c->pairings[i].pairs[j]))
				pair_row(&out, &c->pairings[i], &c->pairings[i].pairs[j]);
	}
	out_end(&out);
}

/* --- fail-on --- */

static void trip_print(FILE *f, const struct fail_on *fo, const struct pairing *pg,
		       const struct pair *p)
{
	char base[VALUE_TEXT_MAX], new[VALUE_TEXT_MAX], diff[VALUE_TEXT_MAX], ratio[VALUE_TEXT_MAX];

	value_print(p->base, p->unit, base, sizeof(base));
	value_print(p->new, p->unit, new, sizeof(new));
	value_print_diff(pair_diff(p), p->unit, diff, sizeof(diff));
	ratio_print(pair_ratio(p), ratio, sizeof(ratio));
	fprintf(f,
		"--fail-on '%s' tripped: %s%s%s on %s, seed %lld: %s -> %s (%s, %s), '%s' against "
		"'%s'\n",
		fo->text, *p->layer ? p->layer : "", *p->layer ? " " : "", p->metric, pg->new->load,
		(long long)pg->new->seed, base, new, diff, ratio, pg->new->label, pg->base->label);
}

/* Number of trips; -1 with e set. notes NULL: only looks whether the expression fits. */
static int fail_on_run(const struct fail_on *fo, const struct comparison *c, FILE *notes,
		       struct err *e)
{
	int trips = 0;

	for (size_t i = 0; i < c->nr; i++) {
		for (size_t j = 0; j < c->pairings[i].nr; j++) {
			const struct pair *p = &c->pairings[i].pairs[j];
			int tripped = fail_on_check(fo, p, e);

			if (tripped < 0)
				return -1;
			if (tripped && notes)
				trip_print(notes, fo, &c->pairings[i], p);
			trips += tripped;
		}
	}
	return trips;
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

int compare_print(struct db *db, const struct compare_options *options, FILE *f, FILE *notes,
		  struct err *e)
{
	struct run_list list;
	struct comparison c;
	int rc = -1;

	if (runs_load(db, &list, false, e))
		return -1;
	if (comparison_make(&c, db, &list, &options->labels, e))
		goto out;
	/* First whether everything fits, so that a mistake prints its message and nothing else. */
	if ((options->metric && pattern_check(&c, "--metric", options->metric, e)) ||
	    fail_on_each(options, &c, NULL, e) < 0)
		goto out_comparison;
	if (options->format == OUT_TEXT)
		comparison_text(f, options, &c);
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
