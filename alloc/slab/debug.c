/*
 * debug (debug_slab_allocator): red zones on both sides, poison, and who did it.
 *
 * Theory: an object of the base is larger than the user's and laid out as
 *
 *	[red zone][object][red zone][state][who allocated][who freed][the base's link]
 *
 * Red zones say 0xcc while the object is in use and 0xbb while it is free. A free object is full of
 * 0x6b and ends in 0xa5; so is, but for that end, every page before its first object is made (the
 * caches stand on pages with a constructor). Each allocation checks what the last free left, each
 * free what the last allocation left; on a page that caches share (PG_mixed), where free memory is
 * anybody's, an object comes fresh and only its user's time with it is watched. What is found is
 * reported with the damaged bytes, mended, and the run goes on; a free that cannot be one (double,
 * wrong cache, no object) is left out.
 *
 * Invariant: an object handed out is IN_USE and has whole red zones; one in the base is FREED or
 * FRESH.
 *
 * Unlike Linux (mm/slub.c, SLAB_DEBUG_FLAGS): layout and texts are close to it, but per-CPU slabs
 * stay in use, call sites have no stack, and a damaged free object is handed out once mended.
 */
#include <string.h>

#include "alloc/poison.h"
#include "alloc/slab_alloc.h"
#include "alloc/track.h"

#define FRESH 0x6b6b6b6b6b6b6b6bULL
#define IN_USE 0x657375206e690001ULL
#define FREED 0x64656572660002ULL

#define NOT_FOUND (~0U)

struct trailer {
	u64 state;
	struct track allocated, freed;
	u64 link; /* where the base threads its free list */
};

struct debug_options {
	u64 redzone;
	bool poison, user;
};

struct debug_slab {
	struct slab_allocator sa;
	struct debug_options o;
};

struct debug_cache {
	struct slab_cache c;
	unsigned int left;    /* bytes of the left red zone, a multiple of the alignment */
	unsigned int right;   /* of the right one */
	unsigned int trailer; /* offset from the object; the right red zone ends here */
	bool poison, user;
};
_Static_assert(sizeof(struct debug_cache) <= SLAB_CONTROL_BYTES, "fits the caller's room");

static const struct debug_cache *to_debug(const struct slab_cache *cache)
{
	return container_of(cache, const struct debug_cache, c);
}

static struct trailer *trailer_of(const struct slab_cache *cache, const void *object)
{
	return (struct trailer *)(void *)((char *)(unsigned long)object + to_debug(cache)->trailer);
}

static u8 *base_object(const struct slab_cache *cache, const void *object)
{
	return (u8 *)(unsigned long)object - to_debug(cache)->left;
}

/* ---- Reports ---- */

/* What is wrong with an object of the cache, and who had to do with it. */
static void report(const char *kind, const struct slab_cache *cache, const u8 *object,
		   const char *what, const u8 *from, u64 n, u8 expected)
{
	const struct trailer *t = trailer_of(cache, object);
	bool freed = t->state == FREED;
	char damaged[3 * DUMP_BYTES + 1], contents[3 * DUMP_BYTES + 1];

	report_event(
		kind,
		"BUG %s: %s\n0x%llx-0x%llx @offset=%lld. First byte 0x%x instead of 0x%x\n"
		"Allocated in %s age=%llu cpu=%u\n%s in %s age=%llu cpu=%u\n"
		"Bytes   %s\nObject  0x%llx size %u: %s",
		cache->name, what, (unsigned long long)virt_to_phys(from),
		(unsigned long long)virt_to_phys(from + n - 1), (long long)(from - object), *from,
		expected, site_name(t->allocated.site), track_age(&t->allocated), t->allocated.cpu,
		freed ? "Freed" : "Found", site_name(freed ? t->freed.site : kernel->site),
		freed ? track_age(&t->freed) : 0ULL, freed ? t->freed.cpu : (u32)smp_processor_id(),
		dump_bytes(damaged, from, n), (unsigned long long)virt_to_phys(object),
		cache->objsize, dump_bytes(contents, object, cache->objsize));
}

