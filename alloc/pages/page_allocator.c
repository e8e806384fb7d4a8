/*
 * page_allocator: all of simulated memory, as Linux 6.1 hands it out.
 *
 * Theory: memory is divided into zones; each is a buddy system (buddy.c) whose lists are kept apart
 * by mobility (fallback.c), with lists of each CPU's own in front (pcp.c). A request walks the
 * zones in the order of its zonelist (zonelist.c) and takes the first block it finds where enough
 * stays free above the low watermark (freelist.c). One that finds none makes room, or has to do
 * without (slowpath.c).
 *
 * Invariant: zone->vm_stat[NR_FREE_PAGES] is what the buddy lists and the untouched range hold;
 * pages of per-CPU lists are not in it.
 *
 * Unlike Linux: on a bare machine and in the replay of a recording watermarks decide which zone is
 * taken from, but hold no request back: it fails only when no zone it may use has a block. All
 * orders above 0 are compound. Where nothing is grouped all pageblocks are UNMOVABLE from the
 * beginning; there they are MOVABLE until they are first taken from, a fallback each.
 */
#include "alloc/pages/page_allocator.h"

#include <string.h>

#include "alloc/pages/block.h"
#include "alloc/pages/compact.h"
#include "alloc/pages/idle_drain.h"
#include "alloc/pages/page_source.h"
#include "alloc/pages/pcp.h"
#include "alloc/pages/vmscan.h"
#include "alloc/pages/zone_sizes.h"

enum { GROUPING_OFF, GROUPING_ON, GROUPING_AUTO };
static const char *const grouping_names[] = {"off", "on", "auto", NULL};

static const struct opt_desc page_allocator_opts[] = {
	OPT_BOOL("pcp", struct page_allocator_options, pcp, "on",
		 "keep free pages of orders 0 to 3 and 9 on lists of each CPU"),
	OPT_U64("batch", struct page_allocator_options, batch, "0", 0, 1 << 20,
		"pages moved to or from such a list at once; 0: the machine's, else by zone size"),
	OPT_U64("high", struct page_allocator_options, high, "0", 0, 1 << 30,
		"pages each CPU keeps of a zone at most; 0: the machine's, else by low watermark"),
	OPT_ENUM("grouping", struct page_allocator_options, grouping, "auto", grouping_names,
		 "keep pages of different mobility in different pageblocks; auto: as Linux, on "
		 "where "
		 "memory has a pageblock for each type"),
	OPT_BOOL("watermarks", struct page_allocator_options, watermarks, "on",
		 "keep part of each zone free: go to another one, wake kswapd, reclaim or refuse"),
	OPT_U64("boost", struct page_allocator_options, boost, "15000", 0, 1000000,
		"how far watermarks rise where mobilities were mixed, in 1/10,000 of high "
		"(vm.watermark_boost_factor); 0: never"),
	OPT_BOOL("compaction", struct page_allocator_options, compaction, "on",
		 "move pages to make large free blocks"),
	OPT_U64("proactiveness", struct page_allocator_options, proactiveness, "20", 0, 100,
		"how eagerly kcompactd does so by itself (vm.compaction_proactiveness); 0: never"),
	OPT_END};

static struct allocator_desc page_allocator_desc;

static struct page_source *to_source(const struct page_allocator *pa)
{
	return container_of((struct page_allocator *)pa, struct page_source, pa);
}

/* ---- Allocation ---- */

static struct page *take_block(const struct alloc_context *ac)
{
	struct page *page;

	if (!ac->nr_zones)
		return NULL;
	page = get_page_from_freelist(ac, ALLOC_WMARK_LOW | ALLOC_NOFRAGMENT |
						  (ac->gfp & __GFP_KSWAPD_RECLAIM));
	return page ? page : alloc_pages_slowpath(ac);
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
				   .gfp = flags};
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
	int asked = gfp_migratetype(flags), migratetype = ps->grouping ? asked : MIGRATE_UNMOVABLE;
	const struct buddy_zone *bz;
	struct per_cpu_pages *pcp;
	struct page *page;

	charge(COST_CALL);
	if (unlikely(order || !zl->nr_thisnode || !ps->o.pcp))
		return allocate_block(ps, zl, order, flags, migratetype);
	bz = &ps->zones[zl->zones[0]];
	if (unlikely(bz->zone->vm_stat[NR_FREE_PAGES] <= bz->fast_mark[zl->highest]))
		return allocate_block(ps, zl, order, flags, migratetype);
	pcp = this_cpu_ptr(bz->pageset);
	page = pcp_pop(pcp, 0, migratetype);
	if (unlikely(!page))
		return allocate_block(ps, zl, order, flags, migratetype);
	pcp->free_factor >>= 1;
	pcp_charge();
	count_zone_vm_events(PGALLOC_DMA, bz->zone, 1);
	block_give_out(page, 0, flags, asked);
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
		drain_zone_pages(bz);
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
	count_vm_events(PGFREE, 1ULL << order);
	block_take_back(page, order);
	if (likely(ps->o.pcp && pcp_allowed_order(order))) {
		pcp_free(bz, page, order);
		return;
	}
	note_path(PATH_SLOW);
	spin_lock_irqsave(&bz->lock);
	buddy_free(bz, page, order, pageblock_type_of(bz, page_to_pfn(page)));
	spin_unlock_irqrestore(&bz->lock);
	note_zone_change(bz);
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
	drain_all_pages(to_source(self));
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
	idle_drain_destroy(ps);
	vmscan_destroy(ps);
	compaction_destroy(ps);
	instance_free(ps->nodes);
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

