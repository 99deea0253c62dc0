# SPDX-License-Identifier: ISC
# Completion of hostel(1) for bash: verbs, options, contexts, files, the numbers
# of submissions or, for the operator, the names of domains.

_hostel_home() {
    printf '%s' "${HOSTEL_HOME:-$HOME/.config/hostel}"
}

# The first word that is neither an option nor an option's value.
_hostel_verb() {
    local i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        -C | -H | -S | -k | --context | --host | --socket | --key) ((i++)) ;;
        -*) ;;
        *) printf '%s' "${COMP_WORDS[i]}"; return ;;
        esac
    done
}

_hostel_names() { # FOLDER SUFFIX
    local f
    for f in "$(_hostel_home)/$1"/*"$2"; do
        [ -e "$f" ] && basename "$f" "$2"
    done
}

_hostel_submissions() {
    hostel list 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_hostel() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verb words= files=
    verb=$(_hostel_verb)
    COMPREPLY=()

    case $prev in
    -C | --context)
        COMPREPLY=($(compgen -W "$(_hostel_names contexts .cfg)" -- "$cur"))
        return ;;
    -k | --key)
        COMPREPLY=($(compgen -W "$(_hostel_names keys .key)" -- "$cur")
            $(compgen -f -- "$cur"))
        return ;;
    -S | --socket | -o | --output)
        COMPREPLY=($(compgen -f -- "$cur"))
        return ;;
    esac

    case $verb in
    '') words=$(hostel help 2>/dev/null | awk '/^  [a-z]/ { print $1 }')
        words="$words help version -C -H -S -k -v --help" ;;
    help) words=$(hostel help 2>/dev/null | awk '/^  [a-z]/ { print $1 }') ;;
    context)
        words="list show use remove add --json --node-id -k"
        case $prev in
        use | remove | show) words=$(_hostel_names contexts .cfg) ;;
        esac ;;
    node) words="info ratecard --json" ;;
    create)
        words="-c -n -p -q -f"
        files=1 ;;
    pause | unpause | reboot) words="-a $(_hostel_submissions)" ;;
    shutdown) words="-a -w $(_hostel_submissions)" ;;
    rename | domname | domid | mem-set | mem-max | vcpu-list | network-list | \
        block-list | uptime) words=$(_hostel_submissions) ;;
    trigger) words="$(_hostel_submissions) power reset" ;;
    sched-credit)
        words="-d -w -c"
        [ "$prev" = -d ] && words=$(_hostel_submissions) ;;
    top) words="-b -d -i -s -f -r" ;;
    account)
        words="show events create credit credit-note debit-note set list --json
            --id --reference --submission --currency --credit-limit
            --low-balance --name --after --customer" ;;
    keygen) words="-f" ;;
    call) words="-t $(_hostel_submissions)"; files=1 ;;
    join) words="-n" ;;
    invite) words="-n -c -u -d" ;;
    key) words="list add revoke -a -n" ;;
    audit) words="-n -c -m --json" ;;
    drain) words="-w --off" ;;
    quota) words="--submissions --memory --store --volumes" ;;
    volume)
        words="create list show upload download snapshot clone delete -q -r -o
            -d -c -j"
        files=1 ;;
    bundle | run | quote)
        words="-k -a -n -m -e --cpu-ms --wall-ms --build-cpu-ms --console-kib --output-kib
            --max-cost --valid-hours -s --service --function --restart
            --restarts --backoff-ms --concurrency --request-ms --cpu-weight --cpu-cap \
            --net --publish --link --net-in-mib --net-out-mib --volume"
        files=1 ;;
    submit) words="-d"; files=1 ;;
    inspect | verify | verify-receipt) words="--json -n -a"; files=1 ;;
    list) words="--live --state --outcome --name --json -n" ;;
    events) words="--json -q $(_hostel_submissions)" ;;
    show | usage | wait) words="--json $(_hostel_submissions)" ;;
    console | destroy | debug | dump-core | trace) words=$(_hostel_submissions) ;;
    logs) words="-f -b --since $(_hostel_submissions)" ;;
    outputs) words="-o --tar $(_hostel_submissions)"; files=1 ;;
    receipt) words="-o -p --so-far $(_hostel_submissions)" ;;
    invoice) words="--month --customer --list --number --json --records --html
        --csv --issue --until -o" ;;
    statement | spend) words="--month --customer --json" ;;
    witness) words="update show check"; files=1 ;;
    export) words="--csv --month --customer --format --after --cursor -o" ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
    [ -n "$files" ] && COMPREPLY+=($(compgen -f -- "$cur"))
}

complete -o filenames -F _hostel hostel
