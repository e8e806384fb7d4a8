/*
 * caching (caching_slab_allocator): per-CPU magazines and a depot for each node, after Bonwick and
 * Adams 2001.
 *
 * Theory: a magazine is an array of free objects. Each CPU holds two, loaded and previous; as long
 * as one of them can serve, an operation touches nothing that another CPU touches. Two rather than
 * one: a CPU at the edge between full and empty would go to the depot at every operation. The depot
 * keeps full and empty magazines under a lock; where CPUs wait for that lock too often, magazines
 * grow. What the depot had more of than anybody needed since the last look, its working set, goes
 * back to the base at the next one; a cache that is idle has no events.
 *
 * Magazines are objects of caches of the base, one for each size: simulated memory, and counted.
 * Objects of other nodes pass by, both ways, so that a magazine holds memory of its CPU's node
 * only; where that has none, of the nearest one.
 *
 * A word of an object that lies in a magazine says so; a free that finds it is a double free.
 *
 * Invariant: to the base, an object in a magazine is in use. Magazines of a full list are full,
 * those of an empty list empty; all are of the cache's present size.
 *
 * Unlike the paper: magazines of CPUs are not reaped while memory is short (nothing says so yet).
 */
#include "alloc/slab/caching.h"

#include "alloc/nearest.h"

/* ---- Objects in magazines ---- */

static void push(struct caching_cache *cc, struct cpu_magazines *m, void *object)
{
	charge(COST_THIS_CPU);
	*mark_of(cc, object) = in_magazine(object);
	m->loaded->rounds[m->rounds++] = object;
}

static void *pop(struct caching_cache *cc, struct cpu_magazines *m)
{
	void *object = m->loaded->rounds[--m->rounds];

	charge(COST_THIS_CPU);
	*mark_of(cc, object) = 0;
	return object;
}

static void swap_magazines(struct cpu_magazines *m)
{
	struct magazine *loaded = m->loaded;
	u16 rounds = m->rounds;

	m->loaded = m->previous;
	m->rounds = m->previous_rounds;
	m->previous = loaded;
	m->previous_rounds = rounds;
}

/* ---- Methods ---- */

static void *from_magazine(struct caching_cache *cc)
{
	struct cpu_magazines *m = this_cpu_ptr(cc->state->cpus);

	charge(COST_CALL);
	if (unlikely(!m->rounds)) {
		if (m->previous_rounds)
			swap_magazines(m);
		else if (!depot_load_full(cc, m))
			return NULL;
	}
	return pop(cc, m);
}

static void *zeroed(struct slab_cache *cache, void *object, gfp_t flags)
{
	if (flags & __GFP_ZERO)
		slab_zero(cache, object);
	return object;
}

static void *alloc_object(struct slab_cache *cache, gfp_t flags, int node)
{
	void *object = NULL;

	if (node < 0 || node == numa_node_id())
		object = from_magazine(to_caching(cache));
	if (likely(object))
		return zeroed(cache, object, flags);
	note_path(PATH_SLOW);
	return node < 0 ? slab_alloc(cache->base, flags)
			: slab_alloc_node(cache->base, flags, node);
}

static void *caching_alloc(struct slab_cache *cache, gfp_t flags)
{
	return alloc_object(cache, flags, cache->node);
}

static void *caching_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	return alloc_object(cache, flags, node < 0 ? cache->node : node);
}

static int caching_in_use(struct slab_cache *cache, const void *object)
{
	return slab_in_use(cache->base, object) &&
	       *mark_of(to_caching(cache), (void *)(unsigned long)object) != in_magazine(object);
}

static void report_senseless(struct slab_cache *cache, const void *object)
{
	report_event(slab_valid_pointer(cache->base, object) ? "double_free" : "invalid_pointer",
		     "cache %s object 0x%llx size %u at caching, freed in %s", cache->name,
		     (unsigned long long)virt_to_phys(object), cache->objsize,
		     site_name(kernel->site));
	slab_free_refused(cache);
}

static bool is_local(const struct caching_cache *cc, const void *object)
{
	return page_to_nid(virt_to_page(object)) == memory_node(cc, numa_node_id());
}

