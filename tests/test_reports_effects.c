/*
 * compare over seeds: medians of pairs, what is detected and what is not, where no test is made.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/rng.h"
#include "reports/compare.h"
#include "reports/db_sink.h"
#include "reports/effects.h"
#include "reports/pairs_caches.h"
#include "tests/report_fixture.h"
#include "tests/test.h"

static const struct metric_desc lower = {"slab_bytes_mean", "bytes", BETTER_LOWER, ""},
				higher = {"free_huge_mean_percent", "percent", BETTER_HIGHER, ""},
				neither = {"nr_alloc", "count", BETTER_NEITHER, ""},
				constant = {"nr_failed", "count", BETTER_LOWER, ""},
				noise = {"cpu_ns", "ns", BETTER_LOWER, ""};

#define NR_CACHES 40

static void slab(struct sink *s, u64 t_ns, unsigned int cache, u64 pages)
{
	char name[32];

	snprintf(name, sizeof(name), "c:%02u/x", cache); /* names may hold anything */
	s->ops->slab(
		s, &(struct sink_slab){
			   .t_ns = t_ns, .cache = name, .pagesperslab = 2, .num_slabs = pages / 2});
}

/* A machine-made load: what a seed draws is the same for all stacks; `effect` is the stack's. */
static void store_run(struct db *db, const char *label, u64 seed, bool effect)
{
	struct sink *s = db_sink_new(db);
	double slabs = 0;
	struct rng r, own;
	struct err e = {""};

	rng_init(&r, seed, "load", "");
	rng_init(&own, seed, "load", label);
	s->ops->begin(s, &(struct sink_run){.label = label,
					    .load = "mix",
					    .stack = label,
					    .machine = "name: m\n",
					    .input = "",
					    .command = "",
					    .input_hash = 7,
					    .seed = seed});
	for (unsigned int c = 0; c < NR_CACHES; c++) {
		u64 pages = 2 * rng_below(&r, 1000) + (effect && c == 5 ? 200 : 0);

		/* Not there at first, then for 1 ms, then twice as large for 3 ms: mean 7/4. */
		slab(s, 0, c, 0);
		slab(s, 1000000, c, pages);
		slab(s, 4000000, c, 2 * pages);
		slabs += 7.0 / 4 * (double)pages * 4096;
	}
	s->ops->summary(s, "", &constant, 0);
	s->ops->summary(s, "", &higher, 50 + (double)rng_below(&r, 40) + (effect ? 3 : 0));
	s->ops->summary(s, "", &neither, 1000 + (double)rng_below(&r, 9) + (effect ? 1 : 0));
	s->ops->summary(s, "", &noise, (double)(500 + rng_below(&own, 500)));
	s->ops->summary(s, "", &lower, slabs);
	s->ops->summary(s, effect ? "slab/1:slabifier" : "slab/0:slabifier", &noise,
			(double)(500 + rng_below(&own, 500)));
	assert_int_equal(s->ops->end(s, &(struct sink_end){.status = "ok"}, &e), 0);
	db_sink_free(s);
}

static void store_seeds(u64 nr)
{
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);

	for (u64 seed = 1; seed <= nr; seed++) {
		store_run(db, "plain", seed, false);
		store_run(db, "new", seed, true);
	}
	db_close(db);
}

/* A comparison and its one group. */
struct compared {
	struct db *db;
	struct run_list list;
	struct comparison c;
	struct effects x;
};

static void compared_open(struct compared *k, const char *base, const char *new)
{
	const char *const news[] = {new, NULL};
	struct comparison_options o = {
		.base = base, .news = news, .each_layer = true, .caches = true};
	struct err e = {""};

	k->db = results_open();
	if (runs_load(k->db, &k->list, false, &e) ||
	    comparison_make(&k->c, k->db, &k->list, &o, &e))
		fail_msg("%s", e.msg);
	effects_make(&k->x, &k->c, 0);
	assert_int_equal(k->x.nr_pairings, k->c.nr);
}

static void compared_close(struct compared *k)
{
	effects_free(&k->x);
	comparison_free(&k->c);
	runs_free(&k->list);
	db_close(k->db);
}

static const struct effect *find(const struct compared *k, const char *layer, const char *metric)
{
	for (size_t i = 0; i < k->x.nr; i++)
		if (!strcmp(k->x.list[i].pair->metric, metric) &&
		    !strcmp(k->x.list[i].pair->layer, layer))
			return &k->x.list[i];
	fail_msg("no %s of '%s'", metric, layer);
	return NULL;
}

