// SPDX-License-Identifier: ISC
// Calls that wait; see job.h.

#include "hypervisor/fs/job.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

struct job {
    struct job *next;
    enum job_kind kind;
    int fd;
    uint64_t offset;
    struct iovec v[HV_CHAIN_MAX];
    unsigned n;
    ssize_t result;
    // The main thread's.
    struct handle *handle;
    struct virtq_chain chain;
    struct fuse_in_header in;
    unsigned ring;
};

static struct job jobs[FS_JOBS_MAX];
static struct job *idle;        // the main thread's
static struct job *todo, *done; // the lock's
static struct job **todo_end = &todo;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static unsigned ready; // helpers that have begun
static int done_fd;

static ssize_t make_call(const struct job *j)
{
    ssize_t r;

    switch (j->kind) {
    case JOB_SYNC:
        r = fsync(j->fd);
        break;
    case JOB_DATASYNC:
        r = fdatasync(j->fd);
        break;
    default:
        r = preadv(j->fd, j->v, (int)j->n, (off_t)j->offset);
    }
    return r < 0 ? -errno : r;
}

static void *helper(void *unused)
{
    const uint64_t one = 1;

    (void)unused;
    pthread_mutex_lock(&lock);
    ready++;
    pthread_cond_broadcast(&more);
    for (;;) {
        struct job *j;

        while (!todo)
            pthread_cond_wait(&more, &lock);
        j = todo;
        todo = j->next;
        if (!todo)
            todo_end = &todo;
        pthread_mutex_unlock(&lock);
        j->result = make_call(j);
        pthread_mutex_lock(&lock);
        j->next = done;
        done = j;
        if (write(done_fd, &one, sizeof(one)) < 0)
            continue; // it is set already
    }
    return unused;
}

int jobs_start(void)
{
    pthread_attr_t a;
    sigset_t all, before;
    int r = 0;

    done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (done_fd < 0)
        return -errno;
    for (unsigned i = 0; i < FS_JOBS_MAX; i++) {
        jobs[i].next = idle;
        idle = &jobs[i];
    }
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 128 * 1024);
    for (unsigned i = 0; i < FS_HELPERS && r == 0; i++) {
        pthread_t t;

        r = -pthread_create(&t, &a, helper, NULL);
        if (r == 0)
            pthread_detach(t);
    }
    pthread_attr_destroy(&a);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    // What a thread calls before it runs is no longer allowed soon.
    pthread_mutex_lock(&lock);
    while (r == 0 && ready < FS_HELPERS)
        pthread_cond_wait(&more, &lock);
    pthread_mutex_unlock(&lock);
    return r < 0 ? r : done_fd;
}

int job_begin(struct message *m, enum job_kind kind, struct handle *h,
              uint64_t offset, size_t len)
{
    struct job *j = idle;

    if (!j)
        return -ENOBUFS;
    idle = j->next;
    j->next = NULL;
    j->kind = kind;
    j->fd = h->fd;
    j->offset = offset;
    j->handle = h;
    j->in = m->in;
    j->ring = m->ring;
    j->chain = m->chain;
    j->chain.out = j->chain.iov + (m->chain.out - m->chain.iov);
    j->chain.in = j->chain.iov + (m->chain.in - m->chain.iov);
    message_in(m, len, j->v, &j->n);
    h->jobs++;
    pthread_mutex_lock(&lock);
    *todo_end = j;
    todo_end = &j->next;
    pthread_cond_signal(&more);
    pthread_mutex_unlock(&lock);
    return MESSAGE_LATER;
}

static void finish(struct fs *fs, struct job *j,
                   void (*put)(struct message *, int64_t len))
{
    static struct message m;
    int error = j->result < 0 ? (int)j->result : 0;

    m.chain = j->chain;
    m.chain.out = m.chain.iov + (j->chain.out - j->chain.iov);
    m.chain.in = m.chain.iov + (j->chain.in - j->chain.iov);
    m.in = j->in;
    m.ring = j->ring;
    m.body_len = 0;
    m.placed = j->kind == JOB_READ && j->result > 0 ? (size_t)j->result : 0;
    fs->meter->read_bytes += m.placed;
    handle_job_done(fs, j->handle);
    put(&m, message_answer(&m, error));
    j->next = idle;
    idle = j;
}

void jobs_reap(struct fs *fs, void (*put)(struct message *, int64_t len))
{
    struct job *j;
    uint64_t n;

    if (read(done_fd, &n, sizeof(n)) < 0 && errno != EAGAIN)
        return;
    pthread_mutex_lock(&lock);
    j = done;
    done = NULL;
    pthread_mutex_unlock(&lock);
    while (j) {
        struct job *next = j->next;

        finish(fs, j, put);
        j = next;
    }
}
