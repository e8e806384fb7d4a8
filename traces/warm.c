/*
 * The warm start: the source.
 */
#include "traces/warm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "traces/free_frames.h"
#include "traces/warm_priv.h"

static struct warm *to_warm(struct source *s)
{
	return container_of(s, struct warm, src);
}

void warm_birth(struct warm *w, const struct request *q)
{
	struct request *birth;

	MEM_ROOM(w->births, w->nr_births, w->births_max);
	birth = &w->births[w->nr_births++];
	*birth = *q;
	birth->t_ns = 0;
	birth->cpu = 0;
	birth->flags |= REQ_F_BIRTH;
	if (q->object < w->kmt->tables.nr_objects_max)
		w->placed[q->object] = 1;
}

void warm_cpu_slab(struct warm *w, const struct request *q, int cpu)
{
	for (int freed = 0; freed < 2; freed++) {
		struct request *to;

		MEM_ROOM(w->cpu_slabs, w->nr_cpu_slabs, w->cpu_slabs_max);
		to = &w->cpu_slabs[w->nr_cpu_slabs++];
		*to = *q;
		to->object = w->next_id;
		to->cpu = (u16)cpu;
		to->node = -1;
		to->kind = (u8)(q->kind + freed);
		to->flags = REQ_F_BIRTH;
	}
	w->next_id++;
}

/* The frees of all placeholders, slab after slab, the shrink that the recorded machine did, and
 * what CPUs did after it. */
static void end_births(struct warm *w)
{
	u64 nr = w->nr_births;
	struct request shrink = {.kind = REQ_SHRINK};

	for (u64 i = 0; i < nr; i++) {
		struct request q = w->births[i];

		if (q.object < w->kmt->tables.nr_objects_max || !(q.flags & REQ_F_REPAIR))
			continue;
		q.kind++;
		w->births[i].flags &= ~REQ_F_REPAIR & 15;
		q.flags = 0;
		warm_birth(w, &q);
	}
	if (w->shrunk)
		warm_birth(w, &shrink);
	for (u64 i = 0; i < w->nr_cpu_slabs; i++) {
		MEM_ROOM(w->births, w->nr_births, w->births_max);
		w->births[w->nr_births++] = w->cpu_slabs[i];
	}
}

/* What lives at time zero and has no place in a slab: pages, compressed objects, the rest. */
static void births_without_slab(struct warm *w, bool slab)
{
	for (u64 i = 0; i < w->kmt->tables.nr_objects_max; i++) {
		const struct request *q = &w->live[i];

		if (q->kind != NR_REQUEST_KINDS && !w->placed[i] &&
		    slab == (q->kind <= REQ_CACHE_FREE))
			warm_birth(w, q);
	}
}

static bool is_missed(const struct warm_cache *c)
{
	return c->slabs_wanted != c->slabs_made || c->objs_wanted != c->objs_made;
}

static void sum_up(struct warm *w)
{
	struct warm_report *r = w->report;

	r->t_ns = w->state.t_ns;
	r->pages = w->pages.nr_places;
	for (u32 c = 0; c < r->nr_caches; c++) {
		const struct warm_cache *row = &r->caches[c];

		r->slabs_wanted += row->slabs_wanted;
		r->slabs_made += row->slabs_made;
		r->objs_wanted += row->objs_wanted;
		r->objs_made += row->objs_made;
		r->nr_missed += is_missed(row);
	}
}

static u64 hash_slabinfo(u64 h, struct snapshot_slabinfo info)
{
	for (size_t i = 0; i < info.nr_slabs; i++) {
		const struct snapshot_slab *s = &info.slabs[i];

		h = digest_u64(h, text_hash(s->cache));
		h = digest_u64(digest_u64(h, s->active_objs), s->num_slabs);
		h = digest_u64(digest_u64(h, s->objperslab), s->pagesperslab);
	}
	return digest_u64(h, info.nr_slabs);
}

