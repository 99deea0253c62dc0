// SPDX-License-Identifier: ISC
// Room for a full disk; see reserve.h.

#include "node-agent/agent/reserve.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/log.h"

#define NAME "reserve"

static uint64_t room(const struct reserve *r)
{
    struct statvfs v;

    return fstatvfs(r->folder, &v) < 0 ? UINT64_MAX
                                       : (uint64_t)v.f_bavail * v.f_frsize;
}

static void reserve_make(struct reserve *r)
{
    int fd = openat(r->folder, NAME, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    // Blocks of its own, whatever the file system does with zeros.
    r->held = fd >= 0 && posix_fallocate(fd, 0, RESERVE_BYTES) == 0;
    if (fd >= 0)
        close(fd);
    if (!r->held)
        unlinkat(r->folder, NAME, 0);
}

void reserve_look(struct reserve *r, uint64_t now_ns)
{
    uint64_t left;

    if (r->folder < 0 || now_ns < r->look_ns)
        return;
    r->look_ns = now_ns + RESERVE_LOOK_NS;
    left = room(r);
    if (r->held && left < RESERVE_LOW) {
        log_error("the disk is full: the last %llu MiB that were kept for it "
                  "are given up; make room",
                  RESERVE_BYTES >> 20);
        unlinkat(r->folder, NAME, 0);
        r->held = false;
    } else if (!r->held && left > 2 * RESERVE_BYTES) {
        reserve_make(r);
    }
}

void reserve_open(struct reserve *r, uint64_t now_ns)
{
    *r = (struct reserve)RESERVE_INIT;
    r->folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r->held = r->folder >= 0 && faccessat(r->folder, NAME, F_OK, 0) == 0;
    reserve_look(r, now_ns);
}

void reserve_close(struct reserve *r)
{
    if (r->folder >= 0)
        close(r->folder);
    r->folder = -1;
}
