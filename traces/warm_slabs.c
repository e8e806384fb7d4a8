/*
 * The warm start: which slab holds whom.
 *
 * Theory. Known slots are grouped by slab (its pages are naturally aligned). What is left to place
 * of a cache on a node are residents that no event names, and free slots that none names. A slab
 * from which the load allocates gives all its free slots to one CPU, so where some free slots are
 * known, usually all are: free slots that nobody saw go to slabs that nobody saw, as many as the
 * snapshot has partial ones, then to the others. A slab that went back later held nobody unknown.
 *
 * Slabs in which nobody lives are CPU slabs: a shrink would have taken them. After a shrink each is
 * made by a CPU of its node, which takes an object and gives it back; where the node has partial
 * slabs the CPU would take one of those, so a resident stands in. Where there was no shrink before
 * time zero, empty slabs wait on the lists of a CPU.
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/warm_priv.h"

/* A slab of the recorded machine at time zero. */
struct warm_slab {
	u64 first, nr;	 /* its known slots; nr 0: unseen */
	u32 known, free; /* of these */
	u32 room;	 /* slots of which nothing is known */
	u32 holes;	 /* of these, free */
	bool dead;	 /* it went back later */
	bool empty;	 /* nobody lives there: it is only there because a CPU has it */
	u8 nid;
	int cpu; /* if it is empty: whose it is */
};

/* One cache, while its slabs are placed. */
struct placing {
	struct warm *w;
	struct warm_cache *row;
	u32 cache, pages;
	const struct snapshot_sysfs *sysfs;
	struct warm_slab *slabs;
	u64 nr_slabs, slabs_max;
	const u32 *slots; /* indexes into the state's, sorted by (cache, address) */
	u64 nr_slots;
	u64 wanted[WARM_NODES]; /* slabs */
	const u32 *loose;	/* objects alive at addresses that nobody knows */
	u64 nr_loose;
};

static u64 less(u64 a, u64 b)
{
	return a > b ? a - b : 0;
}

static u32 slot_cache(const struct warm *w, const struct state_slot *s)
{
	return s->object == STATE_FREE ? s->cache : w->live[s->object].cache;
}

int warm_node(const struct warm *w, u64 pfn)
{
	const struct snapshot *snap = &w->snapshots->snaps[0];

	for (size_t i = 0; i < snap->nr_zones; i++) {
		const struct snapshot_zone *z = &snap->zones[i];

		if (z->spanned && pfn >= z->start_pfn && pfn < z->start_pfn + z->spanned)
			return z->node;
	}
	return 0;
}

