/*
 * The sample stream of a run, looked at where the recorded machine was.
 */
#include "reports/fidelity_sink.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/db_sink.h"
#include "reports/fidelity_store.h"
#include "sim/snap_mark.h"

/* What a mark is about. */
enum wanted { WANT_SLABS = 1, WANT_FREE = 2, WANT_TYPES = 4, WANT_COUNTS = 8 };

struct fidelity_sink {
	struct sink base;
	struct fidelity *f;
	struct sink *next;
	struct fidelity_snapshot *snap; /* whose mark this is */
	struct fidelity_store *store;	/* a reading of mm_stat: the store is told of next */
	bool in_mark;
	unsigned int wanted; /* enum wanted */
};

static struct fidelity_sink *to_fidelity_sink(struct sink *s)
{
	return container_of(s, struct fidelity_sink, base);
}

static struct fidelity_snapshot *snapshot_of(struct fidelity *f, const struct snap_mark *m)
{
	for (size_t i = 0; i < f->nr_snaps; i++)
		if (snap_mark_labels(m, f->snaps[i].label))
			return &f->snaps[i];
	return NULL;
}

/* ---- At marks ---- */

/* Zones come in the order of the machine, whichever file is first. */
static void want(struct fidelity_sink *s, unsigned int wanted, u64 t_ns)
{
	struct proc_state *p = &s->snap->simulated;

	s->wanted = wanted;
	if (wanted & WANT_SLABS) {
		s->snap->t_ns = t_ns;
		s->snap->has_slabs = s->snap->recorded.nr_slabs > 0;
		proc_slabs_clear(p);
	}
	if (wanted & WANT_FREE)
		s->snap->has_free = s->snap->recorded.nr_zones > 0;
	for (size_t i = 0; i < p->nr_zones; i++) {
		struct proc_zone *z = &p->zones[i];

		if (wanted & WANT_FREE)
			memset(z->nr_free, 0, sizeof(z->nr_free));
		if (wanted & WANT_TYPES)
			memset(z->type_blocks, 0, sizeof(z->type_blocks));
	}
}

static unsigned int wanted_with(const struct fidelity_snapshot *snap, const char *file)
{
	unsigned int wanted =
		snap->counts_file && !strcmp(file, snap->counts_file) ? WANT_COUNTS : 0;

	if (!strcmp(file, snap->slabs_first ? "slabinfo0" : "slabinfo"))
		wanted |= WANT_SLABS;
	else if (!strcmp(file, "buddyinfo"))
		wanted |= WANT_FREE;
	else if (!strcmp(file, "pagetypeinfo"))
		wanted |= WANT_TYPES;
	return wanted;
}

static void on_mark(struct sink *base, u64 t_ns, const char *text)
{
	struct fidelity_sink *s = to_fidelity_sink(base);
	struct snap_mark m;

	s->in_mark = text;
	s->wanted = 0;
	if (!text)
		return;
	s->store = fidelity_store_find(s->f, text);
	if (!strcmp(text, MARK_TIME_ZERO)) {
		s->snap = s->f->snaps;
		want(s, WANT_SLABS | WANT_FREE | WANT_TYPES | WANT_COUNTS, t_ns);
	}
	if (!snap_mark_parse(&m, text) || m.end)
		return;
	s->snap = snapshot_of(s->f, &m);
	if (!s->snap)
		return;
	want(s, wanted_with(s->snap, m.file), t_ns);
}

static int type_number(const char *migratetype)
{
	for (int t = 0; t < PROC_TYPES; t++)
		if (!strcmp(proc_type_names[t], migratetype))
			return t;
	return -1;
}

static void free_area_at_mark(struct fidelity_sink *s, int node, const char *zone,
			      const char *migratetype, const u64 nr_free[SINK_NR_ORDERS])
{
	int type = type_number(migratetype);
	struct proc_zone *z;

	if (!(s->wanted & (WANT_FREE | WANT_TYPES)))
		return;
	z = proc_zone_of(&s->snap->simulated, node, zone);
	if (s->wanted & WANT_TYPES) {
		z->has_types = true;
		if (type >= 0)
			memcpy(z->type_free[type], nr_free, sizeof(z->type_free[type]));
	}
	if (!(s->wanted & WANT_FREE))
		return;
	z->has_free = true;
	for (int o = 0; o < PROC_ORDERS; o++)
		z->nr_free[o] += nr_free[o];
}

