/*
 * A small machine with xcfmalloc on it, and drawings of its pages, for tests.
 */
#include "tests/xcf_lab.h"

#include <stdio.h>

void xcf_lab_open(struct xcf_lab *xl, const char *store)
{
	*xl = (struct xcf_lab){0};
	store_lab_open(&xl->l, LAB_NODE, NULL, NULL, store);
	xl->x = to_xcf(store_source(xl->l.store));
}

void xcf_lab_close(struct xcf_lab *xl)
{
	for (int i = 0; i < XCF_LAB_OBJS; i++)
		if (xl->obj[i].handle)
			xcf_lab_drop(xl, 'a' + i);
	store_check(xl->l.store);
	store_lab_close(&xl->l);
}

unsigned long xcf_lab_put(struct xcf_lab *xl, int name, size_t size)
{
	int i = name - 'a';
	unsigned long handle = store_lab_malloc(&xl->l, 0, size);

	ASSERT(i >= 0 && i < XCF_LAB_OBJS && !xl->obj[i].handle);
	if (!handle)
		return 0;
	xl->obj[i].handle = handle;
	xl->obj[i].size = size;
	ASSERT(store_lab_write(&xl->l, 0, handle, size, (u64)name));
	return handle;
}

bool xcf_lab_intact(struct xcf_lab *xl, int name)
{
	int i = name - 'a';

	return store_lab_read(&xl->l, 0, xl->obj[i].handle, xl->obj[i].size, (u64)name) == 1;
}

void xcf_lab_drop(struct xcf_lab *xl, int name)
{
	int i = name - 'a';

	ASSERT(xl->obj[i].handle && xcf_lab_intact(xl, name));
	ASSERT(store_lab_free(&xl->l, 0, xl->obj[i].handle, xl->obj[i].size));
	xl->obj[i].handle = 0;
}

void xcf_lab_verify(struct xcf_lab *xl)
{
	for (int i = 0; i < XCF_LAB_OBJS; i++)
		ASSERT(!xl->obj[i].handle || xcf_lab_intact(xl, 'a' + i));
	store_check(xl->l.store);
}

static int name_of(const struct xcf_lab *xl, u64 owner)
{
	if (owner == XCF_NONE)
		return '.';
	for (int i = 0; i < XCF_LAB_OBJS; i++)
		for (const struct xcf_desc *d = (const struct xcf_desc *)xl->obj[i].handle; d;
		     d = xcf_desc(d->next))
			if (virt_to_phys(d) == owner)
				return i < 26 ? 'a' + i : '#';
	return '?';
}

const char *xcf_lab_draw(const struct xcf_lab *xl)
{
	static char text[4096];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned long pfn = 0; pfn < kernel->max_pfn; pfn++) {
		struct page *page = pfn_to_page(pfn);
		u64 at = xcf_page_at(page);

		if (!(page->flags & PG_store) || page->mapping != &xl->x->s || !page->inuse)
			continue;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", n ? "\n" : "");
		for (; at != XCF_NONE; at = xcf_behind(xl->x, at))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "[%u %c]",
					      xcf_tag(xl->x, at)->size,
					      name_of(xl, xcf_owner(xl->x, at)));
	}
	if (xl->x->nr_reserve)
		snprintf(text + n, sizeof(text) - n, "+%llu",
			 (unsigned long long)xl->x->nr_reserve);
	return text;
}
