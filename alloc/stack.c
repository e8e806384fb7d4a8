/*
 * Chains and stacks as text.
 *
 * Grammar: chain := layer { ":" layer }; layer := name [ "(" [ option { "," option } ] ")" ];
 * option := key "=" value. Blanks around any of these are ignored.
 *
 * Theory: a chain is written from the outside; what is not said has its default, and is printed.
 *
 * Invariant: a source ends each chain and is nowhere else; what is printed, with every option, is
 * read back as the same chain.
 *
 * Unlike Linux: what stands on what is decided when the kernel is configured.
 */
#include "alloc/stack.h"

#include <stdlib.h>
#include <string.h>

#include "lib/call_text.h"
#include "lib/suggest.h"
#include "lib/text.h"

#define CHAIN_SAID_MAX 240 /* characters of a chain that a message repeats */

struct parser {
	struct call_text in;
	enum allocator_kind kind;
};

/* One of another kind has that name; NULL: none. */
static const struct allocator_desc *of_other_kind(const char *name)
{
	for (struct allocator_desc *d = allocator_first(); d; d = d->next)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

static int unknown_allocator(struct parser *p, const char *name, const char *at)
{
	const char *names[256], *kind = allocator_kind_names[p->kind], *near;
	const struct allocator_desc *like, *other = of_other_kind(name);
	size_t n = 0;

	for (struct allocator_desc *d = allocator_first(); d && n < ARRAY_SIZE(names) - 1;
	     d = d->next)
		if (d->kind == p->kind)
			names[n++] = d->name;
	names[n] = NULL;
	like = allocator_like(p->kind, name);
	near = like ? like->name : suggest_nearest(name, names);
	if (!*name)
		err_set(p->in.e, "a %s allocator's name is missing here", kind);
	else if (other)
		err_set(p->in.e, "unknown %s allocator '%s': it is a %s allocator", kind, name,
			allocator_kind_names[other->kind]);
	else if (near)
		err_set(p->in.e, "unknown %s allocator '%s': did you mean '%s'?", kind, name, near);
	else
		err_set(p->in.e, "unknown %s allocator '%s': `kmemsim list allocators` shows them",
			kind, name);
	return call_fail_at(&p->in, at);
}

static int layer(struct parser *p, struct chain *c)
{
	struct chain_layer *l = &c->layers[c->nr_layers];
	char name[CALL_WORD_MAX];
	const char *start;

	call_skip_blanks(&p->in);
	start = p->in.at;
	if (c->nr_layers == CHAIN_LAYERS_MAX) {
		err_set(p->in.e, "more than %d layers", CHAIN_LAYERS_MAX);
		return call_fail_at(&p->in, start);
	}
	if (call_word(&p->in, ":(,)", name, &start))
		return -1;
	l->desc = allocator_find(p->kind, name);
	if (!l->desc)
		return unknown_allocator(p, name, start);
	l->column = (unsigned int)(start - p->in.text) + 1;
	l->options = NULL;
	if (l->desc->options) {
		l->options = calloc(1, l->desc->options_size);
		ASSERT(l->options);
		options_default(l->desc->options, l->options);
	}
	c->nr_layers++;
	if (*p->in.at == '(' && call_options(&p->in, l->desc->name, l->desc->options, l->options))
		return -1;
	call_skip_blanks(&p->in);
	if (*p->in.at && *p->in.at != ':') {
		err_set(p->in.e, "expected ':' or the end of the chain, not '%c'", *p->in.at);
		return call_fail_at(&p->in, p->in.at);
	}
	return 0;
}

/* A source ends a chain, and nothing else does. */
static int check_roles(struct parser *p, const struct chain *c)
{
	static const char *const sources[] = {"page_allocator", "slabifier", "zsmalloc"};

	for (unsigned int i = 0; i < c->nr_layers; i++) {
		const struct chain_layer *l = &c->layers[i];
		bool last = i == c->nr_layers - 1;

		if (l->desc->role == ROLE_SOURCE && !last) {
			err_set(p->in.e, "'%s' stands on nothing: it can only end a chain",
				l->desc->name);
			return call_fail_at(&p->in, p->in.text + l->column - 1);
		}
		if (l->desc->role == ROLE_LAYER && last) {
			err_set(p->in.e,
				"'%s' must stand on another %s allocator: end the chain in a "
				"source, "
				"such as '%s:%s'",
				l->desc->name, allocator_kind_names[p->kind], l->desc->name,
				sources[p->kind]);
			return call_fail_at(&p->in, p->in.text + l->column - 1);
		}
	}
	return 0;
}

static struct text canonical(const struct chain *c, char *buf, size_t n)
{
	struct text t = text_in(buf, n);

	for (unsigned int i = 0; i < c->nr_layers; i++) {
		const struct chain_layer *l = &c->layers[i];
		char opts[CALL_WORD_MAX] = "";

		if (l->desc->options)
			options_print(l->desc->options, l->options, opts, sizeof(opts));
		text_add(&t, *opts ? "%s%s(%s)" : "%s%s%s", i ? ":" : "", l->desc->name, opts);
	}
	return t;
}

void chain_print(const struct chain *c, char *buf, size_t n)
{
	struct text t = canonical(c, buf, n);

	ASSERT(!text_cut(&t));
}

/* What results say of a chain has an end. */
static int check_length(struct parser *p, const struct chain *c)
{
	char buf[STACK_TEXT_MAX];
	struct text t = canonical(c, buf, sizeof(buf));

	if (!text_cut(&t))
		return 0;
	err_set(p->in.e, "with all options said, a chain of %zu characters: at most %d are allowed",
		t.len, STACK_TEXT_MAX - 1);
	return call_fail_at(&p->in, p->in.text);
}

int chain_parse(struct chain *c, enum allocator_kind kind, const char *text, unsigned int *column,
		struct err *e)
{
	struct parser p = {.kind = kind, .in = {.text = text, .at = text, .ends = ",):", .e = e}};

	*c = (struct chain){.kind = kind};
	for (;;) {
		if (layer(&p, c))
			goto fail;
		if (!*p.in.at)
			break;
		p.in.at++; /* ':' */
	}
	if (!check_roles(&p, c) && !check_length(&p, c))
		return 0;
fail:
	*column = p.in.column;
	chain_free(c);
	return -1;
}

void chain_free(struct chain *c)
{
	for (unsigned int i = 0; i < c->nr_layers; i++)
		free(c->layers[i].options);
	c->nr_layers = 0;
}

static int parse_named(struct chain *c, enum allocator_kind kind, const char *text, struct err *e)
{
	unsigned int column;

	if (!chain_parse(c, kind, text, &column, e))
		return 0;
	return err_prefix(e, "%s chain '%.*s%s'", allocator_chain_names[kind], CHAIN_SAID_MAX, text,
			  strlen(text) > CHAIN_SAID_MAX ? "..." : "");
}

int stack_config_parse(struct stack_config *sc, const char *pages, const char *slab, struct err *e)
{
	*sc = (struct stack_config){0};
	if (parse_named(&sc->pages, ALLOC_PAGES, pages ? pages : "page_allocator", e))
		return -1;
	if (parse_named(&sc->slab, ALLOC_SLAB, slab ? slab : "slabifier", e)) {
		chain_free(&sc->pages);
		return -1;
	}
	return 0;
}

int stack_config_store(struct stack_config *sc, const char *store, struct err *e)
{
	if (!store || !strcmp(store, STACK_NO_STORE))
		return 0;
	return parse_named(&sc->store, ALLOC_STORE, store, e);
}

void stack_config_free(struct stack_config *sc)
{
	chain_free(&sc->store);
	chain_free(&sc->pages);
	chain_free(&sc->slab);
	for (unsigned int i = 0; i < sc->nr_choices; i++) {
		free(sc->choices[i].glob);
		chain_free(&sc->choices[i].slab);
	}
	sc->nr_choices = 0;
}

void kmalloc_config_print(const struct kmalloc_config *k, char *buf, size_t n)
{
	struct text t = text_in(buf, n);

	if (!k->exact && !k->nr && !k->merge)
		return;
	text_add(&t, "{");
	if (k->exact)
		text_add(&t, "classes: exact");
	for (u32 i = 0; i < k->nr; i++)
		text_add(&t, "%s%uB", i ? ", " : "classes: [", k->classes[i]);
	if (k->nr)
		text_add(&t, "]");
	if (k->merge)
		text_add(&t, "%smerge: on", t.len > 1 ? ", " : "");
	text_add(&t, "}");
	ASSERT(!text_cut(&t));
}

/* As a YAML text: a quote is written twice. */
static void add_quoted(struct text *t, const char *text)
{
	text_add(t, "'");
	for (; *text; text++)
		text_add(t, *text == '\'' ? "''" : "%c", *text);
	text_add(t, "'");
}

static void add_choices(const struct stack_config *sc, struct text *t)
{
	char slab[STACK_TEXT_MAX];

	for (unsigned int i = 0; i < sc->nr_choices; i++) {
		chain_print(&sc->choices[i].slab, slab, sizeof(slab));
		text_add(t, i ? ", " : " caches={");
		add_quoted(t, sc->choices[i].glob);
		text_add(t, ": '%s'", slab);
	}
	if (sc->nr_choices)
		text_add(t, "}");
}

void stack_config_print(const struct stack_config *sc, char *buf, size_t n)
{
	char pages[STACK_TEXT_MAX], slab[STACK_TEXT_MAX], kmalloc[STACK_TEXT_MAX];
	struct text t = text_in(buf, n);

	chain_print(&sc->pages, pages, sizeof(pages));
	chain_print(&sc->slab, slab, sizeof(slab));
	kmalloc_config_print(&sc->kmalloc, kmalloc, sizeof(kmalloc));
	text_add(&t, "pages=%s slab=%s", pages, slab);
	if (*kmalloc)
		text_add(&t, " kmalloc=%s", kmalloc);
	add_choices(sc, &t);
	if (sc->store.nr_layers) {
		chain_print(&sc->store, slab, sizeof(slab));
		text_add(&t, " store=%s", slab);
	}
	ASSERT(!text_cut(&t));
}
