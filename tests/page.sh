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

# browse NAME FLAG...: what the page says of itself, and what the console says of the page.
browse()
{
	local name=$1 sandbox=
	shift
	[ "$(id -u)" = 0 ] && sandbox=--no-sandbox
	timeout 120 chromium --headless $sandbox --disable-gpu --user-data-dir="$SCRATCH/profile" "$@" \
		--enable-logging=stderr --virtual-time-budget=100000 --dump-dom \
		"file://$SCRATCH/report/index.html#selftest" >"$SCRATCH/$name.html" 2>"$SCRATCH/$name.err"
	sed -n '/<pre id="selftest">/,/<\/pre>/p' "$SCRATCH/$name.html" | sed 's/<[^>]*>//g' |
		grep -E '^(not )?ok ' | sed "s/^\(not ok\|ok\) /\1 $name: /"
	grep -q '^1\.\.[0-9]*$' <(sed 's/<[^>]*>//g' "$SCRATCH/$name.html")
	verdict "$name: the page has tested all of itself" $?
	grep CONSOLE "$SCRATCH/$name.err" | sed 's/^/# /'
	! grep -q CONSOLE "$SCRATCH/$name.err"
	verdict "$name: nothing on the console" $?
}

browse desktop --window-size=1280,900
browse phone --window-size=390,844 --force-dark-mode
for section in caches sites layers fidelity; do
	grep -q "^ok table-$section sorts" "$SCRATCH/desktop.html"
	verdict "the table of $section is there" $?
done
grep -q '^ok film-.* plays' "$SCRATCH/desktop.html"
verdict "the film is there" $?
