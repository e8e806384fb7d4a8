/*
 * Every chain that the registered allocators make.
 */
#include "tests/chains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"

const struct allocator_desc *chains_allocator(enum allocator_kind kind, enum allocator_role role,
					      size_t i)
{
	const struct allocator_desc *d = allocator_first();

	for (; d; d = d->next)
		if (d->kind == kind && d->role == role && strcmp(d->name, "broken") != 0 && !i--)
			break;
	return d;
}

static void add(struct chains *c, const char *above, const char *name)
{
	c->text = realloc(c->text, (c->nr + 1) * sizeof(*c->text));
	ASSERT(c->text);
	ASSERT(snprintf(c->text[c->nr], CHAIN_TEXT_MAX, "%s%s", above, name) < CHAIN_TEXT_MAX);
	c->nr++;
}

static void add_below(struct chains *c, enum allocator_kind kind, unsigned int layers,
		      enum chains_which which, const char *above)
{
	const struct allocator_desc *d;
	char text[CHAIN_TEXT_MAX];

	for (size_t i = 0; !layers && (d = chains_allocator(kind, ROLE_SOURCE, i)); i++)
		if (which == CHAINS_ALL || !d->keeps_nothing)
			add(c, above, d->name);
	for (size_t i = 0; layers && (d = chains_allocator(kind, ROLE_LAYER, i)); i++) {
		ASSERT(snprintf(text, sizeof(text), "%s%s:", above, d->name) < CHAIN_TEXT_MAX);
		add_below(c, kind, layers - 1, which, text);
	}
}

void chains_add(struct chains *c, enum allocator_kind kind, unsigned int layers,
		enum chains_which which)
{
	add_below(c, kind, layers, which, "");
}

static size_t nr_sources(enum allocator_kind kind, enum chains_which which)
{
	const struct allocator_desc *d;
	size_t nr = 0;

	for (size_t i = 0; (d = chains_allocator(kind, ROLE_SOURCE, i)); i++)
		nr += which == CHAINS_ALL || !d->keeps_nothing;
	return nr;
}

void chains_thin(struct chains *c, enum allocator_kind kind, enum chains_which which)
{
	size_t nr = nr_sources(kind, which), kept = 0;

	for (size_t row = 0; row < c->nr / nr; row++)
		memmove(c->text[kept++], c->text[row * nr + row % nr], sizeof(*c->text));
	c->nr = kept;
}

void chains_free(struct chains *c)
{
	free(c->text);
	*c = (struct chains){0};
}

const char *chains_pages_for(const char *slab)
{
	return strstr(slab, "bootmem") ? "boot:page_allocator" : "page_allocator";
}
