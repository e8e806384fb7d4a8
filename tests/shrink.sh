# Requests to shrink, and objects that move out of their way: every live object keeps its contents (the replay
# asserts it at each move, at frees and at --check), whatever stack is under it.
. tests/shell_lib

db=$SCRATCH/results.db
# The load: 20,000 objects of 256 bytes on one CPU, of which one in ten stays; then a shrink, and another one
# when nothing is in limbo any more.
load()
{
	cat <<END2
kmemsim: workload/1
duration: 500ms
defaults: {cpus: 0, free_cpu: any}
jobs:
  most: {generator: poisson, rate: 180k/s, duration: 100ms, lifetime: 100ms, cache: {name: c, size: 256B, movable: $1}}
  rest: {generator: poisson, rate: 20k/s, duration: 100ms, lifetime: forever, cache: {name: c, size: 256B, movable: $1}${2:-}}
  shrinks: {generator: periodic, every: 100ms, start: 250ms, shrink: all}
END2
}
load on >"$SCRATCH/movable.yaml"
load on ", pinned: 5%" >"$SCRATCH/pinned.yaml"
load on ", pinned: 100%" >"$SCRATCH/rigid.yaml"
load off >"$SCRATCH/fixed.yaml"

# replay LOAD SLAB [OPTIONS]: the digest
replay()
{
	rm -f "$db"
	"$KMEMSIM" replay "$1" --slab "$2" --db "$db" --machine configs/machine-laptop.yaml "${@:3}" 2>&1 |
		grep -o 'digest [0-9a-f]*'
}
figure()
{
	sqlite3 "$db" "SELECT CAST(value AS INTEGER) FROM summary_view WHERE metric = '$1' AND layer = ''"
}
# Slabs of the cache at the end: what they are now, and how many would do.
slabs()
{
	sqlite3 "$db" "SELECT num_slabs FROM slab_view WHERE cache = 'c' ORDER BY t_ns DESC LIMIT 1"
}
least()
{
	sqlite3 "$db" "SELECT ($(figure live_objs_end) + objperslab - 1) / objperslab FROM slab_view WHERE cache = 'c' LIMIT 1"
}

# --- with every object movable, what is left is at most one partial slab
for slab in slabifier queued_slab forward:slabifier debug:slabifier rcu:slabifier caching:slabifier dma:slabifier \
	debug:caching:slabifier "slabifier(min_order=2,cpu_partial=0)"; do
	digest=$(replay "$SCRATCH/movable.yaml" "$slab" --check 1000)
	[ -n "$digest" ] && [ "$(figure shrink_moved_objs)" -gt 0 ]
	verdict "$slab: objects move" $?
	[ "$(figure shrink_moved_bytes)" = $(($(figure shrink_moved_objs) * 256)) ]
	verdict "$slab: so many bytes" $?
	[ "$(slabs)" = "$(least)" ]
	verdict "$slab: $(slabs) slabs are left, $(least) would do" $?
	[ "$digest" = "$(replay "$SCRATCH/movable.yaml" "$slab")" ]
	verdict "$slab: the same run again" $?
done

# --- pinned objects keep their slabs, and others may join them
replay "$SCRATCH/pinned.yaml" slabifier --check 1000 >/dev/null
pinned=$(slabs)
[ "$(figure shrink_pinned_objs)" -gt 0 ] && [ "$pinned" -gt "$(least)" ]
verdict "pinned: $(figure shrink_pinned_objs) objects hold on to their slabs" $?
replay "$SCRATCH/fixed.yaml" slabifier >/dev/null
fixed=$(slabs)
[ "$(figure shrink_moved_objs)" = 0 ] && [ "$fixed" -gt "$pinned" ]
verdict "no movers: only empty slabs go" $?
replay "$SCRATCH/rigid.yaml" slabifier >/dev/null
[ "$(figure shrink_moved_objs)" = 0 ] && [ "$(slabs)" = "$fixed" ]
verdict "all pinned is as good as no movers" $?
replay "$SCRATCH/movable.yaml" null >/dev/null
[ "$(figure shrink_moved_objs)" = 0 ]
verdict "null keeps nothing that could move" $?

# --- a trace carries it all
for load in movable pinned; do
	"$KMEMSIM" generate "$SCRATCH/$load.yaml" -o "$SCRATCH/$load.kmt" --machine configs/machine-laptop.yaml >/dev/null
	for slab in slabifier rcu:debug:slabifier; do
		run=$(replay "$SCRATCH/$load.yaml" "$slab")
		moved=$(figure shrink_moved_objs)
		[ -n "$run" ] && [ "$run" = "$(replay "$SCRATCH/$load.kmt" "$slab")" ] &&
			[ "$(figure shrink_moved_objs)" = "$moved" ]
		verdict "$load, $slab: the trace replays as the load runs" $?
	done
done

# --- a warm-up counts in no figure
sed 's/^duration: .*/&\nwarmup: 400ms/' "$SCRATCH/movable.yaml" >"$SCRATCH/warm.yaml"
replay "$SCRATCH/warm.yaml" slabifier >/dev/null
[ "$(figure shrink_moved_objs)" = 0 ] && [ "$(figure shrink_slabs)" = 0 ]
verdict "what shrank in the warm-up is not counted" $?

succeeds "the shipped experiment is sound" "$KMEMSIM" run configs/shrink.yaml --print
