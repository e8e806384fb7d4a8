/*
 * What the kernel prints when memory runs out.
 *
 * Theory: one line says who wanted what; then come the counters of each zone and its free lists.
 * Formats are those of warn_alloc and __show_free_areas (mm/page_alloc.c) and dump_header
 * (mm/oom_kill.c) of Linux 6.1, so that tools made for a kernel's log read them. A log that repeats
 * itself helps nobody: one report of a failure in ten seconds, ten of the OOM killer in five.
 *
 * Invariant: looking costs no simulated time and changes nothing.
 *
 * Unlike Linux: of a line only the fields that are modelled. Where the process is named, the call
 * site is.
 */
#include "alloc/show_mem.h"

#include "alloc/pages/page_allocator.h"
#include "alloc/pages/pcp.h"
#include "alloc/pages/zonelist.h"
#include "lib/text.h"

#define REPORT_MAX 16384
#define NS_PER_SEC 1000000000ULL
#define K(pages) ((long long)(pages) * (long long)(PAGE_SIZE >> 10))

/* clang-format off */
/* The kernel's names in its order: the first that fits takes its bits (__def_gfpflag_names). */
#define PRINTED_FLAGS(X)                                                                           \
	X(GFP_TRANSHUGE) X(GFP_TRANSHUGE_LIGHT) X(GFP_HIGHUSER_MOVABLE) X(GFP_HIGHUSER)            \
	X(GFP_USER) X(GFP_KERNEL_ACCOUNT) X(GFP_KERNEL) X(GFP_NOFS) X(GFP_ATOMIC) X(GFP_NOIO)      \
	X(GFP_NOWAIT) X(GFP_DMA) X(__GFP_HIGHMEM) X(GFP_DMA32) X(__GFP_HIGH) X(__GFP_ATOMIC)       \
	X(__GFP_IO) X(__GFP_FS) X(__GFP_NOWARN) X(__GFP_RETRY_MAYFAIL) X(__GFP_NOFAIL)             \
	X(__GFP_NORETRY) X(__GFP_COMP) X(__GFP_ZERO) X(__GFP_NOMEMALLOC) X(__GFP_MEMALLOC)         \
	X(__GFP_HARDWALL) X(__GFP_THISNODE) X(__GFP_RECLAIMABLE) X(__GFP_MOVABLE)                  \
	X(__GFP_ACCOUNT) X(__GFP_WRITE) X(__GFP_RECLAIM) X(__GFP_DIRECT_RECLAIM)                   \
	X(__GFP_KSWAPD_RECLAIM)
/* clang-format on */

#define PRINTED_FLAG(flag) {flag, #flag},
static const struct {
	gfp_t mask;
	const char *name;
} printed_flags[] = {PRINTED_FLAGS(PRINTED_FLAG)};

/* %pGg */
static void add_gfp(struct text *t, gfp_t gfp)
{
	for (size_t i = 0; gfp && i < ARRAY_SIZE(printed_flags); i++) {
		if ((gfp & printed_flags[i].mask) != printed_flags[i].mask)
			continue;
		gfp &= ~printed_flags[i].mask;
		text_add(t, "%s%s", printed_flags[i].name, gfp ? "|" : "");
	}
	if (gfp)
		text_add(t, "%#x", gfp);
}

static u64 pcp_pages(const struct page_allocator *pa, const struct zone *zone, int cpu)
{
	const struct per_cpu_pages *pcp = zone_pageset(pa, zone, cpu);

	return pcp ? pcp->count : 0;
}

static u64 free_pcp(const struct page_allocator *pa, const struct zone *zone)
{
	u64 pages = 0;
	int cpu;

	for_each_possible_cpu (cpu)
		pages += pcp_pages(pa, zone, cpu);
	return pages;
}

static void show_totals(const struct page_allocator *pa, int highest_zone, struct text *t)
{
	long long stat[NR_VM_ZONE_STAT_ITEMS] = {0};
	u64 pcp = 0;
	struct zone *zone;

	for_each_populated_zone (zone) {
		for (int i = 0; i < NR_VM_ZONE_STAT_ITEMS; i++)
			stat[i] += zone->vm_stat[i];
		if ((int)zone->type <= highest_zone)
			pcp += free_pcp(pa, zone);
	}
	text_add(t,
		 "Mem-Info:\n slab_reclaimable:%lld slab_unreclaimable:%lld\n"
		 " free:%lld free_pcp:%llu\n",
		 stat[NR_SLAB_RECLAIMABLE], stat[NR_SLAB_UNRECLAIMABLE], stat[NR_FREE_PAGES],
		 (unsigned long long)pcp);
}

