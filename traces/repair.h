/*
 * From recorded events to requests: the first pass of an import.
 *
 * Theory. The repair walks the events in order and keeps, by address, what it knows of each object
 * and each page frame of the recorded machine. An event that fits is spooled as a request. One that
 * does not tells what the recording left out, and the repair puts it in: frees of what is allocated
 * again or whose slab page goes, allocations of what is freed out of nowhere. Page events of the
 * recorded kernel's own slabs are knowledge, not requests.
 *
 * Invariant. In the spool with its late records every slot is allocated before it is freed, and
 * once.
 *
 * Memory: what is alive, the frames that events touched, the newest part of the spool.
 */
#ifndef TRACES_REPAIR_H
#define TRACES_REPAIR_H

#include "sim/source.h"
#include "traces/frames.h"
#include "traces/free_frames.h"
#include "traces/naming.h"
#include "traces/raw_event.h"
#include "traces/silent.h"
#include "traces/spool.h"
#include "traces/stats.h"

/* A slot of a slab page, known since an event named its address. */
struct traced_object {
	u64 ptr;
	u64 born_ns; /* with its site: of its allocation's event; 0: none */
	u32 site;
	u32 pos;   /* in the spool: of its allocation (or number of the late record: see slot) */
	u32 freed; /* place in the spool after its last free */
	u32 slot;
	u32 next, prev; /* objects of the same page, + 1 */
	u32 cache;	/* SPOOL_CACHE_* */
	u32 written;	/* the same, as its record has it: often a good guess that needs no patch */
	u32 row;	/* of the state at time zero, + 1 */
	u8 live, kind;	/* kind: of its request */
};

/* A slot at time zero; SLOT_NONE: free. */
struct state_row {
	u64 ptr; /* from the start of the direct map */
	u32 slot, cache;
};

struct state_page_row {
	u64 pfn;
	u32 slot, pos; /* pos: of its allocation, unless late */
	u8 order;
};

/* What is known of time zero (state.h). */
struct repair_state {
	u32 pos; /* in the spool: of time zero */
	u64 t_ns;
	char *label; /* of the first snapshot; NULL: no mark so far */
	bool fixed;  /* no later mark is time zero */
	struct state_row *slots;
	struct state_page_row *pages, *dead;
	u32 nr_slots, slots_max, nr_pages, pages_max, nr_dead, dead_max;
	u64 *free; /* frames that the trace had freed by then */
	u32 nr_free, free_max;
};

/* A task inside the store or inside compaction. */
struct task {
	u32 pid;
	u32 store_size;
	u8 in_store, in_migration, in_compaction;
};

#define TASKS_MAX 256

/* Requests whose pages compaction moved to where no event tells; first in, first out. */
struct moved_queue {
	u32 *slots;
	u32 head, nr, max;
};

/* Objects of the recorded store that are older than the trace. */
struct store_old {
	bool read;	    /* mm_stat was read, */
	u64 objects, freed; /* then so many were there; of these, freed since */
};

/* What tells when the recorded store was compacted. */
struct store_watch {
	bool due;	   /* mm_stat says that it was, before it is read again */
	u32 pid;	   /* the last task that freed a handle, */
	unsigned int left; /* whose next so many pages of the store went with it */
};

struct repair {
	struct spool spool;
	struct frames frames;
	struct naming naming;
	struct import_stats stats;
	struct repair_state state;
	struct free_frames free_frames;
	struct silent silent;

	struct map by_ptr; /* address -> object; store handles with bit 0 set -> slot */
	struct traced_object *objects;
	u32 nr_objects, objects_max, free_object; /* + 1 */

	u32 nr_slots; /* handed out so far */
	u32 *free_slots;
	u32 nr_free_slots, free_slots_max;

