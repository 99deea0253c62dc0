// SPDX-License-Identifier: ISC
/*
 * The guest ABI: the whole contract between a domain and whatever runs it.
 *
 * Both engines (pv: a process with almost no system calls; kvm: hardware
 * isolation) offer exactly this to guest code at CPL 3, so one image runs
 * unchanged on both. This header is self-contained and is compiled by the
 * monitor, by the pv set-up code and by the guest runtime.
 *
 * Everything in shared memory may be written by a hostile guest at any time.
 * The host copies a field once, checks the copy and uses the copy. Beside
 * each field stands its only legitimate writer: [G] guest, [H] host.
 *
 * A domain's address space (the same on both engines). What every domain has
 * lies close together: each 2 MiB in use costs a page of page tables, each GiB
 * another, once for the guest and on kvm several times.
 *
 * - 0x00000000 .. 0x0000ffff never mapped
 * - 0x00200000 hypercall page, r-x
 * - 0x00201000 .. 0x00204fff start_info and the command line, r--
 * - 0x00208000 shared_info, rw-, shared with the monitor
 * - 0x0020a000 .. 0x0020ffff the engine's set-up code, gone before entry
 * - 0x00210000 .. 0x0021ffff the engine's own (pv: code, signal stack)
 * - 0x00220000 .. 0x0027ffff the engine's own (kvm: page tables)
 * - 0x00280000 .. 0x1027ffff I/O window, rw-, shared with back ends
 * - 0x10400000 .. 0x2ffeffff image: the ELF's segments, private to the domain
 * - 0x30000000 .. RAM, rw-, private, zero at first touch
 * - 0x4000000000 .. 0x407fffffff initrd: the domain's files, r--, private
 *
 * At the image's entry rdi = HV_START_INFO_VA and rsp is the end of RAM, so
 * 16-aligned (a stack to start on); all other general registers are 0, the
 * FS and GS bases too, the FPU and vector state is as after reset, DF is clear
 * and upcalls are masked.
 */
#ifndef HV_H
#define HV_H

#include <stdint.h>

#define HV_ABI_VERSION 2u

#define HV_PAGE           4096ul
#define HV_IMAGE_BASE     0x10400000ul
#define HV_IMAGE_LIMIT    0x2fff0000ul
#define HV_HYPERCALL_VA   0x00200000ul
#define HV_START_INFO_VA  0x00201000ul
#define HV_START_INFO_LEN (4 * HV_PAGE)
#define HV_SHARED_INFO_VA 0x00208000ul
#define HV_SETUP_VA       0x0020c000ul
#define HV_SETUP_LEN      0x4000ul
#define HV_ENGINE_VA      0x00210000ul
#define HV_ENGINE_LEN     0x10000ul
#define HV_TABLES_VA      0x00220000ul
#define HV_TABLES_LEN     0x60000ul
#define HV_WINDOW_VA      0x00280000ul
#define HV_WINDOW_MAX     0x10000000ul
#define HV_INITRD_VA      0x4000000000ul
#define HV_INITRD_MAX     0x80000000ul
#define HV_RAM_VA         0x30000000ul
#define HV_RAM_MAX        0x1000000000ul /* 64 GiB */

/* Guests run with these selectors on both engines (Linux's own for CPL 3). */
#define HV_CS 0x33
#define HV_SS 0x2b

/* ------------------------------------------------------------ image note */

/* An image carries one ELF note, name "Hostel", type HV_NOTE_TYPE. */
#define HV_NOTE_NAME "Hostel"
#define HV_NOTE_TYPE 1u
struct hv_note {
    uint32_t abi_version;    /* HV_ABI_VERSION the image was built for */
    uint32_t devices;        /* bit mask of 1 << HV_DEV_*: refused without */
    uint64_t min_memory_kib; /* RAM below which the image cannot boot */
    uint64_t cpu_features;   /* HV_CPU_* the code uses without asking */
};

