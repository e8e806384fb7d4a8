/*
 * A machine of 64 MiB and a load whose pages move: holder i has its page at frames[i], and holds
 * what it wrote, i.
 */
#ifndef TESTS_COMPACT_LAB_H
#define TESTS_COMPACT_LAB_H

#include "tests/pages_test.h"

#include "alloc/mm.h"
#include "alloc/pages/compact_control.h"

/* 32 pageblocks: DMA has 8, DMA32 the rest. */
#define NODES "  - {memory: 64MiB, cpus: 0-1, distance: [10]}\n"
#define NR_FRAMES 16384
#define DMA32_PFN 4096

extern struct page *frames[NR_FRAMES];
extern u64 nr_moves, nr_asked; /* pages moved, pages asked to move */
extern int refuse_every;       /* every so many are asked in vain; 0: none */
extern struct compact_trace last_run;
extern unsigned int nr_runs;

/* MM_BARE: nothing runs by itself. */
void compact_lab_open(struct lab *lab, const char *chain, enum mm_mode mode);
/* On another machine, of at most NR_FRAMES. */
void compact_lab_open_on(struct lab *lab, const char *nodes, const char *chain, enum mm_mode mode);
/* Frees what is held and proves that everything came back. */
void compact_lab_close(struct lab *lab);
struct page_source *lab_source(const struct lab *lab);
/* A page at pfn, of holder pfn, with the number written to it. */
void hold(struct lab *lab, unsigned long pfn, bool movable);
/* Every holder's page holds what it wrote. */
void contents_are_there(void);
/* Free memory of the zone in huge pages. */
long free_huge(const struct zone *zone, const struct lab *lab);

#endif
