/*
 * Samples over time, and what is summed up from them at the end.
 */
#ifndef SIM_SAMPLER_H
#define SIM_SAMPLER_H

#include "alloc/stack.h"
#include "lib/types.h"
#include "sim/blame.h"
#include "sim/block_map.h"
#include "sim/store_figures.h"

struct replay;
struct trial;

/* Over time: what is seen at longer intervals weighs more. */
struct mean {
	double sum, weight, max, last;
	u64 n;
};

/* What is sampled of the whole stack. */
enum gauge {
	GAUGE_BYTES_REQ_LIVE,
	GAUGE_BYTES_ALLOC_LIVE,
	GAUGE_LIVE_OBJS,
	GAUGE_SLAB_BYTES,
	GAUGE_PAGES_TAKEN,
	GAUGE_FREE_BYTES,
	GAUGE_FREE_HUGE,
	GAUGE_SLAB_FRAG,
	GAUGE_UNUSABLE,					      /* + order */
	GAUGE_FRAGMENTATION = GAUGE_UNUSABLE + MAX_ORDER,     /* + order */
	GAUGE_AVAILABILITY = GAUGE_FRAGMENTATION + MAX_ORDER, /* + order */
	GAUGE_COMPACTED = GAUGE_AVAILABILITY + MAX_ORDER,     /* of pageblock_order, of 1 more */
	GAUGE_MOVES = GAUGE_COMPACTED + 2,
	GAUGE_MOVES_MOVABLE,
	GAUGE_MIXED,
	NR_GAUGES
};

struct sampler {
	u64 next_ns; /* the next sample or look between samples */
	u64 sample_ns, every_ns, look_ns;
	u64 looked_ns, nr_looks;
	u64 last_ns;  /* when the last one was taken */
	u64 since_ns; /* time between that and the one before */
	struct block_map map;
	struct blame blame;
	struct mean gauges[NR_GAUGES];
	struct mean store[NR_STORE_GAUGES];
	struct mean held[STACK_LAYERS_MAX]; /* per layer: bytes kept back from its base */
};

/* -1: more samples are asked for than anybody can keep. */
int __must_check sampler_check(const struct trial *t, struct err *e);
void sampler_init(struct sampler *s, const struct trial *t);
/* Takes the last one, at the end of the load, whatever the interval. */
void sampler_finish(struct sampler *s, struct replay *rp, u64 t_ns);
/* Takes every sample due up to t_ns. */
void sampler_catch_up(struct sampler *s, struct replay *rp, u64 t_ns);
/* Hands slabs, free areas and maps at a mark of the load to the sink; they are part of no mean. */
void sampler_mark(struct replay *rp, u64 t_ns, const char *text);

/* One value of a gauge, for its mean and for the sink. */
void sampler_gauge(struct sampler *s, struct replay *rp, u64 t_ns, int g, const char *name,
		   double v);

/* A value stands for the time since the one before it. */
void mean_add(struct mean *m, double v, u64 since_ns);

static inline double mean_value(const struct mean *m)
{
	return m->weight > 0 ? m->sum / m->weight : m->last;
}

#endif
