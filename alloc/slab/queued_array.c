/*
 * Arrays of free objects: of a CPU, shared by a node's CPUs, and of objects of other nodes.
 *
 * Theory: a CPU allocates from the end of its array and frees to it: the object that was warm last
 * comes first, and no lock is taken. An empty array is refilled with a batch: from the array that
 * the CPUs of the node share, else from the node's slabs. A full one gives its oldest batch away,
 * to the shared array as far as that has room, else to the slabs: what one CPU frees another
 * allocates without a slab being touched. An object freed on another node than its own goes to an
 * array of that node for this one, an alien array; a full one goes home as a whole, to the shared
 * array there first. So each array holds objects of one node.
 *
 * A CPU that has hardly used its array since the last look at it refills it with at most 16.
 *
 * Invariant: objects in arrays are in use to their slabs, and nobody else's; avail <= limit.
 *
 * Unlike Linux (mm/slab.c, 6.1): per-CPU arrays come from a class of memory, not from the per-CPU
 * allocator; what moves from array to array costs as much as its bytes.
 */
#include "alloc/slab/queued.h"

#define BATCHREFILL_LIMIT 16
#define ALIEN_LIMIT 12

/* ---- Allocation and destruction ---- */

static struct queued_array *array_create(struct queued_cache *qc, unsigned int limit, int nid)
{
	struct queued_array *ac = meta_alloc(qc->q, array_bytes(limit), GFP_KERNEL, nid);

	if (ac)
		*ac = (struct queued_array){.limit = limit, .batchcount = qc->batchcount};
	return ac;
}

static void array_destroy(struct queued_cache *qc, struct queued_array *ac)
{
	if (!ac)
		return;
	ASSERT(!ac->avail);
	meta_free(qc->q, ac, array_bytes(ac->limit));
}

/* As long as struct kmem_cache_node and a table of pointers on x86-64. */
#define NODE_BYTES 128
static size_t alien_table_bytes(void)
{
	return (size_t)kernel->nr_node_ids * sizeof(void *);
}

static bool aliens_create(struct queued_cache *qc, int nid)
{
	struct queued_node *n = &qc->nodes[nid];
	unsigned int limit = min(qc->limit, (unsigned int)ALIEN_LIMIT);
	int other;

	n->alien_table = meta_alloc(qc->q, alien_table_bytes(), GFP_KERNEL, nid);
	if (!n->alien_table)
		return false;
	n->aliens = instance_alloc(sizeof(*n->aliens) * (size_t)kernel->nr_node_ids);
	for_each_node (other) {
		spin_lock_init(&n->aliens[other].lock, "alien->lock");
		if (other == nid || !node_has_memory(other))
			continue;
		n->aliens[other].ac = array_create(qc, limit, nid);
		if (!n->aliens[other].ac)
			return false;
	}
	return true;
}

static bool node_create(struct queued_cache *qc, int nid)
{
	struct queued_node *n = &qc->nodes[nid];

	n->node_room = meta_alloc(qc->q, NODE_BYTES, GFP_KERNEL, nid);
	if (!n->node_room)
		return false;
	if (qc->shared) {
		n->shared = array_create(qc, qc->shared * qc->batchcount, nid);
		if (!n->shared)
			return false;
	}
	return !qc->q->o.alien || qc->q->nr_memory_nodes == 1 || aliens_create(qc, nid);
}

bool queued_arrays_create(struct queued_cache *qc)
{
	int cpu, nid;

	qc->cpu_array = instance_alloc(sizeof(*qc->cpu_array) * (size_t)kernel->nr_cpu_ids);
	for_each_node (nid)
		if (node_has_memory(nid) && !node_create(qc, nid))
			goto undo;
	for_each_possible_cpu (cpu) {
		qc->cpu_array[cpu] = array_create(qc, qc->limit, cpu_to_node(cpu));
		if (!qc->cpu_array[cpu])
			goto undo;
	}
	return true;
undo:
	queued_arrays_destroy(qc);
	return false;
}

void queued_arrays_destroy(struct queued_cache *qc)
{
	int cpu, nid, other;

	for_each_possible_cpu (cpu)
		array_destroy(qc, qc->cpu_array[cpu]);
	instance_free(qc->cpu_array);
	for_each_node (nid) {
		struct queued_node *n = &qc->nodes[nid];

		array_destroy(qc, n->shared);
		if (n->aliens)
			for_each_node (other)
				array_destroy(qc, n->aliens[other].ac);
		instance_free(n->aliens);
		meta_free(qc->q, n->alien_table, alien_table_bytes());
		meta_free(qc->q, n->node_room, NODE_BYTES);
		n->shared = NULL;
		n->aliens = NULL;
		n->alien_table = n->node_room = NULL;
	}
}

/* ---- Moving objects ---- */

static void array_push(struct queued_array *ac, void *const *objects, u32 nr)
{
	memcpy(ac->entry + ac->avail, objects, nr * sizeof(*objects));
	charge_bytes(nr * sizeof(*objects));
	ac->avail += nr;
}

/* Drops the oldest nr. */
static void array_shift(struct queued_array *ac, u32 nr)
{
	ac->avail -= nr;
	memmove(ac->entry, ac->entry + nr, ac->avail * sizeof(void *));
	charge_bytes(ac->avail * sizeof(void *));
}

