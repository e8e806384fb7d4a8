# Expectations of experiments: judged, stored, missed loudly, and a mistake in one is found in its place.
. tests/shell_lib

cat >"$SCRATCH/load.yaml" <<'END'
kmemsim: workload/1
duration: 40ms
jobs:
  objects:
    generator: poisson
    rate: 200k/s
    size: 256B
    lifetime: {dist: exponential, mean: 5ms}
END
cat >"$SCRATCH/x.yaml" <<'END'
kmemsim: experiment/1
machine: {nodes: [{memory: 64MiB, cpus: 0-1}]}
stacks:
  one: {slab: slabifier}
  two: {slab: "slabifier(min_order=2)"}
loads: {objects: {workload: load.yaml}}
seeds: 2
sample: 1ms
expect:
  - what: a run has a sample each millisecond
    measure: "(SELECT count(*) / 4.0 FROM sample_view WHERE metric = 'slab_bytes' AND layer = '')"
    expected: 41
    within: 3%
    source: arithmetic
  - what: large <b>slabs</b> take more
    measure: "of('two','objects','slab_bytes_max') / of('one','objects','slab_bytes_max')"
    at_least: 1.02
    source: guess
  - {what: requests, measure: "(SELECT sum(nr_requests) FROM run_view)", note: true}
END
cat >"$SCRATCH/other.yaml" <<END
kmemsim: experiment/1
machine: {nodes: [{memory: 64MiB, cpus: 0-1}]}
stacks: {three: {slab: slabifier}}
loads: {objects: {workload: $SCRATCH/load.yaml}}
END
db=$SCRATCH/x.db
# run CODE WHAT ARGUMENTS...: of the experiment; its table is in $SCRATCH.out.
run()
{
	local wanted=$1 what=$2
	shift 2
	"$KMEMSIM" run "$SCRATCH/x.yaml" --db "$db" "$@" >"$SCRATCH.out" 2>"$SCRATCH.err"
	[ $? = "$wanted" ]
	verdict "$what" $?
}
stored() { sqlite3 "$db" "SELECT $1 FROM expect_view WHERE experiment = 'x'"; }

"$KMEMSIM" run "$SCRATCH/other.yaml" --db "$db" 2>/dev/null # runs that are none of this experiment
run 0 "an experiment that is met exits with 0"
says "a table says so" "met"
says "with what was expected" ">= 1.02"
says "and the tolerance" "41 ± 3 %"
[ "$(stored "group_concat(verdict)")" = met,met,note ]
verdict "verdicts are stored" $?
[ "$(stored "measured = (SELECT sum(nr_requests) FROM run_view WHERE label <> 'three')" | tail -1)" = 1 ]
verdict "a measure sees this experiment's runs alone" $?

run 1 "one that is missed exits with 1" --resume --set expect.1.at_least=9
says "and says MISSED" "MISSED"
grep -q '0 are left' "$SCRATCH.err"
verdict "judging again needs no run" $?
[ "$(stored "group_concat(verdict)")" = met,MISSED,note ]
verdict "a new verdict stands in place of the old one" $?
succeeds "a report of them" "$KMEMSIM" report "$db" -o "$SCRATCH/report" --page-only
grep -q '<td>large &lt;b&gt;slabs&lt;/b&gt; take more</td>.*<td class="worse">MISSED</td>' "$SCRATCH/report/index.html"
verdict "has what was missed, in their words" $?
run 1 "a value outside of its tolerance is missed" --resume --set expect.0.expected=45
run 0 "within a wider one it is met" --resume --set expect.0.expected=45 --set expect.0.within=4
run 1 "so is what lies outside of two bounds" --resume \
	--set 'expect.1={what: w, source: s, measure: "3", between: [4, 5]}'
run 0 "a bound may be measured itself" --resume \
	--set "expect.1={what: w, source: s, measure: '3', at_most: \"of('one','objects','nr_alloc')\"}"
run 0 "JSON" --resume --format json
jq -e '.[2].verdict == "note" and (.[0].measured | type) == "number"' "$SCRATCH.out" >/dev/null
verdict "has numbers" $?
run 0 "with --only, nothing is judged" --only 'objects/one/1' --set expect.1.at_least=9
[ ! -s "$SCRATCH.out" ] && grep -q 'nothing is judged' "$SCRATCH.err"
verdict "and that is said" $?
# --resume takes the last run of each: that one is the first seed of `one` again.
run 2 "a figure that no run has is an error" --resume \
	--set "expect.1.measure=\"of('one','objects','slab_bytes_max','pages/7')\""
says "in the table" "error"
grep -q "no layer with that metric is named 'pages/7'" "$SCRATCH.err"
verdict "and is named" $?
run 0 "a sample is looked up by its time" --resume --set 'expect.1={what: w, source: s, within: 0,
	measure: "2 * at('"'one','objects','slab_bytes',4e7"')", expected: "(SELECT sum(value) FROM sample_view
	WHERE label = '"'one' AND metric = 'slab_bytes' AND layer = ''"' AND t_ns = 40000000)"}'
run 2 "one that was not taken is an error" --resume \
	--set "expect.1.measure=\"at('one','objects','slab_bytes',39500000)\""
grep -q "'one' on 'objects' has no sample of 'slab_bytes' at 39500000 ns" "$SCRATCH.err"
verdict "and is named" $?
run 2 "so is an expression that gives nothing" --resume --set 'expect.1.measure=1 / 0'
run 2 "or infinity, near which everything would be" --resume --set 'expect.0.expected=9e999'

# place WHAT WORDS LINE: the file with that line in place of the measure of "requests" is refused.
place()
{
	sed "s|measure: \"(SELECT sum(nr_req.*)\"|measure: \"$3\"|" "$SCRATCH/x.yaml" >"$SCRATCH/bad.yaml"
	refused "$1" "bad.yaml:19:$2" "$KMEMSIM" run "$SCRATCH/bad.yaml" --db "$SCRATCH/bad.db"
}
place "a stack that is not there" "35: no stack of the experiment is named 'on': did you mean 'one'?" \
	"of('on','objects','nr_alloc')"
place "a load" "41: no load of the experiment is named 'objets': did you mean 'objects'?" \
	"of('one','objets','nr_alloc')"
place "a metric" "51: no metric is named 'nr_aloc': did you mean 'nr_alloc'?" "of('one','objects','nr_aloc')"
place "a stack of a sample" "35: no stack of the experiment is named 'on': did you mean 'one'?" \
	"at('on','objects','slab_bytes',4e7)"
place "syntax" '37: near "*": syntax error' "1 + (* 2)"
place "a column" "44: no such column: waits" "1 + (SELECT waits FROM lock_view)"
place "a function" "32: no such function: off" "off(1)"
place "two expressions" "32: row value misused" "1, 2"
place "a text" "31: the expression gives a text, not a number" "upper('a')"
place "no expression" "31: an expression is wanted" " "
place "a way out" "31: one expression is wanted" "1); DROP TABLE run; SELECT (2"
place "a way out that has no row" "31: one expression is wanted" "1) FROM run_view WHERE (1"
place "what never ends" "31: the expression does not come to an end" \
	"(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c)"
place "a text without measure" "32: string or blob too big" "length(zeroblob(900000000))"
place "what is more than reading" "32: an expression may only read" "load_extension('x')"
