/*
 * Work on input that may be damaged, in a process of its own.
 *
 * Libraries that parse traces were not written for hostile files. If one crashes or hangs, only the
 * child does; the caller gets an ordinary error.
 */
#ifndef TRACES_GUARD_H
#define TRACES_GUARD_H

#include "lib/err.h"
#include "lib/types.h"

/*
 * Runs fn(arg, e) in a child and returns what it returned, with its message. What the child changes
 * in memory is lost; what it writes to files stays. `what` is named in messages and on the progress
 * bar.
 */
int __must_check guard_run(int (*fn)(void *arg, struct err *e), void *arg, const char *what,
			   struct err *e);

/* In the child: still alive. The parent draws the bar; no call for a minute means it hangs. */
void guard_progress(u64 done, u64 total);

/* In the child, where no way back is left (a full disk, deep inside): guard_run returns -1 with
 * this message. Outside of a guard it is a bug. */
_Noreturn void guard_fail(const struct err *e);

#endif
