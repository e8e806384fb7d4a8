/*
 * Page allocators with options of their own, for random chains.
 */
#ifndef TESTS_PAGE_VARIANTS_H
#define TESTS_PAGE_VARIANTS_H

#include "tests/random_chain.h"

/* A print_allocator_fn. */
void print_page_allocator(struct rng *r, const struct allocator_desc *d, char *text, size_t n);

#endif
