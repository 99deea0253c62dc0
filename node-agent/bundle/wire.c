// SPDX-License-Identifier: ISC
// The manifest's wire form, protobuf, written and read strictly.
//
// What decoding allocates comes from one block of MANIFEST_MEMORY_MAX bytes,
// so a small message cannot make a node allocate without end: when the block
// is used up, unpacking fails. The decoded struct points into that block.

#include <stdlib.h>
#include <string.h>

#include "manifest.pb-c.h"
#include "node-agent/bundle/manifest.h"

struct arena {
    size_t used;
    _Alignas(16) uint8_t block[MANIFEST_MEMORY_MAX];
};

static void *arena_alloc(void *arena, size_t len)
{
    struct arena *a = arena;
    void *p = a->block + a->used;

    if (len > sizeof(a->block) - a->used)
        return NULL;
    a->used += (len + 15) & ~(size_t)15;
    if (a->used > sizeof(a->block))
        a->used = sizeof(a->block);
    return p;
}

static void arena_free(void *arena, void *p)
{
    (void)arena; // all at once, in manifest_free
    (void)p;
}

void manifest_free(struct manifest *m)
{
    free(m->memory);
    *m = (struct manifest){0};
}

// ------------------------------------------------------------------ writing

static ProtobufCBinaryData bytes_of(const void *data, size_t len)
{
    return (ProtobufCBinaryData){.len = len, .data = (uint8_t *)data};
}

static void wire_fill(const struct manifest *m, Hostel__Manifest *w)
{
    hostel__manifest__init(w);
    w->type = MANIFEST_TYPE;
    w->version = MANIFEST_VERSION;
    w->kind = (Hostel__Manifest__Kind)m->kind;
    w->name = (char *)m->name;
    w->customer_key = bytes_of(m->customer, KEY_BYTES);
    w->customer_key_id = bytes_of(m->customer_key_id, KEY_ID_BYTES);
    w->audience = bytes_of(m->audience, KEY_BYTES);
    w->n_arguments = m->nargs;
    w->arguments = (char **)m->arg;
    w->n_environment = m->nenv;
    w->environment = (char **)m->env;
    w->n_options = m->noptions;
    w->options = (char **)m->option;
    w->memory_kib = m->memory_kib;
    w->cpu_ns = m->cpu_ns;
    w->wall_ns = m->wall_ns;
    w->build_cpu_ns = m->build_cpu_ns;
    w->console_bytes = m->console_bytes;
    w->cost_cap_nano = m->cost_cap_nano;
    w->currency = (char *)m->currency;
    w->purchase_order = bytes_of(m->purchase_order, m->purchase_order_len);
    w->mode = m->run.mode;
    w->restart = m->run.restart;
    w->restarts_max = m->run.restarts_max;
    w->backoff_ms = m->run.backoff_ms;
    w->concurrency = m->run.concurrency;
    w->cpu_weight = m->run.cpu_weight;
    w->cpu_cap_percent = m->run.cpu_cap_percent;
    w->output_bytes = m->run.output_bytes;
    w->request_ms = m->run.request_ms;
    w->sealed = bytes_of(m->sealed, m->sealed_len);
    w->sealed_key = bytes_of(m->sealed_key, m->sealed_len ? KEY_BYTES : 0);
    w->not_before_s = m->not_before_s;
    w->expires_s = m->expires_s;
    w->nonce = bytes_of(m->nonce, NONCE_BYTES);
}

static void wire_fill_file(const struct manifest_file *f,
                           Hostel__Manifest__File *w)
{
    hostel__manifest__file__init(w);
    w->path = (char *)f->path;
    w->size = f->size;
    w->digest = bytes_of(f->digest, DIGEST_BYTES);
    w->role = (Hostel__Manifest__Role)f->role;
    w->mode = f->mode;
}

// The published ports point into *room.
struct wire_net {
    Hostel__Manifest__Publish publish[NET_PUBLISH_MAX];
    Hostel__Manifest__Publish *at[NET_PUBLISH_MAX];
};

static void wire_fill_net(const struct net_terms *n, struct wire_net *room,
                          Hostel__Manifest *w)
{
    w->net_mode = n->mode;
    w->net_in_bytes = n->in_bytes;
    w->net_out_bytes = n->out_bytes;
    w->net_link = (char *)n->link;
    for (uint32_t i = 0; i < n->npublish; i++) {
        Hostel__Manifest__Publish *p = room->at[i] = &room->publish[i];

        hostel__manifest__publish__init(p);
        p->protocol = n->publish[i].protocol;
        p->host_port = n->publish[i].host_port;
        p->port = n->publish[i].port;
    }
    w->n_net_publish = n->npublish;
    w->net_publish = room->at;
}

static void wire_fill_volume(const struct volume_use *v,
                             Hostel__Manifest__Volume *w)
{
    hostel__manifest__volume__init(w);
    w->name = (char *)v->name;
    w->mount = (char *)v->mount;
    w->read_only = v->read_only;
    w->shared = v->shared;
}

