/*
 * boot: pages before there is a page allocator, and how they become its own.
 *
 * Theory: what stands below has no memory until the hand-over: it is withheld when the layer is
 * made. Until then bootmem (alloc/bootmem.c) serves: blocks above the DMA limit, aligned to their
 * size, of the node asked for or the nearest; frees go back to it. mem_init then walks each zone
 * once, in order of addresses: runs of free frames are handed over (free_all_bootmem), a block that
 * is given out is adopted with its struct as it is, so that its slab allocator finds all it left
 * there (memmap_init must skip such pages). The bitmaps lie in frames that count as free: nobody
 * needs them any more. From then on the layer passes everything on.
 *
 * Before the hand-over the books of the page source are kept here, as if it had given out what
 * bootmem did: memory taken is memory taken, and after it nothing changes.
 *
 * Invariant: until the hand-over, each taken frame holds a part of a bitmap or lies in one block
 * given out, and no other frame does. After it, free and given-out frames of each zone add up to
 * the zone.
 *
 * Unlike Linux: page structs exist from the start.
 */
#include "alloc/boot.h"

#include "alloc/bootmem.h"
#include "alloc/layer.h"
#include "alloc/pages/block.h"
#include "alloc/slab_alloc.h"
#include "lib/glob.h"

#define UNTIL "acpi_*"
#define BEFORE "kernel_init*"

struct boot_pages {
	struct page_allocator pa;
	struct boot_options o;
	bool up; /* handed over */
	u64 byte_pages;
	struct list_head records;
	struct bootmem bootmem;
};

static struct allocator_desc boot_desc;

static struct boot_pages *to_boot(const struct page_allocator *pa)
{
	return container_of((struct page_allocator *)pa, struct boot_pages, pa);
}

const struct page_allocator *boot_layer(const struct page_allocator *pa)
{
	while (pa && pa->desc != &boot_desc)
		pa = pa->base;
	return pa;
}

const struct boot_options *boot_options_of(const struct page_allocator *boot)
{
	return &to_boot(boot)->o;
}

bool boot_options_given(const struct page_allocator *boot)
{
	const struct boot_options *o = &to_boot(boot)->o;

	return strcmp(o->until, UNTIL) || strcmp(o->before, BEFORE);
}

u64 boot_byte_pages(const struct page_allocator *boot)
{
	return to_boot(boot)->byte_pages;
}

struct list_head *boot_records(const struct page_allocator *pages)
{
	return &to_boot(boot_layer(pages))->records;
}

/* ---- Before the hand-over, and after it ---- */

static struct page *give_out(const struct page_allocator *self, unsigned long pfn, int order,
			     gfp_t flags)
{
	struct page *page = pfn_to_page(pfn);

	block_give_out(page, order, flags, gfp_migratetype(flags));
	layer_allocated(self->base->layer, PAGE_SIZE << order);
	return page;
}

/* early_alloc_pages() */
static struct page *boot_allocate(const struct page_allocator *self, int order, gfp_t flags,
				  int node)
{
	struct boot_pages *bp = to_boot(self);
	u64 size = PAGE_SIZE << order, phys;

	charge(COST_CALL);
	if (likely(bp->up))
		return page_alloc(self->base, order, flags, node);
	note_path(PATH_SLOW);
	phys = bootmem_alloc(&bp->bootmem, size, size, flags, node);
	if (phys == BOOTMEM_NONE) {
		self->base->layer->nr_failed++;
		return NULL;
	}
	return give_out(self, phys >> PAGE_SHIFT, order, flags);
}

static struct page *boot_allocate_at(const struct page_allocator *self, unsigned long pfn,
				     int order, gfp_t flags, int node)
{
	struct boot_pages *bp = to_boot(self);

	charge(COST_CALL);
	if (bp->up)
		return page_alloc_at(self->base, pfn, order, flags, node);
	note_path(PATH_SLOW);
	if (!gfp_allows_zone(page_zone(pfn_to_page(pfn)), flags, node) ||
	    !bootmem_reserve(&bp->bootmem, pfn, 1UL << order))
		return NULL;
	return give_out(self, pfn, order, flags);
}

