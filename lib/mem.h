/*
 * Host memory that is there or ends the process. Running out of it is neither a result nor a bug:
 * the process says so and exits with 2, and what was committed to files stays. Every request for
 * host memory outside alloc/ comes here; memory that a simulated machine runs out of does not.
 */
#ifndef LIB_MEM_H
#define LIB_MEM_H

#include "lib/types.h"

#define EXIT_NO_MEMORY 2

/* What the C library gave, not NULL: for memory that is asked for in another way. */
void *mem_checked(void *p);
/* Zeroed; never NULL. The caller frees, with free(). */
void *mem_alloc(size_t n, size_t size);
/* The array with room for n elements; what was there stays. Never NULL. */
void *mem_grow(void *p, size_t n, size_t size);
/* The same; the elements from `old` on are zeroed. */
void *mem_grow_zeroed(void *p, size_t old, size_t n, size_t size);
/* Large and used all over at random: the host's huge pages are wanted for it, if it has any. */
void mem_want_huge(void *p, size_t bytes);
/* A copy of the string; "" for NULL. */
char *mem_dup(const char *text);
/* A copy of at most the first n bytes. */
char *mem_dup_n(const char *text, size_t n);
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
