# The search for a bad case: the same whatever --jobs, what is saved reproduces the figure, what is refused.
. tests/shell_lib

mkdir "$SCRATCH/saved"
cat >"$SCRATCH/load.yaml" <<Y
kmemsim: workload/1
duration: 30ms
jobs:
  go: {generator: periodic, every: 20us, duration: 10ms, objects: {size: 4000B}, lifetime: 11ms}
  stay: {generator: periodic, every: 80us, duration: 10ms, objects: {size: 4000B}, lifetime: forever}
Y
# experiment SEARCH: an experiment with that `search:`, in $SCRATCH/x.yaml.
experiment()
{
	cat >"$SCRATCH/x.yaml" <<Y
kmemsim: experiment/1
machine: {nodes: [{memory: 64MiB, cpus: 0-1}]}
stacks:
  zs: {store: zsmalloc}
  checked: {store: "debug:zsmalloc"}
loads:
  mix: {workload: load.yaml}
  recorded: {trace: $PWD/traces/samples/small-hackbench.kmt}
search:
  save: $SCRATCH/saved
$(sed 's/^/  /' <<<"$1")
Y
}
vary='vary:
  jobs.go.objects.size: {mix: 3, from: 32B, to: 4000B}
  jobs.stay.objects.size: {mix: 2, from: 32B, to: 4000B}
  jobs.stay.every: {from: 20us, to: 200us}
  jobs.go.lifetime: [5ms, 11ms, forever]'
good="load: mix
$vary
maximize: store_memory_percent_end
steps: 30"
run() { "$KMEMSIM" run "$SCRATCH/x.yaml" --db "$SCRATCH/r.db" "$@"; }

experiment "$good"
run --format csv >"$SCRATCH/one" 2>"$SCRATCH/one.err"
verdict "a search ends" $?
cp "$SCRATCH/saved/worst-zs.yaml" "$SCRATCH/first.yaml"
run --format csv --jobs 3 >"$SCRATCH/three" 2>/dev/null
cmp "$SCRATCH/one" "$SCRATCH/three" && cmp "$SCRATCH/first.yaml" "$SCRATCH/saved/worst-zs.yaml"
verdict "it finds the same, whatever --jobs" $?
run --format csv --set search.seed=2 >"$SCRATCH/seed" 2>/dev/null
! cmp -s "$SCRATCH/one" "$SCRATCH/seed"
verdict "another seed finds something else" $?
run >/dev/null 2>&1

# Each row is worse than the one above; the last is what is saved and what the database has.
worst()
{
	awk -F, -v stack="$1" '$1 == stack { if (n++ && $3 <= last) exit 1; last = $3 } END { print last; exit n < 3 }' "$SCRATCH/one"
}
figure()
{
	sqlite3 "$1" "SELECT printf('%.9f', value) FROM summary_view WHERE metric = 'store_memory_percent_end' AND layer = ''
		$2 ORDER BY run_id DESC LIMIT 1"
}
found=$(worst zs)
verdict "each row is worse than the one above" $?
found=$(printf %.9f "$found")
[ "$(figure "$SCRATCH/r.db" "AND load = 'worst-zs' AND label = 'zs'")" = "$found" ]
verdict "the database has the worst" $?
base=$(awk -F, '$1 == "zs" && $2 == 0 { printf "%.9f", $3 }' "$SCRATCH/one")
[ "$(figure "$SCRATCH/r.db" "AND load = 'mix' AND label = 'zs'")" = "$base" ]
verdict "and the load as it is" $?
printf 'kmemsim: machine/1\nnodes: [{memory: 64MiB, cpus: 0-1}]\n' >"$SCRATCH/m.yaml"
"$KMEMSIM" replay "$SCRATCH/saved/worst-zs.yaml" --store zsmalloc --machine "$SCRATCH/m.yaml" --db "$SCRATCH/again.db" 2>/dev/null
verdict "what is saved is a workload by itself" $?
[ "$(figure "$SCRATCH/again.db" "")" = "$found" ]
verdict "and has the figure that was found" $?
[ "$(ls "$SCRATCH/saved" | paste -sd' ')" = "worst-checked.yaml worst-zs.yaml" ]
verdict "nothing else is left there" $?

