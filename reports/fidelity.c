/*
 * Fidelity: how truly a simulated machine follows the recorded one.
 *
 * Theory: a simulator is good if it explains what happened, not if it knows what was there. Most
 * slabs of a machine do not change while it is watched, so errors of totals are small even for a
 * simulator that does nothing; errors of changes are not. Caches that nothing was heard of are left
 * out: nobody could simulate them.
 *
 * Invariant: a score is a ratio of two sums over the same items and snapshots. The caches' errors
 * add up to the sum above the line of the pooled slab_change_error.
 */
#include "reports/fidelity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/suggest.h"
#include "reports/fidelity_store.h"

const char *const fidelity_score_names[NR_FIDELITY_SCORES] = {
	"slab_change_error", "slab_change_error_idle", "slab_error",  "slab_error_idle",
	"free_error",	     "free_error_idle",	       "store_error", "store_error_idle",
};

/* Numerator and denominator of each score. */
struct sums {
	u64 above[NR_FIDELITY_SCORES], below[NR_FIDELITY_SCORES];
};

struct fidelity *fidelity_new(size_t nr_snaps)
{
	struct fidelity *f = mem_alloc(1, sizeof(*f));

	f->snaps = mem_alloc(nr_snaps, sizeof(*f->snaps));
	f->nr_snaps = nr_snaps;
	return f;
}

static void names_free(char **names, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		free(names[i]);
	free(names);
}

static void items_free(struct fidelity_item *items, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		free(items[i].name);
		free(items[i].at);
	}
	free(items);
}

static void computed_free(struct fidelity *f)
{
	items_free(f->caches, f->nr_caches);
	items_free(f->areas, f->nr_areas);
	items_free(f->types, f->nr_types);
	items_free(f->counts, f->nr_counts);
	names_free(f->unknown, f->nr_unknown);
	f->caches = f->areas = f->types = f->counts = NULL;
	f->unknown = NULL;
	f->nr_caches = f->nr_areas = f->nr_types = f->nr_counts = f->nr_unknown = 0;
}

void fidelity_free(struct fidelity *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->nr_snaps; i++) {
		free(f->snaps[i].label);
		proc_state_free(&f->snaps[i].recorded);
		proc_state_free(&f->snaps[i].simulated);
	}
	for (size_t i = 0; i < f->nr_store; i++) {
		free(f->store[i].label);
		free(f->store[i].mark);
	}
	free(f->store);
	computed_free(f);
	names_free(f->active, f->nr_active);
	free(f->snaps);
	free(f);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void fidelity_active_add(struct fidelity *f, const char *cache)
{
	f->active = mem_grow(f->active, f->nr_active + 1, sizeof(*f->active));
	f->active[f->nr_active++] = mem_dup(cache);
}

/* ---- Items: the same figure on both sides at all snapshots ---- */

static struct fidelity_item *item_new(struct fidelity_item **items, size_t *nr, char *name,
				      size_t nr_snaps)
{
	struct fidelity_item *item;

	*items = mem_grow(*items, *nr + 1, sizeof(**items));
	item = &(*items)[(*nr)++];
	*item = (struct fidelity_item){.name = name, .at = mem_alloc(nr_snaps, sizeof(*item->at))};
	return item;
}

static bool recorded_anywhere(const struct fidelity *f, const char *cache)
{
	for (size_t i = 0; i < f->nr_snaps; i++)
		if (proc_slab_find(&f->snaps[i].recorded, cache))
			return true;
	return false;
}

