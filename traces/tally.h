/*
 * What was recorded between marks: how often each event had come by then.
 *
 * A row is an event by its name, or a class of it ("mm_page_alloc_extfrag alloc_order=0 ..."); its
 * value counts from the beginning of the recording. The import gathers rows and writes down, at
 * each mark, those that changed; a .kmt carries them as a section.
 *
 * The one question everybody asks: *how many between two snapshots?* tallies_at() of the one mark
 * less tallies_at() of the other.
 */
#ifndef TRACES_TALLY_H
#define TRACES_TALLY_H

#include "sim/source.h"
#include "traces/bytes.h"
#include "traces/names.h"
#include "traces/raw_event.h"

/* ---- While importing ---- */

struct tally {
	struct names names;
	u64 *value, *written; /* of each row: now, at the last mark */
	u32 room;
	u32 nr_marks;
	struct bytes marks; /* as encoded so far */
	u8 *last;	    /* of each CPU: type of its last event */
	u32 nr_cpus;
	u32 refills, drains, locked, unlocked; /* rows, once they are there */
};

void tally_init(struct tally *t);
void tally_free(struct tally *t);
/* Sets a row. */
void tally_set(struct tally *t, const char *name, u64 value);
/* Classes of what is only counted; runs of what happens under one hold of a lock. */
void tally_event(struct tally *t, const struct raw_event *ev);
void tally_mark(struct tally *t);
void tally_encode(const struct tally *t, struct bytes *out);

/* ---- Of a load ---- */

struct tallies {
	char **names;
	u32 nr_rows, nr_marks;
	u64 *value; /* nr_marks times nr_rows */
};

/* -1: damaged. nr_marks: as many as the load has. */
int __must_check tallies_decode(struct tallies *t, const u8 *data, size_t n, u32 nr_marks);
/* 1: *t holds them; 0: the load carries none, *t is empty; -1 with e set. */
int __must_check tallies_open(struct tallies *t, struct source *kmt, struct err *e);
void tallies_close(struct tallies *t);
/* Up to a mark of the load's table. */
static inline u64 tallies_at(const struct tallies *t, u32 mark, u32 row)
{
	return t->value[(size_t)mark * t->nr_rows + row];
}

/* Rows that are no event's name. */
#define TALLY_REFILLS "pcp_refills"	  /* runs of mm_page_alloc_zone_locked for a per-CPU list */
#define TALLY_DRAINS "pcp_drains"	  /* runs of mm_page_pcpu_drain */
#define TALLY_LOCKED "zone_locked_allocs" /* blocks taken under the lock for a request itself */
#define TALLY_UNLOCKED "zone_locked_frees" /* freed past the per-CPU lists */
#define TALLY_EXTFRAG "mm_page_alloc_extfrag "
#define TALLY_EXTFRAG_FORM                                                                         \
	TALLY_EXTFRAG "alloc_order=%u fallback_order=%u alloc_migratetype=%u "                     \
		      "fallback_migratetype=%u change_ownership=%u"

#endif
