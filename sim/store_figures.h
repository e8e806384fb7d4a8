/*
 * What a run's store holds and has done: rows over time, and means.
 *
 * The one question everybody asks: *whose objects are counted?* Those of the load, by its own
 * books, with the raw ones that the store did not take. What the store still keeps of objects that
 * are gone (limbo) is waste, in every figure.
 */
#ifndef SIM_STORE_FIGURES_H
#define SIM_STORE_FIGURES_H

#include "alloc/store_alloc.h"
#include "lib/types.h"
#include "sim/sink.h"

struct replay;
struct sampler;

/* Figures that have a mean over time. */
enum store_gauge {
	STORE_OBJS,
	STORE_PAGES,
	STORE_DENSITY,
	STORE_EFFECTIVE,
	STORE_METADATA,
	STORE_BLOCKS,
	STORE_INSIDE,
	STORE_BETWEEN,
	STORE_MEMORY,
	NR_STORE_GAUGES
};

/* What had been done when the warm-up ended; all figures of what is done leave it out. */
struct store_past {
	u64 nr_split, nr_searches, nr_search_steps, nr_bad, nr_raw;
	struct store_compacted compacted;
};

/* The run has a store; this moment. */
void store_figures(const struct replay *rp, u64 t_ns, struct sink_store *f);
/* False: it means nothing now, as the density of no pages. */
bool store_gauge(const struct sink_store *f, enum store_gauge g, double *value);

/* No store: the rest does nothing. */

/* A row, if anybody listens, and a value for each mean. */
void store_sample(struct sampler *s, struct replay *rp, u64 t_ns);
/* Rows of store and classes at a mark of the load. */
void store_mark(struct replay *rp, u64 t_ns);
void store_classes_report(const struct replay *rp, u64 t_ns);
void store_count_anew(struct replay *rp);

/* Bytes of pages, and of objects in slabs, that the innermost store keeps beyond what was asked. */
double store_held_bytes(const struct replay *rp);
/* Of the bytes asked for by live compressed objects, those that do not lie in slabs. */
u64 store_bytes_beside_slabs(const struct replay *rp);

/*
 * The size classes; the caller frees. NULL: none. This is for looking, not for requests: it takes
 * memory of the host.
 */
struct store_class *store_classes_now(const struct store *s, unsigned int *nr);

#endif
