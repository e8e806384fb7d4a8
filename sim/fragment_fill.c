/*
 * fill: a share of memory is in use, by pages of a mix of mobilities.
 *
 * Theory: pageblocks are dealt out to the mobilities, as many to each as its share says, and used
 * memory lies at random in them, in pieces of one size: `grain` decides how fragmented it is. With
 * grain 0 hardly a block of two pages is free, with grain 9 every free one is huge.
 *
 * Invariant: numbers are exact, places are drawn: the same number of pieces is free in every
 * mobility's pageblocks, within one.
 *
 * Unlike Linux: where no pageblock holds but one mobility for long.
 */
#include <stdlib.h>

#include "lib/units.h"
#include "sim/fragment.h"

struct fill_options {
	u64 used, movable, unmovable, reclaimable, grain;
};

/* Pageblocks without anything in use change their type. */
static void deal_out(struct fragmenting *f, const struct zone *zone, struct page_plan *p)
{
	const struct fill_options *o = f->options;
	u64 nr = p->nr_frames >> pageblock_order, free = 0;
	struct fragment_pick unmovable, reclaimable;

	if (p->nr_classes == 1 || zone->type == ZONE_MOVABLE)
		return;
	for (u64 b = 0; b < nr; b++)
		free += p->like[b] == NO_CLASS;
	unmovable = (struct fragment_pick){free, fragment_share(free, o->unmovable)};
	reclaimable = (struct fragment_pick){free - unmovable.wanted,
					     fragment_share(free, o->reclaimable)};
	reclaimable.wanted = min(reclaimable.wanted, reclaimable.left);
	for (u64 b = 0; b < nr; b++) {
		if (p->like[b] != NO_CLASS)
			p->class[b] = p->like[b];
		else if (fragment_pick(&unmovable, &f->rng))
			p->class[b] = MIGRATE_UNMOVABLE;
		else if (fragment_pick(&reclaimable, &f->rng))
			p->class[b] = MIGRATE_RECLAIMABLE;
		else
			p->class[b] = MIGRATE_MOVABLE;
	}
}

static u64 count_pieces(const struct page_plan *p, int grain, u64 pieces[MIGRATE_TYPES])
{
	u64 all = 0;

	for (unsigned long frame = 0; frame < p->nr_frames; frame += 1UL << grain) {
		bool clear = page_plan_clear(p->used, frame, grain);

		pieces[p->class[frame >> pageblock_order]] += clear;
		all += clear;
	}
	return all;
}

/* `nr` pieces are to stay free, as many in each class as it has a share of them. */
static void keep_pieces(struct fragmenting *f, struct page_plan *p, int grain, u64 nr)
{
	u64 pieces[MIGRATE_TYPES] = {0}, all = count_pieces(p, grain, pieces);
	struct fragment_pick pick[MIGRATE_TYPES];

	for (int c = 0; c < MIGRATE_TYPES; c++) {
		u64 wanted = all ? (u64)((unsigned __int128)nr * pieces[c] / all) : 0;

		pick[c] = (struct fragment_pick){pieces[c], wanted};
		nr -= wanted;
		all -= pieces[c];
	}
	for (unsigned long frame = 0; frame < p->nr_frames; frame += 1UL << grain)
		if (page_plan_clear(p->used, frame, grain) &&
		    fragment_pick(&pick[p->class[frame >> pageblock_order]], &f->rng))
			page_plan_set(p->keep, frame, grain);
}

static int too_full(const struct fill_options *o, const struct zone *zone, u64 wanted, u64 there,
		    struct err *e)
{
	char used[32], size[2][32];

	share_print(o->used, used, sizeof(used));
	size_human((double)(wanted << PAGE_SHIFT), size[0], sizeof(size[0]));
	size_human((double)(there << PAGE_SHIFT), size[1], sizeof(size[1]));
	return err_set(e,
		       "%s used leaves %s free in pieces of %llu KiB on node %d, zone %s, but what "
		       "the load has in use leaves no more than %s in such pieces",
		       used, size[0], 4ULL << o->grain, zone->node, zone->name, size[1]);
}

