/*
 * The repair: what its events tell of time zero (state.h).
 *
 * Theory. When time zero comes by, everything known is written down. After it, the first event that
 * names an address of a page that was there at time zero tells what was in that slot. What the row
 * of a slot is (its cache) may turn out as long as the page lives: objects know their rows.
 *
 * Invariant. Every address has one row at most.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "sim/snap_mark.h"
#include "traces/repair.h"

void repair_state_free(struct repair *r)
{
	struct repair_state *s = &r->state;

	free(s->slots);
	free(s->pages);
	free(s->dead);
	free(s->free);
	free(s->label);
}

static void add_slot(struct repair *r, struct traced_object *o, u32 slot)
{
	struct repair_state *s = &r->state;

	MEM_ROOM(s->slots, s->nr_slots, s->slots_max);
	s->slots[s->nr_slots] =
		(struct state_row){.ptr = o->ptr - r->base, .slot = slot, .cache = o->cache};
	o->row = ++s->nr_slots;
}

static void add_page(struct repair_state *s, u64 pfn, const struct frame *f, u32 slot)
{
	MEM_ROOM(s->pages, s->nr_pages, s->pages_max);
	s->pages[s->nr_pages++] =
		(struct state_page_row){.pfn = pfn, .slot = slot, .pos = f->pos, .order = f->order};
}

static void add_free(struct repair_state *s, u64 pfn)
{
	MEM_ROOM(s->free, s->nr_free, s->free_max);
	s->free[s->nr_free++] = pfn;
}

/* Objects that the recorded store made for itself are not of the load: their slots are unknown. */
static void walk_objects(struct repair *r, const struct frame *f)
{
	for (u32 i = f->objects; i; i = r->objects[i - 1].next) {
		struct traced_object *o = &r->objects[i - 1];

		o->row = 0;
		if (!o->live || o->slot != SLOT_NONE)
			add_slot(r, o, o->live ? o->slot : SLOT_NONE);
	}
}

static void walk_frames(struct repair *r)
{
	const struct map *m = &r->frames.by_chunk;

	for (u64 i = 0; i < m->size; i++) {
		const struct map_entry *at = &m->entries[i];

		if (!at->key)
			continue;
		for (unsigned int k = 0; k < 64; k++) {
			const struct frame *f = &r->frames.chunks[at->value][k];

			walk_objects(r, f);
			if (f->state == FRAME_HEAD && f->slot != SLOT_NONE)
				add_page(&r->state, (at->key - 1) * 64 + k, f, f->slot);
			if (f->state == FRAME_FREE)
				add_free(&r->state, (at->key - 1) * 64 + k);
		}
	}
}

/* Is it of the first label? */
static bool is_first(struct repair_state *s, const struct snap_mark *m)
{
	if (!s->label)
		s->label = mem_dup_n(m->label, m->label_len);
	return snap_mark_labels(m, s->label);
}

void repair_state_mark(struct repair *r, const char *text)
{
	struct repair_state *s = &r->state;
	struct snap_mark m;

	if (s->fixed || !snap_mark_parse(&m, text) || !is_first(s, &m) || !m.end)
		return;
	s->fixed = !strcmp(m.file, "shrink");
	s->pos = r->spool.nr;
	s->t_ns = r->now_ns;
	s->nr_slots = s->nr_pages = s->nr_dead = s->nr_free = 0;
	free_frames_begin(&r->free_frames);
	walk_frames(r);
}

/* Was this page, in its present use, there at time zero? */
static bool was_there(const struct repair *r, const struct frame *f)
{
	return f->state == FRAME_UNSEEN || (f->state == FRAME_HEAD && f->pos < r->state.pos);
}

void repair_state_alloc(struct repair *r, const struct frame *f, struct traced_object *o)
{
	if (was_there(r, f))
		add_slot(r, o, SLOT_NONE);
}

void repair_state_birth(struct repair *r, const struct frame *f, struct traced_object *o, u32 pos)
{
	if (pos > r->state.pos || !was_there(r, f))
		return;
	if (o->row)
		r->state.slots[o->row - 1].slot = o->slot;
	else
		add_slot(r, o, o->slot);
}

void repair_state_gone(struct repair *r, struct traced_object *o)
{
	if (o->row)
		r->state.slots[o->row - 1].cache = o->cache;
	o->row = 0;
}

void repair_state_dead(struct repair *r, u64 pfn, const struct frame *f)
{
	struct repair_state *s = &r->state;

	if (!(f->flags & FRAME_F_SLAB) || !was_there(r, f))
		return;
	MEM_ROOM(s->dead, s->nr_dead, s->dead_max);
	s->dead[s->nr_dead++] =
		(struct state_page_row){.pfn = pfn, .order = f->state == FRAME_HEAD ? f->order : 0};
}

void repair_state_page_birth(struct repair *r, u64 pfn, const struct frame *f, unsigned int order,
			     u32 slot)
{
	struct frame born = {.order = order & 15};

	if (f->state == FRAME_UNSEEN || f->pos <= r->state.pos)
		add_page(&r->state, pfn, &born, slot);
}

void repair_state_finish(struct repair *r)
{
	for (u32 i = 0; i < r->nr_objects; i++)
		repair_state_gone(r, &r->objects[i]);
	for (u64 i = 0; i < r->state.nr_free; i++)
		free_frames_add(&r->free_frames, r->state.free[i]);
}
