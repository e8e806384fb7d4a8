/*
 * rcu (rcuify_slab_allocator): every free waits for a grace period.
 *
 * Theory: a reader that found an object under rcu_read_lock may still look at it after it was
 * freed. So a free, from whatever side it comes, only queues the object with call_rcu; the callback
 * gives it to the base. What that takes lies behind the object, inside the chunk: the rcu_head, and
 * the cache that the callback needs. Nothing is allocated; the base is asked for objects that much
 * larger.
 *
 * The back-pointer to the cache also says what the object is: in use, in limbo (1 added) or freed
 * (2 added). A free of anything not in use is a double free, whether the first one still waits, has
 * been carried out, or the slab has gone. Only other values lead to questions: behind an object of
 * the cache something was overwritten; elsewhere it is no object.
 *
 * Invariant: an object in limbo is in use for the base and its contents are untouched. An object
 * handed out has its cache behind it.
 *
 * Unlike the modular slab (2006): kfree comes through here too (the toolkit's __free enters at the
 * top cache); offset and back-pointer are the cache's own, and set; an alignment of 0 is one of 8;
 * destroy waits for what is pending.
 */
#include "alloc/layer.h"
#include "alloc/slab_alloc.h"

enum { IN_USE, IN_LIMBO, FREED };

struct rcu_trailer {
	struct rcu_head head;
	char *state; /* the cache, plus one of the above */
};

struct rcu_cache {
	struct slab_cache c;
	unsigned int trailer; /* offset in the chunk */
};
_Static_assert(sizeof(struct rcu_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static unsigned int trailer_offset(const struct slab_cache *cache)
{
	return container_of(cache, struct rcu_cache, c)->trailer;
}

static struct rcu_trailer *trailer_of(const struct slab_cache *cache, void *object)
{
	return (struct rcu_trailer *)(void *)((char *)object + trailer_offset(cache));
}

static void *hand_out(struct slab_cache *cache, void *object)
{
	charge(COST_CALL);
	if (object)
		trailer_of(cache, object)->state = (char *)cache + IN_USE;
	return object;
}

static void *rcu_alloc(struct slab_cache *cache, gfp_t flags)
{
	return hand_out(cache, slab_alloc(cache->base, flags));
}

static void *rcu_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	return hand_out(cache, slab_alloc_node(cache->base, flags, node));
}

/* A grace period is over. */
static void limbo_ends(struct rcu_head *head)
{
	struct rcu_trailer *t = container_of(head, struct rcu_trailer, head);
	struct slab_cache *cache = (struct slab_cache *)(void *)(t->state - IN_LIMBO);

	t->state = (char *)cache + FREED;
	layer_waits_no_more(cache->layer, cache->size);
	slab_free(cache->base, (char *)t - trailer_offset(cache));
}

/* What is wrong with an object that is not in use: NULL if nothing is. */
static const char *defect(struct slab_cache *cache, void *object)
{
	struct rcu_trailer *t = trailer_of(cache, object);

	if (!virt_addr_valid(object) || !virt_addr_valid((char *)(t + 1) - 1) ||
	    virt_to_phys(object) % 8)
		return "invalid_pointer";
	if (likely(t->state == (char *)cache + IN_USE))
		return NULL;
	if (t->state == (char *)cache + IN_LIMBO || t->state == (char *)cache + FREED)
		return "double_free";
	return slab_valid_pointer(cache->base, object) ? "redzone" : "invalid_pointer";
}

static int rcu_in_use(struct slab_cache *cache, const void *object)
{
	return !defect(cache, (void *)(unsigned long)object);
}

static void rcu_free(struct slab_cache *cache, void *object)
{
	const char *kind = defect(cache, object);
	struct rcu_trailer *t = trailer_of(cache, object);

	charge(COST_CALL);
	if (unlikely(kind)) {
		report_event(kind, "cache %s object 0x%llx size %u at rcu", cache->name,
			     (unsigned long long)virt_to_phys(object), cache->objsize);
		slab_free_refused(cache);
		return;
	}
	t->state = (char *)cache + IN_LIMBO;
	layer_waits(cache->layer, cache->size);
	call_rcu(&t->head, limbo_ends);
}

static struct slab_cache *rcu_create(const struct slab_allocator *self, struct slab_control *room,
				     const struct slab_cache *parameters)
{
	struct rcu_cache *rc = (struct rcu_cache *)(void *)room->room;
	unsigned int align = max(parameters->align, (unsigned int)_Alignof(struct rcu_trailer));
	unsigned int trailer = ALIGN(parameters->objsize, (unsigned int)sizeof(void *));
	struct slab_cache larger = *parameters;

	larger.align = align;
	larger.objsize = trailer + (unsigned int)sizeof(struct rcu_trailer);
	if (larger.size)
		larger.size = ALIGN(max(larger.size, larger.objsize), align);
	if (!derive_slab_cache(self, &rc->c, &larger))
		return NULL;
	rc->trailer = trailer;
	rc->c.objsize = parameters->objsize;
	return &rc->c;
}

/* What waits for its grace period is no longer its user's to move. */
static int rcu_move_object(struct slab_cache *base, void *object)
{
	struct slab_cache *cache = base->above;

	if (trailer_of(cache, object)->state != (char *)cache + IN_USE)
		return 0;
	return slab_move_object(cache, cache->move_object, object);
}

static int rcu_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	return derived_slab_cache_shrink(cache, move_object, rcu_move_object);
}

static int rcu_destroy(struct slab_cache *cache)
{
	rcu_barrier();
	return derived_slab_cache_destroy(cache);
}

static struct allocator_desc rcu_slab_desc;

static struct slab_allocator *rcu_instance(struct slab_allocator *base,
					   struct page_allocator *pages, const void *options,
					   struct err *e)
{
	struct slab_allocator *sa;

	(void)options;
	if (slab_check_keeps(base, NULL, "rcu keeps its queue behind the objects", e))
		return NULL;
	if (slab_chain_has(base, &rcu_slab_desc)) {
		err_set(e, "'%s' waits for a grace period already: its objects would wait for two",
			base->name);
		return NULL;
	}
	sa = instance_alloc(sizeof(*sa));
	derive_slab_allocator(sa, base, pages, &rcu_slab_desc);
	sa->defers_free = true;
	sa->alloc = rcu_alloc;
	sa->alloc_node = rcu_alloc_node;
	sa->free = rcu_free;
	sa->in_use = rcu_in_use;
	sa->create = rcu_create;
	sa->shrink = rcu_shrink;
	sa->destroy = rcu_destroy;
	return sa;
}

static struct allocator_desc rcu_slab_desc = {
	.name = "rcu",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "every free waits for an RCU grace period",
	.help = "Objects grow by 24 bytes: the rcu_head and a back-pointer to the cache lie behind "
		"them.\n"
		"All ways to free go through here, kfree too. Destroying a cache waits for its "
		"callbacks.\n",
	.create_slab = rcu_instance,
};
ALLOCATOR(rcu_slab_desc)

struct slab_allocator *rcuify_slab_allocator(struct slab_allocator *base)
{
	struct err e;

	return rcu_instance(base, base->pages, NULL, &e);
}
