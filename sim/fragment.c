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

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alloc/pages/page_allocator.h"
#include "lib/call_text.h"
#include "lib/digest.h"
#include "lib/mem.h"
#include "lib/suggest.h"
#include "lib/units.h"
#include "sim/page_wish.h"

#define NAMES_MAX 32

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

static int unknown(struct call_text *c, const char *name, const char *at)
{
	const char *names[NAMES_MAX + 1], *near;
	size_t n = 0;

	for (const struct fragmenter *f = fragmenters; f && n < NAMES_MAX; f = f->next)
		names[n++] = f->name;
	names[n] = NULL;
	near = suggest_nearest(name, names);
	if (!*name)
		err_set(c->e, "a fragmenter's name is missing here");
	else if (near)
		err_set(c->e, "unknown fragmenter '%s': did you mean '%s'?", name, near);
	else
		err_set(c->e, "unknown fragmenter '%s': `kmemsim list fragmenters` shows them",
			name);
	return call_fail_at(c, at);
}

static int parse(struct call_text *c, struct fragment *f)
{
	char name[CALL_WORD_MAX];
	const char *start;

	if (call_word(c, "(", name, &start))
		return -1;
	f->how = fragmenter_find(name);
	if (!f->how)
		return unknown(c, name, start);
	f->options = mem_alloc(1, f->how->options_size);
	options_default(f->how->options, f->options);
	if (*c->at == '(' && call_options(c, name, f->how->options, f->options))
		return -1;
	call_skip_blanks(c);
	if (*c->at) {
		err_set(c->e, "nothing can follow the ')'");
		return call_fail_at(c, c->at);
	}
	return f->how->check(f->options, c->e) ? err_prefix(c->e, "%s", name) : 0;
}

int fragment_parse(struct fragment *f, const char *text, struct err *e)
{
	struct call_text c = {.text = text, .at = text, .ends = ",)", .e = e};

	*f = (struct fragment){0};
	if (!parse(&c, f))
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