#define HV_CPU_FSGSBASE      (1ull << 0) /* rdfsbase..wrgsbase usable at CPL 3 */
#define HV_CPU_SSE42         (1ull << 1)
#define HV_CPU_AVX           (1ull << 2)
#define HV_CPU_AVX2          (1ull << 3)
#define HV_CPU_AVX512        (1ull << 4) /* F, BW, CD, DQ, VL */
#define HV_CPU_RDRAND        (1ull << 5)
#define HV_CPU_INVARIANT_TSC (1ull << 6)

/* ------------------------------------------------------------ start_info */

#define HV_MAGIC       0x31304c4554534f48ull /* "HOSTEL01", little endian */
#define HV_REGION_MAX  8
#define HV_DEVICE_MAX  16
#define HV_CMDLINE_MAX (HV_START_INFO_LEN - HV_PAGE) /* bytes */

enum hv_region_kind { HV_REGION_RAM = 1, HV_REGION_IMAGE, HV_REGION_INITRD };
struct hv_region {
    uint64_t addr, len; /* whole pages, except the initrd's length */
    uint32_t kind;      /* enum hv_region_kind */
    uint32_t pad;
};

enum hv_device_type { HV_DEV_CONSOLE = 0, HV_DEV_NET, HV_DEV_BLOCK, HV_DEV_FS };
struct hv_device {
    uint16_t type;    /* enum hv_device_type */
    uint16_t index;   /* n-th of its type */
    uint32_t port;    /* event channel, both ways */
    uint32_t control; /* window offset of its struct hv_device_control */
    uint32_t pad;
};

/* The page(s) rdi points to at entry; read-only, constant while running. */
struct hv_start_info {
    uint64_t magic;       /* HV_MAGIC */
    uint32_t abi_version; /* the engine's; equal to the image's */
    uint32_t vcpus;
    uint64_t cpu_features; /* HV_CPU_*: the only place a guest learns them */
    uint64_t xcr0;         /* state components that may be used */
    uint64_t memory_kib;   /* RAM, all regions of kind RAM together */
    uint64_t window_len;   /* I/O window, from HV_WINDOW_VA */
    uint32_t nregions, ndevices;
    struct hv_region region[HV_REGION_MAX];
    struct hv_device device[HV_DEVICE_MAX];
    uint32_t argc, envc;  /* NUL-terminated strings, arguments first ... */
    uint32_t cmdline_len; /* ... at HV_CMDLINE_VA, this many bytes in all */
    uint32_t pad;
    char domain_name[64]; /* for messages; NUL-terminated */
};
/* The command line follows, so a short one needs no page of its own. */
#define HV_CMDLINE_OFFSET 1024ul
#define HV_CMDLINE_VA     (HV_START_INFO_VA + HV_CMDLINE_OFFSET)
_Static_assert(sizeof(struct hv_start_info) <= HV_CMDLINE_OFFSET, "overlap");

/* ----------------------------------------------------------- shared_info */

#define HV_VCPU_MAX 16

/* Event channels: one bit each, both ways. 3 and up belong to devices. */
#define HV_PORT_TIMER   0
#define HV_PORT_CONSOLE 1
#define HV_PORT_CONTROL 2
#define HV_PORT_DEVICE  3
#define HV_PORT_MAX     64

/*
 * Delivery. The host sets a bit in `pending`; if the port is not masked it
 * sets `upcall_pending` and increments `wake`. When `blocked` is set it wakes
 * the vCPU; otherwise, when it was the host that raised `upcall_pending` from
 * 0 to 1 and `upcall_mask` is clear, it interrupts the vCPU with an upcall.
 * So a guest clears `upcall_pending` before it takes `pending`, and whoever
 * clears `upcall_mask` looks at `upcall_pending` afterwards (HV_IRET does).
 * Events may be spurious.
 *
 * An upcall enters at `upcall_entry` with upcall_mask = 1, DF clear, all other
 * registers as they were, and rsp at a bounce frame (rip, cs, rflags, rsp, ss
 * as for iretq) 128 bytes below the interrupted stack pointer, 16-aligned
 * above the frame's five words. It returns by jumping to HV_IRET(vcpu).
 */
