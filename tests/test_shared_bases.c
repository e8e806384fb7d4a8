/*
 * Two derivations of one base, with frees under way, destroyed in either order: for every pair of
 * registered layers, and for slab allocators and stores that share their pages. Whoever goes first takes
 * nothing from the other, and the last one gives everything back.
 */
#include "tests/test.h"

#include <stdlib.h>

#include "tests/chains.h"
#include "tests/store_lab.h"

#define NR 12

static void *default_options(const struct allocator_desc *d)
{
	void *options = calloc(1, d->options_size + 1);

	assert_non_null(options);
	if (d->options)
		options_default(d->options, options);
	return options;
}

/* ---- Pages ---- */

static struct page_allocator *derive_pages(struct page_allocator *base,
					   const struct allocator_desc *d)
{
	void *options = default_options(d);
	struct err e;
	struct page_allocator *pa = d->create_pages(page_allocator_get(base), options, &e);

	free(options);
	assert_non_null(pa);
	return pa;
}

static void use_pages(struct lab *lab, struct page_allocator *pa)
{
	struct page_allocator *outer = lab->pa;
	struct page *pages[NR];

	lab->pa = pa;
	for (int i = 0; i < NR; i++) {
		pages[i] = lab_alloc(lab, i % 4, i % 3, GFP_KERNEL, -1);
		assert_non_null(pages[i]);
	}
	for (int i = 0; i < NR; i++)
		lab_free(lab, i % 4, pages[i], i % 3);
	lab->pa = outer;
}

static void try_pages(const struct allocator_desc *a, const struct allocator_desc *b, bool b_first)
{
	struct page_allocator *one, *two;
	struct lab lab;

	lab_open(&lab, LAB_TWO_NODES, "page_allocator");
	one = derive_pages(lab.pa, a);
	two = derive_pages(lab.pa, b);
	assert_int_equal(lab.pa->refs, 3);
	use_pages(&lab, one);
	use_pages(&lab, two);
	page_allocator_put(b_first ? two : one);
	assert_int_equal(lab.pa->refs, 2);
	use_pages(&lab, b_first ? one : two);
	page_allocator_put(b_first ? one : two);
	assert_int_equal(lab.pa->refs, 1);
	/* Nothing waits any more: each destructor waited for its own. */
	assert_int_equal(lab.pa->layer->live_objs, 0);
	use_pages(&lab, lab.pa);
	lab_settle(&lab);
	page_allocator_check(lab.pa);
	assert_int_equal(lab_free_pages(&lab), kernel->max_pfn);
	lab_close(&lab);
}

/* Until the hand-over it has all of the memory: nobody can share its base. */
static bool takes_all(const struct allocator_desc *d)
{
	return !strcmp(d->name, "boot");
}

static void two_page_layers_of_one_base(void **state)
{
	const struct allocator_desc *a, *b;
	unsigned int nr = 0;

	(void)state;
	for (size_t i = 0; (a = chains_allocator(ALLOC_PAGES, ROLE_LAYER, i)); i++) {
		for (size_t k = 0; (b = chains_allocator(ALLOC_PAGES, ROLE_LAYER, k)); k++) {
			if (takes_all(a) || takes_all(b))
				continue;
			try_pages(a, b, false);
			try_pages(a, b, true);
			nr++;
		}
	}
	assert_true(nr >= 64);
}

/* ---- Slabs ---- */

struct user {
	struct slab_allocator *sa;
	struct slab_control room;
	struct slab_cache *cache;
};

static struct user users[2];

static void derive_slab(struct user *u, struct slab_allocator *base, struct page_allocator *pages,
			const struct allocator_desc *d)
{
	struct slab_cache parameters = {.objsize = 200, .node = NUMA_NO_NODE, .name = "shared"};
	void *options = default_options(d);
	struct err e;

	u->sa = d->create_slab(base ? slab_allocator_get(base) : NULL, pages, options, &e);
	free(options);
	assert_non_null(u->sa);
	u->cache = slab_cache_create(u->sa, &u->room, &parameters);
	assert_non_null(u->cache);
}

