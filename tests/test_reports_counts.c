/*
 * What stands beside the scores of fidelity: counts between snapshots, pageblocks by type.
 */
#include <stdlib.h>

#include "reports/fidelity_counts.h"
#include "reports/fidelity_sink.h"
#include "tests/test.h"

static const char *const labels[] = {"before", "mid", "after"};

/* Three snapshots, no figures yet. */
static struct fidelity *three_snapshots(void)
{
	struct fidelity *f = fidelity_new(3);

	for (size_t i = 0; i < 3; i++) {
		f->snaps[i].label = strdup(labels[i]);
		f->snaps[i].has_slabs = f->snaps[i].has_free = true;
	}
	return f;
}

static void count_mark(struct sink *s, u64 t_ns, const char *text, u64 pgfree, double extfrag)
{
	s->ops->mark(s, t_ns, text);
	s->ops->vmstat(s, t_ns, "pgfree", pgfree);
	s->ops->vmstat(s, t_ns, "nr_free_pages", 1); /* a gauge: nothing to count */
	s->ops->sample(s, t_ns, "", "nr_extfrag", extfrag);
	s->ops->mark(s, t_ns, NULL);
}

static const struct fidelity_item *count_named(const struct fidelity *f, const char *name)
{
	for (size_t i = 0; i < f->nr_counts; i++)
		if (!strcmp(f->counts[i].name, name))
			return &f->counts[i];
	return NULL;
}

/* Each side from its own snapshot before; at the mark of the file the recorded side counted in. */
static void counts_are_since_the_snapshot_before(void **state)
{
	struct fidelity *f = three_snapshots();
	struct fidelity_sink *s = fidelity_sink_new(f, NULL);
	struct sink *base = fidelity_sink_base(s);
	struct err e;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		f->snaps[i].counts_file = "vmstat";
		proc_count_set(&f->snaps[i].recorded, "pgfree", 1000 + 100 * i * i);
		proc_count_set(&f->snaps[i].recorded, "mm_migrate_pages", i);
	}
	count_mark(base, 10, "SNAP before begin vmstat", 7, 1);
	count_mark(base, 11, "SNAP before begin slabinfo", 8, 2);
	count_mark(base, 20, "SNAP mid begin vmstat", 57, 4);
	count_mark(base, 30, "SNAP after begin vmstat", 60, 4);
	assert_int_equal(base->ops->end(base, &(struct sink_end){.status = "ok"}, &e), 0);
	assert_int_equal(f->nr_counts, 3);
	assert_int_equal(fidelity_since(count_named(f, "pgfree"), 1, true), 100);
	assert_int_equal(fidelity_since(count_named(f, "pgfree"), 2, true), 300);
	assert_int_equal(fidelity_since(count_named(f, "pgfree"), 1, false), 50);
	assert_int_equal(fidelity_since(count_named(f, "pgfree"), 2, false), 3);
	assert_int_equal(fidelity_since(count_named(f, "nr_extfrag"), 1, false), 3);
	assert_false(count_named(f, "nr_extfrag")->has_recorded);
	assert_false(count_named(f, "mm_migrate_pages")->has_simulated);
	assert_true(fidelity_counted(f, 2));
	assert_false(fidelity_counted(f, 0));
	fidelity_sink_free(s);
	fidelity_free(f);
}

static void pageblocks_of_both_sides(void **state)
{
	struct fidelity *f = three_snapshots();

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct proc_zone *r = proc_zone_of(&f->snaps[i].recorded, 1, "DMA32");
		struct proc_zone *z = proc_zone_of(&f->snaps[i].simulated, 1, "DMA32");

		r->has_blocks = true;
		r->type_blocks[0] = 10 + i;
		z->type_blocks[0] = 20 + i;
		z->type_blocks[PROC_MOVABLE] = 5;
	}
	fidelity_compute(f);
	assert_int_equal(f->nr_types, PROC_TYPES);
	assert_string_equal(f->types[0].name, "1/DMA32/Unmovable");
	assert_int_equal(f->types[0].at[2].recorded_count, 12);
	assert_int_equal(f->types[0].at[2].simulated_count, 22);
	assert_int_equal(f->types[PROC_MOVABLE].at[1].recorded_count, 0);
	assert_int_equal(f->types[PROC_MOVABLE].at[1].simulated_count, 5);
	fidelity_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_are_since_the_snapshot_before),
		cmocka_unit_test(pageblocks_of_both_sides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
