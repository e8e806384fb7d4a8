/*
 * Whose objects lie on the slabs of a pageblock.
 *
 * Theory: a page of a slab does not know who asked for its objects, but the books of the load know
 * where each object lies. One pass over all objects, for the pageblocks that are asked about, is
 * cheap enough for the end of a run, and only for that.
 *
 * Invariant: of equals the row that came first.
 *
 * Unlike Linux: with slub_debug=U each object would remember its call site, at a cost.
 */
#include "sim/slab_sites.h"

#include <stdlib.h>

#include "lib/mem.h"

struct found {
	u64 *keys; /* pageblock << 32 | row, one for each object */
	size_t nr, max;
};

static void look_at(struct found *f, const struct object *o, const struct slab_cache *const *caches)
{
	const struct page *page = virt_to_head_page(o->addr);
	u64 block = page_to_pfn(page) >> pageblock_order;

	if (!caches[block] || !(page->flags & PG_slab) || page->slab_cache != caches[block])
		return;
	MEM_ROOM(f->keys, f->nr, f->max);
	f->keys[f->nr++] = block << 32 | o->row;
}

static int by_key(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

void slab_sites_find(const struct replay *rp, const struct slab_cache *const *caches, u32 *rows)
{
	struct found f = {.nr = 0};
	size_t most = 0, end;

	for (u64 i = 0; i < rp->acc.nr_objects_max; i++)
		if (rp->acc.objects[i].addr)
			look_at(&f, &rp->acc.objects[i], caches);
	if (f.nr)
		qsort(f.keys, f.nr, sizeof(*f.keys), by_key);
	for (size_t i = 0; i < f.nr; i = end) {
		u64 block = f.keys[i] >> 32;

		for (end = i + 1; end < f.nr && f.keys[end] == f.keys[i];)
			end++;
		if (!rows[block])
			most = 0;
		if (end - i > most) {
			rows[block] = (u32)f.keys[i];
			most = end - i;
		}
	}
	free(f.keys);
}
