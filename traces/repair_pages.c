/*
 * The repair: pages.
 */
#include <stdlib.h>

#include "lib/mem.h"
#include "traces/gfp.h"
#include "traces/repair.h"

struct frame *repair_holder(struct repair *r, u64 pfn)
{
	struct frame *f = frames_get(&r->frames, pfn);

	if (f->state == FRAME_TAIL)
		f = frames_get(&r->frames, pfn & ~((1ULL << f->order) - 1));
	return f;
}

void repair_is_slab(struct repair *r, struct frame *f)
{
	if (f->flags & FRAME_F_SLAB)
		return;
	f->flags |= FRAME_F_SLAB;
	if (f->state != FRAME_HEAD)
		return;
	r->stats.slab_pages++;
	r->stats.store_pages -= !!(f->flags & FRAME_F_STORE);
	if (f->slot == SLOT_NONE)
		return;
	spool_set_kind(&r->spool, f->pos, SPOOL_DROPPED);
	repair_free_slot(r, f->slot);
	f->slot = SLOT_NONE;
}

void repair_page_truth(struct repair *r, const struct raw_event *ev)
{
	struct frame *f = frames_get(&r->frames, ev->ptr);

	r->truth_recorded = true;
	if (f->state != FRAME_HEAD)
		return;
	f->flags |= FRAME_F_TRUTH;
	r->stats.truth_slab_pages++;
}

static void check_truth(struct repair *r, const struct frame *f)
{
	bool slab = f->flags & FRAME_F_SLAB, truth = f->flags & FRAME_F_TRUTH;

	if (f->state != FRAME_HEAD || !r->truth_recorded)
		return;
	r->stats.truth_missed += truth && !slab;
	r->stats.truth_wrong += slab && !truth;
}

void repair_page_truth_end(struct repair *r)
{
	for (u32 c = 0; c < r->frames.nr_chunks; c++)
		for (int i = 0; i < 64; i++)
			check_truth(r, &r->frames.chunks[c][i]);
}

static void spool_page(struct repair *r, const struct raw_event *ev, u8 kind, u32 slot, u8 flags)
{
	struct spool_record rec = repair_record(r, ev, kind, slot);

	rec.order = ev->order;
	rec.flags = flags;
	if (slot != SLOT_NONE)
		spool_add(&r->spool, &rec);
}

/* Makes the frames of a block one; objects of what was there before must be gone. */
static struct frame *make_block(struct repair *r, u64 pfn, unsigned int order, u32 slot, u32 gfp)
{
	struct frame *f;

	for (u64 i = 1; i < 1ULL << order; i++)
		*frames_get(&r->frames, pfn + i) = (struct frame){
			.state = FRAME_TAIL,
			.order = order & 15,
			.cache = FRAME_CACHE_UNKNOWN,
		};
	f = frames_get(&r->frames, pfn);
	*f = (struct frame){
		.state = FRAME_HEAD,
		.order = order & 15,
		.slot = slot,
		.gfp = gfp,
		.pos = r->spool.nr,
		.cache = FRAME_CACHE_UNKNOWN,
	};
	return f;
}

/* The block at `pfn` is gone: objects die, a request ends. */
static void end_block(struct repair *r, u64 pfn, const struct raw_event *ev, u8 flags)
{
	struct frame *f = frames_get(&r->frames, pfn);
	unsigned int order = f->order;
	u32 slot = f->slot;

	check_truth(r, f);
	repair_state_dead(r, pfn, f);
	repair_kill_objects(r, f, ev);
	spool_page(r, ev, REQ_PAGE_FREE, slot, flags);
	repair_free_slot(r, slot);
	for (u64 i = 0; i < 1ULL << order; i++)
		*frames_get(&r->frames, pfn + i) = (struct frame){
			.state = FRAME_FREE,
			.slot = SLOT_NONE,
			.pos = r->spool.nr,
			.cache = FRAME_CACHE_UNKNOWN,
		};
}

/* Parts of a block are freed one by one: from here on each part is a request of its own. */
static void split_block(struct repair *r, u64 pfn, const struct raw_event *ev)
{
	struct frame whole = *frames_get(&r->frames, pfn);
	struct spool_record rec = repair_record(r, ev, REQ_PAGE_FREE, whole.slot);
	bool spooled = whole.slot != SLOT_NONE;

	r->stats.split_pages++;
	rec.flags = REQ_F_REPAIR;
	rec.order = whole.order;
	if (spooled)
		spool_add(&r->spool, &rec);
	repair_free_slot(r, whole.slot);
	repair_kill_objects(r, frames_get(&r->frames, pfn), ev);
	rec.kind = REQ_PAGE_ALLOC;
	rec.order = ev->order;
	rec.gfp = whole.gfp;
	for (u64 i = 0; i < 1ULL << whole.order; i += 1ULL << ev->order) {
		struct frame *f;

		rec.slot = spooled ? repair_new_slot(r) : SLOT_NONE;
		f = make_block(r, pfn + i, ev->order, rec.slot, whole.gfp);
		f->flags = whole.flags & FRAME_F_STORE;
		if (spooled)
			spool_add(&r->spool, &rec);
	}
}