/* ---- Checks: each mends what it found ---- */

/* First of n bytes that is not `byte`. */
static u64 first_other(const u8 *at, u64 n, u8 byte)
{
	u64 i = 0;

	if (n && at[0] == byte && !memcmp(at, at + 1, n - 1))
		return n;
	while (i < n && at[i] == byte)
		i++;
	return i;
}

static u64 after_last_other(const u8 *at, u64 n, u8 byte)
{
	while (n && at[n - 1] == byte)
		n--;
	return n;
}

static bool check_bytes(const char *kind, struct slab_cache *cache, const u8 *object,
			const char *what, u8 *at, u64 n, u8 byte)
{
	u64 first = first_other(at, n, byte), end;

	charge_bytes(n);
	if (likely(first >= n))
		return true;
	end = after_last_other(at, n, byte);
	report(kind, cache, object, what, at + first, end - first, byte);
	memset(at, byte, n);
	return false;
}

static void check_red_zones(const char *kind, struct slab_cache *cache, u8 *object, u8 byte)
{
	const struct debug_cache *dc = to_debug(cache);

	check_bytes(kind, cache, object, "Left Redzone overwritten", object - dc->left, dc->left,
		    byte);
	check_bytes(kind, cache, object, "Right Redzone overwritten", object + cache->objsize,
		    dc->right, byte);
}

static void set_red_zones(const struct slab_cache *cache, u8 *object, u8 byte)
{
	const struct debug_cache *dc = to_debug(cache);

	charge_bytes(dc->left + dc->right);
	memset(object - dc->left, byte, dc->left);
	memset(object + cache->objsize, byte, dc->right);
}

/* What is free on the object's page may have been any cache's: nobody left it as it is. */
static bool holds_anything(const u8 *object)
{
	return virt_to_head_page(object)->flags & PG_mixed;
}

static void check_free_object(struct slab_cache *cache, u8 *object)
{
	struct trailer *t = trailer_of(cache, object);

	if (holds_anything(object)) {
		*t = (struct trailer){.state = FRESH};
		return;
	}
	if (t->state == FREED) {
		check_red_zones("use_after_free", cache, object, SLUB_RED_INACTIVE);
		if (!to_debug(cache)->poison)
			return;
		check_bytes("use_after_free", cache, object, "Poison overwritten", object,
			    cache->objsize - 1, POISON_FREE);
		check_bytes("use_after_free", cache, object, "Poison overwritten",
			    object + cache->objsize - 1, 1, POISON_END);
		return;
	}
	*t = (struct trailer){.state = FRESH, .link = t->link};
	if (to_debug(cache)->poison)
		check_bytes("poison", cache, object, "Poison overwritten", object, cache->objsize,
			    POISON_FREE);
}

/* ---- Methods ---- */

static void note(const struct slab_cache *cache, struct track *t)
{
	if (to_debug(cache)->user)
		*t = track_now();
}

static void *hand_out(struct slab_cache *cache, u8 *base, gfp_t flags)
{
	u8 *object = base + to_debug(cache)->left;
	struct trailer *t = trailer_of(cache, object);

	charge(COST_CALL);
	if (unlikely(!base))
		return NULL;
	check_free_object(cache, object);
	set_red_zones(cache, object, SLUB_RED_ACTIVE);
	t->state = IN_USE;
	note(cache, &t->allocated);
	if (flags & __GFP_ZERO)
		slab_zero(cache, object);
	return object;
}

static void *debug_alloc(struct slab_cache *cache, gfp_t flags)
{
	return hand_out(cache, slab_alloc(cache->base, flags & ~__GFP_ZERO), flags);
}

static void *debug_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	return hand_out(cache, slab_alloc_node(cache->base, flags & ~__GFP_ZERO, node), flags);
}

