/*
 * Misuse of stores: every registered store, alone, under each layer and under each pair of them,
 * refuses what its user does wrong, reports it, and loses nothing; with `debug` in the chain the
 * report names the kind of mistake.
 *
 * What is not seen without `debug`, stated here too: contents that somebody else changed, and a
 * length that is wrong but rounds to the same room.
 */
#include "tests/test.h"

#include <stdio.h>

#include "sim/contents.h"
#include "tests/chains.h"
#include "tests/found.h"
#include "tests/shelf_store.h"
#include "tests/store_lab.h"
#include "tests/store_oracle.h"

#define NR_OBJECTS 40U
#define GRACE_NS 100000000ULL

static const char *const sites[] = {"?", "make_thing+0x10", "other_site+0x4"};

struct misuse {
	struct store_lab l;
	struct store_oracle oracle;
	struct found f;
	char chain[CHAIN_TEXT_MAX];
	bool debug, rcu;
};

static struct misuse u;

static void wrong(const char *what, const char *detail)
{
	fail_msg("%s: %s: %s", u.chain, what, detail);
}

static u64 enter(int cpu, u32 site)
{
	struct machine *m = u.l.sl.lab.m;
	u64 entered_ns = machine_enter(m, cpu, m->now_ns);

	kernel->site = site;
	return entered_ns;
}

static void leave(u64 entered_ns)
{
	machine_leave(u.l.sl.lab.m, entered_ns);
}

static void settle(void)
{
	machine_advance(u.l.sl.lab.m, u.l.sl.lab.m->now_ns + GRACE_NS);
}

static void check_all(const char *what)
{
	store_oracle_verify(&u.oracle);
	if (*u.oracle.wrong)
		wrong(what, u.oracle.wrong);
}

static void allocate(unsigned int nr)
{
	u64 entered_ns = enter((int)(nr % 4), 1 + nr % 3 / 2);
	u32 size = 101 + nr * 613 % ((u32)u.l.store->size_max / 2);

	if (!store_oracle_malloc(&u.oracle, size, GFP_STORE))
		wrong("malloc", "refused");
	leave(entered_ns);
}

/* False: the chain cannot be made. */
static bool open_stack(const char *chain)
{
	struct store_env env;
	struct err e;

	memset(&u, 0, sizeof(u));
	snprintf(u.chain, sizeof(u.chain), "%s", chain);
	u.debug = strstr(chain, "debug");
	u.rcu = strstr(chain, "rcu");
	slab_lab_open(&u.l.sl, LAB_TWO_NODES, "page_allocator", "slabifier");
	slabulator_init(&u.l.slabs, u.l.sl.sa, u.l.sl.lab.pa);
	env = (struct store_env){.pages = u.l.sl.lab.pa, .slabs = &u.l.slabs};
	u.l.store = store_lab_chain(&env, chain, &e);
	if (!u.l.store) {
		store_lab_close(&u.l);
		return false;
	}
	found_begin(&u.f, u.l.sl.lab.m, sites, ARRAY_SIZE(sites));
	store_oracle_init(&u.oracle, u.l.store);
	for (unsigned int i = 0; i < NR_OBJECTS; i++)
		allocate(i);
	check_all("at the beginning");
	if (u.f.nr)
		wrong("before any misuse", u.f.text);
	return true;
}

/* Life goes on, and everything comes back. */
static void close_stack(void)
{
	for (unsigned int i = 0; i < NR_OBJECTS; i++)
		allocate(i);
	check_all("afterwards");
	while (u.oracle.nr_live)
		store_oracle_free(&u.oracle, u.oracle.nr_live - 1);
	settle();
	check_all("at the end");
	store_oracle_fini(&u.oracle);
	u.f = (struct found){0};
	store_lab_close(&u.l);
	if (u.f.nr)
		wrong("at the end", u.f.text);
}

/* ---- One bad call ---- */

enum call { FREE, WRITE, READ };
static const char *const calls[] = {"free", "write", "read"};

static bool make_call(enum call call, unsigned long handle, size_t size)
{
	char buf[CONTENTS_MAX] = {0};

	if (call == FREE)
		return store_free(u.l.store, handle, size);
	if (call == WRITE)
		return store_write(u.l.store, handle, buf, size);
	return store_read(u.l.store, handle, buf, size);
}

