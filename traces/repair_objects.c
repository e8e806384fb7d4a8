/*
 * The repair: slab objects.
 */
#include <string.h>

#include "lib/gcd.h"
#include "lib/mem.h"
#include "traces/gfp.h"
#include "traces/repair.h"

#define CACHE_UNKNOWN UINT32_MAX

static u32 object_new(struct repair *r)
{
	u32 i = r->free_object;

	if (i) {
		r->free_object = r->objects[i - 1].next;
		return i - 1;
	}
	MEM_ROOM(r->objects, r->nr_objects, r->objects_max);
	return r->nr_objects++;
}

static void object_link(struct repair *r, struct frame *f, u32 i)
{
	struct traced_object *o = &r->objects[i];

	o->prev = 0;
	o->next = f->objects;
	if (f->objects)
		r->objects[f->objects - 1].prev = i + 1;
	f->objects = i + 1;
}

/* A known cache of a page is news to its objects that have none yet. */
static void name_objects(struct repair *r, const struct frame *f, u32 cache)
{
	for (u32 i = f->objects; i; i = r->objects[i - 1].next) {
		struct traced_object *o = &r->objects[i - 1];

		if ((o->cache & SPOOL_CACHE_HOW) == SPOOL_CACHE_ID)
			continue;
		if ((o->cache & SPOOL_CACHE_HOW) == SPOOL_CACHE_TYPE)
			naming_learn_type(&r->naming, o->cache & ~SPOOL_CACHE_HOW, cache);
		o->cache = cache;
		if (o->slot & SLOT_LATE)
			r->spool.late[o->slot & ~SLOT_LATE].rec.cache = cache;
		else if (o->slot != SLOT_NONE && o->written != cache)
			spool_set_cache(&r->spool, o->pos, cache);
		o->written = cache;
	}
}

static void learn_cache(struct repair *r, struct frame *f, u32 cache)
{
	if (cache == CACHE_UNKNOWN || f->cache == cache)
		return;
	f->cache = (u16)cache;
	if (f->state == FRAME_HEAD && f->gfp & __GFP_RECLAIMABLE)
		r->naming.caches[cache].reclaimable = true;
	name_objects(r, f, cache);
}

/* Ends a live object: its request's free. */
static void object_end(struct repair *r, struct traced_object *o, const struct raw_event *ev,
		       u8 flags)
{
	struct spool_record rec =
		repair_record(r, ev, o->kind == REQ_KMALLOC ? REQ_KFREE : REQ_CACHE_FREE, o->slot);

	rec.flags = flags;
	if (flags & REQ_F_REPAIR)
		rec.site = 0;
	o->live = false;
	if (o->slot != SLOT_NONE)
		spool_add(&r->spool, &rec);
	o->freed = r->spool.nr;
	repair_free_slot(r, o->slot);
}

void repair_kill_objects(struct repair *r, struct frame *f, const struct raw_event *ev)
{
	u32 next;

	for (u32 i = f->objects; i; i = next) {
		struct traced_object *o = &r->objects[i - 1];

		if (o->live) {
			r->stats.slab_page_frees += o->slot != SLOT_NONE;
			silent_implied(&r->silent, o->site, 0);
			object_end(r, o, ev, REQ_F_REPAIR);
		}
		repair_state_gone(r, o);
		map_remove(&r->by_ptr, o->ptr);
		next = o->next;
		o->next = r->free_object;
		r->free_object = i;
	}
	f->objects = 0;
	f->cache = FRAME_CACHE_UNKNOWN;
}

/* The cache that the event itself tells. */
static u32 told_cache(struct repair *r, const struct raw_event *ev)
{
	if (ev->name)
		return ev->name - 1;
	if (ev->type == RAW_KMALLOC)
		return naming_kmalloc_cache(&r->naming, ev->alloc, ev->gfp);
	return CACHE_UNKNOWN;
}

static bool owned_by_store(struct repair *r, const struct raw_event *ev)
{
	const struct task *t = r->nr_tasks ? repair_task(r, ev) : NULL;

	return t && t->in_store;
}

