/*
 * Summaries of two labels beside each other.
 */
#include "reports/pairs.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

const char *const verdict_names[] = {
	[VERDICT_SAME] = "same",       [VERDICT_BETTER] = "better",	 [VERDICT_WORSE] = "worse",
	[VERDICT_DIFFERS] = "differs", [VERDICT_ONE_SIDED] = "one side",
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

/* "slab/1:rcu" and "slab/0:rcu" are the same layer at another depth: same kind, same name. */
static bool layer_alike(const char *a, const char *b)
{
	const char *a_name = strchr(a, ':'), *b_name = strchr(b, ':');
	size_t kind = strcspn(a, "/");

	if (!a_name || !b_name)
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

static struct pair *pair_add(struct pairing *pg, sqlite3_stmt *s)
{
	struct pair *p;

	MEM_ROOM(pg->pairs, pg->nr, pg->room);
	p = &pg->pairs[pg->nr++];
	memset(p, 0, sizeof(*p));
	p->layer = mem_dup((const char *)sqlite3_column_text(s, 0));
	p->metric = mem_dup((const char *)sqlite3_column_text(s, 1));
	p->unit = mem_dup((const char *)sqlite3_column_text(s, 2));
	p->better = mem_dup((const char *)sqlite3_column_text(s, 3));
	return p;
}

static void pairing_take(struct pairing *pg, sqlite3_stmt *s, bool is_base)
{
	struct pair *p = NULL;

	if (is_base)
		p = pair_find(pg, (const char *)sqlite3_column_text(s, 0),
			      (const char *)sqlite3_column_text(s, 1));
	if (!p)
		p = pair_add(pg, s);
	if (is_base) {
		p->base = sqlite3_column_double(s, 4);
		p->has_base = true;
	} else {
		p->new = sqlite3_column_double(s, 4);
		p->has_new = true;
	}
}

static int pairing_read(struct pairing *pg, struct db *db, bool is_base, bool each_layer,
			struct err *e)
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
	sqlite3_bind_int(s, 2, each_layer);
	while ((rc = db_step(db, s, e)) > 0)
		pairing_take(pg, s, is_base);
	sqlite3_finalize(s);
	return rc;
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

static int pairing_add(struct comparison *c, struct db *db, const struct run_info *base,
		       const struct run_info *new, bool each_layer, struct err *e)
{
	struct pairing *pg;

	MEM_ROOM(c->pairings, c->nr, c->room);
	pg = &c->pairings[c->nr++];
	memset(pg, 0, sizeof(*pg));
	pg->base = base;
	pg->new = new;
	return pairing_read(pg, db, false, each_layer, e) ||
			       pairing_read(pg, db, true, each_layer, e)
		       ? -1
		       : 0;
}

/* Every run of a new label and a load whose partner of the base exists. */
static int pair_label(struct comparison *c, struct db *db, const struct run_list *list,
		      const char *base, const char *new, const char *load, bool each_layer,
		      struct err *e)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct run_info *r = &list->runs[i], *b;

		if (strcmp(r->label, new) || strcmp(r->load, load))
			continue;
		b = run_of(list, base, load, r->seed);
		if (b && pairing_add(c, db, b, r, each_layer, e))
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
			if (pair_label(c, db, list, base, news.names[n], loads.names[l],
				       options->each_layer, e))
				goto out;
	rc = c->nr ? 0
		   : err_set(e, "%s: no load and seed was run under both '%s' and '%s'",
			     db_path(db), base, news.names[0]);
out:
	if (rc)
		comparison_free(c);
	name_set_free(&news);
	name_set_free(&loads);
	return rc;
}

void pairing_notes(const struct pairing *pg, void (*note)(void *arg, const char *text), void *arg)
{
	const struct run_info *const sides[] = {pg->base, pg->new};
	char text[512];

	for (size_t i = 0; i < 2; i++) {
		if (!strcmp(sides[i]->status, "ok"))
			continue;
		snprintf(text, sizeof(text),
			 "'%s' on %s ended early (%s): its figures are of a part", sides[i]->label,
			 sides[i]->load, sides[i]->status);
		note(arg, text);
	}
	if (strcmp(pg->base->input_hash, pg->new->input_hash)) {
		snprintf(text, sizeof(text),
			 "the two runs of load %s had different inputs (%s, %s)", pg->base->load,
			 pg->base->input_hash, pg->new->input_hash);
		note(arg, text);
	}
	if (strcmp(pg->base->machine, pg->new->machine)) {
		snprintf(text, sizeof(text),
			 "the two runs of load %s had different machines (%s, %s)", pg->base->load,
			 pg->base->machine, pg->new->machine);
		note(arg, text);
	}
	if (strcmp(pg->base->version, pg->new->version)) {
		snprintf(text, sizeof(text),
			 "the two runs of load %s are of different versions "
			 "(%s, %s)",
			 pg->base->load, pg->base->version, pg->new->version);
		note(arg, text);
	}
}