static void collect_cache(struct fidelity *f, const char *cache)
{
	struct fidelity_item *item;

	if (!recorded_anywhere(f, cache)) {
		f->unknown = mem_grow(f->unknown, f->nr_unknown + 1, sizeof(*f->unknown));
		f->unknown[f->nr_unknown++] = mem_dup(cache);
		return;
	}
	item = item_new(&f->caches, &f->nr_caches, mem_dup(cache), f->nr_snaps);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		const struct proc_slab *r = proc_slab_find(&f->snaps[i].recorded, cache);
		const struct proc_slab *s = proc_slab_find(&f->snaps[i].simulated, cache);

		item->at[i] = (struct fidelity_value){
			.recorded = proc_slab_bytes(r),
			.simulated = proc_slab_bytes(s),
			.recorded_count = r ? r->num_slabs : 0,
			.simulated_count = s ? s->num_slabs : 0,
		};
	}
}

static void collect_area(struct fidelity *f, const struct proc_zone *zone, int order)
{
	struct fidelity_item *item =
		item_new(&f->areas, &f->nr_areas,
			 mem_print("%d/%s/%d", zone->node, zone->zone, order), f->nr_snaps);

	item->node = zone->node;
	memcpy(item->zone, zone->zone, sizeof(item->zone));
	item->order = order;
	for (size_t i = 0; i < f->nr_snaps; i++) {
		const struct fidelity_snapshot *s = &f->snaps[i];
		const struct proc_zone *r = proc_zone_find(&s->recorded, zone->node, zone->zone);
		const struct proc_zone *z = proc_zone_find(&s->simulated, zone->node, zone->zone);
		struct fidelity_value *v = &item->at[i];

		v->recorded_count = r ? r->nr_free[order] : 0;
		v->simulated_count = z ? z->nr_free[order] : 0;
		v->recorded = v->recorded_count << order;
		v->simulated = v->simulated_count << order;
	}
}

/* Zones of either side; the machines are the same, or that is an error like any other. */
static void collect_areas(struct fidelity *f)
{
	struct proc_state zones = {0};

	for (size_t i = 0; i < f->nr_snaps; i++) {
		const struct proc_state *sides[] = {&f->snaps[i].recorded, &f->snaps[i].simulated};

		for (size_t k = 0; f->snaps[i].has_free && k < ARRAY_SIZE(sides); k++)
			for (size_t z = 0; z < sides[k]->nr_zones; z++)
				proc_zone_of(&zones, sides[k]->zones[z].node,
					     sides[k]->zones[z].zone);
	}
	for (size_t z = 0; z < zones.nr_zones; z++)
		for (int o = 0; o < PROC_ORDERS; o++)
			collect_area(f, &zones.zones[z], o);
	proc_state_free(&zones);
}

/* "NODE/ZONE/Unmovable": pageblocks. */
static void collect_type(struct fidelity *f, const struct proc_zone *zone, int type)
{
	struct fidelity_item *item = item_new(
		&f->types, &f->nr_types,
		mem_print("%d/%s/%s", zone->node, zone->zone, proc_type_names[type]), f->nr_snaps);

	item->node = zone->node;
	memcpy(item->zone, zone->zone, sizeof(item->zone));
	item->type = type;
	for (size_t i = 0; i < f->nr_snaps; i++) {
		const struct fidelity_snapshot *s = &f->snaps[i];
		const struct proc_zone *r = proc_zone_find(&s->recorded, zone->node, zone->zone);
		const struct proc_zone *z = proc_zone_find(&s->simulated, zone->node, zone->zone);
		struct fidelity_value *v = &item->at[i];

		v->recorded_count = r ? r->type_blocks[type] : 0;
		v->simulated_count = z ? z->type_blocks[type] : 0;
		v->recorded = v->recorded_count * PROC_BLOCK_PAGES;
		v->simulated = v->simulated_count * PROC_BLOCK_PAGES;
	}
}

/* Zones whose types the recorded machine told. */
static void collect_types(struct fidelity *f)
{
	const struct proc_state *s = &f->snaps[0].recorded;

	for (size_t z = 0; f->nr_snaps && z < s->nr_zones; z++)
		for (int t = 0; s->zones[z].has_blocks && t < PROC_TYPES; t++)
			collect_type(f, &s->zones[z], t);
}

