/*
 * Both machines as files.
 */
#include "reports/fidelity_write.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "reports/report_dir.h"

static const char *const ours[] = {"recorded/", "simulated/", NULL};

static const struct {
	const char *name;
	void (*print)(FILE *f, const struct proc_state *s);
} files[] = {
	{"slabinfo", proc_print_slabinfo},
	{"buddyinfo", proc_print_buddyinfo},
	{"pagetypeinfo", proc_print_pagetypeinfo},
};

static int write_state(const struct report_dir *d, const char *folder, const struct proc_state *s,
		       struct err *e)
{
	if (report_sub_dir(d, folder, e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		FILE *f = report_file(d, e, "%s/%s", folder, files[i].name);

		if (!f)
			return -1;
		files[i].print(f, s);
		if (report_file_close(d, f, e))
			return -1;
	}
	return 0;
}

static int write_side(const struct report_dir *d, const char *side, size_t i, const char *label,
		      const struct proc_state *s, struct err *e)
{
	char *folder = mem_print("%s/%02zu-%s", side, i + 1, label);
	int ret = write_state(d, folder, s, e);

	free(folder);
	return ret;
}

int fidelity_write_check(const char *dir, struct err *e)
{
	return report_dir_check(dir, ours, e);
}

int fidelity_write(const struct fidelity *f, const char *dir, struct err *e)
{
	struct report_dir d;

	if (report_dir_open(&d, dir, ours, e))
		return -1;
	for (size_t i = 0; i < f->nr_snaps; i++) {
		const struct fidelity_snapshot *s = &f->snaps[i];

		if (write_side(&d, "recorded", i, s->label, &s->recorded, e) ||
		    write_side(&d, "simulated", i, s->label, &s->simulated, e)) {
			report_dir_abort(&d);
			return -1;
		}
	}
	return report_dir_commit(&d, e);
}
