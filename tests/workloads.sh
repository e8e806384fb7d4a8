# Made-up loads, from the command line: running one and replaying what `generate` writes is the same.
. tests/shell_lib

db=$SCRATCH/results.db

# digest LOAD [OPTIONS]: of a run without a database.
digest()
{
	"$KMEMSIM" replay "$@" --db none 2>&1 | grep -o 'digest [0-9a-f]*'
}

# --- what is shipped, cut short; phases of 4 s need some more
mkdir "$SCRATCH/short"
cp workloads/*.sizes "$SCRATCH/short"
for w in workloads/*.yaml; do
	name=$(basename "$w" .yaml)
	short=$SCRATCH/short/$name.yaml
	sed 's/^warmup:.*/warmup: 20ms/' "$w" >"$short"
	[ "$name" != thp-under-churn ] || sed -i 's/duration: [26]s/duration: 30ms/' "$short"
	[ "$name" != slab-churn ] || sed -i 's/duration: [12]s/duration: 20ms/' "$short"
	[ "$name" != bonwick-1994 ] || sed -i -E 's/(duration|start): ([0-9]+)0s/\1: \2ms/' "$short"
	# A hundredth of its pages, at a tenth of its pace, on half the processors.
	[ "$name" != llfree-frag ] || sed -i -E 's/0us\}/us}/; s/: 50ns/: 500ns/; s/(count: [0-9]+)00/\1/; s/0-7/0-3/' "$short"
	[ "$name" != fill-and-free ] || sed -i 's/0ms/ms/' "$short"
	[ "$name" != sparse-slabs ] || sed -i "s/start: 500ms/start: 50ms/" "$short"
	# Without a store nothing is stored, and every seed is the same run.
	store=none
	grep -q 'objects:' "$w" && store=zsmalloc
	succeeds "generate $name" "$KMEMSIM" generate "$short" -o "$SCRATCH/short/$name.kmt" --duration 100ms
	says "generate $name: what is in it" "made of    $name.yaml (generate"
	run=$(digest "$short" --duration 100ms --store $store)
	if grep -q 'reclaim:' "$w"; then # nobody knows the accesses of a trace
		[ -n "$run" ] && [ "$run" != "$(digest "$SCRATCH/short/$name.kmt" --store $store)" ]
		verdict "$name: the trace reclaims nothing" $?
	else
		[ -n "$run" ] && [ "$run" = "$(digest "$SCRATCH/short/$name.kmt" --store $store)" ]
		verdict "$name: the trace replays as the workload runs" $?
	fi
	[ "$run" = "$(digest "$short" --duration 100ms --store $store --check 1000)" ]
	verdict "$name: the same seed is the same run" $?
	# What hurts most may leave nothing to chance.
	[[ $name = worst-* ]] || [ "$run" != "$(digest "$short" --duration 100ms --store $store --seed 2)" ]
	verdict "$name: another seed is another run" $?
	# info walks the whole trace: ids, kinds, times.
	succeeds "$name: the trace is sound" "$KMEMSIM" info "$SCRATCH/short/$name.kmt" --format json
done
"$KMEMSIM" generate "$SCRATCH/short/network-churn.yaml" -o "$SCRATCH/other.kmt" --duration 100ms >/dev/null
cmp -s "$SCRATCH/other.kmt" "$SCRATCH/short/network-churn.kmt"
verdict "generate writes the same bytes again" $?

# --- a load that waits is of the stack it was made on
loop=$SCRATCH/short/closed-loop-latency.yaml
"$KMEMSIM" generate "$loop" -o "$SCRATCH/loop.kmt" --duration 100ms --slab rcu:slabifier \
	--machine configs/machine-laptop.yaml --seed 7 >/dev/null
[ "$(digest "$loop" --duration 100ms --slab rcu:slabifier --machine configs/machine-laptop.yaml --seed 7)" = \
	"$(digest "$SCRATCH/loop.kmt" --slab rcu:slabifier)" ]
verdict "a closed loop's trace replays as it ran, on its stack and machine" $?
[ -n "$(digest "$SCRATCH/loop.kmt")" ]
verdict "and replays on another" $?

# --- compressed objects: stored by workers that wait, read, moved; or there is no store
cat >"$SCRATCH/store.yaml" <<'END'
kmemsim: workload/1
duration: 40ms
warmup: 10ms
phases: [{name: a, duration: 3ms}, {name: b, duration: 5ms}]
jobs:
  swap:
    generator: closed_loop
    workers: 3
    think: 5us
    hold: on
    lifetime: 20us
    read: 50%
    objects: {size: {dist: empirical, file: short/compressed-lzo-memory.sizes}}
  disk: {generator: zram, slots: 500, every: 2us, pattern: lru, zipf: 1, phases: b, objects: {size: 900B}}
  shake: {generator: periodic, every: 2ms, compact: 64KiB}