static u64 count_of(const struct proc_state *s, const char *name, bool *has)
{
	const struct proc_count *c = proc_count_find(s, name);

	*has |= c != NULL;
	return c ? c->value : 0;
}

static void collect_count(struct fidelity *f, const char *name)
{
	struct fidelity_item *item;

	for (size_t i = 0; i < f->nr_counts; i++)
		if (!strcmp(f->counts[i].name, name))
			return;
	item = item_new(&f->counts, &f->nr_counts, mem_dup(name), f->nr_snaps);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		const struct fidelity_snapshot *s = &f->snaps[i];
		struct fidelity_value *v = &item->at[i];

		v->recorded = v->recorded_count = count_of(&s->recorded, name, &item->has_recorded);
		v->simulated = v->simulated_count =
			count_of(&s->simulated, name, &item->has_simulated);
	}
}

/* In the order of the recorded side, then what only the simulator counts. */
static void collect_counts(struct fidelity *f)
{
	for (size_t i = 0; i < f->nr_snaps; i++)
		for (size_t k = 0; k < f->snaps[i].recorded.nr_counts; k++)
			collect_count(f, f->snaps[i].recorded.counts[k].name);
	for (size_t i = 0; i < f->nr_snaps; i++)
		for (size_t k = 0; k < f->snaps[i].simulated.nr_counts; k++)
			collect_count(f, f->snaps[i].simulated.counts[k].name);
}

u64 fidelity_since(const struct fidelity_item *count, size_t i, bool recorded)
{
	const struct fidelity_value *at = &count->at[i], *before = at - 1;

	return recorded ? at->recorded_count - before->recorded_count
			: at->simulated_count - before->simulated_count;
}

/* ---- Sums and scores ---- */

static u64 distance(u64 a, u64 b)
{
	return a > b ? a - b : b - a;
}

/* |(s - s0) - (r - r0)| */
static u64 change_error(const struct fidelity_item *c, size_t i)
{
	const struct fidelity_value *v = &c->at[i], *first = &c->at[0];

	return distance(v->simulated + first->recorded, v->recorded + first->simulated);
}

static void add(struct sums *s, enum fidelity_score score, u64 above, u64 below)
{
	s->above[score] += above;
	s->below[score] += below;
}

static void sum_slabs(struct fidelity *f, size_t i, struct sums *sums)
{
	for (size_t k = 0; k < f->nr_caches; k++) {
		struct fidelity_item *c = &f->caches[k];
		const struct fidelity_value *v = &c->at[i];
		u64 change = distance(v->recorded, c->at[0].recorded);

		if (f->snaps[0].has_slabs) {
			u64 error = change_error(c, i);

			add(sums, FIDELITY_SLAB_CHANGE, error, change);
			add(sums, FIDELITY_SLAB_CHANGE_IDLE, change, change);
			c->error += error;
		}
		add(sums, FIDELITY_SLAB, distance(v->simulated, v->recorded), v->recorded);
		add(sums, FIDELITY_SLAB_IDLE, change, v->recorded);
	}
}

static void sum_free(struct fidelity *f, size_t i, struct sums *sums)
{
	for (size_t k = 0; k < f->nr_areas; k++) {
		struct fidelity_item *a = &f->areas[k];
		const struct fidelity_value *v = &a->at[i];
		u64 error = distance(v->simulated, v->recorded);

		a->error += error;
		add(sums, FIDELITY_FREE, error, v->recorded);
		if (f->snaps[0].recorded.nr_zones)
			add(sums, FIDELITY_FREE_IDLE, distance(a->at[0].recorded, v->recorded),
			    v->recorded);
	}
}

static void scores(const struct sums *s, struct fidelity_scores *out)
{
	for (int k = 0; k < NR_FIDELITY_SCORES; k++)
		out->score[k] = s->below[k] ? (double)s->above[k] / (double)s->below[k] : NAN;
}

