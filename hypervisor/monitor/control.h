// SPDX-License-Identifier: ISC
/*
 * How hostel-hv is driven: messages over SOCK_SEQPACKET, fixed structs, one
 * per packet, and the counter page. Both sides are on one machine and of one
 * build; HVC_VERSION guards an upgrade with domains running.
 *
 * Two kinds of process speak it. The nursery (`hostel-hv nursery`, started by
 * the spawner with the socket as descriptor 3) is privileged and has emptied
 * its root; on HVC_MAKE it forks a monitor into the given cgroups and uid.
 * The monitor brings up its guest zygote, gives up everything it does not
 * need, then accepts a controller on its listening socket (a new one replaces
 * the old: an agent that died is succeeded; what the old one sent and was not
 * yet read is lost) and says HVC_READY. From then on it serves one domain and
 * exits when the domain is over, or after a minute without a controller in
 * which nothing ran. One whose domain has devices and is over while it has no
 * controller waits for the next (state HVC_DEAD), to be asked for them, unless
 * the domain was stopped for good (HVC_STOPPED).
 *
 *   nursery <- HVC_MAKE    + fds: listening socket, page file, cgroup.procs...
 *   nursery -> HVC_MADE    + fd: pidfd of the monitor
 *   monitor -> HVC_READY   + fd: pidfd of the guest process (pv engine)
 *   monitor <- HVC_DEVICE  + fds: the device's; one message a device
 *   monitor <- HVC_KEEP    + fds: what to hold open, see struct hvc_keep
 *   monitor <- HVC_PREPARE + fds: image, console sink, [initrd], [source],
 *                            [core], [files]
 *   monitor -> HVC_PREPARED | HVC_EXITED (cause HVC_REFUSED, text says why)
 *   monitor <- HVC_GO
 *   monitor <- HVC_LEASE, HVC_STOP, HVC_PAUSE, HVC_UNPAUSE, HVC_ASK
 *   monitor <- HVC_INPUT
 *   monitor -> HVC_TAKEN for each HVC_INPUT: at once, or when there is room
 *   monitor <- HVC_ATTACH  + fd: a stream, for whoever looks inside
 *   monitor -> HVC_ATTACHED
 *   monitor <- HVC_GIVE
 *   monitor -> HVC_GIVEN   + fd: a device's first, or the one that was passed
 *                            to be kept; one message a device
 *   monitor -> HVC_FAILED  a device is gone; the domain goes on without
 *   monitor -> HVC_EXITED, then it exits; the same stands in the page
 *
 * HVC_PREPARE with HVC_F_GO set starts at once, with no HVC_PREPARED between.
 */
#ifndef MONITOR_CONTROL_H
#define MONITOR_CONTROL_H

#include <stdint.h>
#include "hypervisor/abi/hv.h"

#define HVC_VERSION   3u
#define HVC_VERSION_2 2u   /* knows no HVC_GIVE; its domains go on */
#define HVC_PROCS_MAX 8    /* cgroup.procs files: v1 has up to six in use */
#define HVC_TEXT_MAX  4096 /* a crash report: about 40 lines */
#define HVC_INPUT_MAX 4096 /* console input a message */

enum hvc_type {
    HVC_MAKE = 1,
    HVC_MADE,
    HVC_READY,
    HVC_PREPARE,
    HVC_PREPARED,
    HVC_GO,
    HVC_LEASE,
    HVC_STOP,
    HVC_INPUT,
    HVC_EXITED,
    HVC_TAKEN,
    HVC_DEVICE,
    HVC_PAUSE = 32, /* head only: the guest executes nothing until ... */
    HVC_UNPAUSE,    /* ... this; each may be said again */
    HVC_ASK,
    HVC_BALLOON,
    HVC_ATTACH = 48,
    HVC_ATTACHED,
    HVC_KEEP = 64,
    HVC_GIVE, /* head only */
    HVC_GIVEN,
    HVC_FAILED
};

struct hvc_head {
    uint32_t type; /* enum hvc_type */
    uint32_t size; /* of the whole message, head included */
};

/* The slot is for domains with raw disks or interfaces: it has io_urings. Four
   more tasks (the kernel's) may then be in its cgroup. */
#define HVC_M_RINGS 1u

enum hvc_engine { HVC_ENGINE_PV, HVC_ENGINE_KVM };
#define HVC_ENGINES 2

struct hvc_make {
    struct hvc_head head;
    uint32_t slot;
    uint32_t uid, gid; /* the slot's own; never 0 */
    uint32_t nprocs;   /* cgroup.procs descriptors passed */
    uint32_t engine;   /* enum hvc_engine */
    uint32_t flags;    /* HVC_M_* */
};

