/*
 * Allocation flags by their names.
 *
 * Flags that contradict each other are a mistake here, where it has a line and a column. Linux has
 * them caught at run time, or takes one and ignores the other.
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

/* All of `first` and any of `second` do not go together. */
static const struct {
	gfp_t first, second;
	const char *why;
} contradictions[] = {
	{__GFP_DMA, __GFP_HIGHMEM | __GFP_DMA32, "two zones at once (GFP_ZONE_BAD)"},
	{__GFP_DMA32, __GFP_HIGHMEM, "two zones at once (GFP_ZONE_BAD)"},
	{__GFP_MOVABLE, __GFP_RECLAIMABLE, "a page is movable or reclaimable, not both"},
	{__GFP_NOFAIL, __GFP_NORETRY | __GFP_RETRY_MAYFAIL,
	 "a request that must not fail cannot give up"},
	{__GFP_NORETRY, __GFP_RETRY_MAYFAIL, "not to retry, and to retry"},
	{__GFP_ATOMIC, __GFP_DIRECT_RECLAIM, "who cannot wait does not reclaim"},
};

static bool contradict(gfp_t gfp, size_t i)
{
	return (gfp & contradictions[i].first) == contradictions[i].first &&
	       gfp & contradictions[i].second;
}

/* The word at that place makes `before` to `gfp`. */
static int check_word(const struct yaml_node *n, size_t at, gfp_t before, gfp_t gfp, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(contradictions); i++)
		if (contradict(gfp, i) && !contradict(before, i))
			return yaml_error_at(n, at, e, "flags that contradict each other: %s",
					     contradictions[i].why);
	return 0;
}

static int check_whole(const struct yaml_node *n, gfp_t gfp, struct err *e)
{
	if (gfp & __GFP_NOFAIL && !(gfp & __GFP_DIRECT_RECLAIM))
		return yaml_error(n, e,
				  "__GFP_NOFAIL without __GFP_DIRECT_RECLAIM: a request that must "
				  "not fail has to be able to wait");
	return 0;
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
		if (check_word(n, at, *gfp, *gfp | (gfp_t)gfp_flag_values[i], e))
			return -1;
		*gfp |= (gfp_t)gfp_flag_values[i];
		at += len;
		at += strspn(text + at, " ");
		if (!text[at])
			return check_whole(n, *gfp, e);
		if (text[at] != '|')
			return yaml_error_at(n, at, e, "flags are joined by '|'");
	}
}