void fidelity_compute(struct fidelity *f)
{
	struct sums pooled = {0};

	computed_free(f);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		proc_state_sort(&f->snaps[i].recorded);
		proc_state_sort(&f->snaps[i].simulated);
	}
	if (f->nr_active)
		qsort(f->active, f->nr_active, sizeof(*f->active), by_name);
	for (size_t k = 0; k < f->nr_active; k++)
		collect_cache(f, f->active[k]);
	collect_areas(f);
	collect_types(f);
	collect_counts(f);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		struct sums sums = {0};

		if (i && f->snaps[i].has_slabs)
			sum_slabs(f, i, &sums);
		if (i && f->snaps[i].has_free)
			sum_free(f, i, &sums);
		scores(&sums, &f->snaps[i].scores);
		for (int k = 0; k < NR_FIDELITY_SCORES; k++)
			add(&pooled, (enum fidelity_score)k, sums.above[k], sums.below[k]);
	}
	scores(&pooled, &f->pooled);
	fidelity_store_compute(f);
}

/* ---- The worst ---- */

u64 fidelity_error_sum(const struct fidelity *f)
{
	u64 sum = 0;

	for (size_t i = 0; i < f->nr_caches; i++)
		sum += f->caches[i].error;
	return sum;
}

static int by_error(const void *va, const void *vb)
{
	const struct fidelity_item *a = *(const struct fidelity_item *const *)va;
	const struct fidelity_item *b = *(const struct fidelity_item *const *)vb;

	if (a->error != b->error)
		return a->error < b->error ? 1 : -1;
	return strcmp(a->name, b->name);
}

size_t fidelity_worst(const struct fidelity *f, const struct fidelity_item **worst, size_t n)
{
	const struct fidelity_item **all = mem_alloc(f->nr_caches, sizeof(*all));
	size_t nr = 0;

	for (size_t i = 0; i < f->nr_caches; i++)
		if (f->caches[i].error)
			all[nr++] = &f->caches[i];
	qsort(all, nr, sizeof(*all), by_error);
	nr = min(nr, n);
	memcpy(worst, all, nr * sizeof(*all));
	free(all);
	return nr;
}

/* ---- Limits ---- */

int fidelity_limit_parse(struct fidelity_limit *l, const char *text, struct err *e)
{
	const char *names[NR_FIDELITY_SCORES + 1] = {NULL}, *near;
	size_t n = strcspn(text, "<> \t");
	const char *op = text + n + strspn(text + n, " \t");
	char word[64], *end;

	*l = (struct fidelity_limit){.text = text, .above = *op == '>'};
	if (*op != '<' && *op != '>')
		return err_set(e, "--fail-on '%s': write SCORE>NUMBER or SCORE<NUMBER", text);
	memcpy(names, fidelity_score_names, sizeof(fidelity_score_names));
	snprintf(word, sizeof(word), "%.*s", (int)n, text);
	while (l->score < NR_FIDELITY_SCORES && strcmp(names[l->score], word))
		l->score++;
	near = suggest_nearest(word, names);
	if (l->score == NR_FIDELITY_SCORES && near)
		return err_set(e, "--fail-on '%s': no score '%s': did you mean '%s'?", text, word,
			       near);
	if (l->score == NR_FIDELITY_SCORES)
		return err_set(e,
			       "--fail-on '%s': no score '%s': there are %s, %s, %s, %s and their "
			       "_idle",
			       text, word, names[FIDELITY_SLAB_CHANGE], names[FIDELITY_SLAB],
			       names[FIDELITY_FREE], names[FIDELITY_STORE]);
	l->value = strtod(op + 1, &end);
	if (end == op + 1 || *(end + strspn(end, " \t")) || !isfinite(l->value))
		return err_set(e, "--fail-on '%s': '%s' is no number", text, op + 1);
	return 0;
}

bool fidelity_limit_missed(const struct fidelity_limit *l, const struct fidelity_scores *s)
{
	double v = s->score[l->score];

	return isnan(v) || (l->above ? v > l->value : v < l->value);
}
