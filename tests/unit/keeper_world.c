// SPDX-License-Identifier: ISC
// The keeper's peers, played; see keeper_world.h.

#include "tests/unit/keeper_world.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "node-agent/bundle/key.h"

// ------------------------------------------------------------- the keeper

static void start(struct world *w)
{
    static struct keeper keeper;
    struct keeper_fds fds = {.lifeline = -1, .operator= - 1 };
    int pair[7][2];
    int *ours[7] = {&w->api,     &w->ledger, &w->spawner,
                    &w->builder, &w->public, &w->volumed, &w->net};

    for (int i = 0; i < 7; i++) {
        CHECK(sock_pair(pair[i]) == 0);
        CHECK(fcntl(pair[i][0], F_SETFL, O_NONBLOCK) == 0);
        *ours[i] = pair[i][0];
    }
    fds.operator= pair[0][1];
    fds.api = pair[4][1];
    fds.ledger = pair[1][1];
    fds.spawner = pair[2][1];
    fds.builder = pair[3][1];
    fds.volumed = pair[5][1];
    fds.net = pair[6][1];
    fds.shelf[0] = dup(w->shelf[0]);
    fds.shelf[1] = dup(w->shelf[1]);
    w->k = &keeper;
    CHECK_WORKS(keeper_open(w->k, &w->cfg, &fds, e));
    if (!w->spawner_mute)
        world_adopt(w);
}

