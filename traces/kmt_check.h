/*
 * A walk over a whole request stream: is it one that a replay can trust?
 */
#ifndef TRACES_KMT_CHECK_H
#define TRACES_KMT_CHECK_H

#include "lib/err.h"
#include "sim/source.h"

/*
 * Every allocation takes an id that is free, every free an id that is live and of its kind; ids are
 * below nr_objects_max and dense (the smallest free one is taken); times never go back; births come
 * first, at time 0; indices lie in their tables. Leaves the source at its end. On -1, e names the
 * request.
 */
int __must_check kmt_check(struct source *s, struct err *e);

#endif
