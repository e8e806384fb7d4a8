/*
 * The slabifier's geometry: chunk, pages of a slab, and how many slabs may wait where.
 *
 * Theory: a slab of n objects wastes less than 1/n of itself to its tail, so larger slabs waste
 * less, but large blocks of pages are hard to get and one live object holds all of one. Therefore
 * the smallest order that holds enough objects for the number of CPUs and wastes at most 1/16; if
 * there is none, 1/8, then 1/4; then fewer objects. (calculate_order, calc_slab_order,
 * set_cpu_partial: mm/slub.c, Linux 6.1.)
 *
 * A shape, the geometry of a recorded machine, is kept to wherever the user's options do not say
 * otherwise: the chunk is at least the recorded one, order and limits are the recorded ones.
 *
 * Invariant: a slab holds 1 to SLAB_OBJECTS_MAX objects, and the free pointer lies inside the
 * object.
 *
 * Unlike Linux: CPUs are counted as configured, all are present; the free pointer is never moved
 * behind the object, for constructors and poison are the business of layers. On four CPUs the
 * result is that of 6.1 for each of the 221 caches of a recorded machine
 * (tests/test_slab_geometry.c has a choice of them).
 */
#include "alloc/slab/slabifier.h"

/* PAGE_ALLOC_COSTLY_ORDER, of slab_max_order; then MIN_PARTIAL, MAX_PARTIAL. */
#define DEFAULT_MAX_ORDER 3
#define MIN_PARTIAL 5
#define MAX_PARTIAL 10

static unsigned int order_objects(int order, unsigned int size)
{
	return (unsigned int)((PAGE_SIZE << order) / size);
}

static int bytes_order(u64 bytes)
{
	int order = 0;

	while (PAGE_SIZE << order < bytes)
		order++;
	return order;
}

/* The smallest order with min_objects and a tail of at most 1/fraction; above max_order if none. */
static int order_for(int min_order, int max_order, unsigned int size, unsigned int min_objects,
		     unsigned int fraction)
{
	int order;

	if (order_objects(min_order, size) > SLAB_OBJECTS_MAX)
		return bytes_order((u64)size * SLAB_OBJECTS_MAX) - 1;
	order = max(min_order, bytes_order((u64)min_objects * size));
	for (; order <= max_order; order++) {
		u64 bytes = PAGE_SIZE << order;

		if (bytes % size <= bytes / fraction)
			break;
	}
	return order;
}

static int max_order_of(const struct slabifier_options *o)
{
	return o->max_order < 0 ? DEFAULT_MAX_ORDER : (int)o->max_order;
}

/* Objects a slab should hold so that many CPUs do not meet at the list lock too often. */
static unsigned int wanted_objects(const struct slabifier_options *o, unsigned int size)
{
	unsigned int wanted = (unsigned int)o->min_objects;

	if (!wanted)
		wanted = 4 * (bit_highest((u64)kernel->nr_cpu_ids) + 2);
	wanted = min(wanted,
		     SLAB_OBJECTS_MAX / 2U); /* an order up rounds to at most twice as many */
	return min(wanted, order_objects(max_order_of(o), size));
}

/* -1: larger than the largest block. */
static int slab_order(const struct slabifier_options *o, unsigned int size)
{
	int min_order = (int)o->min_order, max_order = max(max_order_of(o), (int)o->min_order),
	    order;

	for (unsigned int n = wanted_objects(o, size); n > 1; n--) {
		for (unsigned int fraction = 16; fraction >= 4; fraction /= 2) {
			order = order_for(min_order, max_order, size, n, fraction);
			if (order <= max_order)
				return order;
		}
	}
	order = order_for(min_order, max_order, size, 1, 1);
	if (order <= max_order)
		return order;
	order = order_for(min_order, MAX_ORDER - 1, size, 1, 1);
	return order < MAX_ORDER ? order : -1;
}

/* The user has said how large slabs are to be. */
static bool order_is_chosen(const struct slabifier_options *o)
{
	return o->min_order || o->max_order >= 0 || o->min_objects;
}

/*
 * The recorded order counts as long as a slab of it holds an object, which layers may have
 * enlarged.
 */
static int shaped_order(const struct slabifier_options *o, const struct slab_shape *shape,
			unsigned int size)
{
	if (shape && !order_is_chosen(o) && PAGE_SIZE << shape->order >= size &&
	    order_objects(shape->order, size) <= SLAB_OBJECTS_MAX)
		return shape->order;
	return slab_order(o, size);
}

/* Objects on partial slabs of one CPU; counted in slabs taken to be half full. */
static unsigned int cpu_partial_slabs(const struct slabifier_cache *s,
				      const struct slabifier_options *o)
{
	unsigned int n;

	if (o->cpu_partial >= 0)
		n = (unsigned int)o->cpu_partial;
	else if (s->c.shape && s->c.shape->cpu_partial >= 0)
		n = (unsigned int)s->c.shape->cpu_partial;
	else if (s->c.size >= PAGE_SIZE)
		n = 6;
	else if (s->c.size >= 1024)
		n = 24;
	else if (s->c.size >= 256)
		n = 52;
	else
		n = 120;
	return DIV_ROUND_UP(n * 2, s->objects);
}

static unsigned int min_partial(const struct slabifier_cache *s, const struct slabifier_options *o)
{
	unsigned int n = bit_highest(s->c.size) / 2;

	if (o->min_partial >= 0)
		return (unsigned int)o->min_partial;
	if (s->c.shape && s->c.shape->min_partial >= 0)
		return (unsigned int)s->c.shape->min_partial;
	return min(max(n, (unsigned int)MIN_PARTIAL), (unsigned int)MAX_PARTIAL);
}

bool slab_geometry(struct slabifier_cache *s, unsigned int size)
{
	const struct slabifier_options *o = &s->sl->o;
	struct slab_cache *c = &s->c;

	c->align = max(c->align, 8U);
	ASSERT(is_power_of_2(c->align));
	c->inuse = ALIGN(max(c->objsize, 1U), 8U);
	if (c->shape)
		size = max(size, c->shape->size);
	c->size = ALIGN(max(c->inuse, size), c->align);
	/* In the middle: overflows of neighbours reach the ends first. */
	if (!c->offset)
		c->offset = c->objsize / 2 & ~7U;
	c->order = shaped_order(o, c->shape, c->size);
	if (c->order < 0)
		return false;
	s->objects = c->objects = order_objects(c->order, c->size);
	s->min_order = min(max((int)o->min_order, bytes_order(c->size)), c->order);
	s->min_objects = order_objects(s->min_order, c->size);
	s->reciprocal = ~0ULL / c->size + 1;
	s->cpu_partial_slabs = cpu_partial_slabs(s, o);
	s->min_partial = min_partial(s, o);
	return true;
}
