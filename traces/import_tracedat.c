/*
 * Importer of trace.dat: recordings of trace-cmd. Event formats and symbols are read with
 * libtracecmd and libtraceevent, the records with traces/tracedat_cpu.h.
 *
 * Theory. Each CPU's records are in order; merging them is done here, by runs: the CPU with the
 * oldest record is read until the second oldest is older. Fields are read at offsets looked up once
 * for each event format, as reading by name costs more than everything else together.
 */
#include <stdlib.h>
#include <string.h>
#include <trace-cmd.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "traces/event_kinds.h"
#include "traces/gfp.h"
#include "traces/guard.h"
#include "traces/importer.h"
#include "traces/map.h"
#include "traces/tracedat_cpu.h"

#define EVENT_IDS 65536
#define COMMON_FLAGS_IRQ (TRACE_FLAG_HARDIRQ | TRACE_FLAG_SOFTIRQ)

struct field {
	u16 offset, size; /* size 0: the event has none */
	bool text;	  /* __data_loc: offset and length of a string */
};

struct event_reader {
	const struct event_kind *kind;
	struct field f[NR_FIELDS];
	u32 end; /* fixed fields are within this many bytes */
};

struct tracedat {
	struct raw_sink *sink;
	struct tracecmd_input *in;
	struct tep_handle *tep;
	struct event_reader *readers; /* by event id */
	u64 *counts;		      /* by event id */
	u16 flags_offset, pid_offset;
	struct gfp_map gfp;
	struct map sites; /* address -> number */

	unsigned int nr_cpus;
	struct tracedat_cpus *cpus;
	struct tracedat_record *head; /* next record of each CPU; data NULL: none left */
	u64 *next_ts;		      /* times of these; UINT64_MAX: none left */
	u64 *nr_read;		      /* records of each CPU so far */
	u64 t_first_ns, t_last_ns, lost, read;
};

static void find_field(struct tep_event *event, const char *name, struct field *f, u32 *end)
{
	struct tep_format_field *tf = name ? tep_find_field(event, name) : NULL;

	if (!tf || tf->offset < 0 || tf->offset > UINT16_MAX || tf->size < 0 || tf->size > 8)
		return;
	f->offset = (u16)tf->offset;
	f->size = (u16)tf->size;
	f->text = tf->flags & TEP_FIELD_IS_DYNAMIC;
	*end = max(*end, (u32)f->offset + f->size);
}

static void learn_flag_names(struct gfp_map *m, const struct tep_print_arg *arg)
{
	for (; arg; arg = arg->next) {
		if (arg->type == TEP_PRINT_OP) {
			learn_flag_names(m, arg->op.left);
			learn_flag_names(m, arg->op.right);
		}
		if (arg->type != TEP_PRINT_FLAGS)
			continue;
		for (const struct tep_print_flag_sym *s = arg->flags.flags; s; s = s->next)
			gfp_map_learn(m, s->str, strtoull(s->value, NULL, 0));
	}
}

static void find_events(struct tracedat *td)
{
	for (size_t i = 0; i < NR_EVENT_KINDS; i++) {
		const struct event_kind *k = &event_kinds[i];
		struct tep_event *event = tep_find_event_by_name(td->tep, k->system, k->name);
		struct event_reader *r;

		if (!event || event->id < 0 || event->id >= EVENT_IDS)
			continue;
		r = &td->readers[event->id];
		r->kind = k;
		for (int f = 0; f < NR_FIELDS; f++)
			find_field(event, k->fields[f], &r->f[f], &r->end);
		if (k->fields[F_GFP])
			learn_flag_names(&td->gfp, event->print_fmt.args);
	}
}

static int find_common(struct tracedat *td, struct err *e)
{
	struct tep_event *event = tep_get_first_event(td->tep);
	struct tep_format_field *type, *flags, *pid;

	type = event ? tep_find_common_field(event, "common_type") : NULL;
	flags = event ? tep_find_common_field(event, "common_flags") : NULL;
	pid = event ? tep_find_common_field(event, "common_pid") : NULL;
	if (!type || !flags || !pid || type->offset || type->size != 2 || flags->size != 1 ||
	    pid->size != 4 || flags->offset > 64 || pid->offset > 64)
		return err_set(e, "no usable event formats");
	td->flags_offset = (u16)flags->offset;
	td->pid_offset = (u16)pid->offset;
	return 0;
}

static u64 get(const u8 *data, const struct field *f)
{
	u64 v = 0;

	memcpy(&v, data + f->offset, f->size);
	return v;
}

static u32 site_number(struct tracedat *td, u64 addr)
{
	u32 *at;
	const char *name;
	unsigned long long start;
	char text[256];

	if (!addr)
		return 0;
	at = map_put(&td->sites, addr, UINT32_MAX);
	if (*at != UINT32_MAX)
		return *at;
	if (tep_find_function_info(td->tep, addr, &name, &start, NULL) && name)
		snprintf(text, sizeof(text), "%s+0x%llx", name, (unsigned long long)addr - start);
	else
		snprintf(text, sizeof(text), "0x%llx", (unsigned long long)addr);
	*at = raw_sink_site(td->sink, text);
	return *at;
}

