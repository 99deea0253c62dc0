// SPDX-License-Identifier: ISC
// One HTTP connection of a load generator. Whatever goes wrong ends it.

#ifndef BENCH_LINK_H
#define BENCH_LINK_H

#include <netdb.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "node-agent/bundle/key.h"

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

// What every load generator is told, in this order: ADDRESS NODE_ID KEY WHAT
// SECONDS CONNECTIONS.
struct load_to {
    struct addrinfo *address;
    const char *authority; // ADDRESS
    uint8_t node_id[32];
    struct seckey key;
    const char *what; // its last word before the numbers
    uint64_t seconds;
    int connections;
};
#define LOAD_USAGE       "ADDRESS NODE_ID KEY WHAT SECONDS CONNECTIONS"
#define LOAD_ARGUMENTS   6
#define LOAD_SECONDS_MAX 120
#define CONNECTIONS_MAX  256
void load_read(struct load_to *to, char **argument);

// Runs `run` in so many threads, and waits for all of them.
void load_run(int connections, void *(*run)(void *arg));

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
