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