/* kind: what debug calls it; NULL: it cannot tell, either. */
static void call_badly(const char *what, enum call call, unsigned long handle, size_t size,
		       const char *kind)
{
	s64 live = u.l.store->layer->live_objs, bytes = u.l.store->layer->live_bytes;
	u64 nr_bad = store_lab_stats(&u.l).nr_bad, entered_ns = enter(2, 2);
	char text[128];

	snprintf(text, sizeof(text), "%s by %s", what, calls[call]);
	u.f = (struct found){0};
	if (make_call(call, handle, size))
		wrong(text, "not refused");
	leave(entered_ns);
	if (u.f.nr != 1)
		wrong(text, u.f.nr ? u.f.text : "not reported");
	if (!strstr(u.f.kinds, "double_free") && !strstr(u.f.kinds, "invalid_pointer") &&
	    !strstr(u.f.kinds, "use_after_free") && !strstr(u.f.kinds, "redzone"))
		wrong(text, u.f.kinds);
	if (u.debug && kind && !strstr(u.f.kinds, kind))
		wrong(text, u.f.kinds);
	if (u.l.store->layer->live_objs != live || u.l.store->layer->live_bytes != bytes)
		wrong(text, "counted");
	if (store_lab_stats(&u.l).nr_bad != nr_bad + 1)
		wrong(text, "not counted as bad");
	check_all(text);
}

static void call_all_badly(const char *what, unsigned long handle, size_t size, const char *kind)
{
	for (enum call call = FREE; call <= READ; call++)
		call_badly(what, call, handle, size, kind);
}

/* ---- What every store sees ---- */

static void sizes_that_are_none(void)
{
	const size_t sizes[] = {0, u.l.store->size_max + 1, SIZE_MAX};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 nr_failed = u.l.store->layer->nr_failed;

		u.f = (struct found){0};
		if (store_lab_malloc(&u.l, 0, sizes[i]))
			wrong("size", "not refused");
		if (strcmp(u.f.kinds, "refused ") != 0)
			wrong("size", u.f.kinds);
		assert_int_equal(u.l.store->layer->nr_failed, nr_failed + 1);
	}
	check_all("sizes");
}

static void uses_freed_handles(void)
{
	struct store_object so = u.oracle.live[7];

	store_oracle_free(&u.oracle, 7);
	call_badly("freed handle", FREE, so.handle, so.size, "double_free");
	if (!u.rcu) /* readers may still look */
		call_badly("freed handle", READ, so.handle, so.size, "use_after_free");
	call_badly("freed handle", WRITE, so.handle, so.size, "use_after_free");
	settle();
	call_badly("handle freed long ago", FREE, so.handle, so.size, NULL);
	call_badly("handle freed long ago", READ, so.handle, so.size, NULL);
	call_badly("handle freed long ago", WRITE, so.handle, so.size, NULL);
}

static void uses_what_is_no_handle(void)
{
	const struct store_object *so = &u.oracle.live[3];
	struct page *page = lab_alloc(&u.l.sl.lab, 0, 1, GFP_KERNEL, -1);
	struct kmem_cache *k = kmem_cache_create(&u.l.slabs, "other", 192, 0, 0, NULL, NULL);
	unsigned long address = (unsigned long)page_address(page), object;

	assert_non_null(k);
	object = (unsigned long)kmem_cache_alloc(k, GFP_KERNEL);
	memset((void *)address, 0, 2 * PAGE_SIZE);
	memset((void *)object, 0, 192);
	call_all_badly("none", 0, so->size, "invalid_pointer");
	call_all_badly("a number", 17, so->size, "invalid_pointer");
	call_all_badly("outside of memory", (unsigned long)&u, so->size, "invalid_pointer");
	call_all_badly("odd handle", so->handle + 1, so->size, "invalid_pointer");
	call_all_badly("interior", so->handle + 8, so->size, NULL);
	call_all_badly("interior", so->handle + 16, so->size, NULL);
	call_all_badly("somebody's page", address, so->size, "invalid_pointer");
	call_all_badly("somebody's page", address + PAGE_SIZE + 64, so->size, "invalid_pointer");
	call_all_badly("somebody's object", object, so->size, "invalid_pointer");
	kmem_cache_free(k, (void *)object);
	kmem_cache_destroy(k);
	lab_free(&u.l.sl.lab, 0, page, 1);
	call_all_badly("free page", address, so->size, "invalid_pointer");
}