static void use_slab(struct lab *lab, struct user *u)
{
	void *objects[NR];

	for (int i = 0; i < NR; i++) {
		u64 entered_ns = machine_enter(lab->m, i % 4, lab->m->now_ns);

		objects[i] = slab_alloc(u->cache, GFP_KERNEL);
		assert_non_null(objects[i]);
		memset(objects[i], i, 200);
		machine_leave(lab->m, entered_ns);
	}
	for (int i = 0; i < NR; i++) {
		u64 entered_ns = machine_enter(lab->m, i % 4, lab->m->now_ns);

		assert_int_equal(((u8 *)objects[i])[199], i);
		if (i % 2)
			slab_free(u->cache, objects[i]);
		else
			slab_free_object(virt_to_head_page(objects[i]), objects[i]);
		machine_leave(lab->m, entered_ns);
	}
}

static void put_user(struct user *u)
{
	assert_int_equal(slab_cache_destroy(u->cache), 0);
	slab_allocator_put(u->sa);
}

/* base NULL: two sources that share their pages. */
static void try_slab(struct lab *lab, struct slab_allocator *base, const struct allocator_desc *a,
		     const struct allocator_desc *b, int first)
{
	unsigned int page_refs = lab->pa->refs;
	s64 idle = lab->pa->layer->live_objs - (s64)lab_lost_pages(lab);

	derive_slab(&users[0], base, lab->pa, a);
	derive_slab(&users[1], base, lab->pa, b);
	use_slab(lab, &users[0]);
	use_slab(lab, &users[1]);
	put_user(&users[first]);
	use_slab(lab, &users[!first]);
	put_user(&users[!first]);
	assert_int_equal(lab->pa->refs, page_refs);
	if (base) {
		assert_int_equal(base->refs, 1);
		assert_int_equal(base->layer->live_objs, 0);
		assert_true(list_empty(&base->caches));
	}
	assert_int_equal(lab->nr_events, 0);
	lab_settle(lab);
	assert_int_equal(lab->pa->layer->live_objs, idle + (s64)lab_lost_pages(lab));
}

static void try_pair(const char *source, const struct allocator_desc *a,
		     const struct allocator_desc *b, int first)
{
	const struct allocator_desc *early = strstr(a->name, "bootmem") ? a : b;
	struct slab_allocator *base;
	struct lab lab;
	struct err e;

	lab_open(&lab, LAB_TWO_NODES, chains_pages_for(early->name));
	base = slab_lab_chain(lab.pa, source, &e);
	assert_non_null(base);
	try_slab(&lab, base, a, b, first);
	slab_allocator_put(base);
	lab_hand_over(&lab);
	lab_settle(&lab);
	assert_int_equal(lab_free_pages(&lab) + lab_lost_pages(&lab), kernel->max_pfn);
	lab_close(&lab);
}

static void pairs_on(const char *source, u64 *nr)
{
	const struct allocator_desc *a, *b;

	for (size_t i = 0; (a = chains_allocator(ALLOC_SLAB, ROLE_LAYER, i)); i++) {
		for (size_t k = 0; (b = chains_allocator(ALLOC_SLAB, ROLE_LAYER, k)); k++) {
			try_pair(source, a, b, 0);
			try_pair(source, a, b, 1);
			++*nr;
		}
	}
}

static void two_slab_layers_of_one_base(void **state)
{
	struct chains c = {0};
	u64 nr = 0;

	(void)state;
	chains_add(&c, ALLOC_SLAB, 0, CHAINS_KEEPING);
	for (size_t i = 0; i < c.nr; i++)
		pairs_on(c.text[i], &nr);
	chains_free(&c);
	assert_true(nr >= 25);
}

/* Slabs of both wait for the same grace periods. */
static void two_sources_on_the_same_pages(void **state)
{
	const struct allocator_desc *a;
	struct lab lab;

	(void)state;
	for (size_t i = 0; (a = chains_allocator(ALLOC_SLAB, ROLE_SOURCE, i)); i++) {
		if (a->keeps_nothing)
			continue;
		for (int first = 0; first < 2; first++) {
			lab_open(&lab, LAB_TWO_NODES, "rcu:reclaimable:page_allocator");
			try_slab(&lab, NULL, a, allocator_find(ALLOC_SLAB, "slabifier"), first);
			lab_close(&lab);
		}
	}
}

/* ---- Stores ---- */

static struct store *derive_store_of(struct store *base, const struct store_env *env,
				     const struct allocator_desc *d)
{
	void *options = default_options(d);
	struct err e;
	struct store *s = d->create_store(base ? store_get(base) : NULL, env, options, &e);

	if (!s)
		store_put(base);
	free(options);
	return s;
}

