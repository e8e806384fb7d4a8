/*
 * The sample stream into a results database: takes rows in; reports/db_store.c stores them.
 */
#include "reports/db_sink.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/assert.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "reports/cells.h"
#include "reports/db_store.h"

static const char *const better_names[] = {
	[BETTER_LOWER] = "lower",
	[BETTER_HIGHER] = "higher",
	[BETTER_NEITHER] = "neither",
};

static const struct sink_ops db_sink_ops;

struct db_sink {
	struct sink base;
	struct db *db;
	char *dir; /* of the database */
	struct rows rows;
	struct run_head run;
	bool begun;
	s64 run_id; /* stored last */
	void (*wait)(void *arg);
	void *wait_arg;
};

static struct db_sink *to_db_sink(struct sink *s)
{
	return container_of(s, struct db_sink, base);
}

static u64 double_bits(double v)
{
	u64 bits;

	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static void run_forget(struct db_sink *d)
{
	free(d->run.label);
	free(d->run.load);
	free(d->run.stack);
	free(d->run.machine);
	free(d->run.input);
	free(d->run.command);
	memset(&d->run, 0, sizeof(d->run));
	d->begun = false;
	rows_clear(&d->rows);
}

static void db_sink_begin(struct sink *s, const struct sink_run *run)
{
	struct db_sink *d = to_db_sink(s);
	time_t now = time(NULL);
	struct tm tm;

	run_forget(d);
	d->run.label = mem_dup(run->label);
	d->run.load = mem_dup(run->load);
	d->run.stack = mem_dup(run->stack);
	d->run.machine = mem_dup(run->machine);
	d->run.input = mem_dup(run->input);
	d->run.command = mem_dup(run->command);
	d->run.input_hash = run->input_hash;
	d->run.seed = run->seed;
	d->run.sample_ns = run->sample_ns;
	d->begun = true;
	gmtime_r(&now, &tm);
	strftime(d->run.started_at, sizeof(d->run.started_at), "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void db_sink_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric,
			   double value)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {t_ns, rows_name(r, layer), rows_name(r, metric), double_bits(value)};

	rows_add(r, ROW_SAMPLE, row, ARRAY_SIZE(row));
}

static void db_sink_free_area(struct sink *s, u64 t_ns, int node, const char *zone,
			      const char *migratetype, const u64 nr_free[SINK_NR_ORDERS])
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[4 + SINK_NR_ORDERS] = {t_ns, (u64)node, rows_name(r, zone),
				       rows_name(r, migratetype)};

	memcpy(row + 4, nr_free, SINK_NR_ORDERS * sizeof(*nr_free));
	rows_add(r, ROW_FREE_AREA, row, ARRAY_SIZE(row));
}

static void db_sink_slab(struct sink *s, const struct sink_slab *b)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {b->t_ns,	  rows_name(r, b->cache), b->active_objs,  b->num_objs,
		     b->objsize,  b->objperslab,	  b->pagesperslab, b->active_slabs,
		     b->num_slabs};

	rows_add(r, ROW_SLAB, row, ARRAY_SIZE(row));
}

static void db_sink_cache(struct sink *s, const struct sink_cache *c)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {c->t_ns,	   rows_name(r, c->cache), rows_name(r, c->alias),
		     c->live_objs, c->bytes_req,	   c->bytes_alloc};

	rows_add(r, ROW_CACHE, row, ARRAY_SIZE(row));
}

/* The samples at marks are rows like any others. */
static void db_sink_mark(struct sink *s, u64 t_ns, const char *text)
{
	(void)s, (void)t_ns, (void)text;
}

static void db_sink_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {t_ns, (u64)cpu, rows_name(r, kind)};

	rows_add_text(r, ROW_EVENT, row, ARRAY_SIZE(row), detail);
}

static void db_sink_summary(struct sink *s, const char *layer, const struct metric_desc *metric,
			    double value)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {rows_name(r, layer), rows_name(r, metric->name), rows_name(r, metric->unit),
		     rows_name(r, better_names[metric->better]), double_bits(value)};

	rows_add(r, ROW_SUMMARY, row, ARRAY_SIZE(row));
}

