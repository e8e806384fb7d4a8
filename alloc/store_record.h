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

/* "a slab of cache 'dentry'": what lies at the address of a handle that is none of the layer's. */
void store_describe(const struct store *self, unsigned long handle, char *buf, size_t n);

/* What reports call a handle: its physical address, where it has one. */
static inline unsigned long long handle_name(unsigned long handle)
{
	return virt_addr_valid((const void *)handle) ? virt_to_phys((const void *)handle) : handle;
}

#endif
