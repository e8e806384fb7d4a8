/*
 * The slabs of each cache, mean over time.
 *
 * As the sampler's own means: a value stands for the time since the sample before it. Rows come
 * instant by instant, the caches mostly in the same order at each.
 */
#include "reports/pairs_caches.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/proc_state.h"
#include "reports/schema.h"

#define CACHE_PREFIX "cache/"

struct cache_mean {
	s64 id; /* of its name */
	char *name;
	double sum; /* pages times ns */
};

struct cache_means {
	struct cache_mean *caches;
	size_t nr, room, next; /* next: where the search begins */
	s64 t_ns, since_ns, total_ns;
	bool begun;
};

bool layer_is_cache(const char *layer)
{
	return !strncmp(layer, CACHE_PREFIX, strlen(CACHE_PREFIX));
}

static struct cache_mean *cache_of(struct cache_means *m, sqlite3_stmt *s)
{
	s64 id = sqlite3_column_int64(s, 1);

	for (size_t i = 0; i < m->nr; i++) {
		size_t at = (m->next + i) % m->nr;

		if (m->caches[at].id == id) {
			m->next = at + 1;
			return &m->caches[at];
		}
	}
	MEM_ROOM(m->caches, m->nr, m->room);
	m->caches[m->nr] = (struct cache_mean){
		.id = id, .name = mem_dup((const char *)sqlite3_column_text(s, 2))};
	return &m->caches[m->nr++];
}

static void row_take(struct cache_means *m, sqlite3_stmt *s)
{
	s64 t_ns = sqlite3_column_int64(s, 0);

	if (!m->begun || t_ns != m->t_ns) {
		m->since_ns = m->begun ? t_ns - m->t_ns : 0;
		m->total_ns += m->since_ns;
		m->t_ns = t_ns;
		m->begun = true;
		m->next = 0;
	}
	cache_of(m, s)->sum += sqlite3_column_double(s, 3) * (double)m->since_ns;
}

static void means_take(struct pairing *pg, const struct cache_means *m, bool is_base)
{
	for (size_t i = 0; i < m->nr; i++) {
		char *layer = mem_print(CACHE_PREFIX "%s", m->caches[i].name);
		double pages = m->total_ns ? m->caches[i].sum / (double)m->total_ns : 0;

		pairing_take(pg,
			     &(struct summary_figure){.layer = layer,
						      .metric = "slab_bytes_mean",
						      .unit = "bytes",
						      .better = "lower",
						      .value = pages * PROC_PAGE_BYTES},
			     is_base);
		free(layer);
	}
}

int pairing_read_caches(struct pairing *pg, struct db *db, bool is_base, struct err *e)
{
	s64 run = is_base ? pg->base->id : pg->new->id;
	struct cache_means m = {0};
	sqlite3_stmt *s = db_prepare(
		db,
		"SELECT x.t_ns, x.cache, c.text, x.num_slabs * x.pagesperslab FROM run r "
		"CROSS JOIN slab x ON " SCHEMA_X_OF_RUN
		" CROSS JOIN string c ON c.id = x.cache WHERE r.id = ?1 ORDER BY x.id",
		e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, run);
	while ((rc = db_step(db, s, e)) > 0)
		row_take(&m, s);
	sqlite3_finalize(s);
	if (!rc)
		means_take(pg, &m, is_base);
	for (size_t i = 0; i < m.nr; i++)
		free(m.caches[i].name);
	free(m.caches);
	return rc;
}