static int wire_pack(const Hostel__Manifest *w, struct buf *out, struct err *e)
{
    size_t len = hostel__manifest__get_packed_size(w);
    uint8_t *room;

    if (len > MANIFEST_MAX)
        return err_set(e, E2BIG,
                       "the manifest has %zu bytes; at most %u are allowed: "
                       "use fewer files or shorter paths",
                       len, MANIFEST_MAX);
    room = buf_room(out, len);
    if (!room)
        return err_set(e, ENOMEM, "no memory for the manifest");
    out->len += hostel__manifest__pack(w, room);
    return 0;
}

int manifest_encode(const struct manifest *m, struct buf *out, struct err *e)
{
    Hostel__Manifest w;
    Hostel__Manifest__File *file = NULL, **files = NULL;
    Hostel__Manifest__Volume volume[MANIFEST_VOLUMES_MAX];
    Hostel__Manifest__Volume *volumes[MANIFEST_VOLUMES_MAX];
    struct wire_net net;
    int r = manifest_check(m, e);

    if (r < 0)
        return r;
    file = calloc(m->nfiles, sizeof(*file));
    files = calloc(m->nfiles, sizeof(*files));
    if (file && files) {
        wire_fill(m, &w);
        wire_fill_net(&m->net, &net, &w);
        for (size_t i = 0; i < m->nfiles; i++) {
            wire_fill_file(&m->file[i], &file[i]);
            files[i] = &file[i];
        }
        w.n_files = m->nfiles;
        w.files = files;
        for (size_t i = 0; i < m->nvolumes; i++) { // manifest_check: they fit
            wire_fill_volume(&m->volume[i], &volume[i]);
            volumes[i] = &volume[i];
        }
        w.n_volumes = m->nvolumes;
        w.volumes = volumes;
        r = wire_pack(&w, out, e);
    } else {
        r = err_set(e, ENOMEM, "no memory for the manifest");
    }
    free(file);
    free(files);
    return r;
}

// ------------------------------------------------------------------ reading

static int take_bytes(const char *what, const ProtobufCBinaryData *from,
                      void *to, size_t len, struct err *e)
{
    if (from->len != len)
        return err_set(e, EINVAL, "%s has %zu bytes; it must have %zu", what,
                       from->len, len);
    memcpy(to, from->data, len);
    return 0;
}

static int take_files(const Hostel__Manifest *w, struct arena *a,
                      struct manifest *m, struct err *e)
{
    if (w->n_files > BUNDLE_FILES_MAX)
        return err_set(e, E2BIG, "there are %zu files; at most %u fit",
                       w->n_files, BUNDLE_FILES_MAX);
    m->nfiles = w->n_files;
    m->file = arena_alloc(a, w->n_files * sizeof(*m->file));
    if (!m->file)
        return err_set(e, E2BIG, "it holds too many or too long fields");
    for (size_t i = 0; i < w->n_files; i++) {
        const Hostel__Manifest__File *from = w->files[i];
        struct manifest_file *to = &m->file[i];

        *to = (struct manifest_file){.path = from->path,
                                     .size = from->size,
                                     .role = (enum manifest_role)from->role,
                                     .mode = from->mode};
        if (from->digest.len != DIGEST_BYTES)
            return err_set(e, EINVAL,
                           "the digest of file %zu has %zu bytes; it must "
                           "have %d",
                           i + 1, from->digest.len, DIGEST_BYTES);
        memcpy(to->digest, from->digest.data, DIGEST_BYTES);
    }
    return 0;
}

static int take_net(const Hostel__Manifest *w, struct net_terms *n,
                    struct err *e)
{
    if (w->n_net_publish > NET_PUBLISH_MAX)
        return err_set(e, E2BIG,
                       "it publishes %zu ports; at most %d are allowed",
                       w->n_net_publish, NET_PUBLISH_MAX);
    if (strlen(w->net_link) >= sizeof(n->link))
        return err_set(e, E2BIG, "the name of its link is too long");
    *n = (struct net_terms){.mode = w->net_mode,
                            .npublish = w->n_net_publish,
                            .in_bytes = w->net_in_bytes,
                            .out_bytes = w->net_out_bytes};
    strcpy(n->link, w->net_link);
    for (size_t i = 0; i < w->n_net_publish; i++) {
        const Hostel__Manifest__Publish *p = w->net_publish[i];

        if (p->protocol > UINT16_MAX || p->host_port > UINT16_MAX ||
            p->port > UINT16_MAX)
            return err_set(e, ERANGE, "it publishes a port that is none");
        n->publish[i] = (struct net_publish){.protocol = p->protocol,
                                             .host_port = p->host_port,
                                             .port = p->port};
    }
    return 0;
}

static int take_volumes(const Hostel__Manifest *w, struct manifest *m,
                        struct err *e)
{
    if (w->n_volumes > MANIFEST_VOLUMES_MAX)
        return err_set(e, E2BIG, "there are %zu volumes; at most %d fit",
                       w->n_volumes, MANIFEST_VOLUMES_MAX);
    m->nvolumes = w->n_volumes;
    for (size_t i = 0; i < w->n_volumes; i++) {
        const Hostel__Manifest__Volume *from = w->volumes[i];
        struct volume_use *to = &m->volume[i];

        if (strlen(from->name) > VOLUME_NAME_MAX ||
            strlen(from->mount) > VOLUME_MOUNT_MAX)
            return err_set(e, E2BIG, "a volume's name or mount is too long");
        *to = (struct volume_use){.read_only = from->read_only != 0,
                                  .shared = from->shared != 0};
        strcpy(to->name, from->name);
        strcpy(to->mount, from->mount);
    }
    return 0;
}

