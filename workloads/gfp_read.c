/*
 * Allocation flags by their names.
 */
#include "workloads/gfp_read.h"

#include <stdio.h>
#include <string.h>

#include "lib/suggest.h"

#define WORD_MAX 64

int flag_unknown(const struct yaml_node *n, size_t at, const char *word, const char *const *names,
		 struct err *e)
{
	const char *near = suggest_nearest(word, names);

	if (near)
		return yaml_error_at(n, at, e, "unknown flag '%s': did you mean '%s'?", word, near);
	return yaml_error_at(n, at, e, "unknown flag '%s': Linux 6.1 has none of that name", word);
}

int gfp_read(const struct yaml_node *n, gfp_t *gfp, struct err *e)
{
	const char *text = yaml_text(n, e);
	size_t at = 0;

	if (!text)
		return -1;
	for (*gfp = 0;; at++) {
		char word[WORD_MAX];
		size_t len, i = 0;

		at += strspn(text + at, " ");
		len = strcspn(text + at, "| ");
		snprintf(word, sizeof(word), "%.*s", (int)min(len, (size_t)WORD_MAX), text + at);
		while (gfp_flag_names[i] && strcmp(gfp_flag_names[i], word))
			i++;
		if (!gfp_flag_names[i])
			return flag_unknown(n, at, word, gfp_flag_names, e);
		*gfp |= (gfp_t)gfp_flag_values[i];
		at += len;
		at += strspn(text + at, " ");
		if (!text[at])
			return 0;
		if (text[at] != '|')
			return yaml_error_at(n, at, e, "flags are joined by '|'");
	}
}
