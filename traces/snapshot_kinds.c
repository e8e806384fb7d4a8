/*
 * The files of a snapshot: the one list of them.
 */
#include <stddef.h>

#include "traces/snapshots_parse.h"

static int kind_slabinfo(struct scan *s, struct snapshot *snap, struct err *e)
{
	return parse_slabinfo(s, &snap->slabs, &snap->nr_slabs, e);
}

static int kind_slabinfo0(struct scan *s, struct snapshot *snap, struct err *e)
{
	return parse_slabinfo(s, &snap->slabs0, &snap->nr_slabs0, e);
}

static int kind_sysfs(struct scan *s, struct snapshot *snap, struct err *e)
{
	return parse_sysfs(s, &snap->sysfs, &snap->nr_sysfs, e);
}

#define AT(span) offsetof(struct snapshot, span)

/* Zoneinfo names all zones, also empty ones: before the other two that tell of zones. */
const struct snapshot_kind snapshot_kinds[NR_SNAPSHOT_KINDS] = {
	{"shrink", "shrink", AT(shrink), NULL},
	{"slabinfo", "slabinfo", AT(slabinfo_at), kind_slabinfo},
	{"slabinfo0", "slabinfo0", AT(slabinfo0_at), kind_slabinfo0},
	{"slab_sysfs.tsv", "slab_sysfs", AT(sysfs_at), kind_sysfs},
	{"zoneinfo", "zoneinfo", AT(zoneinfo_at), parse_zoneinfo},
	{"pagetypeinfo", "pagetypeinfo", AT(pagetypeinfo_at), parse_pagetypeinfo},
	{"buddyinfo", "buddyinfo", AT(buddyinfo_at), parse_buddyinfo},
	{"vmstat", "vmstat", AT(vmstat_at), parse_vmstat},
	{"times", NULL, 0, parse_times},
};

struct snapshot_span *snapshot_kind_span(const struct snapshot_kind *k, struct snapshot *snap)
{
	return (struct snapshot_span *)((char *)snap + k->span);
}
