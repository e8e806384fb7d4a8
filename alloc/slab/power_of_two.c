/*
 * power_of_two: the general-purpose allocator of 4.4BSD (McKusick and Karels 1988, "Design of a
 * General Purpose Memory Allocator for the 4.3BSD UNIX Kernel").
 *
 * Theory: sizes are rounded up to powers of two, each with a list of free blocks, so that nothing
 * is ever searched. A list that is empty gets pages, which are split into blocks of its one size;
 * an array with an entry for each page, kmemusage, says which size that is, so that a free needs no
 * header, and a block of 2^k bytes takes 2^k bytes (headers would double the sizes that are powers
 * of two themselves, which are the common ones). Speed is bought with memory twice: rounding wastes
 * a quarter of what is allocated if sizes are uniform, and a page once split is never anything
 * else: the memory of each list stays at its peak. Blocks are taken from the head and put at the
 * tail.
 *
 * Invariant: all blocks of a page have one size; kmemusage counts those that are free. The links of
 * a list lead to blocks of its size in pages of this part.
 *
 * Unlike 4.4BSD: kmemusage grows with the pages taken, an entry of 4 bytes each; there it is
 * made at boot, for as many pages as the kernel may ever use. Objects of more than two pages take
 * blocks of 2^k pages, the page allocator's unit, not the pages they need. A list in which
 * something was written after its free is given up and reported. There is one lock, where BSD holds
 * off interrupts.
 */
#include "alloc/slab/bytes.h"

#define MINBUCKET 4			   /* 16 bytes */
#define MAXALLOCSAVE (2U * (u32)PAGE_SIZE) /* larger ones are pages, given back when freed */
#define NR_BUCKETS 14			   /* 2^4 to 2^13 */
#define BUCKET_ORDER(bucket) ((bucket) > PAGE_SHIFT ? (int)((bucket)-PAGE_SHIFT) : 0)

/* struct kmemusage, of 4.4BSD's sys/malloc.h. */
struct kmemusage {
	u16 ku_indx;	/* bucket */
	u16 ku_freecnt; /* free blocks of the page */
};

struct bucket {
	u64 next, last; /* first and last free block: physical address + 1; 0: none */
	u64 nr_free, nr_total;
};

struct power_part {
	struct bytes_part part;
	struct bytes_table kmemusage; /* slot: page->slab_private */
	struct bucket buckets[NR_BUCKETS];
};

static struct power_part *to_power(const struct bytes_part *part)
{
	return container_of((struct bytes_part *)(unsigned long)part, struct power_part, part);
}

static u32 bucket_of(const struct bytes_cache *bc)
{
	return bit_highest(bc->c.size);
}

static struct kmemusage *usage_of(const struct power_part *pp, const struct page *page)
{
	return bytes_table_entry(&pp->kmemusage, page->slab_private);
}

/* ---- The lists ---- */

/* The link of a free block: the first word of its memory. */
static u64 *link_at(u64 block)
{
	return (u64 *)(void *)(kernel->direct_map + block - 1);
}

/* True if the block can be a free one of this bucket. */
static bool makes_sense(const struct power_part *pp, u32 bucket, u64 block)
{
	const struct bytes_block *b = bytes_block_at(&pp->part, block - 1);

	if (!b || !b->page->objects || (block - 1) & ((1ULL << bucket) - 1))
		return false;
	return usage_of(pp, b->page)->ku_indx == bucket && usage_of(pp, b->page)->ku_freecnt;
}

/* The blocks behind `block` are lost: nothing tells where the list went on. */
static void give_up(struct power_part *pp, u32 bucket, u64 block)
{
	struct bucket *kb = &pp->buckets[bucket];
	const struct bytes_block *b;

	report_event("use_after_free", "power_of_two: free block 0x%llx of %u bytes",
		     (unsigned long long)(block - 1), 1U << bucket);
	list_for_each_entry (b, &pp->part.blocks, list) {
		struct kmemusage *ku = usage_of(pp, b->page);

		if (b->page->objects && ku->ku_indx == bucket)
			ku->ku_freecnt = 0;
	}
	kb->next = kb->last = 0;
	kb->nr_total -= kb->nr_free;
	kb->nr_free = 0;
}

static void *power_alloc(struct bytes_part *part, const struct bytes_cache *bc)
{
	struct power_part *pp = to_power(part);
	u32 bucket = bucket_of(bc);
	struct bucket *kb = &pp->buckets[bucket];
	u64 block = kb->next, next;

	if (!block)
		return NULL;
	charge(COST_LIST_STEP);
	next = *link_at(block);
	kb->nr_free--;
	usage_of(pp, bytes_block_at(part, block - 1)->page)->ku_freecnt--;
	if (kb->nr_free ? !makes_sense(pp, bucket, next) : next != 0)
		give_up(pp, bucket, block);
	else
		kb->next = next;
	if (!kb->next)
		kb->last = 0;
	return link_at(block);
}

static void append(struct bucket *kb, u64 block)
{
	*link_at(block) = 0;
	if (kb->next)
		*link_at(kb->last) = block;
	else
		kb->next = block;
	kb->last = block;
	kb->nr_free++;
	charge(COST_LIST_STEP);
}

