# Recordings as folders and archives, and snapshots beside a trace: taken in whole, refused with the reason.
. tests/shell_lib

dat=traces/samples/small-fstree.dat
new=$SCRATCH/new.kmt

# A machine of two nodes in three snapshots, as far as import looks at it: the sample's labels and times.
zone()
{
	printf 'Node %s, zone    DMA32\n  pages free     100\n        min      10\n        low      12\n' "$1"
	printf '        spanned  %s\n        managed  %s\n  pagesets\n' "$2" "$2"
	for cpu in 0 1 2 3; do
		printf '    cpu: %s\n              count: 1\n              high:  10\n              batch: 1\n' $cpu
	done
	printf '  start_pfn:           %s\n' "$3"
}
slabinfo()
{
	echo 'slabinfo - version: 2.1'
	echo '# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> ...'
	echo 'dentry  100  105  192  21  1 : tunables  0  0  0 : slabdata  5  5  0'
}
# recording FOLDER: a copy of the sample with snapshots.
recording()
{
	local label number=1
	mkdir -p "$1/snaps"
	cp $dat "$1/trace.dat"
	for label in before dropped after; do
		mkdir "$1/snaps/0$number-$label"
		slabinfo >"$1/snaps/0$number-$label/slabinfo"
		{ zone 0 262143 1 && zone 1 262144 262144; } >"$1/snaps/0$number-$label/zoneinfo"
		echo 'Node 0, zone DMA32 1 2 3 4 5 6 7 8 9 10 11' >"$1/snaps/0$number-$label/buddyinfo"
		number=$((number + 1))
	done
	printf 'name: small\nnodes:\n  node0: cpus=0-1 distance=10 20\n  node1: cpus=2-3 distance=20 10\n' >"$1/META"
	printf 'cache\tobject_size\tslab_size\tobjs_per_slab\torder\ndentry\t192\t192\t21\t0\n' >"$1/slab_static.tsv"
}
# tar_of NAME TAR-OPTION...: an archive of the folder small, made in $SCRATCH.
tar_of() { (cd "$SCRATCH" && tar -cf "$@"); }
small=$SCRATCH/small
recording "$small"

# --- what is taken
succeeds "a folder" "$KMEMSIM" import "$small" -o "$SCRATCH/folder.kmt"
says "its snapshots are in the trace" "snapshots  before, dropped, after"
says "and its machine" "(the machine is in the file)"
tar_of small.tar small
tar_of small.tar.gz -z small
tar_of small.tgz -z -C small .
tar_of small.tar.zst --zstd ./small
for archive in small.tar small.tar.gz small.tgz small.tar.zst; do
	succeeds "$archive" "$KMEMSIM" import "$SCRATCH/$archive" -o "$new"
	cmp -s "$SCRATCH/folder.kmt" "$new"
	verdict "$archive: the same trace as of the folder" $?
done
succeeds "a trace and its snapshots" "$KMEMSIM" import $dat --snapshots "$small/snaps" -o "$new"
"$KMEMSIM" info "$SCRATCH/folder.kmt" --format json | grep -q '"snapshots": \["before", "dropped", "after"\],$'
verdict "info: json has the labels" $?
"$KMEMSIM" info "$SCRATCH/folder.kmt" --format json | grep -q 'memory: 1GiB.*memory: 1GiB'
verdict "the machine has the recorded memory" $?
mkdir "$SCRATCH/bare"
cp $dat "$SCRATCH/bare/trace.dat"
succeeds "a folder without snapshots" "$KMEMSIM" import "$SCRATCH/bare" -o "$new"

# --- what is told
cp -r "$small" "$SCRATCH/odd"
cp -r "$small/snaps/01-before" "$SCRATCH/odd/snaps/04-unheard"
"$KMEMSIM" import "$SCRATCH/odd" -o "$new" >/dev/null 2>"$SCRATCH.err"
[ $? = 0 ] && grep -q "no marks in new.kmt of 'unheard': not used" "$SCRATCH.err"
verdict "a single label that is not marked: a warning" $?
rm "$SCRATCH/odd/META"
"$KMEMSIM" import "$SCRATCH/odd" -o "$new" >/dev/null 2>"$SCRATCH.err"
[ $? = 0 ] && grep -q "split evenly" "$SCRATCH.err"
verdict "CPUs that nothing tells of are split evenly, and that is said" $?
rm "$new"

