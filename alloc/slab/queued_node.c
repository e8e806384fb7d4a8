/*
 * A node's lists of slabs, and where slabs come from.
 *
 * Theory: a slab is full, partial or free, and on the list of that name of the node its pages are
 * of. Objects are taken from the first partial slab, then from a free one; a slab an object came
 * back to goes to the end of the partial ones, so that the others on it have time to come back too.
 * While a node has more free objects than free_limit, its free slabs go back to the page allocator.
 *
 * A request for a node that has nothing takes a new slab there, without trying hard; if there is
 * none to be had, free objects of other nodes, the nearest first; then a new slab wherever, trying
 * as hard as the request allows (____cache_alloc_node, fallback_alloc: mm/slab.c, Linux 6.1).
 *
 * Invariant: free_objects counts the entries of the index arrays beyond page->inuse, over all slabs
 * on the lists. A slab being grown is on no list and counted nowhere.
 *
 * Unlike Linux: a layer of the page chain may give pages of another node whatever is asked for;
 * that node's lists then serve requests for this one (queued_node.serving).
 */
#include "alloc/slab/queued.h"

/* ---- Slabs and their memory ---- */

static size_t index_size(const struct queued_cache *qc)
{
	return (size_t)qc->num * qc->index_bytes;
}

/* On the slab the index lies at its very end. */
static void *index_room(struct queued_cache *qc, struct page *page, gfp_t flags)
{
	if (qc->off_slab)
		return meta_alloc(qc->q, index_size(qc), flags & ~GFP_CONSTRAINT_MASK,
				  page_to_nid(page));
	return (char *)page_address(page) + (PAGE_SIZE << page->order) - index_size(qc);
}

static struct slab_books *books_create(struct queued_cache *qc, void *index)
{
	size_t words = DIV_ROUND_UP(qc->num, BITS_PER_WORD);
	struct slab_books *books = instance_alloc(sizeof(*books) + words * sizeof(u64));

	books->index = index;
	return books;
}

static void slab_init(struct queued_cache *qc, struct page *page, struct slab_books *books)
{
	struct queued_node *n = &qc->nodes[page_to_nid(page)];

	page->flags |= PG_slab;
	page->slab_cache = &qc->c;
	page->freelist = books;
	page->objects = qc->num & 0x7fff;
	page->inuse = 0;
	page->frozen = 0;
	n->colour_next = n->colour_next + 1 < qc->colour ? n->colour_next + 1 : 0;
	page->slab_private = n->colour_next * qc->colour_off / SMP_CACHE_BYTES;
	queued_charge_page(page);
	for (unsigned int i = 0; i < qc->num; i++)
		set_index(qc, page, i, i);
	charge_bytes(index_size(qc));
	charge_memory(page_to_nid(page));
}

static gfp_t slab_gfp(const struct queued_cache *qc, gfp_t flags, bool exact)
{
	gfp_t gfp = flags & (GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK);

	if (exact)
		gfp = (gfp | __GFP_THISNODE | __GFP_NOWARN) & ~(__GFP_RECLAIM | __GFP_NOFAIL);
	return gfp | qc->c.gfp | __GFP_COMP;
}

struct page *slab_grow(struct queued_cache *qc, gfp_t flags, int nid, bool exact)
{
	gfp_t gfp = slab_gfp(qc, flags, exact);
	struct page *page = page_alloc(qc->c.page_alloc, qc->c.order, gfp, nid);
	void *index;

	if (!page)
		return NULL;
	if (exact)
		qc->nodes[nid].serving = page_to_nid(page);
	index = index_room(qc, page, gfp & (GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK));
	if (!index) {
		page_free(qc->c.page_alloc, page, qc->c.order);
		return NULL;
	}
	note_path(PATH_NEW_SLAB);
	slab_init(qc, page, books_create(qc, index));
	return page;
}

static void slab_destroy(struct queued_cache *qc, struct page *page)
{
	struct slab_books *books = books_of(page);

	charge(COST_CALL);
	if (qc->off_slab)
		meta_free(qc->q, books->index, index_size(qc));
	instance_free(books);
	slab_page_clear(page);
	page_free(qc->c.page_alloc, page, qc->c.order);
}

void slabs_destroy(struct queued_cache *qc, struct list_head *doomed)
{
	while (!list_empty(doomed)) {
		struct page *page = list_first_entry(doomed, struct page, lru);

		list_del(&page->lru);
		slab_destroy(qc, page);
	}
}

/* ---- Objects of a slab ---- */

void *slab_take_object(struct queued_cache *qc, struct page *page)
{
	charge(COST_LIST_STEP);
	return object_at(qc, page, get_index(qc, page, page->inuse++));
}

static void slab_put_object(struct queued_cache *qc, struct page *page, const void *object)
{
	ASSERT(page->inuse);
	charge(COST_LIST_STEP);
	queued_charge_page(page);
	set_index(qc, page, --page->inuse, object_number(qc, page, object));
}

/* ---- A node's lists; its lock is held ---- */

void queued_nodes_init(struct queued_cache *qc)
{
	int nid;

	qc->nodes = instance_alloc(sizeof(*qc->nodes) * (size_t)kernel->nr_node_ids);
	for_each_node (nid) {
		struct queued_node *n = &qc->nodes[nid];

		spin_lock_init(&n->list_lock, "n->list_lock");
		INIT_LIST_HEAD(&n->partial);
		INIT_LIST_HEAD(&n->full);
		INIT_LIST_HEAD(&n->free);
		n->serving = nid;
	}
}

