/*
 * `report`: one page with plots, made of a results database.
 */
#include "reports/report.h"

#include <stdlib.h>
#include <string.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "lib/progress.h"
#include "reports/gnuplot.h"
#include "reports/html.h"
#include "reports/report_page.h"
#include "reports/stack_text.h"
#include "reports/theme.h"

static const struct section {
	const char *id, *title;
	int (*write)(struct report *p, struct err *e);
	int (*any)(struct report *p, bool *any, struct err *e); /* NULL: always there */
} sections[] = {
	{"overview", "At one look", report_overview, NULL},
	{"stacks", "Memory: the stacks against each other", report_stacks_figures, NULL},
	{"memory", "Memory: where it goes", report_memory_figures, NULL},
	{"map", "Memory map: what lives where", report_map_figures, NULL},
	{"blame", "Blame: who keeps blocks from being free", report_blame, report_blame_any},
	{"free", "Free memory: blocks of each order", report_free_figures, NULL},
	{"unusable", "Free memory: what an order cannot use", report_unusable_figures, NULL},
	{"pressure", "Pressure: watermarks, reclaim, compaction", report_pressure_figures,
	 report_pressure_any},
	{"slabs", "Slabs: how full they are", report_slab_figures, NULL},
	{"store", "Compressed pages", report_store_figures, report_store_any},
	{"latency", "Latency of operations", report_latency_figures, NULL},
	{"caches", "Caches", report_caches, NULL},
	{"sites", "Call sites to blame", report_sites, NULL},
	{"layers", "Layers", report_layers, NULL},
	{"fidelity", "Fidelity: simulated beside recorded", report_fidelity, NULL},
	{"comparison", "Comparison", report_comparison, NULL},
	{"expectations", "Expectations: measured against expected", report_expectations, NULL},
};

/* What the label stands for, with the options that tell it apart; all are under Provenance. */
static void stack_chains(const struct report *p, size_t stack)
{
	const char **all = mem_alloc(p->nr_runs + 1, sizeof(*all));

	for (size_t i = 0; i < p->nr_runs; i++)
		all[i] = p->runs[i].info->stack;
	for (size_t i = 0; i < p->nr_runs; i++) {
		char chains[256];

		if (p->runs[i].stack != stack)
			continue;
		stack_brief(all[i], all, p->nr_runs, chains, sizeof(chains));
		if (!strcmp(chains, p->stacks[stack].name))
			break;
		fputs(" <code class=\"sub\">", p->html);
		html_text(p->html, chains);
		fputs("</code>", p->html);
		break;
	}
	free(all);
}

/* Who reads a plot must know that it stops where the run did. */
static void early_ends(const struct report *p)
{
	for (size_t i = 0; i < p->nr_runs; i++) {
		const struct run_info *r = p->runs[i].info;

		if (!strcmp(r->status, "ok"))
			continue;
		fputs("<p class=\"note\">", p->html);
		html_print(p->html, "%s on %s ended early (%s): its figures are of a part.",
			   p->stacks[p->runs[i].stack].name, r->load, r->status);
		fputs("</p>\n", p->html);
	}
}

static int sections_find(struct report *p, bool *shown, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
		shown[i] = true;
		if (sections[i].any && sections[i].any(p, &shown[i], e))
			return -1;
	}
	return 0;
}

static void header(const struct report *p, const bool *shown)
{
	FILE *f = p->html;
	size_t nr_runs = 0;

	for (size_t i = 0; i < p->nr_runs; i++)
		nr_runs += p->runs[i].nr_seeds;
	html_begin(f, "kmemsim report", p->stores);
	fputs("<header>\n<h1>Allocator stacks side by side</h1>\n<p class=\"sub\">", f);
	html_print(f, "kmemsim report of %s: %zu run%s, %zu stack%s, %zu load%s.",
		   file_base(db_path(p->db)), nr_runs, nr_runs == 1 ? "" : "s", p->nr_stacks,
		   p->nr_stacks == 1 ? "" : "s", p->loads.nr, p->loads.nr == 1 ? "" : "s");
	if (p->many_seeds)
		fputs(" Lines are medians of the seeds, with a band from the lowest to the "
		      "highest; what memory is made of, maps and tables are of the lowest seed.",
		      f);
	fputs("</p>\n<ul class=\"stacks\">\n", f);
	for (size_t s = 0; s < p->nr_stacks; s++) {
		char colour[32];

		theme_name(theme_rgb(p->stacks[s].colour), colour, sizeof(colour));
		fprintf(f, "<li><i class=\"key\" style=\"background:%s\"></i> ", colour);
		html_text(f, p->stacks[s].name);
		stack_chains(p, s);
		fputs("</li>\n", f);
	}
	fputs("</ul>\n", f);
	early_ends(p);
	fputs("<nav aria-label=\"sections\">", f);
	for (size_t i = 0; i < ARRAY_SIZE(sections); i++)
		if (shown[i])
			fprintf(f, "<a href=\"#%s\">%s</a>\n", sections[i].id, sections[i].title);
	fputs("<a href=\"#provenance\">Provenance</a></nav>\n</header>\n<main>\n", f);
}

static int body(struct report *p, const bool *shown, struct err *e)
{
	struct progress bar;
	int rc = 0;

	progress_begin(&bar, "report", ARRAY_SIZE(sections));
	for (size_t i = 0; i < ARRAY_SIZE(sections) && !rc; i++) {
		if (!shown[i])
			continue;
		fprintf(p->html, "<section id=\"%s\">\n<h2>%s</h2>\n", sections[i].id,
			sections[i].title);
		rc = sections[i].write(p, e);
		fputs("</section>\n", p->html);
		progress_step_now(&bar, i + 1);
	}
	progress_end(&bar);
	if (rc)
		return -1;
	fputs("<section id=\"provenance\">\n<h2>Provenance</h2>\n", p->html);
	report_provenance(p);
	fputs("</section>\n</main>\n", p->html);
	html_end(p->html);
	return 0;
}

static int write_page(struct report *p, struct err *e)
{
	bool shown[ARRAY_SIZE(sections)];
	int rc;

	if (sections_find(p, shown, e))
		return -1;
	p->html = report_file(&p->dir, e, "index.html");
	if (!p->html)
		return -1;
	header(p, shown);
	rc = body(p, shown, e);
	if (rc) {
		fclose(p->html);
		return -1;
	}
	return report_file_close(&p->dir, p->html, e);
}

int report_write(struct db *db, const struct report_options *options, struct err *e)
{
	static const char *const ours[] = {"data/", "plots/", "index.html", NULL};
	struct report p;
	int rc;

	rc = report_init(&p, db, options->labels, e);
	p.page_only = options->page_only;
	if (!rc)
		rc = report_dir_open(&p.dir, options->dir, ours, e);
	if (!rc) {
		rc = write_page(&p, e);
		if (rc)
			gnuplot_abort();
		else
			rc = gnuplot_finish(e);
		if (rc)
			report_dir_abort(&p.dir);
		else
			rc = report_dir_commit(&p.dir, e);
	}
	report_free(&p);
	return rc;
}