# --- snapshots of something else
# bad WHAT WORDS COMMAND...: the command spoils a copy of the recording, in its folder.
bad()
{
	local what=$1 words=$2
	shift 2
	rm -rf "$SCRATCH/bad"
	cp -r "$small" "$SCRATCH/bad"
	(cd "$SCRATCH/bad" && "$@")
	refused "$what" "$words" "$KMEMSIM" import "$SCRATCH/bad" -o "$new"
}
rename_all() { for l in snaps/*; do mv "$l" "$l-x"; done; }
bad "labels of another recording" "labels marked there: 'before', 'created', 'dropped'" rename_all
bad "other times" "of 'before' was read at 99.000 s" bash -c \
	'printf "slabinfo\t99000000000\t99100000000\n" >snaps/01-before/times'
after()
{
	mv snaps/03-after snaps/03-later
	printf 'slabinfo\t99000000000\t99100000000\n' >snaps/03-later/times
}
bad "a snapshot from after the trace" "snapshot 'later' is from after the trace" after
bad "a machine with less memory" "its memory ends before page frame 0x10000" \
	sed -i 's/262144$/32768/; s/262143$/32767/; s/26214[34]$/32768/' snaps/01-before/zoneinfo
bad "a machine with fewer CPUs" "it has 2 CPUs" sed -i '/cpu: 2/,/batch/d; /cpu: 3/,/batch/d' snaps/01-before/zoneinfo \
	snaps/02-dropped/zoneinfo snaps/03-after/zoneinfo
bad "no slabinfo" "02-dropped: slabinfo is missing" rm snaps/02-dropped/slabinfo
bad "slabinfo of another version" "01-before/slabinfo:1:21: slabinfo of version '1.1'" \
	sed -i 1s/2.1/1.1/ snaps/01-before/slabinfo
bad "slabinfo with a word for a number" "01-before/slabinfo:3:14: num_objs: '1o5' is not a number" \
	sed -i s/105/1o5/ snaps/01-before/slabinfo
bad "slabs beyond memory" "slabs take more memory than there is" \
	sed -i 's/5  5  0/5  999999999  0/' snaps/01-before/slabinfo
bad "two snapshots of a label" "two snapshots have the label 'before'" cp -r snaps/01-before snaps/04-before
bad "no trace in the folder" "trace.dat, trace.txt or trace.txt.zst is wanted" rm trace.dat
bad "no snapshots" "no snapshots here: folders NN-LABEL" bash -c 'rm -r snaps/*'
refused "--snapshots: no such folder" "nowhere: No such file" "$KMEMSIM" import $dat -o "$new" --snapshots nowhere
refused "--machine of another machine" "it has 1 of the 2 nodes" "$KMEMSIM" import "$small" -o "$new" \
	--machine configs/machine-laptop.yaml

# --- archives
tar_of out.tar -P --transform 's|small/META|small/../../META|' small
refused "archive: a name that leads out" "leads out of it" "$KMEMSIM" import "$SCRATCH/out.tar" -o "$new"
tar_of abs.tar -P --transform 's|^small/META|/tmp/META|' small
refused "archive: an absolute name" "leads out of it" "$KMEMSIM" import "$SCRATCH/abs.tar" -o "$new"
ln -s /etc/passwd "$small/snaps/link"
tar_of link.tar small
rm "$small/snaps/link"
refused "archive: a symbolic link" "links are not allowed" "$KMEMSIM" import "$SCRATCH/link.tar" -o "$new"
ln "$small/trace.dat" "$small/again.dat"
tar_of hard.tar small
rm "$small/again.dat"
refused "archive: a hard link" "links are not allowed" "$KMEMSIM" import "$SCRATCH/hard.tar" -o "$new"
mkfifo "$small/fifo"
tar_of fifo.tar small
rm "$small/fifo"
refused "archive: a pipe" "only files and folders" "$KMEMSIM" import "$SCRATCH/fifo.tar" -o "$new"
tar_of two.tar small bare
refused "archive: two recordings" "a second recording" "$KMEMSIM" import "$SCRATCH/two.tar" -o "$new"
tar_of twice.tar --hard-dereference small small/META
refused "archive: a file twice" "'META' is there twice" "$KMEMSIM" import "$SCRATCH/twice.tar" -o "$new"
tar_of none.tar small/snaps
refused "archive: no trace in it" "no recording in this archive" "$KMEMSIM" import "$SCRATCH/none.tar" -o "$new"
truncate -s 65M "$small/snaps/01-before/pagetypeinfo"
tar_of large.tar.gz -z small
refused "archive: a snapshot larger than any" "larger than snapshots are" \
	"$KMEMSIM" import "$SCRATCH/large.tar.gz" -o "$new"
rm "$small/snaps/01-before/pagetypeinfo" "$SCRATCH/large.tar.gz"
size=$(stat -c %s "$SCRATCH/small.tar.zst")
for n in 100 $((size / 2)) $((size - 20)); do
	head -c $n "$SCRATCH/small.tar.zst" >"$SCRATCH/cut.tar.zst"
	refused "archive: cut at byte $n of $size" "cut.tar.zst: damaged archive" \
		"$KMEMSIM" import "$SCRATCH/cut.tar.zst" -o "$new"
done
head -c 100000 $dat >"$small/trace.dat"
tar_of broken.tar small
refused "archive: a damaged trace is named by its name" "broken.tar: small/trace.dat" \
	"$KMEMSIM" import "$SCRATCH/broken.tar" -o "$new"

# Signals: nothing is unpacked anywhere that could stay behind.
mkdir "$SCRATCH/tmp"
for signal in INT TERM KILL; do
	TMPDIR=$SCRATCH/tmp timeout -s $signal 0.15 "$KMEMSIM" import "$SCRATCH/small.tar.zst" -o "$SCRATCH/tmp/new.kmt" \
		>/dev/null 2>&1 && rm -f "$SCRATCH/tmp/new.kmt"
	[ -z "$(ls -A "$SCRATCH/tmp")" ]
	verdict "archive: SIG$signal leaves nothing" $?
done
