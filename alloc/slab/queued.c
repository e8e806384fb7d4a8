/*
 * queued_slab: objects wait in queues, per CPU, per node and per pair of nodes.
 *
 * Theory: a slab is a block of pages cut into objects of one size; beside the objects, on the slab
 * or off it, lies an index of those that are free. A node's slabs are on lists: full, partial,
 * free. Before the slabs stand queues of free objects (queued_array.c): each CPU has an array, the
 * only thing that nearly all requests touch, and the object freed last is the next one handed out.
 * Locks are taken to move batches. What lies in queues nobody else can use, so every CPU looks
 * every two seconds at every cache and returns some of it (queued_reap.c). The design is that of
 * mm/slab.c up to Linux 6.1 (Bonwick 1994 with arrays in place of magazines), which slabifier set
 * out to replace: queues grow with caches x CPUs + caches x nodes^2, and a quiet machine is not
 * quiet.
 *
 * What arrays, tables, and indices off the slab take is simulated memory (queued_meta.c).
 *
 * Invariant: an object is in exactly one place: in use, in an array, or free on its slab.
 *
 * Unlike Linux: one operation runs at a time, so nothing changes while interrupts are on; no
 * pfmemalloc slabs; no random order of free objects; double frees are found (queued_check.c);
 * shrinking can move objects (queued_shrink.c); see also the other files.
 */
#include "alloc/slab/queued.h"

#include "alloc/nearest.h"
#include "lib/digest.h"

/* ---- Objects ---- */

/* A request for `node` is one for this CPU's array. */
static bool served_here(const struct queued_cache *qc, gfp_t flags, int node)
{
	if (unlikely(qc->defragmenting))
		return false;
	if (node == NUMA_NO_NODE)
		return true;
	return serving_node(qc, node) == serving_node(qc, numa_node_id()) &&
	       (memory_node(qc->q, node) == node || !(flags & __GFP_THISNODE));
}

static void *from_array(struct queued_cache *qc, gfp_t flags, int node)
{
	struct queued_array *ac = this_array(qc);
	void *object;

	if (unlikely(!ac->avail) && !array_refill(qc, ac, flags))
		return NULL;
	object = ac->entry[ac->avail - 1];
	/* Of before this node was served by another one, or since. */
	if (node != NUMA_NO_NODE && flags & __GFP_THISNODE &&
	    unlikely(page_to_nid(virt_to_page(object)) != serving_node(qc, node)))
		return NULL;
	ac->touched = 1;
	ac->avail--;
	return object;
}

static void *alloc_object(struct queued_cache *qc, gfp_t flags, int node)
{
	void *object = NULL;

	charge(COST_CALL);
	local_irq_save_charge();
	if (likely(served_here(qc, flags, node)))
		object = from_array(qc, flags, node);
	if (unlikely(!object)) {
		if (node == NUMA_NO_NODE)
			node = memory_node(qc->q, numa_node_id());
		object = queued_node_alloc(qc, flags, node);
	}
	if (unlikely(!object))
		return NULL;
	object_set_in_use(qc, virt_to_head_page(object), object, true);
	if (flags & __GFP_ZERO)
		slab_zero(&qc->c, object);
	return object;
}

static void *queued_alloc(struct slab_cache *cache, gfp_t flags)
{
	return alloc_object(to_queued(cache), flags, cache->node);
}

static void *queued_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	return alloc_object(to_queued(cache), flags, node == NUMA_NO_NODE ? cache->node : node);
}

static void to_slab(struct queued_cache *qc, void *object, int nid)
{
	struct queued_node *n = &qc->nodes[nid];
	struct list_head doomed;

	INIT_LIST_HEAD(&doomed);
	spin_lock(&n->list_lock);
	free_block(qc, n, &object, 1, &doomed);
	spin_unlock(&n->list_lock);
	slabs_destroy(qc, &doomed);
}

static void free_object(struct queued_cache *qc, void *object, int nid)
{
	struct queued_array *ac = this_array(qc);

	if (unlikely(qc->defragmenting)) {
		to_slab(qc, object, nid);
		return;
	}
	if (unlikely(nid != serving_node(qc, numa_node_id()))) {
		alien_free(qc, object, nid);
		return;
	}
	if (unlikely(ac->avail == ac->limit))
		array_flush(qc, ac);
	ac->entry[ac->avail++] = object;
}

static void queued_free(struct slab_cache *cache, void *object)
{
	struct queued_cache *qc = to_queued(cache);
	struct page *page = queued_page_of(qc, object);

	charge(COST_CALL);
	local_irq_save_charge();
	/* No object, one leaked by a cache that is gone, or one of our own. */
	if (unlikely(!page || !cache->refs || !qc->cpu_array)) {
		queued_report(qc, "invalid_pointer", object);
		return;
	}
	if (unlikely(!object_in_use(qc, page, object))) {
		queued_report(qc, "double_free", object);
		return;
	}
	object_set_in_use(qc, page, object, false);
	free_object(qc, object, page_to_nid(page));
}

/* ---- Caches ---- */

static u64 nr_cpus_of(int nid)
{
	u64 nr = 0;
	int cpu;

	for_each_possible_cpu (cpu)
		nr += cpu_to_node(cpu) == nid;
	return nr;
}

/* Free objects a node may keep, and when it is looked at first: not all caches at once. */
static void set_limits(struct queued_cache *qc)
{
	u64 every_ns = 2 * qc->q->o.reap_ns;
	int nid;

	for_each_node (nid) {
		struct queued_node *n = &qc->nodes[nid];

		n->free_limit = (1 + nr_cpus_of(nid)) * qc->batchcount + qc->num;
		n->next_reap_ns = ktime_get_ns() + every_ns;
		if (every_ns)
			n->next_reap_ns += text_hash(qc->c.name) % every_ns;
	}
}

