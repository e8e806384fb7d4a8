/*
 * What /proc of the simulated machine says of its memory, byte for byte as Linux 6.1 prints it.
 *
 * The one question everybody asks: *which lines are there?* All of buddyinfo, pagetypeinfo and
 * slabinfo. Of vmstat and zoneinfo those that the simulated machine has a figure for, in the
 * kernel's order: programs that look for a name find it or find that it is not there. Of a store,
 * as if it were the pool of one zram device: /sys/block/zram0/mm_stat, and `classes` of zsmalloc in
 * debugfs, which is all but empty for a store without classes.
 */
#ifndef SIM_PROC_FILES_H
#define SIM_PROC_FILES_H

#include "lib/types.h"

struct replay;

enum proc_file {
	PROC_BUDDYINFO,
	PROC_PAGETYPEINFO,
	PROC_VMSTAT,
	PROC_ZONEINFO,
	PROC_SLABINFO,
	PROC_MM_STAT, /* these two: only if the stack has a store */
	PROC_CLASSES,
	NR_PROC_FILES
};
extern const char *const proc_file_names[NR_PROC_FILES]; /* "buddyinfo", ... */

/* As they were at one instant or, if the machine was recorded, each when the recorder read it. */
struct proc_folder {
	char *label;		   /* letters, digits and "._-"; of an instant below */
	char *text[NR_PROC_FILES]; /* NULL: not looked at */
};

#define PROC_FILES_START "start" /* time zero */
#define PROC_FILES_END "end"

struct proc_files { /* zeroed: none yet */
	struct proc_folder *folders;
	size_t nr, room;
};

/* One file as it is now; the caller frees. NULL: there is no such file. */
char *proc_file_text(struct replay *rp, enum proc_file file);
/* All files as they are now. */
void proc_files_take(struct proc_files *p, struct replay *rp, const char *label);
/* If the mark says that the recorder read one of the files: that file. */
void proc_files_at_mark(struct proc_files *p, struct replay *rp, u64 t_ns, const char *text);
void proc_files_free(struct proc_files *p);

#endif
