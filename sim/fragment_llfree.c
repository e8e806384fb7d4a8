/*
 * llfree: memory as LLFree's fragmentation benchmark leaves it (Wrenger et al., USENIX ATC 2023).
 *
 * Theory: every CPU takes pages of order 0 until so much of memory is in use; a random half of them
 * is given back; then single pages go and are taken again at once, on the same CPU, a random
 * tenth of them in a round. The page allocator of the stack does all of it, so what comes out is
 * its own fragmentation. CPUs take turns, a page each.
 *
 * Invariant: after the first half has gone, every round ends with as many pages in use.
 *
 * Unlike Linux: threads do not race; and no time passes.
 */
#include <stdlib.h>

#include "alloc/layer.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "sim/fragment.h"
#include "sim/machine.h"

struct llfree_options {
	u64 rounds, used, kept, realloc;
	bool movable;
};

struct pages {
	struct page **p;
	u64 nr;
};

/* The CPU whose thread has the i-th page. */
static void on_cpu_of(u64 i)
{
	struct machine *m = machine_current();

	machine_enter_event(m, (int)(i % (u64)kernel->nr_cpu_ids), m->now_ns);
}

static struct page *take(struct fragmenting *f, u64 i)
{
	const struct llfree_options *o = f->options;

	on_cpu_of(i);
	return page_alloc(f->source, 0, (o->movable ? GFP_HIGHUSER_MOVABLE : GFP_KERNEL),
			  NUMA_NO_NODE);
}

static bool take_up_to(struct fragmenting *f, struct pages *pages, u64 nr)
{
	while (pages->nr < nr) {
		struct page *page = take(f, pages->nr);

		if (!page)
			return false;
		pages->p[pages->nr++] = page;
	}
	return true;
}

/* Random ones; whoever has them now frees them. */
static void give_down_to(struct fragmenting *f, struct pages *pages, u64 nr)
{
	while (pages->nr > nr) {
		u64 i = rng_below(&f->rng, pages->nr);

		on_cpu_of(i);
		page_free(f->source, pages->p[i], 0);
		pages->p[i] = pages->p[--pages->nr];
	}
}

/* Gives back a random one and takes another, so often. */
static bool reallocate(struct fragmenting *f, struct pages *pages, u64 times)
{
	while (times--) {
		u64 i = rng_below(&f->rng, pages->nr);
		struct page *page;

		on_cpu_of(i);
		page_free(f->source, pages->p[i], 0);
		page = take(f, i);
		if (!page) {
			pages->p[i] = pages->p[--pages->nr];
			return false;
		}
		pages->p[i] = page;
	}
	return true;
}

static bool run(struct fragmenting *f, struct pages *pages, u64 wanted)
{
	const struct llfree_options *o = f->options;

	if (!take_up_to(f, pages, wanted))
		return false;
	give_down_to(f, pages, fragment_share(wanted, o->kept));
	for (u64 round = 0; round < o->rounds; round++) {
		if (!reallocate(f, pages, fragment_share(pages->nr, o->realloc)))
			return false;
	}
	return true;
}

static void report(const struct fragmenting *f, const struct pages *pages)
{
	u64 free = fragment_free_pages(f), huge = fragment_nr_free(f, pageblock_order);

	text_add(f->report,
		 "%llu pages in use; %.1f %% of the free ones are outside free 2 MiB blocks, of "
		 "which "
		 "%llu are left, of %llu possible\n",
		 (unsigned long long)pages->nr,
		 free ? 100.0 * (double)(free - (huge << pageblock_order)) / (double)free : 0.0,
		 (unsigned long long)huge, (unsigned long long)(free >> pageblock_order));
}

static int no_more(u64 got, u64 wanted, struct err *e)
{
	char size[2][32];

	size_human((double)(wanted << PAGE_SHIFT), size[0], sizeof(size[0]));
	size_human((double)(got << PAGE_SHIFT), size[1], sizeof(size[1]));
	return err_set(e, "%s are wanted in use, the page allocator gave %s", size[0], size[1]);
}

static int llfree_apply(struct fragmenting *f, struct err *e)
{
	const struct llfree_options *o = f->options;
	u64 all = fragment_all_pages(), in_use = all - fragment_free_pages(f);
	u64 wanted = fragment_share(all, o->used);
	struct pages pages = {.p = mem_alloc(all, sizeof(*pages.p))};
	int before = kernel->cpu, ret = 0;
	struct layer books = layer_books_suspend(f->source->layer);

	wanted -= min(wanted, in_use);
	if (!run(f, &pages, wanted))
		ret = no_more(pages.nr, wanted, e);
	layer_books_resume(f->source->layer, &books);
	machine_enter_event(machine_current(), before, machine_current()->now_ns);
	for (u64 i = 0; i < pages.nr; i++)
		page_state_adopt(f->ps, pages.p[i], o->movable);
	page_allocator_drain(f->source);
	if (!ret)
		report(f, &pages);
	free(pages.p);
	return ret;
}

static const struct opt_desc options[] = {
	OPT_U64("rounds", struct llfree_options, rounds, "10", 0, 100000, "of reallocation"),
	OPT_SHARE("used", struct llfree_options, used, "90%", 0, SHARE_ONE,
		  "share of memory in use after the fill"),
	OPT_SHARE("kept", struct llfree_options, kept, "50%", 0, SHARE_ONE,
		  "of these pages stay in use"),
	OPT_SHARE("realloc", struct llfree_options, realloc, "10%", 0, SHARE_ONE,
		  "of the pages in use are reallocated in a round"),
	OPT_BOOL("movable", struct llfree_options, movable, "off", "compaction can move the pages"),
	OPT_END,
};

static struct fragmenter llfree = {
	.name = "llfree",
	.summary = "fill, give a random half back, then reallocate single pages",
	.help = "LLFree's fragmentation benchmark, done by the stack's own page allocator: pages "
		"of "
		"order 0 fill `used` of memory, all but `kept` of them go at random, and in each "
		"round "
		"`realloc` of what is in use goes, one by one, and is taken again at once. The "
		"published shape: a buddy "
		"system never gets its huge frames back.",
	.options = options,
	.options_size = sizeof(struct llfree_options),
	.check = fragment_any,
	.apply = llfree_apply,
};
FRAGMENTER(llfree)
