/*
 * Between importer and repair: texts get numbers, the direct map is found, tables are filled at the
 * end.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"
#include "traces/direct_map.h"
#include "traces/import.h"
#include "traces/snapshots_load.h"
#include "traces/tally.h"

/* Events held back at most until the direct map's base is known: in practice some hundreds. */
#define HELD_MAX 65536U

struct raw_sink {
	struct repair repair;
	struct kmt_meta meta;
	struct names sites;
	struct direct_map map;
	struct tally tally;
	struct raw_event *held;
	char *machine; /* NULL: the recording does not tell */
	u32 nr_held;
	u32 nr_event_names;
	const struct mm_stat_row *rows; /* of the recorded store */
	size_t nr_rows, next_row;
};

struct raw_sink *raw_sink_open(struct err *e)
{
	struct raw_sink *s = mem_alloc(1, sizeof(*s));

	names_init(&s->sites);
	tally_init(&s->tally);
	names_add(&s->sites, "?", 1);
	s->held = mem_alloc(HELD_MAX, sizeof(*s->held));
	if (repair_open(&s->repair, e)) {
		raw_sink_close(s);
		return NULL;
	}
	return s;
}

void raw_sink_close(struct raw_sink *s)
{
	repair_close(&s->repair);
	kmt_meta_free(&s->meta);
	names_free(&s->sites);
	tally_free(&s->tally);
	free(s->held);
	free(s->machine);
	free(s);
}

u32 raw_sink_site(struct raw_sink *s, const char *text)
{
	return names_add(&s->sites, text, strlen(text));
}

u32 raw_sink_name(struct raw_sink *s, const char *text, size_t len)
{
	return naming_cache(&s->repair.naming, text, len);
}

u32 raw_sink_mark(struct raw_sink *s, const char *text, size_t len)
{
	tally_mark(&s->tally);
	return repair_add_mark(&s->repair, text, len);
}

void raw_sink_begin(struct raw_sink *s, unsigned int nr_cpus, const char *kernel, const char *clock,
		    u64 t_first_ns)
{
	s->meta.nr_cpus = nr_cpus;
	s->meta.kernel = mem_dup(kernel);
	s->meta.clock = mem_dup(clock);
	s->repair.t_first_ns = t_first_ns;
	s->repair.stats.t_first_ns = t_first_ns;
}

void raw_sink_machine(struct raw_sink *s, const char *yaml)
{
	free(s->machine);
	s->machine = mem_dup(yaml);
}

void raw_sink_cpus(struct raw_sink *s, unsigned int nr_cpus)
{
	s->meta.nr_cpus = nr_cpus;
}

void raw_sink_end(struct raw_sink *s, u64 t_last_ns, u64 lost_events)
{
	s->repair.stats.t_last_ns = t_last_ns;
	s->repair.stats.lost_events = lost_events;
}

void raw_sink_count(struct raw_sink *s, const char *event_name, u64 count)
{
	struct kmt_meta *m = &s->meta;

	m->events = mem_grow(m->events, m->nr_events + 1, sizeof(*m->events));
	m->events[m->nr_events++] = (struct kmt_event_count){mem_dup(event_name), count};
	s->repair.stats.nr_events += count;
}

void raw_sink_count_so_far(struct raw_sink *s, const char *event_name, u64 count)
{
	tally_set(&s->tally, event_name, count);
}

static int release_held(struct raw_sink *s, struct err *e)
{
	s->repair.base = s->map.base;
	for (u32 i = 0; i < s->nr_held; i++)
		if (repair_event(&s->repair, &s->held[i], e))
			return -1;
	free(s->held);
	s->held = NULL;
	s->nr_held = 0;
	return 0;
}

static void note_frame(struct raw_sink *s, const struct raw_event *ev)
{
	u64 last = ev->ptr + (1ULL << (ev->order & 31)) - 1;

	if (ev->ptr != RAW_PFN_NONE && last > s->repair.stats.pfn_max)
		s->repair.stats.pfn_max = last;
}

