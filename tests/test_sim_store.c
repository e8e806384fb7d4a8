/*
 * A run whose stack has a store: what it says of it, done again by hand from the requests and the
 * rows; and that contents are really looked at.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/units.h"
#include "tests/shelf_store.h"
#include "tests/store_run.h"

#define EXIT_BUG 70
#define RAW_NEVER 4096U /* the largest objects there are */

struct held {
	u64 objects, bytes, raw, raw_bytes;
};

/* Of what was asked for before t_ns and not freed. */
static struct held held_at(u64 t_ns, u32 size_max)
{
	static u32 sizes[STORE_RUN_REQUESTS];
	struct held h = {0};

	memset(sizes, 0, sizeof(sizes));
	for (u32 i = 0; i < STORE_RUN_REQUESTS && store_run_load[i].t_ns < t_ns; i++)
		if (store_run_load[i].kind == REQ_STORE_ALLOC)
			sizes[store_run_load[i].object] = store_run_load[i].size;
		else if (store_run_load[i].kind == REQ_STORE_FREE)
			sizes[store_run_load[i].object] = 0;
	for (u32 i = 0; i < STORE_RUN_REQUESTS; i++) {
		h.objects += sizes[i] > 0;
		h.bytes += sizes[i];
		h.raw += sizes[i] > size_max;
		h.raw_bytes += sizes[i] > size_max ? sizes[i] : 0;
	}
	return h;
}

static u64 nr_of(enum request_kind kind, u64 from_ns, u32 size_max)
{
	u64 n = 0;

	for (u32 i = 0; i < STORE_RUN_REQUESTS; i++)
		n += store_run_load[i].t_ns >= from_ns && store_run_load[i].kind == kind &&
		     store_run_load[i].size <= size_max;
	return n;
}

/* ---- Done again by hand ---- */

static void near(double a, double b)
{
	if (a - b > 1e-9 * (a + 1) || b - a > 1e-9 * (a + 1))
		fail_msg("%.12g is not %.12g", a, b);
}

typedef double (*figure_fn)(const struct sink_store *f);

static double density(const struct sink_store *f)
{
	return f->pages ? (double)f->objects / (double)f->pages : -1;
}

static double effective(const struct sink_store *f)
{
	double pages = (double)f->pages + (double)f->descriptor_pages;

	return f->objects ? pages / (double)f->objects * 100 : -1;
}

static double metadata(const struct sink_store *f)
{
	double bytes = (double)f->header_bytes + (double)f->descriptor_bytes;

	return f->objects > f->raw ? bytes / (double)(f->objects - f->raw) : -1;
}

static double blocks(const struct sink_store *f)
{
	return f->objects > f->raw ? (double)f->blocks / (double)(f->objects - f->raw) : -1;
}

static double inside(const struct sink_store *f)
{
	u64 asked = f->bytes_req - f->raw_bytes_req;

	return f->block_bytes ? (double)(f->block_bytes - asked) / (double)f->block_bytes * 100
			      : -1;
}

static double between(const struct sink_store *f)
{
	u64 bytes = (f->pages - f->raw) * PAGE_SIZE;

	return bytes ? (double)f->free_bytes / (double)bytes * 100 : -1;
}

static double objects(const struct sink_store *f)
{
	return (double)f->objects;
}

static double pages(const struct sink_store *f)
{
	return (double)f->pages;
}

/* Each row stands for the time since the one before; -1: it means nothing then. */
static double mean_of(const struct seen *w, figure_fn figure)
{
	double sum = 0, ns = 0;

	for (unsigned int i = 1; i < w->nr_rows; i++) {
		double v = figure(&w->rows[i]);
		double since = (double)(w->rows[i].t_ns - w->rows[i - 1].t_ns);

		sum += v < 0 ? 0 : v * since;
		ns += v < 0 ? 0 : since;
	}
	return ns > 0 ? sum / ns : -1;
}

static void mean_is(const struct seen *w, const char *metric, figure_fn figure)
{
	if (mean_of(w, figure) < 0)
		assert_false(seen_has(w, metric));
	else
		near(seen_value(w, metric), mean_of(w, figure));
}

