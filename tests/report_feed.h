/*
 * A made-up sweep through the sink seam: two stacks (plain, rcu) x two loads (fstree, forkstorm).
 *
 * Not a simulator: smooth curves of the size and shape that a replay on 2 x 1 GiB gives, the same
 * on every machine (integers only), so that views, comparisons and plots have something to show and
 * golden outputs have something to hold on to.
 */
#ifndef TESTS_REPORT_FEED_H
#define TESTS_REPORT_FEED_H

#include <stdio.h>

#include "lib/units.h"
#include "sim/sink.h"

#define FEED_MACHINE "kmemsim: machine/1\nname: 2node\nhz: 250\n"

struct feed {
	const char *label, *load;
	bool rcu;    /* holds what is freed for a grace period */
	bool bursty; /* the load: waves instead of a ramp */
	u64 seed;
	int nr_samples;
	int nr_caches; /* at most FEED_CACHES_MAX */
	bool pressure; /* memory runs short in the middle; compaction and reclaim at work */
};

#define FEED_CACHES_MAX 12
#define FEED_SAMPLE_NS (10 * NSEC_PER_MSEC)

struct feed_cache {
	const char *name;
	u64 objsize, objperslab, pagesperslab, weight;
};

static const struct feed_cache feed_caches[FEED_CACHES_MAX] = {
	{"ext4_inode_cache", 1184, 27, 8, 90}, {"dentry", 192, 21, 1, 60},
	{"buffer_head", 104, 39, 1, 40},       {"kmalloc-512", 512, 16, 2, 35},
	{"radix_tree_node", 576, 28, 4, 30},   {"shmem_inode_cache", 712, 23, 4, 28},
	{"kmalloc-64", 64, 64, 1, 22},	       {"filp", 256, 16, 1, 18},
	{"vm_area_struct", 152, 26, 1, 14},    {"anon_vma", 104, 39, 1, 10},
	{"kmalloc-96", 96, 42, 1, 6},	       {"lsm_file_cache", 24, 170, 1, 4},
};

static const struct metric_desc feed_metrics[] = {
	{"bytes_alloc_live_max", "bytes", BETTER_NEITHER, "most bytes of live objects"},
	{"held_bytes_max", "bytes", BETTER_LOWER, "most bytes a layer held back"},
	{"latency_p99_ns", "ns", BETTER_LOWER, "99th percentile of an operation"},
	{"nr_alloc", "count", BETTER_NEITHER, "allocations served"},
	{"nr_failed", "count", BETTER_LOWER, "allocations refused"},
	{"pages_taken_bytes_max", "bytes", BETTER_LOWER, "most memory taken"},
	{"slab_bytes_max", "bytes", BETTER_LOWER, "most bytes of slab pages"},
	{"unusable_free_index_9_end", "permille", BETTER_LOWER, "at the end"},
};

/* Live bytes: up and down again (fstree), or waves (forkstorm), 0 .. 40 MiB. */
static inline u64 feed_live(const struct feed *f, u64 i)
{
	u64 n = (u64)f->nr_samples, x = i * 1000 / n;
	u64 ramp = x < 600 ? x * x / 600 : x < 700 ? 600 : 600 - (x - 700) * 15 / 10;
	u64 wave = 60 + (x % 200 < 100 ? x % 200 : 200 - x % 200) * 3;

	return (f->bursty ? wave : ramp) * 64 * KIB + (f->seed + i * 7919) % 97 * KIB;
}

/* Bytes of pages asked for as such; free bytes in slabs. */
#define FEED_PAGES (9 * MIB)

static inline u64 feed_free(u64 live)
{
	return live / 9 + 600 * KIB;
}

static inline u64 feed_held(const struct feed *f, u64 i)
{
	u64 x = i * 1000 / (u64)f->nr_samples;
	u64 wave = x % 200 >= 100 ? (200 - x % 200) * 32 : 8;

	if (!f->rcu)
		return 0;
	return (f->bursty ? wave : x >= 700 ? 3200 - (x - 700) * 8 : 20 + x / 20) * KIB;
}

