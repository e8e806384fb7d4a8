/*
 * mm_stat: what zram said of its store while it was recorded.
 */
#include "traces/mm_stat.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "lib/units.h"

#define ROWS_MAX 4096
#define MARK_PREFIX "mm_stat "
#define NR_NEEDED 7		   /* columns that every kernel has */
#define UPTIME_MAX (1ULL << 32)	   /* seconds */
#define WORDS_MAX (NR_MM_STAT + 1) /* with the uptime */
#define FRACTION_DIGITS 9	   /* of a second: nanoseconds */

static const char *const columns[NR_MM_STAT] = {
	"orig_data_size", "compr_data_size", "mem_used_total", "mem_limit",	   "mem_used_max",
	"same_pages",	  "pages_compacted", "huge_pages",     "huge_pages_since",
};

static void row_free(struct mm_stat_row *row)
{
	free(row->label);
	free(row->device);
	*row = (struct mm_stat_row){0};
}

void mm_stat_free(struct mm_stat_row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		row_free(&rows[i]);
	free(rows);
}

/* "17.18" */
static int parse_uptime(const struct scan *s, const struct word *w, u64 *ns, struct err *e)
{
	const char *dot = memchr(w->text, '.', w->len);
	struct word whole = {w->text, dot ? (size_t)(dot - w->text) : w->len}, part;
	u64 seconds, fraction;

	if (!dot)
		return scan_error(s, w->text, e,
				  "uptime: '%.*s' has no decimal point: seconds end a row, as in "
				  "17.18",
				  (int)min(w->len, (size_t)40), w->text);
	part = (struct word){dot + 1, w->len - whole.len - 1};
	if (part.len > FRACTION_DIGITS)
		part.len = FRACTION_DIGITS;
	if (scan_word_number(s, &whole, "uptime", &seconds, e) ||
	    scan_word_number(s, &part, "uptime", &fraction, e))
		return -1;
	if (seconds > UPTIME_MAX)
		return scan_error(s, w->text, e, "uptime: more than a hundred years");
	for (size_t i = part.len; i < FRACTION_DIGITS; i++)
		fraction *= 10;
	*ns = seconds * NSEC_PER_SEC + fraction;
	return 0;
}

/* The numbers of the row, then the uptime. */
static int parse_numbers(struct scan *s, struct mm_stat_row *row, struct err *e)
{
	struct word words[WORDS_MAX];
	size_t nr = 0;

	while (nr < WORDS_MAX && scan_word(s, &words[nr]))
		nr++;
	if (scan_done(s, e))
		return -1;
	if (nr < NR_NEEDED + 1)
		return scan_error(s, s->p, e,
				  "%zu columns behind the device: mm_stat has %d to %d, and the "
				  "uptime",
				  nr, NR_NEEDED, NR_MM_STAT);
	for (size_t i = 0; i + 1 < nr; i++)
		if (scan_word_number(s, &words[i], columns[i], &row->value[i], e))
			return -1;
	return parse_uptime(s, &words[nr - 1], &row->uptime_ns, e);
}

/* The line that s stands in; *row is empty on failure. */
static int parse_row(struct scan *s, struct mm_stat_row *row, struct err *e)
{
	struct word label, device;

	*row = (struct mm_stat_row){0};
	if (scan_need(s, "the label", &label, e) || scan_need(s, "the device", &device, e) ||
	    parse_numbers(s, row, e))
		return -1;
	row->label = mem_dup_n(label.text, label.len);
	row->device = mem_dup_n(device.text, device.len);
	return 0;
}

/* Does the row fit behind those before it? */
static int check_row(const struct scan *s, const struct mm_stat_row *rows, size_t nr,
		     const struct mm_stat_row *row, struct err *e)
{
	if (nr == ROWS_MAX)
		return scan_error(s, s->line, e, "more than %d rows", ROWS_MAX);
	if (nr && strcmp(rows[0].device, row->device))
		return scan_error(s, s->line, e,
				  "'%.40s', and '%.40s' above: rows of one device are wanted, for "
				  "one store is replayed",
				  row->device, rows[0].device);
	if (nr && row->uptime_ns < rows[nr - 1].uptime_ns)
		return scan_error(s, s->line, e, "the uptime is before that of the row above");
	return 0;
}

int parse_mm_stat(struct scan *s, struct mm_stat_row **rows, size_t *nr, struct err *e)
{
	size_t room = 0;

	*rows = NULL;
	*nr = 0;
	while (scan_line(s)) {
		struct scan blank = *s;
		struct mm_stat_row row;
		struct word w;
		int ret;

		if (!scan_word(&blank, &w))
			continue;
		ret = parse_row(s, &row, e);
		if (!ret)
			ret = check_row(s, *rows, *nr, &row, e);
		if (ret) {
			row_free(&row);
			mm_stat_free(*rows, *nr);
			*rows = NULL;
			*nr = 0;
			return -1;
		}
		MEM_ROOM(*rows, *nr, room);
		(*rows)[(*nr)++] = row;
	}
	return 0;
}

bool mm_stat_rises(const struct mm_stat_row *rows, size_t nr, size_t i)
{
	return i + 1 < nr &&
	       rows[i + 1].value[MM_STAT_PAGES_COMPACTED] > rows[i].value[MM_STAT_PAGES_COMPACTED];
}

u64 mm_stat_time(const struct mm_stat_row *rows, size_t nr, size_t i)
{
	return rows[i].uptime_ns + (mm_stat_rises(rows, nr, i) ? 0 : MM_STAT_TICK_NS);
}

char *mm_stat_mark(const struct mm_stat_row *row)
{
	char *text;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	ASSERT(f);
	fprintf(f, MARK_PREFIX "%s %s", row->label, row->device);
	for (int i = 0; i < NR_MM_STAT; i++)
		fprintf(f, " %llu", (unsigned long long)row->value[i]);
	fprintf(f, " %llu.%09llu", (unsigned long long)(row->uptime_ns / NSEC_PER_SEC),
		(unsigned long long)(row->uptime_ns % NSEC_PER_SEC));
	ASSERT(!fclose(f));
	return text;
}

bool mm_stat_mark_parse(struct mm_stat_row *row, const char *text)
{
	size_t prefix = strlen(MARK_PREFIX);
	struct scan s;
	struct err e; /* of a text that somebody else has written */

	if (strncmp(text, MARK_PREFIX, prefix))
		return false;
	s = scan_text("mark", text + prefix, strlen(text) - prefix);
	return scan_line(&s) && !parse_row(&s, row, &e);
}
