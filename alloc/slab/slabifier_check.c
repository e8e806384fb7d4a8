/*
 * The slabifier proves: pointers before they are believed, double frees, counts, everything.
 *
 * Theory: what a slab holds can be recounted from its pages alone: its free lists are in it, and
 * objects that are on none are in use. Full slabs are on no list and cannot be found; what can be
 * said of them follows from the totals. Suspicion is cheap (a tag), proof costs at most a walk of
 * one slab's free lists, and only when there is suspicion.
 *
 * Invariant: proofs change nothing, and follow a pointer only after they have proven it.
 *
 * Unlike Linux: what SLUB checks with slub_debug only, or not at all, is always on and survived.
 */
#include "alloc/slab/slabifier.h"

int slabifier_valid_pointer(struct slab_cache *cache, const void *object)
{
	return slab_page_of(to_slabifier(cache), object) != NULL;
}

/* ---- Bad frees ---- */

/* Follows a list only as far as it makes sense. */
static bool list_has(struct slabifier_cache *s, struct page *page, void *list, const void *object)
{
	for (unsigned int i = 0; list && i < page->objects; i++) {
		if (list == object)
			return true;
		if (slab_page_of(s, list) != page || !freeptr_tagged(s, *freeptr_word(s, list)))
			return false;
		list = freeptr_next(list, *freeptr_word(s, list));
		charge(COST_LIST_STEP);
	}
	return false;
}

bool object_is_free(struct slabifier_cache *s, struct page *page, const void *object)
{
	int cpu;

	if (list_has(s, page, page->freelist, object))
		return true;
	if (!page->frozen)
		return false;
	for_each_possible_cpu (cpu) {
		struct slab_cpu *c = per_cpu_ptr(s->cpu_slab, cpu);

		if (c->page == page)
			return list_has(s, page, c->freelist, object);
	}
	return false;
}

int slabifier_in_use(struct slab_cache *cache, const void *object)
{
	struct slabifier_cache *s = to_slabifier(cache);
	struct page *page = slab_page_of(s, object);

	return page &&
	       !(freeptr_tagged(s, *freeptr_word(s, object)) && object_is_free(s, page, object));
}

static void report_object(struct slabifier_cache *s, const char *kind, const void *object)
{
	report_event(kind, "cache %s object 0x%llx size %u, found in %s", s->c.name,
		     (unsigned long long)virt_to_phys(object), s->c.objsize,
		     site_name(kernel->site));
}

void report_double_free(struct slabifier_cache *s, const void *object)
{
	report_object(s, "double_free", object);
	slab_free_refused(&s->c);
}

void report_overwritten(struct slabifier_cache *s, const void *object)
{
	report_object(s, "use_after_free", object);
}

/*
 * No slab of ours. If it was one when this object was freed, the free pointer's tag is still there.
 */
static bool was_ours(struct slabifier_cache *s, const void *object)
{
	struct page *page;

	if (!virt_addr_valid(object) || (u64)virt_to_phys(object) % 8)
		return false;
	page = virt_to_head_page(object);
	if (page->flags & PG_slab)
		return false;
	return virt_addr_valid(freeptr_word(s, object)) &&
	       freeptr_tagged(s, *freeptr_word(s, object));
}

void report_bad_free(struct slabifier_cache *s, const void *object)
{
	report_object(s, was_ours(s, object) ? "double_free" : "invalid_pointer", object);
	slab_free_refused(&s->c);
}

/* ---- Counts ---- */

static void count_partial(const struct slab_node *n, u64 *empty, u64 *free)
{
	const struct page *page;

	list_for_each_entry (page, &n->partial, lru) {
		*free += page->objects - page->inuse;
		*empty += !page->inuse;
	}
}

