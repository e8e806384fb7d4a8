/*
 * Lines of a text file, plain or compressed with zstd.
 *
 * How much memory does it take? One buffer, however long the file is. Behind every line there are
 * TEXT_SLACK readable bytes, so that words of a line can be loaded eight bytes at a time.
 */
#ifndef TRACES_TEXT_INPUT_H
#define TRACES_TEXT_INPUT_H

#include "lib/err.h"
#include "lib/types.h"

#define TEXT_LINE_MAX 65536U /* bytes */
#define TEXT_SLACK 24U

struct text_input;

struct text_input *text_input_open(const char *path, struct err *e);
/*
 * 1: the next line, of *len characters with '\n' behind them (a '\r' before it is taken off), valid
 * until the next call; 0: none left; -1: damaged, the message has file and line.
 */
int __must_check text_input_next(struct text_input *in, char **line, u32 *len, struct err *e);
u64 text_input_line(const struct text_input *in); /* number of the line handed out last */
const char *text_input_path(const struct text_input *in);
/* How far it is in the file, and the file's size: for progress. */
u64 text_input_done(const struct text_input *in);
u64 text_input_total(const struct text_input *in);
void text_input_close(struct text_input *in);

/*
 * The first characters of a file of which `head` holds the first n bytes: at most `max`,
 * NUL-terminated (so buf has room for one more). 0: no text.
 */
size_t text_head(const u8 *head, size_t n, char *buf, size_t max);

#endif
