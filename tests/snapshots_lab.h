/*
 * Folders of snapshots in memory, for tests of their parsers.
 */
#ifndef TESTS_SNAPSHOTS_LAB_H
#define TESTS_SNAPSHOTS_LAB_H

#include "traces/snapshot_files.h"
#include "traces/snapshots.h"

/* Two caches: kmalloc-64, dentry. */
extern const char lab_slabinfo[];

/* Pairs of name and text, NULL at the end; its name is "dir". */
struct snapshot_files lab_folder(const char *const *pairs);
/* Of such pairs, which must be without fault. */
void lab_snapshots(struct snapshots *s, const char *const *pairs);

#endif