/* Ends whatever blocks and old objects lie in the range; returns how many blocks. */
static u32 clear_range(struct repair *r, const struct raw_event *ev, u8 flags)
{
	u32 blocks = 0;

	for (u64 pfn = ev->ptr; pfn < ev->ptr + (1ULL << ev->order); pfn++) {
		struct frame *f = repair_holder(r, pfn);

		if (f->state == FRAME_HEAD) {
			u64 head = pfn & ~((1ULL << f->order) - 1);

			end_block(r, head, ev, flags);
			blocks++;
		} else {
			repair_state_dead(r, pfn, f);
			repair_kill_objects(r, f, ev);
		}
	}
	return blocks;
}

static int check_page(const struct raw_event *ev, struct err *e)
{
	if (ev->order > FRAME_ORDER_MAX || ev->ptr >= FRAME_PFN_MAX ||
	    ev->ptr & ((1ULL << ev->order) - 1))
		return err_set(e, "page frame 0x%llx of order %u is impossible: damaged",
			       (unsigned long long)ev->ptr, ev->order);
	return 0;
}

int repair_page_alloc(struct repair *r, const struct raw_event *ev, struct err *e)
{
	const struct task *t = r->nr_tasks ? repair_task(r, ev) : NULL;
	bool own = t && t->in_store;
	struct spool_record rec;
	struct frame *f;

	if (ev->ptr == RAW_PFN_NONE || !ev->ptr) {
		r->stats.failed_allocs++;
		return 0;
	}
	if (check_page(ev, e))
		return -1;
	r->stats.reappeared_pages += clear_range(r, ev, REQ_F_REPAIR);
	rec = repair_record(r, ev, REQ_PAGE_ALLOC, own ? SLOT_NONE : repair_new_slot(r));
	f = make_block(r, ev->ptr, ev->order, rec.slot, ev->gfp);
	rec.order = ev->order & 15;
	rec.gfp = ev->gfp;
	if (own) {
		f->flags |= FRAME_F_STORE;
		r->stats.store_pages++;
	} else {
		spool_add(&r->spool, &rec);
	}
	return 0;
}

static void moved_push(struct moved_queue *q, u32 slot)
{
	if (q->head + q->nr == q->max) {
		u32 more = q->nr * 2 < q->max ? q->max : max(q->max * 2, 64U);
		u32 *slots = mem_alloc(more, sizeof(*slots));

		for (u32 i = 0; i < q->nr; i++)
			slots[i] = q->slots[q->head + i];
		free(q->slots);
		*q = (struct moved_queue){.slots = slots, .nr = q->nr, .max = more};
	}
	q->slots[q->head + q->nr++] = slot;
}

/* A page that was allocated before the trace, or without an event during it. */
static u32 page_birth(struct repair *r, const struct raw_event *ev, u32 gfp)
{
	const struct frame *f = frames_get(&r->frames, ev->ptr);
	struct spool_record rec = repair_record(r, ev, REQ_PAGE_ALLOC, 0);
	bool old = f->state == FRAME_UNSEEN;
	u32 slot;

	rec.order = ev->order & 15;
	rec.gfp = gfp;
	rec.flags = old ? REQ_F_BIRTH : REQ_F_REPAIR;
	if (old)
		r->stats.orphan_page_births++;
	else
		r->stats.bulk_page_births++;
	slot = SLOT_LATE |
	       spool_add_late(&r->spool, &rec, old ? 0 : f->pos, r->base + (ev->ptr << 12));
	repair_state_page_birth(r, ev->ptr, f, ev->order, slot);
	return slot;
}

static bool holds_old_slab(struct repair *r, const struct raw_event *ev)
{
	bool slab = false;

	for (u64 i = 0; i < 1ULL << ev->order; i++)
		slab |= frames_get(&r->frames, ev->ptr + i)->flags & FRAME_F_SLAB;
	return slab;
}

/* The frames of a freed range; `birth`: the slot that its free made, for what the batched event
 * says. */
