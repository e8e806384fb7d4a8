/*
 * What is still to come: a hierarchical timing wheel, as the kernel's timers have, but exact.
 *
 * Theory: an item lies on the level of the highest byte in which its time differs from now, in the
 * slot that this byte names. All of a level comes before all of the levels above. When the levels
 * below are empty, the next slot is spread over them: an item moves at most once a level, always
 * through arrays from front to back, so that putting and taking cost a few moves however many items
 * there are. (Varghese and Lauck 1987; a radix heap with 256 buckets a digit.) The slots of the
 * lowest level, of 256 ns, hold few items and are sorted.
 *
 * Invariant: items of one time keep their order on every level; on the lowest they lie by time,
 * then by job.
 */
#include "workloads/wheel.h"

#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"

struct wheel *wheel_new(void)
{
	return mem_alloc(1, sizeof(struct wheel));
}

void wheel_free(struct wheel *w)
{
	if (!w)
		return;
	for (unsigned int level = 0; level < WHEEL_LEVELS; level++)
		for (unsigned int i = 0; i < WHEEL_SLOTS; i++)
			free(w->slots[level][i].items);
	free(w);
}

void wheel_reset(struct wheel *w)
{
	for (unsigned int level = 0; level < WHEEL_LEVELS; level++)
		for (unsigned int i = 0; i < WHEEL_SLOTS; i++)
			w->slots[level][i].head = w->slots[level][i].nr = 0;
	memset(w->used, 0, sizeof(w->used));
	memset(w->nr_used, 0, sizeof(w->nr_used));
	w->now_ns = w->levels = 0;
}

static inline bool comes_before(const struct wheel_item *a, const struct wheel_item *b)
{
	return a->t_ns != b->t_ns ? a->t_ns < b->t_ns : a->job < b->job;
}

/* Behind all of its own time and job. */
static inline void put_sorted(struct wheel_slot *s, const struct wheel_item *item)
{
	u32 at = s->nr++;

	for (; at > s->head && comes_before(item, &s->items[at - 1]); at--)
		s->items[at] = s->items[at - 1];
	s->items[at] = *item;
}

static inline unsigned int level_shift(unsigned int level)
{
	return WHEEL_FINEST_BITS + level * WHEEL_BITS;
}

static inline void put(struct wheel *w, const struct wheel_item *item)
{
	u64 differs = (item->t_ns ^ w->now_ns) >> WHEEL_FINEST_BITS;
	unsigned int level = differs ? bit_highest(differs) / WHEEL_BITS : 0;
	unsigned int i = (item->t_ns >> level_shift(level)) % WHEEL_SLOTS;
	struct wheel_slot *s = &w->slots[level][i];

	if (!s->nr) {
		bit_set(w->used[level], i);
		w->levels |= 1ULL << level;
		w->nr_used[level]++;
	}
	MEM_ROOM(s->items, s->nr, s->max);
	if (level)
		s->items[s->nr++] = *item;
	else
		put_sorted(s, item);
}

void wheel_put(struct wheel *w, struct wheel_item item)
{
	ASSERT(item.t_ns >= w->now_ns);
	put(w, &item);
}

static unsigned int first_slot(const u64 *used)
{
	unsigned int i = 0;

	while (!used[i])
		i++;
	return i * BITS_PER_WORD + bit_lowest(used[i]);
}

static inline void slot_emptied(struct wheel *w, unsigned int level, unsigned int i)
{
	w->slots[level][i].head = w->slots[level][i].nr = 0;
	bit_clear(w->used[level], i);
	if (!--w->nr_used[level])
		w->levels &= ~(1ULL << level);
}

/* Spreads the next slot over the levels below; false if it begins at limit_ns or later. */
static bool spread(struct wheel *w, u64 limit_ns)
{
	unsigned int level = bit_lowest(w->levels), i = first_slot(w->used[level]);
	unsigned int shift = level_shift(level);
	u64 above = shift + WHEEL_BITS < 64 ? ~0ULL << (shift + WHEEL_BITS) : 0;
	u64 start_ns = (w->now_ns & above) | (u64)i << shift;
	struct wheel_slot *s = &w->slots[level][i];

	if (start_ns >= limit_ns)
		return false;
	w->now_ns = start_ns;
	for (u32 k = 0; k < s->nr; k++)
		put(w, &s->items[k]);
	slot_emptied(w, level, i);
	return true;
}

bool wheel_take(struct wheel *w, u64 limit_ns, struct wheel_item *item)
{
	struct wheel_slot *s;
	unsigned int i;

	while (!(w->levels & 1)) {
		if (!w->levels || !spread(w, limit_ns))
			return false;
	}
	i = first_slot(w->used[0]);
	s = &w->slots[0][i];
	if (s->items[s->head].t_ns >= limit_ns)
		return false;
	*item = s->items[s->head++];
	w->now_ns = item->t_ns;
	if (s->head == s->nr)
		slot_emptied(w, 0, i);
	return true;
}