void world_shelf_new(struct world *w)
{
    for (int i = 0; i < 2; i++)
        if (w->shelf[i] > 0)
            close(w->shelf[i]);
    CHECK(sock_pair(w->shelf) == 0);
    CHECK(fcntl(w->shelf[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK(fcntl(w->shelf[1], F_SETFL, O_NONBLOCK) == 0);
}

void world_open(struct world *w)
{
    *w = (struct world){.hold_status = 200,
                        .enrol_status = 201,
                        .record_status = 200,
                        .job_status = 200,
                        .start_status = 200,
                        .control_status = 200,
                        .net_status = 200};
    CHECK_WORKS(key_init(e));
    world_shelf_new(w);
    strcpy(w->folder, "/tmp/hostel-keeper-XXXXXX");
    CHECK(mkdtemp(w->folder) && chdir(w->folder) == 0);
    memset(w->cfg.node_id, 0x11, sizeof(w->cfg.node_id));
    w->cfg.slots = 8;
    w->cfg.build_slots = 2;
    w->cfg.memory_kib = 65536;
    w->cfg.volumes_kib = 4096;
    w->cfg.build_memory_kib = 65536;
    w->cfg.build_wall_ns = 10000000000ull;
    w->cfg.lease_ns = 30000000000ull;
    w->cfg.interval_ns = 1000000000ull;
    start(w);
    world_run(w);
}

void world_kill(struct world *w)
{
    keeper_close(w->k);
    close(w->api);
    close(w->public);
    close(w->ledger);
    close(w->spawner);
    close(w->builder);
    close(w->volumed);
    close(w->net);
    memset(w->lease, 0, sizeof(w->lease)); // the net role dies, too
    w->net_ready = false;
    w->nbuilds = 0; // builds die with the builder
}

void world_open_again(struct world *w)
{
    start(w);
}

void world_close(struct world *w)
{
    char command[128];

    world_kill(w);
    CHECK(chdir("/") == 0);
    snprintf(command, sizeof(command), "rm -r %s", w->folder);
    CHECK(system(command) == 0);
}

void world_turn(struct world *w)
{
    CHECK_WORKS(keeper_turn(w->k, 0, e));
}

// One message from the keeper at one of our ends; false: none is there.
static bool take(int fd, union ipc_any *any, int fds[IPC_FDS_MAX])
{
    struct err e = {0};
    int r = ipc_recv(fd, any, fds, &e);

    if (r == -EAGAIN)
        return false;
    CHECK_TEXT(r == 1, e.text);
    return true;
}

static void say(int fd, const void *msg, const int *fds, int nfds)
{
    CHECK_WORKS(ipc_send(fd, msg, fds, nfds, e));
}

// ------------------------------------------------------------ the ledger

struct held *world_held(struct world *w, const sub_id_t *id)
{
    for (unsigned i = 0; i < w->nheld; i++)
        if (!memcmp(&w->held[i].id, id, sizeof(*id)))
            return &w->held[i];
    return NULL;
}

static void play_hold(struct world *w, const struct msg_hold *m)
{
    unsigned status = *m->currency && strcmp(m->currency, "EUR")
                          ? 422 // as for an account in another currency
                          : w->hold_status;
    struct msg_hold_reply r;

    chan_reply_init(&r, &m->head, status,
                    status == 200 ? NULL : "1.00 EUR is missing");
    if (status == 200) {
        if (!world_held(w, &m->id)) {
            CHECK(w->nheld < WORLD_MAX);
            w->held[w->nheld++] = (struct held){.id = m->id};
        }
        CHECK(!world_held(w, &m->id)->voided);
        world_held(w, &m->id)->hold_nano = r.hold_nano = 1000;
    }
    say(w->ledger, &r, NULL, 0);
}

// Each number once; the same again must be the same.
static void apply(struct held *h, const struct msg_record *m)
{
    const struct msg_record *before = &h->record[m->sequence];

    CHECK(m->sequence < HELD_RECORDS);
    if (m->sequence <= h->records) {
        CHECK(!memcmp(&before->usage, &m->usage, sizeof(m->usage)));
        CHECK(before->from_real_ns == m->from_real_ns);
        CHECK(before->to_real_ns == m->to_real_ns);
        return;
    }
    CHECK(m->sequence == h->records + 1 && !h->settled);
    h->record[++h->records] = *m;
    CHECK(usage_add(&h->usage, &m->usage) == 0);
}

static void play_record(struct world *w, const struct msg_record *m)
{
    struct held *h = world_held(w, &m->id);
    struct msg_reply r;

    CHECK(h && m->sequence >= 1);
    apply(h, m);
    chan_reply_fill(&r, sizeof(r), &m->head, w->record_status, NULL);
    say(w->ledger, &r, NULL, 0);
}

static void play_settle(struct world *w, const struct msg_record *m)
{
    struct held *h = world_held(w, &m->id);
    struct msg_settle_reply r;

    CHECK(h && !h->voided);
    if (m->sequence)
        apply(h, m);
    h->settled++;
    chan_reply_init(&r, &m->head, 200, NULL);
    r.charged_nano = (int64_t)h->usage.cpu_ns;
    say(w->ledger, &r, NULL, 0);
}

static void play_void(struct world *w, const struct msg_record *m)
{
    struct msg_reply r;

    if (world_held(w, &m->id))
        world_held(w, &m->id)->voided++;
    chan_reply_fill(&r, sizeof(r), &m->head, 200, NULL);
    say(w->ledger, &r, NULL, 0);
}

static void play_enrol(struct world *w, const struct msg_enrol *m)
{
    struct msg_account_reply r;

    chan_reply_init(&r, &m->head, w->enrol_status,
                    w->enrol_status < 400 ? NULL : "the ledger's reason");
    r.account.customer = m->customer;
    memcpy(r.account.name, m->name, sizeof(r.account.name));
    if (memcmp(w->enrolled.credit_id, m->credit_id, sizeof(m->credit_id)))
        w->enrolled_nano += m->credit_nano;
    r.account.balance_nano = w->enrolled_nano;
    w->enrolled = *m;
    say(w->ledger, &r, NULL, 0);
}

static bool play_ledger(struct world *w)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    struct msg_quote_reply q;

    if (!take(w->ledger, &any, fds))
        return false;
    switch (any.head.type) {
    case MSG_QUOTE:
        chan_reply_init(&q, &any.head, 200, NULL);
        strcpy(q.currency, "EUR");
        say(w->ledger, &q, NULL, 0);
        break;
    case MSG_ENROL:
        play_enrol(w, &any.enrol);
        break;
    case MSG_HOLD:
        play_hold(w, &any.hold);
        break;
    case MSG_RECORD:
        play_record(w, &any.record);
        break;
    case MSG_SETTLE:
        play_settle(w, &any.record);
        break;
    case MSG_VOID:
        play_void(w, &any.record);
        break;
    default:
        CHECK(!"a message for the ledger");
    }
    return true;
}

// ------------------------------------------------------------ the spawner

struct played_domain *world_domain(struct world *w, const sub_id_t *id)
{
    for (unsigned i = 0; i < w->ndomains; i++)
        if (!memcmp(&w->domain[i].id, id, sizeof(*id)) &&
            !w->domain[i].released)
            return &w->domain[i];
    return NULL;
}

static void play_start(struct world *w, const struct msg_start *m,
                       const int *fds, int nfds)
{
    struct played_domain *d;
    struct msg_reply r;

    int files = (int)start_files(m);

    CHECK(nfds == files + (int)DEVICES_FDS(m->ndevices) + (int)m->nvolumes);
    chan_reply_fill(&r, sizeof(r), &m->head, w->start_status, NULL);
    if (w->start_status == 200) {
        // Nobody's program may run twice.
        for (unsigned i = 0; i < w->ndomains; i++)
            CHECK(memcmp(&w->domain[i].id, &m->id, sizeof(m->id)) ||
                  (w->domain[i].released &&
                   w->domain[i].state.incarnation < m->incarnation));
        CHECK(w->ndomains < WORLD_MAX);
        d = &w->domain[w->ndomains++];
        *d = (struct played_domain){.id = m->id,
                                    .lease_mono_ns = m->lease_mono_ns};
        d->argc = m->argc;
        d->envc = m->envc;
        d->cmdline_len = m->cmdline_len;
        d->has_initrd = m->has_initrd;
        memcpy(d->cmdline, m->cmdline, sizeof(d->cmdline));
        CHECK_WORKS(devices_take(&d->devices, m->ndevices, fds + files, e));
        d->state.id = m->id;
        d->state.slot = w->ndomains;
        d->state.incarnation = m->incarnation;
        d->cpu_ns = m->cpu_ns;
        d->state.started_real_ns = clock_real_ns();
    }
    say(w->spawner, &r, NULL, 0);
}

static void domain_say(struct world *w, struct played_domain *d, uint32_t type)
{
    d->state.now_real_ns = clock_real_ns();
    ipc_head(&d->state, type, 0);
    say(w->spawner, &d->state, NULL, 0);
}

void world_fed(struct world *w, const sub_id_t *id, uint64_t tag,
               uint64_t position)
{
    struct msg_input_reply m = {.id = *id, .position = position};

    m.reply.status = 200;
    ipc_head(&m, MSG_FEED | MSG_REPLY, tag);
    say(w->spawner, &m, NULL, 0);
}

static void domain_use(struct played_domain *d)
{
    d->state.usage.starts = 1;
    d->state.usage.cpu_ns += 1000;
    d->state.usage.wall_ns += 2000000;
    d->state.usage.console_bytes += 10;
    d->state.usage.mem_peak_kib = 300;
}

void world_tick(struct world *w)
{
    for (unsigned i = 0; i < w->ndomains; i++) {
        if (w->domain[i].state.cause || w->domain[i].released)
            continue;
        domain_use(&w->domain[i]);
        domain_say(w, &w->domain[i], MSG_USAGE);
    }
}

void world_end(struct world *w, const sub_id_t *id, enum hvc_cause cause,
               uint32_t status)
{
    struct played_domain *d = world_domain(w, id);

    CHECK(d && !d->state.cause);
    domain_use(d);
    d->state.cause = cause;
    d->state.status = status;
    domain_say(w, d, MSG_ENDED);
}

void world_adopt(struct world *w)
{
    struct msg_domain last = {0};

    for (unsigned i = 0; i < w->ndomains; i++) {
        if (w->domain[i].released)
            continue;
        domain_say(w, &w->domain[i],
                   w->domain[i].state.cause ? MSG_ENDED : MSG_ADOPTED);
    }
    ipc_head(&last, MSG_ADOPTED, 0);
    say(w->spawner, &last, NULL, 0);
}

static void play_look(struct world *w, const struct msg_head *to)
{
    struct msg_reply r;

    for (unsigned i = 0; i < w->ndomains; i++)
        if (!w->domain[i].state.cause && !w->domain[i].released) {
            w->domain[i].state.up = !w->loading;
            w->domain[i].state.letter = 'b';
            domain_say(w, &w->domain[i], MSG_FIGURES);
        }
    chan_reply_fill(&r, sizeof(r), to, 200, NULL);
    say(w->spawner, &r, NULL, 0);
}

static void play_control(struct world *w, const struct msg_control *m)
{
    struct msg_reply r;

    w->control = *m;
    chan_reply_fill(&r, sizeof(r), &m->head, w->control_status,
                    w->control_status == 200 ? NULL : "the kernel says no");
    say(w->spawner, &r, NULL, 0);
}

static bool play_spawner(struct world *w)
{
    struct played_domain *d;
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    int nfds = 0;

    if (!take(w->spawner, &any, fds))
        return false;
    while (nfds < IPC_FDS_MAX && fds[nfds] >= 0)
        nfds++;
    if (any.head.type == MSG_START)
        play_start(w, &any.start, fds, nfds);
    ipc_close(fds);
    d = world_domain(w, &any.stop.id);
    switch (any.head.type) {
    case MSG_START:
        break;
    case MSG_STOP:
        if (d && !d->state.cause)
            world_end(w, &any.stop.id, any.stop.cause, 0);
        break;
    case MSG_LOOK:
        play_look(w, &any.head);
        break;
    case MSG_CONTROL:
        play_control(w, &any.control);
        break;
    case MSG_RENEW:
        if (d)
            d->renewed++;
        break;
    case MSG_RELEASE:
        CHECK(!d || d->state.cause); // not under a running domain
        if (d)
            d->released++;
        break;
    case MSG_FEED:
        CHECK(d);
        d->fed++;
        d->feed_tag = any.head.tag;
        break;
    default:
        CHECK(!"a message for the spawner");
    }
    return true;
}

// ------------------------------------------------------------ the builder

static const char image_made[] = "an image that was built here";

void world_built(struct world *w, const sub_id_t *id, enum sub_outcome outcome)
{
    struct msg_built m = {.id = *id, .outcome = outcome};
    int fd = memfd_create("image", MFD_CLOEXEC);

    // One that is lost was never begun.
    m.usage.builds = outcome != OUTCOME_LOST;
    m.usage.build_cpu_ns = 500 * m.usage.builds;
    m.usage.cpu_ns = 77; // not the builder's to say: must not be billed
    if (outcome)
        strcpy(m.text, "prog.c:1: it does not compile");
    CHECK(write_full(fd, image_made, sizeof(image_made)) == 0);
    crypto_generichash(m.image_digest, 32, (const uint8_t *)image_made,
                       sizeof(image_made), NULL, 0);
    ipc_head(&m, MSG_BUILT, 0);
    say(w->builder, &m, &fd, outcome ? 0 : 1);
    close(fd);
}

static bool play_builder(struct world *w)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    if (!take(w->builder, &any, fds))
        return false;
    ipc_close(fds);
    if (any.head.type == MSG_BUILD) {
        CHECK(w->nbuilds < WORLD_MAX);
        w->build[w->nbuilds++] = (struct played_build){.id = any.build.id};
        if (!w->builder_waits)
            world_built(w, &any.build.id, OUTCOME_NONE);
        return true;
    }
    CHECK(any.head.type == MSG_BUILD_STOP);
    world_built(w, &any.get.id, OUTCOME_DESTROYED);
    return true;
}

// ---------------------------------------------------- the volumes role

void world_job_end(struct world *w, unsigned status)
{
    struct msg_job_reply r;
    int folder;

    chan_reply_init(&r, &w->job.head, status,
                    status == 200 ? NULL : "the archive is none");
    r.used_bytes = w->used_bytes;
    r.used_files = w->used_bytes / 4096;
    folder = w->job.kind == JOB_OPEN ? open("/", O_PATH | O_DIRECTORY) : -1;
    say(w->volumed, &r, &folder, folder >= 0);
    if (folder >= 0)
        close(folder);
}

static bool play_volumed(struct world *w)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    if (!take(w->volumed, &any, fds))
        return false;
    CHECK(any.head.type == MSG_JOB && any.job.kind <= JOB_OPEN);
    CHECK((any.job.kind == JOB_UNPACK || any.job.kind == JOB_PACK) ==
          (fds[0] >= 0));
    ipc_close(fds);
    w->job = any.job;
    w->jobs[any.job.kind]++;
    if (!w->jobs_wait)
        world_job_end(w, w->job_status);
    return true;
}