void raw_sink_mm_stat(struct raw_sink *s, const struct mm_stat_row *rows, size_t nr)
{
	s->rows = rows;
	s->nr_rows = nr;
}

static int hand_on(struct raw_sink *s, const struct raw_event *ev, struct err *e);

/* Rows of mm_stat that were read before the event are events themselves. */
static int rows_until(struct raw_sink *s, u64 t_ns, u16 cpu, struct err *e)
{
	for (; s->next_row < s->nr_rows; s->next_row++) {
		struct raw_event ev = {.type = RAW_STORE_STAT, .cpu = cpu, .node = -1};
		char *mark;

		ev.t_ns = mm_stat_time(s->rows, s->nr_rows, s->next_row);
		if (ev.t_ns >= t_ns)
			break;
		mark = mm_stat_mark(&s->rows[s->next_row]);
		ev.ptr = raw_sink_mark(s, mark, strlen(mark));
		free(mark);
		ev.size = mm_stat_rises(s->rows, s->nr_rows, s->next_row);
		if (hand_on(s, &ev, e))
			return -1;
	}
	return 0;
}

int raw_sink_event(struct raw_sink *s, const struct raw_event *ev, struct err *e)
{
	struct import_stats *stats = &s->repair.stats;

	if (unlikely(s->next_row < s->nr_rows) && rows_until(s, ev->t_ns, ev->cpu, e))
		return -1;
	stats->cpus_used = max(stats->cpus_used, (u64)ev->cpu + 1);
	tally_event(&s->tally, ev);
	if (ev->type == RAW_PAGE_ALLOC || ev->type == RAW_PAGE_FREE)
		note_frame(s, ev);
	return hand_on(s, ev, e);
}

/* To the repair, as soon as it can tell page frames by addresses. */
static int hand_on(struct raw_sink *s, const struct raw_event *ev, struct err *e)
{
	if (likely(!s->held))
		return repair_event(&s->repair, ev, e);
	s->held[s->nr_held++] = *ev;
	if (direct_map_learn(&s->map, ev))
		return release_held(s, e);
	if (s->nr_held < HELD_MAX)
		return 0;
	direct_map_settle(&s->map);
	return release_held(s, e);
}

static void fill_caches(struct kmt_meta *m, struct repair *r)
{
	const struct naming *n = &r->naming;

	m->nr_caches = n->names.nr;
	m->caches = mem_alloc(m->nr_caches, sizeof(*m->caches));
	m->cache_use = mem_alloc(m->nr_caches, sizeof(*m->cache_use));
	for (u32 c = 0; c < m->nr_caches; c++) {
		const struct cache_info *ci = &n->caches[c];

		m->caches[c] = (struct source_cache){
			.name = mem_dup(n->names.text[c]),
			.object_size = ci->object_size,
			.size = ci->size,
			.align = naming_align(ci->object_size, ci->size),
			.kmalloc = ci->kmalloc,
			.reclaimable = ci->reclaimable,
		};
		m->cache_use[c] = (struct kmt_cache_use){ci->allocs, ci->frees};
		r->stats.unresolved_caches += ci->unnamed;
	}
}

static void fill_texts(struct kmt_meta *m, struct raw_sink *s)
{
	struct repair *r = &s->repair;

	m->nr_sites = s->sites.nr;
	m->sites = mem_alloc(m->nr_sites, sizeof(*m->sites));
	for (u32 i = 0; i < m->nr_sites; i++)
		m->sites[i] = mem_dup(s->sites.text[i]);
	m->nr_marks = r->nr_marks;
	m->marks = mem_alloc(m->nr_marks, sizeof(*m->marks));
	for (u32 i = 0; i < m->nr_marks; i++)
		m->marks[i] = (struct source_mark){mem_dup(r->marks[i].text), r->marks[i].t_ns};
}

static int write_state(struct kmt_writer *w, const struct state *state, struct err *e)
{
	struct bytes out = {0};
	int ret;

	state_encode(state, &out);
	ret = kmt_writer_section(w, KMT_SECTION_STATE, out.data, out.n, e);
	bytes_free(&out);
	return ret;
}

