/*
 * zbud: at most two objects a page (mm/zbud.c, Linux 6.1).
 *
 * Theory: two objects are buddies: one lies at the beginning of a page, behind a header, one at its
 * end, and what is free is one piece between them. All sizes are whole chunks, a sixty-fourth of a
 * page; the header is one. Pages with one object are on lists by their free chunks; a request walks
 * from the list of its size upwards and takes the page that came to the list last, so that the
 * smallest room that does is used. So a page holds one object at least, and two at most: memory is
 * never worse used than by whole pages, and never better than by halves. A handle is an object's
 * address; nothing can move, so there is no compaction, and nobody asks for objects back, so there
 * is no eviction.
 *
 * Invariant: each page has one object or two; it is on the list of its free chunks, or on that of
 * pages with two. The header says how long its objects are. Bits say which lists have pages.
 *
 * Simulated time: the walk over lists takes its steps.
 *
 * Unlike Linux: the header keeps sizes in bytes, so that a wrong one is noticed. No list of all
 * pages by last use, which only eviction needs. The walk is by bits, and charged as a walk. Pages
 * go back after the lock.
 */
#include "alloc/layer.h"
#include "alloc/store_alloc.h"

#define NCHUNKS_ORDER 6
#define CHUNK_SHIFT (PAGE_SHIFT - NCHUNKS_ORDER)
#define CHUNK_SIZE (1U << CHUNK_SHIFT)
#define ZHDR_SIZE_ALIGNED CHUNK_SIZE
#define NCHUNKS (((u32)PAGE_SIZE - ZHDR_SIZE_ALIGNED) >> CHUNK_SHIFT)
#define BUDDIED 0U /* the list of pages with two objects: no page with one has so little free */

enum buddy { FIRST, LAST, NR_BUDDIES };

/* The first chunk of each page. */
struct zbud_header {
	struct list_head list;
	u16 size[NR_BUDDIES]; /* bytes of the objects; 0: there is none */
};
_Static_assert(sizeof(struct zbud_header) <= ZHDR_SIZE_ALIGNED, "one chunk is enough");
_Static_assert(NCHUNKS <= BITS_PER_WORD, "one word for all lists");

struct zbud_pool {
	struct store s;
	spinlock_t lock;
	u64 unbuddied; /* lists that are not empty, but for BUDDIED */
	struct {
		struct list_head pages;
		u64 nr;
	} lists[NCHUNKS];	   /* by free chunks */
	u64 nr_objects, nr_chunks; /* chunks: of objects */
};

static struct zbud_pool *to_zbud(const struct store *s)
{
	return container_of((struct store *)(unsigned long)s, struct zbud_pool, s);
}

/* ---- Pages ---- */

static u32 chunks_of(size_t size)
{
	return DIV_ROUND_UP((u32)size, CHUNK_SIZE);
}

static u32 used_chunks(const struct zbud_header *z)
{
	return chunks_of(z->size[FIRST]) + chunks_of(z->size[LAST]);
}

static u32 list_of(const struct zbud_header *z)
{
	return z->size[FIRST] && z->size[LAST] ? BUDDIED : NCHUNKS - used_chunks(z);
}

static unsigned long encode_handle(const struct zbud_header *z, enum buddy bud)
{
	unsigned long page = (unsigned long)z;

	return bud == FIRST ? page + ZHDR_SIZE_ALIGNED
			    : page + PAGE_SIZE - chunks_of(z->size[LAST]) * CHUNK_SIZE;
}

/* The header of the page that an address of this pool lies in; NULL: it lies in none. */
static struct zbud_header *header_of(const struct zbud_pool *p, unsigned long addr)
{
	const struct page *page = store_page_of(&p->s, addr);

	return page ? page_name(page) : NULL;
}

/* Which object of the page a handle names; NR_BUDDIES: none that is live and of this size. */
static enum buddy buddy_of(const struct zbud_header *z, unsigned long handle, size_t size)
{
	for (enum buddy bud = FIRST; bud < NR_BUDDIES; bud++)
		if (z->size[bud] && handle == encode_handle(z, bud))
			return z->size[bud] == size ? bud : NR_BUDDIES;
	return NR_BUDDIES;
}

