/*
 * Snapshots of a recorded machine: what the files say is what is known, and what cannot be is
 * refused with its place.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "sim/machine_config.h"
#include "tests/recordings.h"
#include "tests/snapshots_lab.h"
#include "tests/test.h"
#include "traces/snapshot_files.h"
#include "traces/snapshots.h"
#include "traces/snapshots_load.h"

static const char zoneinfo[] =
	"Node 0, zone      DMA\n  per-node stats\n      nr_inactive_anon 12\n"
	"  pages free     3808\n        boost    0\n        min      190\n        low      237\n"
	"        high     284\n        spanned  4095\n        present  3998\n"
	"        managed  3840\n        cma      0\n        protection: (0, 103)\n"
	"      nr_free_pages 3808\n      nr_zone_inactive_anon 11\n"
	"      nr_zone_active_anon 22\n      nr_zone_inactive_file 33\n"
	"      nr_zone_active_file 44\n      nr_zone_unevictable 55\n      nr_zspages   66\n"
	"  pagesets\n    cpu: 0\n              count: 3\n"
	"              high:  118\n              batch: 1\n  vm stats threshold: 6\n"
	"    cpu: 1\n              count: 5\n              high:  118\n              batch: 1\n"
	"  node_unreclaimable:  0\n  start_pfn:           1\n"
	"Node 0, zone    DMA32\n  pages free     10\n        min      1408\n"
	"        spanned  40960\n      nr_zone_active_anon 7\n  start_pfn:           4096\n"
	"Node 1, zone    DMA32\n  pages free     10\n        min      2193\n"
	"        spanned  45014\n  start_pfn:           45056\n";

static const char buddyinfo[] =
	"Node 0, zone      DMA      0      0      0      0      0      1      1      1      0      "
	"1      3 \n"
	"Node 1, zone    DMA32      4      7      1      1      1      2      1      0      3      "
	"2     17 \n";

static const char pagetypeinfo[] =
	"Page block order: 9\nPages per block:  512\n\n"
	"Free pages count per migrate type at order       0      1      2 \n"
	"Node    0, zone      DMA, type          CMA      9      9      9 \n"
	"Node    0, zone      DMA, type      Movable      1 >100000      3 \n"
	"Node    0, zone      DMA, type    Unmovable      4      5      6 \n"
	"\nNumber of blocks type     Movable      CMA    Unmovable \n"
	"Node 0, zone      DMA            1            7            2 \n";

static const char sysfs[] =
	"cache\tslabs\ttotal_objects\tobjects\tpartial\tcpu_slabs\tobjects_partial\t"
	"slabs_cpu_partial\n"
	"kmalloc-96\t24 N0=16 N1=8\t1008 N0=672 N1=336\t970 N0=634 N1=336\t1 N0=1\t1 N1=1\t4 N0=4\t"
	"60(4) C0=30(2) C1=30(2)\n"
	"io_kiocb\t0\t0\t0\t0\t0\t0\t0(0)\n";

static const char geometry[] =
	"cache\tobject_size\tslab_size\tobjs_per_slab\torder\tcpu_partial\tctor\tdestroy_by_rcu\n"
	"TCPv6\t2400\t2432\t13\t3\t24\t-\t1\n"
	"gone\t0\t0\t0\t0\t0\t-\t0\n";

static const char times[] = "shrink\t100\t200\nslabinfo\t300\t400\nmeminfo\t1\t2\n";

static const char meta[] = "name: two nodes!\n  node0: cpus=0-1 distance=10 25 Node 0 MemTotal\n"
			   "  node1: cpus=2-3 distance=25 10\nhz: 300\n";

static const char *const whole[] = {
	"01-before/slabinfo",
	lab_slabinfo,
	"01-before/slab_sysfs.tsv",
	sysfs,
	"01-before/zoneinfo",
	zoneinfo,
	"01-before/pagetypeinfo",
	pagetypeinfo,
	"01-before/buddyinfo",
	buddyinfo,
	"01-before/vmstat",
	"nr_free_pages 35332\npgfree 18446\n",
	"01-before/times",
	times,
	"02-after/slabinfo",
	lab_slabinfo,
	"META",
	meta,
	"slab_static.tsv",
	geometry,
	NULL,
};

static void slabs_as_written(void **state)
{
	const struct snapshot_geometry *g;
	const struct snapshot_sysfs *y;
	const struct snapshot_slab *c;
	struct snapshots s;

	(void)state;
	lab_snapshots(&s, whole);
	assert_int_equal(s.nr_snaps, 2);
	assert_string_equal(s.snaps[0].label, "before");
	assert_string_equal(s.snaps[1].label, "after");
	assert_int_equal(s.snaps[0].nr_slabs, 2);
	c = snapshot_slab(&s.snaps[0], "dentry");
	assert_non_null(c);
	assert_int_equal(c->active_objs, 17356);
	assert_int_equal(c->num_objs, 17388);
	assert_int_equal(c->objsize, 192);
	assert_int_equal(c->num_slabs, 828);
	assert_null(snapshot_slab(&s.snaps[0], "dentr"));
	y = snapshot_sysfs(&s.snaps[0], "kmalloc-96");
	assert_non_null(y);
	assert_int_equal(y->slabs, 24);
	assert_int_equal(y->node_slabs[0], 16);
	assert_int_equal(y->node_slabs[1], 8);
	assert_int_equal(y->node_objects[1], 336);
	assert_int_equal(y->node_partial[0], 1);
	assert_int_equal(y->cpu_slabs, 1);
	assert_int_equal(y->cpu_partial_slabs, 4);
	assert_null(snapshot_sysfs(&s.snaps[1], "kmalloc-96"));
	g = snapshots_geometry(&s, "TCPv6");
	assert_non_null(g);
	assert_int_equal(g->order, 3);
	assert_int_equal(g->cpu_partial, 24);
	assert_true(g->destroy_by_rcu && !g->reclaim_account);
	assert_null(snapshots_geometry(&s, "gone"));
	assert_int_equal(s.snaps[0].shrink.end_ns, 200);
	assert_int_equal(s.snaps[0].slabinfo_at.begin_ns, 300);
	snapshots_close(&s);
}

static void vmstat_as_written(void **state)
{
	struct snapshots s;

	(void)state;
	lab_snapshots(&s, whole);
	assert_int_equal(s.snaps[0].nr_vmstat, 2);
	assert_int_equal(snapshot_vmstat(&s.snaps[0], "pgfree")->value, 18446);
	assert_null(snapshot_vmstat(&s.snaps[0], "pgfre"));
	assert_null(snapshot_vmstat(&s.snaps[1], "pgfree"));
	snapshots_close(&s);
}

static void zones_as_written(void **state)
{
	const struct snapshot_zone *z;
	struct snapshots s;

	(void)state;
	lab_snapshots(&s, whole);
	assert_int_equal(s.snaps[0].nr_zones, 3);
	z = snapshot_zone(&s.snaps[0], 0, "DMA");
	assert_non_null(z);
	assert_true(z->has_info && z->has_buddy && z->has_types && z->type_capped);
	assert_int_equal(z->free, 3808);
	assert_int_equal(z->low, 237);
	assert_int_equal(z->high, 284);
	assert_int_equal(z->managed, 3840);
	assert_int_equal(z->start_pfn, 1);
	assert_int_equal(z->nr_cpus, 2);
	assert_int_equal(z->pcp_count[1], 5);
	assert_int_equal(z->pcp_high, 118);
	assert_int_equal(z->nr_free[10], 3);
	/* Those of the zone, not of its node. */
	for (unsigned int i = 0; i < SNAPSHOT_LRUS; i++)
		assert_int_equal(z->lru[i], 11 * (i + 1));
	assert_int_equal(z->lru_told, 31);
	assert_int_equal(z->zspages, 66);
	/* By name, whatever the order of the types. */
	assert_int_equal(z->type_free[0][2], 6);
	assert_int_equal(z->type_free[1][0], 1);
	assert_int_equal(z->type_free[1][1], 100000);
	assert_int_equal(z->type_blocks[0], 2);
	assert_int_equal(z->type_blocks[1], 1);
	z = snapshot_zone(&s.snaps[0], 1, "DMA32");
	assert_non_null(z);
	assert_int_equal(z->nr_free[0], 4);
	assert_true(!z->has_types);
	assert_int_equal(z->lru_told, 0);
	z = snapshot_zone(&s.snaps[0], 0, "DMA32");
	assert_non_null(z);
	assert_int_equal(z->lru_told, 1 << 1);
	snapshots_close(&s);
}

