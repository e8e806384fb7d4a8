# Stacks of eight derivations, different and sensible ones, for pages and for slabs, under recorded load: they are
# asked for all that the plain stack is asked for, refuse nothing, report nothing, and every layer has its books.
. tests/shell_lib

pages=forward:mempool'(min_nr=64)':rcu:reclaimable:numactl'(flags=__GFP_NOWARN)':ctor_dtor:mempool'(order=3,min_nr=8)':forward:page_allocator
slab=forward:rcu:caching'(rounds=31)':forward:numa:debug'(redzone=8B)':forward:forward:slabifier
db=$SCRATCH/results.db

# same WHAT IS EXPECTED
same()
{
	[ "$2" = "$3" ]
	verdict "$1" $?
	[ "$2" = "$3" ] || echo "# $2, not $3"
}

# replays LOAD: plain, eight layers of pages, of slabs, of both.
replays()
{
	local trace=traces/samples/$1.kmt
	"$KMEMSIM" replay "$trace" --label plain --db "$db" &&
		"$KMEMSIM" replay "$trace" --label pages --pages "$pages" --db "$db" &&
		"$KMEMSIM" replay "$trace" --label slab --slab "$slab" --db "$db" &&
		"$KMEMSIM" replay "$trace" --label both --pages "$pages" --slab "$slab" --db "$db"
}

for load in small-hackbench small-forkstorm; do
	rm -f "$db"
	replays $load 2>"$SCRATCH/err"
	verdict "$load: runs on eight derivations, and nothing is left" $? || tail -3 "$SCRATCH/err"
	same "$load: all runs are ok" "$(sqlite3 "$db" 'SELECT DISTINCT status FROM run_view')" ok
	same "$load: every request is served, none is reported" "$(sqlite3 "$db" "
		SELECT count(DISTINCT value) FROM summary_view WHERE layer = '' AND metric IN ('nr_alloc', 'nr_free')
		GROUP BY metric UNION SELECT CAST(sum(value) AS INTEGER) FROM summary_view
		WHERE layer = '' AND metric IN ('nr_failed', 'nr_reports')" | xargs)" "0 1"
	same "$load: eight derivations and a source have books, twice" "$(sqlite3 "$db" "
		SELECT count(DISTINCT layer) FROM summary_view WHERE label = 'both' AND layer != '' AND metric = 'nr_alloc'
		AND value > 0")" 18
done
