// SPDX-License-Identifier: ISC
// One HTTP connection of a load generator. Whatever goes wrong ends it.

#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <netdb.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#define ANSWER_MAX 65536

// With `secure` (a TLS session; NULL after link_open) write and read are its
// own.
struct link {
    int fd;
    ssize_t (*write)(struct link *l, const void *data, size_t len);
    ssize_t (*read)(struct link *l, void *data, size_t len);
    void *secure;
    char data[ANSWER_MAX];
    size_t len;
};

// "HOST:PORT".
struct addrinfo *address_find(const char *text);

void link_open(struct link *l, const struct addrinfo *address,
               const char *name);

// Writes all; changes the parts.
void link_write(struct link *l, struct iovec *part, int n);

// Reads one answer; *body points into the link until the next one. Returns
// the status.
int link_read(struct link *l, const char **body, size_t *body_len);

#endif
