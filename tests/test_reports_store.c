/*
 * report: compressed pages: the section is there when a stack has a store, its figures are those of
 * the database, and nothing a database says breaks the page.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/compare.h"
#include "reports/db_sink.h"
#include "reports/samples.h"
#include "tests/report_feed.h"
#include "tests/report_fixture.h"
#include "tests/report_made.h"
#include "tests/test.h"

#define NR_SAMPLES 40

/* What a store says at sample i: two objects a page of it in its first runs, three in others. */
static struct sink_store row_of(u64 i, u64 per_page)
{
	u64 objects = 6 * 10 * i, raw = i;

	return (struct sink_store){.t_ns = i * FEED_SAMPLE_NS,
				   .objects = objects + raw,
				   .bytes_req = objects * 1000 + raw * 4000,
				   .raw = raw,
				   .raw_bytes_req = raw * 4000,
				   .pages = objects / per_page + raw,
				   .reserve_pages = 3,
				   .descriptors = objects,
				   .descriptor_bytes = objects * 32,
				   .descriptor_pages = (objects * 32 + 4095) / 4096,
				   .slab_pages = (objects * 32 + 4095) / 4096 + 1,
				   .header_bytes = objects * 16,
				   .blocks = objects + objects / 2,
				   .block_bytes = objects * 1040,
				   .free_bytes = objects / per_page * 4096 - objects * 1040,
				   .nr_malloc = objects,
				   .nr_split = objects / 2,
				   .compact_runs = i / 10,
				   .compact_freed_pages = i / 10 * 50 * per_page,
				   .compact_moved_blocks = i / 10 * 1024,
				   .compact_moved_bytes = i / 10 * MIB,
				   .compact_ns = i / 10 * 5000};
}

static void feed_store(struct sink *s, const char *layer, u64 per_page)
{
	static const char *const ops[] = {"store_malloc", "store_write", "store_read", "store_free",
					  "store_compact"};
	struct sink_lock lock = {"zs_pool->lock", 1000, 250, 770, 70};

	for (u64 i = 0; i < NR_SAMPLES; i++) {
		struct sink_store row = row_of(i, per_page);
		u64 held = (row.pages - row.raw + 3) * 4096 - (row.objects - row.raw) * 1000;

		s->ops->store(s, &row);
		s->ops->sample(s, row.t_ns, layer, "live_bytes",
			       (double)(row.objects - row.raw) * 1000);
		s->ops->sample(s, row.t_ns, layer, "held_bytes", (double)held);
	}
	for (u32 k = 0; k < 3; k++)
		s->ops->store_class(s, &(struct sink_store_class){.t_ns = 77 * NSEC_PER_MSEC,
								  .index = k,
								  .size = 1000 + k,
								  .obj_allocated = k * 11,
								  .obj_used = k * 10,
								  .pages_used = k,
								  .pages_per_zspage = 3});
	for (u64 k = 0; k < ARRAY_SIZE(ops); k++)
		s->ops->latency(s, &(struct sink_latency){ops[k], "fast", 1234 + k, 100 + k, 200,
							  300 + per_page, 400, 500});
	s->ops->lock(s, &lock);
}

static void feed_figures(struct sink *s, u64 size, u64 per_page)
{
	const struct {
		const char *metric;
		double value;
	} figures[] = {{"store_size_mean", (double)size},
		       {"store_objs_end", 2379},
		       {"store_density_mean", (double)per_page},
		       {"store_density_end", 4096.0 / (double)(size + 16 * per_page)},
		       {"store_effective_percent_mean", 100.0 / (double)per_page},
		       {"store_memory_percent_end", 100 + (double)(per_page * size) / 100},
		       {"store_malloc_mean_ns", 90 + (double)per_page},
		       {"store_compact_pages_per_mib", 50 * (double)per_page},
		       {"store_between_frag_percent", 12.5}};

	for (size_t i = 0; i < ARRAY_SIZE(figures); i++)
		s->ops->summary(s, "", metric_find(figures[i].metric), figures[i].value);
}

