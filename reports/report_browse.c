/*
 * The page's tables to look things up in: caches, call sites, layers.
 */
#include <sqlite3.h>

#include "lib/units.h"
#include "reports/browse.h"
#include "reports/proc_state.h"
#include "reports/values.h"

static const struct browse_column cache_columns[] = {
	{"cache", "cache", "text", false},
	{"slabs, peak", "slab_bytes_peak", "bytes", false},
	{"slabs, end", "slab_bytes_end", "bytes", false},
	{"live, end", "live_bytes_end", "bytes", false},
	{"unused, end", "unused_bytes_end", "bytes", false},
	{"in use, end", "in_use_percent_end", "percent", false},
	{"asked for, end", "requested_bytes_end", "bytes", false},
	{"objects, end", "live_objs_end", "count", false},
	{"object", "objsize", "bytes", false},
	{"objects/slab", "objperslab", "count", false},
	{"pages/slab", "pagesperslab", "count", false},
};

static const struct browse_table caches = {
	.id = "caches",
	.columns = cache_columns,
	.nr_columns = ARRAY_SIZE(cache_columns),
	.sort = 3,
	.sql = "WITH s AS (SELECT * FROM slab_view WHERE run_id = ?1),"
	       " peak AS (SELECT cache, max(num_slabs * pagesperslab * " PROC_PAGE_BYTES_SQL
	       ") AS bytes"
	       " FROM s GROUP BY cache),"
	       " live AS (SELECT cache, sum(live_objs) AS objs, sum(bytes_req) AS req,"
	       " sum(bytes_alloc) AS bytes FROM cache_view WHERE run_id = ?1"
	       " AND t_ns = (SELECT max(t_ns) FROM cache_view WHERE run_id = ?1) GROUP BY cache),"
	       " last AS (SELECT *, num_slabs * pagesperslab * " PROC_PAGE_BYTES_SQL
	       " AS bytes FROM s"
	       " WHERE t_ns = (SELECT max(t_ns) FROM s))"
	       " SELECT e.cache, p.bytes, e.bytes, coalesce(l.bytes, 0),"
	       " max(e.bytes - coalesce(l.bytes, 0), 0),"
	       " CASE WHEN e.bytes > 0 THEN 100.0 * coalesce(l.bytes, 0) / e.bytes END,"
	       " coalesce(l.req, 0), coalesce(l.objs, 0), e.objsize, e.objperslab,"
	       " e.pagesperslab, p.bytes > 0"
	       " FROM last e JOIN peak p ON p.cache = e.cache LEFT JOIN live l ON l.cache = e.cache"
	       " ORDER BY p.bytes DESC, e.cache",
};

static const struct browse_column site_columns[] = {
	{"call site", "call_site", "text", false},
	{"cache", "cache", "text", false},
	{"calls", "hits", "count", false},
	{"live, end", "live_bytes", "bytes", false},
	{"objects, end", "live_objs", "count", false},
	{"asked for", "bytes_req", "bytes", false},
	{"given beyond", "waste_bytes", "bytes", false},
	{"given beyond, share", "waste_percent", "percent", false},
	{"freed elsewhere", "ping_pong", "count", false},
	{"other node", "cross_node", "count", false},
};

/* The page shows who is among the first in anything. */
static const struct browse_table sites = {
	.id = "sites",
	.columns = site_columns,
	.nr_columns = ARRAY_SIZE(site_columns),
	.sort = 5,
	.sql = "SELECT call_site, cache, hits, live_bytes, live_objs, bytes_req, bytes_alloc - "
	       "bytes_req, CASE WHEN bytes_alloc > 0 THEN 100.0 * (bytes_alloc - bytes_req) / "
	       "bytes_alloc END, ping_pong, cross_node,"
	       " min(row_number() OVER (ORDER BY live_bytes DESC, call_site, cache),"
	       " row_number() OVER (ORDER BY bytes_alloc - bytes_req DESC, call_site, cache),"
	       " row_number() OVER (ORDER BY hits DESC, call_site, cache),"
	       " row_number() OVER (ORDER BY ping_pong DESC, call_site, cache)) <= 100"
	       " FROM site_view WHERE run_id = ?1 ORDER BY live_bytes DESC, call_site, cache",
};

