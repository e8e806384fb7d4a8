/*
 * Marks of a recorded machine's snapshots.
 */
#include "sim/snap_mark.h"

#include <string.h>

/* What follows the prefix; NULL: the text does not begin so. */
static const char *behind(const char *text, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(text, prefix, n) ? NULL : text + n;
}

bool snap_mark_parse(struct snap_mark *m, const char *text)
{
	const char *label = behind(text, "SNAP "), *rest;

	if (!label)
		return false;
	m->label = label;
	m->label_len = strcspn(label, " ");
	rest = label + m->label_len;
	m->file = behind(rest, " begin ");
	m->end = !m->file;
	if (m->end)
		m->file = behind(rest, " end ");
	return m->file;
}

bool snap_mark_labels(const struct snap_mark *m, const char *label)
{
	return strlen(label) == m->label_len && !strncmp(m->label, label, m->label_len);
}
