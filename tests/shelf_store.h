/*
 * shelf: the plainest store that moves objects, for tests of what stands on a store; and one that
 * misbehaves, now and then: the oracle must find it. For one test, which includes it and so
 * registers it.
 *
 * A page has four places of 1 KiB; a handle is the address of a descriptor that names the place.
 */
#ifndef TESTS_SHELF_STORE_H
#define TESTS_SHELF_STORE_H

#include <string.h>

#include "alloc/layer.h"
#include "alloc/store_alloc.h"

#define PLACES 4U
#define PLACE_BYTES (PAGE_SIZE / PLACES)
#define ALL_TAKEN ((1U << PLACES) - 1)

enum misdeed { NONE, TWICE, SCRIBBLE, ASTRAY, LOSE, FORGET, KEEP, MISREAD, STALE, REFUSE };
static const char *const misdeeds[] = {"none", "twice",	  "scribble", "astray", "lose", "forget",
				       "keep", "misread", "stale",    "refuse", NULL};

struct shelf_options {
	u64 misdeed;
};

struct shelf_object {
	struct list_head list;
	void *at; /* NULL: free */
	u64 size;
};

struct shelf_store {
	struct store s;
	struct list_head pages; /* store_private: places taken */
	struct list_head objects;
	u64 nr_objects, bytes, misdeed, seen;
	struct page *kept; /* by a misdeed */
	struct shelf_object *last;
};

static struct shelf_store *to_shelf(const struct store *self)
{
	return container_of((struct store *)(unsigned long)self, struct shelf_store, s);
}

static struct shelf_object *shelf_find(const struct store *self, unsigned long handle, size_t size)
{
	struct shelf_object *o = (struct shelf_object *)handle;

	return store_cache_holds(self->caches[0], handle) && o->at && o->size == size ? o : NULL;
}

static void *take_place(struct page *page)
{
	unsigned long place = 0;

	while (page->store_private >> place & 1)
		place++;
	page->store_private |= 1UL << place;
	return (char *)page_address(page) + place * PLACE_BYTES;
}

/* True: the page is empty now, and gone. */
static bool leave_place(struct shelf_store *sh, void *at)
{
	struct page *page = virt_to_page(at);

	page->store_private &= ~(1UL << virt_to_phys(at) % PAGE_SIZE / PLACE_BYTES);
	if (page->store_private)
		return false;
	list_del(&page->lru);
	store_page_free(&sh->s, page);
	return true;
}

static struct page *page_with_room(struct shelf_store *sh, const struct page *but)
{
	struct page *page;

	list_for_each_entry (page, &sh->pages, lru)
		if (page->store_private != ALL_TAKEN && page != but)
			return page;
	return NULL;
}

static bool misbehaves(struct shelf_store *sh, enum misdeed misdeed)
{
	return sh->misdeed == misdeed && ++sh->seen % 100 == 0 && sh->last;
}

static unsigned long shelf_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct shelf_store *sh = to_shelf(self);
	struct shelf_object *o = store_cache_alloc(self->caches[0], flags);
	struct page *page = o ? page_with_room(sh, NULL) : NULL;

	if (!o)
		return 0;
	if (!page) {
		page = store_page_alloc(self, flags);
		if (!page) {
			kmem_cache_free(self->caches[0], o);
			return 0;
		}
		list_add(&page->lru, &sh->pages);
	}
	*o = (struct shelf_object){.at = take_place(page), .size = size};
	list_add(&o->list, &sh->objects);
	sh->nr_objects++;
	sh->bytes += size;
	if (misbehaves(sh, SCRIBBLE))
		*(u8 *)sh->last->at ^= 1;
	sh->last = o;
	return (unsigned long)o;
}

static bool shelf_free(struct store *self, unsigned long handle, size_t size)
{
	struct shelf_store *sh = to_shelf(self);
	struct shelf_object *o = shelf_find(self, handle, size);

	if (!o || misbehaves(sh, REFUSE))
		return store_bad(self, "invalid_pointer", "free", handle);
	if (sh->last == o)
		sh->last = NULL;
	leave_place(sh, o->at);
	o->at = NULL;
	list_del(&o->list);
	kmem_cache_free(self->caches[0], o);
	sh->nr_objects--;
	sh->bytes -= size;
	if (misbehaves(sh, KEEP) && !sh->kept)
		sh->kept = page_alloc(self->env.pages, 0, GFP_KERNEL, NUMA_NO_NODE);
	return true;
}

static int shelf_map(const struct store *self, unsigned long handle, size_t size,
		     struct store_span spans[STORE_SPANS_MAX])
{
	struct shelf_store *sh = to_shelf(self);
	const struct shelf_object *o = shelf_find(self, handle, size);

	if (!o)
		return 0;
	spans[0] = (struct store_span){o->at, PLACE_BYTES};
	if (sh->misdeed == TWICE && sh->last && o != sh->last && sh->nr_objects % 50 == 0)
		spans[0].addr = sh->last->at;
	if (sh->misdeed == ASTRAY && sh->nr_objects % 50 == 0)
		spans[0].addr = (char *)o->at + PAGE_SIZE;
	return 1;
}

