/*
 * What went wrong, in words for the user.
 *
 * Functions that can fail because of the user's input return 0 or -1 and take a `struct err *`
 * last; on -1 it holds one complete message: place (FILE:LINE:COLUMN or FILE: offset N), what is
 * wrong, what would be right. cmd/ prints it and exits 2. A bug is never reported this way: see
 * lib/assert.h.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

#include "lib/types.h"

struct err {
	char msg[1024];
};

/* Sets the message (truncated to fit); returns -1, so that `return err_set(e, ...)` reads well. */
int err_set(struct err *e, const char *fmt, ...) __printf(2, 3);

/* Puts "prefix: " before the message that is there; returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) __printf(2, 3);

#endif
