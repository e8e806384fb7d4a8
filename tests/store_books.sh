# What is said of a store in one place is what can be reckoned from another: figures of a run from its rows over time,
# rows over time from size classes. Reckoned by SQL, independently of the program.
. tests/shell_lib

cat >"$SCRATCH/x.yaml" <<'END'
kmemsim: experiment/1
machine: {nodes: [{memory: 64MiB, cpus: 0-1}]}
seeds: 2
sample: 7ms # the last is 1 ms after another
stacks:
  xcfmalloc: {store: xcfmalloc}
  xvmalloc:  {store: xvmalloc}
  zbud:      {store: zbud}
  zsmalloc:  {store: zsmalloc}
  compacted: {store: "compact(every=4ms,bytes=16KiB,free=10%):zsmalloc(chain=8)"}
  kmalloc:   {store: kmalloc}
  layers:    {store: "rcu:debug:xcfmalloc"}
loads:
  tides:
    workload:
      phases: [{name: fill, duration: 9ms}, {name: churn, duration: 48ms}]
      jobs:
        pages:
          generator: zram
          slots: 900
          every: 10us
          pattern: tides
          low: 20%
          objects: {size: {dist: uniform, min: 32B, max: 4KiB}}
expect:
END
# expects WHAT MEASURE: the measure, an SQL expression, is to be 0.
expects()
{
	printf '  - {what: "%s", measure: "%s", expected: 0, within: 1e-9, source: arithmetic}\n' "$1" "$2" >>"$SCRATCH/x.yaml"
}

rows="(SELECT DISTINCT * FROM store_view)"
# A value stands for the time since the sample before it; the first one for none. Rows at marks are no samples.
samples="(SELECT * FROM $rows WHERE t_ns % 7000000 = 0 OR t_ns = (SELECT max(t_ns) FROM store_view))"
steps="(SELECT *, t_ns - lag(t_ns) OVER (PARTITION BY label, load, seed ORDER BY t_ns) AS dt FROM $samples)"
last="t_ns = (SELECT max(t_ns) FROM store_view)"
metadata="(descriptor_bytes + header_bytes) * 1.0 / nullif(objects - raw, 0)"
between="100.0 * free_bytes / nullif(4096 * (pages - raw), 0)"
inside="100 * (1 - (bytes_req - raw_bytes_req) * 1.0 / nullif(block_bytes, 0))"

mean()
{
	expects "$1" "(SELECT max(abs(s.value / x - 1)) FROM summary_view s JOIN (SELECT label, load, seed, 1.0 * sum(($2) * dt) / sum(CASE WHEN ($2) IS NOT NULL THEN dt END) AS x FROM $steps GROUP BY label, load, seed) USING (label, load, seed) WHERE s.metric = '$1')"
}

end()
{
	expects "$1" "(SELECT max(abs(s.value / ($2) - 1)) FROM summary_view s JOIN $rows USING (label, load, seed) WHERE s.metric = '$1' AND $last)"
}

mean store_objs_mean objects
mean store_pages_mean pages
mean store_density_mean "objects * 1.0 / nullif(pages, 0)"
mean store_effective_percent_mean "100.0 * (pages + descriptor_pages) / nullif(objects, 0)"
mean store_metadata_bytes_per_obj "$metadata"
mean store_between_frag_percent "$between"
mean store_inside_frag_percent "$inside"
mean store_blocks_per_obj "blocks * 1.0 / nullif(objects - raw, 0)"
end store_density_end "objects * 1.0 / pages"
end store_effective_percent_end "100.0 * (pages + descriptor_pages) / objects"
end store_memory_percent_end "409600.0 * (pages + descriptor_pages) / bytes_req"

# classes WHAT STACKS SUM COLUMN: the sum over the classes is the column of the row of that instant.
classes()
{
	expects "$1" "(SELECT max(abs(x - ($4))) FROM (SELECT label, load, seed, t_ns, sum($3) AS x FROM store_class_view GROUP BY label, load, seed, t_ns) JOIN $rows USING (label, load, seed, t_ns) WHERE label IN ($2))"
}

own="'zbud', 'zsmalloc', 'compacted', 'kmalloc'"
classes "pages of classes" "$own" pages_used "pages - raw + reserve_pages"
classes "objects of classes" "$own" obj_used "objects - raw"
classes "bytes of classes" "'zsmalloc', 'compacted', 'kmalloc', 'xcfmalloc', 'layers'" "obj_used * size" block_bytes
classes "blocks of xcfmalloc's sizes" "'xcfmalloc', 'layers'" obj_used blocks
classes "what is free in them" "'xcfmalloc', 'layers'" "(obj_allocated - obj_used) * size" "free_bytes + 4096 * reserve_pages"
expects "bytes of pages" "(SELECT max(abs((pages - raw) * 4096 - block_bytes - free_bytes)) FROM store_view WHERE label IN ('xcfmalloc', 'zsmalloc', 'compacted', 'kmalloc', 'xvmalloc'))"
cat >>"$SCRATCH/x.yaml" <<END
  - what: a mean over rows, not over time, is another
    measure: "(SELECT min(abs(s.value / x - 1)) FROM summary_view s JOIN (SELECT label, load, seed, avg(density) AS x FROM $samples GROUP BY label, load, seed) USING (label, load, seed) WHERE s.metric = 'store_density_mean')"
    at_least: 1e-3
    source: so the rows above tell them apart
END

"$KMEMSIM" run "$SCRATCH/x.yaml" --db "$SCRATCH/x.db" --verify --check 500 >"$SCRATCH/out" 2>&1
code=$?
grep -E '^(met|MISSED|error)' "$SCRATCH/out" | while read -r said rest; do
	[ "$said" = met ]
	verdict "${rest%%  *} ${rest#*  }" $?
done
[ $code = 0 ] && [ "$(grep -c ^met "$SCRATCH/out")" = 18 ]
verdict "all is met" $?
[ $code = 0 ] || sed 's/^/# /' "$SCRATCH/out" | tail -20
