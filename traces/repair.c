/*
 * From recorded events to requests: dispatch, slots, tasks.
 */
#include "traces/repair.h"
#include "sim/snap_mark.h"

#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"

int repair_open(struct repair *r, struct err *e)
{
	*r = (struct repair){0};
	frames_init(&r->frames);
	naming_init(&r->naming);
	map_init(&r->by_ptr);
	free_frames_init(&r->free_frames);
	return spool_open(&r->spool, e);
}

void repair_close(struct repair *r)
{
	frames_free(&r->frames);
	naming_free(&r->naming);
	map_free(&r->by_ptr);
	free_frames_free(&r->free_frames);
	spool_close(&r->spool);
	repair_state_free(r);
	silent_free(&r->silent);
	for (u32 i = 0; i < r->nr_marks; i++)
		free((char *)r->marks[i].text);
	free(r->marks);
	free(r->objects);
	free(r->store_sizes);
	free(r->free_slots);
	for (int o = 0; o <= FRAME_ORDER_MAX; o++)
		free(r->moved[o].slots);
}

u32 repair_add_mark(struct repair *r, const char *text, size_t len)
{
	MEM_ROOM(r->marks, r->nr_marks, r->marks_max);
	r->marks[r->nr_marks] = (struct source_mark){.text = mem_dup_n(text, len)};
	return r->nr_marks++;
}

u32 repair_new_slot(struct repair *r)
{
	if (r->nr_free_slots)
		return r->free_slots[--r->nr_free_slots];
	ASSERT(r->nr_slots < SLOT_NONE);
	return r->nr_slots++;
}

void repair_free_slot(struct repair *r, u32 slot)
{
	if (slot & SLOT_LATE || slot == SLOT_NONE)
		return;
	MEM_ROOM(r->free_slots, r->nr_free_slots, r->free_slots_max);
	r->free_slots[r->nr_free_slots++] = slot;
}

struct spool_record repair_record(const struct repair *r, const struct raw_event *ev, u8 kind,
				  u32 slot)
{
	return (struct spool_record){
		.t_ns = r->now_ns,
		.slot = slot,
		.site = ev->site,
		.cpu = ev->cpu,
		.node = -1,
		.kind = kind,
	};
}

struct task *repair_task(struct repair *r, const struct raw_event *ev)
{
	for (unsigned int i = 0; i < r->nr_tasks; i++)
		if (r->tasks[i].pid == ev->pid && !(ev->flags & RAW_F_IRQ))
			return &r->tasks[i];
	return NULL;
}

static struct task *task_enter(struct repair *r, const struct raw_event *ev)
{
	struct task *t = repair_task(r, ev);

	if (t)
		return t;
	/* So many at once only if ends were lost: forget the oldest. */
	if (r->nr_tasks == TASKS_MAX)
		memmove(r->tasks, r->tasks + 1, --r->nr_tasks * sizeof(*r->tasks));
	t = &r->tasks[r->nr_tasks++];
	*t = (struct task){.pid = ev->pid};
	return t;
}

static void task_leave(struct repair *r, struct task *t)
{
	if (!t->in_store && !t->in_migration && !t->in_compaction)
		*t = r->tasks[--r->nr_tasks];
}

static void task_event(struct repair *r, const struct raw_event *ev)
{
	bool enter = ev->type == RAW_STORE_ALLOC || ev->type == RAW_MIGRATE_BEGIN ||
		     ev->type == RAW_COMPACT_BEGIN;
	struct task *t = enter ? task_enter(r, ev) : repair_task(r, ev);

	if (!t)
		return;
	if (ev->type == RAW_STORE_ALLOC || ev->type == RAW_STORE_ALLOC_RET) {
		t->in_store = enter;
		t->store_size = enter ? ev->size : t->store_size;
	} else if (ev->type == RAW_MIGRATE_BEGIN || ev->type == RAW_MIGRATE_END) {
		t->in_migration = enter;
		r->migrations_recorded = true;
	} else {
		t->in_compaction = enter;
	}
	if (!enter)
		task_leave(r, t);
}

void repair_mark(struct repair *r, const struct raw_event *ev)
{
	struct spool_record rec = repair_record(r, ev, REQ_MARK, (u32)ev->ptr);

	r->marks[ev->ptr].t_ns = r->now_ns;
	spool_add(&r->spool, &rec);
}

static void mark(struct repair *r, const struct raw_event *ev)
{
	const char *text = r->marks[ev->ptr].text;
	struct spool_record rec;
	struct snap_mark snap;

	repair_state_mark(r, text);
	repair_mark(r, ev);
	/* From here on the recorded machine shrank every cache. */
	if (snap_mark_parse(&snap, text) && !snap.end && !strcmp(snap.file, "shrink")) {
		rec = repair_record(r, ev, REQ_SHRINK, SLOT_NONE);
		spool_add(&r->spool, &rec);
	}
}

static int dispatch(struct repair *r, const struct raw_event *ev, struct err *e)
{
	int ret;

	free_frames_event(&r->free_frames, ev);
	switch ((enum raw_type)ev->type) {
	case RAW_KMALLOC:
	case RAW_CACHE_ALLOC:
		return repair_object_alloc(r, ev, e);
	case RAW_KFREE:
	case RAW_CACHE_FREE:
		return repair_object_free(r, ev, e);
	case RAW_PAGE_ALLOC:
		return repair_page_alloc(r, ev, e);
	case RAW_PAGE_FREE:
		ret = repair_page_free(r, ev, e);
		free_frames_freed(&r->free_frames, ev);
		return ret;
	case RAW_PAGE_BATCHED:
		repair_page_batched(r, ev);
		return 0;
	case RAW_STORE_ALLOC_RET:
		repair_store_alloc_ret(r, ev);
		task_event(r, ev);
		return 0;
	case RAW_STORE_FREE:
		repair_store_free(r, ev);
		return 0;
	case RAW_STORE_STAT:
		repair_store_stat(r, ev);
		return 0;
	case RAW_MARK:
		mark(r, ev);
		return 0;
	case RAW_TRUTH_SLAB:
		repair_page_truth(r, ev);
		return 0;
	case RAW_ZONE_LOCKED:
	case RAW_PCPU_DRAIN:
	case RAW_EXTFRAG:
		return 0;
	default:
		r->store_recorded |= ev->type == RAW_STORE_ALLOC;
		task_event(r, ev);
		return 0;
	}
}

int repair_event(struct repair *r, const struct raw_event *ev, struct err *e)
{
	u64 t = ev->t_ns > r->t_first_ns ? ev->t_ns - r->t_first_ns : 0;

	r->now_ns = max(r->now_ns, t);
	if (r->naming.names.nr > CACHES_MAX)
		return err_set(e, "more than %u cache names: the input is damaged", CACHES_MAX);
	if (r->spool.nr > SLOT_NONE - (2U << FRAME_ORDER_MAX))
		return err_set(e, "more than 2 billion requests: too long a trace for one import");
	return dispatch(r, ev, e);
}

void repair_finish(struct repair *r)
{
	repair_page_truth_end(r);
	repair_store_finish(r);
	repair_state_finish(r);
	silent_finish(&r->silent);
}
