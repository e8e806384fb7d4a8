/*
 * Fidelity for people and for programs.
 */
#include "reports/fidelity_print.h"

#include <math.h>
#include <string.h>

#include "lib/out.h"
#include "reports/fidelity_counts.h"
#include "reports/fidelity_store.h"

#define WORST_SHOWN 10

/* ---- Text ---- */

static void print_score(FILE *out, double score)
{
	if (isnan(score))
		fprintf(out, " %8s", "-");
	else
		fprintf(out, " %8.4f", score);
}

static void print_scores(FILE *out, const char *what, const struct fidelity_scores *s)
{
	fprintf(out, "%-18s", what);
	for (int k = 0; k < NR_SNAPSHOT_SCORES; k++) {
		fputs(k && k % 2 == 0 ? "   " : "", out);
		print_score(out, s->score[k]);
	}
	fputc('\n', out);
}

static void print_start(FILE *out, const struct fidelity_start *start)
{
	const struct fidelity *f = start->f;
	size_t seen = 0;

	for (size_t i = 0; i < f->nr_snaps; i++)
		seen += f->snaps[i].has_slabs;
	fprintf(out, "%s start, %zu snapshots, %zu caches with activity\n\n", start->name, seen,
		f->nr_caches);
	fprintf(out, "%-18s %17s   %17s   %17s\n", "", "slab_change_error", "slab_error",
		"free_error");
	fprintf(out, "%-18s %8s %8s   %8s %8s   %8s %8s\n", "snapshot", "", "idle", "", "idle", "",
		"idle");
	for (size_t i = 1; i < f->nr_snaps; i++)
		print_scores(out, f->snaps[i].label, &f->snaps[i].scores);
	print_scores(out, "pooled", &f->pooled);
	fidelity_print_store_score(out, f);
	fputc('\n', out);
}

static void print_pair(FILE *out, int width, u64 recorded, u64 simulated)
{
	char text[48];

	snprintf(text, sizeof(text), "%llu/%llu", (unsigned long long)recorded,
		 (unsigned long long)simulated);
	fprintf(out, " %*s", width, text);
}

static int label_width(const struct fidelity *f)
{
	int width = 9;

	for (size_t i = 0; i < f->nr_snaps; i++)
		width = max(width, (int)strlen(f->snaps[i].label));
	return width;
}

static void print_worst(FILE *out, const struct fidelity *f)
{
	const struct fidelity_item *worst[WORST_SHOWN];
	size_t nr = fidelity_worst(f, worst, WORST_SHOWN);
	u64 sum = fidelity_error_sum(f);
	int width = label_width(f);

	if (!nr)
		return;
	fprintf(out,
		"Caches with the largest share of slab_change_error: slabs, "
		"recorded/simulated\n%-22s %6s",
		"", "share");
	for (size_t i = 0; i < f->nr_snaps; i++)
		if (f->snaps[i].has_slabs)
			fprintf(out, " %*s", width, f->snaps[i].label);
	for (size_t k = 0; k < nr; k++) {
		fprintf(out, "\n%-22s %4.1f %%", worst[k]->name,
			100 * (double)worst[k]->error / (double)sum);
		for (size_t i = 0; i < f->nr_snaps; i++)
			if (f->snaps[i].has_slabs)
				print_pair(out, width, worst[k]->at[i].recorded_count,
					   worst[k]->at[i].simulated_count);
	}
	fputs("\n\n", out);
}

/* Areas come zone by zone, PROC_ORDERS of each. */
static void print_free(FILE *out, const struct fidelity *f)
{
	if (!f->nr_areas)
		return;
	fprintf(out, "Free blocks by zone and order: recorded/simulated\n%-18s %-10s", "", "");
	for (int o = 0; o < PROC_ORDERS; o++)
		fprintf(out, " %9d", o);
	fputc('\n', out);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		for (size_t k = 0; f->snaps[i].has_free && k < f->nr_areas; k++) {
			const struct fidelity_item *a = &f->areas[k];

			if (!a->order)
				fprintf(out, "%-18s %d/%-8s", f->snaps[i].label, a->node, a->zone);
			print_pair(out, 9, a->at[i].recorded_count, a->at[i].simulated_count);
			if (a->order == PROC_ORDERS - 1)
				fputc('\n', out);
		}
	}
}

static void print_unknown(FILE *out, const struct fidelity *f)
{
	if (!f->nr_unknown)
		return;
	fprintf(out, "In the trace, but in no slabinfo, and therefore in no score:");
	for (size_t i = 0; i < f->nr_unknown; i++)
		fprintf(out, "%s %s", i ? "," : "", f->unknown[i]);
	fputs("\n\n", out);
}

