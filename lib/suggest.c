/*
 * The nearest valid name, by optimal string alignment distance.
 */
#include "lib/suggest.h"

#include <string.h>

/* Longer names are nobody's typing mistake. */
#define NAME_MAX_LEN 100

static unsigned int min3(unsigned int a, unsigned int b, unsigned int c)
{
	unsigned int m = a < b ? a : b;

	return m < c ? m : c;
}

/* Three rows of the dynamic-programming table suffice: a swap looks back two rows. */
static unsigned int distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int rows[3][NAME_MAX_LEN + 1];
	unsigned int *before = rows[0], *prev = rows[1], *row = rows[2], *free_row;

	for (size_t j = 0; j <= nb; j++)
		prev[j] = (unsigned int)j;
	for (size_t i = 1; i <= na; i++) {
		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= nb; j++) {
			row[j] = min3(prev[j] + 1, row[j - 1] + 1,
				      prev[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		free_row = before;
		before = prev;
		prev = row;
		row = free_row;
	}
	return prev[nb];
}

static size_t common_prefix(const char *a, const char *b)
{
	size_t n = 0;

	while (a[n] && a[n] == b[n])
		n++;
	return n;
}

const char *suggest_nearest(const char *name, const char *const *names)
{
	size_t n = strlen(name);
	size_t best = n + 4; /* three times the distance must stay below: a guess, not a lottery */
	const char *nearest = NULL;

	if (n > NAME_MAX_LEN)
		return NULL;
	for (; *names; names++) {
		size_t len = strlen(*names);
		size_t d;

		if (len > NAME_MAX_LEN)
			continue;
		d = distance(name, n, *names, len);
		/* Of equals, the one that begins alike: "KB" is a KiB, not a B. */
		if (3 * d < best || (3 * d == best && nearest &&
				     common_prefix(name, *names) > common_prefix(name, nearest))) {
			best = 3 * d;
			nearest = *names;
		}
	}
	return nearest;
}
