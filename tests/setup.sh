# Set-up, on systems made of stand-ins: what it asks for, and when.
. tests/shell_lib

bin=$SCRATCH/bin
mkdir -p "$bin"
log=$SCRATCH.log

# The tools the script itself needs, and nothing else: a system without compiler and libraries. Wrappers, not
# links: what is written here must never reach the real ones.
stand_in()
{
	rm -f "$bin/$1"
	printf '#!/bin/bash\n%s\n' "$2" >"$bin/$1"
	chmod +x "$bin/$1"
}
for tool in id env grep; do
	stand_in $tool "exec $(command -v $tool) \"\$@\""
done

setup()
{
	: >"$log"
	env -i PATH="$bin" LOG="$log" "$BASH" tests/setup "$@" >"$SCRATCH.out" 2>"$SCRATCH.err"
}

setup
[ $? = 2 ] && grep -q 'needs.*gcc.*libyaml-dev.*gnuplot-nox' "$SCRATCH.err"
verdict "without apt-get: what is missing is named" $?
! grep -qE ' (clang|libcmocka-dev|valgrind|zstd|chromium|time)( |$)' "$SCRATCH.err"
verdict "but not what only tests and measurements need" $?
setup check
[ $? = 2 ] && grep -q 'needs.*gcc.*clang.*libcmocka-dev.*valgrind.*chromium' "$SCRATCH.err"
verdict "to test, more is needed" $?
setup bench
[ $? = 2 ] && grep -q 'needs.*gcc.*valgrind' "$SCRATCH.err" && ! grep -qE 'clang|chromium' "$SCRATCH.err"
verdict "to measure, other things" $?

stand_in id 'echo 0'
stand_in apt-get 'echo "$*" >>"$LOG"'
stand_in apt-cache 'true'
stand_in dpkg-query 'case ${!#} in gcc|libc6-dev|make|pkg-config|sqlite3) printf installed ;; *) exit 1 ;; esac'
setup
verdict "missing packages are installed" $?
grep -q 'install.* libyaml-dev' "$log" && ! grep -qE ' (gcc|sqlite3|make)( |$)' "$log"
verdict "what is there is left alone" $?
grep -q update "$log"
[ $? = 1 ]
verdict "package lists that know the packages are not fetched" $?

stand_in apt-cache 'exit 1'
setup
[ "$(sed -n '1s/.* //p' "$log")" = update ] && grep -q install "$log"
verdict "package lists that do not are fetched first" $?

stand_in apt-get 'exit 100'
setup
[ $? = 2 ] && grep -q 'Installing failed. kmemsim needs:.*libyaml-dev' "$SCRATCH.err"
verdict "a failed installation says what is needed" $?

stand_in apt-get 'echo "$*" >>"$LOG"'
stand_in id 'echo 1000'
setup
[ $? = 2 ] && [ ! -s "$log" ]
verdict "neither root nor sudo: nothing is tried" $?
stand_in sudo 'echo sudo >>"$LOG"; exec "$@"'
setup
verdict "with sudo: installed" $?
grep -q sudo "$log"
verdict "with sudo: through sudo" $?

stand_in dpkg-query 'printf installed'
setup
[ $? = 0 ] && [ ! -s "$log" ] && [ ! -s "$SCRATCH.out" ] && [ ! -s "$SCRATCH.err" ]
verdict "nothing missing: nothing said, nothing done" $?
