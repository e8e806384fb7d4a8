/*
 * `compare` as text.
 */
#include "reports/compare_text.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "reports/pairs_caches.h"
#include "reports/values.h"

#define HEADING_MAX 24
#define METRIC_WIDTH 28
#define TEXT_WIDTH 100
#define CACHES_SHOWN 5
#define NOTES_SHOWN 4

bool compare_shown(const struct effect *f, const void *options)
{
	const struct compare_options *o = options;

	return !o->metric || !fnmatch(o->metric, f->pair->metric, 0);
}

bool compare_shown_layer(const struct effect *f, const void *options)
{
	return compare_shown(f, options) && !layer_is_cache(f->pair->layer);
}

bool compare_shown_cache(const struct effect *f, const void *options)
{
	return compare_shown(f, options) && layer_is_cache(f->pair->layer);
}

/* --- notes --- */

struct note_list {
	char *texts[NOTES_SHOWN];
	size_t nr, nr_more;
};

static void note_keep(void *arg, const char *text)
{
	struct note_list *l = arg;

	for (size_t i = 0; i < l->nr; i++)
		if (!strcmp(l->texts[i], text))
			return;
	if (l->nr < NOTES_SHOWN)
		l->texts[l->nr++] = mem_dup(text);
	else
		l->nr_more++;
}

void compare_notes(const struct effects *x, void (*note)(void *arg, const char *text), void *arg)
{
	struct note_list l = {.nr = 0};
	char more[64];

	for (size_t i = 0; i < x->nr_pairings; i++)
		pairing_notes(&x->pairings[i], note_keep, &l);
	for (size_t i = 0; i < l.nr; i++) {
		note(arg, l.texts[i]);
		free(l.texts[i]);
	}
	snprintf(more, sizeof(more), "and %zu more such notes on other seeds", l.nr_more);
	if (l.nr_more)
		note(arg, more);
}

/* --- cells --- */

static void cell(FILE *f, const char *text, size_t width, bool right)
{
	size_t w = text_width(text), pad = w < width ? width - w : 0;

	fprintf(f, "%*s%s%*s", right ? (int)pad : 0, "", text, right ? 0 : (int)pad, "");
}

/* Columns of one table. */
struct table {
	FILE *f;
	const struct compare_options *o;
	struct effects *x;
	size_t base_width, new_width, diff_width, ratio_width, interval_width;
};

static void side_cell(const struct table *t, double v, const char *unit, size_t width)
{
	char text[VALUE_TEXT_MAX] = "-";

	if (!isnan(v))
		value_print(v, unit, text, sizeof(text));
	cell(t->f, text, width, true);
}

/* "+1.70 to +1.82 MiB": a unit that both have is said once. */
void effect_interval_print(const struct effects *x, const struct effect *f, char *buf, size_t n)
{
	struct interval i = isnan(f->p) ? effect_range(x, f) : f->interval;
	char low[VALUE_TEXT_MAX], high[VALUE_TEXT_MAX];
	char *low_unit, *high_unit;

	value_print_diff(i.low, f->pair->unit, low, sizeof(low));
	value_print_diff(i.high, f->pair->unit, high, sizeof(high));
	low_unit = strchr(low, ' ');
	high_unit = strchr(high, ' ');
	if (low_unit && high_unit && !strcmp(low_unit, high_unit))
		*low_unit = '\0';
	snprintf(buf, n, "%s to %s", low, high);
}

void p_print(double p, char *buf, size_t n)
{
	if (isnan(p))
		*buf = '\0';
	else if (p < 0.001)
		snprintf(buf, n, "<0.001");
	else
		snprintf(buf, n, "%.3f", p);
}

static void interval_cell(const struct table *t, const struct effect *f)
{
	char text[INTERVAL_TEXT_MAX];

	effect_interval_print(t->x, f, text, sizeof(text));
	cell(t->f, text, t->interval_width, true);
}

static void p_cell(const struct table *t, const struct effect *f)
{
	char text[32];

	p_print(f->p, text, sizeof(text));
	cell(t->f, text, 8, true);
	fputs(f->p_holm < STATS_LEVEL ? "*" : " ", t->f);
}

static void verdict_cell(const struct table *t, const struct effect *f)
{
	if (f->verdict == VERDICT_BETTER || f->verdict == VERDICT_WORSE ||
	    f->verdict == VERDICT_UNDETECTED)
		fprintf(t->f, "%s%s", t->x->exact ? "  " : " ", verdict_names[f->verdict]);
	else if (f->verdict == VERDICT_DIFFERS && !t->x->exact)
		fprintf(t->f, " %s", verdict_names[f->verdict]);
}

