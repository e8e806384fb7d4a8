/*
 * One request, served: what it asks of the stack, and what of that goes into the books.
 *
 * Theory: a request enters its CPU, runs to its end on the host, and leaves the clock of its CPU
 * where its costs took it. Caches are made when they are first asked for.
 *
 * Invariant: objects[id].addr is set exactly while the request's memory is held; what the digest
 * sees of a request is where its memory lay and when it was had.
 *
 * Unlike Linux: caches exist before the first object is wanted of them.
 */
#include "sim/serve.h"

#include <string.h>

#include "alloc/mm.h"
#include "alloc/show_mem.h"
#include "lib/digest.h"
#include "lib/text.h"
#include "sim/movable.h"
#include "sim/reclaim.h"
#include "sim/shrinker.h"

/* What is written to an object is there when it is read. */
static bool keeps_contents(const struct replay *rp)
{
	return !slab_allocator_source(rp->stack.slab)->desc->keeps_nothing &&
	       !rp->stack.pages->keeps_nothing;
}

/* Where all the memory is at this moment, is what everybody asks then. */
static void ends_in_oom(struct replay *rp)
{
	struct text t = text_in(rp->mem_info, sizeof(rp->mem_info));

	rp->status = TRIAL_OOM;
	show_mem(rp->stack.pages, MAX_NR_ZONES - 1, &t);
}

static struct slab_cache *make_cache(struct replay *rp, u32 i)
{
	const struct source_cache *sc = &rp->tables->caches[i];
	const struct slab_shape *shape = slab_shape_find(rp->shapes, sc->name);
	struct slab_cache params = {.objsize = sc->object_size ? sc->object_size : 8,
				    .align = max(sc->align, 8U),
				    .node = NUMA_NO_NODE,
				    .gfp = sc->reclaimable ? __GFP_RECLAIMABLE : 0,
				    .shape = shape};
	struct name *name = &rp->acc.names[i];

	if (name->senseless)
		return NULL;
	if (shape && shape->object_size)
		params.objsize = shape->object_size;
	if (shape && shape->align)
		params.align = max(shape->align, 8U);
	strncpy(params.name, sc->name, sizeof(params.name) - 1);
	/* A move finds the load's record of an object by what lies in it: all of them must. */
	rp->caches[i] =
		slabulator_create(&rp->slabulator, &params,
				  sc->flags | (sc->movable ? SLAB_NO_MERGE : 0), NULL, NULL);
	if (rp->slabulator.panicked)
		ends_in_oom(rp);
	if (!rp->caches[i]) {
		name->senseless = *rp->slabulator.why.msg;
		return NULL;
	}
	stack_add_derived(&rp->stack, rp->caches[i]->slabs->derived);
	account_name(&rp->acc, i, sc->name, rp->caches[i]->cache);
	name->size = rp->caches[i]->size;
	name->movable = sc->movable && params.objsize >= 8 && keeps_contents(rp);
	return name->cache;
}

/* The cache of the load's table entry, made at its first request. */
static inline struct slab_cache *load_cache(struct replay *rp, u32 i)
{
	struct slab_cache *cache = rp->acc.names[i].cache;

	return likely(cache) ? cache : make_cache(rp, i);
}

/* kmalloc's caches get the names behind the load's own. */
static void name_kmalloc_cache(struct replay *rp, struct kmalloc_cache *c)
{
	u32 i = rp->tables->nr_caches;

	while (rp->acc.names[i].cache)
		i++;
	ASSERT(i < rp->acc.name_store);
	stack_add_derived(&rp->stack, c->k->slabs->derived);
	account_name(&rp->acc, i, c->k->name, c->cache);
	c->tag = i + 1;
}

static inline void *cache_alloc(struct slab_cache *cache, const struct request *r)
{
	slab_state_check("kmem_cache_alloc");
	return r->node < 0 ? slab_alloc(cache, r->gfp) : slab_alloc_node(cache, r->gfp, r->node);
}

static inline void *do_cache_alloc(struct replay *rp, const struct request *r, struct object *o)
{
	struct slab_cache *cache = load_cache(rp, r->cache);

	if (unlikely(!cache))
		return NULL;
	o->name = r->cache;
	o->size = rp->acc.names[r->cache].size;
	return cache_alloc(cache, r);
}

/* Beyond the largest class: pages, and they are the object's. */
static void *kmalloc_large(struct replay *rp, const struct request *r)
{
	void *addr = kmalloc_node(&rp->km, r->size, r->gfp, r->node);

	/* What bootmem gives is no block of the page allocator. */
	if (addr && !rp->stack.pages->keeps_nothing && virt_to_page(addr)->flags & PG_allocated)
		page_holder_set(virt_to_page(addr), r->object, false);
	return addr;
}

static inline void *do_kmalloc(struct replay *rp, const struct request *r, struct object *o)
{
	struct kmalloc_cache *c = kmalloc_class(&rp->km, r->size, r->gfp);

	o->size = r->size;
	if (unlikely(!c)) {
		o->name = (u16)rp->acc.name_pages;
		return kmalloc_large(rp, r);
	}
	if (unlikely(!c->tag))
		name_kmalloc_cache(rp, c);
	o->name = (u16)(c->tag - 1);
	return cache_alloc(c->cache, r);
}

