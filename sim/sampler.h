/*
 * Samples over time, and what is summed up from them at the end.
 */
#ifndef SIM_SAMPLER_H
#define SIM_SAMPLER_H

#include "alloc/stack.h"
#include "lib/types.h"

struct replay;
struct trial;

struct mean {
	double sum, max, last;
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
	GAUGE_UNUSABLE,					  /* + order */
	GAUGE_FRAGMENTATION = GAUGE_UNUSABLE + MAX_ORDER, /* + order */
	NR_GAUGES = GAUGE_FRAGMENTATION + MAX_ORDER
};

struct sampler {
	u64 next_ns, every_ns;
	struct mean gauges[NR_GAUGES];
	struct mean held[2 * CHAIN_LAYERS_MAX]; /* per layer: bytes kept back from its base */
};

void sampler_init(struct sampler *s, const struct trial *t);
/* Takes every sample due up to t_ns. */
void sampler_catch_up(struct sampler *s, struct replay *rp, u64 t_ns);
/* One sample at t_ns, whenever that is. */
void sampler_take(struct sampler *s, struct replay *rp, u64 t_ns);

static inline double mean_value(const struct mean *m)
{
	return m->n ? m->sum / (double)m->n : 0;
}

#endif