/* Node boundaries are the recorded ones. */
static void machine_of(const struct snapshots *s, struct machine_config *m)
{
	struct err e;

	assert_non_null(s->machine);
	if (machine_config_parse(m, "machine", s->machine, &e))
		fail_msg("%s", e.msg);
}

static void machine_as_recorded(void **state)
{
	struct machine_config m;
	struct snapshots s;

	(void)state;
	lab_snapshots(&s, whole);
	machine_of(&s, &m);
	assert_null(s.machine_note);
	assert_string_equal(m.name, "two-nodes-");
	assert_int_equal(m.hz, 300);
	assert_int_equal(m.nr_nodes, 2);
	assert_int_equal(m.nr_cpus, 4);
	assert_int_equal(m.nodes[0].memory, 45056 * 4096ULL);
	assert_int_equal(m.nodes[1].memory, 45056 * 4096ULL);
	assert_int_equal(m.nodes[0].distance[1], 25);
	assert_int_equal(m.cpu_node[1], 0);
	assert_int_equal(m.cpu_node[2], 1);
	assert_int_equal(m.zone_pcp[0][0].batch, 1);
	assert_int_equal(m.zone_pcp[0][0].high, 118);
	assert_int_equal(m.zone_pcp[1][1].high, 0); /* zoneinfo does not say */
	assert_int_equal(m.min_free_bytes, (190 + 1408 + 2193) * 4096ULL);
	snapshots_close(&s);
}

