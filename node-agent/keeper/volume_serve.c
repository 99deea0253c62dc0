// SPDX-License-Identifier: ISC
// Requests about volumes; see volume.h. They come from the api, in a customer's
// name, or from the operator's role in anybody's.

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "node-agent/bundle/volumes.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/keeper/quota.h"
#include "node-agent/keeper/volume.h"

#define VOLUMES_CUSTOMER_MAX 256
#define QUOTA_MIN            (64ull << 10)
#define QUOTA_MAX            (1ull << 50)
#define PACKS_MAX            4

static int answer(struct keeper *k, const struct msg_head *to, unsigned status,
                  const struct volume *v, const char *why)
{
    struct msg_volume_reply reply;

    chan_reply_init(&reply, to, status, why);
    reply.reply.retry_after_s = status == 503 || status == 429 ? 5 : 0;
    if (v) {
        reply.info = v->row.info;
        reply.job = v->upload;
    }
    chan_post(&k->api, &reply, NULL, 0);
    return 0;
}

// As above, with one who waits.
static void answer_waiter(struct keeper *k, struct volume_waiter *w,
                          unsigned status, const struct volume *v,
                          const char *why)
{
    if (w->to.type)
        answer(k, &w->to, status, v, why);
    w->to.type = 0;
}

#define NONE_SUCH "you have no such volume"

// ------------------------------------------------------------------- creating

static uint64_t customer_bytes(const struct keeper *k, const key_id_t *customer,
                               unsigned *count)
{
    uint64_t sum = 0;

    *count = 0;
    for (uint32_t i = 0; i < k->volumes->top; i++) {
        const struct volume *v = k->volumes->at[i];

        if (!v || memcmp(&v->row.info.customer, customer, sizeof(*customer)))
            continue;
        sum += v->row.info.quota_bytes;
        ++*count;
    }
    return sum;
}

uint64_t volumes_kib_of(const struct keeper *k, const key_id_t *customer)
{
    unsigned count;

    return (customer_bytes(k, customer, &count) + 1023) >> 10;
}

// What volumes may still grow by, on the disk there is.
static uint64_t promised_bytes(const struct keeper *k)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < k->volumes->top; i++) {
        const struct volume_info *v =
            k->volumes->at[i] ? &k->volumes->at[i]->row.info : NULL;

        if (v && v->quota_bytes > v->used_bytes)
            sum += v->quota_bytes - v->used_bytes;
    }
    return sum;
}

// Is there room for it: 0, or the status to refuse with.
static unsigned crowded(struct keeper *k, const struct msg_volume *m,
                        struct err *e)
{
    uint64_t most = k->cfg.volumes_kib << 10, free_bytes, mine, quota;
    unsigned count;

    mine = customer_bytes(k, &m->customer, &count);
    quota = quota_volumes_kib(k, &m->customer) << 10;
    if (count >= VOLUMES_CUSTOMER_MAX) {
        err_set(e, EDQUOT, "you have %u volumes here, which is the most",
                VOLUMES_CUSTOMER_MAX);
        return 422;
    }
    if (quota && mine + m->quota_bytes > quota) {
        err_set(e, EDQUOT,
                "your volumes may hold %llu bytes all together on this node, "
                "and this would make it %llu",
                (unsigned long long)quota,
                (unsigned long long)(mine + m->quota_bytes));
        return 422;
    }
    free_bytes = store_free(&k->store);
    if (k->volumes->quota_bytes + m->quota_bytes > most ||
        promised_bytes(k) + m->quota_bytes + STORE_FREE_MIN > free_bytes) {
        err_set(e, ENOSPC,
                "the node has no room for another volume of %llu bytes",
                (unsigned long long)m->quota_bytes);
        return 503;
    }
    return 0;
}

static unsigned create_check(struct keeper *k, const struct msg_volume *m,
                             struct volume **from, struct err *e)
{
    *from = *m->from ? volume_find(k, &m->customer, m->from) : NULL;
    if (!k->cfg.volumes_kib) {
        err_set(e, ENOTSUP, "this node has no volumes");
        return 422;
    }
    if (volume_name_check(m->name, e) < 0)
        return 422;
    if (m->quota_bytes < QUOTA_MIN || m->quota_bytes > QUOTA_MAX) {
        err_set(e, ERANGE, "a volume holds %llu to %llu bytes",
                (unsigned long long)QUOTA_MIN, (unsigned long long)QUOTA_MAX);
        return 422;
    }
    if (volume_find(k, &m->customer, m->name)) {
        err_set(e, EEXIST, "you have a volume \"%s\" already", m->name);
        return 409;
    }
    if (*m->from && !*from) {
        err_set(e, ENOENT, "you have no volume \"%s\"", m->from);
        return 404;
    }
    if (*from && ((*from)->row.info.state != VOLUME_READY || (*from)->working ||
                  (*from)->row.info.writers)) {
        err_set(e, EBUSY,
                "volume \"%s\" is being changed: copy it when its program has "
                "ended, or its upload",
                m->from);
        return 409;
    }
    if (*from && (*from)->row.info.used_bytes > m->quota_bytes) {
        err_set(e, ENOSPC, "volume \"%s\" has %llu bytes, more than that",
                m->from, (unsigned long long)(*from)->row.info.used_bytes);
        return 422;
    }
    return crowded(k, m, e);
}

