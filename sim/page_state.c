/*
 * Brings the page memory of a running stack into a given state.
 *
 * Theory: every frame that must not be free is taken, in blocks as large as possible; then what is
 * left free is what was planned (sim/page_plan.c), for free blocks are always as large as their
 * frames allow. Nothing has to be freed on the way, so whole largest blocks that stay free are
 * never touched. Pageblocks get their type once they hold no other free blocks than planned ones.
 * Frames for per-CPU lists are taken like the rest and then freed on their CPU. What can move is
 * held page by page, for compaction moves single pages only.
 *
 * Frames are taken from the innermost allocator of the chain, below all layers: they belong to
 * somebody the load knows nothing of. Their structs alone remember them: a list beside 100 GiB of
 * single pages would be as long. An object's frames come through the whole chain, as any
 * request of the load does.
 *
 * Invariant: the books of the source are those of a machine that never had the frames that are
 * held (PG_held, HOLDER_STATE; `nr_held` blocks) or `taken`.
 *
 * Unlike Linux: no kernel can be told its state.
 */
#include "sim/page_state.h"

#include <stdlib.h>
#include <string.h>

#include "alloc/layer.h"
#include "alloc/pages/page_allocator.h"
#include "alloc/pages/pcp.h"
#include "lib/mem.h"
#include "sim/holders.h"
#include "sim/machine.h"
#include "sim/page_wish.h"

_Static_assert(PAGE_TARGET_ORDERS == MAX_ORDER && PAGE_TARGET_TYPES == MIGRATE_TYPES,
	       "a target speaks of the kernel's orders and types");

/* ---- Taking and giving below all layers, in nobody's books ---- */

static struct page *take_frames(const struct page_state *ps, unsigned long pfn, int order,
				int migratetype)
{
	static const gfp_t flags[MIGRATE_TYPES] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE,
						   GFP_KERNEL | __GFP_RECLAIMABLE, GFP_KERNEL};
	const struct zone *zone = page_zone(pfn_to_page(pfn));
	int type = zone->type == ZONE_MOVABLE ? MIGRATE_MOVABLE : migratetype;
	struct layer books = layer_books_suspend(ps->source->layer);
	struct page *page = page_alloc_at(ps->source, pfn, order, flags[type], zone->node);

	layer_books_resume(ps->source->layer, &books);
	return page;
}

static void give_frames(const struct page_state *ps, unsigned long pfn, int order)
{
	struct layer books = layer_books_suspend(ps->source->layer);

	page_free(ps->source, pfn_to_page(pfn), order);
	layer_books_resume(ps->source->layer, &books);
}

void page_state_adopt(struct page_state *ps, struct page *page, bool movable)
{
	page_holder_set(page, HOLDER_STATE, movable);
	ps->nr_held++;
	ps->report.reserved_pages += 1ULL << page->order;
}

static bool hold_block(struct page_state *ps, unsigned long pfn, int order, int migratetype,
		       bool movable)
{
	struct page *page = take_frames(ps, pfn, order, migratetype);

	if (!page)
		return false;
	page_state_adopt(ps, page, movable);
	return true;
}

/* Movable ones page by page. All of it, or nothing. */
static bool hold_frames(struct page_state *ps, unsigned long pfn, int order, int migratetype)
{
	unsigned long nr = 1UL << order;

	if (migratetype != MIGRATE_MOVABLE || !order)
		return hold_block(ps, pfn, order, migratetype, migratetype == MIGRATE_MOVABLE);
	if (!take_frames(ps, pfn, order, migratetype))
		return false;
	give_frames(ps, pfn, order);
	for (unsigned long i = 0; i < nr; i++)
		if (!hold_block(ps, pfn + i, 0, migratetype, true))
			return false; /* someone's per-CPU list took the rest */
	return true;
}

/* ---- Before the births: places ---- */

static bool is_of_load(const struct page_state *ps, const struct page_place *place)
{
	return place->object < ps->nr_objects;
}

static bool machine_has(const struct page_place *place)
{
	unsigned long nr = 1UL << place->order;

	return place->order < MAX_ORDER && place->migratetype < MIGRATE_TYPES &&
	       place->pfn % nr == 0 && place->pfn < kernel->max_pfn;
}

static void take_place(struct page_state *ps, u64 i)
{
	const struct page_place *place = &ps->target->places[i];
	bool had = false;

	if (!is_of_load(ps, place)) {
		ps->report.places++;
		if (machine_has(place))
			had = hold_frames(ps, place->pfn, place->order, place->migratetype);
		ps->report.places_moved += !had;
		return;
	}
	ps->place_of[place->object] = (u32)i + 1;
	if (machine_has(place) && take_frames(ps, place->pfn, place->order, place->migratetype))
		bit_set(ps->taken, i);
}