static void db_sink_site(struct sink *s, const struct sink_site *c)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {rows_name(r, c->call_site),
		     rows_name(r, c->cache),
		     c->hits,
		     c->bytes_req,
		     c->bytes_alloc,
		     c->live_objs,
		     c->live_bytes,
		     c->ping_pong,
		     c->cross_node};

	rows_add(r, ROW_SITE, row, ARRAY_SIZE(row));
}

static void db_sink_latency(struct sink *s, const struct sink_latency *l)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {rows_name(r, l->op),
		     rows_name(r, l->path),
		     l->count,
		     l->p50_ns,
		     l->p90_ns,
		     l->p99_ns,
		     l->p999_ns,
		     l->max_ns};

	rows_add(r, ROW_LATENCY, row, ARRAY_SIZE(row));
}

static void db_sink_lock(struct sink *s, const struct sink_lock *l)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {rows_name(r, l->lock), l->acquisitions, l->contended, l->wait_ns_total,
		     l->wait_ns_max};

	rows_add(r, ROW_LOCK, row, ARRAY_SIZE(row));
}

static void db_sink_zone(struct sink *s, const struct sink_zone *z)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {(u64)z->node, rows_name(r, z->zone),
		     z->start_pfn, z->spanned,
		     z->present,   z->managed,
		     z->min,	   z->low,
		     z->high};

	rows_add(r, ROW_ZONE, row, ARRAY_SIZE(row));
}

static void db_sink_vmstat(struct sink *s, u64 t_ns, const char *name, u64 value)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {t_ns, rows_name(r, name), value};

	rows_add(r, ROW_VMSTAT, row, ARRAY_SIZE(row));
}

static void db_sink_blame(struct sink *s, const struct sink_blame *b)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {rows_name(r, b->call_site),
		     rows_name(r, b->cache),
		     double_bits(b->blocks_end),
		     b->sole_end,
		     b->pages_end,
		     double_bits(b->blocks_mean),
		     double_bits(b->pages_mean),
		     b->block_ns,
		     b->longest_ns};

	rows_add(r, ROW_BLAME, row, ARRAY_SIZE(row));
}

static void db_sink_blame_block(struct sink *s, const struct sink_blame_block *b)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {(u64)b->node,
		     rows_name(r, b->zone),
		     b->pfn,
		     b->free_pages,
		     b->movable_pages,
		     b->unmovable_pages,
		     rows_name(r, b->call_site),
		     rows_name(r, b->cache),
		     b->holder_pages,
		     b->kept_ns};

	rows_add(r, ROW_BLAME_BLOCK, row, ARRAY_SIZE(row));
}

static void db_sink_block_map(struct sink *s, const struct sink_block_map *m)
{
	struct rows *r = &to_db_sink(s)->rows;
	size_t nr_cells = DIV_ROUND_UP(m->nr_blocks, m->blocks_per_cell), bytes;
	u64 row[] = {m->t_ns,	   (u64)m->node, rows_name(r, m->zone),
		     m->first_pfn, m->nr_blocks, m->blocks_per_cell};
	u8 *packed = mem_alloc(nr_cells, CELL_PACKED_MAX);

	bytes = cells_pack(m->cells, nr_cells, packed);
	rows_add_bytes(r, ROW_BLOCK_MAP, row, ARRAY_SIZE(row), packed, bytes);
	free(packed);
	if (!m->moves)
		return;
	packed = mem_alloc(nr_cells, MOVES_PACKED_MAX);
	bytes = moves_pack(m->moves, nr_cells, packed);
	rows_add_bytes(r, ROW_BLOCK_MOVES, row, ARRAY_SIZE(row), packed, bytes);
	free(packed);
}

static void db_sink_compact(struct sink *s, const struct sink_compact *c)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {c->t_ns,
		     (u64)c->node,
		     rows_name(r, c->zone),
		     rows_name(r, c->mode),
		     (u64)(s64)c->page_order,
		     rows_name(r, c->result),
		     c->migrate_scanned,
		     c->free_scanned,
		     c->isolated,
		     c->moved,
		     c->failed,
		     (u64)c->blocks_gained,
		     c->ns};

	rows_add(r, ROW_COMPACT, row, ARRAY_SIZE(row));
}

