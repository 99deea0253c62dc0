// SPDX-License-Identifier: ISC
// Limits of the keeper, each with its reason.
#ifndef KEEPER_LIMITS_H
#define KEEPER_LIMITS_H

// Submissions that are not done: ten thousand waiting and as many running as
// there are slots; about 3 KiB each.
#define LIVE_MAX 32768u

// Accepted and waiting for a turn, on the node and of one customer: at 300 a
// second, what can be waited for in less than a minute.
#define WAITING_MAX          16384u
#define WAITING_CUSTOMER_MAX 4096u

// Long polls at once; beyond it the caller polls by itself.
#define WAITERS_MAX 1024u

// Requests to functions that run or wait, of all functions.
#define CALLS_MAX 2048u

// Files of consoles that are used again: kept ready, and in one turn.
#define CONSOLE_SPARES_MAX 64u
#define CONSOLE_REUSE_MAX  64u

// Cores of the operator's domains, and the largest: room on the disk.
#define CORES_MAX      8u
#define CORE_BYTES_MAX (1ull << 30)

// Messages taken from one channel in one turn: bounds the transaction.
#define TURN_MAX 256

// Under load turns come no closer than this: what arrives meanwhile shares
// their commit. Load is when the last turn had so many messages; somebody
// alone on a node waits for nothing.
#define GATHER_NS  4000000u
#define GATHER_MIN 4u

// A customer whose answer was lost comes back with the same bundle; after
// this long nobody does, and the money held for it is given back.
#define ASKED_KEEP_NS (600ull * 1000000000u)

// When the spawner had no clean slot, it is asked again this much later. The
// builder too; a slot that never gets free there (15 s) costs the submission.
#define BUSY_NS       5000000u
#define BUILD_BUSY_NS 50000000u
#define BUILD_TRIES   300u

// What the machine is short of (descriptors, memory, disk) it may have again.
#define SHORT_NS 500000000u

// Blobs that nobody has used for a day are deleted, and earlier when all
// together come near the maximum.
#define STORE_BYTES_MAX (16ull << 30)
#define STORE_FREE_MIN  (256ull << 20) // left to the rest of the machine
#define BLOB_KEEP_S     86400
#define SWEEP_NS        (600ull * 1000000000u)

// Done submissions are forgotten, logs and all, after a month; after a day
// when the disk has less than this left. In bites, each third of a lease: 800
// a second with the default, more than a node completes.
#define KEEP_S      (30ull * 86400)
#define KEEP_LOW_S  86400ull
#define FREE_LOW    (1ull << 30)
#define FORGET_ROWS 8000

#endif