rm "$SCRATCH"/saved/*
run --set 'stacks={"a\nb\x1b": {store: zsmalloc}}' >"$SCRATCH/hostile" 2>"$SCRATCH/hostile.err" &&
	"$KMEMSIM" replay "$SCRATCH/saved/worst-a_b_.yaml" --store zsmalloc --db none 2>/dev/null
verdict "a hostile name ends no comment" $?

rm "$SCRATCH"/saved/*
run --only 'mix/zs/*' >"$SCRATCH/only" 2>&1
[ "$(ls "$SCRATCH/saved")" = worst-zs.yaml ]
verdict "--only leaves stacks out" $?
before=$(inventory)
"$KMEMSIM" run "$SCRATCH/x.yaml" --print >/dev/null && [ "$before" = "$(inventory)" ]
verdict "--print searches nothing" $?

# What the workload refuses is no end; what it refuses always is.
experiment "$good"
run --set 'search.vary.jobs.go.lifetime=[never, 11ms]' >"$SCRATCH/some" 2>"$SCRATCH/some.err"
[ $? = 0 ] && grep -q "workloads could not be run; the last: .*never" "$SCRATCH/some.err"
verdict "workloads that cannot be run are told of" $?
refused "a key that nobody knows" "unknown key 'objectz': did you mean 'objects'?" \
	run --set 'search.vary={jobs.go.objectz.size: {from: 32B, to: 64B}}'
experiment "$good"
refused "stacks without the figure" "has no figure store_memory_percent_end" run --set stacks='{plain: {}}'

# --- what is refused
refused "no such load" "no load is 'mxi': did you mean 'mix'?" run --set search.load=mxi
refused "a trace" "'recorded' is a trace: nothing can be varied in it" run --set search.load=recorded
refused "no such metric" "did you mean 'store_memory_percent_end'?" run --set search.maximize=store_memory_percent_ent
refused "two goals" "one of them is wanted" run --set search.minimize=slab_bytes_end
refused "no steps" "1" run --set search.steps=1
refused "no such folder" "nowhere: No such file or directory" run --set search.save=nowhere
refused "a file for a folder" "load.yaml: Not a directory" run --set "search.save=$SCRATCH/load.yaml"
refused "an unknown key" "did you mean 'steps'?" run --set search.stpes=3
refused "nothing varied" "1 to 32 keys are varied" run --set 'search.vary={}'
refused "a bound that is none" "'x' is no bound" run --set 'search.vary={jobs.go.every: {from: x, to: 1ms}}'
refused "a share that is none" "'120%' is no bound" run --set 'search.vary={jobs.go.read: {from: 5%, to: 120%}}'
refused "two units" "of different units" run --set 'search.vary={jobs.go.every: {from: 1B, to: 1ms}}'
refused "upside down" "is less than" run --set 'search.vary={jobs.go.every: {from: 2ms, to: 1ms}}'
refused "a mix of times" "a mix is one of sizes" run --set 'search.vary={jobs.go.every: {mix: 2, from: 1ms, to: 2ms}}'
refused "a mix with nothing" "more than zero" run --set 'search.vary={jobs.go.objects.size: {mix: 2, from: 0B, to: 2B}}'
refused "a choice of nothing" "a choice of nothing" run --set 'search.vary={jobs.go.every: []}'
refused "no way to vary" "what is varied is a list" run --set 'search.vary={jobs.go.every: 5us}'
refused "resumed" "neither resumed nor verified" run --resume
refused "with expectations" "a search expects nothing" run --set 'expect=[{what: a, measure: "1", note: true}]'
experiment "load: mix
$vary
steps: 3"
refused "no goal" "what hurts?" run
