/*
 * Memory under pressure: free memory beside the watermarks, what fragmentation does to each order,
 * what compaction and reclaim do about it. Loads that were never under pressure are left out.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure_curves.h"
#include "reports/proc_state.h"
#include "reports/values.h"

#define NEAR_MARKS 4 /* times the high watermark */

static int load_tells(struct report *p, size_t load, bool *tells, struct err *e)
{
	*tells = false;
	for (size_t s = 0; s < p->nr_stacks && !*tells; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && pressure_tells(p->db, run->info->id, tells, e))
			return -1;
	}
	return 0;
}

int report_pressure_any(struct report *p, bool *any, struct err *e)
{
	*any = false;
	for (size_t load = 0; load < p->loads.nr && !*any; load++)
		if (load_tells(p, load, any, e))
			return -1;
	return 0;
}

static int load_read(struct report *p, size_t load, struct pressure_load *l, struct err *e)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		l->seeds[s] = mem_alloc(run->nr_seeds, sizeof(*l->seeds[s]));
		for (size_t i = 0; i < run->nr_seeds; i++)
			if (pressure_load(&l->seeds[s][i], p->db, run->seeds[i].info->id,
					  (u64)run->seeds[i].info->sim_ns, e))
				return -1;
	}
	return 0;
}

static void load_release(struct pressure_load *l, const struct report *p, size_t load)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (size_t i = 0; l->seeds[s] && i < run->nr_seeds; i++)
			pressure_free(&l->seeds[s][i]);
		free(l->seeds[s]);
	}
	free(l);
}

/* ---- Free memory and watermarks ---- */

bool zone_ran_short(const struct report *p, size_t load, const struct pressure_load *l, int node,
		    const char *name)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (size_t i = 0; run && i < run->nr_seeds; i++) {
			const struct pressure_zone *z = pressure_zone(&l->seeds[s][i], node, name);

			if (z && z->high > 0 && z->free.nr &&
			    curve_least(&z->free) < NEAR_MARKS * z->high)
				return true;
		}
	}
	return false;
}

static const struct curve *free_of(const struct pressure *p, const struct curve_panel *panel)
{
	const struct pressure_zone *z = pressure_zone(p, panel->node, panel->zone);

	return z && z->free.nr ? &z->free : NULL;
}

static struct curve_panel *panel_add(struct curve_figure *c)
{
	return c->nr < CURVE_PANELS_MAX ? &c->panels[c->nr++] : NULL;
}

static bool panel_has(const struct curve_figure *c, int node, const char *zone)
{
	for (size_t i = 0; i < c->nr; i++)
		if (c->panels[i].node == node && !strcmp(c->panels[i].zone, zone))
			return true;
	return false;
}

static void marks_panel(struct curve_figure *c, const struct pressure_zone *z)
{
	struct curve_panel *panel = panel_add(c);

	if (!panel)
		return;
	*panel = (struct curve_panel){.node = z->node,
				      .axis = CURVE_LOG_PAGES,
				      .band_low = z->min,
				      .band_high = z->high,
				      .mark = z->low};
	memcpy(panel->zone, z->name, sizeof(panel->zone));
	snprintf(panel->title, sizeof(panel->title), "free, node %d, %s", z->node, z->name);
	snprintf(panel->column, sizeof(panel->column), "free_pages_%zu", c->nr);
}

static void marks_legend(struct figure *f)
{
	figure_legend(f, USE_3, 0.6, "from the min to the high watermark, a line at low");
}

static int marks_figure(struct report *p, size_t load, const struct pressure_load *l, struct err *e)
{
	struct curve_figure *c = mem_alloc(1, sizeof(*c));
	int rc;

	c->kind = "marks";
	c->of = free_of;
	c->legend = marks_legend;
	for (size_t s = 0; s < p->nr_stacks; s++) {
		for (size_t z = 0; l->seeds[s] && z < l->seeds[s][0].nr_zones; z++) {
			const struct pressure_zone *zone = &l->seeds[s][0].zones[z];

			if (zone->high > 0 && !panel_has(c, zone->node, zone->name) &&
			    zone_ran_short(p, load, l, zone->node, zone->name))
				marks_panel(c, zone);
		}
	}
	rc = curve_figures(
		p, load, l, c,
		"Free memory of the zones that came near their watermarks (to 4 times "
		"high), on a logarithmic axis. Below low kswapd runs, below min requests "
		"reclaim themselves. x: simulated time.",
		e);
	free(c);
	return rc;
}

/* ---- The score of proactive compaction ---- */

static const struct curve *score_of(const struct pressure *p, const struct curve_panel *panel)
{
	const struct pressure_node *n = pressure_node(p, panel->node);

	return n ? &n->score : NULL;
}

