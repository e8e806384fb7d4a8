/*
 * Shrinking the caches of a run, and objects that can be moved out of its way.
 *
 * Theory: an allocator that shrinks a cache empties sparse slabs by asking the users of their
 * objects to move. Here the user is the load, and its record of the object is what has to follow.
 * The allocator knows addresses only, so each object of a movable cache carries its number in its
 * first bytes. The others are filled with words that follow from the number: what a move (or a
 * layer) loses or mixes up is found at the next look, which is at each move and at the free.
 *
 * Invariant: a live object of a movable cache begins with its number, and objects[number].addr is
 * where it lies.
 *
 * Unlike Linux: no cache of 6.1 can move its objects. The seam is that of the modular slab (2006):
 * move_object allocates anew, copies, and returns 1; 0 means pinned.
 */
#include "sim/movable.h"

#include <string.h>

#include "lib/digest.h"

/* The word at byte `at` of an object; the first is its number. */
static inline u64 content(u32 number, unsigned int at)
{
	return number + at * 0x9e3779b97f4a7c15ULL;
}

static u32 number_of(const struct replay *rp, const struct object *o)
{
	return (u32)(o - rp->acc.objects);
}

static unsigned int bytes_of(const struct replay *rp, const struct object *o)
{
	return rp->acc.names[o->name].cache->objsize;
}

void movable_born(const struct replay *rp, const struct object *o)
{
	u32 number = number_of(rp, o);

	for (unsigned int at = 0; at + 8 <= bytes_of(rp, o); at += 8) {
		u64 word = content(number, at);

		memcpy((char *)o->addr + at, &word, sizeof(word));
	}
}

void movable_check(const struct replay *rp, const struct object *o)
{
	u32 number = number_of(rp, o);

	for (unsigned int at = 0; at + 8 <= bytes_of(rp, o); at += 8) {
		u64 word;

		memcpy(&word, (const char *)o->addr + at, sizeof(word));
		ASSERT(word == content(number, at));
	}
}

/* The live object whose memory this is. */
static struct object *object_at(struct replay *rp, const struct slab_cache *cache,
				const void *object)
{
	struct object *o;
	u64 number;

	memcpy(&number, object, sizeof(number));
	ASSERT(number < rp->acc.nr_objects_max);
	o = &rp->acc.objects[number];
	ASSERT(o->addr == object);
	ASSERT(rp->acc.names[o->name].cache == cache);
	return o;
}

static int move_object(struct slab_cache *cache, void *object)
{
	struct replay *rp = machine_current()->run;
	struct object *o = object_at(rp, cache, object);
	void *to;

	if (o->pinned) {
		rp->shrunk.pinned_objs++;
		return 0;
	}
	to = slab_alloc(cache, GFP_KERNEL);
	if (!to)
		return 0;
	charge_bytes(cache->objsize);
	memcpy(to, object, cache->objsize);
	o->addr = to;
	movable_check(rp, o);
	rp->digest = digest_u64(rp->digest, virt_to_phys(to));
	rp->shrunk.moved_objs++;
	rp->shrunk.moved_bytes += cache->objsize;
	return 1;
}

void movable_defragment(const struct name *n)
{
	ASSERT(n->movable);
	(void)slab_cache_shrink(n->cache, move_object);
}

void movable_shrink(struct replay *rp, const struct request *r)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns);
	s64 before = rp->stack.pages->layer->live_bytes;

	kernel->site = r->site;
	for_each_cache(rp, n)
	{
		rp->shrunk.slabs +=
			(u64)slab_cache_shrink(n->cache, n->movable ? move_object : NULL);
	}
	rp->shrunk.bytes += before - rp->stack.pages->layer->live_bytes;
	rp->shrunk.ns += machine_leave(rp->m, entered_ns);
}
