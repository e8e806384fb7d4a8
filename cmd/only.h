/*
 * Some runs of an experiment: --only LOAD/STACK/SEED, each a glob.
 */
#ifndef CMD_ONLY_H
#define CMD_ONLY_H

#include "cmd/experiment.h"

/* All NULL: every run. */
struct only {
	char *load, *stack, *seed;
};

/* A '/' within a name is written "\/". The caller clears, also after a failure. */
int __must_check only_parse(struct only *o, const char *text, struct err *e);
void only_clear(struct only *o);

/* Is there such a run? -1 with the nearest name in e. */
int __must_check only_check(const struct only *o, const struct experiment *x, struct err *e);
bool only_has(const struct only *o, const char *load, const char *stack, u64 seed);

/* The text that has this run and no other; the caller frees. */
char *only_print(const char *load, const char *stack, u64 seed);

#endif
