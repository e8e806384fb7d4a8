/*
 * Importers: one file each, found by registration. What is recorded, in whatever form, becomes raw
 * events; everything else (repair, naming, numbering, writing) is common to all.
 *
 * A new importer is a file traces/import_NAME.c with a descriptor and IMPORTER_REGISTER(desc).
 */
#ifndef TRACES_IMPORTER_H
#define TRACES_IMPORTER_H

#include "traces/raw_event.h"

/* Required: all fields, unless said otherwise. */
struct importer {
	const char *name;    /* as the user types it: --from NAME */
	const char *summary; /* one line for `list importers` */
	bool text; /* lines; optional. What the user says is such text is read without the probe */
	/* Could these first bytes of a file be ours? */
	bool (*probe)(const u8 *head, size_t n);
	/*
	 * Reads the whole file into the sink. Runs in a process of its own (traces/guard.h): a
	 * crash in a library that meets a damaged file becomes a message.
	 */
	int (*run)(const char *path, struct raw_sink *sink, struct err *e);
	struct importer *next; /* of the registry */
};

void importer_register(struct importer *im);
struct importer *importer_first(void); /* by name; then ->next */
struct importer *importer_find(const char *name);

#define IMPORTER_REGISTER(desc)                                                                    \
	__attribute__((constructor)) static void desc##_register(void)                             \
	{                                                                                          \
		importer_register(&desc);                                                          \
	}

#endif