/* The text of an option of the stack, as its canonical form says it; NULL: it has none of the name.
 */
static const char *stack_option(const char *stack, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = stack; (at = strstr(at, name)); at += n)
		if (at > stack && strchr("(,", at[-1]) && at[n] == '=')
			return at + n + 1;
	return NULL;
}

/* Between which scores kcompactd works by itself (fragmentation_score_wmark()); 0 and 0: never. */
static void score_ends(const char *stack, double *low, double *high)
{
	const char *compaction = stack_option(stack, "compaction");
	const char *text = stack_option(stack, "proactiveness");
	double eager = text && compaction && !strncmp(compaction, "on", 2) ? strtod(text, NULL) : 0;

	*low = eager > 0 ? max(100 - eager, 5.0) : 0;
	*high = eager > 0 ? min(*low + 10, 100.0) : 0;
}

static void mark_add(struct curve_panel *panel, double height, const char *colour)
{
	for (size_t i = 0; i < panel->nr_marks; i++) {
		if (panel->marks[i].height == height) {
			panel->marks[i].colour = INK_SOFT; /* of several */
			return;
		}
	}
	if (height <= 0 || panel->nr_marks == ARRAY_SIZE(panel->marks))
		return;
	panel->marks[panel->nr_marks].height = height;
	panel->marks[panel->nr_marks++].colour = colour;
}

static void score_marks(const struct report *p, size_t load, struct curve_panel *panel)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		double low, high;

		if (!run)
			continue;
		score_ends(run->info->stack, &low, &high);
		mark_add(panel, low, p->stacks[s].colour);
		mark_add(panel, high, p->stacks[s].colour);
	}
}

static void score_panel(const struct report *p, size_t load, struct curve_figure *c, int node)
{
	struct curve_panel *panel = panel_add(c);

	if (!panel)
		return;
	*panel = (struct curve_panel){.node = node, .axis = CURVE_PERCENT};
	snprintf(panel->title, sizeof(panel->title), "fragmentation score, node %d", node);
	snprintf(panel->column, sizeof(panel->column), "score_node_%d", node);
	score_marks(p, load, panel);
}

static int score_figure(struct report *p, size_t load, const struct pressure_load *l, struct err *e)
{
	struct curve_figure *c = mem_alloc(1, sizeof(*c));
	int rc;

	c->kind = "score";
	c->of = score_of;
	for (size_t s = 0; s < p->nr_stacks; s++) {
		for (size_t i = 0; l->seeds[s] && i < l->seeds[s][0].nr_nodes; i++) {
			const struct pressure_node *n = &l->seeds[s][0].nodes[i];

			if (!panel_has(c, n->node, "") && curve_most(&n->score) > 0)
				score_panel(p, load, c, n->node);
		}
	}
	rc = curve_figures(
		p, load, l, c,
		"The score that proactive compaction goes by: the share of free memory, "
		"in percent, that a huge page cannot use, weighted over the node's zones. "
		"Dashed: above the upper one kcompactd starts by itself, at the lower one "
		"it stops; in the stack's colour, grey where several have the same. x: "
		"simulated time.",
		e);
	free(c);
	return rc;
}

/* ---- What was done ---- */

static const struct {
	const char *title, *column;
	bool ns;
} work[NR_WORK] = {
	[WORK_MOVED] = {"pages moved by compaction", "moved_pages", false},
	[WORK_GAINED] = {"free blocks of 2 MiB gained by it", "gained_blocks", false},
	[WORK_COMPACT_NS] = {"time in compaction", "compact_ns", true},
	[WORK_STEAL_KSWAPD] = {"pages reclaimed by kswapd", "kswapd_pages", false},
	[WORK_STEAL_DIRECT] = {"pages reclaimed by requests", "direct_pages", false},
	[WORK_STALLS] = {"requests that had to reclaim", "stalls", false},
};

static const struct curve *work_of(const struct pressure *p, const struct curve_panel *panel)
{
	return p->work[panel->what].nr ? &p->work[panel->what] : NULL;
}

static bool work_done(const struct report *p, size_t load, const struct pressure_load *l, int what)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (size_t i = 0; run && i < run->nr_seeds; i++) {
			const struct curve *c = &l->seeds[s][i].work[what];

			if (curve_most(c) > 0 || curve_least(c) < 0)
				return true;
		}
	}
	return false;
}

