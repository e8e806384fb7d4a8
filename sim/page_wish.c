/*
 * What a target wishes of each zone, beside what is in use there.
 *
 * Theory: free lists say how large and of which type, not where. Where follows from what is in use:
 * a pageblock with used frames had better be of the type that most of them have; the plan
 * (sim/page_plan.c) does the rest.
 *
 * Invariant: nothing is changed here, and no simulated time passes.
 *
 * Unlike Linux: the recorded machine's reserved and absent frames are frames like others here.
 * Pages on LRU lists are counts without places.
 */
#include "sim/page_wish.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/pages/page_allocator.h"
#include "alloc/pages/pcp.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "sim/metrics.h"

#define NR_ZONES (kernel->nr_node_ids * MAX_NR_ZONES)

static u64 pages_wanted(const struct page_target_zone *z)
{
	u64 pages = 0;

	for (int mt = 0; mt < MIGRATE_TYPES; mt++)
		for (int order = 0; order < MAX_ORDER; order++)
			pages += z->nr_free[mt][order] << order;
	return pages;
}

int page_target_check(const struct page_target *t, struct err *e)
{
	char wanted[32], there[32];
	u64 pages = 0;

	for (unsigned int i = 0; i < t->nr_zones; i++)
		pages += pages_wanted(&t->zones[i]);
	if (pages <= kernel->max_pfn)
		return 0;
	size_print(pages << PAGE_SHIFT, wanted, sizeof(wanted));
	size_print((u64)kernel->max_pfn << PAGE_SHIFT, there, sizeof(there));
	return err_set(
		e,
		"the page memory to start from has %s free, the machine has %s in all: it is "
		"of another machine",
		wanted, there);
}

static struct zone *find_zone(const struct page_target_zone *z)
{
	struct zone *largest = NULL;

	if (z->node < 0 || z->node >= kernel->nr_node_ids)
		return NULL;
	for (int type = 0; type < MAX_NR_ZONES; type++) {
		struct zone *zone = node_zone(z->node, (enum zone_type)type);

		if (!zone->spanned_pages)
			continue;
		if (!strcmp(zone->name, z->zone))
			return zone;
		if (!largest || zone->spanned_pages > largest->spanned_pages)
			largest = zone;
	}
	return largest;
}

static void no_such_zone(struct page_state_report *r, const struct page_target_zone *z)
{
	for (int mt = 0; mt < MIGRATE_TYPES; mt++) {
		for (int order = 0; order < MAX_ORDER; order++) {
			struct page_state_cell cell = {.node = z->node,
						       .migratetype = mt,
						       .order = order,
						       .wanted = z->nr_free[mt][order],
						       .reason = PAGE_STATE_NO_ZONE};

			memcpy(cell.zone, z->zone, sizeof(cell.zone));
			page_state_add_cell(r, &cell);
		}
	}
}

static void add_wish(struct zone_wish *w, const struct page_target_zone *z)
{
	w->sums |= z->sums_only;
	for (int mt = 0; mt < MIGRATE_TYPES; mt++) {
		for (int order = 0; order < MAX_ORDER; order++)
			w->plan.want[mt][order] += z->nr_free[mt][order];
		w->plan.nr_blocks[mt] += z->nr_blocks[mt];
	}
	for (unsigned int cpu = 0; z->pcp_count && cpu < z->nr_cpus; cpu++)
		if ((int)cpu < kernel->nr_cpu_ids)
			w->percpu[cpu] += z->pcp_count[cpu];
	w->nr_told++;
	w->nr_knowing += z->knows_movable;
	w->movable += z->movable_pages;
}

static void sum_types(struct zone_wish *w)
{
	for (int mt = 1; mt < MIGRATE_TYPES; mt++) {
		for (int order = 0; order < MAX_ORDER; order++) {
			w->plan.want[0][order] += w->plan.want[mt][order];
			w->plan.want[mt][order] = 0;
		}
		w->plan.nr_blocks[mt] = 0;
	}
	w->plan.nr_blocks[0] = 0;
}

struct zone_wish *zone_wishes_make(const struct page_target *t, const struct page_allocator *source,
				   struct page_state_report *r)
{
	struct zone_wish *wishes = mem_alloc((size_t)NR_ZONES, sizeof(*wishes));

