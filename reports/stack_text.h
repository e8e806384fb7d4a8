/*
 * Stacks as short texts that tell them apart.
 */
#ifndef REPORTS_STACK_TEXT_H
#define REPORTS_STACK_TEXT_H

#include "lib/types.h"

/*
 * A label or canonical stack without the options in parentheses, but for those that the same layer
 * has with another value in one of `others`: "slab=slabifier(min_order=1)". Ends between
 * characters.
 */
void stack_brief(const char *text, const char *const *others, size_t nr, char *buf, size_t n);

#endif
