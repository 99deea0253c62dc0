// SPDX-License-Identifier: ISC
// What POSIX says of files and folders, tried in a folder of any file system.
// Each program that includes this calls files_try().
#include "tests/domain/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define FAILS(call, error) CHECK((errno = 0, (call) == -1 && errno == (error)))

static int file_new(const char *path, const char *text)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0644);
    CHECK(fd >= 0);
    CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    return fd;
}

static int holds(const char *path, const char *text)
{
    char data[64] = "";
    int fd = open(path, O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t n = read(fd, data, sizeof data - 1);
    CHECK(close(fd) == 0);
    return n == (ssize_t)strlen(text) && !memcmp(data, text, n);
}

static void try_opening(void)
{
    struct stat st;
    FAILS(open("none", O_RDONLY), ENOENT);
    FAILS(open("none/none", O_RDONLY | O_CREAT, 0644), ENOENT);
    FAILS(open("", O_RDONLY), ENOENT);
    int fd = file_new("a", "hello");
    FAILS(open("a", O_RDWR | O_CREAT | O_EXCL, 0644), EEXIST);
    FAILS(open("a/b", O_RDONLY), ENOTDIR);
    FAILS(open("a/", O_RDONLY), ENOTDIR);
    FAILS(open("a", O_RDONLY | O_DIRECTORY), ENOTDIR);
    FAILS(open(".", O_WRONLY), EISDIR);
    char name[300];
    memset(name, 'n', 256);
    name[256] = '\0';
    FAILS(open(name, O_RDONLY | O_CREAT, 0644), ENAMETOOLONG);
    name[255] = '\0';
    int longest = open(name, O_RDWR | O_CREAT, 0600);
    CHECK(longest >= 0 && close(longest) == 0 && unlink(name) == 0);
    CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 5 &&
          st.st_nlink == 1);
    CHECK(close(fd) == 0 && holds("a", "hello"));
    fd = open("a", O_WRONLY | O_TRUNC);
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 0);
    FAILS(read(fd, name, 1), EBADF);
    CHECK(write(fd, "x", 1) == 1 && close(fd) == 0 && holds("a", "x"));
    fd = open("a", O_RDONLY);
    FAILS(write(fd, "y", 1), EBADF);
    CHECK(close(fd) == 0);
    umask(027);
    fd = open("masked", O_WRONLY | O_CREAT, 0666);
    umask(022);
    CHECK(fstat(fd, &st) == 0 && (st.st_mode & 0777) == 0640);
    CHECK(close(fd) == 0 && unlink("masked") == 0 && unlink("a") == 0);
    FAILS(unlink("a"), ENOENT);
}

static void try_moving_bytes(void)
{
    struct stat st;
    char data[16] = "";
    int fd = file_new("b", "0123456789");
    CHECK(lseek(fd, 0, SEEK_CUR) == 10 && lseek(fd, -3, SEEK_END) == 7);
    CHECK(read(fd, data, 16) == 3 && !memcmp(data, "789", 3));
    CHECK(read(fd, data, 16) == 0);
    FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK(pread(fd, data, 4, 2) == 4 && !memcmp(data, "2345", 4));
    CHECK(pwrite(fd, "AB", 2, 4) == 2 && lseek(fd, 0, SEEK_CUR) == 10);
    FAILS(pread(fd, data, 4, -1), EINVAL);
    struct iovec v[3] = {{"x", 1}, {"", 0}, {"yz", 2}};
    CHECK(writev(fd, v, 3) == 3);
    char p[4], q[9];
    struct iovec w[2] = {{p, 4}, {q, 9}};
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, w, 2) == 13);
    CHECK(!memcmp(p, "0123", 4) && !memcmp(q, "AB6789xyz", 9));
    // A hole is zeros; so is what comes back after a cut.
    CHECK(pwrite(fd, "end", 3, 10000) == 3);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 10003);
    CHECK(pread(fd, data, 8, 5000) == 8 &&
          !memcmp(data, "\0\0\0\0\0\0\0\0", 8));
    CHECK(ftruncate(fd, 6) == 0 && ftruncate(fd, 12) == 0);
    CHECK(pread(fd, data, 16, 0) == 12 &&
          !memcmp(data, "0123AB\0\0\0\0\0\0", 12));
    FAILS(ftruncate(fd, -1), EINVAL);
    CHECK(truncate("b", 3) == 0 && fstat(fd, &st) == 0 && st.st_size == 3);
    FAILS(truncate("none", 3), ENOENT);
    FAILS(truncate(".", 3), EISDIR);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(posix_fallocate(fd, 0, 100) == 0);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 100);
    CHECK(close(fd) == 0);
    fd = open("b", O_WRONLY | O_APPEND);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "app", 3) == 3);
    CHECK(lseek(fd, 0, SEEK_CUR) == 103 && close(fd) == 0);
    CHECK(stat("b", &st) == 0 && st.st_size == 103 && unlink("b") == 0);
}