/* The layers' accounts: a slab source holds its free objects, a layer above what is in limbo. */
static inline void feed_layers(const struct feed *f, struct sink *s, u64 i)
{
	u64 t = i * FEED_SAMPLE_NS, live = feed_live(f, i), held = feed_held(f, i);
	u64 in_slabs = live + held - held / 4, handed_out = in_slabs + feed_free(live) + FEED_PAGES;
	const char *source = f->rcu ? "slab/1:slabifier" : "slab/0:slabifier";

	if (f->rcu) {
		s->ops->sample(s, t, "pages/0:rcu", "live_bytes", (double)handed_out);
		s->ops->sample(s, t, "pages/0:rcu", "held_bytes", (double)(held / 4));
		s->ops->sample(s, t, "slab/0:rcu", "live_bytes", (double)live);
		s->ops->sample(s, t, "slab/0:rcu", "held_bytes", (double)(held - held / 4));
		s->ops->sample(s, t, "slab/0:rcu", "held_objs", (double)(held / 240));
	} else {
		s->ops->sample(s, t, "pages/0:page_allocator", "live_bytes", (double)handed_out);
	}
	s->ops->sample(s, t, source, "live_bytes", (double)in_slabs);
	s->ops->sample(s, t, source, "held_bytes", (double)feed_free(live));
	if (f->rcu)
		s->ops->sample(s, t, "pages/1:page_allocator", "live_bytes",
			       (double)(handed_out + held / 4));
}

static inline void feed_memory(const struct feed *f, struct sink *s, u64 i)
{
	u64 t = i * FEED_SAMPLE_NS, live = feed_live(f, i), held = feed_held(f, i);
	u64 slab = live + held - held / 4 + feed_free(live), taken = slab + held / 4 + FEED_PAGES;
	char name[64];

	s->ops->sample(s, t, "", "bytes_req_live", (double)(live - live / 12 + FEED_PAGES));
	s->ops->sample(s, t, "", "bytes_alloc_live", (double)(live + FEED_PAGES));
	s->ops->sample(s, t, "", "slab_bytes", (double)slab);
	s->ops->sample(s, t, "", "pages_taken_bytes", (double)taken);
	s->ops->sample(s, t, "", "free_bytes", (double)(2 * GIB - taken));
	s->ops->sample(s, t, "", "live_objs", (double)(live / 240));
	feed_layers(f, s, i);
	for (u64 k = 0; k < SINK_NR_ORDERS; k++) {
		u64 index = k * k * (live / MIB + held / (128 * KIB) + 5) / 8;

		snprintf(name, sizeof(name), "unusable_free_index/%d", (int)k);
		s->ops->sample(s, t, "", name, (double)min(index, 1000UL));
	}
}

static inline void feed_free_area(const struct feed *f, struct sink *s, u64 i)
{
	static const char *const types[] = {"Unmovable", "Movable", "Reclaimable"};
	u64 live = feed_live(f, i) / (64 * KIB), held = feed_held(f, i) / (64 * KIB);

	for (int node = 0; node < 2; node++) {
		for (u64 type = 0; type < ARRAY_SIZE(types); type++) {
			u64 nr_free[SINK_NR_ORDERS];

			for (u64 k = 0; k < SINK_NR_ORDERS; k++)
				nr_free[k] =
					k == 10 ? (type == 1 ? 230 - live / 12 : 2)
						: (live + held * 3 + 40) * (3 - type) / (k + 2);
			s->ops->free_area(s, i * FEED_SAMPLE_NS, node, node ? "Normal" : "DMA32",
					  types[type], nr_free);
		}
	}
}

