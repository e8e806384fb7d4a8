/*
 * Snapshots of a recorded machine: from files in memory to what they say.
 */
#include "traces/snapshots.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/mem.h"
#include "traces/snapshot_files.h"
#include "traces/snapshots_parse.h"

#define SNAPSHOTS_MAX 1024
#define PAGE_BYTES 4096
#define MEMORY_PAGES_MAX (1ULL << 32) /* 16 TiB: where no zoneinfo says how much there is */

static void snapshot_free(struct snapshot *s)
{
	for (size_t i = 0; i < s->nr_slabs; i++)
		free(s->slabs[i].cache);
	for (size_t i = 0; i < s->nr_slabs0; i++)
		free(s->slabs0[i].cache);
	for (size_t i = 0; i < s->nr_sysfs; i++)
		free(s->sysfs[i].cache);
	for (size_t i = 0; i < s->nr_zones; i++)
		free(s->zones[i].pcp_count);
	for (size_t i = 0; i < s->nr_vmstat; i++)
		free(s->vmstat[i].name);
	free(s->vmstat);
	free(s->slabs);
	free(s->slabs0);
	free(s->sysfs);
	free(s->zones);
	free(s->label);
}

void snapshots_close(struct snapshots *s)
{
	for (size_t i = 0; i < s->nr_snaps; i++)
		snapshot_free(&s->snaps[i]);
	for (size_t i = 0; i < s->nr_geometry; i++)
		free(s->geometry[i].cache);
	free(s->snaps);
	free(s->geometry);
	mm_stat_free(s->mm_stat, s->nr_mm_stat);
	free(s->machine);
	free(s->machine_note);
	free(s->dir);
	memset(s, 0, sizeof(*s));
}

/* A file of a folder, as a text to scan. 1: it is there; 0: not; -1 with e set. The caller frees
 * *path. */
static int text_of(const struct snapshot_files *f, const char *folder, size_t len, const char *name,
		   char **path, struct scan *scan, struct err *e)
{
	const struct snapshot_file *file = snapshot_files_find(f, folder, len, name);

	*path = NULL;
	if (!file)
		return 0;
	*path = mem_print("%s/%s", f->dir, file->name);
	if (!folder && access(*path, F_OK)) {
		char *above = mem_print("%s/../%s", f->dir, file->name);

		if (!access(above, F_OK)) {
			free(*path);
			*path = above;
		} else {
			free(above);
		}
	}
	*scan = scan_text(*path, file->data, file->n);
	return scan_printable(scan, e) ? -1 : 1;
}

static int parse_file(struct snapshot *snap, const struct snapshot_files *f, const char *folder,
		      size_t len, const struct snapshot_kind *k, struct err *e)
{
	struct scan scan;
	char *path;
	int ret = text_of(f, folder, len, k->name, &path, &scan, e);

	if (ret > 0)
		ret = k->parse(&scan, snap, e);
	free(path);
	return ret;
}

static int parse_snapshot(struct snapshot *snap, const struct snapshot_files *f, const char *folder,
			  size_t len, struct err *e)
{
	if (!snapshot_files_find(f, folder, len, "slabinfo0") &&
	    !snapshot_files_find(f, folder, len, "slabinfo"))
		return err_set(e, "%s/%.*s: slabinfo is missing", f->dir, (int)len, folder);
	for (size_t i = 0; i < NR_SNAPSHOT_KINDS; i++)
		if (snapshot_kinds[i].parse &&
		    parse_file(snap, f, folder, len, &snapshot_kinds[i], e))
			return -1;
	snapshot_zones_sort(snap);
	return 0;
}

static int add_snapshot(struct snapshots *s, const struct snapshot_files *f, const char *folder,
			size_t len, struct err *e)
{
	const char *label = snapshot_folder_label(folder, len);
	struct snapshot *snap;

	if (!label)
		return err_set(e, "%s/%.*s: not the folder of a snapshot (NN-LABEL)", f->dir,
			       (int)len, folder);
	len -= (size_t)(label - folder);
	for (size_t i = 0; i < s->nr_snaps; i++) {
		if (strlen(s->snaps[i].label) == len && !memcmp(s->snaps[i].label, label, len))
			return err_set(e, "%s: two snapshots have the label '%.*s'", f->dir,
				       (int)len, label);
	}
	if (s->nr_snaps == SNAPSHOTS_MAX)
		return err_set(e, "%s: more than %d snapshots", f->dir, SNAPSHOTS_MAX);
	s->snaps = mem_grow_zeroed(s->snaps, s->nr_snaps, s->nr_snaps + 1, sizeof(*s->snaps));
	snap = &s->snaps[s->nr_snaps++];
	snap->label = mem_dup_n(label, len);
	return parse_snapshot(snap, f, folder, len + (size_t)(label - folder), e);
}

/* Files of one folder are together. */
static int parse_snapshots(struct snapshots *s, const struct snapshot_files *f, struct err *e)
{
	const char *last = NULL;
	size_t last_len = 0;

	for (size_t i = 0; i < f->nr; i++) {
		const char *name = f->files[i].name, *slash = strchr(name, '/');
		size_t len = slash ? (size_t)(slash - name) : 0;

		if (!slash || (last && len == last_len && !memcmp(name, last, len)))
			continue;
		last = name;
		last_len = len;
		if (add_snapshot(s, f, name, len, e))
			return -1;
	}
	return s->nr_snaps ? 0 : err_set(e, "%s: there are no snapshots in it", f->dir);
}

