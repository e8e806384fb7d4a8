/*
 * Time series of a run, as plots need them.
 */
#include "reports/samples.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "reports/proc_state.h"
#include "reports/schema.h"

/* Of layers only what plots draw; a run may sample hundreds of figures for each. */
static const char series_sql[] =
	"SELECT x.layer << 32 | x.metric, l.text, m.text, x.t_ns, x.value FROM run r"
	" CROSS JOIN sample x ON " SCHEMA_X_OF_RUN
	" CROSS JOIN string l ON l.id = x.layer CROSS JOIN string m ON m.id = x.metric"
	" WHERE r.id = ? AND (l.text = '' OR m.text IN ('held_bytes', 'live_bytes')) ORDER BY x.id";

static struct series *series_of(struct samples *s, sqlite3_stmt *row, size_t *hint)
{
	s64 key = sqlite3_column_int64(row, 0);
	struct series *n;

	/* Every instant brings the same series in the same order: the next one, mostly. */
	for (size_t i = 0; i < s->nr; i++) {
		size_t at = (*hint + 1 + i) % s->nr;

		if (s->series[at].key == key) {
			*hint = at;
			return &s->series[at];
		}
	}
	MEM_ROOM(s->series, s->nr, s->room);
	*hint = s->nr;
	n = &s->series[s->nr++];
	memset(n, 0, sizeof(*n));
	n->key = key;
	n->layer = mem_dup((const char *)sqlite3_column_text(row, 1));
	n->metric = mem_dup((const char *)sqlite3_column_text(row, 2));
	return n;
}

static void series_add(struct series *n, u64 t_ns, double value)
{
	if (n->nr == n->room) {
		n->room = n->room ? 2 * n->room : 256;
		n->t_ns = mem_grow(n->t_ns, n->room, sizeof(*n->t_ns));
		n->value = mem_grow(n->value, n->room, sizeof(*n->value));
	}
	n->t_ns[n->nr] = t_ns;
	n->value[n->nr++] = value;
}

static int layers_load(struct samples *s, struct db *db, s64 run_id, struct err *e)
{
	sqlite3_stmt *row = db_prepare(db, series_sql, e);
	size_t hint = 0;
	int rc;

	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, run_id);
	while ((rc = db_step(db, row, e)) > 0)
		series_add(series_of(s, row, &hint), (u64)sqlite3_column_int64(row, 3),
			   sqlite3_column_double(row, 4));
	sqlite3_finalize(row);
	return rc;
}

/* The first columns of store_view: the run and the instant; then a series for each. */
enum { STORE_T_NS = 1, STORE_SERIES };

static struct series *store_series(struct samples *s, const char *column)
{
	const struct series *known = samples_find(s, SAMPLES_STORE, column);
	struct series *n;

	if (known)
		return &s->series[known - s->series];
	MEM_ROOM(s->series, s->nr, s->room);
	n = &s->series[s->nr++];
	*n = (struct series){.layer = mem_dup(SAMPLES_STORE), .metric = mem_dup(column)};
	return n;
}

static void store_take(void *arg, sqlite3_stmt *row)
{
	for (int i = STORE_SERIES; i < sqlite3_column_count(row); i++)
		series_add(store_series(arg, sqlite3_column_name(row, i)),
			   (u64)sqlite3_column_int64(row, STORE_T_NS),
			   sqlite3_column_double(row, i));
}

int samples_load(struct samples *s, struct db *db, s64 run_id, struct err *e)
{
	memset(s, 0, sizeof(*s));
	if (layers_load(s, db, run_id, e) ||
	    db_each_row(db, "store_view", "SELECT * FROM store_view WHERE run_id = ? ORDER BY t_ns",
			run_id, store_take, s, e)) {
		samples_free(s);
		return -1;
	}
	return 0;
}

void samples_free(struct samples *s)
{
	for (size_t i = 0; i < s->nr; i++) {
		free(s->series[i].layer);
		free(s->series[i].metric);
		free(s->series[i].t_ns);
		free(s->series[i].value);
	}
	free(s->series);
	memset(s, 0, sizeof(*s));
}

const struct series *samples_find(const struct samples *s, const char *layer, const char *metric)
{
	for (size_t i = 0; i < s->nr; i++)
		if (!strcmp(s->series[i].layer, layer) && !strcmp(s->series[i].metric, metric))
			return &s->series[i];
	return NULL;
}

