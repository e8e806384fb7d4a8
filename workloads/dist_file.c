/*
 * Empirical distributions: a file with a value a line, and perhaps its weight. What follows a '#'
 * is a comment.
 *
 *	4KiB 120
 *	512B 3.5
 */
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "workloads/dist.h"

#define FILE_VALUES_MAX (1U << 20)
#define WORD_MAX 64

struct lines {
	const char *path;
	const struct quantity_rules *q;
	const char *unit;
	unsigned long line;
	u64 *values;
	double *weights;
	u32 nr, max_values, max_weights;
};

static int wrong_at(const struct lines *l, const char *start, const char *p, struct err *e)
{
	return err_prefix(e, "%s:%lu:%ld", l->path, l->line, (long)(p - start) + 1);
}

/* The next word of the line, at most `end`; its length, 0: there is none. */
static size_t word(const char **p, const char *end)
{
	const char *q;

	while (*p < end && (**p == ' ' || **p == '\t' || **p == '\r'))
		(*p)++;
	for (q = *p; q < end && *q != ' ' && *q != '\t' && *q != '\r' && *q != '#';)
		q++;
	return (size_t)(q - *p);
}

static int value_take(struct lines *l, const char *text, size_t n, u64 *v, struct err *e)
{
	char buf[WORD_MAX + 8];

	if (n > WORD_MAX || memchr(text, 0, n))
		return err_set(e, "this is no %s", l->q->what);
	snprintf(buf, sizeof(buf), "%.*s", (int)n, text);
	/* A bare number is in the unit that was given. */
	if (isdigit((unsigned char)buf[n - 1]))
		strcat(buf, l->unit);
	return quantity_parse_text(l->q, buf, v, e);
}

static int weight_take(const char *text, size_t n, double *weight, struct err *e)
{
	char buf[WORD_MAX + 1], *end;

	snprintf(buf, sizeof(buf), "%.*s", (int)n, text);
	*weight = strtod(buf, &end);
	if (n > WORD_MAX || *end || buf[strspn(buf, "0123456789.eE+-")] || !isfinite(*weight))
		return err_set(e, "'%s' is not a weight", buf);
	return *weight < 0 ? err_set(e, "a weight cannot be negative") : 0;
}

static int line_take(struct lines *l, const char *start, const char *end, struct err *e)
{
	const char *p = start;
	double weight = 1;
	size_t n = word(&p, end);
	u64 v;

	if (!n)
		return 0; /* empty, or a comment */
	if (value_take(l, p, n, &v, e))
		return wrong_at(l, start, p, e);
	p += n;
	n = word(&p, end);
	if (n && weight_take(p, n, &weight, e))
		return wrong_at(l, start, p, e);
	p += n;
	if (word(&p, end)) {
		err_set(e, "a value and a weight are wanted, and no more");
		return wrong_at(l, start, p, e);
	}
	if (l->nr == FILE_VALUES_MAX) {
		err_set(e, "more than %u values", FILE_VALUES_MAX);
		return wrong_at(l, start, start, e);
	}
	MEM_ROOM(l->values, l->nr, l->max_values);
	MEM_ROOM(l->weights, l->nr, l->max_weights);
	l->values[l->nr] = v;
	l->weights[l->nr++] = weight;
	return 0;
}

static int lines_take(struct lines *l, const char *text, size_t n, struct err *e)
{
	for (const char *p = text, *end; p < text + n; p = end + 1) {
		end = memchr(p, '\n', (size_t)(text + n - p));
		end = end ? end : text + n;
		l->line++;
		if (line_take(l, p, end, e))
			return -1;
	}
	return l->nr ? 0 : err_set(e, "%s: there is no value in it", l->path);
}

int dist_read_file(struct dist *d, const char *path, const struct quantity_rules *q,
		   const char *unit, struct err *e)
{
	struct lines l = {.path = path, .q = q, .unit = unit};
	char *text;
	u64 digest;
	size_t n;
	int ret;

	if (file_check_regular(path, e))
		return -1;
	text = file_read(path, &n, e);
	if (!text)
		return -1;
	digest = digest_bytes(DIGEST_INIT, text, n);
	ret = lines_take(&l, text, n, e);
	free(text);
	if (ret) {
		free(l.values);
		free(l.weights);
		return -1;
	}
	if (dist_weights(d, l.values, l.weights, l.nr))
		return err_set(e, "%s: the weights add up to zero, or to infinity", path);
	d->digest = digest_u64(digest, text_hash(unit));
	return 0;
}
