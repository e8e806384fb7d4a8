/*
 * How truly a run followed the recorded machine.
 *
 * Theory: with d the change since the first snapshot, summed over caches,
 *
 *	slab_change_error = sum |d_simulated - d_recorded| / sum |d_recorded|
 *	slab_error        = sum |simulated - recorded| / sum recorded
 *	free_error        = the same over pages on free lists, by zone and order
 *
 * and the score of doing nothing is what one gets with the first snapshot for every later one: 1
 * for the change, by definition.
 */
#include "reports/likeness.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

static size_t snapshot_of(struct likeness *f, const char *name, u64 t_ns)
{
	for (size_t i = f->nr_snapshots; i-- > 0;)
		if (f->snapshots[i].t_ns == t_ns && !strcmp(f->snapshots[i].name, name))
			return i;
	MEM_ROOM(f->snapshots, f->nr_snapshots, f->snapshots_room);
	f->snapshots[f->nr_snapshots] =
		(struct likeness_snapshot){.name = mem_dup(name), .t_ns = t_ns};
	return f->nr_snapshots++;
}

static void figure_take(struct likeness *f, sqlite3_stmt *row)
{
	struct likeness_figure *n;

	MEM_ROOM(f->figures, f->nr, f->room);
	n = &f->figures[f->nr++];
	*n = (struct likeness_figure){
		.snapshot = snapshot_of(f, (const char *)sqlite3_column_text(row, 1),
					(u64)sqlite3_column_int64(row, 0)),
		.slab = !strcmp((const char *)sqlite3_column_text(row, 2), "slab"),
		.name = mem_dup((const char *)sqlite3_column_text(row, 3)),
		.recorded = sqlite3_column_double(row, 4),
		.simulated = sqlite3_column_double(row, 5),
		.first = sqlite3_column_double(row, 6),
	};
}

/* Names are few, and the first snapshot's come first. */
static void find_firsts(struct likeness *f)
{
	for (size_t i = 0; i < f->nr; i++) {
		struct likeness_figure *n = &f->figures[i];

		n->simulated_first = n->first;
		for (size_t k = 0; k < f->nr && !f->figures[k].snapshot; k++)
			if (f->figures[k].slab == n->slab && !strcmp(f->figures[k].name, n->name))
				n->simulated_first = f->figures[k].simulated;
	}
}

static double divide(double a, double b)
{
	return b > 0 ? a / b : NAN;
}

/* Of the snapshots from..to-1. */
static void score(const struct likeness *f, size_t from, size_t to, struct likeness_snapshot *s)
{
	double change[2] = {0}, slab[3] = {0}, pages[3] = {0};

	for (size_t i = 0; i < f->nr; i++) {
		const struct likeness_figure *n = &f->figures[i];
		double *sums = n->slab ? slab : pages;

		if (n->snapshot < from || n->snapshot >= to)
			continue;
		sums[0] += fabs(n->simulated - n->recorded);
		sums[1] += n->recorded;
		sums[2] += fabs(n->first - n->recorded);
		if (!n->slab)
			continue;
		change[0] += fabs((n->simulated - n->simulated_first) - (n->recorded - n->first));
		change[1] += fabs(n->recorded - n->first);
	}
	s->slab_change_error = divide(change[0], change[1]);
	s->slab_error = divide(slab[0], slab[1]);
	s->slab_error_idle = divide(slab[2], slab[1]);
	s->free_error = divide(pages[0], pages[1]);
	s->free_error_idle = divide(pages[2], pages[1]);
}

static int has_fidelity(struct db *db, struct err *e)
{
	s64 n = 0;

	if (db_number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'fidelity_view'", &n, e))
		return -1;
	return n > 0;
}

int likeness_load(struct likeness *f, struct db *db, s64 run_id, struct err *e)
{
	sqlite3_stmt *row;
	int rc = has_fidelity(db, e);

	memset(f, 0, sizeof(*f));
	if (rc <= 0)
		return rc;
	row = db_prepare(db,
			 "SELECT t_ns, snapshot, kind, name, recorded, simulated, first FROM "
			 "fidelity_view WHERE run_id = ? AND kind IN ('slab', 'free')"
			 " ORDER BY t_ns, snapshot, kind, name",
			 e);
	if (!row)
		return -1;
	sqlite3_bind_int64(row, 1, run_id);
	while ((rc = db_step(db, row, e)) > 0)
		figure_take(f, row);
	sqlite3_finalize(row);
	if (rc) {
		likeness_free(f);
		return -1;
	}
	find_firsts(f);
	for (size_t i = 0; i < f->nr_snapshots; i++)
		score(f, i, i + 1, &f->snapshots[i]);
	score(f, 1, f->nr_snapshots, &f->all);
	return 0;
}

void likeness_free(struct likeness *f)
{
	for (size_t i = 0; i < f->nr; i++)
		free(f->figures[i].name);
	for (size_t i = 0; i < f->nr_snapshots; i++)
		free(f->snapshots[i].name);
	free(f->figures);
	free(f->snapshots);
	memset(f, 0, sizeof(*f));
}
