// SPDX-License-Identifier: ISC
// realpath. There are no symbolic links, so it is a matter of names.
#include "unikernel-runtime/libc/result.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Appends a component to `out`, of `*len` bytes without its NUL.
static int append(char *out, size_t *len, const char *name, size_t name_len)
{
    if (!name_len || (name_len == 1 && name[0] == '.'))
        return 0;
    if (name_len == 2 && name[0] == '.' && name[1] == '.') {
        while (*len > 0 && out[--*len] != '/')
            continue;
    } else {
        if (*len + 1 + name_len >= PATH_MAX)
            return -ENAMETOOLONG;
        out[(*len)++] = '/';
        memcpy(out + *len, name, name_len);
        *len += name_len;
    }
    out[*len] = '\0';
    return 0;
}

static int append_all(char *out, size_t *len, const char *path)
{
    int r = 0;
    while (*path && r == 0) {
        size_t n = strcspn(path, "/");
        r = append(out, len, path, n);
        path += n + (path[n] == '/');
    }
    return r;
}

char *realpath(const char *restrict path, char *restrict resolved)
{
    struct stat st;
    char out[PATH_MAX] = "", cwd[PATH_MAX];
    size_t len = 0;
    if (!path) {
        errno = EINVAL;
        return NULL;
    }
    if (stat(path, &st) < 0)
        return NULL;
    int r = 0;
    if (path[0] != '/')
        r = getcwd(cwd, sizeof cwd) ? append_all(out, &len, cwd) : -errno;
    if (r == 0)
        r = append_all(out, &len, path);
    if (result(r) < 0)
        return NULL;
    if (!len)
        strcpy(out, "/");
    return resolved ? strcpy(resolved, out) : strdup(out);
}
