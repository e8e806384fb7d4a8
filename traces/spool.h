/*
 * The spool: requests between the two passes of an import, in a temporary file.
 *
 * Theory. What becomes of an event is often known only later: a cache's name at the free, a page's
 * use at the first object in it. The first pass writes what it knows and patches earlier records;
 * the second reads them in order. Memory holds only the newest records; the file has no name, so
 * nothing is left behind, whatever happens.
 *
 * Records that belong at an earlier place than where they were found out (births before time zero,
 * objects allocated in bulk) are kept apart as `late` records, sorted between the passes.
 */
#ifndef TRACES_SPOOL_H
#define TRACES_SPOOL_H

#include "lib/err.h"
#include "lib/types.h"

#define SPOOL_DROPPED 0xff /* as kind: not a request after all */

/* How a record's `cache` is to be read. */
#define SPOOL_CACHE_ID 0x00000000U   /* number of a cache */
#define SPOOL_CACHE_TYPE 0x40000000U /* as other objects of this (site, sizes) were freed */
#define SPOOL_CACHE_SITE 0x80000000U /* as other objects freed at this site */
#define SPOOL_CACHE_HOW 0xc0000000U

#define SLOT_LATE 0x80000000U /* slot: number of a late record instead */
#define SLOT_NONE 0x7fffffffU

struct spool_record {
	u64 t_ns;
	u32 slot; /* stands for the object until it has its id */
	u32 size, gfp, site;
	u32 cache;
	u16 cpu;
	s16 node;
	u8 kind, order, flags;
};

struct late_record {
	struct spool_record rec; /* time and CPU: filled in by the second pass */
	u64 key;		 /* order among births: the recorded address */
	u32 pos;		 /* goes before this record of the spool */
	u32 id;
};

struct spool {
	int fd, late_fd;
	u32 nr;	     /* records so far; position of the next */
	u32 flushed; /* of these, in the file */
	struct spool_record *tail;

	struct late_record *late; /* mapped from its own file */
	u32 nr_late, late_max;
};

int __must_check spool_open(struct spool *s, struct err *e);
void spool_close(struct spool *s);

/* Its position. Errors (disk full) are kept and reported by spool_rewind. */
u32 spool_add(struct spool *s, const struct spool_record *r);
void spool_set_kind(struct spool *s, u32 pos, u8 kind);
void spool_set_cache(struct spool *s, u32 pos, u32 cache);
/* Number of the late record. */
u32 spool_add_late(struct spool *s, const struct spool_record *r, u32 pos, u64 key);

/* Ends the first pass. */
int __must_check spool_rewind(struct spool *s, struct err *e);
/* The next records in order; returns how many, 0 at the end, -1 with e set. */
long spool_read(struct spool *s, const struct spool_record **batch, struct err *e);

#endif
