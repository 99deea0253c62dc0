// SPDX-License-Identifier: ISC
// The operator's domains: made over the control socket (agent/dom.h), not from
// a bundle. What they are is journalled, so they keep number, name, file and
// what becomes of them at an end when the agent restarts. They take room and
// are metered like submissions, and billed to nobody: the ledger does not hear
// of them.
//
//     STARTING  the spawner is asked, or will be
//     RUNNING
//     WAITING   it will be started again in a moment
//     OFF       over, and kept to be looked at: powered off, or
//     CRASHED   in any other way
//
// A run has an id of its own (as a submission has) and a number of its own, as
// with xl; the domain is known by its name. After a reboot of the machine there
// are none: nothing is started unasked.
#ifndef KEEPER_DOM_H
#define KEEPER_DOM_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/err.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/keeper/shelf.h"
#include "node-agent/keeper/sub.h"

struct keeper;
struct journal;

#define DOM_BOOT_MAX 64 // the kernel's name of a boot, with its NUL

#define DOMS_MAX     4096u // at once; a node has at most 16384 slots
#define DOM_ASKS_MAX 1024u // requests of operators under way

// Ends of one name that rename-restart keeps; later ones only restart.
#define DOM_KEPT_MAX 16u

// What its console's log holds at most, of one run.
#define DOM_CONSOLE_BYTES (16ull << 20)

// Disks and interfaces of all of them together: each is a descriptor here.
#define DOM_DEVICES_MAX 512u

// One that ends at once is not started again at once.
#define DOM_RESTART_NS 1000000000ull

enum dom_state {
    DOM_STARTING = 1,
    DOM_RUNNING,
    DOM_WAITING,
    DOM_OFF,
    DOM_CRASHED
};

// What the journal has of it, as it is in memory.
#define DOM_ROW_VERSION 2u
struct dom_row {
    uint32_t version; // DOM_ROW_VERSION
    uint32_t state;   // enum dom_state
    uint32_t domid;
    uint32_t restarts;
    uint32_t cause, status; // of the last end: enum hvc_cause; 0: none yet
    uint32_t destroyed;     // somebody asked for its end
    uint32_t pad;
    sub_id_t id; // of the present or last run
    uint8_t image[32], initrd[32];
    uint64_t created_real_ns, started_real_ns;
    struct usage done; // by earlier runs
    char report[512];
    struct dom_create config; // the name in it is the present one
    struct dom_devices devices;
};

struct dom {
    struct dom *next;
    int64_t serial; // its row
    struct dom_row row;
    bool touched, adopted, counted;
    bool gone;                    // to be freed at the end of the turn
    struct dom_figures now;       // of the present run
    char waits_for[MSG_TEXT_MAX]; // why it was not started again yet; said once
    uint64_t due_ns;   // WAITING: start it; creating: look again. 0: never
    uint64_t begun_ns; // CLOCK_MONOTONIC
    bool creating, destroying; // somebody waits for an answer
    struct msg_head create_to, destroy_to;

    // Of its devices, for its next runs; a disk's holds its lock. -1: gone with
    // the agent that had them, until its monitor gives them.
    int device_fd[HV_DEVICE_MAX];
    bool shelved; // they are on the shelf
};

enum dom_ask_kind { ASK_START = 1, ASK_CONTROL, ASK_FEED, ASK_LOOK };

// A request to the spawner for which somebody may wait.
struct dom_ask {
    uint32_t kind; // 0: free
    uint32_t generation;
    int64_t serial; // its domain's; 0: a submission's, or of no one domain
    bool asked;     // `to` waits for it
    struct msg_head to;
    uint64_t due_ns; // ASK_FEED: answered by then
};

struct doms {
    struct dom *first;
    uint32_t count;
    struct dom_ask ask[DOM_ASKS_MAX];
    struct msg_head list_to[DOM_ASKS_MAX]; // who waits for a list, of whom
    char list_who[DOM_ASKS_MAX][DOM_NAME_MAX];
    uint32_t lists;
    bool looking;
    uint32_t last_domid;
    bool numbered;      // ... is not in the journal yet
    struct shelf shelf; // devices, for a successor
    bool shelf_stale;   // it has too much or too little
};

// A weight of Xen's as a control group's, and the other way round.
static inline uint32_t dom_cpu_weight(uint64_t weight)
{
    uint64_t n = weight * 100 / DOM_WEIGHT_USUAL;

    return n ? (uint32_t)n : 1;
}
static inline uint32_t dom_weight(uint32_t cpu_weight)
{
    return cpu_weight ? cpu_weight * DOM_WEIGHT_USUAL / 100 : DOM_WEIGHT_USUAL;
}

// ---- dom.c: their life
int doms_open(struct keeper *k, struct err *e);
void doms_close(struct keeper *k);

