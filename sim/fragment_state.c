/*
 * state: the free blocks that /proc/buddyinfo or /proc/pagetypeinfo of another machine shows.
 *
 * Theory: the file is a target as a warm start has one (sim/page_state.c), without objects: every
 * cell, blocks of one order and mobility in one zone, can be met if all are free together in the
 * zone, and no block is larger than its neighbours leave room for.
 *
 * Invariant: every cell is met, or it is an error.
 *
 * Unlike Linux: no kernel can be told its state.
 */
#include "sim/fragment.h"

struct state_options {
	char file[256];
};

static int missed(const struct page_state_report *r, struct err *e)
{
	char cell[256];

	page_state_print_cell(&r->missed[0], cell, sizeof(cell));
	return err_set(e, "%llu of %llu cells cannot be met: %s",
		       (unsigned long long)(r->cells - r->cells_met), (unsigned long long)r->cells,
		       cell);
}

static int state_apply(struct fragmenting *f, struct err *e)
{
	const struct page_state_report *r = &f->ps->report;
	char text[400];

	if (r->cells_met != r->cells)
		return missed(r, e);
	text_add(f->report, "%s\n", page_state_summary(r, text, sizeof(text)));
	return 0;
}

static int state_check(const void *options, struct err *e)
{
	const struct state_options *o = options;

	return *o->file ? 0 : err_set(e, "file=PATH says which buddyinfo or pagetypeinfo it is");
}

static const char *state_file(const void *options)
{
	return ((const struct state_options *)options)->file;
}

static const struct opt_desc options[] = {
	OPT_TEXT("file", struct state_options, file, "",
		 "a copy of /proc/buddyinfo or /proc/pagetypeinfo"),
	OPT_END,
};

static struct fragmenter state = {
	.name = "state",
	.summary = "free blocks as a file from /proc has them",
	.help = "Free blocks of every zone, order and, of pagetypeinfo, mobility are as the file "
		"says; "
		"pageblocks are of the types it counts. Zones are found by node and name; one that "
		"the "
		"machine lacks adds to the largest of its node.",
	.options = options,
	.options_size = sizeof(struct state_options),
	.check = state_check,
	.apply = state_apply,
	.file = state_file,
};
FRAGMENTER(state)
