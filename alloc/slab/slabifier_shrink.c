/*
 * The slabifier gives memory back: flushing, the flusher, shrinking, defragmentation.
 *
 * Theory: a CPU that stops using a cache keeps its slabs from everybody else. Whenever a CPU takes
 * a slab, a delayed work of that CPU is armed, unless it is; it returns what has been idle long
 * enough, or comes back when it will have been. With nothing left it stays off, so a quiet machine
 * has no periodic events, and no CPU is interrupted for another's slabs. On a machine with one CPU
 * nobody else waits for them: no flusher.
 *
 * shrink without a callback returns empty slabs and sorts the partial lists, fullest first, so that
 * sparse slabs get a chance to empty. With one it empties them: from the sparsest slab of a node
 * on, objects move to the other slabs of that node while these have room, so that at most one slab
 * a node stays partial. move_object allocates the new object, copies and tells the users; the old
 * one is freed behind it.
 *
 * Invariant: a slab being vacated is frozen and on no list, so nothing is allocated from it.
 *
 * Unlike Linux: the flusher; SLUB never gives an idle CPU slab back unless asked to shrink. Objects
 * do not move to other nodes.
 */
#include "alloc/slab/slabifier.h"

#include <string.h>

#define FILL_CLASSES 64
#define SHRINK_PROMOTE_MAX 32 /* slabs with more free objects are not sorted (mm/slub.c, 6.1) */

/* ---- Flushing ---- */

static bool cpu_holds(const struct slab_cpu *c)
{
	return c->page || !list_empty(&c->partial);
}

static void flush_cpu(struct slabifier_cache *s, struct slab_cpu *c)
{
	if (c->page)
		deactivate_slab(s, c);
	unfreeze_partials(s, c);
}

static void flush_all(struct slabifier_cache *s)
{
	int cpu;

	for_each_possible_cpu (cpu) {
		struct slab_cpu *c = per_cpu_ptr(s->cpu_slab, cpu);

		if (!cpu_holds(c))
			continue;
		if (cpu != smp_processor_id())
			charge(COST_INTERRUPT);
		flush_cpu(s, c);
	}
}

static void flusher_schedule(struct slab_flusher *f, u64 ns)
{
	schedule_delayed_work_on(f->cpu, &f->work, nsecs_to_jiffies(ns));
}

static void flusher(struct work_struct *work)
{
	struct slab_flusher *f = container_of(container_of(work, struct delayed_work, work),
					      struct slab_flusher, work);
	struct slabifier_cache *s = f->cache;
	struct slab_cpu *c = per_cpu_ptr(s->cpu_slab, f->cpu);
	u64 idle_ns = ktime_get_ns() - min(ktime_get_ns(), c->used_ns);

	charge(COST_CALL);
	if (!cpu_holds(c))
		return;
	if (idle_ns >= s->flush_ns)
		flush_cpu(s, c);
	else
		flusher_schedule(f, s->flush_ns - idle_ns);
}

/* This CPU has got something to give back some day. */
void flusher_arm(struct slabifier_cache *s)
{
	struct slab_flusher *f;

	if (!s->flush_ns)
		return;
	f = &s->flushers[smp_processor_id()];
	if (!f->work.timer)
		flusher_schedule(f, s->flush_ns);
}

void flushers_init(struct slabifier_cache *s)
{
	int cpu;

	if (!s->flush_ns)
		return;
	s->flushers = instance_alloc(sizeof(*s->flushers) * (size_t)kernel->nr_cpu_ids);
	for_each_possible_cpu (cpu) {
		s->flushers[cpu].cache = s;
		s->flushers[cpu].cpu = cpu;
		INIT_DELAYED_WORK(&s->flushers[cpu].work, flusher);
	}
}

void flushers_cancel(struct slabifier_cache *s)
{
	int cpu;

	if (!s->flush_ns)
		return;
	for_each_possible_cpu (cpu)
		cancel_delayed_work_sync(&s->flushers[cpu].work);
}

/* ---- Partial lists: empty slabs out, fullest first ---- */

static void discard_all(struct slabifier_cache *s, struct list_head *empty)
{
	while (!list_empty(empty)) {
		struct page *page = list_first_entry(empty, struct page, lru);

		list_del(&page->lru);
		discard_slab(s, page);
	}
}

/*
 * As SLUB does it: by free objects, of equals the one looked at last in front; those with many stay
 * at the end as they were. To be vacated, slabs are sorted to the last one.
 */
static void move_to_class(struct page *page, struct list_head *fill, bool vacate)
{
	u32 nr_free = (u32)(page->objects - page->inuse);

	if (vacate)
		list_move_tail(&page->lru, &fill[page->inuse * FILL_CLASSES / page->objects]);
	else if (nr_free <= SHRINK_PROMOTE_MAX)
		list_move(&page->lru, &fill[FILL_CLASSES - nr_free]);
	else
		list_move_tail(&page->lru, &fill[0]);
}

static void sort_partial(struct slabifier_cache *s, struct slab_node *n, bool vacate)
{
	struct list_head fill[FILL_CLASSES + 1], empty;
	struct page *page, *next;

	INIT_LIST_HEAD(&empty);
	for (int i = 0; i <= FILL_CLASSES; i++)
		INIT_LIST_HEAD(&fill[i]);
	spin_lock_irqsave(&n->list_lock);
	list_for_each_entry_safe (page, next, &n->partial, lru) {
		charge(COST_LIST_STEP);
		if (page->inuse) {
			move_to_class(page, fill, vacate);
		} else {
			list_move(&page->lru, &empty);
			n->nr_partial--;
		}
	}
	for (int i = 0; i <= FILL_CLASSES; i++)
		list_splice_init(&fill[i], &n->partial);
	spin_unlock_irqrestore(&n->list_lock);
	discard_all(s, &empty);
}

