# kmalloc's table, merging, and caches on chains of their own, from the command line.
. tests/shell_lib

db=$SCRATCH/results.db
query()
{
	sqlite3 "$db" "$1"
}

# holds WHAT SQL: the query answers 1.
holds()
{
	[ "$(query "$2")" = 1 ]
	verdict "$1" $?
}

# Aliases by twos and threes, one that may not, and kmalloc's 64 bytes under two of them.
cat >"$SCRATCH/load.yaml" <<'Y'
kmemsim: workload/1
duration: 20ms
defaults: {cpus: 0-1, lifetime: {dist: exponential, mean: 2ms}}
jobs:
  k64: {generator: poisson, rate: 200k/s, size: 60B}
  a64: {generator: poisson, rate: 100k/s, cache: {name: a64, size: 64B}}
  b64: {generator: poisson, rate: 100k/s, cache: {name: b64, size: 58B}}
  a200: {generator: poisson, rate: 100k/s, cache: {name: a200, size: 200B}}
  b200: {generator: poisson, rate: 100k/s, cache: {name: b200, size: 196B}}
  own: {generator: poisson, rate: 100k/s, cache: {name: own, size: 200B, flags: [SLAB_NO_MERGE]}}
Y
cat >"$SCRATCH/x.yaml" <<'Y'
kmemsim: experiment/1
machine: configs/machine-2node.yaml
stacks:
  apart: {}
  merged: {kmalloc: {merge: on}}
  table: {kmalloc: {classes: [32B, 72B, 4KiB], merge: on}}
  some: {caches: {"?200": "rcu:slabifier", "*64": "debug(redzone=16B):slabifier", "own": slabifier}}
loads:
  load: {workload: load.yaml}
Y
run()
{
	"$KMEMSIM" run "$SCRATCH/x.yaml" --db "$db" "$@" 2>"$SCRATCH/lines" >/dev/null
}
run
verdict "an experiment with merging, tables and chains by name" $?

of()
{
	echo "run_id = (SELECT run_id FROM run_view WHERE label = '$1')"
}
last="t_ns = (SELECT max(t_ns) FROM sample_view)"
[ "$(query "SELECT group_concat(cache || '/' || alias, ' ') FROM (SELECT cache, alias FROM cache_view
	WHERE $(of merged) AND $last ORDER BY 1, 2)")" = \
	"a200/a200 a200/b200 kmalloc-64/a64 kmalloc-64/b64 kmalloc-64/kmalloc-64 own/own" ]
verdict "each alias has its own row, under the cache it shares" $?
[ "$(query "SELECT group_concat(cache, ' ') FROM (SELECT cache FROM slab_view
	WHERE $(of merged) AND $last ORDER BY 1)")" = "a200 kmalloc-64 own" ]
verdict "each physical cache has one row" $?
holds "aliases add up to no more than the cache's objects" "SELECT min(live <= num_objs) FROM
	(SELECT cache, t_ns, sum(live_objs) live FROM cache_view WHERE $(of merged) GROUP BY 1, 2)
	JOIN slab_view s USING (cache, t_ns) WHERE s.$(of merged)"
holds "what is asked for is the same, merged or not" "SELECT count(*) = 0 FROM
	(SELECT t_ns, alias, live_objs, bytes_req FROM cache_view WHERE $(of merged) EXCEPT
	SELECT t_ns, alias, live_objs, bytes_req FROM cache_view WHERE $(of apart))"
holds "call sites keep their own names" "SELECT group_concat(DISTINCT cache) LIKE '%b200%' FROM site_view
	WHERE $(of merged)"
holds "a table of the user's" "SELECT count(*) FROM cache_view WHERE $(of table) AND $last AND
	cache = 'kmalloc-72' AND alias = 'kmalloc-72'"
holds "an alias that does not fit it stays alone" "SELECT count(*) FROM cache_view WHERE $(of table) AND $last
	AND cache = 'a64' AND alias = 'a64'"