static void store_run(const char *label, const char *load, u64 size, u64 seed, const char *layer)
{
	struct sink_end end = {.status = "ok", .sim_ns = NR_SAMPLES * FEED_SAMPLE_NS};
	u64 per_page = strcmp(label, "two") ? 3 : 2;
	struct feed f = {.label = label, .load = load, .seed = seed, .nr_samples = NR_SAMPLES};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);

	feed_begin(&f, s);
	if (layer) {
		feed_store(s, layer, per_page);
		feed_figures(s, size, per_page);
	}
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
}

static char *page_of(void)
{
	report_made("out");
	pictures_are_whole("out", false);
	return text_of("out/index.html");
}

static void test_store_is_told(void **state)
{
	static const char *const told[] = {
		"<a href=\"#store\">",
		"<section id=\"store\">",
		"objects a page, mean over time: 3 under three, 2 under two",
		"of the pages stored: 50.0 % under two, 33.3 % under three",
		"pages freed by compaction per MiB moved: 150 under three, 100 under two",
		"fig-store-swap",
		"fig-store-bytes-swap",
		"fig-store-compact-swap",
		"<td>three</td><td>malloc</td><td>fast</td><td class=\"n\">1,234</td>",
		"<td>two</td><td>compact</td><td>fast</td><td class=\"n\">1,238</td>",
		"<td>zs_pool-&gt;lock</td><td class=\"n\">1,000</td><td class=\"n\">250</td>"
		"<td class=\"n\">25.0 %</td>",
		"<summary>Size classes at the end</summary>",
		"<td class=\"n\">2</td><td class=\"n\">1002 B</td>",
		"--store1:",
		"pages of the store",
		"held by the store",
	};
	char *page;

	(void)state;
	store_run("two", "swap", 1000, 1, "store/0:zsmalloc");
	store_run("three", "swap", 1000, 1, "store/1:xcfmalloc");
	page = page_of();
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		assert_says(page, told[i]);
	/* Three sizes at least make a curve. */
	assert_null(strstr(page, "Over the size of objects"));
	free(page);
}

/* Without a store the page has nothing of it, and its data has the columns it had. */
static void test_no_store(void **state)
{
	char *page, *data;

	(void)state;
	store_run("two", "swap", 1000, 1, NULL);
	page = page_of();
	assert_null(strstr(page, "#store"));
	assert_null(strstr(page, "id=\"store\""));
	assert_null(strstr(page, "--store1"));
	assert_null(strstr(page, "of the store"));
	free(page);
	data = text_of("out/data/memory-swap-two-1.csv");
	assert_null(strstr(data, "store"));
	free(data);
	data = text_of("out/data/stacks-swap-two-1.csv");
	assert_null(strstr(data, "store"));
	free(data);
}

/* One stack of two has a store: the other is not drawn among them. */
static void test_some_have_stores(void **state)
{
	char *data;

	(void)state;
	store_run("none", "swap", 1000, 1, NULL);
	store_run("two", "swap", 1000, 1, "store/0:zbud");
	free(page_of());
	data = text_of("out/data/store-bytes-swap.csv");
	assert_null(strstr(data, ",none,"));
	assert_says(data, "\n0,most,1,two,2379,2496000,");
	free(data);
	assert_int_equal(access(in_dir("out/data/store-swap-none-1.csv"), F_OK), -1);
}

