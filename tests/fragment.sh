# Fragmenters from the command line: what they say, that such a run repeats and resumes as any other, and what is
# refused.
. tests/shell_lib

db=$SCRATCH/results.db
load=$SCRATCH/load.yaml
snaps=traces/samples/small-fstree/snaps
cat >"$load" <<'END'
kmemsim: workload/1
duration: 5ms
jobs:
  a: {generator: poisson, rate: 100k/s, lifetime: 1ms, pages: {order: 0, gfp: GFP_KERNEL}}
END

replay()
{
	"$KMEMSIM" replay "$load" --label x --db "$db" "$@" 2>"$SCRATCH/said"
}

digest()
{
	sed -n 's/.* digest \([0-9a-f]*\),.*/\1/p' "$SCRATCH/said"
}

heard()
{
	grep -qF -- "$2" "$SCRATCH/said"
	local found=$?
	verdict "$1" $found
	[ $found = 0 ] || sed 's/^/# /' "$SCRATCH/said"
}

for name in pinned fill huge_blocks state llfree; do
	"$KMEMSIM" list fragmenters | grep -q "^$name  "
	verdict "list has $name" $?
	"$KMEMSIM" help $name | grep -q "^options, as in --fragment '$name("
	verdict "help has $name" $?
done

replay && plain=$(digest)
replay --fragment pinned && pinned=$(digest)
heard "the law is printed" "order  9: (1-p)^512  =  36.752 % free, got"
heard "the load's name says that it is another one" "load+pinned x: ok"
[ "$plain" != "$pinned" ]
verdict "memory in another state is another run" $?
repeat=$(sed -n 's/.*repeat: kmemsim //p' "$SCRATCH/said")
eval "\"$KMEMSIM\" $repeat" 2>"$SCRATCH/said"
[ "$(digest)" = "$pinned" ]
verdict "the line that repeats it does" $?
replay --fragment pinned --seed 2
[ "$(digest)" != "$pinned" ]
verdict "another seed, other pages" $?
sqlite3 "$db" "SELECT text FROM machine" 2>/dev/null >"$SCRATCH/machines" ||
	sqlite3 "$db" .dump >"$SCRATCH/machines"
grep -qF 'pinned(p=0.1953125%)' "$SCRATCH/machines"
verdict "results know of it" $?

for file in buddyinfo pagetypeinfo; do
	replay --fragment "state(file=$snaps/02-created/$file)"
	heard "a recorded $file is met in every cell" "cells of free blocks as wished"
	! grep -q "missed\|wanted, " "$SCRATCH/said"
	verdict "$file: nothing is missed" $?
done

# --- in an experiment
cat >"$SCRATCH/exp.yaml" <<END
kmemsim: experiment/1
stacks: {one: {pages: page_allocator}}
loads:
  old: {workload: load.yaml, fragment: "huge_blocks(free=7)"}
  new: {workload: load.yaml}
END
run() { "$KMEMSIM" run "$SCRATCH/exp.yaml" --db "$SCRATCH/exp.db" "$@" 2>"$SCRATCH/said"; }
run
verdict "an experiment runs" $?
heard "and says how well it went" "free 2 MiB blocks: 7 wanted, 7 there"
run --resume
heard "it resumes" "0 are left"
run --resume --set 'loads.old.fragment=huge_blocks(free=8)'
heard "another state is not the run that is there" "1 are left"
heard "and is the one asked for" "8 wanted, 8 there"

# --- mistakes
refused "unknown name" "did you mean 'pinned'?" "$KMEMSIM" replay "$load" --db none --fragment pined
refused "unknown option" "did you mean 'used'?" "$KMEMSIM" replay "$load" --db none --fragment 'fill(use=1%)'
refused "what cannot be" "only 1024 are without anything in use" \
	"$KMEMSIM" replay "$load" --db none --fragment 'huge_blocks(free=1025)'
refused "no such file" "nowhere: No such file" "$KMEMSIM" replay "$load" --db none --fragment 'state(file=nowhere)'
refused "not such a file" "Makefile:1:" "$KMEMSIM" replay "$load" --db none --fragment 'state(file=Makefile)'
refused "a state of a larger machine" "it is of another machine" bash -c '
	sed "s/[0-9][0-9]* *$/99999/" '$snaps'/02-created/buddyinfo >"$0.big"
	"$1" replay "$0" --db none --fragment "state(file=$0.big)"; code=$?; rm "$0.big"; exit $code' "$load" "$KMEMSIM"
"$KMEMSIM" import traces/samples/small-fstree.dat --snapshots traces/samples/small-fstree/snaps -o "$SCRATCH/warm.kmt" >/dev/null 2>&1
refused "two states at once" "not both" "$KMEMSIM" replay "$SCRATCH/warm.kmt" --db none --fragment pinned
"$KMEMSIM" replay "$SCRATCH/warm.kmt" --cold --db none --fragment pinned 2>"$SCRATCH/said"
heard "a cold start has room for one" "pages pinned"
sed -i 's/huge_blocks/hug_blocks/' "$SCRATCH/exp.yaml"
refused "in an experiment: line and column" "exp.yaml:4:" "$KMEMSIM" run "$SCRATCH/exp.yaml" --db "$SCRATCH/other.db"
