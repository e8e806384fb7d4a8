/*
 * queued_slab's geometry: objects of a slab, where their index lies, colours, lengths of arrays.
 *
 * Theory: a slab's index of free objects takes one or two bytes an object. On the slab, it lies
 * behind the objects; off it, in memory of its own, and objects of a power of two fill their pages
 * without a rest. Off the slab is preferred where the index takes at most half an object's memory
 * and its own memory needs none off the slab; but where the rest of the slab has room for the index
 * it lies there all the same, at the price of colours. Of the orders the first is taken that wastes
 * at most 1/8, and none above the limit, be the waste what it may (calculate_slab_order,
 * set_off_slab_cache, set_on_slab_cache: mm/slab.c, Linux 6.1).
 *
 * What is left over in a slab shifts its objects from slab to slab by a cache line, the colours, so
 * that equal fields of objects of different slabs do not meet in the same sets of the caches.
 *
 * Arrays are the shorter the larger the objects; half of one moves at once; the array a node's CPUs
 * share holds eight such batches (enable_cpucache, ibid.).
 *
 * Invariant: a slab holds 1 to 255 objects, with two bytes an index 1 to 32767; objects, index and
 * colour fit into it.
 *
 * Unlike Linux: no index in a free object (OBJFREELIST_SLAB, 4.6 and later), for layers own the
 * contents of free objects; the size of an index is an option, not a matter of the page size; of a
 * smallest order with too many objects for an index, a smaller one is taken.
 */
#include "alloc/slab/queued.h"

/* SLAB_MAX_ORDER_LO and _HI, above and below this memory. */
#define SMALL_MEMORY_PAGES ((32UL << 20) >> PAGE_SHIFT)
#define OBJECTS_MAX_BYTE 255U
/* Smallest object: as many as an index of a byte can count in a page. */
#define OBJECT_MIN_BYTE 16U
#define OBJECT_MIN_SHORT 8U

enum { INDEX_BYTE, INDEX_SHORT };
const char *const queued_index_names[] = {"byte", "short", NULL};

static int slab_max_order(const struct queued_options *o)
{
	int order = kernel->max_pfn > SMALL_MEMORY_PAGES ? 1 : 0;

	return o->max_order < 0 ? order : (int)o->max_order;
}

static unsigned int objects_max(const struct queued_cache *qc)
{
	return qc->index_bytes == 1 ? OBJECTS_MAX_BYTE : OBJECTS_MAX_SHORT;
}

/* Objects of a slab of this order; what is left over goes to *rest. */
static unsigned int estimate(const struct queued_cache *qc, int order, bool off_slab, size_t *rest)
{
	size_t bytes = PAGE_SIZE << order, chunk = qc->c.size + (off_slab ? 0 : qc->index_bytes);

	*rest = bytes % chunk;
	return (unsigned int)(bytes / chunk);
}

/* An index beside the slab: worth it, and not such that it would need one itself. */
static bool off_slab_pays(const struct queued_cache *qc, unsigned int num)
{
	const struct queued_cache *class = meta_class(qc->q, (size_t)num * qc->index_bytes);

	return class && class->num && !class->off_slab && class->c.size <= qc->c.size / 2;
}

static int first_order(const struct queued_cache *qc, bool off_slab)
{
	int order = (int)qc->q->o.min_order;
	size_t rest;

	while (order && estimate(qc, order, off_slab, &rest) > objects_max(qc))
		order--;
	return order;
}

/* Sets num and order; num 0: none fits. Returns what is left over. */
static size_t choose_order(struct queued_cache *qc, bool off_slab)
{
	size_t rest, left = 0;

	qc->num = 0;
	for (int order = first_order(qc, off_slab); order < MAX_ORDER; order++) {
		unsigned int num = estimate(qc, order, off_slab, &rest);

		if (num > objects_max(qc))
			break;
		if (!num || (off_slab && !off_slab_pays(qc, num)))
			continue;
		qc->num = num;
		qc->c.order = order;
		left = rest;
		if (qc->c.gfp & __GFP_RECLAIMABLE)
			break;
		if (order >= slab_max_order(&qc->q->o) || left * 8 <= PAGE_SIZE << order)
			break;
	}
	return left;
}

static bool place_index(struct queued_cache *qc)
{
	size_t left = choose_order(qc, true);

	qc->off_slab = qc->num && left < (size_t)qc->num * qc->index_bytes;
	if (!qc->off_slab)
		left = choose_order(qc, false);
	qc->colour = qc->q->o.colour ? (unsigned int)(left / qc->colour_off) : 0;
	return qc->num;
}

bool queued_geometry(struct queued_cache *qc, unsigned int size)
{
	struct slab_cache *c = &qc->c;
	bool byte = qc->q->o.index == INDEX_BYTE;

	c->align = max(c->align, 8U);
	ASSERT(is_power_of_2(c->align));
	c->inuse = ALIGN(max(c->objsize, 1U), 8U);
	if (c->shape)
		size = max(size, c->shape->size);
	size = max(size, byte ? OBJECT_MIN_BYTE : OBJECT_MIN_SHORT);
	c->size = ALIGN(max(c->inuse, size), c->align);
	c->offset = 0; /* there is no free pointer */
	qc->index_bytes = byte ? 1 : 2;
	qc->colour_off = max(c->align, (unsigned int)SMP_CACHE_BYTES);
	if (!place_index(qc))
		return false;
	c->objects = qc->num;
	qc->reciprocal = ~0ULL / c->size + 1;
	return true;
}

static unsigned int default_limit(unsigned int size)
{
	if (size > 131072)
		return 1;
	if (size > PAGE_SIZE)
		return 8;
	if (size > 1024)
		return 24;
	return size > 256 ? 54 : 120;
}

void queued_array_sizes(struct queued_cache *qc)
{
	const struct queued_options *o = &qc->q->o;
	bool shares = qc->c.size <= PAGE_SIZE && kernel->nr_cpu_ids > 1;

	qc->limit = o->limit ? (unsigned int)o->limit : default_limit(qc->c.size);
	qc->batchcount = o->batchcount ? (unsigned int)o->batchcount : (qc->limit + 1) / 2;
	qc->batchcount = min(qc->batchcount, qc->limit);
	qc->shared = o->shared < 0 ? (shares ? 8 : 0) : (unsigned int)o->shared;
	qc->shared = min(qc->shared, QUEUED_ENTRIES_MAX / qc->batchcount);
}
