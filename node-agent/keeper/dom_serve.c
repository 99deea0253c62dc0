// SPDX-License-Identifier: ISC
// What the operator asks about domains: agent/dom.h.

#include "node-agent/keeper/dom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/keeper/console.h"
#include "node-agent/keeper/image.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/keeper/machine.h"

static const key_id_t nobody;

static void why_set(char why[MSG_TEXT_MAX], const char *text)
{
    snprintf(why, MSG_TEXT_MAX, "%s", text);
}

// Replies have the size of their type, also those that only say no.
static int refuse(struct keeper *k, const struct msg_head *to, unsigned status,
                  const char *why)
{
    struct msg_count_reply count;
    struct dom_reply dom;

    switch (to->type) {
    case MSG_DOM_CREATE:
        chan_reply_init(&dom, to, status, why);
        chan_post(&k->api, &dom, NULL, 0);
        break;
    case MSG_DOM_LIST:
    case MSG_DOM_LOG:
    case MSG_DOM_DEVICES:
        chan_reply_init(&count, to, status, why);
        chan_post(&k->api, &count, NULL, 0);
        break;
    default:
        chan_reply(&k->api, to, status, status == 503, "%s", why);
    }
    return 0;
}

// ---------------------------------------------------------------------- who

struct target {
    struct dom *dom; // or
    struct sub *sub;
};

static bool is_number(const char *text)
{
    return *text && !text[strspn(text, "0123456789")];
}

static bool id_begins(const sub_id_t *id, const char *text)
{
    char hex[SUB_ID_TEXT];

    return strlen(text) >= 4 &&
           !strncmp(sub_id_text(hex, id), text, strlen(text));
}

// 0, or the status to refuse with, and why. A number is a domid; a name is the
// operator's domain's, then a submission's, if only one has it.
static unsigned target_find(struct keeper *k, const char *who, struct target *t,
                            char why[MSG_TEXT_MAX])
{
    unsigned found = 0;

    *t = (struct target){0};
    if (is_number(who)) {
        uint32_t domid = (uint32_t)strtoul(who, NULL, 10);

        for (struct dom *d = k->doms.first; d; d = d->next)
            if (!d->gone && d->row.domid == domid)
                t->dom = d;
        for (struct sub *s = sub_next(&k->subs, NULL); s && !t->dom;
             s = sub_next(&k->subs, s))
            if (s->info.state == SUB_RUNNING && s->now.domid == domid)
                t->sub = s;
    } else {
        t->dom = dom_named(k, who);
    }
    if (t->dom || t->sub)
        return 0;
    for (struct sub *s = sub_next(&k->subs, NULL); s;
         s = sub_next(&k->subs, s)) {
        if (s->info.state != SUB_RUNNING ||
            (strcmp(s->info.name, who) && !id_begins(&s->info.id, who)))
            continue;
        t->sub = s;
        found++;
    }
    if (found == 1)
        return 0;
    if (found)
        snprintf(why, MSG_TEXT_MAX,
                 "%u submissions are called %s: name one by its number or the "
                 "beginning of its id",
                 found, who);
    else
        snprintf(why, MSG_TEXT_MAX, "there is no domain %s", who);
    return found ? 409 : 404;
}

// -------------------------------------------------------------------- create

// argc and envc strings, and nothing else.
static bool cmdline_ok(const struct dom_create *c)
{
    uint32_t strings = 0;

    for (uint32_t i = 0; i < c->cmdline_len; i++)
        strings += !c->cmdline[i];
    return c->argc >= 1 && c->argc <= HV_CMDLINE_MAX &&
           c->envc <= HV_CMDLINE_MAX && strings == c->argc + c->envc &&
           !c->cmdline[c->cmdline_len - 1];
}

