/*
 * The end of a warm-up: what was simulated so far brought the machine into its state and is part of
 * no figure.
 *
 * Invariant: what is alive, held or pending stays as it is; what adds up or keeps a peak begins
 * anew. A layer's live objects are then no longer its allocations less its frees.
 */
#include "sim/reclaim.h"
#include "sim/replay.h"
#include "sim/vmstat.h"

void replay_restart_peaks(struct replay *rp)
{
	account_restart_peaks(&rp->acc);
	rp->slab_max = replay_slab_bytes(rp);
	rp->taken_max = (u64)rp->page_source->live_bytes;
	rp->taken_max_req = rp->acc.bytes_req_live;
}

void replay_count_anew(struct replay *rp)
{
	for (unsigned int i = 0; i < rp->stack.nr_layers; i++) {
		struct layer *l = rp->stack.layers[i];

		l->nr_alloc = l->nr_free = l->nr_failed = l->nr_injected = 0;
		l->live_bytes_peak = l->live_bytes;
		l->self_ns = 0;
	}
	machine_count_anew(rp->m);
	account_count_anew(&rp->acc);
	replay_restart_peaks(rp);
	vmstat_restart();
	store_count_anew(rp);
	rp->shrunk = (struct shrunk){0};
	if (rp->reclaim)
		rp->reclaim->counts = (struct reclaim_counts){0};
	rp->warming_up = false;
}
