/*
 * Who holds the pages of a run, and how they move.
 *
 * Theory: the load keeps handles, which are ids; where an object lies is the simulator's to know.
 * So a page can move while its holder keeps it: contents are copied, the object's record gets the
 * new address, and the old frame is nobody's. A frame held for nobody needs no record.
 *
 * Invariant: a page with PG_held is the first frame of its holder's block.
 *
 * Unlike Linux: there are no page tables to walk and no references to wait for: what can be moved
 * at all can be moved at any time.
 */
#include "sim/holders.h"

#include <string.h>

#include "alloc/pages/block.h"
#include "lib/digest.h"
#include "sim/reclaim.h"

/* ---- Of a bare machine ---- */

static bool move_nothing(struct page *from, struct page *to)
{
	(void)from, (void)to;
	return false;
}

static bool shrink_nothing(struct scan_control *sc)
{
	(void)sc;
	return false;
}

static void no_refaults(int nid)
{
	(void)nid;
}

static unsigned long nothing_reclaimable(int nid, int highest_zone)
{
	(void)nid, (void)highest_zone;
	return 0;
}

const struct mm_ops mm_nobody = {.migrate_page = move_nothing,
				 .shrink_node = shrink_nothing,
				 .snapshot_refaults = no_refaults,
				 .reclaimable_pages = nothing_reclaimable};

/* ---- Of a run ---- */

static bool migrate_page(struct page *from, struct page *to)
{
	struct replay *rp = machine_current()->run;
	unsigned long holder = from->index;

	ASSERT((from->flags & (PG_held | PG_movable)) == (PG_held | PG_movable));
	ASSERT(from->order == to->order && !(to->flags & PG_held));
	/* Page tables point nowhere meanwhile, and other CPUs forget what they knew. */
	charge(COST_INTERRUPT);
	block_copy(to, from, from->order);
	if (holder != HOLDER_STATE) {
		struct object *o = &rp->acc.objects[holder];

		ASSERT(o->addr == page_name(from));
		o->addr = page_name(to);
	}
	page_holder_clear(from);
	page_holder_set(to, holder, true);
	rp->digest = digest_u64(rp->digest, page_to_pfn(to));
	return true;
}

static const struct mm_ops replay_mm_ops = {.migrate_page = migrate_page,
					    .shrink_node = reclaim_shrink_node,
					    .snapshot_refaults = reclaim_snapshot_refaults,
					    .reclaimable_pages = reclaim_pages};

void holders_begin(struct replay *rp)
{
	rp->m->run = rp;
	kernel->mm_ops = &replay_mm_ops;
	kernel->mm_mode = rp->tables->made_up ? MM_LIVE : MM_RECORDED;
	kthreads_begin(rp->m);
}

void holders_end(void)
{
	machine_current()->run = NULL;
	kernel->mm_ops = &mm_nobody;
	kernel->mm_mode = MM_BARE;
}
