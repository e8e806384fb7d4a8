/*
 * From the spool to the file: the second pass of an import.
 */
#define _GNU_SOURCE /* qsort_r */
#include "traces/emit.h"

#include <stdlib.h>

#include "lib/idset.h"
#include "lib/mem.h"
#include "traces/guard.h"

/* What a slot stands for at this point of the stream. */
struct live {
	u32 id;
	u32 cache;
	u32 pos;    /* of its allocation, unless late */
	bool ended; /* freed, unless late */
};

struct emit {
	struct repair *r;
	const struct emit_nodes *nodes;
	struct kmt_writer *w;
	struct live *live; /* by slot */
	struct idset ids;
	u64 nr_live, nr_emitted;
	struct state *state;
	u64 t_last_ns; /* of what was emitted last */
	u32 pos;       /* in the spool */
	u64 t_ns;      /* of the last record of the spool, with its CPU: late records take both */
	u16 cpu;
};

/* Births first, then by place in the stream; births by recorded address, so that the objects of
 * one slab page come together. */
static int by_place(const void *va, const void *vb, void *context)
{
	const struct late_record *late = context;
	u32 ia = *(const u32 *)va, ib = *(const u32 *)vb;
	const struct late_record *a = &late[ia], *b = &late[ib];
	bool birth_a = a->rec.flags & REQ_F_BIRTH, birth_b = b->rec.flags & REQ_F_BIRTH;

	if (birth_a != birth_b)
		return birth_a ? -1 : 1;
	if (a->pos != b->pos)
		return a->pos < b->pos ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return ia < ib ? -1 : ia > ib;
}

/* The order of late records; they themselves stay, as slots name them by number. */
static u32 *sort_late(const struct spool *s)
{
	u32 *order = mem_alloc(s->nr_late, sizeof(*order));

	for (u32 i = 0; i < s->nr_late; i++)
		order[i] = i;
	qsort_r(order, s->nr_late, sizeof(*order), by_place, s->late);
	return order;
}

static struct live live_get(const struct emit *m, u32 slot)
{
	const struct late_record *l;

	if (!(slot & SLOT_LATE))
		return m->live[slot];
	l = &m->r->spool.late[slot & ~SLOT_LATE];
	return (struct live){.id = l->id, .cache = l->rec.cache};
}

static void live_set(struct emit *m, u32 slot, struct live v)
{
	if (slot & SLOT_LATE) {
		m->r->spool.late[slot & ~SLOT_LATE].id = v.id;
		m->r->spool.late[slot & ~SLOT_LATE].rec.cache = v.cache;
	} else {
		m->live[slot] = v;
	}
}

/* An object of one of kmalloc's caches is a kmalloc, whatever the event was called. */
static void set_object_kind(const struct emit *m, struct request *q, u32 cache)
{
	bool kmalloc = m->r->naming.caches[cache].kmalloc;

	if (q->kind == REQ_KMALLOC || q->kind == REQ_CACHE_ALLOC)
		q->kind = kmalloc ? REQ_KMALLOC : REQ_CACHE_ALLOC;
	else
		q->kind = kmalloc ? REQ_KFREE : REQ_CACHE_FREE;
}

/* When it ends, on the recorded clock's whole steps. */
static u64 silent_time(const struct emit *m, u64 t_ns, u64 age)
{
	u64 over = (m->r->t_first_ns + t_ns) % SILENT_STEP_NS;

	return age >= SILENT_STEP_NS ? t_ns - min(over, t_ns) : t_ns;
}

static void emit_object(struct emit *m, const struct spool_record *rec, struct request *q)
{
	struct naming *n = &m->r->naming;
	struct live v = {.id = idset_take(&m->ids), .pos = m->pos};
	u64 age;

	q->object = v.id;
	if (q->kind == REQ_KMALLOC || q->kind == REQ_CACHE_ALLOC) {
		bool unresolved;

		v.cache = naming_resolve(n, rec->cache, &unresolved);
		m->r->stats.unresolved_objects += unresolved;
		q->cache = (u16)v.cache;
		set_object_kind(m, q, v.cache);
		n->caches[v.cache].allocs++;
		if (q->kind == REQ_CACHE_ALLOC || !q->size)
			q->size = n->caches[v.cache].object_size;
	}
	live_set(m, rec->slot, v);
	m->nr_live++;
	age = silent_age(&m->r->silent, rec->site);
	if (age && !(rec->slot & SLOT_LATE))
		silent_add(&m->r->silent,
			   (struct silent_end){.t_ns = silent_time(m, rec->t_ns + age, age),
					       .slot = rec->slot,
					       .pos = m->pos,
					       .cpu = rec->cpu});
}

