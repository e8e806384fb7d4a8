/*
 * Misuse of slab stacks: every registered slab allocator, alone, under each layer and under each
 * pair of them, reports what its user does wrong, survives it, and loses nothing but what the user
 * holds on to.
 *
 * What is not seen, stated here too: what a user writes beyond an object into the padding of its
 * chunk, and what he writes into a freed object beside the words that the allocator keeps there,
 * unless `debug` is in the stack, and nothing above it that enlarges objects (rcu).
 */
#include "tests/test.h"

#include <stdio.h>

#include "alloc/boot.h"
#include "tests/chains.h"
#include "tests/slab_lab.h"
#include "tests/slab_oracle.h"

#define NR_OBJECTS 12
#define OBJSIZE 41 /* chunks are padded: its first byte behind belongs to nobody */
#define GRACE_NS 100000000ULL

static const char *const sites[] = {"?", "make_thing+0x10", "other_site+0x4"};

struct misuse {
	struct slab_lab sl;
	struct slab_control rooms[2];
	struct slab_cache *cache, *other;
	struct oracle oracle;
	const char *chain;
	bool debug;
};

/* Of a machine with bootmem: what is done by the slabs that come after it. */
enum hand_over { BEFORE_OBJECTS, BEFORE_MISUSE, AFTER_ALL };

static struct misuse u;

static void wrong(const char *what, const char *detail)
{
	fail_msg("%s: %s: %s", u.chain, what, detail);
}

static void allocate(u32 site)
{
	struct machine *m = u.sl.lab.m;
	u64 entered_ns = machine_enter(m, (int)(u.oracle.nr_live % 4), m->now_ns);
	void *object;

	kernel->site = site;
	object = slab_alloc(u.cache, GFP_KERNEL);
	machine_leave(m, entered_ns);
	assert_non_null(object);
	oracle_allocated(&u.oracle, u.cache, 0, object, NUMA_NO_NODE);
}

static void open_stack(const char *chain, enum hand_over when)
{
	u = (struct misuse){.chain = chain, .debug = strstr(chain, "debug")};
	slab_lab_open(&u.sl, LAB_TWO_NODES, chains_pages_for(chain), chain);
	u.sl.lab.m->sites = sites;
	u.sl.lab.m->nr_sites = ARRAY_SIZE(sites);
	oracle_init(&u.oracle);
	if (when == BEFORE_OBJECTS)
		lab_hand_over(&u.sl.lab);
	u.cache = slab_lab_cache(&u.sl, &u.rooms[0], "thing", OBJSIZE);
	u.other = slab_lab_cache(&u.sl, &u.rooms[1], "other", OBJSIZE + 100);
	assert_true(u.cache && u.other);
	for (unsigned int i = 0; i < NR_OBJECTS; i++)
		allocate(1 + i % 3 / 2);
	if (when == BEFORE_MISUSE)
		lab_hand_over(&u.sl.lab);
	if (u.sl.lab.nr_events)
		wrong("before any misuse", u.sl.lab.event);
}

static void *object_nr(unsigned int i)
{
	return u.oracle.live[i].address;
}

static void settle(void)
{
	machine_advance(u.sl.lab.m, u.sl.lab.m->now_ns + GRACE_NS);
}

static void check_all(void)
{
	slab_cache_check(u.cache);
	oracle_verify(&u.oracle);
	if (*u.oracle.wrong)
		wrong("oracle", u.oracle.wrong);
}

static void free_last(void)
{
	struct oracle_object oo = u.oracle.live[u.oracle.nr_live - 1];

	oracle_freeing(&u.oracle, u.oracle.nr_live - 1);
	slab_lab_free(&u.sl, (int)(u.oracle.nr_live % 4), oo.cache, oo.address);
}

/* Frames that the page allocator has or will have: all but what was lost to bootmem. */
static void close_machine(void)
{
	bool boot = boot_layer(u.sl.lab.pa);

	if (!boot) {
		slab_lab_close(&u.sl);
		return;
	}
	lab_hand_over(&u.sl.lab);
	slab_allocator_put(u.sl.sa);
	lab_settle(&u.sl.lab);
	assert_int_equal(lab_free_pages(&u.sl.lab) + lab_lost_pages(&u.sl.lab), kernel->max_pfn);
	lab_close(&u.sl.lab);
}

/* Life goes on, and everything comes back. */
static void close_stack(void)
{
	for (int i = 0; i < 2 * NR_OBJECTS; i++)
		allocate(1);
	check_all();
	while (u.oracle.nr_live)
		free_last();
	oracle_fini(&u.oracle);
	settle();
	for (struct slab_cache *c = u.cache; c; c = c->base)
		if (c == u.cache && c->layer->live_objs)
			wrong("counters", "objects are live where none are");
	if (slab_cache_destroy(u.cache) || slab_cache_destroy(u.other))
		wrong("at the end", "live objects");
	close_machine();
}

