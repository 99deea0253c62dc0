# SPDX-License-Identifier: ISC
# Sourced by tests that give a domain files.

# initrd DIR: its contents as a cpio archive ("newc").
member() # name mode nlink size
{
    local name=$1
    printf '070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s\0' \
        0 "$2" 0 0 "$3" 0 "$4" 0 0 0 0 $((${#name} + 1)) 0 "$name"
    head -c $(((4 - (110 + ${#name} + 1) % 4) % 4)) /dev/zero
}
initrd()
{
    local path size
    (cd "$1" && find . -mindepth 1) | sort | while IFS= read -r path; do
        path=${path#./}
        if [ -d "$1/$path" ]; then
            member "$path" 0x41ed 2 0
        else
            size=$(stat -c %s "$1/$path")
            member "$path" 0x81a4 1 "$size"
            cat "$1/$path"
            head -c $(((4 - size % 4) % 4)) /dev/zero
        fi
    done
    member 'TRAILER!!!' 0 1 0
}
