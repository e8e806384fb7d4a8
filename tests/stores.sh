# Stores in whole runs: on each chain of pages, on deep chains, in a boot phase, with too little memory. Contents are
# verified at each read and free, and at every full walk; a run that finds them changed ends in a bug.
. tests/shell_lib

db=$SCRATCH/results.db
stores='xcfmalloc xvmalloc zbud zsmalloc kmalloc'
layered='rcu:compact(every=1ms,free=0%):debug:zsmalloc compact(every=1ms,free=0%,goal=3,bytes=1KiB):rcu:debug(remember=3):xcfmalloc'

# load NAME SLOTS DURATION: a zram device that is overwritten.
load()
{
	cat >"$SCRATCH/$1.yaml" <<-END
		kmemsim: workload/1
		phases:
		  - {name: all, duration: $3}
		jobs:
		  pages:
		    generator: zram
		    slots: $2
		    every: 20us
		    pattern: overwrite
		    read: 10%
		    objects: {size: {dist: uniform, min: 32B, max: 4KiB}}
	END
}

# each WHAT OPTIONS...: a run of the load on every store; what is said goes to $SCRATCH/err.
each()
{
	local what=$1 store failed=0
	shift
	for store in $stores $layered; do
		"$KMEMSIM" replay "$SCRATCH/tiny.yaml" --store "$store" --db none "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" ||
			{ failed=1 && echo "# $store: $(head -1 "$SCRATCH/err")"; }
	done
	[ $failed = 0 ]
	verdict "$what" $?
}

# refuses WHAT WORDS OPTIONS...: refused with these words, exit 2.
refuses()
{
	local what=$1 words=$2
	shift 2
	"$KMEMSIM" replay "$SCRATCH/tiny.yaml" --db none "$@" >"$SCRATCH/out" 2>"$SCRATCH/err"
	[ $? = 2 ] && grep -qF "$words" "$SCRATCH/err"
	verdict "$what" $? || head -1 "$SCRATCH/err"
}

load tiny 200 12ms
each 'a full walk after each request' --check 1
for pages in bitmap rcu:page_allocator mempool:page_allocator 'numactl(node=0):page_allocator' dma:page_allocator \
	rcu:forward:ctor_dtor:reclaimable:numactl'(node=1)':mempool'(order=3,min_nr=8)':forward:bitmap; do
	each "on $pages" --pages "$pages" --check 100
done
for slab in queued_slab slob rcu:caching:debug:slabifier forward:rcu:caching'(rounds=31)':forward:numa:debug:forward:forward:slabifier; do
	each "on $slab" --slab "$slab" --check 100
done
each 'on pages and slabs that come up first' --pages boot:page_allocator --check 100
each 'on early objects, too' --pages boot:page_allocator --slab bootmem:slabifier --check 100

# Where nothing is kept: the store that needs it least, and reasons.
"$KMEMSIM" replay "$SCRATCH/tiny.yaml" --store kmalloc --pages null --check 50 --db none >"$SCRATCH/out" 2>&1
verdict 'kmalloc on null' $? || tail -1 "$SCRATCH/out"
for store in xcfmalloc xvmalloc zbud zsmalloc rcu:zbud; do
	refuses "$store on null says why not" "the pages of 'null' keep nothing" --store $store --pages null
done
refuses 'debug on what keeps nothing says why not' "and 'kmalloc' keeps nothing" --store debug:kmalloc --slab null
for store in xcfmalloc zsmalloc debug:zbud rcu:xvmalloc; do
	refuses "$store with caches on null says why not" "and 'null' keeps nothing" --store $store \
		--caches '{"[xsz]*": "null"}'
done
"$KMEMSIM" replay "$SCRATCH/tiny.yaml" --store kmalloc --caches '{"kmalloc*": "null"}' --check 50 --db none \
	>"$SCRATCH/out" 2>&1
verdict 'kmalloc with caches on null' $? || head -1 "$SCRATCH/out"
refuses 'debug over rcu names the order that works' 'rcu:debug:...' --store debug:rcu:zsmalloc
refuses 'compact over what never moves says so' 'never moves an object' --store compact:zbud

# A recorded boot has no objects for it, and a store all the same.
"$KMEMSIM" replay traces/samples/boot.kmt --pages boot:page_allocator --store rcu:debug:zsmalloc --db none \
	>"$SCRATCH/out" 2>&1
verdict 'beside a recorded boot' $? || head -1 "$SCRATCH/out"

# Too little memory: requests are refused, and nothing else goes wrong.
load pressure 9000 400ms
cat >"$SCRATCH/small.yaml" <<'END'
kmemsim: machine/1
name: small
hz: 250
nodes:
  - {memory: 16MiB, cpus: 0-1, distance: [10]}
END
for store in $stores $layered; do
	rm -f "$db"
	"$KMEMSIM" replay "$SCRATCH/pressure.yaml" --machine "$SCRATCH/small.yaml" --store "$store" --check 10000 \
		--db "$db" >"$SCRATCH/out" 2>&1
	verdict "$store: runs out of memory" $? || tail -1 "$SCRATCH/out"
	[ "$(sqlite3 "$db" "SELECT sum(metric = 'nr_failed' AND value > 500), sum(metric = 'store_bad_handles' AND value > 0)
		FROM summary_view WHERE layer = ''")" = '1|0' ]
	verdict "$store: some requests are refused, no handle is bad" $?
done

# The same again is the same: works and callbacks included.
for store in $layered; do
	"$KMEMSIM" replay "$SCRATCH/tiny.yaml" --store "$store" --db none --verify >"$SCRATCH/out" 2>&1
	verdict "$store: two runs have one digest" $? || tail -1 "$SCRATCH/out"
done
