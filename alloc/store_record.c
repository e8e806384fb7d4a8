/*
 * Records that handles of a derived store name.
 *
 * Theory: a layer that has something to remember of each object hands out the address of a record
 * that lies in a cache of its own and names the base's handle. A handle that comes in is believed
 * when the cache says the address is that of one of its objects, and the record says what it is.
 *
 * Invariant: a layer is made whole or not at all.
 */
#include "alloc/store_record.h"

#include "lib/text.h"

static int check_keeps(const struct store *base, const struct store_env *env, const char *what,
		       struct err *e)
{
	if (page_check_keeps(env->pages, what, e))
		return -1;
	if (base->keeps_nothing)
		return err_set(e, "%s, and '%s' keeps nothing", what, store_source(base)->name);
	return 0;
}

int derive_store_with_records(struct store *self, struct store *base, const struct store_env *env,
			      const struct allocator_desc *desc, const char *cache,
			      unsigned int record_bytes, const char *what, struct err *e)
{
	const struct kmem_cache *k;

	derive_store(self, base, env, desc);
	if (!check_keeps(base, env, what, e)) {
		k = store_cache_create(self, cache, record_bytes, e);
		if (k && !slab_check_keeps(k->cache->slab_alloc, NULL, what, e))
			return 0;
	}
	store_get(base);
	store_release(self);
	return -1;
}

void *store_record_alloc(struct store *self, size_t size, gfp_t flags, unsigned long *base_handle)
{
	void *record = store_cache_alloc(store_records(self), flags);

	if (unlikely(!record))
		return NULL;
	*base_handle = store_malloc(self->base, size, flags);
	if (likely(*base_handle))
		return record;
	kmem_cache_free(store_records(self), record);
	return NULL;
}

void store_describe(const struct store *self, unsigned long handle, char *buf, size_t n)
{
	struct text t = text_in(buf, n);
	const void *addr = (const void *)handle;
	const struct page *page;
	const struct slab_cache *cache;

	if (!virt_addr_valid(addr)) {
		text_add(&t, "no address of memory");
		return;
	}
	page = virt_to_head_page(addr);
	cache = page->flags & PG_slab ? slab_cache_of(page, addr) : NULL;
	if (cache && self->nr_caches && cache->top == store_records(self)->cache)
		text_add(&t, "no record of this store");
	else if (cache)
		text_add(&t, "in a slab of another cache, '%s'", cache->top->name);
	else if (page->flags & PG_store)
		text_add(&t, "in a page of contents, of store '%s'",
			 ((const struct store *)page->mapping)->name);
	else
		text_add(&t, "in a page that is no slab's");
}