static void means_are_right(const struct seen *w)
{
	const struct sink_store *end = &w->rows[w->nr_rows - 1];
	u64 most = 0;

	for (unsigned int i = 0; i < w->nr_rows; i++)
		most = max(most, w->rows[i].pages);
	mean_is(w, "store_objs_mean", objects);
	mean_is(w, "store_pages_mean", pages);
	mean_is(w, "store_density_mean", density);
	mean_is(w, "store_effective_percent_mean", effective);
	mean_is(w, "store_metadata_bytes_per_obj", metadata);
	mean_is(w, "store_blocks_per_obj", blocks);
	mean_is(w, "store_inside_frag_percent", inside);
	mean_is(w, "store_between_frag_percent", between);
	near(seen_value(w, "store_objs_end"), (double)end->objects);
	near(seen_value(w, "store_pages_end"), (double)end->pages);
	near(seen_value(w, "store_pages_max"), (double)most);
	near(seen_value(w, "store_effective_percent_end"), effective(end));
	if (end->pages)
		near(seen_value(w, "store_density_end"), density(end));
	else
		assert_false(seen_has(w, "store_density_end"));
}

static void objects_are_right(const struct seen *w, u32 size_max)
{
	for (unsigned int i = 0; i < w->nr_rows; i++) {
		const struct sink_store *f = &w->rows[i];
		struct held h = held_at(f->t_ns, size_max);

		assert_int_equal(f->objects, h.objects);
		assert_int_equal(f->bytes_req, h.bytes);
		assert_int_equal(f->raw, h.raw);
		assert_int_equal(f->raw_bytes_req, h.raw_bytes);
		assert_true(f->pages >= f->raw);
		assert_int_equal(w->own_objs[i], f->descriptors);
	}
}

static void counts_are_right(const struct seen *w, u32 size_max)
{
	const struct sink_store *end = &w->rows[w->nr_rows - 1];
	u64 asked = 0, mallocs = nr_of(REQ_STORE_ALLOC, 0, PAGE_SIZE);

	for (u32 i = 0; i < STORE_RUN_REQUESTS; i++)
		asked += store_run_load[i].kind == REQ_STORE_ALLOC ? store_run_load[i].size : 0;
	near(seen_value(w, "store_size_mean"), (double)asked / (double)mallocs);
	assert_int_equal(end->nr_malloc, nr_of(REQ_STORE_ALLOC, 0, size_max));
	assert_int_equal(seen_value(w, "store_raw_objs"), mallocs - end->nr_malloc);
	assert_int_equal(w->nr_mallocs, mallocs);
	assert_int_equal(w->nr_writes, mallocs);
	assert_int_equal(w->nr_frees, nr_of(REQ_STORE_FREE, 0, PAGE_SIZE));
	assert_int_equal(w->nr_reads, nr_of(REQ_STORE_READ, 0, PAGE_SIZE));
	assert_int_equal(w->nr_compacts, 2);
	assert_int_equal(seen_value(w, "store_compact_runs"), 2);
	assert_int_equal(seen_value(w, "store_compact_freed_pages"), end->compact_freed_pages);
	assert_int_equal(seen_value(w, "store_compact_moved_bytes"), end->compact_moved_bytes);
	assert_int_equal(seen_value(w, "store_bad_handles"), 0);
	near(seen_value(w, "store_split_percent"),
	     100 * (double)end->nr_split / (double)end->nr_malloc);
	assert_true(seen_value(w, "store_malloc_mean_ns") > 0);
	assert_true(seen_value(w, "store_malloc_mean_ns") <=
		    seen_value(w, "store_malloc_p99_ns") * 100);
}

