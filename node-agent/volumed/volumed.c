// SPDX-License-Identifier: ISC
// The volumes role's loop; see volumed.h.

#include "node-agent/volumed/volumed.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/log.h"
#include "node-agent/agent/roles.h"

static void reply(struct volumed *d, const struct msg_head *to, unsigned status,
                  const char *why, int fd)
{
    struct msg_job_reply r;

    chan_reply_init(&r, to, status, why);
    r.reply.retry_after_s = status == 503;
    chan_post(&d->keeper, &r, &fd, fd >= 0);
}

static int sane(const struct msg_job *m, const int *fds)
{
    bool stream = m->kind == JOB_UNPACK || m->kind == JOB_PACK;

    return m->kind >= JOB_MAKE && m->kind <= JOB_OPEN &&
           m->number < VOLUMES_MAX && m->from < VOLUMES_MAX &&
           !(m->flags & ~VOLUME_F_REPLACE) && m->quota_bytes <= INT64_MAX &&
           stream == (fds[0] >= 0) &&
           (m->kind != JOB_COPY || m->from != m->number);
}

// Takes the descriptor.
static int message_job(struct volumed *d, const struct msg_job *m,
                       int fds[IPC_FDS_MAX], struct err *e)
{
    int r = 0;

    if (!sane(m, fds)) {
        ipc_close(fds);
        return err_set(e, EPROTO, "the keeper asks for a job out of range");
    }
    switch (m->kind) {
    case JOB_MAKE:
        r = place_make(d, m->number, e);
        if (r == 0)
            reply(d, &m->head, 200, NULL, -1);
        break;
    case JOB_OPEN:
        r = place_serve(m->number, e);
        if (r >= 0)
            reply(d, &m->head, 200, NULL, r);
        break;
    default:
        r = job_start(d, m, fds[0], e);
    }
    // Of a volume that was made halfway, or removed before a crash.
    if (r == -ENOENT && m->kind == JOB_REMOVE)
        reply(d, &m->head, 200, NULL, -1);
    else if (r < 0)
        reply(d, &m->head, r == -EAGAIN ? 503 : 500, e->text, -1);
    if (r < 0 && r != -EAGAIN)
        log_error("%s", e->text);
    return 0;
}

static int keeper_hear(struct volumed *d, struct err *e)
{
    static union ipc_any any;
    int fds[IPC_FDS_MAX], r;

    while ((r = chan_take(&d->keeper, &any, fds, e)) > 0) {
        if (any.head.type != MSG_JOB) {
            ipc_close(fds);
            return err_set(e, EPROTO, "the keeper may not send \"%s\"",
                           ipc_name(any.head.type));
        }
        r = message_job(d, &any.job, fds, e);
        if (r < 0)
            return r;
    }
    return r;
}

static int turn(struct volumed *d, struct err *e)
{
    struct pollfd p[2 + JOBS_MAX] = {
        {.fd = ROLE_LIFELINE_FD, .events = POLLIN},
        {.fd = d->keeper.fd, .events = chan_events(&d->keeper)}};
    int r = 0;

    for (int i = 0; i < JOBS_MAX; i++)
        p[2 + i] = (struct pollfd){
            .fd = d->job[i].pid ? d->job[i].report_fd : -1, .events = POLLIN};
    if (poll(p, 2 + JOBS_MAX, -1) < 0)
        return errno == EINTR ? 0 : err_errno(e, "waiting");
    if (p[0].revents)
        return err_set(e, EPIPE, "the supervisor is gone");
    for (int i = 0; i < JOBS_MAX; i++)
        if (p[2 + i].revents)
            job_end(d, &d->job[i]);
    if (p[1].revents)
        r = keeper_hear(d, e);
    return r < 0 ? r : chan_flush(&d->keeper, e);
}

static int program_find(struct volumed *d, struct err *e)
{
    const char *hv = d->cfg->hv_path, *slash = strrchr(hv, '/');

    // Beside hostel-hv, as hostel-fs is.
    snprintf(d->program, sizeof(d->program), "%.*s/hostel-volume",
             (int)(slash - hv), hv);
    return access(d->program, X_OK) < 0 ? err_errno(e, "%s", d->program) : 0;
}

int volumes_main(const struct node_config *cfg)
{
    static struct volumed d;
    struct err e = {0};
    int r;

    d.cfg = cfg;
    signal(SIGPIPE, SIG_IGN);
    r = program_find(&d, &e);
    if (r == 0)
        r = chan_open(&d.keeper, ROLE_FD(ROLE_KEEPER), "keeper", &e);
    if (r == 0)
        role_ready();
    while (r == 0)
        r = turn(&d, &e);
    if (r == -EPIPE)
        return 0; // jobs end with us: PDEATHSIG
    log_error("%s", e.text);
    return 1;
}
