/*
 * zsmalloc in a small machine, for its tests.
 */
#ifndef TESTS_ZS_LAB_H
#define TESTS_ZS_LAB_H

#include "tests/store_lab.h"
#include "tests/test.h"

#define ZS_CLASSES_MAX 256
#define ZS_HEAD 8U /* of an object: its handle */

static inline void zs_open(struct store_lab *l, const char *store)
{
	store_lab_open(l, LAB_NODE, NULL, NULL, store);
}

static inline unsigned long zs_put(struct store_lab *l, size_t size)
{
	unsigned long handle = store_lab_malloc(l, 0, size);

	assert_true(handle);
	return handle;
}

static inline void zs_take(struct store_lab *l, unsigned long handle, size_t size)
{
	assert_true(store_lab_free(l, 0, handle, size));
}

/* The classes that have objects, or room for some; returns how many. */
static inline unsigned int zs_used_classes(const struct store_lab *l, struct store_class *used)
{
	struct store_class all[ZS_CLASSES_MAX];
	unsigned int n = store_classes(l->store, all, ZS_CLASSES_MAX), nr = 0;

	assert_in_range(n, 1, ZS_CLASSES_MAX);
	for (unsigned int i = 0; i < n; i++)
		if (all[i].obj_allocated)
			used[nr++] = all[i];
	return nr;
}

#endif
