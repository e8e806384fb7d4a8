/*
 * A source that hands on another's requests and writes them to a .kmt file as they pass.
 */
#include "traces/kmt_tee.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "traces/kmt.h"

struct kmt_tee {
	struct source base; /* its tables are the inner one's, kept up to date */
	struct source *inner;
	struct source_ops ops;
	struct kmt_writer *w;
	struct kmt_cache_use *use;
	u16 *cache_of; /* by object */
	u64 nr_objects, t_ns, nr_live, nr_written;
};

static struct kmt_tee *to_tee(struct source *s)
{
	return container_of(s, struct kmt_tee, base);
}

static void count(struct kmt_tee *t, const struct request *r)
{
	enum request_kind kind = (enum request_kind)r->kind;

	if (request_is_alloc(kind)) {
		t->nr_live++;
		t->cache_of[r->object] = r->cache;
	} else if (request_is_free(kind)) {
		t->nr_live--;
	}
	if (kind == REQ_CACHE_ALLOC || kind == REQ_KMALLOC)
		t->use[r->cache].allocs++;
	else if (kind == REQ_CACHE_FREE || kind == REQ_KFREE)
		t->use[t->cache_of[r->object]].frees++;
	t->t_ns = r->t_ns;
	t->nr_written++;
}

static long tee_next(struct source *s, const struct request **batch, struct err *e)
{
	struct kmt_tee *t = to_tee(s);
	long n = t->inner->ops->next(t->inner, batch, e);

	t->base.tables = t->inner->tables;
	if (t->base.tables.nr_objects_max > t->nr_objects) {
		t->nr_objects = t->base.tables.nr_objects_max;
		t->cache_of = mem_grow(t->cache_of, t->nr_objects, sizeof(*t->cache_of));
	}
	for (long i = 0; i < n; i++) {
		count(t, &(*batch)[i]);
		if (kmt_writer_add(t->w, &(*batch)[i], e))
			return -1;
	}
	return n;
}

static int tee_rewind(struct source *s, struct err *e)
{
	struct kmt_tee *t = to_tee(s);

	if (t->nr_written)
		return err_set(e, "what has been written cannot be written again");
	return t->inner->ops->rewind(t->inner, e);
}

static void tee_ended(struct source *s, const struct request *r, bool refused, u64 end_ns)
{
	struct kmt_tee *t = to_tee(s);

	t->inner->ops->ended(t->inner, r, refused, end_ns);
}

static void tee_close(struct source *s)
{
	struct kmt_tee *t = to_tee(s);

	kmt_writer_abort(t->w);
	free(t->use);
	free(t->cache_of);
	free(t);
}

struct source *kmt_tee_open(struct source *inner, FILE *out, struct err *e)
{
	struct kmt_tee *t = mem_alloc(1, sizeof(*t));

	t->ops = (struct source_ops){.next = tee_next, .rewind = tee_rewind, .close = tee_close};
	if (inner->ops->ended)
		t->ops.ended = tee_ended;
	t->base = (struct source){.ops = &t->ops, .tables = inner->tables};
	t->inner = inner;
	t->use = mem_alloc(inner->tables.nr_caches + 1, sizeof(*t->use));
	t->w = kmt_writer_open(out, e);
	if (t->w)
		return &t->base;
	tee_close(&t->base);
	return NULL;
}

int kmt_tee_drain(struct source *tee, struct err *e)
{
	const struct request *batch;
	long n;

	while ((n = tee->ops->next(tee, &batch, e)) > 0)
		;
	return (int)n;
}

static int end_it(struct kmt_tee *t, struct err *e)
{
	const struct source_tables *tables = &t->inner->tables;
	struct request r = {.t_ns = tables->duration_ns,
			    .object = tables->nr_marks - 1,
			    .kind = REQ_MARK,
			    .node = -1};

	if (t->t_ns >= tables->duration_ns || !tables->nr_marks)
		return 0;
	return kmt_writer_add(t->w, &r, e);
}

/* Copies the tables, as a kmt_meta owns what it holds. */
static void fill_meta(struct kmt_tee *t, const char *machine, struct kmt_meta *m)
{
	const struct source_tables *from = &t->inner->tables;

	*m = (struct kmt_meta){
		.source_name = mem_dup(from->name),
		.importer = mem_dup(KMT_GENERATED),
		.kernel = mem_dup(""),
		.clock = mem_dup(""),
		.machine = mem_dup(machine),
		.source_hash = from->input_hash,
		.nr_cpus = from->nr_cpus,
		.nr_nodes = from->nr_nodes,
		.caches = mem_alloc(from->nr_caches, sizeof(*m->caches)),
		.cache_use = t->use,
		.nr_caches = from->nr_caches,
		.sites = mem_alloc(from->nr_sites, sizeof(*m->sites)),
		.nr_sites = from->nr_sites,
		.marks = mem_alloc(from->nr_marks, sizeof(*m->marks)),
		.nr_marks = from->nr_marks,
		.stats = {.t_last_ns = from->duration_ns, .live_at_end = t->nr_live},
	};
	t->use = NULL;
	for (unsigned int i = 0; i < from->nr_caches; i++) {
		m->caches[i] = from->caches[i];
		m->caches[i].name = mem_dup(from->caches[i].name);
	}
	for (unsigned int i = 0; i < from->nr_sites; i++)
		m->sites[i] = mem_dup(from->sites[i]);
	for (unsigned int i = 0; i < from->nr_marks; i++)
		m->marks[i] =
			(struct source_mark){mem_dup(from->marks[i].text), from->marks[i].t_ns};
}

int kmt_tee_finish(struct source *tee, const char *machine, struct err *e)
{
	struct kmt_tee *t = to_tee(tee);
	struct kmt_meta m;
	int ret;

	if (end_it(t, e))
		return -1;
	fill_meta(t, machine, &m);
	ret = kmt_writer_finish(t->w, &m, e);
	t->w = NULL;
	kmt_meta_free(&m);
	return ret;
}
