// SPDX-License-Identifier: ISC
/*
 * lwIP's memory. What others send must not use up the program's: lwIP's part
 * of it is at most half, and it copes with what it does not get.
 *
 * For each segment under way it holds three or four small pieces, taken by the
 * thread that sends and given back by the one that hears of the
 * acknowledgement. So a few of each size are kept, under the network's lock,
 * which is held anyway.
 */
#include "unikernel-runtime/kernel/hypercall.h"
#include "unikernel-runtime/net/net.h"
#include "unikernel-runtime/net/port/lwipopts.h"

#include <stdlib.h>
#include <string.h>

struct piece {
    size_t len;
    struct piece *next; // of those that are kept
};
_Static_assert(sizeof(struct piece) % MEM_ALIGNMENT == 0, "aligned behind it");

static size_t memory_used; // with what is kept

#define GRAIN   32ul
#define CLASSES 9u // up to 256 bytes
// An eighth of lwIP's share may be kept, and no more than this.
#define KEPT_MAX (512ul << 10)

static struct piece *kept[CLASSES];
static size_t kept_len;

static size_t limit(void)
{
    return start_info->memory_kib * 512;
}

static struct piece *piece_new(size_t len)
{
    if (len > limit() || memory_used > limit() - len)
        return NULL;
    struct piece *p = malloc(sizeof *p + len);
    if (p) {
        p->len = len;
        memory_used += len;
    }
    return p;
}

void *net_memory_alloc(unsigned long len)
{
    size_t class = (len + GRAIN - 1) / GRAIN;
    struct piece *p;
    if (class < CLASSES) {
        p = kept[class];
        if (p) {
            kept[class] = p->next;
            kept_len -= p->len;
            return p + 1;
        }
        len = class * GRAIN;
    }
    p = piece_new(len);
    return p ? p + 1 : NULL;
}

void *net_memory_zalloc(unsigned long n, unsigned long len)
{
    void *memory = net_memory_alloc(n * len); // lwIP's sizes are constants
    if (memory)
        memset(memory, 0, n * len);
    return memory;
}

void net_memory_free(void *memory)
{
    struct piece *p = (struct piece *)memory - 1;
    size_t class = p->len / GRAIN;
    size_t most = limit() / 8 < KEPT_MAX ? limit() / 8 : KEPT_MAX;
    if (p->len % GRAIN == 0 && class < CLASSES && kept_len < most) {
        p->next = kept[class];
        kept[class] = p;
        kept_len += p->len;
        return;
    }
    memory_used -= p->len;
    free(p);
}