static void take_places(struct page_state *ps)
{
	ps->place_of = mem_alloc(ps->nr_objects, sizeof(*ps->place_of));
	ps->taken = mem_alloc(ps->target->nr_places / BITS_PER_WORD + 1, sizeof(u64));
	for (u64 i = 0; i < ps->target->nr_places; i++)
		take_place(ps, i);
}

/* ---- What is known to be free: births keep off it ---- */

/* The largest blocks of `map` in this one, as far as they are to be had. */
static void take_free(struct page_state *ps, const u64 *map, unsigned long pfn, int order)
{
	if (page_plan_clear(map, pfn, order))
		return;
	if (page_plan_full(map, pfn, order) && take_frames(ps, pfn, order, MIGRATE_MOVABLE)) {
		MEM_ROOM(ps->kept_free, ps->nr_kept_free, ps->max_kept_free);
		ps->kept_free[ps->nr_kept_free++] = (u64)pfn << 8 | (u64)order;
	} else if (order) {
		take_free(ps, map, pfn, order - 1);
		take_free(ps, map, pfn + (1UL << (order - 1)), order - 1);
	}
}

static void keep_free(struct page_state *ps)
{
	unsigned long end = kernel->max_pfn >> LARGEST_ORDER << LARGEST_ORDER;
	u64 *map = mem_alloc(end / BITS_PER_WORD + 1, sizeof(u64));

	for (u64 i = 0; i < ps->target->nr_frees; i++) {
		const struct page_free *f = &ps->target->frees[i];

		if (f->order < MAX_ORDER && f->pfn + (1ULL << f->order) <= end)
			page_plan_set(map, f->pfn, f->order);
	}
	for (unsigned long pfn = 0; ps->target->nr_frees && pfn < end; pfn += 1UL << LARGEST_ORDER)
		take_free(ps, map, pfn, LARGEST_ORDER);
	free(map);
}

static void give_free(struct page_state *ps)
{
	for (size_t i = 0; i < ps->nr_kept_free; i++)
		give_frames(ps, ps->kept_free[i] >> 8, (int)(ps->kept_free[i] & 0xff));
	ps->nr_kept_free = 0;
}

int page_state_begin(struct page_state *ps, const struct page_target *target,
		     const struct page_allocator *pages, u64 nr_objects, struct err *e)
{
	*ps = (struct page_state){
		.pages = pages, .source = page_allocator_source(pages), .nr_objects = nr_objects};
	if (!target)
		return 0;
	ps->report.wanted = true;
	ps->report.keeps_nothing = pages->keeps_nothing;
	if (pages->keeps_nothing)
		return 0;
	if (page_target_check(target, e))
		return -1;
	ps->target = target;
	take_places(ps);
	keep_free(ps);
	return 0;
}

struct page *page_state_birth(struct page_state *ps, u32 object, int order, gfp_t flags)
{
	const struct page_place *place;
	struct page *page = NULL;
	u64 i;

	if (!ps->place_of || !ps->place_of[object])
		return NULL;
	i = ps->place_of[object] - 1;
	place = &ps->target->places[i];
	ps->place_of[object] = 0;
	ps->report.births++;
	if (bit_test(ps->taken, i) && order == place->order) {
		give_frames(ps, place->pfn, order);
		bit_clear(ps->taken, i);
		/* It was of the node asked for, whichever that was. */
		page = page_alloc_at(ps->pages, place->pfn, order, flags,
				     page_to_nid(pfn_to_page(place->pfn)));
	}
	ps->report.births_moved += !page;
	return page;
}

/* Places whose object was not born after all are nobody's. */
static void keep_unborn(struct page_state *ps)
{
	for (u64 i = 0; i < ps->target->nr_places; i++) {
		const struct page_place *place = &ps->target->places[i];

		if (!bit_test(ps->taken, i))
			continue;
		bit_clear(ps->taken, i);
		give_frames(ps, place->pfn, place->order);
		ps->report.places++;
		ps->report.places_moved +=
			!hold_frames(ps, place->pfn, place->order, place->migratetype);
	}
}

/* ---- Carrying it out ---- */

static void hold_unused(struct page_state *ps, const struct zone *zone, const struct page_plan *p,
			unsigned long frame, int order)
{
	unsigned long pfn = zone->zone_start_pfn + frame;
	int type = ps->pinned ? MIGRATE_UNMOVABLE : p->class[frame >> pageblock_order];

	if (p->moves)
		hold_block(ps, pfn, order, type, bit_test(p->moves, frame));
	else
		hold_frames(ps, pfn, order, type);
}

