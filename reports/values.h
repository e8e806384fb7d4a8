/*
 * Figures with their units, for people: "1.46 MiB", "12.3 us", "880,011", "121.0 ‰".
 */
#ifndef REPORTS_VALUES_H
#define REPORTS_VALUES_H

#include "lib/err.h"
#include "lib/types.h"

#define VALUE_TEXT_MAX 48

/* A figure of a metric of that unit. */
void value_print(double v, const char *unit, char *buf, size_t n);
/* The same with its sign, as a difference: "+3.1 MiB", "-12"; "0" without one. */
void value_print_diff(double v, const char *unit, char *buf, size_t n);
/* "+7.5 %" of a ratio; "=" for 0, "from 0" when there was nothing before (infinite). */
void ratio_print(double ratio, char *buf, size_t n);
/* An amount as users write it, in the metric's unit: "4KiB" for bytes, "10us" for ns, "2pp" for
 * percent, "3" for the rest. -1 with e set. */
int __must_check value_parse(const char *text, const char *unit, double *v, struct err *e);

#endif