	for (int i = 0; i < NR_ZONES; i++)
		wishes[i].percpu = mem_alloc((size_t)kernel->nr_cpu_ids, sizeof(u32));
	for (unsigned int i = 0; i < t->nr_zones; i++) {
		const struct page_target_zone *z = &t->zones[i];
		const struct zone *zone = find_zone(z);

		if (!zone) {
			no_such_zone(r, z);
			continue;
		}
		add_wish(&wishes[zone - kernel->zones], z);
		for (int type = 0; type < MAX_NR_ZONES; type++)
			wishes[zone->node * MAX_NR_ZONES + type].told = true;
	}
	for (int i = 0; i < NR_ZONES; i++) {
		wishes[i].sums |= !groups_by_mobility(source);
		if (wishes[i].sums)
			sum_types(&wishes[i]);
	}
	return wishes;
}

void zone_wishes_free(struct zone_wish *wishes)
{
	for (int i = 0; i < NR_ZONES; i++) {
		free(wishes[i].percpu);
		free(wishes[i].blocks);
		page_plan_free(&wishes[i].plan);
	}
	free(wishes);
}

/* ---- What is in use ---- */

struct mobility_count {
	u32 pages[MIGRATE_TYPES];
};

static void count_used(struct page_plan *p, struct mobility_count *counts, unsigned long frame,
		       const struct page *page)
{
	unsigned long nr = min(1UL << page->order, pageblock_nr_pages);

	page_plan_set(p->used, frame, page->order);
	for (unsigned long done = 0; done < 1UL << page->order; done += nr)
		counts[(frame + done) >> pageblock_order].pages[page->migratetype] += (u32)nr;
}

/*
 * Free frames say so in no common way, but used ones do. Once as many are found as the zone lacks,
 * the rest is free, and is not looked at.
 */
static void find_used(struct page_plan *p, const struct zone *zone, struct mobility_count *counts)
{
	u64 left = zone->spanned_pages - (u64)zone->vm_stat[NR_FREE_PAGES];

	for (unsigned long frame = 0; left;) {
		const struct page *page = pfn_to_page(zone->zone_start_pfn + frame);

		ASSERT(frame < p->nr_frames);
		if (page->flags & PG_allocated) {
			count_used(p, counts, frame, page);
			left -= 1UL << page->order;
		}
		frame += page->flags & (PG_allocated | PG_buddy) ? 1UL << page->order : 1;
	}
}

static void plan_classes(struct page_plan *p, const struct zone *zone,
			 const struct page_allocator *source, const struct mobility_count *counts,
			 bool sums)
{
	unsigned long nr = p->nr_frames >> pageblock_order;

	p->nr_classes = sums ? 1 : MIGRATE_TYPES;
	for (unsigned long b = 0; b < nr; b++) {
		unsigned long pfn = zone->zone_start_pfn + (b << pageblock_order);

		int like = prevailing_migratetype(counts[b].pages);

		p->like[b] = like < 0 ? NO_CLASS : sums ? 0 : (u8)like;
		p->class[b] = sums ? 0 : (u8)pageblock_migratetype(source, pfn);
	}
}

void zone_plan_begin(struct page_plan *p, const struct zone *zone,
		     const struct page_allocator *source, bool sums)
{
	struct mobility_count *counts =
		mem_alloc(zone->spanned_pages >> pageblock_order, sizeof(*counts));

	page_plan_init(p, zone->spanned_pages);
	find_used(p, zone, counts);
	plan_classes(p, zone, source, counts, sums);
	free(counts);
}

/* A list gives pages back before it reaches `high`. */
static void wish_percpu(struct zone_wish *w, const struct zone *zone,
			const struct page_allocator *source)
{
	for (u64 i = 0; i < w->nr_blocks; i++)
		w->percpu_wanted += 1ULL << w->blocks[i].order;
	for (int cpu = 0; cpu < kernel->nr_cpu_ids; cpu++) {
		const struct per_cpu_pages *pcp = zone_pageset(source, zone, cpu);

		if (!pcp)
			continue;
		w->percpu_wanted += w->percpu[cpu];
		if (pcp->high)
			w->percpu[cpu] = min(w->percpu[cpu], pcp->high - 1);
		w->plan.nr_percpu += w->percpu[cpu];
	}
}

/* ---- What is known to be free ---- */

static bool any_used(const struct page_plan *p, unsigned long frame, int order)
{
	for (unsigned long i = 0; i < 1UL << order; i++)
		if (bit_test(p->used, frame + i))
			return true;
	return false;
}

/*
 * The CPU whose list a block was on: who got it, unless it was drained by another CPU than its own
 * (__drain_all_pages): then the list that most is still wanted on.
 */
