/*
 * sequential_fit: one address-ordered list of free runs (SunOS 4.1.3; Stephenson 1983, "Fast Fits:
 * New Methods for Dynamic Storage Allocation").
 *
 * Theory: memory is whatever lies between objects. A request takes the start of the first run, by
 * address, that is large enough, and a free melts with the runs on both sides. Nothing is rounded
 * but to 8 bytes, so internal fragmentation is next to none; low addresses are preferred, so high
 * ones come free; but over time the runs between long-lived objects get too small to be of use
 * (in equilibrium there are half as many runs as objects, Knuth's fifty-percent rule).
 *
 * To walk a list would cost a step for each run. The runs form a Cartesian tree instead: by address
 * from left to right, and no run is larger than the one above it. So a subtree whose top is too
 * small has nothing that fits, and the first fit is found, and a run inserted, on one way down.
 * Runs have headers (two links, address, size), which lie in memory of their own, for runs may be
 * smaller than a header; objects have none, as a free says its size.
 *
 * Invariant: the tree is ordered both ways; runs never touch within a block of pages and never
 * cover one, for then it goes back. Runs, objects and what waits for a header add up to the blocks.
 *
 * Unlike SunOS: its arena is contiguous kernel addresses, this one blocks of pages, and no run goes
 * across two. It descends towards the better fitting of two runs, as fit=better does; the default
 * is the plain rule. The smallest object has 16 bytes, not one word: enough to wait in for memory
 * for a header, as blocks that interrupts free wait there. The allocator was not for several CPUs.
 */
#include "alloc/slab/bytes.h"

#define MIN_BYTES 16U

enum fit { FIT_FIRST, FIT_BETTER };
static const char *const fit_names[] = {"first", "better", NULL};

struct sequential_options {
	u64 order;
	u64 fit;
};

struct sequential {
	struct bytes_allocator ba;
	struct sequential_options o;
};

/* The header of a free run; links are slots + 1, 0: none. */
struct freehdr {
	u64 left, right;
	u64 block; /* physical address */
	u64 size;
};

/* What was freed while there was no memory for a header, in that memory. */
struct waiting {
	u64 next; /* physical address + 1; 0: none */
	u64 size;
};

struct sequential_part {
	struct bytes_part part;
	struct bytes_table headers;
	u64 root;
	u64 waiting, waiting_bytes;
	const struct sequential_options *o;
};

static struct sequential_part *to_sequential(const struct bytes_part *part)
{
	return container_of((struct bytes_part *)(unsigned long)part, struct sequential_part, part);
}

/* ---- The tree ---- */

static struct freehdr *header_at(const struct sequential_part *sp, u64 link)
{
	return bytes_table_entry(&sp->headers, (u32)link - 1);
}

/* Size of a run; 0 of none. */
static u64 weight(const struct sequential_part *sp, u64 link)
{
	return link ? header_at(sp, link)->size : 0;
}

/* Where the run that is to stand at `at` belongs, its two subtrees merged above and below it. */
static void sink(struct sequential_part *sp, u64 *at, u64 link, u64 size)
{
	struct freehdr *h = header_at(sp, link);
	u64 left = h->left, right = h->right;

	while (weight(sp, left) > size || weight(sp, right) > size) {
		charge(COST_LIST_STEP);
		if (weight(sp, left) >= weight(sp, right)) {
			*at = left;
			at = &header_at(sp, left)->right;
			left = *at;
		} else {
			*at = right;
			at = &header_at(sp, right)->left;
			right = *at;
		}
	}
	if (size) {
		*at = link;
		h->left = left;
		h->right = right;
	} else {
		*at = 0; /* both subtrees are used up */
	}
}

static void delete_run(struct sequential_part *sp, u64 *at)
{
	u64 link = *at;

	sink(sp, at, link, 0);
	bytes_table_put(&sp->headers, (u32)link - 1);
	sp->part.nr_runs--;
}

/* Shrinks the run at `at`. */
static void demote(struct sequential_part *sp, u64 *at, u64 block, u64 size)
{
	u64 link = *at;

	header_at(sp, link)->block = block;
	header_at(sp, link)->size = size;
	sink(sp, at, link, size);
}

