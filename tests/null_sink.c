/*
 * Methods of a sink that take no notice.
 */
#include "tests/null_sink.h"

void null_begin(struct sink *s, const struct sink_run *run)
{
	(void)s, (void)run;
}

void null_sample(struct sink *s, u64 t_ns, const char *layer, const char *metric, double value)
{
	(void)s, (void)t_ns, (void)layer, (void)metric, (void)value;
}

void null_free_area(struct sink *s, u64 t_ns, int node, const char *zone, const char *migratetype,
		    const u64 nr_free[SINK_NR_ORDERS])
{
	(void)s, (void)t_ns, (void)node, (void)zone, (void)migratetype, (void)nr_free;
}

void null_slab(struct sink *s, const struct sink_slab *slab)
{
	(void)s, (void)slab;
}

void null_cache(struct sink *s, const struct sink_cache *cache)
{
	(void)s, (void)cache;
}

void null_mark(struct sink *s, u64 t_ns, const char *text)
{
	(void)s, (void)t_ns, (void)text;
}

void null_event(struct sink *s, u64 t_ns, int cpu, const char *kind, const char *detail)
{
	(void)s, (void)t_ns, (void)cpu, (void)kind, (void)detail;
}

void null_compact(struct sink *s, const struct sink_compact *compact)
{
	(void)s, (void)compact;
}

void null_reclaim(struct sink *s, const struct sink_reclaim *reclaim)
{
	(void)s, (void)reclaim;
}

void null_summary(struct sink *s, const char *layer, const struct metric_desc *metric, double value)
{
	(void)s, (void)layer, (void)metric, (void)value;
}

void null_site(struct sink *s, const struct sink_site *site)
{
	(void)s, (void)site;
}

void null_latency(struct sink *s, const struct sink_latency *latency)
{
	(void)s, (void)latency;
}

void null_lock(struct sink *s, const struct sink_lock *lock)
{
	(void)s, (void)lock;
}

void null_zone(struct sink *s, const struct sink_zone *zone)
{
	(void)s, (void)zone;
}

void null_vmstat(struct sink *s, u64 t_ns, const char *name, u64 value)
{
	(void)s, (void)t_ns, (void)name, (void)value;
}

void null_blame(struct sink *s, const struct sink_blame *blame)
{
	(void)s, (void)blame;
}

void null_blame_block(struct sink *s, const struct sink_blame_block *block)
{
	(void)s, (void)block;
}

void null_block_map(struct sink *s, const struct sink_block_map *map)
{
	(void)s, (void)map;
}

int null_end(struct sink *s, const struct sink_end *end, struct err *e)
{
	(void)s, (void)end, (void)e;
	return 0;
}
