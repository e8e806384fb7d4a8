/*
 * The page's tables: the comparison, and where every run comes from.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/compare_text.h"
#include "reports/html.h"
#include "reports/report_page.h"
#include "reports/values.h"

static void number_cell(FILE *f, const char *text)
{
	fputs("<td class=\"n\">", f);
	html_text(f, text);
	fputs("</td>", f);
}

void report_value_cell(FILE *f, double v, const char *unit)
{
	char text[VALUE_TEXT_MAX] = "–";

	if (!isnan(v))
		value_print(v, unit, text, sizeof(text));
	number_cell(f, text);
}

/* How sure: the interval, p, and p after Holm's correction. */
static void chance_cells(FILE *f, const struct effects *x, const struct effect *e)
{
	char interval[INTERVAL_TEXT_MAX] = "", p[32], p_holm[32];

	if (e->nr)
		effect_interval_print(x, e, interval, sizeof(interval));
	number_cell(f, interval);
	if (!effects_tested(x))
		return;
	p_print(e->p, p, sizeof(p));
	p_print(e->p_holm, p_holm, sizeof(p_holm));
	number_cell(f, p);
	number_cell(f, p_holm);
}

static void effect_row(FILE *f, const struct effects *x, const struct effect *e)
{
	char diff[VALUE_TEXT_MAX] = "", ratio[VALUE_TEXT_MAX] = "";
	const char *unit = e->pair->unit;
	bool wordless =
		e->verdict == VERDICT_ONE_SIDED || (e->verdict == VERDICT_DIFFERS && x->exact);

	if (e->nr) {
		value_print_diff(e->diff, unit, diff, sizeof(diff));
		if (!pair_is_share(e->pair))
			ratio_print(e->ratio, ratio, sizeof(ratio));
	}
	fputs("<tr><td><code>", f);
	html_text(f, e->pair->metric);
	fputs("</code></td>", f);
	report_value_cell(f, e->base, unit);
	report_value_cell(f, e->new, unit);
	number_cell(f, diff);
	if (!x->exact)
		chance_cells(f, x, e);
	number_cell(f, ratio);
	/* The word, not the colour, carries the meaning. */
	fprintf(f, "<td class=\"%s\">%s</td></tr>\n",
		e->verdict == VERDICT_BETTER || e->verdict == VERDICT_WORSE
			? verdict_names[e->verdict]
			: "same",
		wordless ? "" : verdict_names[e->verdict]);
}

static void note_paragraph(void *arg, const char *text)
{
	fputs("<p class=\"note\">", arg);
	html_text(arg, text);
	fputs("</p>\n", arg);
}

/* Equal figures matter less: folded. */
static void same_list(FILE *f, const struct effects *x)
{
	const char *comma = "";

	fprintf(f, "<details class=\"how\"><summary>the same under both%s</summary><p>",
		x->exact ? "" : " in each pair (medians)");
	for (size_t i = 0; i < x->nr; i++) {
		const struct effect *e = &x->list[i];
		char value[VALUE_TEXT_MAX];

		if (e->verdict != VERDICT_SAME)
			continue;
		value_print(e->base, e->pair->unit, value, sizeof(value));
		html_print(f, "%s%s %s", comma, e->pair->metric, value);
		comma = ", ";
	}
	fputs("</p></details>\n", f);
}

static void head_cell(FILE *f, const char *text)
{
	fputs("<th scope=\"col\" class=\"n\">", f);
	html_text(f, text);
	fputs("</th>", f);
}

static void effects_heading(const struct report *p, const struct effects *x,
			    const struct comparison *c)
{
	const struct pairing *pg = x->pairings;
	FILE *f = p->html;
	char seeds[96];

	effects_seeds_print(x, c, seeds, sizeof(seeds));
	fputs("<h3>", f);
	html_text(f, pg->new->load);
	if (p->many_seeds)
		fprintf(f, ", %s", seeds);
	html_print(f, ": %s against %s", report_name(p, pg->new->label),
		   report_name(p, pg->base->label));
	fputs("</h3>\n", f);
	compare_notes(x, note_paragraph, f);
}

