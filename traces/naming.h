/*
 * Which cache an object belongs to, where kmem_cache_alloc does not say.
 *
 * Theory. The free names the cache; so do the other objects of the same slab page (a page belongs
 * to one cache). For objects that are neither freed nor have named neighbours, the others of the
 * same type decide: type is (call site, bytes asked for, bytes got). A kfree has no name either:
 * there the other objects freed at its site decide. Decisions are by majority, kept with one
 * candidate and one counter (Boyer and Moore 1981): exact whenever there is a true majority.
 */
#ifndef TRACES_NAMING_H
#define TRACES_NAMING_H

#include "sim/source.h"
#include "traces/names.h"
#include "traces/spool.h"

/* Numbers of caches are 16 bits. More than this: the input is damaged. */
#define CACHES_MAX 0xff00U

struct vote {
	u32 cache, count; /* count 0: none */
};

struct cache_info {
	u32 object_size, size; /* 0: not seen */
	u32 spacing;	       /* greatest common divisor of distances between its objects */
	bool kmalloc, reclaimable, unnamed;
	u64 allocs, frees;
};

struct alloc_type {
	u32 req, alloc;
	struct vote vote;
};

struct naming {
	struct names names; /* number of a name = number of its cache */
	struct cache_info *caches;
	u32 caches_max;
	struct map kmalloc_caches; /* (flags, bytes) -> cache */
	struct map types_by_hash;
	struct alloc_type *types;
	u32 nr_types, types_max;
	struct vote *sites; /* by number of the free's call site */
	u32 sites_max;
};

void naming_init(struct naming *n);
void naming_free(struct naming *n);

/* The number of a cache, by name. */
u32 naming_cache(struct naming *n, const char *name, size_t len);
u32 naming_kmalloc_cache(struct naming *n, u32 alloc, u32 gfp);
u32 naming_type(struct naming *n, u32 site, u32 req, u32 alloc);

/* An object of this type turned out to belong to the cache; one of the cache was freed at the
 * site. */
void naming_learn_type(struct naming *n, u32 type, u32 cache);
void naming_learn_site(struct naming *n, u32 site, u32 cache);

/* The cache that objects of this type had so far; the code itself if none is known. */
static inline u32 naming_guess(const struct naming *n, u32 code)
{
	const struct vote *v;

	if ((code & SPOOL_CACHE_HOW) != SPOOL_CACHE_TYPE)
		return code;
	v = &n->types[code & ~SPOOL_CACHE_HOW].vote;
	return v->count ? v->cache : code;
}

/* A spool record's `cache` (SPOOL_CACHE_*) at the end: always a cache, unnamed ones are made. */
u32 naming_resolve(struct naming *n, u32 code, bool *unresolved);

/* Fills in sizes that no allocation showed: from the distances of objects. */
void naming_finish(struct naming *n);
/* Smallest power of two from 8 to 4096 that explains `size` from `object_size`; 8 if none does. */
u32 naming_align(u32 object_size, u32 size);

#endif
