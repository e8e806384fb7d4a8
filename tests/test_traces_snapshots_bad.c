/*
 * Files of snapshots that cannot be: what is wrong, and where; and files of other kernels, which
 * can.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "tests/snapshots_lab.h"
#include "tests/test.h"

#define HEAD "slabinfo - version: 2.1\n"
#define REST " : tunables 0 0 0 : slabdata 1 1 0\n"

/* What is wrong, and where. */
static void refusals(void **state)
{
	static const struct {
		const char *file, *text, *words;
	} all[] = {
		{"slabinfo", "", "slabinfo:1:1: the file is empty"},
		{"slabinfo", "version 2\n", "slabinfo:1:1: 'slabinfo' is wanted here"},
		{"slabinfo", "slabinfo - version: 3.0\n", "1:21: slabinfo of version '3.0'"},
		{"slabinfo", HEAD "a 1 1 8 512" REST, "2:13: pagesperslab: ':' is not a number"},
		{"slabinfo", HEAD "a 1 1 8 512 1 tunables", "2:3: five numbers and ':' are wanted"},
		{"slabinfo", HEAD "a 1 1 8 512 1 : tunables 0 0 0 : slabdata 1\n",
		 "2:44: num_slabs is missing"},
		{"slabinfo", HEAD "a 1 -1 8 512 1" REST, "2:5: num_objs: '-1' is negative"},
		{"slabinfo", HEAD "a 1 1e3 8 512 1" REST, "2:5: num_objs: '1e3' is not a number"},
		{"slabinfo", HEAD "a 1 99999999999999999999 8 512 1" REST, "is too large"},
		{"slabinfo", HEAD "a 2 1 8 512 1" REST, "more objects are active (2) than there"},
		{"slabinfo", HEAD "a 1 1 0 512 1" REST, "cannot be 0"},
		{"slabinfo", HEAD "a 1 1 1 8 512 1" REST, "2:3: five numbers and ':' are wanted"},
		{"slabinfo", HEAD "a 1 1 8 512 1" REST "a 1 1 8 512 1" REST,
		 "3:1: a second line of cache 'a'"},
		{"slabinfo", HEAD "a\033[31m 1 1 8 512 1" REST, "2:2: a control character (0x1b)"},
		{"buddyinfo", "", "no zone in it"},
		{"buddyinfo", "Node 0, zone DMA 1 2 3\nNode 0, zone DMA32 1 2\n",
		 "2:23: 2 orders; the lines before have 3"},
		{"buddyinfo", "Node 0, zone DMA\n", "numbers of free blocks are missing"},
		{"buddyinfo", "Node 0, zone DMA 1 >100000\n", "'>100000' is not a number"},
		{"buddyinfo", "Node 0, zone DMA 1\nNode 0, zone DMA 1\n", "2:1: a second line of"},
		{"buddyinfo", "Node 64, zone DMA 1\n", "1:6: node 64: nodes are below 64"},
		{"buddyinfo", "Node 0 zone DMA 1\n", "1:6: 'Node <number>,' is wanted"},
		{"buddyinfo", "Node 0, zone DMA_and_much_more 1\n", "cannot be a zone's name"},
		{"pagetypeinfo", "Page block order: 9\n", "no zone in it"},
		{"pagetypeinfo",
		 "Node 0, zone DMA, type Movable 1 2\nNode 0, zone DMA, type Movable 1 2\n",
		 "2:1: a second such line"},
		{"pagetypeinfo", "Node 0, zone DMA 1 2\n", "', type <name>' is wanted here"},
		{"pagetypeinfo", "Number of blocks type Movable\nNode 0, zone DMA\n",
		 "2:17: blocks is missing"},
		{"zoneinfo", "  pages free 1\n", "'Node <number>, zone <name>' is wanted"},
		{"zoneinfo", "Node 0, zone DMA\n  pages free many\n", "2:14: free pages: 'many'"},
		{"zoneinfo", "Node 0, zone DMA\n  pagesets\n count: 1\n", "of which CPU?"},
		{"zoneinfo", "Node 0, zone DMA\n  pagesets\n cpu: 1\n cpu: 1\n",
		 "CPU 1 a second time"},
		{"zoneinfo", "Node 0, zone DMA\nNode 0, zone DMA\n",
		 "2:1: node 0, zone DMA a second"},
		{"slab_sysfs.tsv", "cache\tobjects\n", "1:1: column 'slabs' is missing"},
		{"slab_sysfs.tsv", "cache\tslabs\tobjects\na\t1\n", "3 columns are wanted, 2 are"},
		{"slab_sysfs.tsv", "cache\tslabs\tobjects\na\t1\t2\t3\n", "more columns than"},
		{"slab_sysfs.tsv", "cache\tslabs\tobjects\na\t1 N9\t2\n",
		 "2:5: slabs: 'N<node>=<number>' is wanted"},
		{"slab_sysfs.tsv", "cache\tslabs\tobjects\na\t1 N64=1\t2\n", "node 64"},
		{"slab_sysfs.tsv", "cache\tslabs\tslabs\tobjects\n", "a second column 'slabs'"},
		{"times", "slabinfo 2 1\n", "1:1: slabinfo: the end is before the begin"},
		{"times", "slabinfo 2\n", "1:11: end is missing"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		char *name = mem_print("01-x/%s", all[i].file);
		const char *pairs[] = {name, all[i].text, "01-x/slabinfo", lab_slabinfo, NULL};
		struct snapshot_files f = lab_folder(pairs);
		struct snapshots s;
		struct err e = {""};

		if (!snapshots_parse(&s, &f, &e))
			fail_msg("taken: %s: %s", all[i].file, all[i].text);
		assert_says(e.msg, name);
		assert_says(e.msg, all[i].words);
		snapshot_files_free(&f);
		free(name);
	}
}

/* Other kernels' files: fewer or more orders, statistics, blanks in names, further columns. */
static void other_kernels(void **state)
{
	static const char *const pairs[] = {
		"1-a/slabinfo",
		"slabinfo - version: 2.1 (statistics)\n"
		"odd cache name 1 1 8 512 1 : tunables 0 0 0 : slabdata 1 1 0 : globalstat 1 2 3\n",
		"1-a/buddyinfo",
		"Node 3, zone HighMem 1 2 3 4 5 6 7 8 9 10 11 1 1\n",
		"2-b/slabinfo0",
		lab_slabinfo,
		"2-b/buddyinfo",
		"Node 0, zone Device 5\n",
		NULL};
	const struct snapshot_zone *z;
	struct snapshots s;

	(void)state;
	lab_snapshots(&s, pairs);
	assert_non_null(snapshot_slab(&s.snaps[0], "odd cache name"));
	z = snapshot_zone(&s.snaps[0], 3, "HighMem");
	assert_non_null(z);
	assert_int_equal(z->nr_free[10], 11 + 2 + 4); /* in blocks of order 10 */
	z = snapshot_zone(&s.snaps[1], 0, "Device");
	assert_non_null(z);
	assert_int_equal(z->nr_free[0], 5);
	/* slabinfo0 is all there is. */
	assert_non_null(snapshot_slab(&s.snaps[1], "dentry"));
	assert_null(s.machine);
	assert_says(s.machine_note, "no zoneinfo");
	snapshots_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refusals),
		cmocka_unit_test(other_kernels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
