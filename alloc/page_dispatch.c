/*
 * The dispatcher in front of page allocators, and the toolkit for deriving them.
 *
 * Theory: a derivation is an object with forwarders: a base's method always runs with the base as
 * self, never with the derived allocator. Everybody calls through here, so counting, charging,
 * induced failure and the contract are the same for every layer and no layer has to remember them.
 * A forwarder is not called: the dispatcher walks past the layer, and does for it what it does for
 * each.
 *
 * Invariant: layer->live_bytes is what came out through this layer and has not come back to it.
 */
#include "alloc/page_alloc.h"

#include <string.h>

#include "alloc/layer.h"
#include "alloc/mm.h"

char *derived_name(const char *name, const char *base)
{
	size_t n = strlen(name), nb = base ? strlen(base) + 1 : 0;
	char *s = instance_alloc(n + nb + 1);

	memcpy(s, name, n);
	if (base) {
		s[n] = ':';
		memcpy(s + n + 1, base, nb);
	}
	return s;
}

/* ---- Forwarders: the methods of a derivation that overrides nothing ---- */

static struct page *forward_allocate(const struct page_allocator *self, int order, gfp_t flags,
				     int node)
{
	charge(COST_CALL);
	self->rewrite(self, &flags, &node);
	return page_alloc(self->base, order, flags, node);
}

static struct page *forward_allocate_at(const struct page_allocator *self, unsigned long pfn,
					int order, gfp_t flags, int node)
{
	charge(COST_CALL);
	self->rewrite(self, &flags, &node);
	return page_alloc_at(self->base, pfn, order, flags, node);
}

static void rewrite_nothing(const struct page_allocator *self, gfp_t *flags, int *node)
{
	(void)self, (void)flags, (void)node;
}

static void forward_free(const struct page_allocator *self, struct page *page, int order)
{
	page_free(self->base, page, order);
}

/* ---- The dispatcher ---- */

/* A block is a naturally aligned head of the order asked for, in memory, and its owner's alone. */
static inline void check_allocated(const struct page_allocator *pa, const struct page *page,
				   int order)
{
	unsigned long pfn = page_to_pfn(page);

	ASSERT(pfn_valid(pfn) && pfn % (1UL << order) == 0);
	if (pa->keeps_nothing)
		return;
	ASSERT((page->flags & (PG_allocated | PG_tail | PG_buddy | PG_pcp | PG_layer)) ==
	       PG_allocated);
	ASSERT(page->order == order);
}

/* Into the books of the layer what its method gave. */
static inline struct page *account_allocated(const struct page_allocator *pa, struct page *page,
					     int order)
{
	if (unlikely(!page)) {
		pa->layer->nr_failed++;
		return NULL;
	}
	check_allocated(pa, page, order);
	layer_allocated(pa->layer, PAGE_SIZE << order);
	return page;
}

/* The layer's own method. */
static __always_inline struct page *call_allocate(const struct page_allocator *pa, int order,
						  gfp_t flags, int node)
{
	struct layer_span span;
	struct page *page;

	if (layer_injects(pa->layer))
		return NULL;
	span = layer_enter(pa->layer);
	charge(COST_INDIRECT_CALL);
	page = pa->allocate(pa, order, flags, node);
	layer_leave(pa->layer, span);
	return account_allocated(pa, page, order);
}

/* A request that was counted from pa down to `end`, `end` excluded, was refused. */
static struct page *refused_past(const struct page_allocator *pa, const struct page_allocator *end,
				 int order)
{
	for (; pa != end; pa = pa->base)
		layer_allocated_not(pa->layer, PAGE_SIZE << order);
	return NULL;
}

/*
 * Walks past forwarders to a method. Their time is that of their call and their code; what the
 * method gives is counted beforehand, and it checks for all of them: the page is the same.
 */