static void try_without_name(void)
{
    struct stat st;
    char data[8];
    int fd = file_new("c", "still"), other = open("c", O_RDONLY);
    CHECK(unlink("c") == 0);
    FAILS(stat("c", &st), ENOENT);
    CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 5);
    CHECK(write(fd, " there", 6) == 6);
    CHECK(pread(fd, data, 8, 3) == 8 && !memcmp(data, "ll there", 8));
    CHECK(pread(other, data, 8, 0) == 8 && !memcmp(data, "still th", 8));
    CHECK(fchmod(fd, 0600) == 0 && ftruncate(fd, 2) == 0);
    // Another of that name has nothing to do with it.
    int new = file_new("c", "other");
    CHECK(pread(fd, data, 8, 0) == 2 && close(fd) == 0 && close(other) == 0);
    CHECK(close(new) == 0 && holds("c", "other") && unlink("c") == 0);
}

static void try_folders(void)
{
    struct stat st;
    FAILS(mkdir("x/y", 0755), ENOENT);
    CHECK(mkdir("d", 0755) == 0 && mkdir("d/e", 0700) == 0);
    FAILS(mkdir("d", 0755), EEXIST);
    FAILS(mkdir("d/e/../../d", 0755), EEXIST);
    CHECK(stat("d", &st) == 0 && S_ISDIR(st.st_mode));
    FAILS(rmdir("d"), ENOTEMPTY);
    FAILS(unlink("d"), EISDIR);
    FAILS(rmdir("none"), ENOENT);
    CHECK(close(file_new("d/f", "1")) == 0);
    FAILS(rmdir("d/f"), ENOTDIR);
    char cwd[PATH_MAX], here[PATH_MAX];
    CHECK(getcwd(here, sizeof here) && chdir("d/e") == 0);
    CHECK(getcwd(cwd, sizeof cwd) && !strncmp(cwd, here, strlen(here)) &&
          !strcmp(cwd + strlen(cwd) - 4, "/d/e"));
    CHECK(holds("../f", "1") && stat("..", &st) == 0);
    FAILS(chdir("../f"), ENOTDIR);
    CHECK(chdir("../..") == 0 && getcwd(cwd, sizeof cwd));
    CHECK(!strcmp(cwd, here));
    int dir = open("d", O_RDONLY | O_DIRECTORY);
    CHECK(dir >= 0 && fchdir(dir) == 0 && holds("f", "1"));
    CHECK(chdir(here) == 0 && fsync(dir) == 0);
    int fd = openat(dir, "g", O_CREAT | O_WRONLY, 0644);
    CHECK(fd >= 0 && close(fd) == 0 && unlinkat(dir, "g", 0) == 0);
    char data[4];
    FAILS(read(dir, data, 4), EISDIR);
    CHECK(close(dir) == 0 && unlink("d/f") == 0 && rmdir("d/e") == 0 &&
          rmdir("d") == 0);
}

