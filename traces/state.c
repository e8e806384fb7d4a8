/*
 * The state at time zero: its bytes.
 *
 * Columns of numbers, each as a varint (7 bits a byte, low ones first); addresses and frames are
 * sorted and written as distances, objects as distances forward or back. zstd does the rest.
 */
#include "traces/state.h"

#include <stdlib.h>

#include "lib/mem.h"
#include "traces/varint.h"

#define PTR_UNIT 8 /* objects are that much aligned at least */

void state_free(struct state *s)
{
	free(s->slots);
	free(s->pages);
	free(s->dead);
	*s = (struct state){0};
}

/* A slot's word: 0 and its cache if it is free; its object + 1 otherwise. */
static void put_slots(const struct state *s, struct bytes *out)
{
	u64 ptr = 0, object = 0, cache = 0;

	put_varint(out, s->nr_slots);
	for (u64 i = 0; i < s->nr_slots; i++) {
		put_varint(out, (s->slots[i].ptr - ptr) / PTR_UNIT);
		ptr = s->slots[i].ptr;
	}
	for (u64 i = 0; i < s->nr_slots; i++)
		put_varint(out, s->slots[i].object != STATE_FREE);
	for (u64 i = 0; i < s->nr_slots; i++)
		if (s->slots[i].object != STATE_FREE)
			put_step(out, &object, s->slots[i].object);
		else
			put_step(out, &cache, s->slots[i].cache);
}

static void put_blocks(const struct state_block *blocks, u64 nr, bool objects, struct bytes *out)
{
	u64 pfn = 0, object = 0;

	put_varint(out, nr);
	for (u64 i = 0; i < nr; i++) {
		put_varint(out, blocks[i].pfn - pfn);
		pfn = blocks[i].pfn;
	}
	for (u64 i = 0; i < nr; i++)
		put_varint(out, blocks[i].order);
	for (u64 i = 0; i < nr && objects; i++)
		put_step(out, &object, blocks[i].object);
}

void state_encode(const struct state *s, struct bytes *out)
{
	put_varint(out, s->t_ns);
	put_varint(out, s->position);
	put_slots(s, out);
	put_blocks(s->pages, s->nr_pages, true, out);
	put_blocks(s->dead, s->nr_dead, false, out);
}

static void get_slots(struct state *s, struct bytes_reader *r, u64 nr_objects, u32 nr_caches)
{
	u64 ptr = 0, object = 0, cache = 0, v;

	s->nr_slots = get_row_count(r);
	s->slots = mem_alloc(s->nr_slots, sizeof(*s->slots));
	for (u64 i = 0; i < s->nr_slots; i++)
		s->slots[i].ptr = ptr += get_varint(r) * PTR_UNIT;
	for (u64 i = 0; i < s->nr_slots; i++)
		s->slots[i].object = get_varint(r) ? 0 : STATE_FREE;
	for (u64 i = 0; i < s->nr_slots; i++) {
		bool live = s->slots[i].object != STATE_FREE;

		v = get_step(r, live ? &object : &cache);
		r->bad |= v >= (live ? nr_objects : nr_caches);
		if (live)
			s->slots[i].object = (u32)v;
		else
			s->slots[i].cache = (u32)v;
	}
}

static struct state_block *get_blocks(u64 *nr, struct bytes_reader *r, bool objects, u64 nr_objects)
{
	struct state_block *blocks;
	u64 pfn = 0, object = 0;

	*nr = get_row_count(r);
	blocks = mem_alloc(*nr, sizeof(*blocks));
	for (u64 i = 0; i < *nr; i++)
		blocks[i].pfn = pfn += get_varint(r);
	for (u64 i = 0; i < *nr; i++) {
		blocks[i].order = (u8)get_varint(r);
		r->bad |= blocks[i].order > 15;
	}
	for (u64 i = 0; i < *nr && objects; i++) {
		blocks[i].object = (u32)get_step(r, &object);
		r->bad |= object >= nr_objects;
	}
	return blocks;
}

int state_decode(struct state *s, const u8 *data, size_t n, u64 nr_objects, u32 nr_caches,
		 struct err *e)
{
	struct bytes_reader r = {.data = data, .n = n};

	*s = (struct state){0};
	s->t_ns = get_varint(&r);
	s->position = get_varint(&r);
	get_slots(s, &r, nr_objects, nr_caches);
	s->pages = get_blocks(&s->nr_pages, &r, true, nr_objects);
	s->dead = get_blocks(&s->nr_dead, &r, false, nr_objects);
	if (!r.bad && r.pos == r.n)
		return 0;
	state_free(s);
	return err_set(e, "the state at time zero contradicts itself");
}