/* The newest, at most max: returns how many. */
static u32 array_transfer(struct queued_array *to, struct queued_array *from, u32 max)
{
	u32 room = to->limit - to->avail, nr = min(from->avail, max);

	nr = min(nr, room);
	from->avail -= nr;
	array_push(to, from->entry + from->avail, nr);
	return nr;
}

/* ---- A CPU's array ---- */

static void take_block(struct queued_cache *qc, struct queued_array *ac, struct page *page, u32 *nr)
{
	for (; page->inuse < qc->num && *nr; --*nr)
		ac->entry[ac->avail++] = slab_take_object(qc, page);
}

static void refill_listed(struct queued_cache *qc, struct queued_node *n, struct queued_array *ac,
			  u32 *nr)
{
	spin_lock(&n->list_lock);
	if (n->shared && array_transfer(ac, n->shared, *nr)) {
		n->shared->touched = 1;
		spin_unlock(&n->list_lock);
		return;
	}
	while (*nr) {
		struct page *page = first_slab(qc, n);

		if (!page)
			break;
		take_block(qc, ac, page, nr);
		slab_listed(qc, n, page);
	}
	n->free_objects -= ac->avail;
	spin_unlock(&n->list_lock);
}

bool array_refill(struct queued_cache *qc, struct queued_array *ac, gfp_t flags)
{
	int nid = memory_node(qc->q, numa_node_id());
	struct queued_node *n = &qc->nodes[qc->nodes[nid].serving];
	u32 nr = ac->batchcount;
	struct page *page;

	if (!ac->touched)
		nr = min(nr, (u32)BATCHREFILL_LIMIT);
	note_path(PATH_SLOW);
	if (n->free_objects || (n->shared && n->shared->avail))
		refill_listed(qc, n, ac, &nr);
	if (ac->avail)
		return true;
	page = slab_grow(qc, flags, nid, true);
	if (!page)
		return false;
	take_block(qc, ac, page, &nr);
	slab_grown(qc, page);
	return true;
}

void array_flush(struct queued_cache *qc, struct queued_array *ac)
{
	struct queued_node *n = &qc->nodes[serving_node(qc, numa_node_id())];
	u32 room = n->shared ? n->shared->limit - n->shared->avail : 0, nr = ac->batchcount;
	struct list_head doomed;

	INIT_LIST_HEAD(&doomed);
	note_path(PATH_SLOW);
	spin_lock(&n->list_lock);
	if (room) {
		nr = min(nr, room);
		array_push(n->shared, ac->entry, nr);
	} else {
		free_block(qc, n, ac->entry, nr, &doomed);
	}
	spin_unlock(&n->list_lock);
	array_shift(ac, nr);
	slabs_destroy(qc, &doomed);
}

/* ---- Aliens ---- */

/* nid: the node the objects are of. */
static void send_home(struct queued_cache *qc, struct queued_array *ac, int nid,
		      struct list_head *doomed)
{
	struct queued_node *n = &qc->nodes[nid];

	if (!ac->avail)
		return;
	spin_lock(&n->list_lock);
	if (n->shared)
		array_transfer(n->shared, ac, ac->limit);
	free_block(qc, n, ac->entry, ac->avail, doomed);
	ac->avail = 0;
	spin_unlock(&n->list_lock);
}

void alien_free(struct queued_cache *qc, void *object, int nid)
{
	struct queued_node *n = &qc->nodes[serving_node(qc, numa_node_id())];
	struct list_head doomed;

	INIT_LIST_HEAD(&doomed);
	note_path(PATH_SLOW);
	if (n->aliens && n->aliens[nid].ac) {
		struct queued_alien *alien = &n->aliens[nid];

		spin_lock(&alien->lock);
		if (alien->ac->avail == alien->ac->limit)
			send_home(qc, alien->ac, nid, &doomed);
		alien->ac->entry[alien->ac->avail++] = object;
		spin_unlock(&alien->lock);
	} else {
		n = &qc->nodes[nid];
		spin_lock(&n->list_lock);
		free_block(qc, n, &object, 1, &doomed);
		spin_unlock(&n->list_lock);
	}
	slabs_destroy(qc, &doomed);
}

void alien_drain(struct queued_cache *qc, struct queued_alien *alien, int nid)
{
	struct list_head doomed;

	if (!alien->ac || !alien->ac->avail)
		return;
	INIT_LIST_HEAD(&doomed);
	spin_lock_irqsave(&alien->lock);
	send_home(qc, alien->ac, nid, &doomed);
	spin_unlock_irqrestore(&alien->lock);
	slabs_destroy(qc, &doomed);
}

/* ---- Now and then ---- */

void array_drain(struct queued_cache *qc, struct queued_node *n, struct queued_array *ac, bool all)
{
	struct list_head doomed;
	u32 nr;

	if (!ac || !ac->avail)
		return;
	if (ac->touched && !all) {
		ac->touched = 0;
		return;
	}
	nr = all ? ac->avail : (ac->limit + 4) / 5;
	if (nr > ac->avail)
		nr = (ac->avail + 1) / 2;
	INIT_LIST_HEAD(&doomed);
	spin_lock_irqsave(&n->list_lock);
	free_block(qc, n, ac->entry, nr, &doomed);
	spin_unlock_irqrestore(&n->list_lock);
	array_shift(ac, nr);
	slabs_destroy(qc, &doomed);
}
