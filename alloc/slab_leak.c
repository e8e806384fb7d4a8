/*
 * A cache that was destroyed with objects still in use: reported, left behind on purpose.
 *
 * Theory: who still holds an object may still write to it, so its slab must not become anybody
 * else's; it stays, and the cache with it, as long as the allocator does. All else goes back. The
 * leak is one event with the cache, the number and, where a layer knows them, the call sites,
 * found by looking at every address of every slab page that could be an object of the cache: slow,
 * and asked for only when there is something to find. What was in layers of the cache (magazines,
 * books of CPUs) is gone by then, so a late free must not reach them: the methods of derived caches
 * are replaced by those of an allocator that refuses. A source refuses by itself.
 *
 * Invariant: after it nothing is allocated from the cache, and no object of it changes hands.
 *
 * Unlike Linux: kmem_cache_destroy (mm/slab_common.c, 6.1) leaves the cache usable, and warns.
 */
#include "alloc/slab_leak.h"

void leak_site_add(struct leak_sites *ls, u32 site)
{
	unsigned int i = 0;

	while (i < ls->nr && ls->known[i].site != site)
		i++;
	if (i == LEAK_SITES_MAX) {
		ls->others++;
		return;
	}
	if (i == ls->nr)
		ls->known[ls->nr++].site = site;
	ls->known[i].objects++;
}

void leak_sites_print(const struct leak_sites *ls, struct text *t)
{
	for (unsigned int i = 0; i < ls->nr; i++)
		text_add(t, "\nAllocated in %s: %llu", site_name(ls->known[i].site),
			 (unsigned long long)ls->known[i].objects);
	if (ls->others)
		text_add(t, "\nAllocated elsewhere: %llu", (unsigned long long)ls->others);
}

struct search {
	struct slab_cache *top;
	struct leak_sites ls;
};

static void look_at_page(struct page *page, void *arg)
{
	struct search *s = arg;
	struct slab_cache *top = s->top;
	char *at = page_name(page);

	for (u64 offset = 0; offset < PAGE_SIZE << page->order; offset += 8) {
		const struct slab_cache *owner = slab_cache_of(page, at + offset);
		u32 site;

		if (!owner || owner->top != top || !slab_valid_pointer(top, at + offset) ||
		    !slab_in_use(top, at + offset))
			continue;
		site = slab_alloc_site(top, at + offset);
		if (site)
			leak_site_add(&s->ls, site);
	}
}

void for_each_slab_page(void (*look)(struct page *page, void *arg), void *arg)
{
	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		struct page *page = pfn_to_page(pfn);

		if (pfn % pageblock_nr_pages == 0 &&
		    !kernel->block_use[pfn >> pageblock_order].touched)
			pfn += pageblock_nr_pages - 1;
		else if ((page->flags & (PG_slab | PG_tail)) == PG_slab)
			look(page, arg);
	}
}

static void report_leak(struct slab_cache *top, u64 live)
{
	struct search s = {.top = top};
	char sites[1024];
	struct text t = text_in(sites, sizeof(sites));
	u64 clock_ns = kernel->clock_ns;

	for_each_slab_page(look_at_page, &s);
	kernel->clock_ns = clock_ns; /* looking takes no time */
	leak_sites_print(&s.ls, &t);
	report_event("leak", "cache %s: %llu objects still in use%s", top->name,
		     (unsigned long long)live, sites);
}

/* ---- The allocator of caches that are gone ---- */

static void *gone_alloc(struct slab_cache *cache, gfp_t flags)
{
	(void)cache, (void)flags;
	return NULL;
}

static void *gone_alloc_node(struct slab_cache *cache, gfp_t flags, int node)
{
	(void)cache, (void)flags, (void)node;
	return NULL;
}

static void gone_free(struct slab_cache *cache, void *object)
{
	report_event("invalid_pointer",
		     "cache %s object 0x%llx: its cache was destroyed before, freed in %s",
		     cache->name, (unsigned long long)virt_to_phys(object),
		     site_name(kernel->site));
	slab_free_refused(cache);
}

static void gone_free_object(struct page *page, void *object)
{
	gone_free(slab_cache_of(page, object)->top, object);
}

static int gone_has(struct slab_cache *cache, const void *object)
{
	(void)cache, (void)object;
	return 0;
}

static unsigned long gone_object_size(struct page *page, const void *object)
{
	return slab_cache_of(page, object)->top->objsize;
}

static const struct slab_allocator gone = {
	.alloc = gone_alloc,
	.alloc_node = gone_alloc_node,
	.free = gone_free,
	.__free = gone_free_object,
	.valid_pointer = gone_has,
	.in_use = gone_has,
	.object_size = gone_object_size,
	.name = "gone",
};

/* A source keeps its methods. */
static void be_gone(struct slab_cache *cache)
{
	if (cache->base)
		cache->slab_alloc = &gone;
	for (struct slab_cache *b = cache->base; b; b = b->next_base)
		be_gone(b);
}

void slab_cache_abandon(struct slab_cache *cache, u64 live)
{
	report_leak(cache, live);
	be_gone(cache);
}