/* What the source of pages gave out is with the slabs or with the store. */
static void memory_adds_up(const struct seen *w, bool in_slabs)
{
	for (unsigned int i = 0; i < w->nr_rows; i++) {
		const struct sink_store *f = &w->rows[i];
		u64 beside = in_slabs ? f->raw : f->pages + f->reserve_pages;
		double kept =
			(double)(in_slabs ? f->block_bytes
					  : (f->pages + f->reserve_pages - f->raw) * PAGE_SIZE);

		assert_int_equal(w->taken_rows[i] - w->slab_rows[i], beside * PAGE_SIZE);
		assert_int_equal(w->held_rows[i], kept - (double)(f->bytes_req - f->raw_bytes_req));
	}
}

/* Of stores whose classes hold all objects. */
static void classes_add_up(const struct seen *w)
{
	const struct sink_store *end = &w->rows[w->nr_rows - 1];
	u64 used = 0, in_pages = 0;

	for (unsigned int i = 0; i < w->nr_classes; i++) {
		used += w->classes[i].obj_used;
		in_pages += w->classes[i].pages_used;
		assert_true(w->classes[i].obj_used <= w->classes[i].obj_allocated);
		assert_int_equal(w->classes[i].t_ns, end->t_ns);
	}
	assert_int_equal(used, end->objects - end->raw);
	assert_int_equal(in_pages, end->pages - end->raw + end->reserve_pages);
}

static const struct one {
	const char *store;
	u32 size_max;
	bool in_slabs, all_in_classes;
} all[] = {
	{"null", RAW_NEVER, true, false},
	{"kmalloc", RAW_NEVER, true, true},
	{"zsmalloc", RAW_NEVER, false, true},
	{"zbud", 3968, false, false},
	{"xvmalloc", 3968, false, false},
	{"xcfmalloc", 3968, false, false},
	{"xcfmalloc(reserve=8)", 3968, false, false},
	{"debug:zsmalloc", RAW_NEVER, false, true},
	{"shelf", PLACE_BYTES, false, false},
};

static void figures_follow_from_rows_and_requests(void **state)
{
	static struct seen w;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		store_run_make_load(i);
		store_run(&w, &(struct how){.store = all[i].store});
		assert_true(w.nr_rows > 50);
		objects_are_right(&w, all[i].size_max);
		means_are_right(&w);
		counts_are_right(&w, all[i].size_max);
		memory_adds_up(&w, all[i].in_slabs);
		if (all[i].all_in_classes)
			classes_add_up(&w);
	}
}

/* Behind a grace period the store still has what the load has given up. */
static void limbo_is_waste(void **state)
{
	static struct seen now, later;
	u64 more = 0;

	(void)state;
	store_run_make_load(1);
	store_run(&now, &(struct how){.store = "zsmalloc"});
	store_run(&later, &(struct how){.store = "rcu:zsmalloc"});
	objects_are_right(&later, RAW_NEVER);
	means_are_right(&later);
	for (unsigned int i = 0; i < now.nr_rows; i++)
		more += later.rows[i].blocks > now.rows[i].blocks;
	assert_true(more > now.nr_rows / 2);
	assert_true(seen_value(&later, "store_inside_frag_percent") >
		    seen_value(&now, "store_inside_frag_percent"));
}

/* ---- When rows come ---- */

static void a_mark_has_a_row_and_classes(void **state)
{
	static struct seen w;
	struct held h;

	(void)state;
	store_run_make_load(2);
	store_run(&w, &(struct how){.store = "zsmalloc"});
	h = held_at(STORE_RUN_MARK_NS, RAW_NEVER);
	assert_int_equal(w.nr_marks, 1);
	assert_int_equal(w.at_mark.objects, h.objects);
	assert_int_equal(w.nr_mark_classes, w.nr_classes);
	assert_true(w.nr_classes > 50);
}