/* Without META: the CPUs that have lists, split evenly, and said so. */
static void machine_without_meta(void **state)
{
	static const char *const pairs[] = {"01-x/slabinfo", lab_slabinfo, "01-x/zoneinfo",
					    zoneinfo, NULL};
	struct machine_config m;
	struct snapshots s;

	(void)state;
	lab_snapshots(&s, pairs);
	machine_of(&s, &m);
	assert_int_equal(m.nr_cpus, 2);
	assert_int_equal(m.cpu_node[0], 0);
	assert_int_equal(m.cpu_node[1], 1);
	assert_says(s.machine_note, "split evenly");
	snapshots_close(&s);
}

/* A trace from 1 s on in which the labels are marked at the recorded times, more or less. */
static const struct source_mark marks[] = {
	{"SNAP before begin shrink", 100},   {"SNAP before end shrink", 200},
	{"SNAP before begin slabinfo", 300}, {"SNAP after begin slabinfo", 900},
	{"workload: begins", 500},
};

static const struct snapshots_trace right = {
	.name = "t.kmt",
	.nr_cpus = 2,
	.all_cpus = true,
	.t_first_ns = 1,
	.t_last_ns = 1000,
	.pfn_max = 90069,
	.marks = marks,
	.nr_marks = ARRAY_SIZE(marks),
};

/* What is said about them: NULL: they belong to the trace. */
static char *verdict(const char *const *pairs, struct snapshots_trace t, bool *refused)
{
	struct snapshots s;
	char *warning;
	struct err e;

	lab_snapshots(&s, pairs);
	*refused = snapshots_check(&s, &t, &warning, &e) != 0;
	snapshots_close(&s);
	return *refused ? mem_dup(e.msg) : warning;
}

static void refuses(const char *const *pairs, struct snapshots_trace t, const char *words)
{
	bool refused;
	char *said = verdict(pairs, t, &refused);

	assert_true(refused);
	assert_says(said, words);
	free(said);
}

static void belong(void **state)
{
	static const char late[] = "slabinfo\t9000000000\t9100000000\n";
	static const char *const late_pairs[] = {"01-before/slabinfo", lab_slabinfo,
						 "01-before/times", late, NULL};
	static const char *const after_pairs[] = {"01-before/slabinfo",
						  lab_slabinfo,
						  "02-x/slabinfo",
						  lab_slabinfo,
						  "02-x/times",
						  late,
						  NULL};
	static const char *const other_pairs[] = {"01-before/slabinfo", lab_slabinfo,
						  "02-unheard/slabinfo", lab_slabinfo, NULL};
	struct snapshots_trace t = right;
	bool refused;
	char *said = verdict(whole, t, &refused);

	(void)state;
	assert_true(!refused && !said);
	t.nr_cpus = 4;
	refuses(whole, t, "it has 2 CPUs, t.kmt was recorded on 4");
	t.cpus_used = 2; /* the others were off line */
	said = verdict(whole, t, &refused);
	assert_true(!refused && !said);
	t.cpus_used = 3;
	refuses(whole, t, "it has 2 CPUs, t.kmt was recorded on 4");
	t.cpus_used = 0;
	t.nr_cpus = 1;
	refuses(whole, t, "another machine");
	t.all_cpus = false; /* the others may have been idle */
	said = verdict(whole, t, &refused);
	assert_true(!refused && !said);
	t = right;
	t.pfn_max = 90070;
	refuses(whole, t, "its memory ends before page frame 0x15fd6");
	t = right;
	t.nr_marks = 0;
	refuses(whole, t, "labels marked there: none");
	t = right;
	refuses(late_pairs, t, "slabinfo of 'before' was read at 9.000 s");
	refuses(after_pairs, t, "snapshot 'x' is from after the trace");
	said = verdict(other_pairs, t, &refused);
	assert_true(!refused);
	assert_says(said, "no marks in t.kmt of 'unheard'");
	assert_says(said, "'before', 'after'");
	free(said);
}

