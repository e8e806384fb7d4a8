/*
 * Recordings too large to lie among the sources. tests/run says where they are
 * ($KMEMSIM_RECORDINGS); a test that needs one that is not there is skipped.
 */
#ifndef TESTS_RECORDINGS_H
#define TESTS_RECORDINGS_H

#include <stdlib.h>
#include <unistd.h>

#include "lib/mem.h"
#include "tests/test.h"

/* The path of a file of a recording ("boot/trace.dat"), or of its folder; the caller frees. */
static inline char *recording_path(const char *name)
{
	const char *dir = getenv("KMEMSIM_RECORDINGS");
	char *path = mem_print("%s/%s", dir ? dir : "", name);

	if (!dir || access(path, R_OK)) {
		free(path);
		skip();
	}
	return path;
}

#endif
