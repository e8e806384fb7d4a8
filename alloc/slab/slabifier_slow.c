/*
 * The slabifier's slow paths: how a slab changes hands.
 *
 * Theory: a slab belongs to a CPU (frozen: its CPU slab or one of the CPU's partial slabs), or
 * waits on the partial list of its node, or is full and on no list at all: the next free finds it
 * by its address. A slab becomes frozen when a CPU takes it, and when the first object of a full
 * slab is freed: that CPU keeps it. Frees of other CPUs go to page->freelist with one cmpxchg; the
 * owner takes that list over as a whole when its own has run out. So a lock is taken only when a
 * node's partial list changes.
 *
 * Invariant: page->inuse counts objects not on page->freelist; those on the CPU's own list count as
 * in use until the slab is deactivated. An unfrozen slab is on its node's list exactly if 0 < free
 * objects, except that empty ones beyond min_partial are returned.
 *
 * Unlike Linux (mm/slub.c, 6.1): one operation runs at a time, so a cmpxchg never fails and is
 * charged once; partial slabs of remote nodes are taken by distance and always, not with a
 * probability of remote_node_defrag_ratio; a node that could not serve has a stand-in (see struct
 * slab_node), else every request for it would deactivate the CPU slab and take a new one. Slabs of
 * one object bypass all of this: they are handed out when made and returned when freed.
 */
#include "alloc/slab/slabifier.h"

/* ---- Slabs and the page allocator ---- */

/* The whole slab becomes one free list, in order of addresses. */
static void thread_free_list(struct slabifier_cache *s, struct page *page)
{
	char *object = page_address(page);

	page->freelist = object;
	for (unsigned int i = 1; i < page->objects; i++, object += s->c.size)
		set_freepointer(s, object, object + s->c.size);
	set_freepointer(s, object, NULL);
	charge_n(COST_LIST_STEP, page->objects);
	for (unsigned int i = 0; i < 1U << page->order; i++)
		charge_memory(page_to_nid(page));
}

/* The preferred order without trying hard, then the smallest that holds an object. */
static struct page *slab_pages(struct slabifier_cache *s, gfp_t flags, int node, u32 *objects)
{
	gfp_t eager = (flags | __GFP_NOWARN | __GFP_NORETRY) & ~__GFP_NOFAIL;
	struct page *page;

	*objects = s->objects;
	if (s->c.order == s->min_order)
		return page_alloc(s->c.page_alloc, s->c.order, flags, node);
	if (eager & __GFP_DIRECT_RECLAIM)
		eager = (eager | __GFP_NOMEMALLOC) & ~__GFP_RECLAIM;
	page = page_alloc(s->c.page_alloc, s->c.order, eager, node);
	if (page)
		return page;
	*objects = s->min_objects;
	return page_alloc(s->c.page_alloc, s->min_order, flags, node);
}

/* A new slab, in nobody's hands, all objects free. */
static struct page *new_slab(struct slabifier_cache *s, gfp_t flags, int node)
{
	gfp_t gfp = (flags & (GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK)) | s->c.gfp | __GFP_COMP;
	struct slab_node *n;
	struct page *page;
	u32 objects;

	page = slab_pages(s, gfp, node, &objects);
	if (!page)
		return NULL;
	note_path(PATH_NEW_SLAB);
	page->flags |= PG_slab;
	page->slab_cache = &s->c;
	page->objects = objects & SLAB_OBJECTS_MAX;
	page->inuse = 0;
	page->frozen = 0;
	page->slab_private = (u32)kernel->cpu + 1;
	n = page_node(s, page);
	n->nr_slabs++;
	n->nr_objects += objects;
	charge_n(COST_ATOMIC, 2);
	thread_free_list(s, page);
	return page;
}

/*
 * An empty slab goes back. Its objects' free pointers stay: they tell a late double free from
 * nonsense.
 */
void discard_slab(struct slabifier_cache *s, struct page *page)
{
	struct slab_node *n = page_node(s, page);

	n->nr_slabs--;
	n->nr_objects -= page->objects;
	charge_n(COST_ATOMIC, 2);
	slab_page_clear(page);
	page_free(s->c.page_alloc, page, page->order);
}

/* ---- Nodes' partial lists ---- */

static void add_partial(struct slab_node *n, struct page *page, bool tail)
{
	n->nr_partial++;
	charge(COST_LIST_STEP);
	if (tail)
		list_add_tail(&page->lru, &n->partial);
	else
		list_add(&page->lru, &n->partial);
}

static void remove_partial(struct slab_node *n, struct page *page)
{
	list_del(&page->lru);
	n->nr_partial--;
	charge(COST_LIST_STEP);
}