static int take_manifest(const Hostel__Manifest *w, struct arena *a,
                         struct manifest *m, struct err *e)
{
    int r;

    if (strcmp(w->type, MANIFEST_TYPE) != 0)
        return err_set(e, EINVAL, "it is not of the type \"%s\"",
                       MANIFEST_TYPE);
    if (w->version != MANIFEST_VERSION)
        return err_set(e, EINVAL,
                       "it is of version %u, and this program reads version "
                       "%d; use matching versions of client and node",
                       w->version, MANIFEST_VERSION);
    m->kind = (enum manifest_kind)w->kind;
    m->name = w->name;
    m->nargs = w->n_arguments;
    m->arg = (const char **)w->arguments;
    m->nenv = w->n_environment;
    m->env = (const char **)w->environment;
    m->noptions = w->n_options;
    m->option = (const char **)w->options;
    m->memory_kib = w->memory_kib;
    m->cpu_ns = w->cpu_ns;
    m->wall_ns = w->wall_ns;
    m->build_cpu_ns = w->build_cpu_ns;
    m->console_bytes = w->console_bytes;
    m->cost_cap_nano = w->cost_cap_nano;
    m->currency = w->currency;
    m->run = (struct run_terms){.mode = w->mode,
                                .restart = w->restart,
                                .restarts_max = w->restarts_max,
                                .backoff_ms = w->backoff_ms,
                                .concurrency = w->concurrency,
                                .cpu_weight = w->cpu_weight,
                                .cpu_cap_percent = w->cpu_cap_percent,
                                .output_bytes = w->output_bytes,
                                .request_ms = w->request_ms};
    m->sealed = w->sealed.data;
    m->sealed_len = w->sealed.len;
    m->not_before_s = w->not_before_s;
    m->expires_s = w->expires_s;
    if (w->purchase_order.len > PURCHASE_ORDER_MAX)
        return err_set(e, E2BIG,
                       "the purchase order's id has %zu bytes; at "
                       "most %u are allowed",
                       w->purchase_order.len, PURCHASE_ORDER_MAX);
    m->purchase_order_len = w->purchase_order.len;
    if (w->purchase_order.len)
        memcpy(m->purchase_order, w->purchase_order.data,
               w->purchase_order.len);
    if ((r = take_bytes("the customer's key", &w->customer_key, m->customer,
                        KEY_BYTES, e)) < 0 ||
        (r = take_bytes("the number of the customer's key", &w->customer_key_id,
                        m->customer_key_id, KEY_ID_BYTES, e)) < 0 ||
        (r = take_bytes("the audience", &w->audience, m->audience, KEY_BYTES,
                        e)) < 0 ||
        (m->sealed_len && (r = take_bytes("the key for secrets", &w->sealed_key,
                                          m->sealed_key, KEY_BYTES, e)) < 0) ||
        (r = take_bytes("the nonce", &w->nonce, m->nonce, NONCE_BYTES, e)) < 0)
        return r;
    r = take_net(w, &m->net, e);
    if (r == 0)
        r = take_volumes(w, m, e);
    return r < 0 ? r : take_files(w, a, m, e);
}

static int decode(const void *data, size_t len, struct manifest *m,
                  struct err *e)
{
    cleanup_buf struct buf again = BUF_INIT(MANIFEST_MAX);
    struct arena *a = m->memory;
    ProtobufCAllocator from = {arena_alloc, arena_free, a};
    Hostel__Manifest *w = hostel__manifest__unpack(&from, len, data);
    int r;

    if (!w)
        return err_set(e, EINVAL,
                       "it is damaged, or holds too many or too long fields");
    r = take_manifest(w, a, m, e);
    // Of all the ways to write the same fields one counts, or two bundles
    // could differ and mean the same. m holds every field that is known,
    // and manifest_encode checks it.
    if (r == 0)
        r = manifest_encode(m, &again, e);
    if (r == 0 && (again.len != len || memcmp(again.data, data, len) != 0))
        r = err_set(e, EINVAL,
                    "it holds unknown fields or is not in the one canonical "
                    "form");
    return r;
}

int manifest_decode(const void *data, size_t len, struct manifest *m,
                    struct err *e)
{
    int r;

    *m = (struct manifest){0};
    if (len > MANIFEST_MAX)
        return err_set(e, E2BIG,
                       "the manifest has %zu bytes; at most %u are allowed",
                       len, MANIFEST_MAX);
    m->memory = malloc(sizeof(struct arena));
    if (!m->memory)
        return err_set(e, ENOMEM, "no memory for the manifest");
    ((struct arena *)m->memory)->used = 0;
    r = decode(data, len, m, e);
    return r < 0 ? err_prefix(e, "the manifest is refused") : 0;
}
