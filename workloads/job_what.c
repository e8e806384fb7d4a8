/*
 * What a job asks for.
 */
#include "workloads/job_what.h"

#include <string.h>

#include "lib/units.h"
#include "workloads/cache_read.h"
#include "workloads/gfp_read.h"
#include "workloads/spec.h"

#define SIZE_MAX_BYTES (4ULL << 20) /* KMALLOC_MAX_SIZE of Linux 6.1, and of a slab */
#define ORDER_MAX 10
#define OBJECT_MAX_BYTES 8192U	       /* of made-up contents, compressed */
#define COMPACT_MAX_BYTES (1ULL << 40) /* the KiB fit into a request */

static int size_read(struct job *job, const struct yaml_node *n, const struct yaml_node **gfp,
		     struct err *e)
{
	static const struct quantity_rules rules = {"size", QUANTITY_SIZE, 1, SIZE_MAX_BYTES};

	(void)gfp;
	job->proto.kind = REQ_KMALLOC;
	return dist_read(&job->what, n, &rules, job->load->dir, e);
}

static int cache_what_read(struct job *job, const struct yaml_node *n, const struct yaml_node **gfp,
			   struct err *e)
{
	(void)gfp;
	return cache_read(job, n, e);
}

static int pages_read(struct job *job, const struct yaml_node *map, const struct yaml_node **gfp,
		      struct err *e)
{
	static const struct quantity_rules rules = {"order", QUANTITY_COUNT, 0, ORDER_MAX};
	static const char *const known[] = {"order", "gfp", NULL};
	const struct yaml_node *order;

	if (yaml_check_keys(map, known, e))
		return -1;
	order = yaml_need(map, "order", e);
	if (!order || dist_read(&job->what, order, &rules, job->load->dir, e))
		return -1;
	if (yaml_get(map, "gfp")) {
		if (yaml_get(job->node, "gfp"))
			return yaml_error(yaml_get(map, "gfp"), e, "gfp is given twice");
		*gfp = yaml_get(map, "gfp");
	}
	job->proto.kind = REQ_PAGE_ALLOC;
	return 0;
}

static int objects_read(struct job *job, const struct yaml_node *map, const struct yaml_node **gfp,
			struct err *e)
{
	static const struct quantity_rules rules = {"size of compressed objects", QUANTITY_SIZE, 1,
						    OBJECT_MAX_BYTES};
	static const char *const known[] = {"size", NULL};
	const struct yaml_node *node = yaml_get(job->node, "node"), *size;

	(void)gfp;
	if (!yaml_is_mapping(map))
		return yaml_error(map, e, "a mapping is wanted: {size: DIST}");
	if (yaml_check_keys(map, known, e))
		return -1;
	size = yaml_need(map, "size", e);
	if (!size || dist_read(&job->what, size, &rules, job->load->dir, e))
		return -1;
	if (node)
		return yaml_error(node, e, "a store is asked for no node");
	job->proto.kind = REQ_STORE_ALLOC;
	return 0;
}

/* Of what makes nothing: it cannot live, and nobody can wait for it. */
static int makes_nothing(struct job *job, const struct yaml_node *n, const char *what,
			 struct err *e)
{
	const struct yaml_node *lifetime = yaml_get(job->node, "lifetime");

	if (lifetime)
		return yaml_error(lifetime, e, "a %s asks for nothing that could live", what);
	if (job->gen->workers)
		return yaml_error(n, e, "workers of '%s' wait for memory, and a %s asks for none",
				  job->gen->name, what);
	return 0;
}

static int shrink_read(struct job *job, const struct yaml_node *n, const struct yaml_node **gfp,
		       struct err *e)
{
	const char *text = yaml_text(n, e);

	(void)gfp;
	if (!text)
		return -1;
	if (strcmp(text, "all"))
		return yaml_error(n, e, "unknown value '%s': every cache shrinks, `shrink: all`",
				  text);
	job->proto.kind = REQ_SHRINK;
	dist_constant(&job->what, 0);
	return makes_nothing(job, n, "shrink", e);
}

/* The bound is in the requests, in KiB; 0: there is none. */
static int compact_read(struct job *job, const struct yaml_node *n, const struct yaml_node **gfp,
			struct err *e)
{
	static const struct quantity_rules rules = {"bound of a compaction", QUANTITY_SIZE, 1024,
						    COMPACT_MAX_BYTES};
	const char *text = yaml_text(n, e);
	u64 bytes = 0;

	(void)gfp;
	if (!text)
		return -1;
	if (strcmp(text, "all") && (*text < '0' || *text > '9'))
		return yaml_error(n, e, "unknown value '%s': `all`, or a bound, `1MiB`", text);
	if (strcmp(text, "all") && quantity_parse_text(&rules, text, &bytes, e))
		return yaml_error_around(n, e);
	if (bytes % 1024)
		return yaml_error(n, e, "whole KiB are wanted, or `compact: all`");
	job->proto.kind = REQ_STORE_COMPACT;
	job->proto.size = (u32)(bytes / 1024);
	dist_constant(&job->what, 0);
	return makes_nothing(job, n, "compaction", e);
}

static const struct what {
	const char *key;
	int (*read)(struct job *job, const struct yaml_node *n, const struct yaml_node **gfp,
		    struct err *e);
} whats[] = {
	{"size", size_read},	   {"cache", cache_what_read}, {"pages", pages_read},
	{"objects", objects_read}, {"shrink", shrink_read},    {"compact", compact_read},
};

int what_read(struct job *job, const struct yaml_node *defaults, struct err *e)
{
	const struct yaml_node *gfp = job_key(job->node, defaults, "gfp"), *n = NULL;
	const struct what *what = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(whats); i++) {
		const struct yaml_node *other = yaml_get(job->node, whats[i].key);

		if (n && other)
			return yaml_error(other, e,
					  "the job asks for %s already: one of size, cache, "
					  "pages, objects, shrink and compact",
					  what->key);
		what = other ? &whats[i] : what;
		n = other ? other : n;
	}
	if (!n)
		return yaml_error(job->node, e,
				  "what does the job ask for? `size`, `cache`, `pages`, "
				  "`objects`, `shrink` or `compact` is missing");
	if (what->read(job, n, &gfp, e))
		return -1;
	/* 0: a store asks for its pages as it always does. */
	job->proto.gfp = job->proto.kind == REQ_STORE_ALLOC ? 0 : GFP_KERNEL;
	return gfp ? gfp_read(gfp, &job->proto.gfp, e) : 0;
}
