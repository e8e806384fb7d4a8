/*
 * Loads of compressed objects on small machines, and all that a run says of its store.
 */
#include "tests/store_run.h"

#include <string.h>

#include "alloc/stack.h"
#include "lib/rng.h"
#include "lib/units.h"
#include "sim/null_sink.h"
#include "tests/array_source.h"

struct request store_run_load[STORE_RUN_REQUESTS];
static const struct source_mark marks[] = {{"here", STORE_RUN_MARK_NS}};

void store_run_make_load(u64 seed)
{
	u32 live[STORE_RUN_REQUESTS], nr_live = 0;
	struct rng r;

	rng_init(&r, seed, "store", "load");
	for (u32 i = 0; i < STORE_RUN_REQUESTS; i++) {
		struct request *q = &store_run_load[i];
		u64 dice = rng_below(&r, 100);

		*q = (struct request){
			.t_ns = STORE_RUN_STEP_NS * i, .cpu = (u16)rng_below(&r, 4), .node = -1};
		if (q->t_ns == STORE_RUN_MARK_NS) {
			*q = (struct request){.t_ns = q->t_ns, .kind = REQ_MARK};
		} else if (i == STORE_RUN_REQUESTS / 3 || i == STORE_RUN_REQUESTS - 100) {
			q->kind = REQ_STORE_COMPACT;
		} else if (dice < 50 || !nr_live) {
			q->kind = REQ_STORE_ALLOC;
			q->object = live[nr_live++] = i;
			q->size = dice < 4 ? PAGE_SIZE : 1 + (u32)rng_below(&r, 3900);
		} else {
			u32 at = (u32)rng_below(&r, nr_live);

			q->object = live[at];
			q->kind = dice < 80 ? REQ_STORE_FREE : REQ_STORE_READ;
			if (q->kind == REQ_STORE_FREE)
				live[at] = live[--nr_live];
		}
	}
}

static struct seen *to_seen(struct sink *s)
{
	return container_of(s, struct seen, sink);
}

static void on_store(struct sink *s, const struct sink_store *f)
{
	struct seen *w = to_seen(s);

	if (f->t_ns == STORE_RUN_MARK_NS) {
		w->at_mark = *f;
		w->nr_marks++;
		return;
	}
	assert_true(w->nr_rows < STORE_RUN_ROWS);
	w->slab_rows[w->nr_rows] = w->slab_bytes;
	w->taken_rows[w->nr_rows] = w->taken_bytes;
	w->rows[w->nr_rows++] = *f;
}

static void on_store_class(struct sink *s, const struct sink_store_class *c)
{
	struct seen *w = to_seen(s);

	if (c->t_ns == STORE_RUN_MARK_NS) {
		w->nr_mark_classes++;
		return;
	}
	assert_true(w->nr_classes < STORE_RUN_CLASSES);
	w->classes[w->nr_classes++] = *c;
}

static void on_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric, double value)
{
	struct seen *w = to_seen(s);

	(void)t_ns;
	if (!strcmp(metric, "slab_bytes"))
		w->slab_bytes = value;
	if (!strcmp(metric, "pages_taken_bytes"))
		w->taken_bytes = value;
	if (!strncmp(layer, "store/", 6) && !strcmp(metric, "held_bytes"))
		w->held_rows[w->nr_rows - 1] += value;
}

static void on_cache(struct sink *s, const struct sink_cache *c)
{
	struct seen *w = to_seen(s);

	assert_true(c->bytes_alloc >= c->bytes_req);
	w->own_objs[w->nr_rows - 1] += c->live_objs;
}

static void on_summary(struct sink *s, const char *layer, const struct metric_desc *m, double value)
{
	if (*layer)
		return;
	to_seen(s)->value[m - metrics] = value;
	to_seen(s)->has[m - metrics] = true;
}

static void on_latency(struct sink *s, const struct sink_latency *l)
{
	struct seen *w = to_seen(s);

	w->nr_mallocs += strcmp(l->op, "store_malloc") ? 0 : l->count;
	w->nr_writes += strcmp(l->op, "store_write") ? 0 : l->count;
	w->nr_reads += strcmp(l->op, "store_read") ? 0 : l->count;
	w->nr_frees += strcmp(l->op, "store_free") ? 0 : l->count;
	w->nr_compacts += strcmp(l->op, "store_compact") ? 0 : l->count;
}

static struct sink_ops seen_ops = {
	.sample = on_sample,
	.cache = on_cache,
	.summary = on_summary,
	.latency = on_latency,
	.store = on_store,
	.store_class = on_store_class,
};

struct trial store_run_these(struct seen *w, const struct how *how, const struct request *requests,
			     size_t nr)
{
	struct machine_config machine;
	struct array_source src;
	struct stack_config stack;
	struct trial t;
	struct err e;

	machine_config_default(&machine);
	machine.nodes[0].memory = machine.nodes[1].memory = how->memory ? how->memory : 64 * MIB;
	array_source_init(&src, requests, nr);
	src.src.tables.marks = marks;
	src.src.tables.nr_marks = ARRAY_SIZE(marks);
	src.src.tables.warmup_ns = how->warmup_ns;
	src.src.tables.made_up = how->made_up;
	assert_int_equal(stack_config_parse(&stack, NULL, NULL, &e), 0);
	if (stack_config_store(&stack, how->store, &e))
		fail_msg("%s", e.msg);
	memset(w, 0, sizeof(*w));
	w->sink.ops = null_sink_ops(&seen_ops);
	t = (struct trial){.machine = &machine,
			   .stack = &stack,
			   .source = &src.src,
			   .sink = how->deaf ? NULL : &w->sink,
			   .sample_ns = src.src.tables.duration_ns / 50,
			   .check_every = 499};
	if (trial_run(&t, &e))
		fail_msg("%s", e.msg);
	stack_config_free(&stack);
	return t;
}

struct trial store_run(struct seen *w, const struct how *how)
{
	return store_run_these(w, how, store_run_load, STORE_RUN_REQUESTS);
}

bool seen_has(const struct seen *w, const char *metric)
{
	assert_non_null(metric_find(metric));
	return w->has[metric_find(metric) - metrics];
}

double seen_value(const struct seen *w, const char *metric)
{
	if (!seen_has(w, metric))
		fail_msg("no %s", metric);
	return w->value[metric_find(metric) - metrics];
}
