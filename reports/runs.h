/*
 * The runs of a results database, and which of them belong beside each other.
 *
 * The one question everybody asks: *what if a run was repeated?* Of runs with equal label, load and
 * seed the one stored last counts; the others stay in the database and in `list runs`, nowhere
 * else.
 */
#ifndef REPORTS_RUNS_H
#define REPORTS_RUNS_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/out.h"
#include "lib/types.h"
#include "reports/db.h"

struct run_info {
	s64 id, seed, nr_requests, sim_ns, wall_ns;
	char *label, *load, *stack, *machine, *machine_yaml, *version, *status, *digest;
	char *input, *input_hash, *command, *started_at;
};

struct run_list {
	struct run_info *runs;
	size_t nr, room;
};

/* In the order in which they were stored; `all` keeps repeated ones too. */
int __must_check runs_load(struct db *db, struct run_list *list, bool all, struct err *e);
void runs_free(struct run_list *list);

/* `list runs`: a row for each stored run; its name is the label, its summary the canonical stack.
 */
int __must_check runs_print(struct db *db, FILE *f, enum out_format format, struct err *e);

/* A set of names in the order in which they were first seen; the strings are the caller's. */
struct name_set {
	const char **names; /* NULL-terminated */
	size_t nr;
};

void name_set_add(struct name_set *set, const char *name);
/* Its place, or -1. */
long name_set_find(const struct name_set *set, const char *name);
void name_set_free(struct name_set *set);

/* Labels or loads of a list. */
void runs_labels(const struct run_list *list, struct name_set *set);
void runs_loads(const struct run_list *list, struct name_set *set);
/* Is there a run of this label? If not, e names the nearest one. */
int __must_check runs_need_label(struct db *db, const struct run_list *list, const char *label,
				 struct err *e);

/* A label as plots and tables show it: options in parentheses left out, at most 48 bytes. */
void label_short(const char *label, char *buf, size_t n);

#endif
