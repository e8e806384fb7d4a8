/*
 * The repair: the compressed store (zsmalloc) of the recorded kernel.
 *
 * Its objects become store requests. What it takes from slab and pages for itself, between
 * zs_malloc and its return, is not replayed: the simulated store takes its own.
 *
 * There is no event of its compaction. mm_stat tells that there was one between two readings; it
 * shows where the store's pages go back and no handle was freed by that task just before. Where
 * nothing shows it is put right before the later reading: by then it was done.
 */
#include "lib/assert.h"
#include "traces/repair.h"

#define HANDLE_KEY(handle) ((handle) | 1)
/* zs_malloc returns an error as a pointer: the last page of addresses. */
#define IS_ERROR(ptr) ((ptr) >= ~0xfffULL)
/* Of a handle older than the trace, when no other tells: a page compressed to one half. */
#define STORE_BYTES_UNKNOWN 2048U
/* Pages that can go with one handle: of a zspage at its longest (CONFIG_ZSMALLOC_CHAIN_SIZE). */
#define ZSPAGE_PAGES_MAX 16

static void end_handle(struct repair *r, const struct raw_event *ev, u32 slot, u8 flags)
{
	struct spool_record rec = repair_record(r, ev, REQ_STORE_FREE, slot);

	rec.flags = flags;
	spool_add(&r->spool, &rec);
	repair_free_slot(r, slot);
	map_remove(&r->by_ptr, HANDLE_KEY(ev->ptr));
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
	if (at) {
		r->stats.reappeared++;
		end_handle(r, ev, *at, REQ_F_REPAIR);
	}
	rec = repair_record(r, ev, REQ_STORE_ALLOC, repair_new_slot(r));
	rec.size = t->store_size;
	r->store_bytes += rec.size;
	r->nr_store_allocs++;
	spool_add(&r->spool, &rec);
	*map_put(&r->by_ptr, HANDLE_KEY(ev->ptr), 0) = rec.slot;
}

void repair_store_free(struct repair *r, const struct raw_event *ev)
{
	u32 *at = map_get(&r->by_ptr, HANDLE_KEY(ev->ptr));
	struct spool_record rec;
	u32 slot;

	r->store_recorded = true;
	r->store_watch.pid = ev->pid;
	r->store_watch.left = ZSPAGE_PAGES_MAX;
	if (!ev->ptr) {
		r->stats.null_frees++;
		return;
	}
	if (at) {
		end_handle(r, ev, *at, 0);
		return;
	}
	r->stats.orphan_frees++;
	r->stats.orphan_births++;
	rec = repair_record(r, ev, REQ_STORE_ALLOC, 0);
	rec.flags = REQ_F_BIRTH;
	rec.site = 0;
	rec.size = r->nr_store_allocs ? (u32)(r->store_bytes / r->nr_store_allocs)
				      : STORE_BYTES_UNKNOWN;
	slot = SLOT_LATE | spool_add_late(&r->spool, &rec, 0, ev->ptr);
	end_handle(r, ev, slot, 0);
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

void repair_store_stat(struct repair *r, const struct raw_event *ev)
{
	if (r->store_watch.due)
		compact(r, ev);
	r->store_watch.due = ev->size;
	repair_mark(r, ev);
}
