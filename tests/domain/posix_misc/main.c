// SPDX-License-Identifier: ISC
// Mappings, vectors, paths, folders, times, terminals and limits.
#define _GNU_SOURCE
#include "tests/domain/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <syslog.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static void make(const char *path, const char *text)
{
    int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    CHECK(!close(fd));
}

static void mappings(void)
{
    size_t len = 5 * 4096 + 1;
    char *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(p != MAP_FAILED && (unsigned long)p % 4096 == 0);
    for (size_t i = 0; i < len; i++)
        CHECK(!p[i]);
    memset(p, 'x', len);
    CHECK(!madvise(p, 4096, MADV_DONTNEED) && !p[0] && p[4096] == 'x');
    CHECK(!mprotect(p, 4096, PROT_READ) && !p[0]);
    CHECK(mprotect(p, 4096, PROT_WRITE | PROT_EXEC) == -1 && errno == EACCES);
    CHECK(!munmap(p, len));
    // Handed out again: zeros, and writable.
    char *again = mmap(NULL, len, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(again != MAP_FAILED && !again[4096]);
    memset(again, 'y', len);
    CHECK(!munmap(again, 2 * 4096) && again[2 * 4096] == 'y');
    CHECK(!munmap(again + 2 * 4096, len - 2 * 4096));
    CHECK(mmap(NULL, 1l << 40, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
               0) == MAP_FAILED &&
          errno == ENOMEM);
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
              MAP_FAILED &&
          errno == EINVAL);

    make("/tmp/mapped", "what is in the file");
    int fd = open("/tmp/mapped", O_RDONLY);
    char *f = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(f != MAP_FAILED && !strcmp(f, "what is in the file"));
    f[0] = 'W';
    char c;
    CHECK(pread(fd, &c, 1, 0) == 1 && c == 'w' && !munmap(f, 4096));
    CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) ==
              MAP_FAILED &&
          errno == ENOTSUP);
    CHECK(!close(fd));
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED &&
          errno == EBADF);
}

static void vectors(void)
{
    int fd = open("/tmp/vector", O_CREAT | O_RDWR, 0644);
    struct iovec w[3] = {{"one ", 4}, {"", 0}, {"two", 3}};
    CHECK(writev(fd, w, 3) == 7 && writev(fd, w, 0) == -1 && errno == EINVAL);
    char a[3], b[10];
    struct iovec r[2] = {{a, sizeof a}, {b, sizeof b}};
    CHECK(!lseek(fd, 0, SEEK_SET) && readv(fd, r, 2) == 7);
    CHECK(!memcmp(a, "one", 3) && !memcmp(b, " two", 4));
    CHECK(pwrite(fd, "X", 1, 20) == 1 && lseek(fd, 0, SEEK_CUR) == 7);
    struct stat st;
    CHECK(!fstat(fd, &st) && st.st_size == 21);
    CHECK(pread(fd, b, 10, 15) == 6 && !b[0] && b[5] == 'X' && !close(fd));
}

static int only_g(const struct dirent *d)
{
    return d->d_name[0] == 'g';
}

static void paths(void)
{
    CHECK(!mkdir("/tmp/d", 0755) && !mkdir("/tmp/d/e", 0755));
    make("/tmp/d/g1.c", "");
    make("/tmp/d/g2.c", "");
    make("/tmp/d/h.txt", "");
    char path[PATH_MAX], *p;
    CHECK(!chdir("/tmp/d/e"));
    CHECK(realpath(".././/e/../g1.c", path) && !strcmp(path, "/tmp/d/g1.c"));
    p = realpath("/..", NULL);
    CHECK(p && !strcmp(p, "/"));
    free(p);
    CHECK(!realpath("../nothing", path) && errno == ENOENT);
    CHECK(!realpath("", path) && errno == ENOENT);
    CHECK(!chdir("/"));

    glob_t g;
    CHECK(!glob("/tmp/d/*.c", 0, NULL, &g) && g.gl_pathc == 2);
    CHECK(!strcmp(g.gl_pathv[1], "/tmp/d/g2.c"));
    globfree(&g);
    CHECK(glob("/tmp/d/*.z", 0, NULL, &g) == GLOB_NOMATCH);

    struct dirent **list;
    CHECK(scandir("/tmp/d", &list, only_g, alphasort) == 2);
    CHECK(!strcmp(list[0]->d_name, "g1.c") && list[0]->d_type == DT_REG);
    struct statvfs vfs;
    CHECK(!statvfs("/tmp", &vfs) && vfs.f_bfree && vfs.f_bfree < vfs.f_blocks);
}

static void times_(void)
{
    for (long t = -5000000000; t < 10000000000; t += 12345677) {
        time_t from = t;
        struct tm tm;
        CHECK(gmtime_r(&from, &tm) && timegm(&tm) == t);
    }
    struct tm odd = {.tm_year = 124, .tm_mon = 13, .tm_mday = 31};
    CHECK(timegm(&odd) == 1740960000); // 31 February 2025 is 3 March
    CHECK(odd.tm_mon == 2 && odd.tm_mday == 3 && odd.tm_wday == 1);

    clockid_t clock;
    struct timespec a, b;
    CHECK(!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a));
    for (volatile int i = 0; i < 1000000; i++)
        continue;
    CHECK(!pthread_getcpuclockid(pthread_self(), &clock));
    CHECK(!clock_gettime(clock, &b));
    CHECK(b.tv_sec > a.tv_sec || b.tv_nsec > a.tv_nsec);
    CHECK(clock_gettime(4711, &a) == -1 && errno == EINVAL);
}

static void terminal(void)
{
    struct termios t;
    struct winsize size;
    int null = open("/dev/null", O_RDWR);
    CHECK(isatty(1) && !isatty(null) && errno == ENOTTY);
    CHECK(!isatty(99) && errno == EBADF);
    CHECK(!tcgetattr(0, &t) && t.c_lflag & ICANON);
    cfmakeraw(&t);
    CHECK(!tcsetattr(0, TCSANOW, &t) && !tcgetattr(1, &t));
    CHECK(!(t.c_lflag & ICANON));
    CHECK(tcgetattr(null, &t) == -1 && errno == ENOTTY);
    CHECK(ioctl(1, TIOCGWINSZ, &size) == -1 && errno == ENOTTY);
}

static void limits(void)
{
    struct rlimit l;
    struct rusage u;
    CHECK(!getrlimit(RLIMIT_NOFILE, &l) && l.rlim_cur >= 1024);
    CHECK(!getrusage(RUSAGE_SELF, &u));
    CHECK(sysconf(_SC_PAGESIZE) == getpagesize());
    CHECK(sysconf(_SC_NPROCESSORS_ONLN) == 1);
}

int main(void)
{
    mappings();
    vectors();
    paths();
    times_();
    terminal();
    limits();
    openlog("misc", LOG_PID, LOG_USER);
    setlogmask(LOG_UPTO(LOG_NOTICE));
    syslog(LOG_DEBUG, "not this");
    syslog(LOG_NOTICE, "%s of %d", "all", 6);
    return 0;
}
