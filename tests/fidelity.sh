# Fidelity: every number recomputed by other means, files byte by byte, limits, bad input.
. tests/shell_lib

sample=traces/samples/small-fstree
kmt=$SCRATCH/small-fstree.kmt
"$KMEMSIM" import $sample.dat -o "$kmt" >/dev/null 2>&1

# recomputed NAME KMT FOLDER: the JSON against tests/fidelity_check.
recomputed()
{
	"$KMEMSIM" info "$2" --format json >"$SCRATCH/info.json"
	"$KMEMSIM" fidelity "$2" --snapshots "$3" --format json >"$SCRATCH/$1.json" 2>"$SCRATCH/$1.err"
	verdict "$1: fidelity runs" $?
	tests/fidelity_check "$SCRATCH/$1.json" "$SCRATCH/info.json" "$3/snaps" | sed "s/ok /ok $1: /"
	verdict "$1: everything is looked at" "${PIPESTATUS[0]}"
}

recomputed small-fstree "$kmt" $sample
# Where more recordings lie beside the sources.
for name in small-hackbench small-pressure boot; do
	dir=${KMEMSIM_RECORDINGS:-/nonexistent}/$name
	if [ ! -d "$dir" ]; then
		skip "$name" "no such recording"
		continue
	fi
	"$KMEMSIM" import "$dir/trace.dat" -o "$SCRATCH/$name.kmt" >/dev/null 2>&1
	recomputed $name "$SCRATCH/$name.kmt" "$dir"
done

# What was parsed, printed as the kernel prints, is what was read. slabinfo's caches come in order of names.
"$KMEMSIM" fidelity "$kmt" --snapshots $sample --write "$SCRATCH/files" >"$SCRATCH/text" 2>/dev/null
for dir in $sample/snaps/*; do
	snap=${dir##*/}
	cmp "$dir/buddyinfo" "$SCRATCH/files/recorded/$snap/buddyinfo" &&
		cmp "$dir/pagetypeinfo" "$SCRATCH/files/recorded/$snap/pagetypeinfo" &&
		cmp <(sort "$dir/slabinfo") <(sort "$SCRATCH/files/recorded/$snap/slabinfo")
	verdict "$snap: the recorded files again, byte by byte" $?
	[ "$(wc -l <"$SCRATCH/files/simulated/$snap/pagetypeinfo")" = "$(wc -l <"$dir/pagetypeinfo")" ] &&
		[ "$(wc -l <"$SCRATCH/files/simulated/$snap/buddyinfo")" = "$(wc -l <"$dir/buddyinfo")" ]
	verdict "$snap: the simulated files have the same zones" $?
done
pageblocks()
{
	awk '/^Node/ && !/type/ { for (i = 5; i <= NF; i++) n += $i } END { print n }' "$1"
}
[ "$(pageblocks "$SCRATCH/files/simulated/01-before/pagetypeinfo")" = \
	"$(pageblocks $sample/snaps/01-before/pagetypeinfo)" ]
verdict "the simulated machine has the recorded number of pageblocks" $?

# The database says what the JSON says.
"$KMEMSIM" fidelity "$kmt" --snapshots $sample --db "$SCRATCH/f.db" --format json >"$SCRATCH/db.json" 2>/dev/null
cmp "$SCRATCH/db.json" "$SCRATCH/small-fstree.json"
verdict "results or not, the output is the same" $?
score=$(perl -MJSON::PP -e 'local $/; printf "%.9f", decode_json(<>)->{slab_change_error}' "$SCRATCH/db.json")
[ "$(sqlite3 "$SCRATCH/f.db" "SELECT printf('%.9f', value) FROM summary_view WHERE metric = 'slab_change_error'")" = \
	"$score" ]
verdict "slab_change_error is a metric of the run" $?
[ "$(sqlite3 "$SCRATCH/f.db" "SELECT printf('%.9f', sum(abs((simulated - s0) - (recorded - first))) * 1.0 /
		sum(abs(recorded - first)))
	FROM fidelity_view JOIN (SELECT name AS n0, simulated AS s0 FROM fidelity_view
		WHERE kind = 'slab' AND snapshot = 'before') ON name = n0 WHERE kind = 'slab'")" = "$score" ]
