/*
 * The registry of allocators: each file adds its own before main runs.
 *
 * Theory: a table kept by hand is forgotten by whoever adds a file. Constructors run in link order,
 * which is nobody's business: the list is kept sorted.
 *
 * Invariant: sorted by kind and name, each pair once; complete when main starts, and unchanged from
 * then on.
 *
 * Unlike Linux: the order of its initcalls is link order, and matters.
 */
#include "alloc/allocator.h"

#include <string.h>

#include "lib/assert.h"

const char *const allocator_kind_names[NR_ALLOCATOR_KINDS] = {"page", "slab", "store"};
const char *const allocator_chain_names[NR_ALLOCATOR_KINDS] = {"pages", "slab", "store"};

static struct allocator_desc *allocators;

static int desc_order(const struct allocator_desc *a, const struct allocator_desc *b)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	return strcmp(a->name, b->name);
}

void allocator_register(struct allocator_desc *desc)
{
	struct allocator_desc **at = &allocators;

	while (*at && desc_order(*at, desc) < 0)
		at = &(*at)->next;
	ASSERT(!*at || desc_order(*at, desc) != 0); /* names are unique per kind */
	desc->next = *at;
	*at = desc;
}

struct allocator_desc *allocator_first(void)
{
	return allocators;
}

struct allocator_desc *allocator_like(enum allocator_kind kind, const char *model)
{
	for (struct allocator_desc *d = allocators; d; d = d->next)
		if (d->kind == kind && d->model && !strcmp(d->model, model))
			return d;
	return NULL;
}

struct allocator_desc *allocator_find(enum allocator_kind kind, const char *name)
{
	for (struct allocator_desc *d = allocators; d; d = d->next)
		if (d->kind == kind && !strcmp(d->name, name))
			return d;
	return NULL;
}
