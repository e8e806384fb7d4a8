/*
 * bootmem: memory before there is a page allocator.
 *
 * Theory: a bit a frame, searched from the bottom for the first run that is long enough (first
 * fit). Early memory comes from above the DMA limit, so that little of what devices need is used
 * up. A bit tells nothing about parts of a page, so what small allocations leave of one is
 * remembered for the last allocation only: if the first fit for the next one is the frame right
 * behind, it begins where the last one ended (the last-offset trick). Frees give back whole pages.
 * (mm/bootmem.c, Linux 2.6.11.)
 *
 * The bitmap of a node lies in memory of the node, above the DMA limit where it has such memory,
 * and is reserved in itself.
 *
 * Invariant: bit set <=> frame taken. No free frame lies before `lowest`, none was ever taken from
 * `touched` on: both save searching and change no result. If last_offset is not 0, the frame
 * last_pos is taken, and nothing was handed out there from last_offset on.
 *
 * Unlike Linux: all memory is free at first, instead of reserved until the firmware's map has been
 * read; a free bit is 0 in memory nobody wrote, so a bitmap costs the host what is used of it.
 * Memory is not zeroed unasked. A last page that is freed is forgotten as such (there, the next
 * allocation would have begun in a free page). Other nodes are tried in the order of zonelists.
 */
#include "alloc/bootmem.h"

#include <string.h>

#include "alloc/pages/bit_blocks.h"

#define NOT_FOUND (~0UL)

/* ---- Searching ---- */

/* The first frame whose bit is `taken`, of those from `at` on; `end` if there is none. */
static unsigned long next_bit(const struct bootmem_node *bn, unsigned long at, unsigned long end,
			      bool taken)
{
	while (at < end) {
		u64 word = bn->map[at / BITS_PER_WORD];
		u64 bits = (taken ? word : ~word) >> at % BITS_PER_WORD;

		charge(COST_LIST_STEP);
		if (bits)
			return min(at + bit_lowest(bits), end);
		at = ALIGN(at + 1, (unsigned long)BITS_PER_WORD);
	}
	return end;
}

unsigned long bootmem_next(const struct bootmem *bm, unsigned long pfn, unsigned long end,
			   bool taken)
{
	const struct bootmem_node *bn = bootmem_node_of(bm, pfn);
	unsigned long start = bn->start_pfn, touched = start + bn->touched;

	if (pfn >= touched)
		return taken ? end : pfn;
	pfn = start + next_bit(bn, pfn - start, min(touched, end) - start, taken);
	return taken && pfn == touched ? end : pfn;
}

static unsigned long find_run(const struct bootmem_node *bn, unsigned long at, unsigned long end,
			      unsigned long nr, unsigned long align)
{
	for (;;) {
		unsigned long taken;

		at = ALIGN(next_bit(bn, at, end, false), align);
		if (at + nr > end)
			return NOT_FOUND;
		taken = next_bit(bn, at, at + nr, true);
		if (taken == at + nr)
			return at;
		at = taken + 1;
	}
}

/* In the node's memory below the DMA limit (0) or above it (1), and below `limit`. */
static unsigned long find_in(struct bootmem_node *bn, int above, unsigned long limit,
			     unsigned long nr, unsigned long align)
{
	unsigned long end = above ? bn->end_pfn - bn->start_pfn : bn->dma_end;

	bn->lowest[above] = next_bit(bn, bn->lowest[above], end, false);
	return find_run(bn, bn->lowest[above], min(end, limit), nr, align);
}

/* ---- Taking ---- */

static void take(struct bootmem_node *bn, unsigned long at, unsigned long nr)
{
	for (unsigned long i = at; i < at + nr; i++) {
		ASSERT(!bit_test(bn->map, i));
		bit_set(bn->map, i);
	}
	bn->touched = max(bn->touched, at + nr);
}

