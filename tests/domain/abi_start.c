// SPDX-License-Identifier: ISC
// The state a guest finds at its entry, as hv.h promises it. The registers
// are read before any compiled code has used them.

#define _start abi_unused_start
#include "tests/domain/abi.h"
#undef _start

uint64_t at_entry[17];
uint8_t vectors_at_entry[512] __attribute__((aligned(64)));

void start_checks(void) __attribute__((noreturn));

__asm__(".section .text.start0, \"ax\"\n"
        ".globl _start\n"
        "_start:\n"
        "  mov %rax, at_entry; mov %rcx, at_entry+8; mov %rdx, at_entry+16\n"
        "  mov %rbx, at_entry+24; mov %rsp, at_entry+32\n"
        "  mov %rbp, at_entry+40; mov %rsi, at_entry+48\n"
        "  mov %rdi, at_entry+56; mov %r8, at_entry+64; mov %r9, at_entry+72\n"
        "  mov %r10, at_entry+80; mov %r11, at_entry+88\n"
        "  mov %r12, at_entry+96; mov %r13, at_entry+104\n"
        "  mov %r14, at_entry+112; mov %r15, at_entry+120\n"
        "  fxsave64 vectors_at_entry\n"
        "  pushf; popq at_entry+128\n"
        "  and $-16, %rsp\n"
        "  call start_checks\n"
        ".text\n");

void guest_main(void)
{
}

__attribute__((target("fsgsbase"))) void start_checks(void)
{
    const uint64_t ram_end = HV_RAM_VA + START->memory_kib * 1024;

    for (int i = 0; i < 16; i++) {
        if (i == 4)
            CHECK(at_entry[i] == ram_end);
        else if (i == 7)
            CHECK(at_entry[i] == HV_START_INFO_VA);
        else
            CHECK(at_entry[i] == 0);
    }
    CHECK((at_entry[16] & 0x400) == 0); // DF
    CHECK(*(uint16_t *)vectors_at_entry == 0x37f);
    CHECK(*(uint32_t *)(vectors_at_entry + 24) == 0x1f80);
    // xmm0 to xmm15, and the x87 registers before them.
    for (int i = 32; i < 416; i++)
        CHECK(vectors_at_entry[i] == 0);
    if (START->cpu_features & HV_CPU_FSGSBASE) {
        CHECK(__builtin_ia32_rdfsbase64() == 0);
        CHECK(__builtin_ia32_rdgsbase64() == 0);
    }
    CHECK(START->magic == HV_MAGIC && START->abi_version == HV_ABI_VERSION);
    CHECK(START->vcpus == 1);
    CHECK(VCPU->upcall_mask == 1);
    CHECK(SHARED->control.generation != 0);
    CHECK(START->window_len >= HV_WINDOW_FREE);
    CHECK(CONSOLE->out_prod == 0);
    abi_print("entry state kept\n");
    abi_exit(0);
}
