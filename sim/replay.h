/*
 * The replay of a request stream on a stack; between the files of one trial.
 */
#ifndef SIM_REPLAY_H
#define SIM_REPLAY_H

#include "alloc/kmalloc.h"
#include "alloc/stack.h"
#include "sim/account.h"
#include "sim/boot_phase.h"
#include "sim/fragment.h"
#include "sim/machine.h"
#include "sim/page_state.h"
#include "sim/sampler.h"
#include "sim/trial.h"

/* What requests to shrink came to. */
struct shrunk {
	u64 slabs; /* given back */
	s64 bytes; /* of pages, from before to after; what is in limbo is not back */
	u64 moved_objs, moved_bytes; /* to empty sparse slabs */
	u64 pinned_objs;	     /* asked to move, and pinned */
	u64 ns;			     /* it took */
};

struct reclaim;

struct replay {
	struct machine *m;
	struct stack stack;
	struct layer *page_source;    /* of the innermost page allocator: memory taken */
	s64 reserved_objs;	      /* that page_source gave the layers before the load */
	struct slabulator slabulator; /* makes the load's caches, and kmalloc's */
	struct kmalloc km;
	struct store *store_source;  /* innermost; NULL: the stack has no store */
	u64 nr_raw, nr_raw_so_far;   /* objects too large for the store, in pages of their own */
	u64 raw_bytes;		     /* asked for, of those that live */
	u64 nr_huge, nr_huge_so_far; /* the raw ones, and those as long as a page (zram_drv.c) */
	struct store_past store_past;
	struct kmem_cache **caches; /* one for each cache of the load; NULL: not yet */
	struct account acc;
	struct sampler sampler;
	struct page_state pages; /* brought there between the births and time zero */
	const struct fragment
		*fragment; /* NULL: as the births, or the load's snapshots, leave it */
	u64 seed;
	struct text fragment_report;
	struct reclaim *reclaim; /* NULL: the load has nothing that reclaim could take */
	struct sink *sink;	 /* NULL: nobody listens */
	const struct source_tables *tables;
	const struct slab_shapes *shapes; /* recorded geometry; NULL: none is asked for */
	struct shrunk shrunk;
	struct boot_phase boot;
	u64 t_ns; /* of the last request */
	u64 digest;
	u64 nr_reported;    /* events handed to the sink */
	u64 nr_compactions; /* the same, runs of compaction */
	u64 nr_reclaims;    /* and of reclaim */
	u64 slab_max;	    /* bytes of the slab layer at their peak */
	u64 taken_max;	    /* bytes of page_source at its peak */
	u64 taken_max_req;  /* bytes asked for at that moment */
	u64 check_every;
	struct proc_files *proc; /* NULL: nobody wants them */
	bool at_marks;		 /* the sink wants to see the state at marks */
	bool timed;		 /* births are over, costs count */
	bool warming_up;	 /* nothing is counted yet */
	enum trial_status status;
	char mem_info[MEM_INFO_MAX]; /* when it was no longer TRIAL_OK */
};

/* Sets up stack, caches and books on the current machine. */
int __must_check replay_begin(struct replay *rp, struct trial *t, struct err *e);
/* Runs the whole stream. -1: the load names what does not exist. */
int __must_check replay_run(struct replay *rp, struct trial *t, struct err *e);
/* The warm-up is over: every statistic begins anew. */
void replay_count_anew(struct replay *rp);
/* What is alive is the most there was. */
void replay_restart_peaks(struct replay *rp);
/* Frees what is alive, destroys caches and stack, and proves that every page came back. */
void replay_end(struct replay *rp);
/* A request was refused: into the books, and the run may end. */
void replay_refused(struct replay *rp, const struct request *r);

/* Pages for contents that the store holds, those of objects too large for it included. */
static inline u64 replay_store_pages(const struct replay *rp)
{
	return (rp->store_source ? rp->store_source->nr_pages : 0) + rp->nr_raw;
}

/* All that is not the load's own pages, the store's included. */
static inline u64 replay_beside_pages(const struct replay *rp)
{
	return (u64)rp->stack.pages->layer->live_bytes - rp->acc.page_bytes_live;
}

/*
 * Bytes of pages that the slab layers hold: all that left the chain of pages but the load's own and
 * the store's.
 */
static inline u64 replay_slab_bytes(const struct replay *rp)
{
	return replay_beside_pages(rp) - (replay_store_pages(rp) << PAGE_SHIFT);
}

/* Memory was taken: is it more than ever? */
static inline void replay_note_peak(struct replay *rp)
{
	u64 taken = (u64)rp->page_source->live_bytes;

	if (unlikely(replay_beside_pages(rp) > rp->slab_max))
		rp->slab_max = max(rp->slab_max, replay_slab_bytes(rp));
	if (taken > rp->taken_max) {
		rp->taken_max = taken;
		rp->taken_max_req = rp->acc.bytes_req_live;
	}
}

/* Every name that objects were asked for by. */
#define for_each_name(rp, n)                                                                       \
	for (struct name *n = (rp)->acc.names; n < (rp)->acc.names + (rp)->acc.name_pages; n++)    \
		if (!n->cache)                                                                     \
			;                                                                          \
		else
/* The same, each cache once. */
#define for_each_cache(rp, n) for_each_name(rp, n) if (n->first)

#endif
