/*
 * Induced failure, one site at a time.
 */
#include "tests/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/boot.h"
#include "alloc/stack.h"
#include "tests/slab_lab.h"
#include "tests/test.h"

#define NEVER (~0ULL) /* counts, and refuses nothing */

void fault_wrong(struct faults *f, const char *fmt, ...)
{
	va_list ap;

	if (*f->wrong)
		return;
	va_start(ap, fmt);
	vsnprintf(f->wrong, sizeof(f->wrong), fmt, ap);
	va_end(ap);
}

void fault_refused(struct faults *f, const char *what, bool again)
{
	f->nr_refused++;
	if (again && f->at.nth && !f->at.refuses)
		fault_wrong(f, "%s refused again", what);
}

static void print_case(void *arg)
{
	const struct fault_case *c = arg;

	fprintf(stderr, "case: '%s' '%s' %u %llu\n", c->pages, c->slab ? c->slab : "-", c->layer,
		(unsigned long long)c->nth);
}

static u64 nr_instances(const struct machine *m)
{
	const struct list_head *pos;
	u64 n = 0;

	list_for_each (pos, &m->instances)
		n++;
	return n;
}

/* ---- A stack, layer by layer: what one takes from another when it is made can fail, too ---- */

static void add_layer(struct faults *f, struct layer *l)
{
	ASSERT(f->nr_layers < FAULT_LAYERS_MAX);
	l->inject.only_nth = f->at.nth && f->at.layer == f->nr_layers ? f->at.nth : NEVER;
	f->layers[f->nr_layers++] = l;
}

static void parse(struct chain *c, enum allocator_kind kind, const char *text)
{
	unsigned int column;
	struct err e = {""};

	if (chain_parse(c, kind, text, &column, &e))
		fprintf(stderr, "%s: %s\n", text, e.msg);
	ASSERT(!*e.msg);
}

static void make_pages(struct faults *f)
{
	struct page_allocator *next;
	struct chain c;

	parse(&c, ALLOC_PAGES, f->at.pages);
	for (unsigned int i = c.nr_layers; i-- > 0;) {
		next = c.layers[i].desc->create_pages(f->lab.pa, c.layers[i].options, &f->refusal);
		if (!next) {
			page_allocator_put(f->lab.pa);
			f->lab.pa = NULL;
			break;
		}
		f->lab.pa = next;
		add_layer(f, next->layer);
	}
	chain_free(&c);
	if (!f->lab.pa && strlen(f->refusal.msg) < 10)
		fault_wrong(f, "refused for no reason: '%s'", f->refusal.msg);
}

static void make_slab(struct faults *f)
{
	struct slab_allocator *next;
	struct chain c;

	parse(&c, ALLOC_SLAB, f->at.slab);
	for (unsigned int i = c.nr_layers; i-- > 0;) {
		next = c.layers[i].desc->create_slab(f->sa, f->lab.pa, c.layers[i].options,
						     &f->refusal);
		if (!next) {
			slab_allocator_put(f->sa);
			f->sa = NULL;
			break;
		}
		f->sa = next;
		add_layer(f, next->layer);
	}
	chain_free(&c);
	if (f->sa && kernel->slab_state == SLAB_NONE)
		kmem_cache_init();
	if (!f->sa && strlen(f->refusal.msg) < 10)
		fault_wrong(f, "refused for no reason: '%s'", f->refusal.msg);
}

/* ---- One run ---- */

static void note_idle(struct faults *f)
{
	for (unsigned int i = 0; i < f->nr_layers; i++) {
		f->idle_objs[i] = f->layers[i]->live_objs;
		f->idle_bytes[i] = f->layers[i]->live_bytes;
	}
}

static u64 taken_pages(const struct faults *f)
{
	return (u64)f->layers[0]->live_bytes / PAGE_SIZE;
}

/*
 * Unless the refusal met a layer being made on another: then it may have got what that one keeps in
 * reserve, which is refilled first.
 */
static void check_idle(struct faults *f, bool made_short)
{
	unsigned int nr_page_layers = 0;
	u64 lost = lab_lost_pages(&f->lab);

	if (made_short && f->layers[f->nr_layers - 1]->live_objs == f->idle_objs[f->nr_layers - 1])
		return;
	for (const struct page_allocator *pa = f->lab.pa; pa; pa = pa->base)
		nr_page_layers++;
	for (unsigned int i = 0; i < f->nr_layers; i++) {
		const struct layer *l = f->layers[i];
		s64 objs = l->live_objs - f->idle_objs[i];
		s64 bytes = l->live_bytes - f->idle_bytes[i];

		if (i < nr_page_layers) { /* what is lost stays taken */
			objs -= (s64)lost;
			bytes -= (s64)(lost * PAGE_SIZE);
		}
		if (objs || bytes)
			fault_wrong(f, "layer %u counts %lld objects, %lld bytes too many", i,
				    (long long)objs, (long long)bytes);
	}
}

