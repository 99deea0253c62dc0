// SPDX-License-Identifier: ISC
// Customers' volumes: who has which, what is being done with it, to what it is
// attached, and what keeping it costs.
//
// A volume is a row in the journal, a folder of the volumes role (volumed.h),
// and a chain of *periods* in the ledger, one a day: each is a hold for what
// its quota costs until the day's end and, then, a settlement for what was
// really stored. A period is to the ledger what a submission is, so it has
// receipts and a place on invoices. Stored bytes are integrated over time
// exactly: byte_ns is the integral that no record has yet, in 128 bits, and
// what a record's unit (KiB-ms) cannot tell stays in it.
//
// As with submissions: a turn changes memory, what was touched is in its
// transaction, and only then do messages leave. Every step may be repeated.
#ifndef KEEPER_VOLUME_H
#define KEEPER_VOLUME_H

#include <stdbool.h>
#include <stdint.h>
#include "lib/clock_watch.h"
#include "node-agent/agent/ipc.h"
#include "node-agent/keeper/journal.h"

struct keeper;

#define VOLUME_TAG (1ull << 61) // in the tags of what is asked here

enum period_state {
    PERIOD_NONE,    // no money is held: before the first, or there was none
    PERIOD_ASKED,   // the ledger is asked for a hold
    PERIOD_HELD,    //
    PERIOD_SETTLING // what it comes to is fixed, the ledger is told
};

#define VOLUME_ROW_VERSION 1
// As it is in the journal.
struct volume_row {
    uint32_t version;
    uint32_t number; // its place with the volumes role
    struct volume_info info;
    uint32_t source; // VOLUME_COPYING: the other's number
    uint32_t period_state;
    uint64_t period;                        // from 1
    uint64_t from_real_ns, to_real_ns;      // the period's
    uint64_t settle_kib_ms, settle_real_ns; // PERIOD_SETTLING
    uint64_t counted_real_ns;               // byte_ns goes so far
    uint64_t byte_ns_low, byte_ns_high;     // stored, and in no record
};

// Somebody waits for the answer to his request.
struct volume_waiter {
    struct msg_head to; // type 0: nobody
};

struct volume {
    struct volume_row row;
    // Only in memory.
    bool touched, gone;
    bool asking;    // the ledger
    bool working;   // a job of the volumes role
    uint32_t kind;  // of the job
    bool removed;   // its folders are gone
    bool uncounted; // what it holds is to be counted anew
    unsigned packs; // downloads under way
    int folder_fd;  // for whom it is attached to; -1: not opened yet
    uint64_t retry_ns, work_ns; // CLOCK_MONOTONIC; not before
    uint64_t count_ns;          // it is counted again then
    struct volume_waiter created, ended, resized;
    uint64_t resize_bytes; // a larger quota that money is being held for; 0
    uint64_t upload;       // number of the last one
    bool upload_over;
    uint32_t upload_status;
    char upload_text[256];
    struct volume *touched_next;
};

struct volumes {
    struct volume *at[VOLUMES_MAX]; // by number
    uint32_t top;                   // above all numbers in use
    struct volume *touched;
    uint64_t quota_bytes; // of all
    uint64_t uploads;     // so far
    uint64_t due_ns;      // CLOCK_MONOTONIC
    struct clock_watch clock;
};

// The real time that keeping them is charged by.
uint64_t volumes_now_ns(struct keeper *k);

// Takes up what is in the journal. volumes_close in any case.
int volumes_open(struct keeper *k, struct err *e);
void volumes_close(struct keeper *k);

// The customer's of this name, not one that is being deleted; or NULL.
struct volume *volume_find(struct keeper *k, const key_id_t *customer,
                           const char *name);

void volume_touch(struct keeper *k, struct volume *v);

// Does what is next to be done about it, if anything is.
void volume_step(struct keeper *k, struct volume *v);

// Is it being copied into another?
bool volume_copied(const struct keeper *k, const struct volume *v);

// Saves what was touched.
int volumes_save(struct keeper *k, struct err *e);

void volumes_timers(struct keeper *k, uint64_t now_ns);
uint64_t volumes_due_ns(const struct keeper *k);

// What ledger and volumes role say; false: it was about no volume.
bool volumes_news(struct keeper *k, const union ipc_any *any);
int volumes_job_news(struct keeper *k, const union ipc_any *any,
                     int fds[IPC_FDS_MAX], struct err *e);

// A job for the volumes role; takes the descriptor, if any.
void volume_job(struct keeper *k, struct volume *v, enum job_kind kind,
                uint32_t flags, int *fd);

// ---- volume_bill.c

// Adds what was stored until now to the integral. Before used_bytes changes.
void volume_integrate(struct volume *v, uint64_t now_real_ns);
// Holds for the present period, or settles it. `last`: there is no other.
void volume_bill(struct keeper *k, struct volume *v, bool last);
// Ends the period now, and begins one that holds for v->resize_bytes.
void volume_bill_anew(struct keeper *k, struct volume *v);
void volume_held(struct keeper *k, struct volume *v,
                 const struct msg_hold_reply *m);
void volume_settled(struct keeper *k, struct volume *v,
                    const struct msg_settle_reply *m);
// The period's number in the ledger.
void volume_period_id(const struct volume_row *row, uint64_t period,
                      sub_id_t *id);

// ---- volume_serve.c
int volume_serve(struct keeper *k, const struct msg_volume *m,
                 int fds[IPC_FDS_MAX], struct err *e);
int volume_list_serve(struct keeper *k, const union ipc_any *any);
// The sum of what a customer's volumes may hold.
uint64_t volumes_kib_of(const struct keeper *k, const key_id_t *customer);
// It was made, or will not be.
void volume_created(struct keeper *k, struct volume *v, unsigned status,
                    const char *why);
void volume_upload_over(struct keeper *k, struct volume *v,
                        const struct msg_job_reply *m);
// What money was held for with a larger quota is there, or is not (402).
void volume_resized(struct keeper *k, struct volume *v, unsigned status,
                    const char *why);

// ---- volume_attach.c: what a submission's manifest names
struct sub;
struct manifest;
// May it be taken: are they there? -EINVAL and a sentence for the customer.
int volumes_check(struct keeper *k, const key_id_t *customer,
                  const struct manifest *m, struct err *e);
// Keeps what the manifest says with the submission.
int volumes_take_uses(struct sub *s, const struct manifest *m, struct err *e);
// Attaches all of them and describes them in the message; *fds gets their
// folders (duplicates), nfds of them. -EBUSY: somebody else has one, and a
// sentence; -EAGAIN: try again soon.
int volumes_attach(struct keeper *k, struct sub *s, struct msg_start *m,
                   int *fds, struct err *e);
// The same for one that a predecessor of ours has started.
void volumes_attached(struct keeper *k, struct sub *s);
void volumes_detach(struct keeper *k, struct sub *s);

// ---- volume_row.c
int volume_rows_open(struct journal *j, struct err *e);
// 1 if the journal has their table, which one that is open for reading may not
// have; else 0.
int volume_rows_there(struct journal *j, struct err *e);
int volume_rows_each(struct journal *j,
                     int (*each)(void *arg, const struct volume_row *row),
                     void *arg, struct err *e);
int volume_row_save(struct journal *j, const struct volume_row *row,
                    struct err *e);
int volume_row_delete(struct journal *j, uint32_t number, struct err *e);

#endif