/* Begins in the frame where the last allocation ended; `at` is the one behind. */
static u64 alloc_in_last_page(struct bootmem_node *bn, unsigned long at, u64 size, u64 align)
{
	u64 offset = ALIGN((u64)bn->last_offset, align);
	u64 phys = ((u64)(bn->start_pfn + bn->last_pos) << PAGE_SHIFT) + offset;
	u64 end = offset + size;

	if (end > PAGE_SIZE) {
		unsigned long nr = DIV_ROUND_UP(end - PAGE_SIZE, PAGE_SIZE);

		take(bn, at, nr);
		bn->last_pos = at + nr - 1;
	}
	bn->last_offset = (unsigned int)(end % PAGE_SIZE);
	return phys;
}

static u64 alloc_in_node(struct bootmem_node *bn, u64 size, u64 align, unsigned long limit,
			 bool dma)
{
	unsigned long nr = DIV_ROUND_UP(size, PAGE_SIZE);
	unsigned long step = max(align / PAGE_SIZE, 1UL), at = NOT_FOUND;

	charge_memory(page_to_nid(pfn_to_page(bn->start_pfn)));
	if (!dma)
		at = find_in(bn, 1, limit, nr, step);
	if (at == NOT_FOUND)
		at = find_in(bn, 0, limit, nr, step);
	if (at == NOT_FOUND)
		return BOOTMEM_NONE;
	if (align < PAGE_SIZE && bn->last_offset && bn->last_pos + 1 == at)
		return alloc_in_last_page(bn, at, size, align);
	take(bn, at, nr);
	bn->last_pos = at + nr - 1;
	bn->last_offset = (unsigned int)(size % PAGE_SIZE);
	return (u64)(bn->start_pfn + at) << PAGE_SHIFT;
}

u64 bootmem_alloc(struct bootmem *bm, u64 size, u64 align, gfp_t flags, int node)
{
	const struct zonelist *zl = gfp_zonelist(&bm->zonelists, flags, node);
	unsigned int nr = zonelist_nr(zl, flags);
	int tried = NUMA_NO_NODE;

	ASSERT(size && is_power_of_2(align));
	for (unsigned int i = 0; i < nr; i++) {
		const struct zone *zone = &kernel->zones[zl->zones[i]];
		struct bootmem_node *bn = &bm->nodes[zone->node];
		u64 phys;

		if (zone->node == tried) /* the first of a node is its highest */
			continue;
		tried = zone->node;
		phys = alloc_in_node(bn, size, align,
				     zone->zone_start_pfn + zone->spanned_pages - bn->start_pfn,
				     gfp_zone(flags) == ZONE_DMA);
		if (phys != BOOTMEM_NONE)
			return phys;
	}
	return BOOTMEM_NONE;
}

bool bootmem_reserve(struct bootmem *bm, unsigned long pfn, unsigned long nr)
{
	struct bootmem_node *bn = bootmem_node_of(bm, pfn);
	unsigned long at = pfn - bn->start_pfn;

	charge_memory(page_to_nid(pfn_to_page(pfn)));
	if (next_bit(bn, at, at + nr, true) != at + nr)
		return false;
	take(bn, at, nr);
	return true;
}

void bootmem_free(struct bootmem *bm, u64 phys, u64 size)
{
	struct bootmem_node *bn = bootmem_node_of(bm, phys >> PAGE_SHIFT);
	unsigned long at = DIV_ROUND_UP(phys, PAGE_SIZE) - bn->start_pfn;
	unsigned long end = ((phys + size) >> PAGE_SHIFT) - bn->start_pfn;

	charge_memory(page_to_nid(pfn_to_page(phys >> PAGE_SHIFT)));
	if (at >= end)
		return;
	for (unsigned long i = at; i < end; i++) {
		ASSERT(bit_test(bn->map, i));
		bit_clear(bn->map, i);
	}
	if (at < bn->dma_end)
		bn->lowest[0] = min(bn->lowest[0], at);
	if (end > bn->dma_end)
		bn->lowest[1] = min(bn->lowest[1], max(at, bn->dma_end));
	if (bn->last_pos >= at && bn->last_pos < end)
		bn->last_offset = 0;
}

/* ---- Counting ---- */

