/*
 * Snapshots with random damage: a message that names the folder, or snapshots whose machine can be
 * built; never a crash, never a sum that overflows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/rng.h"
#include "sim/machine_config.h"
#include "tests/test.h"
#include "traces/snapshot_files.h"
#include "traces/snapshots.h"
#include "traces/snapshots_load.h"

#define SAMPLE "traces/samples/small-fstree"
#define ROUNDS 4000
#define LINES_KEPT 24 /* of tables with a line for each cache */

static struct snapshot_files whole;

/* The first snapshot, its long tables cut short: damage should hit every kind of line. */
static int begin(void **state)
{
	struct snapshot_files all;
	struct err e;

	(void)state;
	if (snapshot_files_read(&all, SAMPLE, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return -1;
	}
	whole.dir = mem_dup("dir");
	for (size_t i = 0; i < all.nr; i++) {
		const struct snapshot_file *f = &all.files[i];
		size_t n = 0;

		if (strchr(f->name, '/') && strncmp(f->name, "01-", 3))
			continue;
		if (strstr(f->name, "slab"))
			for (int line = 0; line < LINES_KEPT && n < f->n; line++)
				n += strcspn(f->data + n, "\n") + 1;
		if (snapshot_files_add(&whole, f->name, (const u8 *)f->data, n ? n : f->n, &e))
			return -1;
	}
	snapshot_files_free(&all);
	return whole.nr == 9 ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	snapshot_files_free(&whole);
	return 0;
}

static void replace(struct snapshot_file *f, size_t at, size_t gone, const char *text, size_t n)
{
	char *data = mem_alloc(f->n - gone + n + 1, 1);

	memcpy(data, f->data, at);
	memcpy(data + at, text, n);
	memcpy(data + at + n, f->data + at + gone, f->n - at - gone);
	f->n += n - gone;
	free(f->data);
	f->data = data;
}

/* The word that begins at or after a random place. */
static size_t random_word(struct rng *r, const struct snapshot_file *f, size_t *len)
{
	size_t at = rng_below(r, f->n + 1);

	at += strcspn(f->data + at, " \t\n");
	at += strspn(f->data + at, " \t\n");
	*len = strcspn(f->data + at, " \t\n");
	return at;
}

static void damage_word(struct rng *r, struct snapshot_file *f)
{
	static const char *const words[] = {
		"",	   "0",	    "1",	 "-1",	       "4294967296",
		"x",	   ":",	    "N64=1",	 "N0=",	       "18446744073709551616",
		">5",	   "Node",  "zone",	 "2.0",	       "281474976710656",
		"0,",	   "63,",   "64,",	 "cpu:",       "4294967295",
		"Movable", "type",  "pages",	 "start_pfn:", "N0=1 N0=2",
		"spanned", "high:", "Number of", "12(",	       "99999999"};
	const char *word = words[rng_below(r, ARRAY_SIZE(words))];
	size_t len, at = random_word(r, f, &len);

	replace(f, at, len, word, strlen(word));
}

/* A line a second time, elsewhere. */
static void damage_line(struct rng *r, struct snapshot_file *f)
{
	size_t from = rng_below(r, f->n + 1), to = rng_below(r, f->n + 1), n;
	char *line;

	while (from && f->data[from - 1] != '\n')
		from--;
	while (to && f->data[to - 1] != '\n')
		to--;
	n = strcspn(f->data + from, "\n");
	line = mem_dup_n(f->data + from, n + (from + n < f->n));
	replace(f, to, 0, line, strlen(line));
	free(line);
}

static void damage(struct rng *r, struct snapshot_file *f)
{
	size_t at = rng_below(r, f->n + 1), n = rng_below(r, 200);
	char byte = (char)rng_u64(r);

	switch (rng_below(r, 8)) {
	case 0:
		replace(f, at, f->n - at, "", 0);
		break;
	case 1:
		replace(f, at, min(n, f->n - at), "", 0);
		break;
	case 2:
		replace(f, at, at < f->n, &byte, 1);
		break;
	case 3:
		damage_line(r, f);
		break;
	default:
		damage_word(r, f);
	}
}

static struct snapshot_files damaged_copy(struct rng *r)
{
	struct snapshot_files f = {.dir = mem_dup(whole.dir)};
	size_t victim = rng_below(r, whole.nr), missing = rng_below(r, 4 * whole.nr);
	struct err e;

	for (size_t i = 0; i < whole.nr; i++) {
		const struct snapshot_file *from = &whole.files[i];

		if (i == missing && i != victim)
			continue;
		assert_int_equal(
			snapshot_files_add(&f, from->name, (const u8 *)from->data, from->n, &e), 0);
		for (u64 k = rng_below(r, 3); i == victim && k < 3; k++)
			damage(r, &f.files[f.nr - 1]);
	}
	return f;
}

/* What was accepted can be used. */
static void use(const struct snapshots *s)
{
	static const struct source_mark mark = {"SNAP before begin slabinfo", 0};
	struct snapshots_trace t = {
		.name = "t", .nr_cpus = 4, .t_last_ns = 1, .marks = &mark, .nr_marks = 1};
	static struct machine_config m;
	char *warning = NULL;
	struct err e;

	assert_true(s->nr_snaps == 1 && s->snaps[0].nr_slabs <= 4 * LINES_KEPT);
	assert_true(s->machine || s->machine_note);
	if (s->machine && machine_config_parse(&m, "machine", s->machine, &e))
		fail_msg("%s\n%s", e.msg, s->machine);
	if (!snapshots_check(s, &t, &warning, &e))
		free(warning);
}

static void damaged(void **state)
{
	unsigned int refused = 0;
	struct rng r;

	(void)state;
	rng_init(&r, 1, "snapshots", "fuzz");
	for (int round = 0; round < ROUNDS; round++) {
		struct snapshot_files f = damaged_copy(&r);
		struct snapshots s;
		struct err e = {""};

		if (snapshots_parse(&s, &f, &e)) {
			if (strncmp(e.msg, "dir", 3) || strlen(e.msg) < 10)
				fail_msg("round %d: '%s'", round, e.msg);
			refused++;
		} else {
			use(&s);
			snapshots_close(&s);
		}
		snapshot_files_free(&f);
	}
	/* Neither all nor nothing is let through. */
	assert_in_range(refused, ROUNDS / 5, ROUNDS - ROUNDS / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(damaged)};

	return cmocka_run_group_tests(tests, begin, end);
}
