/*
 * The tables of a .kmt file: what is known before the first request, and where it came from.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/kmt_format.h"

void kmt_meta_free(struct kmt_meta *m)
{
	for (unsigned int i = 0; i < m->nr_caches && m->caches; i++)
		free((char *)m->caches[i].name);
	for (unsigned int i = 0; i < m->nr_sites && m->sites; i++)
		free(m->sites[i]);
	for (unsigned int i = 0; i < m->nr_marks && m->marks; i++)
		free((char *)m->marks[i].text);
	for (unsigned int i = 0; i < m->nr_events && m->events; i++)
		free(m->events[i].name);
	free(m->caches);
	free(m->cache_use);
	free(m->sites);
	free(m->marks);
	free(m->events);
	free(m->source_name);
	free(m->importer);
	free(m->kernel);
	free(m->clock);
	free(m->machine);
	memset(m, 0, sizeof(*m));
}

/* In the byte of a cache's flags: slab flags follow. Files without any are as they always were. */
#define CACHE_KMALLOC 1U
#define CACHE_RECLAIMABLE 2U
#define CACHE_MOVABLE 4U
#define CACHE_HAS_FLAGS 0x80U

static void put_cache_flags(const struct source_cache *c, struct bytes *out)
{
	bytes_put_le(out,
		     (c->kmalloc ? CACHE_KMALLOC : 0) | (c->reclaimable ? CACHE_RECLAIMABLE : 0) |
			     (c->movable ? CACHE_MOVABLE : 0) | (c->flags ? CACHE_HAS_FLAGS : 0),
		     1);
	if (c->flags)
		bytes_put_le(out, c->flags, 4);
}

static void put_caches(const struct kmt_meta *m, struct bytes *out)
{
	bytes_put_le(out, m->nr_caches, 4);
	for (unsigned int i = 0; i < m->nr_caches; i++) {
		const struct source_cache *c = &m->caches[i];

		bytes_put_text(out, c->name);
		bytes_put_le(out, c->object_size, 4);
		bytes_put_le(out, c->size, 4);
		bytes_put_le(out, c->align, 4);
		put_cache_flags(c, out);
		bytes_put_le(out, m->cache_use[i].allocs, 8);
		bytes_put_le(out, m->cache_use[i].frees, 8);
	}
}

static void put_lists(const struct kmt_meta *m, struct bytes *out)
{
	bytes_put_le(out, m->nr_sites, 4);
	for (unsigned int i = 0; i < m->nr_sites; i++)
		bytes_put_text(out, m->sites[i]);
	bytes_put_le(out, m->nr_marks, 4);
	for (unsigned int i = 0; i < m->nr_marks; i++) {
		bytes_put_le(out, m->marks[i].t_ns, 8);
		bytes_put_text(out, m->marks[i].text);
	}
	bytes_put_le(out, m->nr_events, 4);
	for (unsigned int i = 0; i < m->nr_events; i++) {
		bytes_put_le(out, m->events[i].count, 8);
		bytes_put_text(out, m->events[i].name);
	}
}

static void put_stats(const struct kmt_meta *m, struct bytes *out)
{
	u32 n = 0;

	while (import_stat_table[n].name)
		n++;
	bytes_put_le(out, n, 4);
	for (u32 i = 0; i < n; i++) {
		const struct import_stat_desc *d = &import_stat_table[i];

		bytes_put_le(out, *import_stat((struct import_stats *)&m->stats, d), 8);
		bytes_put_text(out, d->name);
	}
}

static void put_templates(const struct kmt_template *t, u32 n, struct bytes *out)
{
	bytes_put_le(out, n, 4);
	for (u32 i = 0; i < n; i++) {
		bytes_put_le(out, t[i].size, 4);
		bytes_put_le(out, t[i].gfp, 4);
		bytes_put_le(out, t[i].site, 4);
		bytes_put_le(out, t[i].cache, 2);
		bytes_put_le(out, (u16)t[i].node, 2);
		bytes_put_le(out, t[i].kind, 1);
		bytes_put_le(out, t[i].order, 1);
		bytes_put_le(out, t[i].flags, 1);
	}
}

