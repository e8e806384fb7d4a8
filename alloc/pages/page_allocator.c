/*
 * page_allocator: all of simulated memory, as Linux 6.1 hands it out.
 *
 * Theory: memory is divided into zones; each is a buddy system (buddy.c) whose lists are kept apart
 * by mobility (fallback.c), with lists of each CPU's own in front (pcp.c). A request walks the
 * zones in the order of its zonelist (zonelist.c) and takes the first block it finds where enough
 * stays free: above the low watermark, else above min (mm/page_alloc.c, 6.1,
 * get_page_from_freelist). If a zone of the local node can only serve it by
 * mixing mobilities, lower zones of that node are tried first (ALLOC_NOFRAGMENT).
 *
 * Invariant: zone->vm_stat[NR_FREE_PAGES] is what the buddy lists and the untouched range hold;
 * pages of per-CPU lists are not in it.
 *
 * Unlike Linux: watermarks and reserves decide which zone is taken from, but hold no request back,
 * for there is no reclaim and no compaction: it fails only when no zone it may use has a block on
 * its buddy lists, and, if it may reclaim, none on any per-CPU list either. All orders above 0 are
 * compound. Machines under 12 MiB keep grouping by mobility.
 */
#include "alloc/pages/page_allocator.h"

#include <string.h>

#include "alloc/pages/block.h"
#include "alloc/pages/buddy.h"
#include "alloc/pages/pcp.h"
#include "alloc/pages/zone_sizes.h"
#include "alloc/pages/zonelist.h"

struct page_allocator_options {
	bool pcp, grouping, watermarks;
	u64 batch, high;
};

static const struct opt_desc page_allocator_opts[] = {
	OPT_BOOL("pcp", struct page_allocator_options, pcp, "on",
		 "keep free pages of orders 0 to 3 and 9 on lists of each CPU"),
	OPT_U64("batch", struct page_allocator_options, batch, "0", 0, 1 << 20,
		"pages moved to or from such a list at once; 0: the machine's, else by zone size"),
	OPT_U64("high", struct page_allocator_options, high, "0", 0, 1 << 30,
		"pages each CPU keeps of a zone at most; 0: the machine's, else by low watermark"),
	OPT_BOOL("grouping", struct page_allocator_options, grouping, "on",
		 "keep pages of different mobility in different pageblocks"),
	OPT_BOOL("watermarks", struct page_allocator_options, watermarks, "on",
		 "go to another zone before the last pages of this one"),
	OPT_END};

struct page_source {
	struct page_allocator pa;
	struct zonelists zonelists;
	struct buddy_zone *zones; /* beside kernel->zones */
	int nr_zones;
	u8 *pageblock_type;
	bool pcp, grouping, watermarks;
};

static struct allocator_desc page_allocator_desc;

static struct page_source *to_source(const struct page_allocator *pa)
{
	return container_of((struct page_allocator *)pa, struct page_source, pa);
}

/* ---- Allocation ---- */

struct alloc_context {
	struct page_source *ps;
	const struct zonelist *zonelist;
	unsigned int nr_zones;
	int order, migratetype;
	gfp_t flags;
	enum { WMARK_NONE, WMARK_MIN, WMARK_LOW } wmark;
};

static struct buddy_zone *context_zone(const struct alloc_context *ac, unsigned int i)
{
	return &ac->ps->zones[ac->zonelist->zones[i]];
}

/* Who must not wait, and who is important, may go below the mark (gfp_to_alloc_flags). */
static long min_mark(const struct buddy_zone *bz, gfp_t flags)
{
	long min = bz->marks.min;

	if (!(flags & __GFP_HIGH))
		return min;
	min -= min / 2;
	return flags & __GFP_DIRECT_RECLAIM ? min : min - min / 4;
}

/* Would enough be left in the zone (__zone_watermark_ok)? */
static bool watermark_ok(const struct alloc_context *ac, const struct buddy_zone *bz)
{
	long left = bz->zone->vm_stat[NR_FREE_PAGES] - ((1L << ac->order) - 1);
	long mark = ac->wmark == WMARK_LOW ? bz->marks.low : min_mark(bz, ac->flags);

	if (ac->wmark == WMARK_NONE)
		return true;
	if (left <= mark + bz->marks.lowmem_reserve[ac->zonelist->highest])
		return false;
	for (int mt = 0; ac->order && mt < MIGRATE_PCPTYPES; mt++)
		if (bz->nonempty[mt] >> ac->order)
			return true;
	return !ac->order;
}