static struct volume *volume_new(struct keeper *k, const struct msg_volume *m,
                                 const struct volume *from)
{
    struct volume *v = calloc(1, sizeof(*v));
    struct volumes *t = k->volumes;
    uint32_t number = 0;

    while (number < VOLUMES_MAX && t->at[number])
        number++;
    if (!v || number == VOLUMES_MAX) {
        free(v);
        return NULL;
    }
    v->row = (struct volume_row){
        .version = VOLUME_ROW_VERSION,
        .number = number,
        .info = {.customer = m->customer,
                 .state = VOLUME_MAKING,
                 .read_only = m->flags & VOLUME_F_READ_ONLY ? 1 : 0,
                 .quota_bytes = m->quota_bytes,
                 .created_real_ns = clock_real_ns()},
        .source = from ? from->row.number : 0,
    };
    v->folder_fd = -1;
    // Never the same again, so neither are its periods' numbers.
    randombytes_buf(v->row.info.id.b, sizeof(v->row.info.id.b));
    ipc_text(v->row.info.name, m->name);
    ipc_text(v->row.info.origin, m->from);
    t->at[number] = v;
    if (number >= t->top)
        t->top = number + 1;
    t->quota_bytes += m->quota_bytes;
    return v;
}

static int serve_create(struct keeper *k, const struct msg_volume *given)
{
    struct msg_volume copy = *given, *m = &copy;
    struct volume *from, *v;
    struct err e;
    unsigned status;

    from = *m->from ? volume_find(k, &m->customer, m->from) : NULL;
    if (from && !m->quota_bytes)
        m->quota_bytes = from->row.info.quota_bytes;
    status = create_check(k, m, &from, &e);

    if (status)
        return answer(k, &m->head, status, NULL, e.text);
    v = volume_new(k, m, from);
    if (!v)
        return answer(k, &m->head, 503, NULL, "the node has no memory left");
    v->created.to = m->head;
    volume_touch(k, v);
    volume_step(k, v);
    return 0;
}

void volume_created(struct keeper *k, struct volume *v, unsigned status,
                    const char *why)
{
    if (status >= 400) { // there is nothing of it yet
        v->removed = true;
        v->row.info.state = VOLUME_DELETING;
    }
    answer_waiter(k, &v->created, status, status < 400 ? v : NULL, why);
}

// -------------------------------------------------------------------- deleting

static int serve_delete(struct keeper *k, const struct msg_volume *m,
                        struct volume *v)
{
    if (v->row.info.readers + v->row.info.writers)
        return answer(k, &m->head, 409, v,
                      "the volume is attached to a program that runs; destroy "
                      "that first");
    if (v->working || v->packs || volume_copied(k, v) ||
        v->row.info.state != VOLUME_READY)
        return answer(k, &m->head, 409, v,
                      "the volume is being copied, uploaded or downloaded; try "
                      "again when that is over");
    v->row.info.state = VOLUME_DELETING;
    volume_touch(k, v);
    answer(k, &m->head, 202, v, NULL);
    volume_step(k, v);
    return 0;
}

// ----------------------------------------------------------------------
// streams

static int serve_upload(struct keeper *k, const struct msg_volume *m,
                        struct volume *v, int *fd)
{
    const char *why = NULL;

    if (v->row.info.read_only)
        why = "this is a snapshot, and stays as it is; make a clone of it";
    else if (v->row.info.readers + v->row.info.writers)
        why = "the volume is attached to a program that runs";
    else if (v->row.info.unpaid)
        why = "there is no money to keep the volume: it can be downloaded and "
              "deleted";
    else if (v->row.info.state != VOLUME_READY || v->working || v->packs ||
             volume_copied(k, v))
        why = "the volume is being copied, uploaded or downloaded; try again "
              "when that is over";
    if (why)
        return answer(k, &m->head, v->row.info.unpaid ? 402 : 409, v, why);
    v->upload = ++k->volumes->uploads;
    v->upload_over = false;
    volume_job(k, v, JOB_UNPACK, m->flags & VOLUME_F_REPLACE, fd);
    return answer(k, &m->head, 200, v, NULL);
}