/* The data of the plots is what the views say. */
static void test_figures_are_the_views(void **state)
{
	char expected[256], *data;
	struct sink_store last = row_of(NR_SAMPLES - 1, 2);
	u64 raw = last.raw * 4096, blocks = last.block_bytes + raw;

	(void)state;
	store_run("two", "swap", 1000, 1, "store/0:zsmalloc");
	free(page_of());
	data = text_of("out/data/store-bytes-swap.csv");
	snprintf(expected, sizeof(expected), "\n1,end,0,two,%llu,%llu,%llu,0,%llu,0,%d,%llu\n",
		 (unsigned long long)last.objects, (unsigned long long)last.bytes_req,
		 (unsigned long long)(blocks - last.bytes_req), (unsigned long long)last.free_bytes,
		 3 * 4096, (unsigned long long)last.descriptor_pages * 4096);
	assert_says(data, expected);
	free(data);
	assert_int_equal(results_number("SELECT pages * 4096 FROM store_view ORDER BY t_ns DESC"),
			 last.pages * 4096);
	data = text_of("out/data/store-swap-two-1.csv");
	snprintf(expected, sizeof(expected), "\n0.39,%llu,", (unsigned long long)last.pages * 4096);
	assert_says(data, expected);
	/* No line before there is anything to draw. */
	assert_says(data,
		    "\n0,0,0,0,0,0,0,0,0,0,nan,nan,nan,nan,nan,nan,nan,nan,nan,nan,nan,nan\n");
	free(data);
	data = text_of("out/data/memory-swap-two-1.csv");
	snprintf(expected, sizeof(expected), ",%llu,0,%llu,", (unsigned long long)last.bytes_req,
		 (unsigned long long)((last.pages + 3) * 4096 - last.bytes_req));
	assert_says(data, expected);
	free(data);
}

/* ---- A store of slabs ---- */

static void test_store_in_slabs(void **state)
{
	struct err e = {""};
	struct samples s;
	struct db *db;
	u64 end = NR_SAMPLES * FEED_SAMPLE_NS;

	(void)state;
	store_run("two", "swap", 1000, 1, "store/0:kmalloc");
	store_run("three", "swap", 1000, 1, "store/0:zsmalloc");
	db = results_open();
	assert_int_equal(samples_load(&s, db, 1, &e), 0);
	assert_true(samples_has_store(&s));
	assert_int_equal(samples_store_bytes_at(&s, end) - samples_store_slabs_at(&s, end),
			 (NR_SAMPLES - 1) * 4096);
	samples_free(&s);
	assert_int_equal(samples_load(&s, db, 2, &e), 0);
	assert_int_equal(samples_store_slabs_at(&s, end), 0);
	samples_free(&s);
	db_close(db);
	free(page_of());
}

/* ---- Over the size of objects ---- */

static void test_sizes(void **state)
{
	static const u64 sizes[] = {512, 64, 4000};
	char load[32], *page, *data;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		snprintf(load, sizeof(load), "objects-%lluB", (unsigned long long)sizes[i]);
		store_run("two", load, sizes[i], 1, "store/0:zbud");
		store_run("three", load, sizes[i], 1, "store/0:zsmalloc");
	}
	store_run("two", "other", 77, 1, "store/0:zbud");
	page = page_of();
	assert_says(page, "Over the size of objects: objects-64B to objects-4000B");
	assert_says(page, "Of 3 loads with objects of 64 B to 3.91 KiB, least memory for the bytes "
			  "stored takes two for 3.");
	assert_says(page, "<details><summary>objects-64B</summary>");
	assert_says(page, "<h3>other</h3>");
	free(page);
	data = text_of("out/data/store-sizes-objects-64b.csv");
	/* By size, a stack after the other; what was not measured is no 0. */
	assert_says(data,
		    "\n0,two,objects-64B,64,880011,42.6666667,101.28,92,nan,nan,nan,nan\n0,two,"
		    "objects-512B,512,");
	assert_says(data,
		    "\n0,two,objects-4000B,4000,880011,1.01587302,180,92,nan,nan,nan,nan\n1,three,"
		    "objects-64B,64,");
	assert_null(strstr(data, "other"));
	free(data);
}

/* Loads of one size: what their names count is what they differ in. */
static void test_numbers(void **state)
{
	char load[32], *page, *data;

	(void)state;
	for (int i = 1; i <= 16; i *= 4) {
		snprintf(load, sizeof(load), "cpus%d", i);
		store_run("two", load, 1000, 1, "store/0:zbud");
	}
	page = page_of();
	assert_says(page, "Over the number in the loads&#39; names: cpus1 to cpus16");
	assert_says(page, "From cpus1 to cpus16: 1 times as many allocations under two");
	assert_says(page, "<details><summary>cpus4</summary>");
	free(page);
	data = text_of("out/data/store-sizes-cpus1.csv");
	assert_says(data, "row,stack,load,number,nr_alloc,");
	assert_says(data, "\n0,two,cpus16,16,");
	free(data);
}

