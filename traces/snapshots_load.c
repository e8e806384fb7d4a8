/*
 * The snapshots that belong to a load, and whether they do.
 *
 * Theory. While a file was read, the recorder wrote marks into the trace ("SNAP before begin
 * slabinfo"), and beside the file it kept the times of reading. A folder belongs to a trace if its
 * labels are marked there at these times. The machine is compared as well: CPUs, and whether the
 * trace's page frames exist.
 */
#include "traces/snapshots_load.h"

#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "lib/text.h"
#include "lib/units.h"
#include "sim/snap_mark.h"
#include "traces/snapshot_files.h"
#include "traces/snapshots_parse.h"

/* Between a mark and the reading of the clock beside it: usually some microseconds. */
#define CLOCK_SLACK_NS NSEC_PER_SEC
#define NAMES_SHOWN 8 /* in a message */

static const struct snapshot_span *span_of(struct snapshot *snap, const char *mark)
{
	for (size_t i = 0; i < NR_SNAPSHOT_KINDS; i++)
		if (snapshot_kinds[i].mark && !strcmp(snapshot_kinds[i].mark, mark))
			return snapshot_kind_span(&snapshot_kinds[i], snap);
	return NULL;
}

static double seconds(u64 ns)
{
	return (double)ns / 1e9;
}

/* 1: marked, at the right times; 0: not marked. */
static int check_marks(const struct snapshots *s, struct snapshot *snap,
		       const struct snapshots_trace *t, struct err *e)
{
	int found = 0;

	for (unsigned int i = 0; i < t->nr_marks; i++) {
		const struct snapshot_span *span;
		u64 at = t->t_first_ns + t->marks[i].t_ns;
		struct snap_mark m;

		if (!snap_mark_parse(&m, t->marks[i].text) || m.end ||
		    !snap_mark_labels(&m, snap->label))
			continue;
		found = 1;
		span = span_of(snap, m.file);
		if (!span || !span->end_ns)
			continue;
		if (at > span->begin_ns + CLOCK_SLACK_NS || span->begin_ns > at + CLOCK_SLACK_NS)
			return err_set(e,
				       "%s: snapshots of another recording: %s of '%s' was read at "
				       "%.3f s, but %s marks it at %.3f s",
				       s->dir, m.file, snap->label, seconds(span->begin_ns),
				       t->name, seconds(at));
	}
	return found;
}

/* Of a snapshot that is not marked: was it taken while nothing was recorded? */
static int check_span(const struct snapshots *s, const struct snapshot *snap,
		      const struct snapshots_trace *t, struct err *e)
{
	const struct snapshot_span *at = snapshot_slabinfo_last(snap).at;

	if (!at->end_ns || (at->begin_ns + CLOCK_SLACK_NS >= t->t_first_ns &&
			    at->begin_ns <= t->t_last_ns + CLOCK_SLACK_NS))
		return 0;
	return err_set(e,
		       "%s: snapshot '%s' is from %s the trace: taken at %.3f s, but %s goes from "
		       "%.3f s to %.3f s",
		       s->dir, snap->label, at->begin_ns < t->t_first_ns ? "before" : "after",
		       seconds(at->begin_ns), t->name, seconds(t->t_first_ns),
		       seconds(t->t_last_ns));
}

/* The labels that are marked, for messages. */
static void marked_labels(const struct snapshots_trace *t, struct text *out)
{
	const char *last = "";
	size_t last_len = 0;
	unsigned int nr = 0;

	for (unsigned int i = 0; i < t->nr_marks; i++) {
		struct snap_mark m;

		if (!snap_mark_parse(&m, t->marks[i].text) || m.end ||
		    (m.label_len == last_len && !memcmp(m.label, last, last_len)))
			continue;
		last = m.label;
		last_len = m.label_len;
		if (++nr <= NAMES_SHOWN)
			text_add(out, "%s'%.*s'", nr > 1 ? ", " : "",
				 (int)min(last_len, (size_t)40), last);
	}
	if (nr > NAMES_SHOWN)
		text_add(out, " and %u more", nr - NAMES_SHOWN);
	if (!nr)
		text_add(out, "none");
}

static void unmarked(struct text *out, const struct snapshot *snap, size_t nr)
{
	if (nr <= NAMES_SHOWN)
		text_add(out, "%s'%.40s'", nr > 1 ? ", " : "", snap->label);
}

static int check_labels(const struct snapshots *s, const struct snapshots_trace *t, char **warning,
			struct err *e)
{
	char missing[512], have[512];
	struct text out = text_in(missing, sizeof(missing)), marked = text_in(have, sizeof(have));
	size_t nr = 0;

