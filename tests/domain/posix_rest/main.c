// SPDX-License-Identifier: ISC
// Functions of POSIX that belong to no larger group, and the long options.
#include "tests/domain/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <regex.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <syslog.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>

static void files(void)
{
    struct stat st;
    struct statvfs vfs;
    CHECK(umask(027) == 022 && umask(027) == 027);
    int fd = open("/tmp/mode", O_RDWR | O_CREAT, 0666);
    CHECK(fd >= 0 && !fstat(fd, &st) && (st.st_mode & 0777) == 0640);
    CHECK(!chmod("/tmp/mode", 0604) && !stat("/tmp/mode", &st));
    CHECK((st.st_mode & 0777) == 0604);
    CHECK(!fchmod(fd, 0755) && !lstat("/tmp/mode", &st));
    CHECK((st.st_mode & 0777) == 0755 && S_ISREG(st.st_mode));
    CHECK(chmod("/tmp/none", 0) == -1 && errno == ENOENT);
    CHECK(fchmod(-1, 0) == -1 && errno == EBADF);
    CHECK(!chown("/tmp/mode", 0, 0) && !lchown("/tmp/mode", -1, -1));
    CHECK(!fstatvfs(fd, &vfs) && vfs.f_bsize > 0 && vfs.f_namemax >= 14);
    CHECK(fstatvfs(-1, &vfs) == -1 && errno == EBADF);
    close(fd);
    umask(022);

    CHECK(!mkdir("/tmp/folder", 0777));
    int folder = open("/tmp/folder", O_RDONLY | O_DIRECTORY);
    CHECK(folder >= 0 && !fchdir(folder));
    char path[64];
    CHECK(getcwd(path, sizeof path) && !strcmp(path, "/tmp/folder"));
    CHECK(fchdir(-1) == -1 && errno == EBADF);
    for (char name[] = "a"; name[0] <= 'e'; name[0]++)
        close(creat(name, 0666));
    DIR *d = opendir(".");
    CHECK(d && dirfd(d) >= 0);
    CHECK(readdir(d) && readdir(d));
    long at = telldir(d);
    char third[16];
    const struct dirent *e = readdir(d);
    CHECK(e && strlcpy(third, e->d_name, sizeof third));
    CHECK(readdir(d));
    seekdir(d, at);
    CHECK((e = readdir(d)) && !strcmp(e->d_name, third));
    rewinddir(d);
    int n = 0;
    while (readdir(d))
        n++;
    CHECK(n == 7); // with . and ..
    CHECK(!closedir(d));
    chdir("/");
}

static void memory(void)
{
    void *p;
    CHECK(!posix_memalign(&p, 4096, 100) && !((uintptr_t)p & 4095));
    CHECK(posix_memalign(&p, 3, 100) == EINVAL);
    CHECK(posix_memalign(&p, 16, SIZE_MAX / 2) == ENOMEM);
    char *m = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(m != MAP_FAILED);
    CHECK(!mlock(m, 8192) && !munlock(m, 8192));
    CHECK(!mlockall(MCL_CURRENT) && !munlockall());
    CHECK(!posix_madvise(m, 8192, POSIX_MADV_SEQUENTIAL));
    CHECK(!msync(m, 8192, MS_SYNC));
    CHECK(!munmap(m, 8192));
}

static void terminal(void)
{
    struct termios t;
    CHECK(isatty(0) && isatty(1) && isatty(2));
    CHECK(!tcgetattr(0, &t));
    CHECK(!cfsetispeed(&t, B9600) && cfgetispeed(&t) == B9600);
    CHECK(!cfsetospeed(&t, B38400) && cfgetospeed(&t) == B38400);
    CHECK(!tcsetattr(0, TCSAFLUSH, &t));
    CHECK(!tcdrain(1) && !tcflush(0, TCIFLUSH) && !tcsendbreak(1, 0));
    CHECK(tcdrain(-1) == -1 && errno == EBADF);
    int fd = open("/tmp/mode", O_RDONLY);
    CHECK(tcflush(fd, TCIFLUSH) == -1 && errno == ENOTTY);
    CHECK(tcgetattr(fd, &t) == -1 && errno == ENOTTY && !isatty(fd));
    close(fd);
    CHECK(!tcsetpgrp(0, getpgrp()));
}

