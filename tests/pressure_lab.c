/*
 * A lab whose machine is under pressure.
 */
#include "tests/pressure_lab.h"

struct pressure pressure;

static bool migrate(struct page *from, struct page *to)
{
	return pressure.migrate && pressure.migrate(from, to);
}

/* One part a round: at_once blocks of the node's zones that the request may use. */
static bool give_back(struct scan_control *sc)
{
	unsigned int n = 0;

	pressure.rounds++;
	for (unsigned int i = pressure.nr; i-- > 0 && n < pressure.at_once;) {
		struct page *page = pressure.pages[i];
		const struct zone *zone = page_zone(page);

		if (zone->node != sc->nid || (int)zone->type > sc->reclaim_idx)
			continue;
		pressure.nr--;
		pressure.pages[i] = pressure.pages[pressure.nr];
		sc->nr_reclaimed += 1UL << pressure.orders[i];
		sc->nr_scanned += 1UL << pressure.orders[i];
		page_free(pressure.lab->pa, page, pressure.orders[i]);
		pressure.orders[i] = pressure.orders[pressure.nr];
		n++;
	}
	return false;
}

static unsigned long reclaimable(int nid, int highest_zone)
{
	unsigned long pages = 0;

	for (unsigned int i = 0; i < pressure.nr; i++) {
		const struct zone *zone = page_zone(pressure.pages[i]);

		if (zone->node == nid && (int)zone->type <= highest_zone)
			pages += 1UL << pressure.orders[i];
	}
	return pages;
}

static void nothing_to_note(int nid)
{
	(void)nid;
}

static const struct mm_ops pressure_ops = {.migrate_page = migrate,
					   .shrink_node = give_back,
					   .snapshot_refaults = nothing_to_note,
					   .reclaimable_pages = reclaimable};

void pressure_open(struct lab *lab, const char *nodes, const char *chain, enum mm_mode mode)
{
	lab_open(lab, nodes, chain);
	pressure = (struct pressure){.lab = lab, .at_once = SWAP_CLUSTER_MAX};
	kernel->mm_mode = mode;
	kernel->mm_ops = &pressure_ops;
}

void pressure_close(struct lab *lab)
{
	kernel->mm_mode = MM_BARE;
	kernel->mm_ops = &mm_nobody;
	lab_close(lab);
}

void pressure_add(struct page *page, int order)
{
	ASSERT(page && pressure.nr < ARRAY_SIZE(pressure.pages));
	pressure.pages[pressure.nr] = page;
	pressure.orders[pressure.nr++] = order;
}
