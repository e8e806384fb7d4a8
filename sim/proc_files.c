/*
 * What /proc of the simulated machine says of its memory.
 *
 * Theory: tools and eyes are made for these files; a simulated machine that speaks their language
 * can be looked at, and compared, like a real one. Formats: mm/vmstat.c and mm/slab_common.c, 6.1.
 * Recorders leave marks when they read a file; a replay reads the same file at the same mark.
 *
 * Invariant: looking changes nothing and takes no simulated time.
 *
 * Unlike Linux: zones have no holes, so present and managed pages are the spanned ones. Lines that
 * no simulated thing stands behind are left out of vmstat and zoneinfo. Counters of vmstat count
 * from time zero.
 */
#include "sim/proc_files.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/pages/buddy.h"
#include "alloc/pages/page_allocator.h"
#include "alloc/pages/pcp.h"
#include "alloc/slabinfo.h"
#include "lib/buddyinfo.h"
#include "lib/mem.h"
#include "lib/text.h"
#include "sim/replay.h"
#include "sim/snap_mark.h"
#include "sim/vmstat.h"

const char *const proc_file_names[NR_PROC_FILES] = {
	[PROC_BUDDYINFO] = "buddyinfo", [PROC_PAGETYPEINFO] = "pagetypeinfo",
	[PROC_VMSTAT] = "vmstat",	[PROC_ZONEINFO] = "zoneinfo",
	[PROC_SLABINFO] = "slabinfo",	[PROC_MM_STAT] = "mm_stat",
	[PROC_CLASSES] = "classes",
};

#define NR_TYPES_SHOWN (MIGRATE_TYPES + 1) /* and Isolate, of which there is never anything */

static const char *type_name(int mt)
{
	return mt < MIGRATE_TYPES ? migratetype_names[mt] : "Isolate";
}

/* ---- buddyinfo ---- */

static u64 nr_free(const struct replay *rp, const struct zone *zone, int mt, int order)
{
	return mt < MIGRATE_TYPES ? page_nr_free(rp->stack.pages, zone, mt, order) : 0;
}

static void print_buddyinfo(struct replay *rp, struct text *t)
{
	const struct zone *zone;

	for_each_populated_zone (zone) {
		text_add(t, PROC_ZONE, zone->node, zone->name);
		for (int o = 0; o < MAX_ORDER; o++) {
			u64 n = 0;

			for (int mt = 0; mt < MIGRATE_TYPES; mt++)
				n += nr_free(rp, zone, mt, o);
			text_add(t, BUDDYINFO_FREE, (unsigned long long)n);
		}
		text_add(t, "\n");
	}
}

/* ---- pagetypeinfo ---- */

static void print_type(const struct replay *rp, const struct zone *zone, int mt, struct text *t)
{
	text_add(t, PAGETYPEINFO_TYPE, zone->node, zone->name, type_name(mt));
	for (int o = 0; o < MAX_ORDER; o++) {
		u64 n = nr_free(rp, zone, mt, o), max = PAGETYPEINFO_FREE_MAX;

		text_add(t, PAGETYPEINFO_FREE, n >= max ? ">" : "",
			 (unsigned long long)min(n, max));
	}
	text_add(t, "\n");
}

/* Sources that keep no types have movable pageblocks, as Linux has without grouping. */
static void print_blocks(const struct replay *rp, const struct zone *zone, struct text *t)
{
	u64 nr[NR_TYPES_SHOWN] = {0};

	for (unsigned long i = 0; i < zone->spanned_pages; i += pageblock_nr_pages) {
		int type = pageblock_migratetype(rp->stack.pages, zone->zone_start_pfn + i);

		nr[type < 0 ? MIGRATE_MOVABLE : type]++;
	}
	text_add(t, PROC_ZONE, zone->node, zone->name);
	for (int mt = 0; mt < NR_TYPES_SHOWN; mt++)
		text_add(t, PAGETYPEINFO_BLOCKS, (unsigned long long)nr[mt]);
	text_add(t, "\n");
}

static void print_node_types(const struct replay *rp, int nid, struct text *t)
{
	text_add(t, PAGETYPEINFO_HEAD, pageblock_order, pageblock_nr_pages);
	text_add(t, PAGETYPEINFO_FREE_HEAD, PAGETYPEINFO_FREE_TITLE);
	for (int o = 0; o < MAX_ORDER; o++)
		text_add(t, PAGETYPEINFO_ORDER, o);
	text_add(t, "\n");
	for (int type = 0; type < MAX_NR_ZONES; type++)
		for (int mt = 0; mt < NR_TYPES_SHOWN; mt++)
			if (node_zone(nid, (enum zone_type)type)->spanned_pages)
				print_type(rp, node_zone(nid, (enum zone_type)type), mt, t);
	text_add(t, PAGETYPEINFO_BLOCKS_HEAD, PAGETYPEINFO_BLOCKS_TITLE);
	for (int mt = 0; mt < NR_TYPES_SHOWN; mt++)
		text_add(t, PAGETYPEINFO_BLOCKS_TYPE, type_name(mt));
	text_add(t, "\n");
	for (int type = 0; type < MAX_NR_ZONES; type++)
		if (node_zone(nid, (enum zone_type)type)->spanned_pages)
			print_blocks(rp, node_zone(nid, (enum zone_type)type), t);
}

