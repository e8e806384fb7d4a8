/*
 * The parsers behind snapshots_open(): one function for each kind of file. Each takes a text that
 * is in memory; on -1, e has PATH:LINE:COLUMN and what is wrong.
 */
#ifndef TRACES_SNAPSHOTS_PARSE_H
#define TRACES_SNAPSHOTS_PARSE_H

#include "traces/snapshot_scan.h"
#include "traces/snapshots.h"

/* Sorted by name. */
int __must_check parse_slabinfo(struct scan *s, struct snapshot_slab **slabs, size_t *nr,
				struct err *e);
int __must_check parse_sysfs(struct scan *s, struct snapshot_sysfs **sysfs, size_t *nr,
			     struct err *e);
int __must_check parse_geometry(struct scan *s, struct snapshot_geometry **geometry, size_t *nr,
				struct err *e);
int __must_check parse_vmstat(struct scan *s, struct snapshot *snap, struct err *e);
int __must_check parse_times(struct scan *s, struct snapshot *snap, struct err *e);

/* These add to snap->zones what they know, in any order. */
int __must_check parse_zoneinfo(struct scan *s, struct snapshot *snap, struct err *e);
int __must_check parse_buddyinfo(struct scan *s, struct snapshot *snap, struct err *e);
int __must_check parse_pagetypeinfo(struct scan *s, struct snapshot *snap, struct err *e);

/* What a snapshot consists of. */
struct snapshot_kind {
	const char *name; /* of the file, and in the file `times` */
	const char *mark; /* as marks of the trace call it; NULL: when it was read is not kept */
	size_t span;	  /* of struct snapshot: when it was read */
	int (*parse)(struct scan *s, struct snapshot *snap, struct err *e); /* NULL: no file */
};
#define NR_SNAPSHOT_KINDS 9
extern const struct snapshot_kind snapshot_kinds[NR_SNAPSHOT_KINDS]; /* as they are parsed */
/* Of a kind that has a mark. */
struct snapshot_span *snapshot_kind_span(const struct snapshot_kind *k, struct snapshot *snap);

/* The zone of that name, made if there is none. */
struct snapshot_zone *snapshot_zone_add(struct snapshot *snap, int node, const char *zone);
/* Zones in the order (node, as first seen). */
void snapshot_zones_sort(struct snapshot *snap);

/* What is known besides of the machine; META may be NULL. Sets s->machine and s->machine_note. */
void snapshots_make_machine(struct snapshots *s, const char *meta);

#endif
