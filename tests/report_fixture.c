/*
 * A folder of its own for each test, with a results database of a made-up sweep in it.
 */
#define _GNU_SOURCE /* nftw */
#include "tests/report_fixture.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/db_sink.h"
#include "tests/report_feed.h"
#include "tests/test.h"

char results_dir[64];
char results_path[128];

int results_setup(void **state)
{
	(void)state;
	strcpy(results_dir, "/tmp/kmemsim-test-XXXXXX");
	if (!mkdtemp(results_dir))
		return -1;
	chmod(results_dir, 0755);
	snprintf(results_path, sizeof(results_path), "%s/results.db", results_dir);
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

int results_teardown(void **state)
{
	(void)state;
	return nftw(results_dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

void results_store_sweep(int nr_samples)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s;

	assert_non_null(db);
	s = db_sink_new(db);
	assert_int_equal(feed_sweep(s, nr_samples, &e), 0);
	db_sink_free(s);
	db_close(db);
}

void results_store_pair(int nr_samples)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s;

	assert_non_null(db);
	s = db_sink_new(db);
	for (int rcu = 0; rcu < 2; rcu++) {
		struct feed f = {.label = rcu ? "rcu" : "plain",
				 .load = "fstree",
				 .rcu = rcu,
				 .seed = 1,
				 .nr_samples = nr_samples,
				 .nr_caches = 4};

		assert_int_equal(feed_run(&f, s, &e), 0);
	}
	db_sink_free(s);
	db_close(db);
}

struct db *results_open(void)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_READ, &e);

	if (!db)
		fail_msg("%s", e.msg);
	return db;
}

s64 results_number(const char *sql)
{
	struct err e = {""};
	struct db *db = results_open();
	s64 value = -1;

	if (db_number(db, sql, &value, &e))
		fail_msg("%s", e.msg);
	db_close(db);
	return value;
}

static int visible(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..");
}

char *results_files(const char *sub_dir)
{
	char path[512], *text = NULL;
	struct dirent **entries;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int n;

	snprintf(path, sizeof(path), "%s/%s", results_dir, sub_dir);
	n = scandir(path, &entries, visible, alphasort);
	for (int i = 0; i < n; i++) {
		fprintf(f, "%s%s", i ? " " : "", entries[i]->d_name);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
	fclose(f);
	return text;
}