/* A frozen slab leaves its CPU: for the node's list, the page allocator, or, full, for no list. */
void slab_unfreeze(struct slabifier_cache *s, struct page *page, bool tail)
{
	struct slab_node *n = page_node(s, page);

	charge(COST_ATOMIC);
	charge_page_struct(page);
	page->frozen = 0;
	if (!page->inuse && n->nr_partial >= s->min_partial) {
		discard_slab(s, page);
		return;
	}
	if (!page->freelist)
		return;
	spin_lock_irqsave(&n->list_lock);
	add_partial(n, page, tail);
	spin_unlock_irqrestore(&n->list_lock);
}

void deactivate_slab(struct slabifier_cache *s, struct slab_cpu *c)
{
	struct page *page = c->page;
	void *head = c->freelist, *object = head, *last = NULL;
	bool tail = page->freelist != NULL; /* others free here: let it fill with frees */
	u32 nr = 0;

	c->page = NULL;
	c->freelist = NULL;
	for (; object; object = freeptr_next(object, *freeptr_word(s, object))) {
		if (unlikely(!freeptr_tagged(s, *freeptr_word(s, object)))) {
			/* The rest of the list is lost: nothing tells where it went on. */
			report_overwritten(s, object);
			set_freepointer(s, object, NULL);
		}
		last = object;
		nr++;
	}
	if (last) {
		charge_n(COST_LIST_STEP, nr);
		set_freepointer(s, last, page->freelist);
		page->freelist = head;
		page->inuse = (u16)(page->inuse - nr);
	}
	slab_unfreeze(s, page, tail);
}

/* ---- The CPU's partial slabs ---- */

void unfreeze_partials(struct slabifier_cache *s, struct slab_cpu *c)
{
	while (!list_empty(&c->partial)) {
		struct page *page = list_first_entry(&c->partial, struct page, lru);

		list_del(&page->lru);
		c->nr_partial--;
		slab_unfreeze(s, page, true);
	}
}

/* Keeps a frozen slab for later; makes room first if asked to. */
static void put_cpu_partial(struct slabifier_cache *s, struct slab_cpu *c, struct page *page,
			    bool drain)
{
	if (drain && c->nr_partial >= s->cpu_partial_slabs)
		unfreeze_partials(s, c);
	list_add(&page->lru, &c->partial);
	c->nr_partial++;
	c->used_ns = ktime_get_ns();
	charge(COST_THIS_CPU);
	flusher_arm(s);
}

/* ---- Allocation ---- */

/* Makes a slab this CPU's own, with all its free objects. */
static void acquire_slab(struct slab_cpu *c, struct page *page)
{
	charge(COST_ATOMIC);
	charge_page_struct(page);
	c->page = page;
	c->freelist = page->freelist;
	page->freelist = NULL;
	page->inuse = page->objects;
	page->frozen = 1;
}

/* From one node: a slab to allocate from now and, while there, some for later. */
static bool get_partial_node(struct slabifier_cache *s, struct slab_cpu *c, struct slab_node *n)
{
	u32 kept = 0;

	if (!n->nr_partial)
		return false;
	spin_lock_irqsave(&n->list_lock);
	while (n->nr_partial) {
		struct page *page = list_first_entry(&n->partial, struct page, lru);

		remove_partial(n, page);
		if (!c->page) {
			acquire_slab(c, page);
		} else {
			charge(COST_ATOMIC);
			charge_page_struct(page);
			page->frozen = 1;
			put_cpu_partial(s, c, page, false);
			kept++;
		}
		if (!s->cpu_partial_slabs || kept > s->cpu_partial_slabs / 2)
			break;
	}
	spin_unlock_irqrestore(&n->list_lock);
	return true;
}

static bool get_partial(struct slabifier_cache *s, struct slab_cpu *c, int node)
{
	const u8 *nearest = s->sl->nearest + numa_node_id() * kernel->nr_node_ids;

	if (node != NUMA_NO_NODE)
		return get_partial_node(s, c, &s->nodes[node]);
	if (get_partial_node(s, c, &s->nodes[nearest[0]]))
		return true;
	for (int i = 1; s->sl->o.remote_partial && i < s->sl->nr_memory_nodes; i++) {
		struct slab_node *n = &s->nodes[nearest[i]];

		/* Others keep what they are entitled to. */
		if (n->nr_partial > s->min_partial && get_partial_node(s, c, n))
			return true;
	}
	return false;
}

