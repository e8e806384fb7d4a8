/*
 * The tables behind the result views.
 *
 * The views are the contract; the tables are free, and made for size and speed of insertion:
 * - Names (layers, metrics, caches, sites, zones, ...) are numbers into `string`.
 * - Rows of a run lie together: their row id is run_id << 32 | position, so that a run's rows are
 * one range of the table and neither a column nor an index says whose they are. The views join on
 * that range; CROSS JOIN keeps SQLite from turning the loops round.
 * - Maps of pageblocks are stored packed (reports/cells.h says how): most cells are like their
 * neighbour.
 * - Free lists are stored a row for each zone and migratetype, all orders side by side; the view
 * turns them into a row for each order.
 */
#include "reports/schema.h"

#define TABLES                                                                                     \
	"CREATE TABLE string (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);"                 \
	"CREATE TABLE machine (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"                 \
	" yaml TEXT NOT NULL UNIQUE);"                                                             \
	"CREATE TABLE run (id INTEGER PRIMARY KEY, label TEXT NOT NULL, load TEXT NOT NULL,"       \
	" stack TEXT NOT NULL, machine INTEGER NOT NULL REFERENCES machine(id),"                   \
	" seed INTEGER NOT NULL, version TEXT NOT NULL, status TEXT NOT NULL,"                     \
	" digest TEXT NOT NULL, nr_requests INTEGER NOT NULL, sim_ns INTEGER NOT NULL,"            \
	" wall_ns INTEGER NOT NULL, input TEXT NOT NULL, input_hash TEXT NOT NULL,"                \
	" command TEXT NOT NULL, started_at TEXT NOT NULL);"                                       \
	"CREATE TABLE sample (id INTEGER PRIMARY KEY, t_ns INTEGER, layer INTEGER,"                \
	" metric INTEGER, value REAL);"                                                            \
	"CREATE TABLE free_area (id INTEGER PRIMARY KEY, t_ns INTEGER, node INTEGER,"              \
	" zone INTEGER, migratetype INTEGER, n0 INTEGER, n1 INTEGER, n2 INTEGER, n3 INTEGER,"      \
	" n4 INTEGER, n5 INTEGER, n6 INTEGER, n7 INTEGER, n8 INTEGER, n9 INTEGER,"                 \
	" n10 INTEGER);"                                                                           \
	"CREATE TABLE slab (id INTEGER PRIMARY KEY, t_ns INTEGER, cache INTEGER,"                  \
	" active_objs INTEGER, num_objs INTEGER, objsize INTEGER, objperslab INTEGER,"             \
	" pagesperslab INTEGER, active_slabs INTEGER, num_slabs INTEGER);"                         \
	"CREATE TABLE cache (id INTEGER PRIMARY KEY, t_ns INTEGER, cache INTEGER, alias INTEGER,"  \
	" live_objs INTEGER, bytes_req INTEGER, bytes_alloc INTEGER);"                             \
	"CREATE TABLE event (id INTEGER PRIMARY KEY, t_ns INTEGER, cpu INTEGER, kind INTEGER,"     \
	" detail TEXT);"                                                                           \
	"CREATE TABLE summary (id INTEGER PRIMARY KEY, layer INTEGER, metric INTEGER,"             \
	" unit INTEGER, better INTEGER, value REAL);"                                              \
	"CREATE TABLE site (id INTEGER PRIMARY KEY, call_site INTEGER, cache INTEGER,"             \
	" hits INTEGER, bytes_req INTEGER, bytes_alloc INTEGER, live_objs INTEGER,"                \
	" live_bytes INTEGER, ping_pong INTEGER, cross_node INTEGER);"                             \
	"CREATE TABLE latency (id INTEGER PRIMARY KEY, op INTEGER, path INTEGER, count INTEGER,"   \
	" p50_ns INTEGER, p90_ns INTEGER, p99_ns INTEGER, p999_ns INTEGER, max_ns INTEGER);"       \
	"CREATE TABLE lock (id INTEGER PRIMARY KEY, lock INTEGER, acquisitions INTEGER,"           \
	" contended INTEGER, wait_ns_total INTEGER, wait_ns_max INTEGER);"