// 0, or the status to refuse with.
static unsigned create_check(struct keeper *k, const struct dom_create *c,
                             const struct dom_devices *devices,
                             char why[MSG_TEXT_MAX])
{
    uint64_t room_kib = c->memory_kib + devices_window_kib(devices);
    uint64_t free_kib = k->cfg.memory_kib > k->memory_used_kib
                            ? k->cfg.memory_kib - k->memory_used_kib
                            : 0;

    if (!dom_name_ok(c->name)) {
        why_set(why,
                "a domain's name has letters, digits, '-', '_', '.' and '+', "
                "one letter at least, and 63 bytes at most");
        return 422;
    }
    if (c->engine > ENGINE_AUTO || c->flags & ~(DOM_F_PAUSED | DOM_F_INITRD) ||
        c->weight < 1 || c->weight > DOM_WEIGHT_MAX || c->cap > DOM_CAP_MAX ||
        c->on[0] > DOM_ON_MAX || c->on[1] > DOM_ON_MAX ||
        c->on[2] > DOM_ON_MAX || c->memory_kib < 1 ||
        c->memory_kib % (HV_PAGE / 1024) || c->memory_kib > HV_RAM_MAX / 1024 ||
        c->max_kib < c->memory_kib || c->max_kib > HV_RAM_MAX / 1024 ||
        !cmdline_ok(c)) {
        why_set(why, "the request is out of range");
        return 422;
    }
    if (dom_named(k, c->name)) {
        snprintf(why, MSG_TEXT_MAX, "there is a domain %s already", c->name);
        return 409;
    }
    if (k->draining) {
        why_set(why, "the node takes nothing new: it is being drained");
        return 503;
    }
    if (k->adopting) {
        why_set(why, "the node is just starting");
        return 503;
    }
    if (k->slots_used >= k->cfg.slots || k->doms.count >= DOMS_MAX) {
        snprintf(why, MSG_TEXT_MAX, "all %u slots of the node are in use",
                 k->cfg.slots);
        return 503;
    }
    if (doms_devices(k) + devices->n > DOM_DEVICES_MAX) {
        snprintf(why, MSG_TEXT_MAX,
                 "the node's domains would have more than %u disks and "
                 "interfaces together",
                 DOM_DEVICES_MAX);
        return 503;
    }
    if (room_kib > free_kib) {
        snprintf(why, MSG_TEXT_MAX,
                 "it asks for %llu MiB of memory, and %llu of the node's %llu "
                 "are free",
                 (unsigned long long)room_kib >> 10,
                 (unsigned long long)free_kib >> 10,
                 (unsigned long long)k->cfg.memory_kib >> 10);
        return 503;
    }
    return 0;
}

static int file_take(struct keeper *k, int fd, const char *what,
                     uint8_t digest[32], struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, EINVAL, "the %s is not a regular file", what);
    if (store_room(&k->store, (uint64_t)st.st_size, e) < 0)
        return -e->code;
    return image_put(&k->store, &nobody, fd, digest, e) < 0
               ? err_prefix(e, "the %s", what)
               : 0;
}

static int serve_create(struct keeper *k, const union ipc_any *any,
                        int fds[IPC_FDS_MAX])
{
    const struct dom_create *c = &any->dom_create;
    char why[MSG_TEXT_MAX];
    int *device_fds = fds + 1 + !!(c->flags & DOM_F_INITRD);
    static struct dom_devices devices;
    uint8_t image[32], initrd[32] = {0};
    unsigned status;
    struct dom *d;
    struct err e;

    if (devices_take(&devices, c->ndevices, device_fds, &e) < 0)
        return refuse(k, &c->head, 422, e.text);
    status = create_check(k, c, &devices, why);
    if (status)
        return refuse(k, &c->head, status, why);
    if (file_take(k, fds[0], "kernel", image, &e) < 0 ||
        (c->flags & DOM_F_INITRD &&
         file_take(k, fds[1], "ramdisk", initrd, &e) < 0))
        return refuse(k, &c->head, e.code == ENOSPC ? 503 : 422, e.text);
    d = dom_new(k);
    if (!d)
        return refuse(k, &c->head, 503, "the node has no memory left");
    memcpy(&d->row.config, c, sizeof(*c));
    memcpy(d->row.image, image, sizeof(image));
    memcpy(d->row.initrd, initrd, sizeof(initrd));
    d->row.devices = devices;
    for (uint32_t i = 0; i < devices.n; i++)
        d->device_fd[i] = steal_fd(&device_fds[1 + i]);
    k->doms.shelf_stale |= dom_holds(d);
    d->creating = true;
    d->create_to = c->head;
    dom_begin(k, d);
    return 0;
}

void dom_serve_created(struct keeper *k, struct dom *d, unsigned status,
                       const char *why)
{
    struct dom_reply reply;
    int fd = -1;

    if (status < 400)
        fd = store_log_open(&k->store, &d->row.id, LOG_CONSOLE, false, NULL);
    chan_reply_init(&reply, &d->create_to, status, why);
    dom_info_fill(d, &reply.info);
    chan_post(&k->api, &reply, &fd, fd >= 0);
}

// ---------------------------------------------------------------------- list

struct listing {
    int fd;
    uint64_t count;
    int failed;
};

static void listing_add(struct listing *l, const struct dom_info *i)
{
    if (write_full(l->fd, i, sizeof(*i)) < 0)
        l->failed = 1;
    l->count++;
}