struct hvc_made {
    struct hvc_head head;
    uint32_t slot;
    int32_t error;        /* 0 or -errno (-ENODEV: this machine cannot run that
                             engine); then no descriptor comes */
    uint32_t monitor_pid; /* in the nursery's pid namespace: the host's */
    uint32_t best;        /* enum hvc_engine: what engine "auto" is here */
};

struct hvc_ready {
    struct hvc_head head;
    uint32_t version; /* HVC_VERSION */
    uint32_t state;   /* enum hvc_state, for a successor */
};

/*
 * The events that guard the CPU budget (spawner/cpu_watch.h). They last as long
 * as somebody holds them, and the monitor, which can do nothing with them,
 * outlives the spawner: so a budget is kept while no agent lives. Those that it
 * holds already are dropped.
 */
#define HVC_KEEP_FDS 2
struct hvc_keep {
    struct hvc_head head;
};

/*
 * A successor of the agent asks for its domain's devices, so that the domain's
 * next run has them too: the answers come in order, and before anything that
 * the monitor has to say later. The descriptors stay the monitor's as well.
 */
struct hvc_given {
    struct hvc_head head;
    uint32_t index; /* of the device, as they were told by HVC_DEVICE */
    uint32_t pad;
};

/*
 * The back end of a device that is served from outside has hung up, or does
 * what it may not: the guest's requests fail from now on. Told once; to a
 * successor, if there was nobody to tell.
 */
struct hvc_failed {
    struct hvc_head head;
    uint32_t index; /* as in struct hvc_given */
    uint32_t pad;
};

#define HVC_F_GO     1u /* start at once */
#define HVC_F_INITRD 2u /* the initrd is passed after the sink */
#define HVC_F_SOURCE                                                           \
    4u                   /* a console source is passed last: read as there is  \
                            room in the guest's ring, to its end */
#define HVC_F_DEBUG  32u /* with HVC_F_GO: it runs when a debugger says so */
#define HVC_F_CORE                                                             \
    64u /* a regular file for a core is passed, see core_ends                  \
         */
#define HVC_F_FILES  128u /* a regular file for the domain's files, last of all */
#define HVC_F_PAUSED 16u /* with HVC_F_GO: it runs after HVC_UNPAUSE only */
#define HVC_F_ROLL                                                             \
    256u /* the sink, if a regular file, keeps the last console_bytes_max and  \
            somewhat more: what is older becomes a hole. Places stay places */

/* Ends at which a core is written. What ends without the guest's doing (it is
   stopped, killed, or tries a system call) leaves none. */
#define HVC_CORE_POWEROFF 1u
#define HVC_CORE_REBOOT   2u
#define HVC_CORE_CRASH    4u /* it gave up, or trapped */
#define HVC_CORE_ENDS     7u
struct hvc_prepare {
    struct hvc_head head;
    uint32_t flags; /* HVC_F_* */
    uint32_t argc, envc;
    uint32_t cmdline_len;       /* bytes used of cmdline[] */
    uint64_t memory_kib;        /* RAM; whole pages */
    uint64_t console_bytes_max; /* beyond it output is counted and dropped,
                                   but see HVC_F_ROLL */
    uint32_t files_bytes_max;   /* with HVC_F_FILES; the rest is dropped */
    uint32_t core_ends;         /* with HVC_F_CORE: HVC_CORE_*, else 0 */
    uint64_t core_bytes_max;    /* a larger core is not written */
    uint64_t lease_ns;          /* with HVC_F_GO: as in struct hvc_go */
    char domain_name[64];
    char cmdline[HV_CMDLINE_MAX]; /* see struct hv_start_info; sent to its
                                     used length only */
};

/*
 * How much RAM the domain should have in use at most: a wish, which the guest
 * meets as far as it can without giving up what it uses. What a domain can take
 * at all is limited by its cgroup.
 */
struct hvc_balloon {
    struct hvc_head head;
    uint64_t memory_kib; /* whole pages; what it has or more: no limit */
};

/*
 * A device of the domain to come, in the order in which it will find them.
 * The descriptors are the monitor's from then on. What it cannot serve is
 * answered by HVC_EXITED (cause HVC_REFUSED); else there is no answer.
 *
 * Memory: the I/O window is HVC_WINDOW_MIN_KIB and each device's share, and
 * counts, with RAM and image, for what the slot's cgroup must allow.
 */
