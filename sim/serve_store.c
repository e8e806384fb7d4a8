/*
 * Requests for compressed objects.
 *
 * Theory: as zram does (drivers/block/zram/zram_drv.c, 6.1): an object is stored, its contents are
 * written, its length is kept beside the handle; one that is larger than the store takes has a page
 * to itself (huge). Contents are made up but real: every byte is written, and looked at when the
 * object is read, when it goes and at every full walk.
 *
 * Invariant: objects[id].addr is the handle, or the first byte of its own page (raw); contents
 * follow from id and birth (contents_key), which no other life of any object shares.
 *
 * Unlike Linux: nothing is compressed; the load says how long each object is.
 */
#include "sim/serve_store.h"

#include <string.h>

#include "alloc/mm.h"
#include "lib/digest.h"
#include "sim/contents.h"
#include "sim/shrinker.h"

static u64 contents_key(const struct replay *rp, const struct object *o)
{
	return digest_u64(o->born_ns, (u64)(o - rp->acc.objects));
}

static bool keeps_contents(const struct replay *rp, const struct object *o)
{
	return !(o->raw ? rp->stack.pages->keeps_nothing
			: rp->stack.store->keeps_nothing || rp->stack.pages->keeps_nothing);
}

/* ---- Begin ---- */

static void name_caches(struct replay *rp, const struct store *s)
{
	u32 i = rp->tables->nr_caches;

	for (; s; s = s->base) {
		for (unsigned int c = 0; c < s->nr_caches; c++) {
			while (rp->acc.names[i].cache)
				i++;
			ASSERT(i < rp->acc.name_store);
			account_name(&rp->acc, i, s->caches[c]->name, s->caches[c]->cache);
			rp->acc.names[i].own = s->caches[c];
		}
	}
}

int serve_store_begin(struct replay *rp, const struct trial *t, struct err *e)
{
	if (!t->stack->store.nr_layers)
		return 0;
	if (stack_create_store(&rp->stack, t->stack, &rp->slabulator, e))
		return -1;
	rp->store_source = store_source(rp->stack.store);
	name_caches(rp, rp->stack.store);
	return 0;
}

void serve_store_end(struct replay *rp)
{
	if (!rp->stack.store)
		return;
	rcu_barrier();
	for (const struct store *s = rp->stack.store; s; s = s->base)
		ASSERT(!s->layer->live_objs);
	stack_destroy_store(&rp->stack);
}

/* ---- Objects ---- */

/* It stays where it is, as the store's own pages do. */
static void *raw_page(struct replay *rp, const struct request *r, gfp_t gfp)
{
	struct page *page = page_alloc(rp->stack.pages, 0, gfp & ~__GFP_MOVABLE, NUMA_NO_NODE);

	if (!page)
		return NULL;
	if (!rp->stack.pages->keeps_nothing)
		page_holder_set(page, r->object, false);
	return page_name(page);
}

static void *try_to_store(struct replay *rp, const struct request *r, const struct object *o,
			  gfp_t gfp)
{
	if (!o->raw)
		return (void *)store_malloc(rp->stack.store, r->size, gfp);
	return r->size <= PAGE_SIZE ? raw_page(rp, r, gfp) : NULL;
}

/* With what zram asks again, when there is time to wait (zram_drv.c). */
#define GFP_STORE_AGAIN (GFP_NOIO | __GFP_HIGHMEM | __GFP_MOVABLE)

/* A recording has it that what was refused was refused, and what was reclaimed is in it. */
static void *store_object(struct replay *rp, const struct request *r, struct object *o)
{
	void *addr;

	o->raw = r->size > rp->stack.store->size_max;
	o->name = (u16)rp->acc.name_store;
	o->order = 0;
	o->size = r->size;
	addr = try_to_store(rp, r, o, r->gfp ? r->gfp : GFP_STORE);
	if (likely(addr) || kernel->mm_mode != MM_LIVE || r->size > PAGE_SIZE)
		return addr;
	if (!r->gfp)
		addr = try_to_store(rp, r, o, GFP_STORE_AGAIN);
	if (!addr && shrinker_rescue_store(rp))
		addr = try_to_store(rp, r, o, r->gfp ? r->gfp : GFP_STORE_AGAIN);
	return addr;
}

static void write_contents(struct replay *rp, const struct request *r, struct object *o)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns), ns;
	char buf[CONTENTS_MAX];

	contents_make(buf, o->size, contents_key(rp, o));
	if (o->raw) {
		charge_bytes(o->size);
		memcpy(page_address(virt_to_page(o->addr)), buf, o->size);
	} else {
		bool written = store_write(rp->stack.store, (unsigned long)o->addr, buf, o->size);

		ASSERT(written);
	}
	ns = machine_leave(rp->m, entered_ns);
	if (!(r->flags & REQ_F_BIRTH))
		account_latency(&rp->acc, OP_STORE_WRITE, kernel->path, ns);
}

static bool is_huge(const struct object *o)
{
	return o->raw || o->size == PAGE_SIZE;
}