static u64 count_aligned(const struct bootmem_node *bn, const struct zone *zone, int order)
{
	unsigned long first = zone->zone_start_pfn - bn->start_pfn;
	unsigned long touched = ALIGN(bn->touched, 1UL << LARGEST_ORDER), nr;

	if (order == MAX_ORDER)
		return 0;
	nr = touched > first ? min(touched - first, zone->spanned_pages) : 0;
	return ((zone->spanned_pages - nr) >> order) +
	       count_free_blocks(bn->map + first / BITS_PER_WORD, nr / BITS_PER_WORD, order);
}

u64 bootmem_nr_free(const struct bootmem *bm, const struct zone *zone, int order)
{
	const struct bootmem_node *bn = &bm->nodes[zone->node];

	if (!zone->spanned_pages)
		return 0;
	return count_aligned(bn, zone, order) - 2 * count_aligned(bn, zone, order + 1);
}

/* Words behind the last one that was touched are zero: nobody wrote them. */
static void check_node(const struct bootmem_node *bn)
{
	unsigned long nr = ALIGN(bn->touched, (unsigned long)BITS_PER_WORD), taken = 0;
	unsigned long map = bn->map_pfn - bn->start_pfn;

	for (unsigned long at = 0; at < nr; at++) {
		bool set = bit_test(bn->map, at);

		taken += set;
		ASSERT(set || at >= bn->lowest[at >= bn->dma_end]);
		ASSERT(!set || at < bn->touched);
		ASSERT(set || at < map || at >= map + bn->map_pages);
	}
	ASSERT(taken >= bn->map_pages && nr <= bn->end_pfn - bn->start_pfn);
	ASSERT(!bn->last_offset || bit_test(bn->map, bn->last_pos));
}

void bootmem_check(const struct bootmem *bm)
{
	int nid;

	for_each_node (nid)
		if (bm->nodes[nid].map_pages)
			check_node(&bm->nodes[nid]);
}

/* ---- Life ---- */

/* First frame above the memory that old devices reach. */
static unsigned long dma_limit(void)
{
	unsigned long limit = 0;
	int nid;

	for_each_node (nid) {
		const struct zone *zone = node_zone(nid, ZONE_DMA);

		limit = max(limit, zone->zone_start_pfn + zone->spanned_pages);
	}
	return limit;
}

/* Memory of a node lies end to end, zone after zone. */
static void span(struct bootmem_node *bn, int nid)
{
	for (int type = 0; type < MAX_NR_ZONES; type++) {
		const struct zone *zone = node_zone(nid, (enum zone_type)type);

		if (!zone->spanned_pages)
			continue;
		if (bn->start_pfn == bn->end_pfn)
			bn->start_pfn = zone->zone_start_pfn;
		bn->end_pfn = zone->zone_start_pfn + zone->spanned_pages;
	}
}

static void place_map(struct bootmem_node *bn)
{
	unsigned long nr = bn->end_pfn - bn->start_pfn, at;

	bn->map_pages = DIV_ROUND_UP(nr, 8 * PAGE_SIZE);
	at = bn->dma_end + bn->map_pages <= nr ? bn->dma_end : 0;
	bn->map_pfn = bn->start_pfn + at;
	for (unsigned long i = 0; i < bn->map_pages; i++) {
		struct page *page = pfn_to_page(bn->map_pfn + i);
		bool written = page->flags & PG_written;
		void *words = page_address(page);

		if (written)
			memset(words, 0, PAGE_SIZE);
	}
	bn->map = page_name(pfn_to_page(bn->map_pfn));
	take(bn, at, bn->map_pages);
}

void bootmem_init(struct bootmem *bm)
{
	unsigned long limit = dma_limit();
	int nid;

	zonelists_create(&bm->zonelists);
	bm->nodes = instance_alloc((size_t)kernel->nr_node_ids * sizeof(*bm->nodes));
	for_each_node (nid) {
		struct bootmem_node *bn = &bm->nodes[nid];

		span(bn, nid);
		if (bn->start_pfn == bn->end_pfn)
			continue;
		bn->dma_end = limit > bn->start_pfn ? min(limit, bn->end_pfn) - bn->start_pfn : 0;
		bn->lowest[1] = bn->dma_end;
		place_map(bn);
	}
}

void bootmem_destroy(struct bootmem *bm)
{
	instance_free(bm->nodes);
	zonelists_destroy(&bm->zonelists);
}
