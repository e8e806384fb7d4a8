/*
 * What the recorded machine counted.
 */
#include "cmd/recorded_counts.h"

#include <stdio.h>
#include <string.h>

#include "alloc/kernel.h"

static bool begins(const char *text, const char *with)
{
	return !strncmp(text, with, strlen(with));
}

static void add(struct proc_state *p, const char *name, u64 more)
{
	const struct proc_count *c = proc_count_find(p, name);

	proc_count_set(p, name, (c ? c->value : 0) + more);
}

/* The lines that the simulator has as well. */
static void take_vmstat(struct proc_state *p, const struct snapshot *snap)
{
	for (int i = 0; i < NR_VM_EVENT_ITEMS; i++) {
		const struct snapshot_count *c = snapshot_vmstat(snap, vm_event_names[i]);

		if (c)
			proc_count_set(p, c->name, c->value);
	}
}

/* The recorded kernel's number of a type, as pagetypeinfo lists them; without one: Linux 6.1's. */
static int type_of(const struct snapshot *snap, unsigned int recorded)
{
	if (!snap->nr_types)
		return (int)recorded;
	return recorded < snap->nr_types ? snap->types[recorded] : -1;
}

static void take_extfrag(struct proc_state *p, const struct snapshot *snap, const char *row, u64 n)
{
	unsigned int order, fallback_order, type, fallback_type, ownership;

	if (sscanf(row, TALLY_EXTFRAG_FORM, &order, &fallback_order, &type, &fallback_type,
		   &ownership) != 5)
		return;
	add(p, "nr_extfrag", n);
	if (fallback_order >= pageblock_order)
		return;
	add(p, "nr_extfrag_fragmenting", n);
	if (type_of(snap, type) != MIGRATE_UNMOVABLE)
		return;
	add(p, "nr_extfrag_unmovable", n);
	if (type_of(snap, fallback_type) == MIGRATE_MOVABLE)
		add(p, "nr_extfrag_into_movable", n);
}

static bool under_zone_lock(const char *row)
{
	static const char *const rows[] = {TALLY_REFILLS, TALLY_DRAINS, TALLY_LOCKED,
					   TALLY_UNLOCKED};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(row, rows[i]))
			return true;
	return false;
}

/* Of the page level; the events of slabs are what the load consists of. */
static void take_row(struct proc_state *p, const struct snapshot *snap, const char *row, u64 n)
{
	if (begins(row, TALLY_EXTFRAG)) {
		take_extfrag(p, snap, row, n);
		return;
	}
	if (under_zone_lock(row)) {
		add(p, row, n);
		add(p, "zone_lock_acquisitions", n);
	} else if (begins(row, "mm_")) {
		add(p, row, n);
	}
}

void recorded_counts(struct fidelity_snapshot *to, const struct snapshot *snap,
		     const struct source_tables *tables, const struct tallies *tallies)
{
	const char *file = snap->nr_vmstat ? "vmstat" : snapshot_slabinfo_last(snap).file;
	const struct source_mark *mark = source_snap_mark(tables, snap->label, false, file);

	if (!mark || (!snap->nr_vmstat && !tallies->nr_rows))
		return;
	to->counts_file = file;
	take_vmstat(&to->recorded, snap);
	if (!tallies->nr_rows)
		return;
	proc_count_set(&to->recorded, "nr_extfrag", 0);
	proc_count_set(&to->recorded, "nr_extfrag_fragmenting", 0);
	proc_count_set(&to->recorded, "nr_extfrag_unmovable", 0);
	proc_count_set(&to->recorded, "nr_extfrag_into_movable", 0);
	for (u32 row = 0; row < tallies->nr_rows; row++)
		take_row(&to->recorded, snap, tallies->names[row],
			 tallies_at(tallies, (u32)(mark - tables->marks), row));
}