static int debug_valid_pointer(struct slab_cache *cache, const void *object)
{
	const u8 *base = base_object(cache, object);

	return virt_addr_valid(base) && slab_valid_pointer(cache->base, base);
}

static int debug_in_use(struct slab_cache *cache, const void *object)
{
	return debug_valid_pointer(cache, object) && trailer_of(cache, object)->state != FREED &&
	       trailer_of(cache, object)->state != FRESH;
}

static u32 debug_alloc_site(struct slab_cache *cache, const void *object)
{
	return trailer_of(cache, object)->allocated.site;
}

/* True, and reported, if this cannot be a free of an object in use. */
static bool is_senseless(struct slab_cache *cache, u8 *object)
{
	struct page *page = virt_addr_valid(object) ? virt_to_head_page(object) : NULL;
	struct trailer *t = trailer_of(cache, object);
	const struct slab_cache *owner =
		page && page->flags & PG_slab ? slab_cache_of(page, object) : NULL;

	if (owner && owner->top != cache->top) {
		report_event("invalid_pointer",
			     "BUG %s: object 0x%llx belongs to cache %s, freed in %s", cache->name,
			     (unsigned long long)virt_to_phys(object), owner->top->name,
			     site_name(kernel->site));
		return true;
	}
	if (!page || !debug_valid_pointer(cache, object)) {
		report_event("invalid_pointer", "BUG %s: 0x%llx is no object, freed in %s",
			     cache->name, (unsigned long long)virt_to_phys(object),
			     site_name(kernel->site));
		return true;
	}
	if (unlikely(t->state == FREED || t->state == FRESH)) {
		report_event("double_free",
			     "BUG %s: Object 0x%llx already free\nAllocated in %s age=%llu cpu=%u\n"
			     "Freed in %s age=%llu cpu=%u\nFreed again in %s cpu=%d",
			     cache->name, (unsigned long long)virt_to_phys(object),
			     site_name(t->allocated.site), track_age(&t->allocated),
			     t->allocated.cpu, site_name(t->freed.site), track_age(&t->freed),
			     t->freed.cpu, site_name(kernel->site), smp_processor_id());
		return true;
	}
	return false;
}

static void debug_free(struct slab_cache *cache, void *ptr)
{
	u8 *object = ptr;
	struct trailer *t = trailer_of(cache, object);

	charge(COST_CALL);
	if (unlikely(is_senseless(cache, object))) {
		slab_free_refused(cache);
		return;
	}
	check_red_zones("redzone", cache, object, SLUB_RED_ACTIVE);
	set_red_zones(cache, object, SLUB_RED_INACTIVE);
	if (to_debug(cache)->poison) {
		charge_bytes(cache->objsize);
		memset(object, POISON_FREE, cache->objsize - 1);
		object[cache->objsize - 1] = POISON_END;
	}
	t->state = FREED;
	note(cache, &t->freed);
	slab_free(cache->base, base_object(cache, object));
}

/* A page before its first object is made. */
static void poison_page(void *page, void *private, unsigned int mode)
{
	(void)private, (void)mode;
	charge_bytes(PAGE_SIZE);
	memset(page, POISON_FREE, PAGE_SIZE);
}

static struct slab_cache *debug_create(const struct slab_allocator *self, struct slab_control *room,
				       const struct slab_cache *parameters)
{
	const struct debug_slab *ds = container_of(self, const struct debug_slab, sa);
	struct debug_cache *dc = (struct debug_cache *)(void *)room->room;
	struct page_allocator *poisoned;
	struct slab_cache larger = *parameters;
	unsigned int redzone = (unsigned int)ds->o.redzone, left, trailer;

	larger.align = max(parameters->align, (unsigned int)_Alignof(struct trailer));
	left = ALIGN(redzone, larger.align);
	trailer = ALIGN(parameters->objsize + redzone, (unsigned int)_Alignof(struct trailer));
	larger.objsize = left + trailer + (unsigned int)sizeof(struct trailer);
	larger.offset = left + trailer + (unsigned int)offsetof(struct trailer, link);
	if (larger.size)
		larger.size = ALIGN(max(larger.size, larger.objsize), larger.align);
	poisoned = ctor_and_dtor_for_page_allocator(slab_pages_get(self, parameters), PAGE_SIZE,
						    NULL, poison_page, NULL);
	ASSERT(poisoned); /* check_base: the pages keep what is written */
	if (!derive_slab_cache_on(self, &dc->c, &larger, poisoned))
		return NULL;
	dc->left = left;
	dc->trailer = trailer;
	dc->right = redzone ? trailer - parameters->objsize : 0;
	dc->poison = ds->o.poison;
	dc->user = ds->o.user;
	dc->c.objsize = parameters->objsize;
	return &dc->c;
}

