// SPDX-License-Identifier: ISC
/*
 * A customer's upload to a volume, and what is then read out of it. The input
 * is a byte of options and an archive (or, by the option, the framed stream).
 * Nothing may be made outside the volume's folder, nothing that is no file,
 * folder or link, and no more than was counted; what was unpacked can be
 * packed, and that again be unpacked to the same.
 */
#include "node-agent/volume/unpack.c"

#include <ftw.h>
#include <stdio.h>
#include <sys/mman.h>

#include "node-agent/volume/pack.h"

#define QUOTA_BYTES (1ull << 20)
#define QUOTA_FILES 200
#define OPTION_RAW  1 // the frames are the input's
#define OPTION_CUT  2 // without the last frame
#define OPTION_ROOM 4 // no quota but the disk's

static char place[] = "/tmp/hostel-volume-fuzz-XXXXXX";
static int place_fd, from_fd, to_fd;

static int folder_new(const char *name)
{
    if (mkdirat(place_fd, name, 0700) < 0)
        abort();
    return openat(place_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int removed(const char *path, const struct stat *st, int kind,
                   struct FTW *f)
{
    (void)st, (void)kind, (void)f;
    return remove(path);
}

static void place_drop(void)
{
    nftw(place, removed, 64, FTW_DEPTH | FTW_PHYS);
}

static void setup(void)
{
    umask(0);
    if (!mkdtemp(place))
        abort();
    place_fd = open(place, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    from_fd = folder_new("from");
    to_fd = folder_new("to");
    // Beside them, where ".." would lead.
    close(openat(place_fd, "beside", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    atexit(place_drop);
}

static void outside_check(void)
{
    struct stat st;
    const struct dirent *entry;
    DIR *d = opendir(place);
    int n = 0;

    while (d && (entry = readdir(d)))
        n++;
    closedir(d);
    if (n != 5 || fstatat(place_fd, "beside", &st, 0) < 0 || st.st_size ||
        (st.st_mode & 07777) != 0600)
        abort();
}

static int odd(const char *path, const struct stat *st, int kind, struct FTW *f)
{
    (void)path, (void)kind, (void)f;
    return !(S_ISREG(st->st_mode) || S_ISDIR(st->st_mode) ||
             S_ISLNK(st->st_mode)) ||
           st->st_mode & 07000 || (S_ISREG(st->st_mode) && st->st_nlink != 1);
}

// Of descriptors: what does not leak.
static struct tree_use counted(int fd)
{
    struct tree_use use = {0};
    struct err e;

    if (tree_count(fd, &use, &e) < 0)
        abort();
    return use;
}

static void again(void)
{
    const struct tree_use was = counted(from_fd);
    struct tree_use use = {0}, is;
    int stream = memfd_create("stream", MFD_CLOEXEC);
    struct err e;

    if (pack(from_fd, stream, &e) < 0 || lseek(stream, 0, SEEK_SET) < 0 ||
        unpack(stream, to_fd, &use, &e) < 0)
        abort();
    is = counted(to_fd);
    if (is.bytes != was.bytes || is.files != was.files)
        abort();
    close(stream);
    if (tree_empty(to_fd, &e) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    struct tree_use use = {0}, is;
    struct err e = {0};
    char path[sizeof(place) + 8];
    int stream, r;
    uint8_t options;

    if (!ready)
        setup();
    ready = true;
    if (len < 1)
        return 0;
    options = *data++;
    len--;
    if (!(options & OPTION_ROOM)) {
        use.max_bytes = QUOTA_BYTES;
        use.max_files = QUOTA_FILES;
    }
    stream = memfd_create("stream", MFD_CLOEXEC);
    if (options & OPTION_RAW)
        r = write(stream, data, len) == (ssize_t)len ? 0 : -EIO;
    else
        r = len ? frame_send(stream, data, len) : 0;
    if (r == 0 && !(options & (OPTION_RAW | OPTION_CUT)))
        r = frame_send(stream, NULL, 0);
    if (r < 0 || lseek(stream, 0, SEEK_SET) < 0)
        abort();
    r = unpack(stream, from_fd, &use, &e);
    close(stream);
    if (r > 0 || (r < 0 && (r != -e.code || !e.text[0])) ||
        (r == 0 && options & OPTION_CUT && !(options & OPTION_RAW)))
        abort();
    outside_check();
    is = counted(from_fd);
    // What was replaced stays counted.
    if (r == 0 && (is.bytes > use.bytes || is.files > use.files))
        abort();
    if (use.max_bytes && (is.bytes > use.max_bytes || is.files > use.max_files))
        abort();
    snprintf(path, sizeof(path), "%s/from", place);
    if (nftw(path, odd, 64, FTW_PHYS))
        abort();
    if (r == 0 && is.bytes < 4 * QUOTA_BYTES)
        again();
    if (tree_empty(from_fd, &e) < 0)
        abort();
    return 0;
}
