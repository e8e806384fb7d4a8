/*
 * Blame: who keeps otherwise free pageblocks from being huge pages.
 *
 * Theory: one page that cannot move costs 2 MiB of huge page. The books of the pageblocks say where
 * such pages are and how many; only these pageblocks are walked, and only until all are found. What
 * is seen at an instant stands for the time since the instant before. A pageblock's history is a
 * merge of the two lists, both in order of pageblocks.
 *
 * Invariant: the shares of all holders add up to the pageblocks kept; a walk finds exactly as many
 * pages as the books say.
 *
 * Unlike Linux: CONFIG_PAGE_OWNER knows the stack of every page, and costs every allocation; it
 * does not say since when, nor which pageblocks would be free without.
 */
#include "sim/blame.h"

#include <stdlib.h>

#include "alloc/pages/page_allocator.h"
#include "lib/mem.h"
#include "sim/holders.h"
#include "sim/replay.h"
#include "sim/slab_sites.h"

struct blame_holder {
	u64 key;
	/* At this instant. */
	u64 pages, sole;
	double blocks;
	u32 in_block; /* pages in the pageblock that is looked at */
	/* Over time. */
	double block_ns, page_ns;
	u64 longest_ns;
};

/* A holder of a kept pageblock, or (WHOLE) the pageblock itself, which comes before its holders. */
struct blame_kept {
	u32 block, holder;
	u32 pages;
	u64 since_ns;
};

#define WHOLE UINT32_MAX

/* What a key means: a row of the books, a cache, or one of these. */
enum key_kind { KEY_ROW = 1, KEY_CACHE, KEY_OTHER };
enum other { OTHER_STATE, OTHER_LAYER, OTHER_PERCPU, OTHER_STORE, OTHER_OWN, NR_OTHERS };

static const char *const other_names[NR_OTHERS] = {
	[OTHER_STATE] = "(held at start)",     [OTHER_LAYER] = "(held back by a layer)",
	[OTHER_PERCPU] = "(per-CPU lists)",    [OTHER_STORE] = "(store)",
	[OTHER_OWN] = "(the allocators' own)",
};

static u64 make_key(enum key_kind kind, u64 value)
{
	return value << 2 | kind;
}

/* Pointers are told apart and hashed, never ordered. */
static u64 holder_key(const struct replay *rp, const struct page *page)
{
	if (page->flags & PG_layer)
		return make_key(KEY_OTHER, OTHER_LAYER);
	if (page->flags & PG_slab)
		return make_key(KEY_CACHE, (u64)(uintptr_t)page->slab_cache >> 2);
	if (page->flags & PG_store)
		return make_key(KEY_OTHER, OTHER_STORE);
	if (!(page->flags & PG_held))
		return make_key(KEY_OTHER, OTHER_OWN);
	if (page->index >= HOLDER_STATE)
		return make_key(KEY_OTHER, OTHER_STATE);
	return make_key(KEY_ROW, rp->acc.objects[page->index].row);
}

/* ---- Holders by key ---- */

static u32 *slot_of(const struct blame *b, u64 key)
{
	u32 i = (u32)((key * 0x9e3779b97f4a7c15ULL) >> 32) & (b->nr_slots - 1);

	while (b->slots[i] && b->holders[b->slots[i] - 1].key != key)
		i = (i + 1) & (b->nr_slots - 1);
	return &b->slots[i];
}

static void grow_slots(struct blame *b)
{
	b->nr_slots = b->nr_slots ? 2 * b->nr_slots : 256;
	free(b->slots);
	b->slots = mem_alloc(b->nr_slots, sizeof(*b->slots));
	for (u32 i = 0; i < b->nr_holders; i++)
		*slot_of(b, b->holders[i].key) = i + 1;
}

static u32 holder_of(struct blame *b, u64 key)
{
	u32 *slot;

	if (2 * b->nr_holders >= b->nr_slots)
		grow_slots(b);
	slot = slot_of(b, key);
	if (!*slot) {
		MEM_ROOM(b->holders, b->nr_holders, b->max_holders);
		b->holders[b->nr_holders++] = (struct blame_holder){.key = key};
		*slot = b->nr_holders;
	}
	return *slot - 1;
}

/* ---- One pageblock ---- */

static struct blame_kept *kept_add(struct blame *b, u32 block, u32 holder)
{
	MEM_ROOM(b->kept, b->nr_kept, b->max_kept);
	b->kept[b->nr_kept] =
		(struct blame_kept){.block = block, .holder = holder, .since_ns = b->last_ns};
	return &b->kept[b->nr_kept++];
}

static void add_pages(struct blame *b, u32 block, u64 key, u32 pages)
{
	u32 holder = holder_of(b, key);

	if (!b->holders[holder].in_block)
		kept_add(b, block, holder);
	b->holders[holder].in_block += pages;
}