/* One bit is wrong in what is handed out; what lies there is right. */
static bool shelf_read(struct store *self, unsigned long handle, void *buf, size_t size)
{
	bool found = store_read_spans(self, handle, buf, size);

	if (found && misbehaves(to_shelf(self), MISREAD))
		((u8 *)buf)[size - 1] ^= 1;
	return found;
}

/* What lies in a place already stays there. */
static bool shelf_write(struct store *self, unsigned long handle, const void *buf, size_t size)
{
	const struct shelf_object *o = shelf_find(self, handle, size);

	if (o && to_shelf(self)->misdeed == STALE && *(u8 *)o->at)
		return true;
	return store_write_spans(self, handle, buf, size);
}

static struct shelf_object *lies_in(struct shelf_store *sh, const struct page *page)
{
	struct shelf_object *o;

	list_for_each_entry (o, &sh->objects, list)
		if (virt_to_page(o->at) == page)
			return o;
	return NULL;
}

/* The first page that is not full is emptied into others. */
static void shelf_compact(struct store *self, struct store_compact *c)
{
	struct shelf_store *sh = to_shelf(self);
	struct page *from = page_with_room(sh, NULL), *to;

	while (from && (to = page_with_room(sh, from))) {
		struct shelf_object *o = lies_in(sh, from);
		void *at;

		if (c->moved_bytes >= c->bytes_max || c->freed_pages >= c->goal_pages) {
			c->more = c->freed_pages < c->goal_pages;
			return;
		}
		at = take_place(to);
		memcpy(at, o->at, o->size - (sh->misdeed == FORGET));
		charge_bytes(o->size);
		c->moved_blocks++;
		c->moved_bytes += o->size;
		if (leave_place(sh, o->at)) {
			c->freed_pages++;
			from = NULL;
		}
		o->at = at;
		if (sh->misdeed == LOSE) {
			leave_place(sh, at);
			o->at = NULL;
			return;
		}
		from = from ? from : page_with_room(sh, NULL);
	}
}

static void shelf_stats(const struct store *self, struct store_stats *s)
{
	const struct shelf_store *sh = to_shelf(self);

	s->blocks = sh->nr_objects;
	s->block_bytes = sh->nr_objects * PLACE_BYTES;
	s->free_bytes = (self->nr_pages << PAGE_SHIFT) - s->block_bytes;
	s->freeable_pages = s->free_bytes >> PAGE_SHIFT;
	store_cache_stats(self->caches[0], sh->nr_objects, s);
}

static void shelf_check(const struct store *self)
{
	const struct shelf_store *sh = to_shelf(self);
	const struct page *page;
	u64 taken = 0, pages = 0;

	list_for_each_entry (page, &sh->pages, lru) {
		ASSERT(page->store_private && page->store_private <= ALL_TAKEN);
		taken += (u64)__builtin_popcountl(page->store_private);
		pages++;
	}
	ASSERT(taken == sh->nr_objects && pages == self->nr_pages);
}

static void shelf_destructor(struct store *self)
{
	struct shelf_store *sh = to_shelf(self);

	store_report_leak(self, sh->nr_objects);
	while (!list_empty(&sh->objects)) {
		struct shelf_object *o = list_first_entry(&sh->objects, struct shelf_object, list);

		if (o->at)
			leave_place(sh, o->at);
		list_del(&o->list);
		kmem_cache_free(self->caches[0], o);
	}
	store_release(self);
}

static struct allocator_desc shelf_desc;

static struct store *shelf_create(struct store *base, const struct store_env *env,
				  const void *options, struct err *e)
{
	struct shelf_store *sh = instance_alloc(sizeof(*sh));

	derive_store(&sh->s, base, env, &shelf_desc);
	sh->misdeed = ((const struct shelf_options *)options)->misdeed;
	INIT_LIST_HEAD(&sh->pages);
	INIT_LIST_HEAD(&sh->objects);
	sh->s.malloc = shelf_malloc;
	sh->s.free = shelf_free;
	sh->s.read = shelf_read;
	sh->s.write = shelf_write;
	sh->s.map = shelf_map;
	sh->s.compact = shelf_compact;
	sh->s.stats = shelf_stats;
	sh->s.check = shelf_check;
	sh->s.destructor = shelf_destructor;
	sh->s.size_max = PLACE_BYTES;
	if (store_cache_create(&sh->s, "store_shelf", sizeof(struct shelf_object), e))
		return &sh->s;
	store_release(&sh->s);
	return NULL;
}

static const struct opt_desc shelf_opts[] = {
	OPT_ENUM("misdeed", struct shelf_options, misdeed, "none", misdeeds, "what it does"),
	OPT_END,
};

static struct allocator_desc shelf_desc = {
	.name = "shelf",
	.kind = ALLOC_STORE,
	.role = ROLE_SOURCE,
	.summary = "four places in each page",
	.options = shelf_opts,
	.options_size = sizeof(struct shelf_options),
	.create_store = shelf_create,
};
ALLOCATOR(shelf_desc)

#endif
