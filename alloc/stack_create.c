/*
 * Stacks brought to life.
 *
 * Theory: a chain is built from its end: each layer is created on the one behind it, whose
 * reference it takes over. So destroying the outermost destroys the chain. Every slab chain, that
 * of all caches and those of some, ends on the whole page chain.
 *
 * Invariant: no two layers of a stack have the same id.
 *
 * Unlike Linux: what stands on what is decided when the kernel is configured, for all caches alike.
 */
#include "alloc/stack.h"

#include <string.h>

#include "lib/text.h"

#define GLOB_SHOWN 18 /* bytes of a glob in an id */

static int create_pages(struct stack *s, const struct chain *c, struct err *e)
{
	for (unsigned int i = c->nr_layers; i-- > 0;) {
		const struct chain_layer *l = &c->layers[i];
		struct page_allocator *pa = l->desc->create_pages(s->pages, l->options, e);

		if (!pa)
			return err_prefix(e, "%s", l->desc->name);
		s->pages = pa;
	}
	return 0;
}

/* *slab is what exists so far, also if the next layer is refused. */
static int create_slab(struct stack *s, const struct chain *c, struct slab_allocator **slab,
		       struct err *e)
{
	for (unsigned int i = c->nr_layers; i-- > 0;) {
		const struct chain_layer *l = &c->layers[i];
		struct slab_allocator *sa = l->desc->create_slab(*slab, s->pages, l->options, e);

		if (!sa)
			return err_prefix(e, "%s", l->desc->name);
		*slab = sa;
	}
	return 0;
}

static int create_choices(struct stack *s, const struct stack_config *sc, struct err *e)
{
	for (unsigned int i = 0; i < sc->nr_choices; i++) {
		struct slab_choice *choice = &s->choices[s->nr_choices++];

		choice->glob = sc->choices[i].glob;
		if (create_slab(s, &sc->choices[i].slab, &choice->slab, e))
			return err_prefix(e, "caches '%s'", choice->glob);
	}
	return 0;
}

static int create_store(struct stack *s, const struct chain *c, const struct store_env *env,
			struct err *e)
{
	for (unsigned int i = c->nr_layers; i-- > 0;) {
		const struct chain_layer *l = &c->layers[i];
		struct store *store = l->desc->create_store(s->store, env, l->options, e);

		if (!store)
			return err_prefix(e, "%s", l->desc->name);
		s->store = store;
	}
	return 0;
}

/* ---- Layers ---- */

static void add_layer(struct stack *s, struct layer *l, const char *chain, unsigned int depth,
		      const char *name, bool source)
{
	struct text id = text_in(l->id, sizeof(l->id));

	text_add(&id, "%s/%u:%s", chain, depth, name);
	ASSERT(!text_cut(&id));
	s->layer_base[s->nr_layers] = source ? -1 : (int)s->nr_layers + 1;
	s->layers[s->nr_layers++] = l;
}

static void add_slab_layers(struct stack *s, const struct slab_allocator *sa, const char *chain)
{
	for (unsigned int depth = 0; sa; sa = sa->base)
		add_layer(s, sa->layer, chain, depth++, sa->desc->name, !sa->base);
}

/*
 * "slab[ext4_*]". What divides the parts of an id is '?' here, and a long glob is cut and numbered.
 */
static void choice_chain(const char *glob, unsigned int number, char *buf, size_t n)
{
	struct text t = text_in(buf, n);
	size_t shown = strlen(glob);
	bool changed = shown > GLOB_SHOWN;

	shown = min(shown, (size_t)GLOB_SHOWN);
	while (shown && (glob[shown] & 0xc0) == 0x80) /* not within a character */
		shown--;
	text_add(&t, "slab[");
	for (size_t i = 0; i < shown; i++) {
		bool divides = strchr("/:~", glob[i]);

		text_add(&t, "%c", divides ? '?' : glob[i]);
		changed |= divides;
	}
	text_add(&t, changed ? "~%u]" : "]", number);
}

static void add_layers(struct stack *s)
{
	unsigned int depth = 0;

	for (struct page_allocator *pa = s->pages; pa; pa = pa->base)
		add_layer(s, pa->layer, "pages", depth++, pa->desc->name, !pa->base);
	add_slab_layers(s, s->slab, "slab");
	for (unsigned int i = 0; i < s->nr_choices; i++) {
		char chain[32];

		choice_chain(s->choices[i].glob, i + 1, chain, sizeof(chain));
		add_slab_layers(s, s->choices[i].slab, chain);
	}
}

static void add_derived(struct stack *s, struct layer *l, int base)
{
	if (s->nr_layers == STACK_LAYERS_MAX) {
		kernel_warn("flags of caches derive more layers than results show", __FILE__,
			    __LINE__);
		return;
	}
	s->layer_base[s->nr_layers] = base;
	s->layers[s->nr_layers++] = l;
}

void stack_add_derived(struct stack *s, struct slab_derived *d)
{
	if (!d || d->in_stack)
		return;
	d->in_stack = true;
	for (struct page_allocator *pa = d->pages; pa != s->pages; pa = pa->base)
		add_derived(s, pa->layer, STACK_ON_PAGES);
	for (const struct slab_allocator *sa = d->slab; sa != d->chain; sa = sa->base)
		add_derived(s, sa->layer, STACK_ON_SLABS);
}

int stack_create(struct stack *s, const struct stack_config *sc, struct err *e)
{
	*s = (struct stack){0};
	if (create_pages(s, &sc->pages, e) || create_slab(s, &sc->slab, &s->slab, e) ||
	    create_choices(s, sc, e)) {
		stack_destroy(s);
		return -1;
	}
	add_layers(s);
	return 0;
}

int stack_create_store(struct stack *s, const struct stack_config *sc, struct slabulator *sl,
		       struct err *e)
{
	struct store_env env = {.pages = s->pages, .slabs = sl};
	unsigned int depth = 0;

	if (create_store(s, &sc->store, &env, e)) {
		stack_destroy_store(s);
		return -1;
	}
	for (struct store *store = s->store; store; store = store->base)
		add_layer(s, store->layer, "store", depth++, store->desc->name, !store->base);
	return 0;
}

void stack_destroy_store(struct stack *s)
{
	store_put(s->store);
	s->store = NULL;
}

void stack_destroy(struct stack *s)
{
	for (unsigned int i = 0; i < s->nr_choices; i++)
		slab_allocator_put(s->choices[i].slab);
	slab_allocator_put(s->slab);
	page_allocator_put(s->pages);
	*s = (struct stack){0};
}
