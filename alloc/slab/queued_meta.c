/*
 * The memory that queued_slab itself takes: arrays, tables, indices off the slab.
 *
 * Theory: it comes from caches of queued_slab, as in Linux, where they are those of kmalloc: one
 * for each of the sizes 32 B to 64 KiB, on pages of the allocator's own chain. Arrays and indices
 * really live there. Of struct kmem_cache_node and its table of alien arrays only the room is
 * taken; the contents are host memory, for our locks and lists are longer than a kernel's.
 *
 * The circle (a cache needs arrays, arrays need a cache) is broken as Linux breaks it at boot, but
 * for good: these caches have no arrays, only lists of slabs, and their nodes take no room. An
 * index off the slab never needs one itself (off_slab_pays).
 *
 * Invariant: what a class has handed out is exactly what caches and slabs of q hold; when the last
 * cache has gone no class has a slab, unless objects were leaked.
 *
 * Unlike Linux: kmalloc's users have caches of their own, which stand on top of the chain; these
 * here are on no list of caches, but the reaper looks at them too.
 */
#include "alloc/slab/queued.h"

static const struct {
	unsigned int size;
	const char *name;
} classes[NR_META_CLASSES] = {
	{32, "queued-32"},     {64, "queued-64"},     {96, "queued-96"},   {128, "queued-128"},
	{192, "queued-192"},   {256, "queued-256"},   {512, "queued-512"}, {1024, "queued-1k"},
	{2048, "queued-2k"},   {4096, "queued-4k"},   {8192, "queued-8k"}, {16384, "queued-16k"},
	{32768, "queued-32k"}, {65536, "queued-64k"},
};
_Static_assert(sizeof(struct queued_array) + QUEUED_ENTRIES_MAX * sizeof(void *) <= 65536,
	       "the longest array fits the largest class");

struct queued_cache *meta_class(struct queued *q, size_t size)
{
	for (unsigned int i = 0; i < NR_META_CLASSES; i++)
		if (size <= classes[i].size)
			return meta_cache(q, i);
	return NULL;
}

void *meta_alloc(struct queued *q, size_t size, gfp_t flags, int nid)
{
	struct queued_cache *qc = meta_class(q, size);
	void *p = queued_node_alloc(qc, flags, nid);

	if (p)
		object_set_in_use(qc, virt_to_head_page(p), p, true);
	return p;
}

void meta_free(struct queued *q, void *p, size_t size)
{
	struct queued_cache *qc = meta_class(q, size);
	struct list_head doomed;
	struct queued_node *n;
	struct page *page;

	if (!p)
		return;
	page = virt_to_head_page(p);
	ASSERT(page->slab_cache == &qc->c);
	object_set_in_use(qc, page, p, false);
	n = &qc->nodes[page_to_nid(page)];
	INIT_LIST_HEAD(&doomed);
	spin_lock_irqsave(&n->list_lock);
	free_block(qc, n, &p, 1, &doomed);
	spin_unlock_irqrestore(&n->list_lock);
	slabs_destroy(qc, &doomed);
}

static void meta_init(struct queued *q, unsigned int class)
{
	struct queued_cache *qc = meta_cache(q, class);
	bool fits;
	int nid;

	*qc = (struct queued_cache){.q = q};
	qc->c.objsize = classes[class].size;
	qc->c.align = 32;
	qc->c.node = NUMA_NO_NODE;
	qc->c.page_alloc = q->sa.pages;
	strcpy(qc->c.name, classes[class].name);
	fits = queued_geometry(qc, 0);
	ASSERT(fits);
	queued_nodes_init(qc);
	for_each_node (nid)
		qc->nodes[nid].free_limit = qc->num;
	slab_cache_init(&qc->c, &q->sa, NULL);
	list_del(&qc->c.list);
}

/* From the smallest on: the larger ones ask where their index would lie. */
void metas_create(struct queued *q)
{
	q->metas = instance_alloc(NR_META_CLASSES * sizeof(*q->metas));
	for (unsigned int i = 0; i < NR_META_CLASSES; i++)
		meta_init(q, i);
}

/* From the largest on: indices off the slab come from small ones. */
void metas_drain(struct queued *q)
{
	int nid;

	for (unsigned int i = NR_META_CLASSES; i-- > 0;)
		for_each_node (nid) {
			struct queued_cache *qc = meta_cache(q, i);

			drain_free_slabs(qc, &qc->nodes[nid], ~0ULL);
		}
}

void metas_destroy(struct queued *q)
{
	u64 slabs = 0;

	metas_drain(q);
	for (unsigned int i = 0; i < NR_META_CLASSES; i++)
		slabs += queued_nr_slabs(meta_cache(q, i));
	if (slabs) /* pages of leaked objects still point here */
		return;
	for (unsigned int i = 0; i < NR_META_CLASSES; i++)
		instance_free(meta_cache(q, i)->nodes);
	instance_free(q->metas);
}
