/*
 * The cache whose objects a job asks for.
 */
#include "workloads/cache_read.h"

#include <stdio.h>
#include <string.h>

#include "lib/mem.h"
#include "workloads/gfp_read.h"
#include "workloads/spec.h"

#define CACHE_SIZE_MAX (4ULL << 20)
#define CACHE_ALIGN_MAX 4096
#define CACHE_LINE 64
#define CACHE_NAME_MAX 31 /* what the simulated cache keeps of it */
#define COPIES_MAX 10000
#define COPY_NAME_MAX 5 /* "-9999" */

static const char *const flag_names[] = {
	"SLAB_RECLAIM_ACCOUNT", "SLAB_HWCACHE_ALIGN", "SLAB_TYPESAFE_BY_RCU", "SLAB_DESTROY_BY_RCU",
	"SLAB_CACHE_DMA",	"SLAB_POISON",	      "SLAB_RED_ZONE",	      "SLAB_STORE_USER",
	"SLAB_PANIC",		"SLAB_NO_MERGE",      "SLAB_ACCOUNT",	      NULL};
static const slab_flags_t flag_values[] = {
	SLAB_RECLAIM_ACCOUNT, SLAB_HWCACHE_ALIGN, SLAB_TYPESAFE_BY_RCU, SLAB_DESTROY_BY_RCU,
	SLAB_CACHE_DMA,	      SLAB_POISON,	  SLAB_RED_ZONE,	SLAB_STORE_USER,
	SLAB_PANIC,	      SLAB_NO_MERGE,	  SLAB_ACCOUNT};

static int cache_flag(const struct yaml_node *n, struct source_cache *c, struct err *e)
{
	static const char *const later[] = {"SLAB_MEM_SPREAD", "SLAB_CONSISTENCY_CHECKS"};
	const char *text = yaml_text(n, e);

	if (!text)
		return -1;
	for (size_t i = 0; flag_names[i]; i++) {
		if (strcmp(text, flag_names[i]))
			continue;
		c->flags |= flag_values[i];
		if (c->flags & SLAB_POISON && c->flags & SLAB_TYPESAFE_BY_RCU)
			return yaml_error(n, e,
					  "SLAB_POISON would write over freed objects, which "
					  "SLAB_TYPESAFE_BY_RCU keeps readable: one or the other");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(later); i++)
		if (!strcmp(text, later[i]))
			return yaml_error(n, e, "%s is not simulated", text);
	return flag_unknown(n, 0, text, flag_names, e);
}

/* What flags mean for whoever does not look at them. */
static void flags_apply(struct source_cache *c)
{
	u32 line = CACHE_LINE;

	c->reclaimable = c->flags & SLAB_RECLAIM_ACCOUNT;
	if (!(c->flags & SLAB_HWCACHE_ALIGN))
		return;
	/* Several small objects share a line: calculate_alignment(), mm/slab_common.c. */
	while (c->object_size <= line / 2)
		line /= 2;
	c->align = max(c->align, line);
}

static int cache_flags(const struct yaml_node *n, struct source_cache *c, struct err *e)
{
	if (!yaml_is_sequence(n))
		return cache_flag(n, c, e);
	for (size_t i = 0; i < yaml_count(n); i++)
		if (cache_flag(yaml_item(n, i), c, e))
			return -1;
	return 0;
}

static int cache_align(const struct yaml_node *n, struct source_cache *c, struct err *e)
{
	u64 align;

	if (yaml_size(n, &align, e))
		return -1;
	if (!is_power_of_2(align) || align > CACHE_ALIGN_MAX)
		return yaml_error(n, e, "an alignment is a power of two up to %dB",
				  CACHE_ALIGN_MAX);
	c->align = max(c->align, (u32)align);
	return 0;
}

static int cache_movable(const struct yaml_node *n, struct source_cache *c, struct err *e)
{
	static const char *const words[] = {"off", "on", NULL};
	int choice = choice_read(n, words, e);

	if (choice < 0)
		return -1;
	if (choice && c->object_size < 8)
		return yaml_error(n, e, "movable objects have at least 8B: their number");
	c->movable = choice;
	return 0;
}

