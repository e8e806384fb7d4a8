/*
 * One round of reclaim over a node: its page cache, then its reclaimable objects.
 *
 * Theory: mm/vmscan.c, 6.1, without the multi-generational LRU, swap and memory cgroups. New pages
 * are inactive. A round looks at 1 / 2^priority of each list, from its oldest page, 32 at a time.
 * Of the inactive ones those that were accessed become active (a second chance), the others are
 * evicted. Active ones become inactive while there are too few of these (inactive_is_low), or when
 * pages are missed soon after they were evicted.
 *
 * Dirty pages cannot be dropped. kswapd has them written, and they are clean when they are looked
 * at again; a request that reclaims leaves them alone, for the active list. Whoever dirtied a page
 * did so when it was made; after 30 seconds the flusher has written it.
 *
 * Invariant: a page of the load that reclaim knows of is on a list exactly while it has memory, but
 * for the 32 at most that are being looked at.
 *
 * Unlike Linux: a page that comes from the active list is activated by one access, a page that is
 * read but not mapped by two. Pages become dirty once. kswapd writes a dirty page when it first
 * looks at it; there it leaves that to the flusher until all that it sees is dirty. Writing takes
 * CPU time but no time of a disk, so nobody waits for it. Nothing but the page cache is on these
 * lists, so no share is divided between it and anonymous memory.
 */
#include "sim/reclaim.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "lib/units.h"
#include "sim/serve.h"
#include "sim/shrinker.h"

/* dirty_expire_interval, mm/page-writeback.c */
#define DIRTY_EXPIRE_NS (30 * NSEC_PER_SEC)

/* ---- What reclaim knows of ---- */

static bool keeps_something(const struct replay *rp)
{
	return !slab_allocator_source(rp->stack.slab)->desc->keeps_nothing &&
	       !rp->stack.pages->keeps_nothing;
}

void reclaim_begin(struct replay *rp, const struct trial *t)
{
	size_t nr_nodes = (size_t)kernel->nr_node_ids;
	bool compacts = rp->tables->made_up && rp->stack.store;
	struct reclaim *re;

	if ((!t->source->ops->accessed_ns && !compacts) || !keeps_something(rp))
		return;
	rp->reclaim = re = instance_alloc(sizeof(*re));
	re->source = t->source;
	re->nr_shrinkers = rp->tables->nr_caches;
	lru_init(&re->lru, (u32)nr_nodes * (2 + re->nr_shrinkers), t->seed);
	re->nodes = instance_alloc(nr_nodes * sizeof(*re->nodes));
	for (size_t nid = 0; nid < nr_nodes; nid++)
		spin_lock_init(&re->nodes[nid].lru_lock, "lru_lock");
	re->shrinkers = instance_alloc((re->nr_shrinkers + 1) * sizeof(*re->shrinkers));
	for (u32 i = 0; i < re->nr_shrinkers; i++)
		re->shrinkers[i].nr_deferred =
			instance_alloc(nr_nodes * sizeof(*re->shrinkers[i].nr_deferred));
	refault_init(re, t->seed);
	if (compacts)
		store_shrinker_init(&re->store, rp->stack.store);
}

void reclaim_end(struct replay *rp)
{
	struct reclaim *re = rp->reclaim;

	if (!re)
		return;
	rp->reclaim = NULL;
	refault_free(re);
	lru_free(&re->lru);
	for (u32 i = 0; i < re->nr_shrinkers; i++)
		instance_free(re->shrinkers[i].nr_deferred);
	instance_free(re->shrinkers);
	instance_free(re->nodes);
	instance_free(re);
}

void reclaim_list(struct replay *rp, u32 id, bool active)
{
	struct reclaim *re = rp->reclaim;
	struct lru_entry *e = &re->lru.entries[id];
	const struct object *o = &rp->acc.objects[id];
	const struct page *page = virt_to_page(o->addr);

	e->nid = (u8)page_to_nid(page);
	e->zone = (u8)page_zone(page)->type;
	e->looked_ns = kernel->clock_ns;
	charge(COST_LIST_STEP);
	lru_add(&re->lru,
		o->kind == REQ_PAGE_ALLOC ? page_list(e->nid, active)
					  : object_list(o->name, e->nid),
		id);
}

void reclaim_asked(struct replay *rp, const struct request *r, struct object *o)
{
	struct reclaim *re = rp->reclaim;
	const struct source_ops *ops = re->source->ops;
	u64 mean_ns = ops->accessed_ns ? ops->accessed_ns(re->source, r) : 0;
	struct lru_entry *e;

	o->reclaimable = mean_ns && o->addr;
	if (!o->reclaimable)
		return;
	if (r->object >= re->lru.nr_entries)
		lru_grow(&re->lru, rp->acc.nr_objects_max);
	e = &re->lru.entries[r->object];
	*e = (struct lru_entry){.mean_ns = mean_ns,
				.list = LRU_NONE,
				.gfp = r->gfp,
				.node = r->node,
				.order = o->kind == REQ_PAGE_ALLOC ? r->order : 0,
				.dirty = r->gfp & __GFP_WRITE};
	reclaim_list(rp, r->object, false);
}