static inline void feed_slabs(const struct feed *f, struct sink *s, u64 i)
{
	u64 most = 0;

	for (u64 j = 0; j <= i; j += (u64)f->nr_samples / 32 + 1)
		most = max(most, feed_live(f, j) + feed_held(f, j));
	for (int c = 0; c < f->nr_caches; c++) {
		const struct feed_cache *fc = &feed_caches[c];
		u64 objs = feed_live(f, i) * fc->weight / 400 / fc->objsize;
		u64 kept = (most * 9 / 10 * fc->weight / 400) / fc->objsize;
		struct sink_slab b = {.t_ns = i * FEED_SAMPLE_NS,
				      .cache = fc->name,
				      .objsize = fc->objsize,
				      .objperslab = fc->objperslab,
				      .pagesperslab = fc->pagesperslab,
				      .active_objs = objs};
		struct sink_cache k = {b.t_ns,
				       fc->name,
				       fc->name,
				       objs,
				       objs * (fc->objsize - 4),
				       objs * fc->objsize};

		b.active_slabs = DIV_ROUND_UP(objs, fc->objperslab);
		b.num_slabs =
			max(DIV_ROUND_UP(kept, fc->objperslab) * (90 + 10 * fc->weight / 90) / 100,
			    b.active_slabs);
		b.num_objs = b.num_slabs * fc->objperslab;
		s->ops->slab(s, &b);
		s->ops->cache(s, &k);
	}
}

/* A zone of 64 pageblocks that fill up and empty again, in every fifth of them something pinned. */
static inline void feed_map(const struct feed *f, struct sink *s, u64 i)
{
	struct sink_cell cells[64] = {{0}};
	struct sink_moves moves[64] = {{0}};
	u64 full = feed_live(f, i) / MIB;

	for (u64 b = 0; b < ARRAY_SIZE(cells); b++) {
		bool pinned = b % 5 == 0 || f->rcu;

		cells[b].type_pinned = b > 50 ? SINK_CELL_NO_TYPE : (u8)(b % 3);
		if (b >= full || b > 50)
			continue;
		cells[b].movable = (u8)(200 - b);
		cells[b].unmovable = pinned ? 9 : 0;
		cells[b].type_pinned |= pinned ? SINK_CELL_PINNED << 3 : 0;
	}
	/* From low blocks to high ones, more and more, and more without rcu. */
	for (u64 b = 0; b < 8; b++) {
		moves[b].from = (u32)(i * (b + 1) * (f->rcu ? 1 : 3));
		moves[50 - b].to = moves[b].from;
	}
	s->ops->block_map(s, &(struct sink_block_map){.t_ns = i * FEED_SAMPLE_NS,
						      .zone = "Normal",
						      .first_pfn = 0x100000,
						      .nr_blocks = 64,
						      .blocks_per_cell = 1,
						      .cells = cells,
						      .moves = i ? moves : NULL});
}

/* Blocks 0, 5, 10, ... are kept: the first half by one call site, the rest by three others. */
static inline void feed_blame(const struct feed *f, struct sink *s)
{
	static const struct {
		const char *call_site, *cache;
	} holders[] = {{"alloc_inode+0x1e", "ext4_inode_cache"},
		       {"__get_free_pages+0xd", ""},
		       {"", "(per-CPU lists)"},
		       {"?", ""}};
	u64 nr = f->rcu ? 10 : 6, kept[ARRAY_SIZE(holders)] = {0};

	for (u64 b = 0; b < nr; b++) {
		u64 h = b < nr / 2 ? 0 : 1 + b % 3;
		struct sink_blame_block block = {.zone = "Normal",
						 .pfn = 0x100000 + 512 * 5 * b,
						 .free_pages = 300,
						 .movable_pages = 200,
						 .unmovable_pages = 12,
						 .call_site = holders[h].call_site,
						 .cache = holders[h].cache,
						 .holder_pages = 9,
						 .kept_ns = (b + 1) * NSEC_PER_MSEC};

		kept[h]++;
		s->ops->blame_block(s, &block);
	}
	for (u64 h = 0; h < ARRAY_SIZE(holders); h++) {
		struct sink_blame blame = {.call_site = holders[h].call_site,
					   .cache = holders[h].cache,
					   .blocks_end = kept[h],
					   .pages_end = kept[h] * 9,
					   .blocks_mean = (double)kept[h] / 2,
					   .pages_mean = (double)kept[h] * 4,
					   .block_ns = kept[h] * 7 * NSEC_PER_MSEC,
					   .longest_ns = nr * NSEC_PER_MSEC};

		s->ops->blame(s, &blame);
	}
}

