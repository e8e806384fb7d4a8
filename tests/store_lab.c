/*
 * A small machine with a whole stack on it: pages, slabs and a chain of stores, for tests.
 */
#include "tests/store_lab.h"

#include <stdio.h>
#include <string.h>

#include "alloc/stack.h"
#include "sim/contents.h"

struct store *store_lab_chain(const struct store_env *env, const char *text, struct err *e)
{
	struct store *s = NULL;
	unsigned int column;
	struct chain c;
	int parsed = chain_parse(&c, ALLOC_STORE, text, &column, e);

	if (parsed)
		fprintf(stderr, "%s: %s\n", text, e->msg);
	ASSERT(!parsed);
	for (unsigned int i = c.nr_layers; i-- > 0;) {
		struct store *next = c.layers[i].desc->create_store(s, env, c.layers[i].options, e);

		if (!next)
			store_put(s);
		s = next;
		if (!s)
			break;
	}
	chain_free(&c);
	return s;
}

void store_lab_open(struct store_lab *l, const char *nodes, const char *pages, const char *slab,
		    const char *store)
{
	struct store_env env;
	struct err e = {""};

	slab_lab_open(&l->sl, nodes, pages ? pages : "page_allocator", slab ? slab : "slabifier");
	slabulator_init(&l->slabs, l->sl.sa, l->sl.lab.pa);
	env = (struct store_env){.pages = l->sl.lab.pa, .slabs = &l->slabs};
	l->store = store_lab_chain(&env, store, &e);
	if (!l->store)
		fprintf(stderr, "%s: %s\n", store, e.msg);
	ASSERT(l->store);
}

void store_lab_close(struct store_lab *l)
{
	store_put(l->store);
	slabulator_destroy(&l->slabs);
	slab_lab_close(&l->sl);
}

void store_lab_refuses(const char *store, const struct store_refusal *refusals, size_t nr)
{
	struct store_lab l;
	struct err e;

	store_lab_open(&l, LAB_NODE, NULL, NULL, store);
	for (size_t i = 0; i < nr; i++) {
		struct store_env env = l.store->env;

		ASSERT(!store_lab_chain(&env, refusals[i].chain, &e));
		ASSERT(strstr(e.msg, refusals[i].reason));
	}
	store_lab_close(&l);
}

unsigned long store_lab_malloc(struct store_lab *l, int cpu, size_t size)
{
	struct machine *m = l->sl.lab.m;
	u64 entered_ns = machine_enter(m, cpu, m->now_ns);
	unsigned long handle = store_malloc(l->store, size, GFP_STORE);

	machine_leave(m, entered_ns);
	return handle;
}

bool store_lab_free(struct store_lab *l, int cpu, unsigned long handle, size_t size)
{
	struct machine *m = l->sl.lab.m;
	u64 entered_ns = machine_enter(m, cpu, m->now_ns);
	bool taken = store_free(l->store, handle, size);

	machine_leave(m, entered_ns);
	return taken;
}

bool store_lab_write(struct store_lab *l, int cpu, unsigned long handle, size_t size, u64 key)
{
	struct machine *m = l->sl.lab.m;
	u64 entered_ns = machine_enter(m, cpu, m->now_ns);
	char buf[CONTENTS_MAX];
	bool done;

	contents_make(buf, size, key);
	done = store_write(l->store, handle, buf, size);
	machine_leave(m, entered_ns);
	return done;
}

int store_lab_read(struct store_lab *l, int cpu, unsigned long handle, size_t size, u64 key)
{
	struct machine *m = l->sl.lab.m;
	u64 entered_ns = machine_enter(m, cpu, m->now_ns);
	char buf[CONTENTS_MAX];
	bool done = store_read(l->store, handle, buf, size);

	machine_leave(m, entered_ns);
	return done ? contents_same(buf, 0, size, key) : -1;
}

struct store_compact store_lab_compact(struct store_lab *l, int cpu, u64 goal_pages, u64 bytes_max)
{
	struct store_compact c = {.goal_pages = goal_pages, .bytes_max = bytes_max};
	struct machine *m = l->sl.lab.m;
	u64 entered_ns = machine_enter(m, cpu, m->now_ns);

	store_compact(l->store, &c);
	machine_leave(m, entered_ns);
	return c;
}

struct store_stats store_lab_stats(const struct store_lab *l)
{
	struct store_stats s;

	store_stats(l->store, &s);
	return s;
}
