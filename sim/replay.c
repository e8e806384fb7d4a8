/*
 * The replay of a request stream on a stack.
 *
 * Theory: each request enters its CPU at its recorded time, or when that CPU's previous operation
 * ends, runs to its end on the host, and leaves the CPU's clock where its costs took it. Births
 * cost nothing: the costs of the machine are zero until the first request that is none.
 *
 * Invariant: objects[id].addr is set exactly while the request's memory is held.
 */
#include "sim/replay.h"

#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "sim/prefetch.h"
#include "sim/proof.h"

#define EVENTS_MAX 100000 /* reports handed to the sink; beyond that they are counted only */

static void hand_on_event(void *arg, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	struct replay *rp = arg;

	if (rp->warming_up && strcmp(kind, "oom"))
		return;
	rp->sink->ops->event(rp->sink, t_ns, cpu, kind, detail);
	if (++rp->nr_reported == EVENTS_MAX)
		rp->m->on_event = NULL;
}

/* Names: the load's caches, then kmalloc's (in order of first use), then pages. */
static u32 nr_names(const struct source_tables *t)
{
	return t->nr_caches + NR_KMALLOC_TYPES * NR_KMALLOC_CLASSES + 1;
}

static int check_fits(const struct trial *trial, const struct machine *m, struct err *e)
{
	const struct source_tables *t = &trial->source->tables;

	if (t->nr_cpus > m->config.nr_cpus)
		return err_set(e, "%s was recorded on %u CPUs, machine '%s' has %u", t->name,
			       t->nr_cpus, m->config.name, m->config.nr_cpus);
	if (t->nr_nodes > m->config.nr_nodes)
		return err_set(e, "%s was recorded on %u nodes, machine '%s' has %u", t->name,
			       t->nr_nodes, m->config.name, m->config.nr_nodes);
	if (nr_names(t) > UINT16_MAX)
		return err_set(e, "%s: %u caches are more than the books have room for", t->name,
			       t->nr_caches);
	if (t->duration_ns > DURATION_NS_MAX)
		return err_set(e, "%s: a load of more than 146 years", t->name);
	if (t->warmup_ns && t->warmup_ns >= t->duration_ns)
		return err_set(e, "%s: the load is over before its warm-up", t->name);
	if (t->nr_objects_max > t->nr_requests)
		return err_set(e, "%s: more objects than requests", t->name);
	return sampler_check(trial, e);
}

int replay_begin(struct replay *rp, const struct trial *t, struct err *e)
{
	const struct source_tables *tables = &t->source->tables;

	*rp = (struct replay){
		.m = machine_current(),
		.sink = t->sink,
		.tables = tables,
		.shapes = t->shapes,
		.digest = DIGEST_INIT,
		.check_every = t->check_every,
		.at_marks = t->at_marks && t->sink,
		.warming_up = tables->warmup_ns,
	};
	if (check_fits(t, rp->m, e) || stack_create(&rp->stack, t->stack, e))
		return -1;
	rp->page_source = page_allocator_source(rp->stack.pages)->layer;
	rp->reserved_objs = rp->page_source->live_objs;
	if (rp->sink) {
		rp->m->on_event = hand_on_event;
		rp->m->on_event_arg = rp;
	}
	rp->m->sites = tables->sites;
	rp->m->nr_sites = tables->nr_sites;
	kmalloc_init(&rp->km, rp->stack.slab, rp->stack.pages);
	rp->km.shapes = t->shapes;
	rp->rooms = instance_alloc((tables->nr_caches + 1) * sizeof(*rp->rooms));
	account_init(&rp->acc, tables, nr_names(tables));
	sampler_init(&rp->sampler, t);
	return page_state_begin(&rp->pages, tables->pages, rp->stack.pages, tables->nr_objects_max,
				e);
}

static struct slab_cache *make_cache(struct replay *rp, u32 i)
{
	const struct source_cache *sc = &rp->tables->caches[i];
	const struct slab_shape *shape = slab_shape_find(rp->shapes, sc->name);
	struct slab_cache params = {.objsize = sc->object_size ? sc->object_size : 8,
				    .align = max(sc->align, 8U),
				    .node = NUMA_NO_NODE,
				    .gfp = sc->reclaimable ? __GFP_RECLAIMABLE : 0,
				    .shape = shape};
	struct name *name = &rp->acc.names[i];

	if (shape && shape->object_size)
		params.objsize = shape->object_size;
	if (shape && shape->align)
		params.align = max(shape->align, 8U);
	strncpy(params.name, sc->name, sizeof(params.name) - 1);
	name->cache = slab_cache_create(rp->stack.slab, &rp->rooms[i], &params);
	if (name->cache)
		name->name = sc->name;
	return name->cache;
}