static void set_free(struct repair *r, const struct raw_event *ev, u32 birth)
{
	for (u64 i = 0; i < 1ULL << ev->order; i++) {
		struct frame *f = frames_get(&r->frames, ev->ptr + i);

		*f = (struct frame){
			.state = FRAME_FREE,
			.slot = SLOT_NONE,
			.pos = r->spool.nr,
			.cache = FRAME_CACHE_UNKNOWN,
		};
		if (!i)
			f->slot = birth;
	}
}

/* The task is copying pages; where migrations were not recorded, compaction as a whole is taken
 * for it. */
static bool is_migrating(const struct repair *r, const struct task *t)
{
	return t && (t->in_migration || (t->in_compaction && !r->migrations_recorded));
}

/*
 * Compaction moves a page that no event allocated. If it was freed before, compaction itself had
 * put another one's content there: that request moves on. Else the page is older than the trace.
 */
static void move_orphan(struct repair *r, const struct raw_event *ev)
{
	struct moved_queue *q = &r->moved[ev->order];
	const struct frame *f = frames_get(&r->frames, ev->ptr);

	r->stats.moved_pages++;
	if (f->state != FRAME_FREE || !q->nr) {
		r->stats.orphan_frees++;
		moved_push(q, page_birth(r, ev, GFP_HIGHUSER_MOVABLE));
	}
	set_free(r, ev, SLOT_NONE);
}

static void free_orphan(struct repair *r, const struct raw_event *ev, const struct task *t)
{
	struct moved_queue *q = &r->moved[ev->order];
	u32 slot;

	if (holds_old_slab(r, ev)) {
		r->stats.slab_pages_old++;
		clear_range(r, ev, 0);
		set_free(r, ev, SLOT_NONE);
		return;
	}
	if (is_migrating(r, t)) {
		move_orphan(r, ev);
		return;
	}
	if (t && t->in_compaction) {
		r->stats.isolated_pages++;
		free_frames_taken(&r->free_frames, ev);
		set_free(r, ev, SLOT_NONE);
		return;
	}
	r->stats.orphan_frees++;
	if (q->nr) {
		q->nr--;
		slot = q->slots[q->head++];
		r->stats.moved_page_frees++;
		free_frames_taken(&r->free_frames, ev);
	} else {
		slot = page_birth(r, ev, GFP_KERNEL);
	}
	spool_page(r, ev, REQ_PAGE_FREE, slot, 0);
	repair_free_slot(r, slot);
	set_free(r, ev, slot & SLOT_LATE ? slot : SLOT_NONE);
}

/* The source of a move: the request keeps its slot, and the place is free. */
static void move_block(struct repair *r, const struct raw_event *ev, u32 slot)
{
	r->stats.moved_pages++;
	moved_push(&r->moved[ev->order], slot);
	set_free(r, ev, SLOT_NONE);
}

int repair_page_free(struct repair *r, const struct raw_event *ev, struct err *e)
{
	const struct task *t = r->nr_tasks ? repair_task(r, ev) : NULL;
	struct frame *f;
	u64 head;

	if (check_page(ev, e))
		return -1;
	f = repair_holder(r, ev->ptr);
	if (f->state == FRAME_HEAD && f->order > ev->order) {
		head = ev->ptr & ~((1ULL << f->order) - 1);
		split_block(r, head, ev);
		f = frames_get(&r->frames, ev->ptr);
	}
	if (f->state != FRAME_HEAD) {
		free_orphan(r, ev, t);
		return 0;
	}
	if (f->order < ev->order) {
		r->stats.joined_pages++;
		clear_range(r, ev, REQ_F_REPAIR);
		set_free(r, ev, SLOT_NONE);
	} else if (is_migrating(r, t) && f->slot != SLOT_NONE &&
		   (t->in_migration || f->gfp & __GFP_MOVABLE)) {
		move_block(r, ev, f->slot);
	} else {
		if (f->flags & FRAME_F_STORE)
			repair_store_page_freed(r, ev);
		end_block(r, ev->ptr, ev, 0);
	}
	return 0;
}

/* Pages are freed in batches from the LRU lists: what had no allocation was user memory. */
void repair_page_batched(struct repair *r, const struct raw_event *ev)
{
	const struct frame *f;

	if (ev->ptr >= FRAME_PFN_MAX)
		return;
	f = frames_get(&r->frames, ev->ptr);
	if (f->state == FRAME_FREE && f->slot != SLOT_NONE && f->slot & SLOT_LATE)
		r->spool.late[f->slot & ~SLOT_LATE].rec.gfp = GFP_HIGHUSER_MOVABLE;
}
