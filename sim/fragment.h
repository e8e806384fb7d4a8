/*
 * Fragmenters: named ways of bringing page memory into a state before time zero.
 *
 * A fragmenter is said like a layer of a stack, `pinned(p=1/512)`. It acts once the births of the
 * load are done, below all layers and in nobody's books (sim/page_state.h): what it holds is memory
 * that the machine does not have. What it holds as movable, compaction may move. Then it says how
 * well it met its target.
 *
 * The one question everybody asks: *what does it not touch?* What objects of the load have in use.
 * And a state that no arrangement of the rest can meet is an error that says what is missing.
 *
 * A new fragmenter is a file sim/fragment_NAME.c with a descriptor and FRAGMENTER(desc).
 */
#ifndef SIM_FRAGMENT_H
#define SIM_FRAGMENT_H

#include "lib/err.h"
#include "lib/options.h"
#include "lib/rng.h"
#include "lib/text.h"
#include "sim/machine_config.h"
#include "sim/page_state.h"

#define FRAGMENT_TEXT_MAX 1024	 /* of a fragmenter with its options */
#define FRAGMENT_REPORT_MAX 4096 /* of what it says about itself */

/* One at work, on the current machine. */
struct fragmenting {
	struct page_state *ps;
	const struct page_allocator *source; /* the innermost of the chain */
	const void *options;
	struct rng rng;
	struct text *report; /* lines, how well the target was met */
};

/* Required: all but help and file. */
struct fragmenter {
	const char *name, *summary;
	const char *help; /* paragraphs for `kmemsim help NAME` */
	const struct opt_desc *options;
	size_t options_size;
	/* Do the options make sense together? -1 with e set. */
	int (*check)(const void *options, struct err *e);
	/* Per-CPU lists are empty. -1: no arrangement meets the target; e says what is missing. */
	int (*apply)(struct fragmenting *f, struct err *e);
	/* The state is that of a file in /proc: which? It is read beforehand. */
	const char *(*file)(const void *options);
	struct fragmenter *next; /* of the registry */
};

void fragmenter_register(struct fragmenter *f);
struct fragmenter *fragmenter_first(void); /* by name; then ->next */
struct fragmenter *fragmenter_find(const char *name);

#define FRAGMENTER(desc)                                                                           \
	__attribute__((constructor)) static void desc##_register(void)                             \
	{                                                                                          \
		fragmenter_register(&desc);                                                        \
	}

/* For check: nothing to complain of. */
int fragment_any(const void *options, struct err *e);

/* As the user says it. */
struct fragment {
	const struct fragmenter *how; /* NULL: memory starts as the load has it */
	void *options;
	const struct page_target *target; /* of how->file; not owned */
};

/* "NAME", "NAME(key=value, ...)". -1 with e: "column N: ..." and the nearest name. */
int __must_check fragment_parse(struct fragment *f, const char *text, struct err *e);
void fragment_free(struct fragment *f);
/* Every option spelled out; "" for none. Returns buf. */
char *fragment_print(const struct fragment *f, char *buf, size_t n);
/* The file that the target is to be read from; NULL: none. */
const char *fragment_file(const struct fragment *f);
/* The input hash of a load that starts from this state. */
u64 fragment_hash(const struct fragment *f, u64 input_hash);
/* The machine as results keep it: its YAML, with the state that memory is in as a comment. The
 * caller frees. */
char *fragment_machine_print(const struct fragment *f, const struct machine_config *m);

/* Between the births and time zero; how well it went goes to `report`. */
int __must_check fragment_apply(const struct fragment *f, struct page_state *ps, u64 seed,
				struct text *report, struct err *e);

/* ---- Toolkit ---- */

/* n things, of which some are to be picked at random, each set as likely as any other. */
struct fragment_pick {
	u64 left, wanted;
};
static inline bool fragment_pick(struct fragment_pick *p, struct rng *r)
{
	bool picked = p->wanted && rng_below(r, p->left) < p->wanted;

	p->left--;
	p->wanted -= picked;
	return picked;
}

/* parts of SHARE_ONE of n, rounded. */
u64 fragment_share(u64 n, u64 parts);
/* All frames of the machine that neither the load nor its allocators have in use. */
u64 fragment_free_pages(const struct fragmenting *f);
u64 fragment_all_pages(void);
/* Free blocks of at least this order over all zones, in blocks of it. */
u64 fragment_nr_free(const struct fragmenting *f, int order);
/* A plan in which everything free may be held. page_plan_free() it. */
void fragment_plan(const struct fragmenting *f, const struct zone *zone, struct page_plan *p);

#endif
