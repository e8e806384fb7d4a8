# The style that can be measured: functions that fit a screen, files of one idea, layout by clang-format.
. tests/shell_lib

files=$(find alloc bench cmd lib reports sim tests traces workloads -name '*.[ch]' 2>/dev/null | sort)

# none WHAT: nothing on standard input is good; what is there is shown.
none()
{
	local found
	found=$(cat)
	[ -z "$found" ]
	verdict "$1" $?
	[ -z "$found" ] || sed 's/^/# /' <<<"$found"
}

awk 'FNR == 1 { start = 0 } /^\{/ { start = FNR }
	/^\}/ { if (start && FNR - start > 70) print FILENAME ":" start ": " FNR - start " lines"; start = 0 }' \
	$files | none "no function is longer than 70 lines"
wc -l $files | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }' | none "no file is longer than 500 lines"
# clang-format leaves comments as they are. In tests/ there are strings that are wider.
awk '{
	line = $0; width = 0
	while ((tab = index(line, "\t"))) {
		width += tab - 1; width += 8 - width % 8
		line = substr(line, tab + 1)
	}
	if (width + length(line) > 100) print FILENAME ":" FNR ": " width + length(line) " columns"
}' $(grep -v '^tests/' <<<"$files") | none "no line outside of tests is wider than 100 columns"
grep -nwE 'TODO|FIXME|XXX' $files | none "nothing is left open in the code"
clang_format=$(sed -n 's/^CLANG_FORMAT *?= *//p' Makefile) # versions differ
if command -v "$clang_format" >/dev/null; then
	"$clang_format" --dry-run $files 2>&1 | grep warning | head | none "layout is what clang-format says"
else
	skip "layout is what clang-format says" "no $clang_format: tests/setup check"
fi
