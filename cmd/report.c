/*
 * kmemsim report: a page with plots.
 */
#include <stdlib.h>

#include "cmd/cmd.h"
#include "lib/mem.h"
#include "reports/report.h"

static const char usage[] =
	"usage: kmemsim report results.db -o DIR [--label L]... [--page-only]\n"
	"\n"
	"Writes DIR/index.html, one page with everything inside: plots, films of the memory map, "
	"tables "
	"that\n"
	"sort and filter. It opens from disk, without a network. Beside it: each plot as SVG, PNG "
	"and PDF "
	"with\n"
	"the gnuplot script that draws it (DIR/plots), and all data as CSV (DIR/data). Several "
	"seeds of a "
	"stack\n"
	"are drawn as their median with a band. An earlier report in DIR is replaced.\n"
	"\n"
	"  -o, --output DIR  where to\n"
	"  --label L         only runs of this label; the first one is the base of the "
	"comparison;\n"
	"                    may be repeated; default: all\n"
	"  --page-only       no PNG and no PDF: faster\n";

enum { OPT_LABEL = 256, OPT_PAGE_ONLY };

static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
					     {"label", required_argument, NULL, OPT_LABEL},
					     {"page-only", no_argument, NULL, OPT_PAGE_ONLY},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};

struct arguments {
	const char *dir;
	const char **labels;
	size_t nr_labels;
	bool page_only;
};

static int set(void *arg, int option, const char *text, struct err *e)
{
	struct arguments *a = arg;

	(void)e;
	switch (option) {
	case 'o':
		a->dir = text;
		return 0;
	case OPT_LABEL:
		a->labels = mem_grow(a->labels, a->nr_labels + 2, sizeof(*a->labels));
		a->labels[a->nr_labels++] = text;
		a->labels[a->nr_labels] = NULL;
		return 0;
	default:
		a->page_only = true;
		return 0;
	}
}

static int make_report(const struct arguments *a, char **argv)
{
	struct report_options options = {
		.dir = a->dir, .labels = a->labels, .page_only = a->page_only};
	struct err e = {""};
	struct db *db = db_open(argv[optind], DB_READ, &e);
	int rc;

	if (!db)
		return cmd_fail(argv[0], &e);
	rc = report_write(db, &options, &e);
	db_close(db);
	return rc ? cmd_fail(argv[0], &e) : 0;
}

static int report_made(const struct arguments *a, int argc, char **argv)
{
	if (optind == argc)
		return cmd_misused(argv[0], "which database?");
	if (optind + 1 < argc)
		return cmd_misused(argv[0], "one database at a time");
	if (!a->dir || !*a->dir)
		return cmd_misused(argv[0], "where to? -o DIR is missing");
	return make_report(a, argv);
}

int cmd_report(int argc, char **argv)
{
	static const struct cmd_options how = {long_options, 'h', usage, set};
	struct arguments a = {0};
	int rc = cmd_options(argc, argv, &how, &a);

	if (rc < 0)
		rc = report_made(&a, argc, argv);
	free(a.labels);
	return rc;
}
