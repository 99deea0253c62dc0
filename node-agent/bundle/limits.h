// SPDX-License-Identifier: ISC
// Limits of bundles, each with its reason. They bound what a stranger can
// make a node read, keep and allocate before anything is paid for; a node's
// configuration may allow less.

#ifndef BUNDLE_LIMITS_H
#define BUNDLE_LIMITS_H

#include "hypervisor/abi/hv.h"

// A thousand files with long paths fit; parsing it takes about 1 ms.
#define MANIFEST_MAX 262144u

// What decoding may allocate, all told: MANIFEST_MAX of honest fields needs
// less than half of it; two-byte fields, made to multiply, run into it.
#define MANIFEST_MEMORY_MAX 1572864u

// A signature is about 330 bytes with the trusted comment we write.
#define SIGNATURE_MAX       1024u
#define TRUSTED_COMMENT_MAX 256u

// Fits struct sub_info and one column of a table.
#define NAME_MAX_BYTES 63u

// The guest's ramfs and the archive that fills it take longer paths, but a
// message that names two of them must fit struct err.
#define BUNDLE_PATH_MAX 200u

// Programs with their libraries and a data set; beyond it, use an image.
#define BUNDLE_FILES_MAX 1024u

// All files together. They are spooled to memory while their digests are
// checked, once for each upload under way.
#define BUNDLE_FILES_BYTES_MAX (64ull << 20)

// The whole bundle: what an HTTP front end may refuse by Content-Length.
#define BUNDLE_MAX                                                             \
    (8 + 4 + MANIFEST_MAX + 4 + SIGNATURE_MAX + BUNDLE_FILES_BYTES_MAX)

// Name, arguments and environment together must fit the guest's command
// line, each followed by a 0 byte.
#define ARGS_MAX       256u
#define ENV_MAX        256u
#define ARGS_BYTES_MAX (HV_CMDLINE_MAX - 64u)

// A build with more options than this is a makefile, not a program.
#define OPTIONS_MAX      64u
#define OPTION_BYTES_MAX 256u

// The smallest domain that runs hello; the largest address space.
#define MEMORY_KIB_MIN 1024ull
#define MEMORY_KIB_MAX (HV_RAM_MAX / 1024)

// A budget below a millisecond buys nothing, one beyond thirty days is a
// mistake in the unit.
#define TIME_NS_MIN 1000000ull
#define TIME_NS_MAX (30ull * 86400 * 1000000000)

// Console output that is kept; 0 keeps none.
#define CONSOLE_BYTES_MAX (256ull << 20)

// Between a service's end and its next start: an hour is "later", not "again".
#define BACKOFF_MS_MAX 3600000u

// A service that fails a million times has no future.
#define RESTARTS_MAX 1000000u

// Domains of one function at once: more than a small node has slots.
#define CONCURRENCY_MAX 256u

// Somebody waits for the answer, and a connection with him.
#define REQUEST_MS_MAX 60000u

// Weights as control groups have them; a CPU cap of 16 CPUs, the most vCPUs
// that the guest ABI knows.
#define CPU_WEIGHT_MAX      10000u
#define CPU_CAP_PERCENT_MAX 1600u

// A result, not a data set: it is kept with the logs.
#define OUTPUT_BYTES_MAX (64u << 20)

// What may go into a domain, or out of it: half a petabyte is more than a
// month at 1 Gbit/s.
#define NET_BYTES_MAX (1ull << 49)

// Secrets, sealed; they share the command line's room with the environment.
#define SEALED_MAX (ARGS_BYTES_MAX + 256u)

// In any currency, a million is more than a submission can cost.
#define COST_NANO_MAX 1000000000000000ull

// An order's id; 16 or 32 bytes of hash today.
#define PURCHASE_ORDER_MAX 64u

// A stolen bundle is of no use after a week; a node forgets nonces then.
#define VALID_S_MAX (7ull * 86400)

// Clocks of customer and node may differ by this much.
#define CLOCK_SKEW_S 120ull

#endif