static void little(void)
{
    char variable[] = "RT_PUT=5";
    CHECK(!putenv(variable) && !strcmp(getenv("RT_PUT"), "5"));

    unsigned a = 7, b = 7;
    int first = rand_r(&a);
    CHECK(first == rand_r(&b) && a == b && first >= 0 && rand_r(&a) >= 0);

    const struct lconv *l = localeconv();
    CHECK(l && !strcmp(l->decimal_point, "."));

    struct timespec ts;
    CHECK(!clock_getres(CLOCK_MONOTONIC, &ts) && !ts.tv_sec && ts.tv_nsec > 0);
    CHECK(clock_getres(77, &ts) == -1 && errno == EINVAL);

    regex_t re;
    char text[80];
    int r = regcomp(&re, "a(b", REG_EXTENDED);
    CHECK(r && regerror(r, &re, text, sizeof text) > 5 && strlen(text) > 4);

    openlog("rest", LOG_PID, LOG_USER);
    syslog(LOG_INFO, "%s", "said");
    closelog();

    wordexp_t w = {0};
    CHECK(wordexp("a", &w, 0) != 0); // there is no shell
    wordfree(&w);
}

static void options(void)
{
    static int flag;
    static const struct option longs[] = {
        {"verbose", no_argument, NULL, 'v'},
        {"size", required_argument, NULL, 's'},
        {"level", optional_argument, NULL, 'l'},
        {"flag", no_argument, &flag, 9},
        {NULL, 0, NULL, 0},
    };
    char *args[] = {"prog",    "--size=10", "file",   "-v",   "--size", "11",
                    "--level", "--level=3", "--flag", "--ve", "--",     "-v"};
    char got[64] = "";
    int c, index;
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(12, args, "vs:l::", longs, &index)) != -1) {
        char one[16];
        snprintf(one, sizeof one, "%c%s ", c ? c : '0', optarg ? optarg : "");
        strcat(got, one);
    }
    CHECK(!strcmp(got, "s10 v s11 l l3 0 v ") && flag == 9);
    // What is no option has moved behind them.
    CHECK(optind == 10 && !strcmp(args[10], "file") && !strcmp(args[11], "-v"));

    char *bad[] = {"prog", "--nothing", "--size", NULL};
    optind = 0;
    CHECK(getopt_long(3, bad, ":s:", longs, NULL) == '?');
    CHECK(getopt_long(3, bad, ":s:", longs, NULL) == ':');
    char *unknown[] = {"prog", "file", "-xv", "--n=5", "--verbose=7",
                       "-l",   "-s",   "5",   "--",    NULL};
    strcpy(got, "");
    optind = 0;
    while ((c = getopt_long(9, unknown, "vs:l::", longs, NULL)) != -1)
        strncat(got, (char[]){c}, 1);
    CHECK(!strcmp(got, "?v??ls") && optind == 8);
    CHECK(!strcmp(unknown[8], "file"));
    optind = 0;
    CHECK(getopt_long(9, unknown, "+v", longs, NULL) == '?');
    CHECK(getopt_long(9, unknown, "+v", longs, NULL) == 'v'); // of -xv
    char *stops[] = {"prog", "file", "-v", NULL};
    optind = 0;
    CHECK(getopt_long(3, stops, "+v", longs, NULL) == -1 && optind == 1);
    optind = 0;
    CHECK(getopt(3, stops, "-v") == 1 && !strcmp(optarg, "file"));
    CHECK(getopt(3, stops, "-v") == 'v' && getopt(3, stops, "-v") == -1);
    char *single[] = {"prog", "-size", "5", NULL};
    optind = 0;
    CHECK(getopt_long_only(3, single, "", longs, NULL) == 's');
    CHECK(!strcmp(optarg, "5"));
}

static void at_abort(int status)
{
    printf("%d\n", status);
    fflush(stdout);
    abort();
}

int main(void)
{
    files();
    memory();
    terminal();
    little();
    options();
    at_abort(7);
    return 0;
}