static void caching_free(struct slab_cache *cache, void *object)
{
	struct caching_cache *cc = to_caching(cache);
	struct cpu_magazines *m = this_cpu_ptr(cc->state->cpus);

	charge(COST_CALL);
	if (unlikely(!caching_in_use(cache, object))) {
		report_senseless(cache, object);
		return;
	}
	if (unlikely(!is_local(cc, object))) {
		note_path(PATH_SLOW);
		slab_free(cache->base, object);
		return;
	}
	if (unlikely(!m->loaded || m->rounds == magazine_sizes[cc->size])) {
		if (m->previous && !m->previous_rounds) {
			swap_magazines(m);
		} else if (cache->move_object || !depot_load_empty(cc, m)) {
			note_path(PATH_SLOW);
			slab_free(cache->base, object);
			return;
		}
	}
	push(cc, m, object);
}

/* ---- Now and then ---- */

static bool should_grow(const struct caching_cache *cc)
{
	u64 contended = 0;

	for (unsigned int i = 0; i < cc->state->nr_depots; i++)
		contended += cc->state->depots[i].nr_contended;
	return contended > cc->cs->o.contention && cc->size + 1 < NR_SIZES &&
	       magazine_sizes[cc->size + 1] <= cc->cs->o.max_rounds;
}

/* Some time after the depot was used: trims it, lets magazines grow; again while it holds any. */
static void look(struct work_struct *work)
{
	struct delayed_work *dwork = container_of(work, struct delayed_work, work);
	struct caching_state *state = container_of(dwork, struct caching_state, look);
	struct caching_cache *cc = to_caching(state->cache);
	bool more = false;

	if (should_grow(cc)) {
		caching_give_all_back(cc);
		cc->size++;
	}
	for (unsigned int i = 0; i < state->nr_depots; i++) {
		state->depots[i].nr_contended = 0;
		more |= depot_trim(cc, &state->depots[i]);
	}
	if (more)
		schedule_delayed_work_on(smp_processor_id(), dwork,
					 nsecs_to_jiffies(cc->cs->o.interval_ns));
}

static int caching_move_object(struct slab_cache *base, void *object)
{
	struct slab_cache *cache = base->above;

	if (*mark_of(to_caching(cache), object) == in_magazine(object))
		return 0;
	return slab_move_object(cache, cache->move_object, object);
}

/*
 * While objects move, nothing goes through magazines: they would hand out the places that are to
 * become empty. With no magazine loaded, only the ways to the depot need look.
 */
static int caching_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	caching_give_all_back(to_caching(cache));
	return derived_slab_cache_shrink(cache, move_object, caching_move_object);
}

static int caching_destroy(struct slab_cache *cache)
{
	struct caching_cache *cc = to_caching(cache);
	struct caching_slab *cs = cc->cs;
	int live;

	cancel_delayed_work_sync(&cc->state->look);
	caching_give_all_back(cc);
	free_percpu(cc->state->cpus);
	instance_free(cc->state);
	live = derived_slab_cache_destroy(cache);
	if (list_empty(&cs->sa.caches))
		caching_destroy_magazine_caches(cs);
	return live;
}

static void caching_check(struct slab_cache *cache)
{
	caching_check_magazines(to_caching(cache));
}

/* ---- Caches and instances ---- */

static void make_state(struct caching_cache *cc)
{
	unsigned int nr = (unsigned int)kernel->nr_node_ids;
	struct caching_state *state = instance_alloc(sizeof(*state) + nr * sizeof(struct depot));

	state->cache = &cc->c;
	state->cpus = alloc_percpu(struct cpu_magazines);
	state->nr_depots = nr;
	for (unsigned int i = 0; i < nr; i++)
		spin_lock_init(&state->depots[i].lock, "magazine depot");
	INIT_DELAYED_WORK(&state->look, look);
	cc->state = state;
}

