/*
 * kmemsim compare: two stacks beside each other.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lib/mem.h"
#include "reports/compare.h"

static const char usage[] =
	"usage: kmemsim compare results.db [BASE NEW...] [--metric GLOB] [--layer whole|each]\n"
	"                       [--format text|csv|json] [--fail-on 'METRIC>+5%']...\n"
	"\n"
	"Prints every figure of every load for the stacks labelled NEW beside BASE: value, "
	"difference,\n"
	"better or worse; then the caches whose slabs changed most. Without labels, the first one\n"
	"stored is the base, the others are new.\n"
	"\n"
	"Where seeds change the figures (made-up loads): pairs of equal load and seed; medians, "
	"the\n"
	"median difference with its 95 % bootstrap interval, p of Wilcoxon's signed ranks (exact "
	"up\n"
	"to 50 pairs, none below 6), '~' where p >= 0.05, '*' where p < 0.05 after Holm's "
	"correction\n"
	"over the figures of its table. Where they change nothing (recorded loads) the difference "
	"is "
	"exact.\n"
	"\n"
	"  --metric GLOB    only these metrics, such as 'alloc_latency_*'\n"
	"  --layer each     layer by layer too; default: the whole stack\n"
	"  --format FORMAT  text (default), csv or json\n"
	"  --fail-on EXPR   exit 1 if a difference goes beyond: 'slab_bytes_max>+5%', "
	"'nr_failed>0',\n"
	"                   'held_bytes_max>+1MiB', 'alloc_latency_*<-10%';\n"
	"                   may be repeated; over several seeds the median difference counts, "
	"detected\n"
	"                   or not\n";

enum { OPT_METRIC = 256, OPT_LAYER, OPT_FORMAT, OPT_FAIL_ON };

static const struct option long_options[] = {{"metric", required_argument, NULL, OPT_METRIC},
					     {"layer", required_argument, NULL, OPT_LAYER},
					     {"format", required_argument, NULL, OPT_FORMAT},
					     {"fail-on", required_argument, NULL, OPT_FAIL_ON},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};

struct arguments {
	struct compare_options options;
	const char **fail_on;
	size_t nr_fail_on;
};

static int layer_set(struct arguments *a, const char *text, struct err *e)
{
	a->options.labels.each_layer = !strcmp(text, "each");
	if (!a->options.labels.each_layer && strcmp(text, "whole"))
		return err_set(e, "--layer '%s': write whole or each", text);
	return 0;
}

static int set(void *arg, int option, const char *text, struct err *e)
{
	struct arguments *a = arg;

	switch (option) {
	case OPT_METRIC:
		a->options.metric = text;
		return 0;
	case OPT_LAYER:
		return layer_set(a, text, e);
	case OPT_FORMAT:
		return out_format_parse(text, &a->options.format, e);
	default:
		a->fail_on = mem_grow(a->fail_on, a->nr_fail_on + 2, sizeof(*a->fail_on));
		a->fail_on[a->nr_fail_on++] = text;
		a->fail_on[a->nr_fail_on] = NULL;
		return 0;
	}
}

static int compare_run(struct arguments *a, int argc, char **argv, struct err *e)
{
	struct db *db;
	int rc;

	if (optind + 1 < argc) {
		a->options.labels.base = argv[optind + 1];
		a->options.labels.news = (const char *const *)argv + optind + 2;
	}
	a->options.fail_on = a->fail_on;
	db = db_open(argv[optind], DB_READ, e);
	if (!db)
		return -1;
	rc = compare_print(db, &a->options, stdout, stderr, e);
	db_close(db);
	return rc;
}

int cmd_compare(int argc, char **argv)
{
	static const struct cmd_options how = {long_options, 'h', usage, set};
	struct arguments a = {.options = {.format = OUT_TEXT}};
	struct err e = {""};
	int rc = cmd_options(argc, argv, &how, &a);

	if (rc < 0 && optind == argc) {
		rc = cmd_misused(argv[0], "which database?");
	} else if (rc < 0) {
		rc = compare_run(&a, argc, argv, &e);
		if (rc < 0)
			rc = cmd_fail(argv[0], &e);
	}
	free(a.fail_on);
	return rc;
}
