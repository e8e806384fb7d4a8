#!/bin/bash
# kmemsim record: records the memory events of this machine, with snapshots, into one archive that
# `kmemsim import` reads. Stands alone: copy it to a machine that has bash, trace-cmd, tar and zstd.
#
# What is in the archive, in one folder: trace.dat; META; slab_static.tsv; snaps/NN-LABEL/ with slabinfo,
# slab_sysfs.tsv, buddyinfo, pagetypeinfo, zoneinfo, vmstat, meminfo and, of each, when it was read
# (times). The trace holds a mark for each as well: "SNAP LABEL begin|end FILE".
#
# Order matters: `before` and `after_shrunk` are taken right after every cache was shrunk, so that slabinfo
# counts what lives and not what per-CPU lists hold back. The machine is left as it was found.
set -u
export LC_ALL=C

usage()
{
	cat <<'END'
usage: kmemsim record -o NAME.kmr.tar.zst [OPTION]... [--duration TIME | -- COMMAND [ARGUMENT]...]

Records kmem, compaction, reclaim and task events of the whole machine while COMMAND runs, or for a while,
with snapshots of slabs and free pages before and after. Needs root and trace-cmd. `kmemsim import` reads
the archive.

  -o, --output FILE     the archive to write; appears whole or not at all
      --duration TIME   how long to record (30s, 5min); with COMMAND: at most so long
      --every TIME      a snapshot at these intervals
      --labels A,B,...  what these snapshots are called (else t1, t2, ...)
      --no-shrink       do not shrink the caches: snapshots then count free objects as live
      --buffer SIZE     trace buffer of each CPU (default: by the memory that is free, at most 64MiB)
      --max-size SIZE   end the recording when the trace is so large (default 4GiB)
      --keep-free SIZE  end it when less of the disk is free (default 1GiB)
      --dry-run         say what would be done, and do nothing

A COMMAND takes a snapshot of its own with: "$KMEMSIM_SNAP" LABEL

Exit: 0 recorded, nothing lost; 1 recorded, but events were lost; 2 not recorded (standard error says why).
END
}

KIB=1024
MIB=$((1024 * KIB))
GIB=$((1024 * MIB))
# Where the kernel shows itself; other places for tests only.
PROC=${KMEMSIM_PROC:-/proc}
SYS=${KMEMSIM_SYS:-/sys}
BOOT=${KMEMSIM_BOOT:-/boot}
TRACEFS=${KMEMSIM_TRACEFS:-}

output= duration_ms= every_ms= labels=() shrink=yes buffer= max_size=$((4 * GIB)) keep_free=$GIB dry_run=
command=()
work= tracer= started= stop= reason=
declare -A saved

fail()
{
	echo "kmemsim record: $*" >&2
	exit 2
}

