/*
 * buddy_bytes: a lazy buddy system down to 16 bytes (SVr4; Barkley and Lee 1989, "A Lazy Buddy
 * System Bounded by Two Coalescing Delays per Class").
 *
 * Theory: sizes are powers of two; a block is split in halves until one fits, and two halves that
 * are both free become one again. To split and coalesce at every turn is work for nothing where a
 * size is in steady use, so of each class i some free blocks are only *locally* free: they do not
 * coalesce; the rest are *globally* free, as in any buddy system. How many may be locally free
 * follows from the slack D = allocated - locally free, which must not become negative: at least as
 * many in use as idle. A free looks at D:
 *
 *	D >= 2	lazy		the block is locally free		D -= 2
 *	D == 1	reclaiming	it is globally free, coalesced		D -= 1
 *	D == 0	accelerated	it and one locally free block are coalesced
 *
 * So a free coalesces at most two blocks of a class, and a class whose blocks have all come back
 * has coalesced all of them. An allocation takes a locally free block (D += 2), else a globally
 * free one (D += 1), else one half of a block of the next class, the other half of which is locally
 * free. A block made of two is freed in its class by the same rule. The largest class is the block
 * of pages: its globally free ones go back to the page allocator.
 *
 * A list holds the locally free blocks first, then the globally free ones; links lie in the blocks,
 * which is why the smallest has 16 bytes. A bitmap beside each block of pages has a bit for each
 * block of each class: it is globally free (what coalescing asks of a buddy).
 *
 * Invariant: D = allocated - local >= 0 in each class, where what was split counts as allocated. No
 * two buddies are both globally free.
 *
 * Unlike SVr4: its two pools (4 KiB and 16 KiB blocks for small and large requests) are one, whose
 * blocks have an order of the user's choice; the bitmap lies in pages of its own. A list in which
 * something was written after its free is given up and reported.
 */
#include "alloc/slab/bytes.h"

#define MIN_SHIFT 4 /* 16 bytes */
#define NR_CLASSES_MAX (PAGE_SHIFT + MAX_ORDER - MIN_SHIFT)

struct buddy_bytes_options {
	u64 order;
};

struct buddy_bytes {
	struct bytes_allocator ba;
	struct buddy_bytes_options o;
};

/* A free block: physical addresses + 1 of its neighbours on the list; 0: none. */
struct free_block {
	u64 next, prev;
};

struct size_class {
	u64 first, last;
	u64 allocated, local, global;
	u64 lost; /* allocated, and nobody has them */
};

struct buddy_part {
	struct bytes_part part;
	struct bytes_table bits; /* slot: page->slab_private */
	int order;
	u32 top; /* the class of a block of pages */
	struct size_class classes[NR_CLASSES_MAX];
};

static struct buddy_part *to_buddy(const struct bytes_part *part)
{
	return container_of((struct bytes_part *)(unsigned long)part, struct buddy_part, part);
}

static u64 class_bytes(u32 cls)
{
	return 1ULL << (cls + MIN_SHIFT);
}

static u32 class_of(const struct bytes_cache *bc)
{
	return bit_highest(bc->c.size) - MIN_SHIFT;
}

static u64 slack(const struct size_class *c)
{
	return c->allocated - c->local;
}

static struct free_block *block_at(u64 link)
{
	return (struct free_block *)(void *)(kernel->direct_map + link - 1);
}

/* ---- The bitmap: bit 2^(top-cls) + n is the n-th block of a class, bit 0 is not used ---- */

static u64 *bitmap_of(const struct buddy_part *bp, const struct bytes_block *b)
{
	return bytes_table_entry(&bp->bits, b->page->slab_private);
}

static u64 bit_of(const struct buddy_part *bp, const struct bytes_block *b, u64 link, u32 cls)
{
	u64 offset = link - 1 - virt_to_phys(page_name(b->page));

	return (1ULL << (bp->top - cls)) + offset / class_bytes(cls);
}

static bool is_global(const struct buddy_part *bp, u64 link, u32 cls)
{
	const struct bytes_block *b = bytes_block_at(&bp->part, link - 1);

	return bit_test(bitmap_of(bp, b), bit_of(bp, b, link, cls));
}

