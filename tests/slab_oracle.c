/*
 * The oracle of the slab fuzzer.
 */
#include "tests/slab_oracle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void __printf(2, 3) wrong(struct oracle *o, const char *fmt, ...)
{
	va_list ap;

	if (*o->wrong)
		return;
	va_start(ap, fmt);
	vsnprintf(o->wrong, sizeof(o->wrong), fmt, ap);
	va_end(ap);
}

void oracle_init(struct oracle *o)
{
	*o = (struct oracle){.next_stamp = 1};
	o->used = calloc((kernel->max_pfn << PAGE_SHIFT) / 8 / BITS_PER_WORD, sizeof(u64));
	o->live = calloc(ORACLE_OBJECTS_MAX, sizeof(*o->live));
	ASSERT(o->used && o->live);
}

void oracle_fini(struct oracle *o)
{
	free(o->used);
	free(o->live);
}

/* First and last byte, and some between: large objects need not be touched as a whole. */
static u32 stamp_step(const struct slab_cache *cache)
{
	return cache->objsize > 256 ? 61 : 1;
}

static u8 stamp_byte(u32 stamp, u32 i)
{
	return (u8)((stamp * 0x9e3779b1U + i * 0x85ebca6bU) >> 24);
}

static void write_stamp(const struct oracle_object *oo)
{
	u8 *bytes = oo->address;

	for (u32 i = 0; i < oo->cache->objsize; i += stamp_step(oo->cache))
		bytes[i] = stamp_byte(oo->stamp, i);
	bytes[oo->cache->objsize - 1] = (u8)oo->stamp;
}

static void verify_stamp(struct oracle *o, const struct oracle_object *oo)
{
	const u8 *bytes = oo->address;
	u32 last = oo->cache->objsize - 1;

	for (u32 i = 0; i < last; i += stamp_step(oo->cache))
		if (bytes[i] != stamp_byte(oo->stamp, i))
			wrong(o, "byte %u of an object of %s changed while in use", i,
			      oo->cache->name);
	if (bytes[last] != (u8)oo->stamp)
		wrong(o, "the last byte of an object of %s changed while in use", oo->cache->name);
}

static void mark(struct oracle *o, const struct oracle_object *oo, bool use)
{
	u64 first = virt_to_phys(oo->address) / 8, n = DIV_ROUND_UP(oo->cache->objsize, 8);

	for (u64 i = first; i < first + n; i++) {
		if (bit_test(o->used, i) == use)
			wrong(o, "an object of %s at 0x%llx overlaps another", oo->cache->name,
			      (unsigned long long)virt_to_phys(oo->address));
		if (use)
			bit_set(o->used, i);
		else
			bit_clear(o->used, i);
	}
}

void oracle_allocated(struct oracle *o, struct slab_cache *cache, unsigned int align, void *object,
		      int node)
{
	struct oracle_object oo = {cache, object, o->next_stamp++};
	char *last = (char *)object + cache->objsize - 1;

	if (!virt_addr_valid(object) || !virt_addr_valid(last)) {
		wrong(o, "an object of %s lies outside of memory", cache->name);
		return;
	}
	if (virt_to_phys(object) % max(align, 8U))
		wrong(o, "an object of %s is not aligned to %u", cache->name, align);
	if (node >= 0 && page_to_nid(virt_to_page(object)) != node)
		wrong(o, "an object of %s is not on node %d", cache->name, node);
	if (cache->slab_alloc->valid_pointer(cache, object) != 1)
		wrong(o, "an object of %s is no valid pointer", cache->name);
	mark(o, &oo, true);
	write_stamp(&oo);
	ASSERT(o->nr_live < ORACLE_OBJECTS_MAX);
	o->live[o->nr_live++] = oo;
}

void oracle_freeing(struct oracle *o, unsigned int i)
{
	struct oracle_object *oo = &o->live[i];

	verify_stamp(o, oo);
	mark(o, oo, false);
	*oo = o->live[--o->nr_live];
}

void oracle_moved(struct oracle *o, unsigned int i, void *to)
{
	struct oracle_object *oo = &o->live[i];

	mark(o, oo, false);
	oo->address = to;
	mark(o, oo, true);
	verify_stamp(o, oo);
}

void oracle_verify(struct oracle *o)
{
	for (unsigned int i = 0; i < o->nr_live; i++) {
		verify_stamp(o, &o->live[i]);
		if (!*o->wrong)
			slab_object_check(o->live[i].cache, o->live[i].address);
	}
}
