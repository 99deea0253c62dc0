# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What a machine was busy with, by the kernel: sourced by meter-books and
# meter-kinds, after e2e/lib.sh. Everything is in ns.
#
#     around_begin NAME   a cgroup, $around, for this script and all it starts;
#                         its node is given `cgroup = "/$around/node"`
#     around_ns           CPU time in it
#     outside_ns          and in none of it
#     machine_ns          the machine's: time of all CPUs, idle, steal
#     METER_AWK           functions for awk, see below
#     load_ns             of this shell and its dead children
#     agent_ns            of the node's roles and nursery

# A cgroup around everything: in each hierarchy that there is.
hierarchies() { # version 2's root, or version 1's four
    if grep -qs memory /sys/fs/cgroup/cgroup.controllers; then
        echo /sys/fs/cgroup
    else
        ls -d /sys/fs/cgroup/{cpu,cpuacct,memory,pids}
    fi
}
around_begin() {
    local h
    around=hostel-$1-$$
    trap around_end EXIT
    for h in $(hierarchies); do
        mkdir "$h/$around" "$h/$around/load" &&
            echo $$ >"$h/$around/load/cgroup.procs"
    done
}
around_end() {
    local h
    e2e_end
    for h in $(hierarchies); do
        echo $$ >"$h/cgroup.procs"
        rmdir "$h/$around/load" "$h/$around"
    done
}
around_ns() {
    if [ -e "/sys/fs/cgroup/$around/cpu.stat" ]; then
        awk '$1 == "usage_usec" { print $2 * 1000 }' "/sys/fs/cgroup/$around/cpu.stat"
    else
        cat "/sys/fs/cgroup/cpuacct/$around/cpuacct.usage"
    fi
}

# What ran outside: version 1 counts all in the root; version 2 does not, but
# has nothing there but the kernel's threads where a service manager rules.
outside_ns() {
    local sum=0 ns p
    if [ -e /sys/fs/cgroup/cpuacct/cpuacct.usage ]; then
        echo $(($(cat /sys/fs/cgroup/cpuacct/cpuacct.usage) - $(around_ns)))
        return
    fi
    for p in /sys/fs/cgroup/*/cpu.stat; do
        [ "$p" != "/sys/fs/cgroup/$around/cpu.stat" ] || continue
        ns=$(awk '$1 == "usage_usec" { print $2 * 1000 }' "$p")
        sum=$((sum + ns))
    done
    for p in $(cat /sys/fs/cgroup/cgroup.procs); do
        read -r ns _ <"/proc/$p/schedstat" && sum=$((sum + ns))
    done 2>/dev/null
    echo $sum
}
# Not the sum of /proc/stat's own columns for the time: user and system are
# sampled there, a tick at a time.
machine_ns() {
    awk -v hz="$(getconf CLK_TCK)" '
        FILENAME == "/proc/uptime" { up = $1 }
        /^cpu[0-9]/ { cpus++ }
        $1 == "cpu" { idle = $5 + $6; steal = $9 }
        END { printf "%.0f %.0f %.0f\n", up * cpus * 1e9, idle * 1e9 / hz,
            steal * 1e9 / hz }' /proc/uptime /proc/stat
}

# What nobody answers for. `ours` is what the scheduler gave to processes of node
# and load and is in no bill, the agent or the load. `ran` is all that it gave to
# anybody; the rest of the time is idle, stolen, or interrupts of idle CPUs. Of
# steal nobody can say how much is in idle as well: a virtual CPU that is woken
# and must wait for a real one has both. So time is missing if there is more than
# idle and all of the steal explain, and too much was given out if it exceeds
# what was not idle.
METER_AWK='
    function abs(x) { return x < 0 ? -x : x }
    function unaccounted(wall, idle, steal, ran, ours) {
        low = wall - idle - steal - ran
        high = wall - idle - ran
        return abs(ours) + (low > 0 ? low : high < 0 ? -high : 0)
    }'

# This shell with its dead children.
load_ns() {
    times >times # not in a pipe: that would be another shell's
    awk '{ for (i = 1; i <= 2; i++) { split($i, t, "[ms]")
        sum += t[1] * 60 + t[2] } } END { printf "%.0f\n", sum * 1e9 }' times
}
# CPU of the node's groups of that name, by the kernel.
group_ns() {
    local file sum=0 ns
    for file in "/sys/fs/cgroup/cpuacct/$around/node/"$1/cpuacct.usage \
        "/sys/fs/cgroup/$around/node/"$1/cpu.stat; do
        [ -e "$file" ] || continue
        ns=$(awk 'NF == 1 { print $1 } $1 == "usage_usec" { print $2 * 1000 }' "$file")
        sum=$((sum + ns))
    done
    echo $sum
}
# The roles and the nursery, in groups of their own, and the supervisor.
agent_ns() {
    echo $(($(group_ns agent) + $(group_ns nursery) +
        $(cut -d' ' -f1 "/proc/$node_pid/schedstat")))
}
