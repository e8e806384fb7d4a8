/*
 * A workload as a stream of requests.
 *
 * Theory: everything that is to come lies in one wheel: next requests of jobs, frees, repetitions,
 * marks. What is taken out becomes a request and puts in what follows from it. Most of that is
 * known at once. A worker that waits and a request that may be repeated go on when they are told
 * how it went: until then nothing may be handed out that could come later than what they do next.
 * Their think times and lifetimes are drawn beforehand, so that this is known to be some time off,
 * and a batch goes as far as that.
 *
 * Invariant: the order is total, (time, job, order of putting in), whatever the batches.
 */
#include "workloads/source.h"

#include <string.h>

#include "lib/assert.h"
#include "lib/mem.h"
#include "workloads/slots.h"

static void put(struct workload_source *ws, const struct lane *l, u64 t_ns, enum event_kind kind,
		u32 what, u16 cpu)
{
	if (t_ns >= ws->load.duration_ns)
		return; /* lives to the end */
	wheel_put(ws->wheel, (struct wheel_item){.t_ns = t_ns,
						 .what = what,
						 .cpu = cpu,
						 .job = (u8)l->job->proto.site,
						 .kind = (u8)kind});
}

/* When a lane asks next, with fraction: after a gap from `base`, if it is at work then. */
static u64 next_time(struct lane *l, u64 base, bool first)
{
	const struct job *job = l->job;
	struct span s = job_span(job, base >> DIST_FRACTION_BITS);

	if (s.from_ns > base >> DIST_FRACTION_BITS) {
		base = s.from_ns << DIST_FRACTION_BITS;
		first = true;
	}
	while (s.from_ns != TIME_NEVER) {
		u64 at = base +
			 job->gen->gap(job, &l->gaps, &(struct job_time){base, s.phase, first});

		if (at >> DIST_FRACTION_BITS < s.until_ns)
			return at;
		s = job_span(job, s.until_ns);
		base = s.from_ns << DIST_FRACTION_BITS;
		first = true;
	}
	return TIME_NEVER;
}

static struct request *request_new(struct workload_source *ws, const struct lane *l, u64 t_ns)
{
	struct request *r = &ws->batch[ws->nr];

	ws->waits[ws->nr++] = false;
	*r = l->job->proto;
	r->t_ns = t_ns;
	return r;
}

static void object_new(struct workload_source *ws, struct request *r)
{
	r->object = idset_take(&ws->ids);
	while (unlikely(r->object >= ws->base.tables.nr_objects_max))
		ws->base.tables.nr_objects_max *= 2;
}

/* Of an object that there is. */
static void emit_about(struct workload_source *ws, const struct lane *l, u64 t_ns, u32 object,
		       u16 cpu, u8 kind)
{
	struct request *r = request_new(ws, l, t_ns);

	*r = (struct request){.t_ns = t_ns,
			      .object = object,
			      .site = r->site,
			      .cpu = cpu,
			      .node = -1,
			      .kind = kind};
}

static void emit_read(struct workload_source *ws, const struct lane *l, u64 t_ns, u32 object,
		      u16 cpu)
{
	emit_about(ws, l, t_ns, object, cpu, REQ_STORE_READ);
}

/* An object of a store is read before it goes, if its job says so. */
static void emit_last_read(struct workload_source *ws, struct lane *l, u64 t_ns, u32 object,
			   u16 cpu)
{
	if (l->job->read_ppm && rng_below(&l->reads, 1000000) < l->job->read_ppm)
		emit_read(ws, l, t_ns, object, cpu);
}

static void emit_free(struct workload_source *ws, const struct lane *l, u64 t_ns, u32 object,
		      u16 cpu)
{
	emit_about(ws, l, t_ns, object, cpu, (u8)(l->job->proto.kind + 1));
	idset_put(&ws->ids, object);
}

static u16 draw_cpu(const struct job *job, struct rng *r)
{
	return job->nr_cpus == 1 ? job->cpus[0] : job->cpus[rng_below(r, job->nr_cpus)];
}

/* What is handed out from now on comes before anything that may follow from this. */
static void await(struct workload_source *ws, const struct lane *l, struct flight *f)
{
	u64 ahead_ns = TIME_NEVER;

	if (request_is_alloc((enum request_kind)f->r.kind)) {
		ahead_ns = f->lifetime_ns;
		if (l->job->on_failure == FAILURE_RETRY)
			ahead_ns = min(ahead_ns, l->job->retry_after_ns);
	}
	if (l->nr_workers)
		ahead_ns = min(ahead_ns, f->gap >> DIST_FRACTION_BITS);
	f->safe_ns = f->r.t_ns + ahead_ns;
	ws->waits[f - ws->flights] = true;
	ws->bound_ns = min(ws->bound_ns, f->safe_ns);
}