static void effects_columns(const struct report *p, const struct effects *x)
{
	FILE *f = p->html;

	fputs("<tr><th scope=\"col\">metric</th>", f);
	head_cell(f, report_name(p, x->pairings->base->label));
	head_cell(f, report_name(p, x->pairings->new->label));
	head_cell(f, "difference");
	if (!x->exact)
		head_cell(f, effects_tested(x) ? "95 % interval" : "lowest to highest");
	if (effects_tested(x)) {
		head_cell(f, "p");
		head_cell(f, "Holm");
	}
	head_cell(f, "relative");
	fputs("<th scope=\"col\">verdict</th></tr>\n", f);
}

static void tests_paragraph(FILE *f, const struct effects *x, size_t nr)
{
	if (!x->exact && !effects_tested(x))
		fprintf(f, "<p class=\"how\">%zu pairs are too few for a test: %d at least.</p>\n",
			x->nr_pairings, STATS_PAIRS_MIN);
	if (nr)
		fprintf(f,
			"<p class=\"how\">%zu figures tested: by chance alone about %.0f would "
			"have "
			"p below 0.05. Holm: p corrected for all of them, which takes %zu pairs at "
			"least.</p>\n",
			nr, ceil(STATS_LEVEL * (double)nr), stats_holm_pairs(nr));
}

static void effects_table(const struct report *p, struct effects *x, const struct comparison *c)
{
	const struct compare_options all = {.format = OUT_TEXT};
	size_t nr = effects_holm(x, compare_shown_layer, &all);
	FILE *f = p->html;

	effects_heading(p, x, c);
	fputs("<div class=\"scroll\"><table>\n", f);
	effects_columns(p, x);
	for (size_t i = 0; i < x->nr; i++)
		if (x->list[i].verdict != VERDICT_SAME)
			effect_row(f, x, &x->list[i]);
	fputs("</table></div>\n", f);
	same_list(f, x);
	tests_paragraph(f, x, nr);
}

/* Every figure is counted once, whatever the seeds: what is left after better, worse and equal is
 * named. */
static void verdicts_finding(const struct report *p, const size_t *count)
{
	static const struct {
		enum verdict verdict;
		const char *text;
	} rest[] = {
		{VERDICT_DIFFERS, "that differ, neither for better nor worse"},
		{VERDICT_UNDETECTED, "without a difference that chance would not explain (~)"},
		{VERDICT_FEW, "of too few pairs to tell"},
		{VERDICT_ONE_SIDED, "measured on one side only"},
	};
	char buf[SENTENCE_MAX];
	struct text t = text_in(buf, sizeof(buf));
	size_t all = 0;

	for (enum verdict v = 0; v < NR_VERDICTS; v++)
		all += count[v];
	text_add(&t, "Of %zu figures compared with %s, %zu are better, %zu worse, %zu equal", all,
		 p->stacks[0].name, count[VERDICT_BETTER], count[VERDICT_WORSE],
		 count[VERDICT_SAME]);
	for (size_t i = 0, named = 0; i < ARRAY_SIZE(rest); i++)
		if (count[rest[i].verdict])
			text_add(&t, "%s%zu %s",
				 named++ ? ", " : "; the rest: ", count[rest[i].verdict],
				 rest[i].text);
	report_finding(p, "%s.", buf);
}

static void comparison_how(const struct report *p, const struct comparison *c, bool over_seeds)
{
	fprintf(p->html,
		"<p class=\"how\">Whole stack. %s Better and worse go by the metric's direction; "
		"some have none.</p>\n",
		comparison_exact(c) ? "Replays are exact: every difference is the stack's doing."
				    : "Not all that is compared here differs in its stack alone: "
				      "see the notes.");
	if (over_seeds)
		fputs("<p class=\"how\">Over seeds: each seed gives an exact pair. Values are "
		      "medians, difference and relative the medians of the pairs' own; interval: "
		      "percentile bootstrap; p: Wilcoxon's signed ranks, two-sided; ~: no "
		      "difference detected (p of 0.05 or more).</p>\n",
		      p->html);
}

