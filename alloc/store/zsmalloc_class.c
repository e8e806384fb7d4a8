/*
 * zsmalloc: size classes.
 *
 * Theory: classes are 16 bytes apart, and what is left at the end of a page would be lost: of 4096
 * bytes, objects of 2720 use 66 %. So as many pages are put together as use the largest integer
 * percentage of their bytes (three of these hold 4, 88 %), the fewest if several do. Classes that
 * put equally many objects into equally many pages differ in name only: they are merged into the
 * largest of them. Where one page holds one object, no other can be there, and its head needs not
 * lie in the page: with the head outside an object may have the whole page (huge).
 *
 * Invariant: size_class rises with the size; each class is large enough for all sizes that lead to
 * it; a class is in use if its size is not 0.
 */
#include "alloc/store/zsmalloc.h"

/* get_pages_per_zspage(). */
static u32 pages_per_zspage(u32 size, u32 chain)
{
	u32 best = 1, best_percent = 0;

	for (u32 pages = 1; pages <= chain; pages++) {
		u32 bytes = pages * (u32)PAGE_SIZE;
		u32 percent = (bytes - bytes % size) * 100 / bytes;

		if (percent > best_percent) {
			best_percent = percent;
			best = pages;
		}
	}
	return best;
}

static void class_init(struct zs_class *class, u32 index, u32 size, u32 pages)
{
	*class = (struct zs_class){
		.index = index,
		.size = size,
		.pages_per_zspage = pages,
		.objs_per_zspage = pages * (u32)PAGE_SIZE / size,
	};
	for (int group = 0; group < NR_ZS_FULLNESS; group++)
		INIT_LIST_HEAD(&class->fullness_list[group]);
}

void zs_classes_init(struct zs_pool *pool, u32 chain)
{
	struct zs_class *larger = NULL;

	for (u32 i = ZS_SIZE_CLASSES; i-- > 0;) {
		u32 size = ZS_MIN_ALLOC_SIZE + i * ZS_SIZE_CLASS_DELTA;
		u32 pages = pages_per_zspage(size, chain);
		u32 objs = pages * (u32)PAGE_SIZE / size;

		if (!larger || larger->pages_per_zspage != pages ||
		    larger->objs_per_zspage != objs) {
			larger = &pool->classes[i];
			class_init(larger, i, size, pages);
		}
		pool->size_class[i] = larger;
	}
}
