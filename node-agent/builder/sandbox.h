// SPDX-License-Identifier: ISC
/*
 * The process of one build, from fork to the exec of bwrap.
 *
 * It enters the slot's cgroups, mounts a tmpfs over HOUSE_WORK for itself,
 * becomes the slot's user, unpacks the sources there, and runs the compiler
 * in bwrap: the toolchain as root, /src and nothing else of the customer's,
 * /out and /tmp to write to, no network, no /proc, no privileges.
 */
#ifndef BUILDER_SANDBOX_H
#define BUILDER_SANDBOX_H

#include <stdint.h>

/* In /out; see image.h. */
#define SANDBOX_IMAGE "image"

/* What one file of a build may grow to: an image with its symbols, or the
 * assembler text of a large source. */
#define SANDBOX_FILE_MAX (64ull << 20)

struct sandbox_job {
    unsigned slot;
    int bundle_fd;    /* sealed memfd, verified by the keeper */
    int log_fd;       /* compiler's messages */
    int status_fd;    /* bwrap's word on how the compiler ended */
    int talk_fd;      /* SOCK_SEQPACKET: one struct sandbox_hello */
    const int *procs; /* cgroup.procs, nprocs of them */
    int nprocs;
    uint64_t cpu_ns, memory_kib;
};

/* Sent once, just before bwrap begins, with a descriptor of /out; or, without
 * one, when the build could not begin. */
struct sandbox_hello {
    char why[512]; /* empty: all is well */
};

/* In the child: never returns. */
_Noreturn void sandbox_run(const struct sandbox_job *job);

#endif
