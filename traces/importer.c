/*
 * The registry of importers. Constructors run in any order: kept sorted, so lists are the same
 * always.
 */
#include "traces/importer.h"

#include <string.h>

static struct importer *importers;

void importer_register(struct importer *im)
{
	struct importer **at = &importers;

	while (*at && strcmp((*at)->name, im->name) < 0)
		at = &(*at)->next;
	im->next = *at;
	*at = im;
}

struct importer *importer_first(void)
{
	return importers;
}

struct importer *importer_find(const char *name)
{
	struct importer *im = importers;

	while (im && strcmp(im->name, name))
		im = im->next;
	return im;
}
