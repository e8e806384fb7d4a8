/*
 * The oracle of the page fuzzer: it believes nothing a page allocator says and checks what it hands
 * out.
 *
 * A bit for every frame tells what is in use, so no two blocks overlap and a refusal can be proven
 * wrong; blocks are stamped page by page when they are handed out and must still carry the stamps
 * when they are freed. It shares no code with the allocators, not even the zone tables.
 */
#ifndef TESTS_PAGE_ORACLE_H
#define TESTS_PAGE_ORACLE_H

#include "alloc/kernel.h"

#define ORACLE_BLOCKS_MAX 8192

struct oracle_block {
	struct page *page;
	int order;
	u32 stamp; /* 0: contents were left alone */
};

/* What was asked for, as it reaches the source: node -1 stands for the CPU's. */
struct oracle_request {
	int order, node;
	gfp_t flags;
};

struct page_oracle {
	u64 *used;		     /* bitmap of frames */
	struct oracle_block *blocks; /* ORACLE_BLOCKS_MAX */
	unsigned int nr_blocks;
	u32 next_stamp;
	char wrong[256]; /* the first thing found wrong; "": nothing so far */
};

void page_oracle_init(struct page_oracle *o);
void page_oracle_fini(struct page_oracle *o);
/* A block was handed out; write: give it contents. */
void page_oracle_allocated(struct page_oracle *o, const struct oracle_request *r, struct page *page,
			   bool write);
/* A request was refused although every free frame was within reach. */
void page_oracle_refused(struct page_oracle *o, const struct oracle_request *r);
/* The block at pfn was refused although every free frame was within reach. */
void page_oracle_refused_at(struct page_oracle *o, const struct oracle_request *r,
			    unsigned long pfn);
/* Block number i lies there from now on. */
void page_oracle_moved(struct page_oracle *o, unsigned int i, struct page *to);
/* Before a free: forgets block number i; the last one gets its number. */
struct oracle_block page_oracle_freeing(struct page_oracle *o, unsigned int i);
bool page_oracle_in_use(const struct page_oracle *o, unsigned long pfn, int order);
/* All blocks still carry their stamps. */
void page_oracle_verify(struct page_oracle *o);
void page_oracle_wrong(struct page_oracle *o, const char *fmt, ...) __printf(2, 3);

#endif
