# The line that ends a run repeats it: whatever the machine, the names and the paths.
. tests/shell_lib

folder="$SCRATCH/a b'c"
mkdir "$folder"
cp traces/samples/small-hackbench.kmt "$folder/t r.kmt"
cat >"$folder/x.yaml" <<Y
kmemsim: experiment/1
machine:
  hz: 100
  nodes:
    - {memory: 512MiB, cpus: 0-1, distance: [10, 25]}
    - {memory: 512MiB, cpus: 2-3, distance: [25, 10]}
stacks:
  plain: {pages: page_allocator}
  "odd name": {pages: "rcu:bitmap"}
loads:
  "l/1": {trace: "t r.kmt"}
seeds: 2
Y
kmemsim()
{
	"$KMEMSIM" "$@"
}

# repeats WHAT COMMAND...: each closing line, evaluated, gives its digest again.
repeats()
{
	local what=$1 line digest again n=0 bad=0
	shift
	"$@" 2>"$SCRATCH/lines" >/dev/null
	while IFS= read -r line; do
		digest=$(sed 's/.* digest \([0-9a-f]*\),.*/\1/' <<<"$line")
		again=$(eval "${line##*; repeat: }" 2>&1 >/dev/null | sed -n 's/.* digest \([0-9a-f]*\),.*/\1/p')
		n=$((n + 1))
		[ "$digest" = "$again" ] || { bad=1 && echo "# $digest, again '$again': $line"; }
	done <"$SCRATCH/lines"
	[ $n -gt 0 ] && [ $bad = 0 ]
	verdict "$what ($n runs)" $?
}

repeats "experiment with its own machine" kmemsim run "$folder/x.yaml" --db "$SCRATCH/a.db"
repeats "experiment with settings" kmemsim run "$folder/x.yaml" --db "$SCRATCH/b c.db" \
	--set machine.hz=1000 --set 'stacks.plain.pages=page_allocator(pcp=off)'
repeats "replay of a path with spaces" kmemsim replay "$folder/t r.kmt" --db none --sample 7ms \
	--label "it's" --pages 'page_allocator(batch=5)' --machine configs/machine-2node.yaml
repeats "replay on a store" kmemsim replay traces/samples/small-zram.kmt --cold --db none --store null
refused "--only that matches nothing" "did you mean 'plain'?" \
	kmemsim run "$folder/x.yaml" --db "$SCRATCH/c.db" --only '*/plane/1'
