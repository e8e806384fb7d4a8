/*
 * What a .kmt trace holds, for people or for programs.
 */
#ifndef CMD_INFO_H
#define CMD_INFO_H

#include <stdio.h>

#include "sim/source.h"

/* Of a source that kmt_open() gave. */
void info_print_text(FILE *f, const struct source *s);

#endif
