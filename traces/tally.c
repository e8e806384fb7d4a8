/*
 * What was recorded between marks.
 *
 * Theory. One hold of zone->lock fills or drains a per-CPU list, and has an event for each block.
 * Interrupts are off meanwhile: on its CPU nothing comes between. So a run of such events, up to
 * another event of that CPU, is one hold: mm_page_alloc follows each refill, and a free each drain
 * before the next.
 *
 * Numbers of migratetypes are kept as recorded: whoever reads knows the kernel's names for them
 * (pagetypeinfo lists them in that order).
 */
#include "traces/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/kmt.h"

#define VERSION 1
/* Per-CPU lists have orders 0 to 3 and 9 (pcp_allowed_order, Linux 5.14 on). */
#define PCP_ORDER_MAX 3
#define PCP_ORDER_HUGE 9
#define ROW_NONE UINT32_MAX

void tally_init(struct tally *t)
{
	*t = (struct tally){
		.refills = ROW_NONE, .drains = ROW_NONE, .locked = ROW_NONE, .unlocked = ROW_NONE};
	names_init(&t->names);
}

void tally_free(struct tally *t)
{
	names_free(&t->names);
	free(t->value);
	free(t->written);
	free(t->last);
	bytes_free(&t->marks);
}

static u32 row_of(struct tally *t, const char *name)
{
	u32 row = names_add(&t->names, name, strlen(name)), room = t->room;

	if (row < room)
		return row;
	t->room = 2 * room + 64;
	t->value = mem_grow_zeroed(t->value, room, t->room, sizeof(*t->value));
	t->written = mem_grow_zeroed(t->written, room, t->room, sizeof(*t->written));
	return row;
}

void tally_set(struct tally *t, const char *name, u64 value)
{
	u32 row = row_of(t, name);

	t->value[row] = value;
}

static void add_to(struct tally *t, u32 *row, const char *name)
{
	if (*row == ROW_NONE)
		*row = row_of(t, name);
	t->value[*row]++;
}

static void add_extfrag(struct tally *t, const struct raw_event *ev)
{
	char name[160];
	u32 row;

	snprintf(name, sizeof(name), TALLY_EXTFRAG_FORM, ev->order, ev->size, ev->alloc,
		 (unsigned int)ev->node, (unsigned int)ev->ptr);
	row = row_of(t, name);
	t->value[row]++;
}

/* The last event of the CPU becomes this one; true: the one before was of another type. */
static bool begins_run(struct tally *t, const struct raw_event *ev, u8 type)
{
	u8 last;

	if (ev->cpu >= t->nr_cpus) {
		u32 nr = t->nr_cpus;

		t->nr_cpus = ev->cpu + 1U;
		t->last = mem_grow(t->last, t->nr_cpus, 1);
		memset(t->last + nr, NR_RAW_TYPES, t->nr_cpus - nr);
	}
	last = t->last[ev->cpu];
	t->last[ev->cpu] = type;
	return last != type;
}

void tally_event(struct tally *t, const struct raw_event *ev)
{
	bool begins;

	switch (ev->type) {
	case RAW_ZONE_LOCKED:
		begins = begins_run(t, ev, ev->size ? RAW_ZONE_LOCKED : NR_RAW_TYPES);
		if (!ev->size)
			add_to(t, &t->locked, TALLY_LOCKED);
		else if (begins)
			add_to(t, &t->refills, TALLY_REFILLS);
		break;
	case RAW_PCPU_DRAIN:
		if (begins_run(t, ev, ev->type))
			add_to(t, &t->drains, TALLY_DRAINS);
		break;
	case RAW_EXTFRAG: /* within a run of refills */
		add_extfrag(t, ev);
		break;
	case RAW_PAGE_FREE:
		begins_run(t, ev, ev->type);
		if (ev->order > PCP_ORDER_MAX && ev->order != PCP_ORDER_HUGE)
			add_to(t, &t->unlocked, TALLY_UNLOCKED);
		break;
	default:
		begins_run(t, ev, ev->type);
	}
}

void tally_mark(struct tally *t)
{
	u32 changed = 0;

	for (u32 i = 0; i < t->names.nr; i++)
		changed += t->value[i] != t->written[i];
	bytes_put_le(&t->marks, changed, 4);
	for (u32 i = 0; i < t->names.nr; i++) {
		if (t->value[i] == t->written[i])
			continue;
		bytes_put_le(&t->marks, i, 4);
		bytes_put_le(&t->marks, t->value[i] - t->written[i], 8);
		t->written[i] = t->value[i];
	}
	t->nr_marks++;
}

void tally_encode(const struct tally *t, struct bytes *out)
{
	bytes_put_le(out, VERSION, 4);
	bytes_put_le(out, t->names.nr, 4);
	for (u32 i = 0; i < t->names.nr; i++)
		bytes_put_text(out, t->names.text[i]);
	bytes_put_le(out, t->nr_marks, 4);
	bytes_put(out, t->marks.data, t->marks.n);
}

/* ---- Of a load ---- */

static void decode_marks(struct tallies *t, struct bytes_reader *r)
{
	for (u32 m = 0; m < t->nr_marks && !r->bad; m++) {
		u64 *value = &t->value[(size_t)m * t->nr_rows];
		u32 changed = (u32)bytes_get_le(r, 4);

		if (m && t->nr_rows)
			memcpy(value, value - t->nr_rows, t->nr_rows * sizeof(*value));
		for (u32 i = 0; i < changed && !r->bad; i++) {
			u32 row = (u32)bytes_get_le(r, 4);
			u64 more = bytes_get_le(r, 8);

			if (row >= t->nr_rows)
				r->bad = true;
			else
				value[row] += more;
		}
	}
}

int tallies_decode(struct tallies *t, const u8 *data, size_t n, u32 nr_marks)
{
	struct bytes_reader r = {.data = data, .n = n};
	u64 version = bytes_get_le(&r, 4), nr_rows = bytes_get_le(&r, 4);

	*t = (struct tallies){0};
	if (r.bad || version != VERSION || nr_rows > n / 4)
		return -1;
	t->names = mem_alloc(nr_rows, sizeof(*t->names));
	for (; t->nr_rows < nr_rows && !r.bad; t->nr_rows++)
		t->names[t->nr_rows] = bytes_get_text(&r);
	t->nr_marks = (u32)bytes_get_le(&r, 4);
	if (!r.bad && t->nr_marks == nr_marks) {
		t->value = mem_alloc((size_t)nr_marks * nr_rows, sizeof(*t->value));
		decode_marks(t, &r);
		if (!r.bad && r.pos == r.n)
			return 0;
	}
	tallies_close(t);
	return -1;
}

int tallies_open(struct tallies *t, struct source *kmt, struct err *e)
{
	u8 *data;
	size_t n;
	int ret = kmt_section_read(kmt, KMT_SECTION_TALLY, &data, &n, e);

	*t = (struct tallies){0};
	if (ret == 1 && tallies_decode(t, data, n, kmt->tables.nr_marks))
		ret = err_set(e, "%s: the counts at its marks contradict themselves",
			      kmt->tables.name);
	free(data);
	return ret;
}

void tallies_close(struct tallies *t)
{
	for (u32 i = 0; i < t->nr_rows; i++)
		free(t->names[i]);
	free(t->names);
	free(t->value);
	*t = (struct tallies){0};
}
