/*
 * queued_slab proves: pointers before they are believed, double frees, counts, everything.
 *
 * Theory: of an object that is freed, its page says which cache it is of and where its slab's
 * objects begin; so a pointer that is none is known at the act. Whether the object is in use the
 * design does not know: it may lie in any array of any CPU, and Linux finds such a double free only
 * with debugging, or never. We keep a bit for each object beside the simulated machine (struct
 * slab_books), which costs the allocator nothing and tells. Once its slab has gone, a double free
 * cannot be told from a pointer that never was one.
 *
 * The recount: each slab's index lists what is free on it; each object in an array is of the cache,
 * not in use, not free on its slab, and in no other array; together they account for every object.
 *
 * Invariant: proofs change nothing (bits borrowed for the recount are put back).
 *
 * Unlike Linux (CONFIG_DEBUG_SLAB): no state is kept in the objects, and damage is survived.
 */
#include "alloc/slab/queued.h"

int queued_valid_pointer(struct slab_cache *cache, const void *object)
{
	return queued_page_of(to_queued(cache), object) != NULL;
}

int queued_in_use(struct slab_cache *cache, const void *object)
{
	const struct queued_cache *qc = to_queued(cache);
	const struct page *page = queued_page_of(qc, object);

	return page && object_in_use(qc, page, object);
}

void queued_report(struct queued_cache *qc, const char *kind, const void *object)
{
	report_event(kind, "cache %s object 0x%llx size %u, freed in %s", qc->c.name,
		     (unsigned long long)virt_to_phys(object), qc->c.objsize,
		     site_name(kernel->site));
	slab_free_refused(&qc->c);
}

/* ---- Counts ---- */

static u64 list_length(const struct list_head *list)
{
	const struct list_head *item;
	u64 n = 0;

	list_for_each (item, list)
		n++;
	return n;
}

/* As slabinfo of SLAB: what lies in arrays counts as active. */
unsigned long queued_get_objects(struct slab_cache *cache, struct slab_counts *counts)
{
	struct queued_cache *qc = to_queued(cache);
	u64 nr_free = 0, free_objects = 0;
	int nid;

	*counts = (struct slab_counts){0};
	for_each_node (nid) {
		const struct queued_node *n = &qc->nodes[nid];

		counts->total += n->nr_slabs;
		counts->partial += list_length(&n->partial);
		nr_free += n->nr_free;
		free_objects += n->free_objects;
	}
	counts->active = counts->total - nr_free;
	counts->objs_total = counts->total * qc->num;
	counts->objs_active = counts->objs_total - free_objects;
	return counts->active;
}

/* ---- The full recount ---- */

/* Each object that is free on the slab is listed once and not in use. */
static void check_index(const struct queued_cache *qc, const struct page *page)
{
	u64 seen[OBJECTS_MAX_SHORT / BITS_PER_WORD + 1] = {0};

	for (unsigned int i = page->inuse; i < qc->num; i++) {
		unsigned int number = get_index(qc, page, i);

		ASSERT(number < qc->num);
		ASSERT(!bit_test(seen, number));
		ASSERT(!bit_test(books_of(page)->in_use, number));
		bit_set(seen, number);
	}
}

static void check_slab(struct queued_cache *qc, const struct page *page, int nid)
{
	ASSERT(page->flags & PG_slab && !(page->flags & PG_tail));
	ASSERT(page->slab_cache == &qc->c && page_to_nid(page) == nid);
	ASSERT(page->objects == qc->num && page->inuse <= qc->num);
	ASSERT(first_offset(page) % qc->colour_off == 0);
	ASSERT(first_offset(page) + (u64)qc->num * qc->c.size +
		       (qc->off_slab ? 0 : qc->num * qc->index_bytes) <=
	       PAGE_SIZE << qc->c.order);
	check_index(qc, page);
}

/* Returns the slabs on the list; with bits, objects on them have been accounted for. */
static u64 check_list(struct queued_cache *qc, int nid, const struct list_head *list,
		      unsigned int least, unsigned int most, u64 *free_objects)
{
	const struct page *page;
	u64 slabs = 0;

	list_for_each_entry (page, list, lru) {
		unsigned int bits = 0;

		check_slab(qc, page, nid);
		ASSERT(page->inuse >= least && page->inuse <= most);
		for (unsigned int i = 0; i < DIV_ROUND_UP(qc->num, BITS_PER_WORD); i++)
			bits += (unsigned int)__builtin_popcountll(books_of(page)->in_use[i]);
		ASSERT(bits == page->inuse);
		*free_objects += qc->num - page->inuse;
		slabs++;
	}
	return slabs;
}

static void check_node(struct queued_cache *qc, int nid)
{
	struct queued_node *n = &qc->nodes[nid];
	u64 slabs, nr_free, free_objects = 0;

	ASSERT(!n->list_lock.locked);
	slabs = check_list(qc, nid, &n->full, qc->num, qc->num, &free_objects);
	if (qc->num > 1)
		slabs += check_list(qc, nid, &n->partial, 1, qc->num - 1, &free_objects);
	else
		ASSERT(list_empty(&n->partial));
	nr_free = check_list(qc, nid, &n->free, 0, 0, &free_objects);
	ASSERT(nr_free == n->nr_free && slabs + nr_free == n->nr_slabs);
	ASSERT(free_objects == n->free_objects);
}

/* Marks what lies in the array as in use, or takes the marks away again. */
static void mark_array(struct queued_cache *qc, const struct queued_array *ac, bool mark)
{
	if (!ac)
		return;
	ASSERT(ac->avail <= ac->limit);
	for (u32 i = 0; i < ac->avail; i++) {
		const struct page *page = queued_page_of(qc, ac->entry[i]);

		ASSERT(page);
		ASSERT(object_in_use(qc, page, ac->entry[i]) != mark);
		object_set_in_use(qc, page, ac->entry[i], mark);
	}
}

static void mark_arrays(struct queued_cache *qc, bool mark)
{
	int cpu, nid, other;

	if (!qc->cpu_array)
		return;
	for_each_possible_cpu (cpu)
		mark_array(qc, qc->cpu_array[cpu], mark);
	for_each_node (nid) {
		struct queued_node *n = &qc->nodes[nid];

		mark_array(qc, n->shared, mark);
		if (n->aliens)
			for_each_node (other)
				mark_array(qc, n->aliens[other].ac, mark);
	}
}

static void check_cache(struct queued_cache *qc)
{
	int nid;

	mark_arrays(qc, true);
	for_each_node (nid)
		check_node(qc, nid);
	mark_arrays(qc, false);
}

void queued_check(struct slab_cache *cache)
{
	struct queued *q = to_queued(cache)->q;

	check_cache(to_queued(cache));
	for (unsigned int i = 0; i < NR_META_CLASSES; i++)
		check_cache(meta_cache(q, i));
}