static void set_global(struct buddy_part *bp, u64 link, u32 cls, bool global)
{
	const struct bytes_block *b = bytes_block_at(&bp->part, link - 1);

	charge(COST_LIST_STEP);
	if (global)
		bit_set(bitmap_of(bp, b), bit_of(bp, b, link, cls));
	else
		bit_clear(bitmap_of(bp, b), bit_of(bp, b, link, cls));
}

/* ---- Lists ---- */

/* Another user's words lead anywhere. */
static bool makes_sense(const struct buddy_part *bp, u64 link, u32 cls)
{
	return !link || (bytes_block_at(&bp->part, link - 1) && !((link - 1) % class_bytes(cls)));
}

static bool neighbours_agree(const struct buddy_part *bp, u64 link, u32 cls)
{
	const struct size_class *c = &bp->classes[cls];
	const struct free_block *fb = block_at(link);

	if (!makes_sense(bp, fb->next, cls) || !makes_sense(bp, fb->prev, cls))
		return false;
	return (fb->next ? block_at(fb->next)->prev : c->last) == link &&
	       (fb->prev ? block_at(fb->prev)->next : c->first) == link;
}

/* All that is free in this class is lost until the heap goes: it counts as allocated. */
static void give_up(struct buddy_part *bp, u32 cls, u64 link)
{
	struct size_class *c = &bp->classes[cls];
	const struct bytes_block *b;

	report_event("use_after_free", "buddy_bytes: free block 0x%llx of %llu bytes",
		     (unsigned long long)(link - 1), (unsigned long long)class_bytes(cls));
	c->lost += c->local + c->global;
	c->allocated += c->local + c->global;
	c->local = c->global = c->first = c->last = 0;
	list_for_each_entry (b, &bp->part.blocks, list)
		for (u64 i = 1ULL << (bp->top - cls);
		     b->page->objects && i < 2ULL << (bp->top - cls); i++)
			bit_clear(bitmap_of(bp, b), i);
}

/* False: the list was overwritten and is no more. */
static bool unlink_block(struct buddy_part *bp, u64 link, u32 cls)
{
	struct size_class *c = &bp->classes[cls];
	struct free_block *fb = block_at(link);

	charge(COST_LIST_STEP);
	if (!neighbours_agree(bp, link, cls)) {
		give_up(bp, cls, link);
		return false;
	}
	*(fb->next ? &block_at(fb->next)->prev : &c->last) = fb->prev;
	*(fb->prev ? &block_at(fb->prev)->next : &c->first) = fb->next;
	return true;
}

static void push_local(struct buddy_part *bp, u64 link, u32 cls)
{
	struct size_class *c = &bp->classes[cls];

	*block_at(link) = (struct free_block){.next = c->first};
	*(c->first ? &block_at(c->first)->prev : &c->last) = link;
	c->first = link;
	c->local++;
	charge(COST_LIST_STEP);
}

static void push_global(struct buddy_part *bp, u64 link, u32 cls)
{
	struct size_class *c = &bp->classes[cls];

	*block_at(link) = (struct free_block){.prev = c->last};
	*(c->last ? &block_at(c->last)->next : &c->first) = link;
	c->last = link;
	c->global++;
	set_global(bp, link, cls, true);
	charge(COST_LIST_STEP);
}

/* ---- Allocation ---- */

/* The first of the list: a locally free one as long as there are any. 0: the class has none. */
static u64 take_first(struct buddy_part *bp, u32 cls)
{
	struct size_class *c = &bp->classes[cls];
	u64 link = c->first;

	if (!link || !unlink_block(bp, link, cls))
		return 0;
	if (c->local) {
		c->local--;
	} else {
		c->global--;
		set_global(bp, link, cls, false);
	}
	c->allocated++;
	return link;
}

static u64 take(struct buddy_part *bp, u32 cls)
{
	u32 from = cls;
	u64 link = 0;

	while (!(link = take_first(bp, from)) && from < bp->top)
		from++;
	for (; link && from > cls; from--) {
		push_local(bp, link + class_bytes(from - 1), from - 1);
		bp->classes[from - 1].allocated++;
	}
	return link;
}