# "64MiB" -> bytes.
size()
{
	local number=${2%%[!0-9]*} unit=${2##*[0-9]}
	[ -n "$number" ] && [ ${#number} -le 6 ] && [ "$number$unit" = "$2" ] ||
		fail "$1 $2: a size like 64MiB is needed"
	case $unit in
	KiB) size_bytes=$((10#$number * KIB)) ;;
	MiB) size_bytes=$((10#$number * MIB)) ;;
	GiB) size_bytes=$((10#$number * GIB)) ;;
	*) fail "$1 $2: a size needs a unit: KiB, MiB or GiB" ;;
	esac
}

# "30s" -> milliseconds.
milliseconds()
{
	local number=${2%%[!0-9]*} unit=${2##*[0-9]}
	[ -n "$number" ] && [ ${#number} -le 7 ] && [ "$number$unit" = "$2" ] && [ $((10#$number)) -gt 0 ] ||
		fail "$1 $2: a time like 30s is needed"
	case $unit in
	ms) time_ms=$((10#$number)) ;;
	s) time_ms=$((10#$number * 1000)) ;;
	min) time_ms=$((10#$number * 60000)) ;;
	h) time_ms=$((10#$number * 3600000)) ;;
	*) fail "$1 $2: a time needs a unit: ms, s, min or h" ;;
	esac
}

parse()
{
	local option
	while [ $# -gt 0 ]; do
		option=$1
		if [[ $option = --?*=* ]]; then
			set -- "${option%%=*}" "${option#*=}" "${@:2}"
			continue
		fi
		case $option in
		-h | --help) usage && exit 0 ;;
		--dry-run) dry_run=yes && shift && continue ;;
		--no-shrink) shrink= && shift && continue ;;
		--) shift && command=("$@") && break ;;
		-o | --output | --duration | --every | --labels | --buffer | --max-size | --keep-free) ;;
		-*) fail "unknown option '$option': see \`kmemsim help record\`" ;;
		*) fail "'$option': a command to run stands behind --" ;;
		esac
		[ $# -gt 1 ] || fail "$option needs a value"
		case $option in
		-o | --output) output=$2 ;;
		--duration) milliseconds "$@" && duration_ms=$time_ms ;;
		--every) milliseconds "$@" && every_ms=$time_ms ;;
		--labels) IFS=, read -ra labels <<<"$2" ;;
		--buffer) size "$@" && buffer=$size_bytes ;;
		--max-size) size "$@" && max_size=$size_bytes ;;
		--keep-free) size "$@" && keep_free=$size_bytes ;;
		esac
		shift 2
	done
	[ -n "$output" ] || fail "-o NAME.kmr.tar.zst is missing"
	[ -n "$duration_ms" ] || [ ${#command[@]} -gt 0 ] ||
		fail "how long? --duration TIME, or a command behind --"
	[ -n "$every_ms" ] || [ ${#labels[@]} = 0 ] || fail "--labels goes with --every"
	local label
	for label in ${labels[@]+"${labels[@]}"}; do
		check_label "$label" || fail "--labels: '$label': letters, digits and _ only, at most 40"
	done
}

check_label()
{
	[ ${#1} -le 40 ] && [[ $1 =~ ^[A-Za-z0-9_]+$ ]]
}

# --- what is needed

need_program()
{
	command -v "$1" >/dev/null || fail "$1 is not installed (Debian: apt install $2)"
}

find_tracefs()
{
	local dir
	for dir in ${TRACEFS:-"$SYS/kernel/tracing" "$SYS/kernel/debug/tracing"}; do
		[ -w "$dir/tracing_on" ] && [ -w "$dir/trace_marker" ] && TRACEFS=$dir && return
	done
	fail "no tracefs: mount -t tracefs nodev /sys/kernel/tracing (or the kernel has no CONFIG_FTRACE)"
}

# Groups and events: what a replay needs; then what explains it, as far as this kernel has it. kmem/rss_stat
# comes with every page fault and says nothing of allocators.
choose_events()
{
	local event path
	for event in kmalloc kfree kmem_cache_alloc kmem_cache_free mm_page_alloc mm_page_free \
		mm_page_free_batched; do
		[ -e "$TRACEFS/events/kmem/$event/enable" ] ||
			fail "this kernel has no event kmem:$event ($TRACEFS/events/kmem)"
	done
	events=()
	for path in "$TRACEFS"/events/{kmem,compaction,vmscan}/*/enable "$TRACEFS"/events/gt/zs_*/enable \
		"$TRACEFS"/events/migrate/mm_migrate_pages{,_start}/enable \
		"$TRACEFS"/events/sched/sched_process_{fork,exec,exit}/enable; do
		[ -e "$path" ] || continue
		path=${path%/enable}
		event=${path##*/}
		path=${path%/*}
		[ "$event" = rss_stat ] || events+=("${path##*/}:$event")
	done
}

check_idle()
{
	local tracer_now line
	read -r tracer_now <"$TRACEFS/current_tracer"
	[ "$tracer_now" = nop ] || fail "the tracer '$tracer_now' is in use: tracing is for one at a time"
	if read -r line <"$TRACEFS/set_event"; then
		fail "events are being traced already ($line, ...): tracing is for one at a time"
	fi
	grep -qw mono "$TRACEFS/trace_clock" || fail "the kernel has no trace clock 'mono'"
}

free_bytes()
{
	local answer
	answer=$(df -Pk "$1") || return 1
	set -- ${answer##*$'\n'}
	echo $(($4 * KIB))
}

count_cpus()
{
	local dir
	nr_cpus=0
	for dir in "$TRACEFS"/per_cpu/cpu*; do
		[ -d "$dir" ] && nr_cpus=$((nr_cpus + 1))
	done
	[ $nr_cpus -gt 0 ] || fail "$TRACEFS/per_cpu tells of no CPU"
}

# An eighth of the memory that is available, at most 64 MiB a CPU.
choose_buffer()
{
	local key value rest available=0
	while read -r key value rest; do
		[ "$key" = MemAvailable: ] && available=$((value * KIB))
	done <"$PROC/meminfo"
	if [ -z "$buffer" ]; then
		buffer=$((available / 8 / nr_cpus))
		[ $buffer -le $((64 * MIB)) ] || buffer=$((64 * MIB))
	fi
	[ $buffer -ge $MIB ] || fail "too little memory is free for a trace buffer of 1MiB a CPU"
	[ $((buffer * nr_cpus)) -le $((available / 2)) ] ||
		fail "--buffer: $nr_cpus times $((buffer / MIB))MiB is more than half of the memory that is available"
}

check_disk()
{
	out_dir=$(dirname -- "$output")
	[ -d "$out_dir" ] && [ -w "$out_dir" ] || fail "$out_dir: no folder one can write to"
	[ ! -e "$output" ] || fail "$output: exists already"
	start_free=$(free_bytes "$out_dir") || fail "$out_dir: df does not say how much is free"
	[ $start_free -ge $((keep_free + 256 * MIB)) ] ||
		fail "$out_dir: only $((start_free / MIB))MiB are free: $((keep_free / MIB + 256))MiB are needed (--keep-free)"
}

check()
{
	[ "$(id -u)" = 0 ] || fail "only root can trace the kernel: run it with sudo"
	need_program trace-cmd trace-cmd
	need_program tar tar
	need_program zstd zstd
	find_tracefs
	choose_events
	check_idle
	count_cpus
	choose_buffer
	[ -r "$PROC/slabinfo" ] || fail "$PROC/slabinfo cannot be read"
	[ -d "$SYS/kernel/slab" ] || echo "kmemsim record: no $SYS/kernel/slab: snapshots are without it" >&2
	check_disk
}

plan()
{
	local every=
	[ -z "$every_ms" ] || every=", one every $every_ms ms"
	cat <<END
would record on $nr_cpus CPUs into $output
  events     ${#events[@]}: ${events[*]}
  tracefs    $TRACEFS, clock mono, $((buffer / KIB)) KiB of buffer a CPU
  until      ${command[*]:-the time is over}${duration_ms:+, at most $duration_ms ms}
  snapshots  before, after${shrink:+, after_shrunk (caches are shrunk)}$every
  ends at    $((max_size / MIB)) MiB of trace, or $((keep_free / MIB)) MiB free of $((start_free / MIB)) MiB
END
}

# --- snapshots

# CLOCK_MONOTONIC in ns: what the clock of the day is ahead of it is asked for at each snapshot.
read_clock_offset()
{
	local word now=
	[ ! -r "$PROC/timer_list" ] || while read -r word; do
		[[ $word =~ ^now\ at\ ([0-9]+)\ nsecs ]] && now=${BASH_REMATCH[1]} && break
	done <"$PROC/timer_list"
	if [ -z "$now" ]; then
		read -r word _ <"$PROC/uptime"
		now=$((10#${word/./} * 10000000))
	fi
	clock_offset=$((10#${EPOCHREALTIME/[.,]/} * 1000 - now))
}

mark()
{
	printf 'SNAP %s %s %s\n' "$label" "$1" "$2" >>"$TRACEFS/trace_marker"
}

# timed MARK FILE COMMAND...: between marks; FILE and when it was made go into `times`.
timed()
{
	local what=$1 file=$2 from to
	shift 2
	mark begin "$what"
	from=$((10#${EPOCHREALTIME/[.,]/} * 1000 - clock_offset))
	"$@"
	to=$((10#${EPOCHREALTIME/[.,]/} * 1000 - clock_offset))
	mark end "$what"
	printf '%s\t%s\t%s\n' "$file" $from $to >>"$snap/times"
}

shrink_all()
{
	local file
	for file in "$SYS"/kernel/slab/*/shrink; do
		[ -L "${file%/*}" ] || echo 1 2>/dev/null >"$file"
	done
}

copy()
{
	cat "$PROC/$1" >"$snap/${2:-$1}"
}

# The names of caches, as slabinfo and the trace have them.
cache_names()
{
	local name rest
	while read -r name rest; do
		case $name in
		slabinfo | '#') ;;
		*) [ -d "$SYS/kernel/slab/$name" ] && printf '%s\n' "$name" ;;
		esac
	done <"$PROC/slabinfo"
}

# cache_table COLUMN...: one line a cache; the files of sysfs have the columns' names.
cache_table()
{
	local name column value line=cache
	for column in "$@"; do
		line+=$'\t'$column
	done
	printf '%s\n' "$line"
	cache_names | while read -r name; do
		line=$name
		for column in "$@"; do
			value=
			read -r value 2>/dev/null <"$SYS/kernel/slab/$name/$column"
			if [ "$column" = ctor ]; then
				value=${value:--}
			fi
			line+=$'\t'${value:-0}
		done
		printf '%s\n' "$line"
	done
}

slab_sysfs()
{
	cache_table slabs total_objects objects partial cpu_slabs objects_partial slabs_cpu_partial \
		>"$snap/slab_sysfs.tsv"
}

# With probes of zsmalloc, what zram says of its store.
read_mm_stat()
{
	local from=$SYS/block/zram0/mm_stat uptime
	[ -r "$from" ] && [[ " ${events[*]} " = *" gt:zs_malloc "* ]] || return 0
	read -r uptime _ <"$PROC/uptime"
	echo "$label zram0 $(cat "$from") $uptime" >>"$folder/mm_stat"
}

# snapshot LABEL [shrink]
snapshot()
{
	local file
	label=$1
	nr_snaps=$((nr_snaps + 1))
	snap=$(printf '%s/snaps/%02d-%s' "$folder" $nr_snaps "$label")
	mkdir -p "$snap" || return
	read_clock_offset
	if [ "${2:-}" = shrink ]; then
		timed shrink shrink shrink_all
		timed slabinfo0 slabinfo0 copy slabinfo slabinfo0
	fi
	[ ! -d "$SYS/kernel/slab" ] || timed slab_sysfs slab_sysfs.tsv slab_sysfs
	for file in vmstat meminfo zoneinfo pagetypeinfo buddyinfo slabinfo; do
		[ ! -r "$PROC/$file" ] || timed $file $file copy $file
	done
	read_mm_stat
}

# --- recording

save_state()
{
	local name
	for name in tracing_on buffer_size_kb trace_clock; do
		read -r saved[$name] <"$TRACEFS/$name"
	done
	saved[buffer_size_kb]=${saved[buffer_size_kb]%% *}
	saved[trace_clock]=${saved[trace_clock]#*[}
	saved[trace_clock]=${saved[trace_clock]%%]*}
}

restore_state()
{
	local name
	for name in trace_clock buffer_size_kb tracing_on; do
		[ -z "${saved[$name]:-}" ] || echo "${saved[$name]}" 2>/dev/null >"$TRACEFS/$name"
	done
}

end_tracer()
{
	[ -n "$tracer" ] || return 0
	kill -INT "$tracer" 2>/dev/null
	wait "$tracer"
	tracer_status=$?
	tracer=
}

# However it ends: nothing runs on, nothing is left behind.
clean_up()
{
	trap - EXIT INT TERM
	[ -z "${child:-}" ] || kill "$child" 2>/dev/null
	if [ -n "$tracer" ]; then
		kill -INT "$tracer" 2>/dev/null
		for _ in {1..50}; do
			kill -0 "$tracer" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL "$tracer" 2>/dev/null
		wait "$tracer" 2>/dev/null
	fi
	[ -z "$started" ] || restore_state
	[ -z "$work" ] || rm -rf "$work"
}

is_on()
{
	local on event
	read -r on <"$TRACEFS/tracing_on"
	read -r event <"$TRACEFS/events/kmem/kfree/enable"
	[ "$on" = 1 ] && [ "$event" = 1 ]
}

start_tracer()
{
	local event options=()
	for event in "${events[@]}"; do
		options+=(-e "$event")
	done
	save_state
	started=yes
	echo 0 >"$TRACEFS/tracing_on"
	# Its own threads' allocations belong to the picture (--no-filter). In a process group of its own
	# (set -m): Ctrl-C is to end the recording in good order, and without it bash would have it
	# ignore the SIGINT that ends it.
	set -m
	trace-cmd record -q --no-filter -C mono -b $((buffer / KIB)) -o "$folder/trace.dat" \
		"${options[@]}" >"$work/trace-cmd.log" 2>&1 </dev/null &
	tracer=$!
	set +m
	for _ in {1..100}; do
		is_on && return
		kill -0 "$tracer" 2>/dev/null || break
		sleep 0.1
	done
	fail "trace-cmd does not start: $(tr '\n' ' ' <"$work/trace-cmd.log" | cut -c 1-300)"
}

# "$KMEMSIM_SNAP" LABEL asks through one pipe and waits at another.
make_snap_program()
{
	mkfifo "$work/ask" "$work/done"
	cat >"$work/snap" <<END
#!/bin/bash
[[ "\${1:-}" =~ ^[A-Za-z0-9_]{1,40}\$ ]] || { echo "usage: \$0 LABEL (letters, digits, _)" >&2; exit 2; }
echo "\$1" >"$work/ask" && read -r _ <"$work/done"
END
	chmod +x "$work/snap"
	export KMEMSIM_SNAP=$work/snap
	exec 3<>"$work/ask" 4<>"$work/done"
}

now_ms()
{
	ms=$((10#${EPOCHREALTIME/[.,]/} / 1000))
}

trace_bytes()
{
	local bytes total=0
	for bytes in $(stat -c %s "$folder"/trace.dat* 2>/dev/null); do
		total=$((total + bytes))
	done
	echo $total
}

# trace-cmd puts the CPUs' files together at the end: as much again is needed.
watch_disk()
{
	local used free
	used=$(trace_bytes)
	free=$(free_bytes "$out_dir")
	if [ "$used" -ge $max_size ]; then
		reason="the trace has reached $((max_size / MIB))MiB (--max-size)"
	elif [ "${free:-0}" -lt $((keep_free + used)) ]; then
		reason="the disk is nearly full (--keep-free $((keep_free / MIB))MiB)"
	fi
}

periodic()
{
	nr_periodic=$((nr_periodic + 1))
	snapshot "${labels[nr_periodic - 1]:-t$nr_periodic}"
}

run_until_end()
{
	local wanted begin next_look next_snap
	now_ms
	begin=$ms next_look=$((ms + 1000)) next_snap=$((ms + ${every_ms:-0})) nr_periodic=0
	while [ -z "$stop" ] && [ -z "$reason" ]; do
		if read -r -t 0.1 -u 3 wanted && check_label "$wanted"; then
			while read -r -t 0.01 -u 4; do :; done # answers nobody waited for
			snapshot "$wanted"
			echo >&4
		fi
		now_ms
		[ -z "$child" ] || kill -0 "$child" 2>/dev/null || break
		[ -z "$duration_ms" ] || [ $((ms - begin)) -lt $duration_ms ] || break
		[ -z "$every_ms" ] || [ $ms -lt $next_snap ] || { periodic && next_snap=$((next_snap + every_ms)); }
		kill -0 "$tracer" 2>/dev/null || reason="trace-cmd has ended"
		[ $ms -lt $next_look ] || { watch_disk && next_look=$((ms + 1000)); }
	done
	command_status=
	if [ -n "$child" ]; then
		kill "$child" 2>/dev/null
		wait "$child"
		command_status=$?
		child=
	fi
}

# Sums what the kernel lost, CPU by CPU; `lost_detail` for META.
count_lost()
{
	local dir line
	lost=0 lost_detail=
	for dir in "$TRACEFS"/per_cpu/cpu*; do
		while IFS= read -r line; do
			case $line in
			overrun:* | 'commit overrun:'* | 'dropped events:'*)
				lost=$((lost + ${line##*: }))
				lost_detail+="${dir##*/}: $line;"
				;;
			esac
		done <"$dir/stats"
	done
}

about_nodes()
{
	local dir node cpus distance total
	for dir in "$SYS"/devices/system/node/node[0-9]*; do
		[ -d "$dir" ] || continue
		node=${dir##*/}
		cpus= distance= total=
		read -r cpus <"$dir/cpulist"
		read -r distance <"$dir/distance"
		total=$(grep MemTotal "$dir/meminfo" | tr -s ' ')
		echo "  $node: cpus=$cpus distance=$distance $total"
	done
}

# The kernel's tick, if its configuration is at hand.
about_hz()
{
	{ zcat "$PROC/config.gz" || cat "$BOOT/config-$(uname -r)"; } 2>/dev/null | sed -n 's/^CONFIG_HZ=/hz: /p'
}

write_meta()
{
	cat <<END
name: $name
kernel: $(cat "$PROC/version")
cmdline: $(cat "$PROC/cmdline")
nodes:
$(about_nodes)
$(about_hz)
trace_clock: mono (timestamps = CLOCK_MONOTONIC seconds; same base as snaps/*/times, in ns)
buffer_kb: $((buffer / KIB)) a CPU
lost_total: $lost   (must be 0)
lost: $lost_detail
ended: ${reason:-as asked for}
command: ${command[*]:-none}${command_status:+ (exit $command_status)}
snapshots: $(cd "$folder/snaps" && echo *)
END
}

pack()
{
	local part=$work/archive bytes free
	bytes=$(du -sk "$folder" | cut -f 1)
	free=$(free_bytes "$out_dir")
	[ "$free" -gt $((bytes * KIB + 16 * MIB)) ] ||
		fail "$out_dir: the disk is too full to pack $((bytes / KIB))MiB"
	tar -C "$work" -c -f - "$name" | zstd -q -3 -o "$part" && [ "${PIPESTATUS[0]}" = 0 ] ||
		fail "packing failed: is the disk full?"
	mv "$part" "$output" || fail "$output: cannot be written"
}

record()
{
	child= lost=0 nr_snaps=0
	name=$(basename -- "$output")
	name=${name%.tar.zst}
	name=${name%.kmr}
	trap clean_up EXIT
	trap 'stop=yes' INT TERM
	work=$(mktemp -d "$out_dir/.$name.XXXXXX") || fail "$out_dir: cannot make a folder"
	work=$(cd "$work" && pwd)
	folder=$work/$name
	mkdir -p "$folder/snaps"
	make_snap_program
	cache_table object_size slab_size objs_per_slab order cpu_partial min_partial align destroy_by_rcu \
		reclaim_account hwcache_align cache_dma usersize remote_node_defrag_ratio ctor \
		>"$folder/slab_static.tsv"
	start_tracer
	snapshot before ${shrink:+shrink}
	if [ ${#command[@]} -gt 0 ]; then
		"${command[@]}" 3>&- 4>&- &
		child=$!
	fi
	run_until_end
	snapshot after
	[ -z "$shrink" ] || snapshot after_shrunk shrink
	echo 0 >"$TRACEFS/tracing_on"
	count_lost
	end_tracer
	[ -s "$folder/trace.dat" ] || fail "trace-cmd wrote nothing (exit $tracer_status): $(head -c 300 "$work/trace-cmd.log")"
	write_meta >"$folder/META"
	pack
}

say_result()
{
	echo "$output: $(($(stat -c %s "$output") / KIB)) KiB, $nr_snaps snapshots"
	[ -z "$reason" ] || echo "kmemsim record: ended early: $reason" >&2
	[ -z "$command_status" ] || [ "$command_status" = 0 ] ||
		echo "kmemsim record: the command ended with exit code $command_status" >&2
	[ "$lost" = 0 ] && return
	echo "kmemsim record: $lost events were lost: record again with --buffer $((2 * buffer / MIB))MiB or more" >&2
	return 1
}

parse "$@"
check
if [ -n "$dry_run" ]; then
	plan
	exit 0
fi
record
say_result