static void try_listing(void)
{
    enum { FILES = 300 };
    char seen[FILES] = "", path[300];
    int dots = 0, n;
    CHECK(mkdir("many", 0755) == 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "many/file-number-%d", i);
        int fd = open(path, O_CREAT | O_WRONLY, 0644);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    DIR *d = opendir("many");
    const struct dirent *e;
    long middle = -1;
    char after[256] = "";
    CHECK(d);
    for (int i = 0; (e = readdir(d)); i++) {
        if (e->d_name[0] == '.') {
            dots++;
            continue;
        }
        CHECK(sscanf(e->d_name, "file-number-%d", &n) == 1 && n < FILES);
        CHECK(!seen[n]++ && e->d_type == DT_REG);
        if (i == 150)
            middle = telldir(d);
        if (i == 151)
            strcpy(after, e->d_name);
    }
    CHECK(dots == 2 && !memchr(seen, 0, FILES));
    seekdir(d, middle);
    e = readdir(d);
    CHECK(e && (!strcmp(e->d_name, after) || after[0] == '\0'));
    rewinddir(d);
    // Removed while it is read.
    for (n = 0; (e = readdir(d));)
        if (e->d_name[0] != '.') {
            snprintf(path, sizeof path, "many/%s", e->d_name);
            n += unlink(path) == 0;
        }
    CHECK(closedir(d) == 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "many/file-number-%d", i);
        unlink(path);
    }
    CHECK(n > 0 && rmdir("many") == 0);
}

static void try_renaming(void)
{
    struct stat st;
    CHECK(close(file_new("r1", "one")) == 0 &&
          close(file_new("r2", "two")) == 0);
    FAILS(rename("none", "x"), ENOENT);
    CHECK(rename("r1", "r3") == 0 && holds("r3", "one"));
    FAILS(stat("r1", &st), ENOENT);
    int fd = open("r2", O_RDONLY);
    CHECK(rename("r3", "r2") == 0 && holds("r2", "one"));
    char data[4] = "";
    CHECK(read(fd, data, 3) == 3 && !memcmp(data, "two", 3) && close(fd) == 0);
    CHECK(rename("r2", "r2") == 0 && holds("r2", "one"));
    CHECK(mkdir("rd", 0755) == 0 && mkdir("rd/sub", 0755) == 0);
    FAILS(rename("rd", "rd/sub/x"), EINVAL);
    FAILS(rename("rd", "r2"), ENOTDIR);
    FAILS(rename("r2", "rd"), EISDIR);
    CHECK(rename("r2", "rd/sub/r2") == 0 && rename("rd", "re") == 0);
    CHECK(holds("re/sub/r2", "one"));
    CHECK(mkdir("rf", 0755) == 0);
    FAILS(rename("rf", "re"), ENOTEMPTY);
    CHECK(rename("re/sub", "rf") == 0 && holds("rf/r2", "one"));
    CHECK(unlink("rf/r2") == 0 && rmdir("rf") == 0 && rmdir("re") == 0);
}

