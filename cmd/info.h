/*
 * What a .kmt trace holds, for people or for programs.
 */
#ifndef CMD_INFO_H
#define CMD_INFO_H

#include <stdio.h>

#include "sim/source.h"
#include "traces/snapshots.h"

/* Of a source that kmt_open() gave, and the snapshots in it (NULL: none). */
void info_print_text(FILE *f, const struct source *s, const struct snapshots *snaps);

#endif
