/*
 * Importer of LLFree's page trace: every allocation and free of page frames that its instrumented
 * kernel saw.
 *
 * Theory. The file is pages of 4 KiB, everything little-endian. The first is the header: u32 pages
 * that follow, u32 CPUs, u32 max_pfn (the first frame above all memory); the rest is zero. Every
 * other page is one CPU's: u32 CPU, then from byte 16 on 255 entries of 128 bits, lowest first:
 * time in us since boot 38, pfn 24, allocation 1, order 4, gfp 29, pid 32. A CPU takes a new page
 * when its own is full: its pages are in order, those of the CPUs mixed. What a CPU did not fill is
 * zero, and a zero page ends the trace. (llfree-linux, mm/llfree/size_counters.c.) Reading it from
 * sysfs cuts off the last page.
 *
 * CPUs are merged by time. Within a microsecond the order is not recorded: an event goes first that
 * fits what is allocated.
 *
 * Memory: one page for each CPU, four bytes for each page of the file, a bit for each frame.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/bits.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "traces/bytes.h"
#include "traces/gfp.h"
#include "traces/guard.h"
#include "traces/importer.h"

#define PAGE_BYTES 4096U
#define ENTRIES_AT 16U
#define ENTRY_BYTES 16U
#define ENTRIES ((PAGE_BYTES - ENTRIES_AT) / ENTRY_BYTES)
#define HEADER_BYTES 12U
#define CPUS_MAX 1024U
#define PFN_MAX (1U << 24)
#define ORDER_MAX 10U
#define MEMORY_BLOCK (4 * MIB) /* what machines have memory in */
#define BACK_MAX_US 1000000ULL /* an interrupt's entry may come before that of whom it interrupts */

struct entry {
	u64 time_us;
	u32 pfn, gfp, pid;
	u8 order;
	bool alloc;
};

struct cpu {
	u8 page[PAGE_BYTES];
	u32 number; /* of the page in the file; 0: none left */
	u32 index;  /* of the entry */
	struct entry head;
};

struct llfree {
	FILE *f;
	const char *path;
	u32 nr_pages, nr_cpus, max_pfn;
	u32 *next;  /* by page: the CPU's next one, 0: none */
	u32 *first; /* by CPU: its first page */
	struct cpu *cpus;
	u64 *allocated; /* a bit for each frame: first of a block that is allocated */
	u64 nr_allocs, nr_frees, t_last_us;
};

static int damaged(const struct llfree *ll, u64 offset, const char *what, struct err *e)
{
	return err_set(e, "%s: offset %llu: damaged: %s", ll->path, (unsigned long long)offset,
		       what);
}

static bool plausible(const u8 *head)
{
	u64 cpus = le_load(head + 4, 4), max_pfn = le_load(head + 8, 4);

	if (!cpus || cpus > CPUS_MAX || !max_pfn || max_pfn > PFN_MAX)
		return false;
	for (u32 i = HEADER_BYTES; i < PAGE_BYTES; i++)
		if (head[i])
			return false;
	return true;
}

static bool llfree_probe(const u8 *head, size_t n)
{
	return n >= 2 * PAGE_BYTES && plausible(head) &&
	       le_load(head + PAGE_BYTES, 4) < le_load(head + 4, 4);
}

static int read_page(struct llfree *ll, u32 number, u8 *page, struct err *e)
{
	if (fseek(ll->f, (long)number * PAGE_BYTES, SEEK_SET) ||
	    fread(page, PAGE_BYTES, 1, ll->f) != 1)
		return err_set(e, "%s: cannot read page %u: %s", ll->path, number,
			       ferror(ll->f) ? strerror(errno) : "truncated");
	return 0;
}

static struct entry decode(const u8 *p)
{
	u64 low = le_load(p, 8), high = le_load(p + 8, 8);

	return (struct entry){
		.time_us = low & ((1ULL << 38) - 1),
		.pfn = (u32)(low >> 38) & (PFN_MAX - 1),
		.alloc = low >> 62 & 1,
		.order = (u8)((low >> 63) | (high & 7) << 1),
		.gfp = (u32)(high >> 3) & ((1U << 29) - 1),
		.pid = (u32)(high >> 32),
	};
}