/* Files name so many kinds at least; those that were added later only where they occur. */
#define KINDS_MIN (REQ_MARK + 1)

static u32 kinds_named(const struct kmt_meta *m)
{
	u32 n = NR_REQUEST_KINDS;

	while (n > KINDS_MIN && !m->requests[n - 1])
		n--;
	return n;
}

void kmt_tables_encode(const struct kmt_meta *m, const struct kmt_template *t, u32 nr_templates,
		       struct bytes *out)
{
	u32 nr_kinds = kinds_named(m);

	bytes_put_text(out, m->source_name);
	bytes_put_text(out, m->importer);
	bytes_put_text(out, m->kernel);
	bytes_put_text(out, m->clock);
	bytes_put_text(out, m->machine);
	bytes_put_le(out, m->source_hash, 8);
	bytes_put_le(out, m->nr_cpus, 4);
	bytes_put_le(out, m->nr_nodes, 4);
	bytes_put_le(out, m->nr_requests, 8);
	bytes_put_le(out, m->nr_objects_max, 8);
	bytes_put_le(out, m->duration_ns, 8);
	bytes_put_le(out, nr_kinds, 4);
	for (u32 k = 0; k < nr_kinds; k++)
		bytes_put_le(out, m->requests[k], 8);
	put_caches(m, out);
	put_lists(m, out);
	put_stats(m, out);
	put_templates(t, nr_templates, out);
}

/* The length of a table whose entries take at least `least` bytes each. */
static u32 get_count(struct bytes_reader *r, size_t least)
{
	u64 n = bytes_get_le(r, 4);

	if (r->bad || n > (r->n - r->pos) / least) {
		r->bad = true;
		return 0;
	}
	return (u32)n;
}

/* Flags that nobody knows are damage. */
static void get_cache_flags(struct bytes_reader *r, struct source_cache *c)
{
	u64 bits = bytes_get_le(r, 1);

	c->kmalloc = bits & CACHE_KMALLOC;
	c->reclaimable = bits & CACHE_RECLAIMABLE;
	c->movable = bits & CACHE_MOVABLE;
	if (!(bits & CACHE_HAS_FLAGS))
		return;
	c->flags = (slab_flags_t)bytes_get_le(r, 4);
	if (!c->flags || c->flags & ~SLAB_FLAGS)
		r->bad = true;
}

static void get_caches(struct bytes_reader *r, struct kmt_meta *m)
{
	u32 n = get_count(r, 33);

	m->caches = mem_alloc(n, sizeof(*m->caches));
	m->cache_use = mem_alloc(n, sizeof(*m->cache_use));
	for (; m->nr_caches < n && !r->bad; m->nr_caches++) {
		struct source_cache *c = &m->caches[m->nr_caches];

		c->name = bytes_get_text(r);
		c->object_size = (u32)bytes_get_le(r, 4);
		c->size = (u32)bytes_get_le(r, 4);
		c->align = (u32)bytes_get_le(r, 4);
		get_cache_flags(r, c);
		m->cache_use[m->nr_caches].allocs = bytes_get_le(r, 8);
		m->cache_use[m->nr_caches].frees = bytes_get_le(r, 8);
	}
}

static void get_lists(struct bytes_reader *r, struct kmt_meta *m)
{
	u32 n = get_count(r, 4);

	m->sites = mem_alloc(n, sizeof(*m->sites));
	for (; m->nr_sites < n && !r->bad; m->nr_sites++)
		m->sites[m->nr_sites] = bytes_get_text(r);
	n = get_count(r, 12);
	m->marks = mem_alloc(n, sizeof(*m->marks));
	for (; m->nr_marks < n && !r->bad; m->nr_marks++) {
		m->marks[m->nr_marks].t_ns = bytes_get_le(r, 8);
		m->marks[m->nr_marks].text = bytes_get_text(r);
	}
	n = get_count(r, 12);
	m->events = mem_alloc(n, sizeof(*m->events));
	for (; m->nr_events < n && !r->bad; m->nr_events++) {
		m->events[m->nr_events].count = bytes_get_le(r, 8);
		m->events[m->nr_events].name = bytes_get_text(r);
	}
}

