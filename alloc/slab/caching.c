/*
 * caching (caching_slab_allocator): per-CPU magazines and a depot for each node, after Bonwick and
 * Adams 2001.
 *
 * Theory: a magazine is an array of free objects. Each CPU holds two, loaded and previous; as long as
 * one of them can serve, an operation touches nothing that another CPU touches. Two rather than one:
 * a CPU at the edge between full and empty would go to the depot at every operation. The depot keeps
 * full and empty magazines under a lock; where CPUs wait for that lock too often, magazines grow.
 * What the depot had more of than anybody needed since the last look, its working set, goes back to
 * the base at the next one; a cache that is idle has no events.
 *
 * Magazines are objects of caches of the base, one for each size: simulated memory, and counted.
 * Objects of other nodes pass by, both ways, so that a magazine holds memory of its CPU's node only.
 *
 * A word of an object that lies in a magazine says so; a free that finds it is a double free.
 *
 * Invariant: to the base, an object in a magazine is in use. Magazines of a full list are full, those
 * of an empty list empty; all are of the cache's present size.
 *
 * Unlike the paper: magazines of CPUs are not reaped while memory is short (nothing says so yet).
 */
#include <string.h>

#include "alloc/slab_alloc.h"

#define NR_SIZES 9
static const u16 sizes[NR_SIZES] = {1, 3, 7, 15, 31, 47, 63, 95, 143};

struct magazine {
	struct magazine *next; /* in the depot */
	void *rounds[];
};

struct cpu_magazines {
	struct magazine *loaded, *previous; /* NULL: none */
	u16 rounds, previous_rounds;
};

struct depot_list {
	struct magazine *first;
	u32 nr, least; /* fewest since the last look */
};

struct depot {
	spinlock_t lock;
	struct depot_list full, empty;
	u64 nr_contended; /* since the last look */
};

struct caching_options {
	u64 rounds, max_rounds, contention, interval_ns;
};

struct caching_slab {
	struct slab_allocator sa;
	struct caching_options o;
	struct slab_cache *magazines[NR_SIZES]; /* made when first needed */
	struct slab_control rooms[NR_SIZES];
};

/* What does not fit the caller's room. */
struct caching_state {
	struct slab_cache *cache;
	struct delayed_work look;
	struct cpu_magazines *cpus;
	unsigned int nr_depots;
	struct depot depots[];
};

