# The README keeps its word: its allocator in one file builds, is listed, and serves a whole trace.
. tests/shell_lib

# Under another name, so that the reader may have added it already.
sed -n '/^```c$/,/^```$/p' README.md | sed '1d;$d; s/"local"/"readme_local"/' >"$SCRATCH/local.c"
# The objects of a variant that have a source (an old one may lie beside them).
objects()
{
	ls lib/*.c alloc/*.c alloc/*/*.c sim/*.c workloads/*.c traces/*.c reports/*.c cmd/*.c | sed "s|\(.*\)c$|build/$1/\1o|"
}
libraries="$(pkg-config --libs $(sed -n 's/^PKGS *:= //p' Makefile)) -lm -pthread"
# shellcheck disable=SC2086
succeeds "the README's allocator compiles without a warning" \
	gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I. -c "$SCRATCH/local.c" -o "$SCRATCH/local.o"
# shellcheck disable=SC2086,SC2046
succeeds "and links" gcc "$SCRATCH/local.o" $(objects default) $libraries -o "$SCRATCH/kmemsim"
# shellcheck disable=SC2086,SC2046
gcc -fsanitize=address,undefined "$SCRATCH/local.o" $(objects asan | grep -v /main.o) \
	$(ls tests/*.c | grep -v /test_ | sed 's|\(.*\)c$|build/asan/\1o|') \
	build/asan/tests/test_fuzz_pages.o $libraries -lcmocka -o "$SCRATCH/fuzz"
"$SCRATCH/fuzz" >"$SCRATCH.out" 2>&1
verdict "the oracle agrees with it, alone and in stacks" $?
succeeds "it is listed" "$SCRATCH/kmemsim" list allocators
says "by its name" "memory of the CPU's own node or none"
"$SCRATCH/kmemsim" replay traces/samples/small-hackbench.kmt --pages rcu:readme_local:page_allocator \
	--db none --check 20000 2>"$SCRATCH.out"
verdict "it stands in a stack and serves a trace" $?
says "to the end" ": ok, digest"

# Every command the README shows is one that exists, with options that exist.
grep -oE '^    \./kmemsim [a-z]+.*|^\$ \./kmemsim [a-z]+' README.md | grep -oE 'kmemsim [a-z]+' |
	sort -u | while read -r _ command; do
	succeeds "README's command $command" "$KMEMSIM" help "$command"
done
grep -oE '^(    |\$ )\./kmemsim [a-z]+.*' README.md | sed 's/ #.*//; s/ -- .*//; s/ | .*//' |
	while read -r line; do
		command=$(sed 's/.*kmemsim //; s/ .*//' <<<"$line")
		grep -oE -- ' --?[a-z][a-z-]*' <<<"$line" | sed "s/^/$command/"
	done | sort -u >"$SCRATCH/options"
[ "$(wc -l <"$SCRATCH/options")" -ge 15 ]
verdict "README shows options" $?
while read -r command option; do
	"$KMEMSIM" help "$command" | grep -qE -- "(^|[[ ,|])$option([], =|]|$)"
	verdict "README's option $command $option" $?
done <"$SCRATCH/options"

# It tells of every allocator, and of every experiment.
for name in $("$KMEMSIM" list allocators --format csv | sed '1d; s/,.*//') \
	$("$KMEMSIM" list experiments --format csv | sed '1d; s/^[^,]*,//; s/,.*//'); do
	grep -qE "[\`:\" ]$name[\`:(]" README.md || echo "# not in README: $name"
done >"$SCRATCH/untold"
cat "$SCRATCH/untold"
[ ! -s "$SCRATCH/untold" ]
verdict "README tells of every allocator and every experiment" $?

# The comparison it shows is the one this program prints.
mkdir -p "$SCRATCH/build/demo"
"$KMEMSIM" import traces/samples/small-fstree.dat --snapshots traces/samples/small-fstree \
	-o "$SCRATCH/build/demo/small-fstree.kmt" >/dev/null
"$KMEMSIM" run configs/demo.yaml --db "$SCRATCH/build/demo/results.db" \
	--set loads.small-fstree.trace="$SCRATCH/build/demo/small-fstree.kmt" 2>/dev/null
"$KMEMSIM" compare "$SCRATCH/build/demo/results.db" plain rcu >"$SCRATCH/now"
sed -n '/^\$ \.\/kmemsim compare build\/demo/,/^```$/p' README.md | sed '1d;$d' >"$SCRATCH/then"
diff -u "$SCRATCH/then" "$SCRATCH/now" | sed 's/^/# /'
cmp -s "$SCRATCH/then" "$SCRATCH/now"
verdict "the README's comparison is what the demo prints" $?

# Neither is its comparison over seeds made up.
"$KMEMSIM" run configs/seeds.yaml --db "$SCRATCH/seeds.db" --jobs 2 2>/dev/null
"$KMEMSIM" compare "$SCRATCH/seeds.db" --metric '*bytes*' >"$SCRATCH/now"
sed -n '/^\$ \.\/kmemsim compare seeds.db/,/^```$/p' README.md | sed '1d;$d' >"$SCRATCH/then"
diff -u "$SCRATCH/then" "$SCRATCH/now" | sed 's/^/# /'
[ -s "$SCRATCH/then" ] && cmp -s "$SCRATCH/then" "$SCRATCH/now"
verdict "the README's comparison over seeds is what its experiment gives" $?

# Its experiment runs as it stands.
sed -n '/^```yaml$/,/^```$/p' README.md | sed '1d;$d' >"$SCRATCH/experiment.yaml"
"$KMEMSIM" run "$SCRATCH/experiment.yaml" --db "$SCRATCH/mine.db" --set sample=50ms 2>"$SCRATCH.out"
verdict "the README's experiment runs" $?
says "to its end" "fstree order1: ok, digest"

# What it shows of an import with snapshots is what this program prints.
"$KMEMSIM" import traces/samples/small-fstree.dat --snapshots traces/samples/small-fstree \
	-o "$SCRATCH/small.kmt" 2>/dev/null | head -7 >"$SCRATCH/now"
sed -n '/^\$ \.\/kmemsim import traces\/samples.*| head/,/^```$/p' README.md | sed '1d;$d' >"$SCRATCH/then"
diff -u "$SCRATCH/then" "$SCRATCH/now" | sed 's/^/# /'
[ -s "$SCRATCH/then" ] && cmp -s "$SCRATCH/then" "$SCRATCH/now"
verdict "the README's import is what import prints" $?

# Its workload runs, and the shipped one refuses as many huge pages as it says.
sed -n '/^```yml$/,/^```$/p' README.md | sed '1d;$d' >"$SCRATCH/workload.yaml"
"$SCRATCH/kmemsim" replay "$SCRATCH/workload.yaml" --db none 2>"$SCRATCH.out"
verdict "the README's workload runs" $?
# block FIRST [PAGE]: the commands of the README's block that begins so, run in a folder of their own, print what stands
# there.
mkdir "$SCRATCH/run" "$SCRATCH/run/traces" && cp -r workloads configs "$SCRATCH/run" && cp -r traces/samples "$SCRATCH/run/traces" &&
	cp "$SCRATCH/kmemsim" "$SCRATCH/run"
block()
{
	awk -v first="\$ $1" 'index($0, first) == 1 { on = 1 } on && /^```$/ { exit } on' "${2:-README.md}" >"$SCRATCH/shown"
	grep -E '^(\$|      )' "$SCRATCH/shown" | sed 's/^\$ //' >"$SCRATCH/commands"
	(cd "$SCRATCH/run" && bash ../commands 2>/dev/null) >"$SCRATCH/now"
	grep -vE '^(\$|      )' "$SCRATCH/shown" >"$SCRATCH/then"
	diff -u "$SCRATCH/then" "$SCRATCH/now" | sed 's/^/# /'
	[ -s "$SCRATCH/then" ] && cmp -s "$SCRATCH/then" "$SCRATCH/now"
}
block "./kmemsim replay workloads/thp-under-churn.yaml"
verdict "the README's huge pages are what is refused" $?
block "./kmemsim replay traces/samples/small-hackbench.kmt --db blame.db"
verdict "the README's blame is what the view says" $?
block "./kmemsim replay workloads/page-cache.yaml" workloads/README.md
verdict "the reclaim in workloads/README.md is what kswapd does" $?
block "./kmemsim fidelity traces/samples/small-zram.kmt"
verdict "the README's mm_stat is what both stores hold" $?
block "for s in zsmalloc"
verdict "the README's table of stores is what they do with real sizes" $?
block "./kmemsim run configs/store-worst.yaml"
verdict "the README's worst cases are what they do to each store" $?

# What is shipped to be replayed, workloads/README.md lists.
for w in workloads/*.yaml; do
	name=$(basename "$w" .yaml)
	grep -qF -e "\`$name\`" -e "\`${name%%-*}-*\`" workloads/README.md || echo "# not listed: $w"
done >"$SCRATCH/untold"
cat "$SCRATCH/untold"
[ ! -s "$SCRATCH/untold" ]
verdict "workloads/README.md lists every workload" $?

# Its scores too, but for the digits: what improves them need not touch the README. They may not be far off.
digits() { sed 's/[0-9]/N/g; s/N*\.N*/N.N/g; s/NN*/N/g; s/  */ /g'; }
"$KMEMSIM" fidelity "$SCRATCH/small.kmt" --both 2>/dev/null | head -24 >"$SCRATCH/now"
sed -n '/^\$ \.\/kmemsim fidelity/,/^```$/p' README.md | sed '1d;$d' >"$SCRATCH/then"
diff -u <(sed -n '1,19p' "$SCRATCH/then" | digits) <(sed -n '1,19p' "$SCRATCH/now" | digits) | sed 's/^/# /'
[ -s "$SCRATCH/then" ] && cmp -s <(sed -n '1,19p' "$SCRATCH/then" | digits) <(sed -n '1,19p' "$SCRATCH/now" | digits)
verdict "the README's scores have the form that fidelity prints" $?
paste <(grep ^pooled "$SCRATCH/then") <(grep ^pooled "$SCRATCH/now") |
	awk 'NF < 14 || $9 > $2 + 0.1 || $2 > $9 + 0.1 { bad = 1 } END { exit bad || NR != 2 }'
verdict "and are within 0.1 of what it scores" $?
