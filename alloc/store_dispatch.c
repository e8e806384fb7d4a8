/*
 * The dispatcher in front of stores, and the toolkit for deriving them.
 *
 * Theory: as for pages (page_dispatch.c). A method gets its own store, and handles of its own. What
 * makes no sense for any store (no bytes, too many) is refused before a method sees it; what a
 * handle is only its store knows, and a handle that is none is refused there, with a report.
 *
 * Invariant: layer->live_objs is what came out through this layer and has not come back; bytes are
 * those that were asked for. Each page for contents names its store.
 *
 * Unlike Linux: zpool hands out the address of an object (map, unmap); here contents are copied in
 * and out, so that an object may lie in pieces.
 */
#include "alloc/store_alloc.h"

#include <string.h>

#include "alloc/layer.h"

unsigned long store_malloc(struct store *s, size_t size, gfp_t flags)
{
	struct layer_span span;
	unsigned long handle;

	if (unlikely(!size || size > s->size_max)) {
		report_event("refused", "%s: an object of %zu bytes: 1 to %zu are possible",
			     s->name, size, s->size_max);
		s->layer->nr_failed++;
		return 0;
	}
	if (layer_injects(s->layer))
		return 0;
	span = layer_enter(s->layer);
	charge(COST_INDIRECT_CALL);
	handle = s->malloc(s, size, flags);
	layer_leave(s->layer, span);
	if (unlikely(!handle)) {
		s->layer->nr_failed++;
		return 0;
	}
	ASSERT(virt_addr_valid((const void *)handle));
	layer_allocated(s->layer, size);
	return handle;
}

bool store_free(struct store *s, unsigned long handle, size_t size)
{
	struct layer_span span = layer_enter(s->layer);
	bool taken;

	charge(COST_INDIRECT_CALL);
	taken = s->free(s, handle, size);
	if (likely(taken))
		layer_freed(s->layer, size);
	layer_leave(s->layer, span);
	return taken;
}

bool store_write(struct store *s, unsigned long handle, const void *buf, size_t size)
{
	struct layer_span span = layer_enter(s->layer);
	bool done;

	charge(COST_INDIRECT_CALL);
	done = s->write(s, handle, buf, size);
	layer_leave(s->layer, span);
	return done;
}

bool store_read(struct store *s, unsigned long handle, void *buf, size_t size)
{
	struct layer_span span = layer_enter(s->layer);
	bool done;

	charge(COST_INDIRECT_CALL);
	done = s->read(s, handle, buf, size);
	layer_leave(s->layer, span);
	return done;
}

void store_compact(struct store *s, struct store_compact *c)
{
	struct layer_span span = layer_enter(s->layer);
	u64 entered_ns = kernel->clock_ns;

	c->freed_pages = c->moved_blocks = c->moved_bytes = 0;
	c->more = false;
	s->compact(s, c);
	s->compacted.runs++;
	s->compacted.freed_pages += c->freed_pages;
	s->compacted.moved_blocks += c->moved_blocks;
	s->compacted.moved_bytes += c->moved_bytes;
	s->compacted.ns += kernel->clock_ns - entered_ns;
	layer_leave(s->layer, span);
}

void store_stats(const struct store *s, struct store_stats *stats)
{
	*stats = (struct store_stats){0};
	for (; s; s = s->base) {
		stats->pages += s->nr_pages;
		stats->nr_searches += s->nr_searches;
		stats->nr_search_steps += s->nr_search_steps;
		stats->nr_bad += s->nr_bad;
		s->stats(s, stats);
	}
	ASSERT(stats->reserve_pages <= stats->pages);
}

void store_check(const struct store *s)
{
	for (; s; s = s->base)
		s->check(s);
}

/* ---- Forwarders ---- */

static unsigned long forward_malloc(struct store *self, size_t size, gfp_t flags)
{
	return store_malloc(self->base, size, flags);
}

