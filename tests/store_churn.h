/*
 * What every source of stores must stand: random loads with their contents verified, handles that
 * are none, every allocation below it refused in turn.
 */
#ifndef TESTS_STORE_CHURN_H
#define TESTS_STORE_CHURN_H

#include "tests/store_lab.h"

struct store_churn {
	const char *nodes, *slab, *store; /* nodes, slab NULL: LAB_NODE, slabifier */
	bool rounds_sizes; /* it cannot tell two sizes apart that it rounds to the same */
	unsigned int nr_ops;
	size_t size_max; /* bytes; 0: the store's */
	u64 seed;
};

/* Objects come, are written again, are read and go; store_check now and then; in the end all go. */
void store_churn(const struct store_churn *c);
/* Six of these: sizes of all kinds, small ones, ones up to half a page; on one node and on two. */
void store_churn_sizes(const char *store);
/* The script below the store with every single allocation refused in turn; returns how many. */
unsigned int store_churn_faults(const struct store_churn *c);
/* Pages, blocks and bytes are the same in both. */
bool store_stats_same(const struct store_stats *a, const struct store_stats *b);
/* All calls with this handle are refused and nothing changes. */
void store_refuses(struct store_lab *l, unsigned long handle, size_t size);

#endif