static void what_the_warm_up_did_is_not_counted(void **state)
{
	u64 warmup_ns = STORE_RUN_STEP_NS * (STORE_RUN_REQUESTS / 2);
	static struct seen w, cold;
	const struct sink_store *end;

	(void)state;
	store_run_make_load(3);
	store_run(&cold, &(struct how){.store = "xcfmalloc"});
	store_run(&w, &(struct how){.store = "xcfmalloc", .warmup_ns = warmup_ns});
	end = &w.rows[w.nr_rows - 1];
	assert_int_equal(w.rows[0].t_ns, warmup_ns);
	assert_int_equal(w.rows[0].nr_malloc + w.rows[0].nr_searches + w.rows[0].compact_runs, 0);
	assert_int_equal(end->nr_malloc, nr_of(REQ_STORE_ALLOC, warmup_ns, 3968));
	assert_int_equal(seen_value(&w, "store_compact_runs"), 1);
	assert_true(seen_value(&w, "store_raw_objs") > 0);
	assert_true(seen_value(&w, "store_raw_objs") < seen_value(&cold, "store_raw_objs"));
	assert_true(end->nr_split < cold.rows[cold.nr_rows - 1].nr_split);
	objects_are_right(&w, 3968);
	means_are_right(&w);
}

static void without_a_store_nothing_is_said(void **state)
{
	static struct seen w;
	struct trial t;

	(void)state;
	store_run_make_load(4);
	t = store_run(&w, &(struct how){.store = NULL});
	assert_int_equal(t.nr_unserved, nr_of(REQ_STORE_ALLOC, 0, PAGE_SIZE));
	assert_int_equal(seen_value(&w, "nr_unserved"), t.nr_unserved);
	assert_int_equal(w.nr_rows + w.nr_marks + w.nr_classes, 0);
	for (const struct metric_desc *m = metrics; m->name; m++)
		if (!strncmp(m->name, "store_", 6))
			assert_false(w.has[m - metrics]);
}

static void it_repeats_and_looking_changes_nothing(void **state)
{
	static const char *const stores[] = {"zsmalloc", "xcfmalloc", "kmalloc", "rcu:zbud",
					     "compact:zsmalloc"};
	static struct seen a, b;

	(void)state;
	store_run_make_load(5);
	for (size_t i = 0; i < ARRAY_SIZE(stores); i++) {
		struct trial first = store_run(&a, &(struct how){.store = stores[i]});
		struct trial second = store_run(&b, &(struct how){.store = stores[i]});
		struct trial deaf = store_run(&b, &(struct how){.store = stores[i], .deaf = true});

		assert_int_equal(first.digest, second.digest);
		assert_int_equal(first.digest, deaf.digest);
		store_run_make_load(6);
		assert_int_not_equal(first.digest,
				     store_run(&b, &(struct how){.store = stores[i]}).digest);
		store_run_make_load(5);
	}
}

/* ---- Contents ---- */