static void effect_line(const struct table *t, const char *name, const struct effect *f)
{
	const char *unit = f->pair->unit;
	char diff[VALUE_TEXT_MAX] = "", ratio[VALUE_TEXT_MAX] = "";

	fputs("  ", t->f);
	cell(t->f, name, METRIC_WIDTH, false);
	side_cell(t, f->base, unit, t->base_width);
	side_cell(t, f->new, unit, t->new_width);
	if (f->nr) {
		value_print_diff(f->diff, unit, diff, sizeof(diff));
		if (!pair_is_share(f->pair))
			ratio_print(f->ratio, ratio, sizeof(ratio));
		cell(t->f, diff, t->diff_width, true);
		if (!t->x->exact)
			interval_cell(t, f);
		cell(t->f, ratio, t->ratio_width, true);
		if (!t->x->exact)
			p_cell(t, f);
	}
	verdict_cell(t, f);
	fputc('\n', t->f);
}

/* --- a table --- */

/* The label if it fits a column, else the side it stands on. */
static void heading(const char *label, const char *side, char *buf, size_t n)
{
	label_short(label, buf, n);
	if (text_width(buf) > HEADING_MAX)
		snprintf(buf, n, "%s", side);
}

static void column_headings(struct table *t)
{
	const struct pairing *pg = t->x->pairings;
	size_t least = t->x->exact ? 14 : 12;
	char base[64], new[64];

	heading(pg->base->label, "base", base, sizeof(base));
	heading(pg->new->label, "new", new, sizeof(new));
	t->base_width = max(text_width(base) + 2, least);
	t->new_width = max(text_width(new) + 2, least);
	t->diff_width = t->x->exact ? 15 : 13;
	t->interval_width = 24;
	t->ratio_width = t->x->exact ? 11 : 10;
	fputs("  ", t->f);
	cell(t->f, "", METRIC_WIDTH, false);
	cell(t->f, base, t->base_width, true);
	cell(t->f, new, t->new_width, true);
	cell(t->f, "difference", t->diff_width, true);
	if (!t->x->exact)
		cell(t->f, effects_tested(t->x) ? "95 % interval" : "lowest to highest",
		     t->interval_width, true);
	cell(t->f, "relative", t->ratio_width, true);
	if (effects_tested(t->x))
		cell(t->f, "p", 8, true);
	fputc('\n', t->f);
}

static void note_text(void *arg, const char *text)
{
	fprintf(arg, "  note: %s\n", text);
}

static void table_heading(struct table *t, const struct comparison *c)
{
	const struct pairing *pg = t->x->pairings;
	char seeds[96];

	effects_seeds_print(t->x, c, seeds, sizeof(seeds));
	fprintf(t->f, "\n%s, %s: '%s' against '%s'\n", pg->new->load, seeds, pg->new->label,
		pg->base->label);
	compare_notes(t->x, note_text, t->f);
	column_headings(t);
}

/* What is the same needs no line of its own: names and values, wrapped. */
static void same_text(const struct table *t, const char *layer)
{
	const char *begin = t->x->exact ? "  the same: " : "  the same in each pair (medians): ";
	size_t column = 0;

	for (size_t i = 0; i < t->x->nr; i++) {
		const struct effect *e = &t->x->list[i];
		char value[VALUE_TEXT_MAX];
		size_t width;

		if (!compare_shown(e, t->o) || strcmp(e->pair->layer, layer) ||
		    e->verdict != VERDICT_SAME)
			continue;
		value_print(e->base, e->pair->unit, value, sizeof(value));
		width = text_width(e->pair->metric) + text_width(value) + 3;
		if (!column || column + width > TEXT_WIDTH) {
			fputs(column ? ",\n    " : begin, t->f);
			column = column ? 4 : strlen(begin);
		} else {
			fputs(", ", t->f);
		}
		column += width;
		fprintf(t->f, "%s %s", e->pair->metric, value);
	}
	if (column)
		fputc('\n', t->f);
}

