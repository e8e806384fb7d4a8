/*
 * The elementary steps an allocator is charged for. What each costs is a table of the machine's
 * (sim/costs.h); an allocator names the step, never the time.
 */
#ifndef ALLOC_COST_H
#define ALLOC_COST_H

enum cost {
	COST_CALL,	    /* enter and leave an allocator function, its straight-line code */
	COST_INDIRECT_CALL, /* through a method pointer, with retpoline */
	COST_THIS_CPU,	    /* read-modify-write of per-CPU data, no lock prefix */
	COST_ATOMIC,	    /* locked read-modify-write, line in this CPU's cache */
	COST_LOCK,	    /* uncontended lock and unlock */
	COST_LOCK_HANDOFF,  /* extra for taking over a lock another CPU held last */
	COST_IRQ_SAVE,	    /* interrupts off and on again */
	COST_LINE_LOCAL,    /* cache miss served by memory of this node */
	COST_LINE_REMOTE,   /* the same at distance 20; other distances in proportion */
	COST_LINE_SHARED,   /* line last written by another CPU of this node */
	COST_LINE_FOREIGN,  /* line last written by a CPU of another node */
	COST_LIST_STEP,	    /* one step along a list, one split or merge */
	COST_ZERO_PAGE,	    /* clear one page */
	COST_COPY_PAGE,	    /* copy one page */
	COST_INTERRUPT,	    /* take and leave one interrupt */
	COST_RCU_CALLBACK,  /* dequeue and call one callback */
	NR_COSTS
};

#endif
