/*
 * Magazines and depots of caching: where they come from, who gets them, what goes back.
 *
 * Theory: a depot holds two lists, of full and of empty magazines, and remembers how short each was
 * since the last look: so many nobody needed. Its lock is taken to exchange whole magazines only.
 *
 * Invariant: see caching.c.
 *
 * Unlike the paper: a look at a list's length is taken without the lock.
 */
#include "alloc/slab/caching.h"

#include <string.h>

const u16 magazine_sizes[NR_SIZES] = {1, 3, 7, 15, 31, 47, 63, 95, 143};

/* ---- Magazines ---- */

static struct slab_cache *magazine_cache(struct caching_slab *cs, unsigned int size)
{
	static const char *const names[NR_SIZES] = {"magazine-1",  "magazine-3",  "magazine-7",
						    "magazine-15", "magazine-31", "magazine-47",
						    "magazine-63", "magazine-95", "magazine-143"};
	struct slab_cache params = {.objsize =
					    (unsigned int)(sizeof(struct magazine) +
							   magazine_sizes[size] * sizeof(void *)),
				    .align = 8,
				    .node = NUMA_NO_NODE};

	if (!cs->magazines[size]) {
		strcpy(params.name, names[size]);
		cs->magazines[size] = slab_cache_create(cs->sa.base, &cs->rooms[size], &params);
	}
	return cs->magazines[size];
}

static struct magazine *magazine_new(struct caching_cache *cc)
{
	struct slab_cache *mags = magazine_cache(cc->cs, cc->size);

	return mags ? slab_alloc(mags, GFP_NOWAIT) : NULL;
}

static void magazine_free(struct caching_cache *cc, struct magazine *mag)
{
	slab_free(cc->cs->magazines[cc->size], mag);
}

/* Gives its objects back to the base, then itself. NULL is fine. */
static void magazine_destroy(struct caching_cache *cc, struct magazine *mag, unsigned int rounds)
{
	if (!mag)
		return;
	while (rounds) {
		void *object = mag->rounds[--rounds];

		*mark_of(cc, object) = 0;
		slab_free(cc->c.base, object);
	}
	magazine_free(cc, mag);
}

/* ---- The depot ---- */

static void depot_lock(const struct caching_cache *cc, struct depot *d)
{
	if (spin_lock_irqsave(&d->lock))
		d->nr_contended++;
	schedule_delayed_work_on(smp_processor_id(), &cc->state->look,
				 nsecs_to_jiffies(cc->cs->o.interval_ns));
}

static void depot_unlock(struct depot *d)
{
	spin_unlock_irqrestore(&d->lock);
}

static void depot_put(struct depot_list *l, struct magazine *mag)
{
	mag->next = l->first;
	l->first = mag;
	l->nr++;
}

static struct magazine *depot_take(struct depot_list *l)
{
	struct magazine *mag = l->first;

	if (!mag)
		return NULL;
	l->first = mag->next;
	l->nr--;
	l->least = min(l->least, l->nr);
	return mag;
}

bool depot_load_full(struct caching_cache *cc, struct cpu_magazines *m)
{
	struct depot *d = local_depot(cc);
	struct magazine *full;

	if (!d->full.nr) /* a look without the lock; what it misses costs one trip to the base */
		return false;
	depot_lock(cc, d);
	full = depot_take(&d->full);
	if (full && m->previous)
		depot_put(&d->empty, m->previous);
	depot_unlock(d);
	if (!full)
		return false;
	m->previous = m->loaded;
	m->previous_rounds = m->rounds;
	m->loaded = full;
	m->rounds = magazine_sizes[cc->size];
	return true;
}

bool depot_load_empty(struct caching_cache *cc, struct cpu_magazines *m)
{
	struct depot *d = local_depot(cc);
	struct magazine *empty = NULL;

	if (d->empty.nr) {
		depot_lock(cc, d);
		empty = depot_take(&d->empty);
		depot_unlock(d);
	}
	if (!empty)
		empty = magazine_new(cc);
	if (!empty)
		return false;
	if (m->previous) {
		depot_lock(cc, d);
		depot_put(&d->full, m->previous);
		depot_unlock(d);
	}
	m->previous = m->loaded;
	m->previous_rounds = m->rounds;
	m->loaded = empty;
	m->rounds = 0;
	return true;
}

/* ---- Giving back ---- */

static void empty_list(struct caching_cache *cc, struct depot_list *l, u32 nr, unsigned int rounds)
{
	while (nr-- && l->first)
		magazine_destroy(cc, depot_take(l), rounds);
	l->least = l->nr;
}

void caching_give_all_back(struct caching_cache *cc)
{
	int cpu;

	for_each_possible_cpu (cpu) {
		struct cpu_magazines *m = per_cpu_ptr(cc->state->cpus, cpu);

		charge_line_of(cpu);
		magazine_destroy(cc, m->loaded, m->rounds);
		magazine_destroy(cc, m->previous, m->previous_rounds);
		*m = (struct cpu_magazines){.loaded = NULL};
	}
	for (unsigned int i = 0; i < cc->state->nr_depots; i++) {
		struct depot *d = &cc->state->depots[i];

		empty_list(cc, &d->full, d->full.nr, magazine_sizes[cc->size]);
		empty_list(cc, &d->empty, d->empty.nr, 0);
	}
}

bool depot_trim(struct caching_cache *cc, struct depot *d)
{
	spin_lock_irqsave(&d->lock);
	empty_list(cc, &d->full, d->full.least, magazine_sizes[cc->size]);
	empty_list(cc, &d->empty, d->empty.least, 0);
	spin_unlock_irqrestore(&d->lock);
	return d->full.nr || d->empty.nr;
}

void caching_destroy_magazine_caches(struct caching_slab *cs)
{
	for (unsigned int i = 0; i < NR_SIZES; i++)
		if (cs->magazines[i])
			slab_cache_destroy(cs->magazines[i]);
	memset(cs->magazines, 0, sizeof(cs->magazines));
}

/* ---- Recount ---- */

static void check_magazine(struct caching_cache *cc, const struct magazine *mag,
			   unsigned int rounds, int nid)
{
	ASSERT(mag || !rounds);
	ASSERT(rounds <= magazine_sizes[cc->size]);
	for (unsigned int i = 0; i < rounds; i++) {
		void *object = mag->rounds[i];

		ASSERT(*mark_of(cc, object) == in_magazine(object));
		ASSERT(slab_in_use(cc->c.base, object));
		ASSERT(page_to_nid(virt_to_page(object)) == memory_node(cc, nid));
	}
}

static void check_list(struct caching_cache *cc, const struct depot_list *l, unsigned int rounds,
		       int nid)
{
	u32 nr = 0;

	for (const struct magazine *mag = l->first; mag; mag = mag->next) {
		check_magazine(cc, mag, rounds, nid);
		nr++;
	}
	ASSERT(nr == l->nr && l->least <= nr);
}

void caching_check_magazines(struct caching_cache *cc)
{
	int cpu;

	for_each_possible_cpu (cpu) {
		const struct cpu_magazines *m = per_cpu_ptr(cc->state->cpus, cpu);

		check_magazine(cc, m->loaded, m->rounds, cpu_to_node(cpu));
		check_magazine(cc, m->previous, m->previous_rounds, cpu_to_node(cpu));
	}
	for (unsigned int i = 0; i < cc->state->nr_depots; i++) {
		check_list(cc, &cc->state->depots[i].full, magazine_sizes[cc->size], (int)i);
		check_list(cc, &cc->state->depots[i].empty, 0, (int)i);
	}
}