static void emit_end(struct emit *m, const struct spool_record *rec, struct request *q)
{
	struct live v = live_get(m, rec->slot);

	v.ended = true;
	live_set(m, rec->slot, v);
	q->object = v.id;
	if (q->kind == REQ_KFREE || q->kind == REQ_CACHE_FREE) {
		set_object_kind(m, q, v.cache);
		m->r->naming.caches[v.cache].frees++;
	}
	idset_put(&m->ids, v.id);
	m->nr_live--;
}

/* A free of what has died of age. */
static bool died_before(const struct emit *m, const struct spool_record *rec)
{
	return request_is_free((enum request_kind)rec->kind) && !(rec->slot & SLOT_LATE) &&
	       m->live[rec->slot].ended;
}

static int emit_record(struct emit *m, const struct spool_record *rec, struct err *e)
{
	struct request q = {
		.t_ns = rec->t_ns,
		.size = rec->size,
		.gfp = rec->gfp,
		.site = rec->site,
		.cpu = rec->cpu,
		.node = rec->node,
		.kind = rec->kind,
		.order = rec->order & 15,
		.flags = rec->flags & 15,
	};

	if (rec->kind == SPOOL_DROPPED || died_before(m, rec))
		return 0;
	if (request_is_alloc((enum request_kind)rec->kind))
		emit_object(m, rec, &q);
	else if (request_is_free((enum request_kind)rec->kind))
		emit_end(m, rec, &q);
	else if (rec->kind == REQ_MARK)
		q.object = rec->slot;
	m->nr_emitted++;
	m->t_last_ns = rec->t_ns;
	return kmt_writer_add(m->w, &q, e);
}

/* Births take place on the node where the recorded machine had them. */
static void place_birth(const struct emit *m, struct late_record *l)
{
	const struct emit_nodes *nodes = m->nodes;
	u64 pfn = repair_pfn(m->r, l->key);
	unsigned int nid = 0;

	l->rec.t_ns = 0;
	l->rec.cpu = 0;
	if (!nodes->nr_nodes)
		return;
	while (nid + 1 < nodes->nr_nodes && pfn >= nodes->pfn_end[nid])
		nid++;
	l->rec.cpu = nodes->cpu[nid];
	l->rec.node = (s16)nid;
}

static int emit_late(struct emit *m, struct late_record *l, struct err *e)
{
	if (l->rec.flags & REQ_F_BIRTH) {
		place_birth(m, l);
	} else {
		l->rec.t_ns = m->t_ns;
		l->rec.cpu = m->cpu;
	}
	return emit_record(m, &l->rec, e);
}

/* Those that die of age until t_ns. */
static int emit_silent(struct emit *m, u64 t_ns, struct err *e)
{
	struct silent_end end;

	while (silent_next(&m->r->silent, t_ns, &end)) {
		struct spool_record rec = {.t_ns = max(end.t_ns, m->t_last_ns),
					   .slot = end.slot,
					   .cpu = end.cpu,
					   .node = -1,
					   .kind = REQ_KFREE,
					   .flags = REQ_F_REPAIR};

		if (m->live[end.slot].pos != end.pos || m->live[end.slot].ended)
			continue;
		m->r->stats.silent_frees++;
		if (emit_record(m, &rec, e))
			return -1;
	}
	return 0;
}

static void set_now(struct emit *m, const struct spool_record *rec)
{
	m->t_ns = rec->t_ns;
	m->cpu = rec->cpu;
}

