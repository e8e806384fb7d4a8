/*
 * Option tables: defaults, every type, messages, canonical printing, help.
 */
#include <string.h>

#include "lib/options.h"
#include "tests/test.h"

struct thing {
	bool merge;
	u64 batch, room, delay, mode, flags;
	s64 node;
	char sites[8];
};

static const char *const modes[] = {"fast", "slow", NULL};
static const char *const flag_names[] = {"RED", "POISON", "BOTH", NULL};
static const u64 flag_values[] = {1, 2, 3};
static const struct opt_desc table[] = {
	OPT_BOOL("merge", struct thing, merge, "on", "share slabs"),
	OPT_U64("batch", struct thing, batch, "63", 1, 100000, "pages at a time"),
	OPT_SIZE("room", struct thing, room, "64KiB", 4096, 1LL << 30, "bytes kept"),
	OPT_TIME("delay", struct thing, delay, "10ms", 0, INT64_MAX, "before release"),
	OPT_ENUM("mode", struct thing, mode, "slow", modes, "how"),
	OPT_FLAGS("flags", struct thing, flags, "", flag_names, flag_values, "checks"),
	OPT_S64("node", struct thing, node, "-1", -1, 63, "node to force"),
	OPT_TEXT("sites", struct thing, sites, "acpi_*", "which call sites"),
	OPT_END,
};

static void defaults_and_printing(void **state)
{
	struct thing t;
	char buf[300], tiny[8];

	(void)state;
	options_default(table, &t);
	assert_true(t.merge);
	assert_int_equal(t.room, 65536);
	assert_int_equal(t.delay, 10000000);
	assert_int_equal(t.mode, 1);
	assert_int_equal(t.node, -1);
	options_print(table, &t, buf, sizeof(buf));
	assert_string_equal(buf, "merge=on,batch=63,room=64KiB,delay=10ms,mode=slow,flags=,node=-1,"
				 "sites=acpi_*");
	options_print(table, &t, tiny, sizeof(tiny));
	assert_string_equal(tiny, "merge=o");
	options_print(NULL, &t, buf, sizeof(buf));
	assert_string_equal(buf, "");
}

static void set_each_type(void **state)
{
	struct thing t;
	struct err e;
	char buf[300];

	(void)state;
	options_default(table, &t);
	assert_int_equal(options_set(table, &t, "merge", "off", &e), 0);
	assert_int_equal(options_set(table, &t, "batch", "2k", &e), 0);
	assert_int_equal(options_set(table, &t, "room", "1MiB", &e), 0);
	assert_int_equal(options_set(table, &t, "delay", "0", &e), 0);
	assert_int_equal(options_set(table, &t, "mode", "fast", &e), 0);
	assert_int_equal(options_set(table, &t, "flags", "POISON|RED", &e), 0);
	assert_int_equal(options_set(table, &t, "node", "63", &e), 0);
	assert_int_equal(options_set(table, &t, "sites", "seven_*", &e), 0);
	options_print(table, &t, buf, sizeof(buf));
	assert_string_equal(
		buf, "merge=off,batch=2000,room=1MiB,delay=0ns,mode=fast,flags=RED|POISON,node=63,"
		     "sites=seven_*");
}

static void refused(const char *name, const char *text, const char *words)
{
	struct thing t, before;
	struct err e;

	options_default(table, &t);
	before = t;
	assert_int_equal(options_set(table, &t, name, text, &e), -1);
	assert_says(e.msg, words);
	assert_memory_equal(&t.node, &before.node, sizeof(t.node));
	assert_int_equal(t.room, before.room);
}

static void mistakes_are_explained(void **state)
{
	(void)state;
	refused("noed", "1", "did you mean 'node'?");
	refused("zzzzzzzz", "1", "known are merge, batch");
	refused("node", "64", "option 'node': 64 is out of range: -1 to 63");
	refused("node", "1.5", "not a whole number");
	refused("room", "65536", "has no unit");
	refused("room", "1KiB", "out of range: 4KiB to 1GiB");
	refused("mode", "fats", "did you mean 'fast'?");
	refused("flags", "RED|POISN", "did you mean 'POISON'?");
	refused("merge", "true", "neither on nor off");
	refused("sites", "eight*ab", "'eight*ab' is longer than 7 characters");
	refused("batch", "0", "out of range: 1 to 100000");
}

static void help_names_every_option(void **state)
{
	char buf[2000];

	(void)state;
	options_help(table, buf, sizeof(buf));
	for (const struct opt_desc *opt = table; opt->name; opt++)
		assert_says(buf, opt->help);
	assert_says(buf, "node=-1..63");
	assert_says(buf, "mode=fast|slow");
	assert_says(buf, "sites=TEXT");
	assert_says(buf, "(default 64KiB)");
	options_help(NULL, buf, sizeof(buf));
	assert_string_equal(buf, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_and_printing),
		cmocka_unit_test(set_each_type),
		cmocka_unit_test(mistakes_are_explained),
		cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
