/*
 * What a request does that finds nothing above the low watermarks.
 *
 * Theory: it wakes kswapd and tries again above min, or below where its flags say that it is
 * important or cannot wait. Who may wait then makes room himself: by compaction where a large block
 * is what is missing, by reclaim otherwise, again and again as long as that leads somewhere. How
 * far it goes is in its flags (__alloc_pages_slowpath, mm/page_alloc.c, 6.1):
 *
 *	no __GFP_DIRECT_RECLAIM   one try with the reserves, then it is refused
 *	__GFP_NORETRY             reclaim and compact once; a huge page only compacts
 *	costly orders             the same, unless __GFP_RETRY_MAYFAIL
 *	others                    until nothing can be reclaimed; then the OOM killer's turn
 *	__GFP_NOFAIL              the same and then once more with all reserves
 *	__GFP_MEMALLOC            may use all there is
 *
 * Invariant: a block that is returned is on no list and not given out yet; a request that is
 * refused left no trace but counters, and memory freed.
 *
 * Unlike Linux: there is no process to kill. Where Linux would, that is counted and reported
 * (OOM_KILL), and the request is refused; so is __GFP_NOFAIL once it has tried all that often
 * enough. Nobody else runs meanwhile, so to wait is of no use. A recording's frees are what its
 * kernel reclaimed: its requests compact where Linux would, but neither wake kswapd nor reclaim,
 * and in the end are served while there is any block. On a bare machine they are so at once.
 */
#include "alloc/pages/compact.h"
#include "alloc/pages/page_source.h"
#include "alloc/pages/vmscan.h"
#include "alloc/show_mem.h"

#define MAX_COMPACT_RETRIES 16
#define MIN_COMPACT_COSTLY_PRIORITY COMPACT_PRIO_SYNC_LIGHT
/* Linux knows no such end. A request that came so often and has nothing will have nothing. */
#define MAX_ROUNDS 1000

/* A request's way through it. */
struct slowpath {
	const struct alloc_context *ac;
	unsigned int alloc_flags;
	enum compact_priority compact_priority;
	enum compact_result compact_result;
	int compaction_retries, no_progress_loops;
	int rounds, nofail_rounds;
	unsigned long progress; /* pages that this round reclaimed */
};

static bool is_costly(const struct alloc_context *ac)
{
	return ac->order > PAGE_ALLOC_COSTLY_ORDER;
}

/* gfp_compaction_allowed; the option is CONFIG_COMPACTION. */
static bool may_compact(const struct alloc_context *ac)
{
	return ac->ps->o.compaction && ac->gfp & __GFP_IO;
}

static unsigned int gfp_to_alloc_flags(gfp_t gfp, int order)
{
	unsigned int flags = ALLOC_WMARK_MIN | (gfp & (__GFP_HIGH | __GFP_KSWAPD_RECLAIM));

	/* Nothing is gained by haste for who must not touch the reserves. */
	if (gfp & (__GFP_DIRECT_RECLAIM | __GFP_NOMEMALLOC))
		return flags;
	flags |= ALLOC_NON_BLOCK;
	if (order && flags & ALLOC_MIN_RESERVE)
		flags |= ALLOC_HIGHATOMIC;
	return flags;
}

/* __gfp_pfmemalloc_flags */
static unsigned int reserve_flags(gfp_t gfp)
{
	bool makes_room = gfp & __GFP_MEMALLOC || kernel->pf_memalloc;

	return !(gfp & __GFP_NOMEMALLOC) && makes_room ? ALLOC_NO_WATERMARKS : 0;
}

static void wake_all_kswapds(const struct slowpath *sp)
{
	const struct alloc_context *ac = sp->ac;
	int last = NUMA_NO_NODE;

	if (!(sp->alloc_flags & ALLOC_KSWAPD) || kernel->mm_mode != MM_LIVE)
		return;
	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		struct buddy_zone *bz = context_zone(ac, i);

		if (bz->zone->node == last)
			continue;
		last = bz->zone->node;
		wakeup_kswapd(bz, zone_pgdat(ac->ps, bz), ac->gfp, ac->order,
			      ac->zonelist->highest);
	}
}

/* ---- Compaction ---- */

static struct page *direct_compact(struct slowpath *sp, enum compact_priority prio)
{
	const struct alloc_context *ac = sp->ac;
	struct buddy_zone *bz;
	struct page *page;

	/* Without compaction the result stays COMPACT_SKIPPED. */
	if (!ac->order || !may_compact(ac))
		return NULL;
	sp->compact_result = try_to_compact_pages(ac, sp->alloc_flags, prio);
	if (sp->compact_result == COMPACT_SKIPPED)
		return NULL;
	note_path(PATH_COMPACT);
	count_vm_event(COMPACTSTALL);
	page = get_page_from_freelist(ac, sp->alloc_flags);
	if (!page) {
		count_vm_event(COMPACTFAIL);
		return NULL;
	}
	bz = &ac->ps->zones[page_zone(page) - kernel->zones];
	compaction_defer_reset(bz, ac->order, true);
	count_vm_event(COMPACTSUCCESS);
	return page;
}