/* False: no memory for a header. */
static bool insert_run(struct sequential_part *sp, u64 block, u64 size)
{
	s64 slot = bytes_table_get(&sp->headers);
	u64 *at = &sp->root, *left, *right, x;
	struct freehdr *h;

	if (slot < 0)
		return false;
	while (weight(sp, *at) >= size) {
		charge(COST_LIST_STEP);
		h = header_at(sp, *at);
		at = block < h->block ? &h->left : &h->right;
	}
	x = *at;
	*at = (u64)slot + 1;
	h = header_at(sp, *at);
	*h = (struct freehdr){.block = block, .size = size};
	/* What stood here is split by address: its links across the new run are redrawn. */
	left = &h->left;
	right = &h->right;
	while (x) {
		charge(COST_LIST_STEP);
		h = header_at(sp, x);
		if (h->block < block) {
			*left = x;
			left = &h->right;
			x = h->right;
		} else {
			*right = x;
			right = &h->left;
			x = h->left;
		}
	}
	*left = *right = 0;
	sp->part.nr_runs++;
	return true;
}

/* The first run from address `from` on with so many bytes: where its link stands. NULL: none. */
static u64 *first_fit(struct sequential_part *sp, u64 size, u64 from)
{
	u64 *at = &sp->root, *found = NULL;

	while (weight(sp, *at) >= size) {
		struct freehdr *h = header_at(sp, *at);

		charge(COST_LIST_STEP);
		if (h->block >= from)
			found = at;
		at = h->block >= from ? &h->left : &h->right;
	}
	return found;
}

/* Down to the smaller of two runs that fit, until none below does. */
static u64 *better_fit(struct sequential_part *sp, u64 size)
{
	u64 *at = &sp->root;

	if (weight(sp, *at) < size)
		return NULL;
	for (;;) {
		struct freehdr *h = header_at(sp, *at);
		u64 left = weight(sp, h->left), right = weight(sp, h->right);

		charge(COST_LIST_STEP);
		if (left < size && right < size)
			return at;
		if (left >= size && (right < size || left <= right))
			at = &h->left;
		else
			at = &h->right;
	}
}

/* ---- Free ---- */

static bool same_block(u64 a, u64 b)
{
	return virt_to_head_page(kernel->direct_map + a) ==
	       virt_to_head_page(kernel->direct_map + b);
}

/* Melts the run with its neighbours, which leave the tree. */
static void absorb_neighbours(struct sequential_part *sp, u64 *block, u64 *size)
{
	u64 *at = &sp->root;

	while (*at) {
		struct freehdr *h = header_at(sp, *at);
		bool behind = *block + *size == h->block, before = h->block + h->size == *block;

		charge(COST_LIST_STEP);
		if ((behind || before) && same_block(*block, h->block)) {
			*block = min(*block, h->block);
			*size += h->size;
			delete_run(sp, at);
		} else {
			at = *block < h->block ? &h->left : &h->right;
		}
	}
}

/* False: it must wait, for there is no memory for its header. */
static bool free_run(struct sequential_part *sp, u64 block, u64 size)
{
	struct bytes_block *b = bytes_block_at(&sp->part, block);

	absorb_neighbours(sp, &block, &size);
	if (size == bytes_block_size(b)) {
		bytes_block_put(b);
		return true;
	}
	if (insert_run(sp, block, size))
		return true;
	*(struct waiting *)(void *)(kernel->direct_map + block) =
		(struct waiting){sp->waiting, size};
	sp->waiting = block + 1;
	sp->waiting_bytes += size;
	return false;
}

/* True if this can be what free_run left there. */
static bool makes_sense(const struct sequential_part *sp, const struct waiting *w)
{
	const struct bytes_block *b = bytes_block_at(&sp->part, sp->waiting - 1);

	return b && w->size && w->size % BYTES_GRANULE == 0 && w->size <= sp->waiting_bytes &&
	       sp->waiting - 1 - virt_to_phys(page_name(b->page)) + w->size <=
		       bytes_block_size(b) &&
	       (!w->next || bytes_block_at(&sp->part, w->next - 1));
}

