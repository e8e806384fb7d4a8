/*
 * Sizes, times and counts; the nearest name.
 */
#include <math.h>
#include <string.h>

#include "lib/suggest.h"
#include "lib/units.h"
#include "tests/test.h"

static void sizes_parse(void **state)
{
	struct err e;
	u64 v;

	(void)state;
	assert_int_equal(size_parse("64KiB", &v, &e), 0);
	assert_int_equal(v, 65536);
	assert_int_equal(size_parse("1.5GiB", &v, &e), 0);
	assert_int_equal(v, 3 * GIB / 2);
	assert_int_equal(size_parse("0", &v, &e), 0);
	assert_int_equal(v, 0);
	assert_int_equal(size_parse("7 B", &v, &e), 0);
	assert_int_equal(v, 7);
	assert_int_equal(size_parse("1TiB", &v, &e), 0);
	assert_int_equal(v, 1ULL << 40);
}

static void sizes_refused(void **state)
{
	struct err e;
	u64 v;

	(void)state;
	assert_int_equal(size_parse("64", &v, &e), -1);
	assert_non_null(strstr(e.msg, "has no unit"));
	assert_int_equal(size_parse("64KB", &v, &e), -1);
	assert_non_null(strstr(e.msg, "did you mean 'KiB'"));
	assert_int_equal(size_parse("1.5B", &v, &e), -1);
	assert_non_null(strstr(e.msg, "whole number of bytes"));
	assert_int_equal(size_parse("-1KiB", &v, &e), -1);
	assert_int_equal(size_parse("", &v, &e), -1);
	assert_int_equal(size_parse("KiB", &v, &e), -1);
	assert_int_equal(size_parse("1.KiB", &v, &e), -1);
	assert_int_equal(size_parse("9999999999TiB", &v, &e), -1);
	assert_non_null(strstr(e.msg, "too large"));
	assert_int_equal(size_parse("99999999999999999999B", &v, &e), -1);
	assert_int_equal(size_parse("0x10B", &v, &e), -1);
	assert_int_equal(size_parse("nanB", &v, &e), -1);
}

static void times_and_counts(void **state)
{
	struct err e;
	u64 v;

	(void)state;
	assert_int_equal(time_parse("10ms", &v, &e), 0);
	assert_int_equal(v, 10 * NSEC_PER_MSEC);
	assert_int_equal(time_parse("2.5us", &v, &e), 0);
	assert_int_equal(v, 2500);
	assert_int_equal(time_parse("1h", &v, &e), 0);
	assert_int_equal(v, 3600 * NSEC_PER_SEC);
	assert_int_equal(time_parse("10", &v, &e), -1);
	assert_int_equal(time_parse("10msec", &v, &e), -1);
	assert_int_equal(count_parse("200k", &v, &e), 0);
	assert_int_equal(v, 200000);
	assert_int_equal(count_parse("12", &v, &e), 0);
	assert_int_equal(v, 12);
	assert_int_equal(count_parse("1.2345k", &v, &e), -1);
	assert_int_equal(count_parse("1.5", &v, &e), -1);
	assert_int_equal(count_parse("3ms", &v, &e), -1);
}

static void printing_is_exact(void **state)
{
	static const u64 values[] = {0, 1, 1000, 1023, 1024, 65536, 1000001, 3 * GIB / 2, TIB};
	char buf[32];
	struct err e;
	u64 v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		size_print(values[i], buf, sizeof(buf));
		assert_int_equal(size_parse(buf, &v, &e), 0);
		assert_int_equal(v, values[i]);
		time_print(values[i], buf, sizeof(buf));
		assert_int_equal(time_parse(buf, &v, &e), 0);
		assert_int_equal(v, values[i]);
	}
	size_print(65536, buf, sizeof(buf));
	assert_string_equal(buf, "64KiB");
	size_print(1000001, buf, sizeof(buf));
	assert_string_equal(buf, "1000001B");
	time_print(90 * NSEC_PER_SEC, buf, sizeof(buf));
	assert_string_equal(buf, "90s");
}

static void printing_for_people(void **state)
{
	static const struct {
		double v;
		const char *size, *time, *count;
	} rows[] = {
		{0, "0 B", "0 ns", "0"},
		{12, "12 B", "12 ns", "12"},
		{12.3, "12.3 B", "12.3 ns", "12.3"},
		{1530921, "1.46 MiB", "1.53 ms", "1.53 M"},
		{12300000, "11.7 MiB", "12.3 ms", "12.3 M"},
		{999999, "977 KiB", "1.00 ms", "1.00 M"},
		{-2048, "-2 KiB", "-2.05 us", "-2.05 k"},
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_human(rows[i].v, buf, sizeof(buf));
		assert_string_equal(buf, rows[i].size);
		time_human(rows[i].v, buf, sizeof(buf));
		assert_string_equal(buf, rows[i].time);
		count_human(rows[i].v, buf, sizeof(buf));
		assert_string_equal(buf, rows[i].count);
	}
}

static void digits_in_groups(void **state)
{
	char buf[32];

	(void)state;
	count_grouped(0, buf, sizeof(buf));
	assert_string_equal(buf, "0");
	count_grouped(999, buf, sizeof(buf));
	assert_string_equal(buf, "999");
	count_grouped(1846122, buf, sizeof(buf));
	assert_string_equal(buf, "1,846,122");
	count_grouped(UINT64_MAX, buf, sizeof(buf));
	assert_string_equal(buf, "18,446,744,073,709,551,615");
}

static void nearest_names(void **state)
{
	static const char *const names[] = {"nodes", "costs", "rcu", "slabifier", NULL};
	char longer[400];

	(void)state;
	assert_string_equal(suggest_nearest("noeds", names), "nodes");
	assert_string_equal(suggest_nearest("node", names), "nodes");
	assert_string_equal(suggest_nearest("rcy", names), "rcu");
	assert_string_equal(suggest_nearest("slabfier", names), "slabifier");
	assert_null(suggest_nearest("elephant", names));
	assert_null(suggest_nearest("", names));
	memset(longer, 'a', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	assert_null(suggest_nearest(longer, names));
}

static void shares(void **state)
{
	static const struct {
		const char *text;
		u64 parts;
		const char *printed;
	} good[] = {
		{"1/512", 1953125, "0.1953125%"},
		{"0.2%", 2000000, "0.2%"},
		{"100%", SHARE_ONE, "100%"},
		{"0", 0, "0%"},
		{"1/3", 333333333, "33.3333333%"},
		{"0.00000004%", 0, "0%"},
		{"7/7", SHARE_ONE, "100%"},
		{"9999999999999999999/9999999999999999999", SHARE_ONE, "100%"},
	};
	static const char *const bad[] = {"",	  "x",	  "0.5", "1",	"50",	"1/0", "1/",   "/2",
					  "1/2%", "101%", "3/2", "-1%", "1 %%", "2%x", "1/2/3"};
	struct err e;
	char text[32];
	u64 v;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(share_parse(good[i].text, &v, &e), 0);
		assert_int_equal(v, good[i].parts);
		share_print(v, text, sizeof(text));
		assert_string_equal(text, good[i].printed);
		assert_int_equal(share_parse(text, &v, &e), 0);
		assert_int_equal(v, good[i].parts);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(share_parse(bad[i], &v, &e), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_parse),	       cmocka_unit_test(sizes_refused),
		cmocka_unit_test(times_and_counts),    cmocka_unit_test(printing_is_exact),
		cmocka_unit_test(printing_for_people), cmocka_unit_test(nearest_names),
		cmocka_unit_test(digits_in_groups),    cmocka_unit_test(shares),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