END
succeeds "generate: a closed loop on a store" "$KMEMSIM" generate "$SCRATCH/store.yaml" --store zsmalloc \
	-o "$SCRATCH/store.kmt"
for kind in store_alloc store_free store_read store_compact; do
	grep -qE "^ *$kind +[1-9]" "$SCRATCH.out"
	verdict "its trace has $kind" $?
done
stored=$(digest "$SCRATCH/store.yaml" --store zsmalloc)
[ -n "$stored" ] && [ "$stored" = "$(digest "$SCRATCH/store.kmt" --store zsmalloc)" ]
verdict "it replays as it ran" $?
"$KMEMSIM" replay "$SCRATCH/store.yaml" --db none 2>"$SCRATCH.err"
[ "$(grep -c 'note: .* compressed objects were not stored: the stack has no store' "$SCRATCH.err")" = 1 ]
verdict "without a store, this is said once" $?

# --- metrics: the trace brings its warm-up along
metrics()
{
	sqlite3 "$db" "SELECT metric, value FROM summary_view JOIN run_view USING (run_id)
		WHERE run_view.label = '$1' ORDER BY layer, metric"
}
name=network-churn
"$KMEMSIM" replay "$SCRATCH/short/$name.yaml" --duration 100ms --label made --db "$db" 2>/dev/null
"$KMEMSIM" replay "$SCRATCH/short/$name.kmt" --label traced --db "$db" 2>/dev/null
[ "$(metrics made | wc -l)" -gt 40 ] && [ "$(metrics made)" = "$(metrics traced)" ]
verdict "$name: all metrics are the same, made up or traced" $?
[ "$(sqlite3 "$db" "SELECT min(t_ns) FROM sample_view")" = 20000000 ]
verdict "samples begin after the warm-up" $?
[ "$(sqlite3 "$db" "SELECT group_concat(call_site, ' ') FROM (SELECT DISTINCT call_site FROM site_view
	JOIN run_view USING (run_id) WHERE label = 'made' ORDER BY 1)")" = "huge_probe inodes page_cache skb" ]
verdict "call sites are the jobs" $?

# --- refusals
cat >"$SCRATCH/full.yaml" <<END
kmemsim: workload/1
duration: 100ms
jobs:
  hog: {generator: periodic, every: 100us, pages: {order: 10}, lifetime: forever, on_failure: MODE}
END
full()
{
	sed "s/MODE/$1/" "$SCRATCH/full.yaml" >"$SCRATCH/full-$1.yaml"
	"$KMEMSIM" replay "$SCRATCH/full-$1.yaml" --db none >"$SCRATCH.out" 2>&1
}
full stop
[ $? = 3 ]
verdict "on_failure: stop ends the run, exit 3" $?
says "its status is oom" ": oom, digest"
stopped=$(grep -o 'digest [0-9a-f]*' "$SCRATCH.out")
succeeds "generate: what would have been asked for after that, too" \
	"$KMEMSIM" generate "$SCRATCH/full-stop.yaml" -o "$SCRATCH/full.kmt"
"$KMEMSIM" replay "$SCRATCH/full.kmt" --db none 2>"$SCRATCH.err"
[ $? = 3 ] && [ "$(grep -o 'digest [0-9a-f]*' "$SCRATCH.err")" = "$stopped" ]
verdict "the trace ends in oom as well, with the same digest" $?
full count
[ $? = 0 ]
verdict "on_failure: count goes on" $?
full retry
[ $? = 0 ] && [ "$(digest "$SCRATCH/full-retry.yaml")" != "$(digest "$SCRATCH/full-count.yaml")" ]
verdict "on_failure: retry asks again" $?

# --- a cache the machine cannot do without, on a stack that cannot have it
cat >"$SCRATCH/vital.yaml" <<END
kmemsim: workload/1
duration: 100ms
jobs:
  inodes:
    generator: periodic
    every: 1ms
    cache: {name: vital, size: 200B, flags: [SLAB_PANIC, SLAB_DESTROY_BY_RCU]}
    lifetime: 1ms
