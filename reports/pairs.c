/*
 * Summaries of two labels beside each other.
 */
#include "reports/pairs.h"

#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "reports/pairs_caches.h"

const char *const verdict_names[] = {
	[VERDICT_SAME] = "same",       [VERDICT_BETTER] = "better",	 [VERDICT_WORSE] = "worse",
	[VERDICT_DIFFERS] = "differs", [VERDICT_ONE_SIDED] = "one side", [VERDICT_UNDETECTED] = "~",
	[VERDICT_FEW] = "few pairs",
};

double pair_diff(const struct pair *p)
{
	return p->new - p->base;
}

double pair_ratio(const struct pair *p)
{
	double diff = pair_diff(p);

	if (diff == 0)
		return 0;
	return p->base == 0 ? copysign(INFINITY, diff) : diff / fabs(p->base);
}

enum verdict pair_verdict(const struct pair *p)
{
	double diff = pair_diff(p);

	if (!p->has_base || !p->has_new)
		return VERDICT_ONE_SIDED;
	if (diff == 0)
		return VERDICT_SAME;
	if (strcmp(p->better, "lower") && strcmp(p->better, "higher"))
		return VERDICT_DIFFERS;
	return (diff < 0) == !strcmp(p->better, "lower") ? VERDICT_BETTER : VERDICT_WORSE;
}

bool pair_is_share(const struct pair *p)
{
	return !strcmp(p->unit, "percent") || !strcmp(p->unit, "permille");
}

/* "slab/1:rcu" and "slab/0:rcu" are the same layer at another depth: same kind, same name. */
static bool layer_alike(const char *a, const char *b)
{
	const char *a_name = strchr(a, ':'), *b_name = strchr(b, ':');
	size_t kind = strcspn(a, "/");

	if (!a_name || !b_name || layer_is_cache(a) || layer_is_cache(b))
		return !strcmp(a, b);
	return kind == strcspn(b, "/") && !strncmp(a, b, kind) && !strcmp(a_name, b_name);
}

static struct pair *pair_find(struct pairing *pg, const char *layer, const char *metric)
{
	for (size_t i = 0; i < pg->nr; i++) {
		struct pair *p = &pg->pairs[i];

		if (!p->has_base && !strcmp(p->metric, metric) && layer_alike(p->layer, layer))
			return p;
	}
	return NULL;
}

static struct pair *pair_add(struct pairing *pg, const struct summary_figure *f)
{
	struct pair *p;

	MEM_ROOM(pg->pairs, pg->nr, pg->room);
	p = &pg->pairs[pg->nr++];
	memset(p, 0, sizeof(*p));
	p->layer = mem_dup(f->layer);
	p->metric = mem_dup(f->metric);
	p->unit = mem_dup(f->unit);
	p->better = mem_dup(f->better);
	return p;
}

void pairing_take(struct pairing *pg, const struct summary_figure *f, bool is_base)
{
	struct pair *p = is_base ? pair_find(pg, f->layer, f->metric) : NULL;

	if (!p)
		p = pair_add(pg, f);
	if (is_base) {
		p->base = f->value;
		p->has_base = true;
	} else {
		p->new = f->value;
		p->has_new = true;
	}
}

static struct summary_figure figure_of_row(sqlite3_stmt *s)
{
	return (struct summary_figure){
		.layer = (const char *)sqlite3_column_text(s, 0),
		.metric = (const char *)sqlite3_column_text(s, 1),
		.unit = (const char *)sqlite3_column_text(s, 2),
		.better = (const char *)sqlite3_column_text(s, 3),
		.value = sqlite3_column_double(s, 4),
	};
}

/* What a store holds, what becomes of it, what that costs: not by the alphabet. */
static size_t store_rank(const char *metric)
{
	static const char *const order[] = {
		"store_size_",	  "store_objs_",      "store_raw_",    "store_pages_",
		"store_density_", "store_effective_", "store_memory_", "store_metadata_",
		"store_blocks_",  "store_split_",     "store_inside_", "store_between_",
		"store_search",	  "store_compact_",   "store_malloc_", "store_write_",
		"store_read_",	  "store_free_",
	};
	size_t i = 0;

	while (i < ARRAY_SIZE(order) && strncmp(metric, order[i], strlen(order[i])) != 0)
		i++;
	return i;
}

