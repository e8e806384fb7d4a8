/*
 * The warm start: which slots of a cache's slabs are free.
 *
 * Theory. Of what nobody saw, sysfs tells how many objects each node has, and on how many partial
 * slabs. A slab from which the load allocates gives all its free slots to one CPU, so where some
 * free slots are known, usually all are: free slots that nobody saw go to slabs that nobody saw, as
 * many as there are partial ones, then to the others. A slab that went back later held nobody
 * unknown.
 *
 * Slabs in which nobody lives are CPU slabs: a shrink would have taken them. After a shrink each is
 * made by a CPU of its node, which takes an object and gives it back; where the node has partial
 * slabs the CPU would take one of those, so a resident stands in. Where there was no shrink before
 * time zero, empty slabs wait on the lists of a CPU.
 */
#include <stdlib.h>

#include "lib/mem.h"
#include "traces/warm_place.h"

/* Slots of a slab that may be made free. Its last object, if unknown, stays: see empty_slabs. */
static u32 may_free(const struct warm_slab *s)
{
	return s->room - s->holes - (!s->known && s->room > s->holes);
}

/* Spreads `holes` over the first `nr` slabs of the node that `wanted` says, as evenly as there is
 * room; returns what is left. */
static u64 spread(struct placing *p, u8 nid, u64 holes, u64 nr,
		  bool (*wanted)(const struct warm_slab *))
{
	u64 chosen = 0, left;

	for (u64 i = 0; i < p->nr_slabs && chosen < nr; i++) {
		struct warm_slab *s = &p->slabs[i];

		s->chosen = s->nid == nid && wanted(s) && may_free(s);
		chosen += s->chosen;
	}
	do {
		u64 each = chosen ? max(holes / chosen, (u64)1) : 0, seen = 0;

		left = holes;
		for (u64 i = 0; seen < chosen && holes; i++) {
			struct warm_slab *s = &p->slabs[i];
			u64 n = min(each, holes);

			if (!s->chosen)
				continue;
			n = min(n, (u64)may_free(s));
			s->holes += (u32)n;
			holes -= n;
			seen++;
		}
	} while (holes && holes < left);
	for (u64 i = 0; i < p->nr_slabs; i++)
		p->slabs[i].chosen = false;
	return holes;
}

static bool is_unseen(const struct warm_slab *s)
{
	return !s->nr;
}

static bool is_partial(const struct warm_slab *s)
{
	return s->free && !s->dead;
}

static bool is_any(const struct warm_slab *s)
{
	return !s->dead;
}

/* Slabs that have nobody, for there are not as many residents. */
static void empty_slabs(struct placing *p, u64 holes)
{
	for (u64 i = 0; i < p->nr_slabs && holes; i++) {
		struct warm_slab *s = &p->slabs[i];

		if (s->known || s->empty || !is_unseen(s) || s->room != s->holes + 1)
			continue;
		s->holes = s->room;
		s->empty = true;
		holes--;
	}
}

/* What a node has room for, and what is free there according to sysfs and not known. */
struct node_share {
	u64 room, holes, partial;
};

static void count_node(const struct placing *p, u8 nid, struct node_share *n)
{
	u64 slots = 0, free = 0;

	*n = (struct node_share){0};
	for (u64 i = 0; i < p->nr_slabs; i++) {
		const struct warm_slab *s = &p->slabs[i];

		if (s->nid != nid)
			continue;
		slots += p->row->objs_per_slab;
		free += s->free + s->holes;
		n->room += s->room - s->holes;
		n->partial += s->free != 0;
	}
	n->partial = p->sysfs ? less(p->sysfs->node_partial[nid], n->partial) : 0;
	if (!p->sysfs)
		return;
	n->holes = less(slots, p->sysfs->node_objects[nid] + free);
	n->holes = min(n->holes, n->room);
}

/* As many holes in all as there are to be: each node gives or takes by what it has of them, or of
 * room for more. */
