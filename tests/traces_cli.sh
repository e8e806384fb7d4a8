# import and info from outside: what they refuse, what they print.
. tests/shell_lib

dat=traces/samples/small-fstree.dat
kmt=$SCRATCH/a.kmt

# --- import
cp $dat "$SCRATCH/own.dat"
"$KMEMSIM" import "$SCRATCH/own.dat" -o "$SCRATCH/own.dat" >/dev/null 2>"$SCRATCH/err"
[ $? = 2 ] && grep -q "the recording itself" "$SCRATCH/err" && cmp -s $dat "$SCRATCH/own.dat"
verdict "import: a recording is never overwritten by its trace" $?
"$KMEMSIM" import $dat $dat -o "$kmt" >/dev/null 2>"$SCRATCH/err"
[ $? = 2 ] && grep -q "one RECORDING at a time" "$SCRATCH/err" && [ ! -e "$kmt" ]
verdict "import: two recordings at once" $?
"$KMEMSIM" import $dat -o "$kmt" --from tracedat >"$SCRATCH/printed" 2>"$SCRATCH/err"
[ $? = 0 ] && [ ! -s "$SCRATCH/err" ]
verdict "import: quiet on standard error" $?
printf 'kmemsim: machine/1\nnodes:\n  - {memory: 1GiB, cpus: 0-3, distance: [10]}\n' >"$SCRATCH/half.yaml"
"$KMEMSIM" import $dat -o "$SCRATCH/half.kmt" --machine "$SCRATCH/half.yaml" >/dev/null 2>"$SCRATCH/err"
[ $? = 0 ] && grep -q "page frames up to 2.00 GiB, the machine 1 GiB: nodes are wrong" "$SCRATCH/err"
verdict "import: says that the machine is too small for the recorded frames" $?
"$KMEMSIM" info "$kmt" >"$SCRATCH/info"
cmp -s "$SCRATCH/printed" "$SCRATCH/info"
verdict "info repeats what import printed" $?
"$KMEMSIM" import $dat -o "$SCRATCH/b.kmt" >/dev/null && cmp -s "$kmt" "$SCRATCH/b.kmt"
verdict "import: twice the same bytes" $?

# --- store events: what the trace does not know of is born on a node whose CPUs it may not have
# aHANDLE: zs_malloc and what it returns; m: without its return; fHANDLE: zs_free; k: kfree of what is older.
store_events()
{
	local word t=100000100 line
	for word in "$@"; do
		t=$((t + 100))
		line="zram-100 [001] .... ${t%??????}.${t: -6}:"
		case $word in
		[am]*) printf '%s zs_malloc: (zs_malloc+0x0/0x100) size=1000\n' "$line" ;;&
		a*) printf '%s zs_malloc_ret: (zram_write+0x10/0x100 <- zs_malloc) handle=0xffff88810000%s\n' "$line" "${word#a}" ;;
		f*) printf '%s zs_free: (zs_free+0x0/0x100) handle=0xffff88810000%s\n' "$line" "${word#f}" ;;
		k) printf '%s kfree: call_site=f+0x1/0x2 ptr=0xffff888150000000\n' "$line" ;;
		esac
	done
}
text=$SCRATCH/store.txt
while IFS=: read -r events allocs frees orphans; do
	{ printf '# tracer: nop\n#\n'; store_events $events; } >"$text"
	rm -f "$SCRATCH/store.kmt"
	"$KMEMSIM" import "$text" -o "$SCRATCH/store.kmt" >"$SCRATCH/printed" 2>"$SCRATCH/err" &&
		grep -q "^  store_alloc  *$allocs$" "$SCRATCH/printed" && grep -q "^  store_free  *$frees$" "$SCRATCH/printed" &&
		grep -q "^  orphan_frees  *$orphans " "$SCRATCH/printed"
	verdict "store: import '$events'" $?
	"$KMEMSIM" info "$SCRATCH/store.kmt" >"$SCRATCH/info" && cmp -s "$SCRATCH/printed" "$SCRATCH/info"
	verdict "store: info '$events'" $?
	"$KMEMSIM" replay "$SCRATCH/store.kmt" --store zsmalloc --db "$SCRATCH/store.db" >"$SCRATCH/out" 2>"$SCRATCH/err"
	verdict "store: replay '$events'" $?