static int by_store_rank(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	size_t i = store_rank(x->metric), k = store_rank(y->metric);

	return i != k ? (i > k) - (i < k) : strcmp(x->metric, y->metric);
}

static bool is_of_store(const struct pair *p)
{
	return !*p->layer && !strncmp(p->metric, "store_", strlen("store_"));
}

static void stores_order(struct pairing *pg)
{
	size_t first = 0, nr = 0;

	while (first < pg->nr && !is_of_store(&pg->pairs[first]))
		first++;
	while (first + nr < pg->nr && is_of_store(&pg->pairs[first + nr]))
		nr++;
	if (nr)
		qsort(&pg->pairs[first], nr, sizeof(*pg->pairs), by_store_rank);
}

static int pairing_read(struct pairing *pg, struct db *db, bool is_base,
			const struct comparison_options *o, struct err *e)
{
	sqlite3_stmt *s =
		db_prepare(db,
			   "SELECT layer, metric, unit, better, value FROM summary_view "
			   "WHERE run_id = ? AND (? OR layer = '') ORDER BY layer, metric",
			   e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, is_base ? pg->base->id : pg->new->id);
	sqlite3_bind_int(s, 2, o->each_layer);
	while ((rc = db_step(db, s, e)) > 0) {
		struct summary_figure f = figure_of_row(s);

		pairing_take(pg, &f, is_base);
	}
	sqlite3_finalize(s);
	return rc || !o->caches ? rc : pairing_read_caches(pg, db, is_base, e);
}

static void pairing_free(struct pairing *pg)
{
	for (size_t i = 0; i < pg->nr; i++) {
		free(pg->pairs[i].layer);
		free(pg->pairs[i].metric);
		free(pg->pairs[i].unit);
		free(pg->pairs[i].better);
	}
	free(pg->pairs);
}

void comparison_free(struct comparison *c)
{
	for (size_t i = 0; i < c->nr; i++)
		pairing_free(&c->pairings[i]);
	free(c->pairings);
	memset(c, 0, sizeof(*c));
}

static const struct run_info *run_of(const struct run_list *list, const char *label,
				     const char *load, s64 seed)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct run_info *r = &list->runs[i];

		if (!strcmp(r->label, label) && !strcmp(r->load, load) && r->seed == seed)
			return r;
	}
	return NULL;
}

/*
 * A run is sampled at equal distances: the first two instants tell. Rows lie in the order of time.
 */
static int sample_ns_read(struct db *db, s64 run_id, s64 *ns, struct err *e)
{
	sqlite3_stmt *s = db_prepare(db,
				     "SELECT coalesce(max(t_ns) - min(t_ns), 0) FROM (SELECT "
				     "DISTINCT t_ns FROM sample_view WHERE run_id = ? LIMIT 2)",
				     e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, run_id);
	rc = db_step(db, s, e);
	if (rc > 0)
		*ns = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return rc < 0 ? -1 : 0;
}

static int pairing_add(struct comparison *c, struct db *db, const struct run_info *base,
		       const struct run_info *new, const struct comparison_options *o,
		       struct err *e)
{
	struct pairing *pg;

	MEM_ROOM(c->pairings, c->nr, c->room);
	pg = &c->pairings[c->nr++];
	memset(pg, 0, sizeof(*pg));
	pg->base = base;
	pg->new = new;
	if (sample_ns_read(db, base->id, &pg->sample_ns[0], e) ||
	    sample_ns_read(db, new->id, &pg->sample_ns[1], e) ||
	    pairing_read(pg, db, false, o, e) || pairing_read(pg, db, true, o, e))
		return -1;
	stores_order(pg);
	return 0;
}