/* Packed and unpacked: the same. Every byte less, or every bit changed: refused, or other files. */
static void packed(void **state)
{
	struct snapshot_files f = lab_folder(whole), g;
	struct bytes out = {0};
	struct err e;

	(void)state;
	snapshot_files_pack(&f, &out);
	assert_int_equal(snapshot_files_unpack(&g, "x", out.data, out.n, &e), 0);
	assert_int_equal(f.nr, g.nr);
	for (size_t i = 0; i < f.nr; i++) {
		assert_string_equal(f.files[i].name, g.files[i].name);
		assert_int_equal(f.files[i].n, g.files[i].n);
		assert_memory_equal(f.files[i].data, g.files[i].data, f.files[i].n);
	}
	snapshot_files_free(&g);
	for (size_t n = 0; n < out.n; n++) {
		u8 *cut = mem_alloc(n + 1, 1);

		memcpy(cut, out.data, n);
		assert_int_equal(snapshot_files_unpack(&g, "x", cut, n, &e), -1);
		free(cut);
	}
	for (size_t bit = 0; bit < 64 * 8; bit++) {
		out.data[bit / 8] ^= (u8)(1 << bit % 8);
		if (!snapshot_files_unpack(&g, "x", out.data, out.n, &e))
			snapshot_files_free(&g);
		out.data[bit / 8] ^= (u8)(1 << bit % 8);
	}
	bytes_free(&out);
	snapshot_files_free(&f);
}

/* The recordings, if they are here: every folder is read, its machine has the recorded boundary. */
static void recordings(void **state)
{
	static const struct {
		const char *dir;
		u64 node1_pfn;
		size_t nr_snaps;
	} all[] = {
		{"boot", 0x40000, 2},
		{"fstree", 0x40000, 8},
		{"forkstorm", 0x40000, 7},
		{"small-fstree", 0x40000, 5},
		{"small-hackbench", 0x40000, 4},
		{"small-pressure", 0xb000, 4},
		{"small-zram", 0x40000, 4},
		{"small-forkstorm", 0x40000, 4},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		char *dir = recording_path(all[i].dir);
		struct machine_config m;
		struct snapshots s;
		struct err e;

		if (snapshots_open(&s, dir, &e))
			fail_msg("%s", e.msg);
		assert_int_equal(s.nr_snaps, all[i].nr_snaps);
		machine_of(&s, &m);
		assert_int_equal(m.nodes[0].memory, all[i].node1_pfn * 4096);
		assert_int_equal(m.nr_nodes, 2);
		assert_int_equal(m.nr_cpus, 4);
		assert_null(s.machine_note);
		assert_true(s.nr_geometry > 200);
		snapshots_close(&s);
		free(dir);
	}
}

/* Each slabinfo stands for the other, under its own name and dates. */
static void slabinfo_that_is_there(void **state)
{
	static const char *const only_first[] = {"01-before/slabinfo0", lab_slabinfo,
						 "01-before/times",
						 "slabinfo0\t300\t400\nslabinfo\t900\t950\n", NULL};
	struct snapshot_slabinfo first, last;
	struct snapshots s;

	(void)state;
	lab_snapshots(&s, only_first);
	first = snapshot_slabinfo_first(&s.snaps[0]);
	last = snapshot_slabinfo_last(&s.snaps[0]);
	assert_int_equal(s.snaps[0].nr_slabs, 0);
	assert_string_equal(last.file, "slabinfo0");
	assert_int_equal(last.nr_slabs, 2);
	assert_int_equal(last.at->begin_ns, 300);
	assert_ptr_equal(first.slabs, last.slabs);
	assert_int_equal(snapshot_slab(&s.snaps[0], "dentry")->num_slabs, 828);
	snapshots_close(&s);
	lab_snapshots(&s, whole);
	first = snapshot_slabinfo_first(&s.snaps[0]);
	assert_string_equal(first.file, "slabinfo");
	assert_non_null(snapshot_slabinfo_find(&first, "dentry"));
	assert_null(snapshot_slabinfo_find(&first, "nobody"));
	snapshots_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slabs_as_written),
		cmocka_unit_test(slabinfo_that_is_there),
		cmocka_unit_test(vmstat_as_written),
		cmocka_unit_test(zones_as_written),
		cmocka_unit_test(machine_as_recorded),
		cmocka_unit_test(machine_without_meta),
		cmocka_unit_test(belong),
		cmocka_unit_test(packed),
		cmocka_unit_test(recordings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