END
vital()
{
	"$KMEMSIM" replay "$SCRATCH/vital.yaml" --db "$SCRATCH/$1.db" --slab "$2" 2>"$SCRATCH.err"
}
events_of()
{
	sqlite3 "$SCRATCH/$1.db" "SELECT status || ' ' || nr_requests || ' ' || count(kind) || ' ' ||
		coalesce(max(detail), '') FROM run_view AS r
		LEFT JOIN event_view AS e ON e.run_id = r.run_id AND kind = 'oom'"
}
vital panics debug:slabifier
[ $? = 3 ]
verdict "SLAB_PANIC: the run ends with exit 3" $?
[[ $(events_of panics) = "oom 1 1 Kernel panic"*"Failed to create slab 'vital'"* ]]
verdict "SLAB_PANIC: at its first request, status oom, one event of that kind" $?
vital lives "debug(poison=off):slabifier"
[ $? = 0 ] && [ "$(events_of lives)" = 'ok 200 0 ' ]
verdict "SLAB_PANIC: a stack that can have it goes on" $?
sed -i 's/SLAB_PANIC, //' "$SCRATCH/vital.yaml"
vital refused debug:slabifier
[ $? = 0 ]
verdict "without SLAB_PANIC its requests are refused, and the run goes on" $?

# --- layers that flags of caches derive are in the results like any other
cat >"$SCRATCH/derived.yaml" <<END
kmemsim: workload/1
duration: 200ms
jobs:
  plain:
    generator: periodic
    every: 20us
    cache: {name: plain, size: 400B}
    lifetime: {dist: exponential, mean: 1ms}
  rcu:
    generator: periodic
    every: 10us
    cache: {name: safe, size: 2000B, flags: [SLAB_DESTROY_BY_RCU]}
    lifetime: {dist: exponential, mean: 5ms}
  checked:
    generator: periodic
    every: 100us
    cache: {name: checked, size: 200B, flags: [SLAB_POISON, SLAB_RECLAIM_ACCOUNT]}
    lifetime: 1ms
END
made=$SCRATCH/derived.db
"$KMEMSIM" replay "$SCRATCH/derived.yaml" --db "$made" \
	--slab "slabifier(max_order=0,cpu_partial=0,min_partial=0)" 2>"$SCRATCH.err"
[ "$(sqlite3 "$made" "SELECT group_concat(layer, ' ') FROM (SELECT DISTINCT layer FROM summary_view
	WHERE layer LIKE '%+%' ORDER BY 1)")" = "pages+1:rcu pages+2:reclaimable slab+2:debug" ]
verdict "derived layers have figures" $?
[ "$(sqlite3 "$made" "SELECT value FROM summary_view
	WHERE layer = 'slab+2:debug' AND metric = 'nr_alloc'")" = 2000.0 ]
verdict "a derived layer counts what passes through it" $?
# Slab memory is what the source gave out, what it keeps, and the pages that wait.
[ "$(sqlite3 "$made" "WITH s AS (SELECT t_ns,
		sum(value) FILTER (WHERE metric = 'held_bytes' AND layer = 'pages+1:rcu') AS limbo,
		sum(value) FILTER (WHERE metric = 'held_bytes' AND layer LIKE 'slab/%') AS held,
		sum(value) FILTER (WHERE metric = 'live_bytes' AND layer LIKE 'slab/%') AS live,
		sum(value) FILTER (WHERE metric = 'slab_bytes') AS bytes
		FROM sample_view WHERE t_ns > 1000000 GROUP BY t_ns)
	SELECT count(*) > 100 AND max(limbo) > 0 AND min(held) >= 0 AND max(abs(limbo + held + live - bytes)) = 0
	FROM s")" = 1 ]
verdict "what waits in a derived layer is its own, and no longer the source's" $?

"$KMEMSIM" generate "$SCRATCH/full-retry.yaml" -o "$SCRATCH/retry.kmt" >/dev/null
[ "$(digest "$SCRATCH/retry.kmt")" = "$(digest "$SCRATCH/full-retry.yaml")" ]
verdict "retries are in the trace" $?

# --- an experiment of traces and workloads
cat >"$SCRATCH/x.yaml" <<END
kmemsim: experiment/1
stacks: {plain: {}, bitmap: {pages: bitmap}}
loads:
  trace: {trace: short/network-churn.kmt}
  made: {workload: short/slab-churn.yaml, duration: 50ms}
seeds: [1, 2]
END
rm -f "$db"
"$KMEMSIM" run "$SCRATCH/x.yaml" --db "$db" 2>"$SCRATCH.out"
verdict "an experiment runs both" $?
[ "$(sqlite3 "$db" "SELECT load, count(*), count(DISTINCT digest) FROM run_view WHERE label = 'plain' GROUP BY load
	ORDER BY load")" = $'made|2|2\ntrace|2|1' ]