size_t instants_up_to(const u64 *at_ns, size_t nr, u64 t_ns)
{
	size_t low = 0, high = nr;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (at_ns[mid] <= t_ns)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

double series_at(const struct series *series, u64 t_ns)
{
	size_t nr = series ? instants_up_to(series->t_ns, series->nr, t_ns) : 0;

	return nr ? series->value[nr - 1] : 0;
}

double series_max(const struct series *series)
{
	double most = 0;

	for (size_t i = 0; series && i < series->nr; i++)
		most = max(most, series->value[i]);
	return most;
}

/* Depth of a layer of that kind ("slab/1:rcu" is 1), or -1. */
static long layer_depth(const struct series *a, const char *kind)
{
	size_t n = strlen(kind);

	return strncmp(a->layer, kind, n) || a->layer[n] != '/'
		       ? -1
		       : strtol(a->layer + n + 1, NULL, 10);
}

static long depth_innermost(const struct samples *s, const char *kind)
{
	long innermost = 0;

	for (size_t i = 0; i < s->nr; i++)
		innermost = max(innermost, layer_depth(&s->series[i], kind));
	return innermost;
}

double samples_above_at(const struct samples *s, const char *kind, const char *metric, u64 t_ns)
{
	long innermost = depth_innermost(s, kind);
	double sum = 0;

	for (size_t i = 0; i < s->nr; i++) {
		long depth = layer_depth(&s->series[i], kind);

		if (depth >= 0 && depth < innermost && !strcmp(s->series[i].metric, metric))
			sum += series_at(&s->series[i], t_ns);
	}
	return sum;
}

static double layer_at(const struct samples *s, const char *kind, long depth, const char *metric,
		       u64 t_ns)
{
	for (size_t i = 0; i < s->nr; i++)
		if (layer_depth(&s->series[i], kind) == depth &&
		    !strcmp(s->series[i].metric, metric))
			return series_at(&s->series[i], t_ns);
	return 0;
}

double samples_outer_at(const struct samples *s, const char *kind, const char *metric, u64 t_ns)
{
	return layer_at(s, kind, 0, metric, t_ns);
}

double samples_whole_at(const struct samples *s, const char *metric, u64 t_ns)
{
	return series_at(samples_find(s, "", metric), t_ns);
}

double samples_held_at(const struct samples *s, u64 t_ns)
{
	return samples_above_at(s, "store", "held_bytes", t_ns) +
	       samples_above_at(s, "slab", "held_bytes", t_ns) +
	       samples_above_at(s, "pages", "held_bytes", t_ns);
}

double samples_store_at(const struct samples *s, const char *column, u64 t_ns)
{
	return series_at(samples_find(s, SAMPLES_STORE, column), t_ns);
}

double samples_store_bytes_at(const struct samples *s, u64 t_ns)
{
	return (samples_store_at(s, "pages", t_ns) + samples_store_at(s, "reserve_pages", t_ns)) *
	       PROC_PAGE_BYTES;
}

/* "store/1:kmalloc" */
static bool layer_is_named(const struct series *a, const char *name)
{
	const char *colon = strchr(a->layer, ':');

	return colon && !strcmp(colon + 1, name);
}

double samples_store_slabs_at(const struct samples *s, u64 t_ns)
{
	long source = depth_innermost(s, "store");

	for (size_t i = 0; i < s->nr; i++)
		if (layer_depth(&s->series[i], "store") == source &&
		    layer_is_named(&s->series[i], "kmalloc"))
			return samples_store_bytes_at(s, t_ns) -
			       samples_store_at(s, "raw", t_ns) * PROC_PAGE_BYTES;
	return 0;
}

bool samples_has_store(const struct samples *s)
{
	return samples_find(s, SAMPLES_STORE, "objects") != NULL;
}

const struct series *samples_lead(const struct samples *s)
{
	const struct series *taken = samples_find(s, "", "pages_taken_bytes");

	return taken ? taken : samples_find(s, "", "slab_bytes");
}

static const char free_sql[] =
	"SELECT x.t_ns, sum(n0), sum(n1), sum(n2), sum(n3), sum(n4), sum(n5), sum(n6), sum(n7),"
	" sum(n8), sum(n9), sum(n10) FROM run r CROSS JOIN free_area x"
	" ON " SCHEMA_X_OF_RUN " WHERE r.id = ? GROUP BY x.t_ns ORDER BY x.t_ns";

int free_series_load(struct free_series *b, struct db *db, s64 run_id, struct err *e)
{
	sqlite3_stmt *row = db_prepare(db, free_sql, e);
	int rc;

	memset(b, 0, sizeof(*b));
	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, run_id);
	while ((rc = db_step(db, row, e)) > 0) {
		if (b->nr == b->room) {
			b->room = b->room ? 2 * b->room : 256;
			b->t_ns = mem_grow(b->t_ns, b->room, sizeof(*b->t_ns));
			b->nr_free = mem_grow(b->nr_free, b->room, sizeof(*b->nr_free));
		}
		b->t_ns[b->nr] = (u64)sqlite3_column_int64(row, 0);
		for (int k = 0; k < SINK_NR_ORDERS; k++)
			b->nr_free[b->nr][k] = (u64)sqlite3_column_int64(row, k + 1);
		b->nr++;
	}
	sqlite3_finalize(row);
	if (rc)
		free_series_free(b);
	return rc;
}

void free_series_free(struct free_series *b)
{
	free(b->t_ns);
	free(b->nr_free);
	memset(b, 0, sizeof(*b));
}

static size_t pick_add(size_t *picks, size_t nr, size_t at)
{
	if (nr && picks[nr - 1] >= at)
		return nr;
	picks[nr] = at;
	return nr + 1;
}

size_t points_pick(const double *value, size_t n, size_t max_points, size_t *picks)
{
	size_t bins = (max_points - 2) / 2, nr = 0;

	ASSERT(max_points >= 4);
	if (n <= max_points) {
		for (size_t i = 0; i < n; i++)
			picks[i] = i;
		return n;
	}
	nr = pick_add(picks, nr, 0);
	for (size_t b = 0; b < bins; b++) {
		size_t from = 1 + (n - 2) * b / bins, to = 1 + (n - 2) * (b + 1) / bins;
		size_t low = from, high = from;

		for (size_t i = from; i < to; i++) {
			low = value[i] < value[low] ? i : low;
			high = value[i] > value[high] ? i : high;
		}
		nr = pick_add(picks, nr, min(low, high));
		nr = pick_add(picks, nr, max(low, high));
	}
	return pick_add(picks, nr, n - 1);
}

static int by_place(const void *a, const void *b)
{
	const size_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

size_t points_merge(size_t *picks, size_t n)
{
	size_t nr = 0;

	qsort(picks, n, sizeof(*picks), by_place);
	for (size_t i = 0; i < n; i++)
		nr = pick_add(picks, nr, picks[i]);
	return nr;
}
