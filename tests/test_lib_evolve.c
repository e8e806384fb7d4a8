/*
 * Evolution: what is kept, in which order, and that it finds more than chance does.
 */
#include <math.h>

#include "lib/evolve.h"
#include "tests/test.h"

#define STEPS 400

static const struct gene genes[] = {
	{GENE_RANGE, 1, 1000000, 0},
	{GENE_CHOICE, 0, 6, 0},
	{GENE_MIX, 10, 99, 3},
};

/* It jumps, and all three genes have to be right: 0 at (654321, 5, three values), above elsewhere. */
static double figure(const struct candidate *k)
{
	double off = fabs((double)k->genes[0].v[0] - 654321) / 1e6;

	if (!k->step)
		return 9;
	return off + (k->genes[1].v[0] != 5) + (k->genes[2].nr != 3);
}

static void check_best(const struct evolution *ev)
{
	assert_true(ev->nr_best <= EVOLVE_PARENTS);
	for (size_t i = 1; i < ev->nr_best; i++) {
		const struct candidate *a = &ev->best[i - 1], *b = &ev->best[i];
		bool same = true;

		assert_false(evolve_better(ev, b->value, a->value));
		assert_true(a->value != b->value || a->step < b->step);
		for (size_t g = 0; g < ev->nr_genes; g++)
			same = same && gene_same(&a->genes[g], &b->genes[g]);
		assert_false(same);
	}
}

/* sign -1: the same the other way round; returns how often there was something better. */
static unsigned int run(struct evolution *ev, double sign)
{
	unsigned int rises = 0;
	double top = NAN;

	rng_init(&ev->rng, 1, "test", "evolve");
	evolve_begin(ev, genes, ARRAY_SIZE(genes), sign < 0);
	while (ev->nr_steps < STEPS) {
		evolve_next(ev, STEPS - ev->nr_steps);
		assert_in_range(ev->nr_brood, 1, EVOLVE_BROOD);
		for (size_t i = 0; i < ev->nr_brood; i++) {
			struct candidate *k = &ev->brood[i];

			assert_int_equal(k->step, ev->nr_steps - ev->nr_brood + i);
			k->value = sign * figure(k);
			if (!evolve_take(ev, k))
				continue;
			assert_true(!k->step || evolve_better(ev, k->value, top));
			top = k->value;
			rises++;
		}
		check_best(ev);
	}
	assert_int_equal(ev->nr_steps, STEPS);
	return rises;
}

static void it_finds_what_chance_does_not(void **state)
{
	double best = INFINITY;
	struct candidate k = {.step = 1};
	struct evolution ev;

	(void)state;
	assert_true(run(&ev, 1) > 3);
	assert_non_null(evolve_found(&ev));
	assert_true(evolve_found(&ev)->value < 0.01);
	for (unsigned int n = 0; n < STEPS; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(genes); i++)
			gene_draw(&genes[i], &k.genes[i], &ev.rng);
		best = fmin(best, figure(&k));
	}
	assert_true(best > 0.1);
}

static void least_and_most_are_alike(void **state)
{
	struct evolution least, most;

	(void)state;
	assert_int_equal(run(&least, 1), run(&most, -1));
	assert_int_equal(least.nr_best, most.nr_best);
	for (size_t i = 0; i < least.nr_best; i++) {
		assert_int_equal(least.best[i].step, most.best[i].step);
		assert_true(least.best[i].value == -most.best[i].value);
	}
}

/* Of equals the first stays in front, what is there already does not come again, NAN never. */
static void what_is_kept(void **state)
{
	struct candidate k = {.value = 5};
	struct evolution ev;

	(void)state;
	rng_init(&ev.rng, 1, "test", "evolve");
	evolve_begin(&ev, genes, 1, true);
	assert_true(evolve_take(&ev, &k));
	k = (struct candidate){.step = 1, .value = NAN, .genes[0] = {1, {7}, {0}}};
	assert_false(evolve_take(&ev, &k));
	assert_int_equal(ev.nr_best, 0);
	k.value = 4;
	assert_false(evolve_take(&ev, &k)); /* less than there was */
	assert_null(evolve_found(&ev));
	k = (struct candidate){.step = 2, .value = 6, .genes[0] = {1, {8}, {0}}};
	assert_true(evolve_take(&ev, &k));
	k.step = 3;
	k.genes[0].v[1] = 99; /* behind the values */
	assert_false(evolve_take(&ev, &k));
	assert_int_equal(ev.nr_best, 2);
	k.genes[0].v[0] = 9;
	assert_false(evolve_take(&ev, &k));
	assert_int_equal(ev.nr_best, 3);
	assert_int_equal(evolve_found(&ev)->step, 2);
	assert_int_equal(ev.best[1].step, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_finds_what_chance_does_not),
		cmocka_unit_test(least_and_most_are_alike),
		cmocka_unit_test(what_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
