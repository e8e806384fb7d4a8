/*
 * A job of a workload: what it asks for, when, where and for how long.
 *
 *	generator: NAME		when requests come; brings its own keys
 *	size: DIST		kmalloc so many bytes; or
 *	cache: {name: NAME, size: SIZE, align: SIZE, movable: on, copies: 1000,
 *		flags: [SLAB_RECLAIM_ACCOUNT, SLAB_HWCACHE_ALIGN]}; or
 *	pages: {order: DIST, gfp: GFP}; or
 *	objects: {size: DIST}	compressed pages, for the stack's store
 *	shrink: all		no memory: every cache gives back what it can, movable ones move
 *	compact: all		no memory: the store is compacted; 1MiB: so much is moved at most
 *	lifetime: DIST		or `forever`; not of a shrink or compact
 *	read: 20%		of objects of a store: that share is read before it goes
 *	pinned: 10%		of objects of a movable cache: that share of them cannot be moved
 *	reclaim: {accessed: DIST}	of pages and objects of a cache: pressure may take them;
 *				DIST: the mean time between two accesses of one, or `never`
 *	gfp: GFP_KERNEL		names of Linux 6.1, joined by '|'
 *	cpus: 0-3		left out: all of the machine
 *	node: 1			the node asked for; left out: any
 *	free_cpu: same		or any: one of the job's
 *	on_failure: count	or retry (after `retry_after`, at most `retries` times) or stop
 *	start, duration		when it is at work, from the start of the load
 *	phases: [fill, churn]	in which phases; left out: all
 */
#ifndef WORKLOADS_JOB_H
#define WORKLOADS_JOB_H

#include "lib/rng.h"
#include "sim/source.h"
#include "workloads/dist.h"
#include "workloads/generator.h"

struct workload;

#define PHASES_MAX 64
/* What has no end ends then. */
#define TIME_NEVER UINT64_MAX
/* 52 days: the longest of all times here. */
#define TIME_MAX (1ULL << 52)

enum on_failure { FAILURE_COUNT, FAILURE_RETRY, FAILURE_STOP };

struct job {
	const char *name;
	const struct yaml_node *node; /* for messages */
	struct workload *load;
	const struct generator *gen;
	void *own; /* the generator's */

	struct request proto; /* what all its requests share */
	struct dist what;     /* bytes or order; of a cache: its object size */
	struct dist lifetime;
	bool reclaim;
	struct dist accessed; /* mean time between accesses of one page or object */
	u32 copies;	      /* of the cache that proto names; each request draws one */
	bool forever;
	u32 pinned_ppm, read_ppm; /* so many of a million objects */
	u16 *cpus;
	u32 nr_cpus;
	bool free_any;
	enum on_failure on_failure;
	u64 retry_after_ns, retries;
	u64 start_ns, end_ns;
	u8 at_work[PHASES_MAX]; /* 0: not in this phase; phases with the same number go on */
};

/* Its requests make no object: nothing lives, fails or is told. */
static inline bool job_makes_nothing(const struct job *job)
{
	return job->proto.kind == REQ_SHRINK || job->proto.kind == REQ_STORE_COMPACT;
}

/* -1 with e set; job_free is due all the same. */
int __must_check job_read(struct job *job, const struct yaml_node *defaults, struct err *e);
void job_free(struct job *job);
/* A key of the job, else of the defaults; NULL: neither. */
const struct yaml_node *job_key(const struct yaml_node *job, const struct yaml_node *defaults,
				const char *key);
/* Index of the word among the choices; -1 with e set. */
int __must_check choice_read(const struct yaml_node *n, const char *const *choices, struct err *e);

extern const struct generator_key job_keys[];

#endif
