/*
 * slabifier's geometry against SLUB's of Linux 6.1 on four CPUs, as read from /sys/kernel/slab.
 */
#include "tests/test.h"

#include "tests/slab_lab.h"

struct geometry {
	const char *name;
	unsigned int objsize, align, size;
	unsigned int objects;
	int order;
	unsigned int cpu_partial, min_partial;
};

static const struct geometry slub[] = {
	{"kmalloc-8", 8, 8, 8, 512, 0, 120, 5},
	{"fasync_cache", 48, 8, 48, 85, 0, 120, 5},
	{"audit_buffer", 24, 8, 24, 170, 0, 120, 5},
	{"kmalloc-96", 96, 8, 96, 42, 0, 120, 5},
	{"vm_area_struct", 152, 8, 152, 26, 0, 120, 5},
	{"ip_dst_cache", 176, 64, 192, 21, 0, 120, 5},
	{"dentry", 192, 8, 192, 21, 0, 120, 5},
	{"io_kiocb", 216, 64, 256, 16, 0, 52, 5},
	{"bio-256", 256, 64, 256, 16, 0, 52, 5},
	{"skbuff_fclone_cache", 472, 64, 512, 16, 1, 52, 5},
	{"inode_cache", 640, 8, 640, 25, 2, 52, 5},
	{"hugetlbfs_inode_cache", 664, 8, 664, 24, 2, 52, 5},
	{"shmem_inode_cache", 784, 8, 784, 20, 2, 52, 5},
	{"sock_inode_cache", 768, 64, 768, 21, 2, 52, 5},
	{"kmalloc-1k", 1024, 1024, 1024, 16, 2, 24, 5},
	{"mm_struct", 1096, 64, 1152, 28, 3, 24, 5},
	{"ext4_inode_cache", 1192, 8, 1192, 27, 3, 24, 5},
	{"TCPv6", 2400, 64, 2432, 13, 3, 24, 5},
	{"biovec-max", 4096, 64, 4096, 8, 3, 6, 6},
	{"kmalloc-8k", 8192, 8192, 8192, 4, 3, 6, 6},
	{"task_struct", 8392, 64, 8448, 3, 3, 6, 6},
};

static struct slab_cache *create(struct slab_lab *sl, struct slab_control *room,
				 const struct geometry *g)
{
	struct slab_cache parameters = {.objsize = g->objsize, .align = g->align, .node = -1};

	strcpy(parameters.name, g->name);
	return slab_cache_create(sl->sa, room, &parameters);
}

static void as_slub(void **state)
{
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", "slabifier");
	for (size_t i = 0; i < ARRAY_SIZE(slub); i++) {
		const struct geometry *g = &slub[i];
		struct slab_control room;
		struct slabifier_cache *s = to_slabifier(create(&sl, &room, g));

		if (s->c.size != g->size || s->objects != g->objects || s->c.order != g->order)
			fail_msg("%s: %u objects of %u, order %d", g->name, s->objects, s->c.size,
				 s->c.order);
		assert_int_equal(s->cpu_partial_slabs,
				 DIV_ROUND_UP(2 * g->cpu_partial, g->objects));
		assert_int_equal(s->min_partial, g->min_partial);
		slab_cache_destroy(&s->c);
	}
	slab_lab_close(&sl);
}

static const struct slab_shape shape = {.cache = "thing",
					.object_size = 200,
					.size = 256,
					.align = 8,
					.order = 2,
					.cpu_partial = 30,
					.min_partial = 7};

static struct slabifier_cache *create_shaped(struct slab_lab *sl, struct slab_control *room)
{
	struct slab_cache parameters = {
		.objsize = 200, .align = 8, .node = -1, .name = "thing", .shape = &shape};

	return to_slabifier(slab_cache_create(sl->sa, room, &parameters));
}

/* A recorded geometry is kept to where it is not the allocator's own choice. */
static void shape_is_kept(void **state)
{
	struct slab_control room;
	struct slabifier_cache *s;
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", "slabifier");
	s = create_shaped(&sl, &room);
	assert_int_equal(s->c.size, 256);
	assert_int_equal(s->c.order, 2);
	assert_int_equal(s->objects, 64);
	assert_int_equal(s->min_objects, 16);
	assert_int_equal(s->cpu_partial_slabs, 1); /* 2 * 30 objects in slabs of 64 */
	assert_int_equal(s->min_partial, 7);
	assert_null(s->c.shape);
	slab_cache_destroy(&s->c);
	slab_lab_close(&sl);
}

static void options_outweigh_the_shape(void **state)
{
	struct slab_control room;
	struct slabifier_cache *s;
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator",
		      "slabifier(max_order=1, cpu_partial=64, min_partial=3)");
	s = create_shaped(&sl, &room);
	assert_int_equal(s->c.size, 256);
	assert_int_equal(s->c.order, 0);
	assert_int_equal(s->cpu_partial_slabs, 8);
	assert_int_equal(s->min_partial, 3);
	slab_cache_destroy(&s->c);
	slab_lab_close(&sl);
}

