/*
 * The warm start of real recordings: simulated slabs are the recorded ones.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/file.h"
#include "sim/null_sink.h"
#include "sim/trial.h"
#include "tests/recordings.h"
#include "tests/test.h"
#include "traces/import.h"
#include "traces/kmt.h"
#include "traces/warm.h"

#define ZERO "SNAP before end shrink"

static struct warm_report report;
static char path[64];

struct watcher {
	struct sink sink;
	bool at_zero, done;
	unsigned int nr_caches, nr_met;
};

static void on_mark(struct sink *s, u64 t_ns, const char *text)
{
	struct watcher *w = container_of(s, struct watcher, sink);

	(void)t_ns;
	w->at_zero = text && !strcmp(text, ZERO);
}

/* Every slab of every cache, and in each as many objects. */
static void on_slab(struct sink *s, const struct sink_slab *slab)
{
	struct watcher *w = container_of(s, struct watcher, sink);

	for (u32 i = 0; w->at_zero && i < report.nr_caches; i++) {
		const struct warm_cache *c = &report.caches[i];

		if (strcmp(c->name, slab->cache) || !c->slabs_wanted)
			continue;
		w->nr_caches++;
		w->nr_met += slab->num_slabs == c->slabs_wanted;
		if (slab->num_slabs != c->slabs_wanted)
			print_message("%s: %llu slabs, %llu wanted\n", c->name,
				      (unsigned long long)slab->num_slabs,
				      (unsigned long long)c->slabs_wanted);
		assert_true(slab->active_objs >= c->objs_made);
	}
}

static struct sink_ops watcher_ops = {
	.slab = on_slab,
	.mark = on_mark,
};

/* The geometry of the recorded caches. */
static struct slab_shapes shapes_of(const struct snapshots *s)
{
	struct slab_shape *shapes = calloc(s->nr_geometry, sizeof(*shapes));

	assert_non_null(shapes);
	for (size_t i = 0; i < s->nr_geometry; i++) {
		const struct snapshot_geometry *g = &s->geometry[i];

		shapes[i] = (struct slab_shape){.cache = g->cache,
						.object_size = g->object_size,
						.size = g->slab_size,
						.align = g->align,
						.order = (int)g->order,
						.cpu_partial = (int)g->cpu_partial,
						.min_partial = (int)g->min_partial};
	}
	return (struct slab_shapes){shapes, (unsigned int)s->nr_geometry};
}

static u64 run_recording(const struct snapshots *real, const struct slab_shapes *shapes,
			 struct watcher *w)
{
	struct machine_config machine;
	struct stack_config stack;
	struct trial t;
	struct source *s, *kmt;
	struct err e = {{0}};

	*w = (struct watcher){.sink = {null_sink_ops(&watcher_ops)}};
	kmt = kmt_open(path, &e);
	assert_non_null(kmt);
	s = warm_open(kmt, real, &report, &e);
	if (!s)
		fail_msg("%s", e.msg);
	machine_config_default(&machine);
	assert_int_equal(stack_config_parse(&stack, NULL, NULL, &e), 0);
	t = (struct trial){.machine = &machine,
			   .stack = &stack,
			   .source = s,
			   .shapes = shapes,
			   .sink = &w->sink,
			   .at_marks = true};
	assert_int_equal(trial_run(&t, &e), 0);
	stack_config_free(&stack);
	s->ops->close(s);
	return t.digest;
}

/* After the warm start the simulated machine has the recorded slabs, cache by cache, and it has
 * them again. */
static void starts_as_recorded(const char *trace, const char *dir)
{
	struct import_options options = {0};
	struct snapshots real;
	struct slab_shapes shapes;
	struct watcher w;
	struct new_file nf;
	struct err e = {{0}};
	u64 digest;

	snprintf(path, sizeof(path), "/tmp/kmemsim-test-%d.kmt", (int)getpid());
	assert_int_equal(new_file_open(&nf, path, &e), 0);
	assert_int_equal(import_trace(trace, nf.f, &options, &e), 0);
	assert_int_equal(new_file_commit(&nf, &e), 0);
	assert_int_equal(snapshots_open(&real, dir, &e), 0);
	shapes = shapes_of(&real);
	digest = run_recording(&real, &shapes, &w);
	assert_true(w.nr_caches > 30); /* that the load asks for */
	assert_int_equal(w.nr_met, w.nr_caches);
	warm_report_free(&report);
	assert_true(run_recording(&real, &shapes, &w) == digest);
	warm_report_free(&report);
	unlink(path);
	free((void *)shapes.shapes);
	snapshots_close(&real);
}

static void fstree(void **state)
{
	(void)state;
	starts_as_recorded("traces/samples/small-fstree.dat", "traces/samples/small-fstree");
}

/* Beside the repository, if there. */
static void hackbench(void **state)
{
	char *trace = recording_path("small-hackbench/trace.dat");
	char *folder = recording_path("small-hackbench");

	(void)state;
	starts_as_recorded(trace, folder);
	free(trace);
	free(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fstree),
		cmocka_unit_test(hackbench),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