static bool is_empty(const u8 *p)
{
	return !le_load(p, 8) && !le_load(p + 8, 8);
}

static int read_header(struct llfree *ll, u64 bytes, struct err *e)
{
	u8 page[PAGE_BYTES];
	u64 pages = bytes / PAGE_BYTES, said;

	if (read_page(ll, 0, page, e))
		return -1;
	said = le_load(page, 4);
	ll->nr_cpus = (u32)le_load(page + 4, 4);
	ll->max_pfn = (u32)le_load(page + 8, 4);
	if (bytes % PAGE_BYTES || said > pages || pages > UINT32_MAX)
		return err_set(e,
			       "%s: offset %llu: truncated: %llu pages of %u bytes should follow "
			       "the header",
			       ll->path, (unsigned long long)bytes, (unsigned long long)said,
			       PAGE_BYTES);
	ll->nr_pages = (u32)(said && said < pages ? said + 1 : pages);
	return 0;
}

/* Which pages are whose. */
static int chain_pages(struct llfree *ll, struct err *e)
{
	u32 *last = mem_alloc(ll->nr_cpus, sizeof(*last));
	u8 page[PAGE_BYTES];
	int ret = 0;

	for (u32 i = 1; i < ll->nr_pages && !ret; i++) {
		u32 cpu;

		ret = read_page(ll, i, page, e);
		cpu = (u32)le_load(page, 4);
		if (ret || (!cpu && is_empty(page + ENTRIES_AT)))
			break;
		if (cpu >= ll->nr_cpus) {
			ret = damaged(ll, (u64)i * PAGE_BYTES, "a page of a CPU that is not there",
				      e);
			break;
		}
		if (last[cpu])
			ll->next[last[cpu]] = i;
		else
			ll->first[cpu] = i;
		last[cpu] = i;
	}
	free(last);
	return ret;
}

/* The entry at the CPU's place, or the first one of its next page. */
static int load_entry(struct llfree *ll, struct cpu *c, struct err *e)
{
	u64 before = c->head.time_us, offset;
	const u8 *at;

	while (c->number &&
	       (c->index == ENTRIES || is_empty(c->page + ENTRIES_AT + c->index * ENTRY_BYTES))) {
		c->number = ll->next[c->number];
		c->index = 0;
		if (c->number && read_page(ll, c->number, c->page, e))
			return -1;
	}
	if (!c->number)
		return 0;
	at = c->page + ENTRIES_AT + c->index * ENTRY_BYTES;
	offset = (u64)c->number * PAGE_BYTES + (u64)(at - c->page);
	c->head = decode(at);
	if (c->head.order > ORDER_MAX)
		return damaged(ll, offset, "an order above 10", e);
	if (c->head.pfn > ll->max_pfn)
		return damaged(ll, offset, "a page frame above the machine's memory", e);
	if (c->head.time_us + BACK_MAX_US < before)
		return damaged(ll, offset, "time goes back by more than a second", e);
	return 0;
}

static bool fits(const struct llfree *ll, const struct entry *en)
{
	return bit_test(ll->allocated, en->pfn) != en->alloc;
}

/* The CPU whose entry is next; NULL: none left. */
static struct cpu *oldest(struct llfree *ll)
{
	struct cpu *best = NULL;

	for (u32 i = 0; i < ll->nr_cpus; i++) {
		struct cpu *c = &ll->cpus[i];

		if (!c->number)
			continue;
		if (!best || c->head.time_us < best->head.time_us ||
		    (c->head.time_us == best->head.time_us && !fits(ll, &best->head) &&
		     fits(ll, &c->head)))
			best = c;
	}
	return best;
}

