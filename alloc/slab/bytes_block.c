/*
 * Blocks of pages in a heap, and the pages of its side tables.
 *
 * Theory: what the original allocators kept beside their memory (free headers, usage arrays,
 * bitmaps) is kept in tables, whose pages come from the same page allocator and count as memory
 * taken. What only the simulator wants to know, who owns which address, lies on the host.
 *
 * Invariant: a page with PG_slab and PG_mixed belongs to the heap whose shared cache it names; its
 * freelist is its struct bytes_block, or NULL if it holds a side table. A free slot names the next
 * one in its first word; an entry never lies across pages.
 *
 * Unlike the originals: their tables cover the whole address range of the kernel heap and are made
 * at boot. Here physical memory is that range, so tables grow with what is taken of it, and a
 * block's slot takes the place of its address.
 */
#include "alloc/slab/bytes.h"

int bytes_order(u64 bytes)
{
	int order = 0;

	while (order < MAX_ORDER && PAGE_SIZE << order < bytes)
		order++;
	return order;
}

/* ---- Pages ---- */

static struct page *heap_page_get(struct bytes_heap *heap, int order, gfp_t flags, int node)
{
	gfp_t gfp = flags & (GFP_RECLAIM_MASK | GFP_CONSTRAINT_MASK);
	struct page *page =
		page_alloc(heap->c.page_alloc, order, gfp | heap->c.gfp | __GFP_COMP, node);

	if (!page)
		return NULL;
	note_path(PATH_NEW_SLAB);
	slab_page_clear(page);
	page->flags |= PG_slab | PG_mixed;
	page->slab_cache = &heap->c;
	return page;
}

static void heap_page_put(struct bytes_heap *heap, struct page *page)
{
	slab_page_clear(page);
	page_free(heap->c.page_alloc, page, page->order);
}

/* ---- Blocks ---- */

struct bytes_block *bytes_block_get(struct bytes_heap *heap, int order, gfp_t flags, int node)
{
	struct page *page = heap_page_get(heap, order, flags, node);
	struct bytes_block *b;

	if (!page)
		return NULL;
	b = instance_alloc(sizeof(*b) + (PAGE_SIZE << order) / BYTES_GRANULE * sizeof(*b->owner));
	b->page = page;
	b->part = heap->parts[page_to_nid(page)];
	b->part->nr_blocks++;
	list_add_tail(&b->list, &b->part->blocks);
	page->freelist = b;
	return b;
}

void bytes_block_put(struct bytes_block *b)
{
	struct bytes_heap *heap = b->part->heap;
	struct page *page = b->page;

	list_del(&b->list);
	b->part->nr_blocks--;
	instance_free(b);
	heap_page_put(heap, page);
}

struct bytes_block *bytes_block_at(const struct bytes_part *part, u64 phys)
{
	struct page *page;
	struct bytes_block *b;

	if (!pfn_valid(phys >> PAGE_SHIFT))
		return NULL;
	page = compound_head(pfn_to_page(phys >> PAGE_SHIFT));
	if (!(page->flags & PG_slab) || page->slab_cache != &part->heap->c)
		return NULL;
	b = bytes_block_of_page(page);
	return b && b->part == part ? b : NULL;
}

/* ---- Side tables ---- */

void bytes_table_init(struct bytes_table *t, struct bytes_part *part, u32 entry_bytes)
{
	ASSERT(entry_bytes >= sizeof(u32) && entry_bytes <= PAGE_SIZE);
	*t = (struct bytes_table){.part = part, .entry_bytes = entry_bytes};
}

void bytes_table_fini(struct bytes_table *t)
{
	for (u32 i = 0; i < t->nr_pages; i++)
		heap_page_put(t->part->heap, t->pages[i]);
	t->part->heap->nr_table_pages -= t->nr_pages;
	instance_free(t->pages);
	bytes_table_init(t, t->part, t->entry_bytes);
}

static u32 *free_link(const struct bytes_table *t, u32 slot)
{
	return bytes_table_entry(t, slot);
}

static void make_room(struct bytes_table *t)
{
	struct page **pages;

	if (t->nr_pages < t->room)
		return;
	t->room = t->room ? 2 * t->room : 16;
	pages = instance_alloc(t->room * sizeof(struct page *));
	if (t->nr_pages)
		memcpy(pages, t->pages, t->nr_pages * sizeof(struct page *));
	instance_free(t->pages);
	t->pages = pages;
}

/* One more page, whose slots are handed out by rising address. */
static bool grow(struct bytes_table *t)
{
	u32 per_page = (u32)PAGE_SIZE / t->entry_bytes, first = t->nr_pages * per_page;
	struct page *page = heap_page_get(t->part->heap, 0, GFP_ATOMIC, t->part->node);

	if (!page)
		return false;
	make_room(t);
	t->pages[t->nr_pages++] = page;
	t->part->heap->nr_table_pages++;
	charge_n(COST_LIST_STEP, per_page);
	for (u32 i = per_page; i-- > 0;) {
		*free_link(t, first + i) = t->free;
		t->free = first + i + 1;
	}
	return true;
}

s64 bytes_table_get(struct bytes_table *t)
{
	u32 slot;

	if (!t->free && !grow(t))
		return -1;
	slot = t->free - 1;
	t->free = *free_link(t, slot);
	t->nr_used++;
	charge(COST_LIST_STEP);
	memset(bytes_table_entry(t, slot), 0, t->entry_bytes);
	return slot;
}

void bytes_table_put(struct bytes_table *t, u32 slot)
{
	ASSERT(t->nr_used > 0);
	t->nr_used--;
	*free_link(t, slot) = t->free;
	t->free = slot + 1;
	charge(COST_LIST_STEP);
}
