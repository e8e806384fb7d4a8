/*
 * Snapshots of a recorded machine: what /proc and sysfs said beside the trace.
 *
 * A folder with one folder for each snapshot, in order of their names: NN-LABEL/ with slabinfo
 * (needed), buddyinfo, pagetypeinfo, zoneinfo, vmstat, slab_sysfs.tsv, slabinfo0, times (each as
 * far as it is there); beside them, or one folder up, slab_static.tsv, META and mm_stat. Recorded
 * clock: that of the trace.
 *
 * The one question everybody asks: *which slabinfo?* slabinfo0 is read before slab_sysfs.tsv, right
 * after a shrink; slabinfo last. Where one file is missing, the other is what there is, and says
 * when: snapshot_slabinfo_first(), snapshot_slabinfo_last().
 */
#ifndef TRACES_SNAPSHOTS_H
#define TRACES_SNAPSHOTS_H

#include "lib/err.h"
#include "lib/types.h"
#include "traces/mm_stat.h"

#define SNAPSHOT_ORDERS 11
#define SNAPSHOT_TYPES 5 /* Unmovable, Movable, Reclaimable, HighAtomic, Isolate, by their names */
#define SNAPSHOT_TYPES_READ 16
#define SNAPSHOT_NODES 64
#define SNAPSHOT_LRUS 5 /* anonymous or of files, inactive or active; unevictable */

struct snapshot_span { /* when a file was read; both 0: not known */
	u64 begin_ns, end_ns;
};

struct snapshot_slab { /* a line of slabinfo */
	char *cache;
	u64 active_objs, num_objs, objsize, objperslab, pagesperslab, active_slabs, num_slabs;
};

struct snapshot_sysfs { /* a line of slab_sysfs.tsv: sums, and by node */
	char *cache;
	u64 slabs, objects, partial, cpu_slabs, cpu_partial_slabs;
	u64 total_objects, objects_partial;
	u64 node_slabs[SNAPSHOT_NODES], node_objects[SNAPSHOT_NODES], node_partial[SNAPSHOT_NODES];
};

struct snapshot_zone {
	int node;
	char zone[16];
	bool has_buddy, has_types, has_info;		/* which of the files told of it */
	u64 nr_free[SNAPSHOT_ORDERS];			/* buddyinfo */
	u64 type_free[SNAPSHOT_TYPES][SNAPSHOT_ORDERS]; /* pagetypeinfo */
	bool type_capped;				/* a cell said ">100000" */
	u64 type_blocks[SNAPSHOT_TYPES];
	u64 free, min, low, high, spanned, present, managed, start_pfn; /* zoneinfo, pages */
	u64 lru[SNAPSHOT_LRUS]; /* zoneinfo: pages on each LRU list */
	unsigned int lru_told;	/* a bit for each of these that it has */
	u64 zspages;		/* zoneinfo: of zsmalloc */
	u32 *pcp_count;		/* of each CPU */
	unsigned int nr_cpus, pcp_high, pcp_batch;
};

struct snapshot_count { /* a line of vmstat */
	char *name;
	u64 value;
};

struct snapshot {
	char *label; /* without the number */
	struct snapshot_span shrink, slabinfo0_at, sysfs_at, zoneinfo_at, pagetypeinfo_at,
		buddyinfo_at, slabinfo_at, vmstat_at;
	struct snapshot_slab *slabs, *slabs0; /* slabinfo, slabinfo0, as far as they
						   are there; by cache name */
	size_t nr_slabs, nr_slabs0;
	struct snapshot_sysfs *sysfs; /* by cache name */
	size_t nr_sysfs;
	struct snapshot_zone *zones; /* by (node, order of /proc) */
	size_t nr_zones;
	struct snapshot_count *vmstat; /* in the file's order */
	size_t nr_vmstat;
	/* The recorded kernel's numbers of migratetypes, as pagetypeinfo lists them: the type as it
	 * is numbered here; -1: one that is not told apart. None: the file is not there. */
	int types[SNAPSHOT_TYPES_READ];
	unsigned int nr_types;
};

struct snapshot_geometry { /* a line of slab_static.tsv */
	char *cache;
	u32 object_size, slab_size, objs_per_slab, order, cpu_partial, min_partial, align;
	bool destroy_by_rcu, reclaim_account, hwcache_align, cache_dma;
};

struct snapshot_files;

struct snapshots {
	char *dir; /* for messages */
	struct snapshot *snaps;
	size_t nr_snaps;
	struct snapshot_geometry *geometry; /* by cache name */
	size_t nr_geometry;
	struct mm_stat_row *mm_stat; /* of the recorded store; none: not told */
	size_t nr_mm_stat;
	char *machine;	      /* machine/1 YAML of zoneinfo and META; NULL: they do not tell */
	char *machine_note;   /* what was assumed about it, or why there is none; NULL: nothing */
	unsigned int nr_cpus; /* 0: not known */
	u64 pfn_end;	      /* page frames are below this; 0: not known */
};

/* From a folder (that of the snapshots, or the one above it that holds snaps/). -1 with e set:
 * file, line, what is wrong. */
int __must_check snapshots_open(struct snapshots *s, const char *dir, struct err *e);
/* The same from files that are in memory (snapshot_files.h). */
int __must_check snapshots_parse(struct snapshots *s, const struct snapshot_files *f,
				 struct err *e);
void snapshots_close(struct snapshots *s);

/* What slabinfo said, and which file that is, as marks name it: dates are that file's. */
struct snapshot_slabinfo {
	const char *file; /* "slabinfo", "slabinfo0" */
	const struct snapshot_slab *slabs;
	size_t nr_slabs;
	const struct snapshot_span *at;
};
/* slabinfo0, slabinfo; each the other where it is missing. */
struct snapshot_slabinfo snapshot_slabinfo_first(const struct snapshot *s);
struct snapshot_slabinfo snapshot_slabinfo_last(const struct snapshot *s);

/* NULL if there is none of that name. */
const struct snapshot_slab *snapshot_slabinfo_find(const struct snapshot_slabinfo *info,
						   const char *cache);
/* Of the last slabinfo. */
const struct snapshot_slab *snapshot_slab(const struct snapshot *s, const char *cache);
const struct snapshot_sysfs *snapshot_sysfs(const struct snapshot *s, const char *cache);
const struct snapshot_count *snapshot_vmstat(const struct snapshot *s, const char *name);
const struct snapshot_zone *snapshot_zone(const struct snapshot *s, int node, const char *zone);
const struct snapshot_geometry *snapshots_geometry(const struct snapshots *s, const char *cache);

#endif
