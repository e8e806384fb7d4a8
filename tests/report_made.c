/*
 * A report made in a test's folder, and looked at.
 */
#include "tests/report_made.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "reports/report.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

char *in_dir(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", results_dir, name);
	return path;
}

int report(const char *name, struct err *e)
{
	struct report_options options = {.dir = in_dir(name), .page_only = strcmp(name, "whole")};
	struct db *db = results_open();
	int rc = report_write(db, &options, e);

	db_close(db);
	return rc;
}

void report_made(const char *name)
{
	struct err e = {""};

	if (report(name, &e))
		fail_msg("%s", e.msg);
}

char *text_of(const char *name)
{
	struct err e = {""};
	size_t n;
	char *text = file_read(in_dir(name), &n, &e);

	if (!text)
		fail_msg("%s", e.msg);
	return text;
}

void files_are(const char *dir, const char *expected)
{
	char *files = results_files(dir);

	assert_string_equal(files, expected);
	free(files);
}

/* --- well-formed XML, as far as SVG needs it --- */

/* Past the end of a tag's attributes; quotes may hold '>'. NULL if it does not end. */
static const char *tag_end(const char *p)
{
	char quote = 0;

	for (; *p; p++) {
		if (quote)
			quote = *p == quote ? 0 : quote;
		else if (*p == '"' || *p == '\'')
			quote = *p;
		else if (*p == '>')
			return p + 1;
		else if (*p == '<')
			return NULL;
	}
	return NULL;
}

static bool entity_at(const char *p)
{
	size_t n = strcspn(p + 1, ";");

	return n > 0 && n < 8 && p[n + 1] == ';';
}

bool well_formed(const char *p)
{
	char open[64][32];
	int depth = 0, roots = 0;

	for (; *p; p++) {
		size_t n;
		const char *end;

		if (*p == '&' && !entity_at(p))
			return false;
		if (*p != '<')
			continue;
		end = tag_end(p + 1);
		if (!end)
			return false;
		n = strcspn(p + 1 + (p[1] == '/'), " \t\n/>");
		if (p[1] == '/') {
			if (!depth || strncmp(open[--depth], p + 2, n) || open[depth][n])
				return false;
		} else if (p[1] != '?' && p[1] != '!' && end[-2] != '/') {
			if (depth == 64 || n > 31)
				return false;
			roots += !depth;
			snprintf(open[depth++], 32, "%.*s", (int)n, p + 1);
		}
		p = end - 1;
	}
	return !depth && roots == 1;
}

static bool begins(const char *file, const char *magic)
{
	FILE *f = fopen(file, "r");
	char head[8] = "";
	size_t n = f ? fread(head, 1, strlen(magic), f) : 0;

	if (f)
		fclose(f);
	return n == strlen(magic) && !memcmp(head, magic, n);
}

/* Each script has its picture in every format. */
void pictures_are_whole(const char *name, bool papers)
{
	char path[64];
	struct dirent *entry;
	int nr = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/plots", name);
	dir = opendir(in_dir(path));
	while ((entry = readdir(dir))) {
		char file[400], *text, *end = strstr(entry->d_name, ".gp");

		if (!end)
			continue;
		strcpy(end, ".svg");
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		text = text_of(file);
		if (!well_formed(text))
			fail_msg("%s is not well-formed", entry->d_name);
		free(text);
		strcpy(strrchr(file, '.'), ".png");
		assert_int_equal(begins(in_dir(file), "\x89PNG"), papers);
		strcpy(strrchr(file, '.'), ".pdf");
		assert_int_equal(begins(in_dir(file), "%PDF"), papers);
		nr++;
	}
	closedir(dir);
	assert_true(nr >= 7);
}