const struct zone_watermarks *zone_marks(const struct page_allocator *pa, const struct zone *zone)
{
	const struct page_source *ps = find_source(pa);

	return ps ? &ps->zones[zone - kernel->zones].marks : NULL;
}

static bool pageblock_is_mixed(const struct page_source *ps, unsigned long block)
{
	const struct pageblock_use *use = &kernel->block_use[block];

	for (int mt = 0; mt < MIGRATE_PCPTYPES; mt++)
		if (use->nr[mt] && mt != ps->pageblock_type[block])
			return true;
	return false;
}

u64 nr_mixed_pageblocks(const struct page_allocator *pa, const struct zone *zone)
{
	const struct page_source *ps = find_source(pa);
	unsigned long block = zone->zone_start_pfn >> pageblock_order, region;
	unsigned long end = block + (zone->spanned_pages >> pageblock_order);
	u64 n = 0;

	while (ps && block < end) {
		region = block >> BLOCK_REGION_SHIFT;
		if (kernel->block_regions[region])
			n += pageblock_is_mixed(ps, block++);
		else
			block = (region + 1) << BLOCK_REGION_SHIFT;
	}
	return n;
}

/* The stack's, the zone's, the machine's: the first that says something. */
static unsigned int setting(u64 option, unsigned int zone, unsigned int machine)
{
	if (option)
		return (unsigned int)option;
	return zone ? zone : machine;
}

/* A zone of few pageblocks is not boosted: that alone could use up its memory. */
static long boost_max(const struct zone *zone, long high, u64 factor)
{
	long most = high * (long)factor / 10000;

	if (pageblock_nr_pages * 4 > zone->spanned_pages || most <= 0)
		return 0;
	return max((long)pageblock_nr_pages, most);
}

static void set_watermarks(struct buddy_zone *bz, const struct zone_sizes *sizes,
			   const struct page_allocator_options *o)
{
	struct zone_watermarks marks = {.min = -1, .low = -1, .high = -1};

	if (o->watermarks) {
		marks.min = (long)sizes->min;
		marks.low = (long)sizes->low;
		marks.high = (long)sizes->high;
		for (int type = 0; type < MAX_NR_ZONES; type++)
			marks.lowmem_reserve[type] = (long)sizes->lowmem_reserve[type];
	}
	zone_set_marks(bz, &marks);
	bz->boost_max = boost_max(bz->zone, marks.high, o->boost);
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
		set_watermarks(bz, &sizes, &ps->o);
		if (ps->o.pcp)
			pcp_create(bz, sizes.pcp_batch, high ? high : sizes.pcp_high);
	}
}

/* page_group_by_mobility_disabled (build_all_zonelists). */
static bool groups(const struct page_allocator_options *o)
{
	unsigned long nr_types = MIGRATE_TYPES + 1; /* MIGRATE_ISOLATE is one there */

	if (o->grouping != GROUPING_AUTO)
		return o->grouping == GROUPING_ON;
	return kernel->max_pfn >= pageblock_nr_pages * nr_types;
}

static void create_nodes(struct page_source *ps)
{
	ps->nodes = instance_alloc((size_t)kernel->nr_node_ids * sizeof(*ps->nodes));
	for (int nid = 0; nid < kernel->nr_node_ids; nid++)
		ps->nodes[nid] = (struct pglist_data){.ps = ps, .nid = nid};
	compaction_create(ps);
	vmscan_create(ps);
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
	ps->o = *o;
	ps->grouping = groups(o);
	ps->pageblock_type = instance_alloc(nr_pageblocks);
	memset(ps->pageblock_type, ps->grouping ? MIGRATE_MOVABLE : MIGRATE_UNMOVABLE,
	       nr_pageblocks);
	zonelists_create(&ps->zonelists);
	ps->nr_zones = kernel->nr_node_ids * MAX_NR_ZONES;
	ps->zones = instance_alloc((size_t)ps->nr_zones * sizeof(*ps->zones));
	create_zones(ps, o);
	idle_drain_create(ps);
	create_nodes(ps);
	return &ps->pa;
}

static struct allocator_desc page_allocator_desc = {
	.name = "page_allocator",
	.model = "buddy",
	.kind = ALLOC_PAGES,
	.role = ROLE_SOURCE,
	.summary = "the buddy system: all of simulated memory, as Linux 6.1 hands it out",
	.help = "Zones and zonelists by node distance, orders 0 to 10, free lists by mobility with "
		"the fallback and claim rules of Linux 6.1, per-CPU lists for orders 0 to 3 and "
		"9; watermarks with boost and reserves, the HIGHATOMIC reserve, reclaim and "
		"compaction.\n\n"
		"In made-up loads a request is refused where Linux refuses it. In a replay it is "
		"refused only when no block of its size exists in any zone it may use, for what "
		"was reclaimed is among the recorded frees.\n\n"
		"How high watermarks are says the machine file, as vm.min_free_kbytes and "
		"vm.watermark_scale_factor do: `watermarks: {min_free: 16MiB, scale: 10}`; scale "
		"in 1/10,000 of a zone, min_free 0B as Linux computes it.",
	.options = page_allocator_opts,
	.options_size = sizeof(struct page_allocator_options),
	.create_pages = page_allocator_create,
};
ALLOCATOR(page_allocator_desc)