/* Until all pages that cannot move are found. */
static void find_holders(struct blame *b, const struct replay *rp, u32 block, u32 pinned)
{
	unsigned long pfn = (unsigned long)block << pageblock_order, end = pfn + pageblock_nr_pages;

	while (pinned && pfn < end) {
		const struct page *page = pfn_to_page(pfn);
		u32 pages = 1;

		if (page->flags & (PG_allocated | PG_buddy))
			pages = 1U << page->order;
		if ((page->flags & (PG_allocated | PG_movable)) == PG_allocated) {
			ASSERT(pages <= pinned);
			add_pages(b, block, holder_key(rp, page), pages);
			pinned -= pages;
		}
		pfn += pages;
	}
	ASSERT(!pinned);
}

/* From kept[first] on are the holders of one pageblock: their shares of it. */
static void share_block(struct blame *b, size_t first, u32 pages)
{
	for (size_t i = first; i < b->nr_kept; i++) {
		struct blame_holder *h = &b->holders[b->kept[i].holder];

		b->kept[i].pages = h->in_block;
		h->blocks += (double)h->in_block / pages;
		h->pages += h->in_block;
		h->sole += h->in_block == pages;
		h->in_block = 0;
	}
}

/* Of a pageblock with nothing in use. */
static u32 percpu_pages(u32 block)
{
	unsigned long pfn = (unsigned long)block << pageblock_order, end = pfn + pageblock_nr_pages;
	const struct page *pair = pfn_to_page(pfn & ~((1UL << LARGEST_ORDER) - 1));
	u32 pages = 0;

	if (pair->flags & PG_buddy && pair->order == LARGEST_ORDER)
		return 0;
	while (pfn < end) {
		const struct page *page = pfn_to_page(pfn);

		if (page->flags & PG_pcp)
			pages += 1U << page->order;
		pfn += page->flags & (PG_buddy | PG_pcp) ? 1UL << page->order : 1;
	}
	return pages;
}

static void look_at_block(struct blame *b, const struct replay *rp, u32 block)
{
	const struct pageblock_use *u = &kernel->block_use[block];
	u32 used = 0, pages;
	size_t first;

	for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		used += u->nr[mt];
	if (!u->touched)
		return;
	pages = used ? used - u->movable : b->percpu ? percpu_pages(block) : 0;
	if (!pages || pages > BLAME_PAGES_MAX)
		return;
	kept_add(b, block, WHOLE)->pages = pages;
	first = b->nr_kept;
	if (used)
		find_holders(b, rp, block, pages);
	else
		add_pages(b, block, make_key(KEY_OTHER, OTHER_PERCPU), pages);
	share_block(b, first, pages);
}

/* ---- One instant ---- */

/* Of what was kept before and still is, by the same holder: since when. */
static void merge(struct blame *b)
{
	size_t at = 0, end;

	for (size_t i = 0; i < b->nr_kept; i++) {
		struct blame_kept *k = &b->kept[i];

		while (at < b->nr_before && b->before[at].block < k->block)
			at++;
		for (end = at; end < b->nr_before && b->before[end].block == k->block; end++)
			if (b->before[end].holder == k->holder)
				k->since_ns = b->before[end].since_ns;
	}
}

static void add_up(struct blame *b, u64 t_ns)
{
	double since_ns = (double)(t_ns - b->last_ns);

	for (u32 i = 0; i < b->nr_holders; i++) {
		struct blame_holder *h = &b->holders[i];

		h->block_ns += h->blocks * since_ns;
		h->page_ns += (double)h->pages * since_ns;
	}
	for (size_t i = 0; i < b->nr_kept; i++) {
		const struct blame_kept *k = &b->kept[i];

		if (k->holder != WHOLE)
			b->holders[k->holder].longest_ns =
				max(b->holders[k->holder].longest_ns, t_ns - k->since_ns);
	}
	b->last_ns = t_ns;
}

static void forget_instant(struct blame *b)
{
	struct blame_kept *kept = b->before;
	size_t max_kept = b->max_before;

	b->before = b->kept;
	b->nr_before = b->nr_kept;
	b->max_before = b->max_kept;
	b->kept = kept;
	b->nr_kept = 0;
	b->max_kept = max_kept;
	for (u32 i = 0; i < b->nr_holders; i++) {
		b->holders[i].blocks = 0;
		b->holders[i].pages = b->holders[i].sole = 0;
	}
}

static void look(struct blame *b, const struct replay *rp, u64 t_ns)
{
	u64 nr_blocks = kernel->max_pfn >> pageblock_order;

	forget_instant(b);
	for (u64 block = 0; block < nr_blocks;) {
		u64 region = block >> BLOCK_REGION_SHIFT;

		if (kernel->block_regions[region])
			look_at_block(b, rp, (u32)block++);
		else
			block = (region + 1) << BLOCK_REGION_SHIFT;
	}
	merge(b);
	add_up(b, t_ns);
}

void blame_init(struct blame *b, u64 from_ns, u64 duration_ns)
{
	*b = (struct blame){
		.every_ns = max(duration_ns / BLAME_INSTANTS, (u64)1),
		.nr_left = 2 * BLAME_INSTANTS,
		.next_ns = from_ns,
		.first_ns = from_ns,
		.last_ns = from_ns,
	};
}