/* Asks once more for what the flight describes, now. */
static void emit_told(struct workload_source *ws, struct lane *l, const struct flight *from,
		      u64 t_ns)
{
	struct flight *f = &ws->flights[ws->nr];
	struct request *r = request_new(ws, l, t_ns);

	*f = *from;
	*r = from->r;
	r->t_ns = t_ns;
	object_new(ws, r);
	f->r = *r;
	await(ws, l, f);
}

#define ANY_CPU UINT16_MAX

static void emit_request(struct workload_source *ws, struct lane *l, u64 t_ns, u32 worker, u16 cpu)
{
	const struct job *job = l->job;
	struct request r = job->proto;
	u64 what = dist_draw(&job->what, &l->whats);
	u64 lifetime_ns = job->gen->lifetime_ns(job, &l->lifetimes, t_ns);
	u16 free_cpu;

	r.t_ns = t_ns;
	r.cpu = l->nr_workers	 ? job->cpus[worker % job->nr_cpus]
		: cpu == ANY_CPU ? draw_cpu(job, &l->cpus)
				 : cpu;
	free_cpu = job->free_any ? draw_cpu(job, &l->free_cpus) : r.cpu;
	if (r.kind == REQ_PAGE_ALLOC)
		r.order = what & 15;
	else
		r.size = (u32)what;
	if (job->copies > 1)
		r.cache = (u16)(r.cache + rng_below(&l->copies, job->copies));
	if (job->pinned_ppm && rng_below(&l->pins, 1000000) < job->pinned_ppm)
		r.flags |= REQ_F_PINNED;
	if (l->told) {
		struct flight f = {.r = r,
				   .lifetime_ns = lifetime_ns,
				   .worker = worker,
				   .retries = (u32)job->retries,
				   .free_cpu = free_cpu};

		if (l->nr_workers)
			f.gap = job->gen->gap(job, &l->gaps, &(struct job_time){0});
		emit_told(ws, l, &f, t_ns);
		return;
	}
	object_new(ws, &r);
	ws->waits[ws->nr] = false;
	ws->batch[ws->nr++] = r;
	put(ws, l, t_ns + lifetime_ns, EVENT_FREE, r.object, free_cpu);
}

/* Of a job that asks for no memory. */
static void emit_bare(struct workload_source *ws, struct lane *l, u64 t_ns)
{
	struct request *r = request_new(ws, l, t_ns);

	r->cpu = draw_cpu(l->job, &l->cpus);
}

static void slot_empty(struct workload_source *ws, struct lane *l, u64 t_ns, u32 slot, u16 cpu)
{
	if (l->slots[slot] == SLOT_EMPTY)
		return;
	emit_last_read(ws, l, t_ns, l->slots[slot], cpu);
	emit_free(ws, l, t_ns, l->slots[slot], cpu);
	l->slots[slot] = SLOT_EMPTY;
}

static void slot_fill(struct workload_source *ws, struct lane *l, u64 t_ns, u32 slot, u16 cpu)
{
	emit_request(ws, l, t_ns, 0, cpu);
	l->slots[slot] = ws->batch[ws->nr - 1].object;
}

/* As many as there may be do not go into one batch. */
static void slots_discard(struct workload_source *ws, struct lane *l, u64 t_ns,
			  const struct slot_step *s, u16 cpu)
{
	u32 nr_slots = l->job->gen->slots->nr(l->job);

	for (u32 i = 0; i < s->nr; i++) {
		u32 *slot = &l->slots[(s->slot + i) % nr_slots];

		if (*slot != SLOT_EMPTY)
			put(ws, l, t_ns, EVENT_FREE, *slot, cpu);
		*slot = SLOT_EMPTY;
	}
}

/* False: there is nothing more to do. */
static bool slot_step(struct workload_source *ws, struct lane *l, u64 t_ns)
{
	struct slot_step s = l->job->gen->slots->step(l->job, l->device, &l->steps);
	u16 cpu = draw_cpu(l->job, &l->cpus);
	u32 old;

	switch (s.what) {
	case SLOT_REST:
		return false;
	case SLOT_READ:
		ASSERT(l->slots[s.slot] != SLOT_EMPTY);
		emit_read(ws, l, t_ns, l->slots[s.slot], cpu);
		break;
	case SLOT_WRITE:
		old = l->slots[s.slot];
		if (old != SLOT_EMPTY)
			emit_last_read(ws, l, t_ns, old, cpu);
		slot_fill(ws, l, t_ns, s.slot, cpu);
		if (old != SLOT_EMPTY)
			emit_free(ws, l, t_ns, old, cpu);
		break;
	case SLOT_REPLACE:
		slot_empty(ws, l, t_ns, s.slot, cpu);
		slot_fill(ws, l, t_ns, s.slot, cpu);
		break;
	case SLOT_DISCARD:
		slots_discard(ws, l, t_ns, &s, cpu);
	}
	return true;
}

