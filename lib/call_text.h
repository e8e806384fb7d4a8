/*
 * Text of the form NAME(key=value, ...), read word by word: a layer of a stack, a fragmenter.
 *
 * Blanks around each word are ignored. Whoever reads goes on at `at`; an error says its column.
 */
#ifndef LIB_CALL_TEXT_H
#define LIB_CALL_TEXT_H

#include "lib/options.h"

#define CALL_WORD_MAX 512 /* all flags of numactl are a word */

struct call_text {
	const char *text, *at;
	const char *ends;    /* of a value: ",)", and what can follow the call */
	unsigned int column; /* from 1; of the error */
	struct err *e;
};

/* Prefixes the message with the column of `at`; returns -1. */
int call_fail_at(struct call_text *c, const char *at);
void call_skip_blanks(struct call_text *c);
/* Up to one of `ends` or the end of the text; *start: where it begins. -1: it is too long. */
int __must_check call_word(struct call_text *c, const char *ends, char buf[CALL_WORD_MAX],
			   const char **start);
/*
 * From '(' to behind ')': sets options of `name`. table NULL: it has none, and each is an error. -1
 * with e: not key=value, no ')', or what options_set says.
 */
int __must_check call_options(struct call_text *c, const char *name, const struct opt_desc *table,
			      void *options);

#endif
