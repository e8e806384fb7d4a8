/*
 * Tables in three formats, JSON strings, and a progress bar that stays away from files.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/out.h"
#include "lib/progress.h"
#include "tests/test.h"

static const struct out_column cols[] = {
	{"name", OUT_STR}, {"hits", OUT_INT}, {"share", OUT_REAL}, {"note", OUT_STR}, {NULL, 0},
};

static char *table(enum out_format format, bool rows)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	struct out o;

	out_begin(&o, f, format, cols);
	if (rows) {
		out_str(&o, "kmalloc-64");
		out_int(&o, 12);
		out_real(&o, 0.25);
		out_str(&o, "a \"b\", c");
		out_row_end(&o);
		out_str(&o, "größe");
		out_int(&o, -1234567);
		out_real(&o, NAN);
		out_str(&o, "");
		out_row_end(&o);
	}
	out_end(&o);
	fclose(f);
	return text;
}

static void expect(enum out_format format, bool rows, const char *expected)
{
	char *text = table(format, rows);

	assert_string_equal(text, expected);
	free(text);
}

static void three_formats(void **state)
{
	(void)state;
	expect(OUT_TEXT, true,
	       "name            hits  share  note\n"
	       "kmalloc-64        12   0.25  a \"b\", c\n"
	       "größe       -1234567         \n");
	expect(OUT_CSV, true,
	       "name,hits,share,note\r\nkmalloc-64,12,0.25,\"a \"\"b\"\", c\"\r\n"
	       "größe,-1234567,,\r\n");
	expect(OUT_JSON, true,
	       "[\n {\"name\": \"kmalloc-64\", \"hits\": 12, \"share\": 0.25, "
	       "\"note\": \"a \\\"b\\\", c\"},\n"
	       " {\"name\": \"größe\", \"hits\": -1234567, \"share\": null, \"note\": \"\"}\n]\n");
}

static void no_rows(void **state)
{
	(void)state;
	expect(OUT_TEXT, false, "name  hits  share  note\n");
	expect(OUT_CSV, false, "name,hits,share,note\r\n");
	expect(OUT_JSON, false, "[]\n");
}

static void json_strings(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{"a\"\\\n\x01", "\"a\\\"\\\\\\u000a\\u0001\""},
		{"\xf0\x9f\x90\xa7", "\"\xf0\x9f\x90\xa7\""},
		{"x\xffy", "\"x\xef\xbf\xbdy\""},
		{"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, /* a surrogate */
		{"\xc0\xaf", "\"\xef\xbf\xbd\xef\xbf\xbd\""},		      /* overlong */
		{"\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\""},		      /* cut off */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char *text = NULL;
		size_t n;
		FILE *f = open_memstream(&text, &n);

		json_string(f, rows[i].in);
		fclose(f);
		assert_string_equal(text, rows[i].out);
		free(text);
	}
}

static void formats_by_name(void **state)
{
	enum out_format format;
	struct err e;

	(void)state;
	assert_int_equal(out_format_parse("json", &format, &e), 0);
	assert_int_equal(format, OUT_JSON);
	assert_int_equal(out_format_parse("xml", &format, &e), -1);
	assert_says(e.msg, "one of text, csv, json");
}

static void progress_only_on_terminals(void **state)
{
	struct progress p;
	int kept = dup(STDERR_FILENO);

	(void)state;
	assert_non_null(freopen("/dev/null", "w", stderr));
	progress_begin(&p, "reading", 100);
	progress_step(&p, 50);
	progress_end(&p);
	dup2(kept, STDERR_FILENO);
	close(kept);
	assert_false(p.on);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(three_formats),
		cmocka_unit_test(no_rows),
		cmocka_unit_test(json_strings),
		cmocka_unit_test(formats_by_name),
		cmocka_unit_test(progress_only_on_terminals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