static void open_loop(struct workload_source *ws, struct lane *l, u64 t_ns)
{
	if (job_makes_nothing(l->job))
		emit_bare(ws, l, t_ns);
	else if (l->slots && !slot_step(ws, l, t_ns))
		return;
	else if (!l->slots)
		emit_request(ws, l, t_ns, 0, ANY_CPU);
	l->at = next_time(l, l->at, false);
	put(ws, l, l->at >> DIST_FRACTION_BITS, EVENT_REQUEST, 0, 0);
}

static void repeat(struct workload_source *ws, struct lane *l, u64 t_ns, u32 i)
{
	struct flight f = ws->repeats[i];

	MEM_ROOM(ws->free_repeats, ws->nr_free_repeats, ws->max_free_repeats);
	ws->free_repeats[ws->nr_free_repeats++] = i;
	emit_free(ws, l, t_ns, f.r.object, f.r.cpu); /* of nothing: its number is free again */
	emit_told(ws, l, &f, t_ns);
}

/* A worker gives back what it kept. */
static void give_back(struct workload_source *ws, struct lane *l, u64 t_ns, u32 worker)
{
	struct flight *f, *kept = &l->held[worker];

	emit_last_read(ws, l, t_ns, kept->r.object, kept->free_cpu);
	f = &ws->flights[ws->nr];
	emit_free(ws, l, t_ns, kept->r.object, kept->free_cpu);
	*f = *kept;
	f->r = ws->batch[ws->nr - 1];
	await(ws, l, f);
}

static void emit_mark(struct workload_source *ws, u64 t_ns, u32 mark)
{
	ws->waits[ws->nr] = false;
	ws->batch[ws->nr++] =
		(struct request){.t_ns = t_ns, .object = mark, .kind = REQ_MARK, .node = -1};
}

static void put_mark(struct workload_source *ws, u64 t_ns, u32 mark)
{
	if (t_ns < ws->load.duration_ns)
		wheel_put(ws->wheel, (struct wheel_item){.t_ns = t_ns, .what = mark});
}

static void pass_mark(struct workload_source *ws, u64 t_ns, u32 mark)
{
	const struct workload *w = &ws->load;

	emit_mark(ws, t_ns, mark);
	if (mark < mark_warmup(w)) /* a phase: the next one */
		put_mark(ws, t_ns + w->phases[mark].end_ns - w->phases[mark].start_ns,
			 (mark + 1) % w->nr_phases);
}

static void pass(struct workload_source *ws, const struct wheel_item *it)
{
	struct lane *l = it->job ? &ws->lanes[it->job - 1] : NULL;

	switch (it->kind) {
	case EVENT_MARK:
		pass_mark(ws, it->t_ns, it->what);
		break;
	case EVENT_REQUEST:
		if (l->nr_workers)
			emit_request(ws, l, it->t_ns, it->what, ANY_CPU);
		else
			open_loop(ws, l, it->t_ns);
		break;
	case EVENT_REPEAT:
		repeat(ws, l, it->t_ns, it->what);
		break;
	case EVENT_GIVE_BACK:
		give_back(ws, l, it->t_ns, it->what);
		break;
	default:
		emit_last_read(ws, l, it->t_ns, it->what, it->cpu);
		emit_free(ws, l, it->t_ns, it->what, it->cpu);
		if (l->job->gen->asks_again(l->job, it->t_ns))
			emit_request(ws, l, it->t_ns, 0, it->cpu);
	}
}

long workload_next(struct source *s, const struct request **batch, struct err *e)
{
	struct workload_source *ws = to_workload(s);
	struct wheel_item it;

	(void)e;
	ws->nr = 0;
	ws->bound_ns = ws->load.duration_ns;
	while (ws->nr + PASS_MAX <= BATCH && wheel_take(ws->wheel, ws->bound_ns, &it))
		pass(ws, &it);
	if (!ws->nr && !ws->over) {
		ws->over = true;
		emit_mark(ws, ws->load.duration_ns, mark_end(&ws->load));
	}
	*batch = ws->batch;
	return ws->nr;
}

