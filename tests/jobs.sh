# An experiment with several runs at once, interrupted, resumed: always the same database.
. tests/shell_lib

db=$SCRATCH/r.db
cat >"$SCRATCH/x.yaml" <<Y
kmemsim: experiment/1
machine: configs/machine-2node.yaml
stacks:
  plain: {pages: page_allocator}
  rcu: {pages: "rcu:page_allocator", slab: "rcu:slabifier"}
loads:
  hackbench: {trace: traces/samples/small-hackbench.kmt}
  pressure: {trace: traces/samples/small-pressure.kmt}
seeds: 2
sample: 200ms
Y
# In the background, where shells have SIGINT ignored.
start()
{
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$KMEMSIM" run "$SCRATCH/x.yaml" --db "$db" "$@" \
		2>"$SCRATCH/n.err" &
}
run() { "$KMEMSIM" run "$SCRATCH/x.yaml" --db "$db" "$@"; }

# The whole database, but for the host's times.
contents()
{
	cp "$db" "$SCRATCH/copy.db"
	[ ! -e "$db-journal" ] || cp "$db-journal" "$SCRATCH/copy.db-journal"
	sqlite3 "$SCRATCH/copy.db" "UPDATE run SET wall_ns = 0, started_at = ''" .dump
	rm -f "$SCRATCH/copy.db" "$SCRATCH/copy.db-journal"
}
lines() { sed 's/ in [0-9.]* [a-z]* ([^)]*)//' "$1"; }
# same WHAT: the contents are those of the first database.
same()
{
	contents >"$SCRATCH/now"
	cmp "$SCRATCH/now" "$SCRATCH/expected"
	verdict "$1" $?
}

run 2>"$SCRATCH/1.err"
verdict "one at a time" $?
contents >"$SCRATCH/expected"
[ "$(sqlite3 "$db" 'SELECT count(*), min(run_id), max(run_id) FROM run_view')" = "8|1|8" ]
verdict "eight runs, numbered in order" $?
for n in 2 5 64; do
	rm -f "$db"
	run --jobs $n 2>"$SCRATCH/n.err"
	same "--jobs $n: the same database"
	cmp <(lines "$SCRATCH/1.err") <(lines "$SCRATCH/n.err")
	verdict "--jobs $n: the same lines in the same order" $?
done
rm -f "$db"
run --jobs 2 --verify --check 50000 2>"$SCRATCH/n.err"
same "--jobs 2 --verify --check: the same database"

# --- resumed
run --resume --jobs 2 2>"$SCRATCH/n.err"
same "--resume with nothing left: as it was"
grep -qF "has 8 of these 8 runs, 0 are left" "$SCRATCH/n.err"
verdict "and it says so" $?
for signal in KILL INT TERM; do
	rm -f "$db" "$db-journal"
	start --jobs 2
	pid=$!
	# Somewhere after the second run.
	while [ "$(sqlite3 "$db" 'SELECT count(*) FROM run' 2>/dev/null || echo 0)" -lt 2 ] &&
		kill -0 $pid 2>/dev/null; do
		sleep 0.01
	done
	kill -$signal $pid
	wait $pid 2>/dev/null
	left=$(sqlite3 "$db" 'SELECT count(*) FROM run_view')
	run --resume --jobs 2 2>"$SCRATCH/n.err"
	grep -qF "has $left of these 8 runs" "$SCRATCH/n.err"
	verdict "SIG$signal: what is resumed is what is missing ($left of 8 were there)" $?
	same "SIG$signal, resumed: the same database"
done
[ -z "$(find "$SCRATCH" -name '.kmemsim*' -o -name '*-journal')" ]
verdict "nothing else is left behind" $?

# Changed content runs again, what is as it was does not.
left() { run --resume "$@" 2>&1 >/dev/null | grep -o '[0-9]* are left'; }
[ "$(left --set stacks.rcu.slab='slabifier(min_order=1)' --jobs 2)" = "4 are left" ]
verdict "another stack runs again" $?
[ "$(left --set stacks.rcu.slab='slabifier(min_order=1)')" = "0 are left" ]
verdict "once" $?
[ "$(left)" = "4 are left" ]
verdict "and the first one again, as the last one counts" $?
[ "$(left --set sample=300ms --only '*/plain/2')" = "2 are left" ]
verdict "other samples run again, --only those asked for" $?
[ "$(left --set seeds=3)" = "6 are left" ]
verdict "another seed runs, and what has other samples now" $?
sed 's/^machine:.*/machine: configs\/machine-8node-1tib.yaml/' "$SCRATCH/x.yaml" >"$SCRATCH/y.yaml"
[ "$("$KMEMSIM" run "$SCRATCH/y.yaml" --db "$db" --resume --print | grep -c seed=)" = 8 ]
verdict "--print: on another machine all would run" $?
[ "$(run --resume --print | grep -c seed=)" = 0 ]
verdict "--print: here none would" $?

# --- one crashes
rm -f "$db"
start --jobs 2
# The youngest of those at work, once four are stored.
while kill -0 $! 2>/dev/null; do
	[ "$(sqlite3 "$db" 'SELECT count(*) FROM run' 2>/dev/null || echo 0)" -ge 4 ] &&
		kill -KILL "$(awk '{print $NF}' /proc/$!/task/$!/children)" 2>/dev/null && break
	sleep 0.01
done
wait $!
[ $? = 70 ]
verdict "a run that is killed: exit 70" $?
grep -q 'bug: pressure [a-z]* seed [12]: ended by signal 9 (Killed).*repeat: kmemsim run' "$SCRATCH/n.err"
verdict "it is told, with what repeats it" $?
[ "$(sqlite3 "$db" 'SELECT count(*) FROM run_view')" = 7 ]
verdict "the others are there" $?
[ "$(left --jobs 2)" = "1 are left" ]
verdict "--resume makes good for it" $?

refused "--jobs 0" "1 to 1024 runs at once" run --jobs 0
refused "--jobs two" "--jobs" run --jobs two
head -c 2000 traces/samples/small-hackbench.kmt >"$SCRATCH/cut.kmt"
refused "a trace that is damaged ends all" "cut.kmt" "$KMEMSIM" run "$SCRATCH/x.yaml" --db "$SCRATCH/z.db" \
	--set loads.hackbench.trace="$SCRATCH/cut.kmt" --jobs 2
refused "and --resume" "cut.kmt" "$KMEMSIM" run "$SCRATCH/x.yaml" --db "$SCRATCH/z.db" \
	--set loads.hackbench.trace="$SCRATCH/cut.kmt" --resume
