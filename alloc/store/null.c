/*
 * null (store): hands out handles and remembers nothing.
 *
 * Theory: whatever a stack of `null` costs is the simulator's own share, so this does the least
 * that the interface allows: a few pages, in which handles are dealt out round and round.
 *
 * Invariant: every handle lies in these pages, with room for the largest object behind it. Objects
 * lie over each other: their contents mean nothing.
 *
 * Unlike any store: keeps_nothing.
 */
#include "alloc/layer.h"
#include "alloc/store_alloc.h"

#define NULL_STEP 64U /* neighbours in time do not share a cache line */
#define NULL_ORDER 3

struct null_store {
	struct store s;
	struct page *page;
	u32 next;
};

static unsigned long null_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct null_store *n = container_of(self, struct null_store, s);
	unsigned long handle = (unsigned long)page_address(n->page) + n->next;

	(void)size, (void)flags;
	n->next = (n->next + NULL_STEP) & (PAGE_SIZE - 1);
	return handle;
}

static bool null_free(struct store *self, unsigned long handle, size_t size)
{
	(void)self, (void)handle, (void)size;
	return true;
}

static int null_map(const struct store *self, unsigned long handle, size_t size,
		    struct store_span spans[STORE_SPANS_MAX])
{
	(void)self;
	spans[0] = (struct store_span){(void *)handle, (u32)size};
	return 1;
}

static void null_stats(const struct store *self, struct store_stats *s)
{
	s->blocks = (u64)self->layer->live_objs;
	s->block_bytes = (u64)self->layer->live_bytes;
}

static void null_destructor(struct store *self)
{
	struct null_store *n = container_of(self, struct null_store, s);

	page_free(self->env.pages, n->page, NULL_ORDER);
	store_release(self);
}

static struct allocator_desc null_store_desc;

static struct store *null_create(struct store *base, const struct store_env *env,
				 const void *options, struct err *e)
{
	struct null_store *n = instance_alloc(sizeof(*n));

	(void)base, (void)options;
	derive_store(&n->s, NULL, env, &null_store_desc);
	n->s.malloc = null_malloc;
	n->s.free = null_free;
	n->s.map = null_map;
	n->s.stats = null_stats;
	n->s.destructor = null_destructor;
	n->s.size_max = PAGE_SIZE;
	n->page = page_alloc(env->pages, NULL_ORDER, GFP_KERNEL | __GFP_COMP, NUMA_NO_NODE);
	if (n->page)
		return &n->s;
	err_set(e, "no memory for its pages");
	store_release(&n->s);
	return NULL;
}

static struct allocator_desc null_store_desc = {
	.name = "null",
	.kind = ALLOC_STORE,
	.role = ROLE_SOURCE,
	.summary = "hands out handles and remembers nothing: the simulator's own cost",
	.keeps_nothing = true,
	.create_store = null_create,
};
ALLOCATOR(null_store_desc)
