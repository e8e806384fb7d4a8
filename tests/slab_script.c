/*
 * What tests do to any slab stack.
 */
#include "tests/stack_scripts.h"

#include <string.h>

#include "alloc/kmalloc.h"
#include "alloc/slabulator.h"
#include "tests/slab_oracle.h"

#define NR_CACHES 3
#define NR_CPUS 4
#define MS 1000000ULL

static const struct slab_cache parameters[NR_CACHES] = {
	{.name = "small", .objsize = 40, .node = NUMA_NO_NODE},
	{.name = "aligned", .objsize = 700, .align = 64, .node = NUMA_NO_NODE},
	{.name = "large", .objsize = 5000, .node = NUMA_NO_NODE},
};

static const struct {
	size_t size;
	gfp_t flags;
} kmallocs[] = {{20, GFP_KERNEL},
		{20, GFP_KERNEL | __GFP_DMA},
		{100, GFP_ATOMIC},
		{3000, GFP_KERNEL | __GFP_RECLAIMABLE},
		{3000, GFP_KERNEL | __GFP_ZERO},
		{40000, GFP_KERNEL}};

/* Caches by name: each derives something of its own, or shares what is there. */
static const struct {
	const char *name;
	slab_flags_t flags;
	bool made;
} kmems[] = {{"typesafe", SLAB_DESTROY_BY_RCU, false},
	     {"reclaimable", SLAB_RECLAIM_ACCOUNT | SLAB_HWCACHE_ALIGN, false},
	     {"shared", SLAB_RECLAIM_ACCOUNT | SLAB_HWCACHE_ALIGN, false},
	     {"watched", SLAB_POISON | SLAB_RED_ZONE | SLAB_STORE_USER, false},
	     {"made", SLAB_DESTROY_BY_RCU, true}};
#define KMEM_BYTES 90
#define KMEM_OBJECTS 3

struct script {
	struct faults *f;
	struct oracle oracle;
	struct slab_control rooms[NR_CACHES];
	struct slab_cache *caches[NR_CACHES];
	struct kmalloc km;
	u8 *blocks[ARRAY_SIZE(kmallocs)];
	struct slabulator slabs;
};

static struct script s;

static u64 enter(int cpu)
{
	return machine_enter(s.f->lab.m, cpu % NR_CPUS, s.f->lab.m->now_ns);
}

static void leave(u64 entered_ns)
{
	machine_leave(s.f->lab.m, entered_ns);
}

static void create(int i)
{
	for (int again = 0; again < 2 && !s.caches[i]; again++) {
		s.caches[i] = slab_cache_create(s.f->sa, &s.rooms[i], &parameters[i]);
		if (!s.caches[i])
			fault_refused(s.f, "a cache", again);
	}
}

static void *allocate_from(struct slab_cache *cache, unsigned int nr, int *node)
{
	gfp_t flags = nr % 5 == 4 ? GFP_ATOMIC : GFP_KERNEL;

	*node = NUMA_NO_NODE;
	if (nr % 4 == 3)
		return slab_alloc_node(cache, flags, (int)(nr / 4 % 2));
	if (nr % 7 == 6)
		flags |= __GFP_ZERO;
	return slab_alloc(cache, flags);
}

/* An object of each cache, and again at once if it was refused. */
static void allocate(unsigned int nr)
{
	struct slab_cache *cache = s.caches[nr % NR_CACHES];
	u64 entered_ns = enter((int)(nr / 2));
	void *object = NULL;
	int node;

	for (int again = 0; again < 2 && cache && !object; again++) {
		object = allocate_from(cache, nr, &node);
		if (object)
			oracle_allocated(&s.oracle, cache, parameters[nr % NR_CACHES].align, object,
					 node);
		else
			fault_refused(s.f, cache->name, again);
	}
	leave(entered_ns);
}

/* Caches of kmalloc are made by the first request of their class and type. */
static void kmalloc_all(void)
{
	u64 entered_ns = enter(1);

	for (size_t i = 0; i < ARRAY_SIZE(kmallocs); i++) {
		for (int again = 0; again < 2 && !s.blocks[i]; again++) {
			s.blocks[i] = kmalloc_node(&s.km, kmallocs[i].size, kmallocs[i].flags,
						   NUMA_NO_NODE);
			if (!s.blocks[i])
				fault_refused(s.f, "kmalloc", again);
		}
		if (s.blocks[i])
			memset(s.blocks[i], (int)i, kmallocs[i].size);
	}
	leave(entered_ns);
}

static void kfree_all(void)
{
	u64 entered_ns = enter(2);

	for (size_t i = 0; i < ARRAY_SIZE(kmallocs); i++) {
		if (s.blocks[i] && (s.blocks[i][0] != i || s.blocks[i][kmallocs[i].size - 1] != i))
			fault_wrong(s.f, "contents of kmalloc(%zu) changed", kmallocs[i].size);
		kfree(&s.km, s.blocks[i]);
		s.blocks[i] = NULL;
	}
	leave(entered_ns);
}

static void make_object(void *object, struct kmem_cache *k, unsigned int mode)
{
	(void)k, (void)mode;
	memset(object, 0xc7, KMEM_BYTES);
}

/* A cache whose flags make no sense here is refused with the reason, again and again. */
static struct kmem_cache *kmem_create(size_t i)
{
	struct kmem_cache *k = NULL;

	for (int again = 0; again < 2 && !k; again++) {
		k = kmem_cache_create(&s.slabs, kmems[i].name, KMEM_BYTES, 0, kmems[i].flags,
				      kmems[i].made ? make_object : NULL, NULL);
		if (!k && !*s.slabs.why.msg)
			fault_refused(s.f, kmems[i].name, again);
	}
	return k;
}