static void settle(struct node_share *nodes, u64 holes)
{
	u64 sum = 0, weights = 0;
	bool more;

	for (int n = 0; n < WARM_NODES; n++)
		sum += nodes[n].holes;
	more = sum < holes;
	for (int n = 0; n < WARM_NODES; n++)
		weights += more ? nodes[n].room - nodes[n].holes : nodes[n].holes;
	for (int n = 0; n < WARM_NODES && weights; n++) {
		u64 weight = more ? nodes[n].room - nodes[n].holes : nodes[n].holes;
		u64 off = more ? holes - sum : sum - holes, part = off * weight / weights;

		weights -= weight;
		nodes[n].holes = more ? nodes[n].holes + part : nodes[n].holes - part;
		sum = more ? sum + part : sum - part;
	}
}

static u64 node_holes(struct placing *p, u8 nid, const struct node_share *n)
{
	u64 holes = n->holes;

	holes = spread(p, nid, holes, n->partial, is_unseen);
	holes = spread(p, nid, holes, p->nr_slabs, is_partial);
	holes = spread(p, nid, holes, p->nr_slabs, is_unseen);
	return spread(p, nid, holes, p->nr_slabs, is_any);
}

static void place_holes(struct placing *p, u64 residents)
{
	struct node_share nodes[WARM_NODES];
	u64 room = 0, left = 0;

	for (u64 i = 0; i < p->nr_slabs; i++) {
		struct warm_slab *s = &p->slabs[i];

		if (s->dead)
			s->holes = s->room;
		s->empty = s->dead && !s->known;
		room += s->room - s->holes;
	}
	for (u8 n = 0; n < WARM_NODES; n++)
		count_node(p, n, &nodes[n]);
	settle(nodes, less(room, residents));
	for (u8 n = 0; n < WARM_NODES; n++)
		if (nodes[n].room)
			left += node_holes(p, n, &nodes[n]);
	for (u8 n = 0; n < WARM_NODES && left; n++)
		left = spread(p, n, left, p->nr_slabs, is_any);
	empty_slabs(p, left);
}

/* Does this CPU's node have slabs that it would take before it makes a new one? */
static bool has_partial(const struct placing *p, u8 nid)
{
	for (u64 i = 0; i < p->nr_slabs; i++)
		if (p->slabs[i].nid == nid && !p->slabs[i].empty &&
		    p->slabs[i].free + p->slabs[i].holes)
			return true;
	return false;
}

/* A CPU of the node for one more slab of its own: one that used the cache, if there is one. */
static int next_cpu(const struct placing *p, u8 nid, const u64 *taken)
{
	const u64 *used = warm_cpus_of(p->w, p->cache);
	int found = -1;

	for (int cpu = (int)p->w->kmt->tables.nr_cpus - 1; cpu >= 0; cpu--) {
		bool better = found < 0 || bit_test(used, (u64)cpu) || !bit_test(used, (u64)found);

		if (p->w->node_of_cpu[cpu] == nid && !bit_test(taken, (u64)cpu) && better)
			found = cpu;
	}
	return found;
}

/* Empty slabs after a shrink: to CPUs; those that no CPU can have get a resident. */
static void hand_out_empty(struct placing *p)
{
	u64 *taken = mem_alloc(p->w->cpu_words, sizeof(*taken));

	for (u64 i = 0; i < p->nr_slabs; i++) {
		struct warm_slab *s = &p->slabs[i];
		int cpu = s->empty && !has_partial(p, s->nid) ? next_cpu(p, s->nid, taken) : -1;

		if (!s->empty)
			continue;
		if (cpu >= 0) {
			bit_set(taken, (u64)cpu);
			s->cpu = cpu;
		} else {
			s->empty = false;
			s->holes -= s->holes != 0;
			s->free -= !s->room;
			s->room += !s->room;
		}
	}
	free(taken);
}

void warm_place_holes(struct placing *p, u64 residents)
{
	place_holes(p, residents);
	if (p->w->shrunk)
		hand_out_empty(p);
}
