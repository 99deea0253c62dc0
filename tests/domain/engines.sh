# SPDX-License-Identifier: ISC
# Sourced by tests that run on every engine: the same images and the same
# expected results. Their cases are named GROUP/ENGINE/CASE.

# each_engine GROUP COMMAND...: runs it with each engine's name as its last
# argument; for an engine that cannot run here says why. Fails if one did.
each_engine()
{
    local group=$1 each_engine_failed=0
    shift
    "$@" pv || each_engine_failed=1
    if [ ! -e /dev/kvm ]; then
        echo "skipped $group/kvm: there is no /dev/kvm"
    elif ! [ -r /dev/kvm -a -w /dev/kvm ]; then
        echo "skipped $group/kvm: /dev/kvm is not for $(id -un)"
    else
        "$@" kvm || each_engine_failed=1
    fi
    return $each_engine_failed
}
