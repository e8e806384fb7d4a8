/*
 * Figures with their units, for people.
 */
#include "reports/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/units.h"

/* Counts of a replay are exact and small differences matter: all digits, in groups of three. Only
 * means and medians have fractions, which matter where the number is small. */
static void grouped(double v, char *buf, size_t n)
{
	char digits[32];

	if ((v != floor(v) && fabs(v) < 1000) || fabs(v) >= 1e15) {
		snprintf(buf, n, "%.4g", v);
		return;
	}
	count_grouped((u64)round(fabs(v)), digits, sizeof(digits));
	snprintf(buf, n, "%s%s", v < 0 ? "-" : "", digits);
}

/* One decimal, but never a difference that reads as none. */
static void tenths(double v, const char *unit, char *buf, size_t n)
{
	if (v != 0 && fabs(v) < 0.05)
		snprintf(buf, n, "%.1g %s", v, unit);
	else
		snprintf(buf, n, "%.*f %s", fabs(v) < 1000 ? 1 : 0, v, unit);
}

void value_print(double v, const char *unit, char *buf, size_t n)
{
	if (!strcmp(unit, "bytes"))
		size_human(v, buf, n);
	else if (!strcmp(unit, "ns"))
		time_human(v, buf, n);
	else if (!strcmp(unit, "percent"))
		tenths(v, "%", buf, n);
	else if (!strcmp(unit, "permille"))
		tenths(v, "‰", buf, n);
	else
		grouped(v, buf, n);
}

void value_print_diff(double v, const char *unit, char *buf, size_t n)
{
	char text[VALUE_TEXT_MAX];

	value_print(v, unit, text, sizeof(text));
	if (!strcmp(unit, "percent"))
		tenths(v, "pp", text, sizeof(text));
	snprintf(buf, n, "%s%s", v > 0 ? "+" : "", v == 0 ? "0" : text);
}

void ratio_print(double ratio, char *buf, size_t n)
{
	char text[VALUE_TEXT_MAX];

	tenths(100 * ratio, "%", text, sizeof(text));
	if (isnan(ratio) || isinf(ratio))
		snprintf(buf, n, "from 0");
	else
		snprintf(buf, n, "%s%s", ratio > 0 ? "+" : "", ratio == 0 ? "=" : text);
}

static int number_parse(const char *text, const char *suffix, const char *unit, double *v,
			struct err *e)
{
	char *end;

	*v = strtod(text, &end);
	if (end == text || strcmp(end, suffix) || !isfinite(*v))
		return err_set(e, "'%s' is no amount of %s: write %s", text, unit,
			       *suffix ? "2pp (percentage points)" : "a plain number");
	return 0;
}

int value_parse(const char *text, const char *unit, double *v, struct err *e)
{
	u64 amount = 0;
	int rc;

	if (!strcmp(unit, "bytes"))
		rc = size_parse(text, &amount, e);
	else if (!strcmp(unit, "ns"))
		rc = time_parse(text, &amount, e);
	else
		return number_parse(text, strcmp(unit, "percent") ? "" : "pp", unit, v, e);
	*v = (double)amount;
	return rc;
}