static struct slab_cache *caching_create(const struct slab_allocator *self,
					 struct slab_control *room,
					 const struct slab_cache *parameters)
{
	struct caching_cache *cc = (struct caching_cache *)(void *)room->room;
	struct slab_cache larger = *parameters;

	larger.objsize = max(parameters->objsize, (unsigned int)sizeof(u64));
	if (!derive_slab_cache(self, &cc->c, &larger))
		return NULL;
	cc->c.objsize = parameters->objsize;
	cc->cs = container_of((struct slab_allocator *)self, struct caching_slab, sa);
	cc->mark = parameters->offset ? parameters->offset : larger.objsize / 2 & ~7U;
	cc->size = 0;
	while (cc->size + 1 < NR_SIZES && magazine_sizes[cc->size + 1] <= cc->cs->o.rounds)
		cc->size++;
	make_state(cc);
	return &cc->c;
}

static struct allocator_desc caching_desc;

static int check_base(const struct slab_allocator *base, const struct caching_options *o,
		      struct err *e)
{
	if (base->defers_free)
		return err_set(
			e,
			"a free waits in '%s': magazines would hand objects out again before the "
			"grace period (the order that works: rcu:caching:...)",
			base->name);
	if (slab_check_keeps(base, NULL, "caching marks the objects in its magazines", e))
		return -1;
	if (slab_chain_has(base, &caching_desc))
		return err_set(e, "'%s' has magazines already: the outer ones would keep its empty",
			       base->name);
	if (o->max_rounds < o->rounds)
		return err_set(e, "max_rounds=%llu is less than rounds=%llu",
			       (unsigned long long)o->max_rounds, (unsigned long long)o->rounds);
	return 0;
}

static void caching_destructor(struct slab_allocator *self)
{
	instance_free(container_of(self, struct caching_slab, sa)->nearest);
	derived_slab_destructor(self);
}

static struct slab_allocator *caching_instance(struct slab_allocator *base,
					       struct page_allocator *pages, const void *options,
					       struct err *e)
{
	const struct caching_options *o = options;
	struct caching_slab *cs;
	int nr_memory_nodes;

	if (check_base(base, o, e))
		return NULL;
	cs = instance_alloc(sizeof(*cs));
	derive_slab_allocator(&cs->sa, base, pages, &caching_desc);
	cs->sa.alloc = caching_alloc;
	cs->sa.alloc_node = caching_alloc_node;
	cs->sa.free = caching_free;
	cs->sa.in_use = caching_in_use;
	cs->sa.create = caching_create;
	cs->sa.shrink = caching_shrink;
	cs->sa.destroy = caching_destroy;
	cs->sa.check = caching_check;
	cs->sa.destructor = caching_destructor;
	cs->o = *o;
	cs->nearest = nearest_nodes_create(&nr_memory_nodes);
	return &cs->sa;
}

static const struct opt_desc caching_opts[] = {
	OPT_U64("rounds", struct caching_options, rounds, "15", 1, 143,
		"objects of a magazine at first; the next lower of 1 3 7 15 31 47 63 95 143"),
	OPT_U64("max_rounds", struct caching_options, max_rounds, "143", 1, 143,
		"how far magazines may grow"),
	OPT_U64("contention", struct caching_options, contention, "3", 0, 1000000,
		"waits for the depot's lock in an interval beyond which magazines grow"),
	OPT_TIME("interval", struct caching_options, interval_ns, "15s", 1000000, 3600000000000,
		 "how long after its use the depot is looked at"),
	OPT_END,
};

static struct allocator_desc caching_desc = {
	.name = "caching",
	.model = "magazines",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "per-CPU magazines and a depot for each node",
	.help = "After Bonwick and Adams 2001: loaded and previous magazine, depot of full and "
		"empty "
		"ones,\nmagazines that grow with contention, a depot trimmed to its working set. "
		"Objects "
		"of other\nnodes pass by.",
	.options = caching_opts,
	.options_size = sizeof(struct caching_options),
	.create_slab = caching_instance,
};
ALLOCATOR(caching_desc)

struct slab_allocator *caching_slab_allocator(struct slab_allocator *base)
{
	struct caching_options o;
	struct err e;

	options_default(caching_opts, &o);
	return caching_instance(base, base->pages, &o, &e);
}
