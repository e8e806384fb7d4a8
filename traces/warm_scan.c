/*
 * The warm start: what the load says.
 *
 * One walk over all of it: what is alive at time zero, and by how much the load changes each cache
 * until each snapshot.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "sim/snap_mark.h"
#include "traces/warm_priv.h"

/* When slabinfo of a snapshot had been read, since the start of the load. */
struct instant {
	struct snapshot_slabinfo info;
	u64 t_ns;
};

struct load_scan {
	struct warm *w;
	u32 *cache_of; /* by object born since time zero, + 1 */
	struct instant *instants;
	size_t nr_instants, next;
};

static int add_instant(struct load_scan *s, const struct snapshot *snap,
		       struct snapshot_slabinfo info, struct err *e)
{
	const struct source_tables *t = &s->w->kmt->tables;
	const struct source_mark *mark = source_snap_mark(t, snap->label, true, info.file);
	u64 first_ns = kmt_meta(s->w->kmt)->stats.t_first_ns;
	struct instant *at = &s->instants[s->nr_instants++];

	at->info = info;
	if (mark)
		at->t_ns = mark->t_ns;
	else if (!info.at->end_ns)
		return err_set(e,
			       "%s: snapshot '%s': neither a mark of the trace nor a file `times` "
			       "says when it was taken",
			       s->w->snapshots->dir, snap->label);
	else if (info.at->end_ns < first_ns || info.at->end_ns - first_ns > t->duration_ns)
		return err_set(e,
			       "%s: snapshot '%s' was not taken while %s was recorded: of another "
			       "machine, or another time",
			       s->w->snapshots->dir, snap->label, t->name);
	else
		at->t_ns = info.at->end_ns - first_ns;
	return 0;
}

static int by_time(const void *va, const void *vb)
{
	const struct instant *a = va, *b = vb;

	return a->t_ns < b->t_ns ? -1 : a->t_ns > b->t_ns;
}

static int find_instants(struct load_scan *s, struct err *e)
{
	const struct snapshots *ss = s->w->snapshots;

	s->instants = mem_alloc(2 * ss->nr_snaps, sizeof(*s->instants));
	for (size_t i = 0; i < ss->nr_snaps; i++) {
		const struct snapshot *snap = &ss->snaps[i];
		struct snapshot_slabinfo first = snapshot_slabinfo_first(snap);
		struct snapshot_slabinfo last = snapshot_slabinfo_last(snap);

		if (add_instant(s, snap, first, e) ||
		    (last.slabs != first.slabs && add_instant(s, snap, last, e)))
			return -1;
	}
	qsort(s->instants, s->nr_instants, sizeof(*s->instants), by_time);
	while (s->next < s->nr_instants && s->instants[s->next].t_ns < s->w->state.t_ns)
		s->next++;
	if (s->next < s->nr_instants)
		return 0;
	return err_set(e, "%s: no snapshot was taken after time zero of %s", ss->dir,
		       s->w->kmt->tables.name);
}

static void take_snapshot(struct load_scan *s)
{
	const struct instant *at = &s->instants[s->next++];
	const struct source_tables *t = &s->w->kmt->tables;

	for (u32 c = 0; c < t->nr_caches; c++) {
		struct warm_count *n = &s->w->counts[c];
		const struct snapshot_slab *slab =
			snapshot_slabinfo_find(&at->info, t->caches[c].name);
		s64 left = slab ? (s64)slab->active_objs - n->net : 0;

		if (!slab)
			continue;
		n->residents = n->counted ? min(n->residents, left) : left;
		n->counted = true;
	}
}

static bool of_slab(const struct request *q)
{
	return q->kind <= REQ_CACHE_FREE;
}

static void before_zero(struct warm *w, const struct request *q)
{
	if (request_is_alloc(q->kind)) {
		w->live[q->object] = *q;
		if (of_slab(q) && q->cpu < w->kmt->tables.nr_cpus && !(q->flags & REQ_F_BIRTH))
			bit_set(warm_cpus_of(w, q->cache), q->cpu);
	} else if (request_is_free(q->kind))
		w->live[q->object].kind = NR_REQUEST_KINDS;
}