static const struct browse_column layer_columns[] = {
	{"layer", "layer", "text", false},
	{"time in it", "layer_cpu_ns", "ns", false},
	{"time/operation", "ns_per_operation", "ns", false},
	{"live, peak", "live_bytes_max", "bytes", false},
	{"held back, peak", "held_bytes_max", "bytes", false},
	{"held back, mean", "held_bytes_mean", "bytes", false},
	{"allocations", "nr_alloc", "count", false},
	{"frees", "nr_free", "count", false},
	{"refused", "nr_failed", "count", false},
};

static const struct browse_table layers = {
	.id = "layers",
	.columns = layer_columns,
	.nr_columns = ARRAY_SIZE(layer_columns),
	.sort = 3,
	.sql = "WITH m AS (SELECT layer,"
	       " max(CASE metric WHEN 'layer_cpu_ns' THEN value END) AS ns,"
	       " max(CASE metric WHEN 'live_bytes_max' THEN value END) AS live,"
	       " max(CASE metric WHEN 'held_bytes_max' THEN value END) AS held,"
	       " max(CASE metric WHEN 'held_bytes_mean' THEN value END) AS held_mean,"
	       " max(CASE metric WHEN 'nr_alloc' THEN value END) AS allocs,"
	       " max(CASE metric WHEN 'nr_free' THEN value END) AS frees,"
	       " max(CASE metric WHEN 'nr_failed' THEN value END) AS failed"
	       " FROM summary_view WHERE run_id = ?1 AND layer <> '' GROUP BY layer)"
	       " SELECT layer, ns, ns / nullif(allocs + frees, 0), live, held, held_mean, allocs,"
	       " frees, failed, 1 FROM m ORDER BY layer",
};

int report_caches(struct report *p, struct err *e)
{
	return browse_write(p, &caches, e);
}

/* Whoever holds most when the load ends, under any stack. */
static int site_finding(struct report *p, size_t load, struct err *e)
{
	char text[VALUE_TEXT_MAX], site[96] = "", cache[96] = "";
	const struct report_run *of = NULL;
	double most = 0;
	int rc = 0;

	for (size_t s = 0; s < p->nr_stacks && !rc; s++) {
		const struct report_run *run = report_run(p, load, s);
		sqlite3_stmt *q;

		if (!run)
			continue;
		q = db_prepare(
			p->db,
			"SELECT call_site, cache, live_bytes FROM site_view WHERE run_id = ?"
			" AND call_site <> '?' ORDER BY live_bytes DESC, call_site, cache LIMIT 1",
			e);
		if (!q)
			return -1;
		sqlite3_bind_int64(q, 1, run->info->id);
		rc = db_step(p->db, q, e);
		if (rc > 0 && sqlite3_column_double(q, 2) > most) {
			most = sqlite3_column_double(q, 2);
			snprintf(site, sizeof(site), "%s", sqlite3_column_text(q, 0));
			snprintf(cache, sizeof(cache), "%s", sqlite3_column_text(q, 1));
			of = run;
		}
		rc = rc < 0 ? -1 : 0;
		sqlite3_finalize(q);
	}
	if (!of || rc)
		return rc;
	size_human(most, text, sizeof(text));
	report_finding(
		p,
		"When %s ends, of the call sites that are known %s (%s) still holds most: %s "
		"under %s.",
		p->loads.names[load], site, *cache ? cache : "pages", text,
		p->stacks[of->stack].name);
	return 0;
}

int report_sites(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++)
		if (site_finding(p, load, e))
			return -1;
	fputs("<p class=\"how\">?: not recorded, as of what is older than the trace, and of "
	      "pages. As <code>perf kmem</code> counts: calls and bytes over the whole "
	      "run, "
	      "what is live at its end, frees on another CPU than the allocation's, memory of "
	      "another "
	      "node than the CPU's. A site without a cache asks for pages. The page has the first "
	      "hundred by live bytes, waste, calls and frees elsewhere.</p>\n",
	      p->html);
	return browse_write(p, &sites, e);
}

int report_layers(struct report *p, struct err *e)
{
	fputs("<p class=\"how\">A layer's number counts from the outside of its chain. Time: "
	      "simulated, "
	      "spent in the layer itself. Held back: what it took from the layer below and neither "
	      "passed on nor gave back.</p>\n",
	      p->html);
	return browse_write(p, &layers, e);
}
