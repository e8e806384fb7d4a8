# What replay --proc writes: files of /proc, beside those of the machine that was recorded.
. tests/shell_lib

trace=traces/samples/small-pressure.kmt
recorded=tests/proc/small-pressure-before
new=$SCRATCH/proc
run() { "$KMEMSIM" replay "$@" --db none 2>"$SCRATCH.err"; }
digest() { grep -o 'digest [0-9a-f]*' "$SCRATCH.err"; }

# as_recorded NAME TRACE FOLDER: memory brought to what pagetypeinfo of the recording says is printed as it was.
as_recorded()
{
	run "$2" --cold --fragment "state(file=$3/pagetypeinfo)" --proc "$SCRATCH/$1"
	for file in buddyinfo pagetypeinfo; do
		cmp -s "$SCRATCH/$1/snaps/00-start/$file" "$3/$file"
		verdict "$1: $file of the recorded state, byte for byte" $?
	done
}

# --- what Linux printed
as_recorded small-pressure $trace $recorded
run $trace --proc "$new"
verdict "a replay with --proc" $?
with=$(digest)

# names FILE: what stands in it, figures masked, zones of one kind once.
names() { sed -E 's/[0-9]+/N/g' "$1"; }
# in_order OURS THEIRS: every line of ours is in theirs, in their order.
in_order()
{
	awk 'BEGIN { at = 0 } NR == FNR { line[n++] = $0; next }
		at < n && $0 == line[at] { at++ }
		END { if (at < n) print "# not there: " line[at]; exit at < n }' <(names "$1") <(names "$2")
}
for file in vmstat zoneinfo; do
	in_order "$new/snaps/00-start/$file" $recorded/$file
	verdict "$file: lines of Linux, in its order, in its layout" $?
done
[ "$(wc -l <"$new/vmstat")" -gt 30 ] && grep -q '^pgalloc_dma32 [1-9]' "$new/vmstat" &&
	grep -q '^pgfree [1-9]' "$new/vmstat"
verdict "counters of the run are in vmstat" $?
for part in pages managed protection count: batch: start_pfn; do
	grep -q "^ .*$part" "$new/zoneinfo"
	verdict "zoneinfo has $part" $?
done

# free_pages FILE NODE ZONE: of buddyinfo or zoneinfo.
buddy_pages() { awk -v n="$2," -v z="$3" '$2 == n && $4 == z { for (o = 0; o < 11; o++) sum += $(5 + o) * 2 ^ o } END { print sum }' "$1"; }
zone_pages() { awk -v n="$2," -v z="$3" '/^Node/ { here = $2 == n && $4 == z } here && /pages free/ { print $3 }' "$1"; }
for when in . snaps/03-after; do
	for node in 0 1; do
		free=$(buddy_pages "$new/$when/buddyinfo" $node DMA32)
		[ -n "$free" ] && [ "$free" = "$(zone_pages "$new/$when/zoneinfo" $node DMA32)" ]
		verdict "$when, node $node: buddyinfo and zoneinfo agree on what is free" $?
	done
done
"$KMEMSIM" replay $trace --db none --slabinfo "$SCRATCH/slabinfo" 2>"$SCRATCH.err"
without=$(digest)
cmp -s "$SCRATCH/slabinfo" "$new/slabinfo"
verdict "slabinfo is what --slabinfo writes" $?
[ -n "$with" ] && [ "$with" = "$without" ]
verdict "looking changes nothing: the same digest" $?

# --- at the marks of the recording
[ "$(cd "$new/snaps" && echo *)" = "00-start 01-before 02-cache_full 03-after 04-after_shrunk" ]
verdict "a folder for each snapshot" $?
cmp -s "$new/snaps/02-cache_full/buddyinfo" "$new/buddyinfo"
[ $? = 1 ]
verdict "which says what was then" $?