static int parse_machine(struct snapshots *s, const struct snapshot_files *f, struct err *e)
{
	const struct snapshot_file *meta = snapshot_files_find(f, NULL, 0, "META");
	struct scan scan;
	char *path;
	int ret = text_of(f, NULL, 0, "slab_static.tsv", &path, &scan, e);

	if (ret > 0)
		ret = parse_geometry(&scan, &s->geometry, &s->nr_geometry, e);
	free(path);
	if (!ret)
		snapshots_make_machine(s, meta ? meta->data : NULL);
	return ret;
}

static int parse_store(struct snapshots *s, const struct snapshot_files *f, struct err *e)
{
	struct scan scan;
	char *path;
	int ret = text_of(f, NULL, 0, "mm_stat", &path, &scan, e);

	if (ret > 0)
		ret = parse_mm_stat(&scan, &s->mm_stat, &s->nr_mm_stat, e);
	free(path);
	return ret;
}

/* What a damaged or mixed-up slabinfo says does not fit into memory. */
static int check_sizes(const struct snapshots *s, const struct snapshot *snap, struct err *e)
{
	u64 limit = s->pfn_end ? s->pfn_end : MEMORY_PAGES_MAX, pages = 0;

	for (size_t i = 0; i < snap->nr_slabs + snap->nr_slabs0; i++) {
		const struct snapshot_slab *c =
			i < snap->nr_slabs ? &snap->slabs[i] : &snap->slabs0[i - snap->nr_slabs];

		if (i == snap->nr_slabs)
			pages = 0;
		if (c->num_slabs > limit / c->pagesperslab ||
		    c->num_objs > limit * PAGE_BYTES / c->objsize ||
		    (pages += c->num_slabs * c->pagesperslab) > limit)
			return err_set(e,
				       "%s: slabinfo of '%s': with cache '%s', slabs take more "
				       "memory than there is (%llu pages)",
				       s->dir, snap->label, c->cache, (unsigned long long)limit);
	}
	return 0;
}

static int check_all_sizes(const struct snapshots *s, struct err *e)
{
	for (size_t i = 0; i < s->nr_snaps; i++)
		if (check_sizes(s, &s->snaps[i], e))
			return -1;
	return 0;
}

int snapshots_parse(struct snapshots *s, const struct snapshot_files *f, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->dir = mem_dup(f->dir);
	if (!parse_snapshots(s, f, e) && !parse_machine(s, f, e) && !parse_store(s, f, e) &&
	    !check_all_sizes(s, e))
		return 0;
	snapshots_close(s);
	return -1;
}

int snapshots_open(struct snapshots *s, const char *dir, struct err *e)
{
	struct snapshot_files f;
	int ret;

	if (snapshot_files_read(&f, dir, e))
		return -1;
	ret = snapshots_parse(s, &f, e);
	snapshot_files_free(&f);
	return ret;
}

/* All rows begin with the cache's name. */
static int by_cache(const void *name, const void *row)
{
	return strcmp(name, *(char *const *)row);
}

static const void *find(const void *rows, size_t nr, size_t size, const char *cache)
{
	return nr ? bsearch(cache, rows, nr, size, by_cache) : NULL;
}

static struct snapshot_slabinfo slabinfo_of(const struct snapshot *s, bool last)
{
	if (last)
		return (struct snapshot_slabinfo){"slabinfo", s->slabs, s->nr_slabs,
						  &s->slabinfo_at};
	return (struct snapshot_slabinfo){"slabinfo0", s->slabs0, s->nr_slabs0, &s->slabinfo0_at};
}

struct snapshot_slabinfo snapshot_slabinfo_first(const struct snapshot *s)
{
	return slabinfo_of(s, !s->nr_slabs0);
}

struct snapshot_slabinfo snapshot_slabinfo_last(const struct snapshot *s)
{
	return slabinfo_of(s, s->nr_slabs || !s->nr_slabs0);
}

const struct snapshot_slab *snapshot_slabinfo_find(const struct snapshot_slabinfo *info,
						   const char *cache)
{
	return find(info->slabs, info->nr_slabs, sizeof(*info->slabs), cache);
}

const struct snapshot_slab *snapshot_slab(const struct snapshot *s, const char *cache)
{
	struct snapshot_slabinfo last = snapshot_slabinfo_last(s);

	return snapshot_slabinfo_find(&last, cache);
}

const struct snapshot_sysfs *snapshot_sysfs(const struct snapshot *s, const char *cache)
{
	return find(s->sysfs, s->nr_sysfs, sizeof(*s->sysfs), cache);
}

const struct snapshot_geometry *snapshots_geometry(const struct snapshots *s, const char *cache)
{
	return find(s->geometry, s->nr_geometry, sizeof(*s->geometry), cache);
}

const struct snapshot_zone *snapshot_zone(const struct snapshot *s, int node, const char *zone)
{
	for (size_t i = 0; i < s->nr_zones; i++)
		if (s->zones[i].node == node && !strcmp(s->zones[i].zone, zone))
			return &s->zones[i];
	return NULL;
}
