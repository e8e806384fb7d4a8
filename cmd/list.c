/*
 * kmemsim list: what there is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/stack.h"
#include "cmd/cmd.h"
#include "cmd/configs.h"
#include "lib/file.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "lib/suggest.h"
#include "lib/units.h"
#include "lib/yaml.h"
#include "reports/runs.h"
#include "sim/fragment.h"
#include "sim/machine_config.h"
#include "sim/sink.h"
#include "traces/importer.h"
#include "workloads/generator.h"

struct list_args {
	enum out_format format;
	const char *db;
};

/* One string for each column. */
#define ROW(o, ...) row((o), (const char *const[]){__VA_ARGS__, NULL})

static void row(struct out *o, const char *const *cells)
{
	for (; *cells; cells++)
		out_str(o, *cells);
	out_row_end(o);
}

static const struct out_column name_columns[] = {{"name", OUT_STR}, {"summary", OUT_STR}, {0}};
static const struct out_column file_columns[] = {
	{"name", OUT_STR}, {"file", OUT_STR}, {"summary", OUT_STR}, {0}};

static int list_allocators(const struct list_args *a, struct err *e)
{
	static const struct out_column cols[] = {
		{"name", OUT_STR}, {"kind", OUT_STR}, {"role", OUT_STR}, {"summary", OUT_STR}, {0},
	};
	struct out o;

	(void)e;
	out_begin(&o, stdout, a->format, cols);
	for (const struct allocator_desc *d = allocator_first(); d; d = d->next) {
		ROW(&o, d->name, allocator_kind_names[d->kind],
		    d->role == ROLE_SOURCE ? "source" : "layer", d->summary);
	}
	out_end(&o);
	return 0;
}

static int list_importers(const struct list_args *a, struct err *e)
{
	struct out o;

	(void)e;
	out_begin(&o, stdout, a->format, name_columns);
	for (const struct importer *im = importer_first(); im; im = im->next) {
		ROW(&o, im->name, im->summary);
	}
	out_end(&o);
	return 0;
}

static int list_generators(const struct list_args *a, struct err *e)
{
	struct out o;

	(void)e;
	out_begin(&o, stdout, a->format, name_columns);
	for (const struct generator *g = generator_first(); g; g = g->next) {
		ROW(&o, g->name, g->summary);
	}
	out_end(&o);
	return 0;
}

static int list_fragmenters(const struct list_args *a, struct err *e)
{
	struct out o;

	(void)e;
	out_begin(&o, stdout, a->format, name_columns);
	for (const struct fragmenter *f = fragmenter_first(); f; f = f->next) {
		ROW(&o, f->name, f->summary);
	}
	out_end(&o);
	return 0;
}

static int list_metrics(const struct list_args *a, struct err *e)
{
	static const struct out_column cols[] = {
		{"name", OUT_STR},
		{"unit", OUT_STR},
		{"better", OUT_STR},
		{"summary", OUT_STR},
		{0},
	};
	static const char *const better[] = {"lower", "higher", "neither"};
	struct out o;

	(void)e;
	out_begin(&o, stdout, a->format, cols);
	for (const struct metric_desc *m = metrics; m->name; m++) {
		ROW(&o, m->name, m->unit, better[m->better], m->summary);
	}
	out_end(&o);
	return 0;
}

static void machine_row(struct out *o, const char *file, const struct machine_config *m)
{
	char summary[160], memory[32];
	u64 bytes = 0;

	for (unsigned int nid = 0; nid < m->nr_nodes; nid++)
		bytes += m->nodes[nid].memory;
	size_print(bytes, memory, sizeof(memory));
	snprintf(summary, sizeof(summary), "%u node%s, %s, %u CPU%s, HZ %u", m->nr_nodes,
		 m->nr_nodes == 1 ? "" : "s", memory, m->nr_cpus, m->nr_cpus == 1 ? "" : "s",
		 m->hz);
	ROW(o, m->name, file, summary);
}

static int list_machines(const struct list_args *a, struct err *e)
{
	struct configs found;
	struct machine_config *m = mem_alloc(1, sizeof(*m));
	struct out o;
	int ret = configs_find(&found, "machine/1", e);

	if (ret) {
		free(m);
		return ret;
	}
	out_begin(&o, stdout, a->format, file_columns);
	for (size_t i = 0; i < found.nr && !ret; i++) {
		ret = machine_config_load(m, found.paths[i], e);
		if (!ret)
			machine_row(&o, found.paths[i], m);
	}
	if (!found.nr) {
		machine_config_default(m);
		machine_row(&o, "(built in)", m);
	}
	out_end(&o);
	configs_free(&found);
	free(m);
	return ret;
}

static const char *text_of(const struct yaml_node *map, const char *key, const char *fallback)
{
	const struct yaml_node *n = yaml_get(map, key);

	return !n ? fallback : yaml_is_scalar(n) ? yaml_text(n, NULL) : "?";
}