/* Splits the pages; from then on they hold blocks of this size. */
static bool power_add(struct bytes_part *part, struct page *page, const struct bytes_cache *bc)
{
	struct power_part *pp = to_power(part);
	u32 bucket = bucket_of(bc), nr = (u32)((PAGE_SIZE << page->order) >> bucket);
	s64 slot = bytes_table_get(&pp->kmemusage);
	u64 block = virt_to_phys(page_address(page)) + 1;

	if (slot < 0)
		return false;
	page->slab_private = (u32)slot;
	page->objects = 1; /* split */
	*usage_of(pp, page) = (struct kmemusage){(u16)bucket, (u16)nr};
	pp->buckets[bucket].nr_total += nr;
	for (u32 i = 0; i < nr; i++)
		append(&pp->buckets[bucket], block + ((u64)i << bucket));
	return true;
}

static void power_free(struct bytes_part *part, void *object, const struct bytes_cache *bc)
{
	struct power_part *pp = to_power(part);

	usage_of(pp, virt_to_head_page(object))->ku_freecnt++;
	append(&pp->buckets[bucket_of(bc)], virt_to_phys(object) + 1);
}

/* ---- The rest ---- */

static bool power_geometry(const struct slab_allocator *sa, struct bytes_cache *bc)
{
	u32 bytes = max(bc->c.objsize, bc->c.align), bucket = MINBUCKET;

	(void)sa;
	bc->whole = bytes > MAXALLOCSAVE;
	bc->c.order = bytes_order(bytes);
	if (bc->c.order >= MAX_ORDER)
		return false;
	while (1ULL << bucket < bytes)
		bucket++;
	bc->c.size = bc->whole ? (u32)PAGE_SIZE << bc->c.order : 1U << bucket;
	return true;
}

static void power_init(struct bytes_part *part)
{
	bytes_table_init(&to_power(part)->kmemusage, part, sizeof(struct kmemusage));
}

/* "Never": what a size has taken it keeps. */
static int power_reap(struct bytes_part *part)
{
	(void)part;
	return 0;
}

static void check_list(const struct power_part *pp, u32 bucket)
{
	const struct bucket *kb = &pp->buckets[bucket];
	u64 nr = 0, last = 0;

	for (u64 block = kb->next; block; block = *link_at(block)) {
		ASSERT(makes_sense(pp, bucket, block));
		ASSERT(nr < kb->nr_free);
		last = block;
		nr++;
	}
	ASSERT(nr == kb->nr_free && last == kb->last);
}

static void power_check(const struct bytes_part *part)
{
	const struct power_part *pp = to_power(part);
	const struct bytes_block *b;
	u64 free[NR_BUCKETS] = {0}, total[NR_BUCKETS] = {0};
	u32 split = 0;

	list_for_each_entry (b, &part->blocks, list) {
		const struct kmemusage *ku;

		if (!b->page->objects)
			continue;
		ku = usage_of(pp, b->page);
		ASSERT(b->page->order == BUCKET_ORDER(ku->ku_indx));
		ASSERT(ku->ku_freecnt + b->live <= bytes_block_size(b) >> ku->ku_indx);
		free[ku->ku_indx] += ku->ku_freecnt;
		total[ku->ku_indx] += ku->ku_freecnt + b->live;
		split++;
	}
	ASSERT(split == pp->kmemusage.nr_used);
	for (u32 bucket = MINBUCKET; bucket < NR_BUCKETS; bucket++) {
		ASSERT(free[bucket] == pp->buckets[bucket].nr_free);
		ASSERT(total[bucket] == pp->buckets[bucket].nr_total);
		check_list(pp, bucket);
	}
}

static void power_fini(struct bytes_part *part)
{
	bytes_table_fini(&to_power(part)->kmemusage);
}

static const struct bytes_ops power_ops = {
	.lock_class = "kmem bucket",
	.part_size = sizeof(struct power_part),
	.geometry = power_geometry,
	.init = power_init,
	.alloc = power_alloc,
	.add = power_add,
	.free = power_free,
	.reap = power_reap,
	.check = power_check,
	.fini = power_fini,
};

static struct allocator_desc power_of_two_desc;

static struct slab_allocator *power_instance(struct slab_allocator *base,
					     struct page_allocator *pages, const void *options,
					     struct err *e)
{
	struct bytes_allocator *ba = instance_alloc(sizeof(*ba));

	(void)base, (void)options, (void)e;
	bytes_init(ba, &power_ops, pages, &power_of_two_desc);
	return &ba->sa;
}

static struct allocator_desc power_of_two_desc = {
	.name = "power_of_two",
	.kind = ALLOC_SLAB,
	.role = ROLE_SOURCE,
	.summary = "lists of free blocks by powers of two (4.4BSD)",
	.help = "A list for each power of two from 16 bytes to two pages. A page that a list takes "
		"is\n"
		"split into blocks of its size and never comes back. An entry of 4 bytes for each "
		"page\n"
		"says its size, so objects have no header. Larger objects are pages.\n",
	.any_size = true,
	.create_slab = power_instance,
};
ALLOCATOR(power_of_two_desc)