/* What waits for a header tries again. */
static void free_waiting(struct sequential_part *sp)
{
	while (sp->waiting) {
		u64 block = sp->waiting - 1;
		struct waiting w = *(struct waiting *)(void *)(kernel->direct_map + block);

		if (!makes_sense(sp, &w)) { /* lost, with what is behind it, until the heap goes */
			report_event("use_after_free", "sequential_fit: free run 0x%llx",
				     (unsigned long long)block);
			sp->waiting = 0;
			return;
		}
		sp->waiting = w.next;
		sp->waiting_bytes -= w.size;
		if (!free_run(sp, block, w.size))
			return;
	}
}

static void sequential_free(struct bytes_part *part, void *object, const struct bytes_cache *bc)
{
	struct sequential_part *sp = to_sequential(part);

	free_waiting(sp);
	free_run(sp, virt_to_phys(object), bc->c.size);
}

/* ---- Allocation ---- */

static u64 aligned_gap(u64 block, u32 align)
{
	return ALIGN(block, (u64)align) - block;
}

/* Takes `size` bytes `gap` behind the start of the run. False: no memory for another header. */
static bool take(struct sequential_part *sp, u64 *at, u64 gap, u64 size)
{
	struct freehdr *h = header_at(sp, *at);
	u64 block = h->block, rest = h->size - gap - size;
	s64 spare;

	if (gap && rest) { /* one run becomes two */
		spare = bytes_table_get(&sp->headers);
		if (spare < 0)
			return false;
		bytes_table_put(&sp->headers, (u32)spare);
	}
	if (!gap && !rest) {
		delete_run(sp, at);
		return true;
	}
	demote(sp, at, gap ? block : block + size, gap ? gap : rest);
	return !(gap && rest) || insert_run(sp, block + gap + size, rest);
}

static void *search(struct sequential_part *sp, const struct bytes_cache *bc)
{
	bool plain = bc->c.align <= BYTES_GRANULE;
	u64 *at, block, gap;

	if (sp->o->fit == FIT_BETTER && plain)
		at = better_fit(sp, bc->c.size);
	else
		at = first_fit(sp, bc->c.size, 0);
	for (; at; at = first_fit(sp, bc->c.size, block + 1)) {
		block = header_at(sp, *at)->block;
		gap = aligned_gap(block, bc->c.align);
		if (gap + bc->c.size > header_at(sp, *at)->size)
			continue;
		return take(sp, at, gap, bc->c.size) ? kernel->direct_map + block + gap : NULL;
	}
	return NULL;
}

/* What waits is looked at only where nothing fits, so that a new block is used and not kept. */
static void *sequential_alloc(struct bytes_part *part, const struct bytes_cache *bc)
{
	struct sequential_part *sp = to_sequential(part);
	void *object = search(sp, bc);

	if (likely(object) || !sp->waiting)
		return object;
	free_waiting(sp);
	return search(sp, bc);
}

/* A block is one run, and there is a header more, in case the object is taken from its middle. */
static bool sequential_add(struct bytes_part *part, struct page *page, const struct bytes_cache *bc)
{
	struct sequential_part *sp = to_sequential(part);
	s64 first = bytes_table_get(&sp->headers), second;

	(void)bc;
	if (first < 0)
		return false;
	second = bytes_table_get(&sp->headers);
	bytes_table_put(&sp->headers, (u32)first);
	if (second < 0)
		return false;
	bytes_table_put(&sp->headers, (u32)second);
	return insert_run(sp, virt_to_phys(page_address(page)), PAGE_SIZE << page->order);
}

/* ---- The rest ---- */

static const struct sequential_options *options_of(const struct slab_allocator *sa)
{
	return &container_of(sa, const struct sequential, ba.sa)->o;
}

static bool sequential_geometry(const struct slab_allocator *sa, struct bytes_cache *bc)
{
	bc->c.size = ALIGN(max(bc->c.objsize, MIN_BYTES), BYTES_GRANULE);
	bc->c.order = bytes_order(max(bc->c.size, bc->c.align));
	bc->c.order = max(bc->c.order, (int)options_of(sa)->order);
	return bc->c.order < MAX_ORDER;
}

static void sequential_init(struct bytes_part *part)
{
	struct sequential_part *sp = to_sequential(part);

	sp->o = options_of(part->heap->c.slab_alloc);
	bytes_table_init(&sp->headers, part, sizeof(struct freehdr));
}

