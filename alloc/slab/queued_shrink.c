/*
 * queued_slab gives memory back: all arrays emptied, free slabs gone, objects moved together.
 *
 * Theory: every CPU is interrupted to empty its array, alien arrays go home, shared ones to their
 * slabs, and then every free slab goes (__kmem_cache_shrink: mm/slab.c, Linux 6.1). With a callback
 * the objects of sparse slabs move before that: a node's partial slabs are sorted, fullest first,
 * and vacated from the other end on while the others have room. Meanwhile objects pass by the
 * arrays, so that what is allocated comes from the first, fullest slab and what is freed goes back
 * to its own, which stays last. One that keeps pinned objects goes to the front, to be filled by
 * the others; one that waits for frees under way (a layer above defers them) is put aside.
 *
 * Invariant: when nothing is pinned and nothing deferred, at most one slab of a node is partial
 * afterwards, and none is free.
 *
 * Unlike Linux: the mm/slab.c of old moves nothing. Objects do not move to other nodes.
 */
#include "alloc/slab/queued.h"

#define FILL_CLASSES 64

u64 queued_nr_slabs(const struct queued_cache *qc)
{
	u64 nr = 0;
	int nid;

	for_each_node (nid)
		nr += qc->nodes[nid].nr_slabs;
	return nr;
}

/* ---- Draining ---- */

static void drain_cpus(struct queued_cache *qc)
{
	int cpu;

	for_each_possible_cpu (cpu) {
		struct queued_node *n = &qc->nodes[serving_node(qc, cpu_to_node(cpu))];

		if (cpu != smp_processor_id())
			charge(COST_INTERRUPT);
		array_drain(qc, n, qc->cpu_array[cpu], true);
	}
}

static void drain_nodes(struct queued_cache *qc)
{
	int nid, other;

	for_each_node (nid) {
		struct queued_node *n = &qc->nodes[nid];

		if (n->aliens)
			for_each_node (other)
				alien_drain(qc, &n->aliens[other], other);
	}
	/* Aliens came home to shared arrays. */
	for_each_node (nid)
		array_drain(qc, &qc->nodes[nid], qc->nodes[nid].shared, true);
}

static void drain_all(struct queued_cache *qc)
{
	int nid;

	drain_cpus(qc);
	drain_nodes(qc);
	for_each_node (nid)
		drain_free_slabs(qc, &qc->nodes[nid], ~0ULL);
}

/* ---- Moving objects together ---- */

static void sort_partial(struct queued_cache *qc, struct queued_node *n)
{
	struct list_head fill[FILL_CLASSES + 1];
	struct page *page, *next;

	for (int i = 0; i <= FILL_CLASSES; i++)
		INIT_LIST_HEAD(&fill[i]);
	spin_lock_irqsave(&n->list_lock);
	list_for_each_entry_safe (page, next, &n->partial, lru) {
		charge(COST_LIST_STEP);
		list_move_tail(&page->lru, &fill[page->inuse * FILL_CLASSES / qc->num]);
	}
	for (int i = 0; i <= FILL_CLASSES; i++)
		list_splice_init(&fill[i], &n->partial);
	spin_unlock_irqrestore(&n->list_lock);
}

static u64 count_partial(const struct queued_node *n)
{
	const struct page *page;
	u64 nr = 0;

	list_for_each_entry (page, &n->partial, lru)
		nr++;
	return nr;
}

/* A node whose slabs are being vacated. */
struct vacating {
	struct queued_node *n;
	struct list_head aside; /* slabs that wait for frees under way */
	u64 free_aside;		/* free objects on them when they were put there */
};

/* Places for objects of a slab on the other partial slabs: a guess where frees are under way. */
static u64 room_elsewhere(const struct queued_cache *qc, const struct vacating *v,
			  const struct page *page)
{
	u64 taken = v->n->nr_free * qc->num + (qc->num - page->inuse) + v->free_aside;

	return v->n->free_objects - min(v->n->free_objects, taken);
}

static bool is_partial(const struct queued_cache *qc, const struct page *page)
{
	return page->flags & PG_slab && page->slab_cache == &qc->c && page->inuse &&
	       page->inuse < qc->num;
}

/* Returns the objects moved. */
static u64 vacate_slab(struct queued_cache *qc, const struct vacating *v, struct page *page,
		       move_object_fn move_object)
{
	u64 moved = 0;

	for (unsigned int i = 0; i < qc->num && is_partial(qc, page); i++) {
		void *object = object_at(qc, page, i);

		if (!room_elsewhere(qc, v, page))
			break;
		if (object_in_use(qc, page, object))
			moved += (u64)slab_move_object(&qc->c, move_object, object);
	}
	return moved;
}

/* A slab that is still in use goes where the others fill it, or, if frees are under way, aside. */
static void keep_slab(struct queued_cache *qc, struct vacating *v, struct page *page,
		      bool frees_pending)
{
	if (!frees_pending) {
		list_move(&page->lru, &v->n->partial);
		return;
	}
	v->free_aside += qc->num - page->inuse;
	list_move(&page->lru, &v->aside);
}

/* Every partial slab of the node is vacated once, sparsest first, while the others have room. */
static void vacate_slabs(struct queued_cache *qc, struct vacating *v, move_object_fn move_object)
{
	struct list_head *partial = &v->n->partial;

	for (u64 left = count_partial(v->n); left > 1 && !list_empty(partial); left--) {
		struct page *page = list_last_entry(partial, struct page, lru);
		u64 inuse = page->inuse, moved;

		if (!room_elsewhere(qc, v, page))
			break;
		moved = vacate_slab(qc, v, page, move_object);
		if (is_partial(qc, page))
			keep_slab(qc, v, page, page->inuse > inuse - moved);
	}
}

static void defragment_node(struct queued_cache *qc, int nid, move_object_fn move_object)
{
	struct vacating v = {.n = &qc->nodes[nid]};
	int cache_node = qc->c.node;

	INIT_LIST_HEAD(&v.aside);
	sort_partial(qc, v.n);
	qc->c.node = nid; /* where move_object allocates */
	vacate_slabs(qc, &v, move_object);
	qc->c.node = cache_node;
	while (!list_empty(&v.aside)) {
		struct page *page = list_first_entry(&v.aside, struct page, lru);

		list_move_tail(&page->lru, &v.n->partial);
	}
}

int queued_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	struct queued_cache *qc = to_queued(cache);
	u64 before = queued_nr_slabs(qc), after;
	int nid;

	drain_all(qc);
	if (move_object) {
		qc->defragmenting = true;
		for_each_node (nid)
			defragment_node(qc, nid, move_object);
		qc->defragmenting = false;
		drain_all(qc);
	}
	after = queued_nr_slabs(qc);
	return after < before ? (int)(before - after) : 0;
}
