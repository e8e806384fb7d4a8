/*
 * The books of a run.
 *
 * Theory: a request changes the same few figures: the totals, those of its name, those of its call
 * site. An object carries the row and the name it was born under, so that its free finds them
 * without a search. A call site mostly asks for one name. Rows stand in the order of their first
 * use, whatever their hash.
 *
 * Invariant: live objects and bytes are the same three times: in the totals, added up over names,
 * added up over rows. A birth is live but was never allocated: it counts in nothing that grows.
 *
 * Unlike Linux: slabinfo calls an object active while it lies on a CPU's freelist. Here it lives
 * from the end of its allocation to the beginning of its free.
 */
#include "sim/account.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/mem.h"

static const char *const op_path_names[NR_OP_PATHS] = {
	[PATH_FAST] = "fast",	    [PATH_SLOW] = "slow",	[PATH_NEW_SLAB] = "new_slab",
	[PATH_RECLAIM] = "reclaim", [PATH_COMPACT] = "compact", [PATH_REFUSED] = "refused",
};

void account_init(struct account *a, const struct source_tables *t, u32 nr_names)
{
	*a = (struct account){
		.nr_objects_max = t->nr_objects_max,
		.nr_names = nr_names,
		.name_store = nr_names - 2,
		.name_pages = nr_names - 1,
		.nr_sites = max(t->nr_sites, 1U),
		.nr_rows = 1,
		.max_rows = 1024,
		.nr_row_slots = 2048,
	};
	a->objects = mem_alloc(a->nr_objects_max, sizeof(*a->objects));
	mem_want_huge(a->objects, a->nr_objects_max * sizeof(*a->objects));
	a->names = mem_alloc(nr_names, sizeof(*a->names));
	a->rows = mem_alloc(a->max_rows, sizeof(*a->rows));
	a->row_slots = mem_alloc(a->nr_row_slots, sizeof(*a->row_slots));
	a->site_rows = mem_alloc(a->nr_sites, sizeof(*a->site_rows));
	a->names[a->name_store].name = "(store)";
	a->names[a->name_pages].name = "";
}

void account_free(struct account *a)
{
	for (unsigned int op = 0; op < NR_LATENCY_OPS; op++)
		for (unsigned int path = 0; path < NR_OP_PATHS; path++)
			free(a->latency[op][path]);
	free(a->objects);
	free(a->names);
	free(a->rows);
	free(a->site_rows);
	free(a->row_slots);
}

void account_grow(struct account *a, u64 nr_objects_max)
{
	a->objects =
		mem_grow_zeroed(a->objects, a->nr_objects_max, nr_objects_max, sizeof(*a->objects));
	a->nr_objects_max = nr_objects_max;
	mem_want_huge(a->objects, a->nr_objects_max * sizeof(*a->objects));
}

struct slab_cache *slabs_of(struct slab_cache *cache)
{
	const struct slab_cache *source = cache;

	while (source->base)
		source = source->base;
	return source->shares ? source->shares : cache;
}

void account_name(struct account *a, u32 i, const char *name, struct slab_cache *cache)
{
	struct name *n = &a->names[i];

	*n = (struct name){.name = name,
			   .cache = cache,
			   .first = true,
			   .size = cache->objsize,
			   .slabs = slabs_of(cache)};
	for (u32 j = 0; j < a->name_pages; j++) {
		if (j == i || !a->names[j].cache)
			continue;
		n->first &= a->names[j].cache != cache;
		if (a->names[j].slabs == n->slabs)
			n->slabs = NULL;
	}
}

void account_restart_peaks(struct account *a)
{
	a->bytes_req_live_max = a->bytes_req_live;
	a->bytes_alloc_live_max = a->bytes_alloc_live;
}

void account_count_anew(struct account *a)
{
	for (u32 i = 0; i < a->nr_rows; i++) {
		struct site_row *row = &a->rows[i];

		row->hits = row->bytes_req = row->bytes_alloc = 0;
		row->ping_pong = row->cross_node = 0;
	}
	for (unsigned int op = 0; op < NR_LATENCY_OPS; op++) {
		for (unsigned int path = 0; path < NR_OP_PATHS; path++) {
			free(a->latency[op][path]);
			a->latency[op][path] = NULL;
		}
	}
	a->nr_alloc = a->nr_free = a->nr_failed = a->nr_skipped_frees = a->nr_unserved = 0;
	account_restart_peaks(a);
	a->bytes_req_total = a->bytes_alloc_total = 0;
	a->ping_pong = a->cross_node = 0;
}

