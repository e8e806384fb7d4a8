/*
 * Allocation flags: the numbers of Linux 6.1, and names of kmalloc's caches.
 */
#include "traces/gfp.h"

#include <stdio.h>
#include <string.h>

#include "lib/bits.h"

/* include/linux/gfp_types.h, Linux 6.1 */
static const struct {
	const char *name;
	u32 bit;
} gfp_bits[] = {
	{"DMA", 0x1},
	{"HIGHMEM", 0x2},
	{"DMA32", 0x4},
	{"MOVABLE", 0x8},
	{"RECLAIMABLE", 0x10},
	{"HIGH", 0x20},
	{"IO", 0x40},
	{"FS", 0x80},
	{"ZERO", 0x100},
	{"ATOMIC", 0x200},
	{"DIRECT_RECLAIM", 0x400},
	{"KSWAPD_RECLAIM", 0x800},
	{"WRITE", 0x1000},
	{"NOWARN", 0x2000},
	{"RETRY_MAYFAIL", 0x4000},
	{"NOFAIL", 0x8000},
	{"NORETRY", 0x10000},
	{"MEMALLOC", 0x20000},
	{"COMP", 0x40000},
	{"NOMEMALLOC", 0x80000},
	{"HARDWALL", 0x100000},
	{"THISNODE", 0x200000},
	{"ACCOUNT", 0x400000},
};

void gfp_map_init(struct gfp_map *m)
{
	m->identity = true;
	for (unsigned int bit = 0; bit < 64; bit++)
		m->to[bit] = bit < 32 ? 1U << bit : 0;
}

void gfp_map_learn(struct gfp_map *m, const char *name, u64 value)
{
	unsigned int bit;

	name += strspn(name, "_");
	if (!strncmp(name, "GFP_", 4))
		name += 4;
	if (!is_power_of_2(value))
		return;
	bit = bit_lowest(value);
	for (size_t i = 0; i < ARRAY_SIZE(gfp_bits); i++) {
		if (strcmp(gfp_bits[i].name, name))
			continue;
		if (m->to[bit] != gfp_bits[i].bit) {
			m->identity = false;
			m->to[bit] = gfp_bits[i].bit;
		}
	}
}

u32 gfp_translate_slow(const struct gfp_map *m, u64 gfp)
{
	u32 to = 0;

	for (; gfp; gfp &= gfp - 1)
		to |= m->to[bit_lowest(gfp)];
	return to;
}

/* The order of the tests is that of kmalloc_type() in include/linux/slab.h, Linux 6.1. */
void kmalloc_cache_name(u32 alloc, u32 gfp, char *buf, size_t n)
{
	const char *type = gfp & GFP61_DMA	     ? "dma-kmalloc-"
			   : gfp & GFP61_RECLAIMABLE ? "kmalloc-rcl-"
			   : gfp & GFP61_ACCOUNT     ? "kmalloc-cg-"
						     : "kmalloc-";

	if (alloc >= 1024 && alloc % 1024 == 0)
		snprintf(buf, n, "%s%uk", type, alloc / 1024);
	else
		snprintf(buf, n, "%s%u", type, alloc);
}