/* Compound pages stay where they are (isolate_migratepages_block, mm/compaction.c, 6.1). */
static inline bool may_move(unsigned int order, gfp_t gfp)
{
	return !order && gfp_migratetype(gfp) == MIGRATE_MOVABLE;
}

static inline void *do_page_alloc(struct replay *rp, const struct request *r, struct object *o)
{
	struct page *page = NULL;

	if (unlikely(r->flags & REQ_F_BIRTH))
		page = page_state_birth(&rp->pages, r->object, r->order, r->gfp);
	if (likely(!page))
		page = page_alloc(rp->stack.pages, r->order, r->gfp, r->node);
	o->name = (u16)rp->acc.name_pages;
	o->order = r->order;
	o->size = (u32)(PAGE_SIZE << r->order);
	if (unlikely(!page))
		return NULL;
	if (likely(!rp->stack.pages->keeps_nothing))
		page_holder_set(page, r->object,
				may_move(r->order, r->gfp) && !(r->flags & REQ_F_PINNED));
	return page_name(page);
}

static inline u64 occupied(const struct replay *rp, const struct object *o)
{
	const struct slab_cache *cache = rp->acc.names[o->name].cache;

	if (likely(cache))
		return cache->size;
	return o->kind == REQ_PAGE_ALLOC ? o->size : ksize(o->addr);
}

void replay_refused(struct replay *rp, const struct request *r)
{
	rp->acc.nr_failed++;
	note_path(PATH_REFUSED);
	report_event("refused", "%s object %u size %u order %u gfp 0x%x node %d",
		     request_kind_names[r->kind], r->object, r->size, r->order, r->gfp, r->node);
	if (r->gfp & __GFP_NOFAIL || r->flags & REQ_F_STOP) {
		ends_in_oom(rp);
		report_event("oom", r->flags & REQ_F_STOP
					    ? "the load stops when this request is refused"
					    : "a request that must not fail was refused");
	}
}

static inline unsigned int alloc_op(const struct request *r)
{
	switch (r->kind) {
	case REQ_KMALLOC:
		return OP_KMALLOC;
	case REQ_CACHE_ALLOC:
		return OP_CACHE_ALLOC;
	default:
		return OP_PAGE_ALLOC + r->order;
	}
}

static inline __attribute__((always_inline)) void *
allocate(struct replay *rp, const struct request *r, struct object *o)
{
	switch (r->kind) {
	case REQ_KMALLOC:
		return do_kmalloc(rp, r, o);
	case REQ_CACHE_ALLOC:
		return do_cache_alloc(rp, r, o);
	default:
		return do_page_alloc(rp, r, o);
	}
}

/* As often as Linux tries to reclaim for one request without success (MAX_RECLAIM_RETRIES). */
#define RESCUES_MAX 16

/* The load has something that can be reclaimed for this request. */
static void *allocate_or_reclaim(struct replay *rp, const struct request *r, struct object *o)
{
	void *addr;

	rp->reclaim->objects_may_go = r->kind == REQ_PAGE_ALLOC;
	addr = allocate(rp, r, o);
	rp->reclaim->objects_may_go = false;
	if (r->kind == REQ_PAGE_ALLOC)
		return addr;
	for (int i = 0; !addr && i < RESCUES_MAX && shrinker_rescue(rp, r->gfp); i++)
		addr = allocate(rp, r, o);
	return addr;
}

/* page_to_nid(virt_to_page(addr)), which divides by the size of a page struct. */
static inline int nid_of(const void *addr)
{
	return kernel->section_zone[virt_to_phys(addr) >> (PAGE_SHIFT + SECTION_PFN_SHIFT)] /
	       MAX_NR_ZONES;
}

/* A page fault that wants a huge page (do_huge_pmd_anonymous_page, mm/huge_memory.c). */
static void count_huge_fault(const struct request *r, bool had)
{
	if ((r->gfp & GFP_TRANSHUGE_LIGHT) == GFP_TRANSHUGE_LIGHT)
		count_vm_event(had ? THP_FAULT_ALLOC : THP_FAULT_FALLBACK);
}

/* The object has memory: into the books, and what it begins with. */
static __always_inline void born(struct replay *rp, struct object *o, bool birth)
{
	account_alloc(&rp->acc, o, occupied(rp, o), nid_of(o->addr), birth);
	replay_note_peak(rp);
	if (unlikely(is_movable(rp, o)))
		movable_born(rp, o);
}

