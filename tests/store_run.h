/*
 * Loads of compressed objects on small machines, and all that a run says of its store.
 */
#ifndef TESTS_STORE_RUN_H
#define TESTS_STORE_RUN_H

#include "sim/trial.h"
#include "tests/test.h"

#define STORE_RUN_REQUESTS 4000U
#define STORE_RUN_STEP_NS 10000ULL
#define STORE_RUN_MARK_NS (3001 * STORE_RUN_STEP_NS) /* the load has a mark there */
#define STORE_RUN_ROWS 256
#define STORE_RUN_CLASSES 1024

/* Half of them are made and half of these freed again, some read; two runs of compaction. */
extern struct request store_run_load[STORE_RUN_REQUESTS];
void store_run_make_load(u64 seed);

struct seen {
	struct sink sink;
	struct sink_store rows[STORE_RUN_ROWS], at_mark;
	struct sink_store_class classes[STORE_RUN_CLASSES];
	unsigned int nr_rows, nr_marks, nr_classes, nr_mark_classes;
	double slab_bytes, taken_bytes; /* of the last sample */
	/* Beside each row: the same, and what the store's layers keep back. */
	double slab_rows[STORE_RUN_ROWS], taken_rows[STORE_RUN_ROWS], held_rows[STORE_RUN_ROWS];
	u64 own_objs[STORE_RUN_ROWS]; /* live ones of all caches: nobody but the store has any */
	double value[256];
	bool has[256];
	u64 nr_reads, nr_mallocs, nr_writes, nr_frees, nr_compacts;
};

struct how {
	const char *store; /* NULL: none */
	u64 warmup_ns;
	u64 memory; /* of each node; 0: 64 MiB */
	bool made_up, deaf;
};

/* These requests on a stack; *w says what was seen. */
struct trial store_run_these(struct seen *w, const struct how *how, const struct request *requests,
			     size_t nr);
/* The load. */
struct trial store_run(struct seen *w, const struct how *how);

bool seen_has(const struct seen *w, const char *metric);
/* It must be there. */
double seen_value(const struct seen *w, const char *metric);

#endif
