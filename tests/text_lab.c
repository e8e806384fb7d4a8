/*
 * The events of a recording as other tools and other kernels would have written them.
 */
#include "tests/text_lab.h"

#include <stdlib.h>
#include <string.h>
#include <trace-cmd.h>
#include <unistd.h>

#include "lib/file.h"
#include "lib/mem.h"
#include "lib/units.h"
#include "tests/test.h"
#include "traces/import.h"

static int take(struct tracecmd_input *in, struct tep_record *rec, int cpu, void *data)
{
	struct tep_handle *tep = tracecmd_get_tep(in);
	struct lab_lines *ls = data;
	struct lab_line *l;
	struct trace_seq s;

	(void)cpu;
	if (ls->nr == ls->max)
		return 1;
	l = &ls->lines[ls->nr++];
	l->pid = tep_data_pid(tep, rec);
	snprintf(l->comm, sizeof(l->comm), "%s", tep_data_comm_from_pid(tep, l->pid));
	l->cpu = (u16)rec->cpu;
	l->flags = (u8)tep_data_flags(tep, rec);
	l->preempt = (u8)tep_data_preempt_count(tep, rec);
	l->t_ns = rec->ts;
	trace_seq_init(&s);
	tep_print_event(tep, &s, rec, "%s", TEP_PRINT_NAME);
	trace_seq_terminate(&s);
	l->name = mem_dup(s.buffer);
	trace_seq_reset(&s);
	tep_print_event(tep, &s, rec, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&s);
	l->info = mem_dup(s.buffer);
	l->info[strcspn(l->info, "\n")] = '\0';
	trace_seq_destroy(&s);
	return 0;
}

void lab_lines_read(struct lab_lines *ls, const char *path, u32 max)
{
	struct tracecmd_input *in = tracecmd_open(path, TRACECMD_FL_LOAD_NO_PLUGINS);

	assert_non_null(in);
	*ls = (struct lab_lines){.lines = mem_alloc(max, sizeof(*ls->lines)), .max = max};
	tracecmd_iterate_events(in, NULL, 0, take, ls);
	tracecmd_close(in);
	assert_int_not_equal(ls->nr, 0);
}

void lab_lines_free(struct lab_lines *ls)
{
	for (u32 i = 0; i < ls->nr; i++) {
		free(ls->lines[i].name);
		free(ls->lines[i].info);
	}
	free(ls->lines);
}

void lab_lines_write(const struct lab_lines *ls, const struct dialect *d, const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(d->head, f);
	for (u32 i = 0; i < ls->nr; i++)
		d->line(f, &ls->lines[i]);
	assert_int_equal(fclose(f), 0);
}

/* The value of "key=" in the event; *len of it. NULL: it has none. */
static const char *value_of(const char *info, const char *key, int *len)
{
	size_t n = strlen(key);

	for (const char *at = info; (at = strstr(at, key)); at += n)
		if ((at == info || at[-1] == ' ') && at[n] == '=') {
			*len = (int)strcspn(at + n + 1, " ");
			return at + n + 1;
		}
	return NULL;
}

static bool is_kmalloc(const struct lab_line *l)
{
	return !strcmp(l->name, "kmalloc") || !strcmp(l->name, "kmem_cache_alloc");
}

/* The event's fields one by one, each handed to `put`. */
static void each_field(FILE *f, const char *info,
		       void (*put)(FILE *f, const char *key, int key_len, const char *value,
				   int value_len))
{
	while (*info) {
		int word = (int)strcspn(info, " "), key = (int)strcspn(info, "= ");

		if (info[key] == '=')
			put(f, info, key, info + key + 1, word - key - 1);
		else
			fprintf(f, "%.*s ", word, info);
		info += word;
		info += strspn(info, " ");
	}
}

static bool is(const char *key, int len, const char *name)
{
	return (int)strlen(name) == len && !memcmp(key, name, (size_t)len);
}

static bool is_null(const char *value, int len)
{
	return is(value, len, "(nil)");
}

static double seconds(const struct lab_line *l)
{
	return (double)(l->t_ns / 1000) / 1e6;
}

/* trace-cmd report -t -N */
static void report_line(FILE *f, const struct lab_line *l)
{
	fprintf(f, "%16s-%-5d [%03u] %5llu.%09llu: %s:  %s\n", l->comm, l->pid, l->cpu,
		(unsigned long long)(l->t_ns / NSEC_PER_SEC),
		(unsigned long long)(l->t_ns % NSEC_PER_SEC), l->name, l->info);
}

