/*
 * The nearest valid name, for messages: "unknown key 'noeds': did you mean 'nodes'?".
 */
#ifndef LIB_SUGGEST_H
#define LIB_SUGGEST_H

#include "lib/types.h"

/*
 * The entry of the NULL-terminated list with the smallest edit distance (insert, delete, replace,
 * swap of neighbours) to `name`; NULL if even that is more than a third of the name's length plus
 * one.
 */
const char *suggest_nearest(const char *name, const char *const *names);

#endif
