/*
 * A trial: one stack, on one machine, under one load, once. Parameters in, results out.
 *
 * The one question everybody asks: *what is left in the process afterwards?* Nothing but the
 * results: machine, stack and books live inside trial_run. Two equal trials give the same digest.
 */
#ifndef SIM_TRIAL_H
#define SIM_TRIAL_H

#include "alloc/stack.h"
#include "lib/progress.h"
#include "sim/boot_phase.h"
#include "sim/fragment.h"
#include "sim/machine_config.h"
#include "sim/page_state.h"
#include "sim/sink.h"
#include "sim/source.h"

struct proc_files; /* sim/proc_files.h */

enum trial_status { TRIAL_OK, TRIAL_OOM };

#define MEM_INFO_MAX 8192

struct trial {
	/* In. */
	const struct machine_config *machine;
	const struct stack_config *stack;
	struct source *source; /* rewound by the trial */
	/* Recorded geometry that caches should have; NULL: the allocator decides. */
	const struct slab_shapes *shapes;
	const struct fragment *fragment; /* the state memory starts in; NULL: as the load has it */
	struct sink *sink;		 /* NULL: nobody listens */
	struct sink_run run; /* what the sink is told; machine and stack are filled in if NULL */
	u64 seed;
	u64 sample_ns;	 /* 0: 200 samples over the load */
	bool at_marks;	 /* slabs and free areas at every mark of the load, too */
	u64 check_every; /* full walk over all allocators every so many requests; 0: at the end */
	struct progress *progress; /* NULL: none */
	/* Out. */
	enum trial_status status;
	u64 digest;
	u64 nr_requests;
	u64 nr_unserved;  /* store requests: the stack has no store */
	u32 idle_choices; /* bit i: no cache of the load stood on the stack's choice i */
	u64 sim_ns;
	u64 wall_ns; /* host time of the replay alone */
	/* Where /proc/slabinfo at the end goes, which the caller frees; NULL: nobody asks. */
	char **slabinfo;
	struct proc_files *proc; /* what else /proc says, at marks and at the end; NULL: likewise */
	struct boot_report boot;
	char mem_info
		[MEM_INFO_MAX]; /* free lists when it ended in oom, as the kernel prints them */
	char fragment_report[FRAGMENT_REPORT_MAX]; /* lines; "": there was no fragmenter */
	struct page_state_report pages;		   /* how well the state to start from was met */
};

extern const char *const trial_status_names[]; /* "ok", "oom" */

/* 0: done, see status; -1 with e set: the load or the combination is at fault, and the sink got no
 * end. */
int __must_check trial_run(struct trial *t, struct err *e);

#endif