static void list_all(struct keeper *k, struct listing *l)
{
    static struct dom_info i;

    for (struct dom *d = k->doms.first; d; d = d->next) {
        if (d->gone)
            continue;
        dom_info_fill(d, &i);
        listing_add(l, &i);
    }
    for (struct sub *s = sub_next(&k->subs, NULL); s;
         s = sub_next(&k->subs, s)) {
        if (s->info.state != SUB_RUNNING)
            continue;
        dom_info_of_sub(s, &i);
        listing_add(l, &i);
    }
}

static void list_post(struct keeper *k, const struct msg_head *to,
                      const char *who)
{
    struct listing l = {
        .fd = memfd_create("domains", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
    struct msg_count_reply reply;
    char why[MSG_TEXT_MAX] = "";
    static struct dom_info i;
    unsigned status = 0;
    struct target t;

    if (l.fd < 0) {
        status = 503;
        why_set(why, "the node has no memory left");
    } else if (!*who) {
        list_all(k, &l);
    } else if ((status = target_find(k, who, &t, why)) == 0) {
        if (t.dom)
            dom_info_fill(t.dom, &i);
        else
            dom_info_of_sub(t.sub, &i);
        listing_add(&l, &i);
    }
    if (l.failed) {
        status = 503;
        why_set(why, "the node has no memory left");
    }
    chan_reply_init(&reply, to, status ? status : 200, why);
    if (status) {
        if (l.fd >= 0)
            close(l.fd);
        chan_post(&k->api, &reply, NULL, 0);
        return;
    }
    fcntl(l.fd, F_ADD_SEALS,
          F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
    reply.count = l.count;
    reply.length = l.count * sizeof(struct dom_info);
    chan_post(&k->api, &reply, &l.fd, 1);
}

void dom_serve_lists(struct keeper *k)
{
    k->doms.looking = false;
    while (k->doms.lists) {
        uint32_t n = --k->doms.lists;

        list_post(k, &k->doms.list_to[n], k->doms.list_who[n]);
    }
}

// The figures are asked for first: what is told is of now.
static int serve_list(struct keeper *k, const union ipc_any *any)
{
    const struct dom_who *m = &any->dom_who;
    uint32_t n = k->doms.lists;

    if (n == DOM_ASKS_MAX) {
        list_post(k, &m->head, m->who);
        return 0;
    }
    k->doms.list_to[n] = m->head;
    memcpy(k->doms.list_who[n], m->who, DOM_NAME_MAX);
    k->doms.lists++;
    doms_look(k);
    if (!k->doms.looking) // too much is under way
        dom_serve_lists(k);
    return 0;
}

// A submission's domain has none.
static int serve_devices(struct keeper *k, const union ipc_any *any)
{
    const struct dom_who *m = &any->dom_who;
    static const struct dom_devices none;
    const struct dom_devices *devices;
    struct msg_count_reply reply;
    char why[MSG_TEXT_MAX];
    struct target t;
    unsigned status = target_find(k, m->who, &t, why);
    struct err e;
    int fd;

    if (status)
        return refuse(k, &m->head, status, why);
    devices = t.dom ? &t.dom->row.devices : &none;
    fd = devices_pack(devices, &e);
    if (fd < 0)
        return refuse(k, &m->head, 503, e.text);
    chan_reply_init(&reply, &m->head, 200, NULL);
    reply.count = devices->n;
    reply.length = devices->n * sizeof(devices->at[0]);
    chan_post(&k->api, &reply, &fd, 1);
    return 0;
}

// ------------------------------------------------------------------- acting

static void control_post(struct keeper *k, const struct msg_head *to,
                         const sub_id_t *id, int64_t serial, uint32_t action,
                         uint64_t value)
{
    struct msg_control m = {.id = *id, .action = action, .value = value};
    uint64_t tag = dom_ask_new(k, ASK_CONTROL, serial, to);

    if (action == CONTROL_WEIGHT)
        m.value = dom_cpu_weight(value);
    if (!tag) {
        refuse(k, to, 503, "too many requests are under way");
        return;
    }
    ipc_head(&m, MSG_CONTROL, tag);
    chan_post(&k->spawner, &m, NULL, 0);
}

void dom_serve_answered(struct keeper *k, const struct dom_ask *ask,
                        const union ipc_any *any)
{
    if (ask->kind == ASK_FEED) {
        struct msg_input_reply reply = any->input_reply;

        reply.reply.head.type = ask->to.type | MSG_REPLY;
        reply.reply.head.tag = ask->to.tag;
        chan_post(&k->api, &reply, NULL, 0);
        return;
    }
    chan_reply(&k->api, &ask->to, any->reply.status, any->reply.retry_after_s,
               "%s", any->reply.text);
}

static bool value_ok(uint32_t action, uint64_t value)
{
    switch (action) {
    case CONTROL_WEIGHT:
        return value >= 1 && value <= DOM_WEIGHT_MAX;
    case CONTROL_CAP:
        return value <= DOM_CAP_MAX;
    case CONTROL_MAX_KIB:
        return value >= 1 && value <= HV_RAM_MAX / 1024;
    case CONTROL_BALLOON:
        return value >= 1 && value <= HV_RAM_MAX / 1024 &&
               value % (HV_PAGE / 1024) == 0;
    }
    return value == 0;
}

void dom_serve_sub(struct keeper *k, const struct msg_head *to, struct sub *s,
                   uint32_t action, uint64_t value)
{
    if (!s || s->info.state != SUB_RUNNING)
        refuse(k, to, 409, "the program does not run");
    else if (action != CONTROL_PAUSE && action != CONTROL_UNPAUSE &&
             action != CONTROL_SHUTDOWN && !(to->tag & CHAN_TAG_OTHER))
        refuse(k, to, 422, "a customer cannot ask for that");
    else if (action == CONTROL_REBOOT || action == DOM_ACT_RESET)
        refuse(k, to, 422, "a submission runs once");
    else if (action == DOM_ACT_RENAME)
        refuse(k, to, 422, "a submission's name is its customer's");
    else if (action == CONTROL_BALLOON && value > s->info.limits.memory_kib)
        refuse(k, to, 422, "it would be more than the memory it was made with");
    else if (action >= CONTROL_ACTIONS || !action || !value_ok(action, value))
        refuse(k, to, 422, "the request is out of range");
    else
        control_post(k, to, &s->info.id, 0, action, value);
}

static int rename_dom(struct keeper *k, struct dom *d, const struct dom_act *m)
{
    if (!dom_name_ok(m->text))
        return refuse(k, &m->head, 422,
                      "a domain's name has letters, digits, '-', '_', '.' and "
                      "'+', one letter at least, and 63 bytes at most");
    if (dom_named(k, m->text))
        return refuse(k, &m->head, 409, "there is a domain of that name");
    memcpy(d->row.config.name, m->text, DOM_NAME_MAX);
    dom_touch(d);
    chan_reply_ok(&k->api, &m->head);
    return 0;
}

static int destroy_dom(struct keeper *k, struct dom *d,
                       const struct msg_head *to)
{
    if (d->destroying) {
        chan_reply_ok(&k->api, to);
        return 0;
    }
    d->destroying = true;
    d->destroy_to = *to;
    dom_stop(k, d, HVC_STOPPED);
    return 0;
}

// False: it is no matter of what the domain is to be.
static bool config_keep(struct dom *d, const struct dom_act *m)
{
    struct dom_create *c = &d->row.config;

    if (m->action == CONTROL_WEIGHT)
        c->weight = (uint32_t)m->value;
    else if (m->action == CONTROL_CAP)
        c->cap = (uint32_t)m->value;
    else if (m->action == CONTROL_MAX_KIB)
        c->max_kib = m->value;
    else
        return false;
    dom_touch(d);
    return true;
}

static int act_on_dom(struct keeper *k, struct dom *d, const struct dom_act *m)
{
    if (m->action == DOM_ACT_RENAME)
        return rename_dom(k, d, m);
    if (m->action == DOM_ACT_DESTROY)
        return destroy_dom(k, d, &m->head);
    if (!m->action ||
        (m->action >= CONTROL_ACTIONS && m->action != DOM_ACT_RESET) ||
        !value_ok(m->action, m->value))
        return refuse(k, &m->head, 422, "the request is out of range");
    if (m->action == CONTROL_MAX_KIB && m->value < d->row.config.memory_kib)
        return refuse(k, &m->head, 422,
                      "the limit would be below the memory it was made with");
    if (m->action == CONTROL_BALLOON && m->value > d->row.config.memory_kib)
        return refuse(k, &m->head, 422,
                      "it would be more than the memory it was made with");
    // Shares and limits are also the next run's.
    if (d->row.state == DOM_WAITING && config_keep(d, m)) {
        chan_reply_ok(&k->api, &m->head);
        return 0;
    }
    if (d->row.state != DOM_RUNNING)
        return refuse(k, &m->head, 409, "the domain does not run");
    if (m->action == DOM_ACT_RESET) {
        dom_stop(k, d, HVC_REBOOT);
        chan_reply_ok(&k->api, &m->head);
        return 0;
    }
    control_post(k, &m->head, &d->row.id, d->serial, m->action, m->value);
    config_keep(d, m);
    return 0;
}

static int serve_act(struct keeper *k, const union ipc_any *any)
{
    const struct dom_act *m = &any->dom_act;
    char why[MSG_TEXT_MAX];
    struct target t;
    unsigned status = target_find(k, m->who, &t, why);

    if (status)
        return refuse(k, &m->head, status, why);
    if (t.dom)
        return act_on_dom(k, t.dom, m);
    if (m->action == DOM_ACT_DESTROY) {
        machine_event(k, t.sub, .kind = EV_DESTROY);
        chan_reply_ok(&k->api, &m->head);
    } else {
        dom_serve_sub(k, &m->head, t.sub, m->action, m->value);
    }
    return 0;
}

// ------------------------------------------------------------------- console

static int serve_log(struct keeper *k, const union ipc_any *any)
{
    const struct dom_who *m = &any->dom_who;
    struct msg_count_reply reply;
    char why[MSG_TEXT_MAX];
    struct target t;
    unsigned status = target_find(k, m->who, &t, why);
    int fd;

    if (status)
        return refuse(k, &m->head, status, why);
    fd = t.dom ? store_log_open(&k->store, &t.dom->row.id, LOG_CONSOLE, false,
                                NULL)
               : console_open(k, &t.sub->info.id, t.sub);
    chan_reply_init(&reply, &m->head, fd < 0 ? 404 : 200,
                    fd < 0 ? "it has no console's log yet" : NULL);
    chan_post(&k->api, &reply, &fd, fd >= 0);
    return 0;
}

static int serve_input(struct keeper *k, const union ipc_any *any)
{
    const struct dom_input *m = &any->dom_input;
    static struct msg_input feed;
    char why[MSG_TEXT_MAX];
    struct target t;
    unsigned status = target_find(k, m->who, &t, why);
    uint64_t tag;

    if (!status && ((t.dom && t.dom->row.state != DOM_RUNNING) ||
                    (t.sub && t.sub->info.state != SUB_RUNNING))) {
        status = 409;
        why_set(why, "the domain does not run");
    }
    tag = status
              ? 0
              : dom_ask_new(k, ASK_FEED, t.dom ? t.dom->serial : 0, &m->head);
    if (!status && !tag) {
        status = 429;
        why_set(why, "too many requests are under way");
    }
    if (status) {
        chan_input_reply(&k->api, &m->head, &(sub_id_t){{0}}, status, why);
        return 0;
    }
    feed = (struct msg_input){
        .id = t.dom ? t.dom->row.id : t.sub->info.id,
        .writer = m->writer,
        .offset = m->offset,
        .flags = m->flags & (HVC_INPUT_TAKE | HVC_INPUT_END),
        .len = m->len,
    };
    memcpy(feed.data, m->data, m->len);
    ipc_head_cut(&feed, MSG_FEED, tag, data, m->len);
    chan_post(&k->spawner, &feed, NULL, 0);
    return 0;
}

int dom_serve_attach(struct keeper *k, const struct msg_attach *m,
                     int fds[IPC_FDS_MAX])
{
    const struct dom *d = dom_find(k, &m->id);
    struct msg_attach pass = *m;
    bool runs = d->row.state == DOM_RUNNING;
    uint64_t tag = runs ? dom_ask_new(k, ASK_FEED, d->serial, &m->head) : 0;
    int fd;

    if (!tag) {
        chan_input_reply(&k->api, &m->head, &m->id, runs ? 429 : 409,
                         runs ? "too many requests are under way"
                              : "the domain does not run");
        return 0;
    }
    fd = steal_fd(&fds[0]);
    ipc_head(&pass, MSG_PASS, tag);
    chan_post(&k->spawner, &pass, &fd, 1);
    return 0;
}

int dom_serve(struct keeper *k, const union ipc_any *any, int fds[IPC_FDS_MAX],
              struct err *e)
{
    switch (any->head.type) {
    case MSG_DOM_CREATE:
        return serve_create(k, any, fds);
    case MSG_DOM_LIST:
        return serve_list(k, any);
    case MSG_DOM_ACT:
        return serve_act(k, any);
    case MSG_DOM_LOG:
        return serve_log(k, any);
    case MSG_DOM_INPUT:
        return serve_input(k, any);
    case MSG_DOM_DEVICES:
        return serve_devices(k, any);
    }
    return err_set(e, EPROTO, "the operator role may not send \"%s\"",
                   ipc_name(any->head.type));
}