static int hand_on(struct llfree *ll, struct raw_sink *sink, const struct cpu *c, struct err *e)
{
	const struct entry *en = &c->head;
	struct raw_event ev = {
		.t_ns = en->time_us * NSEC_PER_USEC,
		.ptr = en->pfn,
		/* Above are bits of LLFree's own and of no meaning to an allocator. */
		.gfp = en->gfp & (2 * __GFP_ACCOUNT - 1),
		.pid = en->pid,
		.cpu = (u16)(c - ll->cpus),
		.node = -1,
		.type = en->alloc ? RAW_PAGE_ALLOC : RAW_PAGE_FREE,
		.order = en->order,
	};

	if (en->alloc)
		bit_set(ll->allocated, en->pfn);
	else
		bit_clear(ll->allocated, en->pfn);
	*(en->alloc ? &ll->nr_allocs : &ll->nr_frees) += 1;
	ll->t_last_us = max(ll->t_last_us, en->time_us);
	return raw_sink_event(sink, &ev, e);
}

/* The recorded machine: as many CPUs, all of its memory in one node. */
static void tell_machine(const struct llfree *ll, struct raw_sink *sink)
{
	u64 memory = ALIGN((u64)ll->max_pfn * PAGE_BYTES, MEMORY_BLOCK);
	char text[128];

	snprintf(text, sizeof(text),
		 "kmemsim: machine/1\nname: llfree\nnodes:\n  - {memory: %lluMiB, cpus: 0-%u}\n",
		 (unsigned long long)(memory / MIB), ll->nr_cpus - 1);
	raw_sink_machine(sink, text);
}

static int merge(struct llfree *ll, struct raw_sink *sink, struct err *e)
{
	struct cpu *c;
	u64 done = 0;

	for (u32 i = 0; i < ll->nr_cpus; i++) {
		c = &ll->cpus[i];
		c->number = ll->first[i];
		if (c->number && (read_page(ll, c->number, c->page, e) || load_entry(ll, c, e)))
			return -1;
	}
	c = oldest(ll);
	if (!c)
		return err_set(e, "%s: no events in it", ll->path);
	raw_sink_begin(sink, ll->nr_cpus, "", "mono", c->head.time_us * NSEC_PER_USEC);
	for (; c; c = oldest(ll)) {
		if (hand_on(ll, sink, c, e))
			return -1;
		c->index++;
		if (load_entry(ll, c, e))
			return -1;
		if (++done % 16384 == 0)
			guard_progress(done, (u64)ll->nr_pages * ENTRIES);
	}
	return 0;
}

static int read_all(struct llfree *ll, struct raw_sink *sink, struct err *e)
{
	ll->next = mem_alloc(ll->nr_pages, sizeof(*ll->next));
	ll->first = mem_alloc(ll->nr_cpus, sizeof(*ll->first));
	ll->cpus = mem_alloc(ll->nr_cpus, sizeof(*ll->cpus));
	ll->allocated = mem_alloc(ll->max_pfn / 64 + 1, sizeof(*ll->allocated));
	tell_machine(ll, sink);
	if (chain_pages(ll, e) || merge(ll, sink, e))
		return -1;
	raw_sink_count(sink, "alloc", ll->nr_allocs);
	raw_sink_count(sink, "free", ll->nr_frees);
	raw_sink_end(sink, ll->t_last_us * NSEC_PER_USEC, 0);
	return 0;
}

static int llfree_run(const char *path, struct raw_sink *sink, struct err *e)
{
	struct llfree ll = {.path = path, .f = fopen(path, "rb")};
	struct stat st;
	int ret = -1;

	if (!ll.f || fstat(fileno(ll.f), &st))
		err_set(e, "%s: cannot open: %s", path, strerror(errno));
	else if (!read_header(&ll, (u64)st.st_size, e))
		ret = read_all(&ll, sink, e);
	if (ll.f)
		fclose(ll.f);
	free(ll.next);
	free(ll.first);
	free(ll.cpus);
	free(ll.allocated);
	return ret;
}

static struct importer llfree = {
	.name = "llfree",
	.summary = "page trace of LLFree's kernel (binary)",
	.probe = llfree_probe,
	.run = llfree_run,
};

IMPORTER_REGISTER(llfree)
