/*
 * The boot phase: who may ask for memory when, and what becomes of early memory.
 *
 *	SLAB_NONE	bootmem only
 *	 kmem_cache_init()
 *	SLAB_EARLY	slabs of pages that come from bootmem and go back to it
 *	 mem_init()	what bootmem has not given out goes to the page allocator
 *	SLAB_FORBIDDEN	kmalloc, kfree and kmem_cache_* are bugs, as in SLAB_NONE
 *	 kmem_cache_init()
 *	SLAB_NORMAL	pages from the page allocator; early ones are freed to it like any other
 *
 * The one question everybody asks: *which machines have it?* Those with a layer `boot` in their
 * page chain (alloc/pages/boot.c); all others are SLAB_NORMAL from the start.
 */
#ifndef ALLOC_BOOT_H
#define ALLOC_BOOT_H

#include "alloc/page_alloc.h"

struct slab_cache;
struct slab_allocator;

struct boot_options {
	/*
	 * Patterns of call sites: requests up to the last one that matches `until`, before the
	 * first that matches `before`, are early. "": of the whole load.
	 */
	char until[48], before[48];
};

/* What the hand-over moved, in pages. */
struct boot_counts {
	u64 handed_over; /* free: now the page allocator's */
	u64 kept;	 /* given out before */
};

/* The layer `boot` of this chain; NULL: the chain has none. */
const struct page_allocator *boot_layer(const struct page_allocator *pa);
const struct boot_options *boot_options_of(const struct page_allocator *boot);
/* They are not the default: somebody means this load. */
bool boot_options_given(const struct page_allocator *boot);

/* The first call makes slabs usable, the second, after mem_init, for good; any other is a bug. */
void kmem_cache_init(void);
/*
 * bootmem's free memory becomes the page allocator's, blocks given out early are its to take back.
 * Recounts all memory: ASSERTs that no page is lost and none is there twice. Once.
 */
void mem_init(const struct page_allocator *boot, struct boot_counts *counts);

/* Ends the program as a bug of who called `what` now: names the state and the call site. */
_Noreturn void slab_state_bug(const char *what);

/* At every entry of the slab layer's interface: one branch, not taken. */
static inline void slab_state_check(const char *what)
{
	if (unlikely(kernel->slab_state >= SLAB_NONE))
		slab_state_bug(what);
}

/*
 * Bytes of bootmem, with the pages around them, before the hand-over; NULL: refused. `pages` is the
 * whole chain: pages that are new count as given out by each of its layers. They are PG_slab and
 * PG_mixed, and `mixed` is their slab_cache.
 */
void *boot_alloc_bytes(const struct page_allocator *pages, u64 size, u64 align, gfp_t flags,
		       int node, const struct slab_cache *mixed);
/* Gives back the whole pages inside; returns how many. */
unsigned long boot_free_bytes(const struct page_allocator *pages, void *object, u64 size);
/* What the slab layer `bootmem` has done. */
struct bootmem_counts {
	u64 nr_objects; /* handed out early */
	u64 nr_late;	/* of these: freed when they could not be given back any more */
	u64 lost_bytes; /* of freed ones, with the parts of pages that earlier frees left */
};

/* NULL: the chain has no such layer. */
const struct bootmem_counts *bootmem_slab_counts(const struct slab_allocator *sa);
/* Instance memory that hangs on such pages, and goes with the layer: each begins with its link. */
struct list_head *boot_records(const struct page_allocator *pages);
/* Pages that boot_alloc_bytes has taken and that will not come back. */
u64 boot_byte_pages(const struct page_allocator *boot);

#endif