static void spool_alloc(struct repair *r, const struct raw_event *ev, struct traced_object *o)
{
	struct spool_record rec = repair_record(r, ev, o->kind, SLOT_NONE);

	o->slot = SLOT_NONE;
	o->site = ev->site;
	o->born_ns = r->now_ns;
	if (owned_by_store(r, ev)) {
		r->stats.store_objects++;
		return;
	}
	rec.slot = o->slot = repair_new_slot(r);
	rec.size = ev->size;
	rec.gfp = ev->gfp;
	rec.node = ev->node;
	rec.cache = o->written = naming_guess(&r->naming, o->cache);
	o->pos = spool_add(&r->spool, &rec);
}

/* Seen for the first time since its page was made: it gets an entry in the page's list. */
static struct traced_object *object_at(struct repair *r, const struct raw_event *ev,
				       struct frame *f, bool *seen)
{
	u32 *at = map_put(&r->by_ptr, ev->ptr, UINT32_MAX);
	u32 i = *at;

	*seen = i != UINT32_MAX;
	if (*seen)
		return &r->objects[i];
	i = *at = object_new(r);
	r->objects[i] = (struct traced_object){.ptr = ev->ptr, .slot = SLOT_NONE};
	object_link(r, f, i);
	return &r->objects[i];
}

static void add_object(struct repair *r, const struct raw_event *ev, struct frame *f)
{
	u32 cache = told_cache(r, ev);
	bool seen;
	struct traced_object *o = object_at(r, ev, f, &seen);

	if (!seen && f->state == FRAME_UNSEEN)
		r->stats.known_free_slots++;
	if (!seen)
		repair_state_alloc(r, f, o);
	if (o->live) {
		r->stats.reappeared++;
		silent_implied(&r->silent, o->site, r->now_ns - o->born_ns);
		object_end(r, o, ev, REQ_F_REPAIR);
	}
	if (cache == CACHE_UNKNOWN && f->cache != FRAME_CACHE_UNKNOWN)
		o->cache = f->cache;
	else if (cache == CACHE_UNKNOWN)
		o->cache =
			SPOOL_CACHE_TYPE | naming_type(&r->naming, ev->site, ev->size, ev->alloc);
	else
		o->cache = cache;
	o->kind = ev->type == RAW_KMALLOC ? REQ_KMALLOC : REQ_CACHE_ALLOC;
	o->live = true;
	spool_alloc(r, ev, o);
	learn_cache(r, f, cache);
}

static int check_ptr(const struct repair *r, const struct raw_event *ev, struct err *e)
{
	if (ev->ptr & 7 || repair_pfn(r, ev->ptr) >= FRAME_PFN_MAX)
		return err_set(e,
			       "object address 0x%llx is not in the direct map at 0x%llx: hashed "
			       "pointers, or damaged",
			       (unsigned long long)ev->ptr, (unsigned long long)r->base);
	return 0;
}

int repair_object_alloc(struct repair *r, const struct raw_event *ev, struct err *e)
{
	struct frame *f;

	if (!ev->ptr) {
		r->stats.failed_allocs++;
		return 0;
	}
	if (check_ptr(r, ev, e))
		return -1;
	f = repair_holder(r, repair_pfn(r, ev->ptr));
	if (ev->type == RAW_KMALLOC && ev->alloc > KMALLOC_CACHE_BYTES_MAX) {
		r->stats.large_kmallocs++;
		f->flags |= FRAME_F_LARGE;
		return 0;
	}
	repair_is_slab(r, f);
	add_object(r, ev, f);
	return 0;
}

/* A kfree of nothing we know: is it the start of a block, allocated by kmalloc as pages? */
static bool frees_large(const struct repair *r, const struct raw_event *ev, const struct frame *f)
{
	if (ev->type != RAW_KFREE || f->state != FRAME_HEAD || f->flags & FRAME_F_SLAB)
		return false;
	if (f->flags & FRAME_F_LARGE)
		return true;
	return f->order >= 2 && (ev->ptr - r->base) % (4096ULL << f->order) == 0;
}