struct page *first_slab(struct queued_cache *qc, struct queued_node *n)
{
	struct list_head *list = &n->partial;
	struct page *page;

	(void)qc;
	if (list_empty(list)) {
		list = &n->free;
		n->free_touched = true;
		if (list_empty(list))
			return NULL;
		n->nr_free--;
	}
	page = list_first_entry(list, struct page, lru);
	list_del(&page->lru);
	charge(COST_LIST_STEP);
	queued_charge_page(page);
	return page;
}

void slab_listed(struct queued_cache *qc, struct queued_node *n, struct page *page)
{
	charge(COST_LIST_STEP);
	list_add(&page->lru, page->inuse == qc->num ? &n->full : &n->partial);
}

void slab_grown(struct queued_cache *qc, struct page *page)
{
	struct queued_node *n = &qc->nodes[page_to_nid(page)];

	spin_lock(&n->list_lock);
	n->nr_slabs++;
	n->free_objects += qc->num - page->inuse;
	if (page->inuse) {
		slab_listed(qc, n, page);
	} else {
		charge(COST_LIST_STEP);
		list_add_tail(&page->lru, &n->free);
		n->nr_free++;
	}
	spin_unlock(&n->list_lock);
}

/* The last of the free slabs goes. */
static struct page *unlist_free_slab(struct queued_cache *qc, struct queued_node *n)
{
	struct page *page = list_last_entry(&n->free, struct page, lru);

	list_del(&page->lru);
	charge(COST_LIST_STEP);
	n->nr_free--;
	n->nr_slabs--;
	n->free_objects -= qc->num;
	return page;
}

static void put_object(struct queued_cache *qc, struct queued_node *n, const void *object)
{
	struct page *page = virt_to_head_page(object);

	list_del(&page->lru);
	slab_put_object(qc, page, object);
	n->free_objects++;
	if (page->inuse) {
		list_add_tail(&page->lru, &n->partial);
	} else {
		list_add(&page->lru, &n->free);
		n->nr_free++;
	}
}

void free_block(struct queued_cache *qc, struct queued_node *n, void *const *objects, u32 nr,
		struct list_head *doomed)
{
	for (u32 i = 0; i < nr; i++) {
		struct queued_node *other = &qc->nodes[page_to_nid(virt_to_page(objects[i]))];

		if (likely(other == n)) {
			put_object(qc, n, objects[i]);
			continue;
		}
		spin_unlock(&n->list_lock);
		spin_lock(&other->list_lock);
		put_object(qc, other, objects[i]);
		spin_unlock(&other->list_lock);
		spin_lock(&n->list_lock);
	}
	if (qc->defragmenting)
		return;
	while (n->free_objects > n->free_limit && !list_empty(&n->free))
		list_add(&unlist_free_slab(qc, n)->lru, doomed);
}

u64 drain_free_slabs(struct queued_cache *qc, struct queued_node *n, u64 nr)
{
	u64 freed = 0;

	for (; freed < nr && !list_empty(&n->free); freed++) {
		struct page *page;

		spin_lock_irqsave(&n->list_lock);
		page = unlist_free_slab(qc, n);
		spin_unlock_irqrestore(&n->list_lock);
		slab_destroy(qc, page);
	}
	return freed;
}

/* ---- An object of a node ---- */

/* What is there already. */
static void *take_listed(struct queued_cache *qc, int nid)
{
	struct queued_node *n = &qc->nodes[nid];
	void *object = NULL;
	struct page *page;

	spin_lock_irqsave(&n->list_lock);
	page = first_slab(qc, n);
	if (page) {
		object = slab_take_object(qc, page);
		n->free_objects--;
		slab_listed(qc, n, page);
	}
	spin_unlock_irqrestore(&n->list_lock);
	return object;
}

static void *take_grown(struct queued_cache *qc, gfp_t flags, int nid, bool exact)
{
	struct page *page = slab_grow(qc, flags, nid, exact);
	void *object;

	if (!page)
		return NULL;
	object = slab_take_object(qc, page);
	slab_grown(qc, page);
	return object;
}

static void *take_elsewhere(struct queued_cache *qc, gfp_t flags)
{
	int local = memory_node(qc->q, numa_node_id());
	const u8 *nearest = qc->q->nearest + local * kernel->nr_node_ids;

	if (flags & __GFP_THISNODE)
		return NULL;
	for (int i = 0; i < qc->q->nr_memory_nodes; i++)
		if (qc->nodes[nearest[i]].free_objects)
			return take_listed(qc, nearest[i]);
	return take_grown(qc, flags, local, false);
}

void *queued_node_alloc(struct queued_cache *qc, gfp_t flags, int nid)
{
	void *object;

	note_path(PATH_SLOW);
	if (unlikely(!node_has_memory(nid)) && (flags & __GFP_THISNODE))
		return NULL;
	nid = memory_node(qc->q, nid);
	object = take_listed(qc, qc->nodes[nid].serving);
	if (!object)
		object = take_grown(qc, flags, nid, true);
	return object ? object : take_elsewhere(qc, flags);
}
