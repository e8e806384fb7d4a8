/*
 * huge_blocks: exactly so many free 2 MiB blocks, and a given amount free in smaller pieces.
 *
 * Theory: of the pageblocks with nothing in use, `free` are drawn and left alone; two that are
 * buddies make one block of order 10, which is two of 2 MiB. In each other one a piece, drawn too,
 * stays in use, so that it cannot become free as a whole; of all other pieces so many are left free
 * as the amount says.
 *
 * Invariant: sum over o >= 9 of nr_free[o] << (o - 9) is `free`, whatever is drawn.
 *
 * Unlike Linux: nothing there promises a number.
 */
#include <stdlib.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "sim/fragment.h"

struct huge_blocks_options {
	u64 free, rest, piece, held;
};

enum held { HELD_MOVABLE, HELD_UNMOVABLE, HELD_RECLAIMABLE };
static const char *const held_names[] = {"movable", "unmovable", "reclaimable", NULL};
static const u8 held_types[] = {MIGRATE_MOVABLE, MIGRATE_UNMOVABLE, MIGRATE_RECLAIMABLE};

/* One zone's part: which pieces are chosen to be free or in use. */
struct part {
	const struct zone *zone;
	struct page_plan plan;
	u64 *stays; /* frames that stay in use, of pageblocks that could be free as a whole */
};

struct work {
	struct fragmenting *f;
	const struct huge_blocks_options *o;
	struct part *parts;
	size_t nr_parts;
	u64 nr_blocks; /* pageblocks with nothing in use */
	u64 nr_pieces; /* that can be free beside the huge blocks */
	u64 want_pieces;
};

static unsigned long nr_pageblocks(const struct part *t)
{
	return t->plan.nr_frames >> pageblock_order;
}

static bool block_clear(const struct part *t, unsigned long b)
{
	return page_plan_clear(t->plan.used, b << pageblock_order, pageblock_order);
}

static void look(struct work *w)
{
	const struct zone *zone;

	w->parts = mem_alloc((size_t)kernel->nr_node_ids * MAX_NR_ZONES, sizeof(*w->parts));
	for_each_populated_zone (zone) {
		struct part *t = &w->parts[w->nr_parts++];

		t->zone = zone;
		fragment_plan(w->f, zone, &t->plan);
		t->stays = mem_alloc(t->plan.nr_frames / BITS_PER_WORD, sizeof(u64));
		for (unsigned long b = 0; b < nr_pageblocks(t); b++)
			w->nr_blocks += block_clear(t, b);
	}
}

/* Pieces of a pageblock that are not a huge block. */
static void use_one_piece(struct work *w, struct part *t, unsigned long b)
{
	int piece = (int)w->o->piece;
	unsigned long first = b << pageblock_order;

	if (block_clear(t, b))
		page_plan_set(
			t->stays,
			first + (rng_below(&w->f->rng, 1ULL << (pageblock_order - piece)) << piece),
			piece);
	for (unsigned long i = 0; i < pageblock_nr_pages; i += 1UL << piece)
		w->nr_pieces += page_plan_clear(t->plan.used, first + i, piece) &&
				page_plan_clear(t->stays, first + i, piece);
}

static void draw_huge(struct work *w)
{
	struct fragment_pick pick = {w->nr_blocks, w->o->free};

	for (size_t i = 0; i < w->nr_parts; i++) {
		struct part *t = &w->parts[i];

		for (unsigned long b = 0; b < nr_pageblocks(t); b++) {
			if (block_clear(t, b) && fragment_pick(&pick, &w->f->rng))
				page_plan_set(t->plan.keep, b << pageblock_order, pageblock_order);
			else
				use_one_piece(w, t, b);
			if (t->plan.nr_classes > 1 && t->zone->type != ZONE_MOVABLE)
				t->plan.class[b] = held_types[w->o->held];
		}
	}
}

