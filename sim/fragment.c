/*
 * Fragmenters: the registry, their text, and the moment at which one acts.
 *
 * Theory: a state is made by taking frames, never by writing into the allocator: whatever comes out
 * is a state that its own code can be in.
 *
 * Invariant: the list is sorted by name, and complete when main starts.
 *
 * Unlike Linux: there memory comes into a state by load alone.
 */
#include "sim/fragment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/pages/page_allocator.h"
#include "lib/digest.h"
#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/units.h"
#include "sim/page_wish.h"

#define NAMES_MAX 32
#define WORD_MAX 512

static struct fragmenter *fragmenters;

void fragmenter_register(struct fragmenter *f)
{
	struct fragmenter **at = &fragmenters;

	while (*at && strcmp((*at)->name, f->name) < 0)
		at = &(*at)->next;
	ASSERT(!*at || strcmp((*at)->name, f->name));
	f->next = *at;
	*at = f;
}

struct fragmenter *fragmenter_first(void)
{
	return fragmenters;
}

struct fragmenter *fragmenter_find(const char *name)
{
	struct fragmenter *f = fragmenters;

	while (f && strcmp(f->name, name))
		f = f->next;
	return f;
}

int fragment_any(const void *options, struct err *e)
{
	(void)options, (void)e;
	return 0;
}

/* ---- Text ---- */

struct parser {
	const char *text, *at;
	struct err *e;
};

static int fail_at(const struct parser *p, const char *at)
{
	return err_prefix(p->e, "column %zu", (size_t)(at - p->text) + 1);
}

/* Up to one of `ends`, without blanks around it. Returns where it began; NULL: it is too long. */
static const char *word(struct parser *p, const char *ends, char buf[WORD_MAX])
{
	const char *start;
	size_t n;

	while (isspace((unsigned char)*p->at))
		p->at++;
	start = p->at;
	n = strcspn(start, ends);
	p->at += n;
	while (n && isspace((unsigned char)start[n - 1]))
		n--;
	if (n >= WORD_MAX) {
		err_set(p->e, "a word of %zu characters: at most %d are allowed", n, WORD_MAX - 1);
		fail_at(p, start);
		return NULL;
	}
	memcpy(buf, start, n);
	buf[n] = '\0';
	return start;
}

static int unknown(const struct parser *p, const char *name, const char *at)
{
	const char *names[NAMES_MAX + 1], *near;
	size_t n = 0;

	for (const struct fragmenter *f = fragmenters; f && n < NAMES_MAX; f = f->next)
		names[n++] = f->name;
	names[n] = NULL;
	near = suggest_nearest(name, names);
	if (!*name)
		err_set(p->e, "a fragmenter's name is missing here");
	else if (near)
		err_set(p->e, "unknown fragmenter '%s': did you mean '%s'?", name, near);
	else
		err_set(p->e, "unknown fragmenter '%s': `kmemsim list fragmenters` shows them",
			name);
	return fail_at(p, at);
}

static int parse_option(struct parser *p, struct fragment *f)
{
	char key[WORD_MAX], value[WORD_MAX];
	const char *start = word(p, "=,)", key);

	if (!start)
		return -1;
	if (*p->at != '=') {
		err_set(p->e, "an option of '%s' reads key=value", f->how->name);
		return fail_at(p, start);
	}
	p->at++;
	if (!word(p, ",)", value))
		return -1;
	return options_set(f->how->options, f->options, key, value, p->e) ? fail_at(p, start) : 0;
}

static int parse_options(struct parser *p, struct fragment *f)
{
	const char *open = p->at;

	while (isspace((unsigned char)*++p->at))
		;
	if (*p->at == ')')
		return 0;
	for (;; p->at++) {
		if (parse_option(p, f))
			return -1;
		if (*p->at == ')')
			return 0;
		if (*p->at != ',') {
			err_set(p->e, "this '(' has no ')'");
			return fail_at(p, open);
		}
	}
}

static int parse(struct parser *p, struct fragment *f)
{
	char name[WORD_MAX];
	const char *start = word(p, "(", name);

	if (!start)
		return -1;
	f->how = fragmenter_find(name);
	if (!f->how)
		return unknown(p, name, start);
	f->options = mem_alloc(1, f->how->options_size);
	options_default(f->how->options, f->options);
	if (*p->at == '(') {
		if (parse_options(p, f))
			return -1;
		while (isspace((unsigned char)*++p->at))
			;
		if (*p->at) {
			err_set(p->e, "nothing can follow the ')'");
			return fail_at(p, p->at);
		}
	}
	return f->how->check(f->options, p->e) ? err_prefix(p->e, "%s", name) : 0;
}

