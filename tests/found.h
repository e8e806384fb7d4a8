/*
 * Every report of a test, one after the other.
 */
#ifndef TESTS_FOUND_H
#define TESTS_FOUND_H

#include <string.h>

#include "sim/machine.h"

struct found {
	unsigned int nr;
	char kinds[512], text[8192];
};

static inline void found_remember(void *arg, u64 t_ns, int cpu, const char *kind,
				  const char *detail)
{
	struct found *f = arg;

	(void)t_ns, (void)cpu;
	f->nr++;
	strncat(f->kinds, kind, sizeof(f->kinds) - strlen(f->kinds) - 1);
	strncat(f->kinds, " ", sizeof(f->kinds) - strlen(f->kinds) - 1);
	strncat(f->text, detail, sizeof(f->text) - strlen(f->text) - 1);
	strncat(f->text, "\n", sizeof(f->text) - strlen(f->text) - 1);
}

static inline void found_begin(struct found *f, struct machine *m, const char *const *sites,
			       u32 nr_sites)
{
	*f = (struct found){0};
	m->on_event = found_remember;
	m->on_event_arg = f;
	m->sites = sites;
	m->nr_sites = nr_sites;
}

#endif
