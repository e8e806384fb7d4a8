/*
 * The files of a recorded machine as named buffers: what is parsed, and what a .kmt carries.
 *
 * Names are relative and with '/': "01-before/slabinfo", "META". From a folder, or from the section
 * of a .kmt that snapshot_files_pack() made of one: whoever parses sees no difference.
 */
#ifndef TRACES_SNAPSHOT_FILES_H
#define TRACES_SNAPSHOT_FILES_H

#include "lib/err.h"
#include "traces/bytes.h"

struct snapshot_file {
	char *name;
	char *data; /* NUL-terminated behind its n bytes */
	size_t n;
};

struct snapshot_files {
	char *dir; /* for messages */
	struct snapshot_file *files;
	size_t nr, max;
};

/* From the folder of the snapshots or the one above it; only files that are of use, in the order of
 * the snapshots. */
int __must_check snapshot_files_read(struct snapshot_files *f, const char *dir, struct err *e);
void snapshot_files_free(struct snapshot_files *f);

void snapshot_files_pack(const struct snapshot_files *f, struct bytes *out);
/* `dir` for messages. */
int __must_check snapshot_files_unpack(struct snapshot_files *f, const char *dir, const u8 *data,
				       size_t n, struct err *e);

/* Is a file of this name of use ("01-before/slabinfo", "META")? */
bool snapshot_file_wanted(const char *name);
/* A copy of the data; -1 with e set: there is one of that name. */
int __must_check snapshot_files_add(struct snapshot_files *f, const char *name, const u8 *data,
				    size_t n, struct err *e);
/* Into the order of the snapshots; files of a snapshot together. */
void snapshot_files_sort(struct snapshot_files *f);

/* NULL: not there. `folder` may be NULL. */
const struct snapshot_file *snapshot_files_find(const struct snapshot_files *f, const char *folder,
						size_t folder_len, const char *name);

/* "NN-LABEL": where LABEL begins; NULL: not the name of a snapshot's folder. */
const char *snapshot_folder_label(const char *folder, size_t len);

#endif
