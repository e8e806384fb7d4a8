/*
 * How much of free memory a request of each order cannot use, over time.
 */
#include <string.h>

#include "lib/text.h"
#include "reports/figure_orders.h"

static const struct series *index_of(const struct samples *s, int k)
{
	char metric[64];

	snprintf(metric, sizeof(metric), "unusable_free_index/%d", k);
	return samples_find(s, "", metric);
}

static double index_at(const struct samples *s, int k, u64 t)
{
	return series_at(index_of(s, k), t) / 10;
}

/* Order 0 can use any free page: an index above 0 says that no free memory is known of. */
static bool index_known(const struct report_run *run)
{
	return run && index_of(run_samples(run), HUGE_ORDER) &&
	       series_max(index_of(run_samples(run), 0)) == 0;
}

static int unusable_write(struct report *p, const struct report_run *run, struct err *e)
{
	const struct series *lead = index_of(run_samples(run), HUGE_ORDER);
	FILE *f = report_file(&p->dir, e, "data/unusable-%s.csv", run->slug);
	size_t picks[ORDER_POINTS], n;

	if (!f)
		return -1;
	n = lead ? points_pick(lead->value, lead->nr, ORDER_POINTS, picks) : 0;
	order_columns(f, "percent_order_");
	for (size_t i = 0; i < n; i++) {
		u64 t = lead->t_ns[picks[i]];
		struct band bands[SINK_NR_ORDERS];

		for (int k = 0; k < SINK_NR_ORDERS; k++)
			bands[k] = report_band(run, index_at, k, t);
		order_row(f, t, bands);
	}
	return report_file_close(&p->dir, f, e);
}

static double index_max(const struct report_run *run, int k)
{
	double most = 0;

	for (size_t i = 0; i < run->nr_seeds; i++)
		most = max(most, series_max(index_of(&run->seeds[i].samples, k)) / 10);
	return most;
}

/* Over time, the median of the seeds: the metric users ask for. */
static double index_mean(const struct report_run *run)
{
	return report_summary(run, "unusable_free_index_9_mean",
			      report_summary(run, "unusable_free_index_9_end", 0)) /
	       10;
}

static void unusable_finding(const struct report *p, size_t load)
{
	struct spread x = {.nr = 0};

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		if (index_known(run))
			spread_add(&x, run, index_mean(run));
	}
	if (x.most - x.least < 0.005)
		report_finding(p,
			       "Over the time of %s, %.2f %% of free memory is in pieces too small "
			       "for a huge page (order 9)%s.",
			       p->loads.names[load], x.most, x.nr > 1 ? ", under every stack" : "");
	else
		report_finding(p,
			       "Over the time of %s, %.2f %% of free memory is in pieces too small "
			       "for a huge page (order 9) under %s, %.2f %% under %s.",
			       p->loads.names[load], x.most, p->stacks[x.high->stack].name, x.least,
			       p->stacks[x.low->stack].name);
}

static int unusable_load(struct report *p, size_t load, double most, struct err *e)
{
	char words[512];
	struct text how = text_in(words, sizeof(words));
	bool hidden[REPORT_STACKS_MAX] = {false};
	struct order_figure o = {.kind = "unusable", .unit = " %%", .hidden = hidden};
	int any = 0;

	text_add(&how, "Share of free memory in blocks too small for a request of that order "
		       "(Linux's unusable free space index, there in permille), the same scale "
		       "in every panel. 0: all of it can be used. x: simulated time.");
	for (size_t s = 0; s < p->nr_stacks; s++)
		hidden[s] = !index_known(report_run(p, load, s));
	for (int k = 0; k < SINK_NR_ORDERS; k++) {
		double top = 0;

		for (size_t s = 0; s < p->nr_stacks; s++)
			top = max(top, hidden[s] ? 0 : index_max(report_run(p, load, s), k));
		o.left_out[k] = !k || (k != HUGE_ORDER && top <= 0);
		o.most[k] = most;
		if (k && o.left_out[k])
			text_add(&how, any++ ? ", %d" : " Always 0 under every stack: order %d", k);
	}
	if (any)
		text_add(&how, ".");
	return order_figures(p, load, &o, words, e);
}

/* The top of the load's axes; negative: no run knows of free memory. */
static double unusable_most(const struct report *p, size_t load)
{
	double most = -1;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (int k = 1; index_known(run) && k < SINK_NR_ORDERS; k++)
			most = max(most, index_max(run, k));
	}
	return most;
}

int report_unusable_figures(struct report *p, struct err *e)
{
	for (size_t i = 0; i < p->nr_runs; i++)
		if (unusable_write(p, &p->runs[i], e))
			return -1;
	for (size_t load = 0; load < p->loads.nr; load++) {
		double most = unusable_most(p, load);

		if (most < 0)
			continue;
		report_load_heading(p, load);
		unusable_finding(p, load);
		if (unusable_load(p, load, most, e))
			return -1;
	}
	return 0;
}
