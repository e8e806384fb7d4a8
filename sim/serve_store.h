/*
 * Requests for compressed objects, served by the stack's store.
 */
#ifndef SIM_SERVE_STORE_H
#define SIM_SERVE_STORE_H

#include "sim/replay.h"

/* The stack's store, and the names of its caches. -1 with e set. */
int __must_check serve_store_begin(struct replay *rp, const struct trial *t, struct err *e);
/* Destroys it; no layer of it may have an object left (ASSERT). None: nothing to do. */
void serve_store_end(struct replay *rp);

/* Stores an object of r->size bytes and writes it; o is its record, not live. */
void serve_store_alloc(struct replay *rp, const struct request *r, struct object *o);
/* Of a live object: whether its contents are what was written is an ASSERT. */
void serve_store_free(struct replay *rp, const struct request *r, struct object *o);
void serve_store_read(struct replay *rp, const struct request *r, struct object *o);
/* r->size: so many KiB are moved at most; 0: whatever is worth it. */
void serve_store_compact(struct replay *rp, const struct request *r);

/* Are the contents of a live object what was written? Takes no simulated time; ASSERTs. */
void store_object_check(const struct replay *rp, const struct object *o);
/* Gives an object's memory back, outside of all books. */
void store_give_back(struct replay *rp, struct object *o);

#endif
