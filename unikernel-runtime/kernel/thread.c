// SPDX-License-Identifier: ISC
// Threads: thread-local storage, and the boot thread.
#include "unikernel-runtime/kernel/thread.h"
#include "unikernel-runtime/kernel/thread_place.h"
#include "unikernel-runtime/arch/x86_64/cpu.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <reent.h>
#include <string.h>

// Values, as addresses of symbols that the linker script makes.
extern const char __tls_image[], __tls_image_len[], __tls_len[], __tls_align[];

#define THREAD_ALIGN 16ul

struct thread *thread_youngest;

static size_t round_up(size_t n, size_t align)
{
    return (n + align - 1) & -align;
}

// The variables' room below the struct. The linker, which fixes each one's
// distance from the struct, rounds to just the alignment that they ask for.
static size_t tls_room(void)
{
    return round_up((size_t)__tls_len, (size_t)__tls_align);
}

static size_t block_align(void)
{
    size_t align = (size_t)__tls_align;
    return align < THREAD_ALIGN ? THREAD_ALIGN : align;
}

size_t thread_block_len(void)
{
    return tls_room() + block_align() + sizeof(struct thread);
}

struct thread *thread_place(char *block)
{
    size_t room = tls_room(), image_len = (size_t)__tls_image_len;
    char *place = (char *)round_up((uintptr_t)block + room, block_align());
    if (room) {
        char *tls = place - room;
        memcpy(tls, __tls_image, image_len);
        memset(tls + image_len, 0, room - image_len);
    }
    return (struct thread *)place;
}

void thread_boot(void *block, char *stack_top)
{
    struct thread *t = thread_place(block);
    const volatile uint64_t *seed =
        (const volatile uint64_t *)shared_info->control.seed;
    *t = (struct thread){
        .self = t,
        .reent = _GLOBAL_REENT,
        .stack_top = stack_top,
        // Its own eight bytes of the seed (random.c takes the others). The
        // lowest is zero so that no string function copies the canary.
        .stack_canary = seed[7] & ~0xfful,
    };
    cpu_set_fs_base(t);
    thread_youngest = t;
}
