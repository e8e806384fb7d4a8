/*
 * The .kmt trace: a request stream in a file (FORMAT.md describes every byte).
 *
 * The one question everybody asks: *how do I read one?* kmt_open() gives a `struct source`; its
 * next() hands out whole blocks of decoded requests. Memory is one block and the tables, whatever
 * the length. Every byte of the file is under a checksum: damage is an error, never a wrong
 * request.
 */
#ifndef TRACES_KMT_H
#define TRACES_KMT_H

#include <stdio.h>

#include "lib/err.h"
#include "sim/source.h"
#include "traces/stats.h"

#define KMT_VERSION 1
#define KMT_BLOCK_REQUESTS 8192

struct kmt_event_count {
	char *name; /* as recorded, without the group */
	u64 count;
};

struct kmt_cache_use {
	u64 allocs, frees;
};

#define KMT_GENERATED "generate"

/* What the file says besides its requests. All of it is owned (kmt_meta_free). */
struct kmt_meta {
	char *source_name; /* file it was made of, without directories */
	char *importer;	   /* "tracedat", ...; KMT_GENERATED if it was made up */
	char *kernel;	   /* uname of the recorded kernel; "": not known */
	char *clock;	   /* the trace clock's name; "": not known */
	char *machine;	   /* machine/1 YAML text; "": none */
	u64 source_hash;   /* of the source's content */
	unsigned int nr_cpus, nr_nodes;

	struct source_cache *caches; /* names are owned */
	struct kmt_cache_use *cache_use;
	unsigned int nr_caches;
	char **sites;
	unsigned int nr_sites;
	struct source_mark *marks; /* texts are owned */
	unsigned int nr_marks;
	struct kmt_event_count *events;
	unsigned int nr_events;
	struct import_stats stats;

	/* Counted by the writer. */
	u64 nr_requests, nr_objects_max, duration_ns;
	u64 requests[NR_REQUEST_KINDS];
};

void kmt_meta_free(struct kmt_meta *m);

/* Opens and checks header, tables and end; blocks are checked as they are read. NULL with e set. */
struct source *kmt_open(const char *path, struct err *e);
bool kmt_is(const struct source *s); /* did kmt_open() give it? */
/* Of a source that kmt_open() gave. */
const struct kmt_meta *kmt_meta(const struct source *s);
u64 kmt_file_bytes(const struct source *s);

/*
 * Optional sections: bytes of a kind, behind the requests. At most one of each kind; readers skip
 * kinds they do not know, files made before there were any have none.
 */
#define KMT_SECTION_SNAPSHOTS 0x50414e53U /* "SNAP": files of the recorded machine (snapshots.h) */
#define KMT_SECTION_STATE 0x54415453U	  /* "STAT": slabs and pages at time zero */
#define KMT_SECTION_FREE 0x45455246U	  /* "FREE": frames free then (free_frames.h) */
#define KMT_SECTION_TALLY 0x594c4154U	  /* "TALY": events between marks (tally.h) */

/* 1: *data (NUL-terminated, the caller frees) and *n are its content; 0: there is none; -1 with e
 * set: damaged. */
int __must_check kmt_section_read(struct source *s, u32 kind, u8 **data, size_t *n, struct err *e);
/* Bytes it takes in the file; 0: there is none. */
u64 kmt_section_bytes(const struct source *s, u32 kind);

/*
 * Writing: open, add every request in order, finish. `f` is an empty, seekable file (lib/file.h
 * makes one that appears whole or not at all); the writer neither closes nor commits it. Object ids
 * must be dense: the array that tracks them is as long as the largest.
 */
struct kmt_writer;

struct kmt_writer *kmt_writer_open(FILE *f, struct err *e);
int __must_check kmt_writer_add(struct kmt_writer *w, const struct request *r, struct err *e);
/* After the last request, once for each kind. */
int __must_check kmt_writer_section(struct kmt_writer *w, u32 kind, const u8 *data, size_t n,
				    struct err *e);
/* Fills in the last fields of *m, writes the rest, frees the writer also on failure. */
int __must_check kmt_writer_finish(struct kmt_writer *w, struct kmt_meta *m, struct err *e);
void kmt_writer_abort(struct kmt_writer *w);

#endif