/* One zone, its per-CPU list or its buddy lists (rmqueue). */
static struct page *take_from_zone(const struct alloc_context *ac, struct buddy_zone *bz,
				   bool nofragment)
{
	struct per_cpu_pages *pcp;
	struct page *page;

	if (!ac->ps->pcp || !pcp_allowed_order(ac->order)) {
		note_path(PATH_SLOW);
		spin_lock_irqsave(&bz->lock);
		page = buddy_take(bz, ac->order, ac->migratetype, nofragment);
		spin_unlock_irqrestore(&bz->lock);
		return page;
	}
	pcp = pcp_enter(bz);
	pcp->free_factor >>= 1;
	page = pcp_pop(pcp, ac->order, ac->migratetype);
	if (!page && pcp_refill(bz, pcp, ac->order, ac->migratetype, nofragment))
		page = pcp_pop(pcp, ac->order, ac->migratetype);
	return page;
}

/*
 * May this request avoid mixing mobilities (alloc_flags_nofragment)? Only from NORMAL with a DMA32
 * zone on the same node to go to instead.
 */
static bool avoid_fragmentation(const struct zone *preferred)
{
	return preferred->type == ZONE_NORMAL &&
	       (kernel->nr_node_ids == 1 || node_zone(preferred->node, ZONE_DMA32)->spanned_pages);
}

static struct page *take_from_zones(const struct alloc_context *ac, bool nofragment)
{
	int node = context_zone(ac, 0)->zone->node;

	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		struct buddy_zone *bz = context_zone(ac, i);
		struct page *page;

		/* Local memory matters more than order in it. */
		if (nofragment && bz->zone->node != node)
			break;
		if (!watermark_ok(ac, bz))
			continue;
		page = take_from_zone(ac, bz, nofragment);
		if (page)
			return page;
	}
	return nofragment ? take_from_zones(ac, false) : NULL;
}

static void drain_zone(struct buddy_zone *bz)
{
	int cpu;

	for_each_possible_cpu (cpu)
		pcp_drain(bz, cpu);
}

static void drain_all(const struct page_source *ps)
{
	for (int i = 0; i < ps->nr_zones; i++)
		drain_zone(&ps->zones[i]);
}

/*
 * Nothing above the low watermarks (__alloc_pages_slowpath). Waking kswapd, compaction and reclaim
 * have their place here, in this order; what remains without them are the reserves, and reclaim's
 * last resort, the pages that other CPUs and other types' lists keep.
 */
static struct page *take_slowly(struct alloc_context *ac)
{
	struct page *page = NULL;

	while (!page && ac->wmark != WMARK_NONE) {
		ac->wmark--;
		page = take_from_zones(ac, false);
	}
	if (page || !(ac->flags & __GFP_DIRECT_RECLAIM) || !ac->ps->pcp)
		return page;
	drain_all(ac->ps);
	return take_from_zones(ac, false);
}

static struct page *take_block(struct alloc_context *ac)
{
	struct page *page;

	if (!ac->nr_zones)
		return NULL;
	page = take_from_zones(ac, avoid_fragmentation(context_zone(ac, 0)->zone));
	return page ? page : take_slowly(ac);
}

/* Everything but the common case: a page on this CPU's list of the zone preferred. */
static struct page *allocate_block(struct page_source *ps, const struct zonelist *zl, int order,
				   gfp_t flags, int migratetype)
{
	struct alloc_context ac = {.ps = ps,
				   .zonelist = zl,
				   .nr_zones = zonelist_nr(zl, flags),
				   .order = order,
				   .migratetype = migratetype,
				   .flags = flags,
				   .wmark = ps->watermarks ? WMARK_LOW : WMARK_NONE};
	struct page *page;

	ASSERT(order >= 0 && order < MAX_ORDER);
	page = take_block(&ac);
	if (page)
		block_give_out(page, order, flags, gfp_migratetype(flags));
	return page;
}

/*
 * The common case stands out for speed only: the first zone of the list is of the node asked for
 * unless that has no memory, and __GFP_THISNODE asks for no other.
 */
static struct page *page_allocator_allocate(const struct page_allocator *self, int order,
					    gfp_t flags, int node)
{
	struct page_source *ps = to_source(self);
	const struct zonelist *zl = gfp_zonelist(&ps->zonelists, flags, node);
	int migratetype = ps->grouping ? gfp_migratetype(flags) : MIGRATE_UNMOVABLE;
	const struct buddy_zone *bz;
	struct per_cpu_pages *pcp;
	struct page *page;

	charge(COST_CALL);
	if (unlikely(order || !zl->nr_thisnode || !ps->pcp))
		return allocate_block(ps, zl, order, flags, migratetype);
	bz = &ps->zones[zl->zones[0]];
	if (unlikely(bz->zone->vm_stat[NR_FREE_PAGES] <=
		     bz->marks.low + bz->marks.lowmem_reserve[zl->highest]))
		return allocate_block(ps, zl, order, flags, migratetype);
	pcp = this_cpu_ptr(bz->pageset);
	page = pcp_pop(pcp, 0, migratetype);
	if (unlikely(!page))
		return allocate_block(ps, zl, order, flags, migratetype);
	pcp->free_factor >>= 1;
	pcp_charge();
	block_give_out(page, 0, flags, gfp_migratetype(flags));
	return page;
}