static void list_page(struct zbud_pool *p, struct zbud_header *z)
{
	u32 i = list_of(z);

	charge(COST_LIST_STEP);
	list_add(&z->list, &p->lists[i].pages);
	p->lists[i].nr++;
	if (i != BUDDIED)
		bit_set(&p->unbuddied, i);
}

static void unlist_page(struct zbud_pool *p, struct zbud_header *z)
{
	u32 i = list_of(z);

	charge(COST_LIST_STEP);
	ASSERT(p->lists[i].nr);
	list_del(&z->list);
	if (!--p->lists[i].nr && i != BUDDIED)
		bit_clear(&p->unbuddied, i);
}

/* A page with room for so many chunks; NULL: there is none. */
static struct zbud_header *find_unbuddied(struct zbud_pool *p, u32 chunks)
{
	u64 bits = p->unbuddied >> chunks;
	u32 steps = bits ? bit_lowest(bits) + 1 : NCHUNKS - chunks;

	store_search(&p->s);
	store_search_steps(&p->s, steps);
	if (!bits)
		return NULL;
	return list_first_entry(&p->lists[chunks + steps - 1].pages, struct zbud_header, list);
}

/* ---- Objects ---- */

static enum buddy put_object(struct zbud_pool *p, struct zbud_header *z, size_t size)
{
	enum buddy bud = z->size[FIRST] ? LAST : FIRST;

	ASSERT(!z->size[bud] && used_chunks(z) + chunks_of(size) <= NCHUNKS);
	z->size[bud] = (u16)size;
	list_page(p, z);
	p->nr_objects++;
	p->nr_chunks += chunks_of(size);
	return bud;
}

static unsigned long zbud_malloc(struct store *self, size_t size, gfp_t flags)
{
	struct zbud_pool *p = to_zbud(self);
	struct zbud_header *z;
	struct page *page;
	enum buddy bud;

	charge(COST_CALL);
	spin_lock(&p->lock);
	z = find_unbuddied(p, chunks_of(size));
	if (z) {
		unlist_page(p, z);
	} else {
		spin_unlock(&p->lock);
		page = store_page_alloc(self, flags & ~(__GFP_HIGHMEM | __GFP_MOVABLE));
		if (!page)
			return 0;
		note_path(PATH_NEW_SLAB);
		z = page_address(page);
		*z = (struct zbud_header){.size = {0}};
		spin_lock(&p->lock);
	}
	store_touch(z);
	bud = put_object(p, z, size);
	spin_unlock(&p->lock);
	return encode_handle(z, bud);
}

/* True: the page has no object any more. */
static bool take_object(struct zbud_pool *p, struct zbud_header *z, enum buddy bud)
{
	unlist_page(p, z);
	p->nr_objects--;
	p->nr_chunks -= chunks_of(z->size[bud]);
	z->size[bud] = 0;
	if (!z->size[FIRST] && !z->size[LAST])
		return true;
	list_page(p, z);
	return false;
}

static bool zbud_free(struct store *self, unsigned long handle, size_t size)
{
	struct zbud_pool *p = to_zbud(self);
	struct zbud_header *z = header_of(p, handle);
	enum buddy bud;
	bool empty;

	charge(COST_CALL);
	spin_lock(&p->lock);
	bud = z ? buddy_of(z, handle, size) : NR_BUDDIES;
	if (unlikely(bud == NR_BUDDIES)) {
		spin_unlock(&p->lock);
		return store_bad(self, "invalid_pointer", "free", handle);
	}
	store_touch(z);
	empty = take_object(p, z, bud);
	spin_unlock(&p->lock);
	if (empty)
		store_page_free(self, virt_to_page(z));
	return true;
}

static int zbud_map(const struct store *self, unsigned long handle, size_t size,
		    struct store_span spans[STORE_SPANS_MAX])
{
	const struct zbud_header *z = header_of(to_zbud(self), handle);

	if (unlikely(!z || buddy_of(z, handle, size) == NR_BUDDIES))
		return 0;
	spans[0] = (struct store_span){(void *)handle, (u32)size};
	return 1;
}

/* ---- The rest ---- */

static void zbud_stats(const struct store *self, struct store_stats *s)
{
	const struct zbud_pool *p = to_zbud(self);

	s->header_bytes = self->nr_pages * ZHDR_SIZE_ALIGNED;
	s->blocks = p->nr_objects;
	s->block_bytes = p->nr_chunks * CHUNK_SIZE;
	s->free_bytes = (self->nr_pages << PAGE_SHIFT) - s->header_bytes - s->block_bytes;
}