/* The node whose slabs serve a request for `node`. */
static int serving_node(const struct slabifier_cache *s, gfp_t flags, int node)
{
	const struct slab_node *n;

	if (node == NUMA_NO_NODE)
		return node;
	n = &s->nodes[node];
	if (n->stand_in >= 0 && (n->forced || !(flags & __GFP_THISNODE)))
		return n->stand_in;
	if (!node_has_memory(node) && !(flags & __GFP_THISNODE))
		return NUMA_NO_NODE;
	return node;
}

static void note_stand_in(struct slabifier_cache *s, gfp_t flags, int asked, int got)
{
	if (asked == NUMA_NO_NODE)
		return;
	s->nodes[asked].stand_in = asked == got ? -1 : got;
	s->nodes[asked].forced = asked != got && (flags & __GFP_THISNODE);
}

/* Gives the CPU a slab with free objects from what is there already. */
static bool reuse_slab(struct slabifier_cache *s, struct slab_cpu *c, int node)
{
	for (;;) {
		if (c->page && node != NUMA_NO_NODE && page_to_nid(c->page) != node)
			deactivate_slab(s, c);
		if (c->page && c->freelist)
			return true;
		if (c->page && c->page->freelist) { /* what others freed meanwhile */
			acquire_slab(c, c->page);
			return true;
		}
		if (c->page) { /* full: on no list from here on */
			charge(COST_ATOMIC);
			c->page->frozen = 0;
			c->page = NULL;
		}
		if (list_empty(&c->partial))
			return get_partial(s, c, node);
		c->page = list_first_entry(&c->partial, struct page, lru);
		list_del(&c->page->lru);
		c->nr_partial--;
	}
}

/* Takes the first object of the CPU's list. */
static void *take_object(struct slabifier_cache *s, struct slab_cpu *c)
{
	void *object = c->freelist;
	u64 *word = freeptr_word(s, object);

	if (likely(freeptr_tagged(s, *word))) {
		c->freelist = freeptr_next(object, *word);
	} else {
		report_overwritten(s, object);
		c->freelist = NULL;
	}
	*word = 0;
	return object;
}

void *slab_alloc_slow(struct slabifier_cache *s, struct slab_cpu *c, gfp_t flags, int node)
{
	struct page *page;

	note_path(PATH_SLOW);
	local_irq_save_charge();
	if (!reuse_slab(s, c, serving_node(s, flags, node))) {
		page = new_slab(s, flags, node);
		if (!page)
			return NULL;
		note_stand_in(s, flags, node, page_to_nid(page));
		if (page->objects == 1) {
			void *object = page->freelist;

			page->freelist = NULL;
			page->inuse = 1;
			*freeptr_word(s, object) = 0;
			return object;
		}
		acquire_slab(c, page);
	}
	c->used_ns = ktime_get_ns();
	flusher_arm(s);
	return take_object(s, c);
}

/* ---- Free ---- */

/*
 * The last object of an unfrozen slab came back: leave the list, and the cache if others suffice.
 */
static void slab_emptied(struct slabifier_cache *s, struct page *page, bool listed)
{
	struct slab_node *n = page_node(s, page);

	spin_lock_irqsave(&n->list_lock);
	if (n->nr_partial < s->min_partial) {
		if (!listed)
			add_partial(n, page, true);
		spin_unlock_irqrestore(&n->list_lock);
		return;
	}
	if (listed)
		remove_partial(n, page);
	spin_unlock_irqrestore(&n->list_lock);
	discard_slab(s, page);
}

/* The slab is not this CPU's current one. */
void slab_free_slow(struct slabifier_cache *s, struct page *page, void *object)
{
	void *prior = page->freelist;

	if (unlikely(!s->c.refs)) { /* leaked by a cache that is gone */
		report_bad_free(s, object);
		return;
	}
	note_path(PATH_SLOW);
	charge(COST_ATOMIC);
	charge_page_struct(page);
	set_freepointer(s, object, prior);
	if (page->objects == 1) {
		discard_slab(s, page);
		return;
	}
	page->freelist = object;
	page->inuse--;
	if (page->frozen)
		return;
	if (!prior && s->cpu_partial_slabs) { /* was full: nobody has it, so it becomes ours */
		page->frozen = 1;
		put_cpu_partial(s, this_cpu_ptr(s->cpu_slab), page, true);
	} else if (!page->inuse) {
		slab_emptied(s, page, prior != NULL);
	} else if (!prior) {
		struct slab_node *n = page_node(s, page);

		spin_lock_irqsave(&n->list_lock);
		add_partial(n, page, true);
		spin_unlock_irqrestore(&n->list_lock);
	}
}
