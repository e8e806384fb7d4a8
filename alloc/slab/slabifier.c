/*
 * slabifier: a slab allocator that keeps a free list in the free objects and no metadata beside the
 * slab.
 *
 * Theory: a slab is a block of pages cut into objects of one size. Its free objects form a list
 * threaded through them; struct page has the head of the list, the counts and the cache, so there
 * is nothing to find, colour or queue. Each CPU has a current slab whose list it has taken for
 * itself: allocating and freeing there is one read and one write of per-CPU data. Everything else
 * is in slabifier_slow.c. Full slabs are on no list: the address of an object leads to its page,
 * and that to all there is to know.
 *
 * A double free is detected at the act. Free objects carry a tagged free pointer (slabifier.h) and
 * allocation wipes the tag, so an object that carries it when it is freed is suspected; the free
 * lists of its slab, at most `objects` steps, then tell for certain (a user may have written the
 * tag). If the slab has gone back to the page allocator meanwhile, the tag that still lies there
 * tells a double free from a pointer that never was one. An allocation whose free pointer has lost
 * its tag was written to after its free: the rest of that list is given up and reported as
 * use_after_free. All of these are survived. Reports name the call site that runs. Who freed first
 * is for the debug layer to know: the words of a free object belong to the layers above, which
 * poison them, or must keep its contents.
 *
 * Invariant: an object is either handed out, or on exactly one of: its slab's list, the list of the
 * CPU that owns the slab. An object handed out does not carry the tag, unless its user put it
 * there.
 *
 * Unlike Linux (mm/slub.c, 6.1): objects get the tag instead of CONFIG_SLAB_FREELIST_HARDENED's
 * obfuscation; no random free list order; no pfmemalloc slabs; CPU slabs idle for 10 s return to
 * their nodes (the flusher of the modular slab, 2006); merging and debugging are not here but in
 * layers.
 */
#include "alloc/slab/slabifier.h"

#include "alloc/nearest.h"
#include "lib/digest.h"

static inline void *alloc_object(struct slabifier_cache *s, gfp_t flags, int node)
{
	struct slab_cpu *c = this_cpu_ptr(s->cpu_slab);
	void *object = c->freelist;

	charge(COST_CALL);
	charge(COST_THIS_CPU);
	if (likely(object && (node == NUMA_NO_NODE || page_to_nid(c->page) == node) &&
		   freeptr_tagged(s, *freeptr_word(s, object)))) {
		u64 *word = freeptr_word(s, object);

		c->freelist = freeptr_next(object, *word);
		c->used_ns = ktime_get_ns();
		*word = 0;
		/* The next allocation reads its free pointer from there. */
		__builtin_prefetch((void *)((unsigned long)c->freelist + s->c.offset));
	} else {
		object = slab_alloc_slow(s, c, flags, node);
	}
	if (flags & __GFP_ZERO && object)
		slab_zero(&s->c, object);
	return object;
}

static void *slabifier_alloc(struct slab_cache *cache, gfp_t flags)
{
	return alloc_object(to_slabifier(cache), flags, cache->node);
}

static void *slabifier_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	return alloc_object(to_slabifier(cache), flags, node == NUMA_NO_NODE ? cache->node : node);
}

static void slabifier_free(struct slab_cache *cache, void *object)
{
	struct slabifier_cache *s = to_slabifier(cache);
	struct page *page = slab_page_of(s, object);
	struct slab_cpu *c = this_cpu_ptr(s->cpu_slab);

	charge(COST_CALL);
	charge(COST_THIS_CPU);
	if (unlikely(!page)) {
		report_bad_free(s, object);
		return;
	}
	if (unlikely(freeptr_tagged(s, *freeptr_word(s, object))) &&
	    object_is_free(s, page, object)) {
		report_double_free(s, object);
		return;
	}
	if (likely(page == c->page)) {
		set_freepointer(s, object, c->freelist);
		c->freelist = object;
		c->used_ns = ktime_get_ns();
	} else {
		slab_free_slow(s, page, object);
	}
}

/* ---- Caches ---- */

/* Of the name: caches of a run differ, runs do not. */
static u32 name_tag(const char *name)
{
	return text_hash(name) | 1;
}

static void nodes_init(struct slabifier_cache *s)
{
	int nid;

	s->nodes = instance_alloc(sizeof(*s->nodes) * (size_t)kernel->nr_node_ids);
	for_each_node (nid) {
		spin_lock_init(&s->nodes[nid].list_lock, "slab->list_lock");
		INIT_LIST_HEAD(&s->nodes[nid].partial);
		s->nodes[nid].stand_in = -1;
	}
}

