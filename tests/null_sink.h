/*
 * Methods of a sink that take no notice, for sinks that look at something else.
 */
#ifndef TESTS_NULL_SINK_H
#define TESTS_NULL_SINK_H

#include "sim/sink.h"

void null_begin(struct sink *s, const struct sink_run *run);
void null_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric, double value);
void null_free_area(struct sink *s, u64 t_ns, int node, const char *zone, const char *migratetype,
		    const u64 nr_free[SINK_NR_ORDERS]);
void null_slab(struct sink *s, const struct sink_slab *slab);
void null_cache(struct sink *s, const struct sink_cache *cache);
void null_mark(struct sink *s, u64 t_ns, const char *text);
void null_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail);
void null_compact(struct sink *s, const struct sink_compact *compact);
void null_reclaim(struct sink *s, const struct sink_reclaim *reclaim);
void null_summary(struct sink *s, const char *layer, const struct metric_desc *metric,
		  double value);
void null_site(struct sink *s, const struct sink_site *site);
void null_latency(struct sink *s, const struct sink_latency *latency);
void null_lock(struct sink *s, const struct sink_lock *lock);
void null_zone(struct sink *s, const struct sink_zone *zone);
void null_vmstat(struct sink *s, u64 t_ns, const char *name, u64 value);
void null_blame(struct sink *s, const struct sink_blame *blame);
void null_blame_block(struct sink *s, const struct sink_blame_block *block);
void null_block_map(struct sink *s, const struct sink_block_map *map);
int null_end(struct sink *s, const struct sink_end *end, struct err *e);

#endif