static struct buddy_zone *page_buddy_zone(const struct page_source *ps, const struct page *page)
{
	return &ps->zones[kernel->section_zone[page_to_pfn(page) >> SECTION_PFN_SHIFT]];
}

static struct page *take_at(struct buddy_zone *bz, unsigned long pfn, int order)
{
	struct page *page;

	spin_lock_irqsave(&bz->lock);
	page = buddy_take_at(bz, pfn, order);
	spin_unlock_irqrestore(&bz->lock);
	return page;
}

static struct page *page_allocator_allocate_at(const struct page_allocator *self, unsigned long pfn,
					       int order, gfp_t flags, int node)
{
	struct page_source *ps = to_source(self);
	struct buddy_zone *bz = page_buddy_zone(ps, pfn_to_page(pfn));
	struct page *page;

	charge(COST_CALL);
	note_path(PATH_SLOW);
	if (!gfp_allows_zone(bz->zone, flags, node))
		return NULL;
	page = take_at(bz, pfn, order);
	if (!page) {
		drain_zone(bz);
		page = take_at(bz, pfn, order);
	}
	if (page)
		block_give_out(page, order, flags, gfp_migratetype(flags));
	return page;
}

/* ---- Freeing ---- */

static void page_allocator_free(const struct page_allocator *self, struct page *page, int order)
{
	struct page_source *ps = to_source(self);
	struct buddy_zone *bz = page_buddy_zone(ps, page);

	charge(COST_CALL);
	block_take_back(page, order);
	if (likely(ps->pcp && pcp_allowed_order(order))) {
		pcp_free(bz, page, order);
		return;
	}
	note_path(PATH_SLOW);
	spin_lock_irqsave(&bz->lock);
	buddy_free(bz, page, order, pageblock_type_of(bz, page_to_pfn(page)));
	spin_unlock_irqrestore(&bz->lock);
}

/* ---- The rest ---- */

static u64 page_allocator_nr_free(const struct page_allocator *self, const struct zone *zone,
				  int migratetype, int order)
{
	const struct buddy_zone *bz = &to_source(self)->zones[zone - kernel->zones];

	return bz->free_area[order].nr_free[migratetype];
}

static void page_allocator_drain_all(const struct page_allocator *self)
{
	drain_all(to_source(self));
}

static bool page_allocator_withhold(const struct page_allocator *self)
{
	const struct page_source *ps = to_source(self);

	ASSERT(!self->layer->live_objs);
	for (int i = 0; i < ps->nr_zones; i++)
		buddy_withhold(&ps->zones[i]);
	return true;
}

static void page_allocator_hand_over(const struct page_allocator *self, unsigned long pfn,
				     unsigned long nr)
{
	buddy_hand_over(page_buddy_zone(to_source(self), pfn_to_page(pfn)), pfn, nr);
}

static void page_allocator_adopt(const struct page_allocator *self, struct page *page, int order)
{
	buddy_adopt(page_buddy_zone(to_source(self), page), page, order);
}

static void page_allocator_check_zones(const struct page_allocator *self)
{
	const struct page_source *ps = to_source(self);

	for (int i = 0; i < ps->nr_zones; i++)
		buddy_zone_check(&ps->zones[i]);
}

static void page_allocator_destructor(struct page_allocator *self)
{
	struct page_source *ps = to_source(self);

	for (int i = 0; i < ps->nr_zones; i++) {
		struct buddy_zone *bz = &ps->zones[i];

		block_forget(bz->zone->zone_start_pfn, bz->fresh_pfn);
		bz->zone->vm_stat[NR_FREE_PAGES] = 0;
		free_percpu(bz->pageset);
	}
	instance_free(ps->zones);
	instance_free(ps->pageblock_type);
	zonelists_destroy(&ps->zonelists);
	derived_destructor(self);
}

static const struct page_source *find_source(const struct page_allocator *pa)
{
	pa = page_allocator_source(pa);
	return pa->desc == &page_allocator_desc ? to_source(pa) : NULL;
}

int pageblock_migratetype(const struct page_allocator *pa, unsigned long pfn)
{
	const struct page_source *ps = find_source(pa);

	return ps ? ps->pageblock_type[pfn >> pageblock_order] : -1;
}

bool groups_by_mobility(const struct page_allocator *pa)
{
	const struct page_source *ps = find_source(pa);

	return ps && ps->grouping;
}