/* The slot of this row, or the empty one where it belongs. */
static u32 *row_slot(const struct account *a, u32 site, u32 name)
{
	u32 at = (u32)digest_u64(site, name) & (a->nr_row_slots - 1);

	while (a->row_slots[at] &&
	       (a->rows[a->row_slots[at]].site != site || a->rows[a->row_slots[at]].name != name))
		at = (at + 1) & (a->nr_row_slots - 1);
	return &a->row_slots[at];
}

static u32 new_row(struct account *a, u32 site, u32 name)
{
	u32 i;

	MEM_ROOM(a->rows, a->nr_rows, a->max_rows);
	i = a->nr_rows++;
	a->rows[i] = (struct site_row){.site = site, .name = name};
	if (2 * a->nr_rows > a->nr_row_slots) {
		free(a->row_slots);
		a->nr_row_slots *= 2;
		a->row_slots = mem_alloc(a->nr_row_slots, sizeof(*a->row_slots));
		for (u32 k = 1; k < i; k++)
			*row_slot(a, a->rows[k].site, a->rows[k].name) = k;
	}
	return *row_slot(a, site, name) = i;
}

u32 account_other_row(struct account *a, u32 site, u32 name)
{
	u32 i = *row_slot(a, site, name);

	return a->site_rows[site] = i ? i : new_row(a, site, name);
}

static bool op_frees(unsigned int op)
{
	return op == OP_KFREE || op == OP_CACHE_FREE || op == OP_STORE_FREE || op >= OP_PAGE_FREE;
}

static bool op_allocates(unsigned int op)
{
	return !op_frees(op) && (op < OP_STORE_WRITE || op >= OP_PAGE_ALLOC);
}

struct hist *account_new_hist(struct account *a, unsigned int op, enum op_path path)
{
	return a->latency[op][path] = mem_alloc(1, sizeof(struct hist));
}

void account_all_latencies(const struct account *a, struct hist *allocs, struct hist *frees)
{
	memset(allocs, 0, sizeof(*allocs));
	memset(frees, 0, sizeof(*frees));
	for (unsigned int op = 0; op < NR_LATENCY_OPS; op++)
		for (unsigned int path = 0; path < NR_OP_PATHS; path++)
			if (a->latency[op][path] && (op_frees(op) || op_allocates(op)))
				hist_merge(op_frees(op) ? frees : allocs, a->latency[op][path]);
}

/* "kmalloc", "page_alloc/3", ... */
static void latency_op_name(unsigned int op, char *buf, size_t n)
{
	static const char *const names[] = {"kmalloc",	       "kfree",	       "kmem_cache_alloc",
					    "kmem_cache_free", "store_malloc", "store_write",
					    "store_read",      "store_free",   "store_compact"};

	if (op < OP_PAGE_ALLOC)
		snprintf(buf, n, "%s", names[op]);
	else if (op < OP_PAGE_FREE)
		snprintf(buf, n, "page_alloc/%u", op - OP_PAGE_ALLOC);
	else
		snprintf(buf, n, "page_free/%u", op - OP_PAGE_FREE);
}

static void report_latency(const struct hist *h, unsigned int op, unsigned int path, struct sink *s)
{
	char name[32];
	struct sink_latency l = {
		.op = name,
		.path = op_path_names[path],
		.count = h->count,
		.p50_ns = hist_quantile(h, 0.5),
		.p90_ns = hist_quantile(h, 0.9),
		.p99_ns = hist_quantile(h, 0.99),
		.p999_ns = hist_quantile(h, 0.999),
		.max_ns = h->max,
	};

	latency_op_name(op, name, sizeof(name));
	s->ops->latency(s, &l);
}

static void report_row(const struct account *a, const struct site_row *row,
		       const struct source_tables *t, struct sink *s)
{
	s->ops->site(s, &(struct sink_site){
				.call_site = t->nr_sites ? t->sites[row->site] : "?",
				.cache = a->names[row->name].name,
				.hits = row->hits,
				.bytes_req = row->bytes_req,
				.bytes_alloc = row->bytes_alloc,
				.live_objs = row->live_objs,
				.live_bytes = row->live_bytes,
				.ping_pong = row->ping_pong,
				.cross_node = row->cross_node,
			});
}

void account_report(const struct account *a, const struct source_tables *t, struct sink *s)
{
	for (u32 i = 1; i < a->nr_rows; i++)
		report_row(a, &a->rows[i], t, s);
	for (unsigned int op = 0; op < NR_LATENCY_OPS; op++)
		for (unsigned int path = 0; path < NR_OP_PATHS; path++)
			if (a->latency[op][path])
				report_latency(a->latency[op][path], op, path, s);
}
