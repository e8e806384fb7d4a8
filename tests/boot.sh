# The boot phase from the command line: early requests of the recorded boot, what is said of them, and that
# such a run repeats and resumes as any other.
. tests/shell_lib

db=$SCRATCH/results.db
boot=traces/samples/boot.kmt

# replay ARGUMENT...: standard error into $SCRATCH/said.
replay()
{
	"$KMEMSIM" replay "$@" --db "$db" 2>"$SCRATCH/said"
}

says()
{
	local found
	grep -qF -- "$2" "$SCRATCH/said"
	found=$?
	verdict "$1" $found
	[ $found = 0 ] || sed 's/^/# /' "$SCRATCH/said"
}

digest()
{
	sed -n 's/.* digest \([0-9a-f]*\),.*/\1/p' "$1"
}

# What the shipped experiment shows is looked at by experiments.sh.
experiment()
{
	"$KMEMSIM" run configs/early-kmalloc.yaml --db "$db" --only boot/early/1 "$@" >/dev/null 2>"$SCRATCH/said"
}
experiment
verdict "a run of the shipped experiment" $?
experiment --resume
says "--resume knows it again" "of these 1 runs, 0 are left"
experiment --resume --set 'stacks.early.pages=boot(until=kernel_init_freeable+0x183,before=):page_allocator'
says "not if the mark is another one" "of these 1 runs, 1 are left"
for metric in boot_bytes_wasted boot_pages_kept boot_requests; do
	"$KMEMSIM" list metrics | grep -q "^$metric " &&
		[ "$(sqlite3 "$db" "SELECT count(DISTINCT value) FROM summary_view WHERE metric = '$metric'")" = 2 ]
	verdict "$metric is listed, and of each run its own" $?
done

replay $boot --pages boot:page_allocator --slab bootmem:slabifier
says "the default mark is the last acpi_* call site before kernel_init" \
	"186 early requests, up to acpi_ns_get_node_unlocked+0xe3"
sed -n 's/.*; repeat: //p' "$SCRATCH/said" >"$SCRATCH/line"
PATH=$(dirname "$KMEMSIM"):$PATH sh "$SCRATCH/line" 2>"$SCRATCH/again"
[ -n "$(digest "$SCRATCH/said")" ] && [ "$(digest "$SCRATCH/said")" = "$(digest "$SCRATCH/again")" ]
verdict "a run with a hand-over repeats" $?
for source in page_allocator bitmap; do
	replay $boot --pages "rcu:boot(before=):$source" --slab rcu:bootmem:slabifier --verify --check 20000 \
		--machine configs/machine-memoryless.yaml
	says "nodes without memory or CPUs, layers above, all recounted ($source)" "early requests, up to acpi_"
done

replay traces/samples/small-pressure.kmt --pages boot:page_allocator
says "a load that is no boot begins with the hand-over, warm or cold" \
	"boot: memory is handed over at time zero: no request is early"
replay $boot --pages "boot(until=akpi_*):page_allocator"
[ $? = 2 ]
verdict "a call site that the load does not have is a mistake" $?
says "and is named" "none is from a call site 'akpi_*' before one from 'kernel_init*'"
replay $boot --slab bootmem:slabifier
[ $? = 2 ]
verdict "bootmem without boot is a mistake" $?
says "and the reason is given" "there is no bootmem below 'page_allocator': its pages need the layer 'boot'"