/* The cache of the load's table entry, made at its first request. */
static inline struct slab_cache *load_cache(struct replay *rp, u32 i)
{
	struct slab_cache *cache = rp->acc.names[i].cache;

	return likely(cache) ? cache : make_cache(rp, i);
}

/* kmalloc's caches get the names behind the load's own. */
static void name_kmalloc_cache(struct replay *rp, struct slab_cache *cache)
{
	u32 i = rp->tables->nr_caches;

	while (rp->acc.names[i].cache)
		i++;
	ASSERT(i < rp->acc.name_pages);
	rp->acc.names[i].cache = cache;
	rp->acc.names[i].name = cache->name;
	cache->tag = i + 1;
}

static inline void *cache_alloc(struct slab_cache *cache, const struct request *r)
{
	return r->node < 0 ? slab_alloc(cache, r->gfp) : slab_alloc_node(cache, r->gfp, r->node);
}

static inline void *do_cache_alloc(struct replay *rp, const struct request *r, struct object *o)
{
	struct slab_cache *cache = load_cache(rp, r->cache);

	if (unlikely(!cache))
		return NULL;
	o->name = r->cache;
	o->size = cache->objsize;
	return cache_alloc(cache, r);
}

static inline void *do_kmalloc(struct replay *rp, const struct request *r, struct object *o)
{
	struct slab_cache *cache = kmalloc_slab(&rp->km, r->size, r->gfp);

	o->size = r->size;
	if (unlikely(!cache)) {
		o->name = (u16)rp->acc.name_pages;
		return kmalloc_node(&rp->km, r->size, r->gfp, r->node);
	}
	if (unlikely(!cache->tag))
		name_kmalloc_cache(rp, cache);
	o->name = (u16)(cache->tag - 1);
	return cache_alloc(cache, r);
}

static inline void *do_page_alloc(struct replay *rp, const struct request *r, struct object *o)
{
	struct page *page = NULL;

	if (unlikely(r->flags & REQ_F_BIRTH))
		page = page_state_birth(&rp->pages, r->object, r->order, r->gfp);
	if (likely(!page))
		page = page_alloc(rp->stack.pages, r->order, r->gfp, r->node);
	o->name = (u16)rp->acc.name_pages;
	o->order = r->order;
	o->size = (u32)(PAGE_SIZE << r->order);
	return page ? page_name(page) : NULL;
}

static inline u64 occupied(const struct replay *rp, const struct object *o)
{
	const struct slab_cache *cache = rp->acc.names[o->name].cache;

	if (likely(cache))
		return cache->size;
	return o->kind == REQ_PAGE_ALLOC ? PAGE_SIZE << o->order : ksize(o->addr);
}

static void note_peak(struct replay *rp)
{
	u64 taken = (u64)rp->page_source->live_bytes;

	rp->slab_max = max(rp->slab_max, replay_slab_bytes(rp));
	if (taken > rp->taken_max) {
		rp->taken_max = taken;
		rp->taken_max_req = rp->acc.bytes_req_live;
	}
}

static void refused(struct replay *rp, const struct request *r)
{
	rp->acc.nr_failed++;
	note_path(PATH_REFUSED);
	report_event("refused", "%s object %u size %u order %u gfp 0x%x node %d",
		     request_kind_names[r->kind], r->object, r->size, r->order, r->gfp, r->node);
	if (r->gfp & __GFP_NOFAIL || r->flags & REQ_F_STOP) {
		rp->status = TRIAL_OOM;
		report_event("oom", r->flags & REQ_F_STOP
					    ? "the load stops when this request is refused"
					    : "a request that must not fail was refused");
	}
}

static inline unsigned int alloc_op(const struct request *r)
{
	switch (r->kind) {
	case REQ_KMALLOC:
		return OP_KMALLOC;
	case REQ_CACHE_ALLOC:
		return OP_CACHE_ALLOC;
	default:
		return OP_PAGE_ALLOC + r->order;
	}
}

static inline void do_alloc(struct replay *rp, const struct request *r, struct object *o)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns), ns;
	bool birth = r->flags & REQ_F_BIRTH;
	void *addr;

	kernel->site = r->site;
	switch (r->kind) {
	case REQ_KMALLOC:
		addr = do_kmalloc(rp, r, o);
		break;
	case REQ_CACHE_ALLOC:
		addr = do_cache_alloc(rp, r, o);
		break;
	default:
		addr = do_page_alloc(rp, r, o);
	}
	o->addr = addr;
	o->missing = !addr;
	o->cpu = r->cpu;
	o->guessed = birth;
	if (unlikely(!addr)) {
		refused(rp, r);
	} else {
		o->row = account_row(&rp->acc, r->site, o->name);
		account_alloc(&rp->acc, o, occupied(rp, o), page_to_nid(virt_to_page(addr)), birth);
		note_peak(rp);
	}
	ns = machine_leave(rp->m, entered_ns);
	o->born_ns = kernel->clock_ns;
	rp->digest = digest_u64(rp->digest, (addr ? virt_to_phys(addr) : ~0ULL) ^
						    (kernel->clock_ns << 20) ^ r->object);
	if (!birth) {
		account_latency(&rp->acc, alloc_op(r), kernel->path, ns);
		hist_add(&rp->acc.allocs, ns);
	}
}

