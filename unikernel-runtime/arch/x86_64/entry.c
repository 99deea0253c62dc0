// SPDX-License-Identifier: ISC
/*
 * The two ways into the runtime: the image's entry point and the upcall.
 * Plus the ELF note by which an image says what it needs.
 */
#include "hypervisor/abi/hv.h"
#include "unikernel-runtime/kernel/boot.h"
#include "unikernel-runtime/kernel/event.h"
#include "unikernel-runtime/kernel/trap.h"

#include <stddef.h>

/*
 * The stack is the bottom of RAM, an eighth of it but at most STACK_MAX: what
 * lies below is never mapped, so running out of it is a page fault.
 */
#define STACK_MAX (8ul << 20)

/*
 * The stack starts, and the heap after it, in the middle of a page: a small
 * program then touches one page for both.
 */
#define STACK_TOP_OFFSET 2048

void _start(void);

__attribute__((naked, noreturn, section(".text.boot"))) void _start(void)
{
    __asm__ volatile(
        "lea %c[region](%%rdi), %%rax\n"
        "1: cmpl %[ram], %c[kind](%%rax)\n"
        "je 2f\n"
        "add %[next], %%rax\n"
        "jmp 1b\n"
        "2: mov %c[len](%%rax), %%rsi\n"
        "shr $3, %%rsi\n"
        "mov %[max], %%ecx\n"
        "cmp %%rcx, %%rsi\n"
        "cmova %%rcx, %%rsi\n"
        "and $-4096, %%rsi\n"
        "add %c[addr](%%rax), %%rsi\n"
        "add %[offset], %%rsi\n"
        "mov %%rsi, %%rsp\n"
        "xor %%ebp, %%ebp\n"
        "call boot\n"
        "ud2\n" ::[region] "i"(offsetof(struct hv_start_info, region)),
        [kind] "i"(offsetof(struct hv_region, kind)),
        [len] "i"(offsetof(struct hv_region, len)),
        [addr] "i"(offsetof(struct hv_region, addr)),
        [next] "i"(sizeof(struct hv_region)), [ram] "i"(HV_REGION_RAM),
        [max] "i"(STACK_MAX), [offset] "i"(STACK_TOP_OFFSET));
}

/*
 * Entered with upcalls masked and a bounce frame at rsp, between any two
 * instructions of the program: everything that event_dispatch may change is
 * saved, which is the general registers only (see event.c). Only if there is
 * work to do before the program goes on, vector and x87 state is saved too,
 * and the x87 stack emptied, as every function expects it.
 */
#define XSAVE_LEN    2688 // standard format up to and with AVX-512
#define XSAVE_HEADER 512  // of 64 bytes, zeros where xsave does not write

__attribute__((naked)) void event_upcall_entry(void)
{
    __asm__ volatile("push %%rax; push %%rcx; push %%rdx; push %%rsi\n"
                     "push %%rdi; push %%r8; push %%r9; push %%r10\n"
                     "push %%r11; push %%rbp\n"
                     "mov %%rsp, %%rbp\n"
                     "and $-16, %%rsp\n"
                     "call event_dispatch\n"
                     "cmpq $0, event_work\n"
                     "jne 2f\n"
                     "1: mov %%rbp, %%rsp\n"
                     "pop %%rbp; pop %%r11\n"
                     "pop %%r10; pop %%r9; pop %%r8; pop %%rdi\n"
                     "pop %%rsi; pop %%rdx; pop %%rcx; pop %%rax\n"
                     "jmp %c[iret]\n"
                     "2: sub %[len], %%rsp\n"
                     "and $-64, %%rsp\n"
                     "xor %%eax, %%eax\n"
                     "lea %c[header](%%rsp), %%rdi\n"
                     "mov $8, %%ecx\n"
                     "rep stosq\n"
                     "mov %c[xcr0], %%eax\n"
                     "xor %%edx, %%edx\n"
                     "xsave64 (%%rsp)\n"
                     "fninit\n"
                     "call *event_work\n"
                     "mov %c[xcr0], %%eax\n"
                     "xor %%edx, %%edx\n"
                     "xrstor64 (%%rsp)\n"
                     "jmp 1b\n" ::[iret] "i"(HV_IRET(0)),
                     [len] "i"(XSAVE_LEN), [header] "i"(XSAVE_HEADER),
                     [xcr0] "i"(HV_START_INFO_VA +
                                offsetof(struct hv_start_info, xcr0)));
}

/*
 * Entered at any instruction that traps, with vector, error code and address
 * on the stack below the bounce frame (struct trap_frame). The trap is over
 * for the hypervisor as soon as it could be reported again.
 */
__attribute__((naked)) void trap_entry(void)
{
    __asm__ volatile("push %%rax; push %%rbx; push %%rcx; push %%rdx\n"
                     "push %%rsi; push %%rdi; push %%rbp; push %%r8\n"
                     "push %%r9; push %%r10; push %%r11; push %%r12\n"
                     "push %%r13; push %%r14; push %%r15\n"
                     "mov %%rsp, %%rbx\n"
                     "sub %[len], %%rsp\n"
                     "and $-64, %%rsp\n"
                     "xor %%eax, %%eax\n"
                     "lea %c[header](%%rsp), %%rdi\n"
                     "mov $8, %%ecx\n"
                     "rep stosq\n"
                     "mov %c[xcr0], %%eax\n"
                     "xor %%edx, %%edx\n"
                     "xsave64 (%%rsp)\n"
                     "fninit\n"
                     "mov %%rbx, %%rdi\n"
                     "movl $0, %c[busy]\n"
                     "call trap_handle\n"
                     "mov %c[xcr0], %%eax\n"
                     "xor %%edx, %%edx\n"
                     "xrstor64 (%%rsp)\n"
                     "mov %%rbx, %%rsp\n"
                     "pop %%r15; pop %%r14; pop %%r13\n"
                     "pop %%r12; pop %%r11; pop %%r10; pop %%r9\n"
                     "pop %%r8; pop %%rbp; pop %%rdi; pop %%rsi\n"
                     "pop %%rdx; pop %%rcx; pop %%rbx; pop %%rax\n"
                     "add $24, %%rsp\n"
                     "iretq\n" ::[len] "i"(XSAVE_LEN),
                     [header] "i"(XSAVE_HEADER),
                     [xcr0] "i"(HV_START_INFO_VA +
                                offsetof(struct hv_start_info, xcr0)),
                     [busy] "i"(HV_SHARED_INFO_VA +
                                offsetof(struct hv_shared_info, trap_busy)));
}

#define MIN_MEMORY_KIB 512

struct note {
    uint32_t name_len, desc_len, type;
    char name[8];
    struct hv_note desc;
} __attribute__((packed));

static const struct note note
    __attribute__((section(".note.hostel"), used, aligned(4))) = {
        .name_len = sizeof HV_NOTE_NAME,
        .desc_len = sizeof(struct hv_note),
        .type = HV_NOTE_TYPE,
        .name = HV_NOTE_NAME,
        .desc = {.abi_version = HV_ABI_VERSION,
                 .min_memory_kib = MIN_MEMORY_KIB,
                 .cpu_features = HV_CPU_FSGSBASE},
};
