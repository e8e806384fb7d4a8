/*
 * What an importer hands to the repair: recorded events in a common form, merged over all CPUs.
 *
 * Events come by (time, recorded order). Times are those of the recorded clock. Texts are numbered
 * by the sink (raw_sink_*), so an event has a fixed size.
 */
#ifndef TRACES_RAW_EVENT_H
#define TRACES_RAW_EVENT_H

#include "lib/err.h"
#include "lib/types.h"

enum raw_type {
	RAW_KMALLOC,	     /* ptr, size, alloc, gfp, node, site */
	RAW_KFREE,	     /* ptr, site */
	RAW_CACHE_ALLOC,     /* as RAW_KMALLOC; name if the kernel records it */
	RAW_CACHE_FREE,	     /* ptr, site; name */
	RAW_PAGE_ALLOC,	     /* ptr: pfn; order, gfp */
	RAW_PAGE_FREE,	     /* ptr: pfn; order */
	RAW_PAGE_BATCHED,    /* ptr: pfn; second event of a page freed from a list (LRU) */
	RAW_STORE_ALLOC,     /* size; the store's own allocations follow ... */
	RAW_STORE_ALLOC_RET, /* ptr: handle; ... up to here, in the same task */
	RAW_STORE_FREE,	     /* ptr: handle */
	RAW_STORE_STAT, /* ptr: number of a mark: mm_stat was read; size: before it is read again,
			   the store is compacted */
	RAW_MIGRATE_BEGIN, /* compaction copies pages from here ... */
	RAW_MIGRATE_END,   /* ... to here, in the same task */
	RAW_COMPACT_BEGIN, /* compaction as a whole: used where migration was not recorded */
	RAW_COMPACT_END,
	RAW_MARK, /* ptr: number of the mark's text */
	/* Only counted, at marks (tally.h): numbers of migratetypes are the recorded kernel's. */
	RAW_ZONE_LOCKED, /* order; alloc: migratetype; size: for a per-CPU list? */
	RAW_PCPU_DRAIN,	 /* order; alloc: migratetype */
	RAW_EXTFRAG, /* order; size: fallback order; alloc, node: migratetypes asked for and found;
			ptr: changes the pageblock's? */
	RAW_TRUTH_SLAB, /* ptr: pfn of a page that became a slab: checks the verdicts, no more */
	NR_RAW_TYPES
};

static inline bool raw_is_counted(enum raw_type type)
{
	return type == RAW_ZONE_LOCKED || type == RAW_PCPU_DRAIN || type == RAW_EXTFRAG;
}

#define RAW_F_IRQ 1U /* in an interrupt: not on behalf of the task */

#define RAW_PFN_NONE (~0ULL) /* RAW_PAGE_ALLOC that failed */

struct raw_event {
	u64 t_ns;
	u64 ptr;
	u32 size, alloc; /* bytes_req, bytes_alloc */
	u32 gfp;	 /* numbers of Linux 6.1 */
	u32 site;	 /* of raw_sink_site(); 0: unknown */
	u32 name;	 /* of raw_sink_name() + 1; 0: none */
	u32 pid;
	u16 cpu;
	s16 node; /* asked for; -1: any */
	u8 type, order, flags;
};

struct raw_sink;

/* Number of a call site's text ("symbol+0x12"), of a cache's name; of a mark (each is one of its
 * own). */
u32 raw_sink_site(struct raw_sink *s, const char *text);
u32 raw_sink_name(struct raw_sink *s, const char *text, size_t len);
u32 raw_sink_mark(struct raw_sink *s, const char *text, size_t len);
int __must_check raw_sink_event(struct raw_sink *s, const struct raw_event *ev, struct err *e);

/* Before the first event: what recorded it, and the time of the first event, handed on or not. */
void raw_sink_begin(struct raw_sink *s, unsigned int nr_cpus, const char *kernel, const char *clock,
		    u64 t_first_ns);
/* The recorded machine, of one node, as a machine/1 document; the user's own goes first. */
void raw_sink_machine(struct raw_sink *s, const char *yaml);
/* How many CPUs there are, if that is known only at the end. */
void raw_sink_cpus(struct raw_sink *s, unsigned int nr_cpus);
/* After the last: its time, and how many the recording lost. */
void raw_sink_end(struct raw_sink *s, u64 t_last_ns, u64 lost_events);
/* Events by their recorded name; once for each name. */
void raw_sink_count(struct raw_sink *s, const char *event_name, u64 count);
/* The same so far: before raw_sink_mark(). */
void raw_sink_count_so_far(struct raw_sink *s, const char *event_name, u64 count);

#endif
