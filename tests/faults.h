/*
 * Induced failure, one site at a time: a script runs on a stack once to count what each layer is
 * asked for, then again for every single request of every layer, with exactly that one refused.
 *
 * The one question everybody asks: *how do I see one case alone?* A failure names stack, layer and
 * request; `TEST PAGES SLAB LAYER REQUEST` runs just that (SLAB "-": none), with a store `TEST PAGES
 * SLAB STORE LAYER REQUEST`.
 */
#ifndef TESTS_FAULTS_H
#define TESTS_FAULTS_H

#include "alloc/slabulator.h"
#include "alloc/store_alloc.h"
#include "tests/lab.h"

#define FAULT_LAYERS_MAX 32

struct fault_case {
	const char *pages, *slab; /* slab NULL: a chain of pages alone */
	const char *store;	  /* NULL: none */
	unsigned int layer;	  /* in order of creation: the source of the pages is 0 */
	u64 nth;		  /* its request that is refused; 0: none */
	bool refuses;		  /* the stack refuses some of the script by itself */
};

/* A stack under test. */
struct faults {
	struct fault_case at;
	struct lab lab;
	struct slab_allocator *sa; /* NULL: pages alone */
	struct slabulator slabs;   /* with a store: makes its caches */
	struct store *store;	   /* NULL: none */
	struct layer *layers[FAULT_LAYERS_MAX];
	unsigned int nr_layers;
	unsigned int nr_below; /* of these: under the store */
	u64 seen[FAULT_LAYERS_MAX], injected[FAULT_LAYERS_MAX];
	s64 idle_objs[FAULT_LAYERS_MAX], idle_bytes[FAULT_LAYERS_MAX];
	u64 free_pages;
	u64 nr_refused;	    /* requests of the script that were refused */
	struct err refusal; /* of a stack that cannot be made */
	char wrong[256];    /* the first thing found wrong; "": nothing so far */
};

/* What is done to the stack. It reports what it finds with fault_wrong, and leaves nothing. */
typedef void (*fault_script)(struct faults *f);

struct fault_count {
	u64 step;		     /* every step-th request of a layer; 0: every one */
	u64 stacks, sites, refusals; /* refusals: what the scripts saw of the sites */
};

/*
 * Runs the script once; what is wrong fails the test. False, with e set, if the stack refuses to be
 * made.
 */
bool faults_once(const struct fault_case *stack, fault_script script, struct err *e);
/*
 * Runs the script for every site of the stack, up to the first thing wrong: NULL if there is none.
 * A stack that refuses to be made counts for nothing.
 */
const char *faults_find(const struct fault_case *stack, fault_script script,
			struct fault_count *count);
/* The same; what is wrong fails the test. */
void faults_try(const struct fault_case *stack, fault_script script, struct fault_count *count);
/* One site, as the command line says: returns 0 if nothing is wrong. */
int faults_try_one(int argc, char **argv, fault_script script);

void fault_wrong(struct faults *f, const char *fmt, ...) __printf(2, 3);
/*
 * A request of the script was refused. It is an error unless the one refusal of the run may have
 * been the reason: asked again, all must go well that goes well without induced failure.
 */
void fault_refused(struct faults *f, const char *what, bool again);

#endif