/* Exactly the one request that was to be refused was. */
static void check_injected(struct faults *f)
{
	for (unsigned int i = 0; i < f->nr_layers; i++) {
		u64 wanted = f->at.nth && f->at.layer == i;

		if (f->layers[i]->nr_injected != wanted)
			fault_wrong(f, "%llu failures induced in layer %u",
				    (unsigned long long)f->layers[i]->nr_injected, i);
	}
}

/* Free or taken: there are no more, and no fewer. */
static void check_pages(struct faults *f, u64 wanted)
{
	u64 found;

	lab_hand_over(&f->lab);
	lab_settle(&f->lab);
	page_allocator_check(f->lab.pa);
	found = lab_free_pages(&f->lab) + taken_pages(f);
	if (found != wanted)
		fault_wrong(f, "%llu of %llu pages are there", (unsigned long long)found,
			    (unsigned long long)wanted);
}

static void run_on_stack(struct faults *f, fault_script script)
{
	u64 nr_injected = 0;

	for (unsigned int i = 0; i < f->nr_layers; i++)
		nr_injected += f->layers[i]->nr_injected;
	lab_settle(&f->lab);
	note_idle(f);
	script(f);
	lab_settle(&f->lab);
	check_idle(f, nr_injected);
	check_injected(f);
}

/* False if the stack cannot be made. */
static bool run(struct faults *f, const struct fault_case *c, fault_script script, u64 *seen)
{
	u64 instances, nr_pages;
	bool made = false;

	*f = (struct faults){.at = *c};
	lab_open(&f->lab, LAB_TWO_NODES, NULL);
	assert_hook_set(print_case, &f->at);
	instances = nr_instances(f->lab.m);
	make_pages(f);
	if (f->lab.pa) {
		nr_pages = kernel->max_pfn;
		if (c->slab)
			make_slab(f);
		made = !c->slab || f->sa;
		if (made)
			run_on_stack(f, script);
		for (unsigned int i = 0; made && seen && i < f->nr_layers; i++)
			seen[i] = f->layers[i]->inject.seen;
		slab_allocator_put(f->sa);
		check_pages(f, nr_pages);
		page_allocator_put(f->lab.pa);
		f->lab.pa = NULL;
	}
	if (nr_instances(f->lab.m) != instances)
		fault_wrong(f, "%lld instances left behind",
			    (long long)(nr_instances(f->lab.m) - instances));
	assert_hook_set(NULL, NULL);
	lab_close(&f->lab);
	return made;
}

static const char *what_is_wrong(const struct faults *f)
{
	static char text[512];

	snprintf(text, sizeof(text), "'%s' '%s' %u %llu: %s", f->at.pages,
		 f->at.slab ? f->at.slab : "-", f->at.layer, (unsigned long long)f->at.nth,
		 f->wrong);
	return text;
}

bool faults_once(const char *pages, const char *slab, fault_script script, struct err *e)
{
	struct fault_case c = {.pages = pages, .slab = slab};
	static struct faults f;
	bool made = run(&f, &c, script, NULL);

	if (*f.wrong)
		fail_msg("%s", what_is_wrong(&f));
	*e = f.refusal;
	return made;
}

const char *faults_find(const char *pages, const char *slab, fault_script script,
			struct fault_count *count)
{
	struct fault_case c = {.pages = pages, .slab = slab};
	u64 seen[FAULT_LAYERS_MAX] = {0};
	static struct faults f;
	unsigned int nr_layers;
	bool made = run(&f, &c, script, seen);
	u64 step = max(count->step, 1ULL);

	if (!made || *f.wrong)
		return *f.wrong ? what_is_wrong(&f) : NULL;
	count->stacks++;
	nr_layers = f.nr_layers;
	c.refuses = f.nr_refused;
	for (c.layer = 0; c.layer < nr_layers; c.layer++) {
		for (c.nth = 1 + c.layer % step; c.nth <= seen[c.layer]; c.nth += step) {
			run(&f, &c, script, NULL);
			if (*f.wrong)
				return what_is_wrong(&f);
			count->sites++;
			count->refusals += f.nr_refused;
		}
	}
	return NULL;
}

void faults_try(const char *pages, const char *slab, fault_script script, struct fault_count *count)
{
	const char *wrong = faults_find(pages, slab, script, count);

	if (wrong)
		fail_msg("%s", wrong);
}

int faults_try_one(int argc, char **argv, fault_script script)
{
	static struct faults f;
	struct fault_case c;
	u64 nth;

	if (argc != 5)
		return 2;
	c = (struct fault_case){.pages = argv[1],
				.slab = strcmp(argv[2], "-") ? argv[2] : NULL,
				.layer = (unsigned int)strtoul(argv[3], NULL, 10),
				.nth = strtoull(argv[4], NULL, 10)};
	nth = c.nth;
	c.nth = 0;
	run(&f, &c, script, NULL);
	c.nth = nth;
	c.refuses = f.nr_refused;
	run(&f, &c, script, NULL);
	printf("%s, %llu refused\n", *f.wrong ? f.wrong : "nothing wrong",
	       (unsigned long long)f.nr_refused);
	return *f.wrong != '\0';
}
