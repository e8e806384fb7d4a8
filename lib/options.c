/*
 * Option tables: parsing, range check, help and canonical printing.
 */
#include "lib/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/suggest.h"
#include "lib/text.h"
#include "lib/units.h"

#define NAMES_MAX 64

static void *value_of(const struct opt_desc *opt, const void *values)
{
	return (char *)(uintptr_t)values + opt->offset;
}

static void number_print(const struct opt_desc *opt, s64 v, char *buf, size_t n)
{
	if (opt->type == OPT_TYPE_SIZE)
		size_print((u64)v, buf, n);
	else if (opt->type == OPT_TYPE_TIME)
		time_print((u64)v, buf, n);
	else if (opt->type == OPT_TYPE_SHARE)
		share_print((u64)v, buf, n);
	else
		snprintf(buf, n, "%lld", (long long)v);
}

static int signed_parse(const char *text, s64 *v, struct err *e)
{
	char *end;

	errno = 0;
	*v = strtoll(text, &end, 10);
	if (end == text || *end || errno)
		return err_set(e, "'%s' is not a whole number", text);
	return 0;
}

static int number_parse(const struct opt_desc *opt, const char *text, s64 *v, struct err *e)
{
	char lo[32], hi[32];
	u64 u = 0;
	int ret;

	if (opt->type == OPT_TYPE_S64) {
		ret = signed_parse(text, v, e);
	} else {
		ret = opt->type == OPT_TYPE_SIZE    ? size_parse(text, &u, e)
		      : opt->type == OPT_TYPE_TIME  ? time_parse(text, &u, e)
		      : opt->type == OPT_TYPE_SHARE ? share_parse(text, &u, e)
						    : count_parse(text, &u, e);
		*v = (s64)u; /* the parsers stay below 2^63 */
	}
	if (ret)
		return -1;
	if (*v >= opt->min && *v <= opt->max)
		return 0;
	number_print(opt, opt->min, lo, sizeof(lo));
	number_print(opt, opt->max, hi, sizeof(hi));
	return err_set(e, "%s is out of range: %s to %s", text, lo, hi);
}

static void choices_print(const struct opt_desc *opt, struct text *t)
{
	for (const char *const *c = opt->choices; *c; c++)
		text_add(t, "%s%s", c == opt->choices ? "" : "|", *c);
}

/* Index of the choice that `len` characters of text name; -1 with e set. */
static int choice_parse(const struct opt_desc *opt, const char *text, size_t len, struct err *e)
{
	char word[64], list[512];
	struct text t = text_in(list, sizeof(list));
	const char *near;

	for (int i = 0; opt->choices[i]; i++) {
		if (strlen(opt->choices[i]) == len && !memcmp(opt->choices[i], text, len))
			return i;
	}
	snprintf(word, sizeof(word), "%.*s", (int)min(len, sizeof(word)), text);
	near = suggest_nearest(word, opt->choices);
	choices_print(opt, &t);
	if (near)
		return err_set(e, "unknown value '%s': did you mean '%s'? (%s)", word, near, list);
	return err_set(e, "unknown value '%s': one of %s", word, list);
}

static int flags_parse(const struct opt_desc *opt, const char *text, u64 *v, struct err *e)
{
	*v = 0;
	while (*text) {
		size_t len = strcspn(text, "|");
		int i = choice_parse(opt, text, len, e);

		if (i < 0)
			return -1;
		*v |= opt->choice_values[i];
		text += len;
		if (*text == '|')
			text++;
	}
	return 0;
}

static int bool_parse(const char *text, bool *v, struct err *e)
{
	if (strcmp(text, "on") && strcmp(text, "off"))
		return err_set(e, "'%s' is neither on nor off", text);
	*v = !strcmp(text, "on");
	return 0;
}

static int text_set(const struct opt_desc *opt, char *p, const char *text, struct err *e)
{
	size_t len = strlen(text);

	if (len > (size_t)opt->max)
		return err_set(e, "'%s' is longer than %lld characters", text, (long long)opt->max);
	memcpy(p, text, len + 1);
	return 0;
}

static int value_set(const struct opt_desc *opt, void *values, const char *text, struct err *e)
{
	void *p = value_of(opt, values);
	bool on = false;
	u64 u = 0;
	s64 v = 0;
	int i;

	switch (opt->type) {
	case OPT_TYPE_BOOL:
		if (bool_parse(text, &on, e))
			return -1;
		*(bool *)p = on;
		return 0;
	case OPT_TYPE_ENUM:
		i = choice_parse(opt, text, strlen(text), e);
		if (i < 0)
			return -1;
		*(u64 *)p = (u64)i;
		return 0;
	case OPT_TYPE_FLAGS:
		if (flags_parse(opt, text, &u, e))
			return -1;
		*(u64 *)p = u;
		return 0;
	case OPT_TYPE_TEXT:
		return text_set(opt, p, text, e);
	default:
		if (number_parse(opt, text, &v, e))
			return -1;
		*(s64 *)p = v;
		return 0;
	}
}

