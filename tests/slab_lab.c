/*
 * A small machine with a stack of page and slab allocators on it, and drawings of slabs.
 */
#include "tests/slab_lab.h"

#include <stdio.h>
#include <string.h>

#include "alloc/boot.h"
#include "alloc/stack.h"

struct slab_allocator *slab_lab_chain(struct page_allocator *pages, const char *text, struct err *e)
{
	struct slab_allocator *sa = NULL;
	unsigned int column;
	struct chain c;
	int parsed = chain_parse(&c, ALLOC_SLAB, text, &column, e);

	if (parsed)
		fprintf(stderr, "%s: %s\n", text, e->msg);
	ASSERT(!parsed);
	for (unsigned int i = c.nr_layers; i-- > 0;) {
		struct slab_allocator *next;

		next = c.layers[i].desc->create_slab(sa, pages, c.layers[i].options, e);
		if (!next)
			slab_allocator_put(sa);
		sa = next;
		if (!sa)
			break;
	}
	chain_free(&c);
	if (sa && kernel->slab_state == SLAB_NONE)
		kmem_cache_init();
	return sa;
}

void slab_lab_open(struct slab_lab *sl, const char *nodes, const char *pages, const char *slab)
{
	struct err e = {""};

	lab_open(&sl->lab, nodes, pages);
	lab_settle(&sl->lab); /* a reserve was taken when the chain was made */
	sl->free_pages = lab_free_pages(&sl->lab);
	sl->sa = slab_lab_chain(sl->lab.pa, slab, &e);
	if (!sl->sa)
		fprintf(stderr, "%s: %s\n", slab, e.msg);
	ASSERT(sl->sa);
}

void slab_lab_close(struct slab_lab *sl)
{
	slab_allocator_put(sl->sa);
	lab_settle(&sl->lab);
	ASSERT(sl->lab.pa->keeps_nothing || lab_free_pages(&sl->lab) == sl->free_pages);
	lab_close(&sl->lab);
}

struct slab_cache *slab_lab_cache(struct slab_lab *sl, struct slab_control *room, const char *name,
				  unsigned int objsize)
{
	struct slab_cache parameters = {.objsize = objsize, .node = NUMA_NO_NODE};

	snprintf(parameters.name, sizeof(parameters.name), "%s", name);
	return slab_cache_create(sl->sa, room, &parameters);
}

void *slab_lab_alloc(struct slab_lab *sl, int cpu, struct slab_cache *cache, gfp_t flags, int node)
{
	u64 entered_ns = machine_enter(sl->lab.m, cpu, sl->lab.m->now_ns);
	void *object = node == NUMA_NO_NODE ? slab_alloc(cache, flags)
					    : slab_alloc_node(cache, flags, node);

	machine_leave(sl->lab.m, entered_ns);
	return object;
}

void slab_lab_free(struct slab_lab *sl, int cpu, struct slab_cache *cache, void *object)
{
	u64 entered_ns = machine_enter(sl->lab.m, cpu, sl->lab.m->now_ns);

	slab_free(cache, object);
	machine_leave(sl->lab.m, entered_ns);
}

/* ---- Drawings ---- */

static bool on_list(const struct list_head *list, const struct page *page)
{
	const struct page *p;

	list_for_each_entry (p, list, lru)
		if (p == page)
			return true;
	return false;
}

/* The CPU that has it as current slab, or NULL; where it is goes to buf. */
static struct slab_cpu *draw_place(char *buf, size_t n, struct slabifier_cache *s,
				   struct page *page)
{
	int cpu, nid = page_to_nid(page);

	for_each_possible_cpu (cpu) {
		struct slab_cpu *c = per_cpu_ptr(s->cpu_slab, cpu);

		if (c->page == page || on_list(&c->partial, page)) {
			snprintf(buf, n, "cpu%d%s ", cpu, c->page == page ? "" : "+");
			return c->page == page ? c : NULL;
		}
	}
	if (on_list(&s->nodes[nid].partial, page))
		snprintf(buf, n, "node%d ", nid);
	else
		snprintf(buf, n, "none ");
	return NULL;
}

static bool list_holds(const struct slabifier_cache *s, void *list, const void *object)
{
	for (; list; list = freeptr_next(list, *freeptr_word(s, list)))
		if (list == object)
			return true;
	return false;
}

char *draw_slab(char *buf, size_t n, struct slab_cache *cache, const void *object)
{
	struct slabifier_cache *s = to_slabifier(cache);
	struct page *page = virt_to_head_page(object);
	const char *o = page_address(page);
	struct slab_cpu *c;
	size_t at;

	if (!(page->flags & PG_slab) || page->slab_cache != cache) {
		snprintf(buf, n, "gone");
		return buf;
	}
	c = draw_place(buf, n, s, page);
	at = strlen(buf);
	ASSERT(at + page->objects < n);
	for (unsigned int i = 0; i < page->objects; i++, o += cache->size) {
		if (list_holds(s, page->freelist, o))
			buf[at++] = '.';
		else
			buf[at++] = c && list_holds(s, c->freelist, o) ? ',' : 'a';
	}
	buf[at] = '\0';
	return buf;
}
