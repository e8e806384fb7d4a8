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
#include "tests/store_lab.h"
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

	fprintf(stderr, "case: '%s' '%s' '%s' %u %llu\n", c->pages, c->slab ? c->slab : "-",
		c->store ? c->store : "-", c->layer, (unsigned long long)c->nth);
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

static void make_store(struct faults *f)
{
	struct store_env env = {.pages = f->lab.pa, .slabs = &f->slabs};
	struct store *next;
	struct chain c;

	slabulator_init(&f->slabs, f->sa, f->lab.pa);
	parse(&c, ALLOC_STORE, f->at.store);
	for (unsigned int i = c.nr_layers; i-- > 0;) {
		next = c.layers[i].desc->create_store(f->store, &env, c.layers[i].options,
						      &f->refusal);
		if (!next) {
			store_put(f->store);
			f->store = NULL;
			break;
		}
		f->store = next;
		add_layer(f, next->layer);
	}
	chain_free(&c);
	if (!f->store && strlen(f->refusal.msg) < 10)
		fault_wrong(f, "refused for no reason: '%s'", f->refusal.msg);
}

/* ---- One run ---- */

static void note_idle(struct faults *f)
{
	f->nr_below = f->nr_layers;
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

	if (made_short && f->layers[f->nr_below - 1]->live_objs == f->idle_objs[f->nr_below - 1])
		return;
	for (const struct page_allocator *pa = f->lab.pa; pa; pa = pa->base)
		nr_page_layers++;
	for (unsigned int i = 0; i < f->nr_below; i++) {
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

		if (f->injected[i] != wanted)
			fault_wrong(f, "%llu failures induced in layer %u",
				    (unsigned long long)f->injected[i], i);
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

static void note_counts(struct faults *f, unsigned int from, unsigned int to)
{
	for (unsigned int i = from; i < to; i++) {
		f->seen[i] = f->layers[i]->inject.seen;
		f->injected[i] = f->layers[i]->nr_injected;
	}
}

/* Its layers go with it, and whatever it keeps in reserve. */
static void end_store(struct faults *f)
{
	for (unsigned int i = f->nr_below; f->store && i < f->nr_layers; i++)
		if (f->layers[i]->live_objs || f->layers[i]->live_bytes)
			fault_wrong(f, "layer %u has live objects", i);
	if (f->store)
		note_counts(f, f->nr_below, f->nr_layers);
	store_put(f->store);
	f->store = NULL;
	if (slabulator_destroy(&f->slabs))
		fault_wrong(f, "descriptors are left");
}

/* False: its store cannot be made. */
static bool run_on_stack(struct faults *f, fault_script script)
{
	u64 nr_injected = 0;
	bool made = true;

	for (unsigned int i = 0; i < f->nr_layers; i++)
		nr_injected += f->layers[i]->nr_injected;
	lab_settle(&f->lab);
	note_idle(f);
	if (f->at.store) {
		make_store(f);
		made = f->store;
	}
	if (made)
		script(f);
	if (f->at.store) /* while it has caches, works may come round for ever */
		end_store(f);
	lab_settle(&f->lab);
	check_idle(f, nr_injected);
	note_counts(f, 0, f->nr_below);
	if (made)
		check_injected(f);
	return made;
}

/* False if the stack cannot be made. */
static bool run(struct faults *f, const struct fault_case *c, fault_script script)
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
		made = (!c->slab || f->sa) && run_on_stack(f, script);
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
	static char text[1024];

	snprintf(text, sizeof(text), "'%s' '%s' '%s' %u %llu: %s", f->at.pages,
		 f->at.slab ? f->at.slab : "-", f->at.store ? f->at.store : "-", f->at.layer,
		 (unsigned long long)f->at.nth, f->wrong);
	return text;
}

bool faults_once(const struct fault_case *stack, fault_script script, struct err *e)
{
	static struct faults f;
	bool made = run(&f, stack, script);

	if (*f.wrong)
		fail_msg("%s", what_is_wrong(&f));
	*e = f.refusal;
	return made;
}

const char *faults_find(const struct fault_case *stack, fault_script script,
			struct fault_count *count)
{
	struct fault_case c = *stack;
	u64 seen[FAULT_LAYERS_MAX];
	static struct faults f;
	unsigned int nr_layers;
	bool made = run(&f, &c, script);
	u64 step = max(count->step, 1ULL);

	if (!made || *f.wrong)
		return *f.wrong ? what_is_wrong(&f) : NULL;
	count->stacks++;
	nr_layers = f.nr_layers;
	memcpy(seen, f.seen, sizeof(seen));
	c.refuses = f.nr_refused;
	for (c.layer = 0; c.layer < nr_layers; c.layer++) {
		for (c.nth = 1 + c.layer % step; c.nth <= seen[c.layer]; c.nth += step) {
			run(&f, &c, script);
			if (*f.wrong)
				return what_is_wrong(&f);
			count->sites++;
			count->refusals += f.nr_refused;
		}
	}
	return NULL;
}

void faults_try(const struct fault_case *stack, fault_script script, struct fault_count *count)
{
	const char *wrong = faults_find(stack, script, count);

	if (wrong)
		fail_msg("%s", wrong);
}

int faults_try_one(int argc, char **argv, fault_script script)
{
	static struct faults f;
	struct fault_case c;
	u64 nth;

	if (argc != 5 && argc != 6)
		return 2;
	c = (struct fault_case){.pages = argv[1],
				.slab = strcmp(argv[2], "-") ? argv[2] : NULL,
				.store = argc == 6 ? argv[3] : NULL,
				.layer = (unsigned int)strtoul(argv[argc - 2], NULL, 10)};
	nth = strtoull(argv[argc - 1], NULL, 10);
	run(&f, &c, script);
	c.nth = nth;
	c.refuses = f.nr_refused;
	run(&f, &c, script);
	printf("%s, %llu refused\n", *f.wrong ? f.wrong : "nothing wrong",
	       (unsigned long long)f.nr_refused);
	return *f.wrong != '\0';
}