static int debug_move_object(struct slab_cache *base, void *object)
{
	struct slab_cache *cache = base->above;

	return slab_move_object(cache, cache->move_object, (u8 *)object + to_debug(cache)->left);
}

static int debug_shrink(struct slab_cache *cache, move_object_fn move_object)
{
	return derived_slab_cache_shrink(cache, move_object, debug_move_object);
}

static struct allocator_desc debug_desc;

static int check_base(const struct slab_allocator *base, const struct page_allocator *pages,
		      struct err *e)
{
	if (base->defers_free)
		return err_set(
			e,
			"a free waits in '%s': debug would poison what readers may still look "
			"at (the order that works: rcu:debug:...)",
			base->name);
	if (slab_check_keeps(base, pages, "debug fills pages and keeps red zones beside objects",
			     e))
		return -1;
	if (slab_chain_has(base, &debug_desc))
		return err_set(e, "'%s' has red zones already: two would check the same objects",
			       base->name);
	return 0;
}

static struct slab_allocator *debug_instance(struct slab_allocator *base,
					     struct page_allocator *pages, const void *options,
					     struct err *e)
{
	const struct debug_options *o = options;
	struct debug_slab *ds;

	if (check_base(base, pages, e))
		return NULL;
	ds = instance_alloc(sizeof(*ds));
	derive_slab_allocator(&ds->sa, base, pages, &debug_desc);
	ds->sa.alloc = debug_alloc;
	ds->sa.alloc_node = debug_alloc_node;
	ds->sa.free = debug_free;
	ds->sa.valid_pointer = debug_valid_pointer;
	ds->sa.in_use = debug_in_use;
	ds->sa.alloc_site = debug_alloc_site;
	ds->sa.create = debug_create;
	ds->sa.shrink = debug_shrink;
	ds->sa.shifts_objects = true;
	ds->sa.spoils_free |= o->poison;
	ds->o = *o;
	return &ds->sa;
}

static const struct opt_desc debug_opts[] = {
	OPT_SIZE("redzone", struct debug_options, redzone, "8B", 0, 4096,
		 "bytes on each side of an object, rounded up to its alignment; 0B: none"),
	OPT_BOOL("poison", struct debug_options, poison, "on",
		 "fill free objects and check them at their next allocation"),
	OPT_BOOL("user", struct debug_options, user, "on", "remember who allocated and freed"),
	OPT_END,
};

static struct allocator_desc debug_desc = {
	.name = "debug",
	.kind = ALLOC_SLAB,
	.role = ROLE_LAYER,
	.summary = "red zones, poison, and who allocated and freed",
	.help = "Finds writes beyond an object, writes after free, double frees, frees of what is "
		"no "
		"object\nor of another cache, reports each with the damaged bytes and both call "
		"sites, "
		"and goes on.",
	.options = debug_opts,
	.options_size = sizeof(struct debug_options),
	.create_slab = debug_instance,
};
ALLOCATOR(debug_desc)

struct slab_allocator *debug_slab_allocator(struct slab_allocator *base)
{
	struct debug_options o;
	struct err e;

	options_default(debug_opts, &o);
	return debug_instance(base, base->pages, &o, &e);
}