static __attribute__((noinline)) struct page *
alloc_past_forwarders(const struct page_allocator *pa, int order, gfp_t flags, int node)
{
	const u64 call_ns = kernel->cost_ns[COST_INDIRECT_CALL] + kernel->cost_ns[COST_CALL];
	const struct page_allocator *p = pa;
	struct page *page;
	u64 passed_ns = 0;

	for (; p->allocate == forward_allocate; p = p->base) {
		if (layer_injects(p->layer)) {
			layers_passed(passed_ns);
			return refused_past(pa, p, order);
		}
		if (p->rewrite != rewrite_nothing)
			p->rewrite(p, &flags, &node);
		p->layer->self_ns += call_ns;
		passed_ns += call_ns;
		layer_allocated(p->layer, PAGE_SIZE << order);
	}
	layers_passed(passed_ns);
	page = call_allocate(p, order, flags, node);
	return likely(page) ? page : refused_past(pa, p, order);
}

struct page *page_alloc(const struct page_allocator *pa, int order, gfp_t flags, int node)
{
	return pa->allocate == forward_allocate ? alloc_past_forwarders(pa, order, flags, node)
						: call_allocate(pa, order, flags, node);
}

struct page *page_alloc_at(const struct page_allocator *pa, unsigned long pfn, int order,
			   gfp_t flags, int node)
{
	struct layer_span span;
	struct page *page;

	ASSERT(pfn % (1UL << order) == 0 && pfn_valid(pfn + (1UL << order) - 1));
	if (layer_injects(pa->layer))
		return NULL;
	span = layer_enter(pa->layer);
	charge(COST_INDIRECT_CALL);
	page = pa->allocate_at(pa, pfn, order, flags, node);
	layer_leave(pa->layer, span);
	ASSERT(!page || page_to_pfn(page) == pfn);
	return account_allocated(pa, page, order);
}

/* A page of a block in use other than its first: nobody was given it as such. */
static bool lies_inside(const struct page *page)
{
	const struct page *head = page;

	if (page->flags & PG_tail)
		head = pfn_to_page(page->index);
	return head != page && (head->flags & (PG_allocated | PG_layer)) == PG_allocated &&
	       page_to_pfn(page) - page_to_pfn(head) < 1UL << head->order;
}

/* False, and reported, if the caller does not own this block. */
static bool may_free(const struct page_allocator *pa, const struct page *page, int order)
{
	if (pa->keeps_nothing)
		return true;
	if (unlikely((page->flags & (PG_allocated | PG_layer)) != PG_allocated)) {
		report_event(lies_inside(page) ? "invalid_pointer" : "double_free",
			     "pfn 0x%lx order %d at %s", page_to_pfn(page), order, pa->name);
		return false;
	}
	if (unlikely(page->order != order)) {
		report_event("invalid_pointer", "pfn 0x%lx of order %d freed as order %d at %s",
			     page_to_pfn(page), page->order, order, pa->name);
		return false;
	}
	return true;
}

static const struct page_allocator *free_past_forwarders(const struct page_allocator *pa, int order)
{
	const u64 call_ns = kernel->cost_ns[COST_INDIRECT_CALL];
	u64 passed_ns = 0;

	for (; pa->free == forward_free; pa = pa->base) {
		layer_freed(pa->layer, PAGE_SIZE << order);
		pa->layer->self_ns += call_ns;
		passed_ns += call_ns;
	}
	layers_passed(passed_ns);
	return pa;
}

void page_free(const struct page_allocator *pa, struct page *page, int order)
{
	struct layer_span span;

	if (!may_free(pa, page, order))
		return;
	if (likely(!pa->keeps_nothing))
		page_holder_clear(page);
	if (pa->free == forward_free)
		pa = free_past_forwarders(pa, order);
	span = layer_enter(pa->layer);
	charge(COST_INDIRECT_CALL);
	pa->free(pa, page, order);
	layer_leave(pa->layer, span);
	layer_freed(pa->layer, PAGE_SIZE << order);
}

u64 page_nr_free(const struct page_allocator *pa, const struct zone *zone, int migratetype,
		 int order)
{
	return pa->nr_free(pa, zone, migratetype, order);
}

