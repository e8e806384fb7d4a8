/*
 * A folder of a test's own.
 */
#include "tests/tmp_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char tmp_dir[64];

int tmp_dir_make(void **state)
{
	(void)state;
	strcpy(tmp_dir, "/tmp/kmemsim-test-XXXXXX");
	return mkdtemp(tmp_dir) ? 0 : -1;
}

int tmp_dir_remove(void **state)
{
	DIR *d = opendir(tmp_dir);

	(void)state;
	if (!d)
		return -1;
	for (struct dirent *entry; (entry = readdir(d));)
		unlinkat(dirfd(d), entry->d_name, 0);
	closedir(d);
	return rmdir(tmp_dir);
}