static int sequential_reap(struct bytes_part *part)
{
	u64 blocks = part->nr_blocks;

	free_waiting(to_sequential(part));
	return (int)(blocks - part->nr_blocks);
}

static u64 live_bytes(const struct bytes_block *b)
{
	const struct bytes_allocator *ba = bytes_allocator_of(b->part->heap->c.slab_alloc);
	u64 bytes = 0;

	for (u64 i = 0; i < bytes_block_size(b) / BYTES_GRANULE; i++)
		if (b->owner[i] && !(b->owner[i] & 1))
			bytes += ba->caches[b->owner[i] >> 1]->c.size;
	return bytes;
}

static void check_run(struct sequential_part *sp, const struct freehdr *h, u64 end)
{
	struct bytes_block *b = bytes_block_at(&sp->part, h->block);

	ASSERT(b && h->size && h->size < bytes_block_size(b));
	ASSERT(bytes_block_at(&sp->part, h->block + h->size - 1) == b);
	ASSERT(!end || end < h->block || (end == h->block && !same_block(end - 1, end)));
	ASSERT(weight(sp, h->left) <= h->size && weight(sp, h->right) <= h->size);
	ASSERT(!h->left || header_at(sp, h->left)->block < h->block);
	ASSERT(!h->right || header_at(sp, h->right)->block > h->block);
}

static void sequential_check(const struct bytes_part *part)
{
	struct sequential_part *sp = to_sequential(part);
	u64 clock_ns = kernel->clock_ns, end = 0, bytes = sp->waiting_bytes, nr = 0, *at;
	const struct bytes_block *b;

	while ((at = first_fit(sp, 1, end))) {
		const struct freehdr *h = header_at(sp, *at);

		check_run(sp, h, end);
		end = h->block + h->size;
		bytes += h->size;
		nr++;
	}
	ASSERT(nr == sp->part.nr_runs && nr == sp->headers.nr_used);
	list_for_each_entry (b, &part->blocks, list)
		bytes += live_bytes(b) - bytes_block_size(b);
	ASSERT(!bytes);
	kernel->clock_ns = clock_ns; /* looking takes no time */
}

static void sequential_fini(struct bytes_part *part)
{
	bytes_table_fini(&to_sequential(part)->headers);
}

static const struct bytes_ops sequential_ops = {
	.lock_class = "kmem_alloc",
	.part_size = sizeof(struct sequential_part),
	.geometry = sequential_geometry,
	.init = sequential_init,
	.alloc = sequential_alloc,
	.add = sequential_add,
	.free = sequential_free,
	.reap = sequential_reap,
	.check = sequential_check,
	.fini = sequential_fini,
};

static struct allocator_desc sequential_fit_desc;

static struct slab_allocator *sequential_instance(struct slab_allocator *base,
						  struct page_allocator *pages, const void *options,
						  struct err *e)
{
	struct sequential *s = instance_alloc(sizeof(*s));

	(void)base, (void)e;
	bytes_init(&s->ba, &sequential_ops, pages, &sequential_fit_desc);
	s->o = *(const struct sequential_options *)options;
	return &s->ba.sa;
}

static const struct opt_desc sequential_opts[] = {
	OPT_U64("order", struct sequential_options, order, "0", 0, LARGEST_ORDER,
		"of the blocks of pages taken when nothing fits, unless one object needs more"),
	OPT_ENUM("fit", struct sequential_options, fit, "first", fit_names,
		 "first: the lowest address that fits; better: the way down of SunOS"),
	OPT_END,
};

static struct allocator_desc sequential_fit_desc = {
	.name = "sequential_fit",
	.kind = ALLOC_SLAB,
	.role = ROLE_SOURCE,
	.summary = "address-ordered first fit over free runs in a Cartesian tree (SunOS 4.1.3)",
	.help = "One arena for all sizes: a request takes the start of the first run that fits, a "
		"free\n"
		"melts with its neighbours. Runs have headers of 32 bytes in memory of their own; "
		"objects\n"
		"have none. Blocks of pages go back when they are empty.\n",
	.options = sequential_opts,
	.options_size = sizeof(struct sequential_options),
	.any_size = true,
	.create_slab = sequential_instance,
};
ALLOCATOR(sequential_fit_desc)
