/*
 * Host memory for results. Running out of it is neither the user's mistake nor a result: the
 * process says so and ends, and the database keeps what was committed.
 */
#ifndef REPORTS_MEM_H
#define REPORTS_MEM_H

#include "lib/types.h"

/* Zeroed; never NULL. The caller frees, with free(). */
void *mem_alloc(size_t n, size_t size);
/* The array with room for n elements; what was there stays. Never NULL. */
void *mem_grow(void *p, size_t n, size_t size);
/* A copy of the string; "" for NULL. */
char *mem_dup(const char *text);
/* A new string as printf would print it. */
char *mem_print(const char *fmt, ...) __printf(1, 2);

/* Makes room for one more element in an array that doubles: p, number used, room. */
#define MEM_ROOM(p, nr, room)                                                                      \
	do {                                                                                       \
		if ((nr) == (room)) {                                                              \
			(room) = (room) ? 2 * (room) : 16;                                         \
			(p) = mem_grow((p), (room), sizeof(*(p)));                                 \
		}                                                                                  \
	} while (0)

#endif
