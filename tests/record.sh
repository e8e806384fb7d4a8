# kmemsim record against a kernel of files and a stand-in for trace-cmd: what it refuses, what it does, what
# is in the archive.
. tests/shell_lib

fake=$SCRATCH/fake
bin=$SCRATCH/bin
out=$SCRATCH/rec.kmr.tar.zst
mkdir -p "$fake"/proc "$fake"/sys/{kernel/slab/{dentry,filp},devices/system/node/node0} "$bin"
tracefs=$fake/sys/kernel/tracing
for event in kmem/{kmalloc,kfree,kmem_cache_alloc,kmem_cache_free,mm_page_alloc,mm_page_free,mm_page_free_batched,rss_stat} \
	compaction/mm_compaction_begin sched/sched_process_fork; do
	mkdir -p "$tracefs/events/$event"
	echo 0 >"$tracefs/events/$event/enable"
done
echo 1 >"$tracefs/tracing_on"
echo nop >"$tracefs/current_tracer"
echo '[local] global counter mono' >"$tracefs/trace_clock"
echo 1410 >"$tracefs/buffer_size_kb"
: >"$tracefs/set_event"
: >"$tracefs/trace_marker"
for cpu in 0 1; do
	mkdir -p "$tracefs/per_cpu/cpu$cpu"
	printf 'entries: 0\noverrun: 0\ncommit overrun: 0\nbytes: 1\ndropped events: 0\nread events: 9\n' \
		>"$tracefs/per_cpu/cpu$cpu/stats"
done

cat >"$fake/proc/slabinfo" <<'END'
slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>
dentry               100    105    192   21    1 : tunables    0    0    0 : slabdata      5      5      0
filp                  10     16    256   16    1 : tunables    0    0    0 : slabdata      1      1      0
END
echo 'Node 0, zone    DMA32      1      0      1      0      2      1      1      0      1      1      3' \
	>"$fake/proc/buddyinfo"
printf 'MemTotal: 2000000 kB\nMemAvailable: 1000000 kB\n' >"$fake/proc/meminfo"
echo 'nr_free_pages 12' >"$fake/proc/vmstat"
cat >"$fake/proc/zoneinfo" <<'END'
Node 0, zone    DMA32
  pages free     1000
        min      10
        low      20
        high     30
        spanned  524288
        present  524288
        managed  500000
  start_pfn:           0
END
echo 'Linux version 6.1.0' >"$fake/proc/version"
printf 'CONFIG_HZ_300=y\nCONFIG_HZ=300\n' | gzip >"$fake/proc/config.gz"
echo 'quiet' >"$fake/proc/cmdline"
ln -s /proc/uptime "$fake/proc/uptime"
printf '0-1\n' >"$fake/sys/devices/system/node/node0/cpulist"
printf '10\n' >"$fake/sys/devices/system/node/node0/distance"
printf 'Node 0 MemTotal:  2000000 kB\n' >"$fake/sys/devices/system/node/node0/meminfo"
for cache in dentry filp; do
	for column in slabs total_objects objects partial cpu_slabs objects_partial; do
		echo '5 N0=5' >"$fake/sys/kernel/slab/$cache/$column"
	done
	echo '0(0)' >"$fake/sys/kernel/slab/$cache/slabs_cpu_partial"
	: >"$fake/sys/kernel/slab/$cache/shrink"
	for column in object_size slab_size objs_per_slab order cpu_partial min_partial align; do
		echo 8 >"$fake/sys/kernel/slab/$cache/$column"
	done
done
ln -s dentry "$fake/sys/kernel/slab/other" # an alias: not shrunk twice
echo 'init_once+0x0/0x10' >"$fake/sys/kernel/slab/filp/ctor"