#define HVC_WINDOW_MIN_KIB 1024u
#define HVC_WINDOW_MAX_KIB 65536u /* all together */
#define HVC_DEVICE_FDS_MAX 4
#define HVC_D_READ_ONLY    1u
#define HVC_D_VHOST_USER   2u /* served by whoever is at the socket passed */
#define HVC_D_KEPT                                                             \
    4u /* with HVC_D_VHOST_USER: the last descriptor passed is not for this    \
          run but for the next: it is kept, and is what HVC_GIVE gives */

/* Token buckets; 0 a second: no limit. A bucket that is not empty lets a
   request pass whole. */
struct hvc_rate {
    uint64_t bytes_per_s, bytes_burst;
    uint64_t ops_per_s, ops_burst;
};

/* A disk: one descriptor, a regular file or a block device. */
#define HVC_BLOCK_ID_LEN 20
struct hvc_block {
    uint64_t capacity_bytes;   /* a multiple of block_bytes */
    uint32_t block_bytes;      /* power of 2, 512 to 4096 */
    uint32_t align_bytes;      /* memory for O_DIRECT; 0: any */
    char id[HVC_BLOCK_ID_LEN]; /* what GET_ID says; NUL-padded */
    uint32_t pad;
};

/* A network interface: one descriptor, a TAP that passes virtio-net headers of
   12 bytes and does not block. rate[0] is out of the domain, rate[1] into it. */
#define HVC_NET_ADDRESSES 4
/* Queues, frames that came in, data under way. */
#define HVC_NET_WINDOW_KIB 8192u
struct hvc_net {
    uint8_t mac[6];
    uint16_t mtu;       /* 576 to 9000 */
    uint32_t flags;     /* HVC_NET_* */
    uint16_t loss, duplicate, reorder; /* frames in 10,000, for tests */
    uint16_t pad;
    uint8_t ipv4[HVC_NET_ADDRESSES][4];  /* what it may send from; */
    uint8_t ipv6[HVC_NET_ADDRESSES][16]; /* zeros: none */
    struct hv_net_config config;         /* what the guest is told */
    /* With HVC_NET_BUDGET: so much goes into the domain and out of it, as the
       page counts it; frames beyond that are dropped. */
    uint64_t in_bytes, out_bytes;
};
#define HVC_NET_ANY_IP 1u /* IP addresses are not checked, only the MAC's */
#define HVC_NET_BUDGET 2u

/* A file system; HVC_D_VHOST_USER only. */
struct hvc_fs {
    char tag[36]; /* NUL-padded */
    uint32_t request_queues;
    struct hv_fs_config config; /* what the guest is told */
};

/* With HVC_D_VHOST_USER: the connected socket, the eventfd by which the back
   end calls, an eventfd a queue by which it is kicked. */
struct hvc_device {
    struct hvc_head head;
    uint32_t type;       /* enum hv_device_type */
    uint32_t flags;      /* HVC_D_* */
    uint32_t window_kib; /* its share of the window; whole pages */
    uint32_t pad;
    struct hvc_rate rate[2]; /* net: out of the domain, into it; else [0] */
    union {
        struct hvc_block block;
        struct hvc_fs fs;
        struct hvc_net net;
        uint8_t bytes[256];
    };
};

/* When CLOCK_MONOTONIC reaches lease_ns the domain is stopped. */
struct hvc_go {
    struct hvc_head head;
    uint64_t lease_ns;
};
struct hvc_lease {
    struct hvc_head head;
    uint64_t lease_ns;
};

struct hvc_stop {
    struct hvc_head head;
    uint32_t cause; /* enum hvc_cause to report: HVC_STOPPED or a budget */
    uint32_t pad;
};

/*
 * A request to the guest, through its control block: a well-behaved one ends
 * soon after. A paused one finds it when it runs again.
 */
struct hvc_ask {
    struct hvc_head head;
    uint32_t action; /* HV_ACTION_SHUTDOWN or HV_ACTION_REBOOT */
    uint32_t pad;
};

/*
 * Console input is one stream of bytes, and a message says where in it its
 * bytes belong. What lies before the stream's position was taken already and
 * is skipped; what would leave a gap is refused. So a sender that never heard
 * an answer sends the same again, and nothing is lost or doubled, whoever died
 * in between: the position is the monitor's and lives as long as the domain.
 *
 * One writer: a message of another than the last one's is refused, unless it
 * takes the console over; from then on the earlier writer is refused.
 *
 * The monitor takes what it has room for, and the end only after all bytes of
 * its message. With room for nothing it answers when the guest has read, or
 * when the next message comes, whichever is sooner.
 */
