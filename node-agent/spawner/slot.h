// SPDX-License-Identifier: ISC
/*
 * One slot: its files, its descriptors, its monitor. What may happen when is
 * in slot_table.h; slot_event takes one step of it.
 *
 *   run_dir/slots/N/sock   the monitor listens here
 *   run_dir/slots/N/page   its counter page, struct hvc_page
 *   control group slot-N   everything that runs in it
 */
#ifndef SPAWNER_SLOT_H
#define SPAWNER_SLOT_H

#include <stdbool.h>
#include "node-agent/agent/device.h"
#include "node-agent/spawner/cgroup.h"
#include "node-agent/spawner/cpu_watch.h"
#include "node-agent/spawner/record.h"
#include "node-agent/spawner/slot_table.h"

struct spawner;
struct outside;

struct slot {
    uint32_t index;
    enum slot_state state;
    uint32_t engine;  /* enum hvc_engine: of its monitor */
    bool rings;       /* io_urings, for disks and interfaces */
    uint16_t turn;    /* tells events of closed descriptors from new ones */
    bool made_before; /* has files and a group */
    int listen_fd, page_fd, conn_fd, monitor_fd;
    pid_t monitor_pid, guest_pid; /* guest_pid: 0 when not known */
    uint64_t monitor_born;
    struct cgroup_kept kept; /* files of its group */
    struct cpu_watch watch;
    uint64_t limit_kib;        /* of its group, as last set */
    uint32_t weight, cap;      /* likewise; 0 = as a new group has them */
    uint32_t permille;         /* of the weight, as shares.h has set it */
    bool sharing;              /* it is among those looked at there */
    uint64_t told_cpu_ns;      /* CPU used when its usage was last told */
    uint64_t due_ns;           /* next thing to do by the clock; 0 = none */
    uint64_t overdue_ns;       /* 0 = nothing is awaited */
    uint64_t look_ns, tell_ns; /* RUNNING: budget, usage */
    uint64_t died_ns;          /* when we noticed */
    bool watched, budget_hit;  /* of its watch, when that was closed */
    bool tell_over;  /* its end is told before its figures are known */
    uint32_t giving; /* devices that its monitor was asked to give, at most */
    uint32_t failed_told; /* devices of which it said that they are gone */
    bool greeted; /* its monitor has said HVC_READY on this connection */
    bool unseen;  /* ... which was at our start: it may be long ago */
    uint64_t cpu_base_ns;      /* of its group, when its domain was started */
    uint64_t oom_base;         /* likewise, when it was parked */
    uint64_t stop_ns, end_kib; /* of a CPU budget, what it may use itself; and
                                  its memory, by which that was reckoned */
    uint32_t nvolumes;         /* meters there are in its folder */
    uint32_t feeding; /* messages of input its monitor has not answered */
    sub_id_t id;      /* from RUNNING to ENDED */
    struct slot *id_next, **id_at; /* in spawner.h's by_id; NULL: in none */
    struct record *record;
};

void slot_init(struct slot *s, uint32_t index, struct record *record);

/* The domain that is in it from now on; from RUNNING to ENDED spawner_slot_of
 * finds it. */
void slot_name(struct spawner *p, struct slot *s, const sub_id_t *id);

/* Takes one step of the table. */
void slot_event(struct spawner *p, struct slot *s, enum slot_event event);

/*
 * Gives a domain to a clean slot: 0 and the slot runs, or -errno and its
 * monitor was of no use. fds as in MSG_START, they stay the caller's; devices
 * are those of m, and NULL if it has none; outside: connections of those that
 * are served from outside, NULL if none is.
 */
int slot_launch(struct spawner *p, struct slot *s, const struct msg_start *m,
                const struct dom_devices *devices,
                const struct outside *outside, const int *fds, struct err *e);

/* Are its volumes described as they can be? */
int slot_volumes_sane(const struct msg_start *m);

/* RUNNING only. */
void slot_stop(struct spawner *p, struct slot *s, enum hvc_cause cause);
void slot_renew(struct spawner *p, struct slot *s, uint64_t lease_mono_ns);
/* Input for the domain; the answer goes to the keeper when there is one. */
void slot_feed(struct spawner *p, struct slot *s, const struct msg_input *m);
/* Its monitor's answer to one of these. False: to none. */
bool slot_fed(struct spawner *p, struct slot *s, const struct hvc_taken *m);
/* 0, or -errno with a sentence for who asked. */
int slot_control(struct spawner *p, struct slot *s, const struct msg_control *m,
                 struct err *e);

/* The same for somebody who wants to look inside; the descriptor stays the
 * caller's. */
void slot_pass(struct spawner *p, struct slot *s, const struct msg_attach *m,
               int fd);
bool slot_passed(struct spawner *p, struct slot *s,
                 const struct hvc_attached *m);

/* The nursery's answer, with the monitor's pidfd (taken). */
void slot_made(struct spawner *p, struct slot *s, const struct hvc_made *made,
               int pidfd);

/* A message waits on its connection; its monitor is dead; due_ns has come. */
void slot_hear(struct spawner *p, struct slot *s);
void slot_died(struct spawner *p, struct slot *s);
void slot_due(struct spawner *p, struct slot *s, uint64_t now_ns);

/* Takes up what a dead spawner has left in this place. */
void slot_adopt(struct spawner *p, struct slot *s);

/* Its state as the keeper hears it. */
void slot_tell(struct spawner *p, struct slot *s, enum msg_type type);

/* Removes folder and group of an empty slot. */
void slot_remove(struct spawner *p, struct slot *s);

#endif
