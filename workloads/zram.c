/*
 * zram: a device of slots that compressed pages are written to, in one of the patterns that stores
 * of compressed pages meet.
 *
 * Theory: as zram does (drivers/block/zram/zram_drv.c, 6.1), what a slot held goes after the new
 * object is stored: both are there for a moment. A least recently used page goes first (zswap).
 *
 * Invariant: of `lru`, slot_of and page_of are each other's inverse on the slots that are full, and
 * these are on the list from `head`, the page accessed last, to `tail`. Of `tides`, `shuffled` is a
 * permutation of the slots.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "workloads/dist.h"
#include "workloads/generator.h"
#include "workloads/job.h"
#include "workloads/slots.h"

#define SLOTS_MAX (1U << 24)
#define TOUCHED_MAX (1U << 22)
#define ZIPF_MAX 5
#define NONE UINT32_MAX

enum pattern {
	PATTERN_FILL,
	PATTERN_OVERWRITE,
	PATTERN_FIFO,
	PATTERN_LRU,
	PATTERN_BURSTS,
	PATTERN_TIDES
};

struct zram {
	u64 every_ns;
	enum pattern pattern;
	u32 slots, touched, burst, low; /* low: slots that are full then */
	struct dist page;		/* of `lru`: the page accessed */
};

struct device {
	u32 at, left; /* the next slot that is empty, and how many are */
	u32 head, tail;
	u32 *newer, *older, *page_of; /* by slot */
	u32 *slot_of;		      /* by page */
	/* Of `tides`: all slots, those that are full first. */
	u32 *shuffled, nr_full;
	bool ebb;
};

/* ---- Keys ---- */

static int count_key(const struct yaml_node *n, u64 most, u32 *v, struct err *e)
{
	u64 count;

	if (yaml_u64(n, 1, most, &count, e))
		return -1;
	*v = (u32)count;
	return 0;
}

/* Page k of 1..n is accessed in proportion to 1 / k^s. */
static void make_zipf(struct dist *d, u32 n, double s)
{
	double *weights = mem_alloc(n, sizeof(*weights));
	u64 *values = mem_alloc(n, sizeof(*values));
	int ret;

	/* 24 bits: the same draws even if the library's last bits differ. */
	for (u32 k = 0; k < n; k++) {
		values[k] = k;
		weights[k] = (double)(float)pow(k + 1, -s);
	}
	ret = dist_weights(d, values, weights, n);
	ASSERT(!ret);
}

static int read_lru(struct zram *own, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, "touched");
	double s = 0;

	own->touched = 2 * own->slots;
	if (n && count_key(n, TOUCHED_MAX, &own->touched, e))
		return -1;
	if (own->touched <= own->slots)
		return yaml_error(n, e, "more pages than slots are wanted: none would have to go");
	if (own->touched > TOUCHED_MAX)
		return yaml_error(map, e, "more than %u pages are touched", TOUCHED_MAX);
	n = yaml_get(map, "zipf");
	if (n && number_read(n, &s, e))
		return -1;
	if (s < 0 || s > ZIPF_MAX)
		return yaml_error(n, e, "an exponent from 0 to %d is wanted", ZIPF_MAX);
	make_zipf(&own->page, own->touched, s);
	return 0;
}

static int read_bursts(struct zram *own, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, "burst");

	own->burst = max(own->slots / 8, 1U);
	return n ? count_key(n, own->slots, &own->burst, e) : 0;
}

static int read_tides(struct zram *own, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, "low");
	const char *text = n ? yaml_text(n, e) : NULL;
	u64 parts = SHARE_ONE / 2;

	if (n && (!text || share_parse(text, &parts, e)))
		return yaml_error_around(n, e);
	own->low = (u32)((unsigned __int128)own->slots * parts / SHARE_ONE);
	if (own->low == own->slots)
		return yaml_error(n ? n : map, e, "at low tide, less than all slots are full");
	return 0;
}

/* Keys that say something of one pattern only. */
static int read_pattern(struct zram *own, const struct yaml_node *map, struct err *e)
{
	static const struct {
		const char *key;
		enum pattern pattern;
		const char *name;
	} keys[] = {
		{"touched", PATTERN_LRU, "lru"},
		{"zipf", PATTERN_LRU, "lru"},
		{"burst", PATTERN_BURSTS, "bursts"},
		{"low", PATTERN_TIDES, "tides"},
	};
	static const char *const names[] = {"fill",   "overwrite", "fifo", "lru",
					    "bursts", "tides",	   NULL};
	const struct yaml_node *n = yaml_need(map, "pattern", e);
	int pattern = n ? choice_read(n, names, e) : -1;

	if (pattern < 0)
		return -1;
	own->pattern = (enum pattern)pattern;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		n = yaml_get(map, keys[i].key);
		if (n && keys[i].pattern != own->pattern)
			return yaml_error(n, e, "`%s` is of pattern '%s'", keys[i].key,
					  keys[i].name);
	}
	if (own->pattern == PATTERN_LRU)
		return read_lru(own, map, e);
	if (own->pattern == PATTERN_TIDES)
		return read_tides(own, map, e);
	return own->pattern == PATTERN_BURSTS ? read_bursts(own, map, e) : 0;
}

