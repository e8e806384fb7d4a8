/*
 * A small machine with a chain of page allocators on it.
 */
#include "tests/lab.h"

#include <stdio.h>
#include <string.h>

#include "alloc/boot.h"
#include "alloc/stack.h"

static void remember(void *arg, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	struct lab *lab = arg;

	(void)t_ns, (void)cpu;
	lab->nr_events++;
	snprintf(lab->event, sizeof(lab->event), "%s: %s", kind, detail);
}

struct page_allocator *lab_chain(const char *text, struct err *e)
{
	struct page_allocator *pa = NULL;
	unsigned int column;
	struct chain c;
	int parsed = chain_parse(&c, ALLOC_PAGES, text, &column, e);

	if (parsed)
		fprintf(stderr, "%s: %s\n", text, e->msg);
	ASSERT(!parsed);
	for (unsigned int i = c.nr_layers; i-- > 0;) {
		struct page_allocator *next;

		next = c.layers[i].desc->create_pages(pa, c.layers[i].options, e);
		if (!next)
			page_allocator_put(pa);
		pa = next;
		if (!pa)
			break;
	}
	chain_free(&c);
	return pa;
}

void lab_open(struct lab *lab, const char *nodes, const char *chain)
{
	static struct machine_config config;
	char text[4096];
	struct err e = {""};

	snprintf(text, sizeof(text), "kmemsim: machine/1\nname: lab\nhz: 250\nnodes:\n%s", nodes);
	*lab = (struct lab){0};
	if (machine_config_parse(&config, "lab", text, &e))
		fprintf(stderr, "%s\n", e.msg);
	ASSERT(!*e.msg);
	lab->m = machine_create(&config, &e);
	ASSERT(lab->m);
	lab->m->on_event = remember;
	lab->m->on_event_arg = lab;
	machine_use(lab->m);
	if (!chain)
		return;
	lab->pa = lab_chain(chain, &e);
	if (!lab->pa)
		fprintf(stderr, "%s: %s\n", chain, e.msg);
	ASSERT(lab->pa);
}

void lab_close(struct lab *lab)
{
	page_allocator_put(lab->pa);
	machine_destroy(lab->m);
	*lab = (struct lab){0};
}

struct page *lab_alloc(struct lab *lab, int cpu, int order, gfp_t flags, int node)
{
	u64 entered_ns = machine_enter(lab->m, cpu, lab->m->now_ns);
	struct page *page = page_alloc(lab->pa, order, flags, node);

	machine_leave(lab->m, entered_ns);
	return page;
}

void lab_free(struct lab *lab, int cpu, struct page *page, int order)
{
	u64 entered_ns = machine_enter(lab->m, cpu, lab->m->now_ns);

	page_free(lab->pa, page, order);
	machine_leave(lab->m, entered_ns);
}

void lab_hand_over(struct lab *lab)
{
	const struct page_allocator *boot = boot_layer(lab->pa);
	struct boot_counts counts;

	if (!boot || kernel->slab_state == SLAB_NORMAL)
		return;
	mem_init(boot, &counts);
	kmem_cache_init();
	ASSERT(lab_free_pages(lab) == counts.handed_over);
}

u64 lab_lost_pages(const struct lab *lab)
{
	const struct page_allocator *boot = boot_layer(lab->pa);

	return boot ? boot_byte_pages(boot) : 0;
}

void lab_settle(struct lab *lab)
{
	while (machine_step(lab->m))
		;
	page_allocator_drain(lab->pa);
}

u64 lab_free_pages(const struct lab *lab)
{
	u64 pages = 0;

	for (int i = 0; i < kernel->nr_node_ids * MAX_NR_ZONES; i++)
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			for (int order = 0; order < MAX_ORDER; order++)
				pages += page_nr_free(lab->pa, &kernel->zones[i], mt, order)
					 << order;
	return pages;
}