static void free_badly(const char *what, struct slab_cache *cache, void *object, bool by_kfree)
{
	struct machine *m = u.sl.lab.m;
	unsigned int events = u.sl.lab.nr_events;
	s64 live = u.cache->layer->live_objs;
	u64 entered_ns = machine_enter(m, 1, m->now_ns);

	if (by_kfree)
		slab_free_object(virt_to_head_page(object), object);
	else
		slab_free(cache, object);
	machine_leave(m, entered_ns);
	if (u.sl.lab.nr_events != events + 1)
		wrong(what, "not reported");
	if (!strstr(u.sl.lab.event, "double_free") && !strstr(u.sl.lab.event, "invalid_pointer") &&
	    !strstr(u.sl.lab.event, "redzone"))
		wrong(what, u.sl.lab.event);
	if (u.cache->layer->live_objs != live)
		wrong(what, "counted");
	check_all();
}

/* ---- What every stack sees ---- */

static void frees_twice(void)
{
	void *object = object_nr(NR_OBJECTS - 1);

	free_last();
	free_badly("double free", u.cache, object, false);
	free_badly("double free by kfree", u.cache, object, true);
	settle();
	free_badly("late double free", u.cache, object, false);
}

static void frees_through_the_wrong_cache(void)
{
	void *other = slab_lab_alloc(&u.sl, 0, u.other, GFP_KERNEL, NUMA_NO_NODE);

	free_badly("wrong cache", u.other, object_nr(0), false);
	free_badly("wrong cache", u.cache, other, false);
	slab_lab_free(&u.sl, 0, u.other, other);
}

static void frees_what_is_no_object(void)
{
	struct page *page = lab_alloc(&u.sl.lab, 0, 1, GFP_KERNEL, -1);
	char *object = object_nr(1);

	free_badly("interior pointer", u.cache, object + 8, false);
	free_badly("interior pointer by kfree", u.cache, object + 16, true);
	free_badly("odd pointer", u.cache, object + 1, false);
	free_badly("no slab", u.cache, page_address(page), false);
	free_badly("no slab", u.cache, (char *)page_address(page) + PAGE_SIZE + 64, false);
	free_badly("outside of memory", u.cache, (void *)&u, false);
	lab_free(&u.sl.lab, 0, page, 1);
	free_badly("free page", u.cache, page_address(page), false);
}

/* ---- What takes debug to be seen ---- */

/*
 * Of the user's own object: a layer above, such as rcu, may have asked for a larger one. Of what
 * bootmem gave out, debug below it knows nothing.
 */
static bool debug_sees_the_end(const void *object)
{
	const struct slab_cache *c = u.cache;
	const struct slab_cache *owner = slab_cache_of(virt_to_head_page(object), object);

	while (c && c != owner && strcmp(c->slab_alloc->desc->name, "debug") != 0)
		c = c->base;
	return c && c != owner && c->objsize == OBJSIZE;
}

static void writes_beyond(void)
{
	unsigned int events = u.sl.lab.nr_events;
	u8 *object = object_nr(u.oracle.nr_live - 1);
	bool seen = debug_sees_the_end(object);

	object[OBJSIZE] ^= 0x55;
	free_last();
	settle(); /* layers above debug may hold the object back for a while */
	slab_cache_shrink(u.cache, NULL);
	if (u.sl.lab.nr_events != events + seen)
		wrong("overflow", seen ? "not reported" : "seen by whom?");
	if (seen && !strstr(u.sl.lab.event, "redzone"))
		wrong("overflow", u.sl.lab.event);
}

static bool is_live(const void *object)
{
	for (unsigned int i = 0; i < u.oracle.nr_live; i++)
		if (u.oracle.live[i].address == object)
			return true;
	return false;
}

/* Seen at the next allocation, by debug; beside the slabifier's free pointer by nobody. */
static void writes_after_free(void)
{
	unsigned int events = u.sl.lab.nr_events, seen;
	u8 *object = object_nr(u.oracle.nr_live - 1);

	free_last();
	settle();
	slab_cache_shrink(u.cache, NULL);
	if (!strstr(u.chain, "slabifier") ||
	    (virt_to_head_page(object)->flags & (PG_slab | PG_mixed)) != PG_slab)
		return; /* bootmem never hands out again what is smaller than a page */
	object[1] ^= 0x55;
	for (int i = 0; i < 1000 && !is_live(object); i++)
		allocate(1);
	assert_true(is_live(object));
	seen = u.sl.lab.nr_events - events;
	if (seen != u.debug || (seen && !strstr(u.sl.lab.event, "use_after_free")))
		wrong("write after free", u.sl.lab.event);
}

