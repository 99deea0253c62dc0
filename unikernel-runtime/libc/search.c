// SPDX-License-Identifier: ISC
// Arrays and lists as <search.h> has them.
#include <search.h>
#include <string.h>

void *lfind(const void *key, const void *base, size_t *n, size_t len,
            int (*compare)(const void *, const void *))
{
    const char *at = base;
    for (size_t i = 0; i < *n; i++, at += len)
        if (!compare(key, at))
            return (void *)at;
    return NULL;
}

void *lsearch(const void *key, void *base, size_t *n, size_t len,
              int (*compare)(const void *, const void *))
{
    void *found = lfind(key, base, n, len, compare);
    return found ? found : memcpy((char *)base + len * (*n)++, key, len);
}

struct link {
    struct link *next, *previous;
};

void insque(void *element, void *before)
{
    struct link *e = element, *b = before;
    *e = (struct link){b ? b->next : NULL, b};
    if (e->next)
        e->next->previous = e;
    if (b)
        b->next = e;
}

void remque(void *element)
{
    struct link *e = element;
    if (e->next)
        e->next->previous = e->previous;
    if (e->previous)
        e->previous->next = e->next;
}
