/*
 * rcu: a free waits for a grace period.
 *
 * Theory: readers under rcu_read_lock may still look at a page when it is freed; a slab whose pages
 * wait this way may hand out its objects again at once (SLAB_TYPESAFE_BY_RCU). The page itself
 * carries the callback: rcu_head takes the room of its list links, mapping remembers the instance
 * and the head its order, so that freeing allocates nothing and several instances can share a base.
 *
 * Invariant: a page in limbo is PG_allocated to the base and PG_layer to everybody;
 * base->live_bytes - live_bytes of this layer is what is in limbo.
 *
 * Unlike Linux: there each user calls call_rcu himself.
 */
#include "alloc/layer.h"
#include "alloc/page_alloc.h"

static struct allocator_desc rcu_desc;

/* On the CPU that freed the page, after the grace period. */
static void rcu_free_page(struct rcu_head *head)
{
	struct page *page = container_of(head, struct page, rcu_head);
	const struct page_allocator *self = page->mapping;

	page->flags &= ~PG_layer;
	page->mapping = NULL;
	layer_waits_no_more(self->layer, PAGE_SIZE << page->order);
	page_free(self->base, page, page->order);
}

static void rcu_free(const struct page_allocator *self, struct page *page, int order)
{
	charge(COST_CALL);
	page->flags |= PG_layer;
	page->order = (u8)order; /* a source that keeps nothing did not write it */
	page->mapping = (void *)self;
	layer_waits(self->layer, PAGE_SIZE << order);
	call_rcu(&page->rcu_head, rcu_free_page);
}

/* Pending callbacks hold pointers to this instance: nobody frees it under them. */
static void rcu_destructor(struct page_allocator *self)
{
	rcu_barrier();
	derived_destructor(self);
}

static struct page_allocator *rcu_create(struct page_allocator *base, const void *options,
					 struct err *e)
{
	struct page_allocator *self;

	(void)options;
	if (page_chain_has(base, &rcu_desc)) {
		err_set(e, "'%s' waits for a grace period already: its pages would wait for two",
			base->name);
		return NULL;
	}
	self = instance_alloc(sizeof(*self));
	derive_page_allocator(self, base, &rcu_desc);
	self->free = rcu_free;
	self->defers_free = true;
	self->destructor = rcu_destructor;
	return self;
}

struct page_allocator *rcuify_page_allocator(struct page_allocator *base)
{
	struct err e;

	return rcu_create(base, NULL, &e);
}

static struct allocator_desc rcu_desc = {
	.name = "rcu",
	.kind = ALLOC_PAGES,
	.role = ROLE_LAYER,
	.summary = "a free waits for an RCU grace period",
	.help = "The bookkeeping lives in struct page; nothing is allocated. Pages that wait count "
		"as "
		"held by this layer: live bytes of its base less its own.",
	.create_pages = rcu_create,
};
ALLOCATOR(rcu_desc)
