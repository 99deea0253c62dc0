// SPDX-License-Identifier: ISC
// Reading a stranger's tar archive; see outputs.h.

#include "node-agent/cli/outputs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/bundle/path.h"

#define BLOCK 512u

struct member {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type;
    char link[100], magic[6], version[2], owner[32], group[32];
    char major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct member) == BLOCK, "one block");

// Octal digits to the field's end, a space or a NUL. False: something else.
static bool number(const char *text, size_t len, uint64_t *out)
{
    size_t i = 0;

    *out = 0;
    for (; i < len && text[i] >= '0' && text[i] <= '7'; i++)
        *out = *out << 3 | (uint64_t)(text[i] - '0');
    return i > 0 && (i == len || text[i] == ' ' || text[i] == '\0');
}

// With the sum's own field taken as spaces.
static bool sum_good(const struct member *m)
{
    const uint8_t *byte = (const uint8_t *)m;
    uint64_t said, sum = 8 * ' ';

    for (size_t i = 0; i < sizeof(*m); i++)
        if (i < offsetof(struct member, sum) ||
            i >= offsetof(struct member, type))
            sum += byte[i];
    return number(m->sum, sizeof(m->sum), &said) && said == sum;
}

static void path_fill(const struct member *m, struct output *out)
{
    int prefix = (int)strnlen(m->prefix, sizeof(m->prefix));
    int name = (int)strnlen(m->name, sizeof(m->name));

    snprintf(out->path, sizeof(out->path), "%.*s%s%.*s", prefix, m->prefix,
             prefix ? "/" : "", name, m->name);
}

static int bad(struct err *e, size_t at, const char *what)
{
    return err_set(e, EBADMSG,
                   "the program's output is not a good archive: at byte %zu: "
                   "%s",
                   at, what);
}

int output_next(const void *archive, size_t len, size_t *at, struct output *out,
                struct err *e)
{
    static const struct member none;
    uint64_t size, mode;
    struct member m;
    size_t n = len - *at;

    if (n < sizeof(m))
        return n || len ? bad(e, *at, "it ends too early") : 0;
    memcpy(&m, (const uint8_t *)archive + *at, sizeof(m));
    if (!memcmp(&m, &none, sizeof(m)))
        return 0;
    if (memcmp(m.magic, "ustar", 6) || !sum_good(&m) ||
        !number(m.size, sizeof(m.size), &size) ||
        !number(m.mode, sizeof(m.mode), &mode))
        return bad(e, *at, "this is no header");
    n -= sizeof(m);
    if (m.type != '0' && m.type != '5')
        return bad(e, *at, "this is neither a file nor a folder");
    if (size > n || (m.type == '5' && size))
        return bad(e, *at, "the file is longer than the archive");
    path_fill(&m, out);
    if (path_check(out->path, e) < 0)
        return err_prefix(e, "the program's output");
    out->folder = m.type == '5';
    out->mode = mode & 0777;
    out->data = (const uint8_t *)archive + *at + sizeof(m);
    out->len = size;
    size = (size + BLOCK - 1) / BLOCK * BLOCK;
    if (size > n)
        return bad(e, *at, "it ends too early");
    *at += sizeof(m) + size;
    return 1;
}

// Opens the folder that a path lies in, making what is missing.
static int folder_of(int top, char *path, struct err *e)
{
    int dir = fcntl(top, F_DUPFD_CLOEXEC, 0);
    char *slash;

    while (dir >= 0 && (slash = strchr(path, '/'))) {
        int next;

        *slash = '\0';
        if (mkdirat(dir, path, 0777) < 0 && errno != EEXIST) {
            close(dir);
            return err_errno(e, "making the folder %s", path);
        }
        next =
            openat(dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(dir);
        if (next < 0)
            return err_errno(e, "the folder %s", path);
        dir = next;
        memmove(path, slash + 1, strlen(slash + 1) + 1);
    }
    return dir < 0 ? err_errno(e, "the folder for output files") : dir;
}

static int output_write(int top, const struct output *one, struct err *e)
{
    cleanup_close int dir = -1, fd = -1;
    char path[sizeof(one->path)];
    int r;

    strcpy(path, one->path);
    dir = folder_of(top, path, e);
    if (dir < 0)
        return dir;
    if (one->folder)
        return mkdirat(dir, path, 0777) < 0 && errno != EEXIST
                   ? err_errno(e, "making the folder %s", one->path)
                   : 0;
    fd =
        openat(dir, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
               one->mode & 0777);
    if (fd < 0)
        return err_errno(e, "%s", one->path);
    r = write_full(fd, one->data, one->len);
    return r < 0 ? err_set(e, -r, "writing %s: %s", one->path, strerror(-r))
                 : 0;
}

int outputs_unpack(const void *archive, size_t len, const char *folder,
                   struct err *e)
{
    cleanup_close int top = -1;
    struct output one;
    int r, files = 0;
    size_t at = 0;

    while ((r = output_next(archive, len, &at, &one, e)) > 0)
        ;
    if (r < 0)
        return r;
    if (mkdir(folder, 0777) < 0 && errno != EEXIST)
        return err_errno(e, "making the folder %s", folder);
    top = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0)
        return err_errno(e, "%s", folder);
    for (at = 0; output_next(archive, len, &at, &one, e) > 0;) {
        r = output_write(top, &one, e);
        if (r < 0)
            return r;
        files += !one.folder;
    }
    return files;
}
