/*
 * Recordings as archives: what is taken out of them, and that no damage gets further than a
 * message.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "lib/rng.h"
#include "tests/test.h"
#include "tests/tmp_dir.h"
#include "traces/recording.h"

#define ROUNDS 2000

static char path[96];

static int begin(void **state)
{
	assert_int_equal(tmp_dir_make(state), 0);
	snprintf(path, sizeof(path), "%s/a.tar", tmp_dir);
	return 0;
}

/* Pairs of name and text, NULL at the end. A name that ends in '/' is a folder. */
static void write_tar(const char *const *pairs, int filter)
{
	struct archive *a = archive_write_new();

	assert_non_null(a);
	archive_write_add_filter(a, filter);
	archive_write_set_format_ustar(a);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	for (; *pairs; pairs += 2) {
		struct archive_entry *entry = archive_entry_new();
		size_t n = strlen(pairs[1]), len = strlen(pairs[0]);

		archive_entry_set_pathname(entry, pairs[0]);
		archive_entry_set_filetype(entry, pairs[0][len - 1] == '/' ? AE_IFDIR : AE_IFREG);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_size(entry, (la_int64_t)n);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		assert_int_equal(archive_write_data(a, pairs[1], n), n);
		archive_entry_free(entry);
	}
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

static const char *const whole[] = {
	"rec/",
	"",
	"rec/META",
	"name: rec\n",
	"rec/snaps/10-late/slabinfo",
	"late\n",
	"rec/snaps/02-early/slabinfo",
	"early\n",
	"rec/snaps/02-early/meminfo",
	"of no use\n",
	"rec/notes",
	"of no use\n",
	"rec/trace.txt",
	"text\n",
	"rec/trace.dat",
	"the trace\n",
	"rec/slab_static.tsv",
	"cache\n",
	NULL,
};

static void holds(const struct recording *r, size_t i, const char *name, const char *text)
{
	assert_string_equal(r->files.files[i].name, name);
	assert_string_equal(r->files.files[i].data, text);
}

/* trace.dat before trace.txt, snapshots in order, the rest left out; whatever the compression. */
static void taken(void **state)
{
	static const int filters[] = {ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_XZ,
				      ARCHIVE_FILTER_ZSTD};
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(filters); i++) {
		struct recording r;
		size_t n;
		char *text;

		write_tar(whole, filters[i]);
		if (recording_open(&r, path, &e))
			fail_msg("%s", e.msg);
		assert_true(r.has_snapshots);
		assert_int_equal(r.files.nr, 4);
		holds(&r, 0, "02-early/slabinfo", "early\n");
		holds(&r, 1, "10-late/slabinfo", "late\n");
		holds(&r, 2, "META", "name: rec\n");
		text = file_read(r.trace, &n, &e);
		assert_string_equal(text, "the trace\n");
		assert_says(r.name, "rec/trace.dat");
		free(text);
		recording_close(&r);
	}
}

static void refused(const char *const *pairs, const char *words)
{
	struct recording r;
	struct err e = {""};

	write_tar(pairs, ARCHIVE_FILTER_NONE);
	assert_int_equal(recording_open(&r, path, &e), -1);
	assert_says(e.msg, path);
	assert_says(e.msg, words);
}

static void names_stay_inside(void **state)
{
	static const char *const bad[] = {"/etc/x",   "rec/../x",      "..",
					  "rec/..",   "../x",	       "./../x",
					  "rec/a\nb", "snaps/../../x", NULL};

	(void)state;
	for (size_t i = 0; bad[i]; i++) {
		const char *pairs[] = {"rec/trace.dat", "x", bad[i], "y", NULL};

		refused(pairs, "in the archive");
	}
	refused((const char *[]){"rec/trace.dat", "x", "other/META", "y", NULL},
		"a second recording");
	refused((const char *[]){"rec/META", "y", NULL}, "no recording in this archive");
	refused((const char *[]){"rec/trace.dat", "x", "rec/trace.dat", "y", NULL}, "a second one");
}

/* A folder around it or none; "./" before it or not; "..x" is a name like others. */
static void layouts(void **state)
{
	static const char *const layouts[][9] = {
		{"trace.dat", "x", "snaps/01-a/slabinfo", "y", NULL},
		{"./trace.dat", "x", "./snaps/01-a/slabinfo", "y", NULL},
		{"./r/trace.dat", "x", "./r/snaps/01-a/slabinfo", "y", "./r/..x", "", NULL},
	};
	struct recording r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		write_tar(layouts[i], ARCHIVE_FILTER_NONE);
		if (recording_open(&r, path, &e))
			fail_msg("%s", e.msg);
		assert_int_equal(r.files.nr, 1);
		recording_close(&r);
	}
}

static int nr_open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int nr = 0;

	assert_non_null(d);
	while (readdir(d))
		nr++;
	closedir(d);
	return nr;
}

/* Random bytes of the archive: taken or refused, nothing left open, names that are of use only. */
static void damaged(void **state)
{
	int before = nr_open_files();
	struct err e;
	struct rng rng;
	size_t n;
	char *good;

	(void)state;
	write_tar(whole, ARCHIVE_FILTER_NONE);
	good = file_read(path, &n, &e);
	assert_non_null(good);
	rng_init(&rng, 1, "recording", "damage");
	for (int round = 0; round < ROUNDS; round++) {
		struct recording r;
		int fd;
		size_t keep = rng_below(&rng, 4) ? n : rng_below(&rng, n);
		char *bad = mem_alloc(n, 1);

		unlink(path); /* truncating the old one costs some file systems a flush */
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		memcpy(bad, good, n);
		for (u64 k = rng_below(&rng, 8); k < 8; k++)
			bad[rng_below(&rng, n)] = (char)rng_u64(&rng);
		assert_int_equal(write(fd, bad, keep), keep);
		close(fd);
		free(bad);
		if (recording_open(&r, path, &e))
			continue;
		for (size_t i = 0; i < r.files.nr; i++)
			assert_true(snapshot_file_wanted(r.files.files[i].name));
		recording_close(&r);
	}
	free(good);
	assert_int_equal(nr_open_files(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(taken),
		cmocka_unit_test(names_stay_inside),
		cmocka_unit_test(layouts),
		cmocka_unit_test(damaged),
	};

	return cmocka_run_group_tests(tests, begin, tmp_dir_remove);
}