static int work_figure(struct report *p, size_t load, const struct pressure_load *l, struct err *e)
{
	struct curve_figure *c = mem_alloc(1, sizeof(*c));
	int rc;

	c->kind = "work";
	c->of = work_of;
	for (int i = 0; i < NR_WORK; i++) {
		struct curve_panel *panel = work_done(p, load, l, i) ? panel_add(c) : NULL;

		if (!panel)
			continue;
		*panel = (struct curve_panel){.what = i,
					      .axis = work[i].ns ? CURVE_NS : CURVE_COUNT};
		snprintf(panel->title, sizeof(panel->title), "%s", work[i].title);
		snprintf(panel->column, sizeof(panel->column), "%s", work[i].column);
	}
	rc = curve_figures(p, load, l, c,
			   "What compaction and reclaim have done so far: sums since the start. "
			   "x: simulated time.",
			   e);
	free(c);
	return rc;
}

/* ---- What could be had ---- */

static const struct curve *state_of(const struct pressure *p, const struct curve_panel *panel)
{
	return p->state[panel->what].nr ? &p->state[panel->what] : NULL;
}

static bool state_known(const struct report *p, const struct pressure_load *l, int what)
{
	for (size_t s = 0; s < p->nr_stacks; s++)
		if (l->seeds[s] && curve_most(&l->seeds[s][0].state[what]) > 0)
			return true;
	return false;
}

static int state_figure(struct report *p, size_t load, const struct pressure_load *l, struct err *e)
{
	static const char *const titles[NR_STATES] = {"blocks of 2 MiB to be had at once",
						      "to be had with compaction",
						      "pages to move for these, at least"};
	static const char *const names[NR_STATES] = {"available", "available_compacted",
						     "moves_bound"};
	struct curve_figure *c = mem_alloc(1, sizeof(*c));
	int rc;

	c->kind = "availability";
	c->of = state_of;
	for (int i = 0; i < NR_STATES; i++) {
		struct curve_panel *panel = state_known(p, l, i) ? panel_add(c) : NULL;

		if (!panel)
			continue;
		*panel = (struct curve_panel){.what = i, .axis = CURVE_COUNT};
		snprintf(panel->title, sizeof(panel->title), "%s", titles[i]);
		snprintf(panel->column, sizeof(panel->column), "%s", names[i]);
	}
	rc = curve_figures(p, load, l, c,
			   "How many huge pages could be handed out at each moment: as memory is, "
			   "if everything that can move were moved, and what that would take. x: "
			   "simulated time.",
			   e);
	free(c);
	return rc;
}

/* ---- The finding ---- */

/* The zone that fell furthest below its high watermark. */
static void marks_finding(const struct report *p, const struct pressure_load *l, struct text *text)
{
	const struct pressure_zone *worst = NULL;
	double share = 1, least = 0;
	size_t stack = 0;
	char size[VALUE_TEXT_MAX];

	for (size_t s = 0; s < p->nr_stacks; s++) {
		for (size_t i = 0; l->seeds[s] && i < l->seeds[s][0].nr_zones; i++) {
			const struct pressure_zone *z = &l->seeds[s][0].zones[i];

			if (z->high <= 0 || !z->free.nr || curve_least(&z->free) >= share * z->high)
				continue;
			worst = z;
			stack = s;
			least = curve_least(&z->free);
			share = least / z->high;
		}
	}
	if (!worst)
		return;
	size_human(least * PROC_PAGE_BYTES, size, sizeof(size));
	text_add(text, "free memory of node %d, %s, falls to %s under %s, below its %s watermark",
		 worst->node, worst->name, size, p->stacks[stack].name,
		 least < worst->min   ? "min"
		 : least < worst->low ? "low"
				      : "high");
}

static void pressure_finding(const struct report *p, size_t load, const struct pressure_load *l)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	marks_finding(p, l, &text);
	report_metric_words(p, load, "huge_success_percent", "percent",
			    "huge pages had, of those asked for", &text);
	report_metric_words(p, load, "compact_moved_pages", "pages", "pages moved by compaction",
			    &text);
	report_metric_words(p, load, "direct_reclaims", "count", "requests that had to reclaim",
			    &text);
	if (text.len)
		report_finding(p, "On %s: %s.", p->loads.names[load], sentence);
}

static int pressure_show(struct report *p, size_t load, const struct pressure_load *l,
			 struct err *e)
{
	report_load_heading(p, load);
	pressure_finding(p, load, l);
	return marks_figure(p, load, l, e) || index_figures(p, load, l, e) ||
			       state_figure(p, load, l, e) || score_figure(p, load, l, e) ||
			       work_figure(p, load, l, e) || pressure_tables(p, load, e)
		       ? -1
		       : 0;
}

int report_pressure_figures(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++) {
		struct pressure_load *l;
		bool tells;
		int rc;

		if (load_tells(p, load, &tells, e))
			return -1;
		if (!tells)
			continue;
		l = mem_alloc(1, sizeof(*l));
		rc = load_read(p, load, l, e);
		if (!rc)
			rc = pressure_show(p, load, l, e);
		load_release(l, p, load);
		if (rc)
			return -1;
	}
	return 0;
}
