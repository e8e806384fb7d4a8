/*
 * Samples over time.
 *
 * Theory: looking costs no simulated time: the clock of the CPU that happens to be current is put
 * back. A sample comes after everything that the machine does by itself until then. Means are over
 * time, so that the last sample, at the end of the load and soon after another, weighs little.
 *
 * What layers keep back is a saw's teeth: limbo grows until a tick ends a grace period. Samples in
 * step with the ticks would see each tooth at the same height. So between samples there are looks,
 * at distances that a Weyl sequence makes uneven, and the mean of what is kept back is theirs.
 *
 * Invariant: the first comes when the warm-up ends; they are every_ns apart, but for the last. What
 * a layer holds back is what came out of its base less what came out of it, so over a chain it adds
 * up to the difference of its ends.
 *
 * Unlike Linux: /proc/vmstat lags behind by what each CPU has not yet added; these figures are
 * exact.
 */
#include "sim/sampler.h"

#include <string.h>

#include "sim/mark_counts.h"
#include "sim/replay.h"
#include "sim/sample_free.h"
#include "sim/vmstat.h"

#define DEFAULT_SAMPLES 200
#define LOOKS 16 /* from one sample to the next, and no more often than this: */
#define LOOK_NS_MIN 100000U
#define SAMPLES_MAX 1000000U

int sampler_check(const struct trial *t, struct err *e)
{
	const struct source_tables *tables = &t->source->tables;
	u64 nr = t->sample_ns ? tables->duration_ns / t->sample_ns : 0;

	if (nr <= SAMPLES_MAX)
		return 0;
	return err_set(e, "%s: a sample every %llu ns would be %llu of them; at most %u are taken",
		       tables->name, (unsigned long long)t->sample_ns, (unsigned long long)nr,
		       SAMPLES_MAX);
}

void sampler_init(struct sampler *s, const struct trial *t)
{
	const struct source_tables *tables = &t->source->tables;

	*s = (struct sampler){.every_ns = t->sample_ns};
	s->next_ns = s->sample_ns = s->look_ns = tables->warmup_ns;
	s->last_ns = s->looked_ns = tables->warmup_ns;
	if (!s->every_ns)
		s->every_ns =
			max((tables->duration_ns - tables->warmup_ns) / DEFAULT_SAMPLES, (u64)1);
	blame_init(&s->blame, tables->warmup_ns, tables->duration_ns - tables->warmup_ns);
	block_map_init(&s->map, tables->duration_ns - tables->warmup_ns);
}

void mean_add(struct mean *m, double v, u64 since_ns)
{
	if (!m->n || v > m->max)
		m->max = v;
	m->sum += v * (double)since_ns;
	m->weight += (double)since_ns;
	m->last = v;
	m->n++;
}

void sampler_gauge(struct sampler *s, struct replay *rp, u64 t_ns, int g, const char *name,
		   double v)
{
	mean_add(&s->gauges[g], v, s->since_ns);
	if (rp->sink)
		rp->sink->ops->sample(rp->sink, t_ns, "", name, v);
}

/* A physical cache. */
static void sample_slabs(struct replay *rp, struct slab_cache *c, u64 t_ns)
{
	struct slab_counts counts = {0};

	slab_cache_counts(c, &counts);
	rp->sink->ops->slab(rp->sink, &(struct sink_slab){
					      .t_ns = t_ns,
					      .cache = c->name,
					      .active_objs = counts.objs_active,
					      .num_objs = counts.objs_total,
					      .objsize = c->size,
					      .objperslab = c->objects,
					      .pagesperslab = 1UL << c->order,
					      .active_slabs = counts.active,
					      .num_slabs = counts.total,
				      });
}