struct hv_vcpu_info {
    uint64_t pending;        /* [H] sets, [G] clears, atomically */
    uint64_t mask;           /* [G] 1 = this port does not interrupt or wake */
    uint32_t upcall_pending; /* [H] sets, [G] clears */
    uint32_t upcall_mask;    /* [G] 1 = no upcalls now; starts as 1 */
    uint32_t wake;           /* [H] increments; block waits for a change */
    uint32_t blocked;        /* [G] set around waiting */
    uint64_t timer_ns;       /* [G] real-clock deadline, 0 = none */
    uint64_t upcall_entry;   /* [G] by the setup call */
    uint64_t trap_entry;     /* [G] by the setup call; 0 = traps kill */
    uint32_t core;           /* [engine] the host's core it last waited on */
    uint32_t pad;
};
_Static_assert(sizeof(struct hv_vcpu_info) == 64, "one cache line");

/*
 * real_ns = base_ns + ((tsc - tsc_base) * mul >> shift), 128-bit product.
 * Real time counts from the domain's boot and is never set back. Read under
 * the seqlock: version even before, unchanged after. Bumped before a resumed
 * guest runs. wall = real + wall_offset_ns.
 */
struct hv_time {
    uint32_t version;        /* [H] odd while being written */
    uint32_t shift;          /* [H] */
    uint64_t tsc_base;       /* [H] */
    uint64_t base_ns;        /* [H] real clock at tsc_base */
    uint64_t mul;            /* [H] */
    uint64_t wall_offset_ns; /* [H] ns since 1970 at real 0 */
    uint64_t pad[3];
};
_Static_assert(sizeof(struct hv_time) == 64, "one cache line");

enum hv_action {
    HV_ACTION_NONE = 0,
    HV_ACTION_SHUTDOWN, /* please power off (the guest's SIGTERM) */
    HV_ACTION_REBOOT,
    HV_ACTION_SUSPEND,
    HV_ACTION_BALLOON /* balloon_kib is new */
};
struct hv_control {
    uint32_t action;      /* [H] enum hv_action, announced on HV_PORT_CONTROL */
    uint32_t action_done; /* [G] echoes the action it has seen */
    uint64_t balloon_kib; /* [H] RAM the guest should keep populated at most;
                             0: all. Read at each event of the port */
    uint64_t generation;  /* [H] new at each boot, restore and clone */
    uint8_t seed[64];     /* [H] fresh with each generation */
    uint64_t pad[5];
};
_Static_assert(sizeof(struct hv_control) == 128, "two cache lines");

/* General registers, in the order of the x86-64 register numbers. */
struct hv_regs {
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rip, rflags;
};

/*
 * Captured state of a vCPU, the same for every engine. A capture inside a
 * hypercall rewinds rip to the slot's start, so each call is restartable.
 */
#define HV_XSAVE_MAX 11264u /* standard format up to and with AMX tile data */
struct hv_cpu {
    struct hv_regs regs;
    uint64_t fs_base, gs_base;
    uint64_t xcr0;
    uint32_t xsave_len; /* bytes used in xsave[] */
    uint32_t pad;
    uint8_t xsave[HV_XSAVE_MAX] __attribute__((aligned(64)));
};
_Static_assert(__builtin_offsetof(struct hv_cpu, xsave) % 64 == 0, "XSAVE");

/* What killed a domain that has no trap handler. */
struct hv_trap {
    uint32_t valid;   /* [G/engine] 1 once the rest is written */
    uint32_t vector;  /* x86: 0 #DE, 6 #UD, 13 #GP, 14 #PF, ... */
    uint64_t error;   /* hardware error code, 0 where there is none */
    uint64_t address; /* #PF: the address accessed (cr2) */
    struct hv_regs regs;
};

/*
 * A trap delivered to trap_entry finds, on a bounce frame like an upcall's:
 * vector, error, address, then the iretq frame, rsp at the vector. A trap
 * while upcall_mask holds is delivered too; a trap inside the trap handler
 * before it has cleared `trap_busy` kills.
 */

