/*
 * What a user hands to import: a trace, a folder, an archive.
 */
#include "traces/recording.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/mem.h"

const char *const recording_traces[NR_RECORDING_TRACES] = {"trace.dat", "trace.txt",
							   "trace.txt.zst"};

void recording_close(struct recording *r)
{
	if (r->fd >= 0)
		close(r->fd);
	if (r->has_snapshots)
		snapshot_files_free(&r->files);
	free(r->trace);
	free(r->name);
	*r = (struct recording){.fd = -1};
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* The trace of a folder, and its snapshots if there are any. */
static int open_folder(struct recording *r, const char *dir, struct err *e)
{
	char *snaps = mem_print("%s/snaps", dir);
	int ret = 0;

	for (size_t i = 0; i < NR_RECORDING_TRACES && !r->trace; i++) {
		struct stat st;

		r->trace = mem_print("%s/%s", dir, recording_traces[i]);
		if (stat(r->trace, &st)) {
			free(r->trace);
			r->trace = NULL;
		}
	}
	if (!r->trace) {
		ret = err_set(e,
			      "%s: no recording in this folder: " RECORDING_TRACES_WANTED
			      ", and snaps/ beside it",
			      dir);
	} else if (is_folder(snaps)) {
		ret = snapshot_files_read(&r->files, dir, e);
		r->has_snapshots = !ret;
	}
	free(snaps);
	if (!ret)
		r->name = mem_dup(r->trace);
	return ret;
}

int recording_open(struct recording *r, const char *path, struct err *e)
{
	int ret;

	*r = (struct recording){.fd = -1};
	if (is_folder(path)) {
		ret = open_folder(r, path, e);
	} else {
		ret = recording_unpack(r, path, e);
		if (!ret) {
			r->trace = mem_dup(path);
			r->name = mem_dup(path);
		}
	}
	if (ret >= 0)
		return 0;
	recording_close(r);
	return -1;
}
