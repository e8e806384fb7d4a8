/*
 * Globs: `*` any text, `?` any character, `[a-z]` one of these, `[!a-z]` none of these, `\` quotes.
 */
#ifndef LIB_GLOB_H
#define LIB_GLOB_H

#include "lib/err.h"
#include "lib/types.h"

/*
 * -1 with e set if it is no glob (a '[' without ']', a '\' at its end, a control character,
 * nothing); *at: where.
 */
int __must_check glob_check(const char *glob, size_t *at, struct err *e);
bool glob_matches(const char *glob, const char *text);

#endif
