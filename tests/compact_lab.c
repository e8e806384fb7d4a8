/*
 * A machine and a load whose pages move.
 */
#include "tests/compact_lab.h"

#include "alloc/pages/block.h"

struct page *frames[NR_FRAMES];
u64 nr_moves, nr_asked;
int refuse_every;
struct compact_trace last_run;
unsigned int nr_runs;

static bool move(struct page *from, struct page *to)
{
	unsigned long holder = from->index;

	assert_true(frames[holder] == from);
	assert_int_equal(to->flags & (PG_allocated | PG_held | PG_buddy | PG_pcp | PG_layer),
			 PG_allocated);
	assert_int_equal(to->migratetype, from->migratetype);
	if (refuse_every && ++nr_asked % (u64)refuse_every == 0)
		return false;
	block_copy(to, from, 0);
	frames[holder] = to;
	page_holder_clear(from);
	page_holder_set(to, holder, true);
	nr_moves++;
	return true;
}

static struct mm_ops ops;

static void note_run(void *arg, const struct compact_trace *t)
{
	(void)arg;
	last_run = *t;
	nr_runs++;
}

void compact_lab_open_on(struct lab *lab, const char *nodes, const char *chain, enum mm_mode mode)
{
	memset(frames, 0, sizeof(frames));
	nr_moves = nr_runs = 0;
	refuse_every = 0;
	lab_open(lab, nodes, chain);
	lab->m->on_compact = note_run;
	ops = mm_nobody;
	ops.migrate_page = move;
	kernel->mm_ops = &ops;
	kernel->mm_mode = mode;
	if (mode != MM_BARE)
		kthreads_begin(lab->m);
}

void compact_lab_open(struct lab *lab, const char *chain, enum mm_mode mode)
{
	compact_lab_open_on(lab, NODES, chain, mode);
}

void compact_lab_close(struct lab *lab)
{
	for (unsigned long i = 0; i < NR_FRAMES; i++)
		if (frames[i])
			lab_free(lab, 0, frames[i], frames[i]->order);
	kernel->mm_mode = MM_BARE;
	kernel->mm_ops = &mm_nobody;
	lab_settle(lab);
	page_allocator_check(lab->pa);
	assert_int_equal(lab_free_pages(lab), kernel->max_pfn);
	lab_close(lab);
}

struct page_source *lab_source(const struct lab *lab)
{
	return container_of((struct page_allocator *)page_allocator_source(lab->pa),
			    struct page_source, pa);
}

void hold(struct lab *lab, unsigned long pfn, bool movable)
{
	struct page *page = page_alloc_at(lab->pa, pfn, 0, GFP_HIGHUSER_MOVABLE, -1);

	assert_non_null(page);
	*(unsigned long *)page_address(page) = pfn;
	page_holder_set(page, pfn, movable);
	frames[pfn] = page;
}

void contents_are_there(void)
{
	for (unsigned long i = 0; i < NR_FRAMES; i++)
		if (frames[i])
			assert_int_equal(*(unsigned long *)page_name(frames[i]), i);
}

long free_huge(const struct zone *zone, const struct lab *lab)
{
	long n = 0;

	for (int order = pageblock_order; order < MAX_ORDER; order++)
		for (int mt = 0; mt < MIGRATE_TYPES; mt++)
			n += (long)page_nr_free(lab->pa, zone, mt, order)
			     << (order - pageblock_order);
	return n;
}
