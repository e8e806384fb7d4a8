/*
 * The request stream: names of its kinds, marks of its tables.
 *
 * Kinds that have an event in Linux are called after it (include/trace/events/kmem.h; page events
 * without their "mm_"), so that results read like the recording they came from.
 */
#include "sim/source.h"

#include <string.h>

#include "sim/snap_mark.h"

const char *const request_kind_names[NR_REQUEST_KINDS] = {
	[REQ_KMALLOC] = "kmalloc",
	[REQ_KFREE] = "kfree",
	[REQ_CACHE_ALLOC] = "kmem_cache_alloc",
	[REQ_CACHE_FREE] = "kmem_cache_free",
	[REQ_PAGE_ALLOC] = "page_alloc",
	[REQ_PAGE_FREE] = "page_free",
	[REQ_STORE_ALLOC] = "store_alloc",
	[REQ_STORE_FREE] = "store_free",
	[REQ_SHRINK] = "shrink",
	[REQ_MARK] = "mark",
	[REQ_STORE_READ] = "store_read",
	[REQ_STORE_COMPACT] = "store_compact",
};

const struct source_mark *source_snap_mark(const struct source_tables *t, const char *label,
					   bool end, const char *file)
{
	struct snap_mark m;

	for (unsigned int i = 0; i < t->nr_marks; i++)
		if (snap_mark_parse(&m, t->marks[i].text) && m.end == end &&
		    snap_mark_labels(&m, label) && !strcmp(m.file, file))
			return &t->marks[i];
	return NULL;
}
