// SPDX-License-Identifier: ISC
/*
 * From the entry point to main().
 *
 * Time to the first byte of output is what a customer waits for, so nothing
 * here clears, scans or touches memory that the program might not need: RAM
 * arrives as zeros, the file tree is built at the first open, and stdio's
 * state is static.
 */
#include "unikernel-runtime/kernel/boot.h"
#include "unikernel-runtime/kernel/event.h"
#include "unikernel-runtime/kernel/pages.h"
#include "unikernel-runtime/kernel/panic.h"
#include "unikernel-runtime/kernel/thread.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef void function(void);
extern function *__preinit_array_start[], *__preinit_array_end[];
extern function *__init_array_start[], *__init_array_end[];
extern function *__fini_array_start[], *__fini_array_end[];

extern function *const __boot_hooks_start[], *const __boot_hooks_end[];

extern int main(int argc, char **argv, char **envp);

static void run_destructors(void)
{
    for (function **f = __fini_array_end; f > __fini_array_start;)
        (*--f)();
}

static void run_constructors(void)
{
    if (&__fini_array_start[0] != &__fini_array_end[0])
        atexit(run_destructors);
    for (function **f = __preinit_array_start; f < __preinit_array_end; f++)
        (*f)();
    for (function **f = __init_array_start; f < __init_array_end; f++)
        (*f)();
}

/*
 * The strings lie one after the other, arguments first; `out` takes a pointer
 * to each of `n` and a null. Returns where the next string begins.
 */
static char *strings_index(char *text, unsigned n, char **out)
{
    for (unsigned i = 0; i < n; i++) {
        out[i] = text;
        text += strlen(text) + 1;
    }
    out[n] = NULL;
    return text;
}

void boot(const struct hv_start_info *si, char *stack_top)
{
    if (si->magic != HV_MAGIC || si->abi_version != HV_ABI_VERSION)
        panic("the hypervisor speaks another version of the ABI");
    if (!(si->cpu_features & HV_CPU_FSGSBASE))
        panic("this processor has no FSGSBASE");

    // These live in this frame, which is never left.
    thread_boot(__builtin_alloca(thread_block_len()), stack_top);
    pages_init(si, stack_top);
    event_init();

    char *text = __builtin_alloca(si->cmdline_len + 1);
    char **strings =
        __builtin_alloca((si->argc + si->envc + 2) * sizeof(char *));
    memcpy(text, (const void *)HV_CMDLINE_VA, si->cmdline_len);
    text[si->cmdline_len] = '\0';
    char **argv = strings, **envp = strings + si->argc + 1;
    strings_index(strings_index(text, si->argc, argv), si->envc, envp);
    environ = envp;

    for (function *const *f = __boot_hooks_start; f < __boot_hooks_end; f++)
        (*f)();
    run_constructors();
    exit(main(si->argc, argv, envp));
}
