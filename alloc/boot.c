/*
 * How far the slab layer has come up.
 *
 * Theory: slabs are usable in two stretches of boot, and between them, while memory changes hands,
 * they are not (early kmalloc, 2005): a slab page taken then would belong to nobody. So every entry
 * of the interface looks at one word.
 *
 * Invariant: NONE -> EARLY -> FORBIDDEN -> NORMAL, or, without early slabs, NONE -> FORBIDDEN ->
 * NORMAL.
 *
 * Unlike Linux: slab_state (mm/slab.h) tells the allocators what they may use of themselves; who
 * calls kmalloc in between finds empty lists.
 */
#include "alloc/boot.h"

#include "lib/text.h"

void kmem_cache_init(void)
{
	BUG_ON(kernel->slab_state == SLAB_EARLY || kernel->slab_state == SLAB_NORMAL);
	kernel->slab_state = kernel->slab_state == SLAB_NONE ? SLAB_EARLY : SLAB_NORMAL;
}

void slab_state_bug(const char *what)
{
	char message[200];
	struct text t = text_in(message, sizeof(message));

	text_add(&t, "%s %s, called from %s", what,
		 kernel->slab_state == SLAB_NONE
			 ? "with no slab layer (before the first kmem_cache_init())"
			 : "in the forbidden window (after mem_init(), before the second "
			   "kmem_cache_init())",
		 site_name(kernel->site));
	assert_failed(message, __FILE__, __LINE__, __func__);
}