static void test_verdicts(void **state)
{
	struct compared k;
	const struct effect *f;

	(void)state;
	store_seeds(12);
	compared_open(&k, "plain", "new");
	assert_false(k.x.exact);
	f = find(&k, "", "slab_bytes_mean");
	assert_int_equal(f->nr, 12);
	assert_int_equal(f->verdict, VERDICT_WORSE);
	assert_true(f->diff == 200 * 4096 * 7.0 / 4);
	assert_true(f->interval.low == f->diff && f->interval.high == f->diff);
	assert_true(f->p == 2.0 / 4096);
	assert_int_equal(find(&k, "", "free_huge_mean_percent")->verdict, VERDICT_BETTER);
	assert_int_equal(find(&k, "", "nr_alloc")->verdict, VERDICT_DIFFERS);
	assert_int_equal(find(&k, "", "nr_failed")->verdict, VERDICT_SAME);
	assert_true(isnan(find(&k, "", "nr_failed")->p));
	f = find(&k, "", "cpu_ns");
	assert_int_equal(f->verdict, VERDICT_UNDETECTED);
	assert_true(f->p > 0.05 && f->interval.low < 0 && f->interval.high > 0);
	assert_true(f->new > 500 && f->new < 1000);
	/* The same layer at another depth. */
	assert_int_equal(find(&k, "slab/1:slabifier", "cpu_ns")->nr, 12);
	compared_close(&k);
}

/* Seen from the other side: signs turn, and nothing else. */
static void test_antisymmetry(void **state)
{
	struct compared k, r;

	(void)state;
	store_seeds(9);
	compared_open(&k, "plain", "new");
	compared_open(&r, "new", "plain");
	for (size_t i = 0; i < k.x.nr; i++) {
		const struct effect *a = &k.x.list[i], *b;

		if (!strncmp(a->pair->layer, "slab/", 5))
			continue; /* named as in the new stack */
		b = find(&r, a->pair->layer, a->pair->metric);
		assert_true(a->diff == -b->diff && a->base == b->new && a->new == b->base);
		assert_true(a->p == b->p || (isnan(a->p) && isnan(b->p)));
		assert_true(isnan(a->p) || fabs(a->interval.low + b->interval.high) <
						   1e-9 * fabs(a->interval.low) + 1e-9);
	}
	compared_close(&r);
	compared_close(&k);
}

/* The caches' differences add up to the whole one's, and say whose it is. */
static void test_caches(void **state)
{
	struct compared k;
	double base = 0, new = 0;

	(void)state;
	store_seeds(1);
	compared_open(&k, "plain", "new");
	for (size_t i = 0; i < k.x.nr; i++) {
		if (!layer_is_cache(k.x.list[i].pair->layer))
			continue;
		base += k.x.list[i].base;
		new += k.x.list[i].new;
	}
	assert_true(fabs(base - find(&k, "", "slab_bytes_mean")->base) < 1);
	assert_true(fabs(new - find(&k, "", "slab_bytes_mean")->new) < 1);
	assert_int_equal(find(&k, "cache/c:05/x", "slab_bytes_mean")->verdict, VERDICT_WORSE);
	assert_int_equal(find(&k, "cache/c:06/x", "slab_bytes_mean")->verdict, VERDICT_SAME);
	compared_close(&k);
}

static void test_few(void **state)
{
	struct compared k;
	const struct effect *f;
	struct interval range;

	(void)state;
	store_seeds(STATS_PAIRS_MIN - 1);
	compared_open(&k, "plain", "new");
	f = find(&k, "", "cpu_ns");
	assert_int_equal(f->verdict, VERDICT_FEW);
	assert_true(isnan(f->p) && isnan(f->interval.low));
	range = effect_range(&k.x, f);
	assert_true(range.low <= f->diff && f->diff <= range.high && range.low < range.high);
	assert_int_equal(find(&k, "", "nr_failed")->verdict, VERDICT_SAME);
	compared_close(&k);
}