static void slab_at_mark(struct fidelity_sink *s, const struct sink_slab *b)
{
	if (!(s->wanted & WANT_SLABS))
		return;
	proc_slab_add(&s->snap->simulated, &(struct proc_slab){
						   .cache = (char *)(uintptr_t)b->cache,
						   .active_objs = b->active_objs,
						   .num_objs = b->num_objs,
						   .objsize = b->objsize,
						   .objperslab = b->objperslab,
						   .pagesperslab = b->pagesperslab,
						   .active_slabs = b->active_slabs,
						   .num_slabs = b->num_slabs,
					   });
}

/* Pageblocks never given out are movable, as all are when a machine starts. */
static void block_map_at_mark(struct fidelity_sink *s, const struct sink_block_map *map)
{
	struct proc_zone *z;

	if (!(s->wanted & WANT_TYPES) || map->blocks_per_cell != 1)
		return;
	z = proc_zone_of(&s->snap->simulated, map->node, map->zone);
	z->has_blocks = true;
	for (u32 i = 0; i < map->nr_blocks; i++) {
		int type = map->cells[i].type_pinned & SINK_CELL_TYPE_MASK;

		z->type_blocks[type < PROC_TYPES ? type : PROC_MOVABLE]++;
	}
}

static void count_at_mark(struct fidelity_sink *s, const char *name, u64 value)
{
	if (s->wanted & WANT_COUNTS)
		proc_count_set(&s->snap->simulated, name, value);
}

/* ---- All the rest goes on ---- */

static void on_begin(struct sink *base, const struct sink_run *run)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->begin(next, run);
}

static void on_sample(struct sink *base, u64 t_ns, const char *layer, const char *metric,
		      double value)
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	if (s->in_mark)
		count_at_mark(s, metric, (u64)value);
	else if (s->next)
		s->next->ops->sample(s->next, t_ns, layer, metric, value);
}

static void on_free_area(struct sink *base, u64 t_ns, int node, const char *zone,
			 const char *migratetype, const u64 nr_free[SINK_NR_ORDERS])
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	if (s->in_mark)
		free_area_at_mark(s, node, zone, migratetype, nr_free);
	else if (s->next)
		s->next->ops->free_area(s->next, t_ns, node, zone, migratetype, nr_free);
}

static void on_slab(struct sink *base, const struct sink_slab *slab)
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	if (s->in_mark)
		slab_at_mark(s, slab);
	else if (s->next)
		s->next->ops->slab(s->next, slab);
}

static void on_cache(struct sink *base, const struct sink_cache *cache)
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	if (!s->in_mark && s->next)
		s->next->ops->cache(s->next, cache);
}

static void on_event(struct sink *base, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->event(next, t_ns, cpu, kind, detail);
}

static void on_compact(struct sink *base, const struct sink_compact *compact)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->compact(next, compact);
}

static void on_reclaim(struct sink *base, const struct sink_reclaim *reclaim)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->reclaim(next, reclaim);
}

static void on_summary(struct sink *base, const char *layer, const struct metric_desc *metric,
		       double value)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->summary(next, layer, metric, value);
}

static void on_site(struct sink *base, const struct sink_site *site)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->site(next, site);
}

static void on_latency(struct sink *base, const struct sink_latency *latency)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->latency(next, latency);
}

static void on_lock(struct sink *base, const struct sink_lock *lock)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->lock(next, lock);
}

static void on_zone(struct sink *base, const struct sink_zone *zone)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->zone(next, zone);
}

static void on_vmstat(struct sink *base, u64 t_ns, const char *name, u64 value)
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	if (s->in_mark && strncmp(name, "nr_", 3)) /* a counter, no gauge */
		count_at_mark(s, name, value);
	else if (!s->in_mark && s->next)
		s->next->ops->vmstat(s->next, t_ns, name, value);
}

static void on_blame(struct sink *base, const struct sink_blame *blame)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->blame(next, blame);
}

