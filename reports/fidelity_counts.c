/*
 * Fidelity beside the scores.
 *
 * Theory: scores say how far two machines are apart, counts why. What only one side counts is shown
 * too: a reader of traces knows events, a simulator its locks.
 */
#include "reports/fidelity_counts.h"

#include "lib/out.h"

bool fidelity_counted(const struct fidelity *f, size_t i)
{
	return i && f->snaps[i].counts_file && f->snaps[i - 1].counts_file;
}

/* ---- Text ---- */

static void print_pair(FILE *out, int width, const char *recorded, const char *simulated)
{
	char text[64];

	snprintf(text, sizeof(text), "%s/%s", recorded, simulated);
	fprintf(out, " %*s", width, text);
}

static void number(char text[24], bool has, u64 v)
{
	if (has)
		snprintf(text, 24, "%llu", (unsigned long long)v);
	else
		snprintf(text, 24, "-");
}

/* Types come zone by zone, PROC_TYPES of each. */
void fidelity_print_types(FILE *out, const struct fidelity *f)
{
	if (!f->nr_types)
		return;
	fprintf(out, "\nPageblocks by type: recorded/simulated\n%-18s %-10s", "", "");
	for (int t = 0; t < PROC_TYPES; t++)
		fprintf(out, " %12s", proc_type_names[t]);
	fputc('\n', out);
	for (size_t i = 0; i < f->nr_snaps; i++) {
		for (size_t k = 0; f->snaps[i].has_free && k < f->nr_types; k++) {
			const struct fidelity_item *t = &f->types[k];
			char r[24], s[24];

			if (!t->type)
				fprintf(out, "%-18s %d/%-8s", f->snaps[i].label, t->node, t->zone);
			number(r, true, t->at[i].recorded_count);
			number(s, true, t->at[i].simulated_count);
			print_pair(out, 12, r, s);
			if (t->type == PROC_TYPES - 1)
				fputc('\n', out);
		}
	}
}

static bool counted_anything(const struct fidelity *f, const struct fidelity_item *c)
{
	for (size_t i = 1; i < f->nr_snaps; i++)
		if (fidelity_counted(f, i) &&
		    (fidelity_since(c, i, true) || fidelity_since(c, i, false)))
			return true;
	return false;
}

static void print_count(FILE *out, const struct fidelity *f, const struct fidelity_item *c)
{
	fprintf(out, "\n%-40s", c->name);
	for (size_t i = 1; i < f->nr_snaps; i++) {
		char r[24], s[24];

		if (!fidelity_counted(f, i))
			continue;
		number(r, c->has_recorded, fidelity_since(c, i, true));
		number(s, c->has_simulated, fidelity_since(c, i, false));
		print_pair(out, 18, r, s);
	}
}

void fidelity_print_counts(FILE *out, const struct fidelity *f)
{
	bool any = false;

	for (size_t i = 1; i < f->nr_snaps; i++)
		any |= fidelity_counted(f, i);
	if (!any || !f->nr_counts)
		return;
	fprintf(out,
		"\nCounted since the snapshot before: recorded/simulated; -: not counted there.\n"
		"A replay reclaims nothing: what was reclaimed is among the recorded frees.\n%-40s",
		"");
	for (size_t i = 1; i < f->nr_snaps; i++)
		if (fidelity_counted(f, i))
			fprintf(out, " %18s", f->snaps[i].label);
	for (size_t k = 0; k < f->nr_counts; k++)
		if (counted_anything(f, &f->counts[k]))
			print_count(out, f, &f->counts[k]);
	fputc('\n', out);
}

/* ---- JSON ---- */

void fidelity_json_types(FILE *out, const struct fidelity *f, size_t i)
{
	fputs("      \"pageblocks\": [", out);
	for (size_t k = 0; f->snaps[i].has_free && k < f->nr_types; k++) {
		const struct fidelity_item *t = &f->types[k];

		fprintf(out, "%s\n        {\"node\": %d, \"zone\": ", k ? "," : "", t->node);
		json_string(out, t->zone);
		fprintf(out,
			", \"type\": \"%s\", \"recorded_blocks\": %llu, \"simulated_blocks\": "
			"%llu}",
			proc_type_names[t->type], (unsigned long long)t->at[i].recorded_count,
			(unsigned long long)t->at[i].simulated_count);
	}
	fputs("\n      ],\n", out);
}

static void json_number(FILE *out, const char *key, bool has, u64 v)
{
	if (has)
		fprintf(out, ", \"%s\": %llu", key, (unsigned long long)v);
	else
		fprintf(out, ", \"%s\": null", key);
}

void fidelity_json_counts(FILE *out, const struct fidelity *f, size_t i)
{
	fputs("      \"counts\": [", out);
	for (size_t k = 0; fidelity_counted(f, i) && k < f->nr_counts; k++) {
		const struct fidelity_item *c = &f->counts[k];

		fprintf(out, "%s\n        {\"name\": ", k ? "," : "");
		json_string(out, c->name);
		json_number(out, "recorded", c->has_recorded, fidelity_since(c, i, true));
		json_number(out, "simulated", c->has_simulated, fidelity_since(c, i, false));
		fputc('}', out);
	}
	fputs("\n      ],\n", out);
}
