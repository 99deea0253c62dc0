// SPDX-License-Identifier: ISC
// What unit tests of lib and bundle share: checks that say where they
// failed, memory that ends at a guard page, and golden files.

#ifndef TESTS_LIB_CHECK_H
#define TESTS_LIB_CHECK_H

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/io.h"

#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);         \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

// The call failed, and its sentence has this in it.
#define CHECK_FAILS(call, part)                                                \
    do {                                                                       \
        struct err e_ = {0};                                                   \
        struct err *e = &e_;                                                   \
        int r_ = (call);                                                       \
                                                                               \
        if (r_ >= 0 || r_ != -e_.code || !strstr(e_.text, part)) {             \
            fprintf(stderr, "%s:%d: %s\n  gave %d, \"%s\"\n  not \"%s\"\n",    \
                    __FILE__, __LINE__, #call, r_, e_.text, part);             \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

// The call succeeded; says its sentence if not.
#define CHECK_WORKS(call)                                                      \
    do {                                                                       \
        struct err e_ = {0};                                                   \
        struct err *e = &e_;                                                   \
        int r_ = (call);                                                       \
                                                                               \
        if (r_ < 0) {                                                          \
            fprintf(stderr, "%s:%d: %s\n  gave %d, \"%s\"\n", __FILE__,        \
                    __LINE__, #call, r_, e_.text);                             \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

// How many descriptors are open: the same before and after, or one leaked.
static inline int fds_open(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

// A copy of data whose end touches a page that cannot be read.
struct guarded {
    uint8_t *map, *end;
    size_t map_len;
};

static inline struct guarded guarded_new(size_t max)
{
    size_t page = getpagesize();
    struct guarded g;

    g.map_len = (max + page - 1) / page * page + page;
    g.map = mmap(NULL, g.map_len, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(g.map != MAP_FAILED);
    g.end = g.map + g.map_len - page;
    CHECK(mprotect(g.end, page, PROT_NONE) == 0);
    return g;
}

static inline uint8_t *guarded_put(const struct guarded *g, const void *data,
                                   size_t len)
{
    CHECK(len <= (size_t)(g->end - g->map));
    return len ? memcpy(g->end - len, data, len) : g->end;
}

static inline void guarded_free(struct guarded *g)
{
    munmap(g->map, g->map_len);
}

// Golden files: dir holds pass-NAME.cfg and fail-NAME.cfg, each with the
// exact text that render makes of it in a file of the same name ending in
// .ok. render returns 0 or a negative code, which must fit the name, and
// what it means in out.
static inline void golden_run(const char *dir,
                              int (*render)(const char *name, const char *text,
                                            size_t len, struct buf *out))
{
    DIR *d = opendir(dir);
    struct dirent *f;
    int n = 0;

    CHECK(d);
    while ((f = readdir(d))) {
        cleanup_buf struct buf text = BUF_INIT(1 << 20);
        cleanup_buf struct buf want = BUF_INIT(1 << 20);
        cleanup_buf struct buf got = BUF_INIT(1 << 20);
        char path[1024];
        char *dot = strrchr(f->d_name, '.');
        int r;

        if (!dot || strcmp(dot, ".cfg") != 0)
            continue;
        snprintf(path, sizeof(path), "%s/%s", dir, f->d_name);
        CHECK_WORKS(file_read(path, &text, e));
        r = render(f->d_name, buf_str(&text), text.len, &got);
        strcpy(strrchr(path, '.'), ".ok");
        CHECK_WORKS(file_read(path, &want, e));
        if (strcmp(buf_str(&want), buf_str(&got)) != 0 ||
            (r < 0) != (strncmp(f->d_name, "fail-", 5) == 0)) {
            fprintf(stderr, "%s: %d\n--- expected\n%s--- found\n%s", f->d_name,
                    r, buf_str(&want), buf_str(&got));
            exit(1);
        }
        n++;
    }
    closedir(d);
    CHECK(n > 0);
}

#endif
