# SPDX-License-Identifier: ISC
# Sourced by the tests here: other people's software, in domains, on every
# engine. A test says which port it is about and defines `cases`, which calls
# `run_case` for each:
#
#     software_begin NAME
#     cases() { run_case example; }
#     software_run
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
. tests/domain/engines.sh
. tests/domain/initrd.sh
build=${HOSTEL_BUILD:-build}
limit_s=${HOSTEL_TEST_LIMIT_S:-120} # each case
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

software_begin()
{
    port=$1
    images=$build/images/$port
}

# What the case finds under /: a copy of DIR's contents. Once, for all cases.
software_files() # DIR
{
    initrd "$1" > "$work/initrd"
}

# some NAME...: all of them, but in `make check` only the first dozen on the
# second engine: it runs the same images, and is slow where it is emulated.
some()
{
    if [ "$engine" = pv ] || [ "${HOSTEL_SOFTWARE:-}" = all ]; then
        echo "$@"
    else
        echo "${@:1:12}"
    fi
}

patterns_differ() # PATTERNS OUTPUT
{
    local pattern line
    while IFS= read -r -u 3 pattern; do
        IFS= read -r -u 4 line
        # shellcheck disable=SC2053
        [[ $line == $pattern ]] || { echo "\"$line\" is not \"$pattern\""; return; }
    done 3< "$1" 4< "$2"
}

# run_case CASE IMAGE ARGUMENT...: passes if it exits with 0 (or what `want`
# says) and, if there is a file $expected, has written just that; if there is a
# file $patterns, each of its lines matches the shell pattern there in turn.
# What `input` names is its standard input, `volumes` what --volume is to say. Output is left in $work/out.
run_case()
{
    local name=software/$engine/$port.$1 image=$images/$2 got why= files=()
    shift 2
    [ ! -e "$work/initrd" ] || files=(-i "$work/initrd")
    [ -z "${volumes:-}" ] || files+=(--volume "$volumes")
    timeout -k 5 "$limit_s" "$build/bin/hostel-hv" run --engine "$engine" \
        -m "${memory:-64}" "${files[@]}" "$image" "$@" \
        < "${input:-/dev/null}" > "$work/out" 2> "$work/err"
    got=$?
    if [ "$got" != "${want:-0}" ]; then
        why="status $got instead of ${want:-0}: $(tail -qn 1 "$work/out" "$work/err" | tr '\0\n' '  ')"
    elif [ -n "${expected:-}" ] && ! cmp -s "$expected" "$work/out"; then
        why="other output: $(diff "$expected" "$work/out" | head -n 3 | tr '\0\n' '  ')"
    elif [ -n "${patterns:-}" ]; then
        why=$(patterns_differ "$patterns" "$work/out")
    fi
    if [ -z "$why" ]; then
        echo "ok $name"
    else
        echo "FAILED $name: $why"
        failures=$((failures + 1))
    fi
}

software_cases() # ENGINE
{
    engine=$1 failures=0
    cases
    return $((failures > 0))
}

software_run()
{
    if [ ! -e "$images/complete" ]; then
        echo "FAILED software/$port: it is not built: make images/$port"
        exit 1
    fi
    each_engine "software/$port" software_cases
}
