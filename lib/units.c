/*
 * Sizes, times, counts and rates, as users write them and as we print them.
 */
#include "lib/units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/suggest.h"
#include "lib/text.h"

struct unit {
	const char *name;
	u64 factor;
};

/* What a kind of quantity looks like. Units are in ascending order. */
struct quantity {
	const char *what, *smallest, *example;
	const struct unit *units;
	const char *const *names;
	bool bare; /* a number without unit is fine */
};

static const struct unit size_units[] = {
	{"B", 1}, {"KiB", KIB}, {"MiB", MIB}, {"GiB", GIB}, {"TiB", TIB}, {NULL, 0},
};
static const char *const size_names[] = {"B", "KiB", "MiB", "GiB", "TiB", NULL};
static const struct quantity size_quantity = {
	"size", "bytes", "64KiB", size_units, size_names, false,
};

static const struct unit time_units[] = {
	{"ns", 1},	     {"us", NSEC_PER_USEC},	 {"ms", NSEC_PER_MSEC},
	{"s", NSEC_PER_SEC}, {"min", 60 * NSEC_PER_SEC}, {"h", 3600 * NSEC_PER_SEC},
	{NULL, 0},
};
static const char *const time_names[] = {"ns", "us", "ms", "s", "min", "h", NULL};
static const struct quantity time_quantity = {
	"time", "nanoseconds", "10ms", time_units, time_names, false,
};

static const struct unit count_units[] = {{"k", 1000}, {"M", 1000000}, {NULL, 0}};
static const char *const count_names[] = {"k", "M", NULL};
static const struct quantity count_quantity = {
	"number", "units", "200k", count_units, count_names, true,
};

/* A decimal number: value = digits / divisor. Few enough digits that products fit in 128 bits. */
struct decimal {
	unsigned __int128 digits;
	u64 divisor;
	const char *rest; /* first character after it and after blanks; NULL: no number there */
};

static struct decimal decimal_scan(const char *p)
{
	struct decimal d = {0, 1, NULL};
	int nr_digits = 0;
	bool fraction = false;

