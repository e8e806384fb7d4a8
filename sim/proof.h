/*
 * What the replay proves of each request before it runs it.
 */
#ifndef SIM_PROOF_H
#define SIM_PROOF_H

#include "sim/replay.h"

static inline int bad_request(const struct replay *rp, const struct request *r, const char *what,
			      struct err *e)
{
	return err_set(e, "%s: request %llu (%s): %s", rp->tables->name,
		       (unsigned long long)rp->acc.nr_requests,
		       r->kind < NR_REQUEST_KINDS ? request_kind_names[r->kind] : "?", what);
}

/* A shrink, a mark, a read, a compaction, or a kind that does not exist. */
static inline bool asks_for_nothing(const struct source_tables *t, const struct request *r)
{
	switch (r->kind) {
	case REQ_SHRINK:
	case REQ_STORE_COMPACT:
		return true;
	case REQ_MARK:
		return r->object < t->nr_marks;
	case REQ_STORE_READ:
		return r->object < t->nr_objects_max;
	default:
		return false;
	}
}

static inline bool names_what_exists(const struct source_tables *t, const struct request *r)
{
	if (unlikely(r->cpu >= t->nr_cpus || r->order >= MAX_ORDER ||
		     (r->site >= t->nr_sites && r->site)))
		return false;
	if (unlikely(r->kind >= REQ_SHRINK))
		return asks_for_nothing(t, r);
	return r->object < t->nr_objects_max &&
	       (r->kind != REQ_CACHE_ALLOC || r->cache < t->nr_caches);
}

static inline bool in_its_time(const struct replay *rp, const struct request *r)
{
	if (unlikely(r->flags & REQ_F_BIRTH))
		return !rp->timed && !r->t_ns && r->kind != REQ_MARK;
	return r->t_ns >= rp->t_ns && r->t_ns <= rp->tables->duration_ns;
}

#endif