cat >"$bin/trace-cmd" <<'END'
#!/bin/bash
# Turns tracing on, writes a trace where it was told to, ends on SIGINT.
printf '%s\n' "$*" >"$FAKE/trace-cmd.args"
[ -z "${TRACE_CMD_FAILS:-}" ] || { echo "trace-cmd: no memory" >&2; exit 1; }
while [ $# -gt 0 ]; do
	[ "$1" != -o ] || out=$2
	shift
done
trap 'echo ended >>"$FAKE/trace-cmd.args"; cp "$FAKE/trace.dat" "$out"; rm "$out.cpu0"; exit 0' INT
echo data >"$out.cpu0"
echo 1 >"$KMEMSIM_SYS/kernel/tracing/events/kmem/kfree/enable"
echo 1 >"$KMEMSIM_SYS/kernel/tracing/tracing_on"
while :; do sleep 0.05; done
END
cat >"$bin/id" <<'END'
#!/bin/bash
echo "${FAKE_UID:-0}"
END
# The n-th time it is asked, the disk is full.
cat >"$bin/df" <<'END'
#!/bin/bash
n=$(($(cat "$FAKE/asked" 2>/dev/null || echo 0) + 1))
[ -z "${DISK_FULL_AT:-}" ] || echo $n >"$FAKE/asked"
free=${DISK_FREE_KIB:-8000000}
[ -z "${DISK_FULL_AT:-}" ] || [ $n -lt "$DISK_FULL_AT" ] || free=900000
printf 'Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/x 9000000 1 %s 1%% /\n' "$free"
END
chmod +x "$bin"/*
echo 'a trace' >"$fake/trace.dat"
export FAKE=$fake KMEMSIM_PROC=$fake/proc KMEMSIM_SYS=$fake/sys
path=$PATH
PATH=$bin:$PATH

# The kernel's files are plain here: what was written is all that they hold.
rested() { echo '[local] global counter mono' >"$tracefs/trace_clock"; }
record() { "$KMEMSIM" record -o "$out" "$@"; }
members() { zstd -dcq "$out" | tar -t | grep -v '/$' | sort; }
from_archive() { zstd -dcq "$out" | tar -x -O "rec/$1"; }
# record_until MARK OPTION...: Ctrl-C once the mark is in the trace. What runs behind a script's back ignores
# the signal, were it not told otherwise. It must not last as long as it was asked to.
record_until()
{
	local mark=$1 recorder
	shift
	: >"$tracefs/trace_marker"
	rested
	SECONDS=0
	env --default-signal=INT "$KMEMSIM" record -o "$out" --duration 5min "$@" \
		>"$SCRATCH.out" 2>"$SCRATCH.err" &
	recorder=$!
	while kill -0 $recorder 2>/dev/null && ! grep -q "$mark" "$tracefs/trace_marker"; do
		sleep 0.05
	done
	kill -INT $recorder
	wait $recorder && [ $SECONDS -lt 300 ] && [ ! -s "$SCRATCH.err" ]
}

succeeds "help" "$KMEMSIM" help record
[ "$(head -1 "$SCRATCH.out" | cut -d: -f1)" = record ]
verdict "from its first line" $?

# --- what it refuses
refused "no output" "-o NAME.kmr.tar.zst is missing" "$KMEMSIM" record --duration 1s
refused "no end" "how long?" record
refused "unknown option" "unknown option '--buffers'" record --buffers 1MiB
refused "value missing" "--duration needs a value" record --duration
refused "time without a unit" "a time needs a unit" record --duration 10
refused "no time" "a time like 30s is needed" record --duration soon
refused "no time at all" "a time like 30s is needed" record --duration 0s
refused "size without a unit" "a size needs a unit" record --duration 1s --buffer 64
refused "no size" "a size like 64MiB is needed" record --duration 1s --max-size=big
refused "command without --" "stands behind --" record ls
refused "labels without every" "goes with --every" record --duration 1s --labels a
refused "no label" "'a b': letters, digits and _ only" record --duration 1s --every 1s --labels "x,a b"
FAKE_UID=1000 refused "not root" "only root can trace the kernel" record --duration 1s
refused "no bash" "cannot run bash" env PATH=/nonexistent "$KMEMSIM" record --duration 1s -o "$out"
KMEMSIM_SYS=$SCRATCH/nothing refused "no tracefs" "mount -t tracefs" record --duration 1s
mkdir "$SCRATCH/few"
for program in bash id df grep dirname cat; do
	ln -s "$(PATH=$bin:$path command -v $program)" "$SCRATCH/few/$program"
done
refused "no trace-cmd" "trace-cmd is not installed" env PATH="$SCRATCH/few" "$KMEMSIM" record -o "$out" --duration 1s
mv "$tracefs/events/kmem/kfree" "$tracefs/kfree"
refused "an event is missing" "no event kmem:kfree" record --duration 1s
mv "$tracefs/kfree" "$tracefs/events/kmem/kfree"
echo function >"$tracefs/current_tracer"
refused "a tracer is on" "the tracer 'function' is in use" record --duration 1s
echo nop >"$tracefs/current_tracer"
echo sched:sched_switch >"$tracefs/set_event"
refused "someone traces" "events are being traced already (sched:sched_switch" record --duration 1s
: >"$tracefs/set_event"
DISK_FREE_KIB=900000 refused "little disk" "only 878MiB are free: 1280MiB are needed" record --duration 1s
refused "no folder" "no folder one can write to" "$KMEMSIM" record -o "$SCRATCH/no/x.tar.zst" --duration 1s
refused "buffers too large" "more than half of the memory" record --duration 1s --buffer 300MiB
echo old >"$out"
refused "the archive exists" "exists already" record --duration 1s
rm "$out"
before=$(inventory)
succeeds "dry run" record --duration 5s --every 2s --dry-run
says "it tells of the events" "kmem:kmalloc"
says "of buffers" "KiB of buffer a CPU"
[ "$before" = "$(inventory)" ]
verdict "and changes nothing" $?

# --- what it does
cat >"$SCRATCH/load" <<'END'
"$KMEMSIM_SNAP" middle && echo "middle done" >"$1"
"$KMEMSIM_SNAP" 'no label!' 2>/dev/null && echo "taken" >"$1"
exit 3
END
(cd / && record -- bash "$SCRATCH/load" "$SCRATCH/said") >"$SCRATCH.out" 2>"$SCRATCH.err"
verdict "a command is recorded" $?
says "the archive is told of" "4 snapshots"
grep -q "the command ended with exit code 3" "$SCRATCH.err"
verdict "and how the command ended" $?
[ "$(cat "$SCRATCH/said")" = "middle done" ]
verdict "the command takes a snapshot" $?
expected=$(
	printf 'rec/%s\n' META slab_static.tsv trace.dat
	for snap in 01-before 02-middle 03-after 04-after_shrunk; do
		printf "rec/snaps/$snap/%s\n" buddyinfo meminfo slab_sysfs.tsv slabinfo times vmstat zoneinfo
		[[ $snap = *middle || $snap = *after ]] || echo "rec/snaps/$snap/slabinfo0"
	done
)
diff <(members) <(sort <<<"$expected") | sed "s/^/# /"
[ "$(members)" = "$(sort <<<"$expected")" ]
verdict "every file is there" $?
from_archive META | grep -q '^  node0: cpus=0-1 distance=10 Node 0 MemTotal: 2000000 kB$' &&
	from_archive META | grep -q '^lost_total: 0 ' && from_archive META | grep -q '(exit 3)$'
verdict "META tells of nodes, losses, the command" $?
from_archive META | grep -qx 'hz: 300'
verdict "META tells the kernel's tick" $?
[ "$(from_archive slab_static.tsv | tail -1)" = "$(printf 'filp\t8\t8\t8\t8\t8\t8\t8\t0\t0\t0\t0\t0\t0\tinit_once+0x0/0x10')" ]
verdict "slab_static.tsv, with zeroes for what the kernel lacks" $?
from_archive snaps/01-before/slab_sysfs.tsv | cmp -s - <(
	printf '%s\t' cache slabs total_objects objects partial cpu_slabs objects_partial
	printf 'slabs_cpu_partial\n'
	for cache in dentry filp; do
		printf "$cache"
		printf '\t5 N0=5%.0s' 1 2 3 4 5 6
		printf '\t0(0)\n'
	done
)
verdict "slab_sysfs.tsv" $?
from_archive snaps/02-middle/slabinfo | cmp -s - "$fake/proc/slabinfo"
verdict "slabinfo as it is" $?
expected=$(
	for label in before middle after after_shrunk; do
		files="slab_sysfs vmstat meminfo zoneinfo buddyinfo slabinfo"
		[[ $label = middle || $label = after ]] || files="shrink slabinfo0 $files"
		for file in $files; do
			printf 'SNAP %s %s %s\n' $label begin $file $label end $file
		done
	done
)
[ "$(cat "$tracefs/trace_marker")" = "$expected" ]
verdict "marks, in order" $?
[ "$(cat "$fake/sys/kernel/slab/dentry/shrink")" = 1 ]
verdict "the caches are shrunk" $?
grep -q -- '-C mono -b 62500 -o .*/rec/trace.dat -e kmem:kfree ' "$fake/trace-cmd.args" &&
	grep -q -- '-e compaction:mm_compaction_begin' "$fake/trace-cmd.args" &&
	! grep -q rss_stat "$fake/trace-cmd.args" && grep -q ended "$fake/trace-cmd.args"
verdict "trace-cmd was told what to record, and ended" $?
[ "$(cat "$tracefs/buffer_size_kb" "$tracefs/trace_clock" "$tracefs/tracing_on" | tr '\n' ' ')" = "1410 local 1 " ]
verdict "the tracer is as it was" $?
left() { find "$SCRATCH" -maxdepth 1 -name '.*' ! -path "$SCRATCH"; }
[ -z "$(left)" ]
verdict "nothing is left" $?

# Its snapshots and a trace with their marks are of one recording.
mkdir "$SCRATCH/x"
zstd -dcq "$out" | tar -x -C "$SCRATCH/x"
for snap in "$SCRATCH"/x/rec/snaps/*; do
	label=${snap##*/??-}
	while IFS=$'\t' read -r file from to; do
		for at in "begin $from" "end $to"; do
			printf 'snap-1 [001] %d.%09d: print: tracing_mark_write: SNAP %s %s %s\n' \
				$((${at#* } / 1000000000)) $((${at#* } % 1000000000)) "$label" "${at% *}" "${file%.tsv}"
		done
	done <"$snap/times"
done >"$SCRATCH/marks.txt"
succeeds "import takes its snapshots" "$KMEMSIM" import "$SCRATCH/marks.txt" -o "$SCRATCH/x.kmt" \
	--snapshots "$SCRATCH/x/rec"
cp "$SCRATCH/marks.txt" "$SCRATCH/x/rec/trace.dat" # whatever it is called, it is looked at
tar -C "$SCRATCH/x" -c rec | zstd -q >"$SCRATCH/whole.kmr.tar.zst"
succeeds "and the whole archive" "$KMEMSIM" import "$SCRATCH/whole.kmr.tar.zst" -o "$SCRATCH/y.kmt"
rm "$out"

record_until "SNAP t3 end slabinfo" --every 300ms --labels one,two --no-shrink
verdict "a while is recorded" $?
members | grep -o 'snaps/[^/]*' | uniq | tr '\n' ' ' |
	grep -qE '^snaps/01-before snaps/02-one snaps/03-two snaps/04-t3 (snaps/[0-9]*-t[0-9]* )*snaps/[0-9]*-after $'
verdict "snapshots at intervals, with their labels" $?
! grep -q shrink "$tracefs/trace_marker"
verdict "nothing is shrunk if told so" $?
rm "$out"

echo 'overrun: 5' >>"$tracefs/per_cpu/cpu1/stats"
rested
record --duration 100ms >"$SCRATCH.out" 2>"$SCRATCH.err"
[ $? = 1 ] && grep -q "5 events were lost: record again with --buffer 122MiB" "$SCRATCH.err" && [ -s "$out" ]
verdict "lost events are told of" $?
sed -i '$d' "$tracefs/per_cpu/cpu1/stats"
rm "$out"

rested
DISK_FULL_AT=2 record --duration 1min >"$SCRATCH.out" 2>"$SCRATCH.err"
grep -q "the disk is nearly full" "$SCRATCH.err" && [ -z "$(left)" ]
verdict "a disk that fills ends the recording" $?
rm -f "$out" "$fake/asked"

rested
DISK_FULL_AT=99 record --duration 1min --max-size 0KiB >"$SCRATCH.out" 2>"$SCRATCH.err"
[ $? = 0 ] && grep -q "ended early: the trace has reached 0MiB" "$SCRATCH.err" && [ -s "$out" ]
verdict "so does the largest size allowed" $?
rm -f "$out" "$fake/asked" "$fake/trace-cmd.args"

echo 0 >"$tracefs/events/kmem/kfree/enable"
rested
TRACE_CMD_FAILS=yes record --duration 1s >"$SCRATCH.out" 2>"$SCRATCH.err"
[ $? = 2 ] && grep -q "trace-cmd does not start: trace-cmd: no memory" "$SCRATCH.err" && [ ! -e "$out" ] && [ -z "$(left)" ]
verdict "trace-cmd that fails" $?

mkdir -p "$tracefs/events/gt/zs_malloc" "$fake/sys/block/zram0"
echo 0 >"$tracefs/events/gt/zs_malloc/enable"
echo '  4096 1000 4096 0 4096 0 0 0 0' >"$fake/sys/block/zram0/mm_stat"
rested
record --duration 100ms >"$SCRATCH.out" 2>"$SCRATCH.err"
grep -q -e '-e gt:zs_malloc' "$fake/trace-cmd.args" && zstd -dcq "$out" | tar -xO rec/mm_stat >"$SCRATCH.mm_stat" &&
	grep -Eqx 'before zram0 +4096 1000 4096 0 4096 0 0 0 0 [0-9]+\.[0-9]+' "$SCRATCH.mm_stat" &&
	grep -q '^after zram0 ' "$SCRATCH.mm_stat"
verdict "with probes of zsmalloc: them, and zram's mm_stat" $?
rm -r "$out" "$tracefs/events/gt"

record_until "SNAP before end slabinfo"
verdict "Ctrl-C ends the recording" $?
members | grep -q after_shrunk/slabinfo0
verdict "in good order" $?
