/*
 * Compressed pages: memory that stores take for them over time, and what compaction does about it.
 * Loads without a store are left out.
 */
#include "reports/figure_store.h"

#include <math.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "reports/figure_samples.h"
#include "reports/html.h"
#include "reports/proc_state.h"

#define FEW_SHARE 0.01	/* of the most objects: fewer have no density worth a line */
#define OBJECTS_MIN 100 /* a store that never has more says nothing of memory */

int report_store_any(struct report *p, bool *any, struct err *e)
{
	(void)e;
	*any = p->stores;
	return 0;
}

bool store_shown(const struct report_run *run)
{
	return samples_has_store(run_samples(run)) &&
	       series_max(samples_find(run_samples(run), SAMPLES_STORE, "pages")) > 0;
}

static double pages_at(const struct samples *s, const char *column, u64 t)
{
	return samples_store_at(s, column, t) * PROC_PAGE_BYTES;
}

static double objects_most(const struct samples *s)
{
	return series_max(samples_find(s, SAMPLES_STORE, "objects"));
}

/* Per object; NAN where there are few of them. */
static double each(const struct samples *s, double v, u64 t)
{
	double objects = samples_store_at(s, "objects", t);

	return objects > 0 && objects >= FEW_SHARE * objects_most(s) ? v / objects : NAN;
}

/* ---- Memory over time ---- */

enum memory { PAGES, STORED, DESCRIPTORS, DENSITY, EFFECTIVE, PER_BYTE, BLOCKS, NR_MEMORY };

static const struct sample_column memory[NR_MEMORY] = {
	[PAGES] = {.name = "pages", .title = "pages for contents", .behind = "stored"},
	[STORED] = {.name = "stored"},
	[DESCRIPTORS] = {.name = "descriptors", .title = "pages of descriptors"},
	[DENSITY] = {.name = "density", .title = "density: objects a page", .unit = SAMPLE_NUMBER},
	[EFFECTIVE] = {.name = "effective_percent",
		       .title = "effective compression",
		       .unit = SAMPLE_PERCENT},
	[PER_BYTE] = {.name = "per_byte_percent",
		      .title = "memory for what is stored",
		      .unit = SAMPLE_PERCENT},
	[BLOCKS] = {.name = "blocks", .title = "blocks an object", .unit = SAMPLE_NUMBER},
};

static double memory_at(const struct samples *s, int column, u64 t)
{
	double pages = samples_store_at(s, "pages", t), objects = samples_store_at(s, "objects", t),
	       all = pages + samples_store_at(s, "descriptor_pages", t);
	double per_object = each(s, objects, t); /* 1, or NAN */

	switch (column) {
	case PAGES:
		return pages * PROC_PAGE_BYTES;
	case STORED:
		return samples_store_at(s, "bytes_req", t);
	case DESCRIPTORS:
		return pages_at(s, "descriptor_pages", t);
	case DENSITY:
		return pages > 0 ? per_object * objects / pages : NAN;
	case EFFECTIVE:
		return 100 * each(s, all, t);
	case PER_BYTE:
		return 100 * per_object * all * PROC_PAGE_BYTES /
		       max(samples_store_at(s, "bytes_req", t), 1.0);
	}
	/* Those of the store's own: an object with a page to itself is in none. */
	objects -= samples_store_at(s, "raw", t);
	return objects > 0 ? per_object * samples_store_at(s, "blocks", t) / objects : NAN;
}

/* The data of all stacks; any: there are some. */
static int runs_write(struct report *p, const struct sample_figure *c, size_t load, bool *any,
		      struct err *e)
{
	*any = false;
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run || !c->shows(run))
			continue;
		*any = true;
		if (sample_figure_write(p, c, run, e))
			return -1;
	}
	return 0;
}

static int memory_figure(struct report *p, size_t load, struct err *e)
{
	static const struct sample_figure c = {.kind = "store",
					       .columns = memory,
					       .nr = NR_MEMORY,
					       .value = memory_at,
					       .shows = store_shown,
					       .behind_text = "bytes stored"};
	double most[NR_MEMORY];
	bool any;

	if (runs_write(p, &c, load, &any, e))
		return -1;
	if (!any)
		return 0;
	sample_figure_most(p, &c, load, most);
	if (most[BLOCKS] <= 1)
		most[BLOCKS] = 0;
	return sample_figure_draw(
		p, &c, load, most,
		"Pages: without those in reserve, with those of objects too large for the store. "
		"Effective compression: pages for contents and descriptors, in percent of the "
		"pages stored, one an object; memory for what is stored: the same in percent of "
		"the bytes stored. Density and shares are drawn from 1 % of the most objects on. "
		"x: simulated time.",
		e);
}

/* ---- Compaction ---- */

enum work { FREED, MOVED, WORK_NS, YIELD, SLOPE, NR_WORK_COLUMNS };

