// SPDX-License-Identifier: ISC
// A keeper and a ledger for tests of the api role: they answer its messages
// from one submission and one account that they make up.

#ifndef TESTS_API_FAKE_H
#define TESTS_API_FAKE_H

#include <stdatomic.h>
#include <stdint.h>

#include "node-agent/agent/ipc.h"

struct fake {
    uint8_t node_id[32];
    key_id_t customer;    // whose submission it is
    struct sub_info info; // version 0: there is none yet
    int log_fd;           // memfd: its console
    char input[4096];     // what the domain was told
    size_t input_len;
    int input_ended;
    atomic_uint receipts_asked; // the first two are too early
    atomic_int late;            // do not answer MSG_GET
    struct account_info account;
};

// Answers on `fd` until it closes.
void fake_keeper(struct fake *f, int fd);
void fake_ledger(struct fake *f, int fd);

#endif
