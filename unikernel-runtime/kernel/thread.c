// SPDX-License-Identifier: ISC
// Threads: the boot thread and its thread-local storage.
#include "unikernel-runtime/kernel/thread.h"
#include "unikernel-runtime/arch/x86_64/cpu.h"
#include "unikernel-runtime/kernel/hypercall.h"

#include <reent.h>
#include <string.h>

// Values, as addresses of symbols that the linker script makes.
extern const char __tls_image[], __tls_image_len[], __tls_len[], __tls_align[];

#define THREAD_ALIGN 16ul

static size_t tls_align(void)
{
    size_t align = (size_t)__tls_align;
    return align < THREAD_ALIGN ? THREAD_ALIGN : align;
}

static size_t round_up(size_t n, size_t align)
{
    return (n + align - 1) & -align;
}

size_t thread_block_len(void)
{
    return tls_align() + round_up((size_t)__tls_len, tls_align()) +
           sizeof(struct thread);
}

/*
 * The struct goes on the first aligned place that leaves room for the
 * variables below it; the program finds them at fixed distances from it.
 */
static struct thread *thread_place(char *block)
{
    size_t room = round_up((size_t)__tls_len, tls_align());
    char *place = (char *)round_up((uintptr_t)block, tls_align()) + room;
    size_t len = (size_t)__tls_len, image_len = (size_t)__tls_image_len;
    if (len) {
        char *tls = place - room;
        memcpy(tls, __tls_image, image_len);
        memset(tls + image_len, 0, len - image_len);
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
}