void blame_free(struct blame *b)
{
	free(b->holders);
	free(b->slots);
	free(b->kept);
	free(b->before);
}

void blame_due(struct blame *b)
{
	b->next_ns = 0;
	b->nr_left = max(b->nr_left, 1U);
}

static bool has_percpu(const struct page_allocator *pa)
{
	const struct zone *zone;

	for_each_populated_zone (zone)
		if (zone_pageset(pa, zone, 0))
			return true;
	return false;
}

void blame_look(struct blame *b, const struct replay *rp, u64 t_ns)
{
	if (!rp->sink || t_ns < b->next_ns || !b->nr_left || rp->stack.pages->keeps_nothing)
		return;
	b->next_ns = max(b->next_ns + b->every_ns, t_ns + 1);
	b->nr_left--;
	b->percpu = has_percpu(rp->stack.pages);
	look(b, rp, t_ns);
}

/* ---- Results ---- */

static const char *site_of(const struct replay *rp, u64 row)
{
	return rp->tables->nr_sites ? rp->tables->sites[rp->acc.rows[row].site] : "?";
}

static const struct slab_cache *cache_of(const struct blame_holder *h)
{
	return (h->key & 3) == KEY_CACHE ? (const void *)(uintptr_t)(h->key >> 2 << 2) : NULL;
}

static void name_holder(const struct blame_holder *h, const struct replay *rp, const char **site,
			const char **cache)
{
	u64 value = h->key >> 2;

	*site = "";
	switch ((enum key_kind)(h->key & 3)) {
	case KEY_ROW:
		*site = site_of(rp, value);
		*cache = rp->acc.names[rp->acc.rows[value].name].name;
		break;
	case KEY_CACHE:
		*cache = cache_of(h)->name;
		break;
	default:
		*cache = other_names[value];
	}
}

static void report_holder(const struct blame *b, const struct blame_holder *h,
			  const struct replay *rp)
{
	double all_ns = (double)max(b->last_ns - b->first_ns, (u64)1);
	struct sink_blame row = {
		.blocks_end = h->blocks,
		.sole_end = h->sole,
		.pages_end = h->pages,
		.blocks_mean = h->block_ns / all_ns,
		.pages_mean = h->page_ns / all_ns,
		.block_ns = (u64)h->block_ns,
		.longest_ns = h->longest_ns,
	};

	name_holder(h, rp, &row.call_site, &row.cache);
	rp->sink->ops->blame(rp->sink, &row);
}

/* kept[i] is the pageblock, its holders follow: the one with most pages, of equals the first. */
static const struct blame_kept *main_holder(const struct blame *b, size_t i)
{
	const struct blame_kept *most = &b->kept[i + 1];

	for (size_t j = i + 1; j < b->nr_kept && b->kept[j].holder != WHOLE; j++)
		if (b->kept[j].pages > most->pages)
			most = &b->kept[j];
	return most;
}

static void report_block(const struct blame *b, size_t i, const struct replay *rp,
			 const u32 *slab_rows)
{
	const struct blame_kept *k = &b->kept[i], *most = main_holder(b, i);
	unsigned long pfn = (unsigned long)k->block << pageblock_order;
	const struct pageblock_use *u = &kernel->block_use[k->block];
	const struct zone *zone = page_zone(pfn_to_page(pfn));
	struct sink_blame_block row = {
		.node = zone->node,
		.zone = zone->name,
		.pfn = pfn,
		.free_pages = pageblock_nr_pages,
		.movable_pages = u->movable,
		.unmovable_pages = k->pages,
		.kept_ns = b->last_ns - k->since_ns,
	};

	for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		row.free_pages -= u->nr[mt];
	if (row.free_pages == pageblock_nr_pages) /* per-CPU lists alone keep it */
		row.free_pages -= k->pages;
	row.holder_pages = most->pages;
	name_holder(&b->holders[most->holder], rp, &row.call_site, &row.cache);
	if (slab_rows[k->block])
		row.call_site = site_of(rp, slab_rows[k->block]);
	rp->sink->ops->blame_block(rp->sink, &row);
}

static void report_blocks(const struct blame *b, const struct replay *rp)
{
	u64 nr_blocks = kernel->max_pfn >> pageblock_order;
	const struct slab_cache **caches = mem_alloc(nr_blocks, sizeof(*caches));
	u32 *slab_rows = mem_alloc(nr_blocks, sizeof(*slab_rows));

	for (size_t i = 0; i < b->nr_kept; i++)
		if (b->kept[i].holder == WHOLE)
			caches[b->kept[i].block] = cache_of(&b->holders[main_holder(b, i)->holder]);
	slab_sites_find(rp, caches, slab_rows);
	for (size_t i = 0; i < b->nr_kept; i++)
		if (b->kept[i].holder == WHOLE)
			report_block(b, i, rp, slab_rows);
	free(caches);
	free(slab_rows);
}

void blame_report(const struct blame *b, const struct replay *rp)
{
	for (u32 i = 0; i < b->nr_holders; i++)
		report_holder(b, &b->holders[i], rp);
	if (b->nr_kept)
		report_blocks(b, rp);
}
