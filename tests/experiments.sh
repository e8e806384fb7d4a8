# The shipped experiments: each that expects something runs and finds it, and is listed. With the program as users
# build it: what these measure takes long under sanitizers, which other tests are for.
. tests/shell_lib

flock build make -s BUILD=build/default build/default/kmemsim
kmemsim=build/default/kmemsim
export kmemsim SCRATCH
experiment()
{
	local to
	to=$SCRATCH/$(basename "$1" .yaml)
	$kmemsim run "$1" --db "$to.db" --jobs 1 >"$to.txt" 2>"$to.err"
	echo $? >"$to.code"
}
export -f experiment
# As many side by side as there are processors: runs of one experiment seldom take equally long.
grep -l '^expect:' configs/*.yaml >"$SCRATCH/files"
xargs -P "$(nproc)" -I{} bash -c 'experiment {}' <"$SCRATCH/files"
for file in $(cat "$SCRATCH/files"); do
	name=$(basename "$file" .yaml)
	code=$(cat "$SCRATCH/$name.code")
	[ $code = 0 ]
	verdict "$name: all that is expected is met" $?
	[ $code = 0 ] || {
		grep -E '^(MISSED|error)' "$SCRATCH/$name.txt"
		grep -v 'repeat:' "$SCRATCH/$name.err" | head -5
	} | sed 's/^/# /'
	grep -q '^met' "$SCRATCH/$name.txt"
	verdict "$name: something is" $?
	head -1 "$file" | grep -q '^# '
	verdict "$name: its file begins with the question" $?
	$kmemsim list experiments | grep -qE "^$name +$file +[^ ]"
	verdict "$name: listed with what it is" $?
done

# What README shows of one is what it prints: shown NAME, from that experiment's database; the README's own command
# says which lines and columns.
shown()
{
	sed -n "/^\\$ \.\/kmemsim run configs\/$1.yaml/,/^\`\`\`$/p" README.md | sed '$d' >"$SCRATCH/shown"
	"$kmemsim" run "configs/$1.yaml" --db "$SCRATCH/$1.db" --resume 2>/dev/null |
		bash -c "cat $(sed -n '1s/^[^|]*//p' "$SCRATCH/shown")" | sed 's/ *$//' >"$SCRATCH/now"
	sed 1d "$SCRATCH/shown" >"$SCRATCH/then"
	diff -u "$SCRATCH/then" "$SCRATCH/now" | sed 's/^/# /'
	[ -s "$SCRATCH/then" ] && cmp -s "$SCRATCH/then" "$SCRATCH/now"
}
shown laws
verdict "the README's laws are what their experiment prints" $?
shown xcfmalloc
verdict "the README's published table is what its experiment prints" $?
grep -oE '^\| `\./kmemsim run [^`]*' README.md | sed 's/.* //' >"$SCRATCH/shown"
[ -s "$SCRATCH/shown" ] && ! xargs grep -L '^expect:' <"$SCRATCH/shown" | grep -q .
verdict "each experiment in the README's table expects something" $?

# A single figure doctored, and the experiment fails.
$kmemsim run configs/laws.yaml --db "$SCRATCH/laws.db" --resume --set expect.7.expected=20 >"$SCRATCH/doctored.txt" 2>&1
[ $? = 1 ] && [ "$(grep -c ^MISSED "$SCRATCH/doctored.txt")" = 1 ]
verdict "a doctored expectation fails, and no other" $?
$kmemsim report "$SCRATCH/laws.db" -o "$SCRATCH/report" --page-only &&
	grep -q '<td class="worse">MISSED</td>' "$SCRATCH/report/index.html"
verdict "the report says so" $?
