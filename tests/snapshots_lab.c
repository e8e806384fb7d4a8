/*
 * Folders of snapshots in memory, for tests of their parsers.
 */
#include "tests/snapshots_lab.h"

#include <string.h>

#include "lib/mem.h"
#include "tests/test.h"

const char lab_slabinfo[] =
	"slabinfo - version: 2.1\n"
	"# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> ...\n"
	"kmalloc-64         18785  18944     64   64    1 : tunables    0    0    0 : slabdata    "
	"296    296      0\n"
	"dentry             17356  17388    192   21    1 : tunables    0    0    0 : slabdata    "
	"828    828      0\n";

struct snapshot_files lab_folder(const char *const *pairs)
{
	struct snapshot_files f = {.dir = mem_dup("dir")};

	for (; *pairs; pairs += 2) {
		MEM_ROOM(f.files, f.nr, f.max);
		f.files[f.nr++] = (struct snapshot_file){mem_dup(pairs[0]), mem_dup(pairs[1]),
							 strlen(pairs[1])};
	}
	return f;
}

void lab_snapshots(struct snapshots *s, const char *const *pairs)
{
	struct snapshot_files f = lab_folder(pairs);
	struct err e;

	if (snapshots_parse(s, &f, &e))
		fail_msg("%s", e.msg);
	snapshot_files_free(&f);
}