static void db_sink_reclaim(struct sink *s, const struct sink_reclaim *c)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {c->t_ns,
		     c->end_ns,
		     (u64)c->node,
		     rows_name(r, c->mode),
		     (u64)c->page_order,
		     (u64)c->priority,
		     c->scanned,
		     c->reclaimed,
		     c->ns};

	rows_add(r, ROW_RECLAIM, row, ARRAY_SIZE(row));
}

static void db_sink_store(struct sink *s, const struct sink_store *c)
{
	u64 row[] = {c->t_ns,
		     c->objects,
		     c->bytes_req,
		     c->raw,
		     c->raw_bytes_req,
		     c->pages,
		     c->reserve_pages,
		     c->descriptors,
		     c->descriptor_bytes,
		     c->descriptor_pages,
		     c->slab_pages,
		     c->header_bytes,
		     c->blocks,
		     c->block_bytes,
		     c->free_bytes,
		     c->nr_malloc,
		     c->nr_split,
		     c->nr_searches,
		     c->nr_search_steps,
		     c->compact_runs,
		     c->compact_freed_pages,
		     c->compact_moved_blocks,
		     c->compact_moved_bytes,
		     c->compact_ns};

	rows_add(&to_db_sink(s)->rows, ROW_STORE, row, ARRAY_SIZE(row));
}

static void db_sink_store_class(struct sink *s, const struct sink_store_class *c)
{
	u64 row[] = {
		c->t_ns,	  c->index,    c->size,	      c->almost_full,	   c->almost_empty,
		c->obj_allocated, c->obj_used, c->pages_used, c->pages_per_zspage, c->freeable};

	rows_add(&to_db_sink(s)->rows, ROW_STORE_CLASS, row, ARRAY_SIZE(row));
}

void db_fidelity_add(struct sink *s, const struct fidelity_row *f)
{
	struct rows *r = &to_db_sink(s)->rows;
	u64 row[] = {f->t_ns,
		     rows_name(r, f->snapshot),
		     rows_name(r, f->kind),
		     rows_name(r, f->name),
		     f->recorded,
		     f->simulated,
		     f->first};

	ASSERT(s->ops == &db_sink_ops && to_db_sink(s)->begun);
	rows_add(r, ROW_FIDELITY, row, ARRAY_SIZE(row));
}

static int db_sink_end(struct sink *s, const struct sink_end *end, struct err *e)
{
	struct db_sink *d = to_db_sink(s);
	int rc;

	ASSERT(d->begun);
	if (d->wait)
		d->wait(d->wait_arg);
	db_lock(d->db);
	rc = db_store(d->db, &d->run, &d->rows, end, &d->run_id, e);
	db_unlock(d->db);
	run_forget(d);
	return rc;
}

static const struct sink_ops db_sink_ops = {
	.begin = db_sink_begin,
	.sample = db_sink_sample,
	.free_area = db_sink_free_area,
	.slab = db_sink_slab,
	.cache = db_sink_cache,
	.mark = db_sink_mark,
	.event = db_sink_event,
	.compact = db_sink_compact,
	.reclaim = db_sink_reclaim,
	.summary = db_sink_summary,
	.site = db_sink_site,
	.latency = db_sink_latency,
	.lock = db_sink_lock,
	.zone = db_sink_zone,
	.vmstat = db_sink_vmstat,
	.blame = db_sink_blame,
	.blame_block = db_sink_blame_block,
	.block_map = db_sink_block_map,
	.store = db_sink_store,
	.store_class = db_sink_store_class,
	.end = db_sink_end,
};

struct sink *db_sink_new(struct db *db)
{
	struct db_sink *d = mem_alloc(1, sizeof(*d));

	d->base.ops = &db_sink_ops;
	d->db = db;
	d->dir = file_dir(db_path(db));
	rows_init(&d->rows, d->dir);
	return &d->base;
}

void db_sink_before_store(struct sink *s, void (*wait)(void *arg), void *arg)
{
	struct db_sink *d = to_db_sink(s);

	d->wait = wait;
	d->wait_arg = arg;
}

void db_sink_free(struct sink *s)
{
	struct db_sink *d = s ? to_db_sink(s) : NULL;

	if (!d)
		return;
	run_forget(d);
	rows_free(&d->rows);
	free(d->dir);
	free(d);
}
