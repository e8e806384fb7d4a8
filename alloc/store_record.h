/*
 * What derived stores with handles of their own have in common: each handle is the address of a
 * record in a cache of the layer's.
 */
#ifndef ALLOC_STORE_RECORD_H
#define ALLOC_STORE_RECORD_H

#include "alloc/store_alloc.h"

/*
 * Makes self (embedded first in an instance) stand on base, with a cache of records. `what` it does
 * begins the message if base, pages or slabs keep nothing. -1 with e set: self is gone, and base's
 * reference is the caller's again.
 */
int __must_check derive_store_with_records(struct store *self, struct store *base,
					   const struct store_env *env,
					   const struct allocator_desc *desc, const char *cache,
					   unsigned int record_bytes, const char *what,
					   struct err *e);

static inline struct kmem_cache *store_records(const struct store *self)
{
	return self->caches[0];
}

/* A record, whose bytes mean nothing yet, and an object of the base's; NULL: either was refused. */
void *store_record_alloc(struct store *self, size_t size, gfp_t flags, unsigned long *base_handle);

/* "a slab of cache 'dentry'": what lies at the address of a handle that is none of the layer's. */
void store_describe(const struct store *self, unsigned long handle, char *buf, size_t n);

#endif
