# The command line itself: commands, options, lists, help.
. tests/shell_lib

refused "no command" "a command is missing" "$KMEMSIM"
refused "unknown command" "unknown command 'lits': did you mean 'list'?" "$KMEMSIM" lits
refused "command unlike any" "unknown command 'frobnicate': see" "$KMEMSIM" frobnicate
refused "unknown option" "unknown option '--formta': did you mean '--format'?" "$KMEMSIM" list machines --formta=json
refused "unknown short option" "unknown option '-z'" "$KMEMSIM" list -z
refused "option without value" "option '--format' needs a value" "$KMEMSIM" list machines --format
refused "value without option" "takes no value" "$KMEMSIM" list --help=yes
refused "unknown format" "one of text, csv, json" "$KMEMSIM" list machines --format xml
refused "nothing to list" "say what to list" "$KMEMSIM" list
refused "unknown list" "did you mean 'metrics'?" "$KMEMSIM" list metric
refused "two lists" "say what to list" "$KMEMSIM" list metrics machines
refused "unknown help" "did you mean 'slabifier'?" "$KMEMSIM" help slabifer
refused "cold and warm" "asks for a warm start" "$KMEMSIM" replay x.kmt --cold --snapshots .
refused "standard output full" "No space left on device" bash -c '"$0" list metrics >/dev/full' "$KMEMSIM"

succeeds "version" "$KMEMSIM" --version
says "version has a number" "kmemsim 0."
succeeds "help" "$KMEMSIM" help
says "help shows the commands" "list "
for command in $("$KMEMSIM" help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
	succeeds "help $command" "$KMEMSIM" help "$command"
	says "help $command shows usage" "usage: kmemsim $command"
done
for name in $("$KMEMSIM" list allocators --format csv | tail -n +2 | cut -d, -f1 | sort -u); do
	succeeds "help $name" "$KMEMSIM" help "$name"
	says "help $name names it" "$name ("
done
"$KMEMSIM" help null >"$SCRATCH.out"
[ "$(grep -c '^null (' "$SCRATCH.out")" = 3 ]
verdict "help NAME: of every kind that has it" $?
succeeds "help METRIC" "$KMEMSIM" help slab_bytes_max
says "help METRIC has unit and direction" "lower is better"

# Every list has a name and a summary in each row, and its JSON is JSON.
json_rows()
{
	sqlite3 :memory: "WITH j AS (SELECT CAST(readfile('$1') AS TEXT) AS t)
		SELECT count(*) > 0 AND min(value->>'name' <> '' AND value->>'summary' <> '')
		FROM j, json_each(j.t)"
}
for what in allocators generators importers metrics machines stacks; do
	succeeds "list $what" "$KMEMSIM" list $what
	succeeds "list $what --format json" "$KMEMSIM" list $what --format json
	[ "$(json_rows "$SCRATCH.out" 2>&1)" = 1 ]
	verdict "list $what: JSON with name and summary" $?
	[ "$("$KMEMSIM" list $what --format csv | head -1 | cut -d, -f1)" = name ]
	verdict "list $what: CSV begins with the names" $?
done
refused "list runs without a database" "results.db" bash -c 'cd "$1" && exec "$0" list runs' "$KMEMSIM" "$SCRATCH"
"$KMEMSIM" list allocators --format csv | grep -q '^null,store,source,'
verdict "list allocators: stores" $?
"$KMEMSIM" list allocators --format csv | tr -d '\r' | cut -d, -f2,3 | sort -u >"$SCRATCH.kinds"
grep -qx 'page,source' "$SCRATCH.kinds" && grep -qx 'slab,layer' "$SCRATCH.kinds"
verdict "list allocators: kinds and roles" $?