void page_allocator_check(const struct page_allocator *pa)
{
	for (; pa; pa = pa->base)
		pa->check(pa);
}

void page_allocator_drain(const struct page_allocator *pa)
{
	pa->drain(pa);
}

/* ---- More methods of a derivation or a source that overrides nothing ---- */

static struct page *nowhere(const struct page_allocator *self, unsigned long pfn, int order,
			    gfp_t flags, int node)
{
	(void)self, (void)pfn, (void)order, (void)flags, (void)node;
	return NULL;
}

static u64 forward_nr_free(const struct page_allocator *self, const struct zone *zone,
			   int migratetype, int order)
{
	return page_nr_free(self->base, zone, migratetype, order);
}

static void forward_drain(const struct page_allocator *self)
{
	page_allocator_drain(self->base);
}

static void nothing_kept(const struct page_allocator *self)
{
	(void)self;
}

static u64 none_free(const struct page_allocator *self, const struct zone *zone, int migratetype,
		     int order)
{
	(void)self, (void)zone, (void)migratetype, (void)order;
	return 0;
}

/* Neither a layer nor null has memory of its own that could be withheld. */
static bool no_memory_to_withhold(const struct page_allocator *self)
{
	(void)self;
	return false;
}

static void nothing_withheld(const struct page_allocator *self, unsigned long pfn, unsigned long nr)
{
	(void)self, (void)pfn, (void)nr;
}

static void nothing_to_adopt(const struct page_allocator *self, struct page *page, int order)
{
	(void)self, (void)page, (void)order;
}

void derive_page_allocator(struct page_allocator *self, struct page_allocator *base,
			   const struct allocator_desc *desc)
{
	*self = (struct page_allocator){
		.allocate = base ? forward_allocate : NULL,
		.allocate_at = base ? forward_allocate_at : nowhere,
		.free = base ? forward_free : NULL,
		.rewrite = rewrite_nothing,
		.destructor = derived_destructor,
		.check = nothing_kept,
		.nr_free = base ? forward_nr_free : none_free,
		.drain = base ? forward_drain : nothing_kept,
		.withhold = no_memory_to_withhold,
		.hand_over = nothing_withheld,
		.adopt = nothing_to_adopt,
		.name = derived_name(desc->name, base ? base->name : NULL),
		.desc = desc,
		.base = base,
		.refs = 1,
		.defers_free = base && base->defers_free,
		.keeps_nothing = base ? base->keeps_nothing : desc->keeps_nothing,
		.layer = instance_alloc(sizeof(struct layer)),
	};
}

void derived_destructor(struct page_allocator *self)
{
	struct page_allocator *base = self->base;

	instance_free((void *)self->name);
	instance_free(self->layer);
	instance_free(self);
	page_allocator_put(base);
}

struct page_allocator *page_allocator_get(struct page_allocator *pa)
{
	pa->refs++;
	return pa;
}

void page_allocator_put(struct page_allocator *pa)
{
	if (!pa)
		return;
	ASSERT(pa->refs > 0);
	if (!--pa->refs)
		pa->destructor(pa);
}

const struct page_allocator *page_allocator_source(const struct page_allocator *pa)
{
	while (pa->base)
		pa = pa->base;
	return pa;
}

int page_check_keeps(const struct page_allocator *pa, const char *what, struct err *e)
{
	if (!pa->keeps_nothing)
		return 0;
	return err_set(e, "%s, and the pages of '%s' keep nothing", what,
		       page_allocator_source(pa)->name);
}

void page_chain_rewrite(const struct page_allocator *pa, gfp_t *flags, int *node)
{
	for (; pa; pa = pa->base)
		pa->rewrite(pa, flags, node);
}

bool page_chain_has(const struct page_allocator *pa, const struct allocator_desc *desc)
{
	while (pa && pa->desc != desc)
		pa = pa->base;
	return pa;
}