/* Does none of it move, or all? */
static bool moves_alike(const struct page_plan *p, unsigned long frame, int order)
{
	return !p->moves || !order || page_plan_clear(p->moves, frame, order);
}

/* All of a block that is neither used nor to stay free. */
static void hold_rest(struct page_state *ps, const struct zone *zone, const struct page_plan *p,
		      unsigned long frame, int order)
{
	if (page_plan_full(p->used, frame, order))
		return;
	if (page_plan_clear(p->used, frame, order) && moves_alike(p, frame, order)) {
		hold_unused(ps, zone, p, frame, order);
		return;
	}
	hold_rest(ps, zone, p, frame, order - 1);
	hold_rest(ps, zone, p, frame + (1UL << (order - 1)), order - 1);
}

static void hold_zone(struct page_state *ps, const struct zone *zone, struct page_plan *p)
{
	for (unsigned long i = 0; i < p->nr_frames / BITS_PER_WORD; i++)
		p->used[i] |= p->keep[i];
	for (u64 i = 0; i < p->nr_percpu; i++)
		bit_set(p->used, p->percpu[i]);
	for (unsigned long frame = 0; frame < p->nr_frames; frame += 1UL << LARGEST_ORDER)
		hold_rest(ps, zone, p, frame, LARGEST_ORDER);
}

static void set_types(const struct page_state *ps, const struct zone *zone,
		      const struct page_plan *p)
{
	for (unsigned long b = 0; b < p->nr_frames >> pageblock_order; b++) {
		unsigned long pfn = zone->zone_start_pfn + (b << pageblock_order);

		if (pageblock_migratetype(ps->source, pfn) != p->class[b])
			set_pageblock_migratetype(ps->source, pfn, p->class[b]);
	}
}

void page_state_carry_out(struct page_state *ps, const struct zone *zone, struct page_plan *p,
			  enum page_state_hold how)
{
	ps->pinned = how == HOLD_PINNED;
	hold_zone(ps, zone, p);
	if (!ps->pinned)
		set_types(ps, zone, p);
	ps->pinned = false;
}

static void take_percpu(struct page_state *ps, const struct zone *zone, struct zone_wish *w)
{
	struct page_plan *p = &w->plan;
	u64 nr = 0;

	for (u64 i = 0; i < w->nr_blocks; i++) {
		struct percpu_block *b = &w->blocks[i];

		b->taken = take_frames(ps, zone->zone_start_pfn + b->frame, b->order,
				       p->class[b->frame >> pageblock_order]);
	}
	for (u64 i = 0; i < p->nr_percpu; i++)
		if (take_frames(ps, zone->zone_start_pfn + p->percpu[i], 0,
				p->class[p->percpu[i] >> pageblock_order]))
			p->percpu[nr++] = p->percpu[i];
	p->nr_percpu = nr;
}

static void give_on_cpu(struct page_state *ps, unsigned long pfn, int order, int cpu)
{
	struct machine *m = machine_current();

	machine_enter_event(m, cpu, m->now_ns);
	give_frames(ps, pfn, order);
}

/* What it did before is over: a list that was trimmed of late would give all back at the first
 * block. */
static void settle_list(const struct page_state *ps, const struct zone *zone, int cpu)
{
	const struct per_cpu_pages *pcp = zone_pageset(ps->source, zone, cpu);

	if (pcp)
		((struct per_cpu_pages *)(uintptr_t)pcp)->free_factor = 0;
}

/* Each CPU frees its pages, neighbours together. Those known to be on its list come last, and of
 * them last the one to be given out first. */
static void fill_percpu(struct page_state *ps, const struct zone *zone, struct zone_wish *w)
{
	struct machine *m = machine_current();
	int cpu, before = kernel->cpu;

	for (cpu = 0; cpu < kernel->nr_cpu_ids; cpu++)
		settle_list(ps, zone, cpu);
	cpu = 0;
	for (u64 i = 0; i < w->plan.nr_percpu; i++) {
		while (!w->percpu[cpu])
			cpu = (cpu + 1) % kernel->nr_cpu_ids;
		w->percpu[cpu]--;
		give_on_cpu(ps, zone->zone_start_pfn + w->plan.percpu[i], 0, cpu);
	}
	for (u64 i = w->nr_blocks; i--;)
		if (w->blocks[i].taken)
			give_on_cpu(ps, zone->zone_start_pfn + w->blocks[i].frame,
				    w->blocks[i].order, w->blocks[i].cpu);
	machine_enter_event(m, before, m->now_ns);
	for (cpu = 0; w->plan.nr_percpu + w->nr_blocks && cpu < kernel->nr_cpu_ids; cpu++)
		ps->report.percpu_got += zone_pageset(ps->source, zone, cpu)->count;
}