static void show_zone(const struct page_allocator *pa, const struct zone *zone, struct text *t)
{
	static const struct zone_watermarks none;
	const struct zone_watermarks *m = zone_marks(pa, zone);

	m = m ? m : &none;
	text_add(t,
		 "Node %d %s free:%lldkB boost:%lldkB min:%lldkB low:%lldkB high:%lldkB "
		 "reserved_highatomic:%lldKB present:%lldkB managed:%lldkB free_pcp:%lldkB "
		 "local_pcp:%lldkB\n",
		 zone->node, zone->name, K(zone->vm_stat[NR_FREE_PAGES]), K(m->boost),
		 K(max(m->min, 0L) + m->boost), K(max(m->low, 0L) + m->boost),
		 K(max(m->high, 0L) + m->boost), K(m->nr_reserved_highatomic),
		 K(zone->spanned_pages), K(zone->spanned_pages), K(free_pcp(pa, zone)),
		 K(pcp_pages(pa, zone, kernel->cpu)));
	text_add(t, "lowmem_reserve[]:");
	for (int type = 0; type < MAX_NR_ZONES; type++)
		text_add(t, " %ld", m->lowmem_reserve[type]);
	text_add(t, "\n");
}

static void show_free_lists(const struct page_allocator *pa, const struct zone *zone,
			    struct text *t)
{
	static const char letters[MIGRATE_TYPES + 1] = "UMEH";
	u64 pages = 0;

	text_add(t, "Node %d %s: ", zone->node, zone->name);
	for (int order = 0; order < MAX_ORDER; order++) {
		char types[MIGRATE_TYPES + 1];
		u64 nr = 0;
		int n = 0;

		for (int mt = 0; mt < MIGRATE_TYPES; mt++) {
			u64 blocks = page_nr_free(pa, zone, mt, order);

			if (blocks)
				types[n++] = letters[mt];
			nr += blocks;
		}
		pages += nr << order;
		text_add(t, "%llu*%lldkB ", (unsigned long long)nr, K(1) << order);
		if (nr)
			text_add(t, "(%.*s) ", n, types);
	}
	text_add(t, "= %lldkB\n", K(pages));
}

void show_mem(const struct page_allocator *pa, int highest_zone, struct text *t)
{
	u64 clock_ns = kernel->clock_ns;
	struct zone *zone;

	show_totals(pa, highest_zone, t);
	for_each_populated_zone (zone)
		if ((int)zone->type <= highest_zone)
			show_zone(pa, zone, t);
	for_each_populated_zone (zone)
		if ((int)zone->type <= highest_zone)
			show_free_lists(pa, zone, t);
	kernel->clock_ns = clock_ns;
}

static bool may_report(struct ratelimit *rs, u64 interval_ns, u32 burst)
{
	if (kernel->clock_ns >= rs->until_ns) {
		rs->until_ns = kernel->clock_ns + interval_ns;
		rs->left = burst;
	}
	if (!rs->left)
		return false;
	rs->left--;
	return true;
}

/* What follows the first line, and off it goes. */
static void report(const struct page_allocator *pa, const char *kind, gfp_t gfp, struct text *t)
{
	show_mem(pa, gfp_zone(gfp), t);
	report_event(kind, "%s", t->buf);
}

void warn_alloc(const struct page_allocator *pa, struct ratelimit *rs, gfp_t gfp, int order)
{
	char buf[REPORT_MAX];
	struct text t = text_in(buf, sizeof(buf));

	if (gfp & __GFP_NOWARN || !may_report(rs, 10 * NS_PER_SEC, 1))
		return;
	text_add(&t, "%s: page allocation failure: order:%d, mode:%#x(", site_name(kernel->site),
		 order, gfp);
	add_gfp(&t, gfp);
	text_add(&t, "), nodemask=(null)\n");
	report(pa, "refused", gfp, &t);
}

void oom_report(const struct page_allocator *pa, struct ratelimit *rs, gfp_t gfp, int order)
{
	char buf[REPORT_MAX];
	struct text t = text_in(buf, sizeof(buf));

	if (!may_report(rs, 5 * NS_PER_SEC, 10))
		return;
	text_add(&t, "%s invoked oom-killer: gfp_mask=%#x(", site_name(kernel->site), gfp);
	add_gfp(&t, gfp);
	text_add(&t, "), order=%d, oom_score_adj=0\n", order);
	report(pa, "oom", gfp, &t);
}