static void try_links(void)
{
    char to[64] = "", path[PATH_MAX], here[PATH_MAX];
    struct stat st;
    CHECK(close(file_new("target", "reached")) == 0);
    CHECK(mkdir("ld", 0755) == 0 && symlink("../target", "ld/l") == 0);
    FAILS(symlink("x", "ld/l"), EEXIST);
    FAILS(symlink("", "ld/e"), ENOENT);
    CHECK(holds("ld/l", "reached"));
    CHECK(readlink("ld/l", to, 64) == 9 && !memcmp(to, "../target", 9));
    CHECK(readlink("ld/l", to, 2) == 2);
    FAILS(readlink("target", to, 64), EINVAL);
    CHECK(lstat("ld/l", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 9);
    CHECK(stat("ld/l", &st) == 0 && S_ISREG(st.st_mode));
    FAILS(open("ld/l", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK(symlink("ld", "to-ld") == 0 && holds("to-ld/l", "reached"));
    CHECK(getcwd(here, sizeof here) && realpath("to-ld/l", path));
    CHECK(!strncmp(path, here, strlen(here)) &&
          !strcmp(path + strlen(here), "/target"));
    // To nowhere; a file can be made through it.
    CHECK(symlink("made", "dangling") == 0);
    FAILS(open("dangling", O_RDONLY), ENOENT);
    FAILS(open("dangling", O_WRONLY | O_CREAT | O_EXCL, 0644), EEXIST);
    int fd = open("dangling", O_WRONLY | O_CREAT, 0644);
    CHECK(fd >= 0 && write(fd, "m", 1) == 1 && close(fd) == 0);
    CHECK(holds("made", "m"));
    CHECK(symlink("loop2", "loop1") == 0 && symlink("loop1", "loop2") == 0);
    FAILS(open("loop1", O_RDONLY), ELOOP);
    // An absolute one is the domain's own: never the host's.
    CHECK(symlink("/dev/null", "device") == 0);
    fd = open("device", O_RDWR);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1 && read(fd, to, 1) == 0);
    CHECK(close(fd) == 0);
    const char *const all[] = {"target", "ld/l",  "to-ld", "dangling",
                               "made",   "loop1", "loop2", "device"};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        CHECK(unlink(all[i]) == 0);
    CHECK(rmdir("ld") == 0);
}

static void try_attributes(void)
{
    struct stat st;
    int fd = file_new("t", "x");
    CHECK(fchmod(fd, 0640) == 0 && fstat(fd, &st) == 0);
    CHECK((st.st_mode & 0777) == 0640);
    CHECK(chmod("t", 0604) == 0 && stat("t", &st) == 0 &&
          (st.st_mode & 0777) == 0604);
    FAILS(chmod("none", 0644), ENOENT);
    const struct timespec times[2] = {{1000000, 5}, {2000000, 7000}};
    CHECK(futimens(fd, times) == 0 && fstat(fd, &st) == 0);
    CHECK(st.st_mtim.tv_sec == 2000000 && st.st_mtim.tv_nsec == 7000);
    CHECK(close(fd) == 0 && stat("t", &st) == 0);
    CHECK(st.st_mtim.tv_sec == 2000000);
    CHECK(access("t", R_OK) == 0 && access(".", X_OK) == 0);
    FAILS(access("none", F_OK), ENOENT);
    FAILS(link("t", "t2"), EPERM);
    FAILS(mkfifo("fifo", 0644), ENOSYS);
    CHECK(unlink("t") == 0);
}

static void try_mapping(void)
{
    char big[10000];
    for (unsigned i = 0; i < sizeof big; i++)
        big[i] = 'a' + i % 26;
    int fd = open("m", O_RDWR | O_CREAT, 0644);
    CHECK(write(fd, big, sizeof big) == sizeof big);
    char *at =
        mmap(NULL, sizeof big, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    CHECK(at != MAP_FAILED && !memcmp(at, big, sizeof big));
    at[0] = 'Z';
    CHECK(pread(fd, big, 1, 0) == 1 && big[0] == 'a');
    CHECK(munmap(at, sizeof big) == 0);
    at = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 8192);
    CHECK(at != MAP_FAILED && at[0] == 'a' + 8192 % 26 && at[4000] == 0);
    CHECK(munmap(at, 4096) == 0 && close(fd) == 0 && unlink("m") == 0);
}

static void try_locks(void)
{
    int a = file_new("lock", ""), b = open("lock", O_RDWR);
    CHECK(flock(a, LOCK_EX) == 0);
    FAILS(flock(b, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK(flock(a, LOCK_SH) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0);
    CHECK(flock(b, LOCK_UN) == 0 && flock(a, LOCK_UN) == 0);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    CHECK(fcntl(a, F_SETLK, &l) == 0);
    CHECK(fcntl(b, F_SETLK, &l) == 0); // one process
    l.l_type = F_WRLCK;
    CHECK(fcntl(b, F_GETLK, &l) == 0 && l.l_type == F_UNLCK);
    CHECK(close(a) == 0 && close(b) == 0 && unlink("lock") == 0);
}

static void try_stdio(void)
{
    FILE *f = fopen("s", "w+");
    CHECK(f);
    for (int i = 0; i < 20000; i++)
        CHECK(fprintf(f, "%d\n", i) > 0);
    rewind(f);
    for (int i = 0, n; i < 20000; i++)
        CHECK(fscanf(f, "%d", &n) == 1 && n == i);
    CHECK(fclose(f) == 0 && remove("s") == 0);
}

static inline void files_try(const char *folder)
{
    struct statvfs v;
    CHECK(chdir(folder) == 0);
    CHECK(mkdir("try", 0755) == 0 && chdir("try") == 0);
    try_opening();
    try_moving_bytes();
    try_without_name();
    try_folders();
    try_listing();
    try_renaming();
    try_links();
    try_attributes();
    try_mapping();
    try_locks();
    try_stdio();
    CHECK(statvfs(".", &v) == 0 && v.f_namemax == 255 && v.f_frsize);
    CHECK(chdir("..") == 0 && rmdir("try") == 0);
}
