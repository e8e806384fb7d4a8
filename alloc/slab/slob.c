/*
 * slob: first fit in lists of pages, for machines with little memory (mm/slob.c, Linux 2.6.16 to
 * 6.3).
 *
 * Theory: a page is a heap of its own, managed in units of 2 bytes: its free blocks form a list by
 * rising address, threaded through them, and a free merges with both neighbours at once. Pages with
 * room are on one of three lists, by the size of the objects that opened them (below 256 bytes,
 * below 1 KiB, below a page), so that small objects do not break up the room for large ones. A
 * request takes the first block that fits of the first page that has one; that page then leads its
 * list, so that the search goes on where it last succeeded (next fit among pages, first fit within
 * one) and small blocks do not gather at the front. Larger objects are pages.
 *
 * A free block of one unit holds the offset of the next block, negated; a larger one its size and
 * that offset, all in units within the page. kfree does not say how large an object is: kmalloc's
 * have a header of 8 bytes before them. Objects of named caches have none; their caches say it.
 *
 * Invariant: free units of the list add up to page->objects; free blocks never touch each other;
 * page->slab_private is the first one's offset; page->frozen: on a list, which a page is exactly if
 * it has free units.
 *
 * Unlike Linux: one lock and one set of lists for each kind of pages and each node, the local
 * node's pages first where Linux takes any; pages are returned under the lock. A list in which
 * something was written after its free is given up and reported, not followed.
 */
#include "alloc/slab/bytes.h"

#define SLOB_UNIT 2U
#define SLOB_UNITS(bytes) DIV_ROUND_UP((u32)(bytes), SLOB_UNIT)
#define PAGE_UNITS SLOB_UNITS(PAGE_SIZE)
#define SLOB_HEADER 8U /* ARCH_KMALLOC_MINALIGN */

enum slob_list { SLOB_SMALL, SLOB_MEDIUM, SLOB_LARGE, NR_SLOB_LISTS };
static const u32 slob_breaks[NR_SLOB_LISTS - 1] = {256, 1024};

struct slob_part {
	struct bytes_part part;
	struct list_head lists[NR_SLOB_LISTS];
};

static struct slob_part *to_slob(struct bytes_part *part)
{
	return container_of(part, struct slob_part, part);
}

static u32 header_of(const struct bytes_cache *bc)
{
	return bc->sized ? SLOB_HEADER : 0;
}

/* Bytes taken, header included. */
static u32 block_bytes(const struct bytes_cache *bc)
{
	return bc->c.objsize + header_of(bc);
}

static struct list_head *list_for(struct slob_part *sp, u32 bytes)
{
	int i = 0;

	while (i < NR_SLOB_LISTS - 1 && bytes >= slob_breaks[i])
		i++;
	return &sp->lists[i];
}

/* ---- Free blocks of a page ---- */

static s16 *unit_at(const struct page *page, u32 unit)
{
	return (s16 *)page_address(page) + unit;
}

static u32 slob_units(const struct page *page, u32 at)
{
	s16 first = *unit_at(page, at);

	return first > 0 ? (u32)first : 1;
}

/* PAGE_UNITS: it is the last one. */
static u32 slob_next(const struct page *page, u32 at)
{
	s16 first = *unit_at(page, at);

	return first > 0 ? (u32)unit_at(page, at)[1] : (u32)-first;
}

static void set_slob(const struct page *page, u32 at, u32 units, u32 next)
{
	s16 *unit = unit_at(page, at);

	if (units > 1) {
		unit[0] = (s16)units;
		unit[1] = (s16)next;
	} else {
		unit[0] = (s16)-next;
	}
}

/* A block that could be one: whoever writes to free memory rarely hits upon such. */
static bool makes_sense(const struct page *page, u32 at)
{
	u32 next = slob_next(page, at);

	return next <= PAGE_UNITS && (next == PAGE_UNITS || next > at + slob_units(page, at)) &&
	       at + slob_units(page, at) <= PAGE_UNITS;
}

static void set_page_free(struct page *page, struct list_head *list)
{
	list_add(&page->lru, list);
	page->frozen = 1;
	charge(COST_LIST_STEP);
}

static void clear_page_free(struct page *page)
{
	list_del(&page->lru);
	page->frozen = 0;
	charge(COST_LIST_STEP);
}

/* Nobody knows any more what is free here: the page serves nobody until its heap goes. */
static void give_up(struct page *page, u32 at)
{
	report_event("use_after_free", "slob: free block 0x%llx",
		     (unsigned long long)virt_to_phys(unit_at(page, at)));
	clear_page_free(page);
	page->objects = 0;
	page->inuse = 1;
}

static void link_block(struct page *page, u32 prev, u32 to)
{
	if (prev < PAGE_UNITS)
		set_slob(page, prev, slob_units(page, prev), to);
	else
		page->slab_private = to;
}

/* ---- Allocation ---- */

