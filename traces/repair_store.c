/*
 * The repair: the compressed store (zsmalloc) of the recorded kernel.
 *
 * Its objects become store requests. What it takes from slab and pages for itself, between
 * zs_malloc and its return, is not replayed: the simulated store takes its own.
 *
 * A handle that is freed and was never made is older than the trace, and no event tells its size:
 * it gets one of the recorded sizes, in their order, for what was stored before is of the kind of
 * what is stored now. How many such objects there are that nobody frees is what the first reading
 * of mm_stat tells: all that are stored then, less those that events know. The second free of a
 * handle, not made again, is an orphan without a birth: it is skipped.
 *
 * There is no event of its compaction. mm_stat tells that there was one between two readings; it
 * shows where the store's pages go back and no handle was freed by that task just before. Where
 * nothing shows it is put right before the later reading: by then it was done.
 */
#include <stdlib.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "traces/mm_stat.h"
#include "traces/repair.h"

#define HANDLE_KEY(handle) ((handle) | 1)
/* zs_malloc returns an error as a pointer: the last page of addresses. */
#define IS_ERROR(ptr) ((ptr) >= ~0xfffULL)
/* Of a handle older than the trace, when no other tells: a page compressed to one half. */
#define STORE_BYTES_UNKNOWN 2048U
/* Pages that can go with one handle: of a zspage at its longest (CONFIG_ZSMALLOC_CHAIN_SIZE). */
#define ZSPAGE_PAGES_MAX 16
#define OLD_OBJECTS_MAX (1U << 24) /* of 64 GiB; more is a damaged reading */

static void end_handle(struct repair *r, const struct raw_event *ev, u32 slot, u8 flags)
{
	struct spool_record rec = repair_record(r, ev, REQ_STORE_FREE, slot);

	rec.flags = flags;
	spool_add(&r->spool, &rec);
	repair_free_slot(r, slot);
	r->nr_store_live -= map_get(&r->by_ptr, HANDLE_KEY(ev->ptr)) != NULL;
	*map_put(&r->by_ptr, HANDLE_KEY(ev->ptr), 0) = SLOT_NONE;
}

void repair_store_alloc_ret(struct repair *r, const struct raw_event *ev)
{
	const struct task *t = repair_task(r, ev);
	struct spool_record rec;
	u32 *at;

	if (!t || !t->in_store)
		return;
	if (!ev->ptr || IS_ERROR(ev->ptr)) {
		r->stats.failed_allocs++;
		return;
	}
	at = map_get(&r->by_ptr, HANDLE_KEY(ev->ptr));
	if (at && *at != SLOT_NONE) {
		r->stats.reappeared++;
		end_handle(r, ev, *at, REQ_F_REPAIR);
	}
	rec = repair_record(r, ev, REQ_STORE_ALLOC, repair_new_slot(r));
	rec.size = t->store_size;
	MEM_ROOM(r->store_sizes, r->nr_store_sizes, r->store_sizes_max);
	r->store_sizes[r->nr_store_sizes++] = rec.size;
	r->nr_store_live++;
	spool_add(&r->spool, &rec);
	*map_put(&r->by_ptr, HANDLE_KEY(ev->ptr), 0) = rec.slot;
}

/* Of an object older than the trace; its size is filled in at the end. */
static u32 birth(struct repair *r, u64 key)
{
	struct spool_record rec = {.node = -1, .kind = REQ_STORE_ALLOC, .flags = REQ_F_BIRTH};

	return SLOT_LATE | spool_add_late(&r->spool, &rec, 0, key);
}

void repair_store_free(struct repair *r, const struct raw_event *ev)
{
	u32 *at = map_get(&r->by_ptr, HANDLE_KEY(ev->ptr));

	r->store_recorded = true;
	r->store_watch.pid = ev->pid;
	r->store_watch.left = ZSPAGE_PAGES_MAX;
	if (!ev->ptr) {
		r->stats.null_frees++;
		return;
	}
	if (at && *at == SLOT_NONE) {
		r->stats.orphan_frees++;
		return;
	}
	if (at) {
		end_handle(r, ev, *at, 0);
		return;
	}
	r->stats.orphan_frees++;
	r->stats.orphan_births++;
	r->store_old.freed += r->store_old.read;
	end_handle(r, ev, birth(r, ev->ptr), 0);
}

static void compact(struct repair *r, const struct raw_event *ev)
{
	struct spool_record rec = repair_record(r, ev, REQ_STORE_COMPACT, SLOT_NONE);

	r->store_watch.due = false;
	spool_add(&r->spool, &rec);
}

void repair_store_page_freed(struct repair *r, const struct raw_event *ev)
{
	struct store_watch *w = &r->store_watch;

	if (!w->due)
		return;
	if (ev->pid == w->pid && w->left)
		w->left--;
	else
		compact(r, ev);
}

/* Pages of one repeated word are counted, and not stored. */
static void first_reading(struct repair *r, const struct raw_event *ev)
{
	struct mm_stat_row *row = mem_alloc(1, sizeof(*row));
	u64 stored;

	r->store_old.read = true;
	if (mm_stat_mark_parse(row, r->marks[ev->ptr].text)) {
		stored = row->value[MM_STAT_ORIG_DATA_SIZE] >> 12;
		stored -= min(stored, row->value[MM_STAT_SAME_PAGES]);
		stored -= min(stored, r->nr_store_live);
		r->store_old.objects = min(stored, (u64)OLD_OBJECTS_MAX);
	}
	mm_stat_free(row, 1);
}

void repair_store_finish(struct repair *r)
{
	u32 next = 0;

	for (; r->store_old.freed < r->store_old.objects; r->store_old.freed++) {
		birth(r, r->base);
		r->stats.store_residents++;
	}
	for (u32 i = 0; i < r->spool.nr_late; i++) {
		struct spool_record *rec = &r->spool.late[i].rec;

		if (rec->kind != REQ_STORE_ALLOC)
			continue;
		rec->size = r->nr_store_sizes ? r->store_sizes[next++ % r->nr_store_sizes]
					      : STORE_BYTES_UNKNOWN;
	}
}

void repair_store_stat(struct repair *r, const struct raw_event *ev)
{
	if (!r->store_old.read)
		first_reading(r, ev);
	if (r->store_watch.due)
		compact(r, ev);
	r->store_watch.due = ev->size;
	repair_mark(r, ev);
}
