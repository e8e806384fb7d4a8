/*
 * What became of a page target, in figures and words.
 */
#include <string.h>

#include "lib/text.h"
#include "sim/page_state.h"

void page_state_add_cell(struct page_state_report *r, const struct page_state_cell *cell)
{
	u64 met = min(cell->wanted, cell->got), off = max(cell->wanted, cell->got) - met;
	u64 nr_missed = r->cells - r->cells_met;

	if (!cell->wanted && !cell->got)
		return;
	if (off && nr_missed < PAGE_STATE_CELLS_MAX)
		r->missed[nr_missed] = *cell;
	r->cells++;
	r->cells_met += !off;
	r->pages_wanted += cell->wanted << cell->order;
	r->pages_met += met << cell->order;
	r->pages_off += off << cell->order;
}

static void add_part(struct text *t, const char *what, u64 nr, u64 of)
{
	if (of)
		text_add(t, "; %llu of %llu %s", (unsigned long long)nr, (unsigned long long)of,
			 what);
}

char *page_state_summary(const struct page_state_report *r, char *buf, size_t n)
{
	struct text t = text_in(buf, n);

	if (!r->wanted) {
		text_add(&t, "page memory starts empty");
	} else if (r->keeps_nothing) {
		text_add(&t, "page memory: the allocator keeps nothing, so there is no state");
	} else {
		text_add(&t, "page memory: %llu of %llu cells of free blocks as wished",
			 (unsigned long long)r->cells_met, (unsigned long long)r->cells);
		if (r->pages_off)
			add_part(&t, "free pages off", r->pages_off, r->pages_wanted);
		if (r->sums)
			text_add(&t, " (sums over types)");
		add_part(&t, "page births at another frame", r->births_moved, r->births);
		add_part(&t, "other blocks not at their frames", r->places_moved, r->places);
		add_part(&t, "per-CPU pages", r->percpu_got, r->percpu_wanted);
		if (r->pageblocks_other)
			add_part(&t, "pageblocks of another type", r->pageblocks_other,
				 r->pageblocks);
		text_add(&t, "; %llu pages in use have no owner in the load",
			 (unsigned long long)r->reserved_pages);
	}
	return buf;
}

static const char *reason_text(enum page_state_reason reason)
{
	switch (reason) {
	case PAGE_STATE_NO_ZONE:
		return "the machine has no such memory";
	case PAGE_STATE_NO_MEMORY:
		return "more free memory is wanted than slabs and pages in use leave";
	case PAGE_STATE_NO_ROOM:
		return "no more such blocks are without slabs and pages in use";
	default:
		return "the allocator does not give the frames around it";
	}
}

static const char *type_name(const struct page_state_cell *c)
{
	return c->migratetype < 0 ? "all types" : migratetype_names[c->migratetype];
}

char *page_state_print_cell(const struct page_state_cell *c, char *buf, size_t n)
{
	struct text t = text_in(buf, n);

	text_add(&t, "node %d zone %s %s order %d: %llu wanted, %llu there: %s", c->node, c->zone,
		 type_name(c), c->order, (unsigned long long)c->wanted, (unsigned long long)c->got,
		 reason_text(c->reason));
	return buf;
}

void page_state_print_missed(const struct page_state_report *r, u64 max, FILE *f)
{
	u64 nr_missed = r->cells - r->cells_met;
	u64 nr = min(max, (u64)PAGE_STATE_CELLS_MAX);

	nr = min(nr, nr_missed);
	for (u64 i = 0; i < nr; i++) {
		char cell[256];

		fprintf(f, "  %s\n", page_state_print_cell(&r->missed[i], cell, sizeof(cell)));
	}
	if (nr_missed > nr)
		fprintf(f, "  and %llu cells more\n", (unsigned long long)(nr_missed - nr));
}