/* reclaim: a constant, so that who has nothing to reclaim does not even look. */
static __always_inline void serve(struct replay *rp, const struct request *r, struct object *o,
				  bool reclaim)
{
	u64 entered_ns = machine_enter(rp->m, r->cpu, r->t_ns), ns;
	bool birth = r->flags & REQ_F_BIRTH;
	void *addr;

	kernel->site = r->site;
	addr = reclaim ? allocate_or_reclaim(rp, r, o) : allocate(rp, r, o);
	o->addr = addr;
	o->cpu = r->cpu;
	o->missing = !addr;
	o->guessed = birth;
	o->pinned = (r->flags & REQ_F_PINNED) != 0;
	if (unlikely(!addr)) {
		replay_refused(rp, r);
	} else {
		o->row = account_row(&rp->acc, r->site, o->name);
		born(rp, o, birth);
	}
	if (unlikely(r->kind == REQ_PAGE_ALLOC && r->order == pageblock_order))
		count_huge_fault(r, addr);
	if (reclaim)
		reclaim_asked(rp, r, o);
	ns = machine_leave(rp->m, entered_ns);
	o->born_ns = kernel->clock_ns;
	rp->digest = digest_u64(rp->digest, (addr ? virt_to_phys(addr) : ~0ULL) ^
						    (kernel->clock_ns << 20) ^ r->object);
	if (!birth)
		account_latency(&rp->acc, alloc_op(r), kernel->path, ns);
}

static __attribute__((noinline)) void serve_reclaimable(struct replay *rp, const struct request *r,
							struct object *o)
{
	serve(rp, r, o, true);
}

void serve_alloc(struct replay *rp, const struct request *r, struct object *o)
{
	if (unlikely(rp->reclaim))
		serve_reclaimable(rp, r, o);
	else
		serve(rp, r, o, false);
}

static inline unsigned int give_back(struct replay *rp, struct object *o)
{
	switch (o->kind) {
	case REQ_KMALLOC:
		kfree(&rp->km, o->addr);
		return OP_KFREE;
	case REQ_CACHE_ALLOC:
		slab_state_check("kmem_cache_free");
		slab_free(rp->acc.names[o->name].cache, o->addr);
		return OP_CACHE_FREE;
	default:
		page_free(rp->stack.pages, virt_to_page(o->addr), o->order);
		return OP_PAGE_FREE + o->order;
	}
}

unsigned int serve_give_back(struct replay *rp, struct object *o)
{
	return give_back(rp, o);
}

void serve_free(struct replay *rp, const struct request *r, struct object *o)
{
	u64 entered_ns, ns;
	unsigned int op;

	entered_ns = machine_enter(rp->m, r->cpu, r->t_ns);
	kernel->site = r->site;
	if (unlikely(o->born_ns > entered_ns)) /* clocks disagree: wait for its birth */
		entered_ns = kernel->clock_ns = o->born_ns;
	if (unlikely(is_movable(rp, o)))
		movable_check(rp, o);
	account_freed(&rp->acc, o, occupied(rp, o), r->cpu, r->flags);
	op = give_back(rp, o);
	ns = machine_leave(rp->m, entered_ns);
	rp->digest = digest_u64(rp->digest, (virt_to_phys(o->addr) << 1) ^
						    (kernel->clock_ns << 20) ^ r->object);
	o->addr = NULL;
	if (unlikely(r->flags & REQ_F_BIRTH))
		return;
	account_latency(&rp->acc, op, kernel->path, ns);
}

/* ---- Reclaim ---- */

/* Neither is a request of the load's, so neither is counted as one. */

void serve_evict(struct replay *rp, struct object *o)
{
	if (unlikely(is_movable(rp, o)))
		movable_check(rp, o);
	account_freed(&rp->acc, o, occupied(rp, o), o->cpu, REQ_F_BIRTH);
	serve_give_back(rp, o);
	rp->digest =
		digest_u64(rp->digest, (virt_to_phys(o->addr) << 2) ^ (kernel->clock_ns << 20) ^
					       (u64)(o - rp->acc.objects));
	o->addr = NULL;
	o->evicted = true;
}

static void *allocate_again(struct replay *rp, struct object *o, gfp_t gfp, int node)
{
	struct page *page;

	if (o->kind == REQ_CACHE_ALLOC) {
		struct slab_cache *cache = rp->acc.names[o->name].cache;

		slab_state_check("kmem_cache_alloc");
		return node < 0 ? slab_alloc(cache, gfp) : slab_alloc_node(cache, gfp, node);
	}
	page = page_alloc(rp->stack.pages, o->order, gfp, node);
	if (!page)
		return NULL;
	page_holder_set(page, (u64)(o - rp->acc.objects), may_move(o->order, gfp));
	return page_name(page);
}

bool serve_refault(struct replay *rp, struct object *o, gfp_t gfp, int node)
{
	void *addr;

	kernel->site = rp->acc.rows[o->row].site;
	addr = allocate_again(rp, o, gfp, node);
	rp->digest = digest_u64(rp->digest, (addr ? virt_to_phys(addr) : ~0ULL) ^
						    (kernel->clock_ns << 20) ^
						    (u64)(o - rp->acc.objects));
	if (!addr) {
		note_path(PATH_REFUSED);
		return false;
	}
	o->addr = addr;
	o->evicted = false;
	born(rp, o, true);
	o->born_ns = kernel->clock_ns;
	return true;
}
