/*
 * The parts an import is made of: map, ids, names, flags, alignment.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/idset.h"
#include "lib/rng.h"
#include "tests/test.h"
#include "traces/gfp.h"
#include "traces/importer.h"
#include "traces/names.h"
#include "traces/naming.h"

#define KEYS 5000

/* Against an array: keys collide, come and go. */
static void map_like_an_array(void **state)
{
	u32 *want = (u32 *)calloc(KEYS, sizeof(*want)); /* 0: absent */
	struct rng r;
	struct map m;
	u64 nr = 0;

	(void)state;
	map_init(&m);
	rng_init(&r, 1, "parts", "map");
	for (int i = 0; i < 200000; i++) {
		u64 k = rng_below(&r, KEYS), key = 0xffff888000000000ULL + k * 64;
		u32 *at = map_get(&m, key);

		assert_int_equal(at ? *at : 0, want[k]);
		if (want[k] && rng_below(&r, 2)) {
			map_remove(&m, key);
			want[k] = 0;
			nr--;
		} else {
			nr += !want[k];
			want[k] = (u32)i + 1;
			*map_put(&m, key, 0) = want[k];
		}
		assert_int_equal(m.nr, nr);
	}
	map_remove(&m, 12345); /* absent: nothing happens */
	assert_int_equal(m.nr, nr);
	map_free(&m);
	free(want);
}

/*
 * Always the smallest: 0 1 2 3, give back 1 and 3, then 1 3 4. Over a level of 64 and one of 4096.
 */
static void ids_are_dense(void **state)
{
	struct idset s;

	(void)state;
	idset_init(&s);
	for (u32 i = 0; i < 5000; i++)
		assert_int_equal(idset_take(&s), i);
	idset_put(&s, 4200);
	idset_put(&s, 63);
	idset_put(&s, 64);
	assert_int_equal(idset_take(&s), 63);
	assert_int_equal(idset_take(&s), 64);
	assert_int_equal(idset_take(&s), 4200);
	assert_int_equal(idset_take(&s), 5000);
	for (u32 i = 0; i <= 5000; i++)
		idset_put(&s, i);
	assert_int_equal(idset_take(&s), 0);
	idset_free(&s);
}

static void names_once(void **state)
{
	struct names n;

	(void)state;
	names_init(&n);
	assert_int_equal(names_add(&n, "dentry", 6), 0);
	assert_int_equal(names_add(&n, "dentry_cache", 6), 0);
	assert_int_equal(names_add(&n, "dent", 4), 1);
	assert_int_equal(names_add(&n, "", 0), 2);
	for (int i = 0; i < 3000; i++) {
		char text[16];

		snprintf(text, sizeof(text), "n%d", i);
		assert_int_equal(names_add(&n, text, strlen(text)), i + 3);
		assert_int_equal(names_add(&n, text, strlen(text)), i + 3);
	}
	assert_string_equal(n.text[0], "dentry");
	names_free(&n);
}

/* Another kernel's numbers become those of 6.1 by their names; equal ones cost nothing. */
static void flags_by_name(void **state)
{
	struct gfp_map m;

	(void)state;
	gfp_map_init(&m);
	gfp_map_learn(&m, "__GFP_IO", 0x40);
	gfp_map_learn(&m, "GFP_KERNEL", 0xcc0);
	assert_true(m.identity);
	assert_int_equal(gfp_translate(&m, 0xcc0), 0xcc0);
	gfp_map_learn(&m, "__GFP_ZERO", 0x8000);
	gfp_map_learn(&m, "__GFP_ACCOUNT", 0x100000);
	assert_false(m.identity);
	assert_int_equal(gfp_translate(&m, 0x108040), 0x400140);
}

static void kmalloc_names(void **state)
{
	char name[32];

	(void)state;
	kmalloc_cache_name(96, 0xcc0, name, sizeof(name));
	assert_string_equal(name, "kmalloc-96");
	kmalloc_cache_name(1024, GFP_KERNEL | __GFP_ACCOUNT, name, sizeof(name));
	assert_string_equal(name, "kmalloc-cg-1k");
	kmalloc_cache_name(512, __GFP_RECLAIMABLE | __GFP_ACCOUNT, name, sizeof(name));
	assert_string_equal(name, "kmalloc-rcl-512");
	kmalloc_cache_name(8192, __GFP_DMA | __GFP_RECLAIMABLE, name, sizeof(name));
	assert_string_equal(name, "dma-kmalloc-8k");
}

/* Sizes of Linux 6.1: dentry, filp, anon_vma (type-safe: a hidden pointer that no alignment
 * explains). */
static void alignment(void **state)
{
	(void)state;
	assert_int_equal(naming_align(192, 192), 8);
	assert_int_equal(naming_align(232, 256), 32);
	assert_int_equal(naming_align(8392, 8448), 64);
	assert_int_equal(naming_align(4096, 4096), 8);
	assert_int_equal(naming_align(2049, 4096), 2048);
	assert_int_equal(naming_align(96, 104), 8);
}

static void importers(void **state)
{
	const struct importer *im = importer_find("tracedat");

	(void)state;
	assert_non_null(im);
	assert_true(im->probe((const u8 *)"\x17\x08\x44tracing7", 12));
	assert_false(im->probe((const u8 *)"\x17\x08\x44tracing7", 5));
	assert_false(im->probe((const u8 *)"PERFILE2....", 12));
	assert_null(importer_find("nothing"));
	for (im = importer_first(); im && im->next; im = im->next)
		assert_true(strcmp(im->name, im->next->name) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_like_an_array), cmocka_unit_test(ids_are_dense),
		cmocka_unit_test(names_once),	     cmocka_unit_test(flags_by_name),
		cmocka_unit_test(kmalloc_names),     cmocka_unit_test(alignment),
		cmocka_unit_test(importers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