static const struct sample_column work[NR_WORK_COLUMNS] = {
	[FREED] = {.name = "freed_pages",
		   .title = "pages freed by compaction, so far",
		   .unit = SAMPLE_COUNT},
	[MOVED] = {.name = "moved", .title = "moved for that, so far"},
	[WORK_NS] = {.name = "compact_ns",
		     .title = "time in compaction, so far",
		     .unit = SAMPLE_NS},
	[YIELD] = {.name = "pages_per_mib",
		   .title = "pages freed per MiB moved, so far",
		   .unit = SAMPLE_NUMBER},
	[SLOPE] = {.name = "freed_pages_by_moved",
		   .title = "pages freed (y) against bytes moved (x)",
		   .unit = SAMPLE_COUNT,
		   .x = "moved"},
};

static double work_at(const struct samples *s, int column, u64 t)
{
	double freed = samples_store_at(s, "compact_freed_pages", t);
	double moved = samples_store_at(s, "compact_moved_bytes", t);

	switch (column) {
	case MOVED:
		return moved;
	case WORK_NS:
		return samples_store_at(s, "compact_ns", t);
	case YIELD:
		return moved > 0 ? freed * MIB / moved : NAN;
	}
	return freed;
}

static bool work_shown(const struct report_run *run)
{
	return store_shown(run) &&
	       (series_max(samples_find(run_samples(run), SAMPLES_STORE, "compact_moved_bytes")) >
			0 ||
		series_max(samples_find(run_samples(run), SAMPLES_STORE, "compact_freed_pages")) >
			0);
}

static int work_figure(struct report *p, size_t load, struct err *e)
{
	static const struct sample_figure c = {.kind = "store-compact",
					       .columns = work,
					       .nr = NR_WORK_COLUMNS,
					       .value = work_at,
					       .shows = work_shown};
	double most[NR_WORK_COLUMNS];
	bool any;

	if (runs_write(p, &c, load, &any, e))
		return -1;
	if (!any)
		return 0;
	sample_figure_most(p, &c, load, most);
	if (most[MOVED] <= 0)
		most[SLOPE] = 0;
	return sample_figure_draw(
		p, &c, load, most,
		"Sums since the run began. The steeper pages freed rise over bytes moved, the "
		"better compaction chooses. x of the others: simulated time.",
		e);
}

/* ---- The finding ---- */

static const struct {
	const char *metric, *unit, *what;
	bool memory;
} words[] = {
	{"store_density_mean", "ratio", "objects a page, mean over time", true},
	{"store_effective_percent_mean", "percent", "pages and descriptors, of the pages stored",
	 true},
	{"store_compact_pages_per_mib", "ratio", "pages freed by compaction per MiB moved", true},
	{"store_malloc_mean_ns", "ns", "a malloc, on average", false},
	{"lock_wait_ns", "ns", "waits for all locks, together", false},
};

static void store_finding(const struct report *p, size_t load, bool many)
{
	char sentence[SENTENCE_MAX];
	struct text text = text_in(sentence, sizeof(sentence));

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (many || !words[i].memory)
			report_metric_words(p, load, words[i].metric, words[i].unit, words[i].what,
					    &text);
	if (text.len)
		report_finding(p, "On %s: %s.", p->loads.names[load], sentence);
}

/* The most objects in any store; -1: no stack has one. */
static double load_objects(const struct report *p, size_t load)
{
	double most = -1;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (run && samples_has_store(run_samples(run)))
			most = max(most, objects_most(run_samples(run)));
	}
	return most;
}

static int load_figures(struct report *p, size_t load, struct err *e)
{
	bool many = load_objects(p, load) >= OBJECTS_MIN;

	store_finding(p, load, many);
	if (many && (memory_figure(p, load, e) || store_bytes_figure(p, load, e) ||
		     work_figure(p, load, e)))
		return -1;
	if (!many)
		fprintf(p->html,
			"<p class=\"how\">Fewer than %d objects in every sample: too few to say "
			"anything of memory.</p>\n",
			OBJECTS_MIN);
	return store_tables(p, load, e);
}

/* Of many loads that have a curve together, each is folded. */
static int load_folded(struct report *p, size_t load, struct err *e)
{
	int rc;

	fputs("<details><summary>", p->html);
	html_text(p->html, p->loads.names[load]);
	fputs("</summary>\n", p->html);
	rc = load_figures(p, load, e);
	fputs("</details>\n", p->html);
	return rc;
}

int report_store_figures(struct report *p, struct err *e)
{
	bool *folded = mem_alloc(p->loads.nr, sizeof(*folded));
	int rc = store_sizes_figures(p, folded, e);

	for (size_t load = 0; load < p->loads.nr && !rc; load++) {
		if (load_objects(p, load) < 0)
			continue;
		if (folded[load]) {
			rc = load_folded(p, load, e);
			continue;
		}
		report_load_heading(p, load);
		rc = load_figures(p, load, e);
	}
	free(folded);
	return rc;
}
