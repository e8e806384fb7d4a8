/*
 * The warm start: the target of page memory.
 *
 * Free lists as pagetypeinfo of the first snapshot has them, else buddyinfo. Both were read some
 * tens or hundreds of milliseconds after time zero; what the load did to pages until then is in
 * them, and happens once more.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/warm_priv.h"

_Static_assert(PAGE_TARGET_ORDERS == SNAPSHOT_ORDERS && PAGE_TARGET_TYPES <= SNAPSHOT_TYPES,
	       "rows are copied; the types of a target come first");

void warm_fill_zone(struct page_target_zone *to, const struct snapshot_zone *from)
{
	_Static_assert(sizeof(to->zone) == sizeof(from->zone), "names are copied");
	*to = (struct page_target_zone){.node = from->node, .sums_only = true};
	memcpy(to->zone, from->zone, sizeof(to->zone));
	for (int t = 0; t < PAGE_TARGET_TYPES; t++)
		to->nr_blocks[t] = from->type_blocks[t];
	if (!from->has_types || from->type_capped) {
		memcpy(to->nr_free[0], from->nr_free, sizeof(to->nr_free[0]));
		return;
	}
	to->sums_only = false;
	for (int t = 0; t < PAGE_TARGET_TYPES; t++)
		memcpy(to->nr_free[t], from->type_free[t], sizeof(to->nr_free[t]));
}

/*
 * What compaction takes up (isolate_migratepages_block, mm/compaction.c, 6.1): pages on LRU lists,
 * unevictable ones too unless vm.compact_unevictable_allowed is 0, and those of zsmalloc. Kernels
 * before 4.8 tell of no zone.
 */
static void fill_movable(struct page_target_zone *to, const struct snapshot_zone *from)
{
	to->knows_movable = from->lru_told == (1U << SNAPSHOT_LRUS) - 1;
	if (!to->knows_movable)
		return;
	to->movable_pages = from->zspages;
	for (int i = 0; i < SNAPSHOT_LRUS; i++)
		to->movable_pages += from->lru[i];
}

static void fill_zones(struct warm *w, const struct snapshot *snap)
{
	w->zones = mem_alloc(snap->nr_zones, sizeof(*w->zones));
	w->pcp_counts = mem_alloc(snap->nr_zones, sizeof(*w->pcp_counts));
	for (size_t i = 0; i < snap->nr_zones; i++) {
		const struct snapshot_zone *from = &snap->zones[i];
		struct page_target_zone *to = &w->zones[w->pages.nr_zones];

		if (!from->has_buddy && !from->has_types)
			continue;
		warm_fill_zone(to, from);
		fill_movable(to, from);
		if (from->pcp_count && from->nr_cpus) {
			u32 *count = mem_alloc(from->nr_cpus, sizeof(*count));

			memcpy(count, from->pcp_count, from->nr_cpus * sizeof(*count));
			w->pcp_counts[w->pages.nr_zones] = count;
			to->pcp_count = count;
			to->nr_cpus = from->nr_cpus;
		}
		w->pages.nr_zones++;
	}
	w->pages.zones = w->zones;
}

/* The recorded kernel's numbers of migratetypes, to those of a target. */
static void number_types(struct warm *w, const struct snapshot *snap)
{
	for (u64 i = 0; i < w->nr_frees; i++) {
		u8 recorded = w->frees[i].migratetype;
		int type = recorded < snap->nr_types ? snap->types[recorded] : -1;

		w->frees[i].migratetype =
			type >= 0 && type < PAGE_TARGET_TYPES ? (u8)type : PAGE_FREE_ANY;
	}
}

void warm_pages(struct warm *w)
{
	const struct state *s = &w->state;
	u64 end = 0;

	fill_zones(w, &w->snapshots->snaps[0]);
	w->places = mem_alloc(s->nr_pages, sizeof(*w->places));
	for (u64 i = 0; i < s->nr_pages; i++) {
		const struct state_block *b = &s->pages[i];
		const struct request *q = &w->live[b->object];

		if (q->kind != REQ_PAGE_ALLOC || q->order != b->order || b->pfn < end)
			continue;
		end = b->pfn + (1ULL << b->order);
		w->places[w->pages.nr_places++] =
			(struct page_place){.pfn = b->pfn,
					    .object = b->object,
					    .order = b->order,
					    .migratetype = (u8)gfp_migratetype(q->gfp)};
	}
	w->pages.places = w->places;
	number_types(w, &w->snapshots->snaps[0]);
	w->pages.frees = w->frees;
	w->pages.nr_frees = w->nr_frees;
}