static struct slab_cache *slabifier_create(const struct slab_allocator *self,
					   struct slab_control *room,
					   const struct slab_cache *parameters)
{
	struct slabifier_cache *s = (struct slabifier_cache *)(void *)room->room;
	int cpu;

	*s = (struct slabifier_cache){.c = *parameters};
	s->sl = container_of(self, struct slabifier, sa);
	if (!slab_geometry(s, parameters->size))
		return NULL;
	s->c.shape = NULL;
	if (!s->c.page_alloc)
		s->c.page_alloc = self->pages;
	s->tag = name_tag(s->c.name);
	s->flush_ns = kernel->nr_cpu_ids > 1 ? s->sl->o.flush_ns : 0;
	s->cpu_slab = alloc_percpu(struct slab_cpu);
	for_each_possible_cpu (cpu)
		INIT_LIST_HEAD(&per_cpu_ptr(s->cpu_slab, cpu)->partial);
	nodes_init(s);
	flushers_init(s);
	slab_cache_init(&s->c, self, NULL);
	return &s->c;
}

/*
 * Leaked objects keep their slabs, and these keep the cache: what belongs to it is then left
 * behind.
 */
static int slabifier_destroy(struct slab_cache *cache)
{
	struct slabifier_cache *s = to_slabifier(cache);
	u64 live;

	flushers_cancel(s);
	slabifier_shrink(cache, NULL);
	list_del(&cache->list);
	live = slabifier_live(s);
	if (live)
		return (int)live;
	instance_free(s->flushers);
	instance_free(s->nodes);
	free_percpu(s->cpu_slab);
	return 0;
}

/* ---- The allocator ---- */

static void slabifier_destructor(struct slab_allocator *self)
{
	instance_free(container_of(self, struct slabifier, sa)->nearest);
	derived_slab_destructor(self);
}

static struct slab_allocator *slabifier_instance(struct slab_allocator *base,
						 struct page_allocator *pages, const void *options,
						 struct err *e);

static const struct opt_desc slabifier_opts[] = {
	OPT_U64("min_order", struct slabifier_options, min_order, "0", 0, MAX_ORDER - 1,
		"smallest order of a slab's pages (slab_min_order)"),
	OPT_S64("max_order", struct slabifier_options, max_order, "-1", -1, MAX_ORDER - 1,
		"largest order, unless a single object needs more (slab_max_order); -1: 3"),
	OPT_U64("min_objects", struct slabifier_options, min_objects, "0", 0, SLAB_OBJECTS_MAX / 2,
		"objects a slab should hold; 0: 4 * (bits of the number of CPUs + 1)"),
	OPT_S64("cpu_partial", struct slabifier_options, cpu_partial, "-1", -1, 1 << 20,
		"objects on partial slabs of one CPU; -1: by size, 6 to 120; 0: no such slabs"),
	OPT_S64("min_partial", struct slabifier_options, min_partial, "-1", -1, 1 << 20,
		"slabs a node keeps even if empty; -1: by size, 5 to 10"),
	OPT_TIME("flush", struct slabifier_options, flush_ns, "10s", 0, 3600000000000LL,
		 "idle time after which a CPU's slabs return to their nodes; 0s: never"),
	OPT_BOOL("remote_partial", struct slabifier_options, remote_partial, "on",
		 "use partial slabs of other nodes before taking new pages"),
	OPT_END,
};

static struct allocator_desc slabifier_desc = {
	.name = "slabifier",
	.model = "slub",
	.kind = ALLOC_SLAB,
	.role = ROLE_SOURCE,
	.summary =
		"free list in the objects, one slab a CPU, partial lists per node (SLUB's design)",
	.help = "Objects of a slab form a free list threaded through them; nothing lies beside the "
		"slab.\n"
		"Each CPU allocates from a slab of its own and keeps some partial ones; each node "
		"has a\n"
		"list of partial slabs, the only thing that needs a lock. Full slabs are on no "
		"list.\n"
		"Double frees and invalid pointers are detected at the act, reported and "
		"survived.\n",
	.options = slabifier_opts,
	.options_size = sizeof(struct slabifier_options),
	.create_slab = slabifier_instance,
};
ALLOCATOR(slabifier_desc)

static struct slab_allocator *slabifier_instance(struct slab_allocator *base,
						 struct page_allocator *pages, const void *options,
						 struct err *e)
{
	struct slabifier *sl;

	(void)base, (void)e;
	sl = instance_alloc(sizeof(*sl));
	derive_slab_allocator(&sl->sa, NULL, pages, &slabifier_desc);
	sl->o = *(const struct slabifier_options *)options;
	sl->sa.alloc = slabifier_alloc;
	sl->sa.alloc_node = slabifier_alloc_node;
	sl->sa.free = slabifier_free;
	sl->sa.valid_pointer = slabifier_valid_pointer;
	sl->sa.in_use = slabifier_in_use;
	sl->sa.get_objects = slabifier_get_objects;
	sl->sa.create = slabifier_create;
	sl->sa.shrink = slabifier_shrink;
	sl->sa.destroy = slabifier_destroy;
	sl->sa.check = slabifier_check;
	sl->sa.destructor = slabifier_destructor;
	sl->nearest = nearest_nodes_create(&sl->nr_memory_nodes);
	return &sl->sa;
}
