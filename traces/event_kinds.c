/*
 * Which recorded events an import understands.
 */
#include "traces/event_kinds.h"

#define VMEMMAP_DEFAULT 0xffffea0000000000ULL /* struct pages of x86-64, not randomised */
#define STRUCT_PAGE_BYTES 64

#define ALLOC_FIELDS                                                                               \
	{                                                                                          \
		[F_PTR] = "ptr", [F_SIZE] = "bytes_req", [F_ALLOC] = "bytes_alloc",                \
		[F_GFP] = "gfp_flags", [F_SITE] = "call_site", [F_NODE] = "node",                  \
		[F_NAME] = "name"                                                                  \
	}

const struct event_kind event_kinds[NR_EVENT_KINDS] = {
	{"kmem", "kmalloc", RAW_KMALLOC, ALLOC_FIELDS},
	{"kmem", "kmalloc_node", RAW_KMALLOC, ALLOC_FIELDS},
	{"kmem", "kmem_cache_alloc", RAW_CACHE_ALLOC, ALLOC_FIELDS},
	{"kmem", "kmem_cache_alloc_node", RAW_CACHE_ALLOC, ALLOC_FIELDS},
	{"kmem", "kfree", RAW_KFREE, {[F_PTR] = "ptr", [F_SITE] = "call_site"}},
	{"kmem",
	 "kmem_cache_free",
	 RAW_CACHE_FREE,
	 {[F_PTR] = "ptr", [F_SITE] = "call_site", [F_NAME] = "name"}},
	{"kmem",
	 "mm_page_alloc",
	 RAW_PAGE_ALLOC,
	 {[F_PTR] = "pfn", [F_ORDER] = "order", [F_GFP] = "gfp_flags"}},
	{"kmem", "mm_page_free", RAW_PAGE_FREE, {[F_PTR] = "pfn", [F_ORDER] = "order"}},
	{"kmem", "mm_page_free_batched", RAW_PAGE_BATCHED, {[F_PTR] = "pfn"}},
	{"migrate", "mm_migrate_pages_start", RAW_MIGRATE_BEGIN, {[F_ORDER] = "reason"}},
	{"migrate", "mm_migrate_pages", RAW_MIGRATE_END, {[F_ORDER] = "reason"}},
	{"compaction", "mm_compaction_begin", RAW_COMPACT_BEGIN, {0}},
	{"compaction", "mm_compaction_end", RAW_COMPACT_END, {0}},
	{"kmem",
	 "mm_page_alloc_zone_locked",
	 RAW_ZONE_LOCKED,
	 {[F_PTR] = "pfn",
	  [F_ORDER] = "order",
	  [F_ALLOC] = "migratetype",
	  [F_SIZE] = "percpu_refill"}},
	{"kmem",
	 "mm_page_pcpu_drain",
	 RAW_PCPU_DRAIN,
	 {[F_PTR] = "pfn", [F_ORDER] = "order", [F_ALLOC] = "migratetype"}},
	{"kmem",
	 "mm_page_alloc_extfrag",
	 RAW_EXTFRAG,
	 {[F_ORDER] = "alloc_order",
	  [F_SIZE] = "fallback_order",
	  [F_ALLOC] = "alloc_migratetype",
	  [F_NODE] = "fallback_migratetype",
	  [F_PTR] = "change_ownership"}},
	{"ftrace", "print", RAW_MARK, {[F_NAME] = "buf"}},
	{"gt", "zs_malloc", RAW_STORE_ALLOC, {[F_SIZE] = "size"}},
	{"gt", "zs_malloc_ret", RAW_STORE_ALLOC_RET, {[F_PTR] = "handle"}},
	{"gt", "zs_free", RAW_STORE_FREE, {[F_PTR] = "handle"}},
	{"gt", "slab_new_ret", RAW_TRUTH_SLAB, {[F_PTR] = "slab"}},
};

bool event_adjust(struct raw_event *ev)
{
	switch (ev->type) {
	case RAW_MIGRATE_BEGIN:
	case RAW_MIGRATE_END:
		return ev->order == MR_COMPACTION;
	case RAW_TRUTH_SLAB:
		if (ev->ptr < VMEMMAP_DEFAULT)
			return false;
		ev->ptr = (ev->ptr - VMEMMAP_DEFAULT) / STRUCT_PAGE_BYTES;
		return true;
	default:
		return true;
	}
}
