/*
 * The page under construction: which runs it shows, and in which colours.
 */
#include "reports/report_page.h"

#include <ctype.h>
#include <math.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "reports/html.h"
#include "reports/stack_text.h"
#include "reports/theme.h"
#include "reports/values.h"

/* Letters, digits and dashes of a name: safe in every file system and URL. */
static char *slug_of(const char *name)
{
	char *slug = mem_alloc(strlen(name) + 1, 1);
	size_t n = 0;

	for (; *name && n < 32; name++) {
		if (isalnum((u8)*name))
			slug[n++] = (char)tolower((u8)*name);
		else if (n && slug[n - 1] != '-')
			slug[n++] = '-';
	}
	while (n && slug[n - 1] == '-')
		slug[--n] = '\0';
	return slug;
}

/* Start of the nth word of a name; NULL if it has fewer. */
static const char *word_at(const char *name, size_t nth)
{
	while (name && nth--) {
		name = strchr(name, ' ');
		name += name != NULL;
	}
	return name;
}

static bool word_shared(const struct report *p, size_t nth)
{
	const char *first = word_at(p->stacks[0].name, nth);
	size_t n = strcspn(first, " ") + 1;

	for (size_t i = 1; i < p->nr_stacks; i++) {
		const char *word = word_at(p->stacks[i].name, nth);

		if (!word || strcspn(word, " ") + 1 != n || strncmp(word, first, n - 1))
			return false;
	}
	return true;
}

static void word_drop(char *name, size_t nth)
{
	char *word = name + (word_at(name, nth) - name);
	const char *next = word_at(word, 1);

	if (next)
		memmove(word, next, strlen(next) + 1);
	else
		word[-1] = '\0'; /* the last one goes with the space before it */
}

/*
 * "pages=page_allocator slab=rcu:slabifier" is "slab=rcu:slabifier" where all have the same pages.
 */
static void shared_words_drop(struct report *p)
{
	size_t nth = 0;

	while (word_at(p->stacks[0].name, nth)) {
		bool drop = p->nr_stacks > 1 && word_shared(p, nth);

		/* Something must be left of each. */
		for (size_t i = 0; i < p->nr_stacks; i++)
			drop = drop && word_at(p->stacks[i].name, 1);
		for (size_t i = 0; drop && i < p->nr_stacks; i++)
			word_drop(p->stacks[i].name, nth);
		nth += !drop;
	}
}

static void stacks_name(struct report *p)
{
	const char *labels[REPORT_STACKS_MAX];

	for (size_t i = 0; i < p->nr_stacks; i++)
		labels[i] = p->stacks[i].label;
	for (size_t i = 0; i < p->nr_stacks; i++) {
		if (strchr(labels[i], '('))
			stack_brief(labels[i], labels, p->nr_stacks, p->stacks[i].name,
				    sizeof(p->stacks[i].name) - 8);
		else
			label_short(labels[i], p->stacks[i].name, sizeof(p->stacks[i].name) - 8);
		p->stacks[i].colour = theme_stack(i);
	}
	shared_words_drop(p);
	for (size_t i = 0; i < p->nr_stacks; i++) {
		char *name = p->stacks[i].name;
		bool taken = false;

		for (size_t j = 0; j < i; j++)
			taken = taken || !strcmp(name, p->stacks[j].name);
		if (taken)
			snprintf(name + strlen(name), 8, " (%u)", (u8)(i + 1));
	}
}

static int stacks_choose(struct report *p, const char *const *labels, struct err *e)
{
	struct name_set set = {0};
	int rc = 0;

	for (size_t i = 0; labels && labels[i] && !rc; i++) {
		rc = runs_need_label(p->db, &p->list, labels[i], e);
		name_set_add(&set, labels[i]);
	}
	if (!set.nr)
		runs_labels(&p->list, &set);
	if (!rc && set.nr > REPORT_STACKS_MAX)
		rc = err_set(e,
			     "%s: %zu labels, a page shows at most %d: choose with --label (the "
			     "first is '%s')",
			     db_path(p->db), set.nr, REPORT_STACKS_MAX, set.names[0]);
	for (size_t i = 0; i < set.nr && !rc; i++)
		p->stacks[p->nr_stacks++].label = set.names[i];
	name_set_free(&set);
	stacks_name(p);
	return rc;
}

static long stack_find(const struct report *p, const char *label)
{
	for (size_t i = 0; i < p->nr_stacks; i++)
		if (!strcmp(p->stacks[i].label, label))
			return (long)i;
	return -1;
}

static int by_seed(const void *a, const void *b)
{
	const struct report_seed *x = a, *y = b;

	return (x->info->seed > y->info->seed) - (x->info->seed < y->info->seed);
}