/* A string that lies where a __data_loc field says, within the record. */
static const char *get_text(const struct tracedat_record *rec, const struct field *f, size_t *len)
{
	u32 at, n, loc;

	if (!f->size) { /* char[] at the end of the record */
		at = f->offset;
		n = rec->size - at;
	} else {
		loc = (u32)get(rec->data, f);
		at = loc & 0xffff;
		n = loc >> 16;
	}
	if (at > rec->size || n > rec->size - at)
		return NULL;
	*len = strnlen((const char *)rec->data + at, n);
	return (const char *)rec->data + at;
}

static const char *event_name(struct tracedat *td, int id, char text[32])
{
	struct tep_event *event = tep_find_event(td->tep, id);

	snprintf(text, 32, "unknown-%d", id);
	return event ? event->name : text;
}

static void counts_so_far(struct tracedat *td)
{
	char text[32];

	for (int id = 0; id < EVENT_IDS; id++)
		if (td->counts[id])
			raw_sink_count_so_far(td->sink, event_name(td, id, text), td->counts[id]);
}

static bool fill_name(struct tracedat *td, const struct tracedat_record *rec,
		      const struct event_reader *r, struct raw_event *ev)
{
	const struct field *f = &r->f[F_NAME];
	bool is_mark = ev->type == RAW_MARK;
	const char *text;
	size_t n;

	if (!is_mark && (!f->size || !f->text))
		return true;
	text = get_text(rec, f, &n);
	if (!text)
		return false;
	if (is_mark) {
		counts_so_far(td);
		n = strcspn(text, "\n") < n ? strcspn(text, "\n") : n;
		ev->ptr = raw_sink_mark(td->sink, text, n);
	} else if (n) {
		ev->name = raw_sink_name(td->sink, text, n) + 1;
	}
	return true;
}

static int read_event(struct tracedat *td, unsigned int cpu, struct err *e)
{
	const struct tracedat_record *rec = &td->head[cpu];
	const u8 *data = rec->data;
	const struct event_reader *r;
	struct raw_event ev = {.t_ns = rec->t_ns, .cpu = (u16)cpu, .node = -1};
	u16 id;

	if (rec->size < 8)
		return err_set(e, "a record of %u bytes on CPU %u: damaged", rec->size, cpu);
	memcpy(&id, data, 2);
	td->counts[id]++;
	r = &td->readers[id];
	if (!r->kind)
		return 0;
	if (rec->size < r->end)
		return err_set(e, "a record of %s has %u bytes, not %u, on CPU %u: damaged",
			       r->kind->name, rec->size, r->end, cpu);
	ev.type = r->kind->type;
	ev.flags = data[td->flags_offset] & COMMON_FLAGS_IRQ ? RAW_F_IRQ : 0;
	memcpy(&ev.pid, data + td->pid_offset, 4);
	ev.ptr = get(data, &r->f[F_PTR]);
	ev.size = (u32)get(data, &r->f[F_SIZE]);
	ev.alloc = (u32)get(data, &r->f[F_ALLOC]);
	ev.order = (u8)min(get(data, &r->f[F_ORDER]), (u64)UINT8_MAX);
	if (r->f[F_GFP].size)
		ev.gfp = gfp_translate(&td->gfp, get(data, &r->f[F_GFP]));
	if (r->f[F_SITE].size)
		ev.site = site_number(td, get(data, &r->f[F_SITE]));
	if (r->f[F_NODE].size)
		ev.node = (s16)get(data, &r->f[F_NODE]);
	if (r->kind->fields[F_NAME] && !fill_name(td, rec, r, &ev))
		return err_set(e, "a record of %s names a text outside itself, on CPU %u: damaged",
			       r->kind->name, cpu);
	return event_adjust(&ev) ? raw_sink_event(td->sink, &ev, e) : 0;
}

static int advance(struct tracedat *td, unsigned int cpu, struct err *e)
{
	struct tracedat_record *rec = &td->head[cpu];
	int got = tracedat_cpu_next(td->cpus, cpu, rec, e);

	if (got < 0)
		return -1;
	if (!got) {
		rec->data = NULL;
		td->next_ts[cpu] = UINT64_MAX;
		return 0;
	}
	td->next_ts[cpu] = rec->t_ns;
	td->nr_read[cpu]++;
	td->lost += rec->lost;
	return 0;
}

/*
 * The CPU with the oldest record (the lowest of several), and where its run ends: at the oldest
 * record of the others. A plain scan: with many CPUs it is one sweep over an array for each run,
 * not each record.
 */