/* What is freed last is still on its way when the store goes. */
static void use_store(struct store_lab *l, struct store *s)
{
	struct store *outer = l->store;
	unsigned long handles[NR];

	l->store = s;
	for (u32 i = 0; i < NR; i++) {
		handles[i] = store_lab_malloc(l, (int)i % 4, 300 * i + 1);
		assert_true(handles[i]);
		assert_true(store_lab_write(l, (int)i % 4, handles[i], 300 * i + 1, i));
	}
	for (u32 i = 0; i < NR; i++) {
		assert_int_equal(store_lab_read(l, 0, handles[i], 300 * i + 1, i), 1);
		assert_true(store_lab_free(l, (int)i % 4, handles[i], 300 * i + 1));
	}
	store_lab_compact(l, 0, UINT64_MAX, UINT64_MAX);
	l->store = outer;
}

static void share_store(struct store_lab *l, struct store *users_of[2], int first)
{
	unsigned int refs = l->store->refs;

	use_store(l, users_of[0]);
	use_store(l, users_of[1]);
	store_put(users_of[first]);
	use_store(l, users_of[!first]);
	store_check(users_of[!first]);
	store_put(users_of[!first]);
	assert_int_equal(l->store->refs, refs - 2);
	assert_int_equal(l->store->layer->live_objs, 0);
	use_store(l, l->store);
	store_check(l->store);
	assert_int_equal(l->sl.lab.nr_events, 0);
}

/* Pairs that can be made. */
static u64 store_pairs_on(const char *source)
{
	const struct allocator_desc *a, *b;
	u64 nr = 0;

	for (size_t i = 0; (a = chains_allocator(ALLOC_STORE, ROLE_LAYER, i)); i++) {
		for (size_t k = 0; (b = chains_allocator(ALLOC_STORE, ROLE_LAYER, k)); k++) {
			for (int first = 0; first < 2; first++) {
				struct store *users_of[2];
				struct store_lab l;

				store_lab_open(&l, LAB_TWO_NODES, NULL, NULL, source);
				users_of[0] = derive_store_of(l.store, &l.store->env, a);
				users_of[1] = derive_store_of(l.store, &l.store->env, b);
				l.sl.lab.nr_events = 0;
				if (users_of[0] && users_of[1])
					share_store(&l, users_of, first);
				else
					store_put(users_of[0] ? users_of[0] : users_of[1]);
				nr += users_of[0] && users_of[1];
				store_lab_close(&l);
			}
		}
	}
	return nr;
}

static void two_store_layers_of_one_base(void **state)
{
	const struct allocator_desc *d;
	u64 nr = 0;

	(void)state;
	for (size_t i = 0; (d = chains_allocator(ALLOC_STORE, ROLE_SOURCE, i)); i++)
		if (!d->keeps_nothing)
			nr += store_pairs_on(d->name);
	assert_true(nr >= 2 * (5 * 4 + 2 * 5)); /* where nothing moves, `compact` is refused */
}

static void two_stores_on_the_same_pages(void **state)
{
	const struct allocator_desc *a;

	(void)state;
	for (size_t i = 0; (a = chains_allocator(ALLOC_STORE, ROLE_SOURCE, i)); i++) {
		for (int first = 0; first < 2 && !a->keeps_nothing; first++) {
			struct store *users_of[2];
			struct store_lab l;

			store_lab_open(&l, LAB_TWO_NODES, "rcu:page_allocator", NULL, a->name);
			users_of[0] = derive_store_of(NULL, &l.store->env, a);
			users_of[1] = derive_store_of(NULL, &l.store->env,
						      allocator_find(ALLOC_STORE, "zsmalloc"));
			assert_true(users_of[0] && users_of[1]);
			use_store(&l, users_of[0]);
			use_store(&l, users_of[1]);
			store_put(users_of[first]);
			use_store(&l, users_of[!first]);
			store_put(users_of[!first]);
			use_store(&l, l.store);
			assert_int_equal(l.sl.lab.nr_events, 0);
			store_lab_close(&l);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_page_layers_of_one_base),
		cmocka_unit_test(two_slab_layers_of_one_base),
		cmocka_unit_test(two_sources_on_the_same_pages),
		cmocka_unit_test(two_store_layers_of_one_base),
		cmocka_unit_test(two_stores_on_the_same_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