/* A worker has done a round: it thinks, and asks again. */
static void think(struct workload_source *ws, struct lane *l, const struct flight *f, u64 end_ns)
{
	u64 t_ns = end_ns + (f->gap >> DIST_FRACTION_BITS);
	struct span s = job_span(l->job, t_ns);

	if (s.from_ns > t_ns) {
		u64 at = s.from_ns == TIME_NEVER
				 ? TIME_NEVER
				 : next_time(l, s.from_ns << DIST_FRACTION_BITS, true);

		t_ns = at == TIME_NEVER ? TIME_NEVER : at >> DIST_FRACTION_BITS;
	}
	put(ws, l, t_ns, EVENT_REQUEST, f->worker, 0);
}

static void repeat_later(struct workload_source *ws, struct lane *l, const struct flight *f,
			 u64 end_ns)
{
	u32 i;

	if (ws->nr_free_repeats) {
		i = ws->free_repeats[--ws->nr_free_repeats];
	} else {
		MEM_ROOM(ws->repeats, ws->nr_repeats, ws->max_repeats);
		i = ws->nr_repeats++;
	}
	ws->repeats[i] = *f;
	ws->repeats[i].retries--;
	put(ws, l, end_ns + l->job->retry_after_ns, EVENT_REPEAT, i, 0);
}

void workload_ended(struct source *s, const struct request *r, bool refused, u64 end_ns)
{
	struct workload_source *ws = to_workload(s);
	const struct flight *f = &ws->flights[r - ws->batch];
	struct lane *l;

	if (!ws->waits[r - ws->batch])
		return;
	l = &ws->lanes[r->site - 1];
	if (request_is_free((enum request_kind)r->kind)) {
		think(ws, l, f, end_ns);
	} else if (refused && l->job->on_failure == FAILURE_RETRY && f->retries) {
		repeat_later(ws, l, f, end_ns);
	} else if (refused) {
		put(ws, l, max(end_ns, f->safe_ns), EVENT_FREE, r->object, f->free_cpu);
		if (l->nr_workers)
			think(ws, l, f, end_ns);
	} else if (l->hold) {
		l->held[f->worker] = *f;
		put(ws, l, end_ns + f->lifetime_ns, EVENT_GIVE_BACK, f->worker, 0);
	} else {
		put(ws, l, end_ns + f->lifetime_ns, EVENT_FREE, r->object, f->free_cpu);
		if (l->nr_workers)
			think(ws, l, f, end_ns);
	}
}

u64 workload_accessed_ns(struct source *s, const struct request *r)
{
	struct lane *l = &to_workload(s)->lanes[r->site - 1];

	return l->job->reclaim ? dist_draw(&l->job->accessed, &l->accesses) : 0;
}

static void lane_start(struct workload_source *ws, struct lane *l)
{
	const char *name = l->job->name;
	u64 seed = ws->load.options.seed;

	rng_init(&l->gaps, seed, name, "gap");
	rng_init(&l->whats, seed, name, "size");
	rng_init(&l->lifetimes, seed, name, "lifetime");
	rng_init(&l->cpus, seed, name, "cpu");
	rng_init(&l->free_cpus, seed, name, "free_cpu");
	rng_init(&l->pins, seed, name, "pinned");
	rng_init(&l->copies, seed, name, "cache");
	rng_init(&l->accesses, seed, name, "accessed");
	rng_init(&l->reads, seed, name, "read");
	rng_init(&l->steps, seed, name, "step");
	if (l->slots) {
		const struct slot_ops *ops = l->job->gen->slots;

		if (l->device)
			ops->end(l->device);
		l->device = ops->begin(l->job);
		memset(l->slots, 0xff, ops->nr(l->job) * sizeof(*l->slots));
	}
	for (u32 worker = 0; worker < max(l->nr_workers, 1U); worker++) {
		l->at = next_time(l, 0, true);
		put(ws, l, l->at >> DIST_FRACTION_BITS, EVENT_REQUEST, worker, 0);
	}
}

int workload_rewind(struct source *s, struct err *e)
{
	struct workload_source *ws = to_workload(s);
	const struct workload *w = &ws->load;

	(void)e;
	wheel_reset(ws->wheel);
	idset_free(&ws->ids);
	idset_init(&ws->ids);
	ws->nr_repeats = ws->nr_free_repeats = 0;
	ws->over = false;
	ws->base.tables.nr_objects_max = FIRST_OBJECTS;
	if (mark_warmup(w))
		put_mark(ws, 0, 0);
	if (w->warmup_ns)
		put_mark(ws, w->warmup_ns, mark_warmup(w));
	for (u32 i = 0; i < w->nr_jobs; i++)
		lane_start(ws, &ws->lanes[i]);
	return 0;
}
