/*
 * Allocation flags of a recording: another kernel's numbers become those of Linux 6.1
 * (alloc/gfp.h); names of kmalloc's caches.
 */
#ifndef TRACES_GFP_H
#define TRACES_GFP_H

#include "sim/source.h"

/* The largest kmalloc that is a slab object: KMALLOC_MAX_CACHE_SIZE of SLUB with 4 KiB pages. */
#define KMALLOC_CACHE_BYTES_MAX 8192

/* How another kernel's flag bits map to those of 6.1, by the names its event format gives them. */
struct gfp_map {
	u32 to[64]; /* 6.1's bits for each recorded bit */
	bool identity;
};

void gfp_map_init(struct gfp_map *m); /* identity */
/* One name of the recorded format with its value; only single bits tell something. */
void gfp_map_learn(struct gfp_map *m, const char *name, u64 value);
u32 gfp_translate_slow(const struct gfp_map *m, u64 gfp);

static inline u32 gfp_translate(const struct gfp_map *m, u64 gfp)
{
	return m->identity ? (u32)gfp : gfp_translate_slow(m, gfp);
}

/* The bits, in numbers of 6.1, of a flag as kernels from 4.x on print it: single flags with and
 * without underscores, combinations, names that are gone. False: no such name. */
bool gfp_name_bits(const char *name, size_t len, u32 *bits);

/* "kmalloc-cg-64" for a kmalloc that got `alloc` bytes with these flags. */
void kmalloc_cache_name(u32 alloc, u32 gfp, char *buf, size_t n);
/* Which flag chose that cache of kmalloc; false: the name is none of kmalloc's. */
bool kmalloc_cache_gfp(const char *name, u32 *gfp);

#endif