/* Seeds that change nothing give one exact difference, however many there are. */
static void test_exact(void **state)
{
	struct sink *s;
	struct compared k;
	struct err e = {""};
	struct db *db = db_open(results_path, DB_WRITE, &e);

	(void)state;
	for (u64 i = 0; i < 20; i++) {
		s = db_sink_new(db);
		s->ops->begin(s, &(struct sink_run){.label = i & 1 ? "new" : "plain",
						    .load = "trace",
						    .stack = "",
						    .machine = "name: m\n",
						    .input = "",
						    .command = "",
						    .seed = i / 2});
		s->ops->summary(s, "", &lower, i & 1 ? 5 : 3);
		assert_int_equal(s->ops->end(s, &(struct sink_end){.status = "ok"}, &e), 0);
		db_sink_free(s);
	}
	db_close(db);
	compared_open(&k, "plain", "new");
	assert_true(k.x.exact);
	assert_int_equal(k.x.list[0].verdict, VERDICT_WORSE);
	assert_int_equal(k.x.list[0].nr, 10);
	assert_true(isnan(k.x.list[0].p) && k.x.list[0].diff == 2);
	compared_close(&k);
}

static int compare(const struct compare_options *o, char **text, char **notes)
{
	struct db *db = results_open();
	struct err e = {""};
	size_t size[2];
	FILE *f = open_memstream(text, &size[0]), *n = open_memstream(notes, &size[1]);
	int rc = compare_print(db, o, f, n, &e);

	fclose(f);
	fclose(n);
	db_close(db);
	if (rc < 0)
		fail_msg("%s", e.msg);
	return rc;
}

static void test_text(void **state)
{
	struct compare_options o = {.labels = {.each_layer = true}};
	char *text, *notes, *again;

	(void)state;
	store_seeds(12);
	compare(&o, &text, &notes);
	assert_says(text, "mix, 12 pairs, seeds 1 to 12: 'new' against 'plain'");
	assert_says(text, "95 % interval");
	assert_says(text, "<0.001* worse");
	assert_says(text, "<0.001* differs");
	assert_says(text, " ~\n");
	assert_says(text, "the same in each pair (medians): nr_failed 0");
	assert_says(text, "[slab_bytes_mean by cache: the 1 that differs]\n  c:05/x");
	assert_says(text, "5 figures tested, and 1 cache: by chance alone about 0.3");
	free(notes);
	compare(&o, &again, &notes);
	assert_string_equal(text, again);
	free(notes);
	free(again);
	free(text);
}

static void test_few_text(void **state)
{
	struct compare_options o = {.metric = "cpu_ns"};
	char *text, *notes;

	(void)state;
	store_seeds(3);
	compare(&o, &text, &notes);
	assert_says(text, "lowest to highest");
	assert_says(text, "3 pairs are too few for a test: 6 at least.");
	assert_null(strstr(text, "  p\n"));
	free(notes);
	free(text);
}

/* A row for each figure, whatever the number of seeds; what is not known is empty. */
static void test_rows(void **state)
{
	struct compare_options o = {.metric = "nr_*", .format = OUT_CSV};
	char *text, *notes;

	(void)state;
	store_seeds(12);
	compare(&o, &text, &notes);
	assert_says(text, "\nmix,,plain,new,,nr_failed,count,lower,0,0,0,0,same,12,,,,\r\n");
	assert_says(text, ",differs,12,1,1,0.00048828125,0.00048828125\r\n");
	free(text);
	free(notes);
	o.format = OUT_JSON;
	compare(&o, &text, &notes);
	assert_says(text, "\"seed\": null");
	assert_says(text, "\"p_holm\": null");
	free(text);
	free(notes);
}

static void test_fail_on(void **state)
{
	static const char *const trips[] = {"nr_alloc>0", NULL}, *const holds[] = {"nr_alloc>1",
										   NULL};
	struct compare_options o = {.fail_on = trips};
	char *text, *notes;

	(void)state;
	store_seeds(4);
	assert_int_equal(compare(&o, &text, &notes), 1);
	assert_says(notes, "nr_alloc on mix, median of 4 seeds:");
	free(text);
	free(notes);
	o.fail_on = holds;
	assert_int_equal(compare(&o, &text, &notes), 0);
	free(text);
	free(notes);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, results_setup, results_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verdicts), TEST(test_antisymmetry), TEST(test_caches),
		TEST(test_few),	     TEST(test_exact),	      TEST(test_text),
		TEST(test_few_text), TEST(test_rows),	      TEST(test_fail_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