// ----------------------------------------------------------- the net role

static void play_open(struct world *w, const struct msg_net *m)
{
    struct msg_net_reply r = {.reply.status = w->net_status};
    int tap = -1;

    ipc_head(&r, MSG_NET_OPEN | MSG_REPLY, m->head.tag);
    if (w->net_status == 200) {
        r.device.m =
            (struct hvc_device){.head = {HVC_DEVICE, sizeof(r.device.m)},
                                .type = HV_DEV_NET,
                                .window_kib = HVC_NET_WINDOW_KIB,
                                .net = {.mtu = 1500,
                                        .flags = HVC_NET_BUDGET,
                                        .in_bytes = m->in_bytes,
                                        .out_bytes = m->out_bytes}};
        snprintf(r.device.target, sizeof(r.device.target), "tap%u", m->number);
        tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        CHECK(tap >= 0);
    } else {
        strcpy(r.reply.text, "interface tap is still there");
    }
    say(w->net, &r, &tap, tap >= 0);
    if (tap >= 0)
        close(tap);
}

static void play_ready(struct world *w, const struct msg_head *to)
{
    struct msg_reply r;

    CHECK(!w->net_ready);
    w->net_ready = true;
    chan_reply_fill(&r, sizeof(r), to, 200, NULL);
    say(w->net, &r, NULL, 0);
}