/* Lists that are not empty, size: bytes free in each of their pages. */
static unsigned int zbud_classes(const struct store *self, struct store_class *classes,
				 unsigned int n)
{
	const struct zbud_pool *p = to_zbud(self);
	unsigned int found = 0;

	for (u32 i = 0; i < NCHUNKS; i++) {
		u64 nr = p->lists[i].nr;

		if (nr && found < n)
			classes[found] = (struct store_class){
				.index = i,
				.size = i * CHUNK_SIZE,
				.obj_allocated = NR_BUDDIES * nr,
				.obj_used = i == BUDDIED ? NR_BUDDIES * nr : nr,
				.pages_used = nr,
				.pages_per_zspage = 1,
			};
		found += nr != 0;
	}
	return found;
}

struct recount {
	u64 pages, objects, chunks, bytes;
};

static void check_list(const struct zbud_pool *p, u32 i, struct recount *r)
{
	const struct zbud_header *z;
	u64 nr = 0;

	list_for_each_entry (z, &p->lists[i].pages, list) {
		ASSERT(header_of(p, (unsigned long)z) == z);
		ASSERT(z->size[FIRST] || z->size[LAST]);
		ASSERT(used_chunks(z) <= NCHUNKS && list_of(z) == i);
		nr++;
		r->chunks += used_chunks(z);
		r->objects += (z->size[FIRST] != 0) + (z->size[LAST] != 0);
		r->bytes += (u64)z->size[FIRST] + z->size[LAST];
	}
	ASSERT(nr == p->lists[i].nr && (i == BUDDIED || bit_test(&p->unbuddied, i) == !!nr));
	r->pages += nr;
}

static void zbud_check(const struct store *self)
{
	const struct zbud_pool *p = to_zbud(self);
	struct recount r = {0};

	ASSERT(!p->lock.locked && !bit_test(&p->unbuddied, BUDDIED));
	for (u32 i = 0; i < NCHUNKS; i++)
		check_list(p, i, &r);
	ASSERT(r.pages == self->nr_pages && r.chunks == p->nr_chunks);
	ASSERT(r.objects == p->nr_objects && (s64)r.objects == self->layer->live_objs);
	ASSERT((s64)r.bytes == self->layer->live_bytes);
}

static void zbud_destructor(struct store *self)
{
	struct zbud_pool *p = to_zbud(self);

	store_report_leak(self, p->nr_objects);
	for (u32 i = 0; i < NCHUNKS; i++) {
		struct zbud_header *z, *next;

		list_for_each_entry_safe (z, next, &p->lists[i].pages, list)
			store_page_free(self, virt_to_page(z));
	}
	store_release(self);
}

static struct allocator_desc zbud_desc;

static struct store *zbud_create(struct store *base, const struct store_env *env,
				 const void *options, struct err *e)
{
	struct zbud_pool *p;

	(void)base, (void)options;
	if (page_check_keeps(env->pages, "its headers lie in pages", e))
		return NULL;
	p = instance_alloc(sizeof(*p));
	derive_store(&p->s, NULL, env, &zbud_desc);
	p->s.malloc = zbud_malloc;
	p->s.free = zbud_free;
	p->s.map = zbud_map;
	p->s.stats = zbud_stats;
	p->s.classes = zbud_classes;
	p->s.check = zbud_check;
	p->s.destructor = zbud_destructor;
	p->s.size_max = PAGE_SIZE - ZHDR_SIZE_ALIGNED - CHUNK_SIZE;
	spin_lock_init(&p->lock, "zbud_pool");
	for (u32 i = 0; i < NCHUNKS; i++)
		INIT_LIST_HEAD(&p->lists[i].pages);
	return &p->s;
}

static struct allocator_desc zbud_desc = {
	.name = "zbud",
	.kind = ALLOC_STORE,
	.role = ROLE_SOURCE,
	.summary = "at most two objects a page, one at each end (zswap's first)",
	.help = "Sizes are whole chunks of 64 bytes; the first chunk of a page is its "
		"header. Pages with one object are on lists by their free chunks, and a "
		"request takes the first page of the first list with room. One object a "
		"page at least, two at most. A handle is an address: nothing moves or is "
		"evicted.",
	.create_store = zbud_create,
};
ALLOCATOR(zbud_desc)
