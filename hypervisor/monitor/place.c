// SPDX-License-Identifier: ISC
// A monitor's memory; see place.h.

#include "hypervisor/monitor/place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hypervisor/dev/device.h"
#include "lib/cleanup.h"

// Linkers put common symbols behind all other variables, in front of
// DEVICE_MEMORY.
struct place place __attribute__((common, aligned(HV_PAGE)));

// So that the program is loaded where a page of page tables begins.
static uint8_t anchor DEVICE_MEMORY __attribute__((aligned(2ul << 20), used));

static uintptr_t old_low, old_high; // the kernel's stack

// No stdio: its buffers would be one more place to keep in every monitor.
static int find_stack(int fd)
{
    static const char name[] = "[stack]";
    char text[16384];
    size_t len = 0;
    ssize_t n;
    char *at, *line;

    while (len < sizeof(text) - 1 &&
           (n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
        len += n;
    text[len] = 0;
    at = strstr(text, name);
    if (!at)
        return -1;
    for (line = at; line > text && line[-1] != '\n';)
        line--;
    old_low = strtoul(line, &line, 16);
    old_high = strtoul(line + 1, NULL, 16);
    return old_low < old_high ? 0 : -1;
}

int place_prepare(int proc_fd, struct err *e)
{
    cleanup_close int fd = openat(proc_fd, "self/maps", O_RDONLY | O_CLOEXEC);

    if (fd < 0 || find_stack(fd) < 0)
        return err_set(e, EIO, "/proc/self/maps does not show a stack");
    if (mprotect(place.guard, sizeof(place.guard), PROT_NONE) < 0)
        return err_errno(e, "guarding the monitor's stack");
    return 0;
}

void *place_map(void *at, size_t len, int fd, uint64_t offset)
{
    void *p = mmap(at, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
                   offset);

    return p == MAP_FAILED ? NULL : p;
}

// It may have grown since it was found: the kernel keeps more than this free
// below every stack.
#define GROWN (16ul << 20)

__attribute__((noreturn)) static void arrive(const void *arg,
                                             void (*next)(const void *))
{
    // Nothing that matters if it stays: page tables.
    munmap((void *)(old_low - GROWN), old_high - old_low + GROWN);
    next(arg);
    __builtin_unreachable();
}

__attribute__((noreturn)) void place_run(void (*next)(const void *),
                                         const void *arg, size_t len)
{
    uint8_t *top = place.stack + sizeof(place.stack) - ((len + 63) & ~63ul);

    memcpy(top, arg, len);
    __asm__ volatile("mov   %0, %%rsp\n\t"
                     "xor   %%ebp, %%ebp\n\t"
                     "call  *%1\n\t"
                     "ud2"
                     :
                     : "r"(top), "r"(arrive), "D"(top), "S"(next)
                     : "memory");
    __builtin_unreachable();
}