/* ---- What breaks nothing ---- */

static void test_old_database(void **state)
{
	struct err e = {""};
	struct db *db;
	char *page;

	(void)state;
	store_run("two", "swap", 1000, 1, "store/0:zbud");
	db = db_open(results_path, DB_WRITE, &e);
	assert_int_equal(db_exec(db,
				 "DROP VIEW store_view; DROP VIEW store_class_view;"
				 "DROP TABLE store; DROP TABLE store_class",
				 &e),
			 0);
	db_close(db);
	page = page_of();
	assert_null(strstr(page, "id=\"store\""));
	free(page);
}

static void test_hostile_store(void **state)
{
	static const char *const names[] = {"</script><script>alert(2)</script>", "store/9",
					    "store/", "store/x:<b>", "'; system(\"x\"); '"};
	struct sink_end end = {.status = "ok", .sim_ns = 5};
	struct feed f = {.label = "<b>", .load = "`touch owned`<i>", .nr_samples = 5};
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);
	struct sink *s = db_sink_new(db);
	struct sink_store row = {.t_ns = ~0ULL >> 1, .objects = 1, .pages = ~0ULL >> 20, .raw = 9};
	char *page;

	(void)state;
	feed_begin(&f, s);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		s->ops->sample(s, 5, names[i], "live_bytes", 1e300);
		s->ops->sample(s, 5, names[i], "held_bytes", -1e300);
		s->ops->latency(s,
				&(struct sink_latency){"store_malloc", names[i], 1, 1, 1, 1, 1, 1});
		s->ops->lock(s, &(struct sink_lock){names[i], 0, ~0ULL, 1, 1});
	}
	s->ops->store(s, &(struct sink_store){.t_ns = 3, .bytes_req = ~0ULL, .raw = 7});
	s->ops->store(s, &row);
	s->ops->store_class(s, &(struct sink_store_class){.index = ~0U, .obj_used = ~0ULL});
	assert_int_equal(s->ops->end(s, &end, &e), 0);
	db_sink_free(s);
	db_close(db);
	page = page_of();
	assert_says(page, "id=\"store\"");
	assert_null(strstr(page, "<script>alert"));
	assert_null(strstr(page, "<b>"));
	assert_null(strstr(page, "<i>"));
	assert_int_equal(access(in_dir("out/plots/owned"), F_OK), -1);
	free(page);
}

/* ---- compare ---- */

/* A store is the same one at another depth; its figures are in the order of what they say. */
static void test_compare(void **state)
{
	static const struct compare_options options = {.format = OUT_CSV,
						       .labels = {.each_layer = true}};
	static const char *const order[] = {",store_size_mean,",
					    ",store_objs_end,",
					    ",store_density_end,",
					    ",store_effective_percent_mean,",
					    ",store_memory_percent_end,",
					    ",store_between_frag_percent,",
					    ",store_compact_pages_per_mib,",
					    ",store_malloc_mean_ns,"};
	struct err e = {""};
	struct db *db;
	char *text = NULL;
	const char *at;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	(void)state;
	store_run("two", "swap", 1000, 1, "store/0:zsmalloc");
	store_run("three", "swap", 1000, 1, "store/1:zsmalloc");
	db = results_open();
	assert_int_equal(compare_print(db, &options, f, f, &e), 0);
	db_close(db);
	fclose(f);
	at = text;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		at = strstr(at, order[i]);
		if (!at)
			fail_msg("%s is not where it belongs:\n%s", order[i], text);
	}
	free(text);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_store_is_told),    TEST(test_no_store),
		TEST(test_some_have_stores), TEST(test_figures_are_the_views),
		TEST(test_store_in_slabs),   TEST(test_sizes),
		TEST(test_numbers),	     TEST(test_old_database),
		TEST(test_hostile_store),    TEST(test_compare),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