/* Gives an object's memory back. Returns the op for the latency tables. */
static inline unsigned int give_back(struct replay *rp, struct object *o)
{
	switch (o->kind) {
	case REQ_KMALLOC:
		kfree(&rp->km, o->addr);
		return OP_KFREE;
	case REQ_CACHE_ALLOC:
		slab_free(rp->acc.names[o->name].cache, o->addr);
		return OP_CACHE_FREE;
	default:
		page_free(rp->stack.pages, virt_to_page(o->addr), o->order);
		return OP_PAGE_FREE + o->order;
	}
}

static inline void do_free(struct replay *rp, const struct request *r, struct object *o)
{
	u64 entered_ns, ns;
	unsigned int op;

	entered_ns = machine_enter(rp->m, r->cpu, r->t_ns);
	kernel->site = r->site;
	if (unlikely(o->born_ns > entered_ns)) /* clocks disagree: wait for its birth */
		entered_ns = kernel->clock_ns = o->born_ns;
	account_freed(&rp->acc, o, occupied(rp, o), r->cpu, r->flags);
	op = give_back(rp, o);
	ns = machine_leave(rp->m, entered_ns);
	rp->digest = digest_u64(rp->digest, (virt_to_phys(o->addr) << 1) ^
						    (kernel->clock_ns << 20) ^ r->object);
	o->addr = NULL;
	if (unlikely(r->flags & REQ_F_BIRTH))
		return;
	account_latency(&rp->acc, op, kernel->path, ns);
	hist_add(&rp->acc.frees, ns);
}

static void shrink_all(struct replay *rp, const struct request *r)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns);

	for_each_name(rp, n) if (n->cache) slab_cache_shrink(n->cache, NULL);
	machine_leave(rp->m, entered_ns);
}

static void check_all(struct replay *rp)
{
	for_each_name(rp, n) if (n->cache) slab_cache_check(n->cache);
	for (u64 i = 0; i < rp->acc.nr_objects_max; i++) {
		const struct object *o = &rp->acc.objects[i];

		if (o->addr && rp->acc.names[o->name].cache)
			slab_object_check(rp->acc.names[o->name].cache, o->addr);
	}
	page_allocator_check(rp->stack.pages);
}

static inline int alloc_request(struct replay *rp, const struct request *r, struct err *e)
{
	struct object *o = &rp->acc.objects[r->object];

	if (unlikely(o->addr || o->missing))
		return bad_request(rp, r, "the object it makes is alive", e);
	if (unlikely(r->node < NUMA_NO_NODE || r->node >= kernel->nr_node_ids))
		return bad_request(rp, r, "it asks for a node the machine does not have", e);
	if (unlikely(r->kind == REQ_KMALLOC && !r->size))
		return bad_request(rp, r, "it asks for nothing", e);
	o->kind = r->kind;
	if (unlikely(r->kind == REQ_STORE_ALLOC)) { /* the stack has no store */
		rp->acc.nr_unserved++;
		o->missing = true;
	} else {
		do_alloc(rp, r, o);
	}
	return 0;
}

static inline int free_request(struct replay *rp, const struct request *r, struct err *e)
{
	struct object *o = &rp->acc.objects[r->object];

	if (unlikely(!o->addr && !o->missing))
		return bad_request(rp, r, "the object it frees is not alive", e);
	if (unlikely(r->kind != o->kind + 1))
		return bad_request(rp, r, "the object it frees was made in another way", e);
	if (likely(o->addr)) {
		do_free(rp, r, o);
	} else {
		o->missing = false;
		rp->acc.nr_skipped_frees++;
	}
	return 0;
}

/* Proves of each request what the source promises, where that costs next to nothing. */
static int do_request(struct replay *rp, const struct request *r, struct err *e)
{
	int ret = 0;

	rp->acc.nr_requests++;
	if (unlikely(!names_what_exists(rp->tables, r)))
		return bad_request(rp, r, "it names what the load does not have", e);
	if (unlikely(!in_its_time(rp, r)))
		return bad_request(rp, r, "its time is not in order", e);
	rp->t_ns = r->t_ns;
	if (request_is_alloc(r->kind))
		ret = alloc_request(rp, r, e);
	else if (request_is_free(r->kind))
		ret = free_request(rp, r, e);
	else if (r->kind == REQ_SHRINK)
		shrink_all(rp, r);
	else if (rp->at_marks)
		sampler_mark(rp, r->t_ns, rp->tables->marks[r->object].text);
	if (unlikely(rp->check_every && rp->acc.nr_requests % rp->check_every == 0))
		check_all(rp);
	return ret;
}