/* As slabinfo of SLUB: what lies on CPUs counts as active. */
unsigned long slabifier_get_objects(struct slab_cache *cache, struct slab_counts *counts)
{
	struct slabifier_cache *s = to_slabifier(cache);
	u64 empty = 0, free = 0;
	int nid;

	*counts = (struct slab_counts){0};
	for_each_node (nid) {
		const struct slab_node *n = &s->nodes[nid];

		counts->total += n->nr_slabs;
		counts->partial += n->nr_partial;
		counts->objs_total += n->nr_objects;
		count_partial(n, &empty, &free);
	}
	counts->active = counts->total - empty;
	counts->objs_active = counts->objs_total - free;
	return counts->active;
}

/* Objects in use; exact once no CPU holds a slab. */
u64 slabifier_live(struct slabifier_cache *s)
{
	struct slab_counts counts;

	slabifier_get_objects(&s->c, &counts);
	return counts.objs_active;
}

/* ---- The full recount ---- */

/* Length of a free list of a slab, every step of it proven. */
static u32 check_list(struct slabifier_cache *s, struct page *page, void *list, void **last)
{
	u32 n = 0;

	for (*last = NULL; list; n++) {
		ASSERT(n < page->objects);
		ASSERT(slab_page_of(s, list) == page);
		ASSERT(freeptr_tagged(s, *freeptr_word(s, list)));
		*last = list;
		list = freeptr_next(list, *freeptr_word(s, list));
	}
	return n;
}

static void check_slab(struct slabifier_cache *s, struct page *page, bool frozen)
{
	void *last;

	ASSERT(page->flags & PG_slab && !(page->flags & PG_tail));
	ASSERT(page->slab_cache == &s->c);
	ASSERT(page->frozen == frozen);
	ASSERT(page->objects == s->objects || page->objects == s->min_objects);
	ASSERT(page->objects * (u64)s->c.size <= slab_bytes(page));
	ASSERT(page->inuse <= page->objects);
	ASSERT(check_list(s, page, page->freelist, &last) + page->inuse == page->objects);
}

/* The CPU's slab and partial slabs; adds up slabs and objects by node. */
static void check_cpu(struct slabifier_cache *s, struct slab_cpu *c, u64 *slabs, u64 *objects)
{
	struct page *page;
	void *own_last, *page_last;
	u32 n = 0;

	ASSERT(c->page || !c->freelist);
	if (c->page) {
		check_slab(s, c->page, true);
		ASSERT(check_list(s, c->page, c->freelist, &own_last) <= c->page->inuse);
		check_list(s, c->page, c->page->freelist, &page_last);
		ASSERT(!own_last || own_last != page_last);
		slabs[page_to_nid(c->page)]++;
		objects[page_to_nid(c->page)] += c->page->objects;
	}
	list_for_each_entry (page, &c->partial, lru) {
		check_slab(s, page, true);
		ASSERT(page != c->page);
		slabs[page_to_nid(page)]++;
		objects[page_to_nid(page)] += page->objects;
		n++;
	}
	ASSERT(n == c->nr_partial);
}

static void check_node(struct slabifier_cache *s, int nid, u64 slabs, u64 objects)
{
	struct slab_node *n = &s->nodes[nid];
	struct page *page;
	u64 nr = 0;

	ASSERT(!n->list_lock.locked);
	list_for_each_entry (page, &n->partial, lru) {
		check_slab(s, page, false);
		ASSERT(page_to_nid(page) == nid);
		ASSERT(page->freelist);
		objects += page->objects;
		nr++;
	}
	ASSERT(nr == n->nr_partial);
	/* The rest is full. */
	ASSERT(nr + slabs <= n->nr_slabs);
	ASSERT(objects <= n->nr_objects);
	ASSERT(nr + slabs < n->nr_slabs || objects == n->nr_objects);
}

void slabifier_check(struct slab_cache *cache)
{
	struct slabifier_cache *s = to_slabifier(cache);
	u64 slabs[MAX_NUMNODES] = {0}, objects[MAX_NUMNODES] = {0};
	int cpu, nid;

	for_each_possible_cpu (cpu)
		check_cpu(s, per_cpu_ptr(s->cpu_slab, cpu), slabs, objects);
	for_each_node (nid)
		check_node(s, nid, slabs[nid], objects[nid]);
}
