# The report's page in a browser: tables sort and filter, films play, themes switch, nothing is wider than a
# phone, and the console stays quiet. The page tests itself (reports/page_test.js); this looks at what it
# says.
. tests/shell_lib

if ! command -v chromium >/dev/null; then
	skip "the page in a browser" "no chromium: tests/setup check"
	exit
fi

db=$SCRATCH/results.db
# Three stacks, one of them beside the recorded machine: every section has something to show.
"$KMEMSIM" fidelity traces/samples/small-pressure.kmt --label plain --db "$db" >/dev/null 2>&1
verdict "a load beside its recorded machine" $?
for pages in bitmap rcu:page_allocator; do
	"$KMEMSIM" replay traces/samples/small-pressure.kmt --label $pages --pages $pages --db "$db" \
		>/dev/null 2>&1
	verdict "the same under $pages" $?
done
succeeds "the report" "$KMEMSIM" report "$db" -o "$SCRATCH/report" --page-only

# A made-up load that runs short: compaction moves pages, somebody keeps blocks.
cat >"$SCRATCH/short.yaml" <<'EOF'
kmemsim: workload/1
duration: 600ms
jobs:
  pinned:
    generator: poisson
    rate: 8k/s
    pages: {order: 0, gfp: GFP_KERNEL}
    lifetime: {dist: exponential, mean: 1s}
  anon:
    generator: poisson
    rate: 200k/s
    pages: {order: 0, gfp: GFP_HIGHUSER_MOVABLE}
    lifetime: {dist: exponential, mean: 200ms}
  page_cache:
    generator: poisson
    rate: 60k/s
    pages: {order: 0, gfp: GFP_HIGHUSER_MOVABLE}
    lifetime: {dist: exponential, mean: 2s}
    reclaim: {accessed: {dist: exponential, mean: 200ms}}
  huge:
    generator: periodic
    every: 2ms
    pages: {order: 9, gfp: GFP_TRANSHUGE}
    lifetime: 60ms
    on_failure: count
EOF
cat >"$SCRATCH/experiment.yaml" <<'EOF'
kmemsim: experiment/1
machine: {kmemsim: machine/1, name: small, hz: 250, nodes: [{memory: 256MiB, cpus: 0-1, distance: [10]}]}
stacks:
  plain: {pages: page_allocator}
  eager: {pages: "page_allocator(proactiveness=80)"}
loads:
  short: {workload: short.yaml}
sample: 5ms
EOF
"$KMEMSIM" run "$SCRATCH/experiment.yaml" --db "$SCRATCH/short.db" >/dev/null 2>&1
verdict "a load under pressure" $?
succeeds "its report" "$KMEMSIM" report "$SCRATCH/short.db" -o "$SCRATCH/short" --page-only
for plot in blame-map moves-map marks unusable-zones availability score work; do
	[ -s "$SCRATCH/short/plots/$plot-short.svg" ]
	verdict "the figure $plot is drawn" $?
done

# Compressed pages: a store with pages of its own, and one whose pages are slabs.
for store in zsmalloc kmalloc debug:xcfmalloc; do
	"$KMEMSIM" replay traces/samples/small-zram.kmt --store $store --label $store --db "$SCRATCH/zram.db" \
		>/dev/null 2>&1
	verdict "compressed pages in $store" $?
done
succeeds "their report" "$KMEMSIM" report "$SCRATCH/zram.db" -o "$SCRATCH/zram" --page-only
for plot in store store-bytes store-compact; do
	[ -s "$SCRATCH/zram/plots/$plot-small-zram.svg" ]
	verdict "the figure $plot is drawn" $?
done
# Where memory goes adds up, to the byte, at every instant that both figures draw.
for memory in "$SCRATCH"/zram/data/memory-*.csv; do
	awk -F, 'FNR == 1 { next } FILENAME ~ /stacks-/ { taken[$1] = $2; next } $1 in taken {
		sum = 0
		for (i = 2; i <= NF; i++)
			sum += $i
		nr++
		bad += sum != taken[$1]
	} END { exit bad || nr < 50 }' "${memory/memory-/stacks-}" "$memory"
	verdict "parts of memory add up: $(basename "$memory")" $?
done

# browse NAME REPORT FLAG...: what the page says of itself, and what the console says of the page.
browse()
{
	local name=$1 report=$2 sandbox=
	shift 2
	[ "$(id -u)" = 0 ] && sandbox=--no-sandbox
	timeout 120 chromium --headless $sandbox --disable-gpu --user-data-dir="$SCRATCH/profile" "$@" \
		--enable-logging=stderr --virtual-time-budget=100000 --dump-dom \
		"file://$SCRATCH/$report/index.html#selftest" >"$SCRATCH/$name.html" 2>"$SCRATCH/$name.err"
	sed -n '/<pre id="selftest">/,/<\/pre>/p' "$SCRATCH/$name.html" | sed 's/<[^>]*>//g' |
		grep -E '^(not )?ok ' | sed "s/^\(not ok\|ok\) /\1 $name: /"
	grep -q '^1\.\.[0-9]*$' <(sed 's/<[^>]*>//g' "$SCRATCH/$name.html")
	verdict "$name: the page has tested all of itself" $?
	grep CONSOLE "$SCRATCH/$name.err" | sed 's/^/# /'
	! grep -q CONSOLE "$SCRATCH/$name.err"
	verdict "$name: nothing on the console" $?
}

browse desktop report --window-size=1280,900
browse phone report --window-size=390,844 --force-dark-mode
browse short short --window-size=390,844
browse zram zram --window-size=390,844
for section in caches sites layers fidelity; do
	grep -q "^ok table-$section sorts" "$SCRATCH/desktop.html"
	verdict "the table of $section is there" $?
done
grep -q '^ok film-.* plays' "$SCRATCH/desktop.html"
verdict "the film is there" $?
grep -q '^ok film-.* says what a holder keeps' "$SCRATCH/desktop.html"
verdict "the film knows whom to blame" $?
for what in 'film-short shows blame' 'film-short is read by keys' 'film-short shows moves' 'table-blame sorts'; do
	grep -q "^ok $what" "$SCRATCH/short.html"
	verdict "under pressure: $what" $?
done
