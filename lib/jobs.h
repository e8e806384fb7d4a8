/*
 * Work in processes of its own, several at once, that comes out as if one had waited for the other.
 *
 * The one question everybody asks: *in which order?* Work in any, as there are processors for it;
 * but a job that wants to leave something behind (a row in a database) asks for its turn first, and
 * turns are given in the order of the jobs, one at a time. What a job writes to standard error
 * comes out when all before it have ended. So nothing that lasts shows how many there were at once,
 * or who was quicker.
 *
 * A job that crashes takes nobody with it. A signal that would end this process (SIGINT, SIGTERM,
 * SIGHUP) ends the jobs, but not one that has its turn: that one is waited for. If this process is
 * killed, its jobs are too.
 */
#ifndef LIB_JOBS_H
#define LIB_JOBS_H

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/types.h"

struct job; /* of the process that works */

struct jobs {
	size_t nr, at_once;
	/* The job: in a process of its own. Returns its exit code. */
	int (*work)(void *arg, size_t i, struct job *self);
	/*
	 * Here, in order, after what it said: status as waitpid gives it. Anything but 0 ends all.
	 */
	int (*ended)(void *arg, size_t i, int status);
	/* As the progress bar names it. */
	void (*name)(void *arg, size_t i, char *buf, size_t n);
	void *arg;
	const char *what; /* what there are several of, in the progress bar: "runs" */
};

/*
 * 0: all have ended; a signal's number: it ended them; -1 with e set: the system is at its limits.
 */
int __must_check jobs_run(const struct jobs *js, struct err *e);

/* In a job, at most once: returns when all before it have ended. From then on no signal ends it. */
void job_turn(struct job *self);
/* Where a job says how far it is. */
struct progress_cell *job_progress(struct job *self);

#endif