static bool play_net(struct world *w)
{
    struct played_lease *l;
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    if (!take(w->net, &any, fds))
        return false;
    if (any.head.type == MSG_NET_READY) {
        play_ready(w, &any.head);
        return true;
    }
    CHECK(any.net.number >= 1 && any.net.number < WORLD_MAX);
    l = &w->lease[any.net.number];
    switch (any.head.type) {
    case MSG_NET_KEEP:
        CHECK(!w->net_ready && !l->used);
        break;
    case MSG_NET_OPEN:
        CHECK(w->net_ready);
        CHECK(!l->used ||
              !memcmp(l->is.publish, any.net.publish, sizeof(l->is.publish)));
        l->opened++;
        play_open(w, &any.net);
        break;
    default:
        CHECK(any.head.type == MSG_NET_CLOSE && l->used);
        *l = (struct played_lease){0};
        return true;
    }
    l->used = true;
    l->is = any.net;
    return true;
}

bool world_peers(struct world *w)
{
    bool moved = false;

    while (play_ledger(w) || play_spawner(w) || play_builder(w) ||
           play_volumed(w) || play_net(w))
        moved = true;
    return moved;
}

void world_run(struct world *w)
{
    do
        world_turn(w);
    while (world_peers(w));
}

// ---------------------------------------------------------------- bundles

