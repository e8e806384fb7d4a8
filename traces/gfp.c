/*
 * Allocation flags of a recording, and names of kmalloc's caches.
 */
#include "traces/gfp.h"

#include <stdio.h>
#include <string.h>

#include "lib/bits.h"

void gfp_map_init(struct gfp_map *m)
{
	m->identity = true;
	for (unsigned int bit = 0; bit < 64; bit++)
		m->to[bit] = bit < 32 ? 1U << bit : 0;
}

/* "__GFP_IO", "GFP_IO" and "IO" are one flag. */
static const char *bare(const char *name)
{
	name += strspn(name, "_");
	return strncmp(name, "GFP_", 4) ? name : name + 4;
}

void gfp_map_learn(struct gfp_map *m, const char *name, u64 value)
{
	unsigned int bit;

	if (!is_power_of_2(value))
		return;
	bit = bit_lowest(value);
	/* Single flags are those whose names begin with an underscore. */
	for (size_t i = 0; gfp_flag_names[i]; i++) {
		if (gfp_flag_names[i][0] != '_' || strcmp(bare(gfp_flag_names[i]), bare(name)))
			continue;
		if (m->to[bit] != gfp_flag_values[i]) {
			m->identity = false;
			m->to[bit] = (u32)gfp_flag_values[i];
		}
		return;
	}
}

u32 gfp_translate_slow(const struct gfp_map *m, u64 gfp)
{
	u32 to = 0;

	for (; gfp; gfp &= gfp - 1)
		to |= m->to[bit_lowest(gfp)];
	return to;
}

/* What alloc/gfp.h has no name for: a combination that is printed, and names of older kernels. */
static const struct {
	const char *name;
	u32 bits;
} printed[] = {
	{"GFP_TEMPORARY", GFP_KERNEL | __GFP_RECLAIMABLE}, /* before 4.14 */
	{"__GFP_RECLAIM", __GFP_RECLAIM},
	{"__GFP_WAIT", __GFP_RECLAIM},	       /* before 4.4 */
	{"__GFP_REPEAT", __GFP_RETRY_MAYFAIL}, /* before 4.13 */
};

static bool is_name(const char *full, const char *text, size_t len)
{
	return strlen(full) == len && !memcmp(full, text, len);
}

bool gfp_name_bits(const char *name, size_t len, u32 *bits)
{
	for (size_t i = 0; gfp_flag_names[i]; i++)
		if (is_name(gfp_flag_names[i], name, len)) {
			*bits = (u32)gfp_flag_values[i];
			return true;
		}
	for (size_t i = 0; i < ARRAY_SIZE(printed); i++)
		if (is_name(printed[i].name, name, len)) {
			*bits = printed[i].bits;
			return true;
		}
	/* Before 4.6 single flags were printed without their underscores. */
	if (len > 4 && !memcmp(name, "GFP_", 4)) {
		char full[64];

		snprintf(full, sizeof(full), "__%.*s", (int)min(len, sizeof(full) - 3), name);
		return gfp_name_bits(full, strlen(full), bits);
	}
	return false;
}

/* The order of the tests is that of kmalloc_type() in include/linux/slab.h, Linux 6.1. */
static const struct {
	const char *prefix;
	u32 gfp;
} kmalloc_types[] = {
	{"dma-kmalloc-", __GFP_DMA},
	{"kmalloc-rcl-", __GFP_RECLAIMABLE},
	{"kmalloc-cg-", __GFP_ACCOUNT},
	{"kmalloc-", 0},
};

bool kmalloc_cache_gfp(const char *name, u32 *gfp)
{
	for (size_t i = 0; i < ARRAY_SIZE(kmalloc_types); i++)
		if (!strncmp(name, kmalloc_types[i].prefix, strlen(kmalloc_types[i].prefix))) {
			*gfp = kmalloc_types[i].gfp;
			return true;
		}
	return false;
}

void kmalloc_cache_name(u32 alloc, u32 gfp, char *buf, size_t n)
{
	const char *type;
	size_t i = 0;

	while (kmalloc_types[i].gfp && !(gfp & kmalloc_types[i].gfp))
		i++;
	type = kmalloc_types[i].prefix;
	if (alloc >= 1024 && alloc % 1024 == 0)
		snprintf(buf, n, "%s%uk", type, alloc / 1024);
	else
		snprintf(buf, n, "%s%u", type, alloc);
}