/* Numbers that this version does not know are skipped; those the file lacks are 0. */
static void get_stats(struct bytes_reader *r, struct kmt_meta *m)
{
	u32 n = get_count(r, 12);

	for (u32 i = 0; i < n && !r->bad; i++) {
		u64 v = bytes_get_le(r, 8);
		char *name = bytes_get_text(r);

		for (const struct import_stat_desc *d = import_stat_table; name && d->name; d++)
			if (!strcmp(d->name, name))
				*import_stat(&m->stats, d) = v;
		free(name);
	}
}

static struct kmt_template *get_templates(struct bytes_reader *r, u32 *nr)
{
	u32 n = get_count(r, KMT_TEMPLATE_BYTES);
	struct kmt_template *t = mem_alloc(n, sizeof(*t));

	for (u32 i = 0; i < n; i++) {
		t[i].size = (u32)bytes_get_le(r, 4);
		t[i].gfp = (u32)bytes_get_le(r, 4);
		t[i].site = (u32)bytes_get_le(r, 4);
		t[i].cache = (u16)bytes_get_le(r, 2);
		t[i].node = (s16)bytes_get_le(r, 2);
		t[i].kind = (u8)bytes_get_le(r, 1);
		t[i].order = (u8)bytes_get_le(r, 1);
		t[i].flags = (u8)bytes_get_le(r, 1);
	}
	*nr = n;
	return t;
}

static bool templates_fit(const struct kmt_meta *m, const struct kmt_template *t, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		bool cached = t[i].kind == REQ_CACHE_ALLOC || t[i].kind == REQ_KMALLOC;

		if (t[i].kind >= NR_REQUEST_KINDS || t[i].site >= m->nr_sites || t[i].order > 15 ||
		    t[i].flags > 15 || (cached && t[i].cache >= m->nr_caches))
			return false;
	}
	return true;
}

int kmt_tables_decode(const u8 *data, size_t n, struct kmt_meta *m, struct kmt_template **t,
		      u32 *nr_templates)
{
	struct bytes_reader r = {.data = data, .n = n};
	u32 nr_kinds;

	memset(m, 0, sizeof(*m));
	m->source_name = bytes_get_text(&r);
	m->importer = bytes_get_text(&r);
	m->kernel = bytes_get_text(&r);
	m->clock = bytes_get_text(&r);
	m->machine = bytes_get_text(&r);
	m->source_hash = bytes_get_le(&r, 8);
	m->nr_cpus = (unsigned int)bytes_get_le(&r, 4);
	m->nr_nodes = (unsigned int)bytes_get_le(&r, 4);
	m->nr_requests = bytes_get_le(&r, 8);
	m->nr_objects_max = bytes_get_le(&r, 8);
	m->duration_ns = bytes_get_le(&r, 8);
	nr_kinds = (u32)bytes_get_le(&r, 4);
	if (nr_kinds < KINDS_MIN || nr_kinds > NR_REQUEST_KINDS)
		r.bad = true;
	for (u32 k = 0; k < nr_kinds && !r.bad; k++)
		m->requests[k] = bytes_get_le(&r, 8);
	get_caches(&r, m);
	get_lists(&r, m);
	get_stats(&r, m);
	*t = get_templates(&r, nr_templates);
	if (!r.bad && r.pos == r.n && m->nr_sites && templates_fit(m, *t, *nr_templates))
		return 0;
	free(*t);
	*t = NULL;
	kmt_meta_free(m);
	return -1;
}
