# Golden outputs: what commands print for a fixed trace and seed, against tests/golden/.
#
# A difference is either a mistake or meant. If it is meant: GOLDEN=update tests/run golden, and the commit
# shows what changed.
. tests/shell_lib

golden=tests/golden
kmt=$SCRATCH/small-fstree.kmt
db=$SCRATCH/results.db

# matches NAME COMMAND...: standard output against tests/golden/NAME.
matches()
{
	local name=$1
	shift
	"$@" >"$SCRATCH/was" 2>"$SCRATCH/err" || { verdict "$name: runs" 1 && head -3 "$SCRATCH/err"; return; }
	[ "${GOLDEN:-}" != update ] || cp "$SCRATCH/was" "$golden/$name"
	cmp -s "$golden/$name" "$SCRATCH/was"
	verdict "$name" $?
	cmp -s "$golden/$name" "$SCRATCH/was" && return
	echo "# if this is meant: GOLDEN=update tests/run golden"
	diff --label Expected --label Was -U0 "$golden/$name" "$SCRATCH/was" | head -20 | sed 's/^/# /'
}

digests()
{
	sqlite3 "$db" "SELECT label, load, seed, status, nr_requests, sim_ns, digest FROM run_view ORDER BY 1"
}

# A user's own allocators are none of our business.
shipped_allocators()
{
	if [ "${GOLDEN:-}" = update ]; then
		"$KMEMSIM" list allocators --format csv
	else
		"$KMEMSIM" list allocators --format csv | grep -xFf $golden/allocators.csv
	fi
}

"$KMEMSIM" import traces/samples/small-fstree.dat -o "$kmt" --machine configs/machine-2node.yaml \
	>"$SCRATCH/import" 2>/dev/null
verdict "import" $?
matches info.txt "$KMEMSIM" info "$kmt"
cmp -s "$SCRATCH/import" $golden/info.txt
verdict "import prints what info repeats" $?
matches info.json "$KMEMSIM" info "$kmt" --format json
matches allocators.csv shipped_allocators
matches metrics.csv "$KMEMSIM" list metrics --format csv
matches slabifier.txt "$KMEMSIM" help slabifier
"$KMEMSIM" run configs/demo.yaml --set loads.small-fstree.trace="$kmt" --db "$db" 2>"$SCRATCH/err"
verdict "run" $?
matches digests.txt digests
matches compare.csv "$KMEMSIM" compare "$db" --format csv
matches layers.csv "$KMEMSIM" compare "$db" --format csv --layer each --metric 'layer_*'
