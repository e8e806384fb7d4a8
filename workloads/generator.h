/*
 * Generators: when do a job's requests come? One file each, found by registration, named as the
 * user types it.
 *
 * A new generator is a file workloads/NAME.c with a descriptor and GENERATOR(desc). What is asked
 * for, how long it lives, on which CPU and when the job is at work is common to all:
 * workloads/job.h.
 *
 * Times here are gaps in units of 2^-DIST_FRACTION_BITS ns, so that rates come out exact.
 */
#ifndef WORKLOADS_GENERATOR_H
#define WORKLOADS_GENERATOR_H

#include "lib/rng.h"
#include "lib/yaml.h"

struct job;
struct slot_ops;

struct generator_key {
	const char *name;
	const char *form; /* "200k/s" */
	const char *def;  /* NULL: must be given */
	const char *help;
};

/* When a gap begins. */
struct job_time {
	u64 at; /* of the last request; first: of the begin of work */
	unsigned int phase;
	bool first;
};

/* Required: all but help, workers, lifetime_ns, asks_again and slots. */
struct generator {
	const char *name;
	const char *summary;		  /* one line */
	const char *help;		  /* paragraphs for `kmemsim help NAME` */
	const struct generator_key *keys; /* its own, ended by a NULL name */
	size_t own_size;		  /* of what it keeps: job->own, zeroed */
	/* Its own keys into job->own. -1 with e set: forget() is called all the same. */
	int (*read)(struct job *job, const struct yaml_node *map, struct err *e);
	void (*forget)(void *own);
	/*
	 * The gap before the job's (or worker's) next request; first: the gap between when it takes
	 * up its work and its first request.
	 */
	u64 (*gap)(const struct job *job, struct rng *r, const struct job_time *now);
	/* Mean of gap(), for estimates. */
	double (*mean_gap_ns)(const struct job *job);
	/*
	 * Set: the gap begins when a worker's last request ended (a closed loop), and this is how
	 * many there are; *hold: they keep what they got for its lifetime before they go on.
	 */
	u32 (*workers)(const struct job *job, bool *hold);
	/*
	 * How long an object lives that is asked for at t_ns; beyond any load: forever. Not set:
	 * the job's key `lifetime` says it.
	 */
	u64 (*lifetime_ns)(const struct job *job, struct rng *r, u64 t_ns);
	/* An object of an open loop is freed at t_ns: is one asked for at once, on its CPU? */
	bool (*asks_again)(const struct job *job, u64 t_ns);
	/* Set: what becomes of whose memory at each request of an open loop. */
	const struct slot_ops *slots;
	struct generator *next; /* of the registry */
};

/* lifetime_ns of a generator that sets none. */
u64 generator_drawn_lifetime(const struct job *job, struct rng *r, u64 t_ns);

void generator_register(struct generator *g);
struct generator *generator_first(void); /* by name; then ->next */
struct generator *generator_find(const char *name);
/* Its own options, those of every job, and the distributions, for `kmemsim help NAME`. */
void generator_print_help(const struct generator *g, char *buf, size_t n);

#define GENERATOR(desc)                                                                            \
	__attribute__((constructor)) static void desc##_register(void)                             \
	{                                                                                          \
		generator_register(&desc);                                                         \
	}

#endif