void reclaim_freeing(struct replay *rp, struct object *o, u64 t_ns)
{
	machine_advance(rp->m, t_ns);
	if (o->evicted)
		return;
	o->reclaimable = false;
	lru_del(&rp->reclaim->lru, (u32)(o - rp->acc.objects));
}

void reclaim_given_up(struct replay *rp, struct object *o)
{
	o->reclaimable = o->evicted = false;
	refault_cancel(rp->reclaim, (u32)(o - rp->acc.objects));
}

void reclaim_check(const struct replay *rp)
{
	const struct reclaim *re = rp->reclaim;

	if (!re)
		return;
	lru_check(&re->lru);
	for (u64 id = 0; id < re->lru.nr_entries; id++) {
		const struct object *o = &rp->acc.objects[id];

		ASSERT(lru_on_list(&re->lru, (u32)id) == (o->reclaimable && o->addr));
		ASSERT(o->evicted == (o->reclaimable && !o->addr));
	}
}

unsigned long reclaim_pages(int nid, int highest_zone)
{
	struct replay *rp = machine_current()->run;

	if (!rp->reclaim)
		return 0;
	return lru_size(&rp->reclaim->lru, page_list(nid, false), highest_zone) +
	       lru_size(&rp->reclaim->lru, page_list(nid, true), highest_zone);
}

void reclaim_snapshot_refaults(int nid)
{
	struct replay *rp = machine_current()->run;

	if (rp->reclaim)
		rp->reclaim->nodes[nid].seen_activated = rp->reclaim->nodes[nid].activated;
}

/* ---- Pages ---- */

/* Pages off a list, to be looked at. */
struct cluster {
	u32 ids[SWAP_CLUSTER_MAX];
	unsigned int nr;
	unsigned long pages;
	unsigned long scanned; /* those of other zones too */
};

/*
 * The oldest pages of a list, up to nr, off it (isolate_lru_folios). Those of zones that would be
 * of no use go to its head.
 */
static void isolate(struct reclaim *re, struct scan_control *sc, u32 list, unsigned long nr,
		    struct cluster *c)
{
	struct lru *lru = &re->lru;
	u64 left = lru_size(lru, list, MAX_NR_ZONES - 1);

	*c = (struct cluster){.nr = 0};
	spin_lock_irqsave(&re->nodes[sc->nid].lru_lock);
	while (c->pages < nr && c->nr < SWAP_CLUSTER_MAX && left) {
		u32 id = lru->lists[list].tail;
		const struct lru_entry *e = &lru->entries[id];

		left -= 1ULL << e->order;
		c->scanned += 1UL << e->order;
		charge_n(COST_LIST_STEP, 2);
		charge_memory(sc->nid); /* its struct */
		lru_del(lru, id);
		if (e->zone > sc->reclaim_idx) {
			lru_add(lru, list, id);
			continue;
		}
		c->ids[c->nr++] = id;
		c->pages += 1UL << e->order;
	}
	spin_unlock_irqrestore(&re->nodes[sc->nid].lru_lock);
}

static void put_back(struct reclaim *re, int nid, u32 list, const struct cluster *c)
{
	if (!c->nr)
		return;
	spin_lock_irqsave(&re->nodes[nid].lru_lock);
	charge_n(COST_LIST_STEP, c->nr);
	for (unsigned int i = 0; i < c->nr; i++)
		lru_add(&re->lru, list, c->ids[i]);
	spin_unlock_irqrestore(&re->nodes[nid].lru_lock);
}

static void keep(struct cluster *c, u32 id, unsigned int order)
{
	c->ids[c->nr++] = id;
	c->pages += 1UL << order;
}

/* It cannot be dropped; if kswapd writes it, it can at the next look. */
static bool must_be_written(struct replay *rp, const struct scan_control *sc, u32 id, bool *written)
{
	struct lru_entry *e = &rp->reclaim->lru.entries[id];

	*written = false;
	if (e->dirty && kernel->clock_ns >= rp->acc.objects[id].born_ns + DIRTY_EXPIRE_NS)
		e->dirty = false;
	if (!e->dirty)
		return false;
	if (sc->kswapd && sc->may_writepage) {
		/* Submitted under two locks, and an interrupt when it is done. */
		charge_n(COST_LOCK, 2);
		charge(COST_INTERRUPT);
		rp->reclaim->counts.written_pages += 1U << e->order;
		e->dirty = false;
		*written = true;
	}
	return true;
}

/* Off the tree of its file, under the lock of that (__remove_mapping). */
static void evict_page(struct replay *rp, u32 id)
{
	local_irq_save_charge();
	charge(COST_LOCK);
	charge(COST_ATOMIC);
	refault_evict(rp, id);
}