	struct task tasks[TASKS_MAX];
	unsigned int nr_tasks;
	struct moved_queue moved[FRAME_ORDER_MAX + 1];
	bool migrations_recorded, store_recorded, truth_recorded;
	u32 *store_sizes, nr_store_sizes, store_sizes_max; /* of all handles made */
	u64 nr_store_live;				   /* of these */
	struct store_old store_old;
	struct store_watch store_watch;

	u64 base; /* of the direct map: pfn = (ptr - base) / 4096 */
	u64 t_first_ns;
	u64 now_ns;		   /* since the start; never goes back */
	struct source_mark *marks; /* texts are owned */
	u32 nr_marks, marks_max;
};

int __must_check repair_open(struct repair *r, struct err *e);
void repair_close(struct repair *r);
u32 repair_add_mark(struct repair *r, const char *text, size_t len);
int __must_check repair_event(struct repair *r, const struct raw_event *ev, struct err *e);
/* Nothing follows: what the end tells. */
void repair_finish(struct repair *r);

/* Below: between the files of the repair. */

u32 repair_new_slot(struct repair *r);
void repair_free_slot(struct repair *r, u32 slot);
/* A record of now, with the event's CPU; not yet spooled. */
struct spool_record repair_record(const struct repair *r, const struct raw_event *ev, u8 kind,
				  u32 slot);
struct task *repair_task(struct repair *r, const struct raw_event *ev);

static inline u64 repair_pfn(const struct repair *r, u64 ptr)
{
	return (ptr - r->base) >> 12;
}

/* repair_objects.c */
int repair_object_alloc(struct repair *r, const struct raw_event *ev, struct err *e);
int repair_object_free(struct repair *r, const struct raw_event *ev, struct err *e);
/* The objects of this frame are gone with their page; those still alive get a free. */
void repair_kill_objects(struct repair *r, struct frame *f, const struct raw_event *ev);

/* repair_pages.c */
int repair_page_alloc(struct repair *r, const struct raw_event *ev, struct err *e);
int repair_page_free(struct repair *r, const struct raw_event *ev, struct err *e);
void repair_page_batched(struct repair *r, const struct raw_event *ev);
void repair_page_truth(struct repair *r, const struct raw_event *ev);
void repair_page_truth_end(struct repair *r);
/* The frame that stands for an object's slab page: the block's head, else the address's own
 * frame. */
struct frame *repair_holder(struct repair *r, u64 pfn);
/* An object was seen in the block: it is a slab page, its page request none. */
void repair_is_slab(struct repair *r, struct frame *f);

/* repair.c: spools a mark and its time. */
void repair_mark(struct repair *r, const struct raw_event *ev);

/* repair_store.c */
void repair_store_alloc_ret(struct repair *r, const struct raw_event *ev);
void repair_store_free(struct repair *r, const struct raw_event *ev);
void repair_store_stat(struct repair *r, const struct raw_event *ev);
void repair_store_finish(struct repair *r);
/* A page of the recorded store goes back. */
void repair_store_page_freed(struct repair *r, const struct raw_event *ev);

/* repair_state.c: what events tell of time zero. */
void repair_state_free(struct repair *r);
/* A mark, before it is spooled: is it time zero? */
void repair_state_mark(struct repair *r, const char *text);
/* The first event of an address in the present use of its page is an allocation. */
void repair_state_alloc(struct repair *r, const struct frame *f, struct traced_object *o);
/* An object was born without an event, before `pos` of the spool; its slot is set. */
void repair_state_birth(struct repair *r, const struct frame *f, struct traced_object *o, u32 pos);
/* The object's address is forgotten. */
void repair_state_gone(struct repair *r, struct traced_object *o);
/* The block at pfn goes back; f as it was. */
void repair_state_dead(struct repair *r, u64 pfn, const struct frame *f);
/* A page was allocated without an event; f as it was before its free. */
void repair_state_page_birth(struct repair *r, u64 pfn, const struct frame *f, unsigned int order,
			     u32 slot);
void repair_state_finish(struct repair *r);

#endif