static void print_pagetypeinfo(struct replay *rp, struct text *t)
{
	int nid;

	for_each_node (nid)
		if (node_has_memory(nid))
			print_node_types(rp, nid, t);
}

/* ---- vmstat ---- */

static void add_line(void *arg, const char *name, u64 value)
{
	text_add(arg, "%s %llu\n", name, (unsigned long long)value);
}

static void print_vmstat(struct replay *rp, struct text *t)
{
	vmstat_visit(rp, add_line, t);
}

/* ---- zoneinfo ---- */

static long mark(long pages)
{
	return max(pages, 0L);
}

/* A zone type more than ours: "Device", which keeps from requests for it what Movable does. */
static void print_marks(const struct zone_watermarks *w, const struct zone *zone, struct text *t)
{
	text_add(t,
		 "\n  pages free     %lu"
		 "\n        boost    %lu"
		 "\n        min      %lu"
		 "\n        low      %lu"
		 "\n        high     %lu"
		 "\n        spanned  %lu"
		 "\n        present  %lu"
		 "\n        managed  %lu"
		 "\n        cma      0",
		 zone->vm_stat[NR_FREE_PAGES], mark(w->boost), mark(w->min + w->boost),
		 mark(w->low + w->boost), mark(w->high + w->boost), zone->spanned_pages,
		 zone->spanned_pages, zone->spanned_pages);
	text_add(t, "\n        protection: (");
	for (int type = 0; type <= MAX_NR_ZONES; type++)
		text_add(t, "%s%ld", type ? ", " : "",
			 w->lowmem_reserve[min(type, MAX_NR_ZONES - 1)]);
	text_add(t, ")");
}

static void print_pagesets(const struct replay *rp, const struct zone *zone, struct text *t)
{
	int cpu;

	text_add(t, "\n  pagesets");
	for_each_possible_cpu (cpu) {
		const struct per_cpu_pages *pcp = zone_pageset(rp->stack.pages, zone, cpu);

		text_add(t,
			 "\n    cpu: %i"
			 "\n              count: %u"
			 "\n              high:  %u"
			 "\n              batch: %u",
			 cpu, pcp ? pcp->count : 0, pcp ? pcp->high : 0, pcp ? pcp->batch : 1);
	}
}

static void print_zone(struct replay *rp, const struct zone *zone, const char *name, int nid,
		       struct text *t)
{
	static const struct zone_watermarks none;
	const struct zone_watermarks *w = zone ? zone_marks(rp->stack.pages, zone) : NULL;
	static const struct zone empty;

	text_add(t, "Node %d, zone %8s", nid, name);
	print_marks(w ? w : &none, zone ? zone : &empty, t);
	if (zone && zone->spanned_pages) {
		text_add(t, "\n      %-12s %lu", "nr_free_pages", zone->vm_stat[NR_FREE_PAGES]);
		print_pagesets(rp, zone, t);
		text_add(t, "\n  start_pfn:           %lu", zone->zone_start_pfn);
	}
	text_add(t, "\n");
}

static void print_zoneinfo(struct replay *rp, struct text *t)
{
	int nid;

	for_each_node (nid) {
		for (int type = 0; type < MAX_NR_ZONES; type++) {
			const struct zone *zone = node_zone(nid, (enum zone_type)type);

			print_zone(rp, zone->spanned_pages ? zone : NULL, zone_names[type], nid, t);
		}
		print_zone(rp, NULL, "Device", nid, t);
	}
}

/* ---- slabinfo ---- */

static void print_slabinfo(struct replay *rp, struct text *t)
{
	slabulator_slabinfo(&rp->slabulator, t);
}

/* ---- mm_stat and classes ---- */

/*
 * Each object was a page (mm_stat_show, drivers/block/zram/zram_drv.c). Nothing limits the device,
 * and pages of one and the same word are the load's to leave out.
 */
static void print_mm_stat(struct replay *rp, struct text *t)
{
	struct sink_store f;
	u64 pages_max;

	store_figures(rp, rp->sampler.last_ns, &f);
	pages_max = max((u64)rp->sampler.store[STORE_PAGES].max, f.pages);
	text_add(t, "%8llu %8llu %8llu %8lu %8ld %8llu %8lu %8llu %8llu\n",
		 (unsigned long long)f.objects << PAGE_SHIFT, (unsigned long long)f.bytes_req,
		 (unsigned long long)f.pages << PAGE_SHIFT, 0UL, (long)(pages_max << PAGE_SHIFT),
		 0ULL, (unsigned long)rp->store_source->compacted.freed_pages,
		 (unsigned long long)rp->nr_huge, (unsigned long long)rp->nr_huge_so_far);
}

#define CLASSES_LINE " %11llu %12llu %13llu %10llu %10llu"

