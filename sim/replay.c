/*
 * The replay of a request stream on a stack.
 *
 * Theory: each request enters its CPU at its recorded time, or when that CPU's previous operation
 * ends, runs to its end on the host, and leaves the CPU's clock where its costs took it. Births
 * cost nothing: the costs of the machine are zero until the first request that is none.
 *
 * Invariant: objects[id].addr is set exactly while the request's memory is held; of an object that
 * lives without, `missing` (it was refused) or `evicted` (reclaim took it) is set.
 */
#include "sim/replay.h"

#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "sim/holders.h"
#include "sim/movable.h"
#include "sim/prefetch.h"
#include "sim/proc_files.h"
#include "sim/proof.h"
#include "sim/reclaim.h"
#include "sim/serve.h"
#include "sim/serve_store.h"
#include "sim/vmstat.h"

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

static void hand_on_compact(void *arg, const struct compact_trace *t)
{
	struct replay *rp = arg;

	if (rp->warming_up)
		return;
	rp->sink->ops->compact(rp->sink, &(struct sink_compact){
						 .t_ns = t->start_ns,
						 .node = t->zone->node,
						 .zone = t->zone->name,
						 .mode = t->mode,
						 .page_order = t->order,
						 .result = t->result,
						 .migrate_scanned = t->migrate_scanned,
						 .free_scanned = t->free_scanned,
						 .isolated = t->isolated,
						 .moved = t->moved,
						 .failed = t->failed,
						 .blocks_gained = t->blocks_gained,
						 .ns = t->ns,
					 });
	if (++rp->nr_compactions == EVENTS_MAX)
		rp->m->on_compact = NULL;
}

static void hand_on_reclaim(void *arg, const struct reclaim_trace *t)
{
	struct replay *rp = arg;

	if (rp->warming_up)
		return;
	rp->sink->ops->reclaim(rp->sink, &(struct sink_reclaim){
						 .t_ns = t->start_ns,
						 .end_ns = kernel->clock_ns,
						 .node = t->nid,
						 .mode = t->mode,
						 .page_order = t->order,
						 .priority = t->priority,
						 .scanned = t->scanned,
						 .reclaimed = t->reclaimed,
						 .ns = t->ns,
					 });
	if (++rp->nr_reclaims == EVENTS_MAX)
		rp->m->on_reclaim = NULL;
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
	if (t->duration_ns > DURATION_NS_MAX)
		return err_set(e, "%s: a load of more than 146 years", t->name);
	if (t->warmup_ns && t->warmup_ns >= t->duration_ns)
		return err_set(e, "%s: the load is over before its warm-up", t->name);
	if (t->nr_objects_max > t->nr_requests)
		return err_set(e, "%s: more objects than requests", t->name);
	if (t->pages && trial->fragment && trial->fragment->how)
		return err_set(e,
			       "%s: memory starts as its snapshots tell, or as a fragmenter leaves "
			       "it, not both: a cold start knows no snapshots",
			       t->name);
	return sampler_check(trial, e);
}

/*
 * Room for every name: the load's caches, then kmalloc's (in order of first use) and the store's,
 * then the store, then pages.
 */
static int begin_books(struct replay *rp, const struct trial *t, struct err *e)
{
	const struct source_tables *tables = rp->tables;
	u32 nr = tables->nr_caches + kmalloc_nr_caches(rp->stack.slab, &t->stack->kmalloc) +
		 STORE_CACHES_MAX * t->stack->store.nr_layers + 2;

	if (nr > UINT16_MAX)
		return err_set(e, "%s: %u caches are more than the books have room for",
			       tables->name, tables->nr_caches);
	account_init(&rp->acc, tables, nr);
	sampler_init(&rp->sampler, t);
	slabulator_init(&rp->slabulator, rp->stack.slab, rp->stack.pages);
	rp->slabulator.shapes = t->shapes;
	rp->slabulator.merge = t->stack->kmalloc.merge;
	rp->slabulator.choices = rp->stack.choices;
	rp->slabulator.nr_choices = rp->stack.nr_choices;
	kmalloc_init_by(&rp->km, &rp->slabulator, &t->stack->kmalloc);
	rp->caches = instance_alloc((tables->nr_caches + 1) * sizeof(*rp->caches));
	return 0;
}