static int cache_describe(struct source_cache *c, const struct yaml_node *map, struct err *e)
{
	static const char *const known[] = {"name",    "size",	 "align", "flags",
					    "movable", "copies", NULL};
	static const struct quantity_rules rules = {"size of objects", QUANTITY_SIZE, 1,
						    CACHE_SIZE_MAX};
	const struct yaml_node *n;
	struct dist size;

	*c = (struct source_cache){.align = 8};
	if (yaml_check_keys(map, known, e))
		return -1;
	n = yaml_need(map, "name", e);
	c->name = n ? yaml_text(n, e) : NULL;
	if (!c->name)
		return -1;
	if (!*c->name || strlen(c->name) > CACHE_NAME_MAX)
		return yaml_error(n, e, "the name of a cache has 1 to %d characters",
				  CACHE_NAME_MAX);
	n = yaml_need(map, "size", e);
	if (!n)
		return -1;
	if (!yaml_is_scalar(n))
		return yaml_error(n, e, "the objects of a cache are all of one size");
	if (dist_read(&size, n, &rules, ".", e))
		return -1;
	c->object_size = (u32)size.min;
	n = yaml_get(map, "align");
	if (n && cache_align(n, c, e))
		return -1;
	n = yaml_get(map, "movable");
	if (n && cache_movable(n, c, e))
		return -1;
	n = yaml_get(map, "flags");
	if (n && cache_flags(n, c, e))
		return -1;
	flags_apply(c);
	return 0;
}

/* How many there are of it; 0 with e set. */
static u64 cache_copies(const struct yaml_node *map, struct source_cache *c, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, "copies");
	u64 copies = 1;

	if (n && yaml_u64(n, 1, COPIES_MAX, &copies, e))
		return 0;
	if (n && strlen(c->name) > CACHE_NAME_MAX - COPY_NAME_MAX) {
		yaml_error(n, e, "the name of a cache with copies has 1 to %d characters",
			   CACHE_NAME_MAX - COPY_NAME_MAX);
		return 0;
	}
	return copies;
}

/* Caches that are there already must be what this job describes. -1 with e set. */
static int cache_known(const struct yaml_node *map, const struct source_cache *known,
		       const struct source_cache *c, struct err *e)
{
	if (known->object_size == c->object_size && known->align == c->align &&
	    known->flags == c->flags && known->movable == c->movable)
		return 0;
	return yaml_error(map, e, "cache '%s' is another one in an earlier job", known->name);
}

/* Finds the cache by its name, or adds it: its number, or -1 with e set. */
static int cache_add(struct job *job, const struct yaml_node *map, const struct source_cache *c,
		     const char *name, struct err *e)
{
	struct workload *w = job->load;
	unsigned int i = 0;

	while (i < w->nr_caches && strcmp(w->caches[i].name, name))
		i++;
	if (i < w->nr_caches)
		return cache_known(map, &w->caches[i], c, e) ? -1 : (int)i;
	MEM_ROOM(w->caches, w->nr_caches, w->max_caches);
	w->caches[i] = *c;
	w->caches[i].name = mem_dup(name);
	w->nr_caches++;
	return (int)i;
}

int cache_read(struct job *job, const struct yaml_node *map, struct err *e)
{
	struct source_cache c;
	char name[CACHE_NAME_MAX + COPY_NAME_MAX];
	int first = -1;

	if (cache_describe(&c, map, e))
		return -1;
	job->copies = (u32)cache_copies(map, &c, e);
	if (!job->copies)
		return -1;
	for (u32 k = 0; k < job->copies; k++) {
		int i;

		snprintf(name, sizeof(name), job->copies > 1 ? "%s-%u" : "%s", c.name, k);
		i = cache_add(job, map, &c, name, e);
		if (i < 0)
			return -1;
		if (!k)
			first = i;
		if (i != first + (int)k)
			return yaml_error(map, e, "cache '%s' is another one in an earlier job",
					  name);
	}
	job->proto.kind = REQ_CACHE_ALLOC;
	job->proto.cache = (u16)first;
	dist_constant(&job->what, c.object_size);
	return 0;
}
