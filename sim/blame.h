/*
 * Blame: who keeps otherwise free pageblocks from being huge pages, with how many pages, how long.
 *
 * The one question everybody asks: *when is a pageblock kept?* When pages that cannot move are in
 * it, at most half of it: whatever else is there is free or can be moved away, and by the rule of
 * half (move_freepages_block, mm/page_alloc.c, 6.1) the pageblock is not theirs. Also when nothing
 * is in it but pages of per-CPU lists. Beyond half, a pageblock is memory in use.
 *
 * Several holders share a pageblock by their pages in it, so that the shares of all add up to the
 * pageblocks kept. `sole` are those that one holder keeps alone: were its pages elsewhere, these
 * would be free. A holder is a call site and a name, as in site_view; pages of slabs are their
 * cache's, whoever has objects there.
 */
#ifndef SIM_BLAME_H
#define SIM_BLAME_H

#include "alloc/kernel.h"
#include "sim/sink.h"

struct replay;

#define BLAME_INSTANTS 40
#define BLAME_PAGES_MAX (pageblock_nr_pages / 2)

struct blame_holder;
struct blame_kept;

/* Zeroed: nothing is looked at. */
struct blame {
	u64 next_ns, every_ns;
	unsigned int nr_left; /* a load may last longer than its tables say */
	u64 first_ns, last_ns;
	struct blame_holder *holders; /* in order of their first appearance */
	u32 nr_holders, max_holders;
	u32 *slots; /* holders + 1 by hash of their key; 0: empty */
	u32 nr_slots;
	struct blame_kept *kept, *before; /* at the last instant, at the one before: by pageblock */
	size_t nr_kept, max_kept, nr_before, max_before;
	bool percpu; /* the source of pages has per-CPU lists */
};

void blame_init(struct blame *b, u64 from_ns, u64 duration_ns);
void blame_free(struct blame *b);
/* The next look is the last: it takes place, whatever the interval. */
void blame_due(struct blame *b);
/* Looks, if it is time to; what is seen stands for the time since the last look. */
void blame_look(struct blame *b, const struct replay *rp, u64 t_ns);
/* Every holder, and the pageblocks kept at the last look, to the run's sink. */
void blame_report(const struct blame *b, const struct replay *rp);

#endif
