/*
 * A small machine with xcfmalloc on it, and drawings of its pages, for tests.
 */
#ifndef TESTS_XCF_LAB_H
#define TESTS_XCF_LAB_H

#include "alloc/store/xcfmalloc_pool.h"
#include "tests/store_lab.h"

#define XCF_LAB_OBJS 64

struct xcf_lab {
	struct store_lab l;
	struct xcf_pool *x;
	/* Objects by name: 'a' is the first. Handle 0: none. */
	struct {
		unsigned long handle;
		size_t size;
	} obj[XCF_LAB_OBJS];
};

void xcf_lab_open(struct xcf_lab *xl, const char *store);
/* Frees what is live, checks, and destroys. */
void xcf_lab_close(struct xcf_lab *xl);

/* Makes an object of this name and writes to it; 0: refused. */
unsigned long xcf_lab_put(struct xcf_lab *xl, int name, size_t size);
/* Reads it back, which must succeed, and frees it. */
void xcf_lab_drop(struct xcf_lab *xl, int name);
/* Its contents are what was written. */
bool xcf_lab_intact(struct xcf_lab *xl, int name);
/* All live objects are, and the pool's books are right. */
void xcf_lab_verify(struct xcf_lab *xl);

/*
 * Pages with blocks in order of address: "[3072 a][1024 .]", a line each: bytes of a block, headers
 * included, and whose it is; '.': free, '#': of a name behind 'z'. Behind them "+2" if so many are in reserve.
 */
const char *xcf_lab_draw(const struct xcf_lab *xl);

#endif
