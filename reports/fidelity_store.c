/*
 * Fidelity of a store of compressed pages.
 *
 * Theory: how much memory a store takes for the same objects is what tells stores apart; what it
 * was asked to store must be the same on both sides, or the load is not the recorded one.
 *
 * Invariant: a reading without memory on the recorded side is in no score: there is nothing to
 * divide by.
 */
#include "reports/fidelity_store.h"

#include <math.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/out.h"

const char *const fidelity_store_names[NR_FIDELITY_STORE] = {
	[FIDELITY_MEM_USED_TOTAL] = "mem_used_total",
	[FIDELITY_COMPR_DATA_SIZE] = "compr_data_size",
	[FIDELITY_PAGES_COMPACTED] = "pages_compacted",
};

struct fidelity_store *fidelity_store_add(struct fidelity *f, const char *label, const char *mark)
{
	f->store = mem_grow(f->store, f->nr_store + 1, sizeof(*f->store));
	f->store[f->nr_store] = (struct fidelity_store){
		.label = mem_dup(label), .mark = mem_dup(mark), .error = NAN};
	return &f->store[f->nr_store++];
}

struct fidelity_store *fidelity_store_find(struct fidelity *f, const char *mark)
{
	for (size_t i = 0; i < f->nr_store; i++)
		if (!f->store[i].seen && !strcmp(f->store[i].mark, mark))
			return &f->store[i];
	return NULL;
}

void fidelity_store_take(struct fidelity_store *r, const struct sink_store *store)
{
	r->seen = true;
	r->t_ns = store->t_ns;
	r->simulated[FIDELITY_MEM_USED_TOTAL] = store->pages * PROC_PAGE_BYTES;
	r->simulated[FIDELITY_COMPR_DATA_SIZE] = store->bytes_req;
	r->simulated[FIDELITY_PAGES_COMPACTED] = store->compact_freed_pages;
}

static double error_of(u64 value, u64 recorded)
{
	return recorded ? fabs((double)value - (double)recorded) / (double)recorded : NAN;
}

void fidelity_store_compute(struct fidelity *f)
{
	double worst = NAN, idle = NAN;

	for (size_t i = 0; i < f->nr_store; i++) {
		struct fidelity_store *r = &f->store[i];
		u64 recorded = r->recorded[FIDELITY_MEM_USED_TOTAL];

		r->error =
			r->seen ? error_of(r->simulated[FIDELITY_MEM_USED_TOTAL], recorded) : NAN;
		if (isnan(r->error))
			continue;
		worst = fmax(worst, r->error); /* of a number and NAN: the number */
		idle = fmax(idle,
			    error_of(f->store[0].recorded[FIDELITY_MEM_USED_TOTAL], recorded));
	}
	f->pooled.score[FIDELITY_STORE] = worst;
	f->pooled.score[FIDELITY_STORE_IDLE] = idle;
}

/* ---- Text ---- */

/* Below 0: the simulated store takes less. */
static double signed_error(const struct fidelity_store *r)
{
	bool less = r->simulated[FIDELITY_MEM_USED_TOTAL] < r->recorded[FIDELITY_MEM_USED_TOTAL];

	return less ? -r->error : r->error;
}

static const char *why_undefined(const struct fidelity *f)
{
	for (size_t i = 0; i < f->nr_store; i++)
		if (f->store[i].recorded[FIDELITY_MEM_USED_TOTAL])
			return "nothing was stored: the trace has no zs_malloc events, or the "
			       "replay no store";
	return "nothing was stored";
}

void fidelity_print_store_score(FILE *out, const struct fidelity *f)
{
	double worst = 0;

	if (!f->nr_store)
		return;
	if (isnan(f->pooled.score[FIDELITY_STORE])) {
		fprintf(out, "store_error               -   (%s)\n", why_undefined(f));
		return;
	}
	for (size_t i = 0; i < f->nr_store; i++)
		if (f->store[i].error > fabs(worst)) /* not of NAN */
			worst = signed_error(&f->store[i]);
	fprintf(out, "%-18s %+8.4f %8.4f\n", "store_error", worst,
		f->pooled.score[FIDELITY_STORE_IDLE]);
}

static void print_figure(FILE *out, const struct fidelity_store *r, int k)
{
	char text[48];

	if (r->seen)
		snprintf(text, sizeof(text), "%llu/%llu", (unsigned long long)r->recorded[k],
			 (unsigned long long)r->simulated[k]);
	else
		snprintf(text, sizeof(text), "%llu/-", (unsigned long long)r->recorded[k]);
	fprintf(out, " %23s", text);
}

void fidelity_print_store(FILE *out, const struct fidelity *f)
{
	if (!f->nr_store)
		return;
	fprintf(out, "\nStore at the readings of mm_stat: recorded/simulated\n%-18s %8s", "reading",
		"error");
	for (int k = 0; k < NR_FIDELITY_STORE; k++)
		fprintf(out, " %23s", fidelity_store_names[k]);
	fputc('\n', out);
	for (size_t i = 0; i < f->nr_store; i++) {
		const struct fidelity_store *r = &f->store[i];

		fprintf(out, "%-18s", r->label);
		if (isnan(r->error))
			fprintf(out, " %8s", "-");
		else
			fprintf(out, " %+8.4f", signed_error(r));
		for (int k = 0; k < NR_FIDELITY_STORE; k++)
			print_figure(out, r, k);
		fputc('\n', out);
	}
}

/* ---- JSON ---- */

static void json_figures(FILE *out, const struct fidelity_store *r)
{
	for (int k = 0; k < NR_FIDELITY_STORE; k++) {
		fprintf(out, ", \"recorded_%s\": %llu, \"simulated_%s\": ", fidelity_store_names[k],
			(unsigned long long)r->recorded[k], fidelity_store_names[k]);
		if (r->seen)
			fprintf(out, "%llu", (unsigned long long)r->simulated[k]);
		else
			fputs("null", out);
	}
}

void fidelity_json_store(FILE *out, const struct fidelity *f)
{
	if (!f->nr_store)
		return;
	fputs("  \"store\": [", out);
	for (size_t i = 0; i < f->nr_store; i++) {
		const struct fidelity_store *r = &f->store[i];

		fprintf(out, "%s\n    {\"label\": ", i ? "," : "");
		json_string(out, r->label);
		fprintf(out, ", \"t_ns\": %llu, \"error\": ", (unsigned long long)r->t_ns);
		if (isnan(r->error))
			fputs("null", out);
		else
			fprintf(out, "%.12g", r->error);
		json_figures(out, r);
		fputs("}", out);
	}
	fputs("\n  ],\n", out);
}
