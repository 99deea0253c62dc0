// Files relative to open folders, their times, and what else takes a path.
#define _GNU_SOURCE
#include "tests/domain/check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

static int seen_files, seen_folders, deepest;

static int visit(const char *path, const struct stat *st, int kind,
                 struct FTW *ftw)
{
    CHECK(!strncmp(path, "/tree", 5) && st->st_mode);
    CHECK(ftw->level == 0 || !strchr(path + ftw->base, '/'));
    seen_files += kind == FTW_F;
    seen_folders += kind == FTW_D || kind == FTW_DP;
    if (ftw->level > deepest)
        deepest = ftw->level;
    return 0;
}

static int stop_at_file(const char *path, const struct stat *st, int kind)
{
    (void)path, (void)st;
    return kind == FTW_F ? 42 : 0;
}

static int fails_with(int r, int error)
{
    return r == -1 && errno == error;
}

static void relative(void)
{
    struct stat st;
    CHECK(mkdir("/tree", 0755) == 0);
    int dir = open("/tree", O_RDONLY | O_DIRECTORY);
    CHECK(dir >= 0);
    CHECK(mkdirat(dir, "sub", 0700) == 0);
    int f = openat(dir, "sub/file", O_RDWR | O_CREAT, 0640);
    CHECK(f >= 0 && write(f, "12345", 5) == 5);
    CHECK(fstatat(dir, "sub/file", &st, 0) == 0 && st.st_size == 5);
    CHECK((st.st_mode & 0777) == 0640);
    CHECK(faccessat(dir, "sub/file", R_OK, 0) == 0);
    CHECK(fails_with(faccessat(dir, "none", R_OK, 0), ENOENT));
    CHECK(fchmodat(dir, "sub/file", 0600, 0) == 0);
    CHECK(fchownat(dir, "sub/file", 0, 0, 0) == 0 && fchown(f, 0, 0) == 0);
    CHECK(stat("/tree/sub/file", &st) == 0 && (st.st_mode & 0777) == 0600);
    CHECK(renameat(dir, "sub/file", AT_FDCWD, "/tree/moved") == 0);
    CHECK(fstatat(dir, "moved", &st, AT_SYMLINK_NOFOLLOW) == 0);
    CHECK(openat(dir, "/tree/moved", O_RDONLY) >= 0); // absolute: as it is
    CHECK(fails_with(openat(f, "x", O_RDONLY), ENOTDIR));
    CHECK(fails_with(openat(-1, "x", O_RDONLY), EBADF));
    CHECK(fails_with(openat(dir, "", O_RDONLY), ENOENT));
    CHECK(fails_with(readlinkat(dir, "moved", (char[8]){0}, 8), EINVAL));
    CHECK(fails_with(linkat(dir, "moved", dir, "l", 0), EPERM));
    CHECK(symlinkat("moved", dir, "l") == 0 && unlinkat(dir, "l", 0) == 0);

    // The folder is renamed: what is relative to it still is.
    CHECK(rename("/tree", "/wood") == 0);
    CHECK(fstatat(dir, "moved", &st, 0) == 0);
    CHECK(rename("/wood", "/tree") == 0);
    CHECK(unlinkat(dir, "sub", AT_REMOVEDIR) == 0);
    CHECK(mkdir("/gone", 0755) == 0);
    int gone = open("/gone", O_RDONLY);
    CHECK(rmdir("/gone") == 0);
    CHECK(fails_with(openat(gone, "x", O_CREAT | O_RDWR, 0600), ENOENT));
    CHECK(fails_with(mkfifo("/fifo", 0600), ENOSYS));
    CHECK(fails_with(mknodat(dir, "null", S_IFCHR, 0), ENOSYS));
    close(f), close(dir), close(gone);
}