static void bundle_base(struct world *w, struct bundle_of *b, uint8_t nonce)
{
    static struct seckey customer;
    uint64_t now_s = clock_real_ns() / 1000000000u;

    if (!customer.key[0] && !customer.key[1])
        key_make(&customer);
    *b = (struct bundle_of){.sk = customer};
    b->arg[0] = "one";
    b->arg[1] = "two words";
    b->env[0] = "LANG=C";
    b->m = (struct manifest){
        .name = "prog",
        .nargs = 2,
        .nenv = 1,
        .nfiles = 2,
        .arg = b->arg,
        .env = b->env,
        .file = b->file,
        .memory_kib = 16384,
        .cpu_ns = 1000000000,
        .wall_ns = 5000000000,
        .console_bytes = 65536,
        .currency = "EUR",
        .not_before_s = now_s,
        .expires_s = now_s + 3600,
    };
    memcpy(b->m.audience, w->cfg.node_id, KEY_BYTES);
    memset(b->m.nonce, nonce, NONCE_BYTES);
    b->file[1] = (struct manifest_file){
        .path = "data.txt", .size = 3, .role = ROLE_DATA, .mode = 0644};
    b->from[1].data = "abc";
}

void bundle_image(struct world *w, struct bundle_of *b, uint8_t nonce)
{
    bundle_base(w, b, nonce);
    b->m.kind = KIND_IMAGE;
    b->file[0] = (struct manifest_file){
        .path = "prog", .size = 9, .role = ROLE_IMAGE, .mode = 0755};
    b->from[0].data = "not ELF!\n";
}