/* What a job may say, and this generator has no use for. */
static int check_job(const struct job *job, const struct yaml_node *map, struct err *e)
{
	const struct yaml_node *n = yaml_get(map, "free_cpu");

	if (job->proto.kind != REQ_STORE_ALLOC)
		return yaml_error(map, e, "slots hold compressed pages: `objects: {size: DIST}`");
	if (n)
		return yaml_error(n, e, "what a slot held is freed on the CPU that writes it");
	if (job->on_failure == FAILURE_RETRY)
		return yaml_error(map, e,
				  "a refused write is not repeated: on_failure is count or stop");
	return 0;
}

static int read_zram(struct job *job, const struct yaml_node *map, struct err *e)
{
	struct zram *own = job->own;
	const struct yaml_node *n = yaml_need(map, "every", e);

	if (!n || check_job(job, map, e) || yaml_time(n, &own->every_ns, e))
		return -1;
	if (!own->every_ns)
		return yaml_error(n, e, "the time between requests must be more than zero");
	n = yaml_need(map, "slots", e);
	if (!n || count_key(n, SLOTS_MAX, &own->slots, e))
		return -1;
	return read_pattern(own, map, e);
}

static void forget(void *own)
{
	dist_free(&((struct zram *)own)->page);
}

/* ---- The device ---- */

static u32 nr_slots(const struct job *job)
{
	return ((const struct zram *)job->own)->slots;
}

static void *begin(const struct job *job)
{
	const struct zram *own = job->own;
	struct device *d = mem_alloc(1, sizeof(*d));

	*d = (struct device){.left = own->slots, .head = NONE, .tail = NONE};
	if (own->pattern == PATTERN_TIDES) {
		d->shuffled = mem_alloc(own->slots, sizeof(*d->shuffled));
		for (u32 slot = 0; slot < own->slots; slot++)
			d->shuffled[slot] = slot;
	}
	if (own->pattern != PATTERN_LRU)
		return d;
	d->newer = mem_alloc(own->slots, sizeof(*d->newer));
	d->older = mem_alloc(own->slots, sizeof(*d->older));
	d->page_of = mem_alloc(own->slots, sizeof(*d->page_of));
	d->slot_of = mem_alloc(own->touched, sizeof(*d->slot_of));
	for (u32 page = 0; page < own->touched; page++)
		d->slot_of[page] = NONE;
	return d;
}

static void end(void *state)
{
	struct device *d = state;

	free(d->newer);
	free(d->older);
	free(d->page_of);
	free(d->slot_of);
	free(d->shuffled);
	free(d);
}

static void list_del(struct device *d, u32 slot)
{
	u32 newer = d->newer[slot], older = d->older[slot];

	*(newer == NONE ? &d->head : &d->older[newer]) = older;
	*(older == NONE ? &d->tail : &d->newer[older]) = newer;
}

static void list_add(struct device *d, u32 slot)
{
	d->newer[slot] = NONE;
	d->older[slot] = d->head;
	*(d->head == NONE ? &d->tail : &d->newer[d->head]) = slot;
	d->head = slot;
}

static struct slot_step fill_one(struct device *d, u32 slots)
{
	u32 slot = d->at;

	ASSERT(d->left && slot < slots);
	d->at = slot + 1 == slots ? 0 : slot + 1;
	d->left--;
	return (struct slot_step){SLOT_WRITE, slot, 1};
}

static struct slot_step access_page(const struct zram *own, struct device *d, u32 page)
{
	struct slot_step step = {SLOT_READ, d->slot_of[page], 1};

	if (step.slot != NONE) {
		ASSERT(d->page_of[step.slot] == page);
		list_del(d, step.slot);
	} else if (d->left) {
		step = fill_one(d, own->slots);
	} else {
		step = (struct slot_step){SLOT_REPLACE, d->tail, 1};
		list_del(d, step.slot);
		d->slot_of[d->page_of[step.slot]] = NONE;
	}
	list_add(d, step.slot);
	d->page_of[step.slot] = page;
	d->slot_of[page] = step.slot;
	return step;
}

static struct slot_step discard_run(const struct zram *own, struct device *d, struct rng *r)
{
	d->at = (u32)rng_below(r, own->slots);
	d->left = own->burst;
	return (struct slot_step){SLOT_DISCARD, d->at, own->burst};
}