static bool forward_free(struct store *self, unsigned long handle, size_t size)
{
	return store_free(self->base, handle, size);
}

static bool forward_write(struct store *self, unsigned long handle, const void *buf, size_t size)
{
	return store_write(self->base, handle, buf, size);
}

static bool forward_read(struct store *self, unsigned long handle, void *buf, size_t size)
{
	return store_read(self->base, handle, buf, size);
}

static int forward_map(const struct store *self, unsigned long handle, size_t size,
		       struct store_span spans[STORE_SPANS_MAX])
{
	return store_map(self->base, handle, size, spans);
}

static void forward_compact(struct store *self, struct store_compact *c)
{
	store_compact(self->base, c);
}

static void nothing_moves(struct store *self, struct store_compact *c)
{
	(void)self, (void)c;
}

static void nothing_to_add(const struct store *self, struct store_stats *s)
{
	(void)self, (void)s;
}

static unsigned int forward_classes(const struct store *self, struct store_class *classes,
				    unsigned int n)
{
	return store_classes(self->base, classes, n);
}

static unsigned int no_classes(const struct store *self, struct store_class *classes,
			       unsigned int n)
{
	(void)self, (void)classes, (void)n;
	return 0;
}

static void nothing_kept(const struct store *self)
{
	(void)self;
}

void derive_store(struct store *self, struct store *base, const struct store_env *env,
		  const struct allocator_desc *desc)
{
	*self = (struct store){
		.malloc = base ? forward_malloc : NULL,
		.free = base ? forward_free : NULL,
		.write = base ? forward_write : store_write_spans,
		.read = base ? forward_read : store_read_spans,
		.map = base ? forward_map : NULL,
		.compact = base ? forward_compact : nothing_moves,
		.stats = base ? nothing_to_add : NULL,
		.classes = base ? forward_classes : no_classes,
		.check = nothing_kept,
		.destructor = store_release,
		.name = derived_name(desc->name, base ? base->name : NULL),
		.desc = desc,
		.base = base,
		.env = *env,
		.size_max = base ? base->size_max : 0,
		.refs = 1,
		.keeps_nothing = base ? base->keeps_nothing : desc->keeps_nothing,
		.defers_free = base && base->defers_free,
		.layer = instance_alloc(sizeof(struct layer)),
	};
}

void store_release(struct store *self)
{
	struct store *base = self->base;

	ASSERT(!self->nr_pages);
	for (unsigned int i = 0; i < self->nr_caches; i++)
		kmem_cache_destroy(self->caches[i]);
	instance_free((void *)self->name);
	instance_free(self->layer);
	instance_free(self);
	store_put(base);
}

struct store *store_get(struct store *s)
{
	s->refs++;
	return s;
}

void store_put(struct store *s)
{
	if (!s)
		return;
	ASSERT(s->refs > 0);
	if (!--s->refs)
		s->destructor(s);
}

struct store *store_source(const struct store *s)
{
	while (s->base)
		s = s->base;
	return (struct store *)(unsigned long)s;
}

bool store_moves(const struct store *s)
{
	return store_source(s)->compact != nothing_moves;
}

bool store_chain_has(const struct store *s, const struct allocator_desc *desc)
{
	while (s && s->desc != desc)
		s = s->base;
	return s;
}

/* ---- Contents ---- */

void store_spans_write(const struct store_span *spans, int n, const void *buf, size_t size)
{
	for (int i = 0; size; i++) {
		size_t len;

		ASSERT(i < n);
		len = min(size, (size_t)spans[i].len);
		memcpy(spans[i].addr, buf, len);
		buf = (const char *)buf + len;
		size -= len;
	}
}

void store_spans_read(const struct store_span *spans, int n, void *buf, size_t size)
{
	for (int i = 0; size; i++) {
		size_t len;

		ASSERT(i < n);
		len = min(size, (size_t)spans[i].len);
		memcpy(buf, spans[i].addr, len);
		buf = (char *)buf + len;
		size -= len;
	}
}