[ "$(query "SELECT DISTINCT layer FROM summary_view WHERE $(of some) AND layer LIKE '%/%' ORDER BY 1")" = \
	"pages/0:page_allocator
slab/0:slabifier
slab[*64]/0:debug
slab[*64]/1:slabifier
slab[?200]/0:rcu
slab[?200]/1:slabifier
slab[own]/0:slabifier" ]
verdict "every layer of every chain has its id" $?
holds "caches stand on the chain of the first glob that matches" "SELECT
	(SELECT value FROM summary_view WHERE $(of some) AND layer = 'slab[?200]/0:rcu' AND metric = 'nr_alloc') =
	(SELECT sum(hits) FROM site_view WHERE $(of some) AND cache IN ('a200', 'b200'))"
holds "kmalloc's too" "SELECT
	(SELECT value FROM summary_view WHERE $(of some) AND layer = 'slab[*64]/0:debug' AND metric = 'nr_alloc') =
	(SELECT sum(hits) FROM site_view WHERE $(of some) AND cache LIKE '%64')"
holds "what sources hold is never negative" "SELECT min(value) >= 0 FROM sample_view WHERE $(of some) AND
	metric = 'held_bytes'"

# --- provenance
holds "the canonical stack says what kmalloc is" "SELECT stack LIKE
	'% kmalloc={classes: [32B, 72B, 4096B], merge: on}' FROM run_view WHERE label = 'table'"
holds "and which caches stand elsewhere" "SELECT stack LIKE '% caches={''?200'': ''rcu:slabifier(%)'', ''*64'': %}'
	FROM run_view WHERE label = 'some'"
holds "the default says nothing" "SELECT stack NOT LIKE '%kmalloc%' AND stack NOT LIKE '%caches%'
	FROM run_view WHERE label = 'apart'"
run --resume
[ $? = 0 ] && ! grep -q digest "$SCRATCH/lines"
verdict "--resume knows them again" $?
run --resume --set 'stacks.table.kmalloc.classes=[32B, 64B]'
[ "$(grep -c digest "$SCRATCH/lines")" = 1 ]
verdict "--resume runs what has another table" $?

# --- /proc/slabinfo at the end
"$KMEMSIM" replay "$SCRATCH/load.yaml" --db "$SCRATCH/one.db" --kmalloc '{merge: on}' --verify \
	--slabinfo "$SCRATCH/slabinfo" 2>"$SCRATCH/lines"
[ "$(head -1 "$SCRATCH/slabinfo")" = "slabinfo - version: 2.1" ] &&
	[ "$(awk '/tunables/ && !/^#/ { print $1, $2, $3, $4, $5, $6, $(NF-2), $(NF-1) }' "$SCRATCH/slabinfo" | sort)" = \
		"$(sqlite3 -separator ' ' "$SCRATCH/one.db" "SELECT cache, active_objs, num_objs, objsize, objperslab,
			pagesperslab, active_slabs, num_slabs FROM slab_view WHERE $last ORDER BY 1")" ]
verdict "--slabinfo: a line for each physical cache, as in slab_view" $?
refused "a place for slabinfo that is none" "No such file or directory" \
	"$KMEMSIM" replay "$SCRATCH/load.yaml" --db none --slabinfo "$SCRATCH/none/slabinfo"
"$KMEMSIM" replay "$SCRATCH/load.yaml" --db none --slabinfo "$SCRATCH/not" --slab slabifer 2>"$SCRATCH/lines"
[ ! -e "$SCRATCH/not" ]
verdict "a run that is refused leaves no slabinfo" $?

# --- replay, and the line that repeats it
digest()
{
	sed -n 's/.* digest \([0-9a-f]*\),.*/\1/p'
}
kmemsim()
{
	"$KMEMSIM" "$@"
}
kmemsim replay "$SCRATCH/load.yaml" --db none --kmalloc '{classes: exact, merge: on}' \
	--caches "{'a*': 'rcu:slabifier', '[!a]*': slabifier}" 2>"$SCRATCH/lines"
line=$(tail -1 "$SCRATCH/lines")
[ -n "$(digest <<<"$line")" ] && [ "$(digest <<<"$line")" = "$(eval "${line##*; repeat: }" 2>&1 | digest)" ]
verdict "replay with a table and chains by name repeats" $?
kmemsim replay "$SCRATCH/load.yaml" --db none --caches '{nix*: slabifier, a64: slabifier}' 2>"$SCRATCH/lines"
[ "$(grep -c "no cache has such a name" "$SCRATCH/lines")" = 1 ] && grep -q "note: caches 'nix\*'" "$SCRATCH/lines"
verdict "a glob that matches nothing is said" $?
[ "$(kmemsim replay "$SCRATCH/load.yaml" --db none --check 500 --kmalloc '{merge: on}' 2>&1 | digest)" = \
	"$(kmemsim replay "$SCRATCH/load.yaml" --db none --kmalloc '{merge: on}' 2>&1 | digest)" ]
verdict "merged caches stand every check" $?

# As much as can be said of a stack: quotes are written twice, and every option is spelled out.
quotes=$(printf "''%.0s" {1..120})
forwards=$(printf 'forward:%.0s' {1..15})
globs=
for i in {1..8}; do
	globs+="? '$i$quotes'
: '${forwards}queued_slab'
"
done
kmemsim replay "$SCRATCH/load.yaml" --db "$SCRATCH/long.db" --caches "$globs" 2>"$SCRATCH/lines" &&
	kmemsim replay "$SCRATCH/load.yaml" --db "$SCRATCH/long.db" --caches '{bßßßßßßßßßßß: slabifier}' 2>"$SCRATCH/lines"
verdict "long globs" $?
sqlite3 "$SCRATCH/long.db" 'SELECT layer FROM summary_view' | iconv -f utf-8 -t utf-8 >"$SCRATCH/ids" &&
	grep -q '^slab\[bßßßßßßßß~1\]/0:slabifier$' "$SCRATCH/ids"
verdict "an id is cut between characters" $?

# --- refusals
refused "a glob too long" "--caches:1:4: a glob of 128 characters: at most 127 are possible" \
	kmemsim replay "$SCRATCH/load.yaml" --db none --caches "{? $(printf 'y%.0s' {1..128}) : slabifier}"
refused "a glob of two lines" "no name has a control character in it" \
	kmemsim replay "$SCRATCH/load.yaml" --db none --caches '{"a\nb": slabifier}'
refused "a class without unit" "--kmalloc:1:12: '8' has no unit" \
	kmemsim replay "$SCRATCH/load.yaml" --db none --kmalloc '{classes: [8]}'
refused "merge is on or off" "--kmalloc:1:9: unknown value 'maybe': off or on" \
	kmemsim replay "$SCRATCH/load.yaml" --db none --kmalloc '{merge: maybe}'
refused "a glob that is none" "--caches:1:4: this '[' has no ']'" \
	kmemsim replay "$SCRATCH/load.yaml" --db none --caches '{"a[b": slabifier}'
refused "a chain that is none" "unknown slab allocator 'slabifer': did you mean 'slabifier'?" \
	kmemsim replay "$SCRATCH/load.yaml" --db none --caches '{a64: rcu:slabifer}'
refused "an order that makes no sense" "caches 'a*': debug: a free waits in" \
	kmemsim replay "$SCRATCH/load.yaml" --db none --caches '{"a*": "debug:rcu:slabifier"}'
