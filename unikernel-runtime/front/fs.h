// SPDX-License-Identifier: ISC
/*
 * The front end of file systems (virtio-fs): FUSE requests and their answers.
 * A call blocks its thread alone. A back end that dies, answers nonsense or
 * stays silent for long makes every call fail with -EIO from then on.
 */
#ifndef RT_FRONT_FS_H
#define RT_FRONT_FS_H

#include "unikernel-runtime/front/fuse.h"
#include "unikernel-runtime/kernel/sched.h"

#include <stddef.h>
#include <sys/types.h>

struct fs_front;

#define FS_ARGS       3
#define FS_ARGS_LEN   1536u // all of a call's arguments
#define FS_DATA_MAX   (128u * 1024)
#define FS_ANSWER_MAX 512u // an answer's struct

/*
 * A request. Arguments are copied; `data_len` bytes go behind them, which
 * `give` puts into the window. The answer is `answer_len` bytes and up to
 * `into_len` behind those, which `take` copies out of the window; it looks at
 * each once, since they may change. Both at most FS_DATA_MAX.
 */
struct fs_call {
    enum fuse_opcode opcode;
    uint64_t node;
    struct {
        const void *at;
        size_t len;
    } arg[FS_ARGS];
    void (*give)(void *argument, void *to, size_t len);
    size_t data_len;
    void *answer;
    size_t answer_len;
    void (*take)(void *argument, const void *from, size_t len);
    size_t into_len;
    void *argument; // of both
    int silent;     // no answer is expected: fs_begin does it all

    // The front end's while it is under way.
    struct fs_slot *slot;
    struct waitq waiter;
    void *buffer;
    size_t buffer_len;
    int result;
    uint8_t done, lost;
};

// How many there are; the n-th, started: NULL if it cannot be.
unsigned fs_count(void);
struct fs_front *fs_open(unsigned n);

// Where it is to be mounted, and HV_FS_*; also of one that cannot be started.
void fs_describe(unsigned n, char *mount, size_t len, uint32_t *flags);

/*
 * Begins a call, which then must be finished: bytes that were taken (0 if there
 * are none), or an error, in newlib's numbers. Several may be under
 * way. From begin to finish no signal's handler runs in the thread, since the
 * call lies on its stack.
 */
void fs_begin(struct fs_front *f, struct fs_call *c);
ssize_t fs_finish(struct fs_front *f, struct fs_call *c);

ssize_t fs_call(struct fs_front *f, struct fs_call *c);

#endif