static struct slab_cache *queued_create(const struct slab_allocator *self,
					struct slab_control *room,
					const struct slab_cache *parameters)
{
	struct queued_cache *qc = (struct queued_cache *)(void *)room->room;
	struct queued *q = container_of((struct slab_allocator *)self, struct queued, sa);

	*qc = (struct queued_cache){.c = *parameters, .q = q};
	if (!queued_geometry(qc, parameters->size))
		return NULL;
	qc->c.shape = NULL;
	if (!qc->c.page_alloc)
		qc->c.page_alloc = self->pages;
	queued_array_sizes(qc);
	queued_nodes_init(qc);
	if (!queued_arrays_create(qc)) {
		instance_free(qc->nodes);
		metas_drain(q);
		return NULL;
	}
	set_limits(qc);
	slab_cache_init(&qc->c, self, NULL);
	if (!q->nr_caches++)
		reapers_start(q);
	return &qc->c;
}

/*
 * Leaked objects keep their slabs, and these keep the cache: what belongs to it is then left
 * behind, but for its arrays.
 */
static int queued_destroy(struct slab_cache *cache)
{
	struct queued_cache *qc = to_queued(cache);
	struct slab_counts counts;

	queued_shrink(cache, NULL);
	list_del(&cache->list);
	if (!--qc->q->nr_caches)
		reapers_stop(qc->q);
	queued_arrays_destroy(qc);
	if (!qc->q->nr_caches)
		metas_drain(qc->q);
	queued_get_objects(cache, &counts);
	if (counts.objs_active)
		return (int)counts.objs_active;
	instance_free(qc->nodes);
	return 0;
}

/* ---- The allocator ---- */

static void queued_destructor(struct slab_allocator *self)
{
	struct queued *q = container_of(self, struct queued, sa);

	metas_destroy(q);
	instance_free(q->nearest);
	derived_slab_destructor(self);
}

static const struct opt_desc queued_opts[] = {
	OPT_U64("limit", struct queued_options, limit, "0", 0, 4096,
		"objects a CPU's array holds; 0: by size, 1 to 120"),
	OPT_U64("batchcount", struct queued_options, batchcount, "0", 0, 4096,
		"objects that move at once, at most limit; 0: half of limit"),
	OPT_S64("shared", struct queued_options, shared, "-1", -1, 1024,
		"batches the array shared by a node's CPUs holds; -1: 8, none for objects above a "
		"page; 0: none"),
	OPT_BOOL("alien", struct queued_options, alien, "on",
		 "arrays for objects freed on another node than their own; off: straight home"),
	OPT_TIME("reap", struct queued_options, reap_ns, "2s", 0, 3600000000000LL,
		 "every CPU looks at every cache that often; 0s: never"),
	OPT_U64("min_order", struct queued_options, min_order, "0", 0, MAX_ORDER - 1,
		"smallest order of a slab's pages"),
	OPT_S64("max_order", struct queued_options, max_order, "-1", -1, MAX_ORDER - 1,
		"largest order, unless a single object needs more (slab_max_order); -1: 1, on a "
		"machine of up to 32 MiB 0"),
	OPT_ENUM("index", struct queued_options, index, "byte", queued_index_names,
		 "size of an index of a slab's objects: up to 255 of them, or 32767"),
	OPT_BOOL("colour", struct queued_options, colour, "on",
		 "shift the objects from slab to slab by cache lines, as far as there is room"),
	OPT_END,
};

static struct slab_allocator *queued_instance(struct slab_allocator *base,
					      struct page_allocator *pages, const void *options,
					      struct err *e);

static struct allocator_desc queued_desc = {
	.name = "queued_slab",
	.model = "slab",
	.kind = ALLOC_SLAB,
	.role = ROLE_SOURCE,
	.summary = "per-CPU, shared and alien arrays before lists of slabs (SLAB's design)",
	.help = "Each CPU allocates from an array of free objects and frees to it; a node's CPUs "
		"share\n"
		"another; objects freed on a foreign node gather in alien arrays. Behind them are "
		"lists of\n"
		"full, partial and free slabs per node. What is free on a slab stands in an index, "
		"on the\n"
		"slab or off it. Every two seconds each CPU looks at all caches and gives back "
		"what "
		"was\n"
		"not used. Arrays and indices off the slab take pages of the chain.\n",
	.options = queued_opts,
	.options_size = sizeof(struct queued_options),
	.create_slab = queued_instance,
};
ALLOCATOR(queued_desc)

static struct slab_allocator *queued_instance(struct slab_allocator *base,
					      struct page_allocator *pages, const void *options,
					      struct err *e)
{
	struct queued *q = instance_alloc(sizeof(*q));

	(void)base, (void)e;
	derive_slab_allocator(&q->sa, NULL, pages, &queued_desc);
	q->sa.shifts_objects = true; /* colours, and what manages a slab stands in it */
	q->o = *(const struct queued_options *)options;
	q->sa.alloc = queued_alloc;
	q->sa.alloc_node = queued_alloc_node;
	q->sa.free = queued_free;
	q->sa.valid_pointer = queued_valid_pointer;
	q->sa.in_use = queued_in_use;
	q->sa.get_objects = queued_get_objects;
	q->sa.create = queued_create;
	q->sa.shrink = queued_shrink;
	q->sa.destroy = queued_destroy;
	q->sa.check = queued_check;
	q->sa.destructor = queued_destructor;
	q->nearest = nearest_nodes_create(&q->nr_memory_nodes);
	metas_create(q);
	return &q->sa;
}