/* A zone of 4096 pages at most: in the second quarter it falls below its low watermark, then below
 * min without rcu; what is left is in single pages. */
static inline void feed_short(const struct feed *f, struct sink *s, u64 i)
{
	u64 x = i * 4 / (u64)f->nr_samples;
	u64 nr_free[SINK_NR_ORDERS] = {x == 1 ? f->rcu ? 105 : 60 : 512};

	nr_free[3] = x == 1 ? 0 : 64;
	nr_free[10] = x == 1 ? 0 : 3;
	s->ops->free_area(s, i * FEED_SAMPLE_NS, 0, "Normal", "Movable", nr_free);
}

static inline void feed_pressure(const struct feed *f, struct sink *s)
{
	static const struct metric_desc had = {"huge_success_percent", "percent", BETTER_HIGHER,
					       ""};
	static const struct metric_desc runs = {"compact_runs", "count", BETTER_NEITHER, ""};
	static const struct metric_desc moved = {"compact_moved_pages", "pages", BETTER_LOWER, ""};
	u64 end = (u64)f->nr_samples * FEED_SAMPLE_NS;
	struct sink_zone zone = {.zone = "Normal",
				 .start_pfn = 0x100000,
				 .spanned = 4096,
				 .present = 4096,
				 .managed = 4000,
				 .min = 100,
				 .low = 125,
				 .high = 150};
	struct sink_latency huge = {"page_alloc/9", "compact", 40,    9000,
				    12000,	    50000,     70000, 90000};

	s->ops->zone(s, &zone);
	for (u64 i = 0; i < 200; i++) {
		struct sink_compact run = {.t_ns = end / 4 + i * end / 800,
					   .zone = "Normal",
					   .mode = i % 3 ? "direct_light" : "kcompactd",
					   .page_order = 9,
					   .result = i % 7 ? "success" : "complete",
					   .migrate_scanned = 512,
					   .free_scanned = 900,
					   .isolated = 32,
					   .moved = f->rcu ? 30 : 31,
					   .failed = 1,
					   .blocks_gained = i % 4 ? 0 : -1 + (s64)(i % 8),
					   .ns = 4000};

		s->ops->compact(s, &run);
	}
	for (u64 i = 0; i <= 10; i++) {
		s->ops->vmstat(s, end * i / 10, "pgsteal_kswapd", i * 1000);
		s->ops->vmstat(s, end * i / 10, "allocstall_normal", f->rcu ? 0 : i * i);
		s->ops->vmstat(s, end * i / 10, "pgfree", i);
	}
	s->ops->latency(s, &huge);
	s->ops->summary(s, "", &runs, f->rcu ? 200 : 205);
	s->ops->summary(s, "", &had, f->rcu ? 93.25 : 40);
	s->ops->summary(s, "", &moved, f->rcu ? 6000 : 6200);
}

static inline void feed_tables(const struct feed *f, struct sink *s)
{
	static const char *const ops[] = {"kmalloc",	     "kfree",	     "kmem_cache_alloc",
					  "kmem_cache_free", "page_alloc/0", "page_free/0"};
	static const char *const paths[] = {"fast", "slow", "new_slab"};
	struct sink_site site = {"alloc_inode+0x1e",
				 "ext4_inode_cache",
				 81234,
				 96180000,
				 96181056,
				 120,
				 142080,
				 311,
				 17};
	struct sink_lock lock = {"zone.lock", 910233, f->rcu ? 5120 : 3201,
				 f->rcu ? 1920341 : 880123, 2310};

	for (u64 o = 0; o < ARRAY_SIZE(ops); o++) {
		for (u64 p = 0; p < (o % 2 ? 2 : ARRAY_SIZE(paths)); p++) {
			u64 base = (22 + 9 * o) * (p ? 6 * p : 1) + (f->rcu ? 11 : 0);
			struct sink_latency l = {
				ops[o],	  paths[p],	400000 >> (4 * p),
				base,	  base * 5 / 4, base * 3 + (f->rcu ? 80 : 0),
				base * 9, base * 31};

			s->ops->latency(s, &l);
		}
	}
	s->ops->site(s, &site);
	s->ops->lock(s, &lock);
	s->ops->event(s, 5 * NSEC_PER_MSEC, 1, "extfrag", "pfn=0x54d4 order=1 fallback=4");
}