#define HVC_INPUT_TAKE 1u         /* this writer from now on */
#define HVC_INPUT_END  2u         /* the input ends behind these bytes */
#define HVC_INPUT_HERE UINT64_MAX /* as offset: wherever the stream is */
struct hvc_input {
    struct hvc_head head;
    uint64_t tag;    /* the sender's, for the answer */
    uint64_t writer; /* a number of its own choice; 0 is nobody in particular */
    uint64_t offset; /* of data[0] in the stream, or HVC_INPUT_HERE */
    uint32_t flags;  /* HVC_INPUT_* */
    uint32_t len;    /* bytes used of data[] */
    char data[HVC_INPUT_MAX];
};

/*
 * Somebody who may look inside the domain, at the other end of a stream socket
 * that does not block: a debugger (gdb's remote protocol). One of a kind.
 */
enum hvc_attach_kind {
    HVC_ATTACH_DEBUG = 1,
    HVC_ATTACH_CORE,
    HVC_ATTACH_TRACE
};
struct hvc_attach {
    struct hvc_head head;
    uint64_t tag;  /* the sender's, for the answer */
    uint32_t kind; /* enum hvc_attach_kind */
    uint32_t pad;
};
struct hvc_attached {
    struct hvc_head head;
    uint64_t tag;
    int32_t error; /* 0, or -EBUSY: there is one already */
    uint32_t pad;
};

enum hvc_taken_result {
    HVC_TAKEN_OK = 0, /* up to `position` it is the domain's */
    HVC_TAKEN_FULL,   /* nothing: the guest has to read first */
    HVC_TAKEN_WRITER, /* nothing: another writer has the console */
    HVC_TAKEN_GAP,    /* nothing: its offset is above the position */
    HVC_TAKEN_ENDED   /* nothing: the input has ended */
};
struct hvc_taken {
    struct hvc_head head;
    uint64_t tag;      /* of the message it answers */
    uint64_t position; /* of the stream: bytes taken since the start */
    uint32_t accepted; /* of the message: bytes that lie below the position */
    uint32_t result;   /* enum hvc_taken_result */
    uint32_t ended;    /* 1 = the input has ended, in order */
    uint32_t pad;
};

enum hvc_state {
    HVC_PARKED = 1, /* clean slot: no domain yet */
    HVC_LOADED,     /* prepared, waiting for HVC_GO */
    HVC_RUNNING,
    HVC_DEAD
};

enum hvc_cause {
    HVC_POWEROFF = 1, /* status holds the program's exit status */
    HVC_REBOOT,
    HVC_CRASH, /* the guest gave up */
    HVC_SUSPEND,
    HVC_TRAP,    /* text holds the report */
    HVC_SYSCALL, /* pv: tried a host system call */
    HVC_CPU_BUDGET,
    HVC_WALL_BUDGET,
    HVC_LEASE_LAPSED, /* nobody renewed the lease */
    HVC_STOPPED,      /* asked to */
    HVC_REFUSED,      /* never ran: image or parameters; text says why */
    HVC_MEMORY,       /* killed by the host's memory limit */
    HVC_KILLED,       /* some other signal; `status` is its number */
    HVC_LOST          /* the monitor died without a report (spawner's word) */
};

struct hvc_exited {
    struct hvc_head head;
    uint32_t cause;  /* enum hvc_cause */
    uint32_t status; /* HVC_POWEROFF: 0..255; HVC_KILLED: signal */
    uint32_t text_len;
    uint32_t pad;
    char text[HVC_TEXT_MAX]; /* sent to its used length */
};

/*
 * The counter page: a one-page file in the run directory that the monitor
 * maps and alone writes. It outlives both the monitor and the agent; a reader
 * believes nothing in it that it cannot check, and bills no CPU by it.
 */
#define HVC_PAGE_MAGIC   0x31454741505648ull /* "HVPAGE1" */
#define HVC_PAGE_VERSION 2u
struct hvc_page {
    uint64_t magic;
    uint32_t version;
    uint32_t state;           /* enum hvc_state, written last */
    uint64_t started_mono_ns; /* when the guest was let go */
    uint64_t ended_mono_ns;
    uint64_t console_out_bytes, console_dropped_bytes, console_in_bytes;
    uint64_t net_rx_bytes, net_tx_bytes, net_rx_packets, net_tx_packets;
    uint64_t disk_read_bytes, disk_write_bytes, disk_reads, disk_writes;
    uint64_t net_tx_refused; /* frames that were not the domain's to send, or
                                beyond its budget */
    uint32_t cause, status;  /* valid when state is HVC_DEAD */
    uint32_t text_len;
    uint32_t pad;
    char text[2048]; /* the report, cut to fit */
    uint64_t files_bytes; /* written of the domain's files */
};
_Static_assert(sizeof(struct hvc_page) <= 4096, "one page");

#endif
