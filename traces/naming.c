/*
 * Which cache an object belongs to.
 */
#include "traces/naming.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/mem.h"
#include "traces/gfp.h"

/* A kfree of which nothing is known: half of all kmalloc objects are this size or smaller. */
#define UNKNOWN_KMALLOC_BYTES 64U

void naming_init(struct naming *n)
{
	*n = (struct naming){0};
	names_init(&n->names);
	map_init(&n->kmalloc_caches);
	map_init(&n->types_by_hash);
}

void naming_free(struct naming *n)
{
	names_free(&n->names);
	map_free(&n->kmalloc_caches);
	map_free(&n->types_by_hash);
	free(n->caches);
	free(n->types);
	free(n->sites);
	*n = (struct naming){0};
}

/* "dma-kmalloc-8k" -> 8192; 0 if it is none of kmalloc's names. */
static u32 kmalloc_name_bytes(const char *name)
{
	const char *dash = strrchr(name, '-');
	char *end;
	unsigned long v;
	u32 gfp;

	if (!kmalloc_cache_gfp(name, &gfp) || !dash)
		return 0;
	v = strtoul(dash + 1, &end, 10);
	return (u32)(*end == 'k' ? v * 1024 : v);
}

u32 naming_cache(struct naming *n, const char *name, size_t len)
{
	u32 old = n->names.nr, c = names_add(&n->names, name, len), gfp = 0;
	bool kmalloc;

	if (n->names.nr == old)
		return c;
	kmalloc = kmalloc_cache_gfp(n->names.text[c], &gfp);
	MEM_ROOM(n->caches, c, n->caches_max);
	n->caches[c] = (struct cache_info){.kmalloc = kmalloc};
	n->caches[c].size = n->caches[c].object_size = kmalloc_name_bytes(n->names.text[c]);
	n->caches[c].reclaimable = gfp == __GFP_RECLAIMABLE;
	return c;
}

u32 naming_kmalloc_cache(struct naming *n, u32 alloc, u32 gfp)
{
	u32 type = gfp & (__GFP_DMA | __GFP_RECLAIMABLE | __GFP_ACCOUNT);
	u32 *at = map_put(&n->kmalloc_caches, (u64)type << 32 | alloc, UINT32_MAX);
	char name[32];

	if (*at == UINT32_MAX) {
		kmalloc_cache_name(alloc, gfp, name, sizeof(name));
		*at = naming_cache(n, name, strlen(name));
	}
	return *at;
}

u32 naming_type(struct naming *n, u32 site, u32 req, u32 alloc)
{
	u64 hash = digest_u64(digest_u64(DIGEST_INIT, (u64)site << 32 | req), alloc);
	u32 *at = map_put(&n->types_by_hash, hash ? hash : 1, UINT32_MAX);

	if (*at != UINT32_MAX)
		return *at;
	MEM_ROOM(n->types, n->nr_types, n->types_max);
	n->types[n->nr_types] = (struct alloc_type){.req = req, .alloc = alloc};
	*at = n->nr_types;
	return n->nr_types++;
}

static void vote_for(struct vote *v, u32 cache)
{
	if (v->count && v->cache == cache) {
		v->count++;
	} else if (v->count) {
		v->count--;
	} else {
		v->cache = cache;
		v->count = 1;
	}
}

void naming_learn_type(struct naming *n, u32 type, u32 cache)
{
	struct alloc_type *t = &n->types[type];
	struct cache_info *c = &n->caches[cache];

	vote_for(&t->vote, cache);
	if (!c->kmalloc) {
		c->object_size = t->req;
		c->size = t->alloc;
	}
}

void naming_learn_site(struct naming *n, u32 site, u32 cache)
{
	if (site >= n->sites_max) {
		u32 more = ALIGN(site + site / 2 + 1, 1024U);

		n->sites = mem_grow_zeroed(n->sites, n->sites_max, more, sizeof(*n->sites));
		n->sites_max = more;
	}
	vote_for(&n->sites[site], cache);
}

static u32 resolve_type(struct naming *n, u32 type, bool *unresolved)
{
	const struct alloc_type *t = &n->types[type];
	char name[32];
	u32 c;

	if (t->vote.count)
		return t->vote.cache;
	*unresolved = true;
	if (t->req == t->alloc)
		snprintf(name, sizeof(name), "anon-%u", t->alloc);
	else
		snprintf(name, sizeof(name), "anon-%u-%u", t->req, t->alloc);
	c = naming_cache(n, name, strlen(name));
	n->caches[c].unnamed = true;
	n->caches[c].object_size = t->req;
	n->caches[c].size = t->alloc;
	return c;
}

static u32 resolve_site(struct naming *n, u32 site, bool *unresolved)
{
	if (site < n->sites_max && n->sites[site].count)
		return n->sites[site].cache;
	*unresolved = true;
	return naming_kmalloc_cache(n, UNKNOWN_KMALLOC_BYTES, 0);
}

u32 naming_resolve(struct naming *n, u32 code, bool *unresolved)
{
	u32 number = code & ~SPOOL_CACHE_HOW;

	*unresolved = false;
	switch (code & SPOOL_CACHE_HOW) {
	case SPOOL_CACHE_TYPE:
		return resolve_type(n, number, unresolved);
	case SPOOL_CACHE_SITE:
		return resolve_site(n, number, unresolved);
	default:
		return number;
	}
}

void naming_finish(struct naming *n)
{
	for (u32 c = 0; c < n->names.nr; c++) {
		struct cache_info *ci = &n->caches[c];

		if (ci->object_size)
			continue;
		/* Orphans only. Distances are multiples of the size; one object tells nothing. */
		ci->object_size = ci->spacing ? min(ci->spacing, 8192U) : UNKNOWN_KMALLOC_BYTES;
		ci->size = ci->object_size;
	}
}

u32 naming_align(u32 object_size, u32 size)
{
	for (u32 a = 8; a <= 4096; a *= 2)
		if (ALIGN(object_size, a) == size)
			return a;
	return 8;
}
