/*
 * What every source of stores must stand: random loads with their contents verified, handles that
 * are none, every allocation below it refused in turn.
 */
#include "tests/store_churn.h"

#include <stdlib.h>

#include "lib/rng.h"
#include "tests/test.h"

#define NR_OBJECTS 512
#define FAULT_OBJECTS 48

struct object {
	unsigned long handle; /* 0: none */
	size_t size;
	u64 key;
};

struct churn {
	const struct store_churn *c;
	struct store_lab l;
	struct object objects[NR_OBJECTS];
	struct object gone; /* the last one freed */
	struct rng rng;
	u64 key;
};

bool store_stats_same(const struct store_stats *a, const struct store_stats *b)
{
	return a->pages == b->pages && a->reserve_pages == b->reserve_pages &&
	       a->descriptors == b->descriptors && a->header_bytes == b->header_bytes &&
	       a->blocks == b->blocks && a->block_bytes == b->block_bytes &&
	       a->free_bytes == b->free_bytes;
}

void store_refuses(struct store_lab *l, unsigned long handle, size_t size)
{
	struct store_stats before = store_lab_stats(l), after;
	struct store_span spans[STORE_SPANS_MAX];

	assert_int_equal(store_map(l->store, handle, size, spans), 0);
	assert_int_equal(store_lab_read(l, 0, handle, size, 1), -1);
	assert_false(store_lab_write(l, 0, handle, size, 1));
	assert_false(store_lab_free(l, 0, handle, size));
	after = store_lab_stats(l);
	assert_true(store_stats_same(&before, &after));
	assert_int_equal(after.nr_bad, before.nr_bad + 3);
}

static struct churn *begin(const struct store_churn *c)
{
	struct churn *ch = calloc(1, sizeof(*ch));

	assert_non_null(ch);
	ch->c = c;
	rng_init(&ch->rng, c->seed, c->store, "churn");
	store_lab_open(&ch->l, c->nodes ? c->nodes : LAB_NODE, NULL, c->slab, c->store);
	return ch;
}

static size_t random_size(struct churn *ch)
{
	size_t max = ch->c->size_max ? ch->c->size_max : ch->l.store->size_max;

	switch (rng_below(&ch->rng, 4)) {
	case 0:
		return 1 + rng_below(&ch->rng, min(max, (size_t)64));
	case 1:
		return max - rng_below(&ch->rng, min(max, (size_t)64));
	default:
		return 1 + rng_below(&ch->rng, max);
	}
}

static int random_cpu(struct churn *ch)
{
	return (int)rng_below(&ch->rng, (u64)kernel->nr_cpu_ids);
}

static bool is_live(const struct churn *ch, unsigned long handle, size_t size)
{
	for (int i = 0; i < NR_OBJECTS; i++)
		if (ch->objects[i].handle == handle &&
		    (ch->c->rounds_sizes || ch->objects[i].size == size))
			return true;
	return false;
}

static void store_one(struct churn *ch, struct object *o)
{
	size_t size = random_size(ch);
	unsigned long handle = store_lab_malloc(&ch->l, random_cpu(ch), size);

	if (!handle)
		return;
	for (int i = 0; i < NR_OBJECTS; i++)
		assert_true(ch->objects[i].handle != handle);
	*o = (struct object){handle, size, ++ch->key};
	assert_true(store_lab_write(&ch->l, random_cpu(ch), o->handle, o->size, o->key));
}

static void look_at(struct churn *ch, const struct object *o)
{
	assert_int_equal(store_lab_read(&ch->l, random_cpu(ch), o->handle, o->size, o->key), 1);
}

static void drop(struct churn *ch, struct object *o)
{
	look_at(ch, o);
	assert_true(store_lab_free(&ch->l, random_cpu(ch), o->handle, o->size));
	ch->gone = *o;
	*o = (struct object){0};
}