/* Of all that a run depends on. */
static u64 hash_births(const struct warm *w)
{
	u64 h = digest_u64(w->kmt->tables.input_hash, w->state.position);

	for (u64 i = 0; i < w->nr_births; i++) {
		const struct request *q = &w->births[i];

		h = digest_u64(h, (u64)q->object << 32 | q->size);
		h = digest_u64(h, (u64)q->kind << 32 | (u64)(u16)q->node << 16 | q->cache);
	}
	for (size_t i = 0; i < w->snapshots->nr_snaps; i++)
		h = hash_slabinfo(h, snapshot_slabinfo_last(&w->snapshots->snaps[i]));
	for (unsigned int i = 0; i < w->pages.nr_zones; i++) {
		h = digest_bytes(h, w->zones[i].nr_free, sizeof(w->zones[i].nr_free));
		h = digest_u64(digest_u64(h, w->zones[i].knows_movable), w->zones[i].movable_pages);
	}
	for (u64 i = 0; i < w->pages.nr_places; i++)
		h = digest_u64(digest_u64(h, w->places[i].pfn), w->places[i].object);
	return h;
}

static long warm_births(struct warm *w, const struct request **batch)
{
	*batch = w->births;
	return (long)w->nr_births;
}

static long shift(struct warm *w, const struct request *from, long n, struct err *e)
{
	for (long i = 0; i < n; i++) {
		struct request q = from[i];

		if (unlikely(q.t_ns < w->state.t_ns))
			return err_set(e,
				       "%s: damaged: a request after time zero is from before it",
				       w->kmt->tables.name);
		q.t_ns -= w->state.t_ns;
		if (q.kind == REQ_MARK)
			q.object = w->mark_of[q.object];
		w->batch[i] = q;
	}
	return n;
}

static long warm_next(struct source *s, const struct request **batch, struct err *e)
{
	struct warm *w = to_warm(s);
	const struct request *from;
	long n;

	if (!w->begun) {
		w->begun = true;
		return warm_births(w, batch);
	}
	do {
		u64 leave;

		n = w->kmt->ops->next(w->kmt, &from, e);
		if (n <= 0)
			return n;
		leave = min(w->skip, (u64)n);
		w->skip -= leave;
		from += leave;
		n -= (long)leave;
	} while (!n);
	*batch = w->batch;
	return shift(w, from, n, e);
}

static int warm_rewind(struct source *s, struct err *e)
{
	struct warm *w = to_warm(s);

	w->begun = false;
	w->skip = w->state.position;
	return w->kmt->ops->rewind(w->kmt, e);
}

static void warm_close(struct source *s)
{
	struct warm *w = to_warm(s);

	w->kmt->ops->close(w->kmt);
	state_free(&w->state);
	free(w->live);
	free(w->counts);
	free(w->node_of_cpu);
	free(w->cpus_of);
	free(w->mark_of);
	free(w->marks);
	free(w->births);
	free(w->cpu_slabs);
	free(w->placed);
	free(w->zones);
	for (unsigned int i = 0; w->pcp_counts && i < w->pages.nr_zones; i++)
		free(w->pcp_counts[i]);
	free(w->pcp_counts);
	free(w->places);
	free(w->frees);
	free(w->batch);
	free(w);
}

static const struct source_ops warm_ops = {
	.next = warm_next, .rewind = warm_rewind, .close = warm_close};

static void begin_report(struct warm *w)
{
	const struct source_tables *t = &w->kmt->tables;

	*w->report = (struct warm_report){.nr_caches = t->nr_caches};
	w->report->caches = mem_alloc(t->nr_caches, sizeof(*w->report->caches));
	for (u32 c = 0; c < t->nr_caches; c++)
		w->report->caches[c].name = t->caches[c].name;
}

static void make_births(struct warm *w)
{
	struct source_tables *t = &w->src.tables;

	w->placed = mem_alloc(t->nr_objects_max, 1);
	w->next_id = (u32)t->nr_objects_max;
	births_without_slab(w, false);
	warm_slabs(w);
	births_without_slab(w, true);
	end_births(w);
	warm_pages(w);
	sum_up(w);
	t->nr_requests += w->nr_births - w->state.position;
	t->nr_objects_max = w->next_id;
	t->duration_ns -= min(t->duration_ns, w->state.t_ns);
	t->input_hash = hash_births(w);
	t->marks = w->marks;
	t->pages = &w->pages;
}

static int read_state(struct warm *w, struct err *e)
{
	const struct source_tables *t = &w->kmt->tables;
	size_t n;
	u8 *data;
	int ret = kmt_section_read(w->kmt, KMT_SECTION_STATE, &data, &n, e);

	if (ret < 0)
		return -1;
	if (!ret)
		return err_set(e,
			       "%s does not tell what was alive when its snapshots were taken "
			       "(generated, or imported by an older kmemsim: import it again)",
			       t->name);
	ret = state_decode(&w->state, data, n, t->nr_objects_max, t->nr_caches, e);
	free(data);
	if (!ret && (w->state.position > t->nr_requests || w->state.t_ns > t->duration_ns))
		ret = err_set(e, "time zero is beyond the end");
	return ret ? err_prefix(e, "%s", t->name) : 0;
}