static void stack_rows(struct out *o, const char *file, const struct yaml_node *root)
{
	const struct yaml_node *stacks = yaml_get(root, "stacks");
	char summary[512];

	for (size_t i = 0; stacks && yaml_is_mapping(stacks) && i < yaml_count(stacks); i++) {
		const struct yaml_node *s = yaml_value(stacks, i);
		const char *store = text_of(s, "store", STACK_NO_STORE);
		bool stores = strcmp(store, STACK_NO_STORE) != 0;

		snprintf(summary, sizeof(summary), "pages %s, slab %s%s%s",
			 text_of(s, "pages", "page_allocator"), text_of(s, "slab", "slabifier"),
			 stores ? ", store " : "", stores ? store : "");
		ROW(o, yaml_key(stacks, i), file, summary);
	}
}

/* The command is `kmemsim run FILE`. */
static void experiment_row(struct out *o, const char *file, const struct yaml_node *root)
{
	const char *base = file_base(file);
	char *name = mem_dup_n(base, strcspn(base, "."));

	ROW(o, name, file, text_of(root, "description", ""));
	free(name);
}

/* As the files say it; whether that makes sense is for `run` to find out. */
static int list_of_experiments(const struct list_args *a,
			       void (*rows)(struct out *o, const char *file,
					    const struct yaml_node *root),
			       struct err *e)
{
	struct configs found;
	struct out o;

	if (configs_find(&found, "experiment/1", e))
		return -1;
	out_begin(&o, stdout, a->format, file_columns);
	for (size_t i = 0; i < found.nr; i++) {
		struct yaml_file *f = yaml_open(found.paths[i], e);

		if (f)
			rows(&o, found.paths[i], yaml_top(f));
		yaml_close(f);
	}
	out_end(&o);
	configs_free(&found);
	return 0;
}

static int list_stacks(const struct list_args *a, struct err *e)
{
	return list_of_experiments(a, stack_rows, e);
}

static int list_experiments(const struct list_args *a, struct err *e)
{
	return list_of_experiments(a, experiment_row, e);
}

static int list_runs(const struct list_args *a, struct err *e)
{
	struct db *db = db_open(a->db, DB_READ, e);
	int ret;

	if (!db)
		return -1;
	ret = runs_print(db, stdout, a->format, e);
	db_close(db);
	return ret;
}

static const struct list {
	const char *name;
	int (*show)(const struct list_args *a, struct err *e);
} lists[] = {
	{"allocators", list_allocators},   {"generators", list_generators},
	{"importers", list_importers},	   {"metrics", list_metrics},
	{"machines", list_machines},	   {"stacks", list_stacks},
	{"experiments", list_experiments}, {"runs", list_runs},
	{"fragmenters", list_fragmenters},
};

static const char usage[] = "usage: kmemsim list WHAT [--format text|csv|json] [--db FILE]\n"
			    "  allocators   what stacks are made of\n"
			    "  generators   kinds of jobs in workloads\n"
			    "  fragmenters  ways to bring memory into a state before the load\n"
			    "  importers    kinds of recorded traces\n"
			    "  metrics      the figures of a run\n"
			    "  machines     machine files in configs/\n"
			    "  stacks       stacks of the experiments in configs/\n"
			    "  experiments  in configs/; `kmemsim run FILE` runs one\n"
			    "  runs         what --db holds (default results.db)\n";

static int show(const char *what, const struct list_args *a)
{
	const char *names[ARRAY_SIZE(lists) + 1] = {0}, *near;
	struct err e;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		names[i] = lists[i].name;
		if (!strcmp(what, lists[i].name))
			return lists[i].show(a, &e) ? cmd_fail("list", &e) : 0;
	}
	near = suggest_nearest(what, names);
	if (near)
		err_set(&e, "there is no list of '%s': did you mean '%s'?", what, near);
	else
		err_set(&e, "there is no list of '%s'", what);
	return cmd_misused("list", e.msg);
}

static int set(void *arg, int option, const char *text, struct err *e)
{
	struct list_args *a = arg;

	if (option == 'f')
		return out_format_parse(text, &a->format, e) ? err_prefix(e, "--format") : 0;
	a->db = text;
	return 0;
}

int cmd_list(int argc, char **argv)
{
	static const struct option table[] = {
		{"format", required_argument, NULL, 'f'},
		{"db", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static const struct cmd_options options = {table, 'h', usage, set};
	struct list_args a = {.format = OUT_TEXT, .db = "results.db"};
	int ret = cmd_options(argc, argv, &options, &a);

	if (ret >= 0)
		return ret;
	if (argc - optind != 1)
		return cmd_misused("list", "say what to list");
	return show(argv[optind], &a);
}