int replay_begin(struct replay *rp, struct trial *t, struct err *e)
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
		.proc = t->proc,
		.warming_up = tables->warmup_ns,
		.fragment = t->fragment && t->fragment->how ? t->fragment : NULL,
		.fragment_report = text_in(t->fragment_report, sizeof(t->fragment_report)),
		.seed = t->seed,
	};
	/* A load that was run before knows of more objects than at its start. */
	if (t->source->ops->rewind(t->source, e) || check_fits(t, rp->m, e) ||
	    stack_create(&rp->stack, t->stack, e))
		return -1;
	rp->page_source = page_allocator_source(rp->stack.pages)->layer;
	rp->reserved_objs = rp->page_source->live_objs;
	if (rp->sink) {
		rp->m->on_event = hand_on_event;
		rp->m->on_compact = hand_on_compact;
		rp->m->on_reclaim = hand_on_reclaim;
		rp->m->on_event_arg = rp;
	}
	holders_begin(rp);
	rp->m->sites = tables->sites;
	rp->m->nr_sites = tables->nr_sites;
	/* A store has caches: slabs must have come up, early ones at least. */
	if (begin_books(rp, t, e) || boot_phase_begin(rp, t->source, e) ||
	    serve_store_begin(rp, t, e))
		return -1;
	reclaim_begin(rp, t);
	return page_state_begin(&rp->pages, rp->fragment ? rp->fragment->target : tables->pages,
				rp->stack.pages, tables->nr_objects_max, e);
}

static void check_all(struct replay *rp)
{
	for_each_cache(rp, n) slab_cache_check(n->cache);
	for (u64 i = 0; i < rp->acc.nr_objects_max; i++) {
		const struct object *o = &rp->acc.objects[i];

		if (o->addr && o->kind == REQ_STORE_ALLOC)
			store_object_check(rp, o);
		if (!o->addr || !rp->acc.names[o->name].cache)
			continue;
		slab_object_check(rp->acc.names[o->name].cache, o->addr);
		if (is_movable(rp, o))
			movable_check(rp, o);
	}
	reclaim_check(rp);
	store_check(rp->stack.store);
	page_allocator_check(rp->stack.pages);
}

static inline int alloc_request(struct replay *rp, const struct request *r, struct err *e)
{
	struct object *o = &rp->acc.objects[r->object];

	if (unlikely(o->addr || o->missing || o->evicted))
		return bad_request(rp, r, "the object it makes is alive", e);
	if (unlikely(r->node < NUMA_NO_NODE || r->node >= kernel->nr_node_ids))
		return bad_request(rp, r, "it asks for a node the machine does not have", e);
	if (unlikely(r->kind == REQ_KMALLOC && !r->size))
		return bad_request(rp, r, "it asks for nothing", e);
	o->kind = r->kind;
	if (likely(r->kind != REQ_STORE_ALLOC)) {
		serve_alloc(rp, r, o);
	} else if (rp->stack.store) {
		if (unlikely(!r->size))
			return bad_request(rp, r, "it asks for nothing", e);
		serve_store_alloc(rp, r, o);
	} else {
		rp->acc.nr_unserved++;
		o->missing = true;
	}
	return 0;
}

static inline int free_request(struct replay *rp, const struct request *r, struct err *e)
{
	struct object *o = &rp->acc.objects[r->object];

	if (unlikely(o->reclaimable))
		reclaim_freeing(rp, o, r->t_ns);
	if (unlikely(!o->addr && !o->missing && !o->evicted))
		return bad_request(rp, r, "the object it frees is not alive", e);
	if (unlikely(r->kind != o->kind + 1))
		return bad_request(rp, r, "the object it frees was made in another way", e);
	if (likely(o->addr)) {
		if (unlikely(r->kind == REQ_STORE_FREE))
			serve_store_free(rp, r, o);
		else
			serve_free(rp, r, o);
	} else if (o->evicted) {
		reclaim_given_up(rp, o);
	} else {
		o->missing = false;
		rp->acc.nr_skipped_frees++;
	}
	return 0;
}

/* An object that was refused, or that nobody stored, has nothing to be read. */
static int read_request(struct replay *rp, const struct request *r, struct err *e)
{
	struct object *o = &rp->acc.objects[r->object];

	if ((!o->addr && !o->missing) || o->kind != REQ_STORE_ALLOC)
		return bad_request(rp, r, "the object it reads is not stored", e);
	if (o->addr)
		serve_store_read(rp, r, o);
	return 0;
}

