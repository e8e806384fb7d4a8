/*
 * What stores come to, in numbers: time of each operation, locks that were waited for, size
 * classes, figures.
 */
#include "reports/figure_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/assert.h"
#include "reports/stack_tables.h"

static const struct table_column op_columns[] = {
	{"operation", NULL}, {"path", NULL},  {"how many", "count"}, {"p50", "ns"},
	{"p99", "ns"},	     {"p99.9", "ns"}, {"max", "ns"},
};

#define OP_TABLE(op)                                                                               \
	{                                                                                          \
		"latency_view", "Time of each operation",                                          \
			"SELECT '" op                                                              \
			"', path, count, p50_ns, p99_ns, p999_ns, max_ns FROM latency_view"        \
			" WHERE run_id = ? AND op = 'store_" op                                    \
			"' AND count > 0 ORDER BY count DESC, path",                               \
			op_columns, ARRAY_SIZE(op_columns)                                         \
	}

/* An operation of all stacks, then the next. */
static const struct stack_table op_tables[] = {
	OP_TABLE("malloc"), OP_TABLE("write"),	 OP_TABLE("read"),
	OP_TABLE("free"),   OP_TABLE("compact"),
};

static const struct table_column lock_columns[] = {
	{"lock", NULL},	      {"taken", "count"},	 {"waited for", "count"},
	{"share", "percent"}, {"waits, together", "ns"}, {"longest", "ns"},
};

static const struct stack_table lock_table = {
	"lock_view", "Locks that were waited for",
	"SELECT lock, acquisitions, contended, 100.0 * contended / acquisitions, wait_ns_total,"
	" wait_ns_max FROM lock_view WHERE run_id = ? AND contended > 0"
	" ORDER BY wait_ns_total DESC, lock LIMIT 12",
	lock_columns, ARRAY_SIZE(lock_columns)};

static const struct table_column class_columns[] = {
	{"class", "count"},	     {"size", "bytes"},
	{"almost full", "count"},    {"almost empty", "count"},
	{"room for", "count"},	     {"objects", "count"},
	{"unused", "bytes"},	     {"pages", "pages"},
	{"pages a zspage", "count"}, {"compaction could free", "pages"},
};

static const struct stack_table class_table = {
	"store_class_view", NULL,
	"SELECT class, size, almost_full, almost_empty, obj_allocated, obj_used,"
	" max(obj_allocated - obj_used, 0) * size, pages_used, pages_per_zspage, freeable"
	" FROM store_class_view WHERE run_id = ?1"
	" AND t_ns = (SELECT max(t_ns) FROM store_class_view WHERE run_id = ?1)"
	" AND (obj_allocated > 0 OR obj_used > 0 OR pages_used > 0) ORDER BY class, size",
	class_columns, ARRAY_SIZE(class_columns)};

/* Folded: there may be hundreds of them. */
static int classes_write(struct report *p, size_t load, struct err *e)
{
	FILE *page = p->html;
	char *text = NULL;
	bool begun = false;
	size_t n;
	int rc;

	p->html = open_memstream(&text, &n);
	ASSERT(p->html);
	rc = stack_table_rows(p, load, &class_table, &begun, e);
	table_end(p->html, begun);
	fclose(p->html);
	p->html = page;
	if (begun)
		fprintf(page, "<details><summary>Size classes at the end</summary>%s</details>\n",
			text);
	free(text);
	return rc;
}

static const char *const store_metrics[] = {
	"store_size_*",		 "store_objs_*",	  "store_raw_*",
	"store_pages_*",	 "store_density_*",	  "store_effective_*",
	"store_memory_*",	 "store_metadata_*",	  "store_blocks_*",
	"store_split_*",	 "store_inside_*",	  "store_between_*",
	"store_search*",	 "store_compact_runs",	  "store_compact_freed_*",
	"store_compact_moved_*", "store_compact_pages_*", "store_compact_ns",
	"store_malloc_*",	 "store_write_*",	  "store_read_*",
	"store_free_*",		 "store_bad_*",
};

int store_tables(struct report *p, size_t load, struct err *e)
{
	bool begun = false;

	for (size_t i = 0; i < ARRAY_SIZE(op_tables); i++)
		if (stack_table_rows(p, load, &op_tables[i], &begun, e))
			return -1;
	table_end(p->html, begun);
	metrics_table(p, load, store_metrics, ARRAY_SIZE(store_metrics));
	if (stack_table(p, load, &lock_table, e))
		return -1;
	return classes_write(p, load, e);
}
