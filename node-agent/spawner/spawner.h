// SPDX-License-Identifier: ISC
/*
 * The spawner: makes and recycles slots, starts domains in them, and reads
 * from the kernel what they used. Privileged; everything it is told comes in
 * fixed-size messages, and it never waits for a domain.
 */
#ifndef SPAWNER_SPAWNER_H
#define SPAWNER_SPAWNER_H

#include <stdbool.h>
#include "node-agent/agent/role.h"
#include "node-agent/keeper/chan.h"
#include "node-agent/spawner/cgroup.h"
#include "node-agent/spawner/end_cost.h"
#include "node-agent/spawner/shares.h"
#include "node-agent/spawner/outside.h"
#include "node-agent/spawner/slot.h"

/* Asked of the nursery and not yet answered: enough to keep it busy. */
#define MAKING_MAX 4

/* What an event of the loop is about: in epoll's data, with a slot's number
 * and turn. */
enum watch {
    WATCH_KEEPER,
    WATCH_LIFELINE,
    WATCH_NURSERY,
    WATCH_SIGNAL,
    WATCH_TIMER,
    WATCH_CONN,
    WATCH_MONITOR,
    WATCH_OUTSIDE
};

/* Engine, and with io_urings (for disks and interfaces) or without. */
#define SLOT_KINDS          (2 * HVC_ENGINES)
#define KIND(engine, rings) ((engine) + ((rings) ? HVC_ENGINES : 0))
static inline unsigned slot_kind(const struct slot *s)
{
    return KIND(s->engine, s->rings);
}

struct start_item; /* a domain that waits for a clean slot */

/* Slots of one kind: those that are clean or will be, and who waits for one.
 * Those with rings are made when one is wanted. */
struct pool {
    uint32_t spare; /* clean slots to have ready */
    uint32_t ready; /* being made, born or clean */
    bool absent;    /* the nursery says that it does not work here */
    struct start_item *first, **last;
    uint32_t waiting;
};

struct spawner {
    const struct node_config *cfg;
    struct cgroup_tree tree;
    struct record_file records;
    struct slot *slot; /* nslots of them; all from cfg->slots on only adopted */
    uint32_t nslots;
    struct slot **by_id; /* nslots chains, by a domain's id */
    int epoll_fd, timer_fd, signal_fd, nursery_fd;
    pid_t nursery_pid;
    struct chan keeper;
    short keeper_events;
    struct pool pool[SLOT_KINDS]; /* by slot_kind */
    struct shares shares;
    struct end_cost end_cost;
    uint32_t waiting_devices; /* of domains that wait for a slot */
    struct outside *outsides; /* connections for those, see outside.h */
    uint64_t outside_serial;
    int outside_fd[2];    /* reports of those who connect; their end */
    uint32_t best_engine; /* enum hvc_engine: what "auto" is here */
    uint32_t count[SLOT_STATES];
    uint64_t timer_ns;      /* when timer_fd fires; UINT64_MAX = never */
    uint64_t make_after_ns; /* the nursery failed: not before */
    uint64_t make_pause_ns;
    bool stopping;  /* SIGTERM came */
    bool no_events; /* perf is not allowed: said once */
};

/* Watch a descriptor; its events name the slot's present turn. */
int spawner_watch(struct spawner *p, int fd, enum watch what,
                  const struct slot *s);

/* The slot that has this domain, from RUNNING to ENDED; or NULL. */
struct slot *spawner_slot_of(struct spawner *p, const sub_id_t *id);

/* Make sure that slot_due or a refill happens by then. */
void spawner_wake_at(struct spawner *p, uint64_t mono_ns);

#endif