bool store_write_spans(struct store *self, unsigned long handle, const void *buf, size_t size)
{
	struct store_span spans[STORE_SPANS_MAX];
	int n = self->map(self, handle, size, spans);

	if (unlikely(!n))
		return store_bad(self, "invalid_pointer", "write", handle);
	charge_bytes(size);
	store_spans_write(spans, n, buf, size);
	return true;
}

bool store_read_spans(struct store *self, unsigned long handle, void *buf, size_t size)
{
	struct store_span spans[STORE_SPANS_MAX];
	int n = self->map(self, handle, size, spans);

	if (unlikely(!n))
		return store_bad(self, "invalid_pointer", "read", handle);
	charge_bytes(size);
	store_spans_read(spans, n, buf, size);
	return true;
}

bool store_bad(struct store *self, const char *kind, const char *call, unsigned long handle)
{
	self->nr_bad++;
	report_event(kind, "%s: %s of handle 0x%llx, which names no live object", self->name, call,
		     handle_name(handle));
	return false;
}

void store_report_leak(const struct store *self, u64 nr_live)
{
	if (nr_live)
		report_event("leak", "%s: %llu objects still in use", self->name,
			     (unsigned long long)nr_live);
}

/* ---- Pages and descriptors ---- */

static void forget_notes(struct page *page)
{
	page->store_private = 0;
	page->store_used = 0;
	page->store_blocks = 0;
	page->store_given_up = 0;
	page->store_nr = 0;
}

struct page *store_page_alloc(struct store *self, gfp_t flags)
{
	struct page *page = page_alloc(self->env.pages, 0, flags, NUMA_NO_NODE);

	if (!page)
		return NULL;
	page->flags |= PG_store;
	page->mapping = self;
	forget_notes(page);
	self->nr_pages++;
	return page;
}

void store_page_free(struct store *self, struct page *page)
{
	ASSERT(page->flags & PG_store && page->mapping == self);
	page->flags &= ~PG_store;
	page->mapping = NULL;
	forget_notes(page);
	self->nr_pages--;
	page_free(self->env.pages, page, 0);
}

struct kmem_cache *store_cache_create(struct store *self, const char *name, unsigned int size,
				      struct err *e)
{
	struct kmem_cache *k = kmem_cache_create(self->env.slabs, name, size, 0, 0, NULL, NULL);

	ASSERT(self->nr_caches < STORE_CACHES_MAX);
	if (!k) {
		err_set(e, "its cache '%s' of objects of %u bytes: %s", name, size,
			*self->env.slabs->why.msg ? self->env.slabs->why.msg : "no memory");
		return NULL;
	}
	self->caches[self->nr_caches++] = k;
	return k;
}

void *store_cache_alloc(struct kmem_cache *k, gfp_t flags)
{
	return kmem_cache_alloc(k, store_gfp_slab(flags));
}

bool store_cache_holds(const struct kmem_cache *k, unsigned long addr)
{
	const void *object = (const void *)addr;
	struct page *page;
	struct slab_cache *cache;

	if (!virt_addr_valid(object))
		return false;
	page = virt_to_head_page(object);
	cache = page->flags & PG_slab ? slab_cache_of(page, object) : NULL;
	return cache && cache->top == k->cache && slab_valid_pointer(k->cache, object) &&
	       slab_in_use(k->cache, object);
}

void store_cache_stats(struct kmem_cache *k, u64 nr_objects, struct store_stats *stats)
{
	struct slab_counts counts = {0};
	u64 per_page = max(PAGE_SIZE / k->cache->size, 1UL);

	slab_cache_counts(k->cache, &counts);
	stats->descriptors += nr_objects;
	stats->descriptor_bytes += nr_objects * k->cache->size;
	stats->descriptor_pages += DIV_ROUND_UP(nr_objects, per_page);
	stats->slab_pages += counts.total << k->cache->order;
}
