/*
 * One request, served on the stack: the middle of replay.c's loop.
 */
#ifndef SIM_SERVE_H
#define SIM_SERVE_H

#include "sim/replay.h"

/* An allocation; o is its object's record, not live. */
void serve_alloc(struct replay *rp, const struct request *r, struct object *o);
/* The free of a live object. */
void serve_free(struct replay *rp, const struct request *r, struct object *o);
/* Gives an object's memory back, outside of all books. Returns the op for the latency tables. */
unsigned int serve_give_back(struct replay *rp, struct object *o);

/* Reclaim takes a live object's memory: addr is NULL, evicted set. */
void serve_evict(struct replay *rp, struct object *o);
/* An evicted object gets memory again, on the CPU that runs; false: refused. */
bool serve_refault(struct replay *rp, struct object *o, gfp_t gfp, int node);

#endif