static void layers_text(const struct table *t)
{
	const struct effects *x = t->x;

	for (size_t i = 0; i < x->nr && !layer_is_cache(x->list[i].pair->layer);) {
		const char *layer = x->list[i].pair->layer;
		bool any = !*layer;

		for (; i < x->nr && !strcmp(x->list[i].pair->layer, layer); i++) {
			if (!compare_shown(&x->list[i], t->o))
				continue;
			if (!any)
				fprintf(t->f, "  [%s]\n", layer);
			any = true;
			if (x->list[i].verdict != VERDICT_SAME)
				effect_line(t, x->list[i].pair->metric, &x->list[i]);
		}
		same_text(t, layer);
	}
}

/* --- whose doing: caches --- */

/* What a cache has more or less of; one that is there on one side only has it all. */
static double cache_change(const struct effect *f)
{
	return f->nr ? f->diff : isnan(f->base) ? f->new : -f->base;
}

static int by_change(const void *a, const void *b)
{
	const struct effect *f = *(const struct effect *const *)a;
	const struct effect *g = *(const struct effect *const *)b;
	double x = fabs(cache_change(f)), y = fabs(cache_change(g));

	return x < y ? 1 : x > y ? -1 : strcmp(f->pair->layer, g->pair->layer);
}

static void caches_text(const struct table *t)
{
	const struct effect **caches = mem_alloc(t->x->nr + 1, sizeof(*caches));
	size_t nr = 0;

	for (size_t i = 0; i < t->x->nr; i++)
		if (compare_shown_cache(&t->x->list[i], t->o) && cache_change(&t->x->list[i]) != 0)
			caches[nr++] = &t->x->list[i];
	qsort(caches, nr, sizeof(*caches), by_change);
	if (nr)
		fprintf(t->f, "  [slab_bytes_mean by cache: %s%zu that differ%s]\n",
			nr > CACHES_SHOWN ? "the largest of " : "the ", nr, nr == 1 ? "s" : "");
	for (size_t i = 0; i < min(nr, (size_t)CACHES_SHOWN); i++)
		effect_line(t, strchr(caches[i]->pair->layer, '/') + 1, caches[i]);
	free(caches);
}

/* --- how sure --- */

static void tests_text(const struct table *t, size_t nr, size_t nr_caches)
{
	if (!t->x->exact && !effects_tested(t->x))
		fprintf(t->f, "  %zu pairs are too few for a test: %d at least.\n",
			t->x->nr_pairings, STATS_PAIRS_MIN);
	if (!nr)
		return;
	fprintf(t->f, "  %zu figure%s tested", nr, nr == 1 ? "" : "s");
	if (nr_caches)
		fprintf(t->f, ", and %zu cache%s", nr_caches, nr_caches == 1 ? "" : "s");
	fprintf(t->f,
		": by chance alone about %.1f would have p < 0.05. *: < 0.05 after\n  Holm's "
		"correction for all of them%s, which takes %zu pairs at least.\n",
		STATS_LEVEL * (double)(nr + nr_caches),
		nr_caches ? " (figures and caches apart)" : "", stats_holm_pairs(nr));
}

static void table_text(struct table *t, const struct comparison *c)
{
	size_t nr = effects_holm(t->x, compare_shown_layer, t->o);
	size_t nr_caches = effects_holm(t->x, compare_shown_cache, t->o);

	table_heading(t, c);
	layers_text(t);
	caches_text(t);
	tests_text(t, nr, nr_caches);
}

/* --- all of it --- */

static const char replays_text[] =
	"Replays are exact: every difference is the stack's doing. better/worse go by the "
	"metric's\n"
	"direction; a line without either has none. '-': not measured there.\n";
static const char others_text[] =
	"Not all that is compared here differs in its stack alone: see the notes. better/worse go "
	"by "
	"the\nmetric's direction; a line without either has none. '-': not measured there.\n";
static const char seeds_text[] =
	"Over seeds: each seed gives an exact pair. Values are medians, difference and relative "
	"the "
	"medians\nof the pairs' own; interval: percentile bootstrap; p: Wilcoxon's signed ranks, "
	"two-sided.\n~: no difference detected (p >= 0.05).\n";

void compare_text(FILE *f, const struct compare_options *o, const struct comparison *c)
{
	bool over_seeds = false;

	fputs(comparison_exact(c) ? replays_text : others_text, f);
	for (size_t at = 0; at < c->nr;) {
		struct effects x;
		struct table t = {.f = f, .o = o, .x = &x};

		effects_make(&x, c, at);
		if (!x.exact && !over_seeds)
			fputs(seeds_text, f);
		over_seeds = over_seeds || !x.exact;
		table_text(&t, c);
		at += x.nr_pairings;
		effects_free(&x);
	}
}