static void run_take(struct report *p, const struct run_info *info)
{
	long stack = stack_find(p, info->label);
	struct report_run *run;
	size_t load;

	if (stack < 0)
		return;
	name_set_add(&p->loads, info->load);
	load = (size_t)name_set_find(&p->loads, info->load);
	run = report_run(p, load, (size_t)stack);
	if (!run) {
		run = &p->runs[p->nr_runs++];
		run->load = load;
		run->stack = (size_t)stack;
	}
	MEM_ROOM(run->seeds, run->nr_seeds, run->room);
	run->seeds[run->nr_seeds++] = (struct report_seed){.info = info};
	p->many_seeds = p->many_seeds || run->nr_seeds > 1;
	qsort(run->seeds, run->nr_seeds, sizeof(*run->seeds), by_seed);
	run->info = run->seeds[0].info;
}

static int summary_load(struct report_seed *seed, struct db *db, struct err *e)
{
	sqlite3_stmt *s = db_prepare(
		db, "SELECT metric, value FROM summary_view WHERE run_id = ? AND layer = ''", e);
	int rc;

	if (!s)
		return -1;
	sqlite3_bind_int64(s, 1, seed->info->id);
	while ((rc = db_step(db, s, e)) > 0) {
		MEM_ROOM(seed->figures, seed->nr_figures, seed->room);
		seed->figures[seed->nr_figures++] =
			(struct report_figure){mem_dup((const char *)sqlite3_column_text(s, 0)),
					       sqlite3_column_double(s, 1)};
	}
	sqlite3_finalize(s);
	return rc;
}

static int seed_load(struct report_seed *seed, struct db *db, struct err *e)
{
	return summary_load(seed, db, e) ? -1 : samples_load(&seed->samples, db, seed->info->id, e);
}

static void seed_free(struct report_seed *seed)
{
	samples_free(&seed->samples);
	for (size_t i = 0; i < seed->nr_figures; i++)
		free(seed->figures[i].metric);
	free(seed->figures);
}

static int runs_read(struct report *p, struct err *e)
{
	for (size_t i = 0; i < p->nr_runs; i++) {
		struct report_run *run = &p->runs[i];
		char *stack = slug_of(p->stacks[run->stack].name);

		snprintf(run->slug, sizeof(run->slug), "%.32s-%.16s-%lld", p->load_slugs[run->load],
			 stack, (long long)run->info->id % 1000000);
		free(stack);
		for (size_t k = 0; k < run->nr_seeds; k++)
			if (seed_load(&run->seeds[k], p->db, e))
				return -1;
		p->stores = p->stores || samples_has_store(run_samples(run));
	}
	return 0;
}

/* Two loads whose slugs are equal ("a/b", "a-b") must not share files. */
static void loads_name(struct report *p)
{
	p->load_slugs = mem_alloc(p->loads.nr, sizeof(*p->load_slugs));
	for (size_t i = 0; i < p->loads.nr; i++) {
		char *slug = slug_of(p->loads.names[i]);
		bool taken = !*slug;

		for (size_t j = 0; j < i; j++)
			taken = taken || !strcmp(slug, p->load_slugs[j]);
		p->load_slugs[i] = taken ? mem_print("%s-load%zu", slug, i + 1) : mem_dup(slug);
		free(slug);
	}
}

int report_init(struct report *p, struct db *db, const char *const *labels, struct err *e)
{
	memset(p, 0, sizeof(*p));
	p->db = db;
	if (runs_load(db, &p->list, false, e) || stacks_choose(p, labels, e))
		return -1;
	p->runs = mem_alloc(p->list.nr, sizeof(*p->runs));
	for (size_t i = 0; i < p->list.nr; i++)
		run_take(p, &p->list.runs[i]);
	loads_name(p);
	return runs_read(p, e);
}

void report_free(struct report *p)
{
	for (size_t i = 0; i < p->nr_runs; i++) {
		for (size_t k = 0; k < p->runs[i].nr_seeds; k++)
			seed_free(&p->runs[i].seeds[k]);
		free(p->runs[i].seeds);
	}
	for (size_t i = 0; p->load_slugs && i < p->loads.nr; i++)
		free(p->load_slugs[i]);
	free(p->load_slugs);
	free(p->runs);
	name_set_free(&p->loads);
	runs_free(&p->list);
}

struct report_run *report_run(const struct report *p, size_t load, size_t stack)
{
	for (size_t i = 0; i < p->nr_runs; i++)
		if (p->runs[i].load == load && p->runs[i].stack == stack)
			return &p->runs[i];
	return NULL;
}

