/*
 * Globs.
 */
#include "lib/glob.h"

#include <ctype.h>
#include <fnmatch.h>
#include <string.h>

/* The ']' that ends what the '[' at `p` begins; NULL: there is none. */
static const char *bracket_end(const char *p)
{
	p++;
	p += *p == '!' || *p == '^';
	for (p += *p == ']'; *p && *p != ']'; p++)
		if (*p == '\\' && p[1])
			p++;
	return *p ? p : NULL;
}

int glob_check(const char *glob, size_t *at, struct err *e)
{
	const char *p = glob;

	*at = 0;
	if (!*glob)
		return err_set(e, "a glob is empty: '*' matches every name");
	for (; *p; p++) {
		*at = (size_t)(p - glob);
		if (iscntrl((unsigned char)*p))
			return err_set(e, "no name has a control character in it");
		if (*p == '\\') {
			if (!*++p)
				return err_set(e, "this '\\' has nothing to quote");
		} else if (*p == '[') {
			p = bracket_end(p);
			if (!p)
				return err_set(e, "this '[' has no ']'");
		}
	}
	return 0;
}

bool glob_matches(const char *glob, const char *text)
{
	return !fnmatch(glob, text, 0);
}
