/*
 * --fail-on 'METRIC>AMOUNT': when a comparison counts as failed.
 */
#include "reports/fail_on.h"

#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/pairs_caches.h"
#include "reports/values.h"

#define HOW_TO "write METRIC>+5%% or METRIC<-5%%, or an amount with its unit as in METRIC>+64KiB"

static char *trim(char *text)
{
	size_t n;

	text += strspn(text, " \t");
	for (n = strlen(text); n && strchr(" \t", text[n - 1]); n--)
		text[n - 1] = '\0';
	return text;
}

static int amount_parse(struct fail_on *f, char *amount, struct err *e)
{
	size_t n;
	char *end;

	f->negative = *amount == '-';
	amount += *amount == '-' || *amount == '+';
	n = strlen(amount);
	f->amount = amount;
	f->relative = n && amount[n - 1] == '%';
	if (!n || !strchr("0123456789.", *amount))
		return err_set(e, "--fail-on '%s': no amount: " HOW_TO, f->text);
	if (!f->relative)
		return 0;
	f->ratio = strtod(amount, &end) / 100;
	if (end == amount || strcmp(trim(end), "%") || !isfinite(f->ratio))
		return err_set(e, "--fail-on '%s': '%s' is no percentage: " HOW_TO, f->text,
			       amount);
	return 0;
}

int fail_on_parse(struct fail_on *f, const char *text, struct err *e)
{
	char *op, *pattern;

	memset(f, 0, sizeof(*f));
	f->text = text;
	f->pattern = mem_dup(text);
	op = strpbrk(f->pattern, "<>");
	if (!op || op == f->pattern) {
		err_set(e, "--fail-on '%s': no comparison: " HOW_TO, text);
		goto fail;
	}
	f->above = *op == '>';
	*op = '\0';
	pattern = trim(f->pattern);
	memmove(f->pattern, pattern, strlen(pattern) + 1);
	if (amount_parse(f, trim(op + 1), e))
		goto fail;
	return 0;
fail:
	fail_on_free(f);
	return -1;
}

void fail_on_free(struct fail_on *f)
{
	free(f->pattern);
	f->pattern = NULL;
}

static bool fail_on_matches(const struct fail_on *f, const char *metric)
{
	return !fnmatch(f->pattern, metric, 0);
}

int fail_on_check(const struct fail_on *f, const struct effect *x, struct err *e)
{
	const struct pair *p = x->pair;
	double limit = f->ratio, got;

	if (!fail_on_matches(f, p->metric) || !x->nr || layer_is_cache(p->layer))
		return 0;
	if (!f->relative && value_parse(f->amount, p->unit, &limit, e)) {
		err_prefix(e, "--fail-on '%s' (%s is in %s)", f->text, p->metric, p->unit);
		return -1;
	}
	if (f->negative)
		limit = -limit;
	got = f->relative ? x->ratio : x->diff;
	return f->above ? got > limit : got < limit;
}
