/*
 * What a run's store holds and has done.
 *
 * Theory: two figures decide between stores: how many objects share a page (density), and what is
 * left of a page when it is stored (effective compression: pages for contents and for descriptors,
 * over objects; each object was a page once). The store says what it has, the books say what it is
 * asked to keep; an object too large for it takes a page of its own, which counts in both.
 *
 * Invariant: every figure here follows from the row of its instant, so whoever has the rows can do
 * the sums again. Looking changes nothing and takes no simulated time.
 *
 * Unlike Linux: pages in reserve are left out, for what is kept ready holds no object. Descriptors
 * are as many pages as they would fill, not the slabs they happen to lie in.
 */
#include "sim/store_figures.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "sim/replay.h"

static struct name *store_name(const struct replay *rp)
{
	return &rp->acc.names[rp->acc.name_store];
}

static void stats_now(const struct store *s, struct store_stats *st)
{
	u64 clock_ns = kernel->clock_ns;

	store_stats(s, st);
	kernel->clock_ns = clock_ns;
}

/* ---- One instant ---- */

static void what_is_there(const struct replay *rp, const struct store_stats *st,
			  struct sink_store *f)
{
	f->objects = store_name(rp)->live_objs;
	f->bytes_req = store_name(rp)->bytes_req;
	f->raw = rp->nr_raw;
	f->raw_bytes_req = rp->raw_bytes;
	f->pages = st->pages - st->reserve_pages + rp->nr_raw;
	f->reserve_pages = st->reserve_pages;
	f->descriptors = st->descriptors;
	f->descriptor_bytes = st->descriptor_bytes;
	f->descriptor_pages = st->descriptor_pages;
	f->slab_pages = st->slab_pages;
	f->header_bytes = st->header_bytes;
	f->blocks = st->blocks;
	f->block_bytes = st->block_bytes;
	f->free_bytes = st->free_bytes;
}

/* Whoever asks for compaction, a layer or the load: it is done by the innermost store. */
static void what_was_done(const struct replay *rp, const struct store_stats *st,
			  struct sink_store *f)
{
	const struct store_past *past = &rp->store_past;
	const struct store_compacted *c = &rp->store_source->compacted;

	f->nr_malloc = rp->store_source->layer->nr_alloc;
	f->nr_split = st->nr_split - past->nr_split;
	f->nr_searches = st->nr_searches - past->nr_searches;
	f->nr_search_steps = st->nr_search_steps - past->nr_search_steps;
	f->compact_runs = c->runs - past->compacted.runs;
	f->compact_freed_pages = c->freed_pages - past->compacted.freed_pages;
	f->compact_moved_blocks = c->moved_blocks - past->compacted.moved_blocks;
	f->compact_moved_bytes = c->moved_bytes - past->compacted.moved_bytes;
	f->compact_ns = c->ns - past->compacted.ns;
}

void store_figures(const struct replay *rp, u64 t_ns, struct sink_store *f)
{
	struct store_stats st;

	stats_now(rp->stack.store, &st);
	*f = (struct sink_store){.t_ns = t_ns};
	what_is_there(rp, &st, f);
	what_was_done(rp, &st, f);
}

static bool ratio(double a, double b, double *value)
{
	*value = b > 0 ? a / b : 0;
	return b > 0;
}

bool store_gauge(const struct sink_store *f, enum store_gauge g, double *value)
{
	double in_store = (double)(f->objects - f->raw);
	double bytes = (double)(f->bytes_req - f->raw_bytes_req);
	bool has;

	switch (g) {
	case STORE_OBJS:
		return ratio((double)f->objects, 1, value);
	case STORE_PAGES:
		return ratio((double)f->pages, 1, value);
	case STORE_DENSITY:
		return ratio((double)f->objects, (double)f->pages, value);
	case STORE_EFFECTIVE:
		return ratio(100 * (double)(f->pages + f->descriptor_pages), (double)f->objects,
			     value);
	case STORE_METADATA:
		return ratio((double)(f->descriptor_bytes + f->header_bytes), in_store, value);
	case STORE_BLOCKS:
		return ratio((double)f->blocks, in_store, value);
	case STORE_MEMORY:
		return ratio(100 * (double)((f->pages + f->descriptor_pages) << PAGE_SHIFT),
			     (double)f->bytes_req, value);
	case STORE_INSIDE:
		has = ratio(bytes, (double)f->block_bytes, value);
		*value = 100 * (1 - *value);
		return has;
	default:
		return ratio(100 * (double)f->free_bytes,
			     (double)((f->pages - f->raw) << PAGE_SHIFT), value);
	}
}

