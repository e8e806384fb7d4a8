/*
 * The recorded side of a comparison.
 */
#include "cmd/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/recorded_counts.h"
#include "lib/mem.h"
#include "reports/fidelity_sink.h"
#include "reports/fidelity_store.h"
#include "traces/kmt.h"

_Static_assert(PROC_ORDERS == SNAPSHOT_ORDERS && PROC_TYPES == SNAPSHOT_TYPES, "the same files");

/* ---- Do they belong together? ---- */

/* Kernels differ in the sizes of their objects. */
static int other_kernel(const struct snapshots *s, const struct source_tables *t, struct err *e)
{
	unsigned int known = 0, differ = 0;
	char first[256] = "";

	for (unsigned int i = 0; i < t->nr_caches; i++) {
		const struct snapshot_slab *b = snapshot_slab(&s->snaps[0], t->caches[i].name);

		if (!b || !t->caches[i].size)
			continue;
		known++;
		if (b->objsize == t->caches[i].size)
			continue;
		if (!differ++)
			snprintf(
				first, sizeof(first),
				"%.60s has chunks of %u bytes in the trace and of %llu in slabinfo",
				b->cache, t->caches[i].size, (unsigned long long)b->objsize);
	}
	if (t->nr_caches && !known)
		return err_set(e,
			       "%s: snapshots of another machine than %s: no cache of the trace "
			       "is in its slabinfo",
			       s->dir, t->name);
	if (2 * differ <= known)
		return 0;
	return err_set(e, "%s: snapshots of another machine than %s: %s (and %u more)", s->dir,
		       t->name, first, differ - 1);
}

/* ---- One snapshot ---- */

static void take_slabs(struct proc_state *p, const struct snapshot *snap)
{
	const struct snapshot_slabinfo last = snapshot_slabinfo_last(snap);

	for (size_t i = 0; i < last.nr_slabs; i++)
		proc_slab_add(p, &(struct proc_slab){
					 .cache = last.slabs[i].cache,
					 .active_objs = last.slabs[i].active_objs,
					 .num_objs = last.slabs[i].num_objs,
					 .objsize = last.slabs[i].objsize,
					 .objperslab = last.slabs[i].objperslab,
					 .pagesperslab = last.slabs[i].pagesperslab,
					 .active_slabs = last.slabs[i].active_slabs,
					 .num_slabs = last.slabs[i].num_slabs,
				 });
}

static void take_zones(struct proc_state *p, const struct snapshot *snap)
{
	for (size_t i = 0; i < snap->nr_zones; i++) {
		const struct snapshot_zone *z = &snap->zones[i];
		struct proc_zone *to;

		if (!z->has_buddy && !z->has_types)
			continue;
		to = proc_zone_of(p, z->node, z->zone);
		to->has_free = z->has_buddy;
		to->has_types = to->has_blocks = z->has_types;
		memcpy(to->nr_free, z->nr_free, sizeof(to->nr_free));
		memcpy(to->type_free, z->type_free, sizeof(to->type_free));
		memcpy(to->type_blocks, z->type_blocks, sizeof(to->type_blocks));
	}
}

static void take_state(struct proc_state *p, const struct snapshot *snap)
{
	take_slabs(p, snap);
	take_zones(p, snap);
	proc_state_sort(p);
}

/* ---- All of them ---- */

static int take_snapshots(struct fidelity *f, const struct snapshots *s, const struct source *kmt,
			  const struct tallies *tallies, struct err *e)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->nr_snaps; i++) {
		const struct snapshot *snap = &s->snaps[i];
		const struct source_mark *mark = source_snap_mark(
			&kmt->tables, snap->label, false, snapshot_slabinfo_last(snap).file);
		struct fidelity_snapshot *to = &f->snaps[nr];

		if (!mark) /* who opened them has said so */
			continue;
		to->label = mem_dup(snap->label);
		to->t_ns = mark->t_ns;
		to->slabs_first = snap->nr_slabs == 0;
		take_state(&to->recorded, snap);
		recorded_counts(to, snap, &kmt->tables, tallies);
		nr++;
	}
	f->nr_snaps = nr;
	if (!nr)
		return err_set(e,
			       "%s: none of the %zu snapshots has a mark in %s: marks read "
			       "'SNAP LABEL begin slabinfo'",
			       s->dir, s->nr_snaps, kmt->tables.name);
	if (nr == 1)
		fprintf(stderr,
			"%s: only snapshot '%s' is in the trace: there is no change to "
			"compare, and no score\n",
			s->dir, f->snaps[0].label);
	return 0;
}

