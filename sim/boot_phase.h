/*
 * The boot phase of a replay: which requests are early, and what the hand-over came to.
 */
#ifndef SIM_BOOT_PHASE_H
#define SIM_BOOT_PHASE_H

#include "alloc/boot.h"
#include "lib/err.h"
#include "sim/source.h"

struct replay;

struct boot_report {
	bool had;	  /* the chain of pages has the layer boot */
	bool late;	  /* it was not at time zero; else all that follows is 0 */
	const char *site; /* the last early call site, the load's string */
	u64 nr_requests;  /* early ones; births are not counted */
	u64 t_ns;	  /* of the hand-over */
	struct boot_counts pages;
	u64 taken_bytes; /* of memory, when it was handed over: all but what was free */
	u64 req_bytes;	 /* that somebody had asked for, and still held */
};

struct boot_phase {
	u64 left; /* requests of the stream until the hand-over; 0: it has been, or never is */
	struct boot_report report;
};

/*
 * Finds the last early request, by streaming once over the source (which is left anywhere), and
 * makes early slabs usable; or hands memory over at once. -1 with e set: the layer's options name
 * call sites that the load does not have, or the source is damaged.
 */
int __must_check boot_phase_begin(struct replay *rp, struct source *s, struct err *e);
/* After the last early request. */
void boot_phase_hand_over(struct replay *rp, const struct request *last);

#endif
