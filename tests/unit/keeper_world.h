// SPDX-License-Identifier: ISC
// A keeper in a folder of its own, among peers that are played here: a ledger
// that applies each record once, a spawner whose domains outlive the keeper, a
// builder, and an API that speaks for customers.
//
//     struct world w;
//     world_open(&w);
//     world_submit(&w, &bundle);      the API sends it
//     world_run(&w);                  all go on until nobody has more to say
//     world_kill(&w);                 kill -9 of the agent; messages are lost
//     world_open_again(&w);
#ifndef TESTS_UNIT_KEEPER_WORLD_H
#define TESTS_UNIT_KEEPER_WORLD_H

#include "node-agent/bundle/bundle.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/keeper/machine.h"
#include "tests/unit/lib_check.h"

#define WORLD_MAX 256 // submissions, domains

// CHECK that shows a sentence that came with the failure.
#define CHECK_TEXT(cond, text)                                                 \
    do {                                                                       \
        if (!(cond))                                                           \
            fprintf(stderr, "(%s)\n", text);                                   \
        CHECK(cond);                                                           \
    } while (0)

#define HELD_RECORDS 8
// What the played ledger knows about a submission.
struct held {
    sub_id_t id;
    int64_t hold_nano;
    struct usage usage;                     // sum of the records
    struct msg_record record[HELD_RECORDS]; // by number, from 1
    unsigned records, settled, voided;
};

struct played_domain {
    sub_id_t id;
    struct msg_domain state; // cause 0: runs
    unsigned renewed, released, fed, started;
    uint64_t feed_tag; // of the last input, which world_fed answers
    uint64_t lease_mono_ns, cpu_ns;
    char cmdline[256];
    uint32_t argc, envc, cmdline_len;
    bool has_initrd;
    struct dom_devices devices;
};

struct played_build {
    sub_id_t id;
    bool stopped;
    unsigned begun; // in this life of the builder
};

struct world {
    char folder[64];
    int shelf[2]; // older than the keeper
    struct node_config cfg;
    struct keeper *k;
    // Our ends; api is the operator role's, which may ask all that the api role
    // (public) may.
    int api, ledger, spawner, builder, public, volumed, net;

    // Knobs.
    unsigned hold_status;       // of the ledger's answers to holds
    unsigned enrol_status;      // to whoever joins
    unsigned record_status;     // to records: 200, or 402 when money runs out
    unsigned start_status;      // of the spawner's to starts
    bool builder_waits;         // builds end only by world_built
    bool spawner_mute;          // no ADOPTED until world_adopt
    bool loading;               // domains' images are not taken yet
    unsigned control_status;    // of the spawner's answers to controls
    struct msg_control control; // the last one

    unsigned net_status; // of the net role's answers

    // What the net role was told, by number of the lease; in this life of it.
    struct played_lease {
        bool used;
        unsigned opened;
        struct msg_net is;
    } lease[WORLD_MAX];
    bool net_ready;

    struct msg_enrol enrolled; // the last one
    int64_t enrolled_nano;     // each credit once
    unsigned job_status;        // of the volumes role's answers
    bool jobs_wait;             // they end only by world_job_end
    uint64_t used_bytes;        // what it counts
    struct msg_job job;         // the last one
    unsigned jobs[JOB_OPEN + 1]; // of each kind
    struct held held[WORLD_MAX];
    struct played_domain domain[WORLD_MAX];
    struct played_build build[WORLD_MAX];
    unsigned nheld, ndomains, nbuilds;
    uint64_t tag;
};

void world_open(struct world *w);
void world_shelf_new(struct world *w); // an empty one: a new supervisor
void world_close(struct world *w);
void world_kill(struct world *w);
void world_open_again(struct world *w);

void world_turn(struct world *w);  // of the keeper alone
bool world_peers(struct world *w); // of the peers; false: nothing to do
void world_run(struct world *w);   // until nothing moves

// ---- bundles

struct bundle_of {
    struct seckey sk;
    struct manifest m;
    struct manifest_file file[3];
    struct bundle_source from[3];
    const char *arg[2], *env[1];
    char source[16]; // ten characters
    sub_id_t id;
};
// An image with two arguments and one data file, valid now, for this node.
void bundle_image(struct world *w, struct bundle_of *b, uint8_t nonce);
void bundle_program(struct world *w, struct bundle_of *b, uint8_t nonce);
int bundle_memfd(struct bundle_of *b, const struct world *w); // signs; sets id

// ---- the API's side. Replies are taken with world_reply, in order.

uint64_t world_submit(struct world *w, struct bundle_of *b);
void world_send(struct world *w, void *msg, uint32_t type, size_t size);
// The next reply to the API, which must be of this type.
void world_reply(struct world *w, uint32_t type, union ipc_any *any,
                 int fds[IPC_FDS_MAX]);
bool world_quiet(const struct world *w); // no reply is there

// Submits, runs the world and expects this status.
struct sub_info world_accept(struct world *w, struct bundle_of *b,
                             unsigned status);
struct sub_info world_get(struct world *w, const sub_id_t *id);

// ---- the spawner's and the builder's side

struct played_domain *world_domain(struct world *w, const sub_id_t *id);
struct held *world_held(struct world *w, const sub_id_t *id);
void world_tick(struct world *w); // an interval for each running domain
void world_end(struct world *w, const sub_id_t *id, enum hvc_cause cause,
               uint32_t status);
// The domain has taken input, up to this position, says domain `id`.
void world_fed(struct world *w, const sub_id_t *id, uint64_t tag,
               uint64_t position);
void world_adopt(struct world *w);
void world_job_end(struct world *w, unsigned status);
void world_built(struct world *w, const sub_id_t *id, enum sub_outcome outcome);

#endif
