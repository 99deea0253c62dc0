// SPDX-License-Identifier: ISC
// What the files of a slot share: slot.c (events), slot_make.c (how it comes
// to be clean), slot_run.c (a domain in it, and its figures).

#ifndef SPAWNER_SLOT_INTERNAL_H
#define SPAWNER_SLOT_INTERNAL_H

#include "node-agent/spawner/slot.h"
#include "node-agent/spawner/spawner.h"

#define NS_PER_MS 1000000ull

/* After a monitor was told to end, or said so, or was killed. */
#define END_NS (500 * NS_PER_MS)

#define GROUP_TEXT 24
#define PATH_TEXT  (NODE_PATH_MAX + 32)

const char *slot_group_name(char out[GROUP_TEXT], const struct slot *s);
const char *slot_path(char out[PATH_TEXT], const struct spawner *p,
                      const struct slot *s, const char *file);
void slot_fd_drop(int *fd);

/* What is awaited is overdue so much later; 0 = nothing is awaited. */
void slot_overdue_in(struct slot *s, uint64_t ns);

/* Work out when the clock matters next. */
void slot_arm(struct spawner *p, struct slot *s);

int slot_connect(struct spawner *p, struct slot *s, struct err *e);

/* When its usage is told next: once an interval, all slots of a group of
 * TELL_GROUP together, since what is told together shares the commits of
 * keeper and ledger, which are most of what metering costs. Groups come one
 * after the other, so that nobody waits behind a whole large node's records. */
#define TELL_GROUP  64u
#define TELL_PHASES 8u
uint64_t slot_tell_next(const struct spawner *p, const struct slot *s,
                        uint64_t now_ns);

/* Is its CPU budget spent? */
void slot_look(struct spawner *p, struct slot *s);

/* Watch an adopted domain's budget from now on, minding what was used. */
void slot_watch_again(struct spawner *p, struct slot *s);

/* To its monitor; one that cannot be told will be killed when it is overdue. */
void slot_message_send(struct slot *s, const void *m, size_t len);

/* Limits of its control group, written only when they change. */
int slot_limit_set(struct spawner *p, struct slot *s, uint64_t memory_kib,
                   struct err *e);
int slot_share_set(struct spawner *p, struct slot *s, uint32_t weight,
                   uint32_t cap, struct err *e);

/* 'r' its guest is on a processor, 'b' it waits, 'p' paused, 'd' it ends. */
uint32_t slot_letter(const struct slot *s);

/* Of an adopted domain: asks its monitor, if it is of a version that can, for
 * its devices (their descriptors, or what was passed to be kept), which go to
 * the keeper one by one. False: it gave what was not asked for. */
void slot_give(struct slot *s, uint32_t version);
bool slot_given(struct spawner *p, struct slot *s, const struct hvc_given *m,
                int fd);

/* Its monitor says that a back end outside has gone; the keeper is told. False:
 * it says so more often than there can be any. */
bool slot_device_failed(struct spawner *p, struct slot *s,
                        const struct hvc_failed *m);

/* Tells its monitor to end it, for the cause that was asked for. */
void slot_halt_send(struct slot *s);

/* The actions, SLOT_MAKE and so on. */
void slot_act_make(struct spawner *p, struct slot *s);
void slot_act_greet(struct spawner *p, struct slot *s);
void slot_act_give_up(struct spawner *p, struct slot *s);
void slot_act_park(struct spawner *p, struct slot *s);
void slot_act_await(struct spawner *p, struct slot *s);
void slot_act_halt(struct spawner *p, struct slot *s);
void slot_act_kill(struct spawner *p, struct slot *s);
void slot_act_sweep(struct spawner *p, struct slot *s);
void slot_act_tell(struct spawner *p, struct slot *s);
void slot_act_clear(struct spawner *p, struct slot *s);

/* volume.c: back ends of its volumes, with their folders. */
struct fs_meter;
int slot_volumes_start(struct spawner *p, struct slot *s,
                       const struct msg_start *m, const int *folders,
                       struct err *e);
/* The sum of what they did. */
void slot_volumes_meter(struct spawner *p, const struct slot *s,
                        struct fs_meter *all);
/* Meters of a predecessor's domain; and when nobody wants them any more. */
void slot_volumes_find(struct spawner *p, struct slot *s);
void slot_volumes_forget(struct spawner *p, struct slot *s);
/* What so many weigh beside the domain's memory. */
uint64_t slot_volumes_kib(uint32_t n);

/* MSG_OVER, for one that was started with a source. */
void slot_tell_over(struct spawner *p, struct slot *s,
                    const struct hvc_exited *x, size_t text_len);

#endif