done <<'END'
a1000 f9000:2:1:1
a1000 f1000 f1000:1:1:1
a1000 f1000 a1000 f1000:2:2:0
f9000:1:1:1
m f9000:1:1:1
k a1000 f9000:2:1:2
END

# --- info
json=$SCRATCH/info.json
"$KMEMSIM" info "$kmt" --format json >"$json"
for key in format cpus nodes t_first_ns t_last_ns events lost_events requests null_frees orphan_frees \
	reappeared slab_pages live_at_end unresolved_caches caches; do
	grep -q "^  \"$key\": " "$json"
	verdict "info: json has $key" $?
done
while read -r count name; do
	grep -q "^    \"$name\": $count,\?$" "$json" || echo "$name"
done <traces/samples/small-fstree.events >"$SCRATCH/differ"
[ ! -s "$SCRATCH/differ" ]
verdict "info: events as recorded" $?
"$KMEMSIM" info "$kmt" --format csv >/dev/null 2>"$SCRATCH/err"
[ $? = 2 ] && grep -q "text or json" "$SCRATCH/err"
verdict "info: no csv" $?

# One bit inside a block: only who reads the block can see it.
size=$(stat -c %s "$kmt")
at=$((size / 2))
byte=$(od -An -tu1 -j $at -N 1 "$kmt")
printf "\\$(printf %03o $((byte ^ 1)))" | dd of="$kmt" bs=1 seek=$at conv=notrunc status=none
"$KMEMSIM" info "$kmt" >"$SCRATCH/info" 2>"$SCRATCH/err"
[ $? = 2 ] && grep -q "offset .*wrong checksum" "$SCRATCH/err" && [ ! -s "$SCRATCH/info" ]
verdict "info: a flipped bit inside a block" $?

# --- mm_stat
recording=${KMEMSIM_RECORDINGS:-/nonexistent}/small-zram
if [ -d "$recording" ]; then
	cp -r "$recording" "$SCRATCH/zram" && chmod -R u+w "$SCRATCH/zram"
	"$KMEMSIM" import "$SCRATCH/zram" -o "$SCRATCH/zram.kmt" >"$SCRATCH/printed" 2>"$SCRATCH/err"
	[ $? = 0 ] && [ ! -s "$SCRATCH/err" ] && grep -q "^  store_compact  *1$" "$SCRATCH/printed"
	verdict "mm_stat: a rise of pages_compacted is a request" $?
	"$KMEMSIM" import "$SCRATCH/zram/trace.dat" --snapshots "$SCRATCH/zram/snaps" -o "$SCRATCH/again.kmt" >/dev/null
	cmp "$SCRATCH/zram.kmt" "$SCRATCH/again.kmt"
	verdict "mm_stat: beside the snapshots, or one folder up" $?
	cmp "$SCRATCH/zram.kmt" traces/samples/small-zram.kmt
	verdict "mm_stat: the sample is what import makes of it" $?
	sed -i '2s/ 9312155 / lots /' "$SCRATCH/zram/mm_stat"
	refused "mm_stat: a bad row" "mm_stat:2:24: compr_data_size: 'lots' is not a number" \
		"$KMEMSIM" import "$SCRATCH/zram" -o "$SCRATCH/bad.kmt"
	sed -i '2s/ lots / 9312155 /; 4s/19.37$/119.37/' "$SCRATCH/zram/mm_stat"
	refused "mm_stat: of another recording" "row 'compacted' is of 119.37 s" \
		"$KMEMSIM" import "$SCRATCH/zram" -o "$SCRATCH/bad.kmt"
	rm "$SCRATCH/zram/mm_stat"
	"$KMEMSIM" import "$SCRATCH/zram" -o "$SCRATCH/none.kmt" >"$SCRATCH/printed" && ! grep -q store_compact "$SCRATCH/printed"
	verdict "mm_stat: without it nothing is known of compaction" $?
else
	skip "mm_stat" "no such recording"
fi
