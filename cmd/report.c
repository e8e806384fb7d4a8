/*
 * kmemsim report: a page with plots.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cmd/cmd.h"
#include "lib/mem.h"
#include "reports/report.h"

static const char usage[] =
	"usage: kmemsim report results.db -o DIR [--label L]...\n"
	"\n"
	"Writes DIR/index.html, one page with every plot inside, and beside it the plots, their "
	"gnuplot\n"
	"scripts (DIR/plots) and data (DIR/data). An earlier report in DIR is replaced.\n"
	"\n"
	"  -o, --output DIR  where to\n"
	"  --label L         only runs of this label; the first one is the base of the "
	"comparison;\n"
	"                    may be repeated; default: all\n";

enum { OPT_LABEL = 256 };

static const struct option long_options[] = {{"output", required_argument, NULL, 'o'},
					     {"label", required_argument, NULL, OPT_LABEL},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};

struct arguments {
	const char *dir;
	const char **labels;
	size_t nr_labels;
	bool help;
};

static int arguments_read(struct arguments *a, int argc, char **argv)
{
	int option;

	while ((option = cmd_getopt(argc, argv, long_options)) != -1) {
		switch (option) {
		case 'o':
			a->dir = optarg;
			break;
		case OPT_LABEL:
			a->labels = mem_grow(a->labels, a->nr_labels + 2, sizeof(*a->labels));
			a->labels[a->nr_labels++] = optarg;
			a->labels[a->nr_labels] = NULL;
			break;
		case 'h':
			a->help = true;
			return 0;
		default:
			return EXIT_MISTAKE;
		}
	}
	if (optind == argc)
		return cmd_misused(argv[0], "which database?");
	if (optind + 1 < argc)
		return cmd_misused(argv[0], "one database at a time");
	return a->dir && *a->dir ? 0 : cmd_misused(argv[0], "where to? -o DIR is missing");
}

static int make_report(const struct arguments *a, char **argv)
{
	struct report_options options = {.dir = a->dir, .labels = a->labels};
	struct err e = {""};
	struct db *db = db_open(argv[optind], DB_READ, &e);
	int rc;

	if (!db)
		return cmd_fail(argv[0], &e);
	rc = report_write(db, &options, &e);
	db_close(db);
	return rc ? cmd_fail(argv[0], &e) : 0;
}

int cmd_report(int argc, char **argv)
{
	struct arguments a = {0};
	int rc = arguments_read(&a, argc, argv);

	if (!rc && a.help)
		cmd_usage(usage);
	else if (!rc)
		rc = make_report(&a, argv);
	free(a.labels);
	return rc;
}