static void since_zero(struct load_scan *s, const struct request *q)
{
	struct warm *w = s->w;
	u32 born = of_slab(q) ? s->cache_of[q->object] : 0;

	while (s->next < s->nr_instants && q->t_ns > s->instants[s->next].t_ns)
		take_snapshot(s);
	if (q->kind == REQ_MARK) {
		w->mark_of[q->object] = w->src.tables.nr_marks;
		w->marks[w->src.tables.nr_marks++] = (struct source_mark){
			w->kmt->tables.marks[q->object].text, q->t_ns - w->state.t_ns};
	} else if (of_slab(q) && request_is_alloc(q->kind)) {
		w->counts[q->cache].net++;
		s->cache_of[q->object] = q->cache + 1U;
	} else if (of_slab(q)) {
		w->counts[born ? born - 1 : w->live[q->object].cache].net--;
	}
}

static int walk(struct load_scan *s, struct err *e)
{
	struct warm *w = s->w;
	const struct request *batch;
	u64 position = 0;
	long n;

	if (w->kmt->ops->rewind(w->kmt, e))
		return -1;
	while ((n = w->kmt->ops->next(w->kmt, &batch, e)) > 0) {
		for (long i = 0; i < n; i++) {
			if (position++ < w->state.position)
				before_zero(w, &batch[i]);
			else
				since_zero(s, &batch[i]);
		}
	}
	while (s->next < s->nr_instants)
		take_snapshot(s);
	return n < 0 ? -1 : 0;
}

/* Pages mostly come from the CPU's own node. */
static void find_nodes(struct warm *w)
{
	unsigned int nr_cpus = w->kmt->tables.nr_cpus;
	u32(*votes)[WARM_NODES] = mem_alloc(nr_cpus, sizeof(*votes));

	for (u64 i = 0; i < w->state.nr_pages; i++) {
		const struct request *q = &w->live[w->state.pages[i].object];

		if (q->kind == REQ_PAGE_ALLOC && q->cpu < nr_cpus && !(q->flags & REQ_F_BIRTH))
			votes[q->cpu][warm_node(w, w->state.pages[i].pfn)]++;
	}
	for (unsigned int cpu = 0; cpu < nr_cpus; cpu++)
		for (u8 nid = 1; nid < WARM_NODES; nid++)
			if (votes[cpu][nid] > votes[cpu][w->node_of_cpu[cpu]])
				w->node_of_cpu[cpu] = nid;
	free(votes);
}

/* Time zero is the mark that ends a shrink, or some other. */
static bool ends_shrink(const struct warm *w)
{
	struct snap_mark m;

	return w->src.tables.nr_marks && snap_mark_parse(&m, w->marks[0].text) && m.end &&
	       !strcmp(m.file, "shrink");
}

int warm_scan(struct warm *w, struct err *e)
{
	const struct source_tables *t = &w->kmt->tables;
	struct load_scan s = {.w = w};
	int ret;

	w->live = mem_alloc(t->nr_objects_max, sizeof(*w->live));
	for (u64 i = 0; i < t->nr_objects_max; i++)
		w->live[i].kind = NR_REQUEST_KINDS;
	w->counts = mem_alloc(t->nr_caches, sizeof(*w->counts));
	w->node_of_cpu = mem_alloc(t->nr_cpus, 1);
	w->cpu_words = DIV_ROUND_UP(t->nr_cpus, BITS_PER_WORD);
	w->cpus_of = mem_alloc(t->nr_caches * w->cpu_words, sizeof(*w->cpus_of));
	w->mark_of = mem_alloc(t->nr_marks, sizeof(*w->mark_of));
	w->marks = mem_alloc(t->nr_marks, sizeof(*w->marks));
	w->src.tables.nr_marks = 0;
	s.cache_of = mem_alloc(t->nr_objects_max, sizeof(*s.cache_of));
	ret = find_instants(&s, e) || walk(&s, e) ? -1 : 0;
	find_nodes(w);
	w->shrunk = ends_shrink(w);
	free(s.cache_of);
	free(s.instants);
	return ret;
}