/* Every run of a new label and a load whose partner of the base exists. */
static int pair_label(struct comparison *c, struct db *db, const struct run_list *list,
		      const char *base, const char *new, const char *load,
		      const struct comparison_options *o, struct err *e)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct run_info *r = &list->runs[i], *b;

		if (strcmp(r->label, new) || strcmp(r->load, load))
			continue;
		b = run_of(list, base, load, r->seed);
		if (b && pairing_add(c, db, b, r, o, e))
			return -1;
	}
	return 0;
}

static int news_choose(struct name_set *news, struct db *db, const struct run_list *list,
		       const char *base, const char *const *asked, struct err *e)
{
	for (size_t i = 0; asked && asked[i]; i++) {
		if (runs_need_label(db, list, asked[i], e))
			return -1;
		name_set_add(news, asked[i]);
	}
	if (news->nr)
		return 0;
	for (size_t i = 0; i < list->nr; i++)
		if (strcmp(list->runs[i].label, base))
			name_set_add(news, list->runs[i].label);
	return news->nr ? 0
			: err_set(e, "%s: only runs labelled '%s': nothing to compare them with",
				  db_path(db), base);
}

/* Of a label that has runs. */
static const char *a_load(const struct run_list *list, const char *label)
{
	for (size_t i = 0; i < list->nr; i++)
		if (!strcmp(list->runs[i].label, label))
			return list->runs[i].load;
	return "none";
}

int comparison_make(struct comparison *c, struct db *db, const struct run_list *list,
		    const struct comparison_options *options, struct err *e)
{
	const char *base = options->base ? options->base : list->runs[0].label;
	struct name_set news = {0}, loads = {0};
	int rc = -1;

	memset(c, 0, sizeof(*c));
	if (runs_need_label(db, list, base, e) ||
	    news_choose(&news, db, list, base, options->news, e))
		goto out;
	runs_loads(list, &loads);
	for (size_t l = 0; l < loads.nr; l++)
		for (size_t n = 0; n < news.nr; n++)
			if (pair_label(c, db, list, base, news.names[n], loads.names[l], options,
				       e))
				goto out;
	rc = c->nr ? 0
		   : err_set(e,
			     "%s: no load and seed was run under both '%s' and '%s': '%s' has "
			     "load %s, '%s' has %s",
			     db_path(db), base, news.names[0], base, a_load(list, base),
			     news.names[0], a_load(list, news.names[0]));
out:
	if (rc)
		comparison_free(c);
	name_set_free(&news);
	name_set_free(&loads);
	return rc;
}

static bool pairing_exact(const struct pairing *pg)
{
	const struct run_info *b = pg->base, *n = pg->new;

	return !strcmp(b->input_hash, n->input_hash) && !strcmp(b->machine_yaml, n->machine_yaml) &&
	       !strcmp(b->version, n->version) && pg->sample_ns[0] == pg->sample_ns[1];
}

bool comparison_exact(const struct comparison *c)
{
	for (size_t i = 0; i < c->nr; i++)
		if (!pairing_exact(&c->pairings[i]))
			return false;
	return true;
}

static bool pair_equal(const struct pair *a, const struct pair *b)
{
	return !strcmp(a->layer, b->layer) && !strcmp(a->metric, b->metric) &&
	       a->has_base == b->has_base && a->has_new == b->has_new && a->base == b->base &&
	       a->new == b->new;
}

static bool run_alike(const struct run_info *a, const struct run_info *b)
{
	return !strcmp(a->label, b->label) && !strcmp(a->load, b->load) &&
	       !strcmp(a->status, b->status) && !strcmp(a->input_hash, b->input_hash) &&
	       !strcmp(a->machine_yaml, b->machine_yaml) && !strcmp(a->version, b->version);
}

static bool pairing_alike(const struct pairing *a, const struct pairing *b)
{
	bool alike = a->nr == b->nr && run_alike(a->base, b->base) && run_alike(a->new, b->new) &&
		     a->sample_ns[0] == b->sample_ns[0] && a->sample_ns[1] == b->sample_ns[1];

	for (size_t i = 0; alike && i < a->nr; i++)
		alike = pair_equal(&a->pairs[i], &b->pairs[i]);
	return alike;
}