/* ---- Over time ---- */

void store_sample(struct sampler *s, struct replay *rp, u64 t_ns)
{
	struct sink_store f;
	double value;

	if (!rp->stack.store)
		return;
	store_figures(rp, t_ns, &f);
	for (int g = 0; g < NR_STORE_GAUGES; g++)
		if (store_gauge(&f, (enum store_gauge)g, &value))
			mean_add(&s->store[g], value, s->since_ns);
	if (rp->sink)
		rp->sink->ops->store(rp->sink, &f);
}

struct store_class *store_classes_now(const struct store *s, unsigned int *nr)
{
	struct store_class *classes = NULL;

	*nr = store_classes(s, NULL, 0);
	if (*nr)
		classes = mem_alloc(*nr, sizeof(*classes));
	store_classes(s, classes, *nr);
	return classes;
}

void store_classes_report(const struct replay *rp, u64 t_ns)
{
	unsigned int nr;
	struct store_class *classes = store_classes_now(rp->stack.store, &nr);

	for (unsigned int i = 0; i < nr; i++) {
		const struct store_class *c = &classes[i];

		rp->sink->ops->store_class(rp->sink,
					   &(struct sink_store_class){
						   .t_ns = t_ns,
						   .index = c->index,
						   .size = c->size,
						   .almost_full = c->almost_full,
						   .almost_empty = c->almost_empty,
						   .obj_allocated = c->obj_allocated,
						   .obj_used = c->obj_used,
						   .pages_used = c->pages_used,
						   .pages_per_zspage = c->pages_per_zspage,
						   .freeable = c->freeable,
					   });
	}
	free(classes);
}

void store_mark(struct replay *rp, u64 t_ns)
{
	struct sink_store f;

	if (!rp->stack.store || !rp->sink || rp->warming_up)
		return;
	store_figures(rp, t_ns, &f);
	rp->sink->ops->store(rp->sink, &f);
	store_classes_report(rp, t_ns);
}

void store_count_anew(struct replay *rp)
{
	struct store_stats st;

	if (!rp->stack.store)
		return;
	stats_now(rp->stack.store, &st);
	rp->store_past = (struct store_past){
		.nr_split = st.nr_split,
		.nr_searches = st.nr_searches,
		.nr_search_steps = st.nr_search_steps,
		.nr_bad = st.nr_bad,
		.nr_raw = rp->nr_raw_so_far,
		.compacted = rp->store_source->compacted,
	};
}

/* ---- Layers ---- */

/* A store that takes its memory from slabs, not from pages: kmalloc. */
static bool lies_in_slabs(const struct replay *rp, const struct store_stats *st)
{
	return st->pages > rp->store_source->nr_pages;
}

double store_held_bytes(const struct replay *rp)
{
	const struct store *s = rp->store_source;
	u64 bytes = s->nr_pages << PAGE_SHIFT;
	struct store_stats st;

	if (!bytes) {
		stats_now(s, &st);
		bytes = st.block_bytes;
	}
	return (double)bytes - (double)s->layer->live_bytes;
}

u64 store_bytes_beside_slabs(const struct replay *rp)
{
	struct store_stats st;

	if (!rp->stack.store)
		return 0;
	stats_now(rp->stack.store, &st);
	return lies_in_slabs(rp, &st) ? rp->raw_bytes : store_name(rp)->bytes_req;
}