verdict "fidelity_view has what the score is made of" $?

limit()
{
	"$KMEMSIM" fidelity "$kmt" --snapshots $sample --fail-on "$1" >"$SCRATCH/limit.out" 2>/dev/null
}
limit 'slab_error<0'
verdict "a limit that is kept: exit 0" $?
limit 'slab_change_error_idle>0.5'
[ $? = 1 ] && [ -s "$SCRATCH/limit.out" ]
verdict "a limit that is missed: exit 1, and the result all the same" $?

# --cold is as in replay: instead of the warm start; --both shows it beside.
starts()
{
	"$KMEMSIM" fidelity "$kmt" --snapshots $sample "$@" 2>/dev/null | sed -n 's/ start, .*//p' | paste -sd' '
}
[ "$(starts)" = warm ] && [ "$(starts --cold)" = cold ] && [ "$(starts --both)" = "warm cold" ]
verdict "--cold: instead of the warm start; --both: beside it" $?
"$KMEMSIM" fidelity "$kmt" --snapshots $sample --cold --format json >"$SCRATCH/cold.json" 2>/dev/null
"$KMEMSIM" fidelity "$kmt" --snapshots $sample --both --format json >"$SCRATCH/both.json" 2>/dev/null
perl -MJSON::PP -e 'local $/; my ($c, $b, $w) = map { open my $f, "<", $_; decode_json(<$f>) } @ARGV;
	exit !($c->{start} eq "cold" && $c->{slab_error} == $b->{cold}{slab_error} &&
	       $b->{start} eq "warm" && $b->{slab_error} == $w->{slab_error})' \
	"$SCRATCH/cold.json" "$SCRATCH/both.json" "$SCRATCH/small-fstree.json"
verdict "and either has the same scores in both" $?
refused "--cold --both" "asks for a warm start too" "$KMEMSIM" fidelity "$kmt" --cold --both

# The line that repeats a run is its last.
"$KMEMSIM" fidelity "$kmt" --snapshots $sample 2>&1 >/dev/null | tail -1 | grep -q '; repeat: '
verdict "a run ends with the line that repeats it" $?
refused "a score that is none" "did you mean 'slab_change_error'?" \
	"$KMEMSIM" fidelity "$kmt" --snapshots $sample --fail-on 'slab_chang_error>1'
refused "no snapshots" "carries no snapshots" "$KMEMSIM" fidelity "$kmt"
refused "no such folder" "nowhere" "$KMEMSIM" fidelity "$kmt" --snapshots nowhere
refused "another recording" "another recording" \
	"$KMEMSIM" fidelity traces/samples/small-hackbench.kmt --snapshots $sample
refused "csv" "text and json" "$KMEMSIM" fidelity "$kmt" --snapshots $sample --format csv
refused "--write over somebody's files" "holds other files" \
	"$KMEMSIM" fidelity "$kmt" --snapshots $sample --write tests

# Other kernel: the same labels and times, other sizes of objects.
cp -r $sample "$SCRATCH/other"
awk '!/^(slabinfo|#)/ { $4 = $4 * 2 } { print }' $sample/snaps/01-before/slabinfo >"$SCRATCH/other/snaps/01-before/slabinfo"
refused "another kernel" "another machine" "$KMEMSIM" fidelity "$kmt" --snapshots "$SCRATCH/other"

# Without slabinfo, slabinfo0 is what there is, at its own marks: as little is left unexplained.
before_at()
{
	perl -MJSON::PP -e 'local $/; print decode_json(<STDIN>)->{snapshots}[0]{t_ns}' <"$1"
}
cp -r $sample "$SCRATCH/first"
rm "$SCRATCH/first/snaps/01-before/slabinfo"
"$KMEMSIM" fidelity "$kmt" --snapshots "$SCRATCH/first" --format json --fail-on 'slab_change_error>0.03' \
	>"$SCRATCH/first.json" 2>/dev/null