/* Slot number i of the shuffled ones changes places with number `to`. */
static u32 shuffle(struct device *d, u32 i, u32 to)
{
	u32 slot = d->shuffled[i];

	d->shuffled[i] = d->shuffled[to];
	d->shuffled[to] = slot;
	return slot;
}

/* Down to `low` full slots, up again to all; who goes and what is filled is random. */
static struct slot_step turn_of_tide(const struct zram *own, struct device *d, struct rng *r)
{
	u32 i;

	if (d->nr_full == own->slots)
		d->ebb = true;
	else if (d->nr_full <= own->low)
		d->ebb = false;
	if (d->ebb) {
		i = (u32)rng_below(r, d->nr_full--);
		return (struct slot_step){SLOT_DISCARD, shuffle(d, i, d->nr_full), 1};
	}
	i = d->nr_full + (u32)rng_below(r, own->slots - d->nr_full);
	return (struct slot_step){SLOT_WRITE, shuffle(d, i, d->nr_full++), 1};
}

static struct slot_step step(const struct job *job, void *state, struct rng *r)
{
	const struct zram *own = job->own;
	struct device *d = state;

	if (own->pattern == PATTERN_LRU)
		return access_page(own, d, (u32)dist_draw(&own->page, r));
	if (own->pattern == PATTERN_TIDES)
		return turn_of_tide(own, d, r);
	if (d->left)
		return fill_one(d, own->slots);
	switch (own->pattern) {
	case PATTERN_OVERWRITE:
		return (struct slot_step){SLOT_WRITE, (u32)rng_below(r, own->slots), 1};
	case PATTERN_FIFO:
		d->left = 1;
		return fill_one(d, own->slots);
	case PATTERN_BURSTS:
		return discard_run(own, d, r);
	default:
		return (struct slot_step){SLOT_REST, 0, 0};
	}
}

/* ---- When ---- */

static u64 gap(const struct job *job, struct rng *r, const struct job_time *now)
{
	const struct zram *own = job->own;

	(void)r;
	return now->first ? 0 : min(own->every_ns, TIME_MAX) << DIST_FRACTION_BITS;
}

static double mean_gap_ns(const struct job *job)
{
	return (double)((const struct zram *)job->own)->every_ns;
}

/* A slot says when it goes. */
static u64 lifetime_ns(const struct job *job, struct rng *r, u64 t_ns)
{
	(void)job, (void)r, (void)t_ns;
	return TIME_NEVER / 2;
}

static const struct slot_ops slot_ops = {
	.nr = nr_slots,
	.begin = begin,
	.end = end,
	.step = step,
};

static const struct generator_key keys[] = {
	{"slots", "25600", NULL, "pages the device has room for"},
	{"every", "10us", NULL, "time from one access to the next"},
	{"pattern", "overwrite", NULL, "fill, overwrite, fifo, bursts, tides or lru"},
	{"touched", "51200", "", "of lru: pages that are accessed; twice the slots if not given"},
	{"zipf", "0.9", "0", "of lru: page k is accessed in proportion to 1/k^zipf; 0: all alike"},
	{"burst", "3200", "", "of bursts: slots that go at once; an eighth if not given"},
	{"low", "50%", "50%", "of tides: share of the slots that is full at low tide"},
	{0},
};

static struct generator zram = {
	.name = "zram",
	.summary = "compressed pages in the slots of a device: filled, overwritten, replaced",
	.help = "All slots are written in turn, one access `every`. Then:\n"
		"  fill        nothing more\n"
		"  overwrite   a random slot is written\n"
		"  fifo        the slot written longest ago is written\n"
		"  bursts      a run of `burst` slots is given back at once, then written one by "
		"one\n"
		"  tides       random slots are given back down to `low`, then random empty ones "
		"are\n"
		"              written until all are full; and again\n"
		"  lru         from the start one of `touched` pages is accessed: read if it is "
		"there;\n"
		"              if not, it comes, for the page accessed longest ago: a cache.\n"
		"              Swap is not like this: `overwrite` with `read`\n"
		"What a slot held goes when what is written is stored, as in zram. The job stores "
		"`objects`; the keys `lifetime` and `free_cpu` are not for this generator. zram "
		"stores what does not fit below the huge class of zsmalloc as a whole page: write "
		"such sizes as 4096B. A job that compacts needs a `start` of its own, or it "
		"begins with the empty store.",
	.keys = keys,
	.own_size = sizeof(struct zram),
	.read = read_zram,
	.forget = forget,
	.gap = gap,
	.mean_gap_ns = mean_gap_ns,
	.lifetime_ns = lifetime_ns,
	.slots = &slot_ops,
};
GENERATOR(zram)