const char *report_name(const struct report *p, const char *label)
{
	long at = stack_find(p, label);

	return at < 0 ? label : p->stacks[at].name;
}

u64 report_load_end(const struct report *p, size_t load)
{
	u64 end = 1;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);

		for (size_t k = 0; run && k < run->nr_seeds; k++)
			end = max(end, (u64)run->seeds[k].info->sim_ns);
	}
	return end;
}

u64 report_load_begin(const struct report *p, size_t load)
{
	u64 begin = report_load_end(p, load);

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		const struct series *lead = run ? samples_lead(run_samples(run)) : NULL;

		if (lead && lead->nr)
			begin = min(begin, lead->t_ns[0]);
	}
	return begin == report_load_end(p, load) ? 0 : begin;
}

double report_summary_of(const struct report_seed *seed, const char *metric, double fallback)
{
	for (size_t i = 0; i < seed->nr_figures; i++)
		if (!strcmp(seed->figures[i].metric, metric))
			return seed->figures[i].value;
	return fallback;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct band band_of(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return (struct band){.mid = (values[(n - 1) / 2] + values[n / 2]) / 2,
			     .low = values[0],
			     .high = values[n - 1]};
}

double report_summary(const struct report_run *run, const char *metric, double fallback)
{
	double *values = mem_alloc(run->nr_seeds, sizeof(*values)), mid;

	for (size_t k = 0; k < run->nr_seeds; k++)
		values[k] = report_summary_of(&run->seeds[k], metric, fallback);
	mid = band_of(values, run->nr_seeds).mid;
	free(values);
	return mid;
}

struct band report_band(const struct report_run *run,
			double (*value)(const struct samples *s, int what, u64 t), int what, u64 t)
{
	double few[16], *values = few;
	struct band band;

	if (run->nr_seeds > ARRAY_SIZE(few))
		values = mem_alloc(run->nr_seeds, sizeof(*values));
	for (size_t k = 0; k < run->nr_seeds; k++)
		values[k] = value(&run->seeds[k].samples, what, t);
	band = band_of(values, run->nr_seeds);
	if (values != few)
		free(values);
	return band;
}

void spread_add(struct spread *x, const struct report_run *run, double v)
{
	if (!x->nr || v < x->least)
		x->low = run, x->least = v, x->nr_low = 0;
	if (!x->nr || v > x->most)
		x->high = run, x->most = v, x->nr_high = 0;
	x->nr_low += v == x->least;
	x->nr_high += v == x->most;
	x->nr++;
}

void spread_name(const struct report *p, const struct spread *x, bool high, char *buf, size_t n)
{
	const char *name = p->stacks[(high ? x->high : x->low)->stack].name;
	size_t others = (high ? x->nr_high : x->nr_low) - 1;

	if (others)
		snprintf(buf, n, "%s and %zu other%s", name, others, others == 1 ? "" : "s");
	else
		snprintf(buf, n, "%s", name);
}

void report_metric_words(const struct report *p, size_t load, const char *metric, const char *unit,
			 const char *what, struct text *text)
{
	struct spread x = {.nr = 0};
	char least[VALUE_TEXT_MAX], most[VALUE_TEXT_MAX];
	size_t nr_runs = 0;

	for (size_t s = 0; s < p->nr_stacks; s++) {
		const struct report_run *run = report_run(p, load, s);
		double v = run ? report_summary(run, metric, NAN) : NAN;

		nr_runs += run != NULL;
		if (!isnan(v))
			spread_add(&x, run, v);
	}
	if (!x.nr || (x.most <= 0 && strcmp(unit, "percent") != 0))
		return;
	value_print(x.least, unit, least, sizeof(least));
	value_print(x.most, unit, most, sizeof(most));
	text_add(text, "%s%s: %s under %s", text->len ? "; " : "", what, most,
		 p->stacks[x.high->stack].name);
	if (x.least < x.most)
		text_add(text, ", %s under %s", least, p->stacks[x.low->stack].name);
	else if (x.nr > 1)
		text_add(text, x.nr == nr_runs ? " and all others" : " and %zu other%s", x.nr - 1,
			 x.nr == 2 ? "" : "s");
}

void report_load_heading(const struct report *p, size_t load)
{
	if (p->loads.nr < 2)
		return;
	fputs("<h3>", p->html);
	html_text(p->html, p->loads.names[load]);
	fputs("</h3>\n", p->html);
}

void report_finding(const struct report *p, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fputs("<p class=\"finding\">", p->html);
	html_text(p->html, text);
	fputs("</p>\n", p->html);
}
