// SPDX-License-Identifier: ISC
// Paths taken apart, as POSIX does it: the argument is changed.
#include <libgen.h>
#include <string.h>

static char dot[] = ".", slash[] = "/";

// Cuts trailing slashes off, but for the first character; the length.
static size_t slashes_cut(char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
    return len;
}

char *dirname(char *path)
{
    if (!path || !*path)
        return dot;
    slashes_cut(path);
    char *last = strrchr(path, '/');
    if (!last)
        return dot;
    if (last == path)
        return slash;
    *last = '\0';
    slashes_cut(path);
    return path;
}

char *__xpg_basename(char *path)
{
    if (!path || !*path)
        return dot;
    size_t len = slashes_cut(path);
    if (len == 1 && *path == '/')
        return slash;
    char *last = strrchr(path, '/');
    return last ? last + 1 : path;
}
