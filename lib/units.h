/*
 * Sizes, times, counts and rates, as users write them and as we print them.
 */
#ifndef LIB_UNITS_H
#define LIB_UNITS_H

#include "lib/err.h"
#include "lib/types.h"

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC 1000000000ULL
#define KIB 1024ULL
#define MIB (1024ULL * KIB)
#define GIB (1024ULL * MIB)
#define TIB (1024ULL * GIB)

/* "64KiB", "1.5GiB" -> bytes. Units B KiB MiB GiB TiB; a bare number (but 0) is an error. */
int __must_check size_parse(const char *text, u64 *bytes, struct err *e);
/* "10ms" -> nanoseconds. Units ns us ms s min h; a bare number (but 0) is an error. */
int __must_check time_parse(const char *text, u64 *ns, struct err *e);
/* "12", "200k", "3M" -> number. */
int __must_check count_parse(const char *text, u64 *n, struct err *e);

/* "20%", "0.2%", "1/512" -> parts of SHARE_ONE, rounded; a bare number (but 0) is an error. */
#define SHARE_ONE NSEC_PER_SEC
int __must_check share_parse(const char *text, u64 *parts, struct err *e);

/* Exact, in the largest unit that divides it: 65536 -> "64KiB", 1000001 -> "1000001B". */
void size_print(u64 bytes, char *buf, size_t n);
void time_print(u64 ns, char *buf, size_t n);
void share_print(u64 parts, char *buf, size_t n); /* "0.1953125%" */

/* For people: three significant digits, "1.46 MiB", "12.3 ms", "1.85 M"; whole numbers without a
 * point. */
void size_human(double bytes, char *buf, size_t n);
void time_human(double ns, char *buf, size_t n);
void count_human(double v, char *buf, size_t n);
/* All digits, in groups of three: "1,846,122". */
void count_grouped(u64 v, char *buf, size_t n);

#endif
