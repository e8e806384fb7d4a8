/*
 * What /proc of a simulated machine said, as a folder.
 */
#include "cmd/proc_write.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

static const char *const ours[] = {"buddyinfo", "pagetypeinfo", "vmstat", "zoneinfo", "slabinfo",
				   "mm_stat",	"classes",	"snaps/", NULL};

static int write_files(const struct report_dir *d, const struct proc_folder *folder,
		       const char *path, struct err *e)
{
	for (int i = 0; i < NR_PROC_FILES; i++) {
		FILE *f;

		if (!folder->text[i])
			continue;
		f = report_file(d, e, "%s%s", path, proc_file_names[i]);
		if (!f)
			return -1;
		fputs(folder->text[i], f);
		if (report_file_close(d, f, e))
			return -1;
	}
	return 0;
}

static int write_folder(const struct report_dir *d, const struct proc_folder *folder, size_t at,
			struct err *e)
{
	char *path;
	int ret;

	if (!strcmp(folder->label, PROC_FILES_END))
		return write_files(d, folder, "", e);
	path = mem_print("snaps/%02zu-%s/", at, folder->label);
	ret = report_sub_dir(d, path, e) ? -1 : write_files(d, folder, path, e);
	free(path);
	return ret;
}

int proc_write_open(struct report_dir *d, const char *dir, struct err *e)
{
	return report_dir_open(d, dir, ours, e);
}

int proc_write(struct report_dir *d, const struct proc_files *p, struct err *e)
{
	for (size_t i = 0; i < p->nr; i++) {
		if (write_folder(d, &p->folders[i], i, e)) {
			report_dir_abort(d);
			return -1;
		}
	}
	return report_dir_commit(d, e);
}