size_t pairings_alike(const struct comparison *c, size_t at, char *seeds, size_t n)
{
	const struct pairing *first = &c->pairings[at];
	s64 last = first->new->seed;
	bool rising = true;
	size_t nr = 1;

	while (at + nr < c->nr && pairing_alike(first, &c->pairings[at + nr])) {
		rising = rising && c->pairings[at + nr].new->seed == last + 1;
		last = c->pairings[at + nr++].new->seed;
	}
	if (nr == 1)
		snprintf(seeds, n, "seed %lld", (long long)last);
	else if (nr == 2)
		snprintf(seeds, n, "seeds %lld and %lld, the same for both",
			 (long long)first->new->seed, (long long)last);
	else if (rising)
		snprintf(seeds, n, "seeds %lld to %lld, the same for each",
			 (long long)first->new->seed, (long long)last);
	else
		snprintf(seeds, n, "%zu seeds from %lld to %lld, the same for each", nr,
			 (long long)first->new->seed, (long long)last);
	return nr;
}

struct notes {
	void (*note)(void *arg, const char *text);
	void *arg;
};

static void __printf(2, 3) note_add(const struct notes *notes, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	notes->note(notes->arg, text);
}

static void refused_note(const struct notes *notes, double nr, const struct run_info *run)
{
	if (nr > 0)
		note_add(notes,
			 "seed %lld, '%s': %.0f request%s refused: its memory figures are of less "
			 "work",
			 (long long)run->seed, run->label, nr, nr > 1 ? "s" : "");
}

/* Who does less work needs less memory. */
static void refused_notes(const struct pairing *pg, const struct notes *notes)
{
	for (size_t i = 0; i < pg->nr; i++) {
		const struct pair *p = &pg->pairs[i];

		if (*p->layer || strcmp(p->metric, "nr_failed"))
			continue;
		refused_note(notes, p->base, pg->base);
		refused_note(notes, p->new, pg->new);
	}
}

static void different_note(const struct notes *notes, const char *load, const char *what,
			   const char *base, const char *new)
{
	if (strcmp(base, new))
		note_add(notes, "the two runs of load %s had different %s (%s, %s)", load, what,
			 base, new);
}

static void sampling_note(const struct pairing *pg, const struct notes *notes)
{
	char interval[2][48];

	for (size_t i = 0; i < 2; i++)
		time_human((double)pg->sample_ns[i], interval[i], sizeof(interval[i]));
	if (pg->sample_ns[0] != pg->sample_ns[1])
		note_add(notes,
			 "sampled every %s and every %s: their means and sampled peaks are of "
			 "different instants",
			 interval[0], interval[1]);
}

void pairing_notes(const struct pairing *pg, void (*note)(void *arg, const char *text), void *arg)
{
	const struct run_info *const sides[] = {pg->base, pg->new};
	const struct notes notes = {note, arg};
	const char *load = pg->base->load;

	for (size_t i = 0; i < 2; i++)
		if (strcmp(sides[i]->status, "ok"))
			note_add(&notes, "'%s' on %s ended early (%s): its figures are of a part",
				 sides[i]->label, load, sides[i]->status);
	refused_notes(pg, &notes);
	different_note(&notes, load, "inputs", pg->base->input_hash, pg->new->input_hash);
	if (strcmp(pg->base->machine, pg->new->machine))
		different_note(&notes, load, "machines", pg->base->machine, pg->new->machine);
	else if (strcmp(pg->base->machine_yaml, pg->new->machine_yaml))
		note_add(&notes, "the two runs of load %s had different machines, both named %s",
			 load, pg->new->machine);
	sampling_note(pg, &notes);
	if (strcmp(pg->base->version, pg->new->version))
		note_add(&notes, "the two runs of load %s are of different versions (%s, %s)", load,
			 pg->base->version, pg->new->version);
	if (!strcmp(pg->base->digest, pg->new->digest) && pairing_exact(pg))
		note_add(&notes, "same digest: the same run");
}
