/*
 * Free blocks of each order over time.
 */
#include <math.h>
#include <stdlib.h>

#include "lib/mem.h"
#include "reports/figure_orders.h"

struct free_load {
	struct free_series *seeds[REPORT_STACKS_MAX]; /* of each stack's run */
	struct order_figure figure;
	bool hidden[REPORT_STACKS_MAX];
	bool any;
};

/* What was free at the instant; zeros before the first. */
static const u64 *free_at(const struct free_series *b, u64 t_ns)
{
	static const u64 none[SINK_NR_ORDERS];
	size_t nr = instants_up_to(b->t_ns, b->nr, t_ns);

	return nr ? b->nr_free[nr - 1] : none;
}

/* Takes a seed into the axes; false if it never reports a free block (it keeps no free lists). */
static bool free_most(struct free_load *fl, const struct free_series *b)
{
	bool any = false;

	for (size_t i = 0; i < b->nr; i++) {
		for (int k = 0; k < SINK_NR_ORDERS; k++) {
			any = any || b->nr_free[i][k];
			fl->figure.most[k] = max(fl->figure.most[k], (double)b->nr_free[i][k]);
		}
	}
	fl->any = fl->any || any;
	return any;
}

static void free_row(FILE *f, const struct report_run *run, const struct free_series *seeds, u64 t)
{
	double *values = mem_alloc(run->nr_seeds, sizeof(*values));
	struct band bands[SINK_NR_ORDERS];

	for (int k = 0; k < SINK_NR_ORDERS; k++) {
		for (size_t i = 0; i < run->nr_seeds; i++)
			values[i] = (double)free_at(&seeds[i], t)[k];
		bands[k] = band_of(values, run->nr_seeds);
	}
	order_row(f, t, bands);
	free(values);
}

static int free_write(struct report *p, const struct report_run *run,
		      const struct free_series *seeds, struct err *e)
{
	FILE *f = report_file(&p->dir, e, "data/free-%s.csv", run->slug);
	const struct free_series *b = &seeds[0];
	double *total = mem_alloc(max(b->nr, (size_t)1), sizeof(*total));
	size_t picks[ORDER_POINTS], n;

	for (size_t i = 0; i < b->nr; i++)
		for (int k = 0; k < SINK_NR_ORDERS; k++)
			total[i] += (double)b->nr_free[i][k];
	n = points_pick(total, b->nr, ORDER_POINTS, picks);
	free(total);
	if (!f)
		return -1;
	order_columns(f, "order_");
	for (size_t i = 0; i < n; i++)
		free_row(f, run, seeds, b->t_ns[picks[i]]);
	return report_file_close(&p->dir, f, e);
}

static int free_read(struct free_load *fl, struct report *p, size_t load, struct err *e)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (!run)
			continue;
		fl->seeds[s] = mem_alloc(run->nr_seeds, sizeof(*fl->seeds[s]));
		fl->hidden[s] = true;
		for (size_t i = 0; i < run->nr_seeds; i++) {
			if (free_series_load(&fl->seeds[s][i], p->db, run->seeds[i].info->id, e))
				return -1;
			if (free_most(fl, &fl->seeds[s][i]))
				fl->hidden[s] = false;
		}
		if (free_write(p, run, fl->seeds[s], e))
			return -1;
	}
	return 0;
}

static void free_release(struct free_load *fl, const struct report *p, size_t load)
{
	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (size_t i = 0; fl->seeds[s] && i < run->nr_seeds; i++)
			free_series_free(&fl->seeds[s][i]);
		free(fl->seeds[s]);
	}
	free(fl);
}

static double free_huge_share(const u64 nr_free[SINK_NR_ORDERS])
{
	double huge = 0, all = 0;

	for (int k = 0; k < SINK_NR_ORDERS; k++) {
		double pages = ldexp((double)nr_free[k], k);

		all += pages;
		huge += k >= HUGE_ORDER ? pages : 0;
	}
	return all > 0 ? 100 * huge / all : 0;
}

static double huge_at_end(const struct report_run *run, const struct free_series *seeds)
{
	double *values = mem_alloc(run->nr_seeds, sizeof(*values)), mid;

	for (size_t i = 0; i < run->nr_seeds; i++)
		values[i] = free_huge_share(free_at(&seeds[i], ~0ULL));
	mid = band_of(values, run->nr_seeds).mid;
	free(values);
	return mid;
}

static void free_finding(const struct report *p, size_t load, const struct free_load *fl)
{
	struct spread x = {.nr = 0};

	for (size_t s = 0; s < p->nr_stacks; s++)
		if (fl->seeds[s] && !fl->hidden[s])
			spread_add(&x, report_run(p, load, s),
				   huge_at_end(report_run(p, load, s), fl->seeds[s]));
	if (x.most - x.least < 0.005)
		report_finding(p,
			       "When %s ends, %.2f %% of free memory lies in blocks of a huge page "
			       "or larger%s.",
			       p->loads.names[load], x.most, x.nr > 1 ? ", under every stack" : "");
	else
		report_finding(p,
			       "When %s ends, %.2f %% of free memory lies in blocks of a huge page "
			       "or larger under %s (the most), %.2f %% under %s (the least).",
			       p->loads.names[load], x.most, p->stacks[x.high->stack].name, x.least,
			       p->stacks[x.low->stack].name);
}

int report_free_figures(struct report *p, struct err *e)
{
	for (size_t load = 0; load < p->loads.nr; load++) {
		struct free_load *fl = mem_alloc(1, sizeof(*fl));
		int rc = free_read(fl, p, load, e);

		fl->figure.kind = "free";
		fl->figure.unit = "";
		fl->figure.hidden = fl->hidden;
		if (!rc && fl->any) {
			report_load_heading(p, load);
			free_finding(p, load, fl);
			rc = order_figures(p, load, &fl->figure,
					   "Free blocks, of all zones and migratetypes together. "
					   "Every axis starts at 0; each order has its own scale. "
					   "x: simulated time.",
					   e);
		}
		free_release(fl, p, load);
		if (rc)
			return -1;
	}
	return 0;
}