static void kmem_use(struct kmem_cache *k, bool made)
{
	u8 *objects[KMEM_OBJECTS] = {NULL};

	for (int i = 0; i < KMEM_OBJECTS; i++) {
		for (int again = 0; again < 2 && !objects[i]; again++) {
			objects[i] = kmem_cache_alloc(k, GFP_KERNEL);
			if (!objects[i])
				fault_refused(s.f, k->name, again);
		}
		if (objects[i] && made &&
		    (objects[i][0] != 0xc7 || objects[i][KMEM_BYTES - 1] != 0xc7))
			fault_wrong(s.f, "an object of %s is not as it was made", k->name);
	}
	for (int i = 0; i < KMEM_OBJECTS; i++)
		if (objects[i])
			kmem_cache_free(k, objects[i]);
}

static void kmem_all(void)
{
	u64 entered_ns = enter(3);

	slabulator_init(&s.slabs, s.f->sa, s.f->lab.pa);
	s.slabs.merge = true;
	for (size_t i = 0; i < ARRAY_SIZE(kmems); i++) {
		struct kmem_cache *k = kmem_create(i);

		if (k)
			kmem_use(k, kmems[i].made);
	}
	if (slabulator_destroy(&s.slabs))
		fault_wrong(s.f, "the slabulator has live objects");
	leave(entered_ns);
}

static void free_one(unsigned int i, int cpu)
{
	struct oracle_object oo = s.oracle.live[i];
	u64 entered_ns = enter(cpu);

	oracle_freeing(&s.oracle, i);
	if (i % 2)
		slab_free(oo.cache, oo.address);
	else
		slab_free_object(virt_to_head_page(oo.address), oo.address);
	leave(entered_ns);
}

static int move_object(struct slab_cache *cache, void *object)
{
	unsigned int i = 0;
	void *to;

	while (i < s.oracle.nr_live && s.oracle.live[i].address != object)
		i++;
	if (i == s.oracle.nr_live) {
		fault_wrong(s.f, "an object of %s is to move, but it is not in use", cache->name);
		return 0;
	}
	to = slab_alloc(cache, GFP_KERNEL);
	if (!to)
		return 0;
	memcpy(to, object, cache->objsize);
	oracle_moved(&s.oracle, i, to);
	return 1;
}

static void shrink(move_object_fn move)
{
	u64 entered_ns = enter(0);

	for (int i = 0; i < NR_CACHES; i++)
		if (s.caches[i])
			slab_cache_shrink(s.caches[i], move);
	leave(entered_ns);
}

static void inspect(void)
{
	for (int i = 0; i < NR_CACHES; i++)
		if (s.caches[i])
			slab_cache_check(s.caches[i]);
	page_allocator_check(s.f->lab.pa);
	oracle_verify(&s.oracle);
}

static void wait_ns(u64 ns)
{
	machine_advance(s.f->lab.m, s.f->lab.m->now_ns + ns);
}

/* Of no use to anybody, and refused by layers that would have to enlarge it. */
static void create_largest(void)
{
	struct slab_cache largest = {
		.name = "largest", .objsize = SLAB_OBJECT_MAX, .node = NUMA_NO_NODE};
	struct slab_control room;
	struct slab_cache *cache = slab_cache_create(s.f->sa, &room, &largest);

	if (cache && slab_cache_destroy(cache))
		fault_wrong(s.f, "a cache that was never used has live objects");
}

/* Without objects, and shrunk, a cache has no slabs either. */
static void expect_no_slabs(void)
{
	struct slab_counts counts;

	wait_ns(40 * MS);
	shrink(NULL);
	for (int i = 0; i < NR_CACHES; i++) {
		if (!s.caches[i])
			continue;
		slab_cache_counts(s.caches[i], &counts);
		if (counts.total || counts.objs_total || counts.partial)
			fault_wrong(s.f, "%s counts %llu slabs of %llu objects, and has none",
				    parameters[i].name, (unsigned long long)counts.total,
				    (unsigned long long)counts.objs_total);
	}
}

static void tear_down(void)
{
	while (s.oracle.nr_live)
		free_one(0, (int)s.oracle.nr_live);
	expect_no_slabs();
	for (int i = 0; i < NR_CACHES; i++)
		if (s.caches[i] && slab_cache_destroy(s.caches[i]))
			fault_wrong(s.f, "%s has live objects", parameters[i].name);
	kfree_all();
	if (kmalloc_destroy(&s.km))
		fault_wrong(s.f, "kmalloc has live objects");
	if (*s.oracle.wrong)
		fault_wrong(s.f, "%s", s.oracle.wrong);
	oracle_fini(&s.oracle);
}

/* Long enough for a magazine or a queue to run full and empty, short enough to run often. */
void slab_script(struct faults *f)
{
	s = (struct script){.f = f};
	oracle_init(&s.oracle);
	kmalloc_init(&s.km, f->sa, f->lab.pa, NULL);
	for (int i = 0; i < NR_CACHES; i++)
		create(i);
	create_largest();
	for (unsigned int nr = 0; nr < 24; nr++)
		allocate(nr);
	for (unsigned int i = s.oracle.nr_live; i-- > 0;)
		if (i % 3)
			free_one(i, (int)i);
	inspect();
	kmalloc_all();
	wait_ns(40 * MS);
	for (unsigned int nr = 0; nr < 9; nr++)
		allocate(nr);
	shrink(move_object);
	inspect();
	kmem_all();
	wait_ns(16000 * MS); /* flushers, depots, reapers */
	shrink(NULL);
	for (unsigned int nr = 0; nr < 3; nr++)
		allocate(nr);
	inspect();
	tear_down();
}