verdict "seeds: each its own draw of a workload, one and the same trace" $?
repeat=$(sed -n 's/.*repeat: kmemsim//p' "$SCRATCH.out" | grep made/plain/2)
eval "\"$KMEMSIM\" $repeat" 2>&1 | grep -o 'digest [0-9a-f]*' >"$SCRATCH/again"
grep -qF "$(cat "$SCRATCH/again")" "$SCRATCH.out"
verdict "the line that repeats a run does" $?
succeeds "the shipped experiment is sound" "$KMEMSIM" run configs/workloads.yaml --print

# --- lists and help
succeeds "list generators" "$KMEMSIM" list generators --format csv
for generator in $(sed 's/\r//; 1d; s/,.*//' "$SCRATCH.out"); do
	succeeds "help $generator" "$KMEMSIM" help "$generator"
	says "help $generator: its keys" "keys of its own:"
	says "help $generator: distributions" "dist: lognormal"
done
refused "generator, almost" "did you mean 'poisson'?" "$KMEMSIM" help poison

# --- mistakes
# --- what waits for grace periods, though samples keep step with the tick that ends them
cat >"$SCRATCH/limbo.yaml" <<'END'
kmemsim: workload/1
duration: 2100ms
warmup: 100ms
jobs:
  pages: {generator: poisson, rate: 20k/s, lifetime: {dist: exponential, mean: 1ms}, pages: {order: 0, gfp: GFP_KERNEL}}
END
limbo=$SCRATCH/limbo.db
set -- "$SCRATCH/limbo.yaml" --pages rcu:page_allocator --machine configs/machine-laptop.yaml
"$KMEMSIM" replay "$@" --sample 20ms --db "$limbo" 2>"$SCRATCH/limbo"
value() { echo "(SELECT value FROM summary_view WHERE layer = '$1' AND metric = '$2')"; }
# Little: a free comes in the middle of a grace period and waits for the whole next one.
[ "$(sqlite3 "$limbo" "SELECT abs($(value pages/0:rcu held_bytes_mean) /
	($(value pages/0:rcu nr_free) / 2e9 * 4096 * 1.5 * $(value '' rcu_gp_mean_ns)) - 1) < 0.03")" = 1 ]
verdict "limbo is free rate x delay, whenever samples are taken" $?
[ "$(grep -o 'digest [0-9a-f]*' "$SCRATCH/limbo")" = "$(digest "$@" --sample 7ms)" ]
verdict "to look changes nothing" $?

generate() { "$KMEMSIM" generate "$@" -o "$SCRATCH/bad.kmt"; }
refused "generate: nothing" "one workload is needed" "$KMEMSIM" generate
refused "generate: no output" "-o OUT.kmt is missing" "$KMEMSIM" generate workloads/server-mix.yaml
refused "generate: no such workload" "nowhere.yaml: " generate nowhere.yaml
refused "generate: a trace" "a workload is a .yaml file" generate traces/samples/small-hackbench.kmt
refused "generate: an experiment" "'workload/1' is wanted" generate configs/demo.yaml
refused "generate: no folder to write to" "no/out.kmt" "$KMEMSIM" generate "$loop" -o "$SCRATCH/no/out.kmt"
refused "generate: mistake in a stack" "did you mean 'slabifier'?" generate "$loop" --slab slabifer --duration 50ms
refused "generate: no time" "--duration: must be more than zero" generate "$loop" --duration 0s
refused "generate: duration within the warm-up" "short/closed-loop-latency.yaml:" generate "$loop" --duration 10ms
refused "replay: a trace has its duration" "lasts as long as it was recorded" \
	"$KMEMSIM" replay traces/samples/small-hackbench.kmt --duration 1s --db none
workload()
{
	printf 'kmemsim: workload/1\nduration: 1s\njobs:\n  a: {%s}\n' "$1" >"$SCRATCH.yaml"
	"$KMEMSIM" replay "$SCRATCH.yaml" --db none
}
refused "a mistake has its place" ".yaml:4:45: '10' has no unit" workload "generator: poisson, rate: 1k/s, size: 10, lifetime: 1s"
experiment()
{
	printf 'kmemsim: experiment/1\nstacks: {a: {}}\nloads: {b: {workload: %s}}\n' "$1" >"$SCRATCH.yaml"
	"$KMEMSIM" run "$SCRATCH.yaml" --db "$SCRATCH/new.db"
}
refused "run: a mistake in a workload, before anything runs" "'experiment/1' file: 'workload/1' is wanted" experiment configs/demo.yaml
refused "run: a trace is no workload" "a .kmt file is a \`trace\`" experiment traces/samples/small-hackbench.kmt
