// SPDX-License-Identifier: ISC
// Reading into and writing from several places at once.
#ifndef _SYS_UIO_H
#define _SYS_UIO_H

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define IOV_MAX    1024
#define UIO_MAXIOV IOV_MAX

struct iovec {
    void *iov_base;
    size_t iov_len;
};

ssize_t readv(int fd, const struct iovec *parts, int n);
ssize_t writev(int fd, const struct iovec *parts, int n);

#ifdef __cplusplus
}
#endif

#endif
