// SPDX-License-Identifier: ISC
/*
 * Connections to back ends of the operator's (vhost-user), for domains that
 * are about to start: made with the rights of whoever created the domain, by a
 * process that has become that user for good. The spawner's own rights open no
 * socket for anybody, and a file system that does not answer holds up nobody
 * but that domain: the process has its time, and reports.
 *
 * Whose rights these are is in the ticket (agent/ticket.h) and is the kernel's
 * word; neither keeper nor operator role is asked.
 */
#ifndef SPAWNER_OUTSIDE_H
#define SPAWNER_OUTSIDE_H

#include <stdbool.h>
#include <stdint.h>
#include "node-agent/agent/device.h"
#include "node-agent/agent/ipc.h"

struct spawner;

/* Of one domain. */
struct outside {
    struct outside *next;
    uint64_t serial;
    uint64_t due_ns;       /* then it has been waited for long enough */
    uint32_t awaited;      /* a bit a device */
    int fd[HV_DEVICE_MAX]; /* connections; -1: none, or not yet */
    struct err why;        /* code 0: nothing went wrong */
    uint32_t failed;       /* else: with which device */
};

int outside_open(struct spawner *p, struct err *e);

/* Begins those of a domain; devices may be NULL, fds are one a device. *out is
 * NULL if there are none, else to be freed. */
int outside_begin(struct spawner *p, const struct dom_devices *devices,
                  const int *fds, struct outside **out, struct err *e);
void outside_free(struct spawner *p, struct outside *o);

/* A report has come. */
void outside_hear(struct spawner *p);

/* Are some still awaited? Not for ever: when one has failed, or the time is
 * over, `why` says so. */
bool outside_awaits(struct spawner *p, struct outside *o);

/* Would it do to try again in a while? */
bool outside_may_come(const struct err *why);

/* Tells a monitor of such a device. 0 or -errno. */
int outside_send(int conn_fd, const struct hvc_device *m, int sock_fd,
                 int ticket_fd);

#endif
