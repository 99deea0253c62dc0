// SPDX-License-Identifier: ISC
// A keeper and a ledger for tests of the api role and of the client: they
// answer messages from one submission and one account that they make up.

#ifndef TESTS_API_FAKE_H
#define TESTS_API_FAKE_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdint.h>

#include "node-agent/agent/ipc.h"
#include "node-agent/api/api.h"
#include "node-agent/api/server.h"
#include "node-agent/bundle/bundle.h"

struct fake {
    uint8_t node_id[32];
    key_id_t customer;    // whose submission it is
    struct sub_info info; // version 0: there is none yet
    int log_fd;           // memfd: its console
    char input[4096];     // what the domain was told
    size_t input_len;
    int input_ended;
    unsigned input_asked;
    uint64_t input_writer;
    atomic_uint receipts_asked; // the first two are too early
    atomic_int late;            // do not answer MSG_GET
    struct account_info account;
    key_id_t nobody; // has no account
};

// A whole api role between the two, on a loopback port and a unix socket; the
// uid that runs the test is its operator. One in a process.
struct fake_node {
    struct node_config cfg;
    struct api api;
    struct fake fake;
    struct sockaddr_in tcp_at;
    char unix_at[64];
    struct server *tcp, *local;
};
void fake_node_start(struct fake_node *n);
void fake_node_stop(struct fake_node *n);

// A bundle for this node of one program's text, signed by `key`, at the end
// of `out`; the nonce tells bundles apart.
void fake_bundle(const struct fake_node *n, struct buf *out,
                 const char *program, uint8_t nonce, const struct seckey *key);

#endif
