/*
 * A source that hands on another's requests and writes them to a .kmt file as they pass.
 *
 * The one question everybody asks: *when does the file hold everything?* After kmt_tee_finish, if
 * whoever runs the load came to its end, or kmt_tee_drain did.
 */
#ifndef TRACES_KMT_TEE_H
#define TRACES_KMT_TEE_H

#include <stdio.h>

#include "lib/err.h"
#include "sim/source.h"

/* `inner` stays the caller's and must outlive it. NULL with e set. */
struct source *kmt_tee_open(struct source *inner, FILE *out, struct err *e);
/* Fetches what nobody has fetched. Only for a source that need not be told how it went. */
int __must_check kmt_tee_drain(struct source *tee, struct err *e);
/*
 * Writes the rest; `machine` is YAML text or NULL. A load that was cut short still ends with its
 * last mark, at its full length.
 */
int __must_check kmt_tee_finish(struct source *tee, const char *machine, struct err *e);

#endif