static void sample_name(struct replay *rp, const struct name *n, u64 t_ns)
{
	u64 own = n->own ? n->own->nr_live : 0;
	u64 req = own ? own * n->own->size : 0;
	u64 alloc = own * max(n->cache->size, n->cache->objsize); /* a chunk of any size: 0 */

	if (n->slabs)
		sample_slabs(rp, n->slabs, t_ns);
	rp->sink->ops->cache(rp->sink, &(struct sink_cache){
					       .t_ns = t_ns,
					       .cache = slabs_of(n->cache)->name,
					       .alias = n->name,
					       .live_objs = n->live_objs + own,
					       .bytes_req = n->bytes_req + req,
					       .bytes_alloc = n->bytes_alloc + alloc,
				       });
}

static void sample_names(struct replay *rp, u64 t_ns)
{
	for_each_name(rp, n) sample_name(rp, n, t_ns);
}

/*
 * All that left the chain of pages less what the sources of slabs gave out. With several of them
 * nobody can tell whose pages they are: the first has it all.
 */
static double held_by_sources(const struct replay *rp, const struct layer *l, u64 slab_bytes)
{
	const struct stack *st = &rp->stack;
	double held = (double)slab_bytes;

	if (l != slab_allocator_source(st->slab)->layer)
		return 0;
	held -= (double)l->live_bytes;
	for (unsigned int i = 0; i < st->nr_choices; i++)
		held -= (double)slab_allocator_source(st->choices[i].slab)->layer->live_bytes;
	for (unsigned int i = 0; i < st->nr_layers; i++)
		if (st->layer_base[i] == STACK_ON_PAGES)
			held -= (double)st->layers[i]->waiting_bytes;
	return held;
}

/*
 * What a layer keeps back: what came out of its base less what came out of it. The innermost slab
 * layer stands on pages; the page source on nothing; of what others use as well, derived layers
 * keep what waits in them.
 */
static double held_bytes(const struct replay *rp, unsigned int i, u64 slab_bytes)
{
	const struct stack *st = &rp->stack;
	const struct layer *l = st->layers[i];

	if (st->layer_base[i] >= 0)
		return (double)(st->layers[st->layer_base[i]]->live_bytes - l->live_bytes);
	if (st->layer_base[i] == STACK_ON_PAGES || st->layer_base[i] == STACK_ON_SLABS)
		return (double)l->waiting_bytes;
	if (rp->store_source && l == rp->store_source->layer)
		return store_held_bytes(rp);
	return l == rp->page_source ? 0 : held_by_sources(rp, l, slab_bytes);
}

static void look_at_layers(struct sampler *s, const struct replay *rp, u64 t_ns)
{
	u64 step_ns = max(s->every_ns / LOOKS, (u64)LOOK_NS_MIN);
	u64 slab_bytes = replay_slab_bytes(rp);
	u32 weyl = (u32)(++s->nr_looks * 0x9e3779b9U); /* 2^32 over the golden ratio */

	for (unsigned int i = 0; i < rp->stack.nr_layers; i++)
		mean_add(&s->held[i], held_bytes(rp, i, slab_bytes), t_ns - s->looked_ns);
	s->looked_ns = t_ns;
	s->look_ns = t_ns + step_ns / 2 + (u64)((unsigned __int128)step_ns * weyl >> 32);
}

static void sample_held_objs(struct replay *rp, unsigned int i, u64 t_ns)
{
	const struct stack *st = &rp->stack;
	const struct layer *l = st->layers[i];
	s64 held = l->waiting_objs;

	if (st->layer_base[i] == -1) /* a source: it cuts up what it has */
		return;
	if (st->layer_base[i] >= 0)
		held = st->layers[st->layer_base[i]]->live_objs - l->live_objs;
	rp->sink->ops->sample(rp->sink, t_ns, l->id, "held_objs", (double)held);
}

