/*
 * slabinfo: what is in a slab is for its allocator to say: indices on slabs, chunks that layers
 * enlarge, pages common to all sizes.
 */
#include "tests/test.h"

#include <string.h>

#include "alloc/slabinfo.h"
#include "tests/slab_lab.h"

/* active_objs num_objs objsize objperslab pagesperslab active_slabs num_slabs, of one object. */
static const struct {
	const char *chain;
	unsigned int row[7];
} rows[] = {
	{"slabifier(max_order=2,min_order=2)", {256, 256, 64, 256, 4, 1, 1}},
	/* An index of a byte each; the first batch has 16 objects (BATCHREFILL_LIMIT). */
	{"queued_slab(min_order=2)", {16, 252, 64, 252, 4, 1, 1}},
	{"rcu:queued_slab(min_order=2)", {16, 184, 88, 184, 4, 1, 1}},
	{"numa:queued_slab(min_order=2)", {16, 252, 64, 252, 4, 1, 1}},
	{"slob", {1, 1, 64, 0, 1, 0, 0}},
};

static void read_row(const char *slabinfo, unsigned int *n)
{
	const char *line = strstr(slabinfo, "\ndentry ");
	const char *slabs = line ? strstr(line, ": slabdata ") : NULL;

	assert_non_null(slabs);
	assert_int_equal(sscanf(line, " dentry %u %u %u %u %u", n, n + 1, n + 2, n + 3, n + 4), 5);
	assert_int_equal(sscanf(slabs, ": slabdata %u %u", n + 5, n + 6), 2);
}

static void objects_of_a_slab(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		static struct slabulator su;
		unsigned int row[7];
		char buf[1000];
		struct text t = text_in(buf, sizeof(buf));
		struct slab_lab sl;
		struct kmem_cache *k;
		void *object;

		slab_lab_open(&sl, "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n",
			      "page_allocator(pcp=off)", rows[i].chain);
		slabulator_init(&su, sl.sa, sl.lab.pa);
		k = kmem_cache_create(&su, "dentry", 64, 0, 0, NULL, NULL);
		object = kmem_cache_alloc(k, GFP_KERNEL);
		slabulator_slabinfo(&su, &t);
		read_row(buf, row);
		for (size_t n = 0; n < ARRAY_SIZE(row); n++)
			if (row[n] != rows[i].row[n])
				fail_msg("%s: column %zu is %u, not %u", rows[i].chain, n, row[n],
					 rows[i].row[n]);
		kmem_cache_free(k, object);
		assert_int_equal(slabulator_destroy(&su), 0);
		slab_lab_close(&sl);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(objects_of_a_slab)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