static int write_free(struct kmt_writer *w, const struct free_frames *f, struct err *e)
{
	struct bytes out = {0};
	int ret;

	if (!f->nr)
		return 0;
	free_frames_encode(f, &out);
	ret = kmt_writer_section(w, KMT_SECTION_FREE, out.data, out.n, e);
	bytes_free(&out);
	return ret;
}

static int write_tally(struct kmt_writer *w, const struct tally *t, struct err *e)
{
	struct bytes out = {0};
	int ret;

	if (!t->nr_marks)
		return 0;
	tally_encode(t, &out);
	ret = kmt_writer_section(w, KMT_SECTION_TALLY, out.data, out.n, e);
	bytes_free(&out);
	return ret;
}

/* Before anything is written: are they of this recording? Single ones that are not marked are told
 * of by who opens the file. */
static int check_snapshots(struct raw_sink *s, const struct import_options *o, struct err *e)
{
	struct snapshots_trace t = snapshots_trace_of("the trace", &s->meta);
	char *warning;

	if (!o->snapshots)
		return 0;
	if (snapshots_check(o->snapshots, &t, &warning, e))
		return -1;
	free(warning);
	/* CPUs that were never on line: the trace counts them, the machine does not have them. */
	if (o->snapshots->nr_cpus)
		s->meta.nr_cpus = min(s->meta.nr_cpus, o->snapshots->nr_cpus);
	return 0;
}

static int write_snapshots(struct kmt_writer *w, const struct import_options *o, struct err *e)
{
	struct bytes out = {0};
	int ret;

	if (!o->files)
		return 0;
	snapshot_files_pack(o->files, &out);
	ret = kmt_writer_section(w, KMT_SECTION_SNAPSHOTS, out.data, out.n, e);
	bytes_free(&out);
	return ret;
}

/* Of a recording that tells of its machine: one node, all of it. */
static const struct emit_nodes one_node = {.nr_nodes = 1, .pfn_end = {UINT64_MAX}};

/* The machine, which may be assumed, has CPUs that the trace does not have: a birth on their node
 * is asked for from another. */
static struct emit_nodes recorded_cpus(struct emit_nodes nodes, unsigned int nr_cpus)
{
	for (unsigned int nid = 0; nid < nodes.nr_nodes; nid++)
		if (nodes.cpu[nid] >= nr_cpus)
			nodes.cpu[nid] = 0;
	return nodes;
}

int raw_sink_finish(struct raw_sink *s, struct kmt_writer *w, const struct import_options *o,
		    const char *source_name, u64 source_hash, const char *importer, struct err *e)
{
	struct emit_nodes nodes = s->machine && !o->machine ? one_node : o->nodes;
	struct kmt_meta *m = &s->meta;
	struct state state = {0};

	if (rows_until(s, UINT64_MAX, 0, e))
		goto abort;
	if (s->held) {
		direct_map_settle(&s->map);
		if (release_held(s, e))
			goto abort;
	}
	repair_finish(&s->repair);
	fill_texts(m, s);
	m->importer = mem_dup(importer);
	m->stats = s->repair.stats;
	if (check_snapshots(s, o, e))
		goto abort;
	nodes = recorded_cpus(nodes, m->nr_cpus);
	if (emit_requests(&s->repair, &nodes, w, &state, e) || write_state(w, &state, e) ||
	    write_free(w, &s->repair.free_frames, e) || write_tally(w, &s->tally, e) ||
	    write_snapshots(w, o, e))
		goto abort;
	state_free(&state);
	fill_caches(m, &s->repair);
	m->stats = s->repair.stats;
	m->source_name = mem_dup(source_name);
	m->source_hash = source_hash;
	m->machine = mem_dup(o->machine ? o->machine : s->machine);
	m->nr_nodes = nodes.nr_nodes;
	return kmt_writer_finish(w, m, e);
abort:
	state_free(&state);
	kmt_writer_abort(w);
	return -1;
}
