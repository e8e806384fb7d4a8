/*
 * What was evicted is missed: its next access brings it back.
 *
 * Theory: accesses have no memory, so the time from the eviction to the next one is exponential
 * with the object's mean, whenever that was evicted. Over many objects that are not in memory,
 * faults come at the sum of their rates. A page that is missed before as many others were evicted
 * or activated as the active list holds would have stayed, had it been there: it goes to that list
 * at once (workingset_refault, mm/workingset.c, 6.1).
 *
 * Invariant: a fault is pending only for an object that is evicted, and that the load has not given
 * up.
 *
 * Unlike Linux: there is no disk. A fault costs its CPU an exception, the interrupt at the end of
 * the reading, and the allocation; nobody waits for it. What is read again is clean. A refused
 * fault is tried again at the next access.
 */
#include <stdlib.h>

#include "lib/mem.h"
#include "sim/reclaim.h"
#include "sim/serve.h"

#define CHUNK_FAULTS 1024

struct fault {
	struct event ev;
	u32 id;
	struct fault *next_free;
};

struct fault_chunk {
	struct list_head list;
	struct fault faults[CHUNK_FAULTS];
};

static void more_faults(struct reclaim *re)
{
	struct fault_chunk *chunk = mem_alloc(1, sizeof(*chunk));

	list_add_tail(&chunk->list, &re->fault_chunks);
	for (unsigned int i = 0; i < CHUNK_FAULTS; i++) {
		chunk->faults[i].next_free = re->free_faults;
		re->free_faults = &chunk->faults[i];
	}
}

static void put_fault(struct reclaim *re, struct fault *f)
{
	f->next_free = re->free_faults;
	re->free_faults = f;
}

void refault_init(struct reclaim *re, u64 seed)
{
	INIT_LIST_HEAD(&re->fault_chunks);
	rng_init(&re->faults, seed, "reclaim", "faults");
}

void refault_cancel(struct reclaim *re, u32 id)
{
	struct lru_entry *e = &re->lru.entries[id];

	if (!e->fault)
		return;
	event_cancel(&machine_current()->events, &e->fault->ev);
	put_fault(re, e->fault);
	e->fault = NULL;
}

void refault_free(struct reclaim *re)
{
	struct fault_chunk *chunk, *next;

	list_for_each_entry_safe (chunk, next, &re->fault_chunks, list) {
		for (unsigned int i = 0; i < CHUNK_FAULTS; i++)
			if (event_pending(&chunk->faults[i].ev))
				event_cancel(&machine_current()->events, &chunk->faults[i].ev);
		free(chunk);
	}
}

static void fault_comes(struct event *ev);

/* What comes after the end of the load never comes. */
static void schedule(struct replay *rp, u32 id)
{
	struct reclaim *re = rp->reclaim;
	struct lru_entry *e = &re->lru.entries[id];
	u64 wait_ns =
		e->mean_ns == LRU_NEVER ? LRU_NEVER : rng_exponential(&re->faults, e->mean_ns);

	e->fault = NULL;
	if (kernel->clock_ns >= rp->tables->duration_ns ||
	    wait_ns >= rp->tables->duration_ns - kernel->clock_ns)
		return;
	if (!re->free_faults)
		more_faults(re);
	e->fault = re->free_faults;
	re->free_faults = e->fault->next_free;
	e->fault->id = id;
	event_schedule(&rp->m->events, &e->fault->ev, kernel->clock_ns + wait_ns, EVENT_FAULT,
		       fault_comes);
}

void refault_evict(struct replay *rp, u32 id)
{
	struct reclaim *re = rp->reclaim;
	struct lru_entry *e = &re->lru.entries[id];
	struct object *o = &rp->acc.objects[id];

	if (o->kind == REQ_PAGE_ALLOC) {
		e->evicted_at = re->nodes[e->nid].age;
		re->nodes[e->nid].age += 1U << e->order;
	} else {
		re->counts.evicted_objs++;
	}
	e->dirty = false;
	serve_evict(rp, o);
	schedule(rp, id);
}

/* A page was missed: was that so soon that it belongs to the active list? */
static bool missed_soon(struct reclaim *re, const struct lru_entry *e)
{
	struct reclaim_node *node = &re->nodes[e->nid];
	u32 distance = node->age - e->evicted_at;
	u64 pages = 1ULL << e->order;

	re->counts.refaulted_pages += pages;
	count_vm_events(WORKINGSET_REFAULT_FILE, pages);
	if (distance > lru_size(&re->lru, page_list(e->nid, true), MAX_NR_ZONES - 1))
		return false;
	node->age += (u32)pages;
	node->activated += pages;
	count_vm_events(WORKINGSET_ACTIVATE_FILE, pages);
	return true;
}

static void fault_comes(struct event *ev)
{
	struct fault *f = container_of(ev, struct fault, ev);
	struct replay *rp = machine_current()->run;
	struct reclaim *re = rp->reclaim;
	struct object *o = &rp->acc.objects[f->id];
	u64 entered_ns = machine_enter_event(rp->m, o->cpu, ev->t_ns);
	struct lru_entry *e = &re->lru.entries[f->id];
	bool soon = false;

	e->fault = NULL;
	re->objects_may_go = o->kind == REQ_PAGE_ALLOC;
	if (o->kind == REQ_PAGE_ALLOC)
		charge_n(COST_INTERRUPT, 2);
	if (!serve_refault(rp, o, e->gfp, e->node)) {
		re->counts.refused++;
		schedule(rp, f->id);
	} else {
		if (o->kind == REQ_PAGE_ALLOC)
			soon = missed_soon(re, e);
		else
			re->counts.refaulted_objs++;
		reclaim_list(rp, f->id, soon);
	}
	re->objects_may_go = false;
	put_fault(re, f);
	re->counts.refault_ns += machine_leave(rp->m, entered_ns);
}
