// SPDX-License-Identifier: ISC
// Admission of bundles; see admit.h.

#include "node-agent/keeper/admit.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "node-agent/bundle/cpio.h"

#define SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW)

// -------------------------------------------------------------- verification

static int map(struct admission *a, unsigned *status, struct err *e)
{
    int seals = fcntl(a->fd, F_GET_SEALS);
    off_t size = lseek(a->fd, 0, SEEK_END);
    void *data;

    *status = 0;
    if (seals < 0 || (seals & SEALS) != SEALS || size < 0 ||
        (uint64_t)size != a->len)
        return err_set(e, EPROTO, "a bundle came in an unsealed file");
    *status = 422;
    if (a->len == 0)
        return err_set(e, EINVAL, "the bundle is empty");
    if (a->len > BUNDLE_MAX)
        return err_set(e, E2BIG, "the bundle is larger than %llu bytes",
                       (unsigned long long)BUNDLE_MAX);
    *status = 503;
    data = mmap(NULL, a->len, PROT_READ, MAP_SHARED, a->fd, 0);
    if (data == MAP_FAILED)
        return err_errno(e, "mapping a bundle");
    a->data = data;
    return 0;
}

static int verify(struct admission *a, const uint8_t node[32], unsigned *status,
                  struct err *e)
{
    static const struct bundle_handler no_handler;
    int r;

    *status = 503;
    a->reader = bundle_reader_new(&no_handler, a);
    if (!a->reader)
        return err_set(e, ENOMEM, "no memory for a bundle");
    *status = 422;
    r = bundle_reader_feed(a->reader, a->data, a->len, e);
    if (r == 0)
        r = bundle_reader_end(a->reader, e);
    if (r < 0)
        return r;
    a->manifest = bundle_reader_manifest(a->reader);
    bundle_reader_digest(a->reader, a->digest);
    submission_id(node, a->digest, a->id.b);
    return 0;
}

struct admission *admission_new(int fd, uint64_t len, const uint8_t node[32],
                                unsigned *status, struct err *e)
{
    struct admission *a = calloc(1, sizeof(*a));

    *status = 503;
    if (!a) {
        close(fd);
        err_set(e, ENOMEM, "no memory for a bundle");
        return NULL;
    }
    a->fd = fd;
    a->len = len;
    if (map(a, status, e) < 0 || verify(a, node, status, e) < 0) {
        admission_free(a);
        return NULL;
    }
    return a;
}

void admission_free(struct admission *a)
{
    if (!a)
        return;
    bundle_reader_free(a->reader);
    if (a->data)
        munmap((void *)a->data, a->len);
    close(a->fd);
    free(a);
}

// -------------------------------------------------------- what the node offers

int admission_check(const struct admission *a, const struct node_config *cfg,
                    uint64_t now_s, struct err *e)
{
    const struct manifest *m = a->manifest;
    int r = manifest_admit(m, cfg->node_id, now_s, e);

    if (r < 0)
        return r;
    if (m->memory_kib > cfg->memory_kib)
        return err_set(e, ERANGE,
                       "the bundle asks for %" PRIu64 " KiB of memory; this "
                       "node has %" PRIu64 " KiB for all its domains",
                       m->memory_kib, cfg->memory_kib);
    if (m->net.mode && m->memory_kib + NET_WINDOW_KIB > cfg->memory_kib)
        return err_set(e, ERANGE,
                       "the bundle asks for %" PRIu64 " KiB of memory and a "
                       "network, which takes %u KiB; this node has %" PRIu64
                       " KiB for all its domains",
                       m->memory_kib, NET_WINDOW_KIB, cfg->memory_kib);
    if (m->kind == KIND_SOURCE && cfg->build_slots == 0)
        return err_set(e, ENOTSUP,
                       "this node does not compile; send a linked image");
    if (m->purchase_order_len)
        return err_set(e, ENOTSUP,
                       "this node takes no purchase orders; it charges the "
                       "account of the key that signed");
    return 0;
}

void admission_describe(const struct admission *a, struct sub *s)
{
    const struct manifest *m = a->manifest;
    struct sub_info *i = &s->info;

    memcpy(i->customer.b, m->customer, sizeof(i->customer.b));
    ipc_text(i->name, m->name);
    i->limits = (struct sub_limits){
        .memory_kib = m->memory_kib,
        .cpu_ns = m->cpu_ns,
        .wall_ns = m->wall_ns,
        .build_cpu_ns = m->kind == KIND_SOURCE ? m->build_cpu_ns : 0,
        .console_bytes = m->console_bytes,
        .cost_cap_nano = (int64_t)m->cost_cap_nano,
    };
    i->run = m->run;
    i->net = m->net;
    s->is_source = m->kind == KIND_SOURCE;
    ipc_text(s->cap_currency, m->currency);
    s->expires_s = m->expires_s;
    memcpy(s->nonce, m->nonce, sizeof(s->nonce));
    memcpy(s->bundle, a->digest, sizeof(s->bundle));
}

// -------------------------------------------------------------------- storing

// An initrd is determined by paths, modes and digests of the data files, so
// its name is a hash of those and tells without making it whether it is there.
static bool initrd_name(const struct manifest *m, uint8_t name[32])
{
    static const char context[] = "hostel initrd v1";
    crypto_generichash_state h;
    bool any = false;

    crypto_generichash_init(&h, NULL, 0, 32);
    crypto_generichash_update(&h, (const uint8_t *)context, sizeof(context));
    for (size_t i = 0; i < m->nfiles; i++) {
        const struct manifest_file *f = &m->file[i];

        if (f->role != ROLE_DATA)
            continue;
        any = true;
        crypto_generichash_update(&h, (const uint8_t *)f->path,
                                  strlen(f->path) + 1);
        crypto_generichash_update(&h, (const uint8_t *)&f->mode,
                                  sizeof(f->mode));
        crypto_generichash_update(&h, f->digest, sizeof(f->digest));
    }
    crypto_generichash_final(&h, name, 32);
    return any;
}

static int store_initrd(const struct admission *a, struct store *st,
                        const key_id_t *customer, const uint8_t name[32],
                        struct err *e)
{
    struct draft d;
    int r;

    if (store_has(st, customer, name))
        return 0;
    r = store_draft(st, &d, customer, e);
    if (r < 0)
        return r;
    r = cpio_from_bundle(d.fd, a->reader, a->fd, e);
    if (r < 0) {
        store_drop(&d);
        return r;
    }
    return store_keep(st, &d, name, e);
}

static int store_image(const struct admission *a, struct store *st,
                       const key_id_t *customer, struct sub *s, struct err *e)
{
    const struct manifest *m = a->manifest;
    size_t i = 0;

    while (m->file[i].role != ROLE_IMAGE) // manifest_check: there is one
        i++;
    memcpy(s->image, m->file[i].digest, sizeof(s->image));
    s->has_image = true;
    return store_put(st, customer, s->image,
                     a->data + bundle_reader_file_at(a->reader, i),
                     m->file[i].size, e);
}

int admission_store(const struct admission *a, struct store *st, struct sub *s,
                    struct err *e)
{
    const key_id_t *customer = &s->info.customer;
    int r = store_room(st, a->len, e);

    if (r == 0)
        r = s->is_source
                ? store_put(st, customer, s->bundle, a->data, a->len, e)
                : store_image(a, st, customer, s, e);
    if (r < 0)
        return r;
    s->has_initrd = initrd_name(a->manifest, s->initrd);
    return s->has_initrd ? store_initrd(a, st, customer, s->initrd, e) : 0;
}