int fragment_parse(struct fragment *f, const char *text, struct err *e)
{
	struct parser p = {text, text, e};

	*f = (struct fragment){0};
	if (!parse(&p, f))
		return 0;
	fragment_free(f);
	return -1;
}

void fragment_free(struct fragment *f)
{
	free(f->options);
	*f = (struct fragment){0};
}

char *fragment_print(const struct fragment *f, char *buf, size_t n)
{
	char options[FRAGMENT_TEXT_MAX];
	struct text t = text_in(buf, n);

	if (f->how) {
		options_print(f->how->options, f->options, options, sizeof(options));
		text_add(&t, "%s(%s)", f->how->name, options);
	}
	return buf;
}

const char *fragment_file(const struct fragment *f)
{
	return f->how && f->how->file ? f->how->file(f->options) : NULL;
}

static u64 target_hash(const struct page_target *t, u64 hash)
{
	for (unsigned int i = 0; i < t->nr_zones; i++) {
		const struct page_target_zone *z = &t->zones[i];

		hash = digest_u64(hash, (u64)z->node);
		hash = digest_bytes(hash, z->zone, strlen(z->zone));
		for (int mt = 0; mt < PAGE_TARGET_TYPES; mt++) {
			hash = digest_u64(hash, z->nr_blocks[mt]);
			for (int order = 0; order < PAGE_TARGET_ORDERS; order++)
				hash = digest_u64(hash, z->nr_free[mt][order]);
		}
	}
	return hash;
}

u64 fragment_hash(const struct fragment *f, u64 input_hash)
{
	char text[FRAGMENT_TEXT_MAX];

	if (!f || !f->how)
		return input_hash;
	fragment_print(f, text, sizeof(text));
	input_hash = digest_bytes(input_hash, text, strlen(text));
	return f->target ? target_hash(f->target, input_hash) : input_hash;
}

char *fragment_machine_print(const struct fragment *f, const struct machine_config *m)
{
	char *yaml = machine_config_print(m), *with, text[FRAGMENT_TEXT_MAX];

	if (!f || !f->how)
		return yaml;
	with = mem_print("%s# memory at time zero: %s\n", yaml,
			 fragment_print(f, text, sizeof(text)));
	free(yaml);
	return with;
}

/* ---- At work ---- */

u64 fragment_share(u64 n, u64 parts)
{
	return (u64)(((unsigned __int128)n * parts + SHARE_ONE / 2) / SHARE_ONE);
}

u64 fragment_all_pages(void)
{
	const struct zone *zone;
	u64 pages = 0;

	for_each_populated_zone (zone)
		pages += zone->spanned_pages;
	return pages;
}

u64 fragment_free_pages(const struct fragmenting *f)
{
	return fragment_nr_free(f, 0);
}

u64 fragment_nr_free(const struct fragmenting *f, int order)
{
	const struct zone *zone;
	u64 nr = 0;

	for_each_populated_zone (zone)
		for (int o = order; o < MAX_ORDER; o++)
			for (int mt = 0; mt < MIGRATE_TYPES; mt++)
				nr += page_nr_free(f->source, zone, mt, o) << (o - order);
	return nr;
}

void fragment_plan(const struct fragmenting *f, const struct zone *zone, struct page_plan *p)
{
	*p = (struct page_plan){0};
	zone_plan_begin(p, zone, f->source, !groups_by_mobility(f->source));
}

int fragment_apply(const struct fragment *f, struct page_state *ps, u64 seed, struct text *report,
		   struct err *e)
{
	struct fragmenting at_work = {
		.ps = ps, .source = ps->source, .options = f->options, .report = report};

	if (ps->pages->keeps_nothing) {
		text_add(report, "the allocator keeps nothing, so there is no state\n");
		return 0;
	}
	rng_init(&at_work.rng, seed, f->how->name, "fragment");
	page_allocator_drain(ps->source);
	return f->how->apply(&at_work, e) ? err_prefix(e, "%s", f->how->name) : 0;
}
