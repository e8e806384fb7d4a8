/*
 * Files that appear whole or not at all.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/file.h"
#include "tests/test.h"

static char dir[64], path[128];

static int setup(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/kmemsim-test.XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/out", dir);
	return 0;
}

static int entries(void)
{
	DIR *d = opendir(dir);
	int n = -2; /* . and .. */

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(dir); /* fails if anything else was left behind */
}

static void write_file(const char *text)
{
	struct new_file nf;
	struct err e;

	assert_int_equal(new_file_open(&nf, path, &e), 0);
	fputs(text, nf.f);
	assert_int_equal(new_file_commit(&nf, &e), 0);
}

static void assert_holds(const char *text)
{
	struct err e;
	size_t n;
	char *got = file_read(path, &n, &e);

	assert_non_null(got);
	assert_int_equal(n, strlen(text));
	assert_string_equal(got, text);
	free(got);
}

static void commit_replaces(void **state)
{
	struct stat st;
	mode_t mask = umask(022);

	(void)state;
	write_file("first");
	assert_holds("first");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	write_file("second");
	assert_holds("second");
	assert_int_equal(entries(), 1);
	umask(mask);
}

static void abort_leaves_the_old_one(void **state)
{
	struct new_file nf;
	struct err e;

	(void)state;
	assert_int_equal(new_file_open(&nf, path, &e), 0);
	fputs("half", nf.f);
	new_file_abort(&nf);
	assert_int_equal(entries(), 0);
	write_file("old");
	assert_int_equal(new_file_open(&nf, path, &e), 0);
	fputs("half", nf.f);
	new_file_abort(&nf);
	assert_holds("old");
	assert_int_equal(entries(), 1);
}

static void symlinks_stay(void **state)
{
	char link_path[160];
	struct new_file nf;
	struct stat st;
	struct err e;

	(void)state;
	write_file("old");
	snprintf(link_path, sizeof(link_path), "%s/link", dir);
	assert_int_equal(symlink("out", link_path), 0);
	assert_int_equal(new_file_open(&nf, link_path, &e), 0);
	fputs("new", nf.f);
	assert_int_equal(new_file_commit(&nf, &e), 0);
	assert_holds("new");
	assert_int_equal(lstat(link_path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	unlink(link_path);
}

static void disk_full(void **state)
{
	struct new_file nf;
	struct err e;

	(void)state;
	assert_int_equal(new_file_open(&nf, "/dev/full", &e), 0);
	fputs("too much", nf.f);
	assert_int_equal(new_file_commit(&nf, &e), -1);
	assert_string_equal(e.msg, "/dev/full: No space left on device");
}

static void places_refused(void **state)
{
	struct new_file nf;
	struct err e;

	(void)state;
	assert_int_equal(new_file_open(&nf, "/nonexistent/out", &e), -1);
	assert_string_equal(e.msg, "/nonexistent/out: No such file or directory");
	assert_int_equal(new_file_open(&nf, dir, &e), -1);
	assert_says(e.msg, "is a directory");
	assert_int_equal(new_file_open(&nf, "", &e), -1);
}

static void reading_refused(void **state)
{
	struct err e;
	size_t n;

	(void)state;
	assert_null(file_read(path, &n, &e));
	assert_says(e.msg, "No such file");
	assert_null(file_read(dir, &n, &e));
	assert_says(e.msg, "is a directory");
	assert_null(file_read("/dev/zero", &n, &e));
}

static void parts_of_a_path(void **state)
{
	char *there = file_dir("/web.kmt"), *here = file_dir("web.kmt"),
	     *up = file_dir("a/b/web.kmt");

	(void)state;
	assert_string_equal(there, "/");
	assert_string_equal(here, ".");
	assert_string_equal(up, "a/b");
	assert_string_equal(file_base("a/b/web.kmt"), "web.kmt");
	assert_string_equal(file_base("web.kmt"), "web.kmt");
	assert_string_equal(file_base("a/"), "");
	free(there);
	free(here);
	free(up);
}

#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		FILE_TEST(commit_replaces),	   FILE_TEST(abort_leaves_the_old_one),
		FILE_TEST(symlinks_stay),	   FILE_TEST(disk_full),
		FILE_TEST(places_refused),	   FILE_TEST(reading_refused),
		cmocka_unit_test(parts_of_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
