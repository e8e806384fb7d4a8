/*
 * What is written to stored objects, and known when it is read.
 *
 * The contents of an object follow from a number that no other object has had: what another object,
 * or the same one earlier, left in its place is told apart.
 */
#ifndef SIM_CONTENTS_H
#define SIM_CONTENTS_H

#include "lib/types.h"

/* Of the largest object. */
#define CONTENTS_MAX 8192U

/* Writes n bytes. */
void contents_make(void *buf, size_t n, u64 key);
/* Are the bytes of such contents from offset `from` on the n that lie in buf? */
bool contents_same(const void *buf, size_t from, size_t n, u64 key);

#endif