/* The first unit at or behind `at` whose distance behind `lead` units is aligned. */
static u32 aligned_unit(u32 at, u32 lead, u32 align)
{
	return ALIGN(at + lead, min(SLOB_UNITS(align), PAGE_UNITS)) - lead;
}

/* Takes units from the free block at `cur`, `delta` behind its start; prev: PAGE_UNITS if none. */
static u32 carve(struct page *page, u32 prev, u32 cur, u32 delta, u32 units)
{
	u32 avail = slob_units(page, cur) - delta, next = slob_next(page, cur), at = cur + delta;

	if (delta) {
		set_slob(page, cur, delta, at);
		prev = cur;
	}
	if (avail > units) {
		set_slob(page, at + units, avail - units, next);
		next = at + units;
	}
	link_block(page, prev, next);
	page->objects = (page->objects - units) & 0x7fff;
	if (!page->objects)
		clear_page_free(page);
	return at;
}

/* The unit of a block of so many bytes; PAGE_UNITS: none fits. */
static u32 slob_page_alloc(struct page *page, const struct bytes_cache *bc)
{
	u32 units = SLOB_UNITS(block_bytes(bc)), lead = SLOB_UNITS(header_of(bc));
	u32 prev = PAGE_UNITS, cur = page->slab_private;

	for (; cur < PAGE_UNITS; prev = cur, cur = slob_next(page, cur)) {
		u32 delta = aligned_unit(cur, lead, bc->c.align) - cur;

		charge(COST_LIST_STEP);
		if (!makes_sense(page, cur)) {
			give_up(page, cur);
			break;
		}
		if (slob_units(page, cur) >= units + delta)
			return carve(page, prev, cur, delta, units);
	}
	return PAGE_UNITS;
}

static void *slob_alloc(struct bytes_part *part, const struct bytes_cache *bc)
{
	struct list_head *list = list_for(to_slob(part), block_bytes(bc));
	struct page *page, *next;
	u32 at;

	list_for_each_entry_safe (page, next, list, lru) {
		charge(COST_LIST_STEP);
		if (page->objects < SLOB_UNITS(block_bytes(bc)))
			continue;
		at = slob_page_alloc(page, bc);
		if (at == PAGE_UNITS)
			continue;
		if (page->frozen) { /* the list turns until this page is first */
			list_del(list);
			list_add_tail(list, &page->lru);
		}
		if (bc->sized)
			*(u64 *)(void *)unit_at(page, at) = bc->c.objsize;
		return (char *)unit_at(page, at) + header_of(bc);
	}
	return NULL;
}

static bool slob_add(struct bytes_part *part, struct page *page, const struct bytes_cache *bc)
{
	page->slab_private = 0;
	page->objects = PAGE_UNITS;
	set_slob(page, 0, PAGE_UNITS, PAGE_UNITS);
	set_page_free(page, list_for(to_slob(part), block_bytes(bc)));
	return true;
}

/* ---- Free ---- */

/* Finds the neighbours, `prev` before and `next` behind; false: the list was overwritten. */
static bool find_place(struct page *page, u32 at, u32 *prev, u32 *next)
{
	*prev = PAGE_UNITS;
	*next = page->slab_private;
	while (*next < at) {
		charge(COST_LIST_STEP);
		if (!makes_sense(page, *next) || *next + slob_units(page, *next) > at) {
			give_up(page, *next);
			return false;
		}
		*prev = *next;
		*next = slob_next(page, *next);
	}
	if (*next == PAGE_UNITS || makes_sense(page, *next))
		return true;
	give_up(page, *next);
	return false;
}

static void put_block(struct page *page, u32 at, u32 units)
{
	u32 prev, next;

	if (!find_place(page, at, &prev, &next))
		return;
	page->objects = (page->objects + units) & 0x7fff;
	if (next < PAGE_UNITS && at + units == next) {
		units += slob_units(page, next);
		next = slob_next(page, next);
	}
	set_slob(page, at, units, next);
	if (prev < PAGE_UNITS && prev + slob_units(page, prev) == at)
		set_slob(page, prev, slob_units(page, prev) + units, next);
	else
		link_block(page, prev, at);
}

/* A page that was full is on no list: it joins the one for what was freed. */
static void reopen(struct bytes_part *part, struct page *page, u32 at, u32 bytes)
{
	page->slab_private = at;
	page->objects = SLOB_UNITS(bytes) & 0x7fff;
	set_slob(page, at, SLOB_UNITS(bytes), PAGE_UNITS);
	set_page_free(page, list_for(to_slob(part), bytes));
}

