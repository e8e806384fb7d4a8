/*
 * What tests do to any chain of page allocators.
 */
#include "tests/stack_scripts.h"

#include "tests/page_oracle.h"

#define NR_CPUS 4
#define MS 1000000ULL

struct script {
	struct faults *f;
	struct page_oracle oracle;
};

static struct script s;

static u64 enter(unsigned int cpu)
{
	return machine_enter(s.f->lab.m, (int)(cpu % NR_CPUS), s.f->lab.m->now_ns);
}

static struct oracle_request request(unsigned int nr)
{
	static const gfp_t flags[] = {GFP_KERNEL, GFP_HIGHUSER_MOVABLE, GFP_ATOMIC,
				      GFP_KERNEL | __GFP_RECLAIMABLE | __GFP_ZERO,
				      GFP_KERNEL | __GFP_DMA};
	static const int orders[] = {0, 0, 3, 0, 1, 0, 9, 4, 1};

	return (struct oracle_request){.order = orders[nr % ARRAY_SIZE(orders)],
				       .node = (int)(nr % 3) - 1,
				       .flags = flags[nr % ARRAY_SIZE(flags)]};
}

/* The last block of the first node that nobody has, as far as the script knows. */
static unsigned long somewhere(int order)
{
	unsigned long pfn = kernel->max_pfn / 2;

	do
		pfn -= 1UL << order;
	while (page_oracle_in_use(&s.oracle, pfn, order));
	return pfn;
}

static void allocate(unsigned int nr, bool at)
{
	struct oracle_request r = request(nr), asked = r;
	u64 entered_ns = enter(nr / 2);
	struct page *page = NULL;

	if (at)
		r.node = asked.node = NUMA_NO_NODE;
	page_chain_rewrite(s.f->lab.pa, &r.flags, &r.node);
	for (int again = 0; again < 2 && !page; again++) {
		page = at ? page_alloc_at(s.f->lab.pa, somewhere(r.order), r.order, asked.flags, -1)
			  : page_alloc(s.f->lab.pa, r.order, asked.flags, asked.node);
		if (page)
			page_oracle_allocated(&s.oracle, &r, page, r.order < 4);
		else
			fault_refused(s.f, "a block", again);
	}
	machine_leave(s.f->lab.m, entered_ns);
}

static void free_one(unsigned int i, unsigned int cpu)
{
	struct oracle_block b = page_oracle_freeing(&s.oracle, i);
	u64 entered_ns = enter(cpu);

	page_free(s.f->lab.pa, b.page, b.order);
	machine_leave(s.f->lab.m, entered_ns);
}

static void inspect(void)
{
	page_allocator_check(s.f->lab.pa);
	page_oracle_verify(&s.oracle);
}

void page_script(struct faults *f)
{
	s = (struct script){.f = f};
	page_oracle_init(&s.oracle);
	for (unsigned int nr = 0; nr < 16; nr++)
		allocate(nr, false);
	for (unsigned int i = s.oracle.nr_blocks; i-- > 0;)
		if (i % 3)
			free_one(i, i);
	inspect();
	allocate(2, true);
	machine_advance(f->lab.m, f->lab.m->now_ns + 40 * MS);
	for (unsigned int nr = 16; nr < 24; nr++)
		allocate(nr, false);
	page_allocator_drain(f->lab.pa);
	allocate(25, false);
	inspect();
	while (s.oracle.nr_blocks)
		free_one(0, s.oracle.nr_blocks);
	if (*s.oracle.wrong)
		fault_wrong(f, "%s", s.oracle.wrong);
	page_oracle_fini(&s.oracle);
}
