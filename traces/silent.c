/*
 * Frees that no event tells.
 */
#include "traces/silent.h"

#include <stdlib.h>

#include "lib/mem.h"

/* Fewer ends tell nothing. Of those that are told there may be so many for each that is implied:
 * kfree_rcu() frees one by one when it finds no memory for its lists. */
#define IMPLIED_MIN 8
#define TOLD_SHARE 2

void silent_free(struct silent *s)
{
	for (u32 i = 0; i < s->sites_max; i++)
		free(s->sites[i].ages);
	free(s->sites);
	free(s->heap);
	*s = (struct silent){0};
}

static struct silent_site *site_at(struct silent *s, u32 site)
{
	if (site >= s->sites_max) {
		u32 more = ALIGN(site + site / 2 + 1, 1024U);

		s->sites = mem_grow_zeroed(s->sites, s->sites_max, more, sizeof(*s->sites));
		s->sites_max = more;
	}
	return &s->sites[site];
}

void silent_told(struct silent *s, u32 site)
{
	if (site)
		site_at(s, site)->told++;
}

void silent_implied(struct silent *s, u32 site, u64 age_ns)
{
	struct silent_site *at;

	if (!site)
		return;
	at = site_at(s, site);
	at->implied++;
	if (!age_ns || at->nr_ages == SILENT_AGES)
		return;
	MEM_ROOM(at->ages, at->nr_ages, at->ages_max);
	at->ages[at->nr_ages++] = age_ns;
}

static int by_age(const void *va, const void *vb)
{
	u64 a = *(const u64 *)va, b = *(const u64 *)vb;

	return a < b ? -1 : a > b;
}

void silent_finish(struct silent *s)
{
	for (u32 i = 0; i < s->sites_max; i++) {
		struct silent_site *at = &s->sites[i];

		if (at->nr_ages < IMPLIED_MIN || at->told > at->implied * TOLD_SHARE)
			continue;
		qsort(at->ages, at->nr_ages, sizeof(*at->ages), by_age);
		at->age_ns = at->ages[at->nr_ages / 4];
		if (at->age_ns > SILENT_STEP_NS)
			at->age_ns -= at->age_ns % SILENT_STEP_NS;
	}
}

static bool earlier(const struct silent_end *a, const struct silent_end *b)
{
	return a->t_ns != b->t_ns ? a->t_ns < b->t_ns : a->seq < b->seq;
}

void silent_add(struct silent *s, struct silent_end end)
{
	u32 i;

	MEM_ROOM(s->heap, s->nr_heap, s->heap_max);
	end.seq = s->seq++;
	for (i = s->nr_heap++; i && earlier(&end, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
		s->heap[i] = s->heap[(i - 1) / 2];
	s->heap[i] = end;
}

bool silent_next(struct silent *s, u64 t_ns, struct silent_end *end)
{
	struct silent_end last;
	u32 i = 0, child;

	if (!s->nr_heap || s->heap[0].t_ns > t_ns)
		return false;
	*end = s->heap[0];
	last = s->heap[--s->nr_heap];
	for (; (child = 2 * i + 1) < s->nr_heap; i = child) {
		child += child + 1 < s->nr_heap && earlier(&s->heap[child + 1], &s->heap[child]);
		if (!earlier(&s->heap[child], &last))
			break;
		s->heap[i] = s->heap[child];
	}
	s->heap[i] = last;
	return true;
}
