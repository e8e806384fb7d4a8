/*
 * The files in configs/ of the working directory, by what they are.
 */
#include "cmd/configs.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/yaml.h"

static bool is_format(const char *path, const char *format)
{
	struct err e; /* a file that is no YAML is nobody's configuration */
	struct yaml_file *f = yaml_open(path, &e);
	bool is = f && yaml_root(f, format, &e);

	yaml_close(f);
	return is;
}

int configs_find(struct configs *c, const char *format, struct err *e)
{
	glob_t g;
	int ret = glob("configs/*.yaml", 0, NULL, &g); /* sorted */

	*c = (struct configs){0};
	if (ret == GLOB_NOMATCH)
		return 0;
	if (ret)
		return err_set(e, "configs: cannot be read");
	c->paths = mem_alloc(g.gl_pathc, sizeof(*c->paths));
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (!is_format(g.gl_pathv[i], format))
			continue;
		c->paths[c->nr] = mem_dup(g.gl_pathv[i]);
		c->nr++;
	}
	globfree(&g);
	return 0;
}

/* Without folders and ending. */
static char *name_of(const char *path)
{
	const char *base = file_base(path);

	return mem_print("%.*s", (int)strcspn(base, "."), base);
}

char *configs_nearest(const char *path, const char *format)
{
	char *name = name_of(path), **names, *found = NULL;
	const char *near;
	struct configs c;
	struct err e;

	if (configs_find(&c, format, &e))
		c.nr = 0;
	names = mem_alloc(c.nr + 1, sizeof(*names));
	for (size_t i = 0; i < c.nr; i++)
		names[i] = name_of(c.paths[i]);
	near = suggest_nearest(name, (const char *const *)names);
	for (size_t i = 0; i < c.nr; i++) {
		if (names[i] == near)
			found = mem_dup(c.paths[i]);
		free(names[i]);
	}
	free(names);
	free(name);
	configs_free(&c);
	return found;
}

void configs_free(struct configs *c)
{
	for (size_t i = 0; i < c->nr; i++)
		free(c->paths[i]);
	free(c->paths);
	*c = (struct configs){0};
}
