// SPDX-License-Identifier: ISC
// Jobs: a hostel-volume each; see volumed.h.

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/volume/contract.h"
#include "node-agent/volumed/volumed.h"

// Where the program finds what it works with.
enum { REPORT_FD = 3, FROM_FD, TO_FD, STREAM_FD, JOB_FDS };

static const char *const names[] = {
    [JOB_UNPACK] = "unpack", [JOB_PACK] = "pack",     [JOB_COPY] = "copy",
    [JOB_COUNT] = "count",   [JOB_REMOVE] = "remove",
};

// --------------------------------------------------------------- the process

struct words {
    char number[3][24];
    char *v[20];
    int n;
};

static void option_add(struct words *w, const char *name, const char *value)
{
    w->v[w->n++] = (char *)name;
    if (value)
        w->v[w->n++] = (char *)value;
}

static void words_make(struct words *w, const struct volumed *d,
                       const struct msg_job *m, const int fds[JOB_FDS])
{
    static const struct {
        int fd;
        const char *name, *value;
    } given[] = {{FROM_FD, "--from", "4"},
                 {TO_FD, "--to", "5"},
                 {STREAM_FD, "--stream", "6"}};

    *w = (struct words){0};
    option_add(w, "hostel-volume", names[m->kind]);
    option_add(w, "--report", "3");
    snprintf(w->number[0], 24, "%u", UID_VOLUME(d->cfg->uid_base, m->number));
    option_add(w, "--uid", w->number[0]);
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++)
        if (fds[given[i].fd] >= 0)
            option_add(w, given[i].name, given[i].value);
    if (m->quota_bytes) {
        snprintf(w->number[1], 24, "%llu", (unsigned long long)m->quota_bytes);
        option_add(w, "--quota-bytes", w->number[1]);
    }
    if (m->flags & VOLUME_F_REPLACE)
        option_add(w, "--replace", NULL);
}

static _Noreturn void job_exec(const struct volumed *d, struct words *w,
                               int fds[JOB_FDS])
{
    char *const env[] = {NULL};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fds_place(fds, REPORT_FD, JOB_FDS) < 0)
        _exit(1);
    close_range(JOB_FDS, ~0u, 0);
    execve(d->program, w->v, env);
    _exit(127);
}

static struct job *job_free(struct volumed *d)
{
    for (int i = 0; i < JOBS_MAX; i++)
        if (!d->job[i].pid)
            return &d->job[i];
    return NULL;
}

// The volumes that it works on.
static int folders_open(const struct msg_job *m, int fds[JOB_FDS],
                        struct err *e)
{
    bool from = m->kind == JOB_PACK || m->kind == JOB_COUNT;

    if (m->kind == JOB_COPY)
        fds[FROM_FD] = place_open(m->from, e);
    else if (from)
        fds[FROM_FD] = place_open(m->number, e);
    if (!from)
        fds[TO_FD] = place_open(m->number, e);
    return (m->kind == JOB_COPY || from) && fds[FROM_FD] < 0 ? -e->code
           : !from && fds[TO_FD] < 0                         ? -e->code
                                                             : 0;
}

int job_start(struct volumed *d, const struct msg_job *m, int stream,
              struct err *e)
{
    int fds[JOB_FDS] = {-1, -1, -1, -1, -1, -1, stream}, pair[2];
    struct job *j = job_free(d);
    struct words w;
    int r = j ? folders_open(m, fds, e)
              : err_set(e, EAGAIN, "the node has too much work on volumes");

    if (r == 0 && (r = sock_pair(pair)) < 0)
        err_set(e, -r, "starting a job");
    if (r == 0) {
        fds[REPORT_FD] = pair[1];
        words_make(&w, d, m, fds);
        j->pid = fork();
        if (j->pid == 0)
            job_exec(d, &w, fds);
        if (j->pid < 0) {
            r = err_errno(e, "starting a job");
            j->pid = 0;
            close(pair[0]);
        } else {
            j->report_fd = pair[0];
            j->asked = *m;
        }
    }
    for (int i = REPORT_FD; i < JOB_FDS; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    return r;
}

// -------------------------------------------------------------------- its end

static unsigned status_of(uint32_t outcome)
{
    switch (outcome) {
    case VOLUME_DONE:
        return 200;
    case VOLUME_REFUSED:
        return 422;
    case VOLUME_CUT:
        return 400;
    }
    return 500;
}

void job_end(struct volumed *d, struct job *j)
{
    struct msg_job_reply reply;
    struct volume_report report = {0};
    ssize_t n = sock_recv(j->report_fd, &report, sizeof(report), NULL, NULL);
    struct err e = {0};
    unsigned status;
    int died;

    report.text[sizeof(report.text) - 1] = '\0';
    if (n != sizeof(report)) {
        report.outcome = VOLUME_FAILED;
        strcpy(report.text, "the node's work on the volume has failed");
    }
    close(j->report_fd);
    kill(j->pid, SIGKILL); // it has no more to say
    while (waitpid(j->pid, &died, 0) < 0 && errno == EINTR)
        ;
    if (n != sizeof(report) || report.outcome == VOLUME_FAILED)
        log_error("job %s on volume %u: %s (status %x)", names[j->asked.kind],
                  j->asked.number, report.text, (unsigned)died);
    status = status_of(report.outcome);
    if (status == 200 && j->asked.kind == JOB_REMOVE &&
        place_remove(j->asked.number, &e) < 0) {
        log_error("%s", e.text);
        status = 500;
        snprintf(report.text, sizeof(report.text), "%s", e.text);
    }
    chan_reply_init(&reply, &j->asked.head, status,
                    status == 200 ? NULL : report.text);
    reply.used_bytes = report.used_bytes;
    reply.used_files = report.used_files;
    chan_post(&d->keeper, &reply, NULL, 0);
    *j = (struct job){0};
}
