/*
 * Flags of a cache, as kmem_cache_create takes them: the numbers of Linux 6.1.
 *
 * SLAB_TYPESAFE_BY_RCU is the later name of SLAB_DESTROY_BY_RCU. SLAB_NO_MERGE is of 6.5.
 */
#ifndef ALLOC_SLAB_FLAGS_H
#define ALLOC_SLAB_FLAGS_H

typedef unsigned int slab_flags_t;

#define SLAB_RED_ZONE 0x00000400U	 /* red zones around objects */
#define SLAB_POISON 0x00000800U		 /* free objects are filled, and checked */
#define SLAB_KMALLOC 0x00001000U	 /* of kmalloc: others may share it, it shares none */
#define SLAB_HWCACHE_ALIGN 0x00002000U	 /* on cache lines, small objects several to one */
#define SLAB_CACHE_DMA 0x00004000U	 /* slabs in ZONE_DMA */
#define SLAB_STORE_USER 0x00010000U	 /* who allocated, who freed */
#define SLAB_RECLAIM_ACCOUNT 0x00020000U /* objects can be reclaimed: their pages are counted so */
#define SLAB_PANIC 0x00040000U		 /* the machine cannot do without this cache */
#define SLAB_TYPESAFE_BY_RCU 0x00080000U /* slabs wait for a grace period, objects do not */
#define SLAB_DESTROY_BY_RCU SLAB_TYPESAFE_BY_RCU
#define SLAB_NO_MERGE 0x01000000U /* shares its slabs with no other cache */
#define SLAB_ACCOUNT 0x04000000U  /* charged to memory cgroups: kept apart in merging, no more */

#define SLAB_FLAGS                                                                                 \
	(SLAB_RED_ZONE | SLAB_POISON | SLAB_HWCACHE_ALIGN | SLAB_CACHE_DMA | SLAB_STORE_USER |     \
	 SLAB_RECLAIM_ACCOUNT | SLAB_PANIC | SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE | SLAB_ACCOUNT | \
	 SLAB_KMALLOC)

#endif
