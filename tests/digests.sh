# Determinism: compilers, optimisation and repetition change nothing in a trace, a digest or a result.
. tests/shell_lib

# tests/run says which builds there are.
read -ra variants <<<"${VARIANTS:-asan}"
dat=traces/samples/small-fstree.dat
base=${variants[0]}

tool() { build/"$1"/kmemsim "${@:2}"; }

# Everything a database says, but for the host's time.
contents()
{
	local view columns
	for view in run summary sample free_area slab cache site latency lock event fidelity \
		block_map block_moves compact reclaim zone vmstat blame blame_block store store_class; do
		columns=$(sqlite3 "$1" "SELECT group_concat(CASE name WHEN 'cells' THEN 'hex(cells)' ELSE name END) FROM pragma_table_info('${view}_view')
			WHERE name <> 'wall_ns'")
		sqlite3 "$1" "SELECT '$view', $columns FROM ${view}_view" | sort
	done
}

for variant in "${variants[@]}"; do
	tool "$variant" import $dat -o "$SCRATCH/$variant.kmt" --machine configs/machine-2node.yaml \
		>"$SCRATCH/$variant.info" 2>&1
	verdict "import, $variant" $?
done
for variant in "${variants[@]:1}"; do
	cmp -s "$SCRATCH/$base.kmt" "$SCRATCH/$variant.kmt"
	verdict "import: $variant makes the same file as $base" $?
done

# digest VARIANT PAGES SLAB SEED
digest()
{
	tool "$1" replay "$SCRATCH/$base.kmt" --pages "$2" --slab "$3" --seed "$4" --db none 2>&1 |
		grep -o 'digest [0-9a-f]*'
}

while read -r pages slab; do
	first=$(digest "$base" "$pages" "$slab" 1)
	[ -n "$first" ]
	verdict "$pages $slab: $base has a digest" $?
	[ "$(digest "$base" "$pages" "$slab" 1)" = "$first" ]
	verdict "$pages $slab: again the same" $?
	for variant in "${variants[@]:1}"; do
		[ "$(digest "$variant" "$pages" "$slab" 1)" = "$first" ]
		verdict "$pages $slab: $variant the same" $?
	done
done <<'END'
page_allocator slabifier
rcu:page_allocator rcu:slabifier
bitmap slabifier
rcu:numactl(node=1):page_allocator rcu:slabifier(min_order=1)
null null
END

# Made-up loads: what is drawn from distributions is the same whoever compiled it.
for w in slab-churn server-mix closed-loop-latency; do
	sed 's/^warmup:.*/warmup: 5ms/' workloads/$w.yaml >"$SCRATCH/$w.yaml"
	for variant in "${variants[@]}"; do
		tool "$variant" replay "$SCRATCH/$w.yaml" --duration 100ms --seed 3 --db none 2>&1 |
			grep -o 'digest [0-9a-f]*' >"$SCRATCH/$w.$variant"
		[ -s "$SCRATCH/$w.$variant" ] && cmp -s "$SCRATCH/$w.$variant" "$SCRATCH/$w.$base"
		verdict "$w, $variant: the same as $base" $?
	done
done

# Stores: contents, background compaction, grace periods.
cat >"$SCRATCH/stored.yaml" <<'END'
kmemsim: workload/1
duration: 60ms
warmup: 5ms
jobs:
  pages:
    generator: zram
    slots: 1500
    every: 20us
    pattern: tides
    read: 20%
    objects: {size: {dist: uniform, min: 1B, max: 4096B}}
  other:
    generator: poisson
    rate: 20k/s
    cpus: 0-3
    lifetime: {dist: exponential, mean: 10ms}
    objects: {size: {dist: uniform, min: 1B, max: 4096B}}
  compaction: {generator: periodic, every: 20ms, compact: 1MiB}
END
stores='xcfmalloc xcfmalloc(geometry=32,max_blocks=4,victims=oldest) xvmalloc zbud zsmalloc kmalloc null
	debug:zsmalloc rcu:compact(every=5ms):xcfmalloc rcu:kmalloc'
for store in $stores; do
	for variant in "${variants[@]}"; do
		tool "$variant" replay "$SCRATCH/stored.yaml" --store "$store" --seed 5 --db none 2>&1 |
			grep -o ': ok, digest [0-9a-f]*' >"$SCRATCH/stored.$variant"
		[ -s "$SCRATCH/stored.$variant" ] && cmp -s "$SCRATCH/stored.$variant" "$SCRATCH/stored.$base"
		verdict "$store, $variant: the same as $base" $?
	done
done
cat >"$SCRATCH/stored-run.yaml" <<END
kmemsim: experiment/1
machine: $PWD/configs/machine-2node.yaml
stacks: {a: {store: 'rcu:compact(every=5ms):xcfmalloc'}, b: {store: zsmalloc}, c: {store: 'debug:zbud'}}
loads: {stored: {workload: $SCRATCH/stored.yaml}}
seeds: 2
END
for n in 1 2; do
	tool "$base" run "$SCRATCH/stored-run.yaml" --jobs $n --db "$SCRATCH/stored$n.db" 2>"$SCRATCH/$n.err"
	verdict "stores, $n at a time" $?
	contents "$SCRATCH/stored$n.db" | sed 's/|[0-9]*|/|/' | sort >"$SCRATCH/stored$n.txt"
done
[ "$(grep -c ^store_class "$SCRATCH/stored1.txt")" -gt 100 ] && cmp "$SCRATCH/stored1.txt" "$SCRATCH/stored2.txt"
verdict "and the databases are equal" $?

[ "$(digest "$base" bitmap slabifier 1)" != "$(digest "$base" page_allocator slabifier 1)" ]
verdict "different stacks have different digests" $?

for n in 1 2; do
	tool "$base" run configs/demo.yaml --set loads.small-fstree.trace="$SCRATCH/$base.kmt" \
		--db "$SCRATCH/$n.db" 2>"$SCRATCH/$n.err"
	verdict "run of the demo, time $n" $?
	contents "$SCRATCH/$n.db" >"$SCRATCH/$n.txt"
done
[ "$(wc -l <"$SCRATCH/1.txt")" -gt 1000 ] && cmp "$SCRATCH/1.txt" "$SCRATCH/2.txt"
verdict "two databases are equal in everything but host times" $?

for variant in "${variants[@]}"; do
	tool "$variant" report "$SCRATCH/1.db" -o "$SCRATCH/report-$variant" --page-only &&
		cmp -s "$SCRATCH/report-$base/index.html" "$SCRATCH/report-$variant/index.html"
	verdict "report: $variant writes the same page" $?
done
