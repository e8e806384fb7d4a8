/*
 * Random chains of registered allocators.
 */
#include "tests/random_chain.h"

#include <stdio.h>
#include <string.h>

#include "tests/chains.h"
#include "tests/store_lab.h"

#define TRIES 24 /* at each layer */

static const struct allocator_desc *random_allocator(struct rng *r, enum allocator_kind kind,
						     enum allocator_role role)
{
	const struct allocator_desc *d, *found = NULL;
	u64 n = 0;

	for (size_t i = 0; (d = chains_allocator(kind, role, i)); i++)
		if (!d->keeps_nothing && rng_below(r, ++n) == 0)
			found = d;
	ASSERT(found);
	return found;
}

static bool store_can_be_made(struct lab *lab, const struct chain_kind *k, const char *text)
{
	struct slab_allocator *sa = slab_lab_chain(lab->pa, k->slab, &(struct err){""});
	struct slabulator slabs;
	struct store_env env = {.pages = lab->pa, .slabs = &slabs};
	struct store *s;
	struct err e;

	ASSERT(sa);
	lab_hand_over(lab);
	slabulator_init(&slabs, sa, lab->pa);
	s = store_lab_chain(&env, text, &e);
	store_put(s);
	slabulator_destroy(&slabs);
	slab_allocator_put(sa);
	return s;
}

static bool can_be_made(const struct chain_kind *k, const char *text)
{
	struct slab_allocator *sa;
	struct err e;
	struct lab lab;
	bool made;

	lab_open(&lab, k->nodes, NULL);
	lab.pa = lab_chain(k->kind == ALLOC_PAGES ? text : k->pages, &e);
	made = lab.pa;
	if (made && k->kind == ALLOC_SLAB) {
		sa = slab_lab_chain(lab.pa, text, &e);
		made = sa;
		slab_allocator_put(sa);
	} else if (made && k->kind == ALLOC_STORE) {
		made = store_can_be_made(&lab, k, text);
	}
	lab_close(&lab);
	return made;
}

void random_chain(struct rng *r, const struct chain_kind *k, unsigned int layers,
		  char text[RANDOM_CHAIN_MAX])
{
	char taller[RANDOM_CHAIN_MAX], layer[256];

	do
		k->print(r, random_allocator(r, k->kind, ROLE_SOURCE), text, RANDOM_CHAIN_MAX);
	while (!can_be_made(k, text));
	for (unsigned int tries = 0; layers && tries < TRIES; tries++) {
		k->print(r, random_allocator(r, k->kind, ROLE_LAYER), layer, sizeof(layer));
		if (snprintf(taller, sizeof(taller), "%s:%s", layer, text) >= (int)sizeof(taller) ||
		    !can_be_made(k, taller))
			continue;
		strcpy(text, taller);
		layers--;
		tries = 0;
	}
}

void census_add(struct census *c, const struct allocator_desc *d)
{
	for (unsigned int i = 0; i < c->nr_used; i++)
		if (c->used[i] == d)
			return;
	ASSERT(c->nr_used < ARRAY_SIZE(c->used));
	c->used[c->nr_used++] = d;
}

static bool is_used(const struct census *c, const struct allocator_desc *d)
{
	for (unsigned int i = 0; i < c->nr_used; i++)
		if (c->used[i] == d)
			return true;
	return false;
}

const struct allocator_desc *census_unused(const struct census *c, enum allocator_kind kind)
{
	const struct allocator_desc *d;

	for (int role = ROLE_SOURCE; role <= ROLE_LAYER; role++)
		for (size_t i = 0; (d = chains_allocator(kind, (enum allocator_role)role, i)); i++)
			if (!d->keeps_nothing && !is_used(c, d))
				return d;
	return NULL;
}
