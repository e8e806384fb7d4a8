/*
 * Text of the form NAME(key=value, ...).
 */
#include "lib/call_text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

int call_fail_at(struct call_text *c, const char *at)
{
	c->column = (unsigned int)(at - c->text) + 1;
	return err_prefix(c->e, "column %u", c->column);
}

void call_skip_blanks(struct call_text *c)
{
	while (isspace((unsigned char)*c->at))
		c->at++;
}

int call_word(struct call_text *c, const char *ends, char buf[CALL_WORD_MAX], const char **start)
{
	size_t n;

	call_skip_blanks(c);
	*start = c->at;
	n = strcspn(c->at, ends);
	c->at += n;
	while (n && isspace((unsigned char)(*start)[n - 1]))
		n--;
	if (n >= CALL_WORD_MAX) {
		err_set(c->e, "a word of %zu characters: at most %d are allowed", n,
			CALL_WORD_MAX - 1);
		return call_fail_at(c, *start);
	}
	memcpy(buf, *start, n);
	buf[n] = '\0';
	return 0;
}

static int option(struct call_text *c, const char *name, const struct opt_desc *table,
		  void *options)
{
	char key[CALL_WORD_MAX], value[CALL_WORD_MAX], key_ends[8];
	const char *start, *value_start;

	snprintf(key_ends, sizeof(key_ends), "=%s", c->ends);
	if (call_word(c, key_ends, key, &start))
		return -1;
	if (*c->at != '=') {
		err_set(c->e, "an option of '%s' reads key=value", name);
		return call_fail_at(c, start);
	}
	c->at++;
	if (call_word(c, c->ends, value, &value_start))
		return -1;
	if (!table) {
		err_set(c->e, "'%s' has no options", name);
		return call_fail_at(c, start);
	}
	return options_set(table, options, key, value, c->e) ? call_fail_at(c, start) : 0;
}

int call_options(struct call_text *c, const char *name, const struct opt_desc *table, void *options)
{
	const char *open = c->at++;

	call_skip_blanks(c);
	if (*c->at == ')') {
		c->at++;
		return 0;
	}
	for (;;) {
		if (option(c, name, table, options))
			return -1;
		if (*c->at == ')') {
			c->at++;
			return 0;
		}
		if (*c->at != ',') {
			err_set(c->e, "this '(' has no ')'");
			return call_fail_at(c, open);
		}
		c->at++;
	}
}