static void born(struct replay *rp, const struct request *r, struct object *o)
{
	o->row = account_row(&rp->acc, r->site, o->name);
	account_alloc(&rp->acc, o, o->size, page_to_nid(virt_to_page(o->addr)),
		      r->flags & REQ_F_BIRTH);
	rp->nr_raw += o->raw;
	rp->nr_raw_so_far += o->raw;
	rp->raw_bytes += o->raw ? o->size : 0;
	rp->nr_huge += is_huge(o);
	rp->nr_huge_so_far += is_huge(o);
	replay_note_peak(rp);
	write_contents(rp, r, o);
}

void serve_store_alloc(struct replay *rp, const struct request *r, struct object *o)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns), ns;
	enum op_path path;

	kernel->site = r->site;
	o->addr = store_object(rp, r, o);
	o->cpu = r->cpu;
	o->missing = !o->addr;
	o->guessed = (r->flags & REQ_F_BIRTH) != 0;
	o->pinned = false;
	if (unlikely(!o->addr))
		replay_refused(rp, r);
	path = kernel->path;
	ns = machine_leave(rp->m, entered_ns);
	o->born_ns = kernel->clock_ns;
	if (o->addr)
		born(rp, r, o);
	rp->digest = digest_u64(rp->digest, (o->addr ? virt_to_phys(o->addr) : ~0ULL) ^
						    (kernel->clock_ns << 20) ^ r->object);
	if (!(r->flags & REQ_F_BIRTH))
		account_latency(&rp->acc, OP_STORE_MALLOC, path, ns);
}

void store_object_check(const struct replay *rp, const struct object *o)
{
	struct store_span spans[STORE_SPANS_MAX] = {{o->addr, o->size}};
	u64 key = contents_key(rp, o);
	size_t at = 0;
	int n = 1;

	if (!keeps_contents(rp, o))
		return;
	if (!o->raw)
		n = store_map(rp->stack.store, (unsigned long)o->addr, o->size, spans);
	ASSERT(n);
	for (int i = 0; i < n && at < o->size; i++) {
		size_t len = min((size_t)spans[i].len, o->size - at);

		ASSERT(contents_same(spans[i].addr, at, len, key));
		at += len;
	}
	ASSERT(at == o->size);
}

void store_give_back(struct replay *rp, struct object *o)
{
	rp->nr_huge -= is_huge(o);
	if (o->raw) {
		page_free(rp->stack.pages, virt_to_page(o->addr), 0);
		rp->nr_raw--;
		rp->raw_bytes -= o->size;
	} else {
		bool freed = store_free(rp->stack.store, (unsigned long)o->addr, o->size);

		ASSERT(freed);
	}
}

void serve_store_free(struct replay *rp, const struct request *r, struct object *o)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns), ns;

	kernel->site = r->site;
	if (unlikely(o->born_ns > entered_ns)) /* clocks disagree: wait for its birth */
		entered_ns = kernel->clock_ns = o->born_ns;
	store_object_check(rp, o);
	account_freed(&rp->acc, o, o->size, r->cpu, r->flags);
	store_give_back(rp, o);
	ns = machine_leave(rp->m, entered_ns);
	rp->digest = digest_u64(rp->digest, (virt_to_phys(o->addr) << 1) ^
						    (kernel->clock_ns << 20) ^ r->object);
	o->addr = NULL;
	if (!(r->flags & REQ_F_BIRTH))
		account_latency(&rp->acc, OP_STORE_FREE, kernel->path, ns);
}

void serve_store_read(struct replay *rp, const struct request *r, struct object *o)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns), ns;
	char buf[CONTENTS_MAX];

	kernel->site = r->site;
	if (unlikely(o->born_ns > entered_ns))
		entered_ns = kernel->clock_ns = o->born_ns;
	if (o->raw) {
		charge_bytes(o->size);
		store_object_check(rp, o);
	} else {
		bool had = store_read(rp->stack.store, (unsigned long)o->addr, buf, o->size);

		ASSERT(had);
		ASSERT(!keeps_contents(rp, o) ||
		       contents_same(buf, 0, o->size, contents_key(rp, o)));
	}
	ns = machine_leave(rp->m, entered_ns);
	rp->digest = digest_u64(rp->digest, (virt_to_phys(o->addr) << 3) ^
						    (kernel->clock_ns << 20) ^ r->object);
	account_latency(&rp->acc, OP_STORE_READ, kernel->path, ns);
}

void serve_store_compact(struct replay *rp, const struct request *r)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns);
	struct store_compact c = {.goal_pages = UINT64_MAX,
				  .bytes_max = r->size ? (u64)r->size << 10 : UINT64_MAX};

	kernel->site = r->site;
	if (rp->stack.store)
		store_compact(rp->stack.store, &c);
	rp->digest = digest_u64(rp->digest, c.freed_pages ^ (c.moved_bytes << 20));
	account_latency(&rp->acc, OP_STORE_COMPACT, kernel->path, machine_leave(rp->m, entered_ns));
}