void options_default(const struct opt_desc *table, void *values)
{
	struct err e;

	for (const struct opt_desc *opt = table; opt && opt->name; opt++)
		ASSERT(value_set(opt, values, opt->def, &e) == 0);
}

static int unknown_option(const struct opt_desc *table, const char *name, struct err *e)
{
	const char *names[NAMES_MAX + 1];
	char list[512];
	struct text t = text_in(list, sizeof(list));
	const char *near;
	size_t n = 0;

	for (const struct opt_desc *opt = table; opt && opt->name && n < NAMES_MAX; opt++) {
		text_add(&t, "%s%s", n ? ", " : "", opt->name);
		names[n++] = opt->name;
	}
	names[n] = NULL;
	if (!n)
		return err_set(e, "unknown option '%s': there are no options", name);
	near = suggest_nearest(name, names);
	if (near)
		return err_set(e, "unknown option '%s': did you mean '%s'?", name, near);
	return err_set(e, "unknown option '%s': known are %s", name, list);
}

int options_set(const struct opt_desc *table, void *values, const char *name, const char *text,
		struct err *e)
{
	for (const struct opt_desc *opt = table; opt && opt->name; opt++) {
		if (strcmp(opt->name, name))
			continue;
		if (value_set(opt, values, text, e))
			return err_prefix(e, "option '%s'", name);
		return 0;
	}
	return unknown_option(table, name, e);
}

static void flags_print(const struct opt_desc *opt, u64 v, struct text *t)
{
	const char *between = "";

	for (int i = 0; opt->choices[i]; i++) {
		if (!opt->choice_values[i] || (v & opt->choice_values[i]) != opt->choice_values[i])
			continue;
		text_add(t, "%s%s", between, opt->choices[i]);
		between = "|";
		v &= ~opt->choice_values[i];
	}
}

/* The value of one option as options_set would take it. Always NUL-terminated within n bytes. */
static void option_print(const struct opt_desc *opt, const void *values, char *buf, size_t n)
{
	const void *p = value_of(opt, values);
	struct text t = text_in(buf, n);

	switch (opt->type) {
	case OPT_TYPE_BOOL:
		text_add(&t, "%s", *(const bool *)p ? "on" : "off");
		break;
	case OPT_TYPE_ENUM:
		text_add(&t, "%s", opt->choices[*(const u64 *)p]);
		break;
	case OPT_TYPE_FLAGS:
		flags_print(opt, *(const u64 *)p, &t);
		break;
	case OPT_TYPE_TEXT:
		text_add(&t, "%s", (const char *)p);
		break;
	default:
		number_print(opt, *(const s64 *)p, buf, n);
	}
}

void options_print(const struct opt_desc *table, const void *values, char *buf, size_t n)
{
	struct text t = text_in(buf, n);
	char value[512];

	for (const struct opt_desc *opt = table; opt && opt->name; opt++) {
		option_print(opt, values, value, sizeof(value));
		text_add(&t, "%s%s=%s", opt == table ? "" : ",", opt->name, value);
	}
}

/* What may stand behind the '=': "on|off", "-1..63", "4KiB..1GiB", "a|b|c". */
static void domain_print(const struct opt_desc *opt, char *buf, size_t n)
{
	struct text t = text_in(buf, n);
	char lo[32], hi[32];

	switch (opt->type) {
	case OPT_TYPE_BOOL:
		text_add(&t, "on|off");
		break;
	case OPT_TYPE_ENUM:
	case OPT_TYPE_FLAGS:
		choices_print(opt, &t);
		break;
	case OPT_TYPE_TEXT:
		text_add(&t, "TEXT");
		break;
	default:
		number_print(opt, opt->min, lo, sizeof(lo));
		number_print(opt, opt->max, hi, sizeof(hi));
		text_add(&t, opt->max == INT64_MAX ? "%s.." : "%s..%s", lo, hi);
	}
}

void options_help(const struct opt_desc *table, char *buf, size_t n)
{
	struct text t = text_in(buf, n);
	char domain[512], head[640];

	for (const struct opt_desc *opt = table; opt && opt->name; opt++) {
		domain_print(opt, domain, sizeof(domain));
		snprintf(head, sizeof(head), "%s=%s", opt->name, domain);
		text_add(&t, "  %-32s %s (default %s)\n", head, opt->help,
			 *opt->def ? opt->def : "none");
	}
}
