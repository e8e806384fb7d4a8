/*
 * Option tables: the parser, the range check, the help text and the canonical printing of any set
 * of options come from one table, and the values land in a plain struct.
 *
 *	struct numactl_options { s64 node; u64 flags; };
 *	static const struct opt_desc numactl_opts[] = {
 *		OPT_S64("node", struct numactl_options, node, "-1", -1, 63, "-1: none"),
 *		OPT_END
 *	};
 *
 * Sizes and times carry their unit in every input (`64KiB`, `10ms`); a bare number is an error.
 */
#ifndef LIB_OPTIONS_H
#define LIB_OPTIONS_H

#include "lib/err.h"
#include "lib/types.h"

enum opt_type {
	OPT_TYPE_END,
	OPT_TYPE_BOOL,	/* bool; on|off */
	OPT_TYPE_U64,	/* u64; a plain count, with k or M allowed */
	OPT_TYPE_S64,	/* s64; a plain number */
	OPT_TYPE_SIZE,	/* u64 bytes; B KiB MiB GiB TiB */
	OPT_TYPE_TIME,	/* u64 nanoseconds; ns us ms s */
	OPT_TYPE_SHARE, /* u64 parts of SHARE_ONE (lib/units.h); 20%, 1/512 */
	OPT_TYPE_ENUM,	/* u64 index into choices */
	OPT_TYPE_FLAGS, /* u64 OR of choice_values, written A|B; 0 when empty */
	OPT_TYPE_TEXT,	/* char[max + 1]; anything, for instance a pattern of names */
};

struct opt_desc {
	const char *name;
	enum opt_type type;
	size_t offset;	 /* of the value in the options struct */
	const char *def; /* default, written as a user would */
	s64 min, max;	 /* inclusive; for U64, S64, SIZE, TIME, SHARE; TEXT: of its length */
	const char *const *choices; /* NULL-terminated; ENUM and FLAGS */
	const u64 *choice_values;   /* FLAGS: one for each choice */
	const char *help;
};

#define OPT_BOOL(name, strct, field, def, help)                                                    \
	{                                                                                          \
		name, OPT_TYPE_BOOL, offsetof(strct, field), def, 0, 1, NULL, NULL, help           \
	}
#define OPT_U64(name, strct, field, def, lo, hi, help)                                             \
	{                                                                                          \
		name, OPT_TYPE_U64, offsetof(strct, field), def, lo, hi, NULL, NULL, help          \
	}
#define OPT_S64(name, strct, field, def, lo, hi, help)                                             \
	{                                                                                          \
		name, OPT_TYPE_S64, offsetof(strct, field), def, lo, hi, NULL, NULL, help          \
	}
#define OPT_SIZE(name, strct, field, def, lo, hi, help)                                            \
	{                                                                                          \
		name, OPT_TYPE_SIZE, offsetof(strct, field), def, lo, hi, NULL, NULL, help         \
	}
#define OPT_TIME(name, strct, field, def, lo, hi, help)                                            \
	{                                                                                          \
		name, OPT_TYPE_TIME, offsetof(strct, field), def, lo, hi, NULL, NULL, help         \
	}
#define OPT_SHARE(name, strct, field, def, lo, hi, help)                                           \
	{                                                                                          \
		name, OPT_TYPE_SHARE, offsetof(strct, field), def, lo, hi, NULL, NULL, help        \
	}
#define OPT_ENUM(name, strct, field, def, choices, help)                                           \
	{                                                                                          \
		name, OPT_TYPE_ENUM, offsetof(strct, field), def, 0, 0, choices, NULL, help        \
	}
#define OPT_FLAGS(name, strct, field, def, choices, values, help)                                  \
	{                                                                                          \
		name, OPT_TYPE_FLAGS, offsetof(strct, field), def, 0, 0, choices, values, help     \
	}
#define OPT_TEXT(name, strct, field, def, help)                                                    \
	{                                                                                          \
		name, OPT_TYPE_TEXT, offsetof(strct, field), def, 0,                               \
			sizeof(((strct *)0)->field) - 1, NULL, NULL, help                          \
	}
#define OPT_END                                                                                    \
	{                                                                                          \
		NULL, OPT_TYPE_END, 0, NULL, 0, 0, NULL, NULL, NULL                                \
	}

/* Fills every value with its default. A default that does not parse is a bug (ASSERT). */
void options_default(const struct opt_desc *table, void *values);

/*
 * Sets one option from text. On an unknown name the message names the nearest known one; on a bad
 * value it gives unit and range. Neither says where in the input that was: the caller prefixes.
 */
int __must_check options_set(const struct opt_desc *table, void *values, const char *name,
			     const char *text, struct err *e);

/* "a=1,b=64KiB", every option spelled out, in table order; "" for an empty table. */
void options_print(const struct opt_desc *table, const void *values, char *buf, size_t n);

/* One line an option: name, unit, default, range, help; for `kmemsim help NAME`. NULL table: "". */
void options_help(const struct opt_desc *table, char *buf, size_t n);

#endif