static void *buddy_bytes_alloc(struct bytes_part *part, const struct bytes_cache *bc)
{
	u64 link = take(to_buddy(part), class_of(bc));

	return link ? block_at(link) : NULL;
}

static bool buddy_bytes_add(struct bytes_part *part, struct page *page,
			    const struct bytes_cache *bc)
{
	struct buddy_part *bp = to_buddy(part);
	s64 slot = bytes_table_get(&bp->bits);

	(void)bc;
	if (slot < 0)
		return false;
	page->slab_private = (u32)slot;
	page->objects = 1; /* it has a bitmap */
	push_global(bp, virt_to_phys(page_address(page)) + 1, bp->top);
	return true;
}

/* ---- Free ---- */

static void give_block(struct buddy_part *bp, u64 link)
{
	struct bytes_block *b = bytes_block_at(&bp->part, link - 1);

	bytes_table_put(&bp->bits, b->page->slab_private);
	bytes_block_put(b);
}

static void free_in_class(struct buddy_part *bp, u64 link, u32 cls);

/* A block that is neither allocated nor locally free any more. */
static void release(struct buddy_part *bp, u64 link, u32 cls)
{
	u64 buddy = ((link - 1) ^ class_bytes(cls)) + 1;

	if (cls == bp->top) {
		give_block(bp, link);
		return;
	}
	charge(COST_LIST_STEP);
	if (!is_global(bp, buddy, cls) || !unlink_block(bp, buddy, cls)) {
		push_global(bp, link, cls);
		return;
	}
	bp->classes[cls].global--;
	set_global(bp, buddy, cls, false);
	free_in_class(bp, min(link, buddy), cls + 1);
}

/* The first locally free block coalesces; true if one did. */
static bool release_local(struct buddy_part *bp, u32 cls)
{
	struct size_class *c = &bp->classes[cls];
	u64 link = c->first;

	if (!c->local || !unlink_block(bp, link, cls))
		return false;
	c->local--;
	release(bp, link, cls);
	return true;
}

static void free_in_class(struct buddy_part *bp, u64 link, u32 cls)
{
	struct size_class *c = &bp->classes[cls];
	u64 delay = slack(c);

	if (delay >= 2) {
		c->allocated--;
		push_local(bp, link, cls);
		return;
	}
	if (!delay)
		release_local(bp, cls);
	c->allocated--;
	release(bp, link, cls);
}

static void buddy_bytes_free(struct bytes_part *part, void *object, const struct bytes_cache *bc)
{
	free_in_class(to_buddy(part), virt_to_phys(object) + 1, class_of(bc));
}

/* Whatever is locally free coalesces. */
static int buddy_bytes_reap(struct bytes_part *part)
{
	struct buddy_part *bp = to_buddy(part);
	u64 blocks = part->nr_blocks;

	for (u32 cls = 0; cls <= bp->top; cls++)
		while (release_local(bp, cls))
			;
	return (int)(blocks - part->nr_blocks);
}

/* ---- The rest ---- */

static bool buddy_bytes_geometry(const struct slab_allocator *sa, struct bytes_cache *bc)
{
	int order = (int)container_of(sa, const struct buddy_bytes, ba.sa)->o.order;
	u32 bytes = max(bc->c.objsize, bc->c.align), shift = MIN_SHIFT;

	bc->whole = bytes > PAGE_SIZE << order;
	bc->c.order = bc->whole ? bytes_order(bytes) : order;
	if (bc->c.order >= MAX_ORDER)
		return false;
	while (1ULL << shift < bytes)
		shift++;
	bc->c.size = bc->whole ? (u32)PAGE_SIZE << bc->c.order : 1U << shift;
	return true;
}

static void buddy_bytes_init(struct bytes_part *part)
{
	struct buddy_part *bp = to_buddy(part);

	bp->order = (int)container_of(part->heap->c.slab_alloc, const struct buddy_bytes, ba.sa)
			    ->o.order;
	bp->top = PAGE_SHIFT + (u32)bp->order - MIN_SHIFT;
	bytes_table_init(&bp->bits, part, (u32)(2ULL << bp->top) / 8);
}

