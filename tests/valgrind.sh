# A selection under valgrind, in the build that users have: it sees what was never set.
. tests/shell_lib

selection='test_lib_yaml test_lib_file test_config_machine test_slab_slabifier'
kmemsim=build/default/kmemsim
flock build make -s BUILD=build/default $kmemsim $(printf 'build/default/tests/%s ' $selection) >"$SCRATCH.out" 2>&1
verdict "build" $?

clean()
{
	local what=$1
	shift
	valgrind -q --error-exitcode=99 --leak-check=full "$@" >"$SCRATCH.out" 2>"$SCRATCH.err"
	verdict "$what" $?
	grep '^==' "$SCRATCH.err" | head -20 | sed 's/^/# /'
}

for t in $selection; do
	clean "$t" build/default/tests/$t
done
kmt=$SCRATCH/small-fstree.kmt
clean "import" $kmemsim import traces/samples/small-fstree.dat -o "$kmt"
clean "info" $kmemsim info "$kmt" --format json
clean "replay" $kmemsim replay "$kmt" --pages rcu:page_allocator --slab rcu:slabifier --db "$SCRATCH/r.db"
clean "replay on the naive twin" $kmemsim replay "$kmt" --pages bitmap --db "$SCRATCH/r.db"
clean "replay with stores" $kmemsim replay workloads/store-churn.yaml --duration 20ms \
	--store "rcu:compact(every=1ms,free=0%):debug:zsmalloc" --check 500 --db "$SCRATCH/r.db"
clean "list runs" $kmemsim list runs --db "$SCRATCH/r.db"
clean "compare" $kmemsim compare "$SCRATCH/r.db" --format json
