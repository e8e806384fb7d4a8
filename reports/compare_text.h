/*
 * `compare` as text: a table for each load and stack.
 */
#ifndef REPORTS_COMPARE_TEXT_H
#define REPORTS_COMPARE_TEXT_H

#include "reports/compare.h"
#include "reports/effects.h"

void compare_text(FILE *f, const struct compare_options *o, const struct comparison *c);

/* Was it asked for (`options`: struct compare_options): anything, a layer's, a cache's? */
bool compare_shown(const struct effect *f, const void *options);
bool compare_shown_layer(const struct effect *f, const void *options);
bool compare_shown_cache(const struct effect *f, const void *options);

#define INTERVAL_TEXT_MAX 104
/* "+1.70 to +1.82 MiB": the interval, or without a test lowest to highest. */
void effect_interval_print(const struct effects *x, const struct effect *f, char *buf, size_t n);
/* "0.012", "<0.001"; nothing where no test was made. */
void p_print(double p, char *buf, size_t n);

/* The notes of all pairs: equal ones once, and of many different ones the first few. */
void compare_notes(const struct effects *x, void (*note)(void *arg, const char *text), void *arg);

#endif
