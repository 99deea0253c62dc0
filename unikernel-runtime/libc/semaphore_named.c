// SPDX-License-Identifier: ISC
// Named semaphores: names within the one process.
#include "unikernel-runtime/kernel/lock.h"
#include "unikernel-runtime/libc/result.h"

#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct named {
    sem_t sem; // first: what sem_open returns
    struct named *next;
    unsigned opens;
    int unlinked;
    char name[];
};

static struct named *all;
static struct lock lock;

// Locked, as all below.
static struct named *named_find(const char *name)
{
    struct named *n = all;
    while (n && (n->unlinked || strcmp(n->name, name)))
        n = n->next;
    return n;
}

static struct named *named_make(const char *name, unsigned value, int *error)
{
    struct named *n = calloc(1, sizeof *n + strlen(name) + 1);
    if (!n) {
        *error = ENOSPC;
        return NULL;
    }
    strcpy(n->name, name);
    sem_init(&n->sem, 0, value);
    n->next = all;
    all = n;
    return n;
}

static void named_free_unused(struct named *n)
{
    if (n->opens || !n->unlinked)
        return;
    struct named **at = &all;
    while (*at != n)
        at = &(*at)->next;
    *at = n->next;
    free(n);
}

static struct named *named_open(const char *name, int flags, unsigned value,
                                int *error)
{
    struct named *n = named_find(name);
    if (n && (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
        *error = EEXIST;
        return NULL;
    }
    if (!n && !(flags & O_CREAT)) {
        *error = ENOENT;
        return NULL;
    }
    if (!n)
        n = named_make(name, value, error);
    if (n)
        n->opens++;
    return n;
}

sem_t *sem_open(const char *name, int flags, ...)
{
    unsigned value = 0;
    if (flags & O_CREAT) {
        va_list ap;
        va_start(ap, flags);
        (void)va_arg(ap, mode_t);
        value = va_arg(ap, unsigned);
        va_end(ap);
    }
    int error = strlen(name) > NAME_MAX ? ENAMETOOLONG : EINVAL;
    struct named *n = NULL;
    if (name[0] && strlen(name) <= NAME_MAX && value <= SEM_VALUE_MAX) {
        lock_take(&lock);
        n = named_open(name, flags, value, &error);
        lock_give(&lock);
    }
    if (!n)
        errno = error;
    return n ? &n->sem : SEM_FAILED;
}

int sem_close(sem_t *sem)
{
    struct named *n = (struct named *)sem;
    lock_take(&lock);
    const struct named *is = all;
    while (is && is != n)
        is = is->next;
    int r = is && n->opens ? 0 : -EINVAL;
    if (r == 0) {
        n->opens--;
        named_free_unused(n);
    }
    lock_give(&lock);
    return result(r);
}

int sem_unlink(const char *name)
{
    lock_take(&lock);
    struct named *n = named_find(name);
    if (n) {
        n->unlinked = 1;
        named_free_unused(n);
    }
    lock_give(&lock);
    return result(n ? 0 : -ENOENT);
}