static void on_blame_block(struct sink *base, const struct sink_blame_block *block)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->blame_block(next, block);
}

static void on_block_map(struct sink *base, const struct sink_block_map *map)
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	if (s->in_mark)
		block_map_at_mark(s, map);
	else if (s->next)
		s->next->ops->block_map(s->next, map);
}

static void on_store(struct sink *base, const struct sink_store *store)
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	if (s->store)
		fidelity_store_take(s->store, store);
	s->store = NULL;
	if (s->next)
		s->next->ops->store(s->next, store);
}

static void on_store_class(struct sink *base, const struct sink_store_class *c)
{
	struct sink *next = to_fidelity_sink(base)->next;

	if (next)
		next->ops->store_class(next, c);
}

/* ---- The end ---- */

static void hand_on_items(const struct fidelity_sink *s, const struct fidelity_snapshot *snap,
			  const char *kind, const struct fidelity_item *items, size_t nr)
{
	size_t at = (size_t)(snap - s->f->snaps);

	for (size_t i = 0; i < nr; i++)
		db_fidelity_add(s->next, &(struct fidelity_row){
						 .t_ns = snap->t_ns,
						 .snapshot = snap->label,
						 .kind = kind,
						 .name = items[i].name,
						 .recorded = items[i].at[at].recorded,
						 .simulated = items[i].at[at].simulated,
						 .first = items[i].at[0].recorded,
					 });
}

/* What a reading of mm_stat says is told of as of a snapshot of its label. */
static void hand_on_store(const struct fidelity_sink *s)
{
	const struct fidelity *f = s->f;

	for (size_t i = 0; i < f->nr_store; i++)
		for (int k = 0; f->store[i].seen && k < NR_FIDELITY_STORE; k++)
			db_fidelity_add(s->next, &(struct fidelity_row){
							 .t_ns = f->store[i].t_ns,
							 .snapshot = f->store[i].label,
							 .kind = "store",
							 .name = fidelity_store_names[k],
							 .recorded = f->store[i].recorded[k],
							 .simulated = f->store[i].simulated[k],
							 .first = f->store[0].recorded[k],
						 });
}

static void hand_on(const struct fidelity_sink *s)
{
	const struct fidelity *f = s->f;

	for (int k = 0; k < NR_FIDELITY_SCORES; k++)
		if (!isnan(f->pooled.score[k]))
			s->next->ops->summary(s->next, "", metric_find(fidelity_score_names[k]),
					      f->pooled.score[k]);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		const struct fidelity_snapshot *snap = &f->snaps[i];

		if (snap->has_slabs)
			hand_on_items(s, snap, "slab", f->caches, f->nr_caches);
		if (snap->has_free)
			hand_on_items(s, snap, "free", f->areas, f->nr_areas);
	}
	hand_on_store(s);
}

static int on_end(struct sink *base, const struct sink_end *end, struct err *e)
{
	struct fidelity_sink *s = to_fidelity_sink(base);

	fidelity_compute(s->f);
	if (!s->next)
		return 0;
	hand_on(s);
	return s->next->ops->end(s->next, end, e);
}

static const struct sink_ops fidelity_sink_ops = {
	.begin = on_begin,
	.sample = on_sample,
	.free_area = on_free_area,
	.slab = on_slab,
	.cache = on_cache,
	.mark = on_mark,
	.event = on_event,
	.compact = on_compact,
	.reclaim = on_reclaim,
	.summary = on_summary,
	.site = on_site,
	.latency = on_latency,
	.lock = on_lock,
	.zone = on_zone,
	.vmstat = on_vmstat,
	.blame = on_blame,
	.blame_block = on_blame_block,
	.block_map = on_block_map,
	.store = on_store,
	.store_class = on_store_class,
	.end = on_end,
};

struct fidelity_sink *fidelity_sink_new(struct fidelity *f, struct sink *next)
{
	struct fidelity_sink *s = mem_alloc(1, sizeof(*s));

	s->base.ops = &fidelity_sink_ops;
	s->f = f;
	s->next = next;
	return s;
}

struct sink *fidelity_sink_base(struct fidelity_sink *s)
{
	return &s->base;
}

void fidelity_sink_free(struct fidelity_sink *s)
{
	free(s);
}
