/*
 * kmemsim info: what a .kmt trace holds.
 */
#include "cmd/info.h"

#include <stdlib.h>
#include <string.h>

#include "cmd/cmd.h"
#include "lib/mem.h"
#include "lib/out.h"
#include "lib/units.h"
#include "traces/kmt.h"
#include "traces/kmt_check.h"
#include "traces/snapshots_load.h"

static const char usage[] = "usage: kmemsim info TRACE.kmt [--format text|json]\n"
			    "\n"
			    "What was recorded, what import made of it, and the caches in it.\n"
			    "\n"
			    "  --format FORMAT   text (default) or json\n";

/* How many caches the text names: the busiest. */
#define CACHES_SHOWN 20U

static void row(FILE *f, const char *name, u64 v, const char *help)
{
	char digits[32];

	count_grouped(v, digits, sizeof(digits));
	fprintf(f, "  %-34s %14s%s%s\n", name, digits, help ? "  " : "", help ? help : "");
}

static void print_origin(FILE *f, const struct source *s)
{
	const struct kmt_meta *m = kmt_meta(s);
	char size[32], span[32];
	double bytes = (double)kmt_file_bytes(s);

	size_human(bytes, size, sizeof(size));
	time_human((double)(m->stats.t_last_ns - m->stats.t_first_ns), span, sizeof(span));
	fprintf(f, "%s: .kmt version %d, %s, %.2f bytes a request\n", s->tables.name, KMT_VERSION,
		size, m->nr_requests ? bytes / (double)m->nr_requests : 0.0);
	if (m->source_name[0])
		fprintf(f, "  made of    %s (%s, content hash %016llx)\n", m->source_name,
			m->importer, (unsigned long long)m->source_hash);
	if (m->kernel[0])
		fprintf(f, "  recorded   %s\n", m->kernel);
	fprintf(f, "  CPUs       %u\n", m->nr_cpus);
	if (m->nr_nodes)
		fprintf(f, "  nodes      %u%s\n", m->nr_nodes,
			m->machine[0] ? " (the machine is in the file)" : " (assumed)");
	fprintf(f, "  time       %s, from %.9f s to %.9f s%s%s\n", span,
		(double)m->stats.t_first_ns / 1e9, (double)m->stats.t_last_ns / 1e9,
		m->clock[0] ? " of clock " : "", m->clock);
}

