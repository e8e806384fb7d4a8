/*
 * xcfmalloc: a pool of scattered, relocatable objects, by the names its users know.
 *
 * The methods of `struct store` stand on these functions. Who calls them directly bypasses the
 * dispatcher: layer counters know nothing of it.
 *
 * The one question everybody asks: *what does a handle name?* The descriptor of the object's first
 * block, which stays where it is while the blocks move.
 *
 * Source: the API of xcfmalloc v2 (2011).
 */
#ifndef ALLOC_STORE_XCFMALLOC_H
#define ALLOC_STORE_XCFMALLOC_H

#include "alloc/store_alloc.h"

struct xcf_pool;

enum xcf_geometry { XCF_64BIT, XCF_32BIT };
enum xcf_victims { XCF_EMPTIEST, XCF_FEWEST, XCF_OLDEST };

struct xcf_options {
	u64 geometry;	 /* enum xcf_geometry */
	u64 block_shift; /* sizes of blocks are multiples of 1 << block_shift */
	u64 reserve;	 /* wholly free pages that are kept */
	u64 max_blocks;	 /* of one object */
	u64 victims;	 /* enum xcf_victims */
	u64 tries;	 /* pages in a row that compaction fails to empty before it gives up */
	u64 gfp;	 /* added to what each request asks for */
};

/* options NULL: the defaults. gfp: added to options->gfp. NULL with e set: refused. */
struct xcf_pool *xcf_create_pool(const struct store_env *env, const struct xcf_options *options,
				 gfp_t gfp, struct err *e);
/* Live objects go too, with a report. */
void xcf_destroy_pool(struct xcf_pool *pool);
struct store *xcf_store(struct xcf_pool *pool);

/* 1 <= size <= a page less one header; else, or without memory, 0. May sleep if flags allow it. */
unsigned long xcf_malloc(struct xcf_pool *pool, size_t size, gfp_t flags);
/* False, here and below: no live object of this size has this handle; reported, nothing changes. */
bool xcf_free(struct xcf_pool *pool, unsigned long handle, size_t size);
bool xcf_write(struct xcf_pool *pool, unsigned long handle, const void *buf, size_t size);
bool xcf_read(struct xcf_pool *pool, unsigned long handle, void *buf, size_t size);
/* Bytes asked for; 0: no live object. */
size_t xcf_get_alloc_size(const struct xcf_pool *pool, unsigned long handle);
/* Of pages for contents, and descriptors; those of the reserve are left out. */
u64 xcf_get_total_size_bytes(const struct xcf_pool *pool);
u64 xcf_get_desc_count(const struct xcf_pool *pool);
/* Moves blocks until `goal` pages have gone back, or nothing is gained; returns how many have. */
u64 xcf_compact(struct xcf_pool *pool, u64 goal);

#endif
