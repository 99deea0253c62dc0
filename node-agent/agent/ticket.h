// SPDX-License-Identifier: ISC
/*
 * A ticket: leave to connect to one socket, again and again, with the rights of
 * whoever made it and with no others.
 *
 * It is one end of a pair of unix sockets, whose other end is closed. One
 * message lies in its queue and is only ever looked at there: the socket's
 * name, a handle (O_PATH) of the folder where it is, and who sent it. So it is
 * one descriptor, which outlives who made it and travels as any other does.
 *
 * Whose it is the kernel says, and says twice: who made the pair
 * (SO_PEERCRED, SO_PEERGROUPS) and who sent the message (SCM_CREDENTIALS). Both
 * must be the same. So those who pass it on cannot forge one in another's name:
 * not with a socket that somebody else made, for they cannot have sent that
 * one's message, and not with a message of another's, for they have none.
 */
#ifndef AGENT_TICKET_H
#define AGENT_TICKET_H

#include <limits.h>
#include <sys/types.h>
#include "lib/err.h"

struct ticket {
    char name[NAME_MAX + 1]; /* in the folder; no '/' */
    int dir_fd;              /* O_PATH */
};

struct ticket_owner {
    uid_t uid;
    gid_t gid;
    gid_t *groups; /* malloc'd */
    size_t ngroups;
};

/* For the socket at this path, which must be one now. A later one of its name
 * will do as well: its daemon may have been restarted. The descriptor, or a
 * negative code with a sentence. */
int ticket_make(const char *path, struct err *e);

/* Is it one? 0, or -EINVAL with a sentence. Never waits. */
int ticket_check(int fd, struct err *e);

/* The same, and what it says; dir_fd is the caller's. */
int ticket_read(int fd, struct ticket *t, struct err *e);

/* Whose it is; groups are the caller's to free. */
int ticket_owner(int fd, struct ticket_owner *o, struct err *e);

/*
 * Connects: a stream that does not block. By a process that has become who the
 * ticket belongs to; neither a link in the socket's place nor anything outside
 * the folder is followed. -EAGAIN: as many wait for that daemon as may.
 */
int ticket_connect(const struct ticket *t, struct err *e);

#endif