/* Of the same kind, on the same pages and slabs. */
static void uses_another_pools_handle(void)
{
	struct store_env env = u.l.store->env;
	struct err e;
	struct store *other = store_lab_chain(&env, u.chain, &e);
	unsigned long handle;

	assert_non_null(other);
	handle = store_malloc(other, 500, GFP_STORE);
	assert_true(handle);
	call_all_badly("another pool's handle", handle, 500, "invalid_pointer");
	assert_true(store_free(other, handle, 500));
	if (u.l.store->base) {
		handle = store_malloc(u.l.store->base, 500, GFP_STORE);
		assert_true(handle);
		if (strncmp(u.chain, "compact", 7) != 0)
			call_badly("the base's handle", READ, handle, 500, "invalid_pointer");
		assert_true(store_free(u.l.store->base, handle, 500));
	}
	settle();
	store_put(other);
}

/* By far, or with debug by one. */
static void names_wrong_lengths(void)
{
	const struct store_object *so = &u.oracle.live[3];

	call_badly("length", WRITE, so->handle, u.l.store->size_max, "redzone");
	call_badly("length", READ, so->handle, u.l.store->size_max, "invalid_pointer");
	call_badly("length", FREE, so->handle, u.l.store->size_max, "invalid_pointer");
	if (!u.debug)
		return;
	call_badly("length by one", WRITE, so->handle, so->size + 1, "redzone");
	call_badly("length by one", WRITE, so->handle, so->size - 1, "invalid_pointer");
	call_badly("length by one", READ, so->handle, so->size + 1, "invalid_pointer");
	call_badly("length by one", FREE, so->handle, so->size - 1, "invalid_pointer");
	call_badly("length of none", READ, so->handle, 0, "invalid_pointer");
}

/* ---- What takes debug to be seen ---- */

static void contents_change(void)
{
	struct store_object *so = &u.oracle.live[5];
	char buf[CONTENTS_MAX];
	u8 *last;

	if (!u.debug)
		return;
	last = (u8 *)so->spans[0].addr + min(so->spans[0].len, so->size) - 1;
	*last ^= 0x10;
	u.f = (struct found){0};
	if (!store_read(u.l.store, so->handle, buf, so->size))
		wrong("changed contents", "cannot be read");
	if (strcmp(u.f.kinds, "poison ") != 0)
		wrong("changed contents", u.f.kinds);
	store_oracle_verify(&u.oracle);
	if (!*u.oracle.wrong)
		wrong("changed contents", "the oracle has not seen it");
	*u.oracle.wrong = '\0';
	*last ^= 0x10;
	store_read(u.l.store, so->handle, buf, so->size); /* changed again */
	check_all("contents");
}

static void for_each_chain(void (*misuse)(void))
{
	unsigned int nr = 0;

	for (unsigned int layers = 0; layers <= 2; layers++) {
		struct chains c = {0};

		chains_add(&c, ALLOC_STORE, layers, CHAINS_KEEPING);
		for (size_t i = 0; i < c.nr; i++) {
			if (!open_stack(c.text[i]))
				continue;
			misuse();
			nr++;
		}
		chains_free(&c);
	}
	print_message("%u chains\n", nr);
	assert_true(nr >= 10);
}

static void bad_calls(void)
{
	sizes_that_are_none();
	uses_freed_handles();
	uses_what_is_no_handle();
	uses_another_pools_handle();
	names_wrong_lengths();
	contents_change();
	close_stack();
}

static void every_store_survives_bad_calls(void **state)
{
	(void)state;
	for_each_chain(bad_calls);
}

/* All memory comes back; who has something left says so, once. */
static void destroyed_too_early(void)
{
	unsigned int leaks = 0;

	store_oracle_free(&u.oracle, 0);
	store_oracle_fini(&u.oracle);
	store_lab_close(&u.l);
	for (const char *at = u.f.kinds; (at = strstr(at, "leak")); at++)
		leaks++;
	if (leaks != 1 || u.f.nr != 1)
		wrong("leak", u.f.text);
	assert_says(u.f.text, "39 objects");
	if (u.debug && !u.rcu) {
		assert_says(u.f.text, "\nAllocated in make_thing+0x10: ");
		assert_says(u.f.text, "\nAllocated in other_site+0x4: 13");
	}
}

static void every_store_survives_leaks(void **state)
{
	(void)state;
	for_each_chain(destroyed_too_early);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_store_survives_bad_calls),
		cmocka_unit_test(every_store_survives_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
