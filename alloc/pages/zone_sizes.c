/*
 * What Linux derives from the sizes of zones.
 *
 * Theory: the reserve grows with the square root of memory (init_per_zone_wmark_min); transparent
 * huge pages ask for more, room to keep mobility types apart (set_recommended_min_free_kbytes,
 * mm/khugepaged.c). Zones share it by size. Each CPU's lists may hold the zone's low watermark
 * divided by the CPUs of its node, but at least four batches (zone_highsize); a batch is a
 * thousandth of the zone, at most 1 MiB, a quarter of that, and one less than a power of two
 * (zone_batchsize). All of mm/page_alloc.c, 6.1; tests/test_pages_zones.c has the figures of a
 * recorded machine.
 *
 * Invariant: min <= low <= high; the mins of all zones add up to no more than min_free_pages.
 *
 * Unlike Linux: zones have no holes and nothing reserved at boot, so managed = spanned pages.
 */
#include "alloc/pages/zone_sizes.h"

#define KIB_PER_PAGE (PAGE_SIZE >> 10)
#define MIN_FREE_KIB_MIN 128
#define MIN_FREE_KIB_MAX (256UL << 10)

static unsigned long int_sqrt(unsigned long x)
{
	unsigned long root = 0;

	for (unsigned long bit = 1UL << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= x)
			root |= bit;
	return root;
}

/* Pages of all zones up to `highest`, and how many zones have any. */
static unsigned long sum_zones(int highest, unsigned long *nr_zones)
{
	unsigned long pages = 0;
	int nid;

	*nr_zones = 0;
	for_each_node (nid) {
		for (int type = 0; type <= highest; type++) {
			pages += node_zone(nid, (enum zone_type)type)->spanned_pages;
			*nr_zones += node_zone(nid, (enum zone_type)type)->spanned_pages != 0;
		}
	}
	return pages;
}

static void watermarks(struct zone_sizes *s, const struct zone *zone, unsigned long min_free)
{
	unsigned long nr_zones, all = sum_zones(MAX_NR_ZONES - 1, &nr_zones);
	unsigned long gap;

	s->min = min_free * zone->spanned_pages / max(all, 1UL);
	gap = max(s->min >> 2, zone->spanned_pages * kernel->watermark_scale / 10000);
	s->low = s->min + gap;
	s->high = s->low + gap;
}

/* What is above the high watermark of every zone, given this reserve (nr_free_buffer_pages). */
static unsigned long buffer_pages(unsigned long min_free)
{
	unsigned long pages = 0;
	struct zone_sizes s;
	int nid;

	for_each_node (nid) {
		for (int type = 0; type <= ZONE_NORMAL; type++) {
			const struct zone *zone = node_zone(nid, (enum zone_type)type);

			watermarks(&s, zone, min_free);
			if (zone->spanned_pages > s.high)
				pages += zone->spanned_pages - s.high;
		}
	}
	return pages;
}

unsigned long min_free_pages(void)
{
	unsigned long nr_zones, lowmem = sum_zones(ZONE_NORMAL, &nr_zones);
	unsigned long kib = int_sqrt(lowmem * KIB_PER_PAGE * 16);
	unsigned long boot, huge;

	if (kernel->min_free_pages)
		return kernel->min_free_pages;
	boot = min(max(kib, (unsigned long)MIN_FREE_KIB_MIN), MIN_FREE_KIB_MAX) / KIB_PER_PAGE;
	/* In every zone two free blocks, and one for each pair of mobility types. */
	huge = pageblock_nr_pages * nr_zones * (2 + MIGRATE_PCPTYPES * MIGRATE_PCPTYPES);
	huge = min(huge, buffer_pages(boot) / 20);
	return max(boot, huge);
}

static unsigned int batch_size(const struct zone *zone)
{
	unsigned long batch = min(zone->spanned_pages >> 10, (1UL << 20) / PAGE_SIZE) / 4;

	batch = max(batch, 1UL);
	return (unsigned int)(1U << bit_highest(batch + batch / 2)) - 1;
}

static unsigned int cpus_sharing(const struct zone *zone)
{
	unsigned int n = 0;
	int cpu;

	for_each_possible_cpu (cpu)
		n += cpu_to_node(cpu) == zone->node;
	return n ? n : (unsigned int)kernel->nr_cpu_ids;
}

/* setup_per_zone_lowmem_reserve, with the ratios as they come. */
static void lowmem_reserves(struct zone_sizes *s, const struct zone *zone)
{
	static const unsigned long ratios[MAX_NR_ZONES] = {256, 256, 32, 0};
	unsigned long above = 0;

	for (int type = 0; type < MAX_NR_ZONES; type++) {
		if (type > (int)zone->type)
			above += node_zone(zone->node, (enum zone_type)type)->spanned_pages;
		s->lowmem_reserve[type] = ratios[zone->type] ? above / ratios[zone->type] : 0;
	}
}

void zone_sizes_compute(struct zone_sizes *s, const struct zone *zone, unsigned long min_free,
			unsigned int batch)
{
	watermarks(s, zone, min_free);
	lowmem_reserves(s, zone);
	s->pcp_batch = batch ? batch : max(batch_size(zone), 1U);
	s->pcp_high = max((unsigned int)s->low / cpus_sharing(zone), s->pcp_batch * 4);
}