/* Freed handles, addresses inside and outside, other sizes. */
static void misuse(struct churn *ch, const struct object *o)
{
	unsigned long handle = ch->gone.handle;
	size_t size = ch->gone.size;

	switch (rng_below(&ch->rng, 4)) {
	case 0:
		break;
	case 1:
		handle = o->handle + 1 + rng_below(&ch->rng, PAGE_SIZE);
		break;
	case 2:
		handle = o->handle - 1 - rng_below(&ch->rng, PAGE_SIZE);
		break;
	default:
		handle = o->handle;
		size = o->size + 1;
	}
	if (handle && size && !is_live(ch, handle, size))
		store_refuses(&ch->l, handle, size);
}

static void step(struct churn *ch)
{
	struct object *o = &ch->objects[rng_below(&ch->rng, NR_OBJECTS)];

	if (!o->handle) {
		store_one(ch, o);
		return;
	}
	switch (rng_below(&ch->rng, 4)) {
	case 0:
		look_at(ch, o);
		o->key = ++ch->key;
		assert_true(store_lab_write(&ch->l, 0, o->handle, o->size, o->key));
		break;
	case 1:
		misuse(ch, o);
		break;
	default:
		drop(ch, o);
	}
}

static void check_all(struct churn *ch)
{
	u64 live = 0;

	for (int i = 0; i < NR_OBJECTS; i++) {
		if (!ch->objects[i].handle)
			continue;
		look_at(ch, &ch->objects[i]);
		live++;
	}
	assert_int_equal(ch->l.store->layer->live_objs, live);
	store_check(ch->l.store);
}

static void end(struct churn *ch)
{
	check_all(ch);
	for (int i = 0; i < NR_OBJECTS; i++)
		if (ch->objects[i].handle)
			drop(ch, &ch->objects[i]);
	assert_int_equal(store_lab_stats(&ch->l).blocks, 0);
	store_check(ch->l.store);
	store_lab_close(&ch->l);
	free(ch);
}

void store_churn(const struct store_churn *c)
{
	struct churn *ch = begin(c);

	for (unsigned int i = 0; i < c->nr_ops; i++) {
		step(ch);
		if (i % 256 == 0)
			check_all(ch);
	}
	end(ch);
}

/* Returns whether a request of the layer was refused; *refused counts those of the store. */
static bool run_with_fault(const struct store_churn *c, bool slab, u64 nth, unsigned int *refused)
{
	struct churn *ch = begin(c);
	struct layer *layer = slab ? ch->l.sl.sa->layer : ch->l.sl.lab.pa->layer;
	bool injected;

	layer->inject.only_nth = nth;
	for (int i = 0; i < FAULT_OBJECTS; i++) {
		struct store_stats before = store_lab_stats(&ch->l), after;

		store_one(ch, &ch->objects[i]);
		after = store_lab_stats(&ch->l);
		if (!ch->objects[i].handle) {
			(*refused)++;
			assert_true(store_stats_same(&before, &after));
			store_check(ch->l.store);
		}
		if (i % 5 == 4 && ch->objects[i - 2].handle)
			drop(ch, &ch->objects[i - 2]);
	}
	injected = layer->nr_injected;
	layer->inject.only_nth = 0;
	end(ch);
	return injected;
}

unsigned int store_churn_faults(const struct store_churn *c)
{
	unsigned int refused = 0;

	for (int slab = 0; slab < 2; slab++)
		for (u64 nth = 1; run_with_fault(c, slab, nth, &refused);)
			nth++;
	return refused;
}

void store_churn_sizes(const char *store)
{
	for (u64 seed = 0; seed < 6; seed++)
		store_churn(
			&(struct store_churn){.store = store,
					      .nodes = seed % 2 ? LAB_TWO_NODES : NULL,
					      .nr_ops = 8000,
					      .size_max = (const size_t[]){0, 300, 2100}[seed / 2],
					      .seed = seed});
}
