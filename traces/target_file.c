/*
 * A copy of /proc/buddyinfo or /proc/pagetypeinfo, as a state that memory can be brought into.
 *
 * pagetypeinfo counts at most 100,000 blocks of a kind; where it says that there are more, what is
 * wanted is not known, and the file is refused.
 */
#include "traces/target_file.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "traces/snapshots_parse.h"
#include "traces/warm_priv.h"

struct page_target_file {
	struct page_target target;
	struct page_target_zone *zones;
};

static bool is_buddyinfo(const char *text)
{
	return !strncmp(text + strspn(text, " \t\n"), "Node", 4);
}

static int capped(const char *path, const struct snapshot *snap, struct err *e)
{
	for (size_t i = 0; i < snap->nr_zones; i++)
		if (snap->zones[i].type_capped)
			return err_set(e,
				       "%s: node %d, zone %s: '>100000' does not say how many "
				       "blocks are wanted: buddyinfo does",
				       path, snap->zones[i].node, snap->zones[i].zone);
	return 0;
}

static int parse(const char *path, const char *text, size_t n, struct snapshot *snap, struct err *e)
{
	struct scan s = scan_text(path, text, n);

	if (scan_printable(&s, e))
		return -1;
	if (is_buddyinfo(text) ? parse_buddyinfo(&s, snap, e) : parse_pagetypeinfo(&s, snap, e))
		return -1;
	return capped(path, snap, e);
}

static struct page_target_file *make(const struct snapshot *snap)
{
	struct page_target_file *f = mem_alloc(1, sizeof(*f));

	f->zones = mem_alloc(snap->nr_zones, sizeof(*f->zones));
	for (size_t i = 0; i < snap->nr_zones; i++)
		warm_fill_zone(&f->zones[i], &snap->zones[i]);
	f->target =
		(struct page_target){.zones = f->zones, .nr_zones = (unsigned int)snap->nr_zones};
	return f;
}

struct page_target_file *page_target_read(const char *path, struct err *e)
{
	struct page_target_file *f = NULL;
	struct snapshot snap = {0};
	size_t n;
	char *text = file_read(path, &n, e);

	if (!text)
		return NULL;
	if (!parse(path, text, n, &snap, e))
		f = make(&snap);
	free(snap.zones);
	free(text);
	return f;
}

const struct page_target *page_target_of(const struct page_target_file *f)
{
	return &f->target;
}

void page_target_close(struct page_target_file *f)
{
	if (f)
		free(f->zones);
	free(f);
}