/* The marks have all of it: mm_stat itself is not needed any more. */
static void take_store(struct fidelity *f, const struct source_tables *tables)
{
	for (unsigned int i = 0; i < tables->nr_marks; i++) {
		struct mm_stat_row *row = mem_alloc(1, sizeof(*row));
		struct fidelity_store *to;

		if (mm_stat_mark_parse(row, tables->marks[i].text)) {
			to = fidelity_store_add(f, row->label, tables->marks[i].text);
			to->t_ns = tables->marks[i].t_ns;
			to->recorded[FIDELITY_MEM_USED_TOTAL] = row->value[MM_STAT_MEM_USED_TOTAL];
			to->recorded[FIDELITY_COMPR_DATA_SIZE] =
				row->value[MM_STAT_COMPR_DATA_SIZE];
			to->recorded[FIDELITY_PAGES_COMPACTED] =
				row->value[MM_STAT_PAGES_COMPACTED];
		}
		mm_stat_free(row, 1);
	}
}

struct fidelity *recorded_fidelity(const struct snapshots *s, struct source *kmt, struct err *e)
{
	const struct kmt_meta *m = kmt_meta(kmt);
	struct tallies tallies;
	struct fidelity *f;
	int ret;

	if (!s->nr_snaps) {
		err_set(e, "%s: there is no snapshot", s->dir);
		return NULL;
	}
	if (other_kernel(s, &kmt->tables, e) || tallies_open(&tallies, kmt, e) < 0)
		return NULL;
	f = fidelity_new(s->nr_snaps);
	ret = take_snapshots(f, s, kmt, &tallies, e);
	tallies_close(&tallies);
	if (ret) {
		fidelity_free(f);
		return NULL;
	}
	take_store(f, &kmt->tables);
	for (unsigned int i = 0; i < m->nr_caches; i++)
		if (m->cache_use[i].allocs || m->cache_use[i].frees)
			fidelity_active_add(f, m->caches[i].name);
	return f;
}

/* ---- Geometry ---- */

static int order_of(u64 pages)
{
	int order = 0;

	while (1ULL << order < pages)
		order++;
	return order;
}

static int check_shape(const struct snapshots *s, const struct slab_shape *h, struct err *e)
{
	if (h->order >= 0 && h->order < MAX_ORDER && h->size && h->size <= PAGE_SIZE << h->order &&
	    h->object_size <= h->size && (!h->align || is_power_of_2(h->align)) &&
	    h->align <= PAGE_SIZE << h->order)
		return 0;
	return err_set(e,
		       "%s: no slab cache can be as '%s' is: object_size %u, size %u, order %d, "
		       "align %u",
		       s->dir, h->cache, h->object_size, h->size, h->order, h->align);
}

static struct slab_shape shape_of(const struct snapshots *s, const struct snapshot_slab *b)
{
	const struct snapshot_geometry *g = snapshots_geometry(s, b->cache);
	struct slab_shape h = {.cache = b->cache,
			       .size = (unsigned int)b->objsize,
			       .order = order_of(b->pagesperslab),
			       .cpu_partial = -1,
			       .min_partial = -1};

	if (!g)
		return h;
	h.object_size = g->object_size;
	h.size = g->slab_size;
	h.align = g->align;
	h.order = (int)g->order;
	h.cpu_partial = (int)g->cpu_partial;
	h.min_partial = (int)g->min_partial;
	return h;
}

static int by_cache(const void *a, const void *b)
{
	return strcmp(((const struct slab_shape *)a)->cache, ((const struct slab_shape *)b)->cache);
}

/* Caches come with modules: what any of the snapshots has. */
int recorded_shapes(const struct snapshots *s, struct slab_shapes *shapes, struct err *e)
{
	struct slab_shape *all = NULL;
	size_t nr = 0, room = 0;

	for (size_t i = 0; i < s->nr_snaps; i++) {
		struct snapshot_slabinfo last = snapshot_slabinfo_last(&s->snaps[i]);

		for (size_t k = 0; k < last.nr_slabs; k++) {
			const struct snapshot_slab *b = &last.slabs[k];

			if (i && snapshot_slab(&s->snaps[i - 1], b->cache))
				continue;
			MEM_ROOM(all, nr, room);
			all[nr] = shape_of(s, b);
			if (check_shape(s, &all[nr++], e)) {
				free(all);
				return -1;
			}
		}
	}
	if (nr)
		qsort(all, nr, sizeof(*all), by_cache);
	*shapes = (struct slab_shapes){all, (unsigned int)nr};
	return 0;
}
