/*
 * A layer of page allocators that misbehaves, now and then: the oracle must find it. For one test,
 * which includes it and so registers it.
 */
#ifndef TESTS_BROKEN_PAGES_H
#define TESTS_BROKEN_PAGES_H

#include "alloc/page_alloc.h"

enum misdeed { TWICE, KEEP, SCRIBBLE, ASTRAY, DIRTY, LAZY };
static const char *const misdeeds[] = {"twice", "keep", "scribble", "astray",
				       "dirty", "lazy", NULL};

struct broken_options {
	u64 misdeed;
};

struct broken {
	struct page_allocator pa;
	u64 misdeed, seen;
	struct page *last;
	int last_order, last_node;
	gfp_t last_flags;
};

static struct broken *to_broken(const struct page_allocator *pa)
{
	return container_of((struct page_allocator *)pa, struct broken, pa);
}

static struct page *broken_allocate(const struct page_allocator *self, int order, gfp_t flags,
				    int node)
{
	struct broken *b = to_broken(self);
	bool now = ++b->seen % 100 == 0;

	if (b->misdeed == TWICE && b->last && b->last_order == order && b->last_node == node &&
	    b->last_flags == flags && !(flags & __GFP_THISNODE))
		return b->last;
	if (now && b->misdeed == SCRIBBLE && b->last)
		*(u64 *)page_address(b->last) ^= 1;
	if (now && b->misdeed == LAZY)
		return NULL;
	if (b->misdeed == ASTRAY)
		flags &= ~__GFP_THISNODE, node = 0;
	if (b->misdeed == DIRTY)
		flags &= ~__GFP_ZERO;
	b->last = page_alloc(self->base, order, flags, node);
	b->last_order = order;
	b->last_node = node;
	b->last_flags = flags;
	return b->last;
}

static void broken_free(const struct page_allocator *self, struct page *page, int order)
{
	struct broken *b = to_broken(self);

	if (b->last == page)
		b->last = NULL;
	if (b->misdeed != KEEP || ++b->seen % 100)
		page_free(self->base, page, order);
}

static struct allocator_desc broken_desc;

static struct page_allocator *broken_create(struct page_allocator *base, const void *options,
					    struct err *e)
{
	struct broken *b = instance_alloc(sizeof(*b));

	(void)e;
	derive_page_allocator(&b->pa, base, &broken_desc);
	b->pa.allocate = broken_allocate;
	b->pa.free = broken_free;
	b->misdeed = ((const struct broken_options *)options)->misdeed;
	return &b->pa;
}

static const struct opt_desc broken_opts[] = {
	OPT_ENUM("misdeed", struct broken_options, misdeed, "twice", misdeeds, "what it does"),
	OPT_END,
};

static struct allocator_desc broken_desc = {
	.name = "broken",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "misbehaves",
	.options = broken_opts,
	.options_size = sizeof(struct broken_options),
	.create_pages = broken_create,
};
ALLOCATOR(broken_desc)

#endif
