/*
 * The built-in cost table: a two-socket Xeon of the Skylake generation at 2.1 GHz.
 *
 * Where a source gives cycles, they are turned into time at 2.1 GHz. What nobody has published is
 * an estimate and says so: change it in a costs/1 file and see whether the conclusion holds.
 *
 * Theory: an operation costs the sum of its elementary steps, and the code that takes a step says
 * so. The figures are of one generation of processors, as far as there are any: what is compared
 * are allocators, not the machines that each step was measured on.
 *
 * Invariant: this table and configs/costs-xeon.yaml say the same (a test compares them); no step
 * takes longer than a second.
 *
 * Unlike a processor: steps do not overlap, and no cache is modelled: whether a line is local,
 * remote or another CPU's is the seam's and the allocators' to say.
 */
#include "sim/costs.h"

#include <string.h>

#include "lib/units.h"

#define PERFBOOK                                                                                   \
	"McKenney, Is Parallel Programming Hard, ch. 3, CPU 0 view of synchronization "            \
	"mechanisms, Xeon Platinum 8176: "

/* One cost may take this long; more is a mistake in the unit. */
#define COST_NS_MAX NSEC_PER_SEC

const struct cost_desc cost_descs[NR_COSTS] = {
	[COST_CALL] =
		{"call", 6, "enter and leave an allocator function, its straight-line code",
		 "Linux 4.3, slub bulk alloc: extract objects from the per cpu slab: fast path of "
		 "alloc and free 42 cycles, less twice this_cpu: 12 cycles each"},
	[COST_INDIRECT_CALL] = {"indirect_call", 10, "call through a method pointer",
				"a retpoline is a mispredicted branch: 16 to 20 cycles (Agner Fog, "
				"The microarchitecture of Intel and AMD CPUs, Skylake)"},
	[COST_THIS_CPU] = {"this_cpu", 4, "read-modify-write of per-CPU data, no lock prefix",
			   "Linux fbd02630c6e3: this_cpu_cmpxchg, 9 cycles"},
	[COST_ATOMIC] = {"atomic", 7, "locked read-modify-write, line in this CPU's cache",
			 PERFBOOK "same-CPU CAS 7.0 ns"},
	[COST_LOCK] = {"lock", 15, "uncontended lock and unlock", PERFBOOK "same-CPU lock 15.4 ns"},
	[COST_LOCK_HANDOFF] = {"lock_handoff", 102,
			       "extra for taking over a lock another CPU held last",
			       PERFBOOK "off-core CAS 101.9 ns"},
	[COST_IRQ_SAVE] = {"irq_save", 18, "interrupts off and on again",
			   "Linux fbd02630c6e3: local_irq_save and restore, 37 cycles"},
	[COST_LINE_LOCAL] =
		{"line_local", 90, "cache miss served by memory of this node",
		 "AnandTech, Sizing Up Servers (2017): LMBench on Skylake-SP, 89 to 91 ns"},
	[COST_LINE_REMOTE] =
		{"line_remote", 130, "the same at distance 20; other distances in proportion",
		 "line_local times 1.45: Intel Memory Latency Checker, E7-4800, 135 ns "
		 "local, 194 to 202 ns remote"},
	[COST_LINE_SHARED] = {"line_shared", 48, "line last written by another CPU of this node",
			      PERFBOOK "off-core blind CAS 47.5 ns"},
	[COST_LINE_FOREIGN] = {"line_foreign", 149, "line last written by a CPU of another node",
			       PERFBOOK "off-socket blind CAS 148.8 ns"},
	[COST_LIST_STEP] = {"list_step", 2, "one step along a list, one split or merge",
			    "estimate: one load from the first-level cache, 4 to 5 cycles"},
	[COST_ZERO_PAGE] =
		{"zero_page", 445, "clear one page",
		 "Arora, x86/clear_page: add clear_pages (2022): clear_page_erms on a Xeon "
		 "8358, 9.21 bytes/ns"},
	[COST_COPY_PAGE] = {"copy_page", 890, "copy one page",
			    "estimate: twice zero_page, since as much is read as written"},
	[COST_INTERRUPT] = {"interrupt", 1000, "take and leave one interrupt",
			    "estimate: entry, exit and the state they displace, 1 us"},
	[COST_RCU_CALLBACK] = {"rcu_callback", 18, "dequeue and call one callback",
			       "estimate: list_step, indirect_call and call"},
};

void costs_default(struct cost_table *t)
{
	for (int i = 0; i < NR_COSTS; i++)
		t->ns[i] = cost_descs[i].ns;
}

static int cost_index(const char *name)
{
	int i = 0;

	while (i < NR_COSTS && strcmp(cost_descs[i].name, name))
		i++;
	return i;
}

static int cost_set(struct cost_table *t, const char *name, const struct yaml_node *value,
		    struct err *e)
{
	int i = cost_index(name);
	u64 ns;

	if (i == NR_COSTS) /* the format's own line, in a file */
		return 0;
	if (yaml_time(value, &ns, e))
		return -1;
	if (ns > COST_NS_MAX)
		return yaml_error(value, e, "no single step takes longer than 1s");
	t->ns[i] = (u32)ns;
	return 0;
}

static int costs_set(struct cost_table *t, const struct yaml_node *map, const char *first_key,
		     struct err *e)
{
	const char *known[NR_COSTS + 2];
	int n = 0;

	for (; n < NR_COSTS; n++)
		known[n] = cost_descs[n].name;
	if (first_key)
		known[n++] = first_key;
	known[n] = NULL;
	if (yaml_check_keys(map, known, e))
		return -1;
	for (size_t i = 0; i < yaml_count(map); i++) {
		if (cost_set(t, yaml_key(map, i), yaml_value(map, i), e))
			return -1;
	}
	return 0;
}

int costs_from_node(struct cost_table *t, const struct yaml_node *map, struct err *e)
{
	return costs_set(t, map, NULL, e);
}

int costs_load(struct cost_table *t, const char *path, struct err *e)
{
	struct yaml_file *f = yaml_open(path, e);
	const struct yaml_node *root;
	int ret = -1;

	if (!f)
		return -1;
	costs_default(t);
	root = yaml_root(f, "costs/1", e);
	if (root)
		ret = costs_set(t, root, "kmemsim", e);
	yaml_close(f);
	return ret;
}