void set_pageblock_migratetype(const struct page_allocator *pa, unsigned long pfn, int migratetype)
{
	const struct page_source *ps = find_source(pa);

	if (ps && ps->grouping)
		buddy_set_type(page_buddy_zone(ps, pfn_to_page(pfn)),
			       pfn & ~(pageblock_nr_pages - 1), migratetype);
}

const struct per_cpu_pages *zone_pageset(const struct page_allocator *pa, const struct zone *zone,
					 int cpu)
{
	const struct page_source *ps = find_source(pa);
	const struct buddy_zone *bz = ps ? &ps->zones[zone - kernel->zones] : NULL;

	return bz && bz->pageset ? per_cpu_ptr(bz->pageset, cpu) : NULL;
}

/* The stack's, the zone's, the machine's: the first that says something. */
static unsigned int setting(u64 option, unsigned int zone, unsigned int machine)
{
	if (option)
		return (unsigned int)option;
	return zone ? zone : machine;
}

static void set_watermarks(struct buddy_zone *bz, const struct zone_sizes *sizes, bool on)
{
	bz->marks = (struct zone_watermarks){.min = -1, .low = -1};
	if (!on)
		return;
	bz->marks.min = (long)sizes->min;
	bz->marks.low = (long)sizes->low;
	for (int type = 0; type < MAX_NR_ZONES; type++)
		bz->marks.lowmem_reserve[type] = (long)sizes->lowmem_reserve[type];
}

static void create_zones(struct page_source *ps, const struct page_allocator_options *o)
{
	unsigned long min_free = min_free_pages();

	for (int i = 0; i < ps->nr_zones; i++) {
		struct buddy_zone *bz = &ps->zones[i];
		struct zone *zone = &kernel->zones[i];
		unsigned int batch = setting(o->batch, zone->pcp_batch, kernel->pcp_batch);
		unsigned int high = setting(o->high, zone->pcp_high, kernel->pcp_high);
		struct zone_sizes sizes;

		buddy_zone_init(bz, zone, ps->pageblock_type,
				ps->grouping ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE);
		if (!zone->spanned_pages)
			continue;
		zone_sizes_compute(&sizes, zone, min_free, batch);
		set_watermarks(bz, &sizes, ps->watermarks);
		if (ps->pcp)
			pcp_create(bz, sizes.pcp_batch, high ? high : sizes.pcp_high);
	}
}

static struct page_allocator *page_allocator_create(struct page_allocator *base,
						    const void *options, struct err *e)
{
	const struct page_allocator_options *o = options;
	size_t nr_pageblocks = kernel->max_pfn >> pageblock_order;
	struct page_source *ps;

	if (!o->pcp && (o->batch || o->high)) {
		err_set(e, "batch and high describe per-CPU lists: they need pcp=on");
		return NULL;
	}
	ps = instance_alloc(sizeof(*ps));
	derive_page_allocator(&ps->pa, base, &page_allocator_desc);
	ps->pa.allocate = page_allocator_allocate;
	ps->pa.allocate_at = page_allocator_allocate_at;
	ps->pa.free = page_allocator_free;
	ps->pa.destructor = page_allocator_destructor;
	ps->pa.check = page_allocator_check_zones;
	ps->pa.nr_free = page_allocator_nr_free;
	ps->pa.drain = page_allocator_drain_all;
	ps->pa.withhold = page_allocator_withhold;
	ps->pa.hand_over = page_allocator_hand_over;
	ps->pa.adopt = page_allocator_adopt;
	ps->pcp = o->pcp;
	ps->grouping = o->grouping;
	ps->watermarks = o->watermarks;
	ps->pageblock_type = instance_alloc(nr_pageblocks);
	memset(ps->pageblock_type, o->grouping ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE,
	       nr_pageblocks);
	zonelists_create(&ps->zonelists);
	ps->nr_zones = kernel->nr_node_ids * MAX_NR_ZONES;
	ps->zones = instance_alloc((size_t)ps->nr_zones * sizeof(*ps->zones));
	create_zones(ps, o);
	return &ps->pa;
}

static struct allocator_desc page_allocator_desc = {
	.name = "page_allocator",
	.model = "buddy",
	.kind = ALLOC_PAGES,
	.role = ROLE_SOURCE,
	.summary = "the buddy system: all of simulated memory, as Linux 6.1 hands it out",
	.help = "Zones and zonelists by node distance, orders 0 to 10, free lists by mobility with "
		"the "
		"fallback and claim rules of Linux 6.1, per-CPU lists for orders 0 to 3 and 9.\n\n"
		"A request is refused only when no block of its size exists in any zone it may "
		"use.",
	.options = page_allocator_opts,
	.options_size = sizeof(struct page_allocator_options),
	.create_pages = page_allocator_create,
};
ALLOCATOR(page_allocator_desc)