static int cpu_of(const struct zone_wish *w, const struct page_free *f)
{
	int most = f->cpu;

	for (int cpu = 0; w->percpu[f->cpu] < 1U << f->order && cpu < kernel->nr_cpu_ids; cpu++)
		if (w->percpu[cpu] > w->percpu[most])
			most = cpu;
	return most;
}

/* As long as that list has room: it gives pages back at `high`. */
static bool known_percpu(struct zone_wish *w, const struct page_free *f, unsigned long frame,
			 u32 *room)
{
	u32 nr = 1U << f->order;
	int cpu;

	if (f->cpu < 0 || f->cpu >= kernel->nr_cpu_ids)
		return false;
	cpu = cpu_of(w, f);
	if (room[cpu] <= nr)
		return false;
	room[cpu] -= nr;
	w->percpu[cpu] -= min(w->percpu[cpu], nr);
	w->blocks[w->nr_blocks++] =
		(struct percpu_block){.frame = frame, .order = f->order, .cpu = cpu};
	for (u32 i = 0; i < nr; i++)
		bit_set(w->plan.used, frame + i);
	return true;
}

static u32 *rooms_of(const struct zone *zone, const struct page_allocator *source)
{
	u32 *room = mem_alloc((size_t)kernel->nr_cpu_ids, sizeof(*room));

	for (int cpu = 0; cpu < kernel->nr_cpu_ids; cpu++) {
		const struct per_cpu_pages *pcp = zone_pageset(source, zone, cpu);

		room[cpu] = pcp ? pcp->high : 0;
	}
	return room;
}

/* Where nothing is in use, a pageblock is like what its free frames became. */
static void like_known(struct zone_wish *w, const struct mobility_count *counts)
{
	struct page_plan *p = &w->plan;

	for (unsigned long b = 0; b < p->nr_frames >> pageblock_order; b++) {
		int like = prevailing_migratetype(counts[b].pages);

		if (p->like[b] == NO_CLASS && like >= 0)
			p->like[b] = w->sums ? 0 : (u8)like;
	}
}

static void take_known(struct zone_wish *w, const struct zone *zone,
		       const struct page_allocator *source, const struct page_target *t)
{
	struct page_plan *p = &w->plan;
	struct mobility_count *counts =
		mem_alloc(zone->spanned_pages >> pageblock_order, sizeof(*counts));
	u32 *room = rooms_of(zone, source);

	w->blocks = mem_alloc(t->nr_frees, sizeof(*w->blocks));
	for (u64 i = 0; i < t->nr_frees; i++) {
		const struct page_free *f = &t->frees[i];
		unsigned long frame = f->pfn - zone->zone_start_pfn;

		if (f->pfn < zone->zone_start_pfn || frame + (1UL << f->order) > p->nr_frames ||
		    f->order >= MAX_ORDER || any_used(p, frame, f->order))
			continue;
		p->has_known = true;
		if (f->migratetype < MIGRATE_TYPES)
			counts[frame >> pageblock_order].pages[f->migratetype] += 1U << f->order;
		if (!known_percpu(w, f, frame, room))
			page_plan_set(p->known, frame, f->order);
	}
	like_known(w, counts);
	free(counts);
	free(room);
}

/* ---- What can move ---- */

static u64 asked_as_movable(const struct zone *zone)
{
	unsigned long first = zone->zone_start_pfn >> pageblock_order;
	u64 pages = 0;

	for (unsigned long b = 0; b < zone->spanned_pages >> pageblock_order; b++)
		pages += kernel->block_use[first + b].nr[MIGRATE_MOVABLE];
	return pages;
}

/* Movable pages of the load are among those that are told of. */
static void wish_moves(struct zone_wish *w, const struct zone *zone)
{
	w->plan.knows_moves = w->nr_told && w->nr_knowing == w->nr_told;
	w->plan.nr_moves = w->movable - min(w->movable, asked_as_movable(zone));
}

void zone_wish_plan(struct zone_wish *w, const struct zone *zone,
		    const struct page_allocator *source, const struct page_target *target)
{
	struct page_plan *p = &w->plan;
	u64 wanted = 0;

	zone_plan_begin(p, zone, source, w->sums);
	take_known(w, zone, source, target);
	wish_percpu(w, zone, source);
	for (int mt = 0; mt < MIGRATE_TYPES; mt++)
		for (int order = 0; order < MAX_ORDER; order++)
			wanted += p->want[mt][order] << order;
	wish_moves(w, zone);
	w->too_much = wanted > (u64)zone->vm_stat[NR_FREE_PAGES];
	page_plan_make(p);
}