/* What a database may lack: see schema_added_sql. */
#define ADDED_TABLES                                                                               \
	"CREATE TABLE IF NOT EXISTS block_map (id INTEGER PRIMARY KEY, t_ns INTEGER,"              \
	" node INTEGER, zone INTEGER, first_pfn INTEGER, nr_blocks INTEGER,"                       \
	" blocks_per_cell INTEGER, cells BLOB);"                                                   \
	"CREATE TABLE IF NOT EXISTS block_moves (id INTEGER PRIMARY KEY, t_ns INTEGER,"            \
	" node INTEGER, zone INTEGER, first_pfn INTEGER, nr_blocks INTEGER,"                       \
	" blocks_per_cell INTEGER, cells BLOB);"                                                   \
	"CREATE TABLE IF NOT EXISTS compact (id INTEGER PRIMARY KEY, t_ns INTEGER,"                \
	" node INTEGER, zone INTEGER, mode INTEGER, page_order INTEGER, result INTEGER,"           \
	" migrate_scanned INTEGER, free_scanned INTEGER, isolated INTEGER, moved INTEGER,"         \
	" failed INTEGER, blocks_gained INTEGER, ns INTEGER);"                                     \
	"CREATE TABLE IF NOT EXISTS reclaim (id INTEGER PRIMARY KEY, t_ns INTEGER,"                \
	" end_ns INTEGER, node INTEGER, mode INTEGER, page_order INTEGER, priority INTEGER,"       \
	" scanned INTEGER, reclaimed INTEGER, ns INTEGER);"                                        \
	"CREATE TABLE IF NOT EXISTS fidelity (id INTEGER PRIMARY KEY, t_ns INTEGER,"               \
	" snapshot INTEGER, kind INTEGER, name INTEGER, recorded INTEGER, simulated INTEGER,"      \
	" first INTEGER);"                                                                         \
	"CREATE TABLE IF NOT EXISTS zone (id INTEGER PRIMARY KEY, node INTEGER, zone INTEGER,"     \
	" start_pfn INTEGER, spanned INTEGER, present INTEGER, managed INTEGER, min INTEGER,"      \
	" low INTEGER, high INTEGER);"                                                             \
	"CREATE TABLE IF NOT EXISTS vmstat (id INTEGER PRIMARY KEY, t_ns INTEGER, name INTEGER,"   \
	" value INTEGER);"                                                                         \
	"CREATE TABLE IF NOT EXISTS blame (id INTEGER PRIMARY KEY, call_site INTEGER,"             \
	" cache INTEGER, blocks_end REAL, sole_end INTEGER, pages_end INTEGER, blocks_mean REAL,"  \
	" pages_mean REAL, block_ns INTEGER, longest_ns INTEGER);"                                 \
	"CREATE TABLE IF NOT EXISTS blame_block (id INTEGER PRIMARY KEY, node INTEGER,"            \
	" zone INTEGER, pfn INTEGER, free_pages INTEGER, movable_pages INTEGER,"                   \
	" unmovable_pages INTEGER, call_site INTEGER, cache INTEGER, holder_pages INTEGER,"        \
	" kept_ns INTEGER);"                                                                       \
	"CREATE TABLE IF NOT EXISTS store (id INTEGER PRIMARY KEY, t_ns INTEGER, objects"          \
	" INTEGER, bytes_req INTEGER, raw INTEGER, raw_bytes_req INTEGER, pages INTEGER,"          \
	" reserve_pages INTEGER, descriptors INTEGER, descriptor_bytes INTEGER,"                   \
	" descriptor_pages INTEGER, slab_pages INTEGER, header_bytes INTEGER, blocks"              \
	" INTEGER, block_bytes INTEGER, free_bytes INTEGER, nr_malloc INTEGER, nr_split"           \
	" INTEGER, nr_searches INTEGER, nr_search_steps INTEGER, compact_runs INTEGER,"            \
	" compact_freed_pages INTEGER, compact_moved_blocks INTEGER, compact_moved_bytes"          \
	" INTEGER, compact_ns INTEGER);"                                                           \
	"CREATE TABLE IF NOT EXISTS store_class (id INTEGER PRIMARY KEY, t_ns INTEGER,"            \
	" class INTEGER, size INTEGER, almost_full INTEGER, almost_empty INTEGER,"                 \
	" obj_allocated INTEGER, obj_used INTEGER, pages_used INTEGER, pages_per_zspage"           \
	" INTEGER, freeable INTEGER);"                                                             \
	"CREATE TABLE IF NOT EXISTS sampling (run INTEGER PRIMARY KEY, sample_ns INTEGER NOT "     \
	"NULL);"                                                                                   \
	"CREATE TABLE IF NOT EXISTS expectation (id INTEGER PRIMARY KEY, experiment TEXT NOT "     \
	"NULL, what TEXT NOT NULL, expected TEXT NOT NULL, measured REAL, verdict TEXT NOT NULL,"  \
	" source TEXT NOT NULL);"

