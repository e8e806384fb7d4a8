/*
 * What tests do to any stack with a store.
 */
#include "tests/stack_scripts.h"
#include "tests/store_oracle.h"

#define NR_CPUS 4
#define MS 1000000ULL

static const u32 sizes[] = {1, 40, 64, 100, 208, 700, 1500, 2100, 3000, 3500, 4000, ~0U};

struct script {
	struct faults *f;
	struct store_oracle oracle;
};

static struct script s;

static u64 enter(unsigned int cpu)
{
	return machine_enter(s.f->lab.m, (int)(cpu % NR_CPUS), s.f->lab.m->now_ns);
}

static void leave(u64 entered_ns)
{
	machine_leave(s.f->lab.m, entered_ns);
}

/* And again at once if it was refused. */
static void allocate(unsigned int nr)
{
	u64 entered_ns = enter(nr);
	u32 size = min(sizes[nr % ARRAY_SIZE(sizes)], (u32)s.f->store->size_max);
	gfp_t flags = nr % 3 ? GFP_STORE : GFP_KERNEL;

	for (int again = 0; again < 2; again++) {
		if (store_oracle_malloc(&s.oracle, size, flags))
			break;
		fault_refused(s.f, "an object", again);
	}
	leave(entered_ns);
}

static void use_all(void)
{
	for (unsigned int i = 0; i < s.oracle.nr_live; i++) {
		u64 entered_ns = enter(i);

		store_oracle_read(&s.oracle, i);
		if (i % 4 == 0)
			store_oracle_write(&s.oracle, i);
		leave(entered_ns);
	}
}

static void free_one(unsigned int i)
{
	u64 entered_ns = enter(i);

	store_oracle_free(&s.oracle, i);
	leave(entered_ns);
}

static void compact(u64 goal_pages, u64 bytes_max)
{
	u64 entered_ns = enter(1);

	store_oracle_compact(&s.oracle, goal_pages, bytes_max);
	leave(entered_ns);
}

static void inspect(void)
{
	store_oracle_verify(&s.oracle);
	page_allocator_check(s.f->lab.pa);
	if (*s.oracle.wrong)
		fault_wrong(s.f, "%s", s.oracle.wrong);
}

static void wait_ns(u64 ns)
{
	machine_advance(s.f->lab.m, s.f->lab.m->now_ns + ns);
}

/* Long enough for pages to be shared, left sparse, gathered, and taken again. */
void store_script(struct faults *f)
{
	s = (struct script){.f = f};
	store_oracle_init(&s.oracle, f->store);
	store_oracle_listen(&s.oracle);
	for (unsigned int nr = 0; nr < 40; nr++)
		allocate(nr);
	inspect();
	use_all();
	for (unsigned int i = s.oracle.nr_live; i-- > 0;)
		if (i % 3)
			free_one(i);
	wait_ns(40 * MS);
	compact(UINT64_MAX, 3000);
	inspect();
	compact(1, UINT64_MAX);
	compact(UINT64_MAX, UINT64_MAX);
	inspect();
	use_all();
	for (unsigned int nr = 0; nr < 20; nr++)
		allocate(nr * 5);
	wait_ns(16000 * MS);
	inspect();
	use_all();
	while (s.oracle.nr_live && !*s.oracle.wrong)
		free_one(s.oracle.nr_live / 2);
	wait_ns(40 * MS);
	inspect();
	store_oracle_fini(&s.oracle);
	f->lab.m->on_event = NULL;
}