static void boot_free(const struct page_allocator *self, struct page *page, int order)
{
	struct boot_pages *bp = to_boot(self);

	charge(COST_CALL);
	if (likely(bp->up)) {
		page_free(self->base, page, order);
		return;
	}
	note_path(PATH_SLOW);
	block_take_back(page, order);
	bootmem_free(&bp->bootmem, (u64)page_to_pfn(page) << PAGE_SHIFT, PAGE_SIZE << order);
	layer_freed(self->base->layer, PAGE_SIZE << order);
}

static u64 boot_nr_free(const struct page_allocator *self, const struct zone *zone, int migratetype,
			int order)
{
	struct boot_pages *bp = to_boot(self);

	if (bp->up)
		return page_nr_free(self->base, zone, migratetype, order);
	return migratetype == MIGRATE_MOVABLE ? bootmem_nr_free(&bp->bootmem, zone, order) : 0;
}

/* ---- Bytes ---- */

/* A page leaves (or comes back to) every layer between the user and the source. */
static void count_page(const struct page_allocator *pages, struct boot_pages *bp, bool taken)
{
	for (const struct page_allocator *pa = pages; pa; pa = pa->base) {
		if (taken)
			layer_allocated(pa->layer, PAGE_SIZE);
		else
			layer_freed(pa->layer, PAGE_SIZE);
	}
	bp->byte_pages += taken ? 1 : -1ULL;
}

void *boot_alloc_bytes(const struct page_allocator *pages, u64 size, u64 align, gfp_t flags,
		       int node, const struct slab_cache *mixed)
{
	struct boot_pages *bp = to_boot(boot_layer(pages));
	u64 phys;

	ASSERT(!bp->up);
	page_chain_rewrite(pages, &flags, &node);
	phys = bootmem_alloc(&bp->bootmem, size, align, flags, node);
	if (phys == BOOTMEM_NONE)
		return NULL;
	for (u64 at = phys >> PAGE_SHIFT; at <= (phys + size - 1) >> PAGE_SHIFT; at++) {
		struct page *page = pfn_to_page(at);

		if (page->flags & PG_allocated) /* where the last one ended */
			continue;
		block_give_out(page, 0, 0, MIGRATE_UNMOVABLE);
		page->flags |= PG_slab | PG_mixed;
		page->slab_cache = (struct slab_cache *)mixed;
		page->freelist = NULL;
		count_page(pages, bp, true);
	}
	return (char *)page_address(pfn_to_page(phys >> PAGE_SHIFT)) + phys % PAGE_SIZE;
}

unsigned long boot_free_bytes(const struct page_allocator *pages, void *object, u64 size)
{
	struct boot_pages *bp = to_boot(boot_layer(pages));
	u64 phys = virt_to_phys(object);
	unsigned long at = DIV_ROUND_UP(phys, PAGE_SIZE), nr = 0;

	ASSERT(!bp->up);
	for (; at < (phys + size) >> PAGE_SHIFT; at++, nr++) {
		struct page *page = pfn_to_page(at);

		ASSERT(page->flags & PG_mixed);
		slab_page_clear(page);
		block_take_back(page, 0);
		count_page(pages, bp, false);
	}
	bootmem_free(&bp->bootmem, phys, size);
	return nr;
}

/* ---- The hand-over ---- */

/* Frames of the node's bitmap are free in all but their bits. */
static bool holds_map(const struct boot_pages *bp, unsigned long pfn)
{
	const struct bootmem_node *bn = bootmem_node_of(&bp->bootmem, pfn);

	return pfn >= bn->map_pfn && pfn < bn->map_pfn + bn->map_pages;
}

/* Where the run of frames that nobody has, from pfn on, ends. */
static unsigned long free_run(const struct boot_pages *bp, unsigned long pfn, unsigned long end)
{
	const struct bootmem_node *bn = bootmem_node_of(&bp->bootmem, pfn);

	for (;;) {
		pfn = bootmem_next(&bp->bootmem, pfn, end, true);
		if (pfn == end || !holds_map(bp, pfn))
			return pfn;
		pfn = min(bn->map_pfn + bn->map_pages, end);
	}
}