/* From `run r` to the rows x of its range. */
#define OF_RUN(table) " FROM run r CROSS JOIN " table " x ON " SCHEMA_X_OF_RUN " "
#define NAME(alias, column) " JOIN string " alias " ON " alias ".id = x." column " "

#define RUN_VIEW                                                                                   \
	"CREATE VIEW run_view AS SELECT r.id AS run_id, r.label AS label, r.load AS load,"         \
	" r.stack AS stack, m.name AS machine, r.seed AS seed, r.version AS version,"              \
	" r.status AS status, r.digest AS digest, r.nr_requests AS nr_requests,"                   \
	" r.sim_ns AS sim_ns, r.wall_ns AS wall_ns"                                                \
	" FROM run r JOIN machine m ON m.id = r.machine;"

/* Laid out by hand: the formatter breaks SQL in the middle of words. */
/* clang-format off */
#define VIEW(name, table, columns, names)                                                          \
	"CREATE VIEW " name " AS SELECT r.id AS run_id, " columns OF_RUN(table) names ";"

#define TIME_VIEWS                                                                                 \
	VIEW("sample_view", "sample",                                                              \
	     "x.t_ns AS t_ns, l.text AS layer, m.text AS metric, x.value AS value",                \
	     NAME("l", "layer") NAME("m", "metric"))                                               \
	"CREATE VIEW free_area_view AS"                                                            \
	" WITH o(k) AS (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9),(10))"                      \
	" SELECT r.id AS run_id, x.t_ns AS t_ns, x.node AS node, z.text AS zone,"                  \
	" t.text AS migratetype, o.k AS page_order,"                                               \
	" CASE o.k WHEN 0 THEN x.n0 WHEN 1 THEN x.n1 WHEN 2 THEN x.n2 WHEN 3 THEN x.n3"            \
	" WHEN 4 THEN x.n4 WHEN 5 THEN x.n5 WHEN 6 THEN x.n6 WHEN 7 THEN x.n7"                     \
	" WHEN 8 THEN x.n8 WHEN 9 THEN x.n9 ELSE x.n10 END AS nr_free"                             \
	OF_RUN("free_area") NAME("z", "zone") NAME("t", "migratetype") " CROSS JOIN o;"            \
	VIEW("slab_view", "slab",                                                                  \
	     "x.t_ns AS t_ns, c.text AS cache, x.active_objs AS active_objs,"                      \
	     " x.num_objs AS num_objs, x.objsize AS objsize, x.objperslab AS objperslab,"          \
	     " x.pagesperslab AS pagesperslab, x.active_slabs AS active_slabs,"                    \
	     " x.num_slabs AS num_slabs",                                                          \
	     NAME("c", "cache"))                                                                   \
	VIEW("cache_view", "cache",                                                                \
	     "x.t_ns AS t_ns, c.text AS cache, a.text AS alias, x.live_objs AS live_objs,"         \
	     " x.bytes_req AS bytes_req, x.bytes_alloc AS bytes_alloc",                            \
	     NAME("c", "cache") NAME("a", "alias"))                                                \
	VIEW("event_view", "event",                                                                \
	     "x.t_ns AS t_ns, x.cpu AS cpu, k.text AS kind, x.detail AS detail",                   \
	     NAME("k", "kind"))

