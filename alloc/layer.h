/*
 * What the dispatcher does for pages and objects alike: induced failure, names of derivations.
 */
#ifndef ALLOC_LAYER_H
#define ALLOC_LAYER_H

#include "alloc/allocator.h"
#include "alloc/kernel.h"

/* True if this request of the layer shall fail. */
static inline bool layer_injects(struct layer *l)
{
	struct injection *in = &l->inject;

	if (likely(!in->every && !in->only_nth))
		return false;
	in->seen++;
	if ((in->every && in->seen % in->every == 0) || in->seen == in->only_nth) {
		l->nr_injected++;
		l->nr_failed++;
		return true;
	}
	return false;
}

/*
 * Time belongs to the layer that runs: what passes between enter and leave is its own and no longer
 * that of the layer that called it. A base's free that an RCU callback makes is the base's time
 * alone.
 */
struct layer_span {
	struct layer *caller;
	u64 entered_ns;
};

static inline struct layer_span layer_enter(struct layer *l)
{
	struct layer_span span = {.caller = kernel->layer, .entered_ns = kernel->clock_ns};

	kernel->layer = l;
	return span;
}

static inline void layer_leave(struct layer *l, struct layer_span span)
{
	u64 ns = kernel->clock_ns - span.entered_ns;

	l->self_ns += ns;
	span.caller->self_ns -= ns; /* below zero until it is left itself */
	kernel->layer = span.caller;
}

/* Time that passes in layers that call nothing; it is in their self_ns already. */
static inline void layers_passed(u64 ns)
{
	kernel->clock_ns += ns;
	kernel->layer->self_ns -= ns;
}

static inline void layer_allocated(struct layer *l, u64 bytes)
{
	l->nr_alloc++;
	l->live_objs++;
	l->live_bytes += (s64)bytes;
}

/* Counted, but refused further down. */
static inline void layer_allocated_not(struct layer *l, u64 bytes)
{
	l->nr_alloc--;
	l->live_objs--;
	l->live_bytes -= (s64)bytes;
	l->nr_failed++;
}

static inline void layer_freed(struct layer *l, u64 bytes)
{
	l->nr_free++;
	l->live_objs--;
	if (l->live_bytes > l->live_bytes_peak) /* a peak ends here: no other place need look */
		l->live_bytes_peak = l->live_bytes;
	l->live_bytes -= (s64)bytes;
}

/* Not taken after all. */
static inline void layer_free_refused(struct layer *l, u64 bytes)
{
	l->nr_free--;
	l->live_objs++;
	l->live_bytes += (s64)bytes;
}

/* A free waits in the layer from here to layer_waits_no_more. */
static inline void layer_waits(struct layer *l, u64 bytes)
{
	l->waiting_objs++;
	l->waiting_bytes += (s64)bytes;
}

static inline void layer_waits_no_more(struct layer *l, u64 bytes)
{
	l->waiting_objs--;
	l->waiting_bytes -= (s64)bytes;
}

/*
 * What is done to a layer between suspend and resume is in nobody's books: whoever prepares a
 * machine works below all layers, through the dispatcher as everybody, but its requests are no part
 * of what is measured, and no failure shall be induced in them.
 */
static inline struct layer layer_books_suspend(struct layer *l)
{
	struct layer books = *l;

	l->inject = (struct injection){0};
	return books;
}

static inline void layer_books_resume(struct layer *l, const struct layer *books)
{
	*l = *books;
}

/* "name:base" in instance memory; just the name for a source (base NULL). */
char *derived_name(const char *name, const char *base);

#endif
