/*
 * What allocators tell the world: events, warnings, external fragmentation, compaction, reclaim.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/machine.h"

void report_event(const char *kind, const char *fmt, ...)
{
	struct machine *m = machine_current();
	char detail[16384]; /* a failure report of the allocator (alloc/show_mem.c) is long */
	va_list ap;

	m->nr_events++;
	if (!m->on_event)
		return;
	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	m->on_event(m->on_event_arg, kernel->clock_ns, kernel->cpu, kind, detail);
}

const char *site_name(u32 site)
{
	const struct machine *m = machine_current();

	return site < m->nr_sites ? m->sites[site] : "?";
}

/* Once for each place and run, as WARN_ON_ONCE; a place is a line of a file. */
void kernel_warn(const char *what, const char *file, int line)
{
	struct machine *m = machine_current();

	for (unsigned int i = 0; i < m->nr_warned; i++)
		if (m->warned[i].line == line && !strcmp(m->warned[i].file, file))
			return;
	if (m->nr_warned < ARRAY_SIZE(m->warned)) {
		m->warned[m->nr_warned].file = file;
		m->warned[m->nr_warned++].line = line;
	}
	report_event("warn", "%s:%d: %s", file, line, what);
}

/* Fragmenting if the block found was smaller than a pageblock. Every one is counted;
 * only the fragmenting ones are listed, for the others change nothing. */
void trace_mm_page_alloc_extfrag(struct page *page, int alloc_order, int fallback_order,
				 int alloc_migratetype, int fallback_migratetype,
				 bool change_ownership)
{
	struct machine *m = machine_current();

	m->nr_extfrag[EXTFRAG_ALL]++;
	if (fallback_order >= pageblock_order)
		return;
	m->nr_extfrag[EXTFRAG_FRAGMENTING]++;
	if (alloc_migratetype == MIGRATE_UNMOVABLE) {
		m->nr_extfrag[EXTFRAG_UNMOVABLE]++;
		m->nr_extfrag[EXTFRAG_UNMOVABLE_INTO_MOVABLE] +=
			fallback_migratetype == MIGRATE_MOVABLE;
	}
	report_event("extfrag",
		     "pfn=0x%lx alloc_order=%d fallback_order=%d alloc_migratetype=%d "
		     "fallback_migratetype=%d change_ownership=%d",
		     page_to_pfn(page), alloc_order, fallback_order, alloc_migratetype,
		     fallback_migratetype, change_ownership);
}

void trace_mm_compaction_end(const struct compact_trace *t)
{
	struct machine *m = machine_current();

	m->compact.runs++;
	m->compact.moved += t->moved;
	m->compact.failed += t->failed;
	m->compact.ns += t->ns;
	m->compact.blocks_gained += t->blocks_gained;
	report_event("compact",
		     "%s node=%d zone=%s order=%d %s migrate_scanned=%llu free_scanned=%llu "
		     "isolated=%llu moved=%llu failed=%llu blocks_gained=%lld ns=%llu",
		     t->mode, t->zone->node, t->zone->name, t->order, t->result,
		     (unsigned long long)t->migrate_scanned, (unsigned long long)t->free_scanned,
		     (unsigned long long)t->isolated, (unsigned long long)t->moved,
		     (unsigned long long)t->failed, (long long)t->blocks_gained,
		     (unsigned long long)t->ns);
	if (m->on_compact)
		m->on_compact(m->on_event_arg, t);
}

void trace_mm_vmscan_reclaim_end(const struct reclaim_trace *t)
{
	struct machine *m = machine_current();

	report_event("reclaim",
		     "%s node %d order %d priority %d scanned %llu reclaimed %llu from %llu ns "
		     "cpu %llu ns",
		     t->mode, t->nid, t->order, t->priority, (unsigned long long)t->scanned,
		     (unsigned long long)t->reclaimed, (unsigned long long)t->start_ns,
		     (unsigned long long)t->ns);
	if (m->on_reclaim)
		m->on_reclaim(m->on_event_arg, t);
}
