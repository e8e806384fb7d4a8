/*
 * Layers of slab allocators by their C names: the same chains as their text makes.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

static struct slab_control room;

#define OBJECTS 300

static const struct layer_name {
	const char *text;
	struct slab_allocator *(*derive)(struct slab_allocator *base);
} names[] = {
	{"rcu", rcuify_slab_allocator},	 {"dma", dmaify_slab_allocator},
	{"numa", numa_slab_allocator},	 {"caching", caching_slab_allocator},
	{"debug", debug_slab_allocator},
};

/* What can be told of a chain from outside: its caches, what it asks of its base, and its time. */
struct outcome {
	char name[64];
	unsigned int size, objsize, inuse, offset, align;
	u64 self_ns, base_allocs, base_frees, ended_ns;
	s64 held_bytes, held_bytes_later;
};

static s64 held_bytes(const struct slab_cache *cache)
{
	return cache->base->layer->live_bytes - cache->layer->live_bytes;
}

static void use(struct slab_lab *sl, struct outcome *o)
{
	struct slab_cache *cache = slab_lab_cache(sl, &room, "test", 100);
	void *objects[OBJECTS];

	strcpy(o->name, sl->sa->name);
	o->size = cache->size;
	o->objsize = cache->objsize;
	o->inuse = cache->inuse;
	o->offset = cache->offset;
	o->align = cache->align;
	for (int i = 0; i < OBJECTS; i++)
		objects[i] = slab_lab_alloc(sl, i % 2, cache, GFP_KERNEL | __GFP_ZERO, -1);
	for (int i = 0; i < OBJECTS; i++)
		slab_lab_free(sl, i / 7 % 2, cache, objects[i]);
	o->held_bytes = held_bytes(cache);
	machine_advance(sl->lab.m, sl->lab.m->now_ns + 60000000000);
	o->held_bytes_later = held_bytes(cache);
	o->self_ns = cache->layer->self_ns;
	o->base_allocs = cache->base->layer->nr_alloc;
	o->base_frees = cache->base->layer->nr_free;
	o->ended_ns = ktime_get_ns();
	slab_cache_check(cache);
	assert_int_equal(slab_cache_destroy(cache), 0);
	slab_lab_close(sl);
}

static void a_c_name_makes_the_chain_its_text_makes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct outcome by_text = {.size = 0}, by_name = {.size = 0};
		struct slab_lab sl;
		char chain[64];

		snprintf(chain, sizeof(chain), "%s:slabifier", names[i].text);
		slab_lab_open(&sl, LAB_NODE, "page_allocator", chain);
		use(&sl, &by_text);
		slab_lab_open(&sl, LAB_NODE, "page_allocator", "slabifier");
		sl.sa = names[i].derive(sl.sa);
		use(&sl, &by_name);
		assert_string_equal(by_name.name, chain);
		assert_memory_equal(&by_name, &by_text, sizeof(by_text));
		assert_true(by_name.self_ns > 0 || names[i].derive == dmaify_slab_allocator);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_c_name_makes_the_chain_its_text_makes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