static void hand_over_zone(const struct boot_pages *bp, const struct zone *zone,
			   struct boot_counts *counts)
{
	unsigned long pfn = zone->zone_start_pfn, end = pfn + zone->spanned_pages;
	const struct page_allocator *source = bp->pa.base;

	while (pfn < end) {
		unsigned long next = free_run(bp, pfn, end);
		struct page *page;

		if (next > pfn) {
			source->hand_over(source, pfn, next - pfn);
			counts->handed_over += next - pfn;
			pfn = next;
			continue;
		}
		page = pfn_to_page(pfn);
		ASSERT(page->flags & PG_allocated);
		source->adopt(source, page, page->order);
		counts->kept += 1UL << page->order;
		pfn += 1UL << page->order;
	}
}

static u64 free_pages(const struct page_allocator *pa, const struct zone *zone)
{
	u64 pages = 0;

	for (int mt = 0; mt < MIGRATE_TYPES; mt++)
		for (int order = 0; order < MAX_ORDER; order++)
			pages += page_nr_free(pa, zone, mt, order) << order;
	return pages;
}

/* What bootmem's bits said was free, and what the source says now, each by counting. */
static void recount_zone(const struct boot_pages *bp, const struct zone *zone, u64 free_before,
			 const struct boot_counts *moved)
{
	ASSERT(moved->handed_over + moved->kept == zone->spanned_pages);
	ASSERT(free_before == moved->handed_over);
	ASSERT(free_pages(bp->pa.base, zone) == moved->handed_over);
	ASSERT(zone->vm_stat[NR_FREE_PAGES] == (long)moved->handed_over);
}

/* Frames of the bitmap that lie in this zone. */
static u64 map_pages(const struct boot_pages *bp, const struct zone *zone)
{
	const struct bootmem_node *bn = &bp->bootmem.nodes[zone->node];
	unsigned long end =
		min(bn->map_pfn + bn->map_pages, zone->zone_start_pfn + zone->spanned_pages);

	return end > max(bn->map_pfn, zone->zone_start_pfn)
		       ? end - max(bn->map_pfn, zone->zone_start_pfn)
		       : 0;
}

static void boot_check(const struct page_allocator *self);

void mem_init(const struct page_allocator *boot, struct boot_counts *counts)
{
	struct boot_pages *bp = to_boot(boot);
	struct zone *zone;

	BUG_ON(kernel->slab_state != SLAB_NONE && kernel->slab_state != SLAB_EARLY);
	boot_check(boot);
	*counts = (struct boot_counts){0};
	for_each_populated_zone (zone) {
		u64 free_before = free_pages(boot, zone) + map_pages(bp, zone);
		struct boot_counts moved = {0};

		hand_over_zone(bp, zone, &moved);
		recount_zone(bp, zone, free_before, &moved);
		counts->handed_over += moved.handed_over;
		counts->kept += moved.kept;
	}
	bp->up = true;
	ASSERT((u64)boot->base->layer->live_bytes == counts->kept << PAGE_SHIFT);
	page_allocator_check(boot);
	kernel->slab_state = SLAB_FORBIDDEN;
}

/* ---- Recount ---- */

/* Bit for bit against the structs. */
static unsigned long check_zone(const struct boot_pages *bp, const struct zone *zone)
{
	unsigned long pfn = zone->zone_start_pfn, given = 0;
	const struct bootmem_node *bn = &bp->bootmem.nodes[zone->node];
	unsigned long end = min(pfn + zone->spanned_pages, bn->start_pfn + bn->touched);

	while (pfn < end) {
		const struct page *page = pfn_to_page(pfn);

		if (!(page->flags & PG_allocated)) {
			ASSERT(!(page->flags & ~PG_written));
			ASSERT(bootmem_taken(&bp->bootmem, pfn) == holds_map(bp, pfn));
			pfn++;
			continue;
		}
		ASSERT(page->order < MAX_ORDER && pfn % (1UL << page->order) == 0);
		for (unsigned long i = 0; i < 1UL << page->order; i++) {
			ASSERT(bootmem_taken(&bp->bootmem, pfn + i) && !holds_map(bp, pfn + i));
			ASSERT(!i || (page[i].flags & PG_tail && page[i].index == pfn));
		}
		given += 1UL << page->order;
		pfn += 1UL << page->order;
	}
	return given;
}