static int by_count(const void *va, const void *vb)
{
	const struct kmt_event_count *a = va;
	const struct kmt_event_count *b = vb;

	if (a->count != b->count)
		return a->count < b->count ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void print_events(FILE *f, const struct kmt_meta *m)
{
	struct kmt_event_count *sorted = mem_alloc(m->nr_events, sizeof(*sorted));

	fprintf(f, "\nEvents recorded\n");
	memcpy(sorted, m->events, m->nr_events * sizeof(*sorted));
	qsort(sorted, m->nr_events, sizeof(*sorted), by_count);
	row(f, "all", m->stats.nr_events, NULL);
	for (unsigned int i = 0; i < m->nr_events; i++)
		row(f, sorted[i].name, sorted[i].count, NULL);
	free(sorted);
}

static void print_stats(FILE *f, const struct kmt_meta *m)
{
	fprintf(f, m->nr_events ? "\nRequests made of them\n" : "\nRequests\n");
	row(f, "all", m->nr_requests, NULL);
	for (int k = 0; k < NR_REQUEST_KINDS; k++)
		if (m->requests[k])
			row(f, request_kind_names[k], m->requests[k], NULL);
	if (!m->nr_events) /* made up: nothing was found */
		return;
	fprintf(f, "\nWhat import found and did\n");
	for (const struct import_stat_desc *d = import_stat_table; d->name; d++) {
		u64 v = *import_stat((struct import_stats *)&m->stats, d);

		if (strncmp(d->name, "t_", 2) && strcmp(d->name, "nr_events") && (v || d->always))
			row(f, d->name, v, d->help);
	}
}

static const struct kmt_meta *sorting; /* qsort has no context */

static int by_use(const void *va, const void *vb)
{
	unsigned int a = *(const unsigned int *)va, b = *(const unsigned int *)vb;

	if (sorting->cache_use[a].allocs != sorting->cache_use[b].allocs)
		return sorting->cache_use[a].allocs < sorting->cache_use[b].allocs ? 1 : -1;
	return a < b ? -1 : a > b;
}

static void print_caches(FILE *f, const struct kmt_meta *m)
{
	static const struct out_column cols[] = {
		{"cache", OUT_STR},  {"object_size", OUT_INT}, {"size", OUT_INT},
		{"allocs", OUT_INT}, {"frees", OUT_INT},       {0},
	};
	unsigned int *order = mem_alloc(m->nr_caches, sizeof(*order));
	unsigned int shown = min(m->nr_caches, CACHES_SHOWN);
	struct out o;

	for (unsigned int i = 0; i < m->nr_caches; i++)
		order[i] = i;
	sorting = m;
	qsort(order, m->nr_caches, sizeof(*order), by_use);
	fprintf(f, "\nCaches: %u", m->nr_caches);
	fprintf(f, shown < m->nr_caches ? ", the busiest %u (all: --format json)\n" : "\n", shown);
	out_begin(&o, f, OUT_TEXT, cols);
	for (unsigned int i = 0; i < shown; i++) {
		out_str(&o, m->caches[order[i]].name);
		out_int(&o, m->caches[order[i]].object_size);
		out_int(&o, m->caches[order[i]].size);
		out_int(&o, (s64)m->cache_use[order[i]].allocs);
		out_int(&o, (s64)m->cache_use[order[i]].frees);
		out_row_end(&o);
	}
	out_end(&o);
	free(order);
}

static void print_snapshots(FILE *f, const struct source *s, const struct snapshots *snaps)
{
	char size[32];

	size_human((double)kmt_section_bytes(s, KMT_SECTION_SNAPSHOTS), size, sizeof(size));
	fprintf(f, "  snapshots  ");
	for (size_t i = 0; i < snaps->nr_snaps; i++)
		fprintf(f, "%s%s", i ? ", " : "", snaps->snaps[i].label);
	fprintf(f, " (%s of the file)\n", size);
}

void info_print_text(FILE *f, const struct source *s, const struct snapshots *snaps)
{
	const struct kmt_meta *m = kmt_meta(s);

	print_origin(f, s);
	if (snaps)
		print_snapshots(f, s, snaps);
	if (m->nr_events)
		print_events(f, m);
	print_stats(f, m);
	print_caches(f, m);
}

static void json_text(FILE *f, const char *key, const char *text)
{
	fprintf(f, "  \"%s\": ", key);
	if (text[0])
		json_string(f, text);
	else
		fputs("null", f);
	fputs(",\n", f);
}

static void json_u64(FILE *f, const char *key, u64 v)
{
	fprintf(f, "  \"%s\": %llu,\n", key, (unsigned long long)v);
}

static void json_counts(FILE *f, const struct kmt_meta *m)
{
	fprintf(f, "  \"events\": {");
	for (unsigned int i = 0; i < m->nr_events; i++) {
		fprintf(f, "%s\n    ", i ? "," : "");
		json_string(f, m->events[i].name);
		fprintf(f, ": %llu", (unsigned long long)m->events[i].count);
	}
	fprintf(f, "\n  },\n  \"requests\": {");
	for (int k = 0; k < NR_REQUEST_KINDS; k++)
		fprintf(f, "%s\n    \"%s\": %llu", k ? "," : "", request_kind_names[k],
			(unsigned long long)m->requests[k]);
	fprintf(f, "\n  },\n");
}

static void json_snapshots(FILE *f, const struct snapshots *snaps)
{
	fprintf(f, "  \"snapshots\": [");
	for (size_t i = 0; snaps && i < snaps->nr_snaps; i++) {
		fprintf(f, "%s", i ? ", " : "");
		json_string(f, snaps->snaps[i].label);
	}
	fprintf(f, "],\n");
}

static void json_caches(FILE *f, const struct kmt_meta *m)
{
	fprintf(f, "  \"caches\": [");
	for (unsigned int i = 0; i < m->nr_caches; i++) {
		const struct source_cache *c = &m->caches[i];

		fprintf(f, "%s\n    {\"name\": ", i ? "," : "");
		json_string(f, c->name);
		fprintf(f,
			", \"object_size\": %u, \"size\": %u, \"align\": %u, \"kmalloc\": %s, "
			"\"reclaimable\": %s, \"allocs\": %llu, \"frees\": %llu}",
			c->object_size, c->size, c->align, c->kmalloc ? "true" : "false",
			c->reclaimable ? "true" : "false",
			(unsigned long long)m->cache_use[i].allocs,
			(unsigned long long)m->cache_use[i].frees);
	}
	fprintf(f, "\n  ]\n");
}

static void info_print_json(FILE *f, const struct source *s, const struct snapshots *snaps)
{
	const struct kmt_meta *m = kmt_meta(s);
	char text[32];

	fprintf(f, "{\n  \"format\": \"kmt/%d\",\n", KMT_VERSION);
	json_text(f, "source", m->source_name);
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)m->source_hash);
	json_text(f, "source_hash", text);
	json_text(f, "importer", m->importer);
	json_text(f, "kernel", m->kernel);
	json_text(f, "clock", m->clock);
	json_text(f, "machine", m->machine);
	json_u64(f, "file_bytes", kmt_file_bytes(s));
	json_u64(f, "cpus", m->nr_cpus);
	json_u64(f, "nodes", m->nr_nodes);
	json_u64(f, "duration_ns", m->duration_ns);
	json_u64(f, "nr_requests", m->nr_requests);
	json_u64(f, "nr_objects_max", m->nr_objects_max);
	for (const struct import_stat_desc *d = import_stat_table; d->name; d++)
		json_u64(f, d->name, *import_stat((struct import_stats *)&m->stats, d));
	json_counts(f, m);
	json_snapshots(f, snaps);
	json_caches(f, m);
	fprintf(f, "}\n");
}

