/*
 * zsmalloc: compaction.
 *
 * Theory: free objects of a class are worth a zspage once there are as many of them as a zspage
 * holds. As long as that is so, a zspage is emptied, of the almost empty ones first, into others,
 * of the almost full ones first, and freed. Objects move by handle: the copy takes its head along,
 * and the handle's word is rewritten. So in the end each class has the fewest zspages that hold its
 * objects, whatever they were before; how many bytes that takes depends on the choice.
 *
 * Invariant: source and destination are on no list while objects move between them.
 *
 * Unlike Linux (__zs_compact(), 6.1): a run may have a bound. It then stops in the middle of a
 * zspage, and the next one goes on with that one: else two zspages could swap an object for ever.
 */
#include <string.h>

#include "alloc/store/zsmalloc.h"

static bool out_of_bounds(const struct store_compact *c)
{
	return c->moved_bytes >= c->bytes_max;
}

static bool enough(const struct store_compact *c)
{
	return c->freed_pages >= c->goal_pages || out_of_bounds(c);
}

/* ---- One object ---- */

/* A stretch of bytes within the object's pages, `done` bytes from its start. */
static char *stretch(const struct zs_place *at, u32 done, u32 *len)
{
	u32 offset = at->offset + done;
	const struct page *page = offset < PAGE_SIZE ? at->page : next_page(at->page);

	offset &= PAGE_SIZE - 1;
	*len = min(*len, (u32)PAGE_SIZE - offset);
	return (char *)page_address(page) + offset;
}

static void copy_object(const struct zs_class *class, const struct zs_place *to,
			const struct zs_place *from)
{
	for (u32 done = 0, len; done < class->size; done += len) {
		char *dst, *src;

		len = class->size - done;
		src = stretch(from, done, &len);
		dst = stretch(to, done, &len);
		memcpy(dst, src, len);
	}
	charge_bytes(2 * (u64) class->size); /* read and written */
}

static void move_object(struct zs_pool *pool, struct zs_class *class, struct zspage *dst,
			const struct zs_place *from)
{
	unsigned long handle = *zs_head(from) & ~(u64)OBJ_ALLOCATED_TAG;
	struct zs_place to = zs_obj_take(pool, dst, handle);

	copy_object(class, &to, from);
	zs_record(handle, &to);
	store_touch((const void *)handle);
	zs_obj_put(pool, from);
}

/* ---- One zspage ---- */

/*
 * From object *idx on, as many as there is room for and the run may move: true if the source is
 * empty then.
 */
static bool move_objects(struct zs_pool *pool, struct zs_class *class, struct zspage *src,
			 struct zspage *dst, u32 *idx, struct store_compact *c)
{
	for (; *idx < class->objs_per_zspage; (*idx)++) {
		struct zs_place from = zs_place_of(class, src, *idx);

		charge(COST_LIST_STEP);
		if (!(*zs_head(&from) & OBJ_ALLOCATED_TAG))
			continue;
		if (dst->inuse == class->objs_per_zspage || out_of_bounds(c))
			return false;
		move_object(pool, class, dst, &from);
		c->moved_blocks++;
		c->moved_bytes += class->size;
	}
	return true;
}

static void take_out(struct zs_class *class, struct zspage *zspage)
{
	zspage_remove(class, zspage);
	zspage_touch(zspage);
	charge_n(COST_ATOMIC, 2); /* its lock */
}

static struct zspage *isolate(struct zs_class *class, enum fullness_group first,
			      enum fullness_group second)
{
	struct list_head *list = &class->fullness_list[first];
	struct zspage *zspage;

	if (list_empty(list))
		list = &class->fullness_list[second];
	if (list_empty(list))
		return NULL;
	zspage = list_first_entry(list, struct zspage, list);
	take_out(class, zspage);
	return zspage;
}

static struct zspage *isolate_source(struct zs_class *class)
{
	struct zspage *zspage = class->resume;

	class->resume = NULL;
	if (!zspage || zspage_group(class, zspage) == ZS_FULL)
		return isolate(class, ZS_ALMOST_EMPTY, ZS_ALMOST_FULL);
	take_out(class, zspage);
	return zspage;
}

/* True if it is empty then. */
static bool empty_zspage(struct zs_pool *pool, struct zs_class *class, struct zspage *src,
			 struct store_compact *c)
{
	struct zspage *dst;
	u32 idx = 0;

	while (!out_of_bounds(c) && (dst = isolate(class, ZS_ALMOST_FULL, ZS_ALMOST_EMPTY))) {
		bool emptied = move_objects(pool, class, src, dst, &idx, c);

		zspage_insert(class, dst);
		if (emptied)
			return true;
	}
	return false;
}

/* ---- A class, the pool ---- */

static void compact_class(struct zs_pool *pool, struct zs_class *class, struct store_compact *c)
{
	bool emptied = true;

	spin_lock(&pool->lock);
	while (emptied && !enough(c)) {
		struct zspage *src = isolate_source(class);

		if (!src)
			break;
		emptied = zs_can_compact(class) && empty_zspage(pool, class, src, c);
		if (emptied) {
			zspage_free(pool, class, src);
			c->freed_pages += class->pages_per_zspage;
		} else {
			zspage_insert(class, src);
			class->resume = out_of_bounds(c) ? src : NULL;
		}
		spin_unlock(&pool->lock); /* cond_resched() */
		spin_lock(&pool->lock);
	}
	spin_unlock(&pool->lock);
}

void zs_compact(struct store *self, struct store_compact *c)
{
	struct zs_pool *pool = to_zs_pool(self);

	charge_n(COST_ATOMIC, 2); /* compaction_in_progress */
	for (u32 i = ZS_SIZE_CLASSES; i-- > 0 && !enough(c);)
		if (pool->classes[i].size)
			compact_class(pool, &pool->classes[i], c);
	if (c->freed_pages >= c->goal_pages || !out_of_bounds(c))
		return;
	for (u32 i = 0; i < ZS_SIZE_CLASSES; i++)
		if (pool->classes[i].size && zs_can_compact(&pool->classes[i]))
			c->more = true;
}
