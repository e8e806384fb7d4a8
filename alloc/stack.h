/*
 * A stack: a chain of page allocators, a chain of slab allocators on it, kmalloc, caches by name,
 * and a chain of stores for compressed pages on all of them.
 *
 * Chains are strings, outermost first, `:` reads "stands on":
 *	pages	rcu:numactl(node=1,flags=GFP_THISNODE):page_allocator
 *	slab	rcu:slabifier(min_order=1)
 *	store	debug:xcfmalloc(max_blocks=2)
 * The canonical form spells out every option; parsing it gives the same stack.
 */
#ifndef ALLOC_STACK_H
#define ALLOC_STACK_H

#include "alloc/allocator.h"
#include "alloc/kmalloc.h"
#include "alloc/page_alloc.h"
#include "alloc/slab_alloc.h"
#include "alloc/store_alloc.h"

#define CHAIN_LAYERS_MAX 16
#define STACK_TEXT_MAX 4096 /* of one canonical chain; longer ones are refused */
#define STACK_GLOB_MAX 127  /* characters */
#define STACK_CHOICES_MAX 8
/* Of a stack: three chains, what is said of kmalloc, and of caches, each quote of a glob twice. */
#define STACK_CONFIG_TEXT_MAX ((4 + STACK_CHOICES_MAX) * (STACK_TEXT_MAX + 2 * STACK_GLOB_MAX + 16))

struct chain_layer {
	struct allocator_desc *desc;
	void *options;	     /* owned; NULL if the allocator has none */
	unsigned int column; /* from 1, in the text */
};

struct chain {
	enum allocator_kind kind;
	unsigned int nr_layers;
	struct chain_layer layers[CHAIN_LAYERS_MAX]; /* outermost first */
};

/*
 * On error e is "column N: ..." (unknown name with the nearest, unknown option, bad value, a source
 * in the middle, a chain that ends in no source, too many layers) and *column the column, from 1.
 */
int __must_check chain_parse(struct chain *c, enum allocator_kind kind, const char *text,
			     unsigned int *column, struct err *e);
void chain_free(struct chain *c);
/* Every option spelled out. */
void chain_print(const struct chain *c, char *buf, size_t n);

/* As --kmalloc reads it: "{classes: [8B, 96B]}"; "" for the default. */
void kmalloc_config_print(const struct kmalloc_config *k, char *buf, size_t n);

/* Caches whose name matches stand on another slab chain, on the same pages. */
struct stack_choice {
	char *glob; /* owned */
	struct chain slab;
};

struct stack_config {
	struct chain pages, slab;
	struct kmalloc_config kmalloc;			/* all 0: the default */
	struct stack_choice choices[STACK_CHOICES_MAX]; /* the first that matches counts */
	unsigned int nr_choices;
	struct chain store; /* no layers: compressed objects are not stored */
};

/* The chains of a stack; NULL text: page_allocator, slabifier. */
int __must_check stack_config_parse(struct stack_config *sc, const char *pages, const char *slab,
				    struct err *e);
/* Its store as well; NULL, or "none": none. */
#define STACK_NO_STORE "none"
int __must_check stack_config_store(struct stack_config *sc, const char *store, struct err *e);
void stack_config_free(struct stack_config *sc);
/*
 * "pages=page_allocator slab=rcu:slabifier(...)": what results store; and behind that, where it is
 * not the default, "kmalloc={classes: [8B, 96B], merge: on} caches={'ext4_*': 'rcu:slabifier'}
 * store=xcfmalloc(...)".
 */
void stack_config_print(const struct stack_config *sc, char *buf, size_t n);

#define STACK_DERIVED_MAX 64 /* layers that flags of caches derive */
#define STACK_LAYERS_MAX ((3 + STACK_CHOICES_MAX) * CHAIN_LAYERS_MAX + STACK_DERIVED_MAX)
/* What a derived layer stands on serves others too: */
#define STACK_ON_PAGES (-2)
#define STACK_ON_SLABS (-3)

/* A stack brought to life on the current machine. */
struct stack {
	struct page_allocator *pages; /* outermost */
	struct slab_allocator *slab;  /* outermost */
	/* Outermost of their chains; globs are the config's, which outlives the stack. */
	struct slab_choice choices[STACK_CHOICES_MAX];
	unsigned int nr_choices;
	struct store *store; /* outermost; NULL: none, or not yet (stack_create_store) */
	/*
	 * Every layer: pages chain, slab chain, then those of the choices, then the store, outer-
	 * most first; base: index of the one it stands on, -1 for a source. Ids: "pages/0:rcu",
	 * "slab/1:slabifier", "slab[ext4_*]/0:slabifier", "store/0:zsmalloc". Behind them, as they
	 * come about, those that flags of caches derive ("pages+1:rcu"), with STACK_ON_PAGES or
	 * STACK_ON_SLABS.
	 */
	struct layer *layers[STACK_LAYERS_MAX];
	int layer_base[STACK_LAYERS_MAX];
	unsigned int nr_layers;
};

int __must_check stack_create(struct stack *s, const struct stack_config *sc, struct err *e);
/*
 * The stack's store, if sc has one: its caches are made by sl, which stands on the stack and goes
 * after the store (stack_destroy_store). Before any layer is derived. -1 with e set.
 */
int __must_check stack_create_store(struct stack *s, const struct stack_config *sc,
				    struct slabulator *sl, struct err *e);
void stack_destroy_store(struct stack *s);
/*
 * Adds the layers of a derived set, once; NULL: nothing was derived. They must live as long as
 * anybody looks at s->layers. Those beyond STACK_DERIVED_MAX are left out, which is reported.
 */
void stack_add_derived(struct stack *s, struct slab_derived *d);
/* After the store and all caches are gone. Waits for RCU. */
void stack_destroy(struct stack *s);

#endif
