/*
 * The books of a run: live objects, call sites, cache names, latencies.
 *
 * Everything is indexed: objects by their dense id, names by table position. A call site knows the
 * row it used last; where it asks for another name, a hash leads there.
 */
#ifndef SIM_ACCOUNT_H
#define SIM_ACCOUNT_H

#include "alloc/kernel.h"
#include "alloc/slab_alloc.h"
#include "lib/hist.h"
#include "sim/sink.h"
#include "sim/source.h"

/* A live object or page block, by its id. */
struct object {
	void *addr;  /* object, first byte of a page block, or handle of a store; NULL: not live */
	u64 born_ns; /* clock of the CPU that made it */
	u32 row;     /* of its call site and name */
	u32 size;    /* bytes asked for */
	u16 name;    /* index into names */
	u16 cpu;
	u8 kind;	    /* enum request_kind that made it */
	u8 order;	    /* of a page block */
	u8 guessed : 1;	    /* born before the load: its CPU is not a recorded one */
	u8 missing : 1;	    /* asked for and not got: its free is left out */
	u8 pinned : 1;	    /* of a movable cache, and cannot be moved */
	u8 reclaimable : 1; /* reclaim may take its memory (sim/reclaim.h) */
	u8 evicted : 1;	    /* and has done so: alive, and addr is NULL */
	u8 raw : 1;	    /* too large for the store: a page of its own */
};
_Static_assert(sizeof(struct object) == 32, "two objects to a cache line");

/*
 * What requests ask for by name: a cache of the load's, a kmalloc or store's cache, the
 * store (the last but one) or pages (the last name).
 */
struct name {
	const char *name;	  /* NULL: not used so far */
	struct slab_cache *cache; /* NULL: pages */
	bool movable;		  /* its objects carry their number (movable.h) */
	bool senseless;		  /* a cache that cannot be: nobody tries again */
	bool first;		  /* of the names that have this cache */
	u32 size;		  /* of its objects, as asked for */
	struct slab_cache *slabs; /* that no earlier name's objects lie in; NULL: one's do */
	u64 live_objs, bytes_req, bytes_alloc;
	const struct kmem_cache *own; /* of the allocators' own objects: it counts them; or NULL */
};

/* One (call site, name). */
struct site_row {
	u64 hits, bytes_req, bytes_alloc;
	u64 live_objs, live_bytes;
	u64 ping_pong, cross_node;
	u32 site;
	u32 name;
};

enum latency_op {
	OP_KMALLOC,
	OP_KFREE,
	OP_CACHE_ALLOC,
	OP_CACHE_FREE,
	OP_STORE_MALLOC,
	OP_STORE_WRITE,
	OP_STORE_READ,
	OP_STORE_FREE,
	OP_STORE_COMPACT,
	OP_PAGE_ALLOC,				  /* + order */
	OP_PAGE_FREE = OP_PAGE_ALLOC + MAX_ORDER, /* + order */
	NR_LATENCY_OPS = OP_PAGE_FREE + MAX_ORDER
};

struct account {
	struct object *objects;
	u64 nr_objects_max;

	struct name *names;
	u32 nr_names;
	u32 name_store; /* the last name but one: compressed objects */
	u32 name_pages; /* the last name: page requests */

	struct site_row *rows; /* [0] unused */
	u32 nr_rows, max_rows;
	u32 *site_rows; /* the row of each site used last; 0: none */
	u32 nr_sites;
	u32 *row_slots;	  /* rows by hash of (site, name); 0: empty */
	u32 nr_row_slots; /* a power of two, at least twice nr_rows */

	struct hist *latency[NR_LATENCY_OPS][NR_OP_PATHS]; /* made at the first sample */

	u64 nr_requests, nr_alloc, nr_free, nr_failed, nr_skipped_frees;
	u64 nr_unserved; /* store requests on a stack without a store */
	u64 live_objs, bytes_req_live, bytes_alloc_live;
	u64 bytes_req_live_max, bytes_alloc_live_max;
	u64 bytes_req_total, bytes_alloc_total;
	u64 page_bytes_live; /* of page requests and kmalloc beyond the largest class */
	u64 ping_pong, cross_node;
};

