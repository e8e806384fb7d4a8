/*
 * report: names are what users and traces make them; in page, scripts and tables they stay names.
 */
#include <stdlib.h>
#include <unistd.h>

#include "reports/db_sink.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/report_made.h"
#include "tests/test.h"

static const char *const hostile[] = {"</script><script>alert(2)</script>",
				      "=HYPERLINK(\"evil\")",
				      "'; system(\"touch owned\"); '",
				      "`touch owned`",
				      "<!--<script>",
				      "\xff\xfe not UTF-8",
				      "@SUM(A1)",
				      "\xe2\x80\xa8new line"};

/* They are caches, call sites, operations and snapshots. */
static void feed_hostile(struct sink *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(hostile); i++) {
		const char *name = hostile[i];
		u64 t_ns = 19 * FEED_SAMPLE_NS;
		struct sink_slab slab = {t_ns, name, 100, 120, 4096, 4, 4, 30, 30};
		struct sink_cache cache = {t_ns, name, name, 100, 4000, 4096};
		struct sink_site site = {name, name, 1000000, 40, 50, 1 << 30, 1 << 30, 1, 1};
		struct sink_latency latency = {name, name, 5000000, 1, 2, 3, 4, 5};
		struct fidelity_row row = {t_ns, name, "slab", name, 1 << 20, 2 << 20, 3 << 20};

		s->ops->slab(s, &slab);
		s->ops->cache(s, &cache);
		s->ops->site(s, &site);
		s->ops->latency(s, &latency);
		db_fidelity_add(s, &row);
	}
}

static void test_hostile_names(void **state)
{
	static const char *const labels[] = {"<script>alert('1')</script>",
					     "a&b \"quoted\" 'it''s'", "../../etc/passwd",
					     "übel `date` $(date)"};
	struct sink_end end = {.status = "ok"};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	char *page;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		struct feed f = {.label = labels[i],
				 .load = "<i>load</i>/..'",
				 .rcu = i & 1,
				 .nr_samples = 20,
				 .nr_caches = 3};

		feed_begin(&f, s);
		feed_hostile(s);
		assert_int_equal(s->ops->end(s, &end, &e), 0);
	}
	db_sink_free(s);
	db_close(db);
	report_made("out");
	files_are("", "out results.db");
	pictures_are_whole("out", false);
	page = text_of("out/index.html");
	assert_null(strstr(page, "<script>alert"));
	assert_null(strstr(page, "<!--"));
	assert_says(page, "\"\\u2028new line\"");
	assert_null(strstr(page, "<i>load"));
	assert_says(page, "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;");
	assert_says(page, "\\u003c/script\\u003e\\u003cscript\\u003ealert(2)");
	assert_says(page, "a&amp;b &quot;quoted&quot;");
	free(page);
	assert_int_equal(access("owned", F_OK), -1);
	assert_int_equal(access(in_dir("out/plots/owned"), F_OK), -1);
	page = text_of("out/data/sites.csv");
	assert_says(page, ",\"'=HYPERLINK(\"\"evil\"\")\",");
	assert_says(page, ",\"'@SUM(A1)\",");
	free(page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hostile_names, results_setup,
						results_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