static unsigned int oldest(const struct tracedat *td, u64 *limit_ts, unsigned int *limit_cpu)
{
	unsigned int best = 0, second = td->nr_cpus;

	for (unsigned int c = 1; c < td->nr_cpus; c++) {
		if (td->next_ts[c] < td->next_ts[best]) {
			second = best;
			best = c;
		} else if (second == td->nr_cpus || td->next_ts[c] < td->next_ts[second]) {
			second = c;
		}
	}
	*limit_ts = second < td->nr_cpus ? td->next_ts[second] : UINT64_MAX;
	*limit_cpu = second;
	return best;
}

static int merge(struct tracedat *td, struct err *e)
{
	unsigned int c, limit_cpu;
	u64 limit_ts;

	while (c = oldest(td, &limit_ts, &limit_cpu), td->head[c].data) {
		do {
			td->t_last_ns = max(td->t_last_ns, td->next_ts[c]);
			if (read_event(td, c, e))
				return -1;
			if (++td->read % 16384 == 0)
				guard_progress(td->read, 0);
			if (advance(td, c, e))
				return -1;
		} while (td->head[c].data && (td->next_ts[c] < limit_ts ||
					      (td->next_ts[c] == limit_ts && c < limit_cpu)));
	}
	return 0;
}

static void report_counts(struct tracedat *td)
{
	char text[32];

	for (int id = 0; id < EVENT_IDS; id++)
		if (td->counts[id])
			raw_sink_count(td->sink, event_name(td, id, text), td->counts[id]);
}

/* The recorder counted what it read of each CPU: all of it must be there. */
static int check_complete(const struct tracedat *td, const struct tracedat_about *about,
			  struct err *e)
{
	for (unsigned int c = 0; c < min(td->nr_cpus, (unsigned int)TRACEDAT_CPUS_MAX); c++)
		if (td->nr_read[c] < about->nr_events[c] && !td->lost)
			return err_set(e,
				       "CPU %u: only %llu of %llu recorded events are there: "
				       "truncated or damaged",
				       c, (unsigned long long)td->nr_read[c],
				       (unsigned long long)about->nr_events[c]);
	return 0;
}

static int read_all(struct tracedat *td, const struct tracedat_about *about, struct err *e)
{
	bool any = false;

	td->tep = tracecmd_get_tep(td->in);
	td->nr_cpus = (unsigned int)max(tep_get_cpus(td->tep), (int)about->nr_cpus);
	td->head = mem_alloc(td->nr_cpus + 1, sizeof(*td->head));
	td->nr_read = mem_alloc(td->nr_cpus + 1, sizeof(*td->nr_read));
	td->next_ts = mem_alloc(td->nr_cpus + 1, sizeof(*td->next_ts));
	if (tep_is_old_format(td->tep))
		return err_set(e, "records as kernels before 2.6.31 wrote them are not supported");
	if (find_common(td, e))
		return -1;
	find_events(td);
	for (unsigned int c = 0; c < td->nr_cpus; c++) {
		if (advance(td, c, e))
			return -1;
		if (!td->head[c].data)
			continue;
		td->t_first_ns = any ? min(td->t_first_ns, td->head[c].t_ns) : td->head[c].t_ns;
		any = true;
	}
	if (!any)
		return err_set(e, "no events in it");
	raw_sink_begin(td->sink, td->nr_cpus, about->kernel, about->clock, td->t_first_ns);
	if (merge(td, e))
		return -1;
	if (check_complete(td, about, e))
		return -1;
	report_counts(td);
	raw_sink_end(td->sink, td->t_last_ns, max(td->lost, about->lost));
	return 0;
}

static void tracedat_free(struct tracedat *td)
{
	tracedat_cpus_close(td->cpus);
	free(td->head);
	free(td->next_ts);
	free(td->nr_read);
	free(td->readers);
	free(td->counts);
	map_free(&td->sites);
	if (td->in)
		tracecmd_close(td->in);
}

static int tracedat_run(const char *path, struct raw_sink *sink, struct err *e)
{
	struct tracedat td = {.sink = sink};
	struct tracedat_about about;
	int ret;

	if (tracedat_check(path, &about, e))
		return -1;
	td.readers = mem_alloc(EVENT_IDS, sizeof(*td.readers));
	td.counts = mem_alloc(EVENT_IDS, sizeof(*td.counts));
	map_init(&td.sites);
	gfp_map_init(&td.gfp);
	tracecmd_set_loglevel(TEP_LOG_NONE);
	tep_set_loglevel(TEP_LOG_NONE);
	td.in = tracecmd_open_head(path, TRACECMD_FL_LOAD_NO_PLUGINS);
	if (!td.in)
		ret = err_set(e, "not readable by libtracecmd (damaged?)");
	else
		ret = !(td.cpus = tracedat_cpus_open(path, &about, e)) || read_all(&td, &about, e)
			      ? -1
			      : 0;
	if (ret)
		err_prefix(e, "%s", path);
	tracedat_free(&td);
	return ret;
}

static struct importer tracedat = {
	.name = "tracedat",
	.summary = "trace.dat of trace-cmd (versions 6 and 7)",
	.probe = tracedat_probe,
	.run = tracedat_run,
};

IMPORTER_REGISTER(tracedat)
