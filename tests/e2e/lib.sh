# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# A private node for tests of the whole: sourced by the scripts beside it.
#
#     . "$(dirname "$0")/lib.sh"
#     e2e_begin path            prefix of the cases' names; makes $work
#     node_start [KEY=VALUE]... a node of its own; sets node_id, node_addr
#     customer_make ada 10.00   key, context and a prepaid account
#     h ada run prog.c          hostel as that customer; o: as the operator
#     expect NAME PATTERN FILE  a case, by what a file holds
#     node_stop                 asserts that nothing is left
#
# At the end all answers that `hostel` got are checked against the API's
# description, which is a case of its own, "openapi".
#
# Every command runs under a time limit. Nothing outside $work is touched.
set -u

root=${HOSTEL_ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
build=${HOSTEL_BUILD:-$root/build}
PATH=$build/bin:$PATH
unset HOSTEL_CONTEXT
suite=
node_pid=

ok() { echo "ok $suite/$1"; }
skipped() { echo "skipped $suite/$1: $2"; }

# failed NAME WHY [FILE]...: the files are shown, for whoever reads the log.
failed() {
    local name=$1 why=$2 f; shift 2
    echo "FAILED $suite/$name: $why"
    for f in "$@"; do
        echo "--- ${f##*/}:"
        tail -c 4000 "$f"
        echo
    done
}

# check NAME CONDITION...: a case that is a command.
check() {
    local name=$1; shift
    if "$@"; then ok "$name"; else failed "$name" "not so: $*"; fi
}

# expect NAME PATTERN FILE: an extended regular expression.
expect() {
    if grep -qaE -- "$2" "$3"; then ok "$1"; else
        failed "$1" "no match for '$2'" "$3"
    fi
}

# same NAME IS SHOULD-BE
same() {
    if [ "$2" = "$3" ]; then ok "$1"; else failed "$1" "is '$2', not '$3'"; fi
}

e2e_begin() {
    suite=$1
    work=$(mktemp -d "/tmp/hostel-$suite.XXXXXX")
    chmod 755 "$work" # roles and domains walk through it
    export HOSTEL_TRACE=$work/exchanges
    trap e2e_end EXIT
    trap 'exit 1' INT TERM HUP
}

# Everything that the node answered to `hostel` is as its description says.
answers_check() {
    [ -s "$work/exchanges" ] || return 0
    if ! python3 -c 'import jsonschema' 2>/dev/null; then
        skipped openapi "python3-jsonschema is not installed"
    elif timeout 300 "$root/tests/e2e/openapi_check.py" \
        "$root/node-agent/api/openapi.json" "$work/exchanges" \
        >"$work/answers" 2>&1; then
        ok openapi
    else
        failed openapi "an answer is not as node-agent/api/openapi.json says" \
            "$work/answers"
    fi
}

# Whatever happened: no node stays behind.
e2e_end() {
    local status=$?
    if [ -n "$node_pid" ] && kill -0 "$node_pid" 2>/dev/null; then
        kill -TERM "$node_pid"
        for _ in $(seq 600); do
            kill -0 "$node_pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$node_pid" 2>/dev/null
    fi
    [[ $status != 0 || $suite == bench-* ]] || answers_check
    rm -rf "$work"
}

# ------------------------------------------------------------------- the node

# node_begin NAME: folders and file of a node that node_launch can start.
node_begin() {
    local setting
    node=$work/${1:-node}; shift
    # A hundred thousand uids of its own, so that left-overs can be told.
    uid_base=$((1900000000 + $$ % 2000 * 100000))
    cgroup=/hostel-$suite-$$-${node##*/}
    mkdir -p "$node/state" "$node/run"
    # The ledger role reads it, and could not in a clone that only root may enter.
    cp "$root/billing/ratecards/default.cfg" "$work/ratecard.cfg"
    cat >"$node/conf" <<END
name = "${node##*/}"
state_dir = "$node/state"
run_dir = "$node/run"
toolchain_dir = "$build/toolchain"
ratecard = "$work/ratecard.cfg"
listen = "127.0.0.1:0"
cgroup = "$cgroup"
on_stop = "destroy"
uid_base = $uid_base
slots = 64
spare_slots = 4
END
    for setting in "$@"; do # replaces a line, or adds one
        sed -i "/^${setting%%=*} *=/d" "$node/conf"
        echo "$setting" >>"$node/conf"
    done
}

# node_launch: 0 once all roles serve.
node_launch() {
    interfaces_before=$(ls /sys/class/net)
    setsid hosteld -c "$node/conf" >>"$node/log" 2>&1 </dev/null &
    node_pid=$!
    node_wait
}

# node_wait [OLD-READY]: until it serves, or serves anew. Read once: a role may
# die, and the file with it, the moment after.
node_wait() {
    local ready old=${1:-}
    for _ in $(seq 300); do
        ready=$(cat "$node/run/ready" 2>/dev/null)
        if [ -n "$ready" ] && [ "$ready" != "$old" ]; then
            node_id=$(sed -n 's/^node //p' <<<"$ready")
            node_addr=$(sed -n 's/^tcp //p' <<<"$ready")
            export HOSTEL_SOCKET=$node/run/hostel.sock
            return 0
        fi
        kill -0 "$node_pid" 2>/dev/null || break
        sleep 0.1
    done
    echo "the node does not start:"
    tail -n 30 "$node/log"
    return 1
}

node_start() {
    node_begin node "$@"
    node_launch || { failed node-start "see above"; exit 1; }
}

# role_pid NAME
role_pid() { sed -n "s/^role $1 //p" "$node/run/ready"; }

# What a stopped node must not have left, one a line.
node_left() {
    local status
    for status in /proc/[0-9]*/status; do
        awk -v low="$uid_base" -v high=$((uid_base + 99999)) '
            $1 == "Name:" { name = $2 } $1 == "Pid:" { pid = $2 }
            $1 == "Uid:" && $2 >= low && $2 <= high { found = 1 }
            END { if (found) print "process", pid, name }' "$status" 2>/dev/null
    done
    find /sys/fs/cgroup -maxdepth 2 -type d -path "*$cgroup" 2>/dev/null |
        sed 's/^/cgroup /'
    grep -F "$node" /proc/self/mountinfo | sed 's/^/mount /'
    diff <(echo "$interfaces_before") <(ls /sys/class/net) |
        sed -n 's/^> /interface /p'
    [ -e "$node/run/ready" ] && echo "file $node/run/ready"
    pgrep -f "^[^ ]*hosteld .*$node/conf" | sed 's/^/process /'
}

# node_stop [NAME]: a case of its own, by default "node-stop".
node_stop() {
    local name=${1:-node-stop} status left
    kill -TERM "$node_pid"
    for _ in $(seq 600); do
        kill -0 "$node_pid" 2>/dev/null || break
        sleep 0.1
    done
    if kill -0 "$node_pid" 2>/dev/null; then
        failed "$name" "hosteld does not end" "$node/log"
        return
    fi
    wait "$node_pid"
    status=$?
    for _ in $(seq 600); do # the kernel takes a moment to bury them
        left=$(node_left)
        [ -n "$left" ] || break
        sleep 0.1
    done
    node_pid=
    if [ $status != 0 ]; then
        failed "$name" "hosteld ended with status $status" "$node/log"
    elif [ -n "$left" ]; then
        failed "$name" "it left behind: $left" "$node/log"
    else
        ok "$name"
    fi
}

# The books, looked at by somebody who does not trust the agent.
books_audit() {
    local name=${1:-books-audit}
    if timeout 120 hostel-ledger audit "$node/state/ledger/ledger.db" \
        >"$work/audit" 2>&1; then ok "$name"; else
        failed "$name" "the books do not audit" "$work/audit"
    fi
}

# ------------------------------------------------------------------ customers

# h WHO ARGUMENT...: hostel as a customer, each with a home of its own.
h() {
    local who=$1; shift
    HOSTEL_HOME=$work/home-$who timeout "${H_TIMEOUT:-120}" hostel "$@"
}

# o ARGUMENT...: hostel as the operator.
o() {
    HOSTEL_HOME=$work/home-operator timeout 60 hostel -S "$HOSTEL_SOCKET" "$@"
}

key_of() { tail -n 1 "$work/home-$1/key-id"; }

# customer_make NAME [AMOUNT]: AMOUNT "" opens no account.
customer_make() {
    local who=$1 amount=${2-10.00}
    mkdir -p "$work/home-$who"
    h "$who" keygen >"$work/home-$who/key-id" 2>/dev/null &&
        h "$who" context add test "$node_addr" >/dev/null || return 1
    [ -n "$amount" ] || return 0
    o account create "$(key_of "$who")" "$who" >/dev/null &&
        o account credit "$(key_of "$who")" "$amount" >/dev/null
}

# balance_nano WHO; spent_nano WHO; held_nano WHO
balance_nano() { h "$1" account --json | jq -r .balance_nano; }
spent_nano() { h "$1" account --json | jq -r .spent_nano; }
held_nano() { h "$1" account --json | jq -r .held_nano; }
