// SPDX-License-Identifier: ISC
/*
 * Mappings, which are page ranges of their own. Pages whose protection was
 * changed are made writable again before they are given back.
 */
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

static int any_protected; // since the start of the program

static size_t page_round(size_t len)
{
    return (len + HV_PAGE - 1) & -HV_PAGE;
}

static int is_range(const void *addr, size_t len)
{
    return (uintptr_t)addr % HV_PAGE == 0 && len && len <= SIZE_MAX - HV_PAGE;
}

static int protect(void *addr, size_t len, int prot)
{
    uint32_t hv = prot == PROT_NONE ? HV_PROT_NONE : HV_PROT_READ;
    if (prot & PROT_WRITE)
        hv |= HV_PROT_WRITE;
    if (prot & PROT_EXEC)
        hv |= HV_PROT_EXEC;
    any_protected = 1;
    long r = hv_memory(HV_MEM_PROTECT, addr, page_round(len), hv);
    return r == HV_EPERM ? -EACCES : r;
}

// The part of the file that there is; the rest stays zeros.
static ssize_t fill(struct file *f, char *to, size_t len, off_t offset)
{
    if ((f->flags & O_ACCMODE) == O_WRONLY)
        return -EACCES;
    size_t done = 0;
    while (done < len) {
        ssize_t r = file_read_at(f, to + done, len - done, offset + done);
        if (r < 0)
            return r == -ESPIPE ? -ENODEV : r;
        if (r == 0)
            break;
        done += r;
    }
    return 0;
}

static long map(void *addr, size_t len, int prot, int flags, int fd,
                off_t offset, void **out)
{
    int kind = flags & (MAP_SHARED | MAP_PRIVATE);
    if (!len || (kind != MAP_SHARED && kind != MAP_PRIVATE))
        return -EINVAL;
    if (flags & MAP_FIXED)
        return addr ? -ENOTSUP : -EINVAL;
    if (!(flags & MAP_ANONYMOUS) && (offset < 0 || offset % HV_PAGE))
        return -EINVAL;
    struct file *f = NULL;
    if (!(flags & MAP_ANONYMOUS)) {
        if (kind == MAP_SHARED && prot & PROT_WRITE)
            return -ENOTSUP;
        f = fd_get(fd);
        if (!f)
            return -EBADF;
    }
    char *pages = pages_alloc(len);
    long r = pages ? 0 : -ENOMEM;
    if (pages && f)
        r = fill(f, pages, len, offset);
    if (f)
        fd_put(f);
    if (r == 0 && prot != (PROT_READ | PROT_WRITE))
        r = protect(pages, len, prot);
    if (r < 0 && pages)
        pages_free(pages, len);
    *out = pages;
    return r;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
    void *out;
    return result(map(addr, len, prot, flags, fd, offset, &out)) < 0
               ? MAP_FAILED
               : out;
}

int munmap(void *addr, size_t len)
{
    if (!is_range(addr, len))
        return result(-EINVAL);
    if (any_protected)
        protect(addr, len, PROT_READ | PROT_WRITE);
    pages_free(addr, len);
    return 0;
}

int mprotect(void *addr, size_t len, int prot)
{
    if ((uintptr_t)addr % HV_PAGE)
        return result(-EINVAL);
    return len ? result(protect(addr, len, prot)) : 0;
}

int madvise(void *addr, size_t len, int advice)
{
    if ((uintptr_t)addr % HV_PAGE)
        return result(-EINVAL);
    if (advice != MADV_DONTNEED || !len)
        return 0;
    return result(
        hv_memory(HV_MEM_RELEASE, addr, page_round(len), 0) < 0 ? -EINVAL : 0);
}

int posix_madvise(void *addr, size_t len, int advice)
{
    (void)addr, (void)len, (void)advice;
    return 0;
}

// There is no file that a mapping could differ from.
int msync(void *addr, size_t len, int flags)
{
    (void)len, (void)flags;
    return result((uintptr_t)addr % HV_PAGE ? -EINVAL : 0);
}

// The guest has no swap.
int mlock(const void *addr, size_t len)
{
    (void)addr, (void)len;
    return 0;
}

int munlock(const void *addr, size_t len)
{
    (void)addr, (void)len;
    return 0;
}

int mlockall(int flags)
{
    (void)flags;
    return 0;
}

int munlockall(void)
{
    return 0;
}
