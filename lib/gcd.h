/*
 * The greatest common divisor: the step that all of some numbers are multiples of.
 */
#ifndef LIB_GCD_H
#define LIB_GCD_H

#include "lib/types.h"

/* gcd(a, 0) is a. */
static inline u64 gcd(u64 a, u64 b)
{
	while (b) {
		u64 rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

#endif