void account_init(struct account *a, const struct source_tables *t, u32 nr_names);
void account_free(struct account *a);
/* Room for more objects. */
void account_grow(struct account *a, u64 nr_objects_max);
/* All that adds up begins anew; what is alive stays. */
void account_count_anew(struct account *a);
/* What is alive is the most there was. */
void account_restart_peaks(struct account *a);

/* The name's cache is made. Other names may have it already, or have theirs in its slabs. */
void account_name(struct account *a, u32 i, const char *name, struct slab_cache *cache);
/* What has the slabs of its objects: the cache, or one that it shares with others. */
struct slab_cache *slabs_of(struct slab_cache *cache);

/* The same where it is not the one the site used last. */
u32 account_other_row(struct account *a, u32 site, u32 name);

/* The row of a call site and name, made at first use. */
static inline u32 account_row(struct account *a, u32 site, u32 name)
{
	u32 first = a->site_rows[site];

	if (likely(first && a->rows[first].name == name))
		return first;
	return account_other_row(a, site, name);
}

struct hist *account_new_hist(struct account *a, unsigned int op, enum op_path path);

static inline void account_latency(struct account *a, unsigned int op, enum op_path path, u64 ns)
{
	struct hist *h = a->latency[op][path];

	if (unlikely(!h))
		h = account_new_hist(a, op, path);
	hist_add(h, ns);
}

/* All allocations together, and all frees. */
void account_all_latencies(const struct account *a, struct hist *allocs, struct hist *frees);

/* An object came to live: bytes_alloc is what it occupies, nid the node of its memory. */
static inline void account_alloc(struct account *a, struct object *o, u64 bytes_alloc, int nid,
				 bool birth)
{
	struct site_row *row = &a->rows[o->row];
	struct name *name = &a->names[o->name];

	name->live_objs++;
	name->bytes_req += o->size;
	name->bytes_alloc += bytes_alloc;
	row->live_objs++;
	row->live_bytes += bytes_alloc;
	a->live_objs++;
	a->bytes_req_live += o->size;
	a->bytes_alloc_live += bytes_alloc;
	a->bytes_req_live_max = max(a->bytes_req_live_max, a->bytes_req_live);
	a->bytes_alloc_live_max = max(a->bytes_alloc_live_max, a->bytes_alloc_live);
	if (o->name == a->name_pages)
		a->page_bytes_live += bytes_alloc;
	if (birth)
		return;
	a->nr_alloc++;
	row->hits++;
	row->bytes_req += o->size;
	row->bytes_alloc += bytes_alloc;
	a->bytes_req_total += o->size;
	a->bytes_alloc_total += bytes_alloc;
	if (nid != kernel->nid) {
		row->cross_node++;
		a->cross_node++;
	}
}

/* And went, on CPU `cpu`; flags are those of the request (REQ_F_REPAIR: nobody recorded where). */
static inline void account_freed(struct account *a, struct object *o, u64 bytes_alloc, int cpu,
				 u8 flags)
{
	struct site_row *row = &a->rows[o->row];
	struct name *name = &a->names[o->name];

	name->live_objs--;
	name->bytes_req -= o->size;
	name->bytes_alloc -= bytes_alloc;
	row->live_objs--;
	row->live_bytes -= bytes_alloc;
	a->live_objs--;
	a->bytes_req_live -= o->size;
	a->bytes_alloc_live -= bytes_alloc;
	if (o->name == a->name_pages)
		a->page_bytes_live -= bytes_alloc;
	if (flags & REQ_F_BIRTH)
		return;
	a->nr_free++;
	if (o->cpu != cpu && !(flags & REQ_F_REPAIR) && !o->guessed) {
		row->ping_pong++;
		a->ping_pong++;
	}
}

/* Rows, latencies to the sink. */
void account_report(const struct account *a, const struct source_tables *t, struct sink *s);

#endif
