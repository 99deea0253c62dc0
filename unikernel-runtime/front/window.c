// SPDX-License-Identifier: ISC
// Memory of the I/O window: first fit over one bit a page.
#include "unikernel-runtime/front/window.h"
#include "unikernel-runtime/kernel/clock.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/kernel/sched.h"

#include <stdint.h>

#define PAGES_MAX (64ul * 1024 * 1024 / HV_PAGE) // more is left alone
#define WORD_BITS 64u
#define MOMENT_NS 1000000ul

static uint64_t taken[PAGES_MAX / WORD_BITS]; // bit n: page `first_page` + n
static struct waitq room;                     // who waits for what others free
static size_t start;                          // no page below is free

static size_t pages_of(size_t len)
{
    return (len + HV_PAGE - 1) / HV_PAGE;
}

static size_t pages_there(void)
{
    size_t n = (start_info->window_len - HV_WINDOW_FREE) / HV_PAGE;
    return n < PAGES_MAX ? n : PAGES_MAX;
}

static int is_taken(size_t page)
{
    return taken[page / WORD_BITS] >> page % WORD_BITS & 1;
}

static void mark(size_t page, size_t n, int take)
{
    for (; n--; page++) {
        uint64_t bit = 1ull << page % WORD_BITS;
        if (take)
            taken[page / WORD_BITS] |= bit;
        else
            taken[page / WORD_BITS] &= ~bit;
    }
}

static void *alloc_locked(size_t n)
{
    size_t there = pages_there(), run = 0;
    for (size_t page = start; page < there; page++) {
        if (run == 0 && page % WORD_BITS == 0 &&
            taken[page / WORD_BITS] == UINT64_MAX) {
            page += WORD_BITS - 1;
            continue;
        }
        run = is_taken(page) ? 0 : run + 1;
        if (run < n)
            continue;
        size_t first = page + 1 - n;
        mark(first, n, 1);
        if (first == start)
            start = page + 1;
        return (char *)HV_WINDOW_VA + HV_WINDOW_FREE + first * HV_PAGE;
    }
    return NULL;
}

// Callers may have masked events already, and masking does not nest.
static int lock(void)
{
    int was = shared_info->vcpu[0].upcall_mask;
    if (!was)
        sched_lock();
    return was;
}

static void unlock(int was)
{
    if (!was)
        sched_unlock();
}

void *window_alloc(size_t len)
{
    size_t n = pages_of(len);
    if (!n || n > PAGES_MAX)
        return NULL;
    int was = lock();
    void *pages = alloc_locked(n);
    unlock(was);
    return pages;
}

void window_free(void *pages, size_t len)
{
    if (!pages)
        return;
    size_t first = ((uintptr_t)pages - HV_WINDOW_VA - HV_WINDOW_FREE) / HV_PAGE;
    int was = lock();
    mark(first, pages_of(len), 0);
    if (first < start)
        start = first;
    sched_wake_all(&room);
    unlock(was);
}

// What is freed between the attempt and the wait is noticed after the moment.
void window_wait(void)
{
    sched_lock();
    sched_wait(&room, clock_real_ns() + MOMENT_NS);
    sched_unlock();
}