// A new one; the caller fills row.config, row.image and row.initrd. NULL: no
// memory.
struct dom *dom_new(struct keeper *k);
void dom_begin(struct keeper *k, struct dom *d);
// Ends it, whatever state it is in, with this cause.
void dom_stop(struct keeper *k, struct dom *d, enum hvc_cause cause);
void dom_touch(struct dom *d);
// How many devices there are, of all domains.
uint32_t doms_devices(const struct keeper *k);
// Of the node's memory: its own, and its devices' windows.
uint64_t dom_room_kib(const struct dom *d);

struct dom *dom_find(struct keeper *k, const sub_id_t *id);
struct dom *dom_named(struct keeper *k, const char *name);
struct dom *dom_of_serial(struct keeper *k, int64_t serial);

// A number for the next domain, of any kind; in the journal with this turn.
uint32_t domid_next(struct keeper *k);

// What the spawner says: true if it was about one of them.
bool doms_news(struct keeper *k, const union ipc_any *any);
// A device of one, from its monitor: what its predecessor's shelf did not have.
void doms_given(struct keeper *k, const struct msg_given *m,
                int fds[IPC_FDS_MAX]);
// A device of one, or a volume of a submission's, is gone while it runs.
void doms_failed(struct keeper *k, const struct msg_failed *m);
// It has named all it found.
void doms_adopted(struct keeper *k);

void doms_renew(struct keeper *k, uint64_t until_ns);
void doms_timers(struct keeper *k, uint64_t now_ns);
uint64_t doms_due_ns(const struct keeper *k);
// Asks the spawner for present figures of all, unless that is under way.
void doms_look(struct keeper *k);
// Into the turn's transaction.
int doms_save(struct keeper *k, struct err *e);
bool doms_use_blob(const struct keeper *k, const key_id_t *customer,
                   const uint8_t name[32]);

// ---- dom_shelf.c: their devices on the shelf
// What a predecessor has left there for those that are known.
void dom_shelf_restore(struct keeper *k);
// At the end of a turn: what is there is what is wanted.
void dom_shelf_save(struct keeper *k);
// Does it have devices, and has them?
static inline bool dom_holds(const struct dom *d)
{
    for (uint32_t i = 0; i < d->row.devices.n; i++)
        if (d->device_fd[i] < 0)
            return false;
    return d->row.devices.n;
}

// ---- dom_row.c: the journal's tables of them
int dom_rows_open(struct journal *j, struct err *e);
int dom_rows_each(struct journal *j,
                  int (*each)(void *arg, int64_t serial,
                              const struct dom_row *row),
                  void *arg, struct err *e);
int dom_row_insert(struct journal *j, const struct dom_row *row,
                   int64_t *serial, struct err *e);
int dom_row_save(struct journal *j, int64_t serial, const struct dom_row *row,
                 struct err *e);
int dom_row_delete(struct journal *j, int64_t serial, struct err *e);
// The last number given since the machine's start; 0 and *same = false when it
// was started anew since.
int dom_number_load(struct journal *j, const char *boot, uint32_t *last,
                    bool *same, struct err *e);
int dom_number_save(struct journal *j, const char *boot, uint32_t last,
                    struct err *e);

// ---- dom_info.c: what is told of one
void dom_info_fill(const struct dom *d, struct dom_info *i);
void dom_info_of_sub(const struct sub *s, struct dom_info *i);

// ---- dom_serve.c: requests
int dom_serve(struct keeper *k, const union ipc_any *any, int fds[IPC_FDS_MAX],
              struct err *e);
// The same done to a submission's domain (NULL: it is over).
void dom_serve_sub(struct keeper *k, const struct msg_head *to, struct sub *s,
                   uint32_t action, uint64_t value);
// Somebody wants to look inside one of them.
int dom_serve_attach(struct keeper *k, const struct msg_attach *m,
                     int fds[IPC_FDS_MAX]);
void dom_serve_created(struct keeper *k, struct dom *d, unsigned status,
                       const char *why);
void dom_serve_lists(struct keeper *k);
// Answers a request that the spawner has answered.
void dom_serve_answered(struct keeper *k, const struct dom_ask *ask,
                        const union ipc_any *any);

// ---- dom_ask.c
#define DOM_TAG (1ull << 62) // in the tags of what is asked here
// A tag for a request; 0: there are too many under way.
uint64_t dom_ask_new(struct keeper *k, enum dom_ask_kind kind, int64_t serial,
                     const struct msg_head *to);
bool dom_ask_take(struct keeper *k, uint64_t tag, struct dom_ask *out);
// Those that have waited long enough.
void dom_asks_expire(struct keeper *k, uint64_t now_ns);
uint64_t dom_asks_due_ns(const struct keeper *k);

#endif
