/*
 * Brings the page memory of a running stack into a given state, before time zero.
 *
 * page_state_begin takes the frames the target has a place for, before anybody else can; the birth
 * of an object gets its own back (page_state_birth); when all births are done, page_state_settle
 * takes whatever else must not be free. What is nobody's is held for the rest of the run.
 *
 * The one question everybody asks: *in whose books is it?* In nobody's: to every layer, and to what
 * is measured of it, held frames are memory the machine does not have. Only the free lists count.
 *
 * Any page allocator with page_alloc_at will do. One without mobility types is given the sums over
 * them.
 */
#ifndef SIM_PAGE_STATE_H
#define SIM_PAGE_STATE_H

#include <stdio.h>

#include "alloc/page_alloc.h"
#include "lib/err.h"
#include "sim/page_plan.h"
#include "sim/page_target.h"

enum page_state_reason {
	PAGE_STATE_NO_ZONE,   /* the machine has no memory there */
	PAGE_STATE_NO_MEMORY, /* more free memory is wanted than is left */
	PAGE_STATE_NO_ROOM,   /* no such block is free of objects and slabs */
	PAGE_STATE_REFUSED,   /* the allocator does not give the frames around it */
};

struct page_state_cell {
	int node;
	char zone[16];
	int migratetype; /* -1: all together */
	int order;
	u64 wanted, got;
	enum page_state_reason reason;
};
#define PAGE_STATE_CELLS_MAX 64

/* How well it went. */
struct page_state_report {
	bool wanted;	    /* there was a target */
	bool keeps_nothing; /* the allocator has no state */
	bool sums;	    /* types did not count, in one zone at least */
	u64 cells, cells_met;
	/* Free pages of the cells: wanted; of these met; sum of the differences. */
	u64 pages_wanted, pages_met, pages_off;
	struct page_state_cell missed[PAGE_STATE_CELLS_MAX]; /* the first of cells - cells_met */
	u64 births, births_moved;	  /* page births with a place; at another frame after all */
	u64 places, places_moved;	  /* blocks of nobody the load knows; not had */
	u64 percpu_wanted, percpu_got;	  /* pages */
	u64 pageblocks, pageblocks_other; /* wanted with a type; of another type than wanted */
	u64 reserved_pages;
};

struct page_state {
	const struct page_target *target; /* NULL: nothing to do */
	const struct page_allocator *pages, *source;
	bool pinned;   /* what is held now does not move */
	u32 *place_of; /* of each object: index of its place + 1; NULL: no object has one */
	u64 nr_objects;
	u64 nr_held;	/* blocks held for nobody: their structs say which, HOLDER_STATE */
	u64 *kept_free; /* pfn << 8 | order of every block that births are to leave free */
	size_t nr_kept_free, max_kept_free;
	u64 *taken; /* bit for each place: its frames are held for the object */
	struct page_state_report report;
};

/* On the current machine, before any other page is taken. target NULL is fine. -1: more is wanted
 * than the machine has. */
int __must_check page_state_begin(struct page_state *ps, const struct page_target *target,
				  const struct page_allocator *pages, u64 nr_objects,
				  struct err *e);
/* The frames of an object, through the whole stack; NULL: it has no place, or not one to be had. */
struct page *page_state_birth(struct page_state *ps, u32 object, int order, gfp_t flags);
/* After all births. -1: nothing of the target can be met. */
int __must_check page_state_settle(struct page_state *ps, struct err *e);

/* ---- For who brings memory into a state of his own (sim/fragment.h) ---- */

/* How blocks are held. */
enum page_state_hold {
	HOLD_BY_CLASS, /* of their pageblock's mobility, which is set; movable ones can move */
	HOLD_PINNED,   /* unmovable, wherever they lie; pageblocks stay of the type they are */
};
/* Is this the first frame of a block held for nobody? */
bool page_state_holds(const struct page *page);
/* A page that was had from the source, its books suspended, is held for nobody from now on. */
void page_state_adopt(struct page_state *ps, struct page *page, bool movable);
/* Takes all frames of a zone that the plan neither finds used nor keeps. No page is on a per-CPU
 * list. */
void page_state_carry_out(struct page_state *ps, const struct zone *zone, struct page_plan *p,
			  enum page_state_hold how);
/* Gives back what is held; the books of the source stay as they are. Also of a zeroed one. */
void page_state_end(struct page_state *ps);

/* Adds a cell, and what became of it. */
void page_state_add_cell(struct page_state_report *r, const struct page_state_cell *cell);
/* One line: "207 of 220 cells of free memory as wished, ...". Returns buf. */
char *page_state_summary(const struct page_state_report *r, char *buf, size_t n);
/* "node 0 zone DMA32 Movable order 3: 7 wanted, 5 there: REASON". Returns buf. */
char *page_state_print_cell(const struct page_state_cell *c, char *buf, size_t n);
/* Each missed cell, with the reason, at most `max` of them; nothing if all are met. */
void page_state_print_missed(const struct page_state_report *r, u64 max, FILE *f);

#endif