static void at_mark(struct replay *rp, u64 t_ns, const char *text)
{
	if (rp->proc)
		proc_files_at_mark(rp->proc, rp, t_ns, text);
	if (rp->at_marks)
		sampler_mark(rp, t_ns, text);
	store_mark(rp, t_ns);
}

static int other_request(struct replay *rp, const struct request *r, struct err *e)
{
	switch (r->kind) {
	case REQ_SHRINK:
		movable_shrink(rp, r);
		return 0;
	case REQ_STORE_READ:
		return read_request(rp, r, e);
	case REQ_STORE_COMPACT:
		serve_store_compact(rp, r);
		return 0;
	default:
		at_mark(rp, r->t_ns, rp->tables->marks[r->object].text);
		return 0;
	}
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
	else
		ret = other_request(rp, r, e);
	if (unlikely(rp->check_every && rp->acc.nr_requests % rp->check_every == 0))
		check_all(rp);
	return ret;
}

/* Births are over: from here on things cost what they cost, and peaks are the load's. */
static int start_timing(struct replay *rp, struct err *e)
{
	if (page_state_settle(&rp->pages, e))
		return -1;
	if (rp->fragment &&
	    fragment_apply(rp->fragment, &rp->pages, rp->seed, &rp->fragment_report, e))
		return -1;
	if (rp->at_marks)
		sampler_mark(rp, 0, MARK_TIME_ZERO);
	rp->timed = true;
	replay_restart_peaks(rp);
	vmstat_restart();
	if (rp->proc)
		proc_files_take(rp->proc, rp, PROC_FILES_START);
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

/* The batch may hold the last early request. */
static int run_through_boot(struct replay *rp, const struct request *batch, long n, struct err *e)
{
	long nr_early = (long)min((u64)n, rp->boot.left);

	if (run_batch(rp, batch, nr_early, e))
		return -1;
	rp->boot.left -= (u64)nr_early;
	if (rp->boot.left || rp->status != TRIAL_OK)
		return 0;
	boot_phase_hand_over(rp, &batch[nr_early - 1]);
	return run_batch(rp, batch + nr_early, n - nr_early, e);
}

static int serve(struct replay *rp, const struct request *batch, long n, struct source *s,
		 struct err *e)
{
	if (rp->tables->nr_objects_max > rp->acc.nr_objects_max)
		account_grow(&rp->acc, rp->tables->nr_objects_max);
	if (s->ops->ended)
		return run_and_tell(rp, batch, n, s, e);
	if (unlikely(rp->boot.left))
		return run_through_boot(rp, batch, n, e);
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
		if (o->kind == REQ_STORE_ALLOC)
			store_give_back(rp, o);
		else
			serve_give_back(rp, o);
		o->addr = NULL;
	}
}

/* What bootmem gave out in parts of pages never comes back. */
static s64 lost_pages(const struct replay *rp)
{
	const struct page_allocator *boot = boot_layer(rp->stack.pages);

	return boot ? (s64)boot_byte_pages(boot) : 0;
}

void replay_end(struct replay *rp)
{
	if (rp->caches) {
		u64 leaked;

		rp->sink = NULL; /* what follows is no part of the run */
		rp->m->on_event = NULL;
		rp->m->on_compact = NULL;
		rp->m->on_reclaim = NULL;
		check_all(rp);
		holders_end(); /* threads run no more, in whatever they were */
		reclaim_end(rp);
		free_live(rp);
		serve_store_end(rp);
		leaked = kmalloc_destroy(&rp->km) + slabulator_destroy(&rp->slabulator);
		rcu_barrier();
		ASSERT(!leaked);
		ASSERT(rp->stack.pages->keeps_nothing ||
		       rp->page_source->live_objs == rp->reserved_objs + lost_pages(rp));
		page_state_end(&rp->pages);
		page_allocator_check(rp->stack.pages);
		blame_free(&rp->sampler.blame);
		account_free(&rp->acc);
		instance_free(rp->caches);
	}
	holders_end();
	stack_destroy_store(&rp->stack);
	stack_destroy(&rp->stack);
}