# --- other allocators, other loads
run $trace --pages bitmap --proc "$SCRATCH/bitmap" &&
	[ "$(awk '/type (Unmovable|Reclaimable)/ { for (o = 0; o < 11; o++) n += $(7 + o) } END { print n + 0 }' \
		"$SCRATCH/bitmap/pagetypeinfo")" = 0 ] && grep -q 'min      0$' "$SCRATCH/bitmap/zoneinfo"
verdict "an allocator without types and marks says so" $?
cat >"$SCRATCH/load.yaml" <<'YAML'
kmemsim: workload/1
duration: 20ms
jobs:
  pages: {generator: poisson, rate: 10k/s, pages: {order: 0, gfp: GFP_KERNEL}, lifetime: 1ms}
YAML
run "$SCRATCH/load.yaml" --proc "$SCRATCH/made" && [ "$(ls "$SCRATCH/made/snaps")" = 00-start ]
verdict "a made-up load has no snapshots" $?

# --- a store, as if it were a device's pool; what zram0 said is in the recording
zram=$SCRATCH/zram
run traces/samples/small-zram.kmt --store zsmalloc --proc "$zram"
verdict "a replay with a store" $?
# stat FOLDER COLUMN...: of mm_stat.
stat() { awk -v columns="${*:2}" '{ n = split(columns, at, " "); for (i = 1; i <= n; i++) printf "%s ", $at[i] }' "$zram/$1/mm_stat"; }
[ "$(stat snaps/02-filled 2 3 7 8 9)" = "9312155 10047488 0 577 577 " ]
verdict "mm_stat of the filled device, as recorded" $?
[ "$(stat . 2 3 7 8 9)" = "10444307 11165696 86 912 1010 " ]
verdict "mm_stat of the compacted device, as recorded" $?
[ "$(stat snaps/01-before 1 2 3 4 5 6 7 8 9)" = "0 0 0 0 0 0 0 0 0 " ]
verdict "mm_stat of an empty device" $?
head -1 "$zram/classes" | grep -q '^ class  size almost_full almost_empty obj_allocated   obj_used pages_used pages_per_zspage freeable$'
verdict "classes begin as in Linux" $?
awk -v bytes="$(stat . 3)" -v objects="$(stat . 1)" '$1 == "Total" { total = $2 " " $3 " " $4 " " $5 " " $6 " " $7 }
	$1 ~ /^[0-9]+$/ { for (i = 3; i <= 7; i++) sum[i] += $i; freeable += $9 }
	END { exit total != sum[3] " " sum[4] " " sum[5] " " sum[6] " " sum[7] " " freeable ||
		sum[7] * 4096 != bytes || sum[6] * 4096 != objects }' "$zram/classes"
verdict "classes add up, to what mm_stat says" $?
[ -e "$new/vmstat" ] && [ ! -e "$new/mm_stat" ] && [ ! -e "$new/classes" ]
verdict "without a store there is neither" $?

# --- all or nothing
run $trace --proc "$new" && [ -s "$new/buddyinfo" ]
verdict "an earlier result is replaced" $?
mkdir "$SCRATCH/theirs" && echo important >"$SCRATCH/theirs/notes"
refused "a folder with other people's files" "holds other files" "$KMEMSIM" replay $trace --db none --proc "$SCRATCH/theirs"
refused "a folder that cannot be made" "$SCRATCH/none" "$KMEMSIM" replay $trace --db none --proc "$SCRATCH/none/proc"
refused "a run that is refused leaves no folder" "no.such" \
	"$KMEMSIM" replay $trace --db none --slab no.such --proc "$SCRATCH/never"

# --- other recordings, where they are
for name in small-{forkstorm,fstree,hackbench,zram}; do
	recording=${KMEMSIM_RECORDINGS:-../shared/traces}/$name
	if [ ! -f "$recording/snaps/01-before/pagetypeinfo" ]; then
		skip "$name: buddyinfo and pagetypeinfo of the recorded state" "no recording"
		continue
	fi
	"$KMEMSIM" import "$recording" -o "$SCRATCH/$name.kmt" >/dev/null 2>&1
	as_recorded "$name" "$SCRATCH/$name.kmt" "$recording/snaps/01-before"
done