/* Who writes what would hold without a shape has said so all the same. */
static void the_usual_order_can_be_chosen(void **state)
{
	static const char *const chains[] = {"slabifier(max_order=3)", "slabifier"};
	struct slab_shape large = shape;
	struct slab_cache parameters = {
		.objsize = 256, .node = NUMA_NO_NODE, .name = "shaped", .shape = &large};
	int order[2];

	(void)state;
	large.order = 5;
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		struct slab_control room;
		struct slab_cache *cache;
		struct slab_lab sl;

		slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", chains[i]);
		cache = slab_cache_create(sl.sa, &room, &parameters);
		order[i] = cache->order;
		parameters.shape = NULL;
		slab_cache_destroy(cache);
		if (i) { /* without a shape the two are one */
			cache = slab_cache_create(sl.sa, &room, &parameters);
			assert_int_equal(cache->order, order[0]);
			slab_cache_destroy(cache);
		}
		parameters.shape = &large;
		slab_lab_close(&sl);
	}
	assert_int_equal(order[1], 5);
	assert_in_range(order[0], 0, 3);
}

/* What a layer adds is not cut off: the chunk grows, the order stays while a slab holds one. */
static void layers_enlarge_the_shape(void **state)
{
	struct slab_shape tight = shape;
	struct slab_cache parameters = {
		.objsize = 200, .align = 8, .node = -1, .name = "thing", .shape = &tight};
	struct slab_control room;
	struct slab_cache *c;
	struct slab_lab sl;

	(void)state;
	tight.size = 200;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", "rcu:slabifier");
	c = slab_cache_create(sl.sa, &room, &parameters);
	assert_true(c->size > 200);
	assert_int_equal(c->order, 2);
	slab_cache_destroy(c);
	slab_lab_close(&sl);
}

static void the_tail_is_at_most_a_quarter(void **state)
{
	struct slab_lab sl;

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", "slabifier");
	for (unsigned int size = 1; size < 13000; size += 37) {
		struct slab_control room;
		struct geometry g = {.name = "any", .objsize = size};
		struct slabifier_cache *s = to_slabifier(create(&sl, &room, &g));
		u64 bytes = PAGE_SIZE << s->c.order;

		if (s->objects > 1)
			assert_true(bytes % s->c.size <= bytes / 4);
		assert_true(s->objects * s->c.size <= bytes);
		assert_true(s->c.offset % 8 == 0 && s->c.offset + 8 <= s->c.inuse);
		for (u64 offset = 0; offset < 4UL * s->c.size; offset++)
			assert_int_equal(divides(s, offset), offset % s->c.size == 0);
		slab_cache_destroy(&s->c);
	}
	slab_lab_close(&sl);
}

static void sizes_beyond_the_largest_block_are_refused(void **state)
{
	struct slab_lab sl;
	struct slab_control room;
	struct geometry g = {.name = "huge", .objsize = 4U << 20};

	(void)state;
	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", "slabifier");
	assert_int_equal(slab_cache_destroy(create(&sl, &room, &g)), 0);
	g.objsize++;
	assert_null(create(&sl, &room, &g));
	slab_lab_close(&sl);
}

static void check_options(const char *chain, unsigned int objsize, int order, unsigned int objects)
{
	struct slab_lab sl;
	struct slab_control room;
	struct geometry g = {.name = "set", .objsize = objsize};
	struct slabifier_cache *s;

	slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", chain);
	s = to_slabifier(create(&sl, &room, &g));
	assert_int_equal(s->c.order, order);
	assert_int_equal(s->objects, objects);
	slab_cache_destroy(&s->c);
	slab_lab_close(&sl);
}

/* Whatever stands above: additions to a size must not wrap around. */
static void absurd_sizes_are_refused(void **state)
{
	const char *const stacks[] = {"slabifier", "null", "rcu:slabifier"};
	const unsigned int sizes[] = {0, 0x400001, 0xffffffe0, 0xfffffff9, 0xffffffff};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stacks); i++) {
		struct slab_control room;
		struct slab_lab sl;

		slab_lab_open(&sl, LAB_TWO_NODES, "page_allocator", stacks[i]);
		for (size_t k = 0; k < ARRAY_SIZE(sizes); k++) {
			struct slab_cache p = {
				.objsize = sizes[k], .align = 8, .node = NUMA_NO_NODE};

			assert_null(slab_cache_create(sl.sa, &room, &p));
			p.objsize = 64;
			p.align = 24; /* no power of two */
			assert_null(slab_cache_create(sl.sa, &room, &p));
		}
		slab_lab_close(&sl);
	}
}

static void options_bound_the_order(void **state)
{
	(void)state;
	check_options("slabifier(min_order=2)", 64, 2, 256);
	check_options("slabifier(min_order=10)", 8, 5, 16384); /* 15 bits count objects */
	check_options("slabifier(max_order=0)", 1024, 0, 4);
	check_options("slabifier(max_order=0)", 8192, 1, 1);
	check_options("slabifier(min_objects=1)", 1024, 0, 4);
	check_options("slabifier(min_objects=64)", 512, 3, 64);
	check_options("slabifier(min_objects=16383,max_order=10)", 8, 5, 16384);
	check_options("slabifier(min_objects=16383,max_order=10)", 24, 7, 21845);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_slub),
		cmocka_unit_test(shape_is_kept),
		cmocka_unit_test(options_outweigh_the_shape),
		cmocka_unit_test(the_usual_order_can_be_chosen),
		cmocka_unit_test(layers_enlarge_the_shape),
		cmocka_unit_test(the_tail_is_at_most_a_quarter),
		cmocka_unit_test(sizes_beyond_the_largest_block_are_refused),
		cmocka_unit_test(absurd_sizes_are_refused),
		cmocka_unit_test(options_bound_the_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
