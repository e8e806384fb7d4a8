/*
 * The boot phase of a replay.
 *
 * Theory: a recording of boot says where it was by its call sites, and its times do not help: the
 * earliest stamps are 0. So the last early request is found by name, before the run, in one pass
 * that keeps nothing but a mark for each name. Births are early too: whoever was alive when the
 * recording began took its memory before that.
 *
 * Invariant: the hand-over lies between two requests: none meets the forbidden window.
 *
 * Unlike Linux: slabs come up with the first request instead of in start_kernel.
 */
#include "sim/boot_phase.h"

#include <string.h>

#include "lib/glob.h"
#include "sim/replay.h"

enum { SITE_UNTIL = 1, SITE_BEFORE = 2 };

struct found {
	u64 at;		 /* requests up to the last early one; 0: there is none */
	u64 nr_requests; /* the same without births */
	u32 site;
};

static bool matches(const char *glob, const char *site)
{
	return *glob && glob_matches(glob, site);
}

/* By site, what the options say of it; NULL: no site can be the last early one. */
static u8 *mark_sites(const struct source_tables *t, const struct boot_options *o)
{
	u8 *marks = instance_alloc(t->nr_sites + 1);
	bool any = false;

	for (unsigned int i = 1; i < t->nr_sites; i++) {
		if (matches(o->until, t->sites[i]))
			marks[i] |= SITE_UNTIL;
		if (matches(o->before, t->sites[i]))
			marks[i] |= SITE_BEFORE;
		any |= marks[i] & SITE_UNTIL;
	}
	if (any)
		return marks;
	instance_free(marks);
	return NULL;
}

static int find_last(struct source *s, const u8 *marks, struct found *f, struct err *e)
{
	const struct request *batch;
	u64 at = 0, nr = 0;
	long n;

	if (s->ops->rewind(s, e))
		return -1;
	while ((n = s->ops->next(s, &batch, e)) > 0) {
		for (long i = 0; i < n; i++) {
			const struct request *r = &batch[i];
			u8 mark = r->site < s->tables.nr_sites ? marks[r->site] : 0;

			if (mark & SITE_BEFORE)
				return 0;
			at++;
			nr += !(r->flags & REQ_F_BIRTH);
			if (mark & SITE_UNTIL)
				*f = (struct found){.at = at, .nr_requests = nr, .site = r->site};
		}
	}
	return (int)n;
}

static int find(struct source *s, const struct boot_options *o, struct found *f, struct err *e)
{
	u8 *marks;
	int ret = 0;

	*f = (struct found){0};
	/* A warm start is a machine that is up; who is told of the ends cannot be asked twice. */
	if (s->tables.pages || s->ops->ended || !*o->until)
		return 0;
	marks = mark_sites(&s->tables, o);
	if (marks)
		ret = find_last(s, marks, f, e);
	instance_free(marks);
	return ret;
}

static void come_up(struct replay *rp, const struct page_allocator *boot)
{
	mem_init(boot, &rp->boot.report.pages);
	kmem_cache_init();
}

int boot_phase_begin(struct replay *rp, struct source *s, struct err *e)
{
	const struct page_allocator *boot = boot_layer(rp->stack.pages);
	u64 clock_ns = kernel->clock_ns;
	struct found f;

	if (!boot)
		return 0;
	if (find(s, boot_options_of(boot), &f, e))
		return -1;
	rp->boot = (struct boot_phase){.left = f.at, .report = {.had = true, .late = f.at}};
	if (f.at) {
		rp->boot.report.site = s->tables.sites[f.site];
		rp->boot.report.nr_requests = f.nr_requests;
		kmem_cache_init();
		return 0;
	}
	if (boot_options_given(boot) && *boot_options_of(boot)->until)
		return err_set(e,
			       "%s: no request is early: none is from a call site '%s' before one "
			       "from '%s'",
			       s->tables.name, boot_options_of(boot)->until,
			       boot_options_of(boot)->before);
	come_up(rp, boot);
	kernel->clock_ns = clock_ns; /* before time begins */
	return 0;
}

void boot_phase_hand_over(struct replay *rp, const struct request *last)
{
	const struct page_allocator *boot = boot_layer(rp->stack.pages);
	struct boot_report *r = &rp->boot.report;
	u64 entered_ns = machine_enter(rp->m, last->cpu, rp->t_ns);

	come_up(rp, boot);
	machine_leave(rp->m, entered_ns);
	r->t_ns = rp->t_ns;
	r->taken_bytes = r->pages.kept << PAGE_SHIFT;
	r->req_bytes = rp->acc.bytes_req_live;
}