struct caching_cache {
	struct slab_cache c;
	struct caching_slab *cs;
	struct caching_state *state;
	unsigned int size; /* index into sizes */
	unsigned int mark; /* offset of the word that says that an object lies in a magazine */
};
_Static_assert(sizeof(struct caching_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static struct caching_cache *to_caching(struct slab_cache *cache)
{
	return container_of(cache, struct caching_cache, c);
}

static struct depot *local_depot(const struct caching_cache *cc)
{
	return &cc->state->depots[numa_node_id()];
}

/* ---- Objects in magazines ---- */

static u64 *mark_of(const struct caching_cache *cc, void *object)
{
	return (u64 *)(void *)((char *)object + cc->mark);
}

static u64 in_magazine(const void *object)
{
	return ~virt_to_phys(object) ^ 0x6d6167617a696e65ULL;
}

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

/* ---- Magazines ---- */

static struct slab_cache *magazine_cache(struct caching_slab *cs, unsigned int size)
{
	static const char *const names[NR_SIZES] = {"magazine-1",  "magazine-3",  "magazine-7",
						    "magazine-15", "magazine-31", "magazine-47",
						    "magazine-63", "magazine-95", "magazine-143"};
	struct slab_cache params = {
		.objsize = (unsigned int)(sizeof(struct magazine) + sizes[size] * sizeof(void *)),
		.align = 8,
		.node = NUMA_NO_NODE};

	if (!cs->magazines[size]) {
		for (size_t i = 0; names[size][i]; i++)
			params.name[i] = names[size][i];
		cs->magazines[size] = slab_cache_create(cs->sa.base, &cs->rooms[size], &params);
	}
	return cs->magazines[size];
}

static struct magazine *magazine_new(struct caching_cache *cc)
{
	struct slab_cache *mags = magazine_cache(cc->cs, cc->size);

	return mags ? slab_alloc(mags, GFP_NOWAIT) : NULL;
}

static void magazine_free(struct caching_cache *cc, struct magazine *mag)
{
	slab_free(cc->cs->magazines[cc->size], mag);
}

/* Gives its objects back to the base, then itself. NULL is fine. */
static void magazine_destroy(struct caching_cache *cc, struct magazine *mag, unsigned int rounds)
{
	if (!mag)
		return;
	while (rounds) {
		void *object = mag->rounds[--rounds];

		*mark_of(cc, object) = 0;
		slab_free(cc->c.base, object);
	}
	magazine_free(cc, mag);
}

/* ---- The depot ---- */

static void depot_lock(const struct caching_cache *cc, struct depot *d)
{
	u64 before_ns = ktime_get_ns();

	spin_lock_irqsave(&d->lock);
	if (ktime_get_ns() - before_ns > (u64)kernel->cost_ns[COST_IRQ_SAVE] +
						 kernel->cost_ns[COST_LOCK] +
						 kernel->cost_ns[COST_LOCK_HANDOFF])
		d->nr_contended++;
	schedule_delayed_work_on(smp_processor_id(), &cc->state->look,
				 nsecs_to_jiffies(cc->cs->o.interval_ns));
}

static void depot_unlock(struct depot *d)
{
	spin_unlock_irqrestore(&d->lock);
}

static void depot_put(struct depot_list *l, struct magazine *mag)
{
	mag->next = l->first;
	l->first = mag;
	l->nr++;
}

static struct magazine *depot_take(struct depot_list *l)
{
	struct magazine *mag = l->first;

	if (!mag)
		return NULL;
	l->first = mag->next;
	l->nr--;
	l->least = min(l->least, l->nr);
	return mag;
}

/* A full magazine for the previous, empty one (if any): true if there was one. */
static bool load_full(struct caching_cache *cc, struct cpu_magazines *m)
{
	struct depot *d = local_depot(cc);
	struct magazine *full;

	if (!d->full.nr) /* a look without the lock; what it misses costs one trip to the base */
		return false;
	depot_lock(cc, d);
	full = depot_take(&d->full);
	if (full && m->previous)
		depot_put(&d->empty, m->previous);
	depot_unlock(d);
	if (!full)
		return false;
	m->previous = m->loaded;
	m->previous_rounds = m->rounds;
	m->loaded = full;
	m->rounds = sizes[cc->size];
	return true;
}

/* An empty magazine, the previous full one (if any) to the depot: false if none can be had. */
static bool load_empty(struct caching_cache *cc, struct cpu_magazines *m)
{
	struct depot *d = local_depot(cc);
	struct magazine *empty = NULL;

	if (d->empty.nr) {
		depot_lock(cc, d);
		empty = depot_take(&d->empty);
		depot_unlock(d);
	}
	if (!empty)
		empty = magazine_new(cc);
	if (!empty)
		return false;
	if (m->previous) {
		depot_lock(cc, d);
		depot_put(&d->full, m->previous);
		depot_unlock(d);
	}
	m->previous = m->loaded;
	m->previous_rounds = m->rounds;
	m->loaded = empty;
	m->rounds = 0;
	return true;
}

/* ---- Methods ---- */

static void *from_magazine(struct caching_cache *cc)
{
	struct cpu_magazines *m = this_cpu_ptr(cc->state->cpus);

	charge(COST_CALL);
	if (unlikely(!m->rounds)) {
		if (m->previous_rounds)
			swap_magazines(m);
		else if (!load_full(cc, m))
			return NULL;
	}
	return pop(cc, m);
}

static void *zeroed(struct slab_cache *cache, void *object, gfp_t flags)
{
	if (!(flags & __GFP_ZERO))
		return object;
	charge_bytes(cache->objsize);
	return memset(object, 0, cache->objsize);
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
	const struct slab_cache *base = cache->base;

	return base->slab_alloc->in_use(cache->base, object) &&
	       *mark_of(to_caching(cache), (void *)(unsigned long)object) != in_magazine(object);
}

static void report_senseless(struct slab_cache *cache, const void *object)
{
	const struct slab_cache *base = cache->base;

	report_event(base->slab_alloc->valid_pointer(cache->base, object) ? "double_free"
									  : "invalid_pointer",
		     "cache %s object 0x%llx size %u at caching, freed in %s", cache->name,
		     (unsigned long long)virt_to_phys(object), cache->objsize,
		     site_name(kernel->site));
	slab_free_refused(cache);
}

static bool is_local(const void *object)
{
	return page_to_nid(virt_to_page(object)) == numa_node_id();
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
	if (unlikely(!is_local(object))) {
		note_path(PATH_SLOW);
		slab_free(cache->base, object);
		return;
	}
	if (unlikely(!m->loaded || m->rounds == sizes[cc->size])) {
		if (m->previous && !m->previous_rounds) {
			swap_magazines(m);
		} else if (!load_empty(cc, m)) {
			note_path(PATH_SLOW);
			slab_free(cache->base, object);
			return;
		}
	}
	push(cc, m, object);
}

/* ---- Giving back ---- */

static void empty_list(struct caching_cache *cc, struct depot_list *l, u32 nr, unsigned int rounds)
{
	while (nr-- && l->first)
		magazine_destroy(cc, depot_take(l), rounds);
	l->least = l->nr;
}

/* Everything in magazines goes back to the base, and the magazines too. */
static void give_all_back(struct caching_cache *cc)
{
	int cpu;

	for_each_possible_cpu(cpu)
	{
		struct cpu_magazines *m = per_cpu_ptr(cc->state->cpus, cpu);

		charge_line_of(cpu);
		magazine_destroy(cc, m->loaded, m->rounds);
		magazine_destroy(cc, m->previous, m->previous_rounds);
		*m = (struct cpu_magazines){.loaded = NULL};
	}
	for (unsigned int i = 0; i < cc->state->nr_depots; i++) {
		struct depot *d = &cc->state->depots[i];

		empty_list(cc, &d->full, d->full.nr, sizes[cc->size]);
		empty_list(cc, &d->empty, d->empty.nr, 0);
	}
}

/* What nobody needed since the last look; true if the depot still holds something. */
static bool trim(struct caching_cache *cc, struct depot *d)
{
	spin_lock_irqsave(&d->lock);
	empty_list(cc, &d->full, d->full.least, sizes[cc->size]);
	empty_list(cc, &d->empty, d->empty.least, 0);
	spin_unlock_irqrestore(&d->lock);
	return d->full.nr || d->empty.nr;
}

static bool should_grow(const struct caching_cache *cc)
{
	u64 contended = 0;

	for (unsigned int i = 0; i < cc->state->nr_depots; i++)
		contended += cc->state->depots[i].nr_contended;
	return contended > cc->cs->o.contention && cc->size + 1 < NR_SIZES &&
	       sizes[cc->size + 1] <= cc->cs->o.max_rounds;
}

/* Some time after the depot was used: trims it, lets magazines grow; again while it holds any. */
static void look(struct work_struct *work)
{
	struct delayed_work *dwork = container_of(work, struct delayed_work, work);
	struct caching_state *state = container_of(dwork, struct caching_state, look);
	struct caching_cache *cc = to_caching(state->cache);
	bool more = false;

	if (should_grow(cc)) {
		give_all_back(cc);
		cc->size++;
	}
	for (unsigned int i = 0; i < state->nr_depots; i++) {
		state->depots[i].nr_contended = 0;
		more |= trim(cc, &state->depots[i]);
	}
	if (more)
		schedule_delayed_work_on(smp_processor_id(), dwork,
					 nsecs_to_jiffies(cc->cs->o.interval_ns));
}

static int caching_move_object(struct slab_cache *base, void *object)
{
	struct slab_cache *cache = slab_cache_above(base);

	if (*mark_of(to_caching(cache), object) == in_magazine(object))
		return 0;
	return slab_move_object(cache, cache->move_object, object);
}

static int caching_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	give_all_back(to_caching(cache));
	return derived_slab_cache_shrink(cache, move_object, caching_move_object);
}

/* The last cache is gone. */
static void destroy_magazine_caches(struct caching_slab *cs)
{
	for (unsigned int i = 0; i < NR_SIZES; i++)
		if (cs->magazines[i])
			slab_cache_destroy(cs->magazines[i]);
	memset(cs->magazines, 0, sizeof(cs->magazines));
}

static int caching_destroy(struct slab_cache *cache)
{
	struct caching_cache *cc = to_caching(cache);
	struct caching_slab *cs = cc->cs;
	int live;

	ASSERT(cache->refs > 0);
	if (--cache->refs)
		return 0;
	cancel_delayed_work_sync(&cc->state->look);
	give_all_back(cc);
	free_percpu(cc->state->cpus);
	instance_free(cc->state);
	live = derived_slab_cache_destroy(cache);
	if (list_empty(&cs->sa.caches))
		destroy_magazine_caches(cs);
	return live;
}

/* ---- Recount ---- */

static void check_magazine(struct caching_cache *cc, const struct magazine *mag,
			   unsigned int rounds, int nid)
{
	const struct slab_cache *base = cc->c.base;

	ASSERT(mag || !rounds);
	ASSERT(rounds <= sizes[cc->size]);
	for (unsigned int i = 0; i < rounds; i++) {
		void *object = mag->rounds[i];

		ASSERT(*mark_of(cc, object) == in_magazine(object));
		ASSERT(base->slab_alloc->in_use(cc->c.base, object));
		ASSERT(page_to_nid(virt_to_page(object)) == nid);
	}
}

static void check_list(struct caching_cache *cc, const struct depot_list *l, unsigned int rounds,
		       int nid)
{
	u32 nr = 0;

	for (const struct magazine *mag = l->first; mag; mag = mag->next) {
		check_magazine(cc, mag, rounds, nid);
		nr++;
	}
	ASSERT(nr == l->nr && l->least <= nr);
}

static void caching_check(struct slab_cache *cache)
{
	struct caching_cache *cc = to_caching(cache);
	int cpu;

	for_each_possible_cpu(cpu)
	{
		const struct cpu_magazines *m = per_cpu_ptr(cc->state->cpus, cpu);

		check_magazine(cc, m->loaded, m->rounds, cpu_to_node(cpu));
		check_magazine(cc, m->previous, m->previous_rounds, cpu_to_node(cpu));
	}
	for (unsigned int i = 0; i < cc->state->nr_depots; i++) {
		check_list(cc, &cc->state->depots[i].full, sizes[cc->size], (int)i);
		check_list(cc, &cc->state->depots[i].empty, 0, (int)i);
	}
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
	while (cc->size + 1 < NR_SIZES && sizes[cc->size + 1] <= cc->cs->o.rounds)
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
	if (base->keeps_nothing)
		return err_set(e, "'%s' keeps nothing: there is nothing to cache", base->name);
	for (const struct slab_allocator *sa = base; sa; sa = sa->base)
		if (sa->desc == &caching_desc)
			return err_set(e, "'%s' has magazines already", base->name);
	if (o->max_rounds < o->rounds)
		return err_set(e, "max_rounds=%llu is less than rounds=%llu",
			       (unsigned long long)o->max_rounds, (unsigned long long)o->rounds);
	return 0;
}

static struct slab_allocator *caching_instance(struct slab_allocator *base,
					       struct page_allocator *pages, const void *options,
					       struct err *e)
{
	const struct caching_options *o = options;
	struct caching_slab *cs;

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
	cs->o = *o;
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