enum hv_shutdown_reason {
    HV_SHUTDOWN_POWEROFF = 1, /* status: 0..255, the program's exit status */
    HV_SHUTDOWN_REBOOT,
    HV_SHUTDOWN_CRASH, /* the guest gave up; its console says why */
    HV_SHUTDOWN_SUSPEND
};

struct hv_shared_info {
    struct hv_vcpu_info vcpu[HV_VCPU_MAX]; /* offset 0 */
    struct hv_time time;                   /* 1024 */
    struct hv_control control;             /* 1088 */
    /* Doorbell: the guest sets port bits, then rings if the host sleeps. */
    uint64_t notify;       /* 1216 [G] sets, [H] takes, atomically */
    uint32_t host_asleep;  /* 1224 [H] 1 = ring the bell, 0 = it is looking */
    uint32_t trap_busy;    /* 1228 [engine] sets, [G] clears */
    uint32_t runstate_seq; /* 1232 [G] increments to ask */
    uint32_t runstate_ack; /* 1236 [H] echoes when virtual_ns is new */
    uint64_t virtual_ns;   /* 1240 [H] CPU time consumed by this domain */
    uint32_t shutdown_reason; /* 1248 [G] enum hv_shutdown_reason */
    uint32_t shutdown_status; /* 1252 [G] */
    uint8_t pad[1280 - 1256];
    struct hv_trap trap; /* 1280 */
};
#define HV_ASSERT_AT(field, at)                                                \
    _Static_assert(__builtin_offsetof(struct hv_shared_info, field) == (at),   \
                   #field)
HV_ASSERT_AT(time, 1024);
HV_ASSERT_AT(control, 1088);
HV_ASSERT_AT(notify, 1216);
HV_ASSERT_AT(runstate_seq, 1232);
HV_ASSERT_AT(shutdown_reason, 1248);
HV_ASSERT_AT(trap, 1280);
_Static_assert(sizeof(struct hv_shared_info) <= HV_PAGE, "one page");

/* ------------------------------------------------------------ hypercalls */

/*
 * Slot n starts at HV_HYPERCALL_VA + 32 * n and is called as a System V
 * function (rdi, rsi, rdx, rcx -> rax; caller-saved registers are lost).
 * Each is restartable: called again from its start it does the same thing.
 * Results: 0 or more, or a negative HV_E* code.
 *
 *  block(vcpu)             with upcalls masked: returns once an unmasked
 *                          event is pending
 *  notify(port)            tell the host to look at port
 *  timer(deadline_ns, vcpu) raise HV_PORT_TIMER at this real-clock time; 0
 *                          cancels; one timer a vCPU
 *  memory(op, addr, len, prot)
 *                          the virtual MMU, in whole pages inside the
 *                          domain's own image and RAM: 3 operations
 *  shutdown(reason, status) does not return
 *  vcpu(op, vcpu, entry, stack)  2 operations: up, down
 *  setup(op, entry, vcpu)  2 operations: upcall entry, trap entry
 *  runstate()              virtual time: ns of CPU this domain has used
 *
 * Twelve operations in eight calls, and HV_IRET, which is not a call. `vcpu`
 * is the caller's own number; one that lies confuses only its own domain.
 */
enum hv_call {
    HV_CALL_BLOCK = 0,
    HV_CALL_NOTIFY,
    HV_CALL_TIMER,
    HV_CALL_MEMORY,
    HV_CALL_SHUTDOWN,
    HV_CALL_VCPU,
    HV_CALL_SETUP,
    HV_CALL_RUNSTATE,
    HV_CALL_COUNT
};
#define HV_CALL_VA(n) (HV_HYPERCALL_VA + 32ul * (n))

enum hv_memory_op { HV_MEM_POPULATE = 0, HV_MEM_RELEASE, HV_MEM_PROTECT };
#define HV_PROT_NONE  0u
#define HV_PROT_READ  1u
#define HV_PROT_WRITE 2u /* with READ */
#define HV_PROT_EXEC  4u /* with READ; never with WRITE */
enum hv_vcpu_op { HV_VCPU_UP = 0, HV_VCPU_DOWN };
enum hv_setup_op { HV_SETUP_UPCALL = 0, HV_SETUP_TRAP };

#define HV_EPERM  (-1)
#define HV_ENOMEM (-12)
#define HV_EINVAL (-22)
#define HV_ENOSYS (-38)

/*
 * Unmask and return from an upcall: jump here with rsp at the iretq frame. If
 * an event came in while upcalls were masked it enters the upcall again on
 * the same frame. An upcall that interrupts this range reuses the frame.
 */
#define HV_IRET_OFFSET 0x100ul
#define HV_IRET_LEN    64ul
#define HV_IRET(vcpu)  (HV_HYPERCALL_VA + HV_IRET_OFFSET + HV_IRET_LEN * (vcpu))

/* --------------------------------------------------------- the I/O window */

/*
 * Window offsets: the console ring, then the device control blocks, then what
 * the guest lays out: virtqueues and buffers. Addresses in virtqueues are
 * HV_WINDOW_VA plus a window offset.
 */
#define HV_CONSOLE_OFFSET 0x0000ul
#define HV_CONSOLE_OUT    16384u
#define HV_CONSOLE_IN     2048u

/*
 * Indices run freely; index modulo size is the place; size is a power of 2.
 * The guest notifies HV_PORT_CONSOLE when it has put output, and when it has
 * taken input from a ring more than half full. The host raises it when there
 * is new input (or its end) and when it has taken output from a ring more than
 * half full. So whoever waits for room learns of it. Indices further apart
 * than the ring's size cost the domain its life.
 *
 * Where `files_max` is not 0 a guest may hand files to whoever runs it, as the
 * last it says: it writes to `files_from` the out_prod at which console output
 * ends, sets `files`, and puts one archive of at most so many bytes into the
 * ring. The host reads both once; what it finds behind files_from is no longer
 * console output. It looks at no byte of it, and drops what is too much.
 */
struct hv_console {
    uint32_t out_prod;   /* [G] */
    uint32_t out_cons;   /* [H] */
    uint32_t in_prod;    /* [H] */
    uint32_t in_cons;    /* [G] */
    uint32_t in_eof;     /* [H] 1 = no more input will come */
    uint32_t files_max;  /* [H] constant; 0 = no files are taken */
    uint32_t files;      /* [G] 1 once files_from is written */
    uint32_t files_from; /* [G] */
    uint32_t pad[8];
    char out[HV_CONSOLE_OUT]; /* [G] what is short lies in the first page */
    char in[HV_CONSOLE_IN];   /* [H] */
};
_Static_assert(__builtin_offsetof(struct hv_console, out) == 64, "layout");
_Static_assert(__builtin_offsetof(struct hv_console, in) == 16448, "layout");

#define HV_CONTROL_OFFSET 0x5000ul
_Static_assert(sizeof(struct hv_console) <= HV_CONTROL_OFFSET, "overlap");
#define HV_WINDOW_FREE 0x6000ul /* first offset the guest lays out itself */

/*
 * Devices. start_info's device table names them; the n-th entry has port
 * HV_PORT_DEVICE + n and its control block at HV_CONTROL_OFFSET + 256 * n.
 * The guest notifies the port after it has changed `guest_status` and after it
 * has made requests available (in any of the device's queues); the host raises
 * it after it has changed `host_status`, `config` or a used ring.
 *
 * Queues are virtio 1.x split virtqueues, with VIRTIO_F_VERSION_1 and
 * VIRTIO_RING_F_EVENT_IDX always, indirect tables if agreed on. Addresses in
 * descriptors are HV_WINDOW_VA plus a window offset. What an honest driver
 * never does costs the domain its life: an address or length outside the
 * window, a length of 0, readable behind writable descriptors, a chain of more
 * than HV_CHAIN_MAX descriptors (so also one that loops), an indirect table
 * that is chained, nested or not 16-aligned, an available index that went back
 * or is further ahead of the used one than the queue is long.
 */
#define HV_CHAIN_MAX 64u

/* One split virtqueue: its three parts, aligned as virtio wants (16, 2, 4). */
struct hv_queue {
    uint32_t desc, avail, used; /* [G] window offsets */
    uint16_t size;              /* [G] power of 2, at most HV_QUEUE_SIZE_MAX */
    uint16_t enabled;           /* [G] 0: not used; the rest is ignored */
};
#define HV_QUEUE_SIZE_MAX 1024u
#define HV_QUEUES_MAX     16u

/*
 * A device's control block. The handshake is virtio's status byte in two
 * halves: the guest writes `guest_status` (ACKNOWLEDGE, DRIVER, FEATURES_OK,
 * DRIVER_OK, FAILED; 0 = reset) and notifies; the host answers by making
 * `host_status` equal, or by adding NEEDS_RESET to it. Several bits may be set
 * at once; they count in this order. `guest_features` is read at FEATURES_OK,
 * `nqueues` and the table at DRIVER_OK, each once. A reset is answered when
 * the host has let go of all queues and buffers. Bits out of order or taken
 * back cost the domain its life.
 */
struct hv_device_control {
    uint64_t guest_features; /* [G] VIRTIO_F_* and the device's, accepted */
    uint32_t guest_status;   /* [G] VIRTIO_CONFIG_S_* */
    uint32_t nqueues;        /* [G] at most HV_QUEUES_MAX */
    uint32_t queue_table;    /* [G] window offset of struct hv_queue[nqueues] */
    uint32_t guest_pad[27];
    uint64_t host_features; /* [H] offered */
    uint32_t host_status;   /* [H] */
    uint32_t config_seq;    /* [H] seqlock over config[] */
    uint8_t config[96];     /* [H] the device's struct of linux/virtio_*.h */
    uint64_t host_pad[2];
};
_Static_assert(sizeof(struct hv_device_control) == 256, "two halves");
_Static_assert(__builtin_offsetof(struct hv_device_control, host_features) ==
                   128,
               "the host's half");
/*
 * Network devices: virtio-net's config (MAC address, MTU) is followed, at
 * HV_NET_CONFIG of config[], by how the interface is to be configured. Without
 * an IPv4 address the guest asks by DHCP; IPv6 addresses come by router
 * advertisements too. Frames that do not come from these addresses may be
 * dropped. Addresses are in network order.
 */
#define HV_NET_CONFIG 32
struct hv_net_config {
    uint8_t ipv4[4], gateway4[4], dns4[4]; /* all zeros: none */
    uint8_t prefix4, prefix6;              /* bits of the network's number */
    uint8_t pad[2];
    uint8_t ipv6[16], gateway6[16], dns6[16];
};
_Static_assert(HV_NET_CONFIG + sizeof(struct hv_net_config) <= 96, "config[]");

/*
 * File systems: virtio-fs's config (tag, number of request queues) is followed
 * by where the volume is to be mounted, an absolute path with a NUL. Of one
 * that is not shared the guest may keep what it has seen and written.
 */
#define HV_FS_CONFIG    40
#define HV_FS_READ_ONLY 1u
#define HV_FS_SHARED    2u /* others may change it meanwhile */
#define HV_FS_MOUNT_MAX 52
struct hv_fs_config {
    uint32_t flags; /* HV_FS_* */
    char mount[HV_FS_MOUNT_MAX];
};
_Static_assert(HV_FS_CONFIG + sizeof(struct hv_fs_config) <= 96, "config[]");

_Static_assert(HV_CONTROL_OFFSET + HV_DEVICE_MAX * 256 <= HV_WINDOW_FREE,
               "control blocks");
_Static_assert(HV_PORT_DEVICE + HV_DEVICE_MAX <= HV_PORT_MAX, "ports");

#endif
