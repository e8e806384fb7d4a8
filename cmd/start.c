/*
 * How a run of a recorded trace starts.
 */
#include "cmd/start.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "traces/kmt.h"
#include "traces/snapshots_load.h"
#include "traces/warm.h"

static struct source *open_warm(struct source *kmt, const struct snapshots *s, char **note,
				struct err *e)
{
	struct warm_report report;
	struct source *warm = warm_open(kmt, s, &report, e);
	char line[400];

	if (warm) {
		warm_report_print(&report, line, sizeof(line));
		*note = mem_dup(line);
	}
	warm_report_free(&report);
	return warm;
}

/* The snapshots of the folder, or of the trace. */
static struct source *find_snapshots(struct source *kmt, const struct start *how, char **note,
				     struct err *e)
{
	struct snapshots s;
	char *warning = NULL;
	int found = snapshots_of_load(&s, kmt, how->dir, &warning, e);

	if (warning)
		fprintf(stderr, "%s\n", warning);
	free(warning);
	if (!found)
		return kmt;
	if (found < 0) {
		kmt->ops->close(kmt);
		return NULL;
	}
	kmt = open_warm(kmt, &s, note, e);
	snapshots_close(&s);
	return kmt;
}

struct source *start_open(const char *path, const struct start *how, char **note, struct err *e)
{
	struct source *kmt = kmt_open(path, e);

	*note = NULL;
	if (!kmt || how->cold)
		return kmt;
	if (how->given)
		return open_warm(kmt, how->given, note, e);
	return find_snapshots(kmt, how, note, e);
}