static bool can_be_made(const char *chain)
{
	struct slab_allocator *sa;
	struct lab lab;
	struct err e;

	lab_open(&lab, LAB_TWO_NODES, chains_pages_for(chain));
	sa = slab_lab_chain(lab.pa, chain, &e);
	slab_allocator_put(sa);
	lab_close(&lab);
	return sa;
}

static void for_each_chain(void (*misuse)(void))
{
	struct chains c = {0}, pairs = {0};
	unsigned int nr_boot = 0;

	chains_add(&c, ALLOC_SLAB, 0, CHAINS_KEEPING);
	chains_add(&c, ALLOC_SLAB, 1, CHAINS_KEEPING);
	chains_add(&pairs, ALLOC_SLAB, 2, CHAINS_KEEPING);
	chains_thin(&pairs, ALLOC_SLAB, CHAINS_KEEPING);
	assert_true(c.nr >= 5 && pairs.nr >= 16);
	for (size_t i = 0; i < c.nr + pairs.nr; i++) {
		const char *chain = i < c.nr ? c.text[i] : pairs.text[i - c.nr];
		bool boot = strstr(chain, "bootmem");

		if (!can_be_made(chain))
			continue;
		nr_boot += boot;
		for (int when = boot ? BEFORE_OBJECTS : AFTER_ALL; when <= AFTER_ALL; when++) {
			open_stack(chain, (enum hand_over)when);
			misuse();
		}
	}
	assert_true(nr_boot >= 5);
	chains_free(&c);
	chains_free(&pairs);
}

static void bad_frees(void)
{
	frees_twice();
	frees_through_the_wrong_cache();
	frees_what_is_no_object();
	writes_beyond();
	writes_after_free();
	close_stack();
}

static void every_stack_survives_bad_frees(void **state)
{
	(void)state;
	for_each_chain(bad_frees);
}

/* ---- Objects that outlive their cache ---- */

/* Every frame still taken belongs to a slab. */
static u64 leaked_pages(void)
{
	u64 nr = 0;

	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		const struct page *page = pfn_to_page(pfn);

		if ((page->flags & (PG_slab | PG_tail)) == PG_slab)
			nr += 1UL << page->order;
	}
	return nr;
}

static void expect_leak(unsigned int live)
{
	char text[64];

	snprintf(text, sizeof(text), "leak: cache thing: %u objects still in use", live);
	if (u.sl.lab.nr_events != 1 || !strstr(u.sl.lab.event, text))
		wrong(text, u.sl.lab.event);
	if (!u.debug)
		return;
	if (!strstr(u.sl.lab.event, "\nAllocated in make_thing+0x10: ") ||
	    !strstr(u.sl.lab.event, "\nAllocated in other_site+0x4: "))
		wrong("call sites", u.sl.lab.event);
}

static void destroys_too_early(void)
{
	void *late = object_nr(0);
	unsigned int live = NR_OBJECTS - 3;
	u64 entered_ns;

	for (int i = 0; i < 3; i++)
		free_last();
	if (slab_cache_destroy(u.cache) != (int)live)
		wrong("destroy", "another number of live objects");
	expect_leak(live);
	/* Their users still have them. */
	entered_ns = machine_enter(u.sl.lab.m, 1, u.sl.lab.m->now_ns);
	for (unsigned int i = 0; i < live; i++)
		memset(object_nr(i), 0x42, OBJSIZE);
	slab_free(u.cache, late);
	slab_free_object(virt_to_head_page(late), late);
	machine_leave(u.sl.lab.m, entered_ns);
	if (u.sl.lab.nr_events != 3 || !strstr(u.sl.lab.event, "invalid_pointer"))
		wrong("a late free", u.sl.lab.event);
	if (slab_cache_destroy(u.other))
		wrong("the other cache", "live objects");
	lab_hand_over(&u.sl.lab);
	slab_allocator_put(u.sl.sa);
	lab_settle(&u.sl.lab);
	page_allocator_check(u.sl.lab.pa);
	assert_true(leaked_pages() > 0);
	assert_int_equal(lab_free_pages(&u.sl.lab) + leaked_pages(),
			 boot_layer(u.sl.lab.pa) ? kernel->max_pfn : u.sl.free_pages);
	oracle_fini(&u.oracle);
	lab_close(&u.sl.lab);
}

static void every_stack_survives_leaks(void **state)
{
	(void)state;
	for_each_chain(destroys_too_early);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_stack_survives_bad_frees),
		cmocka_unit_test(every_stack_survives_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