	for (size_t i = 0; i < s->nr_snaps; i++) {
		int found = check_marks(s, &s->snaps[i], t, e);

		if (found < 0 || (!found && check_span(s, &s->snaps[i], t, e)))
			return -1;
		if (!found)
			unmarked(&out, &s->snaps[i], ++nr);
	}
	if (!nr)
		return 0;
	if (nr > NAMES_SHOWN)
		text_add(&out, " and %zu more", nr - NAMES_SHOWN);
	marked_labels(t, &marked);
	if (nr == s->nr_snaps)
		return err_set(e,
			       "%s: snapshots of another recording: %s has no marks 'SNAP LABEL "
			       "begin FILE' of %s; labels marked there: %s",
			       s->dir, t->name, missing, have);
	*warning = mem_print("%s: no marks in %s of %s: not used (labels marked there: %s)", s->dir,
			     t->name, missing, have);
	return 0;
}

/* Recorders count CPUs that are off line too, which zoneinfo leaves out; some count only those that
 * had an event. */
static int check_machine(const struct snapshots *s, const struct snapshots_trace *t, struct err *e)
{
	unsigned int used = t->cpus_used ? t->cpus_used : t->nr_cpus;

	if (s->nr_cpus && (used > s->nr_cpus || (t->all_cpus && t->nr_cpus < s->nr_cpus)))
		return err_set(e,
			       "%s: snapshots of another machine: it has %u CPUs, %s was recorded "
			       "on %u",
			       s->dir, s->nr_cpus, t->name, max(used, t->nr_cpus));
	if (s->pfn_end && t->pfn_max >= s->pfn_end)
		return err_set(e,
			       "%s: snapshots of another machine: its memory ends before page "
			       "frame 0x%llx, %s has frame 0x%llx",
			       s->dir, (unsigned long long)s->pfn_end, t->name,
			       (unsigned long long)t->pfn_max);
	return 0;
}

/* What zram said was said while the trace was recorded. */
static int check_mm_stat(const struct snapshots *s, const struct snapshots_trace *t, struct err *e)
{
	for (size_t i = 0; i < s->nr_mm_stat; i++) {
		u64 at = s->mm_stat[i].uptime_ns;

		if (at + CLOCK_SLACK_NS < t->t_first_ns || at > t->t_last_ns + CLOCK_SLACK_NS)
			return err_set(e,
				       "%s: mm_stat of another recording: row '%.40s' is of "
				       "%.2f s, but %s goes from %.3f s to %.3f s",
				       s->dir, s->mm_stat[i].label, seconds(at), t->name,
				       seconds(t->t_first_ns), seconds(t->t_last_ns));
	}
	return 0;
}

int snapshots_check(const struct snapshots *s, const struct snapshots_trace *t, char **warning,
		    struct err *e)
{
	*warning = NULL;
	if (check_machine(s, t, e) || check_mm_stat(s, t, e))
		return -1;
	return check_labels(s, t, warning, e) ? -1 : 0;
}

struct snapshots_trace snapshots_trace_of(const char *name, const struct kmt_meta *m)
{
	return (struct snapshots_trace){
		.name = name,
		.nr_cpus = m->nr_cpus,
		.cpus_used = (unsigned int)min(m->stats.cpus_used, (u64)m->nr_cpus),
		.all_cpus = !strcmp(m->importer, "tracedat"),
		.t_first_ns = m->stats.t_first_ns,
		.t_last_ns = m->stats.t_last_ns,
		.pfn_max = m->stats.pfn_max,
		.marks = m->marks,
		.nr_marks = m->nr_marks,
	};
}

/* Those that the trace carries. */
static int open_packed(struct snapshots *s, struct source *load, struct err *e)
{
	struct snapshot_files f;
	size_t n;
	u8 *data;
	char *dir;
	int ret = kmt_section_read(load, KMT_SECTION_SNAPSHOTS, &data, &n, e);

	if (ret <= 0)
		return ret;
	dir = mem_print("%s (snapshots in it)", load->tables.name);
	ret = snapshot_files_unpack(&f, dir, data, n, e);
	free(dir);
	free(data);
	if (ret)
		return -1;
	ret = snapshots_parse(s, &f, e);
	snapshot_files_free(&f);
	return ret ? -1 : 1;
}

int snapshots_of_load(struct snapshots *s, struct source *load, const char *dir, char **warning,
		      struct err *e)
{
	struct snapshots_trace t;
	int ret;

	*warning = NULL;
	if (!kmt_is(load)) {
		if (!dir)
			return 0;
		return err_set(e, "%s: %s is no recording: there are no snapshots of it", dir,
			       load->tables.name);
	}
	if (!dir)
		ret = open_packed(s, load, e);
	else
		ret = snapshots_open(s, dir, e) ? -1 : 1;
	if (ret <= 0)
		return ret;
	t = snapshots_trace_of(load->tables.name, kmt_meta(load));
	if (!snapshots_check(s, &t, warning, e))
		return 1;
	snapshots_close(s);
	return -1;
}
