/*
 * Caches of queued_slab in a small machine, and drawings of their queues.
 */
#include "tests/queued_lab.h"

#include <stdio.h>

static u32 avail(const struct queued_array *ac)
{
	return ac ? ac->avail : 0;
}

static u64 length(const struct list_head *list)
{
	const struct list_head *item;
	u64 n = 0;

	list_for_each (item, list)
		n++;
	return n;
}

u32 queued_nr_aliens(const struct queued_node *n)
{
	u32 nr = 0;

	for (int other = 0; n->aliens && other < kernel->nr_node_ids; other++)
		nr += avail(n->aliens[other].ac);
	return nr;
}

const char *queued_draw(struct slab_cache *cache)
{
	static char drawn[256];
	struct queued_cache *qc = to_queued(cache);
	int at = 0, cpu, nid;

	for_each_possible_cpu (cpu)
		at += snprintf(drawn + at, sizeof(drawn) - (size_t)at, "%u ",
			       avail(qc->cpu_array[cpu]));
	for_each_node (nid) {
		const struct queued_node *n = &qc->nodes[nid];

		at += snprintf(drawn + at, sizeof(drawn) - (size_t)at, "| %u %u %llu.%llu.%llu ",
			       avail(n->shared), queued_nr_aliens(n),
			       (unsigned long long)length(&n->full),
			       (unsigned long long)length(&n->partial),
			       (unsigned long long)length(&n->free));
	}
	drawn[at - 1] = '\0';
	slab_cache_check(cache);
	return drawn;
}

struct slab_cache *queued_lab_open(struct slab_lab *sl, const char *nodes, const char *slab,
				   unsigned int objsize)
{
	static struct slab_control room;
	struct slab_cache *cache;

	slab_lab_open(sl, nodes, "page_allocator(pcp=off)", slab);
	cache = slab_lab_cache(sl, &room, "test", objsize);
	ASSERT(cache);
	return cache;
}

void queued_lab_close(struct slab_lab *sl, struct slab_cache *cache)
{
	int live;

	slab_cache_check(cache);
	live = slab_cache_destroy(cache);
	ASSERT(!live);
	slab_lab_close(sl);
}
