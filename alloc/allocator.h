/*
 * What an allocator is, its registry, and the counters of a layer.
 *
 * One file adds an allocator: it defines a `static const struct allocator_desc` and ends with
 * ALLOCATOR(desc). It is then built, listed, documented, stackable and fuzzed.
 *
 * A layer calls the dispatcher (page_alloc(base, ...), slab_alloc(base, ...)), never
 * base->allocate: that is the one place that counts, charges, injects failures and checks. A layer
 * never counts for itself.
 */
#ifndef ALLOC_ALLOCATOR_H
#define ALLOC_ALLOCATOR_H

#include "lib/err.h"
#include "lib/options.h"
#include "lib/types.h"

enum allocator_kind { ALLOC_PAGES, ALLOC_SLAB, ALLOC_STORE, NR_ALLOCATOR_KINDS };
extern const char *const allocator_kind_names[NR_ALLOCATOR_KINDS];  /* "page", "slab", "store" */
extern const char *const allocator_chain_names[NR_ALLOCATOR_KINDS]; /* "pages", "slab", "store" */

enum allocator_role {
	ROLE_SOURCE, /* stands on nothing of its kind: ends a chain */
	ROLE_LAYER,  /* derived: stands on another of its kind */
};

struct page_allocator;
struct slab_allocator;
struct store;
struct store_env;

struct allocator_desc {
	const char *name; /* as the user types it */
	enum allocator_kind kind;
	enum allocator_role role;
	const char *model;   /* what its design is called elsewhere, for messages; NULL: as here */
	const char *summary; /* one line */
	const char *help;    /* paragraphs for `kmemsim help NAME`; NULL: the summary says all */
	const struct opt_desc *options; /* NULL: none */
	size_t options_size;
	bool keeps_nothing; /* hands out addresses without memory behind them (null): not for
			       oracles */
	bool any_size; /* a slab source that keeps objects of any size side by side: kmalloc does
			       not round sizes up to classes for it */
	/*
	 * One of these, by kind. `base` is NULL for a source and otherwise counted: the new
	 * instance owns one reference. Returns NULL with e set if the combination makes no sense
	 * (its reference to base then stays with the caller).
	 */
	struct page_allocator *(*create_pages)(struct page_allocator *base, const void *options,
					       struct err *e);
	struct slab_allocator *(*create_slab)(struct slab_allocator *base,
					      struct page_allocator *pages, const void *options,
					      struct err *e);
	struct store *(*create_store)(struct store *base, const struct store_env *env,
				      const void *options, struct err *e);
	/* Filled in by the registry. */
	struct allocator_desc *next;
};

void allocator_register(struct allocator_desc *desc);
/* All of them, sorted by kind, then name. */
struct allocator_desc *allocator_first(void);
struct allocator_desc *allocator_find(enum allocator_kind kind, const char *name);
/* The one whose model has that name; NULL: none. */
struct allocator_desc *allocator_like(enum allocator_kind kind, const char *model);

#define ALLOCATOR(desc)                                                                            \
	__attribute__((constructor)) static void register_##desc(void)                             \
	{                                                                                          \
		allocator_register(&desc);                                                         \
	}

/* Induced failure of one layer: every `every`-th allocation with the flags is refused; 0: never. */
struct injection {
	u64 every;
	u64 only_nth; /* refuse exactly this one (1 is the first); 0: none */
	u64 seen;
};

/*
 * Counters of one layer, kept by the dispatcher from the outside. What a layer holds back from its
 * base (limbo, reserves, magazines) is base->live_bytes - live_bytes.
 */
struct layer {
	/* What every request touches lies on one cache line. */
	u64 nr_alloc, nr_free;
	s64 live_objs, live_bytes; /* blocks or objects; bytes of their size */
	s64 live_bytes_peak;	   /* most live bytes before a free: see layer_live_bytes_max */
	u64 self_ns; /* simulated time inside the layer itself, not in what it calls */
	struct injection inject;
	u64 nr_failed, nr_injected;
	/* In limbo: the layer's own count, for where its base has other users as well. */
	s64 waiting_objs, waiting_bytes;
	char id[48]; /* "pages/0:rcu", "slab/1:slabifier": depth from outermost */
};

/* Most bytes live through the layer since it is counted. */
static inline s64 layer_live_bytes_max(const struct layer *l)
{
	return max(l->live_bytes, l->live_bytes_peak);
}

#endif
