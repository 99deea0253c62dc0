// SPDX-License-Identifier: ISC
// What POSIX lets a program ask about files and the system.
#include "unikernel-runtime/fs/ramfs.h"
#include "unikernel-runtime/libc/result.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// The same for all files; -1 with errno as it was: no limit.
static long limit_of(int name)
{
    switch (name) {
    case _PC_LINK_MAX:
        return 1;
    case _PC_MAX_CANON:
    case _PC_MAX_INPUT:
        return 255;
    case _PC_NAME_MAX:
        return RAMFS_NAME_MAX;
    case _PC_PATH_MAX:
    case _PC_SYMLINK_MAX:
        return PATH_MAX;
    case _PC_PIPE_BUF:
        return PIPE_BUF;
    case _PC_CHOWN_RESTRICTED:
    case _PC_NO_TRUNC:
    case _PC_2_SYMLINKS:
        return 1;
    case _PC_VDISABLE:
        return 0;
    case _PC_FILESIZEBITS:
        return 64;
    case _PC_ALLOC_SIZE_MIN:
    case _PC_REC_MIN_XFER_SIZE:
    case _PC_REC_XFER_ALIGN:
        return 4096;
    case _PC_TIMESTAMP_RESOLUTION:
        return 1;
    case _PC_ASYNC_IO:
    case _PC_PRIO_IO:
    case _PC_SYNC_IO:
    case _PC_REC_INCR_XFER_SIZE:
    case _PC_REC_MAX_XFER_SIZE:
        return -1;
    default:
        return result(-EINVAL);
    }
}

long pathconf(const char *path, int name)
{
    struct stat st;
    return stat(path, &st) < 0 ? -1 : limit_of(name);
}

long fpathconf(int fd, int name)
{
    struct stat st;
    return fstat(fd, &st) < 0 ? -1 : limit_of(name);
}

size_t confstr(int name, char *out, size_t len)
{
    static const char path[] = "/bin";
    if (name != _CS_PATH)
        return result(-EINVAL) + 1;
    if (len)
        strlcpy(out, path, len);
    return sizeof path;
}
