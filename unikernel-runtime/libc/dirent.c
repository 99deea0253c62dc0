// SPDX-License-Identifier: ISC
// Reading folders.
#include "unikernel-runtime/fs/file.h"
#include "unikernel-runtime/libc/result.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct hostel_dir {
    int fd;
    struct dirent entry;
};

DIR *fdopendir(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return NULL;
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return NULL;
    }
    DIR *dir = malloc(sizeof *dir);
    if (dir)
        dir->fd = fd;
    return dir;
}

DIR *opendir(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return NULL;
    DIR *dir = fdopendir(fd);
    if (!dir)
        close(fd);
    return dir;
}

struct dirent *readdir(DIR *dir)
{
    struct file *f = fd_get(dir->fd);
    long r = result(f ? file_readdir(f, &dir->entry) : -EBADF);
    if (f)
        fd_put(f);
    return r > 0 ? &dir->entry : NULL;
}

void rewinddir(DIR *dir)
{
    lseek(dir->fd, 0, SEEK_SET);
}

long telldir(DIR *dir)
{
    return lseek(dir->fd, 0, SEEK_CUR);
}

void seekdir(DIR *dir, long at)
{
    lseek(dir->fd, at, SEEK_SET);
}

int readdir_r(DIR *restrict dir, struct dirent *restrict entry,
              struct dirent **restrict found)
{
    struct file *f = fd_get(dir->fd);
    int r = f ? file_readdir(f, entry) : -EBADF;
    if (f)
        fd_put(f);
    *found = r > 0 ? entry : NULL;
    return r < 0 ? -r : 0;
}

int dirfd(DIR *dir)
{
    return dir->fd;
}

int closedir(DIR *dir)
{
    int fd = dir->fd;
    free(dir);
    return close(fd);
}

// The descriptor stays open, and is the result.
int fdclosedir(DIR *dir)
{
    int fd = dir->fd;
    free(dir);
    return fd;
}

static int is_digit(char c)
{
    return c >= '0' && c <= '9';
}

// By names, in which numbers count by their value: a9 before a10.
int versionsort(const struct dirent **a, const struct dirent **b)
{
    const char *x = (*a)->d_name, *y = (*b)->d_name;
    while (*x && *y) {
        if (!is_digit(*x) || !is_digit(*y)) {
            if (*x != *y)
                break;
            x++, y++;
            continue;
        }
        unsigned long m = strtoul(x, (char **)&x, 10);
        unsigned long n = strtoul(y, (char **)&y, 10);
        if (m != n)
            return m < n ? -1 : 1;
    }
    return *(const unsigned char *)x - *(const unsigned char *)y;
}
