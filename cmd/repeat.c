/*
 * The line that repeats a run: words for a POSIX shell.
 */
#include "cmd/repeat.h"

#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"

void repeat_begin(struct repeat *r, const char *command)
{
	r->f = open_memstream(&r->text, &r->size);
	ASSERT(r->f);
	fprintf(r->f, "kmemsim %s", command);
}

/* Between single quotes every byte stands for itself, but the quote: '\'' leaves and returns. */
static void quoted(FILE *f, const char *word)
{
	putc('\'', f);
	for (; *word; word++) {
		if (*word == '\'')
			fputs("'\\''", f);
		else
			putc(*word, f);
	}
	putc('\'', f);
}

void repeat_word(struct repeat *r, const char *word)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789_-+=.,:/@%";

	putc(' ', r->f);
	if (*word && !word[strspn(word, plain)])
		fputs(word, r->f);
	else
		quoted(r->f, word);
}

void repeat_option(struct repeat *r, const char *option, const char *value)
{
	if (!value)
		return;
	fprintf(r->f, " --%s", option);
	repeat_word(r, value);
}

void repeat_path(struct repeat *r, const char *path)
{
	char *from_here = mem_print("./%s", path);

	repeat_word(r, *path == '-' ? from_here : path);
	free(from_here);
}

char *repeat_end(struct repeat *r)
{
	ASSERT(!fclose(r->f));
	return r->text;
}
