/*
 * Page frames known to be free at time zero.
 */
#include "traces/free_frames.h"

#include <stdlib.h>
#include <string.h>

#include "lib/bits.h"
#include "lib/mem.h"
#include "traces/kmt.h"
#include "traces/varint.h"

#define ORDER_MAX 15
#define PFN_END (1ULL << 40)

void free_frames_init(struct free_frames *f)
{
	*f = (struct free_frames){0};
	map_init(&f->seen_at);
}

void free_frames_free(struct free_frames *f)
{
	map_free(&f->seen_at);
	free(f->seen);
	free(f->rows);
}

void free_frames_begin(struct free_frames *f)
{
	f->nr = 0;
	if (f->nr_seen)
		memset(f->seen, 0, f->nr_seen * sizeof(*f->seen));
}

static u64 *seen_word(struct free_frames *f, u64 pfn)
{
	u32 *at = map_put(&f->seen_at, pfn / 64 + 1, UINT32_MAX);

	if (*at == UINT32_MAX) {
		MEM_ROOM(f->seen, f->nr_seen, f->seen_max);
		f->seen[f->nr_seen] = 0;
		*at = f->nr_seen++;
	}
	return &f->seen[*at];
}

/* Was nothing known of it until now? */
static bool first_time(struct free_frames *f, u64 pfn)
{
	u64 *word = seen_word(f, pfn), bit = 1ULL << pfn % 64;
	bool first = !(*word & bit);

	*word |= bit;
	return first;
}

static void add_row(struct free_frames *f, u64 pfn, u8 order, int cpu, u8 migratetype)
{
	MEM_ROOM(f->rows, f->nr, f->max);
	f->rows[f->nr++] = (struct page_free){
		.pfn = pfn, .cpu = (s16)cpu, .order = order, .migratetype = migratetype};
}

static bool all_for_the_first_time(struct free_frames *f, const struct raw_event *ev)
{
	for (u64 i = 0; i < 1ULL << ev->order; i++)
		if (*seen_word(f, ev->ptr + i) >> (ev->ptr + i) % 64 & 1)
			return false;
	return true;
}

static void was_free(struct free_frames *f, const struct raw_event *ev, int cpu, u32 migratetype)
{
	u8 type = (u8)min(migratetype, (u32)PAGE_FREE_ANY);
	bool whole = all_for_the_first_time(f, ev);

	if (whole)
		add_row(f, ev->ptr, ev->order, cpu, type);
	for (u64 i = 0; i < 1ULL << ev->order; i++)
		if (first_time(f, ev->ptr + i) && !whole)
			add_row(f, ev->ptr + i, 0, cpu, type);
}

static int list_of(const struct free_frames *f, const struct raw_event *ev)
{
	return f->locked ? ev->cpu : PAGE_FREE_LISTED;
}

void free_frames_event(struct free_frames *f, const struct raw_event *ev)
{
	if (ev->ptr >= PFN_END || ev->order > ORDER_MAX)
		return;
	switch (ev->type) {
	case RAW_ZONE_LOCKED:
		f->locked = true;
		was_free(f, ev, PAGE_FREE_LISTED, ev->alloc);
		break;
	case RAW_PAGE_ALLOC:
		was_free(f, ev, list_of(f, ev), PAGE_FREE_ANY);
		break;
	case RAW_PCPU_DRAIN:
		was_free(f, ev, list_of(f, ev), ev->alloc);
		break;
	default:
		break;
	}
}

void free_frames_taken(struct free_frames *f, const struct raw_event *ev)
{
	if (ev->ptr < PFN_END && ev->order <= ORDER_MAX)
		was_free(f, ev, PAGE_FREE_LISTED, PAGE_FREE_ANY);
}

void free_frames_freed(struct free_frames *f, const struct raw_event *ev)
{
	for (u64 i = 0; ev->ptr < PFN_END && ev->order <= ORDER_MAX && i < 1ULL << ev->order; i++)
		first_time(f, ev->ptr + i);
}

void free_frames_add(struct free_frames *f, u64 pfn)
{
	if (pfn < PFN_END && first_time(f, pfn))
		add_row(f, pfn, 0, PAGE_FREE_LISTED, PAGE_FREE_ANY);
}

void free_frames_encode(const struct free_frames *f, struct bytes *out)
{
	u64 pfn = 0;

	put_varint(out, f->nr);
	for (u64 i = 0; i < f->nr; i++)
		put_step(out, &pfn, f->rows[i].pfn);
	for (u64 i = 0; i < f->nr; i++)
		put_varint(out, (u64)(f->rows[i].cpu + 1));
	for (u64 i = 0; i < f->nr; i++)
		put_varint(out, f->rows[i].order);
	for (u64 i = 0; i < f->nr; i++)
		put_varint(out, f->rows[i].migratetype);
}

static int by_pfn(const void *a, const void *b)
{
	u64 pa = ((const struct page_free *)a)->pfn, pb = ((const struct page_free *)b)->pfn;

	return (pa > pb) - (pa < pb);
}

static bool twice(const struct page_free *rows, u64 nr)
{
	struct page_free *sorted = mem_alloc(nr, sizeof(*sorted));
	bool found = false;

	if (nr) {
		memcpy(sorted, rows, nr * sizeof(*sorted));
		qsort(sorted, nr, sizeof(*sorted), by_pfn);
	}
	for (u64 i = 1; i < nr; i++)
		found |= sorted[i].pfn < sorted[i - 1].pfn + (1ULL << sorted[i - 1].order);
	free(sorted);
	return found;
}

static bool decode(struct bytes_reader *r, struct page_free **rows, u64 *nr)
{
	u64 pfn = 0;

	*nr = get_row_count(r);
	*rows = mem_alloc(*nr, sizeof(**rows));
	for (u64 i = 0; i < *nr; i++) {
		(*rows)[i].pfn = get_step(r, &pfn);
		r->bad |= pfn >= PFN_END;
	}
	for (u64 i = 0; i < *nr; i++) {
		u64 cpu = get_varint(r);

		r->bad |= cpu > INT16_MAX;
		(*rows)[i].cpu = (s16)(cpu - 1);
	}
	for (u64 i = 0; i < *nr; i++) {
		u64 order = get_varint(r);

		(*rows)[i].order = (u8)order;
		r->bad |= order > ORDER_MAX || (*rows)[i].pfn & ((1ULL << order) - 1);
	}
	for (u64 i = 0; i < *nr; i++) {
		u64 type = get_varint(r);

		r->bad |= type > PAGE_FREE_ANY;
		(*rows)[i].migratetype = (u8)type;
	}
	return !r->bad && r->pos == r->n && !twice(*rows, *nr);
}

int free_frames_read(struct source *kmt, struct page_free **rows, u64 *nr, struct err *e)
{
	struct bytes_reader r = {0};
	size_t n;
	u8 *data;
	int ret = kmt_section_read(kmt, KMT_SECTION_FREE, &data, &n, e);

	*rows = NULL;
	*nr = 0;
	if (ret != 1)
		return ret;
	r.data = data;
	r.n = n;
	if (!decode(&r, rows, nr)) {
		free(*rows);
		*rows = NULL;
		*nr = 0;
		ret = err_set(e, "%s: what was free at time zero contradicts itself",
			      kmt->tables.name);
	}
	free(data);
	return ret;
}