static int fill_zone(struct fragmenting *f, const struct zone *zone, struct err *e)
{
	const struct fill_options *o = f->options;
	u64 there[MIGRATE_TYPES] = {0}, all, wanted;
	int grain = (int)o->grain, ret = 0;
	struct page_plan plan;

	fragment_plan(f, zone, &plan);
	deal_out(f, zone, &plan);
	all = count_pieces(&plan, grain, there);
	wanted = fragment_share(zone->spanned_pages >> grain, SHARE_ONE - o->used);
	if (wanted > all) {
		ret = too_full(o, zone, wanted << grain, all << grain, e);
	} else {
		keep_pieces(f, &plan, grain, wanted);
		page_state_carry_out(f->ps, zone, &plan, HOLD_BY_CLASS);
	}
	page_plan_free(&plan);
	return ret;
}

/* Of what is held. */
static void count_held(u64 pages[MIGRATE_TYPES])
{
	const struct zone *zone;

	for_each_populated_zone (zone) {
		unsigned long end = zone->zone_start_pfn + zone->spanned_pages, pfn;

		for (pfn = zone->zone_start_pfn; pfn < end;) {
			const struct page *page = pfn_to_page(pfn);
			bool head = page->flags & (PG_allocated | PG_buddy);

			if (page_state_holds(page))
				pages[page->migratetype] += 1UL << page->order;
			pfn += head ? 1UL << page->order : 1;
		}
	}
}

static int fill_apply(struct fragmenting *f, struct err *e)
{
	const struct fill_options *o = f->options;
	u64 pages[MIGRATE_TYPES] = {0}, all = fragment_all_pages(), held = 0;
	const u64 wanted[MIGRATE_TYPES] = {[MIGRATE_UNMOVABLE] = o->unmovable,
					   [MIGRATE_MOVABLE] = o->movable,
					   [MIGRATE_RECLAIMABLE] = o->reclaimable};
	const struct zone *zone;
	char share[32];

	for_each_populated_zone (zone)
		if (fill_zone(f, zone, e))
			return -1;
	count_held(pages);
	for (int mt = 0; mt < MIGRATE_TYPES; mt++)
		held += pages[mt];
	share_print(o->used, share, sizeof(share));
	text_add(f->report,
		 "%s of memory in use wanted, %.4f %% is; in free 2 MiB blocks %.4f %%\n", share,
		 100.0 * (double)(all - fragment_free_pages(f)) / (double)all,
		 100.0 * (double)(fragment_nr_free(f, pageblock_order) << pageblock_order) /
			 (double)all);
	for (int mt = 0; mt < MIGRATE_TYPES && held; mt++) {
		if (!wanted[mt] && !pages[mt])
			continue;
		share_print(wanted[mt], share, sizeof(share));
		text_add(f->report, "%s: %s of what is held wanted, %.4f %% is\n",
			 migratetype_names[mt], share, 100.0 * (double)pages[mt] / (double)held);
	}
	return 0;
}

static int fill_check(const void *options, struct err *e)
{
	const struct fill_options *o = options;
	u64 sum = o->movable + o->unmovable + o->reclaimable;
	char text[32];

	share_print(sum, text, sizeof(text));
	return sum == SHARE_ONE
		       ? 0
		       : err_set(e, "movable, unmovable and reclaimable make %s: 100%% is wanted",
				 text);
}

static const struct opt_desc options[] = {
	OPT_SHARE("used", struct fill_options, used, "90%", 0, SHARE_ONE, "share of memory in use"),
	OPT_SHARE("movable", struct fill_options, movable, "80%", 0, SHARE_ONE,
		  "of what is in use: single pages that compaction can move"),
	OPT_SHARE("unmovable", struct fill_options, unmovable, "10%", 0, SHARE_ONE,
		  "of what is in use"),
	OPT_SHARE("reclaimable", struct fill_options, reclaimable, "10%", 0, SHARE_ONE,
		  "of what is in use; held for good all the same"),
	OPT_U64("grain", struct fill_options, grain, "0", 0, pageblock_order,
		"used and free memory alternate in pieces of this order"),
	OPT_END,
};

static struct fragmenter fill = {
	.name = "fill",
	.summary = "a share of memory in use, by a mix of mobilities",
	.help = "Of each zone the same share is in use. Pageblocks are of one mobility each, as "
		"many "
		"as its share says, and what is in use lies in them at random, in pieces of order "
		"`grain`: 0 leaves free memory in single pages, 9 leaves nothing but huge ones.\n\n"
		"The three shares of mobilities must make 100 %.",
	.options = options,
	.options_size = sizeof(struct fill_options),
	.check = fill_check,
	.apply = fill_apply,
};
FRAGMENTER(fill)