static unsigned long shrink_inactive(struct replay *rp, struct scan_control *sc, unsigned long nr)
{
	struct reclaim *re = rp->reclaim;
	struct cluster c, active = {0}, inactive = {0};
	unsigned long reclaimed = 0;

	isolate(re, sc, page_list(sc->nid, false), nr, &c);
	for (unsigned int i = 0; i < c.nr; i++) {
		struct lru_entry *e = &re->lru.entries[c.ids[i]];
		bool written;

		charge(COST_ATOMIC); /* folio_trylock */
		if (lru_referenced(&re->lru, c.ids[i], kernel->clock_ns)) {
			keep(&active, c.ids[i], e->order);
		} else if (must_be_written(rp, sc, c.ids[i], &written)) {
			keep(written ? &inactive : &active, c.ids[i], e->order);
		} else {
			reclaimed += 1UL << e->order;
			evict_page(rp, c.ids[i]);
		}
	}
	re->nodes[sc->nid].age += (u32)active.pages;
	put_back(re, sc->nid, page_list(sc->nid, true), &active);
	put_back(re, sc->nid, page_list(sc->nid, false), &inactive);
	count_vm_events(sc->kswapd ? PGSCAN_KSWAPD : PGSCAN_DIRECT, c.scanned);
	count_vm_events(sc->kswapd ? PGSTEAL_KSWAPD : PGSTEAL_DIRECT, reclaimed);
	count_vm_events(PGACTIVATE, active.pages);
	sc->nr_scanned += c.pages;
	return reclaimed;
}

static void shrink_active(struct replay *rp, struct scan_control *sc, unsigned long nr)
{
	struct reclaim *re = rp->reclaim;
	struct cluster c;

	isolate(re, sc, page_list(sc->nid, true), nr, &c);
	for (unsigned int i = 0; i < c.nr; i++)
		re->lru.entries[c.ids[i]].looked_ns = kernel->clock_ns;
	put_back(re, sc->nid, page_list(sc->nid, false), &c);
	count_vm_events(PGREFILL, c.scanned);
	count_vm_events(PGDEACTIVATE, c.pages);
}

/* ---- A round ---- */

/* May active pages become inactive (prepare_scan_count)? */
static bool may_deactivate(const struct reclaim *re, const struct scan_control *sc)
{
	const struct reclaim_node *node = &re->nodes[sc->nid];

	return sc->force_deactivate || node->activated != node->seen_activated ||
	       inactive_is_low(lru_size(&re->lru, page_list(sc->nid, false), MAX_NR_ZONES - 1),
			       lru_size(&re->lru, page_list(sc->nid, true), MAX_NR_ZONES - 1));
}

static void begin_round(const struct reclaim *re, struct scan_control *sc)
{
	u64 inactive = lru_size(&re->lru, page_list(sc->nid, false), sc->reclaim_idx);
	u64 active = lru_size(&re->lru, page_list(sc->nid, true), sc->reclaim_idx);

	sc->round = (struct scan_round){.begun = true,
					.may_deactivate = may_deactivate(re, sc),
					.nr_inactive = inactive >> sc->priority,
					.nr_active = active >> sc->priority};
}

/* 32 pages of each list (shrink_lruvec). */
static void shrink_lists(struct replay *rp, struct scan_control *sc)
{
	struct scan_round *round = &sc->round;
	unsigned long nr = min(round->nr_inactive, SWAP_CLUSTER_MAX), reclaimed = 0;

	round->nr_inactive -= nr;
	if (nr)
		reclaimed = shrink_inactive(rp, sc, nr);
	sc->nr_reclaimed += reclaimed;
	round->nr_reclaimed += reclaimed;
	nr = min(round->nr_active, SWAP_CLUSTER_MAX);
	round->nr_active -= nr;
	if (nr && round->may_deactivate)
		shrink_active(rp, sc, nr);
	else if (nr)
		sc->skipped_deactivate = true;
	/* The first round of a request goes through its whole share, so that it is a fair one. */
	if (round->nr_reclaimed >= sc->nr_to_reclaim && (sc->kswapd || sc->priority < DEF_PRIORITY))
		round->nr_inactive = round->nr_active = 0;
}

/* kswapd is in trouble, as where it would begin to write pages whatever the disk says. */
static bool wants_moves(const struct scan_control *sc)
{
	return sc->kswapd && !sc->tried_moves && sc->priority < DEF_PRIORITY - 2 &&
	       sc->nr_reclaimed < sc->nr_to_reclaim;
}

bool reclaim_shrink_node(struct scan_control *sc)
{
	struct replay *rp = machine_current()->run;
	struct reclaim *re = rp->reclaim;

	if (re && !sc->round.begun)
		begin_round(re, sc);
	if (sc->round.nr_inactive || sc->round.nr_active) {
		shrink_lists(rp, sc);
		return true;
	}
	if (re && (shrinker_scan(rp, sc) || shrinker_compact(rp, sc)))
		return true;
	if (wants_moves(sc) && shrinker_move(rp, sc))
		return true;
	sc->tried_moves |= wants_moves(sc);
	sc->round = (struct scan_round){0};
	return false;
}