static bool is_dead(const struct state *s, u64 pfn, u64 pages)
{
	u64 low = 0, high = s->nr_dead;

	while (low < high) {
		u64 mid = (low + high) / 2;

		if (s->dead[mid].pfn < pfn)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->nr_dead && s->dead[low].pfn < pfn + pages;
}

static u64 slab_pfn(const struct placing *p, u64 slot)
{
	return p->w->state.slots[p->slots[slot]].ptr / 4096 & ~(u64)(p->pages - 1);
}

static struct warm_slab *add_slab(struct placing *p, u64 nid)
{
	struct warm_slab *s;

	MEM_ROOM(p->slabs, p->nr_slabs, p->slabs_max);
	s = &p->slabs[p->nr_slabs++];
	*s = (struct warm_slab){.nid = (u8)nid, .room = p->row->objs_per_slab};
	return s;
}

/* Slabs that events name. */
static void seen_slabs(struct placing *p)
{
	const struct state *st = &p->w->state;

	for (u64 i = 0, k; i < p->nr_slots; i = k) {
		u64 pfn = slab_pfn(p, i);
		struct warm_slab *s = add_slab(p, (u64)warm_node(p->w, pfn));

		s->first = i;
		s->dead = is_dead(st, pfn, p->pages);
		for (k = i; k < p->nr_slots && slab_pfn(p, k) == pfn; k++)
			if (st->slots[p->slots[k]].object == STATE_FREE)
				s->free++;
			else
				s->known++;
		s->nr = k - i;
		s->room -= (u32)min((u64)s->room, s->nr);
		p->row->objs_known += s->known;
		p->row->free_known += s->free;
	}
	p->row->slabs_seen = p->nr_slabs;
}

/* More slabs seen than there were: those without a live object were not yet there. */
static void drop_empty(struct placing *p)
{
	u64 keep = 0, drop = less(p->nr_slabs, p->row->slabs_wanted);

	for (u64 i = 0; i < p->nr_slabs; i++) {
		if (drop && !p->slabs[i].known) {
			drop--;
			continue;
		}
		p->slabs[keep++] = p->slabs[i];
	}
	p->nr_slabs = keep;
}

/* How many slabs each node has, in all as many as wanted: as sysfs says, at least those seen. */
static void share_nodes(struct placing *p)
{
	u64 seen[WARM_NODES] = {0}, total = p->nr_slabs;
	int most = 0;

	for (u64 i = 0; i < p->nr_slabs; i++)
		seen[p->slabs[i].nid]++;
	for (int n = 0; n < WARM_NODES; n++) {
		u64 more = p->sysfs && p->sysfs->node_slabs[n] > seen[n]
				   ? p->sysfs->node_slabs[n] - seen[n]
				   : 0;

		more = min(more, less(p->row->slabs_wanted, total));
		p->wanted[n] = seen[n] + more;
		total += more;
		most = p->wanted[n] > p->wanted[most] ? n : most;
	}
	p->wanted[most] += less(p->row->slabs_wanted, total);
	for (u64 n = 0; n < WARM_NODES; n++)
		for (; seen[n] < p->wanted[n]; seen[n]++)
			add_slab(p, n);
}

/* Slots of a slab that may be made free. Its last object, if unknown, stays: see empty_slabs. */
static u32 may_free(const struct warm_slab *s)
{
	return s->room - s->holes - (!s->known && s->room > s->holes);
}

/* Spreads `holes` over the first `nr` slabs that `wanted` says, as evenly as there is room. */
static u64 spread(struct placing *p, u64 holes, u64 nr, bool (*wanted)(const struct warm_slab *))
{
	u64 chosen = 0, left;

	for (u64 i = 0; i < p->nr_slabs && chosen < nr; i++)
		chosen += wanted(&p->slabs[i]) && may_free(&p->slabs[i]);
	do {
		u64 i = 0, each = chosen ? max(holes / chosen, (u64)1) : 0;

		left = holes;
		for (u64 k = 0; i < p->nr_slabs && k < nr && holes; i++) {
			struct warm_slab *s = &p->slabs[i];
			u64 n = min(each, holes);

			if (!wanted(s))
				continue;
			n = min(n, (u64)may_free(s));
			k += may_free(s) || s->holes;
			s->holes += (u32)n;
			holes -= n;
		}
	} while (holes && holes < left);
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

/* Slabs that have nobody, for there are not as many residents: unseen ones, then any. */
static void empty_slabs(struct placing *p, u64 holes, bool (*wanted)(const struct warm_slab *))
{
	for (u64 i = 0; i < p->nr_slabs && holes; i++) {
		struct warm_slab *s = &p->slabs[i];

		if (s->known || s->empty || !wanted(s) || s->room != s->holes + 1)
			continue;
		s->holes = s->room;
		s->empty = true;
		holes--;
	}
}

/* Where nobody is who nobody knows: in slabs that went back, and in as many slots as the residents
 * leave. */
static void place_holes(struct placing *p, u64 residents)
{
	u64 room = 0, partial = 0, want = p->sysfs ? p->sysfs->partial : 0, holes;

	for (u64 i = 0; i < p->nr_slabs; i++) {
		struct warm_slab *s = &p->slabs[i];

		if (s->dead)
			s->holes = s->room;
		else
			room += s->room;
		s->empty = s->dead && !s->known;
		partial += s->free != 0;
	}
	holes = less(room, residents);
	holes = spread(p, holes, less(want, partial), is_unseen);
	holes = spread(p, holes, p->nr_slabs, is_partial);
	holes = spread(p, holes, p->nr_slabs, is_unseen);
	holes = spread(p, holes, p->nr_slabs, is_any);
	empty_slabs(p, holes, is_unseen);
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
static int next_cpu(const struct placing *p, u8 nid, u64 taken)
{
	u64 used = p->w->counts[p->cache].cpus;
	int found = -1;

	for (int cpu = (int)min(p->w->kmt->tables.nr_cpus, 64U) - 1; cpu >= 0; cpu--) {
		bool better = found < 0 || used >> cpu & 1 || !(used >> found & 1);

		if (p->w->node_of_cpu[cpu] == nid && !(taken >> cpu & 1) && better)
			found = cpu;
	}
	return found;
}

/* Empty slabs after a shrink: to CPUs; those that no CPU can have get a resident. */
static void hand_out_empty(struct placing *p)
{
	u64 taken = 0;

	for (u64 i = 0; i < p->nr_slabs; i++) {
		struct warm_slab *s = &p->slabs[i];
		int cpu = s->empty && !has_partial(p, s->nid) ? next_cpu(p, s->nid, taken) : -1;

		if (!s->empty)
			continue;
		if (cpu >= 0) {
			taken |= 1ULL << cpu;
			s->cpu = cpu;
		} else {
			s->empty = false;
			s->holes -= s->holes != 0;
			s->free -= !s->room;
			s->room += !s->room;
		}
	}
}

static struct request nobody(const struct placing *p, const struct warm_slab *s)
{
	const struct source_cache *c = &p->w->kmt->tables.caches[p->cache];
	struct request q = {
		.size = c->object_size,
		.gfp = GFP_KERNEL,
		.cache = (u16)p->cache,
		.kind = c->kmalloc ? REQ_KMALLOC : REQ_CACHE_ALLOC,
		.node = s->nid,
	};

	if (c->kmalloc && !strncmp(c->name, "kmalloc-cg-", 11))
		q.gfp |= __GFP_ACCOUNT;
	else if (c->kmalloc && !strncmp(c->name, "kmalloc-rcl-", 12))
		q.gfp |= __GFP_RECLAIMABLE;
	else if (c->kmalloc && !strncmp(c->name, "dma-kmalloc-", 12))
		q.gfp |= __GFP_DMA;
	return q;
}

static void known_births(const struct placing *p, const struct warm_slab *s)
{
	const struct state *st = &p->w->state;

	for (u64 i = s->first; i < s->first + s->nr; i++) {
		u32 object = st->slots[p->slots[i]].object;
		struct request q;

		if (object == STATE_FREE)
			continue;
		q = p->w->live[object];
		q.node = s->nid;
		warm_birth(p->w, &q);
	}
}

/* Whoever is alive at an address that nobody knows goes where somebody unknown lives. */
static void resident(struct placing *p, const struct warm_slab *s)
{
	struct request q = nobody(p, s);

	if (p->nr_loose) {
		q = p->w->live[*p->loose++];
		q.node = s->nid;
		p->nr_loose--;
	} else {
		q.object = p->w->next_id++;
		p->w->report->residents++;
	}
	warm_birth(p->w, &q);
}

static void emit_slab(struct placing *p, const struct warm_slab *s)
{
	struct request q = nobody(p, s);

	p->row->slabs_made++;
	if (s->empty && p->w->shrunk) {
		warm_cpu_slab(p->w, &q, s->cpu);
		return;
	}
	known_births(p, s);
	for (u32 i = s->holes; i < s->room; i++)
		resident(p, s);
	p->row->objs_made += s->known + s->room - s->holes;
	for (u32 i = 0; i < s->free + s->holes; i++) {
		q.object = p->w->next_id++;
		q.flags = REQ_F_REPAIR; /* a placeholder: freed again */
		warm_birth(p->w, &q);
	}
}

/* Empty ones last: their placeholders are freed when the lists of the CPU are full already. */
static void emit_slabs(struct placing *p)
{
	for (int empty = 0; empty < 2; empty++)
		for (u64 i = 0; i < p->nr_slabs; i++)
			if (p->slabs[i].empty == empty)
				emit_slab(p, &p->slabs[i]);
}

static void find_wanted(struct placing *p)
{
	const struct snapshots *ss = p->w->snapshots;
	const struct snapshot *snap = &ss->snaps[0];
	const char *name = p->row->name;
	const struct snapshot_geometry *g = snapshots_geometry(ss, name);
	const struct snapshot_slab *s = snapshot_slab(snap, name);

	for (size_t i = 0; i < snap->nr_slabs0; i++)
		if (!strcmp(snap->slabs0[i].cache, name))
			s = &snap->slabs0[i];
	p->sysfs = snapshot_sysfs(snap, name);
	if (s) {
		p->row->objs_per_slab = (u32)s->objperslab;
		p->pages = (u32)s->pagesperslab;
		p->row->slabs_wanted = s->num_slabs;
	} else if (g) {
		p->row->objs_per_slab = g->objs_per_slab;
		p->pages = 1U << g->order;
	}
}

static void place_cache(struct placing *p)
{
	s64 residents = p->w->counts[p->cache].residents;

	find_wanted(p);
	if (!p->row->objs_per_slab)
		return;
	seen_slabs(p);
	drop_empty(p);
	share_nodes(p);
	residents = max(residents, (s64)(p->row->objs_known + p->nr_loose));
	p->row->objs_wanted = (u64)residents;
	place_holes(p, (u64)residents - p->row->objs_known);
	if (p->w->shrunk)
		hand_out_empty(p);
	emit_slabs(p);
}

static int by_cache(const void *va, const void *vb, void *context)
{
	const struct warm *w = context;
	u32 a = *(const u32 *)va, b = *(const u32 *)vb;
	u32 ca = slot_cache(w, &w->state.slots[a]), cb = slot_cache(w, &w->state.slots[b]);

	if (ca != cb)
		return ca < cb ? -1 : 1;
	return a < b ? -1 : a > b;
}

static int by_cache_of(const void *va, const void *vb, void *context)
{
	const struct warm *w = context;
	u32 a = *(const u32 *)va, b = *(const u32 *)vb;

	if (w->live[a].cache != w->live[b].cache)
		return w->live[a].cache < w->live[b].cache ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* Objects of slabs that no slot of the state names, sorted by cache. */
static u32 *find_loose(const struct warm *w, u64 *nr)
{
	u64 max = w->kmt->tables.nr_objects_max;
	u8 *named = mem_alloc(max, 1);
	u32 *loose = mem_alloc(max, sizeof(*loose));

	for (u64 i = 0; i < w->state.nr_slots; i++)
		if (w->state.slots[i].object != STATE_FREE)
			named[w->state.slots[i].object] = 1;
	*nr = 0;
	for (u64 i = 0; i < max; i++)
		if (!named[i] && w->live[i].kind <= REQ_CACHE_FREE)
			loose[(*nr)++] = (u32)i;
	qsort_r(loose, *nr, sizeof(*loose), by_cache_of, (void *)w);
	free(named);
	return loose;
}

void warm_slabs(struct warm *w)
{
	u64 nr = w->state.nr_slots, at = 0, nr_loose, next = 0;
	u32 *slots = mem_alloc(nr, sizeof(*slots)), *loose = find_loose(w, &nr_loose);

	for (u64 i = 0; i < nr; i++)
		slots[i] = (u32)i;
	qsort_r(slots, nr, sizeof(*slots), by_cache, w);
	for (u32 c = 0; c < w->kmt->tables.nr_caches; c++) {
		struct placing p = {.w = w, .row = &w->report->caches[c], .cache = c};

		p.slots = slots + at;
		while (at < nr && slot_cache(w, &w->state.slots[slots[at]]) == c)
			at++, p.nr_slots++;
		p.loose = loose + next;
		while (next < nr_loose && w->live[loose[next]].cache == c)
			next++, p.nr_loose++;
		place_cache(&p);
		free(p.slabs);
	}
	free(slots);
	free(loose);
}