/* Once more, with more effort, while there is more to be had. */
static bool raise_priority(struct slowpath *sp)
{
	enum compact_priority lowest =
		is_costly(sp->ac) ? MIN_COMPACT_COSTLY_PRIORITY : MIN_COMPACT_PRIORITY;

	if (sp->compact_priority <= lowest)
		return false;
	sp->compact_priority--;
	sp->compaction_retries = 0;
	return true;
}

static bool should_compact_retry(struct slowpath *sp)
{
	int max_retries = is_costly(sp->ac) ? MAX_COMPACT_RETRIES / 4 : MAX_COMPACT_RETRIES;

	if (!sp->ac->order)
		return false;
	if (sp->compact_result == COMPACT_SUCCESS)
		sp->compaction_retries++;
	switch (sp->compact_result) {
	case COMPACT_SKIPPED: /* not enough free pages to work with: can reclaim help? */
		return compaction_zonelist_suitable(sp->ac, sp->alloc_flags);
	case COMPACT_COMPLETE: /* every zone was looked through, and still no block */
	case COMPACT_DEFERRED:
	case COMPACT_CONTENDED:
	case COMPACT_PARTIAL_SKIPPED:
		return raise_priority(sp);
	default:
		return sp->compaction_retries <= max_retries || raise_priority(sp);
	}
}

/* ---- Reclaim ---- */

static struct page *direct_reclaim(struct slowpath *sp)
{
	struct page *page;

	note_path(PATH_RECLAIM);
	sp->progress = try_to_free_pages(sp->ac);
	if (!sp->progress)
		return NULL;
	page = get_page_from_freelist(sp->ac, sp->alloc_flags);
	if (page)
		return page;
	/* What was freed may be in the reserve or on lists of other CPUs. */
	unreserve_highatomic_pageblock(sp->ac, false);
	drain_all_pages(sp->ac->ps);
	return get_page_from_freelist(sp->ac, sp->alloc_flags);
}

/* Could any zone serve the request if all that can be reclaimed were? */
static bool reclaim_would_do(const struct slowpath *sp)
{
	const struct alloc_context *ac = sp->ac;

	for (unsigned int i = 0; i < ac->nr_zones; i++) {
		const struct buddy_zone *bz = context_zone(ac, i);
		long available =
			zone_reclaimable_pages(bz->zone) + bz->zone->vm_stat[NR_FREE_PAGES];

		if (watermark_ok_with(bz, ac->order, wmark_pages(bz, ALLOC_WMARK_MIN),
				      ac->zonelist->highest, sp->alloc_flags, available))
			return true;
	}
	return false;
}

static bool should_reclaim_retry(struct slowpath *sp)
{
	/* Pages that came back say little about blocks of a costly order. */
	if (sp->progress && !is_costly(sp->ac))
		sp->no_progress_loops = 0;
	else
		sp->no_progress_loops++;
	if (sp->no_progress_loops <= MAX_RECLAIM_RETRIES && reclaim_would_do(sp))
		return true;
	return unreserve_highatomic_pageblock(sp->ac, true);
}

/* ---- The end ---- */

/* Would Linux kill a process for it (__alloc_pages_may_oom)? */
static bool oom_kills_for(const struct alloc_context *ac)
{
	return !is_costly(ac) && !(ac->gfp & (__GFP_RETRY_MAYFAIL | __GFP_THISNODE)) &&
	       ac->zonelist->highest >= ZONE_NORMAL;
}

static struct page *may_oom(const struct slowpath *sp)
{
	const struct alloc_context *ac = sp->ac;
	struct page *page = get_page_from_freelist(ac, ALLOC_WMARK_HIGH);

	if (page || !oom_kills_for(ac))
		return page;
	count_vm_event(OOM_KILL);
	oom_report(&ac->ps->pa, &ac->ps->oom_rs, ac->gfp, ac->order);
	return ac->gfp & __GFP_NOFAIL ? get_page_from_freelist(ac, ALLOC_NO_WATERMARKS) : NULL;
}

/* ---- The way ---- */

/*
 * Compaction comes first where a large block is missing but pages hardly are, and for those who
 * would mix mobilities otherwise. False: the request is not to go further.
 */
static bool compact_first(struct slowpath *sp, struct page **page)
{
	const struct alloc_context *ac = sp->ac;

	if (!may_compact(ac) || !(ac->gfp & __GFP_DIRECT_RECLAIM) || reserve_flags(ac->gfp))
		return true;
	if (!is_costly(ac) && (!ac->order || ac->migratetype == MIGRATE_MOVABLE))
		return true;
	*page = direct_compact(sp, INIT_COMPACT_PRIORITY);
	if (*page || !is_costly(ac) || !(ac->gfp & __GFP_NORETRY))
		return true;
	/* A huge page is not worth reclaim that is unlikely to make one. */
	if (sp->compact_result == COMPACT_SKIPPED || sp->compact_result == COMPACT_DEFERRED ||
	    ac->gfp & __GFP_THISNODE)
		return false;
	sp->compact_priority = INIT_COMPACT_PRIORITY;
	return true;
}

