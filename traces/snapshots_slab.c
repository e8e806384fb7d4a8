/*
 * slabinfo, slab_sysfs.tsv, slab_static.tsv.
 *
 * slabinfo is that of slabinfo(5), versions 2.0 and 2.1, with or without statistics behind it. The
 * two tables begin with a line of column names, and are read by these: columns may come in any
 * order, and further ones are skipped. '-' stands for what was not known.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/names.h"
#include "traces/snapshots_parse.h"

#define SLABINFO_NUMBERS 5 /* between a cache's name and the first ':' */
#define COLUMNS_MAX 64

/* All begin with the cache's name. */
static int by_cache(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(void *rows, size_t nr, size_t size)
{
	if (nr)
		qsort(rows, nr, size, by_cache);
}

/* Each cache once; the names seen so far are those of the rows so far. */
static int new_cache(const struct scan *s, struct names *seen, const struct word *w, char **cache,
		     struct err *e)
{
	u32 nr = seen->nr;

	if (names_add(seen, w->text, w->len) < nr)
		return scan_error(s, w->text, e, "a second line of cache '%.*s'", (int)w->len,
				  w->text);
	*cache = mem_dup_n(w->text, w->len);
	return 0;
}

static int slabinfo_head(struct scan *s, struct err *e)
{
	struct word w;

	if (!scan_line(s))
		return scan_error(s, s->p, e, "the file is empty");
	if (scan_literal(s, "slabinfo", e) || scan_literal(s, "-", e) ||
	    scan_literal(s, "version:", e) || scan_need(s, "the version", &w, e))
		return -1;
	if (!word_is(&w, "2.1") && !word_is(&w, "2.0"))
		return scan_error(s, w.text, e,
				  "slabinfo of version '%.*s': 2.0 and 2.1 can be read",
				  (int)min(w.len, (size_t)20), w.text);
	return 0;
}

/*
 * A few caches have blanks in their names. The name goes up to the five numbers before the colon;
 * what is in it behind a blank does not look like a number.
 */
static int slabinfo_name(struct scan *s, struct word *name, struct err *e)
{
	struct scan ahead = *s;
	unsigned int nr = 0, further;
	struct word w;

	if (!scan_word(s, name))
		return 0; /* an empty line */
	while (scan_word(&ahead, &w) && !word_is(&w, ":"))
		nr++;
	further = nr > 1 + SLABINFO_NUMBERS ? nr - 1 - SLABINFO_NUMBERS : 0;
	for (; further; further--) {
		ahead = *s;
		if (!scan_word(&ahead, &w) || w.text[0] == '-' ||
		    (w.text[0] >= '0' && w.text[0] <= '9'))
			break;
		*s = ahead;
		name->len = (size_t)(w.text + w.len - name->text);
	}
	if (further)
		return scan_error(s, w.text, e,
				  "five numbers and ':' are wanted behind a cache's name");
	return 0;
}

static int slabinfo_line(struct scan *s, struct snapshot_slab *row, struct err *e)
{
	struct {
		const char *name;
		u64 *to;
	} numbers[] = {
		{"active_objs", &row->active_objs},
		{"num_objs", &row->num_objs},
		{"objsize", &row->objsize},
		{"objperslab", &row->objperslab},
		{"pagesperslab", &row->pagesperslab},
		{":", NULL},
		{"tunables", NULL},
		{"limit", &(u64){0}},
		{"batchcount", &(u64){0}},
		{"sharedfactor", &(u64){0}},
		{":", NULL},
		{"slabdata", NULL},
		{"active_slabs", &row->active_slabs},
		{"num_slabs", &row->num_slabs},
		{"sharedavail", &(u64){0}},
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (numbers[i].to ? scan_number(s, numbers[i].name, numbers[i].to, e)
				  : scan_literal(s, numbers[i].name, e))
			return -1;
	}
	if (!row->objsize || !row->objperslab || !row->pagesperslab)
		return scan_error(s, s->line, e,
				  "objsize, objperslab and pagesperslab cannot be 0");
	if (row->active_objs > row->num_objs)
		return scan_error(s, s->line, e,
				  "more objects are active (%llu) than there are "
				  "(%llu)",
				  (unsigned long long)row->active_objs,
				  (unsigned long long)row->num_objs);
	return 0;
}

int parse_slabinfo(struct scan *s, struct snapshot_slab **slabs, size_t *nr, struct err *e)
{
	struct names seen;
	size_t room = 0;
	int ret = slabinfo_head(s, e);

	names_init(&seen);
	while (!ret && scan_line(s)) {
		struct snapshot_slab row = {0};
		struct word name;

		if (s->line < s->line_end && *s->line == '#')
			continue;
		ret = slabinfo_name(s, &name, e);
		if (ret || !name.len)
			continue;
		ret = slabinfo_line(s, &row, e) || new_cache(s, &seen, &name, &row.cache, e) ? -1
											     : 0;
		if (ret)
			continue;
		MEM_ROOM(*slabs, *nr, room);
		(*slabs)[(*nr)++] = row;
	}
	names_free(&seen);
	sort(*slabs, *nr, sizeof(**slabs));
	return ret;
}

/* A column that is looked for. */
struct column {
	const char *name;
	bool needed;
};

/* Which of the columns looked for stands where; -1: another one. */
struct header {
	int at[COLUMNS_MAX];
	unsigned int nr;
};

static int read_header(struct scan *s, const struct column *cols, size_t nr, struct header *h,
		       struct err *e)
{
	struct scan field;
	u64 seen = 0;

	if (!scan_line(s))
		return scan_error(s, s->p, e, "the file is empty");
	for (h->nr = 0; scan_field(s, &field); h->nr++) {
		struct word w;

		if (h->nr == COLUMNS_MAX)
			return scan_error(s, field.p, e, "more than %d columns", COLUMNS_MAX);
		h->at[h->nr] = -1;
		scan_word(&field, &w);
		for (size_t i = 0; i < nr; i++) {
			if (!word_is(&w, cols[i].name))
				continue;
			if (seen >> i & 1)
				return scan_error(s, w.text, e, "a second column '%s'",
						  cols[i].name);
			seen |= 1ULL << i;
			h->at[h->nr] = (int)i;
		}
	}
	for (size_t i = 0; i < nr; i++) {
		if (cols[i].needed && !(seen >> i & 1))
			return scan_error(s, s->line, e, "column '%s' is missing", cols[i].name);
	}
	return 0;
}

/* A table: fill() gets each field that is looked for, the number of its column, and the row. */
struct table {
	const struct column *cols;
	size_t nr_cols;
	size_t row_bytes;
	int (*fill)(const struct table *t, int col, struct scan *field, void *row, struct err *e);
};

static int read_row(struct scan *s, const struct table *t, const struct header *h,
		    struct names *seen, void *row, struct err *e)
{
	char **cache = row; /* all rows begin with it */
	struct scan field;
	unsigned int i = 0;
	struct word w;
	int ret = 0;

	for (; !ret && i < h->nr && scan_field(s, &field); i++) {
		if (h->at[i] < 0)
			continue;
		if (h->at[i] > 0)
			ret = t->fill(t, h->at[i], &field, row, e);
		else if (!scan_word(&field, &w))
			ret = scan_error(s, w.text, e, "the name of a cache is missing");
		else
			ret = new_cache(s, seen, &w, cache, e);
	}
	if (!ret && i < h->nr)
		ret = scan_error(s, s->line_end, e, "%u columns are wanted, %u are there", h->nr,
				 i);
	if (!ret && scan_field(s, &field))
		ret = scan_error(s, field.p, e, "more columns than the first line has (%u)", h->nr);
	if (ret)
		free(*cache);
	return ret;
}

/* Column 0 is the cache. */
static int read_table(struct scan *s, const struct table *t, void **rows, size_t *nr, struct err *e)
{
	u8 *all = NULL;
	size_t room = 0;
	struct header h = {.nr = 0};
	struct names seen;
	int ret = read_header(s, t->cols, t->nr_cols, &h, e);

	names_init(&seen);
	while (!ret && scan_line(s)) {
		if (s->line == s->line_end)
			continue;
		if (*nr == room) {
			room = room ? 2 * room : 64;
			all = mem_grow(all, room, t->row_bytes);
		}
		memset(all + *nr * t->row_bytes, 0, t->row_bytes);
		ret = read_row(s, t, &h, &seen, all + *nr * t->row_bytes, e);
		*nr += !ret;
	}
	names_free(&seen);
	sort(all, *nr, t->row_bytes);
	*rows = all;
	return ret;
}

/* "26 N0=8 N1=18": the sum, and nodes as far as they are given (by_node may be NULL). */
static int sum_by_node(struct scan *f, const char *what, u64 *sum, u64 *by_node, struct err *e)
{
	struct word w;

	if (scan_need(f, what, &w, e))
		return -1;
	if (word_is(&w, "-"))
		return scan_done(f, e);
	if (scan_word_number(f, &w, what, sum, e))
		return -1;
	while (scan_word(f, &w)) {
		const char *is = memchr(w.text, '=', w.len);
		struct word node, value;
		u64 nid, v;

		if (w.text[0] != 'N' || !is)
			return scan_error(f, w.text, e, "%s: 'N<node>=<number>' is wanted", what);
		node = (struct word){w.text + 1, (size_t)(is - w.text - 1)};
		value = (struct word){is + 1, (size_t)(w.text + w.len - is - 1)};
		if (scan_word_number(f, &node, "node", &nid, e) ||
		    scan_word_number(f, &value, what, &v, e))
			return -1;
		if (nid >= SNAPSHOT_NODES)
			return scan_error(f, w.text, e, "node %llu: nodes are below %d",
					  (unsigned long long)nid, SNAPSHOT_NODES);
		if (by_node)
			by_node[nid] = v;
	}
	return 0;
}

/* "60(4) C0=30(2) C1=30(2)": objects, in brackets slabs; kernels before 5.16 have no brackets. */
static int cpu_partial(struct scan *f, u64 *slabs, struct err *e)
{
	struct word w, inner;
	const char *open;

	if (scan_need(f, "slabs_cpu_partial", &w, e))
		return -1;
	if (word_is(&w, "-"))
		return scan_done(f, e);
	open = memchr(w.text, '(', w.len);
	if (!open)
		return scan_word_number(f, &w, "slabs_cpu_partial", slabs, e);
	if (w.text[w.len - 1] != ')')
		return scan_error(f, w.text, e, "slabs_cpu_partial: ')' is missing");
	inner = (struct word){open + 1, (size_t)(w.text + w.len - 1 - (open + 1))};
	return scan_word_number(f, &inner, "slabs_cpu_partial", slabs, e);
}

enum {
	SYS_CACHE,
	SYS_SLABS,
	SYS_TOTAL,
	SYS_OBJECTS,
	SYS_PARTIAL,
	SYS_CPU_SLABS,
	SYS_OBJS_PARTIAL,
	SYS_CPU_PARTIAL
};

static const struct column sysfs_columns[] = {
	[SYS_CACHE] = {"cache", true},
	[SYS_SLABS] = {"slabs", true},
	[SYS_TOTAL] = {"total_objects", false},
	[SYS_OBJECTS] = {"objects", true},
	[SYS_PARTIAL] = {"partial", false},
	[SYS_CPU_SLABS] = {"cpu_slabs", false},
	[SYS_OBJS_PARTIAL] = {"objects_partial", false},
	[SYS_CPU_PARTIAL] = {"slabs_cpu_partial", false},
};

static int sysfs_field(const struct table *t, int col, struct scan *f, void *to, struct err *e)
{
	struct snapshot_sysfs *row = to;
	const char *what = t->cols[col].name;

	switch (col) {
	case SYS_SLABS:
		return sum_by_node(f, what, &row->slabs, row->node_slabs, e);
	case SYS_TOTAL:
		return sum_by_node(f, what, &row->total_objects, NULL, e);
	case SYS_OBJECTS:
		return sum_by_node(f, what, &row->objects, row->node_objects, e);
	case SYS_PARTIAL:
		return sum_by_node(f, what, &row->partial, row->node_partial, e);
	case SYS_CPU_SLABS:
		return sum_by_node(f, what, &row->cpu_slabs, NULL, e);
	case SYS_OBJS_PARTIAL:
		return sum_by_node(f, what, &row->objects_partial, NULL, e);
	default:
		return cpu_partial(f, &row->cpu_partial_slabs, e);
	}
}

int parse_sysfs(struct scan *s, struct snapshot_sysfs **sysfs, size_t *nr, struct err *e)
{
	static const struct table table = {
		.cols = sysfs_columns,
		.nr_cols = ARRAY_SIZE(sysfs_columns),
		.row_bytes = sizeof(struct snapshot_sysfs),
		.fill = sysfs_field,
	};

	return read_table(s, &table, (void **)sysfs, nr, e);
}

enum {
	GEO_CACHE,
	GEO_OBJECT_SIZE,
	GEO_SLAB_SIZE,
	GEO_OBJS,
	GEO_ORDER,
	GEO_CPU_PARTIAL,
	GEO_MIN_PARTIAL,
	GEO_ALIGN,
	GEO_RCU,
	GEO_RECLAIM,
	GEO_HWCACHE,
	GEO_DMA
};

static const struct column geometry_columns[] = {
	[GEO_CACHE] = {"cache", true},
	[GEO_OBJECT_SIZE] = {"object_size", true},
	[GEO_SLAB_SIZE] = {"slab_size", true},
	[GEO_OBJS] = {"objs_per_slab", true},
	[GEO_ORDER] = {"order", true},
	[GEO_CPU_PARTIAL] = {"cpu_partial", false},
	[GEO_MIN_PARTIAL] = {"min_partial", false},
	[GEO_ALIGN] = {"align", false},
	[GEO_RCU] = {"destroy_by_rcu", false},
	[GEO_RECLAIM] = {"reclaim_account", false},
	[GEO_HWCACHE] = {"hwcache_align", false},
	[GEO_DMA] = {"cache_dma", false},
};

static int geometry_set(struct snapshot_geometry *row, int col, u32 v)
{
	u32 *const numbers[] = {
		[GEO_OBJECT_SIZE] = &row->object_size,
		[GEO_SLAB_SIZE] = &row->slab_size,
		[GEO_OBJS] = &row->objs_per_slab,
		[GEO_ORDER] = &row->order,
		[GEO_CPU_PARTIAL] = &row->cpu_partial,
		[GEO_MIN_PARTIAL] = &row->min_partial,
		[GEO_ALIGN] = &row->align,
	};
	bool *const flags[] = {&row->destroy_by_rcu, &row->reclaim_account, &row->hwcache_align,
			       &row->cache_dma};

	if (col < GEO_RCU)
		*numbers[col] = v;
	else
		*flags[col - GEO_RCU] = v != 0;
	return 0;
}

static int geometry_field(const struct table *t, int col, struct scan *f, void *to, struct err *e)
{
	const struct column *c = &t->cols[col];
	struct word w;
	u64 v;

	if (scan_need(f, c->name, &w, e))
		return -1;
	if (!c->needed && word_is(&w, "-"))
		return scan_done(f, e);
	if (scan_word_number(f, &w, c->name, &v, e) || scan_done(f, e))
		return -1;
	if (v > UINT32_MAX || (col == GEO_ORDER && v >= SNAPSHOT_ORDERS))
		return scan_error(f, w.text, e, "%s: %llu is too large", c->name,
				  (unsigned long long)v);
	return geometry_set(to, col, (u32)v);
}

/* Caches that went away while their sizes were read. */
static void drop_empty(struct snapshot_geometry *rows, size_t *nr)
{
	size_t kept = 0;

	for (size_t i = 0; i < *nr; i++) {
		if (rows[i].slab_size && rows[i].objs_per_slab)
			rows[kept++] = rows[i];
		else
			free(rows[i].cache);
	}
	*nr = kept;
}

int parse_geometry(struct scan *s, struct snapshot_geometry **geometry, size_t *nr, struct err *e)
{
	static const struct table table = {
		.cols = geometry_columns,
		.nr_cols = ARRAY_SIZE(geometry_columns),
		.row_bytes = sizeof(struct snapshot_geometry),
		.fill = geometry_field,
	};

	if (read_table(s, &table, (void **)geometry, nr, e))
		return -1;
	drop_empty(*geometry, nr);
	return 0;
}