void fidelity_print_text(FILE *out, const struct fidelity_start *starts, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		print_start(out, &starts[i]);
	print_unknown(out, starts[0].f);
	print_worst(out, starts[0].f);
	print_free(out, starts[0].f);
	fidelity_print_types(out, starts[0].f);
	fidelity_print_counts(out, starts[0].f);
	fidelity_print_store(out, starts[0].f);
}

/* ---- JSON ---- */

static void json_scores(FILE *out, const char *indent, const struct fidelity_scores *s, int nr)
{
	for (int k = 0; k < nr; k++) {
		fprintf(out, "%s\"%s\": ", indent, fidelity_score_names[k]);
		if (isnan(s->score[k]))
			fputs("null,\n", out);
		else
			fprintf(out, "%.12g,\n", s->score[k]);
	}
}

static void json_value(FILE *out, const char *unit, const char *count,
		       const struct fidelity_value *v)
{
	fprintf(out,
		", \"recorded_%s\": %llu, \"simulated_%s\": %llu, \"recorded_%s\": %llu, "
		"\"simulated_%s\": %llu}",
		count, (unsigned long long)v->recorded_count, count,
		(unsigned long long)v->simulated_count, unit, (unsigned long long)v->recorded, unit,
		(unsigned long long)v->simulated);
}

static void json_caches(FILE *out, const struct fidelity *f, size_t i)
{
	fputs("      \"caches\": [", out);
	for (size_t k = 0; f->snaps[i].has_slabs && k < f->nr_caches; k++) {
		fprintf(out, "%s\n        {\"name\": ", k ? "," : "");
		json_string(out, f->caches[k].name);
		json_value(out, "bytes", "slabs", &f->caches[k].at[i]);
	}
	fputs("\n      ],\n", out);
}

static void json_free(FILE *out, const struct fidelity *f, size_t i)
{
	fputs("      \"free\": [", out);
	for (size_t k = 0; f->snaps[i].has_free && k < f->nr_areas; k++) {
		const struct fidelity_item *a = &f->areas[k];

		fprintf(out, "%s\n        {\"node\": %d, \"zone\": ", k ? "," : "", a->node);
		json_string(out, a->zone);
		fprintf(out, ", \"order\": %d", a->order);
		json_value(out, "pages", "blocks", &a->at[i]);
	}
	fputs("\n      ]\n", out);
}

static void json_snapshots(FILE *out, const struct fidelity *f)
{
	fputs("  \"snapshots\": [", out);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		fprintf(out, "%s\n    {\n      \"label\": ", i ? "," : "");
		json_string(out, f->snaps[i].label);
		fprintf(out, ",\n      \"t_ns\": %llu,\n", (unsigned long long)f->snaps[i].t_ns);
		json_scores(out, "      ", &f->snaps[i].scores, NR_SNAPSHOT_SCORES);
		json_caches(out, f, i);
		fidelity_json_types(out, f, i);
		fidelity_json_counts(out, f, i);
		json_free(out, f, i);
		fputs("    }", out);
	}
	fputs("\n  ]\n", out);
}

static void json_names(FILE *out, const char *key, char *const *names, size_t nr)
{
	fprintf(out, "  \"%s\": [", key);
	for (size_t i = 0; i < nr; i++) {
		fputs(i ? ", " : "", out);
		json_string(out, names[i]);
	}
	fputs("],\n", out);
}

void fidelity_print_json(FILE *out, const struct fidelity_start *starts, size_t nr)
{
	const struct fidelity *f = starts[0].f;
	int nr_scores = f->nr_store ? NR_FIDELITY_SCORES : NR_SNAPSHOT_SCORES;

	fputs("{\n", out);
	json_scores(out, "  ", &f->pooled, nr_scores);
	fputs("  \"start\": ", out);
	json_string(out, starts[0].name);
	fputs(",\n", out);
	for (size_t i = 1; i < nr; i++) {
		fputs("  ", out);
		json_string(out, starts[i].name);
		fputs(": {\n", out);
		json_scores(out, "    ", &starts[i].f->pooled, nr_scores);
		fprintf(out, "    \"nr_snapshots\": %zu\n  },\n", starts[i].f->nr_snaps);
	}
	json_names(out, "unknown_caches", f->unknown, f->nr_unknown);
	fidelity_json_store(out, f);
	json_snapshots(out, f);
	fputs("}\n", out);
}
