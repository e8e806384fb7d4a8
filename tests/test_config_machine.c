/*
 * Machine files: what is accepted, and what each impossible machine is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/units.h"
#include "sim/machine_config.h"
#include "tests/test.h"

static struct machine_config m, again;

static void shipped_machines(void **state)
{
	static const struct {
		const char *path;
		unsigned int nodes, cpus, hz;
		u64 memory;
	} rows[] = {
		{"configs/machine-2node.yaml", 2, 4, 250, 2 * GIB},
		{"configs/machine-laptop.yaml", 1, 8, 1000, 16 * GIB},
		{"configs/machine-8node-1tib.yaml", 8, 128, 250, TIB},
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		u64 memory = 0;

		if (machine_config_load(&m, rows[i].path, &e))
			fail_msg("%s", e.msg);
		for (unsigned int nid = 0; nid < m.nr_nodes; nid++)
			memory += m.nodes[nid].memory;
		assert_int_equal(m.nr_nodes, rows[i].nodes);
		assert_int_equal(m.nr_cpus, rows[i].cpus);
		assert_int_equal(m.hz, rows[i].hz);
		assert_int_equal(memory, rows[i].memory);
	}
	assert_int_equal(m.cpu_node[127], 7);
	assert_int_equal(m.nodes[0].distance[7], 31);
}

static void built_in_is_the_file(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(machine_config_load(&m, "configs/machine-2node.yaml", &e), 0);
	machine_config_default(&again);
	assert_memory_equal(&m, &again, sizeof(m));
	assert_int_equal(m.cpu_node[1], 0);
	assert_int_equal(m.cpu_node[2], 1);
	assert_int_equal(m.nodes[1].distance[0], 20);
}

static void printing_is_canonical(void **state)
{
	static const char *const text =
		"kmemsim: machine/1\nname: odd\nhz: 100\n"
		"nodes:\n"
		"  - {memory: 1GiB, cpus: [0, 2], distance: [10, 17, 30]}\n"
		"  - {memory: 512MiB, distance: [17, 10, 20]}\n"
		"  - {cpus: '1,3', distance: [30, 20, 10]}\n"
		"zones: {movable: 128MiB}\npercpu_lists: {batch: 31, high: 186, "
		"zones: [{node: 1, zone: Normal, high: 7}, {node: 0, zone: DMA, batch: 3}]}\n"
		"watermarks: {min_free: 3MiB, scale: 20}\ncosts: {zero_page: 2us}\n";
	char *printed, *reprinted;
	struct err e;

	(void)state;
	if (machine_config_parse(&m, "odd.yaml", text, &e))
		fail_msg("%s", e.msg);
	printed = machine_config_print(&m);
	assert_says(printed, "{memory: 1GiB, cpus: '0,2', distance: [10, 17, 30]}");
	assert_says(printed, "{memory: 0B, cpus: '1,3', distance: [30, 20, 10]}");
	assert_says(printed,
		    "zones: [{node: 0, zone: DMA, batch: 3, high: 0}, {node: 1, zone: Normal, "
		    "batch: 0, high: 7}]}");
	assert_says(printed, "zero_page: 2000ns");
	if (machine_config_parse(&again, "printed", printed, &e))
		fail_msg("%s", e.msg);
	assert_memory_equal(&m, &again, sizeof(m));
	reprinted = machine_config_print(&again);
	assert_string_equal(printed, reprinted);
	free(printed);
	free(reprinted);
}

static void refused(const char *body, const char *says)
{
	char text[2000];
	struct err e = {""};

	snprintf(text, sizeof(text), "kmemsim: machine/1\n%s\n", body);
	assert_int_equal(machine_config_parse(&m, "m.yaml", text, &e), -1);
	assert_says(e.msg, says);
	if (strncmp(e.msg, "m.yaml:", 7))
		fail_msg("no place in '%s'", e.msg);
}

static void impossible_memory(void **state)
{
	(void)state;
	refused("hz: 100", "missing key 'nodes'");
	refused("nodes: []", "a list of nodes is wanted");
	refused("nodes: 2", "m.yaml:2:8: a list of nodes is wanted");
	refused("nodes: [{memory: 0B, cpus: 0}]", "the machine has no memory");
	refused("nodes: [{cpus: 0}]", "the machine has no memory");
	refused("nodes: [{memory: 1GiB, cpus: 0}, {memory: 0B}]",
		"m.yaml:2:34: node 1 has neither memory nor CPUs");
	refused("nodes: [{memory: 1026MiB, cpus: 0}]",
		"m.yaml:2:18: not a multiple of 4MiB, the largest buddy block: 1GiB or 1028MiB");
	refused("nodes: [{memory: 1024, cpus: 0}]", "'1024' has no unit");
	refused("nodes: [{memory: 1GB, cpus: 0}]", "did you mean 'GiB'?");
	refused("nodes: [{memory: 17TiB, cpus: 0}]", "more than 16TiB");
	refused("nodes: [{memory: 9TiB, cpus: 0}, {memory: 9TiB}]", "more than 16TiB");
	refused("nodes: [{memory: 999999999999TiB, cpus: 0}]", "too large a size");
	refused("nodes: [{memory: -1GiB, cpus: 0}]", "'-1GiB' is not a size");
	refused("nodes: [{memory: 64MiB, cpus: 0}]\nzones: {movable: 64MiB}",
		"leaves node 0 nothing for the kernel");
	refused("nodes: [{memory: 64MiB, cpus: 0}]\nzones: {movable: 1MiB}", "not a multiple");
	refused("nodes: [{memory: 64MiB, cpus: 0}]\nwatermarks: {min_free: 33MiB}",
		"more than half");
	refused("nodes: [{memory: 64MiB, cpus: 0}]\nwatermarks: {min_free: 32MiB, scale: 2500}",
		"m.yaml:3:13: impossible watermarks: with scale 2500 the high one is all of "
		"memory");
}

static void impossible_cpus(void **state)
{
	(void)state;
	refused("nodes: [{memory: 1GiB}]", "the machine has no CPU");
	refused("nodes: [{memory: 1GiB, cpus: ''}]", "the machine has no CPU");
	refused("nodes: [{memory: 1GiB, cpus: 0-1}, {memory: 1GiB, cpus: 1-2}]",
		"m.yaml:2:57: CPU 1 is on node 0 already");
	refused("nodes: [{memory: 1GiB, cpus: 0-1}, {memory: 1GiB, cpus: 3-4}]",
		"CPU 2 is on no node");
	refused("nodes: [{memory: 1GiB, cpus: 1-2}]", "CPU 0 is on no node");
	refused("nodes: [{memory: 1GiB, cpus: 0-1024}]", "the largest possible is 1023");
	refused("nodes: [{memory: 1GiB, cpus: all}]", "a CPU list looks like 0-3,8");
}

static void impossible_distances(void **state)
{
	(void)state;
	refused("nodes: [{memory: 1GiB, cpus: 0, distance: [10]}, {memory: 1GiB}]",
		"m.yaml:2:43: node 0: the distance matrix is not square: 2 numbers");
	refused("nodes: [{memory: 1GiB, cpus: 0, distance: 10}]", "not square");
	refused("nodes: [{memory: 1GiB, cpus: 0, distance: [10, 20]},"
		" {memory: 1GiB, distance: [21, 10]}]",
		"node 1 is 21 from node 0, but 20 the other way");
	refused("nodes: [{memory: 1GiB, cpus: 0, distance: [10, 30]}, {memory: 1GiB}]",
		"node 1 is 20 from node 0, but 30 the other way");
	refused("nodes: [{memory: 1GiB, cpus: 0, distance: [11]}]",
		"the distance of node 0 to itself must be 10");
	refused("nodes: [{memory: 1GiB, cpus: 0, distance: [10, 9]}, {memory: 1GiB}]",
		"9 is out of range: 10 to 254");
	refused("nodes: [{memory: 1GiB, cpus: 0, distance: [10, 255]}, {memory: 1GiB}]",
		"out of range");
}

#define NODES "nodes: [{memory: 1GiB, cpus: 0}]\n"

static void impossible_settings(void **state)
{
	(void)state;
	refused(NODES "hz: 0", "m.yaml:3:5: 0 is out of range: 1 to 10000");
	refused(NODES "hz: 250Hz", "unknown unit 'Hz'");
	refused(NODES "hzz: 250", "m.yaml:3:1: unknown key 'hzz': did you mean 'hz'?");
	refused("noeds: []", "unknown key 'noeds': did you mean 'nodes'?");
	refused("nodes: [{memory: 1GiB, cpu: 0}]", "unknown key 'cpu': did you mean 'cpus'?");
	refused(NODES "percpu_lists: {batch: 63, high: 10}", "high is below batch (63)");
	refused(NODES "percpu_lists: {zones: {}}", "a list of zones is wanted");
	refused(NODES "percpu_lists: {zones: [{node: 1, zone: DMA}]}", "1 is out of range: 0 to 0");
	refused(NODES "percpu_lists: {zones: [{node: 0, zone: dma}]}", "zone 'dma': DMA, DMA32");
	refused(NODES "percpu_lists: {zones: [{node: 0, zone: DMA, batch: 9, high: 3}]}",
		"high is below batch (9)");
	refused(NODES "watermarks: {scale: 0}", "0 is out of range: 1 to 3000");
	refused(NODES "zones: {movabel: 4MiB}", "did you mean 'movable'?");
	refused(NODES "name: 'a b'", "a machine's name");
	refused(NODES "costs: {zero_pgae: 1us}", "did you mean 'zero_page'?");
	refused(NODES "costs: {zero_page: 100}", "'100' has no unit");
	refused(NODES "costs: {zero_page: 2s}", "no single step takes longer than 1s");
	refused(NODES "costs: costs.yaml", "no place to look for 'costs.yaml'");
	refused("nodes: [{memory: 1GiB, cpus: 0}, 3]", "a mapping (key: value) is wanted");
}

static void costs_file_is_the_built_in_table(void **state)
{
	struct cost_table built_in, from_file;
	struct err e;
	char line[4000], key[64];
	FILE *f = fopen("configs/costs-xeon.yaml", "r");
	int described = 0;

	(void)state;
	costs_default(&built_in);
	if (costs_load(&from_file, "configs/costs-xeon.yaml", &e))
		fail_msg("%s", e.msg);
	assert_memory_equal(&built_in, &from_file, sizeof(built_in));
	/* Each figure stands under its source. */
	assert_non_null(f);
	for (int i = -1; fgets(line, sizeof(line), f);) {
		if (!strncmp(line, "#   Source: ", 12)) {
			i++;
			assert_true(i < NR_COSTS);
			assert_says(line, cost_descs[i].source);
			assert_non_null(fgets(line, sizeof(line), f));
			snprintf(key, sizeof(key), "%s: %uns\n", cost_descs[i].name,
				 cost_descs[i].ns);
			assert_string_equal(line, key);
			described++;
		}
	}
	fclose(f);
	assert_int_equal(described, NR_COSTS);
}

static void costs_file_missing(void **state)
{
	char dir[] = "/tmp/kmemsim-test.XXXXXX", path[64], words[160];
	struct cost_table t;
	struct err e;
	FILE *f;

	(void)state;
	assert_int_equal(costs_load(&t, "/nonexistent.yaml", &e), -1);
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/machine.yaml", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("kmemsim: machine/1\ncosts: nowhere.yaml\n" NODES, f);
	fclose(f);
	assert_int_equal(machine_config_load(&m, path, &e), -1);
	remove(path);
	remove(dir);
	snprintf(words, sizeof(words), "%s:2:8: %s/nowhere.yaml: No such file", path, dir);
	assert_says(e.msg, words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shipped_machines),
		cmocka_unit_test(built_in_is_the_file),
		cmocka_unit_test(printing_is_canonical),
		cmocka_unit_test(impossible_memory),
		cmocka_unit_test(impossible_cpus),
		cmocka_unit_test(impossible_distances),
		cmocka_unit_test(impossible_settings),
		cmocka_unit_test(costs_file_is_the_built_in_table),
		cmocka_unit_test(costs_file_missing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