static u64 zone_nr_free(const struct page_state *ps, const struct zone *zone, int migratetype,
			int order)
{
	u64 nr = 0;

	if (migratetype >= 0)
		return page_nr_free(ps->source, zone, migratetype, order);
	for (int mt = 0; mt < MIGRATE_TYPES; mt++)
		nr += page_nr_free(ps->source, zone, mt, order);
	return nr;
}

static void report_cells(struct page_state *ps, const struct zone *zone, const struct zone_wish *w)
{
	for (int c = 0; c < (int)w->plan.nr_classes; c++) {
		for (int order = 0; order < MAX_ORDER; order++) {
			int mt = w->sums ? -1 : c;
			struct page_state_cell cell = {.node = zone->node,
						       .migratetype = mt,
						       .order = order,
						       .wanted = w->plan.want[c][order],
						       .got = zone_nr_free(ps, zone, mt, order),
						       .reason = PAGE_STATE_REFUSED};

			strcpy(cell.zone, zone->name);
			if (w->plan.missed[c][order])
				cell.reason =
					w->too_much ? PAGE_STATE_NO_MEMORY : PAGE_STATE_NO_ROOM;
			page_state_add_cell(&ps->report, &cell);
		}
	}
}

static void report_types(struct page_state *ps, const struct zone_wish *w)
{
	const struct page_plan *p = &w->plan;
	u64 got[MIGRATE_TYPES] = {0};

	for (unsigned long b = 0; b < p->nr_frames >> pageblock_order; b++)
		got[p->class[b]]++;
	for (int mt = 0; mt < MIGRATE_TYPES; mt++) {
		ps->report.pageblocks += p->nr_blocks[mt];
		ps->report.pageblocks_other += p->nr_blocks[mt] - min(p->nr_blocks[mt], got[mt]);
	}
}

static void settle_zone(struct page_state *ps, const struct zone *zone, struct zone_wish *w)
{
	zone_wish_plan(w, zone, ps->source, ps->target);
	ps->report.sums |= w->sums;
	ps->report.percpu_wanted += w->percpu_wanted;
	hold_zone(ps, zone, &w->plan);
	take_percpu(ps, zone, w);
	if (!w->sums)
		set_types(ps, zone, &w->plan);
	fill_percpu(ps, zone, w);
	report_cells(ps, zone, w);
	report_types(ps, w);
}

static int nothing_met(const struct page_state *ps, struct err *e)
{
	char text[400];

	page_state_summary(&ps->report, text, sizeof(text));
	return err_set(e, "the page memory to start from cannot be had on this machine: %s", text);
}

int page_state_settle(struct page_state *ps, struct err *e)
{
	const struct zone *zone;
	struct zone_wish *wishes;

	if (!ps->target)
		return 0;
	keep_unborn(ps);
	give_free(ps);
	page_allocator_drain(ps->source);
	wishes = zone_wishes_make(ps->target, ps->source, &ps->report);
	for_each_populated_zone (zone)
		if (wishes[zone - kernel->zones].told)
			settle_zone(ps, zone, &wishes[zone - kernel->zones]);
	zone_wishes_free(wishes);
	if (ps->report.pages_wanted && !ps->report.pages_met)
		return nothing_met(ps, e);
	return 0;
}

bool page_state_holds(const struct page *page)
{
	return page->flags & PG_held && page->index == HOLDER_STATE;
}

/* They may have moved since they were taken: the frames themselves say what is held. */
static void give_held(struct page_state *ps, const struct zone *zone)
{
	unsigned long end = zone->zone_start_pfn + zone->spanned_pages;

	for (unsigned long pfn = zone->zone_start_pfn; pfn < end && ps->nr_held;) {
		const struct page *page = pfn_to_page(pfn);
		unsigned long nr = page->flags & (PG_allocated | PG_buddy) ? 1UL << page->order : 1;

		if (page_state_holds(page)) {
			give_frames(ps, pfn, page->order);
			ps->nr_held--;
		}
		pfn += nr;
	}
}

void page_state_end(struct page_state *ps)
{
	const struct zone *zone;

	for (u64 i = 0; ps->taken && i < ps->target->nr_places; i++)
		if (bit_test(ps->taken, i))
			give_frames(ps, ps->target->places[i].pfn, ps->target->places[i].order);
	give_free(ps);
	free(ps->kept_free);
	for_each_populated_zone (zone)
		give_held(ps, zone);
	ASSERT(!ps->nr_held);
	free(ps->taken);
	free(ps->place_of);
	*ps = (struct page_state){0};
}
