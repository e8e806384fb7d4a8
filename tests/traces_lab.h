/*
 * A laboratory for importers' repair: events by hand, requests as text.
 *
 * Events are 10 ns apart, the first at 0, all on CPU 0 and task 1 unless set otherwise. Addresses
 * are given as page frame and offset. What comes out is one line a request:
 *
 *	TIME KIND #ID [CACHE|order N|SIZE] [birth] [repair]
 */
#ifndef TESTS_TRACES_LAB_H
#define TESTS_TRACES_LAB_H

#include "traces/import.h"
#include "traces/kmt.h"

struct traces_lab {
	struct raw_sink *sink;
	char path[64]; /* of the file made at the end */
	u64 t_ns;
	u16 cpu;
	u32 pid;
	u8 flags;
	struct source *source; /* after traces_lab_end */
	char text[16384];      /* the requests */
	char error[1024];      /* of the event that was refused */
};

#define LAB_BASE 0xffff888000000000ULL
#define LAB_ADDR(pfn, offset) (LAB_BASE + ((u64)(pfn) << 12) + (offset))

void traces_lab_begin(struct traces_lab *lab);
void lab_kmalloc(struct traces_lab *lab, u64 ptr, u32 size, u32 alloc, u32 gfp);
void lab_kfree(struct traces_lab *lab, u64 ptr, const char *site);
/* `name` NULL: as on kernels that do not record it. */
void lab_cache_alloc(struct traces_lab *lab, u64 ptr, u32 size, u32 alloc, const char *site,
		     const char *name);
void lab_cache_free(struct traces_lab *lab, u64 ptr, const char *name);
void lab_page_alloc(struct traces_lab *lab, u64 pfn, unsigned int order, u32 gfp);
void lab_page_free(struct traces_lab *lab, u64 pfn, unsigned int order);
/* The other types: ptr and size as they need them. */
void lab_event(struct traces_lab *lab, u8 type, u64 ptr, u32 size);
void lab_mark(struct traces_lab *lab, const char *text);

/* Writes the file, checks the whole stream (kmt_check) and renders it into lab->text. */
void traces_lab_end(struct traces_lab *lab);
void traces_lab_close(struct traces_lab *lab);
const struct import_stats *lab_stats(const struct traces_lab *lab);
/* The renders must be equal; prints both if not. Ends the laboratory too. */
void lab_expect(struct traces_lab *lab, const char *want);

#endif