static void slob_free(struct bytes_part *part, void *object, const struct bytes_cache *bc)
{
	char *block = (char *)object - header_of(bc);
	struct page *page = virt_to_page(object);
	u32 at = (u32)(virt_to_phys(block) % PAGE_SIZE) / SLOB_UNIT;
	u32 units = SLOB_UNITS(block_bytes(bc));

	if (bc->sized && *(u64 *)(void *)block != bc->c.objsize)
		report_event("redzone", "cache %s object 0x%llx: its size before it is overwritten",
			     bc->c.name, (unsigned long long)virt_to_phys(object));
	if (page->inuse) /* given up */
		return;
	if (page->objects + units == PAGE_UNITS) {
		if (page->frozen)
			clear_page_free(page);
		bytes_block_put(bytes_block_of_page(page));
	} else if (!page->frozen) {
		reopen(part, page, at, block_bytes(bc));
	} else {
		put_block(page, at, units);
	}
}

/* ---- The rest ---- */

/* Objects of a page and more, and those aligned to more, are pages. */
static bool slob_geometry(const struct slab_allocator *sa, struct bytes_cache *bc)
{
	u32 lead = ALIGN(header_of(bc), bc->c.align);

	(void)sa;
	bc->whole = lead + bc->c.objsize >= PAGE_SIZE || bc->c.align >= PAGE_SIZE;
	bc->c.order = bc->whole ? bytes_order(max(bc->c.objsize, bc->c.align)) : 0;
	bc->c.size = bc->whole ? ALIGN(bc->c.objsize, BYTES_GRANULE)
			       : SLOB_UNITS(block_bytes(bc)) * SLOB_UNIT;
	return bc->c.order < MAX_ORDER;
}

static void slob_init(struct bytes_part *part)
{
	for (int i = 0; i < NR_SLOB_LISTS; i++)
		INIT_LIST_HEAD(&to_slob(part)->lists[i]);
}

static int slob_reap(struct bytes_part *part)
{
	(void)part; /* an empty page has gone */
	return 0;
}

/* Units of the page that the map of owners has in use. */
static u32 used_units(const struct page *page)
{
	const struct bytes_block *b = bytes_block_of_page(page);
	const struct bytes_allocator *ba = bytes_allocator_of(page->slab_cache->slab_alloc);
	u32 units = 0;

	for (u32 i = 0; i < PAGE_SIZE / BYTES_GRANULE; i++)
		if (b->owner[i] && !(b->owner[i] & 1))
			units += SLOB_UNITS(block_bytes(ba->caches[b->owner[i] >> 1]));
	return units;
}

static void check_page(const struct page *page)
{
	u32 units = 0;

	for (u32 at = page->slab_private; at < PAGE_UNITS; at = slob_next(page, at)) {
		ASSERT(makes_sense(page, at));
		units += slob_units(page, at);
	}
	ASSERT(units == page->objects);
}

static void slob_check(const struct bytes_part *part)
{
	const struct slob_part *sp = container_of(part, const struct slob_part, part);
	const struct bytes_block *b;
	const struct page *page;
	u64 nr_free = 0;

	for (int i = 0; i < NR_SLOB_LISTS; i++) {
		list_for_each_entry (page, &sp->lists[i], lru) {
			ASSERT(page->frozen && page->objects && !page->inuse);
			check_page(page);
			nr_free++;
		}
	}
	list_for_each_entry (b, &part->blocks, list) {
		if (b->page->order || b->page->inuse)
			continue;
		nr_free -= b->page->frozen;
		/* A whole page is one object. */
		ASSERT(b->page->frozen || !b->page->objects);
		ASSERT(!b->page->frozen || used_units(b->page) + b->page->objects == PAGE_UNITS);
	}
	ASSERT(!nr_free);
}

static void slob_fini(struct bytes_part *part)
{
	(void)part;
}

static const struct bytes_ops slob_ops = {
	.lock_class = "slob_lock",
	.part_size = sizeof(struct slob_part),
	.any_node = true,
	.geometry = slob_geometry,
	.init = slob_init,
	.alloc = slob_alloc,
	.add = slob_add,
	.free = slob_free,
	.reap = slob_reap,
	.check = slob_check,
	.fini = slob_fini,
};

static struct allocator_desc slob_desc;

static struct slab_allocator *slob_instance(struct slab_allocator *base,
					    struct page_allocator *pages, const void *options,
					    struct err *e)
{
	struct bytes_allocator *ba = instance_alloc(sizeof(*ba));

	(void)base, (void)options, (void)e;
	bytes_init(ba, &slob_ops, pages, &slob_desc);
	return &ba->sa;
}

static struct allocator_desc slob_desc = {
	.name = "slob",
	.kind = ALLOC_SLAB,
	.role = ROLE_SOURCE,
	.summary = "first fit in pages, three lists by size, 2-byte units (Linux's SLOB)",
	.help = "Objects of all caches share pages, each of them a first-fit heap of 2-byte units "
		"whose\n"
		"free blocks are listed by address and merge at once. Three lists of pages: under "
		"256\n"
		"bytes, under 1 KiB, under a page; the search goes on at the page that served "
		"last.\n"
		"kmalloc's objects have a header of 8 bytes; larger objects are pages.\n",
	.any_size = true,
	.create_slab = slob_instance,
};
ALLOCATOR(slob_desc)