/* Births are over: from here on things cost what they cost, and peaks are the load's. */
static int start_timing(struct replay *rp, struct err *e)
{
	if (page_state_settle(&rp->pages, e))
		return -1;
	if (rp->at_marks)
		sampler_mark(rp, 0, MARK_TIME_ZERO);
	rp->timed = true;
	replay_restart_peaks(rp);
	memcpy(kernel->cost_ns, rp->m->config.costs.ns, sizeof(kernel->cost_ns));
	return 0;
}

static int run_batch(struct replay *rp, const struct request *batch, long n, struct err *e)
{
	for (long i = 0; i < n && rp->status == TRIAL_OK; i++) {
		const struct request *r = &batch[i];

		prefetch(rp, batch, i, n);
		if (unlikely(!rp->timed && !(r->flags & REQ_F_BIRTH)) && start_timing(rp, e))
			return -1;
		if (unlikely(r->t_ns >= rp->sampler.next_ns && rp->timed) &&
		    likely(r->t_ns <= rp->tables->duration_ns)) /* else it is refused below */
			sampler_catch_up(&rp->sampler, rp, r->t_ns);
		if (do_request(rp, r, e))
			return -1;
	}
	return 0;
}

/* The source learns how its request went. One that was left out takes no time. */
static void tell(struct replay *rp, struct source *s, const struct request *r)
{
	bool alloc = request_is_alloc(r->kind);

	if (alloc || request_is_free(r->kind))
		s->ops->ended(s, r, alloc && rp->acc.objects[r->object].missing,
			      max(r->t_ns, rp->m->cpus[r->cpu].clock_ns));
}

/* One at a time: the loop that serves traces does not even look. */
static int run_and_tell(struct replay *rp, const struct request *batch, long n, struct source *s,
			struct err *e)
{
	for (long i = 0; i < n && rp->status == TRIAL_OK; i++) {
		if (run_batch(rp, &batch[i], 1, e))
			return -1;
		tell(rp, s, &batch[i]);
	}
	return 0;
}

static int serve(struct replay *rp, const struct request *batch, long n, struct source *s,
		 struct err *e)
{
	if (rp->tables->nr_objects_max > rp->acc.nr_objects_max)
		account_grow(&rp->acc, rp->tables->nr_objects_max);
	if (s->ops->ended)
		return run_and_tell(rp, batch, n, s, e);
	return run_batch(rp, batch, n, e);
}

int replay_run(struct replay *rp, struct trial *t, struct err *e)
{
	const struct request *batch;
	long n;

	memset(kernel->cost_ns, 0, sizeof(kernel->cost_ns));
	while (rp->status == TRIAL_OK && (n = t->source->ops->next(t->source, &batch, e)) != 0) {
		if (n < 0 || serve(rp, batch, n, t->source, e))
			return -1;
		if (t->progress)
			progress_step(t->progress, rp->acc.nr_requests);
	}
	if (!rp->timed && start_timing(rp, e))
		return -1;
	sampler_finish(&rp->sampler, rp, rp->tables->duration_ns);
	return 0;
}

static void free_live(struct replay *rp)
{
	for (u64 i = 0; i < rp->acc.nr_objects_max; i++) {
		struct object *o = &rp->acc.objects[i];

		if (!o->addr)
			continue;
		machine_enter(rp->m, o->cpu, rp->m->now_ns);
		give_back(rp, o);
		o->addr = NULL;
	}
}

void replay_end(struct replay *rp)
{
	if (rp->rooms) {
		u64 leaked = 0;

		rp->sink = NULL; /* what follows is no part of the run */
		rp->m->on_event = NULL;
		check_all(rp);
		free_live(rp);
		for (u32 i = 0; i < rp->tables->nr_caches; i++)
			if (rp->acc.names[i].cache)
				leaked += (u64)slab_cache_destroy(rp->acc.names[i].cache);
		leaked += kmalloc_destroy(&rp->km);
		rcu_barrier();
		ASSERT(!leaked);
		ASSERT(rp->stack.pages->keeps_nothing ||
		       rp->page_source->live_objs == rp->reserved_objs);
		page_state_end(&rp->pages);
		page_allocator_check(rp->stack.pages);
		account_free(&rp->acc);
		instance_free(rp->rooms);
	}
	stack_destroy(&rp->stack);
}
