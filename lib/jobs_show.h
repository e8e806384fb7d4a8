/*
 * How far several jobs are, in one line at the foot of a terminal: how many of all have been worked
 * off, then those that work, as many as the line has room for. Only lib/jobs.c needs it.
 */
#ifndef LIB_JOBS_SHOW_H
#define LIB_JOBS_SHOW_H

#include "lib/jobs.h"
#include "lib/progress.h"

enum job_state { JOB_TO_COME, JOB_WORKS, JOB_WAITS, JOB_HAS_TURN, JOB_ENDED };

struct jobs_show {
	bool on; /* standard error is a terminal */
	bool drawn;
	u64 drawn_ns;
};

struct job_shown {
	size_t i;
	struct progress_cell progress;
};

void jobs_show_begin(struct jobs_show *s);
/* At most ten times a second; `done` of them have been worked off, `jobs` are being worked on. */
void jobs_show_draw(struct jobs_show *s, const struct jobs *js, size_t done,
		    const struct job_shown *jobs, size_t nr);
void jobs_show_wipe(struct jobs_show *s);

/* The line alone, at most `width` columns wide. */
void jobs_show_line(char *buf, size_t n, size_t width, const struct jobs *js, size_t done,
		    const struct job_shown *jobs, size_t nr);

#endif
