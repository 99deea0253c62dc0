// SPDX-License-Identifier: ISC
// A real clock that a test sets, for programs as they are: preloaded into them,
// it adds the 8 bytes in the file SHIFT_FILE (nanoseconds) to what libc says.
// The file is mapped when a process starts, so it works in roles that can open
// nothing any more.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *shift_ns;
static int (*libc_clock_gettime)(clockid_t, struct timespec *);

// Other libraries' constructors may ask for the time before.
__attribute__((constructor)) static void shift_open(void)
{
    int fd = open(SHIFT_FILE, O_RDONLY | O_CLOEXEC);
    void *map =
        fd < 0 ? MAP_FAILED
               : mmap(NULL, sizeof(*shift_ns), PROT_READ, MAP_SHARED, fd, 0);

    libc_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(
        RTLD_NEXT, "clock_gettime");
    if (map != MAP_FAILED)
        shift_ns = map;
    if (fd >= 0)
        close(fd);
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    int64_t ns;
    int r;

    if (!libc_clock_gettime)
        shift_open();
    r = libc_clock_gettime(id, t);
    if (r < 0 || !shift_ns ||
        (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE))
        return r;
    ns = t->tv_sec * 1000000000ll + t->tv_nsec + *shift_ns;
    t->tv_sec = ns / 1000000000;
    t->tv_nsec = ns % 1000000000;
    return 0;
}

time_t time(time_t *out)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    if (out)
        *out = t.tv_sec;
    return t.tv_sec;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec t;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &t);
    tv->tv_sec = t.tv_sec;
    tv->tv_usec = t.tv_nsec / 1000;
    return 0;
}