/* trace-cmd report: its plugin puts the call site before the fields. */
static void plain_line(FILE *f, const struct lab_line *l)
{
	int len;
	const char *site = value_of(l->info, "call_site", &len);

	fprintf(f, "%16s-%-5d [%03u] %12.6f: %s:  ", l->comm, l->pid, l->cpu, seconds(l), l->name);
	if (site)
		fprintf(f, "(%.*s) ", len, site);
	fprintf(f, "%s\n", l->info);
}

static void put_flags(FILE *f, const struct lab_line *l, bool migration)
{
	bool hard = l->flags & TRACE_FLAG_HARDIRQ, soft = l->flags & TRACE_FLAG_SOFTIRQ;

	fprintf(f, "%c%c%c", l->flags & TRACE_FLAG_IRQS_OFF ? 'd' : '.',
		l->flags & TRACE_FLAG_NEED_RESCHED ? 'N' : '.',
		hard && soft ? 'H'
		: hard	     ? 'h'
		: soft	     ? 's'
			     : '.');
	fprintf(f, l->preempt & 15 ? "%x" : ".", l->preempt & 15);
	if (migration)
		fprintf(f, l->preempt >> 4 ? "%x" : ".", l->preempt >> 4);
}

/* trace-cmd report -l */
static void latency_line(FILE *f, const struct lab_line *l)
{
	fprintf(f, "%8.8s-%-5d %3u", l->comm, l->pid, l->cpu);
	put_flags(f, l, true);
	fprintf(f, " %12.6f: %s:  %s\n", seconds(l), l->name, l->info);
}

/* What Linux 6.x writes where trace-cmd writes something else. */
static void field_6(FILE *f, const char *key, int key_len, const char *value, int len)
{
	bool symbol = memchr(value, '+', (size_t)len) != NULL;

	fprintf(f, "%.*s=", key_len, key);
	if (is(key, key_len, "call_site") && symbol)
		fprintf(f, "%.*s/0x%x%s ", len, value, 0x1000 + len,
			*value == 'e' ? " [ext4]" : "");
	else if (is_null(value, len))
		fputs("0000000000000000 ", f);
	else if (is(key, key_len, "ptr"))
		fprintf(f, "%.*s ", len - 2, value + 2);
	else if (is(key, key_len, "page"))
		fprintf(f, "00000000%.8s ", value + 2);
	else
		fprintf(f, "%.*s ", len, value);
}

static void put_tracefs(FILE *f, const struct lab_line *l,
			void (*put)(FILE *f, const char *key, int key_len, const char *value,
				    int value_len))
{
	bool mark = !strcmp(l->name, "print");

	fprintf(f, "%12.6f: ", seconds(l));
	if (!mark)
		fprintf(f, "%s: ", l->name);
	if (mark || value_of(l->info, "reason", &(int){0}))
		fputs(l->info, f);
	else
		each_field(f, l->info, put);
	fputc('\n', f);
}

/* tracefs' trace file of Linux 6.x */
static void tracefs_line(FILE *f, const struct lab_line *l)
{
	fprintf(f, "%16s-%-7d [%03u] ", l->comm, l->pid, l->cpu);
	put_flags(f, l, true);
	put_tracefs(f, l, field_6);
}

/* The same with record-tgid. */
static void tgid_line(FILE *f, const struct lab_line *l)
{
	fprintf(f, "%16s-%-7d (", l->comm, l->pid);
	fprintf(f, l->pid % 3 ? "%7d" : "-------", l->pid);
	fprintf(f, ") [%03u] ", l->cpu);
	put_flags(f, l, true);
	put_tracefs(f, l, field_6);
}

/* Linux 4.x: frames in decimal, no accounted=, no node= but in events of their own. */
static void field_4(FILE *f, const char *key, int key_len, const char *value, int len)
{
	if (is(key, key_len, "accounted") || is(key, key_len, "node"))
		return;
	fprintf(f, "%.*s=", key_len, key);
	if (is_null(value, len))
		fputs("          (null) ", f);
	else if (is(key, key_len, "pfn"))
		fprintf(f, "%llu ", strtoull(value, NULL, 16));
	else if (is(key, key_len, "ptr") || is(key, key_len, "page"))
		fprintf(f, "%.*s ", len - 2, value + 2);
	else
		fprintf(f, "%.*s ", len, value);
}