#define END_VIEWS                                                                                  \
	VIEW("summary_view", "summary",                                                            \
	     "r.label AS label, r.load AS load, r.stack AS stack, r.seed AS seed,"                 \
	     " l.text AS layer, m.text AS metric, u.text AS unit, b.text AS better,"               \
	     " x.value AS value",                                                                  \
	     NAME("l", "layer") NAME("m", "metric") NAME("u", "unit") NAME("b", "better"))         \
	VIEW("site_view", "site",                                                                  \
	     "s.text AS call_site, c.text AS cache, x.hits AS hits, x.bytes_req AS bytes_req,"     \
	     " x.bytes_alloc AS bytes_alloc, x.live_objs AS live_objs,"                            \
	     " x.live_bytes AS live_bytes, x.ping_pong AS ping_pong, x.cross_node AS cross_node",  \
	     NAME("s", "call_site") NAME("c", "cache"))                                            \
	VIEW("latency_view", "latency",                                                            \
	     "o.text AS op, p.text AS path, x.count AS count, x.p50_ns AS p50_ns,"                 \
	     " x.p90_ns AS p90_ns, x.p99_ns AS p99_ns, x.p999_ns AS p999_ns, x.max_ns AS max_ns",  \
	     NAME("o", "op") NAME("p", "path"))                                                    \
	VIEW("lock_view", "lock",                                                                  \
	     "n.text AS lock, x.acquisitions AS acquisitions, x.contended AS contended,"           \
	     " x.wait_ns_total AS wait_ns_total, x.wait_ns_max AS wait_ns_max",                    \
	     NAME("n", "lock"))

/*
 * The indices of sim/metrics.h of each zone, order and instant, all migratetypes together, in the
 * same integer arithmetic: computed, not stored. `pages` is what is free, `small` what of it is in
 * blocks too small for the order.
 */
#define ZONE_INDEX_VIEW                                                                            \
	"CREATE VIEW IF NOT EXISTS zone_index_view AS"                                             \
	" WITH o(k) AS (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9),(10)),"                     \
	" z AS (SELECT r.id AS run_id, x.t_ns AS t_ns, x.node AS node, x.zone AS zone,"            \
	" sum(x.n0) AS s0, sum(x.n1) AS s1, sum(x.n2) AS s2, sum(x.n3) AS s3, sum(x.n4) AS s4,"    \
	" sum(x.n5) AS s5, sum(x.n6) AS s6, sum(x.n7) AS s7, sum(x.n8) AS s8, sum(x.n9) AS s9,"    \
	" sum(x.n10) AS s10"                                                                       \
	OF_RUN("free_area") " GROUP BY r.id, x.t_ns, x.node, x.zone),"                             \
	" i AS (SELECT run_id, t_ns, node, zone, k,"                                               \
	" CASE k WHEN 0 THEN s0 WHEN 1 THEN s1 WHEN 2 THEN s2 WHEN 3 THEN s3 WHEN 4 THEN s4"       \
	" WHEN 5 THEN s5 WHEN 6 THEN s6 WHEN 7 THEN s7 WHEN 8 THEN s8 WHEN 9 THEN s9"              \
	" ELSE s10 END AS nr_free,"                                                                \
	" s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 AS blocks,"                        \
	" s0 + (s1 << 1) + (s2 << 2) + (s3 << 3) + (s4 << 4) + (s5 << 5) + (s6 << 6)"              \
	" + (s7 << 7) + (s8 << 8) + (s9 << 9) + (s10 << 10) AS pages,"                             \
	" (k > 0) * s0 + (k > 1) * (s1 << 1) + (k > 2) * (s2 << 2) + (k > 3) * (s3 << 3)"          \
	" + (k > 4) * (s4 << 4) + (k > 5) * (s5 << 5) + (k > 6) * (s6 << 6)"                       \
	" + (k > 7) * (s7 << 7) + (k > 8) * (s8 << 8) + (k > 9) * (s9 << 9) AS small"              \
	" FROM z CROSS JOIN o)"                                                                    \
	" SELECT i.run_id AS run_id, i.t_ns AS t_ns, i.node AS node, n.text AS zone,"              \
	" i.k AS page_order, i.pages AS free_pages, i.nr_free AS nr_free,"                         \
	" CASE WHEN blocks = 0 THEN 0 WHEN pages > small THEN -1000"                               \
	" ELSE 1000 - (1000 + pages * 1000 / (1 << k)) / blocks END AS fragmentation_index,"       \
	" CASE pages WHEN 0 THEN 1000 ELSE small * 1000 / pages END AS unusable_free_index,"       \
	" CASE pages WHEN 0 THEN 0 ELSE small * 100 / pages END AS extfrag_for_order,"             \
	" (pages - small) >> k AS availability"                                                    \
	" FROM i JOIN string n ON n.id = i.zone;"

