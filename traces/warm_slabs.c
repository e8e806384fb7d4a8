/*
 * The warm start: which slab holds whom.
 *
 * Theory. Known slots are grouped by slab (its pages are naturally aligned); slabs that nobody saw
 * are added until each node has what sysfs says. warm_holes.c then says which of their other slots
 * are free.
 */
#define _GNU_SOURCE /* qsort_r */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/gfp.h"
#include "traces/warm_place.h"

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
	u32 gfp;

	if (c->kmalloc && kmalloc_cache_gfp(c->name, &gfp))
		q.gfp |= gfp;
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
	struct snapshot_slabinfo first = snapshot_slabinfo_first(snap);
	const struct snapshot_slab *s = snapshot_slabinfo_find(&first, name);

	if (!s)
		s = snapshot_slab(snap, name);
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
	warm_place_holes(p, (u64)residents - p->row->objs_known);
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
