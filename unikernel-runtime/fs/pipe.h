// SPDX-License-Identifier: ISC
// Pipes.
#ifndef RT_PIPE_H
#define RT_PIPE_H

// Two descriptors, the first to read from; `flags` may have O_NONBLOCK.
int pipe_open(int fds[2], int flags);

#endif
