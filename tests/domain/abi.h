// SPDX-License-Identifier: ISC
/*
 * What a freestanding test guest needs: hypercalls, the console, exit, and a
 * few words of C library. One .c file includes it and defines guest_main;
 * abi.lds links it.
 */
#ifndef ABI_H
#define ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hypervisor/abi/hv.h"

#define START   ((const struct hv_start_info *)HV_START_INFO_VA)
#define SHARED  ((struct hv_shared_info *)HV_SHARED_INFO_VA)
#define VCPU    (&SHARED->vcpu[0])
#define CONSOLE ((struct hv_console *)(HV_WINDOW_VA + HV_CONSOLE_OFFSET))

void guest_main(void);

#ifndef ABI_MIN_MEMORY_KIB
#define ABI_MIN_MEMORY_KIB 64
#endif
#ifndef ABI_VERSION
#define ABI_VERSION HV_ABI_VERSION
#endif
#ifndef ABI_DEVICES
#define ABI_DEVICES 0
#endif
__attribute__((section(".note.hostel"), used,
               aligned(4))) static const struct __attribute__((packed)) {
    uint32_t namesz, descsz, type;
    char name[8];
    struct hv_note note;
} abi_note = {sizeof(HV_NOTE_NAME),
              sizeof(struct hv_note),
              HV_NOTE_TYPE,
              HV_NOTE_NAME,
              {ABI_VERSION, ABI_DEVICES, ABI_MIN_MEMORY_KIB, 0}};

// ------------------------------------------------------------- hypercalls

static inline long abi_call(enum hv_call call, uint64_t a, uint64_t b,
                            uint64_t c, uint64_t d)
{
    return ((long (*)(uint64_t, uint64_t, uint64_t, uint64_t))HV_CALL_VA(call))(
        a, b, c, d);
}

static inline long abi_block(void)
{
    return abi_call(HV_CALL_BLOCK, 0, 0, 0, 0);
}
static inline long abi_notify(uint64_t port)
{
    return abi_call(HV_CALL_NOTIFY, port, 0, 0, 0);
}
static inline long abi_timer(uint64_t deadline_ns)
{
    return abi_call(HV_CALL_TIMER, deadline_ns, 0, 0, 0);
}
static inline long abi_memory(enum hv_memory_op op, uint64_t addr, uint64_t len,
                              uint64_t prot)
{
    return abi_call(HV_CALL_MEMORY, op, addr, len, prot);
}
static inline long abi_setup(enum hv_setup_op op, void (*entry)(void))
{
    return abi_call(HV_CALL_SETUP, op, (uint64_t)entry, 0, 0);
}
static inline uint64_t abi_runstate(void)
{
    return abi_call(HV_CALL_RUNSTATE, 0, 0, 0, 0);
}
static inline __attribute__((noreturn)) void abi_exit(int status)
{
    abi_call(HV_CALL_SHUTDOWN, HV_SHUTDOWN_POWEROFF, status, 0, 0);
    __builtin_unreachable();
}

// Lets upcalls in. Events that came before are dropped: whoever clears the
// mask must look for them, or hears nothing any more.
static inline void abi_unmask(void)
{
    do {
        __atomic_store_n(&VCPU->upcall_mask, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&VCPU->upcall_pending, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&VCPU->pending, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&VCPU->upcall_mask, 0, __ATOMIC_SEQ_CST);
    } while (__atomic_load_n(&VCPU->upcall_pending, __ATOMIC_SEQ_CST));
}

// ---------------------------------------------------------------- console

static inline void abi_write(const char *s, size_t len)
{
    struct hv_console *c = CONSOLE;

    while (len) {
        uint32_t prod = c->out_prod;
        uint32_t room =
            HV_CONSOLE_OUT -
            (prod - __atomic_load_n(&c->out_cons, __ATOMIC_ACQUIRE));

        for (; room && len; room--, len--)
            c->out[prod++ % HV_CONSOLE_OUT] = *s++;
        __atomic_store_n(&c->out_prod, prod, __ATOMIC_RELEASE);
        abi_notify(HV_PORT_CONSOLE);
    }
}

static inline size_t abi_length(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

static inline void abi_print(const char *s)
{
    abi_write(s, abi_length(s));
}

static inline void abi_number(uint64_t n)
{
    char text[20], *at = text + sizeof(text);

    do
        *--at = '0' + n % 10;
    while (n /= 10);
    abi_write(at, text + sizeof(text) - at);
}

// The n-th argument; "" when there are fewer.
static inline const char *abi_arg(uint32_t n)
{
    const char *s = (const char *)HV_CMDLINE_VA;

    static const char nothing[4];

    if (n >= START->argc)
        return nothing;
    while (n--)
        s += abi_length(s) + 1;
    return s;
}

static inline uint64_t abi_arg_number(uint32_t n)
{
    uint64_t v = 0;

    for (const char *s = abi_arg(n); *s >= '0' && *s <= '9'; s++)
        v = v * 10 + (*s - '0');
    return v;
}

// A check of a test: the first that fails names itself and ends the guest.
#define CHECK(x)                                                               \
    do {                                                                       \
        if (!(x)) {                                                            \
            abi_print("failed: " #x "\n");                                     \
            abi_exit(1);                                                       \
        }                                                                      \
    } while (0)

// ----------------------------------------------------------------- clocks

static inline uint64_t abi_real_ns(void)
{
    volatile struct hv_time *t = &SHARED->time;
    uint32_t version;
    uint64_t ns;

    do {
        uint32_t lo, hi;

        version = __atomic_load_n(&SHARED->time.version, __ATOMIC_ACQUIRE);
        __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi));
        ns = t->base_ns +
             (uint64_t)(((unsigned __int128)((((uint64_t)hi << 32) | lo) -
                                             t->tsc_base) *
                         t->mul) >>
                        t->shift);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (version & 1 || version != t->version);
    return ns;
}

// The compiler may call these.
void *memset(void *, int, size_t);
void *memcpy(void *, const void *, size_t);
__attribute__((weak)) void *memset(void *p, int c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)p)[i] = c;
    return p;
}
__attribute__((weak)) void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

__attribute__((naked, noreturn, used, section(".text.start"))) void
_start(void);
void _start(void)
{
    __asm__("call guest_main\n"
            "xor %edi, %edi\n"
            "call abi_exit_called\n");
}
__attribute__((used, noreturn)) void abi_exit_called(int status);
void abi_exit_called(int status)
{
    abi_exit(status);
}

#endif