static int serve_download(struct keeper *k, const struct msg_volume *m,
                          struct volume *v, int *fd)
{
    if (v->row.info.writers && !v->row.info.shared)
        return answer(k, &m->head, 409, v,
                      "the volume is attached to a program that may be writing "
                      "to it");
    if (v->row.info.state != VOLUME_READY ||
        (v->working && v->kind != JOB_COUNT))
        return answer(k, &m->head, 409, v,
                      "the volume is being copied or uploaded; try again when "
                      "that is over");
    if (v->packs >= PACKS_MAX)
        return answer(k, &m->head, 429, v,
                      "the volume is being downloaded too often at once");
    volume_job(k, v, JOB_PACK, 0, fd);
    return answer(k, &m->head, 200, v, NULL);
}

// What became of an upload.
static int serve_ended(struct keeper *k, const struct msg_volume *m,
                       struct volume *v)
{
    if (m->job != v->upload)
        return answer(k, &m->head, 409, v,
                      "there was another upload since: which of them the "
                      "volume has cannot be told");
    if (v->upload_over)
        return answer(k, &m->head, v->upload_status, v,
                      v->upload_status < 400 ? NULL : v->upload_text);
    answer_waiter(k, &v->ended, 503, NULL, "somebody else asks");
    v->ended.to = m->head;
    return 0;
}

void volume_upload_over(struct keeper *k, struct volume *v,
                        const struct msg_job_reply *m)
{
    v->upload_over = true;
    v->upload_status = m->reply.status;
    snprintf(v->upload_text, sizeof(v->upload_text), "%.255s", m->reply.text);
    if (m->reply.status == 200) {
        volume_integrate(v, volumes_now_ns(k));
        v->row.info.used_bytes = m->used_bytes; // as the answer has it
        v->row.info.used_files = m->used_files;
    }
    answer_waiter(k, &v->ended, v->upload_status, v,
                  v->upload_status < 400 ? NULL : v->upload_text);
}

// ------------------------------------------------------------------ the
// requests

static const key_id_t operator_key;

int volume_serve(struct keeper *k, const struct msg_volume *m,
                 int fds[IPC_FDS_MAX], struct err *e)
{
    bool stream = m->op == VOLUME_UPLOAD || m->op == VOLUME_DOWNLOAD;
    struct volume *v;

    if (m->op < VOLUME_CREATE || m->op > VOLUME_ENDED ||
        stream != (fds[0] >= 0) ||
        m->flags & ~(VOLUME_F_READ_ONLY | VOLUME_F_REPLACE) ||
        !memcmp(&m->customer, &operator_key, sizeof(operator_key)))
        return err_set(e, EPROTO,
                       "the api role asks for a volume's operation "
                       "that there is none of");
    if (m->op == VOLUME_CREATE)
        return serve_create(k, m);
    v = volume_find(k, &m->customer, m->name);
    if (!v)
        return answer(k, &m->head, 404, NULL, NONE_SUCH);
    switch (m->op) {
    case VOLUME_DELETE:
        return serve_delete(k, m, v);
    case VOLUME_UPLOAD:
        return serve_upload(k, m, v, &fds[0]);
    case VOLUME_DOWNLOAD:
        return serve_download(k, m, v, &fds[0]);
    case VOLUME_ENDED:
        return serve_ended(k, m, v);
    }
    return answer(k, &m->head, 200, v, NULL);
}

int volume_list_serve(struct keeper *k, const union ipc_any *any)
{
    const struct msg_volume *m = &any->volume;
    bool all = !memcmp(&m->customer, &operator_key, sizeof(operator_key));
    struct msg_count_reply reply;
    int fd = memfd_create("volumes", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0) {
        chan_reply_init(&reply, &m->head, 503, "the node has no memory left");
        chan_post(&k->api, &reply, NULL, 0);
        return 0;
    }
    chan_reply_init(&reply, &m->head, 200, NULL);
    for (uint32_t i = 0; i < k->volumes->top; i++) {
        const struct volume *v = k->volumes->at[i];

        if (!v || v->row.info.state == VOLUME_DELETING ||
            (!all &&
             memcmp(&v->row.info.customer, &m->customer, sizeof(m->customer))))
            continue;
        if (write_full(fd, &v->row.info, sizeof(v->row.info)) < 0)
            break;
        reply.count++;
    }
    reply.length = reply.count * sizeof(struct volume_info);
    fcntl(fd, F_ADD_SEALS,
          F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    chan_post(&k->api, &reply, &fd, 1);
    return 0;
}