static void boot_check(const struct page_allocator *self)
{
	const struct boot_pages *bp = to_boot(self);
	u64 given = 0, clock_ns = kernel->clock_ns;
	struct zone *zone;

	if (bp->up)
		return;
	bootmem_check(&bp->bootmem);
	for_each_populated_zone (zone)
		given += check_zone(bp, zone);
	ASSERT((u64)self->base->layer->live_bytes == given << PAGE_SHIFT);
	kernel->clock_ns = clock_ns; /* looking takes no time */
}

/* ---- Life ---- */

/* Nobody else forgets what is in memory that was never handed over. */
static void forget(const struct boot_pages *bp)
{
	int nid;

	for_each_node (nid) {
		const struct bootmem_node *bn = &bp->bootmem.nodes[nid];

		block_forget(bn->start_pfn, bn->start_pfn + bn->touched);
	}
}

static void boot_destructor(struct page_allocator *self)
{
	struct boot_pages *bp = to_boot(self);

	while (!list_empty(&bp->records)) {
		struct list_head *record = bp->records.next;

		list_del(record);
		instance_free(record);
	}
	if (!bp->up)
		forget(bp);
	bootmem_destroy(&bp->bootmem);
	kernel->slab_state = SLAB_NORMAL;
	derived_destructor(self);
}

static struct page_allocator *boot_create(struct page_allocator *base, const void *options,
					  struct err *e)
{
	const struct boot_options *o = options;
	struct boot_pages *bp;
	size_t at;

	if ((*o->until && glob_check(o->until, &at, e)) ||
	    (*o->before && glob_check(o->before, &at, e)))
		return NULL;
	if (base->base) {
		err_set(e,
			"'%s' would stand below memory that is not up: boot stands on the source",
			base->name);
		return NULL;
	}
	if (!base->withhold(base)) {
		err_set(e, "'%s' has no memory that could come up later", base->name);
		return NULL;
	}
	bp = instance_alloc(sizeof(*bp));
	derive_page_allocator(&bp->pa, base, &boot_desc);
	bp->o = *o;
	bp->pa.allocate = boot_allocate;
	bp->pa.allocate_at = boot_allocate_at;
	bp->pa.free = boot_free;
	bp->pa.check = boot_check;
	bp->pa.nr_free = boot_nr_free;
	bp->pa.destructor = boot_destructor;
	INIT_LIST_HEAD(&bp->records);
	bootmem_init(&bp->bootmem);
	kernel->slab_state = SLAB_NONE;
	return &bp->pa;
}

static const struct opt_desc boot_opts[] = {
	OPT_TEXT("until", struct boot_options, until, UNTIL,
		 "the last call site that is early, a pattern; empty: none is"),
	OPT_TEXT("before", struct boot_options, before, BEFORE,
		 "the first call site behind it, a pattern; empty: the end of the load"),
	OPT_END,
};

static struct allocator_desc boot_desc = {
	.name = "boot",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "pages from bootmem until the page allocator is up",
	.help = "Until the hand-over the allocator below has no memory. Pages come from a bitmap "
		"per node:\n"
		"first fit above the DMA limit, aligned to their size. Then all that is free is "
		"handed\n"
		"over, and pages given out early are freed to it like any other.\n\n"
		"In a replay, requests up to the last one from a call site that matches `until`, "
		"before the\n"
		"first that matches `before`, are early. A load without such call sites begins "
		"with the\n"
		"hand-over.",
	.options = boot_opts,
	.options_size = sizeof(struct boot_options),
	.create_pages = boot_create,
};
ALLOCATOR(boot_desc)
