# What users do wrong along the whole path: one clear message, exit 2, nothing left behind.
. tests/shell_lib

dat=traces/samples/small-fstree.dat
cd_in() { (cd "$SCRATCH" && "$@"); }
cut_at() { head -c "$1" "$2" >"$3"; }
# flip FILE OFFSET: one bit of one byte.
flip()
{
	local byte
	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	printf "\\$(printf %03o $((byte ^ 16)))" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

good=$SCRATCH/good.kmt
"$KMEMSIM" import $dat -o "$good" --machine configs/machine-2node.yaml >/dev/null 2>&1
verdict "a good trace to start from" $?
size=$(stat -c %s $dat)

# --- import
new=$SCRATCH/new.kmt
refused "import: nothing" "RECORDING is missing" "$KMEMSIM" import
refused "import: no output" "-o OUT.kmt is missing" "$KMEMSIM" import $dat
refused "import: no such file" "No such file" "$KMEMSIM" import nowhere.dat -o "$new"
refused "import: a folder" "tests" "$KMEMSIM" import tests -o "$new"
: >"$SCRATCH/empty.dat"
refused "import: empty" "empty.dat" "$KMEMSIM" import "$SCRATCH/empty.dat" -o "$new"
refused "import: foreign" "Makefile" "$KMEMSIM" import Makefile -o "$new"
refused "import: a .kmt" "good.kmt" "$KMEMSIM" import "$good" -o "$new"
for n in 10 200 5000 $((size / 2)) $((size - 5000)); do
	cut_at $n $dat "$SCRATCH/cut.dat"
	refused "import: cut at byte $n of $size" "cut.dat" "$KMEMSIM" import "$SCRATCH/cut.dat" -o "$new"
done
refused "import: unknown importer" "did you mean 'tracedat'?" "$KMEMSIM" import $dat -o "$new" --from tracdat
refused "import: wrong importer" "" "$KMEMSIM" import Makefile -o "$new" --from tracedat
refused "import: unknown option" "did you mean '--machine'?" "$KMEMSIM" import $dat -o "$new" --machin x
refused "import: no such machine" "nowhere.yaml: No such file" "$KMEMSIM" import $dat -o "$new" --machine nowhere.yaml
refused "import: no folder for the output" "No such file or directory" "$KMEMSIM" import $dat -o "$SCRATCH/no/new.kmt"
refused "import: output is a folder" "is a directory" "$KMEMSIM" import $dat -o "$SCRATCH"
refused "import: disk full" ": File too large" bash -c \
	'trap "" XFSZ; ulimit -f 64; exec "$0" import '$dat' -o "$1"' "$KMEMSIM" "$new"
cp "$good" "$new"
refused "import: disk full leaves the old file" ": File too large" bash -c \
	'trap "" XFSZ; ulimit -f 64; exec "$0" import '$dat' -o "$1"' "$KMEMSIM" "$new"
rm "$new"

for signal in INT TERM KILL; do
	before=$(inventory)
	timeout -s $signal 0.1 "$KMEMSIM" import $dat -o "$new" >/dev/null 2>&1
	code=$?
	[ $code = 0 ] && rm -f "$new" # was quicker than the signal
	[ "$before" = "$(inventory)" ]
	verdict "import: SIG$signal leaves nothing" $?
done

# --- .kmt
kmt=$SCRATCH/bad.kmt
size=$(stat -c %s "$good")
for command in info replay; do
	db=
	[ $command = info ] || db="--db $SCRATCH/results.db"
	refused "$command: no such trace" "No such file" "$KMEMSIM" $command nowhere.kmt $db
	refused "$command: foreign" "Makefile" "$KMEMSIM" $command Makefile $db
	refused "$command: a trace.dat" "small-fstree.dat" "$KMEMSIM" $command $dat $db
	: >"$kmt"
	refused "$command: empty" "bad.kmt" "$KMEMSIM" $command "$kmt" $db
	refused "$command: a folder" "directory" "$KMEMSIM" $command tests $db
	for n in 4 100 $((size / 2)) $((size - 1)); do
		cut_at $n "$good" "$kmt"
		refused "$command: cut at byte $n of $size" "bad.kmt" "$KMEMSIM" $command "$kmt" $db
	done
	rm -f "$kmt"
done
for n in 0 5 20 $((size / 2)) $((size - 30)) $((size - 3)); do
	cp "$good" "$kmt"
	flip "$kmt" $n
	refused "replay: bit flipped in byte $n of $size" "bad.kmt" \
		"$KMEMSIM" replay "$kmt" --db "$SCRATCH/results.db"
	rm -f "$kmt"
done

# --- stacks
replay() { "$KMEMSIM" replay "$good" --db "$SCRATCH/results.db" "$@"; }
refused "unknown page allocator" "column 5: unknown page allocator 'page_alocator': did you mean 'page_allocator'?" \
	replay --pages rcu:page_alocator
refused "unknown slab allocator" "did you mean 'slabifier'?" replay --slab slabifer
refused "slab allocator among pages" "unknown page allocator 'slabifier'" replay --pages slabifier
refused "chain ends in no source" "'rcu' must stand on another page allocator" replay --pages rcu
refused "source in the middle" "column 1: 'bitmap' stands on nothing" replay --pages bitmap:page_allocator
refused "empty chain" "name is missing" replay --pages ''
refused "chain with a hole" "column 5: a slab allocator's name is missing" replay --slab rcu::slabifier
refused "open parenthesis" "has no ')'" replay --pages 'page_allocator(batch=3'
refused "unknown option of an allocator" "did you mean 'batch'?" replay --pages 'page_allocator(bacth=3)'
refused "value out of range" "out of range" replay --slab 'slabifier(min_order=99)'
refused "slab allocator as store" "column 1: unknown store allocator 'slabifier': it is a slab allocator" \
	replay --store slabifier
refused "a store's name of two lines" "store chain 'zs?malloc': column 1: unknown" replay --store $'zs\nmalloc'
refused "a chain without end" "...': column 65: more than" replay --store "$(printf 'rcu:%.0s' {1..2000})zbud"
refused "unknown store" "did you mean 'null'?" replay --store nul
refused "no store after all" "a store allocator's name is missing" replay --store ''
refused "no such node" "node" replay --pages 'numactl(node=9):page_allocator'

# --- machines and numbers
refused "no such machine" "nowhere.yaml: No such file" replay --machine nowhere.yaml
machine() { printf 'kmemsim: machine/1\n%s\n' "$1" >"$SCRATCH.yaml"; }
machine 'nodes: [{memory: 1GiB, cpus: 0}]'
refused "a trace of a larger machine" "CPU" replay --machine "$SCRATCH.yaml"
machine 'nodes: [{memory: 1GB, cpus: 0-3}]'
refused "wrong unit" ".yaml:2:18: unknown unit 'GB' in '1GB': did you mean 'GiB'?" replay --machine "$SCRATCH.yaml"
machine 'noeds: []'
refused "unknown key" "unknown key 'noeds': did you mean 'nodes'?" replay --machine "$SCRATCH.yaml"
machine 'nodes: [{memory: 0B, cpus: 0-3}]'
refused "no memory" "the machine has no memory" replay --machine "$SCRATCH.yaml"
machine 'nodes: [{memory: 1GiB, cpus: 0-1}, {memory: 1GiB, cpus: 3}]'
refused "CPU on no node" "CPU 2 is on no node" replay --machine "$SCRATCH.yaml"
machine 'nodes: [{memory: 1GiB, cpus: 0-3, distance: [10, 20]}]'
refused "distance matrix not square" "not square" replay --machine "$SCRATCH.yaml"
refused "machine is an experiment" "'machine/1' is wanted" replay --machine configs/demo.yaml
refused "machine is no YAML" ":" replay --machine cmd/main.c
refused "bad seed" "--seed" replay --seed x
refused "sample without unit" "has no unit" replay --sample 10
refused "more samples than can be kept" "at most 1000000 are taken" replay --sample 1ns
refused "no trace" "one trace is needed" "$KMEMSIM" replay
refused "two traces" "one trace is needed" replay another.kmt

# --- experiments
experiment()
{
	printf 'kmemsim: experiment/1\n%s\n' "$1" >"$SCRATCH.yaml"
	shift
	"$KMEMSIM" run "$SCRATCH.yaml" --db "$SCRATCH/results.db" "$@"
}
stacks=$'stacks: {plain: {}}\n'
loads="loads: {one: {trace: $good}}"
refused "run: nothing" "experiment" "$KMEMSIM" run
refused "run: no database" "need a file" "$KMEMSIM" run configs/demo.yaml --db none
refused "run: no such experiment" "nowhere.yaml: No such file" "$KMEMSIM" run nowhere.yaml
refused "run: the name of one, not its path" "laws: there is no such file: did you mean 'configs/laws.yaml'?" \
	"$KMEMSIM" run laws
refused "run: nearly the path of one" "did you mean 'configs/min-order.yaml'?" "$KMEMSIM" run configs/min_order.yaml
refused "run: not an experiment" "'experiment/1' is wanted" "$KMEMSIM" run configs/machine-2node.yaml
refused "run: broken YAML" ".yaml:3:1:" experiment 'stacks: {a: ['
refused "run: unknown key" ".yaml:4:1: unknown key 'seed': did you mean 'seeds'?" experiment "$stacks$loads"$'\nseed: 3'
refused "run: no such trace" ".yaml:3:22: nowhere.kmt: No such file" experiment "${stacks}loads: {one: {trace: nowhere.kmt}}"
refused "run: mistake in a chain" ".yaml:2:25: unknown slab allocator 'slab'" \
	experiment $'stacks: {a: {slab: \"rcu:slab\"}}\n'"$loads"
refused "run: mistake in a setting" "--set stacks.plain.pages=btimap: column 20: unknown page allocator 'btimap'" \
	experiment "$stacks$loads" --set stacks.plain.pages=btimap
refused "run: setting without value" "write key=value" experiment "$stacks$loads" --set sample
refused "run: trace is none" "Makefile" experiment "${stacks}loads: {one: {trace: Makefile}}"
refused "run: a stack the machine cannot have" ".yaml:2:33: numactl: node 5 does not exist" experiment \
	"stacks: {a: {pages: bitmap}, b: {pages: 'numactl(node=5):bitmap'}}"$'\nmachine: configs/machine-2node.yaml\n'"$loads"
refused "run: no such workload" "x.yaml: No such file" experiment "${stacks}loads: {one: {workload: x.yaml}}"

# --- databases
cp Makefile "$SCRATCH/foreign.db"
refused "database: foreign file" "foreign.db" "$KMEMSIM" replay "$good" --db "$SCRATCH/foreign.db"
refused "database: no folder" "no/r.db" "$KMEMSIM" replay "$good" --db "$SCRATCH/no/r.db"
refused "database: a folder" "tests" "$KMEMSIM" replay "$good" --db tests
sqlite3 "$SCRATCH/other.db" 'CREATE TABLE t(a); PRAGMA user_version = 99'
refused "database: another program's" "other.db" "$KMEMSIM" replay "$good" --db "$SCRATCH/other.db"
"$KMEMSIM" replay "$good" --db "$SCRATCH/results.db" 2>/dev/null
verdict "database: a good one to start from" $?
cp "$SCRATCH/results.db" "$SCRATCH/version.db"
sqlite3 "$SCRATCH/version.db" 'PRAGMA user_version = 99'
refused "database: another version" "version" "$KMEMSIM" replay "$good" --db "$SCRATCH/version.db"
refused "database: disk full" "full" bash -c \
	'trap "" XFSZ; ulimit -f 40; exec "$0" replay "$1" --db "$2"' "$KMEMSIM" "$good" "$SCRATCH/full.db"
# Another program that has it until the file `held` is gone.
sqlite3 "$SCRATCH/results.db" 'BEGIN EXCLUSIVE; SELECT 1;' \
	".shell touch '$SCRATCH/held'; while [ -e '$SCRATCH/held' ]; do sleep 0.1; done" >/dev/null &
while kill -0 $! && [ ! -e "$SCRATCH/held" ]; do
	sleep 0.05
done
refused "database: locked" "locked" "$KMEMSIM" replay "$good" --db "$SCRATCH/results.db"
rm "$SCRATCH/held"
wait
for command in compare report; do
	"$KMEMSIM" help $command >/dev/null 2>&1 || continue
	out=
	[ $command = compare ] || out="-o $SCRATCH/report"
	refused "$command: no database" "database" "$KMEMSIM" $command
	refused "$command: no such database" "nowhere.db" "$KMEMSIM" $command nowhere.db $out
	refused "$command: foreign file" "foreign.db" "$KMEMSIM" $command "$SCRATCH/foreign.db" $out
	refused "$command: another version" "version" "$KMEMSIM" $command "$SCRATCH/version.db" $out
done