/* Of each node over time: when kcompactd would begin by itself, and when it would stop. */
#define COMPACTION_SCORE_VIEW                                                                      \
	"CREATE VIEW IF NOT EXISTS compaction_score_view AS"                                       \
	" SELECT i.run_id AS run_id, i.t_ns AS t_ns, i.node AS node,"                              \
	" sum(z.present * i.extfrag_for_order"                                                     \
	" / ((SELECT sum(n.present) FROM zone_view n WHERE n.run_id = i.run_id"                    \
	" AND n.node = i.node) + 1)) AS score"                                                     \
	" FROM zone_index_view i JOIN zone_view z ON z.run_id = i.run_id AND z.node = i.node"      \
	" AND z.zone = i.zone WHERE i.page_order = 9"                                              \
	" GROUP BY i.run_id, i.t_ns, i.node;"

#define ADDED_VIEWS                                                                                \
	VIEW("IF NOT EXISTS block_map_view", "block_map",                                          \
	     "x.t_ns AS t_ns, x.node AS node, z.text AS zone, x.first_pfn AS first_pfn,"           \
	     " x.nr_blocks AS nr_blocks, x.blocks_per_cell AS blocks_per_cell,"                    \
	     " x.cells AS cells",                                                                  \
	     NAME("z", "zone"))                                                                    \
	VIEW("IF NOT EXISTS block_moves_view", "block_moves",                                      \
	     "x.t_ns AS t_ns, x.node AS node, z.text AS zone, x.first_pfn AS first_pfn,"           \
	     " x.nr_blocks AS nr_blocks, x.blocks_per_cell AS blocks_per_cell,"                    \
	     " x.cells AS cells",                                                                  \
	     NAME("z", "zone"))                                                                    \
	VIEW("IF NOT EXISTS compact_view", "compact",                                              \
	     "x.t_ns AS t_ns, x.node AS node, z.text AS zone, m.text AS mode,"                     \
	     " x.page_order AS page_order, s.text AS result, x.migrate_scanned AS migrate_scanned,"\
	     " x.free_scanned AS free_scanned, x.isolated AS isolated, x.moved AS moved,"          \
	     " x.failed AS failed, x.blocks_gained AS blocks_gained, x.ns AS ns",                  \
	     NAME("z", "zone") NAME("m", "mode") NAME("s", "result"))                              \
	VIEW("IF NOT EXISTS reclaim_view", "reclaim",                                              \
	     "x.t_ns AS t_ns, x.end_ns AS end_ns, x.node AS node, m.text AS mode,"                 \
	     " x.page_order AS page_order, x.priority AS priority, x.scanned AS scanned,"          \
	     " x.reclaimed AS reclaimed, x.ns AS ns",                                              \
	     NAME("m", "mode"))                                                                    \
	VIEW("IF NOT EXISTS fidelity_view", "fidelity",                                            \
	     "x.t_ns AS t_ns, s.text AS snapshot, k.text AS kind, n.text AS name,"                 \
	     " x.recorded AS recorded, x.simulated AS simulated, x.first AS first",                \
	     NAME("s", "snapshot") NAME("k", "kind") NAME("n", "name"))                            \
	VIEW("IF NOT EXISTS zone_view", "zone",                                                    \
	     "x.node AS node, z.text AS zone, x.start_pfn AS start_pfn, x.spanned AS spanned,"     \
	     " x.present AS present, x.managed AS managed, x.min AS min, x.low AS low,"            \
	     " x.high AS high",                                                                    \
	     NAME("z", "zone"))                                                                    \
	VIEW("IF NOT EXISTS vmstat_view", "vmstat",                                                \
	     "x.t_ns AS t_ns, n.text AS name, x.value AS value",                                   \
	     NAME("n", "name"))                                                                    \
	VIEW("IF NOT EXISTS blame_view", "blame",                                                  \
	     "s.text AS call_site, c.text AS cache, x.blocks_end AS blocks_end,"                   \
	     " x.sole_end AS sole_end, x.pages_end AS pages_end,"                                  \
	     " x.blocks_mean AS blocks_mean,"                                                      \
	     " x.pages_mean AS pages_mean, x.block_ns AS block_ns, x.longest_ns AS longest_ns",    \
	     NAME("s", "call_site") NAME("c", "cache"))                                            \
	VIEW("IF NOT EXISTS blame_block_view", "blame_block",                                      \
	     "x.node AS node, z.text AS zone, x.pfn AS pfn, x.free_pages AS free_pages,"           \
	     " x.movable_pages AS movable_pages, x.unmovable_pages AS unmovable_pages,"            \
	     " s.text AS call_site, c.text AS cache, x.holder_pages AS holder_pages,"              \
	     " x.kept_ns AS kept_ns",                                                              \
	     NAME("z", "zone") NAME("s", "call_site") NAME("c", "cache"))                          \
	VIEW("IF NOT EXISTS store_view", "store",                                                  \
	     "x.t_ns AS t_ns, x.objects AS objects, x.bytes_req AS bytes_req, x.raw AS"            \
	     " raw, x.raw_bytes_req AS raw_bytes_req, x.pages AS pages, x.reserve_pages AS"        \
	     " reserve_pages, x.descriptors AS descriptors, x.descriptor_bytes AS"                 \
	     " descriptor_bytes, x.descriptor_pages AS descriptor_pages, x.slab_pages AS"          \
	     " slab_pages, x.header_bytes AS header_bytes, x.blocks AS blocks,"                    \
	     " x.block_bytes AS block_bytes, x.free_bytes AS free_bytes, x.nr_malloc AS"           \
	     " nr_malloc, x.nr_split AS nr_split, x.nr_searches AS nr_searches,"                   \
	     " x.nr_search_steps AS nr_search_steps, x.compact_runs AS compact_runs,"              \
	     " x.compact_freed_pages AS compact_freed_pages, x.compact_moved_blocks AS"            \
	     " compact_moved_blocks, x.compact_moved_bytes AS compact_moved_bytes,"                \
	     " x.compact_ns AS compact_ns, x.objects * 1.0 / nullif(x.pages, 0) AS"                \
	     " density, 100.0 * (x.pages + x.descriptor_pages) / nullif(x.objects, 0) AS"          \
	     " effective_percent",                                                                 \
	     "")                                                                                   \
	VIEW("IF NOT EXISTS store_class_view", "store_class",                                      \
	     "x.t_ns AS t_ns, x.class AS class, x.size AS size, x.almost_full AS"                  \
	     " almost_full, x.almost_empty AS almost_empty, x.obj_allocated AS"                    \
	     " obj_allocated, x.obj_used AS obj_used, x.pages_used AS pages_used,"                 \
	     " x.pages_per_zspage AS pages_per_zspage, x.freeable AS freeable",                    \
	     "")                                                                                   \
	ZONE_INDEX_VIEW COMPACTION_SCORE_VIEW                                                      \
	"CREATE VIEW IF NOT EXISTS expect_view AS SELECT experiment, what, expected, measured,"    \
	" verdict, source FROM expectation;"
/* clang-format on */

const char schema_sql[] = TABLES RUN_VIEW TIME_VIEWS END_VIEWS ADDED_TABLES ADDED_VIEWS;
const char schema_added_sql[] = ADDED_TABLES ADDED_VIEWS;
