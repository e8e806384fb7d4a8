/*
 * A workload as a stream of requests; between the files of the stream.
 */
#ifndef WORKLOADS_SOURCE_H
#define WORKLOADS_SOURCE_H

#include "lib/idset.h"
#include "workloads/spec.h"
#include "workloads/wheel.h"

#define BATCH 1024
#define PASS_MAX 4 /* requests that an event makes at most */

enum event_kind { EVENT_MARK, EVENT_REQUEST, EVENT_REPEAT, EVENT_FREE, EVENT_GIVE_BACK };

/* A request of a job that wants to know how it went, and what follows. */
struct flight {
	struct request r;
	u64 lifetime_ns, gap; /* gap: a worker's think time */
	u64 safe_ns;	      /* what follows is not before this */
	u32 worker, retries;  /* retries: left */
	u16 free_cpu;
};

#define SLOT_EMPTY UINT32_MAX

/* A job at work. */
struct lane {
	const struct job *job;
	struct rng gaps, whats, lifetimes, cpus, free_cpus, pins, copies, accesses, reads, steps;
	u64 at; /* of an open loop: its next request, with fraction */
	u32 nr_workers;
	bool hold, told;
	struct flight *held; /* by worker: what it keeps */
	/* Of a generator with slots. */
	u32 *slots; /* the object in each, or SLOT_EMPTY */
	void *device;
};

/* Ids there are room for at the start; room grows by doubling. */
#define FIRST_OBJECTS 4096

struct workload_source {
	struct source base;
	struct source_ops ops;
	char *path;
	struct workload load;
	struct lane *lanes;
	struct wheel *wheel;
	struct idset ids;
	struct source_mark *marks;
	const char **sites;
	u64 bound_ns; /* what is handed out comes before this */
	bool over;
	u32 nr;
	struct request batch[BATCH];
	u8 waits[BATCH];	      /* of each: someone is to be told how it went */
	struct flight flights[BATCH]; /* of those */
	struct flight *repeats;
	u32 *free_repeats, nr_repeats, max_repeats, nr_free_repeats, max_free_repeats;
};

static inline struct workload_source *to_workload(struct source *s)
{
	return container_of(s, struct workload_source, base);
}

/* Numbers of the marks: phases if they have names, the end of the warm-up, the end. */
static inline u32 mark_warmup(const struct workload *w)
{
	return *w->phases[0].name ? w->nr_phases : 0;
}

static inline u32 mark_end(const struct workload *w)
{
	return mark_warmup(w) + (w->warmup_ns != 0);
}

long workload_next(struct source *s, const struct request **batch, struct err *e);
int workload_rewind(struct source *s, struct err *e);
u64 workload_accessed_ns(struct source *s, const struct request *r);
void workload_ended(struct source *s, const struct request *r, bool refused, u64 end_ns);

#endif