/* The sentence above the tables first, so all effects are made before any is shown. */
static void comparison_show(const struct report *p, const struct comparison *c)
{
	struct effects *groups = mem_alloc(c->nr + 1, sizeof(*groups));
	size_t count[NR_VERDICTS] = {0}, nr = 0;
	bool over_seeds = false;

	for (size_t at = 0; at < c->nr; at += groups[nr++].nr_pairings) {
		struct effects *x = &groups[nr];

		effects_make(x, c, at);
		for (size_t i = 0; i < x->nr; i++)
			count[x->list[i].verdict]++;
		over_seeds = over_seeds || !x->exact;
	}
	verdicts_finding(p, count);
	comparison_how(p, c, over_seeds);
	for (size_t i = 0; i < nr; i++) {
		effects_table(p, &groups[i], c);
		effects_free(&groups[i]);
	}
	free(groups);
}

/* Was any load run with any seed under the first stack and another one? */
static bool comparable(const struct report *p)
{
	for (size_t i = 0; i < p->nr_runs; i++) {
		const struct report_run *new = &p->runs[i];
		const struct report_run *base = new->stack ? report_run(p, new->load, 0) : NULL;

		for (size_t k = 0; base && k < base->nr_seeds; k++)
			for (size_t n = 0; n < new->nr_seeds; n++)
				if (base->seeds[k].info->seed == new->seeds[n].info->seed)
					return true;
	}
	return false;
}

int report_comparison(struct report *p, struct err *e)
{
	const char *news[REPORT_STACKS_MAX + 1] = {NULL};
	struct comparison_options options = {.base = p->stacks[0].label, .news = news};
	struct comparison c;

	for (size_t s = 1; s < p->nr_stacks; s++)
		news[s - 1] = p->stacks[s].label;
	if (p->nr_stacks < 2) {
		fputs("<p>One stack only: nothing to compare it with.</p>\n", p->html);
		return 0;
	}
	/* Labels without a load in common are no mistake here: the page shows them one by one. */
	if (comparison_make(&c, p->db, &p->list, &options, e)) {
		if (comparable(p))
			return -1;
		fputs("<p>", p->html);
		html_text(p->html, e->msg);
		fputs("</p>\n", p->html);
		return 0;
	}
	comparison_show(p, &c);
	comparison_free(&c);
	return 0;
}

static void row(FILE *f, const char *name, const char *value, bool code)
{
	fprintf(f, "<tr><th scope=\"row\">%s</th><td>%s", name, code ? "<code>" : "");
	html_text(f, value);
	fprintf(f, "%s</td></tr>\n", code ? "</code>" : "");
}

static void run_provenance(const struct report *p, const struct run_info *r)
{
	char text[VALUE_TEXT_MAX], *line;
	FILE *f = p->html;

	fputs("<h3>", f);
	html_print(f, "%s, %s, seed %lld", r->load, report_name(p, r->label), (long long)r->seed);
	fputs("</h3>\n<pre>", f);
	html_text(f, r->command);
	fputs("</pre>\n<table>\n", f);
	row(f, "label", r->label, true);
	row(f, "digest", r->digest, true);
	row(f, "status", r->status, false);
	row(f, "stack", r->stack, true);
	line = mem_print("%s (content %s)", r->input, r->input_hash);
	row(f, "input", line, true);
	free(line);
	value_print((double)r->nr_requests, "count", text, sizeof(text));
	row(f, "requests", text, false);
	time_human((double)r->sim_ns, text, sizeof(text));
	row(f, "simulated time", text, false);
	row(f, "kmemsim", r->version, false);
	fputs("<tr><th scope=\"row\">machine</th><td><details><summary>", f);
	html_text(f, r->machine);
	fputs("</summary><pre>", f);
	html_text(f, r->machine_yaml);
	fputs("</pre></details></td></tr>\n</table>\n", f);
}

void report_provenance(struct report *p)
{
	fputs("<p class=\"how\">Equal input, stack, machine, seed and version give an equal "
	      "digest, "
	      "on any machine; the command repeats the run.</p>\n",
	      p->html);
	for (size_t i = 0; i < p->list.nr; i++) {
		bool shown = false;

		for (size_t s = 0; s < p->nr_stacks; s++)
			shown = shown || !strcmp(p->stacks[s].label, p->list.runs[i].label);
		if (shown)
			run_provenance(p, &p->list.runs[i]);
	}
}