/* One round of all that can be done. True: it may be worth another one. */
static bool try_round(struct slowpath *sp, struct page **page)
{
	const struct alloc_context *ac = sp->ac;
	unsigned int reserve = reserve_flags(ac->gfp);

	wake_all_kswapds(sp);
	if (reserve)
		sp->alloc_flags = reserve | (sp->alloc_flags & ALLOC_KSWAPD);
	*page = get_page_from_freelist(ac, sp->alloc_flags);
	/* Who makes room for others does not go round in circles. */
	if (*page || !(ac->gfp & __GFP_DIRECT_RECLAIM) || kernel->pf_memalloc)
		return false;
	*page = direct_reclaim(sp);
	if (!*page)
		*page = direct_compact(sp, sp->compact_priority);
	if (*page || ac->gfp & __GFP_NORETRY)
		return false;
	if (is_costly(ac) && !(may_compact(ac) && ac->gfp & __GFP_RETRY_MAYFAIL))
		return false;
	if (++sp->rounds > MAX_ROUNDS)
		return false;
	if (should_reclaim_retry(sp))
		return true;
	if (sp->progress && may_compact(ac) && should_compact_retry(sp))
		return true;
	*page = may_oom(sp);
	return false;
}

static struct page *try_rounds(struct slowpath *sp)
{
	struct page *page;

	while (try_round(sp, &page))
		;
	return page;
}

/*
 * A request that must not fail helps itself to part of the reserve, and begins again while that
 * leads somewhere.
 */
static struct page *must_not_fail(struct slowpath *sp)
{
	struct page *page;

	(void)WARN_ON(!(sp->ac->gfp & __GFP_DIRECT_RECLAIM));
	(void)WARN_ON(is_costly(sp->ac));
	if (!(sp->ac->gfp & __GFP_DIRECT_RECLAIM))
		return NULL;
	do {
		page = get_page_from_freelist(sp->ac, ALLOC_MIN_RESERVE);
		if (!page)
			page = try_rounds(sp);
	} while (!page && sp->progress && ++sp->nofail_rounds < MAX_RECLAIM_RETRIES);
	return page;
}

static struct page *slowpath_live(struct slowpath *sp)
{
	struct page *page;

	wake_all_kswapds(sp);
	page = get_page_from_freelist(sp->ac, sp->alloc_flags);
	if (page)
		return page;
	if (compact_first(sp, &page) && !page)
		page = try_rounds(sp);
	if (!page && sp->ac->gfp & __GFP_NOFAIL)
		page = must_not_fail(sp);
	if (!page)
		warn_alloc(&sp->ac->ps->pa, &sp->ac->ps->nopage_rs, sp->ac->gfp, sp->ac->order);
	return page;
}

/* While there is any block, on whichever CPU's list. */
static struct page *take_the_last(const struct alloc_context *ac)
{
	struct page *page = get_page_from_freelist(ac, ALLOC_NO_WATERMARKS);

	if (page || !(ac->gfp & __GFP_DIRECT_RECLAIM) || !ac->ps->o.pcp)
		return page;
	drain_all_pages(ac->ps);
	return get_page_from_freelist(ac, ALLOC_NO_WATERMARKS);
}

static struct page *slowpath_recorded(struct slowpath *sp)
{
	struct page *page = get_page_from_freelist(sp->ac, sp->alloc_flags);

	if (!page)
		compact_first(sp, &page);
	if (!page)
		page = take_the_last(sp->ac);
	if (!page && unreserve_highatomic_pageblock(sp->ac, true))
		page = take_the_last(sp->ac);
	if (!page && sp->ac->gfp & __GFP_DIRECT_RECLAIM)
		page = direct_compact(sp, DEF_COMPACT_PRIORITY);
	if (!page)
		warn_alloc(&sp->ac->ps->pa, &sp->ac->ps->nopage_rs, sp->ac->gfp, sp->ac->order);
	return page;
}

static struct page *slowpath_bare(const struct slowpath *sp)
{
	struct page *page =
		get_page_from_freelist(sp->ac, sp->alloc_flags & ~(unsigned int)ALLOC_HIGHATOMIC);

	return page ? page : take_the_last(sp->ac);
}

struct page *alloc_pages_slowpath(const struct alloc_context *ac)
{
	struct alloc_context own = *ac;
	struct slowpath sp = {.ac = &own,
			      .compact_priority = DEF_COMPACT_PRIORITY,
			      .compact_result = COMPACT_SKIPPED};

	/* Who may wait is in no haste. */
	if (own.gfp & __GFP_DIRECT_RECLAIM)
		own.gfp &= ~__GFP_ATOMIC;
	sp.alloc_flags = gfp_to_alloc_flags(own.gfp, own.order);
	switch (kernel->mm_mode) {
	case MM_BARE:
		return slowpath_bare(&sp);
	case MM_RECORDED:
		return slowpath_recorded(&sp);
	default:
		return slowpath_live(&sp);
	}
}
