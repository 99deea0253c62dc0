// SPDX-License-Identifier: ISC
// The heap: all of RAM, then NULL, and all of it again.
#include "tests/domain/check.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

static size_t fill(void ***list)
{
    size_t n = 0;
    for (void **p; (p = malloc(CHUNK)); n++) {
        memset(p, 0xa5, CHUNK);
        *p = *list;
        *list = p;
    }
    return n;
}

int main(void)
{
    size_t ram = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    CHECK(!malloc(ram) && errno == ENOMEM);
    volatile size_t huge = SIZE_MAX;
    CHECK(!malloc(huge - 100) && !calloc(huge / 4, 8));

    void **list = NULL;
    size_t n = fill(&list);
    CHECK(n * CHUNK > ram / 4 * 3 && n * CHUNK < ram);
    for (void **next; list; list = next) {
        next = *list;
        free(list);
    }
    size_t again = fill(&list);
    CHECK(again > n / 10 * 9);
    for (void **next; list; list = next) {
        next = *list;
        free(list);
    }

    char *p = calloc(1000, 1000);
    for (int i = 0; i < 1000000; i++)
        CHECK(!p[i]);
    p = realloc(p, 2000000);
    CHECK(p);
    free(p);
    for (size_t align = 16; align <= 65536; align *= 2)
        CHECK((uintptr_t)aligned_alloc(align, 100) % align == 0);
    return 0;
}
