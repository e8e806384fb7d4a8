/*
 * What a run's store comes to.
 */
#include "sim/store_summary.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "sim/replay.h"
#include "sim/summary.h"

static void put_ratio(struct replay *rp, const char *name, double factor, u64 a, u64 b)
{
	if (b)
		summary_put(rp, name, factor * (double)a / (double)b);
}

/* ---- What is there ---- */

static void put_gauges(struct replay *rp, const struct sink_store *end)
{
	static const struct {
		const char *mean, *end;
	} names[NR_STORE_GAUGES] = {
		[STORE_OBJS] = {"store_objs_mean", "store_objs_end"},
		[STORE_PAGES] = {"store_pages_mean", "store_pages_end"},
		[STORE_DENSITY] = {"store_density_mean", "store_density_end"},
		[STORE_EFFECTIVE] = {"store_effective_percent_mean", "store_effective_percent_end"},
		[STORE_METADATA] = {"store_metadata_bytes_per_obj", NULL},
		[STORE_BLOCKS] = {"store_blocks_per_obj", NULL},
		[STORE_MEMORY] = {"store_memory_percent_mean", "store_memory_percent_end"},
		[STORE_INSIDE] = {"store_inside_frag_percent", NULL},
		[STORE_BETWEEN] = {"store_between_frag_percent", NULL},
	};
	double value;

	for (int g = 0; g < NR_STORE_GAUGES; g++) {
		const struct mean *m = &rp->sampler.store[g];

		if (m->n)
			summary_put(rp, names[g].mean, mean_value(m));
		if (names[g].end && store_gauge(end, (enum store_gauge)g, &value))
			summary_put(rp, names[g].end, value);
	}
	summary_put(rp, "store_pages_max", rp->sampler.store[STORE_PAGES].max);
}

/* ---- What was done ---- */

/* Bytes of all that was stored, raw or not, but not as a birth. */
static void put_size(struct replay *rp)
{
	u64 hits = 0, bytes = 0;

	for (u32 i = 1; i < rp->acc.nr_rows; i++) {
		const struct site_row *row = &rp->acc.rows[i];

		if (row->name != rp->acc.name_store)
			continue;
		hits += row->hits;
		bytes += row->bytes_req;
	}
	put_ratio(rp, "store_size_mean", 1, bytes, hits);
}

static void put_counts(struct replay *rp, const struct sink_store *end)
{
	struct store_stats st;

	store_stats(rp->stack.store, &st);
	put_ratio(rp, "store_split_percent", 100, end->nr_split, end->nr_malloc);
	put_ratio(rp, "store_searches_per_malloc", 1, end->nr_searches, end->nr_malloc);
	put_ratio(rp, "store_search_steps_per_malloc", 1, end->nr_search_steps, end->nr_malloc);
	summary_put(rp, "store_compact_runs", (double)end->compact_runs);
	summary_put(rp, "store_compact_freed_pages", (double)end->compact_freed_pages);
	summary_put(rp, "store_compact_moved_bytes", (double)end->compact_moved_bytes);
	put_ratio(rp, "store_compact_pages_per_mib", 1 << 20, end->compact_freed_pages,
		  end->compact_moved_bytes);
	summary_put(rp, "store_compact_ns", (double)end->compact_ns);
	summary_put(rp, "store_raw_objs", (double)(rp->nr_raw_so_far - rp->store_past.nr_raw));
	summary_put(rp, "store_bad_handles", (double)(st.nr_bad - rp->store_past.nr_bad));
	put_size(rp);
}

static void put_time(struct replay *rp, enum latency_op op, const char *mean, const char *p99)
{
	struct hist *all = mem_alloc(1, sizeof(*all));

	for (int path = 0; path < NR_OP_PATHS; path++)
		if (rp->acc.latency[op][path])
			hist_merge(all, rp->acc.latency[op][path]);
	put_ratio(rp, mean, 1, all->sum, all->count);
	if (p99 && all->count)
		summary_put(rp, p99, (double)hist_quantile(all, 0.99));
	free(all);
}

void store_summary(struct replay *rp)
{
	struct sink_store end;

	if (!rp->stack.store)
		return;
	store_figures(rp, rp->sampler.last_ns, &end);
	put_gauges(rp, &end);
	put_counts(rp, &end);
	put_time(rp, OP_STORE_MALLOC, "store_malloc_mean_ns", "store_malloc_p99_ns");
	put_time(rp, OP_STORE_WRITE, "store_write_mean_ns", NULL);
	put_time(rp, OP_STORE_READ, "store_read_mean_ns", NULL);
	put_time(rp, OP_STORE_FREE, "store_free_mean_ns", NULL);
	store_classes_report(rp, rp->sampler.last_ns);
}