static void sample_layers(struct replay *rp, u64 t_ns, u64 slab_bytes)
{
	for (unsigned int i = 0; i < rp->stack.nr_layers; i++) {
		const struct layer *l = rp->stack.layers[i];
		double held = held_bytes(rp, i, slab_bytes);

		rp->sink->ops->sample(rp->sink, t_ns, l->id, "live_bytes", (double)l->live_bytes);
		rp->sink->ops->sample(rp->sink, t_ns, l->id, "held_bytes", held);
		sample_held_objs(rp, i, t_ns);
	}
}

/* One sample at t_ns, whenever that is. */
static void sampler_take(struct sampler *s, struct replay *rp, u64 t_ns)
{
	const struct account *a = &rp->acc;
	u64 clock_ns = kernel->clock_ns;
	u64 slab_bytes = replay_slab_bytes(rp);
	double req =
		(double)(a->bytes_req_live - a->page_bytes_live - store_bytes_beside_slabs(rp));

	s->since_ns = t_ns - s->last_ns;
	s->last_ns = t_ns;
	sampler_gauge(s, rp, t_ns, GAUGE_BYTES_REQ_LIVE, "bytes_req_live",
		      (double)a->bytes_req_live);
	sampler_gauge(s, rp, t_ns, GAUGE_BYTES_ALLOC_LIVE, "bytes_alloc_live",
		      (double)a->bytes_alloc_live);
	sampler_gauge(s, rp, t_ns, GAUGE_LIVE_OBJS, "live_objs", (double)a->live_objs);
	sampler_gauge(s, rp, t_ns, GAUGE_SLAB_BYTES, "slab_bytes", (double)slab_bytes);
	sampler_gauge(s, rp, t_ns, GAUGE_PAGES_TAKEN, "pages_taken_bytes",
		      (double)rp->page_source->live_bytes);
	if (slab_bytes)
		mean_add(&s->gauges[GAUGE_SLAB_FRAG], 100 - 100 * req / (double)slab_bytes,
			 s->since_ns);
	sample_free_memory(s, rp, t_ns);
	store_sample(s, rp, t_ns);
	look_at_layers(s, rp, t_ns);
	if (rp->sink) {
		sample_layers(rp, t_ns, slab_bytes);
		sample_names(rp, t_ns);
	}
	blame_look(&s->blame, rp, t_ns);
	block_map_sample(&s->map, rp->stack.pages, rp->sink, t_ns);
	kernel->clock_ns = clock_ns;
}

void sampler_catch_up(struct sampler *s, struct replay *rp, u64 t_ns)
{
	for (; s->next_ns <= t_ns; s->next_ns = min(s->sample_ns, s->look_ns)) {
		machine_advance(rp->m, s->next_ns);
		if (s->next_ns < s->sample_ns) {
			look_at_layers(s, rp, s->next_ns);
			continue;
		}
		if (unlikely(rp->warming_up))
			replay_count_anew(rp);
		sampler_take(s, rp, s->next_ns);
		s->sample_ns += s->every_ns;
	}
}

void sampler_mark(struct replay *rp, u64 t_ns, const char *text)
{
	u64 clock_ns = kernel->clock_ns;
	struct block_map map = {.nr_left = 1};

	machine_advance(rp->m, t_ns);
	rp->sink->ops->mark(rp->sink, t_ns, text);
	sample_free_areas(rp, t_ns);
	sample_names(rp, t_ns);
	vmstat_report(rp, t_ns);
	block_map_sample(&map, rp->stack.pages, rp->sink, t_ns);
	mark_counts(rp, t_ns);
	rp->sink->ops->mark(rp->sink, t_ns, NULL);
	kernel->clock_ns = clock_ns;
}

void sampler_finish(struct sampler *s, struct replay *rp, u64 t_ns)
{
	sampler_catch_up(s, rp, t_ns);
	/*
	 * What is said of the end is of the end: a sample due at t_ns came before its last request.
	 */
	machine_advance(rp->m, t_ns + 1);
	blame_due(&s->blame);
	block_map_due(&s->map);
	sampler_take(s, rp, t_ns + 1);
}