static int compare(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

/* Rows come in the order of hashes: the sort has to decide all of it. */
static int by_ptr(const void *va, const void *vb)
{
	const struct state_slot *a = va, *b = vb;
	int order = compare(a->ptr, b->ptr);

	order = order ? order : compare(a->object, b->object);
	return order ? order : compare(a->cache, b->cache);
}

static int by_pfn(const void *va, const void *vb)
{
	const struct state_block *a = va, *b = vb;
	int order = compare(a->pfn, b->pfn);

	order = order ? order : compare(a->order, b->order);
	return order ? order : compare(a->object, b->object);
}

/* Who lives where: from here on a slot of the spool stands for another object. */
static void state_slots(struct emit *m)
{
	const struct repair_state *from = &m->r->state;
	struct state *to = m->state;

	to->slots = mem_alloc(from->nr_slots, sizeof(*to->slots));
	for (u32 i = 0; i < from->nr_slots; i++) {
		const struct state_row *row = &from->slots[i];
		struct state_slot *slot = &to->slots[to->nr_slots++];
		bool unresolved;

		slot->ptr = row->ptr;
		slot->object = STATE_FREE;
		if (row->slot != SLOT_NONE && !live_get(m, row->slot).ended)
			slot->object = live_get(m, row->slot).id;
		slot->cache = naming_resolve(&m->r->naming, row->cache, &unresolved);
	}
	qsort(to->slots, to->nr_slots, sizeof(*to->slots), by_ptr);
}

/* A page that turned out to be a slab's is none of the load. */
static void state_pages(struct emit *m)
{
	const struct repair_state *from = &m->r->state;
	struct state *to = m->state;

	to->pages = mem_alloc(from->nr_pages, sizeof(*to->pages));
	for (u32 i = 0; i < from->nr_pages; i++) {
		const struct state_page_row *row = &from->pages[i];
		struct live v = live_get(m, row->slot);

		if (row->slot & SLOT_LATE || v.pos == row->pos)
			to->pages[to->nr_pages++] = (struct state_block){
				.pfn = row->pfn, .object = v.id, .order = row->order};
	}
	qsort(to->pages, to->nr_pages, sizeof(*to->pages), by_pfn);
}

static void count_state(struct import_stats *st, const struct state *s)
{
	st->zero_ns = s->t_ns;
	st->zero_pages = s->nr_pages;
	for (u64 i = 0; i < s->nr_slots; i++)
		if (s->slots[i].object == STATE_FREE)
			st->zero_free++;
		else
			st->zero_live++;
}

static void time_zero(struct emit *m)
{
	const struct repair_state *from = &m->r->state;
	struct state *to = m->state;

	to->t_ns = from->t_ns;
	to->position = m->nr_emitted;
	state_slots(m);
	state_pages(m);
	to->dead = mem_alloc(from->nr_dead, sizeof(*to->dead));
	for (u32 i = 0; i < from->nr_dead; i++)
		to->dead[to->nr_dead++] = (struct state_block){.pfn = from->dead[i].pfn,
							       .order = from->dead[i].order};
	qsort(to->dead, to->nr_dead, sizeof(*to->dead), by_pfn);
	count_state(&m->r->stats, to);
}

/* Merges the spool with the late records. */
static int emit_all(struct emit *m, const u32 *order, struct err *e)
{
	struct spool *s = &m->r->spool;
	const struct spool_record *batch;
	u32 next = 0;
	long n;

	while ((n = spool_read(s, &batch, e)) > 0) {
		guard_progress(m->pos, s->nr);
		for (long i = 0; i < n; i++, m->pos++) {
			/* The place of a slab page's birth: objects in it are younger. */
			if (batch[i].kind == SPOOL_DROPPED)
				set_now(m, &batch[i]);
			for (; next < s->nr_late && s->late[order[next]].pos <= m->pos; next++)
				if (emit_late(m, &s->late[order[next]], e))
					return -1;
			if (emit_silent(m, batch[i].t_ns, e))
				return -1;
			if (m->pos == m->r->state.pos)
				time_zero(m);
			if (emit_record(m, &batch[i], e))
				return -1;
			set_now(m, &batch[i]);
		}
	}
	return n < 0 ? -1 : 0;
}

int emit_requests(struct repair *r, const struct emit_nodes *nodes, struct kmt_writer *w,
		  struct state *state, struct err *e)
{
	struct emit m = {.r = r, .nodes = nodes, .w = w, .state = state};
	u32 *order;
	int ret;

	if (spool_rewind(&r->spool, e))
		return -1;
	naming_finish(&r->naming);
	order = sort_late(&r->spool);
	m.live = mem_alloc(r->nr_slots, sizeof(*m.live));
	idset_init(&m.ids);
	ret = emit_all(&m, order, e);
	r->stats.live_at_end = m.nr_live;
	free(order);
	free(m.live);
	idset_free(&m.ids);
	return ret;
}