static int exit_code_of(const char *store, const struct request *requests, size_t nr)
{
	static struct seen w;
	int status;
	pid_t child = fork();

	if (!child) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		store_run_these(&w, &(struct how){.store = store}, requests, nr);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int exit_code(const char *store)
{
	return exit_code_of(store, store_run_load, STORE_RUN_REQUESTS);
}

/* One bit of one object; the last byte of those that compaction moves; another's contents. */
static void a_lost_byte_is_found(void **state)
{
	(void)state;
	store_run_make_load(7);
	assert_int_equal(exit_code("shelf"), 0);
	assert_int_equal(exit_code("shelf(misdeed=scribble)"), EXIT_BUG);
	assert_int_equal(exit_code("shelf(misdeed=forget)"), EXIT_BUG);
	assert_int_equal(exit_code("shelf(misdeed=twice)"), EXIT_BUG);
	assert_int_equal(exit_code("shelf(misdeed=misread)"), EXIT_BUG);
}

/* Nobody hears of it when a grace period is over: it shows at the end. */
static void an_object_that_stays_is_found(void **state)
{
	(void)state;
	store_run_make_load(8);
	assert_int_equal(exit_code("rcu:shelf"), 0);
	assert_int_equal(exit_code("shelf(misdeed=refuse)"), EXIT_BUG);
	assert_int_equal(exit_code("rcu:shelf(misdeed=refuse)"), EXIT_BUG);
}

/* The same object, as long and in the same place as in its life before. */
static void contents_of_an_earlier_life_are_found(void **state)
{
	static const struct request q[] = {
		{.t_ns = 0, .kind = REQ_STORE_ALLOC, .size = 800, .node = -1},
		{.t_ns = 10000, .kind = REQ_STORE_ALLOC, .object = 1, .size = 800, .node = -1},
		{.t_ns = 20000, .kind = REQ_STORE_FREE, .object = 1},
		{.t_ns = 30000, .kind = REQ_STORE_ALLOC, .object = 1, .size = 800, .node = -1},
		{.t_ns = 40000, .kind = REQ_STORE_FREE, .object = 1},
	};

	(void)state;
	assert_int_equal(exit_code_of("shelf", q, ARRAY_SIZE(q)), 0);
	assert_int_equal(exit_code_of("shelf(misdeed=stale)", q, ARRAY_SIZE(q)), EXIT_BUG);
}

/* ---- Under pressure ---- */

#define SMALL_NODE (4 * MIB)
#define NR_FILL 9000U
#define NR_BIG 600U

/*
 * Objects, three to a page, until there is no memory; two of each three are freed, so that all pages
 * stay; then larger ones. Returns how many requests.
 */
static size_t squeeze(struct request *q, enum request_kind kind)
{
	size_t n = 0;

	for (u32 i = 0; i < NR_FILL; i++, n++)
		q[n] = (struct request){.object = i, .kind = REQ_STORE_ALLOC, .size = 1300};
	for (u32 i = 0; i < NR_FILL; i++)
		if (i % 3)
			q[n++] = (struct request){.object = i, .kind = REQ_STORE_FREE};
	for (u32 i = 0; i < NR_BIG; i++, n++)
		q[n] = (struct request){.object = NR_FILL + i, .kind = (u8)kind, .size = 3500};
	for (size_t i = 0; i < n; i++) {
		q[i].t_ns = 100000 * i;
		q[i].node = -1;
		q[i].gfp = q[i].kind == REQ_PAGE_ALLOC ? GFP_KERNEL : 0;
	}
	return n;
}

/* What a recording says was refused was refused; a made-up load gets what compaction can give. */
static void squeezed(const char *store, enum request_kind kind)
{
	static struct request q[2 * NR_FILL + NR_BIG];
	struct how how = {.store = store, .memory = SMALL_NODE};
	size_t n = squeeze(q, kind);
	static struct seen recorded, live;

	store_run_these(&recorded, &how, q, n);
	how.made_up = true;
	store_run_these(&live, &how, q, n);
	assert_int_equal(seen_value(&recorded, "store_compact_runs"), 0);
	assert_true(seen_value(&live, "store_compact_freed_pages") > NR_BIG);
	assert_true(seen_value(&live, "nr_failed") + NR_BIG / 3 <
		    seen_value(&recorded, "nr_failed"));
	assert_true(seen_value(&live, "direct_reclaim_ns") + seen_value(&live, "kswapd_ns") >=
		    seen_value(&live, "store_compact_ns"));
}

static void a_refused_object_has_the_store_compacted(void **state)
{
	(void)state;
	squeezed("zsmalloc", REQ_STORE_ALLOC);
}

static void a_request_for_pages_has_the_store_compacted(void **state)
{
	(void)state;
	squeezed("zsmalloc", REQ_PAGE_ALLOC);
	squeezed("rcu:xcfmalloc", REQ_PAGE_ALLOC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_follow_from_rows_and_requests),
		cmocka_unit_test(limbo_is_waste),
		cmocka_unit_test(a_mark_has_a_row_and_classes),
		cmocka_unit_test(what_the_warm_up_did_is_not_counted),
		cmocka_unit_test(without_a_store_nothing_is_said),
		cmocka_unit_test(it_repeats_and_looking_changes_nothing),
		cmocka_unit_test(a_lost_byte_is_found),
		cmocka_unit_test(an_object_that_stays_is_found),
		cmocka_unit_test(contents_of_an_earlier_life_are_found),
		cmocka_unit_test(a_refused_object_has_the_store_compacted),
		cmocka_unit_test(a_request_for_pages_has_the_store_compacted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