verdict "slabinfo0 alone is compared where it was read" $?
[ "$(before_at "$SCRATCH/first.json")" -lt "$(before_at "$SCRATCH/small-fstree.json")" ]
verdict "and at its mark" $?

# One snapshot: nothing to score, but both sides are shown.
cp -r $sample "$SCRATCH/one"
rm -r "$SCRATCH"/one/snaps/0[2-9]-*
"$KMEMSIM" fidelity "$kmt" --snapshots "$SCRATCH/one" >"$SCRATCH/one.out" 2>"$SCRATCH/one.err"
[ $? = 0 ] && grep -q 'no score' "$SCRATCH/one.err" && grep -q '^before  *0/DMA32' "$SCRATCH/one.out"
verdict "with one snapshot it says what it can" $?
"$KMEMSIM" fidelity "$kmt" --snapshots "$SCRATCH/one" --fail-on 'slab_error>1' >/dev/null 2>"$SCRATCH/one.err"
[ $? = 1 ] && grep -q "slab_error is undefined: --fail-on" "$SCRATCH/one.err"
verdict "a limit on a score that is undefined is missed, and says so" $?
"$KMEMSIM" fidelity "$kmt" --snapshots "$SCRATCH/one" --format json 2>/dev/null | grep -q '"slab_error": null'
verdict "which in JSON is null" $?

# What was counted between snapshots: fallbacks by class are those of the recording, and vmstat's lines those of its files.
"$KMEMSIM" fidelity traces/samples/small-pressure.kmt --format json >"$SCRATCH/counts.json" 2>/dev/null
count()
{
	perl -MJSON::PP -e 'local $/; my $n = 0; for (@{decode_json(<STDIN>)->{snapshots}}) {
		for (@{$_->{counts}}) { $n += $_->{$ARGV[1]} if $_->{name} eq $ARGV[0] } } print $n' "$1" "$2" <"$SCRATCH/counts.json"
}
[ "$(count nr_extfrag recorded)" = "$(awk '$2 == "mm_page_alloc_extfrag" { print $1 }' traces/samples/small-pressure.events)" ]
verdict "every recorded fallback is of a class" $?
[ "$(count pgfree recorded)" = 69718 ] && [ "$(count pgfree simulated)" -gt 60000 ]
verdict "vmstat's lines are counted on both sides" $?
[ "$(count zone_lock_acquisitions recorded)" -gt "$(count pcp_refills recorded)" ] &&
	[ "$(count zone_lock_acquisitions simulated)" -gt 10000 ]
verdict "and holds of zone->lock" $?

# The recorded store: what was stored is met to the byte, and nothing is asked of a load without one.
"$KMEMSIM" fidelity traces/samples/small-zram.kmt --format json --fail-on 'store_error>0.05' >"$SCRATCH/store.json" 2>/dev/null
verdict "zsmalloc takes the recorded memory, within 5 %, at every reading of mm_stat" $?
perl -MJSON::PP -e 'local $/; my $f = decode_json(<STDIN>); my $n = 0;
	for (@{$f->{store}}) { $n++; exit 1 if $_->{recorded_compr_data_size} != $_->{simulated_compr_data_size} }
	exit !($n == 4 && $f->{store}[3]{recorded_pages_compacted} == 86)' <"$SCRATCH/store.json"
verdict "compr_data_size is met at every reading of mm_stat" $?
grep -q '"store' "$SCRATCH/counts.json"
[ $? = 1 ]
verdict "a recording without mm_stat has no store_error" $?
"$KMEMSIM" fidelity traces/samples/small-zram.kmt --store none --fail-on 'store_error>0.05' >"$SCRATCH/none.out" 2>"$SCRATCH/none.err"
[ $? = 1 ] && grep -q "store_error is undefined: --fail-on" "$SCRATCH/none.err" && grep -q '; repeat: .* --store none' "$SCRATCH/none.err"
verdict "--store none: nothing is stored, no store_error" $?