static void times(void)
{
    struct stat st;
    struct timespec ts[2] = {{1, 2}, {1000000000, 123456789}};
    CHECK(utimensat(AT_FDCWD, "/tree/moved", ts, 0) == 0);
    CHECK(stat("/tree/moved", &st) == 0 && st.st_mtim.tv_sec == 1000000000 &&
          st.st_mtim.tv_nsec == 123456789);
    ts[1].tv_nsec = UTIME_OMIT;
    CHECK(utimensat(AT_FDCWD, "/tree/moved", ts, 0) == 0);
    CHECK(stat("/tree/moved", &st) == 0 && st.st_mtime == 1000000000);
    ts[1].tv_nsec = 1000000000;
    CHECK(fails_with(utimensat(AT_FDCWD, "/tree/moved", ts, 0), EINVAL));
    struct timeval tv[2] = {{0, 0}, {5, 250000}};
    CHECK(utimes("/tree/moved", tv) == 0 && stat("/tree/moved", &st) == 0);
    CHECK(st.st_mtim.tv_sec == 5 && st.st_mtim.tv_nsec == 250000000);
    CHECK(utime("/tree/moved", &(struct utimbuf){7, 8}) == 0);
    CHECK(stat("/tree/moved", &st) == 0 && st.st_mtime == 8);
    int f = open("/tree/moved", O_RDONLY);
    CHECK(futimes(f, tv) == 0 && futimens(f, NULL) == 0);
    CHECK(fstat(f, &st) == 0 && st.st_mtime > 1000000000);
    CHECK(fails_with(utime("/none", NULL), ENOENT));
    CHECK(fails_with(futimens(-1, NULL), EBADF));
    close(f);
}

static void walks(void)
{
    CHECK(mkdir("/tree/a", 0755) == 0 && mkdir("/tree/a/b", 0755) == 0);
    for (int i = 1; i <= 12; i++) {
        char path[40];
        snprintf(path, sizeof path, "/tree/a/b/f%d", i);
        close(creat(path, 0644));
    }
    CHECK(nftw("/tree", visit, 4, FTW_PHYS) == 0);
    CHECK(seen_files == 13 && seen_folders == 3 && deepest == 3);
    CHECK(nftw("/tree", visit, 4, FTW_DEPTH) == 0 && seen_folders == 6);
    CHECK(ftw("/tree", stop_at_file, 1) == 42);
    CHECK(fails_with(ftw("/none", stop_at_file, 1), ENOENT));

    struct dirent **list, entry, *found;
    int root = open("/", O_RDONLY);
    int n = scandirat(root, "tree/a/b", &list, NULL, versionsort);
    CHECK(n == 14 && !strcmp(list[2]->d_name, "f1") &&
          !strcmp(list[13]->d_name, "f12") && !strcmp(list[10]->d_name, "f9"));
    DIR *dir = fdopendir(root);
    CHECK(readdir_r(dir, &entry, &found) == 0 && found == &entry);
    CHECK(fdclosedir(dir) == root && close(root) == 0);
}

static void names(void)
{
    static const char *const cases[][3] = {{"/usr/lib", "/usr", "lib"},
                                           {"/usr/", "/", "usr"},
                                           {"usr", ".", "usr"},
                                           {"/", "/", "/"},
                                           {".", ".", "."},
                                           {"..", ".", ".."},
                                           {"//x//y//", "//x", "y"},
                                           {"", ".", "."}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[20];
        strcpy(path, cases[i][0]);
        CHECK(!strcmp(dirname(path), cases[i][1]));
        strcpy(path, cases[i][0]);
        CHECK(!strcmp(basename(path), cases[i][2]));
    }
    CHECK(pathconf("/tree", _PC_NAME_MAX) == NAME_MAX);
    CHECK(fpathconf(1, _PC_PIPE_BUF) == PIPE_BUF);
    CHECK(fails_with(pathconf("/none", _PC_NAME_MAX), ENOENT));
    CHECK(fails_with(fpathconf(1, 12345), EINVAL));
    char path[8];
    CHECK(confstr(_CS_PATH, path, sizeof path) == strlen(path) + 1);
    CHECK(confstr(12345, NULL, 0) == 0 && errno == EINVAL);
}

static void room(void)
{
    struct stat st;
    int f = open("/tree/moved", O_RDWR), pipe_fds[2];
    CHECK(posix_fallocate(f, 0, 10000) == 0);
    CHECK(fstat(f, &st) == 0 && st.st_size == 10000);
    CHECK(posix_fallocate(f, 0, 10) == 0 && posix_fallocate(f, 0, 0) == EINVAL);
    CHECK(posix_fadvise(f, 0, 0, POSIX_FADV_WILLNEED) == 0);
    CHECK(posix_fadvise(f, 0, 0, 77) == EINVAL);
    CHECK(pipe(pipe_fds) == 0 &&
          posix_fadvise(pipe_fds[0], 0, 0, POSIX_FADV_NORMAL) == ESPIPE);
    sync();
}

int main(void)
{
    relative();
    times();
    walks();
    names();
    room();
    return 0;
}