static void old_line(FILE *f, const struct lab_line *l)
{
	fprintf(f, "%16s-%-5d [%03u] ", l->comm, l->pid, l->cpu);
	put_flags(f, l, false);
	fputc(' ', f);
	put_tracefs(f, l, field_4);
}

/* The events for a node that kernels before 6.1 had; order of fields turned round. */
static void node_line(FILE *f, const struct lab_line *l)
{
	int len;
	const char *gfp = value_of(l->info, "gfp_flags", &len);

	if (!is_kmalloc(l)) {
		report_line(f, l);
		return;
	}
	fprintf(f, "%s-%d [%03u] %llu.%09llu: %s_node: gfp_flags=%.*s ", l->comm, l->pid, l->cpu,
		(unsigned long long)(l->t_ns / NSEC_PER_SEC),
		(unsigned long long)(l->t_ns % NSEC_PER_SEC), l->name, len, gfp);
	fprintf(f, "%.*s%s\r\n", (int)(gfp - strlen("gfp_flags=") - l->info), l->info,
		strstr(l->info, " node="));
}

static void put_perf(FILE *f, const struct lab_line *l, const char *period)
{
	bool print = !strcmp(l->name, "print");
	char event[80];

	snprintf(event, sizeof(event), "%s:%s",
		 print				 ? "ftrace"
		 : strstr(l->info, "(ffffffff")	 ? "gt"
		 : strstr(l->name, "migrate")	 ? "migrate"
		 : strstr(l->name, "compaction") ? "compaction"
						 : "kmem",
		 l->name);
	fprintf(f, " %5llu.%09llu: %s%20s: %s\n", (unsigned long long)(l->t_ns / NSEC_PER_SEC),
		(unsigned long long)(l->t_ns % NSEC_PER_SEC), period, event, l->info);
}

/* perf script --ns */
static void perf_line(FILE *f, const struct lab_line *l)
{
	fprintf(f, "%16s %5d [%03u]", l->comm, l->pid, l->cpu);
	put_perf(f, l, "");
}

/* perf record -g; perf script --ns -F +pid,+misc,+period */
static void chain_line(FILE *f, const struct lab_line *l)
{
	fprintf(f, "%16s %5d/%-5d [%03u] K   ", l->comm, 1, l->pid, l->cpu);
	put_perf(f, l, "        1 ");
	fputs("\tffffffff81163a2b kmem_cache_alloc+0x1 ([kernel.kallsyms])\n"
	      "\t    7f3c1e4b2aa0 [unknown] (/usr/bin/snap-1 [003] 1.5: x)\n\n",
	      f);
}

#define TRACEFS_HEAD                                                                               \
	"# tracer: nop\n#\n# entries-in-buffer/entries-written: 40000/40000   #P:4\n#\n"           \
	"#                                _-----=> irqs-off/BH-disabled\n"                         \
	"#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"

const struct dialect dialects[] = {
	{"trace-cmd report -t -N", "cpus=4\n", report_line, false, false},
	{"trace-cmd report", "version = 6\nCPU 3 is empty\ncpus=4\n", plain_line, true, false},
	{"trace-cmd report -l", "cpus=4\n", latency_line, true, false},
	{"tracefs, Linux 6.x", TRACEFS_HEAD, tracefs_line, true, false},
	{"tracefs with tgid", TRACEFS_HEAD, tgid_line, true, false},
	{"tracefs, Linux 4.x", TRACEFS_HEAD, old_line, true, true},
	{"events for a node", "cpus=4\n", node_line, false, false},
	{"perf script", "# ========\n# os release : 6.1.0\n# nrcpus avail : 4\n#\n", perf_line,
	 false, false},
	{"perf script, chains", "# nrcpus avail : 4\n", chain_line, false, false},
	{0},
};

int import_file(const char *path, const char *to, struct err *e)
{
	struct import_options o = {0};
	struct new_file nf;

	unlink(to);
	assert_int_equal(new_file_open(&nf, to, e), 0);
	if (import_trace(path, nf.f, &o, e)) {
		new_file_abort(&nf);
		return -1;
	}
	return new_file_commit(&nf, e);
}
