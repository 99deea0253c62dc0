// SPDX-License-Identifier: ISC
/*
 * Upcalls come at any instruction and leave no trace: a loop keeps known
 * values in every register it can name (general, flags, SSE, AVX, AVX-512
 * where there is) and compares while a timer interrupts it thousands of times.
 * The argument is the number of upcalls.
 */
#include "tests/domain/abi.h"

#define INTERVAL_NS 5000

static uint64_t upcalls, stray;

void upcall_entry(void);
void upcall_handle(void);

// General registers are ours to save; the vectors stay untouched because the
// handler is compiled without them.
__asm__(".globl upcall_entry\n"
        "upcall_entry:\n"
        "  push %rax; push %rcx; push %rdx; push %rbx; push %rbp\n"
        "  push %rsi; push %rdi; push %r8; push %r9; push %r10; push %r11\n"
        "  push %r12; push %r13; push %r14; push %r15\n"
        "  mov %rsp, %rbp\n"
        "  and $-16, %rsp\n"
        "  call upcall_handle\n"
        "  mov %rbp, %rsp\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12\n"
        "  pop %r11; pop %r10; pop %r9; pop %r8; pop %rdi; pop %rsi\n"
        "  pop %rbp; pop %rbx; pop %rdx; pop %rcx; pop %rax\n"
        "  jmp *upcall_iret(%rip)\n");
static const uint64_t upcall_iret __attribute__((used)) = HV_IRET(0);

__attribute__((target("general-regs-only"))) void upcall_handle(void)
{
    uint64_t pending;

    __atomic_store_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
    pending = __atomic_exchange_n(&VCPU->pending, 0, __ATOMIC_SEQ_CST);
    if (pending & ~(1ull << HV_PORT_TIMER | 1ull << HV_PORT_CONSOLE))
        stray++;
    upcalls++;
    abi_timer(abi_real_ns() + INTERVAL_NS);
}

// Fills registers from `seed`, runs a while, and counts differences. Flags:
// carry stays as the seed's lowest bit says.
static uint64_t general_round(uint64_t seed)
{
    uint64_t wrong = 0;

    __asm__ volatile("mov %[seed], %%rbx\n"
                     "lea 1(%%rbx), %%rcx; lea 2(%%rbx), %%rdx\n"
                     "lea 3(%%rbx), %%rsi; lea 4(%%rbx), %%rdi\n"
                     "lea 8(%%rbx), %%r8; lea 9(%%rbx), %%r9\n"
                     "lea 10(%%rbx), %%r10; lea 11(%%rbx), %%r11\n"
                     "lea 12(%%rbx), %%r12; lea 13(%%rbx), %%r13\n"
                     "lea 14(%%rbx), %%r14\n"
                     "mov $2000, %%r15d\n"
                     "stc; std\n"
                     "1: dec %%r15\n" // leaves the carry alone
                     "jnz 1b\n"
                     "cld\n"
                     "adc $-1, %[wrong]\n" // 0 + -1 + carry
                     "neg %%rbx\n"
                     "add %%rbx, %%rcx; add %%rbx, %%rdx\n"
                     "add %%rbx, %%rsi; add %%rbx, %%rdi\n"
                     "add %%rbx, %%r8; add %%rbx, %%r9\n"
                     "add %%rbx, %%r10; add %%rbx, %%r11\n"
                     "add %%rbx, %%r12; add %%rbx, %%r13\n"
                     "add %%rbx, %%r14\n"
                     "xor $1, %%rcx; xor $2, %%rdx; xor $3, %%rsi\n"
                     "xor $4, %%rdi; xor $8, %%r8; xor $9, %%r9\n"
                     "xor $10, %%r10; xor $11, %%r11; xor $12, %%r12\n"
                     "xor $13, %%r13; xor $14, %%r14\n"
                     "or %%rcx, %[wrong]; or %%rdx, %[wrong]\n"
                     "or %%rsi, %[wrong]; or %%rdi, %[wrong]\n"
                     "or %%r8, %[wrong]; or %%r9, %[wrong]\n"
                     "or %%r10, %[wrong]; or %%r11, %[wrong]\n"
                     "or %%r12, %[wrong]; or %%r13, %[wrong]\n"
                     "or %%r14, %[wrong]\n"
                     : [wrong] "+a"(wrong)
                     : [seed] "m"(seed)
                     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
                       "r11", "r12", "r13", "r14", "r15", "cc", "memory");
    return wrong;
}

// The same with vector registers: each holds a pattern, is left alone for a
// while, and is stored and compared.
#define FILL(op, reg, n)  op " %[in], %%" reg #n "\n"
#define STORE(op, reg, n) op " %%" reg #n ", " #n "*%c[size](%[out])\n"
#define EACH16(f, op, reg)                                                     \
    f(op, reg, 0) f(op, reg, 1) f(op, reg, 2) f(op, reg, 3) f(op, reg, 4)      \
        f(op, reg, 5) f(op, reg, 6) f(op, reg, 7) f(op, reg, 8) f(op, reg, 9)  \
            f(op, reg, 10) f(op, reg, 11) f(op, reg, 12) f(op, reg, 13)        \
                f(op, reg, 14) f(op, reg, 15)
#define WAIT "mov $2000, %%ecx\n1: dec %%ecx\njnz 1b\n"

static uint8_t pattern[64] __attribute__((aligned(64)));
static uint8_t stored[16 * 64] __attribute__((aligned(64)));

#define VECTOR_ROUND(name, op, reg, bytes)                                     \
    static void name(void)                                                     \
    {                                                                          \
        __asm__ volatile(                                                      \
            EACH16(FILL, op, reg) WAIT EACH16(STORE, op, reg)                  \
            :                                                                  \
            : [in] "m"(pattern), [out] "r"(stored), [size] "i"(bytes)          \
            : "rcx", "memory", "cc");                                          \
    }
VECTOR_ROUND(sse_round, "movups", "xmm", 16)
VECTOR_ROUND(avx_round, "vmovups", "ymm", 32)
VECTOR_ROUND(avx512_round, "vmovups", "zmm", 64)

static uint64_t vector_wrong(void (*round)(void), uint32_t bytes, uint8_t seed)
{
    uint64_t wrong = 0;

    for (uint32_t i = 0; i < bytes; i++)
        pattern[i] = seed + 37 * i;
    round();
    for (uint32_t i = 0; i < 16 * bytes; i++)
        wrong += stored[i] != pattern[i % bytes];
    return wrong;
}

__attribute__((target("general-regs-only"))) void guest_main(void)
{
    uint64_t target = abi_arg_number(1), wrong = 0, rounds = 0;
    uint64_t features = START->cpu_features;

    CHECK(target > 0);
    CHECK(abi_setup(HV_SETUP_UPCALL, upcall_entry) == 0);
    abi_unmask();
    abi_timer(abi_real_ns() + INTERVAL_NS);
    while (__atomic_load_n(&upcalls, __ATOMIC_RELAXED) < target) {
        uint8_t seed = rounds++;

        wrong += general_round(rounds * 0x123456789abcdull) != 0;
        wrong += vector_wrong(sse_round, 16, seed);
        if (features & HV_CPU_AVX)
            wrong += vector_wrong(avx_round, 32, seed);
        if (features & HV_CPU_AVX512)
            wrong += vector_wrong(avx512_round, 64, seed);
    }
    CHECK(wrong == 0);
    CHECK(stray == 0);
    CHECK(rounds > 1);
    abi_print("registers kept\n");
}
