/*
 * A report made in a test's folder, and looked at.
 */
#ifndef TESTS_REPORT_MADE_H
#define TESTS_REPORT_MADE_H

#include "lib/err.h"
#include "lib/types.h"

/* A path below results_dir; the next call overwrites it. */
char *in_dir(const char *name);
/* Only the report "whole" has PNG and PDF. */
int report(const char *name, struct err *e);
void report_made(const char *name);
/* A file below results_dir; the caller frees. */
char *text_of(const char *name);
/* Everything in a folder, as results_files gives it. */
void files_are(const char *dir, const char *expected);
/* As far as SVG needs it. */
bool well_formed(const char *xml);
/* Each script has its SVG, and its PNG and PDF or not. */
void pictures_are_whole(const char *name, bool papers);

#endif
