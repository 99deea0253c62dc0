// SPDX-License-Identifier: ISC
/*
 * RAM in whole pages: first fit over a list of free ranges, ordered by
 * address. A range's header lies in its own first page, so the list needs no
 * memory of its own and an untouched rest stays with the host.
 */
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/lock.h"

#include <stdint.h>
#include <string.h>

struct range {
    struct range *next;
    size_t len;
};

// Heap below, `gap` never used so far, ranges (free or in use) above.
static char *heap_start, *heap_end, *gap_end;
static struct range *free_ranges;
static size_t total;     // RAM, and so what the stack below the heap is part of
static struct lock lock; // on all of these

volatile size_t pages_limit;

static size_t page_round(size_t len)
{
    return (len + HV_PAGE - 1) & -HV_PAGE;
}

// The stack's region serves; another would need a hole in the heap.
void pages_init(const struct hv_start_info *si, char *start)
{
    heap_start = heap_end = start;
    for (unsigned i = 0; i < si->nregions; i++) {
        const struct hv_region *r = &si->region[i];
        if (r->kind == HV_REGION_RAM) {
            gap_end = (char *)(r->addr + r->len);
            total = r->len;
            return;
        }
    }
}

static void *range_take(struct range **link, size_t len)
{
    struct range *r = *link;
    char *start = (char *)r;
    if (r->len == len) {
        *link = r->next;
        memset(r, 0, sizeof *r);
        return start;
    }
    r->len -= len; // the end of it, so that the header stays
    return start + r->len;
}

static size_t left_locked(void)
{
    size_t left = gap_end - heap_end;
    for (const struct range *r = free_ranges; r; r = r->next)
        left += r->len;
    size_t limit = pages_limit, used = total - left;
    if (!limit)
        return left;
    return used >= limit ? 0 : limit - used < left ? limit - used : left;
}

// Does the balloon leave room for more?
static int held_back(size_t len)
{
    return pages_limit && len > left_locked();
}

static void *alloc_locked(size_t len)
{
    if (held_back(len))
        return NULL;
    for (struct range **link = &free_ranges; *link; link = &(*link)->next)
        if ((*link)->len >= len)
            return range_take(link, len);
    size_t gap = ((uintptr_t)gap_end - (uintptr_t)heap_end) & -HV_PAGE;
    if (len > gap)
        return NULL;
    gap_end -= len;
    return gap_end;
}

void *pages_alloc(size_t len)
{
    if (len > SIZE_MAX - HV_PAGE)
        return NULL;
    lock_take(&lock);
    void *pages = alloc_locked(page_round(len));
    lock_give(&lock);
    return pages;
}

// Joins `r` with its successor when they touch.
static void range_join(struct range *r)
{
    struct range *next = r->next;
    if (next && (char *)r + r->len == (char *)next) {
        r->len += next->len;
        r->next = next->next;
        memset(next, 0, sizeof *next);
    }
}

void pages_free(void *pages, size_t len)
{
    if (!pages)
        return;
    len = page_round(len);
    if (hv_memory(HV_MEM_RELEASE, pages, len, 0) < 0)
        memset(pages, 0, len); // keep the promise of zeros ourselves

    lock_take(&lock);
    struct range *before = NULL, **link = &free_ranges;
    while (*link && (char *)*link < (char *)pages) {
        before = *link;
        link = &(*link)->next;
    }
    struct range *r = pages;
    *r = (struct range){.next = *link, .len = len};
    *link = r;
    range_join(r);
    if (before)
        range_join(before);

    // What touches the gap becomes part of it again.
    if ((char *)free_ranges == gap_end) {
        r = free_ranges;
        gap_end += r->len;
        free_ranges = r->next;
        memset(r, 0, sizeof *r);
    }
    lock_give(&lock);
}

size_t pages_left(void)
{
    lock_take(&lock);
    size_t left = left_locked();
    lock_give(&lock);
    return left;
}

/*
 * A heap that has grown large by small steps will go on, and the pages of its
 * next steps cost less at once than one by one. Not under a balloon, where
 * pages that are not used yet are too dear.
 */
#define AHEAD_FROM (1ul << 20)
#define AHEAD_MIN  (64ul << 10)
#define AHEAD_MAX  (256ul << 10)

static char *ahead_end; // of what has been populated so

static void populate_ahead(size_t by)
{
    size_t len = heap_end - heap_start, ahead = len / 16;
    if (len < AHEAD_FROM || by > AHEAD_MAX || heap_end <= ahead_end ||
        pages_limit)
        return;
    ahead = ahead < AHEAD_MIN ? AHEAD_MIN : ahead;
    ahead = ahead > AHEAD_MAX ? AHEAD_MAX : ahead & -HV_PAGE;
    char *first = (char *)page_round((uintptr_t)heap_end - by);
    char *last = (char *)page_round((uintptr_t)heap_end) + ahead;
    char *most = (char *)((uintptr_t)gap_end & -HV_PAGE);
    first = first < ahead_end ? ahead_end : first;
    last = last > most ? most : last;
    ahead_end = last;
    if (first < last)
        hv_memory(HV_MEM_POPULATE, first, last - first, 0);
}

void *pages_heap_grow(ptrdiff_t by)
{
    lock_take(&lock);
    char *old = heap_end;
    int fits = by <= gap_end - heap_end && by >= heap_start - heap_end &&
               (by <= 0 || !held_back(by));
    if (fits)
        heap_end += by;
    if (fits && by > 0)
        populate_ahead(by);
    if (fits && by < 0) {
        // Whole pages above the new end go back to the host.
        char *first = (char *)page_round((uintptr_t)heap_end);
        char *last = (char *)page_round((uintptr_t)old);
        if (ahead_end > first) {
            last = last > ahead_end ? last : ahead_end;
            last = last > gap_end ? gap_end : last;
            ahead_end = first;
        }
        if (last > first)
            hv_memory(HV_MEM_RELEASE, first, last - first, 0);
    }
    lock_give(&lock);
    return fits ? old : NULL;
}
