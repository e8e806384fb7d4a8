/*
 * Experiment files (experiment/1): machine x stacks x loads x seeds.
 *
 *	kmemsim: experiment/1
 *	description: does RCU delay cost memory?	# free text
 *	machine: machine-2node.yaml	# beside this file; or the mapping itself;
 *					# left out: what each load carries
 *	stacks:
 *	  plain: {pages: page_allocator, slab: slabifier}	# these two are the defaults
 *	  rcu:   {pages: "rcu:page_allocator", slab: "rcu:slabifier"}
 *	  table: {kmalloc: {classes: [32B, 64B, 96B, 128B, 1KiB]}}	# or: exact
 *	  mixed: {kmalloc: {merge: on}}	# caches share slabs; recorded names have been merged
 *	  zram:  {store: "debug:zsmalloc"}	# compressed objects; left out: they are not stored
 *	  some:  {caches: {"ext4_*": "rcu:slabifier"}}	# another chain, same pages; first match
 *	loads:
 *	  fstree: {trace: traces/samples/fstree.kmt}	# warm if the trace carries snapshots
 *	  empty: {trace: traces/samples/fstree.kmt, start: cold}	# or not
 *	  mine: {trace: mine.kmt, snapshots: mine/snaps}	# or with those of this folder
 *	  mix: {workload: workloads/server-mix.yaml, duration: 10s}	# each seed another one
 *	  busy: {workload: workloads/server-mix.yaml, set: {jobs.skb.rate: 400k/s}}	# changed
 *	  old: {workload: w.yaml, fragment: "pinned(p=1/512)"}	# the state it starts in
 *	  own: {workload: {duration: 1s, jobs: {...}}}	# written here
 *	seeds: 10			# 1 to 10; or a list; left out: 1
 *	sample: 10ms			# left out: 200 samples over each load
 *	expect:				# what the runs should show; `kmemsim run` says what they do
 *	  - what: waiting for a grace period takes more memory	# free text
 *	    measure: "of('rcu','fstree','slab_bytes_max') / of('plain','fstree','slab_bytes_max')"
 *	    expected: 1.10		# or at_least: 1, at_most: 2, between: [1, 2]
 *	    within: 5%			# of what is expected; or in the measure's unit: 0.02
 *	    source: "Author 1994, table 2"	# where the expectation comes from
 *	  - {what: memory of rcu, measure: "of('rcu','fstree','slab_bytes_max')", note: true}
 *
 * Or, in place of its runs, `search:`, for the workload that hurts each stack most: cmd/search.h.
 *
 * A measure, and every bound, is an SQL expression over the runs of this experiment alone;
 * reports/expect.h says which functions and views there are. A note is printed and not judged; it
 * needs no source. With --only nothing is judged: runs may be missing.
 *
 * Paths are looked for from the working directory, then from the experiment file's own.
 */
#ifndef CMD_EXPERIMENT_H
#define CMD_EXPERIMENT_H

#include "alloc/stack.h"
#include "cmd/fragment_read.h"
#include "cmd/search_read.h"
#include "cmd/start.h"
#include "lib/err.h"
#include "lib/yaml.h"
#include "reports/expect.h"
#include "sim/machine_config.h"
#include "workloads/workload.h"

#define EXPERIMENT_SEEDS_MAX 10000

struct experiment_stack {
	const char *name;
	struct stack_config config;
	const struct yaml_node *node; /* for messages about it */
};

struct experiment_load {
	const char *name;
	char *path;	 /* of a .kmt file, a workload, or the experiment it stands in */
	u64 duration_ns; /* of a workload; 0: what it says itself */
	struct workload_change change;
	struct start start; /* of a trace */
	char *snapshots;    /* start.dir */
	struct fragment_spec fragment;
	const struct yaml_node *node;
};

struct experiment {
	const char *path;		/* as given: somebody else's */
	struct yaml_file *file;		/* names and nodes live in it */
	const char *description;	/* "" if there is none */
	struct machine_config *machine; /* NULL: what each load carries */
	struct experiment_stack *stacks;
	struct experiment_load *loads;
	u64 *seeds;
	size_t nr_stacks, nr_loads, nr_seeds;
	u64 sample_ns; /* 0: 200 samples over each load */
	struct expectations expect;
	struct search *search; /* NULL: its runs are those of all loads, stacks and seeds */
};

/*
 * Reads and checks everything, with `settings` ("key=value", see yaml_override) on top. -1 with e
 * set, and nothing to free.
 */
int __must_check experiment_open(struct experiment *x, const char *path,
				 const char *const *settings, size_t nr_settings, struct err *e);
void experiment_close(struct experiment *x);

#endif