static u32 freed_cache(const struct raw_event *ev, const struct frame *f)
{
	if (ev->name)
		return ev->name - 1;
	if (f->cache != FRAME_CACHE_UNKNOWN)
		return f->cache;
	return SPOOL_CACHE_SITE | ev->site;
}

/* Distances between objects of a page are multiples of the cache's size. */
static void learn_spacing(struct repair *r, const struct traced_object *o)
{
	u32 cache = o->cache, other = o->next;
	u64 a;

	if ((cache & SPOOL_CACHE_HOW) != SPOOL_CACHE_ID || !other)
		return;
	a = o->ptr > r->objects[other - 1].ptr ? o->ptr - r->objects[other - 1].ptr
					       : r->objects[other - 1].ptr - o->ptr;
	r->naming.caches[cache].spacing = (u32)gcd(a, r->naming.caches[cache].spacing);
}

/*
 * An object that nobody allocated. Older than the trace if its page is and its address is new; else
 * it came in bulk, without an event, some time after what is known of it last: the page's birth, or
 * the free of the object that was there before. Slots are reused soon (the freelist is a stack):
 * right after that.
 */
static void add_birth(struct repair *r, const struct raw_event *ev, struct frame *f,
		      struct traced_object *o, bool seen)
{
	struct spool_record rec = repair_record(r, ev, REQ_CACHE_ALLOC, 0);
	bool old = f->state == FRAME_UNSEEN && !seen;
	u32 pos = seen ? o->freed : old ? 0 : f->pos;

	o->site = 0;
	o->cache = freed_cache(ev, f);
	o->kind = ev->type == RAW_KFREE ? REQ_KMALLOC : REQ_CACHE_ALLOC;
	rec.kind = o->kind;
	rec.cache = o->cache;
	rec.site = 0;
	rec.gfp = GFP_KERNEL;
	rec.flags = old ? REQ_F_BIRTH : REQ_F_REPAIR;
	o->slot = SLOT_LATE | spool_add_late(&r->spool, &rec, pos, ev->ptr);
	r->stats.orphan_frees++;
	if (old)
		r->stats.orphan_births++;
	else
		r->stats.bulk_births++;
	repair_state_birth(r, f, o, pos);
	learn_spacing(r, o);
}

/* The store's own objects, older than the trace. */
static bool is_store_own(const struct repair *r, const struct raw_event *ev)
{
	const char *name;

	if (!r->store_recorded || !ev->name)
		return false;
	name = r->naming.names.text[ev->name - 1];
	return !strcmp(name, "zs_handle") || !strcmp(name, "zspage");
}

/* The object's free tells its cache: a word to its type, its site and its page. */
static void learn_free(struct repair *r, const struct raw_event *ev, struct frame *f,
		       struct traced_object *o)
{
	u32 cache = ev->name ? ev->name - 1 : CACHE_UNKNOWN;

	if (cache != CACHE_UNKNOWN)
		learn_cache(r, f, cache);
	else if ((o->cache & SPOOL_CACHE_HOW) == SPOOL_CACHE_ID)
		naming_learn_site(&r->naming, ev->site, o->cache);
}

int repair_object_free(struct repair *r, const struct raw_event *ev, struct err *e)
{
	struct frame *f;
	struct traced_object *o;
	bool seen;

	if (!ev->ptr) {
		r->stats.null_frees++;
		return 0;
	}
	if (check_ptr(r, ev, e))
		return -1;
	f = repair_holder(r, repair_pfn(r, ev->ptr));
	if (frees_large(r, ev, f))
		return 0;
	repair_is_slab(r, f);
	o = object_at(r, ev, f, &seen);
	if (!o->live) {
		if (is_store_own(r, ev)) {
			r->stats.store_objects++;
			o->slot = SLOT_NONE;
		} else {
			add_birth(r, ev, f, o, seen);
		}
	}
	learn_free(r, ev, f, o);
	silent_told(&r->silent, o->site);
	object_end(r, o, ev, 0);
	return 0;
}
