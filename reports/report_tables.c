/*
 * The page's tables: the comparison, and where every run comes from.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "reports/html.h"
#include "reports/pairs.h"
#include "reports/report_page.h"
#include "reports/values.h"

static void number_cell(FILE *f, const char *text)
{
	fputs("<td class=\"n\">", f);
	html_text(f, text);
	fputs("</td>", f);
}

static void side_cell(FILE *f, bool has, double v, const char *unit)
{
	char text[VALUE_TEXT_MAX] = "–";

	if (has)
		value_print(v, unit, text, sizeof(text));
	number_cell(f, text);
}

static void pair_cells(FILE *f, const struct pair *p)
{
	char diff[VALUE_TEXT_MAX] = "", ratio[VALUE_TEXT_MAX] = "";
	enum verdict verdict = pair_verdict(p);

	if (verdict != VERDICT_ONE_SIDED) {
		value_print_diff(pair_diff(p), p->unit, diff, sizeof(diff));
		if (!pair_is_share(p))
			ratio_print(pair_ratio(p), ratio, sizeof(ratio));
	}
	fputs("<tr><td><code>", f);
	html_text(f, p->metric);
	fputs("</code></td>", f);
	side_cell(f, p->has_base, p->base, p->unit);
	side_cell(f, p->has_new, p->new, p->unit);
	number_cell(f, diff);
	number_cell(f, ratio);
	/* The word, not the colour, carries the meaning. */
	fprintf(f, "<td class=\"%s\">%s</td></tr>\n",
		verdict == VERDICT_ONE_SIDED ? "same" : verdict_names[verdict],
		verdict == VERDICT_DIFFERS ? "" : verdict_names[verdict]);
}

static void note_paragraph(void *arg, const char *text)
{
	fputs("<p class=\"note\">", arg);
	html_text(arg, text);
	fputs("</p>\n", arg);
}

/* Equal figures matter less: folded. */
static void same_list(FILE *f, const struct pairing *pg)
{
	const char *comma = "";

	fputs("<details class=\"how\"><summary>the same under both</summary><p>", f);
	for (size_t i = 0; i < pg->nr; i++) {
		const struct pair *p = &pg->pairs[i];
		char value[VALUE_TEXT_MAX];

		if (pair_verdict(p) != VERDICT_SAME)
			continue;
		value_print(p->base, p->unit, value, sizeof(value));
		html_print(f, "%s%s %s", comma, p->metric, value);
		comma = ", ";
	}
	fputs("</p></details>\n", f);
}

static void pairing_table(const struct report *p, const struct pairing *pg, const char *seeds)
{
	FILE *f = p->html;
	const char *base = report_name(p, pg->base->label), *new = report_name(p, pg->new->label);

	fputs("<h3>", f);
	html_text(f, pg->new->load);
	if (p->many_seeds)
		fprintf(f, ", %s", seeds);
	fputs(": ", f);
	html_print(f, "%s against %s", new, base);
	fputs("</h3>\n", f);
	pairing_notes(pg, note_paragraph, f);
	fputs("<div class=\"scroll\"><table>\n<tr><th>metric</th><th class=\"n\">", f);
	html_text(f, base);
	fputs("</th><th class=\"n\">", f);
	html_text(f, new);
	fputs("</th><th class=\"n\">difference</th><th class=\"n\">relative</th><th></th></tr>\n",
	      f);
	for (size_t i = 0; i < pg->nr; i++)
		if (pair_verdict(&pg->pairs[i]) != VERDICT_SAME)
			pair_cells(f, &pg->pairs[i]);
	fputs("</table></div>\n", f);
	same_list(f, pg);
}

static void verdicts_finding(const struct report *p, const struct comparison *c)
{
	size_t count[VERDICT_ONE_SIDED + 1] = {0}, all = 0;

	for (size_t i = 0; i < c->nr; i++) {
		for (size_t j = 0; j < c->pairings[i].nr; j++) {
			count[pair_verdict(&c->pairings[i].pairs[j])]++;
			all++;
		}
	}
	report_finding(p, "Of %zu figures compared with %s, %zu are better, %zu worse, %zu equal.",
		       all, p->stacks[0].name, count[VERDICT_BETTER], count[VERDICT_WORSE],
		       count[VERDICT_SAME]);
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
		fputs("<p>", p->html);
		html_text(p->html, e->msg);
		fputs("</p>\n", p->html);
		return 0;
	}
	verdicts_finding(p, &c);
	fprintf(p->html,
		"<p class=\"how\">Whole stack. %s Better and worse go by the metric's direction; "
		"some "
		"have none.</p>\n",
		comparison_exact(&c) ? "Replays are exact: every difference is the stack's doing."
				     : "Not all that is compared here differs in its stack alone: "
				       "see the notes.");
	for (size_t i = 0; i < c.nr;) {
		char seeds[96];
		size_t alike = pairings_alike(&c, i, seeds, sizeof(seeds));

		pairing_table(p, &c.pairings[i], seeds);
		i += alike;
	}
	comparison_free(&c);
	return 0;
}

static void row(FILE *f, const char *name, const char *value, bool code)
{
	fprintf(f, "<tr><th>%s</th><td>%s", name, code ? "<code>" : "");
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
	fputs("<tr><th>machine</th><td><details><summary>", f);
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
