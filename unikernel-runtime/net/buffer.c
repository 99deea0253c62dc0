// SPDX-License-Identifier: ISC
// Memory for what is sent; see buffer.h.
#include "unikernel-runtime/net/buffer.h"
#include "unikernel-runtime/front/window.h"
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/net/port/lwipopts.h"

#include <stdlib.h>

#define PAGES (HV_WINDOW_MAX / HV_PAGE)

// Of each page of the window: 0: none of ours; else holds and 1. Pages of this
// that describe no buffer are never touched.
static uint16_t holds[PAGES];
static int in_window;

// Freed while it was held.
struct late {
    struct late *next;
    void *buffer;
    size_t len;
};
static struct late *late;

// By size; what is in them is neither held nor the window's.
#define SIZES 5
#define KEPT  16
static struct {
    void *buffer[KEPT];
    unsigned n;
} kept[SIZES];

static unsigned size_of(size_t len)
{
    return __builtin_ctzl(len / BUFFER_MIN);
}

static size_t page_of(const void *at)
{
    return ((uintptr_t)at - HV_WINDOW_VA) / HV_PAGE;
}

static int is_in_window(const void *at)
{
    return (uintptr_t)at - HV_WINDOW_VA < HV_WINDOW_MAX;
}

static void mark(void *buffer, size_t len, uint16_t value)
{
    size_t page = page_of(buffer);
    for (size_t i = 0; i < len / HV_PAGE; i++)
        holds[page + i] = value;
}

void buffer_use_window(void)
{
    in_window = 1;
}

void *buffer_alloc(size_t len, int anywhere)
{
    unsigned size = size_of(len);
    if (kept[size].n)
        return kept[size].buffer[--kept[size].n];
    void *buffer = in_window ? window_alloc(len) : NULL;
    if (!buffer)
        return anywhere || !in_window ? net_memory_alloc(len) : NULL;
    mark(buffer, len, 1);
    return buffer;
}

static int is_held(const void *buffer, size_t len)
{
    size_t page = page_of(buffer);
    for (size_t i = 0; i < len / HV_PAGE; i++)
        if (holds[page + i] > 1)
            return 1;
    return 0;
}

static void give_back(void *buffer, size_t len)
{
    unsigned size = size_of(len);
    if (kept[size].n < KEPT) {
        kept[size].buffer[kept[size].n++] = buffer;
        return;
    }
    mark(buffer, len, 0);
    window_free(buffer, len);
}

void buffer_free(void *buffer, size_t len)
{
    if (!is_in_window(buffer)) {
        net_memory_free(buffer);
        return;
    }
    if (!is_held(buffer, len)) {
        give_back(buffer, len);
        return;
    }
    struct late *l = malloc(sizeof *l);
    if (!l)
        return; // better lost than sent to somebody
    *l = (struct late){late, buffer, len};
    late = l;
}

static void late_free(void)
{
    for (struct late **link = &late, *l; (l = *link);) {
        if (is_held(l->buffer, l->len)) {
            link = &l->next;
            continue;
        }
        *link = l->next;
        give_back(l->buffer, l->len);
        free(l);
    }
}

int buffer_is_shared(const void *data, size_t len)
{
    const char *last = (const char *)data + len - 1;
    return is_in_window(data) && is_in_window(last) && holds[page_of(data)] &&
           holds[page_of(last)];
}

static void count(const void *data, size_t len, int by)
{
    size_t last = page_of((const char *)data + len - 1);
    for (size_t page = page_of(data); page <= last; page++)
        holds[page] += by;
}

void buffer_hold(const void *data, size_t len)
{
    count(data, len, 1);
}

void buffer_drop(const void *data, size_t len)
{
    count(data, len, -1);
    if (late)
        late_free();
}