static void draw_pieces(struct work *w)
{
	struct fragment_pick pick = {w->nr_pieces, w->want_pieces};
	int piece = (int)w->o->piece;

	for (size_t i = 0; i < w->nr_parts; i++) {
		struct page_plan *p = &w->parts[i].plan;

		for (unsigned long frame = 0; frame < p->nr_frames; frame += 1UL << piece)
			if (page_plan_clear(p->used, frame, piece) &&
			    page_plan_clear(p->keep, frame, piece) &&
			    page_plan_clear(w->parts[i].stays, frame, piece) &&
			    fragment_pick(&pick, &w->f->rng))
				page_plan_set(p->keep, frame, piece);
	}
}

static int too_many_huge(const struct work *w, struct err *e)
{
	return err_set(e,
		       "%llu free 2 MiB blocks are wanted, but only %llu are without anything in "
		       "use",
		       (unsigned long long)w->o->free, (unsigned long long)w->nr_blocks);
}

static int too_many_pieces(const struct work *w, struct err *e)
{
	char wanted[32], there[32];
	int shift = PAGE_SHIFT + (int)w->o->piece;

	size_human((double)(w->want_pieces << shift), wanted, sizeof(wanted));
	size_human((double)(w->nr_pieces << shift), there, sizeof(there));
	return err_set(e,
		       "%s free in pieces is wanted beside %llu free 2 MiB blocks, but at most %s "
		       "can be: a piece of %llu KiB in each other block must be in use",
		       wanted, (unsigned long long)w->o->free, there, 4ULL << w->o->piece);
}

static void report(const struct work *w)
{
	u64 huge = fragment_nr_free(w->f, pageblock_order);
	u64 rest = fragment_free_pages(w->f) - (huge << pageblock_order);
	char wanted[32], there[32];

	size_human((double)(w->want_pieces << (PAGE_SHIFT + w->o->piece)), wanted, sizeof(wanted));
	size_human((double)(rest << PAGE_SHIFT), there, sizeof(there));
	text_add(w->f->report,
		 "free 2 MiB blocks: %llu wanted, %llu there; in smaller pieces %s wanted, %s "
		 "there\n",
		 (unsigned long long)w->o->free, (unsigned long long)huge, wanted, there);
}

static int arrange(struct work *w, struct err *e)
{
	if (w->o->free > w->nr_blocks)
		return too_many_huge(w, e);
	draw_huge(w);
	w->want_pieces = fragment_share(fragment_all_pages() >> w->o->piece, w->o->rest);
	if (w->want_pieces > w->nr_pieces)
		return too_many_pieces(w, e);
	draw_pieces(w);
	for (size_t i = 0; i < w->nr_parts; i++)
		page_state_carry_out(w->f->ps, w->parts[i].zone, &w->parts[i].plan, HOLD_BY_CLASS);
	report(w);
	return 0;
}

static int huge_blocks_apply(struct fragmenting *f, struct err *e)
{
	struct work w = {.f = f, .o = f->options};
	int ret;

	look(&w);
	ret = arrange(&w, e);
	for (size_t i = 0; i < w.nr_parts; i++) {
		page_plan_free(&w.parts[i].plan);
		free(w.parts[i].stays);
	}
	free(w.parts);
	return ret;
}

static const struct opt_desc options[] = {
	OPT_U64("free", struct huge_blocks_options, free, "0", 0, 1LL << 30,
		"free 2 MiB blocks; of order 10 each counts as two"),
	OPT_SHARE("rest", struct huge_blocks_options, rest, "10%", 0, SHARE_ONE,
		  "share of memory that is free beside them"),
	OPT_U64("piece", struct huge_blocks_options, piece, "0", 0, pageblock_order - 1,
		"the rest is free in pieces of at least this order"),
	OPT_ENUM("held", struct huge_blocks_options, held, "movable", held_names,
		 "what is in use; single pages that compaction can move, if movable"),
	OPT_END,
};

static struct fragmenter huge_blocks = {
	.name = "huge_blocks",
	.summary = "an exact number of free 2 MiB blocks",
	.help = "So many 2 MiB blocks are free, at random places, and not one more; `rest` of "
		"memory "
		"is free in smaller pieces, and all else is in use.",
	.options = options,
	.options_size = sizeof(struct huge_blocks_options),
	.check = fragment_any,
	.apply = huge_blocks_apply,
};
FRAGMENTER(huge_blocks)
