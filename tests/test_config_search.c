/*
 * Values of what a search varies: within their bounds, the same for a seed, and what is said of
 * them is read back.
 */
#include <stdlib.h>
#include <string.h>

#include "cmd/search_read.h"
#include "tests/test.h"

#define DRAWS 2000

static const char *const loads[] = {"mix", NULL};

static struct yaml_file *file;

static struct search read_one(const char *gene)
{
	struct search s;
	struct err e;
	char text[256];

	snprintf(text, sizeof(text),
		 "{load: mix, vary: {a.b: %s}, maximize: store_pages_end, steps: 5, save: .}",
		 gene);
	file = yaml_parse("x", text, strlen(text), &e);
	assert_non_null(file);
	if (search_read(&s, yaml_top(file), loads, &e))
		fail_msg("%s", e.msg);
	return s;
}

/* Drawn and changed again and again; both ends come. */
static void ranges(void **state)
{
	static const struct {
		const char *gene;
		u64 from, to;
	} all[] = {{"{from: 32B, to: 4000B}", 32, 4000},
		   {"{from: 7us, to: 7us}", 7000, 7000},
		   {"{from: 0, to: 1}", 0, 1},
		   {"{from: 1, to: 1000000000000}", 1, 1000000000000},
		   {"{from: 1k/s, to: 9k/s}", 1000, 9000}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct search s = read_one(all[i].gene);
		bool least = false, most = false;
		struct gene_value v;
		struct rng r;

		rng_init(&r, i, "test", "search");
		for (int n = 0; n < DRAWS; n++) {
			if (n % 4)
				gene_change(&s.genes[0], &v, &r);
			else
				gene_draw(&s.genes[0], &v, &r);
			assert_true(v.v[0] >= all[i].from && v.v[0] <= all[i].to);
			least |= v.v[0] == all[i].from;
			most |= v.v[0] == all[i].to;
		}
		assert_true(least && most);
		yaml_close(file);
	}
}

/* One to so many sizes, each once, each with a weight. */
static void mixes(void **state)
{
	struct search s = read_one("{mix: 3, from: 32B, to: 40B}");
	bool seen[4] = {false};
	struct gene_value v;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "test", "search");
	gene_draw(&s.genes[0], &v, &r);
	for (int n = 0; n < DRAWS; n++) {
		gene_change(&s.genes[0], &v, &r);
		assert_true(v.nr >= 1 && v.nr <= 3);
		seen[v.nr] = true;
		for (unsigned int i = 0; i < v.nr; i++) {
			assert_true(v.v[i] >= 32 && v.v[i] <= 40);
			assert_true(v.weight[i] >= 1 && v.weight[i] <= 100);
			for (unsigned int k = 0; k < i; k++)
				assert_true(v.v[i] != v.v[k]);
		}
	}
	assert_true(seen[1] && seen[2] && seen[3]);
	yaml_close(file);
}

static void says(const char *gene, struct gene_value v, const char *want)
{
	struct search s = read_one(gene);
	char *text = search_setting(&s, 0, &v);

	assert_string_equal(text, want);
	free(text);
	yaml_close(file);
}

static void settings(void **state)
{
	(void)state;
	says("{from: 1us, to: 1s}", (struct gene_value){.v = {1500}}, "a.b=1500ns");
	says("{from: 1B, to: 1MiB}", (struct gene_value){.v = {2048}}, "a.b=2KiB");
	says("{from: 1, to: 10k}", (struct gene_value){.v = {10000}}, "a.b=10000");
	says("{from: 1k/s, to: 2k/s}", (struct gene_value){.v = {1500}}, "a.b=1500/s");
	says("[fifo, {dist: uniform, min: 1B, max: 2B}]", (struct gene_value){.v = {1}},
	     "a.b={dist: uniform, min: 1B, max: 2B}");
	says("{mix: 2, from: 1B, to: 1KiB}",
	     (struct gene_value){.nr = 2, .v = {64, 1024}, .weight = {3, 1}},
	     "a.b={dist: choice, of: {64B: 3, 1KiB: 1}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges),
		cmocka_unit_test(mixes),
		cmocka_unit_test(settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