/* Whoever the state names is alive at time zero, of the right kind, and named once. */
static int check_state(const struct warm *w, struct err *e)
{
	const struct source_tables *t = &w->kmt->tables;
	const struct state *s = &w->state;
	u8 *named = mem_alloc(t->nr_objects_max, 1);
	bool bad = false;

	for (u64 i = 0; i < s->nr_slots; i++) {
		u32 object = s->slots[i].object;

		if (object == STATE_FREE)
			continue;
		bad |= w->live[object].kind > REQ_CACHE_FREE || named[object];
		named[object] = 1;
	}
	for (u64 i = 0; i < s->nr_pages; i++) {
		bad |= w->live[s->pages[i].object].kind != REQ_PAGE_ALLOC ||
		       named[s->pages[i].object];
		named[s->pages[i].object] = 1;
	}
	free(named);
	return bad ? err_set(e, "%s: the state at time zero names what is not alive", t->name) : 0;
}

struct source *warm_open(struct source *kmt, const struct snapshots *snapshots,
			 struct warm_report *report, struct err *e)
{
	struct warm *w = mem_alloc(1, sizeof(*w));

	*w = (struct warm){.src = {.ops = &warm_ops, .tables = kmt->tables},
			   .kmt = kmt,
			   .snapshots = snapshots,
			   .report = report};
	begin_report(w);
	if (read_state(w, e) || free_frames_read(kmt, &w->frees, &w->nr_frees, e) < 0 ||
	    warm_scan(w, e) || check_state(w, e)) {
		warm_close(&w->src);
		return NULL;
	}
	make_births(w);
	w->snapshots = NULL;
	w->report = NULL;
	w->batch = mem_alloc(KMT_BLOCK_REQUESTS, sizeof(*w->batch));
	if (warm_rewind(&w->src, e)) {
		warm_close(&w->src);
		return NULL;
	}
	return &w->src;
}

/* Why a cache has not what is wanted. */
static const char *why_missed(const struct warm_cache *c)
{
	if (c->slabs_made > c->slabs_wanted)
		return "more slabs have live objects than the snapshot counts";
	if (c->objs_made < c->objs_wanted)
		return "more slots are known to be free than the snapshot leaves";
	return "a slab without an object that no CPU can have";
}

static u64 distance(u64 a, u64 b)
{
	return a > b ? a - b : b - a;
}

/* The cache that misses its target by most objects. */
static const struct warm_cache *worst(const struct warm_report *r)
{
	const struct warm_cache *w = NULL;

	for (u32 i = 0; i < r->nr_caches; i++) {
		const struct warm_cache *c = &r->caches[i];

		if (is_missed(c) && (!w || distance(c->objs_wanted, c->objs_made) >
						   distance(w->objs_wanted, w->objs_made)))
			w = c;
	}
	return w;
}

void warm_report_print(const struct warm_report *r, char *buf, size_t n)
{
	const struct warm_cache *w = worst(r);
	char wanted[32], made[32], objs[32];
	size_t at;

	count_human((double)r->slabs_wanted, wanted, sizeof(wanted));
	count_human((double)r->slabs_made, made, sizeof(made));
	count_human((double)r->objs_made, objs, sizeof(objs));
	snprintf(buf, n,
		 "warm start: %s of %s slabs with %s objects; %llu blocks of pages in place", made,
		 wanted, objs, (unsigned long long)r->pages);
	at = strlen(buf);
	if (w)
		snprintf(buf + at, n - at,
			 "; not as wanted: %u of %u caches, most of all %s: %llu slabs of %llu, "
			 "%llu objects of %llu (%s)",
			 r->nr_missed, r->nr_caches, w->name, (unsigned long long)w->slabs_made,
			 (unsigned long long)w->slabs_wanted, (unsigned long long)w->objs_made,
			 (unsigned long long)w->objs_wanted, why_missed(w));
}

void warm_report_free(struct warm_report *r)
{
	free(r->caches);
	*r = (struct warm_report){0};
}