static void check_class(const struct buddy_part *bp, u32 cls)
{
	const struct size_class *c = &bp->classes[cls];
	u64 nr = 0;

	ASSERT(c->allocated >= c->local);
	for (u64 link = c->first; link; link = block_at(link)->next, nr++) {
		u64 buddy = ((link - 1) ^ class_bytes(cls)) + 1;
		bool global = nr >= c->local;

		ASSERT(nr < c->local + c->global);
		ASSERT(neighbours_agree(bp, link, cls));
		ASSERT(is_global(bp, link, cls) == global);
		ASSERT(cls == bp->top || !global || !is_global(bp, buddy, cls));
	}
	ASSERT(nr == c->local + c->global);
}

static u64 count_live(const struct bytes_block *b, const struct buddy_part *bp, u64 *live)
{
	const struct bytes_allocator *ba = bytes_allocator_of(bp->part.heap->c.slab_alloc);
	u64 bits = 0;

	for (u64 i = 0; i < bytes_block_size(b) / BYTES_GRANULE; i++)
		if (b->owner[i] && !(b->owner[i] & 1))
			live[class_of(ba->caches[b->owner[i] >> 1])]++;
	for (u64 i = 1; i < 2ULL << bp->top; i++)
		bits += bit_test(bitmap_of(bp, b), i);
	return bits;
}

static void buddy_bytes_check(const struct bytes_part *part)
{
	const struct buddy_part *bp = to_buddy(part);
	const struct bytes_block *b;
	u64 live[NR_CLASSES_MAX] = {0}, bits = 0, split = 0;
	u32 nr = 0;

	list_for_each_entry (b, &part->blocks, list) {
		if (!b->page->objects)
			continue;
		bits += count_live(b, bp, live);
		nr++;
	}
	ASSERT(nr == bp->bits.nr_used);
	for (u32 cls = 0; cls <= bp->top; cls++) {
		const struct size_class *c = &bp->classes[cls];

		check_class(bp, cls);
		ASSERT(c->allocated == live[cls] + c->lost + split);
		split = (c->allocated + c->local + c->global) / 2;
		bits -= c->global;
	}
	ASSERT(!bits);
}

static void buddy_bytes_fini(struct bytes_part *part)
{
	bytes_table_fini(&to_buddy(part)->bits);
}

static const struct bytes_ops buddy_bytes_ops = {
	.lock_class = "kmem buddy",
	.part_size = sizeof(struct buddy_part),
	.geometry = buddy_bytes_geometry,
	.init = buddy_bytes_init,
	.alloc = buddy_bytes_alloc,
	.add = buddy_bytes_add,
	.free = buddy_bytes_free,
	.reap = buddy_bytes_reap,
	.check = buddy_bytes_check,
	.fini = buddy_bytes_fini,
};

static struct allocator_desc buddy_bytes_desc;

static struct slab_allocator *buddy_bytes_instance(struct slab_allocator *base,
						   struct page_allocator *pages,
						   const void *options, struct err *e)
{
	struct buddy_bytes *bb = instance_alloc(sizeof(*bb));

	(void)base, (void)e;
	bytes_init(&bb->ba, &buddy_bytes_ops, pages, &buddy_bytes_desc);
	bb->o = *(const struct buddy_bytes_options *)options;
	return &bb->ba.sa;
}

static const struct opt_desc buddy_bytes_opts[] = {
	OPT_U64("order", struct buddy_bytes_options, order, "0", 0, 5,
		"of the blocks of pages it splits; larger objects are pages"),
	OPT_END,
};

static struct allocator_desc buddy_bytes_desc = {
	.name = "buddy_bytes",
	.kind = ALLOC_SLAB,
	.role = ROLE_SOURCE,
	.summary = "buddy system with lazy coalescing, down to 16 bytes (SVr4)",
	.help = "Blocks of pages are split in halves down to 16 bytes. A freed block waits for its "
		"next\n"
		"user as long as no more blocks of its size wait than are in use; else it "
		"coalesces, and\n"
		"whole blocks of pages go back. A bit for each block of each size says what may "
		"coalesce.\n",
	.options = buddy_bytes_opts,
	.options_size = sizeof(struct buddy_bytes_options),
	.any_size = true,
	.create_slab = buddy_bytes_instance,
};
ALLOCATOR(buddy_bytes_desc)
