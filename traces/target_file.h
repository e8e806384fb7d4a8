/*
 * A copy of /proc/buddyinfo or /proc/pagetypeinfo, as a state that memory can be brought into.
 */
#ifndef TRACES_TARGET_FILE_H
#define TRACES_TARGET_FILE_H

#include "lib/err.h"
#include "sim/page_target.h"

struct page_target_file;

/* Which of the two it is, its text says. NULL with e: PATH:LINE:COLUMN and what is wrong. */
struct page_target_file *page_target_read(const char *path, struct err *e);
const struct page_target *page_target_of(const struct page_target_file *f);
/* NULL is fine. */
void page_target_close(struct page_target_file *f);

#endif