static void add_class(const struct store_class *c, struct text *t)
{
	text_add(t, CLASSES_LINE, (unsigned long long)c->almost_full,
		 (unsigned long long)c->almost_empty, (unsigned long long)c->obj_allocated,
		 (unsigned long long)c->obj_used, (unsigned long long)c->pages_used);
}

static void print_classes(struct replay *rp, struct text *t)
{
	unsigned int nr;
	struct store_class *classes = store_classes_now(rp->stack.store, &nr), all = {.index = 0};

	text_add(t, " %5s %5s %11s %12s %13s %10s %10s %16s %8s\n", "class", "size", "almost_full",
		 "almost_empty", "obj_allocated", "obj_used", "pages_used", "pages_per_zspage",
		 "freeable");
	for (unsigned int i = 0; i < nr; i++) {
		const struct store_class *c = &classes[i];

		text_add(t, " %5u %5u", c->index, c->size);
		add_class(c, t);
		text_add(t, " %16u %8llu\n", c->pages_per_zspage, (unsigned long long)c->freeable);
		all.almost_full += c->almost_full;
		all.almost_empty += c->almost_empty;
		all.obj_allocated += c->obj_allocated;
		all.obj_used += c->obj_used;
		all.pages_used += c->pages_used;
		all.freeable += c->freeable;
	}
	text_add(t, "\n %5s %5s", "Total", "");
	add_class(&all, t);
	text_add(t, " %16s %8llu\n", "", (unsigned long long)all.freeable);
	free(classes);
}

/* ---- All of them ---- */

static bool is_there(const struct replay *rp, enum proc_file file)
{
	return (file != PROC_MM_STAT && file != PROC_CLASSES) || rp->stack.store;
}

static void (*const printers[NR_PROC_FILES])(struct replay *rp, struct text *t) = {
	[PROC_BUDDYINFO] = print_buddyinfo, [PROC_PAGETYPEINFO] = print_pagetypeinfo,
	[PROC_VMSTAT] = print_vmstat,	    [PROC_ZONEINFO] = print_zoneinfo,
	[PROC_SLABINFO] = print_slabinfo,   [PROC_MM_STAT] = print_mm_stat,
	[PROC_CLASSES] = print_classes,
};

char *proc_file_text(struct replay *rp, enum proc_file file)
{
	u64 clock_ns = kernel->clock_ns;

	if (!is_there(rp, file))
		return NULL;
	for (size_t n = 16384;; n *= 2) {
		char *buf = mem_alloc(n, 1);
		struct text t = text_in(buf, n);

		printers[file](rp, &t);
		kernel->clock_ns = clock_ns;
		if (!text_cut(&t))
			return buf;
		free(buf);
	}
}

/* The newest of that label, or a new one. It becomes part of a path: no slashes. */
static struct proc_folder *folder_of(struct proc_files *p, const char *label, size_t len)
{
	char *name = mem_print("%.*s", (int)len, label);
	struct proc_folder *folder;

	for (char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("._-", *c))
			*c = '_';
	for (size_t i = 0; i < p->nr; i++) {
		if (!strcmp(p->folders[i].label, name)) {
			free(name);
			return &p->folders[i];
		}
	}
	MEM_ROOM(p->folders, p->nr, p->room);
	folder = &p->folders[p->nr++];
	*folder = (struct proc_folder){.label = name};
	return folder;
}

static void take(struct proc_folder *folder, struct replay *rp, enum proc_file file)
{
	free(folder->text[file]);
	folder->text[file] = proc_file_text(rp, file);
}

void proc_files_take(struct proc_files *p, struct replay *rp, const char *label)
{
	struct proc_folder *folder = folder_of(p, label, strlen(label));

	for (int i = 0; i < NR_PROC_FILES; i++)
		take(folder, rp, (enum proc_file)i);
}

/* No recorder's list of files has those of the store: they come with the first one. */
static void take_store(struct proc_folder *folder, struct replay *rp)
{
	if (folder->text[PROC_MM_STAT])
		return;
	take(folder, rp, PROC_MM_STAT);
	take(folder, rp, PROC_CLASSES);
}

void proc_files_at_mark(struct proc_files *p, struct replay *rp, u64 t_ns, const char *text)
{
	u64 clock_ns = kernel->clock_ns;
	struct snap_mark m;

	if (!snap_mark_parse(&m, text) || m.end)
		return;
	for (int i = 0; i < NR_PROC_FILES; i++) {
		struct proc_folder *folder;

		if (strcmp(m.file, proc_file_names[i]))
			continue;
		machine_advance(rp->m, t_ns);
		folder = folder_of(p, m.label, m.label_len);
		take(folder, rp, (enum proc_file)i);
		take_store(folder, rp);
		kernel->clock_ns = clock_ns;
	}
}

void proc_files_free(struct proc_files *p)
{
	for (size_t i = 0; i < p->nr; i++) {
		free(p->folders[i].label);
		for (int f = 0; f < NR_PROC_FILES; f++)
			free(p->folders[i].text[f]);
	}
	free(p->folders);
	*p = (struct proc_files){.nr = 0};
}
