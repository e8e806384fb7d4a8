/*
 * Frees that no event tells.
 *
 * Theory. kfree_rcu() and its kin free in bulk, without an event: an object seems to live until its
 * address is allocated again, and those whose address is not seem to live for ever. Call sites
 * (symbol and offset) whose objects often end that way are learnt in the first pass, with the age
 * at which their addresses came back. Free slots are soon reused, but not always: the lower
 * quartile is about the usual age at which they were freed (on five recordings 0.09 to 0.13 s,
 * where the median of the true ages is 0.09 to 0.11 s). In the second pass their objects die at
 * that age, unless they are known to be dead before.
 *
 * Invariant. What comes out is in order of time.
 */
#ifndef TRACES_SILENT_H
#define TRACES_SILENT_H

#include "lib/types.h"

/* Ages and ends are multiples of it, so that recordings of coarser time give the same. */
#define SILENT_STEP_NS 1000000U
#define SILENT_AGES 4096U /* of a site are kept: the first ones */

struct silent_site {
	u32 told, implied; /* ends with an event of their own, and without */
	u32 nr_ages, ages_max;
	u64 *ages;
	u64 age_ns; /* after silent_finish: when objects of this site die; 0: as events tell */
};

/* An object that is to die. */
struct silent_end {
	u64 t_ns, seq;
	u32 slot, pos; /* of its allocation in the spool */
	u16 cpu;
};

struct silent {
	struct silent_site *sites; /* by number */
	u32 sites_max;
	struct silent_end *heap; /* earliest first */
	u32 nr_heap, heap_max;
	u64 seq;
};

void silent_free(struct silent *s);

/* First pass: an object of the site was freed; or its address was allocated again at that age, or
 * (age 0) went with its page. */
void silent_told(struct silent *s, u32 site);
void silent_implied(struct silent *s, u32 site, u64 age_ns);
/* Between the passes. */
void silent_finish(struct silent *s);

/* Second pass. */
static inline u64 silent_age(const struct silent *s, u32 site)
{
	return site < s->sites_max ? s->sites[site].age_ns : 0;
}

void silent_add(struct silent *s, struct silent_end end);
/* The next to die until t_ns: true and *end. */
bool silent_next(struct silent *s, u64 t_ns, struct silent_end *end);

#endif
