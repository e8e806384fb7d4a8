/*
 * The request stream: names of its kinds.
 *
 * Those that have an event in Linux are called after it (include/trace/events/kmem.h; page events
 * without their "mm_"), so that results read like the recording they came from.
 */
#include "sim/source.h"

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
};