/* Reads every block: what is shown is of a trace that can be replayed. */
static int show(const char *path, enum out_format format, struct err *e)
{
	struct source *s = kmt_open(path, e);
	struct snapshots snaps = {0};
	char *warning = NULL;
	int ret, has = 0;

	if (!s)
		return -1;
	ret = kmt_check(s, e);
	if (!ret)
		ret = has = snapshots_of_load(&snaps, s, NULL, &warning, e);
	if (ret >= 0 && format == OUT_JSON)
		info_print_json(stdout, s, has ? &snaps : NULL);
	else if (ret >= 0)
		info_print_text(stdout, s, has ? &snaps : NULL);
	free(warning);
	snapshots_close(&snaps);
	s->ops->close(s);
	return ret < 0 ? -1 : 0;
}

static int set(void *arg, int option, const char *text, struct err *e)
{
	enum out_format *format = arg;

	(void)option; /* there is but one */
	if (out_format_parse(text, format, e) || *format == OUT_CSV)
		return err_set(e, "--format '%s': write text or json", text);
	return 0;
}

int cmd_info(int argc, char **argv)
{
	static const struct option table[] = {
		{"format", required_argument, NULL, 'f'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	static const struct cmd_options options = {table, 'h', usage, set};
	enum out_format format = OUT_TEXT;
	struct err e;
	int ret = cmd_options(argc, argv, &options, &format);

	if (ret >= 0)
		return ret;
	if (argc - optind != 1)
		return cmd_misused("info", "give one .kmt trace");
	return show(argv[optind], format, &e) ? cmd_fail("info", &e) : 0;
}
