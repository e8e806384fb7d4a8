/*
 * Methods of a sink that take no notice.
 *
 * Theory: whoever is told of a run wants little of it; the stream has no optional methods, so that
 * no caller has to ask.
 *
 * Invariant: what `own` has stays what it is.
 *
 * Unlike Linux: nothing there is told of a run.
 */
#include "sim/null_sink.h"

static void null_begin(struct sink *s, const struct sink_run *run)
{
	(void)s, (void)run;
}

static void null_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric,
			double value)
{
	(void)s, (void)t_ns, (void)layer, (void)metric, (void)value;
}

static void null_free_area(struct sink *s, u64 t_ns, int node, const char *zone,
			   const char *migratetype, const u64 nr_free[SINK_NR_ORDERS])
{
	(void)s, (void)t_ns, (void)node, (void)zone, (void)migratetype, (void)nr_free;
}

static void null_slab(struct sink *s, const struct sink_slab *slab)
{
	(void)s, (void)slab;
}

static void null_cache(struct sink *s, const struct sink_cache *cache)
{
	(void)s, (void)cache;
}

static void null_mark(struct sink *s, u64 t_ns, const char *text)
{
	(void)s, (void)t_ns, (void)text;
}

static void null_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	(void)s, (void)t_ns, (void)cpu, (void)kind, (void)detail;
}

static void null_compact(struct sink *s, const struct sink_compact *compact)
{
	(void)s, (void)compact;
}

static void null_reclaim(struct sink *s, const struct sink_reclaim *reclaim)
{
	(void)s, (void)reclaim;
}

static void null_summary(struct sink *s, const char *layer, const struct metric_desc *metric,
			 double value)
{
	(void)s, (void)layer, (void)metric, (void)value;
}

static void null_site(struct sink *s, const struct sink_site *site)
{
	(void)s, (void)site;
}

static void null_latency(struct sink *s, const struct sink_latency *latency)
{
	(void)s, (void)latency;
}

static void null_lock(struct sink *s, const struct sink_lock *lock)
{
	(void)s, (void)lock;
}

static void null_zone(struct sink *s, const struct sink_zone *zone)
{
	(void)s, (void)zone;
}

static void null_vmstat(struct sink *s, u64 t_ns, const char *name, u64 value)
{
	(void)s, (void)t_ns, (void)name, (void)value;
}

static void null_blame(struct sink *s, const struct sink_blame *blame)
{
	(void)s, (void)blame;
}

static void null_blame_block(struct sink *s, const struct sink_blame_block *block)
{
	(void)s, (void)block;
}

static void null_block_map(struct sink *s, const struct sink_block_map *map)
{
	(void)s, (void)map;
}

static void null_store(struct sink *s, const struct sink_store *store)
{
	(void)s, (void)store;
}

static void null_store_class(struct sink *s, const struct sink_store_class *c)
{
	(void)s, (void)c;
}

static int null_end(struct sink *s, const struct sink_end *end, struct err *e)
{
	(void)s, (void)end, (void)e;
	return 0;
}

#define OR_NULL(method) own->method = own->method ? own->method : null_##method

const struct sink_ops *null_sink_ops(struct sink_ops *own)
{
	OR_NULL(begin);
	OR_NULL(sample);
	OR_NULL(free_area);
	OR_NULL(slab);
	OR_NULL(cache);
	OR_NULL(mark);
	OR_NULL(event);
	OR_NULL(compact);
	OR_NULL(reclaim);
	OR_NULL(summary);
	OR_NULL(site);
	OR_NULL(latency);
	OR_NULL(lock);
	OR_NULL(zone);
	OR_NULL(vmstat);
	OR_NULL(blame);
	OR_NULL(blame_block);
	OR_NULL(block_map);
	OR_NULL(store);
	OR_NULL(store_class);
	OR_NULL(end);
	return own;
}