static void sort_all(struct slabifier_cache *s, bool vacate)
{
	int nid;

	for_each_node (nid)
		if (s->nodes[nid].nr_partial)
			sort_partial(s, &s->nodes[nid], vacate);
}

/* ---- Defragmentation ---- */

static void mark_free_objects(struct slabifier_cache *s, struct page *page, u64 *map)
{
	char *start = page_address(page);
	void *object = page->freelist;

	memset(map, 0, DIV_ROUND_UP(page->objects, BITS_PER_WORD) * sizeof(*map));
	for (; object; object = freeptr_next(object, *freeptr_word(s, object)))
		bit_set(map, (u64)((char *)object - start) / s->c.size);
}

/* Freed meanwhile, by what move_object did for its neighbours. */
static bool freed_since(struct slabifier_cache *s, struct page *page, void *object)
{
	return freeptr_tagged(s, *freeptr_word(s, object)) && object_is_free(s, page, object);
}

/* Moves up to `room` objects out of a frozen slab; returns how many went. */
static u64 vacate_slab(struct slabifier_cache *s, struct page *page, move_object_fn move_object,
		       u64 room)
{
	u64 free_map[SLAB_OBJECTS_MAX / BITS_PER_WORD + 1], moved = 0;
	char *object = page_address(page);

	mark_free_objects(s, page, free_map);
	for (unsigned int i = 0; i < page->objects && moved < room; i++, object += s->c.size) {
		if (bit_test(free_map, i) || freed_since(s, page, object))
			continue;
		moved += (u64)slab_move_object(&s->c, move_object, object);
	}
	return moved;
}

static struct page *take_sparsest(struct slab_node *n)
{
	struct page *page = NULL;

	spin_lock_irqsave(&n->list_lock);
	if (n->nr_partial) {
		page = list_last_entry(&n->partial, struct page, lru);
		list_del(&page->lru);
		n->nr_partial--;
		page->frozen = 1;
	}
	spin_unlock_irqrestore(&n->list_lock);
	return page;
}

static u64 free_in(const struct page *page)
{
	return (u64)(page->objects - page->inuse);
}

static u64 free_objects(const struct slab_node *n)
{
	const struct page *page;
	u64 nr = 0;

	list_for_each_entry (page, &n->partial, lru)
		nr += free_in(page);
	return nr;
}

/*
 * Puts a slab that is still in use where it belongs: one that waits for frees under way (a layer
 * above defers them) aside; one that keeps pinned objects to the front of the list, so that the
 * others fill it.
 */
static void keep_slab(struct slabifier_cache *s, struct page *page, bool frees_pending,
		      struct list_head *aside)
{
	struct slab_cpu *c = this_cpu_ptr(s->cpu_slab);

	if (frees_pending) {
		list_add_tail(&page->lru, aside);
		return;
	}
	if (c->page)
		deactivate_slab(s, c);
	slab_unfreeze(s, page, false);
}

/* Every partial slab of the node is vacated once, sparsest first, while the others have room. */
static void vacate_slabs(struct slabifier_cache *s, struct slab_node *n, move_object_fn move_object,
			 struct list_head *aside)
{
	u64 free_total = free_objects(n);

	for (u64 left = n->nr_partial; left && n->nr_partial; left--) {
		struct page *page = take_sparsest(n);
		u64 inuse = page->inuse, room = free_total - min(free_total, free_in(page));
		u64 moved = vacate_slab(s, page, move_object, room);

		free_total = room - moved;
		if (page->inuse) {
			free_total += free_in(page);
			keep_slab(s, page, moved && page->inuse > inuse - moved, aside);
		} else {
			discard_slab(s, page);
		}
		if (moved == room)
			break; /* all the others are full */
	}
}

static void defragment_node(struct slabifier_cache *s, int nid, move_object_fn move_object)
{
	u32 cpu_partial_slabs = s->cpu_partial_slabs;
	int cache_node = s->c.node;
	struct list_head aside;

	INIT_LIST_HEAD(&aside);
	/* move_object allocates on this node, and leaves the slabs it does not need. */
	s->c.node = nid;
	s->cpu_partial_slabs = 0;
	vacate_slabs(s, &s->nodes[nid], move_object, &aside);
	s->c.node = cache_node;
	s->cpu_partial_slabs = cpu_partial_slabs;
	while (!list_empty(&aside)) {
		struct page *page = list_first_entry(&aside, struct page, lru);

		list_del(&page->lru);
		slab_unfreeze(s, page, true);
	}
}

static u64 nr_slabs(const struct slabifier_cache *s)
{
	u64 nr = 0;
	int nid;

	for_each_node (nid)
		nr += s->nodes[nid].nr_slabs;
	return nr;
}

int slabifier_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	struct slabifier_cache *s = to_slabifier(cache);
	u64 before = nr_slabs(s), after;
	int nid;

	flush_all(s);
	sort_all(s, move_object != NULL);
	if (move_object) {
		for_each_node (nid)
			if (s->nodes[nid].nr_partial > 1)
				defragment_node(s, nid, move_object);
		flush_all(s);
		sort_all(s, true);
	}
	after = nr_slabs(s);
	return after < before ? (int)(before - after) : 0;
}
