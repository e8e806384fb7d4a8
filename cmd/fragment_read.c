/*
 * A fragmenter as the user says it, with the file that it may name.
 */
#include "cmd/fragment_read.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "traces/target_file.h"

int fragment_read(struct fragment_spec *s, const char *text, const char *dir, struct err *e)
{
	const char *name;
	char *path;

	*s = (struct fragment_spec){0};
	if (fragment_parse(&s->fragment, text, e))
		return -1;
	name = fragment_file(&s->fragment);
	if (!name)
		return 0;
	path = dir && access(name, R_OK) ? file_in_dir(dir, name) : mem_dup(name);
	s->file = page_target_read(path, e);
	free(path);
	if (!s->file) {
		fragment_spec_free(s);
		return -1;
	}
	s->fragment.target = page_target_of(s->file);
	return 0;
}

void fragment_spec_free(struct fragment_spec *s)
{
	fragment_free(&s->fragment);
	page_target_close(s->file);
	*s = (struct fragment_spec){0};
}
