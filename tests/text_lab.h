/*
 * The events of a recording as other tools and other kernels would have written them.
 *
 * libtraceevent prints the events, as trace-cmd does; a dialect says how a line is put around one
 * and what of it is written differently.
 */
#ifndef TESTS_TEXT_LAB_H
#define TESTS_TEXT_LAB_H

#include <stdio.h>

#include "lib/err.h"
#include "lib/types.h"

struct lab_line {
	char comm[17];
	int pid;
	u16 cpu;
	u8 flags, preempt; /* of the event's header */
	u64 t_ns;
	char *name, *info; /* owned */
};

struct lab_lines {
	struct lab_line *lines;
	u32 nr, max;
};

struct dialect {
	const char *name;
	const char *head; /* lines before the first event */
	void (*line)(FILE *f, const struct lab_line *l);
	bool micro;   /* times only to the microsecond */
	bool no_node; /* the node asked for is not told */
};

/* Ends with a NULL name. */
extern const struct dialect dialects[];

/* The first `max` events of a trace.dat. */
void lab_lines_read(struct lab_lines *ls, const char *path, u32 max);
void lab_lines_free(struct lab_lines *ls);
void lab_lines_write(const struct lab_lines *ls, const struct dialect *d, const char *path);

/* As `kmemsim import PATH -o TO`, in this process; replaces TO. */
int __must_check import_file(const char *path, const char *to, struct err *e);

#endif
