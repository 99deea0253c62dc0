// SPDX-License-Identifier: ISC
// ftw and nftw.
#include "unikernel-runtime/libc/result.h"

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct walk {
    int (*visit)(const char *, const struct stat *, int, struct FTW *);
    int (*visit_plainly)(const char *, const struct stat *, int);
    int flags;
    char path[PATH_MAX];
};

static int tell(struct walk *w, const struct stat *st, int kind, int level)
{
    if (w->visit_plainly)
        return w->visit_plainly(w->path, st, kind);
    const char *slash = strrchr(w->path, '/');
    struct FTW ftw = {.base = slash && slash[1] ? slash + 1 - w->path : 0,
                      .level = level};
    return w->visit(w->path, st, kind, &ftw);
}

static int walk(struct walk *w, int level);

static int walk_entries(struct walk *w, DIR *dir, int level)
{
    size_t len = strlen(w->path);
    const char *slash = len && w->path[len - 1] == '/' ? "" : "/";
    const struct dirent *e;
    int r = 0;
    while (r == 0 && (e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if ((size_t)snprintf(w->path + len, sizeof w->path - len, "%s%s", slash,
                             e->d_name) >= sizeof w->path - len)
            r = result(-ENAMETOOLONG);
        else
            r = walk(w, level + 1);
        w->path[len] = '\0';
    }
    return r;
}

// Through links, unless they are wanted; to nowhere, they are.
static int look(const struct walk *w, struct stat *st)
{
    if (!(w->flags & FTW_PHYS) && stat(w->path, st) == 0)
        return 0;
    return lstat(w->path, st);
}

static int walk(struct walk *w, int level)
{
    struct stat st;
    if (look(w, &st) < 0)
        return level ? tell(w, &st, FTW_NS, level) : -1;
    if (S_ISLNK(st.st_mode))
        return tell(w, &st, w->flags & FTW_PHYS ? FTW_SL : FTW_SLN, level);
    if (!S_ISDIR(st.st_mode))
        return tell(w, &st, FTW_F, level);
    DIR *dir = opendir(w->path);
    if (!dir)
        return tell(w, &st, FTW_DNR, level);
    int depth = w->flags & FTW_DEPTH;
    int r = depth ? 0 : tell(w, &st, FTW_D, level);
    if (r == 0)
        r = walk_entries(w, dir, level);
    closedir(dir);
    return r || !depth ? r : tell(w, &st, FTW_DP, level);
}

static int start(struct walk *w, const char *path, int fds)
{
    if (fds < 1 || w->flags & FTW_CHDIR)
        return result(-EINVAL);
    if (strlcpy(w->path, path, sizeof w->path) >= sizeof w->path)
        return result(-ENAMETOOLONG);
    return walk(w, 0);
}

int nftw(const char *path,
         int (*visit)(const char *, const struct stat *, int, struct FTW *),
         int fds, int flags)
{
    struct walk w = {.visit = visit, .flags = flags};
    return start(&w, path, fds);
}

int ftw(const char *path, int (*visit)(const char *, const struct stat *, int),
        int fds)
{
    struct walk w = {.visit_plainly = visit};
    return start(&w, path, fds);
}