void bundle_program(struct world *w, struct bundle_of *b, uint8_t nonce)
{
    bundle_base(w, b, nonce);
    b->m.kind = KIND_SOURCE;
    b->m.build_cpu_ns = 1000000000;
    b->file[0] = (struct manifest_file){
        .path = "prog.c", .size = 10, .role = ROLE_SOURCE, .mode = 0644};
    snprintf(b->source, sizeof(b->source), "int x%03u;\n", nonce);
    b->from[0].data = b->source;
}

int bundle_memfd(struct bundle_of *b, const struct world *w)
{
    static const struct bundle_handler none;
    struct bundle_reader *r = bundle_reader_new(&none, NULL);
    uint8_t digest[DIGEST_BYTES];
    int fd = memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    CHECK(fd >= 0 && r);
    CHECK_WORKS(bundle_write(fd, &b->m, b->from, &b->sk, e));
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK_WORKS(bundle_read_fd(r, fd, e));
    bundle_reader_digest(r, digest);
    submission_id(w->cfg.node_id, digest, b->id.b);
    bundle_reader_free(r);
    CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) ==
          0);
    return fd;
}

// ------------------------------------------------------------------ the
// API

uint64_t world_submit(struct world *w, struct bundle_of *b)
{
    struct msg_submit m = {.peer = "test"};
    int fd = bundle_memfd(b, w);

    m.bundle_len = lseek(fd, 0, SEEK_END);
    ipc_head(&m, MSG_SUBMIT, ++w->tag);
    say(w->api, &m, &fd, 1);
    close(fd);
    return w->tag;
}

void world_send(struct world *w, void *msg, uint32_t type, size_t size)
{
    *(struct msg_head *)msg = (struct msg_head){type, size, ++w->tag};
    say(w->api, msg, NULL, 0);
}

void world_reply(struct world *w, uint32_t type, union ipc_any *any,
                 int fds[IPC_FDS_MAX])
{
    CHECK(take(w->api, any, fds));
    CHECK(any->head.type == (type | MSG_REPLY));
}

bool world_quiet(const struct world *w)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    return !take(w->api, &any, fds);
}

struct sub_info world_accept(struct world *w, struct bundle_of *b,
                             unsigned status)
{
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    uint64_t tag = world_submit(w, b);

    world_run(w);
    world_reply(w, MSG_SUBMIT, &any, fds);
    CHECK(any.head.tag == tag);
    CHECK_TEXT(any.reply.status == status, any.reply.text);
    CHECK(status < 400 || any.reply.text[0]);
    CHECK(status >= 400 ||
          !memcmp(&any.submit_reply.info.id, &b->id, sizeof(b->id)));
    return any.submit_reply.info;
}

struct sub_info world_get(struct world *w, const sub_id_t *id)
{
    struct msg_get m = {.id = *id};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    world_send(w, &m, MSG_GET, sizeof(m));
    world_turn(w);
    world_reply(w, MSG_GET, &any, fds);
    CHECK_TEXT(any.reply.status == 200, any.reply.text);
    return any.info.info;
}