	for (;; p++) {
		if (*p == '.' && !fraction && nr_digits) {
			fraction = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			break;
		if (++nr_digits > 19)
			return d;
		d.digits = d.digits * 10 + (unsigned int)(*p - '0');
		if (fraction)
			d.divisor *= 10;
	}
	if (!nr_digits || p[-1] == '.')
		return d;
	while (*p == ' ')
		p++;
	d.rest = p;
	return d;
}

static int unit_missing(const struct quantity *q, const char *text, const char *unit, struct err *e)
{
	const char *near = *unit ? suggest_nearest(unit, q->names) : NULL;
	char list[64] = "";

	for (const char *const *name = q->names; *name; name++) {
		strcat(list, *name);
		if (name[1])
			strcat(list, name[2] ? ", " : " or ");
	}
	if (!*unit)
		return err_set(e, "'%s' has no unit: write a %s as %s (units %s)", text, q->what,
			       q->example, list);
	if (near)
		return err_set(e, "unknown unit '%s' in '%s': did you mean '%s'? (units %s)", unit,
			       text, near, list);
	return err_set(e, "unknown unit '%s' in '%s': write a %s as %s (units %s)", unit, text,
		       q->what, q->example, list);
}

static int quantity_parse(const struct quantity *q, const char *text, u64 *v, struct err *e)
{
	struct decimal d = decimal_scan(text);
	const struct unit *u = q->units;
	unsigned __int128 product;
	u64 factor = 1;

	if (!d.rest)
		return err_set(e, "'%s' is not a %s: write it as %s", text, q->what, q->example);
	if (*d.rest) {
		while (u->name && strcmp(u->name, d.rest))
			u++;
		if (!u->name)
			return unit_missing(q, text, d.rest, e);
		factor = u->factor;
	} else if (!q->bare && d.digits) {
		return unit_missing(q, text, "", e);
	}
	product = d.digits * factor;
	if (product % d.divisor)
		return err_set(e, "'%s' is not a whole number of %s", text, q->smallest);
	if (product / d.divisor > INT64_MAX)
		return err_set(e, "'%s' is too large a %s", text, q->what);
	*v = (u64)(product / d.divisor);
	return 0;
}

int size_parse(const char *text, u64 *bytes, struct err *e)
{
	return quantity_parse(&size_quantity, text, bytes, e);
}

int time_parse(const char *text, u64 *ns, struct err *e)
{
	return quantity_parse(&time_quantity, text, ns, e);
}

int count_parse(const char *text, u64 *n, struct err *e)
{
	return quantity_parse(&count_quantity, text, n, e);
}

static void exact_print(const struct unit *units, u64 v, char *buf, size_t n)
{
	const struct unit *best = units;

	for (const struct unit *u = units; v && u->name; u++) {
		if (v % u->factor == 0)
			best = u;
	}
	snprintf(buf, n, "%llu%s", (unsigned long long)(v / best->factor), best->name);
}

int share_parse(const char *text, u64 *parts, struct err *e)
{
	struct decimal d = decimal_scan(text), of = {1, 1, ""};
	unsigned __int128 value;

	if (d.rest && *d.rest == '/')
		of = decimal_scan(d.rest + 1);
	else if (d.rest && !strcmp(d.rest, "%"))
		of.digits = 100;
	else if (!d.rest || *d.rest || d.digits)
		of.rest = NULL;
	if (!of.rest || *of.rest || !of.digits)
		return err_set(e, "'%s' is not a share: write it as 20%% or 1/512", text);
	value = d.digits * of.divisor; /* of 19 digits each */
	of.digits *= d.divisor;
	if (value > of.digits)
		return err_set(e, "%s is more than the whole", text);
	while (of.digits > UINT64_MAX) {
		of.digits /= 10;
		value /= 10;
	}
	*parts = (u64)((value * SHARE_ONE + of.digits / 2) / of.digits);
	return 0;
}

void share_print(u64 parts, char *buf, size_t n)
{
	const u64 percent = SHARE_ONE / 100;
	char digits[16];
	int nr = snprintf(digits, sizeof(digits), "%07llu", (unsigned long long)(parts % percent));

	while (nr && digits[nr - 1] == '0')
		digits[--nr] = '\0';
	snprintf(buf, n, "%llu%s%s%%", (unsigned long long)(parts / percent), nr ? "." : "",
		 digits);
}

void size_print(u64 bytes, char *buf, size_t n)
{
	exact_print(size_units, bytes, buf, n);
}

void time_print(u64 ns, char *buf, size_t n)
{
	/* Seconds are the largest unit: "90s" reads better than "90min" sorts. */
	static const struct unit units[] = {
		{"ns", 1}, {"us", NSEC_PER_USEC}, {"ms", NSEC_PER_MSEC}, {"s", NSEC_PER_SEC},
		{NULL, 0},
	};

	exact_print(units, ns, buf, n);
}

/* Three significant digits; moves on to the next unit where rounding would give a fourth. */
static void human(double v, double base, const char *const *units, char *buf, size_t n)
{
	double a = fabs(v);
	int digits;

	while (units[1] && a >= base - 0.5) {
		a /= base;
		units++;
	}
	digits = a >= 99.95 ? 0 : a >= 9.995 ? 1 : 2;
	if (a < 1000 && a == floor(a))
		digits = 0;
	snprintf(buf, n, "%s%.*f%s", v < 0 ? "-" : "", digits, a, *units);
}

void size_human(double bytes, char *buf, size_t n)
{
	static const char *const units[] = {" B", " KiB", " MiB", " GiB", " TiB", NULL};

	human(bytes, 1024, units, buf, n);
}

void time_human(double ns, char *buf, size_t n)
{
	static const char *const units[] = {" ns", " us", " ms", " s", NULL};

	human(ns, 1000, units, buf, n);
}

void count_human(double v, char *buf, size_t n)
{
	static const char *const units[] = {"", " k", " M", " G", NULL};

	human(v, 1000, units, buf, n);
}

void count_grouped(u64 v, char *buf, size_t n)
{
	struct text t = text_in(buf, n);
	char digits[24];
	int len = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)v);

	for (int i = 0; i < len; i++)
		text_add(&t, "%s%c", i && (len - i) % 3 == 0 ? "," : "", digits[i]);
}