static inline void feed_summary(const struct feed *f, struct sink *s)
{
	u64 live = 0, held = 0, slab = 0;

	for (u64 i = 0; i < (u64)f->nr_samples; i++) {
		u64 l = feed_live(f, i), h = feed_held(f, i);

		live = max(live, l);
		held = max(held, h);
		slab = max(slab, l + l / 9 + h + 600 * KIB);
	}
	s->ops->summary(s, "", &feed_metrics[0], (double)live);
	s->ops->summary(s, "", &feed_metrics[1], (double)held);
	if (f->rcu)
		s->ops->summary(s, "slab/0:rcu", &feed_metrics[1], (double)(held - held / 4));
	s->ops->summary(s, f->rcu ? "slab/1:slabifier" : "slab/0:slabifier", &feed_metrics[1],
			f->rcu ? 1100 : 1000);
	s->ops->summary(s, "", &feed_metrics[2], f->rcu ? 234 : 198);
	s->ops->summary(s, "", &feed_metrics[3], f->bursty ? 903127 : 880011);
	s->ops->summary(s, "", &feed_metrics[4], 0);
	s->ops->summary(s, "", &feed_metrics[5], (double)(slab + 9 * MIB));
	s->ops->summary(s, "", &feed_metrics[6], (double)slab);
	s->ops->summary(s, "", &feed_metrics[7], f->rcu ? 121 : 86);
}

/* Everything of a run up to, not including, its end. */
static inline void feed_begin(const struct feed *f, struct sink *s)
{
	struct sink_run run = {
		.label = f->label,
		.load = f->load,
		.stack = f->rcu ? "pages=rcu:page_allocator() slab=rcu:slabifier()"
				: "pages=page_allocator() slab=slabifier()",
		.machine = FEED_MACHINE,
		.input = "traces/samples/load.kmt",
		.input_hash = f->bursty ? 0x1111 : 0x2222,
		.seed = f->seed,
		.command = "kmemsim replay traces/samples/load.kmt --slab rcu:slabifier",
	};

	s->ops->begin(s, &run);
	for (u64 i = 0; i < (u64)f->nr_samples; i++) {
		feed_memory(f, s, i);
		feed_free_area(f, s, i);
		if (f->pressure)
			feed_short(f, s, i);
		feed_slabs(f, s, i);
		if (i % ((u64)f->nr_samples / 20 + 1) == 0)
			feed_map(f, s, i);
	}
	feed_tables(f, s);
	feed_blame(f, s);
	if (f->pressure)
		feed_pressure(f, s);
	feed_summary(f, s);
}

static inline int feed_run(const struct feed *f, struct sink *s, struct err *e)
{
	struct sink_end end = {"ok", 0xfeedULL + f->rcu * 16 + f->bursty, 1780022,
			       (u64)f->nr_samples * FEED_SAMPLE_NS, 123456789};

	feed_begin(f, s);
	return s->ops->end(s, &end, e);
}

/* The whole sweep: plain and rcu on both loads. */
static inline int feed_sweep(struct sink *s, int nr_samples, struct err *e)
{
	for (int i = 0; i < 4; i++) {
		struct feed f = {.label = i & 1 ? "rcu" : "plain",
				 .load = i & 2 ? "forkstorm" : "fstree",
				 .rcu = i & 1,
				 .bursty = i & 2,
				 .seed = 1,
				 .nr_samples = nr_samples,
				 .nr_caches = FEED_CACHES_MAX};

		if (feed_run(&f, s, e))
			return -1;
	}
	return 0;
}

#endif
