// SPDX-License-Identifier: ISC
// The life of the operator's domains; see dom.h.

#include "node-agent/keeper/dom.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/io.h"
#include "lib/log.h"
#include "node-agent/keeper/keeper.h"
#include "node-agent/keeper/limits.h"
#include "node-agent/keeper/machine.h"

// Between two looks whether a new one's image was taken.
#define LOOK_NS 2000000u

static const key_id_t nobody; // whose blobs their images are

// --------------------------------------------------------------------- table

struct dom *dom_new(struct keeper *k)
{
    struct dom *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->row.version = DOM_ROW_VERSION;
    for (int i = 0; i < HV_DEVICE_MAX; i++)
        d->device_fd[i] = -1;
    d->next = k->doms.first;
    k->doms.first = d;
    k->doms.count++;
    return d;
}

void dom_touch(struct dom *d)
{
    d->touched = true;
}

struct dom *dom_find(struct keeper *k, const sub_id_t *id)
{
    static const sub_id_t none; // the end of what was adopted
    struct dom *d = memcmp(id, &none, sizeof(none)) ? k->doms.first : NULL;

    while (d && (d->gone || memcmp(&d->row.id, id, sizeof(*id))))
        d = d->next;
    return d;
}

struct dom *dom_named(struct keeper *k, const char *name)
{
    struct dom *d = k->doms.first;

    while (d && (d->gone || strcmp(d->row.config.name, name)))
        d = d->next;
    return d;
}

struct dom *dom_of_serial(struct keeper *k, int64_t serial)
{
    struct dom *d = k->doms.first;

    while (d && (d->gone || d->serial != serial))
        d = d->next;
    return d;
}

uint32_t doms_devices(const struct keeper *k)
{
    uint32_t n = 0;

    for (const struct dom *d = k->doms.first; d; d = d->next)
        n += d->gone ? 0 : d->row.devices.n;
    return n;
}

uint64_t dom_room_kib(const struct dom *d)
{
    return d->row.config.memory_kib + devices_window_kib(&d->row.devices);
}

static void room_take(struct keeper *k, struct dom *d)
{
    if (d->counted)
        return;
    d->counted = true;
    k->slots_used++;
    k->memory_used_kib += dom_room_kib(d);
}

static void room_give(struct keeper *k, struct dom *d)
{
    if (!d->counted)
        return;
    d->counted = false;
    k->slots_used--;
    k->memory_used_kib -= dom_room_kib(d);
}

// In the journal by the end of the turn, before anybody hears of it.
uint32_t domid_next(struct keeper *k)
{
    k->doms.numbered = true;
    return ++k->doms.last_domid;
}

// --------------------------------------------------------------------- a run

static void fds_close(int *fds, int n)
{
    for (int i = 0; i < n; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}

// It will not run again: others may have its disks.
static void devices_drop(struct keeper *k, struct dom *d)
{
    k->doms.shelf_stale |= dom_holds(d);
    fds_close(d->device_fd, HV_DEVICE_MAX);
    d->shelved = false;
}

// Nobody has it any more: at the end of the turn it is deleted.
static void dom_forget(struct keeper *k, struct dom *d)
{
    struct msg_reply m;

    if (d->destroying) {
        chan_reply_fill(&m, sizeof(m), &d->destroy_to, 200, NULL);
        chan_post(&k->api, &m, NULL, 0);
    }
    d->destroying = false;
    devices_drop(k, d);
    room_give(k, d);
    d->gone = true;
    dom_touch(d);
}

static void dom_created(struct keeper *k, struct dom *d, unsigned status,
                        const char *why)
{
    if (d->creating)
        dom_serve_created(k, d, status, why);
    d->creating = false;
    d->due_ns = 0;
}

// It is over, and stays to be looked at.
static void dom_preserve(struct keeper *k, struct dom *d, enum dom_state how)
{
    d->row.state = how;
    d->now.mem_kib = 0; // given back
    devices_drop(k, d);
    room_give(k, d);
    dom_touch(d);
}

static bool dumps(uint32_t on)
{
    return on == DOM_COREDUMP_DESTROY || on == DOM_COREDUMP_RESTART;
}

static uint32_t core_ends(const struct dom_create *c)
{
    return (dumps(c->on[DOM_POWEROFF]) ? HVC_CORE_POWEROFF : 0) |
           (dumps(c->on[DOM_REBOOT]) ? HVC_CORE_REBOOT : 0) |
           (dumps(c->on[DOM_CRASH]) ? HVC_CORE_CRASH : 0);
}

// What goes to the spawner with one: image, console, [initrd], [core],
// [devices].
struct start_files {
    int fd[IPC_FDS_MAX];
    int n;
};

static int file_add(struct start_files *f, int fd)
{
    f->fd[f->n++] = fd;
    return fd;
}

static int run_devices(const struct dom *d, struct start_files *f,
                       struct err *e)
{
    if (d->row.devices.n && file_add(f, devices_pack(&d->row.devices, e)) < 0)
        return -e->code;
    for (uint32_t i = 0; i < d->row.devices.n; i++) {
        if (d->device_fd[i] < 0)
            return err_set(e, ENODEV,
                           "its disks and interfaces were open in an agent "
                           "that has ended: destroy it and create it again");
        if (file_add(f, fcntl(d->device_fd[i], F_DUPFD_CLOEXEC, 0)) < 0)
            return err_errno(e, "passing devices on");
    }
    return 0;
}

// Opens what a run needs.
static int run_files(struct keeper *k, const struct dom *d,
                     struct start_files *f, struct err *e)
{
    f->n = 0;
    if (file_add(f, store_get(&k->store, &nobody, d->row.image, e)) < 0 ||
        file_add(f, store_log_new(&k->store, &d->row.id, LOG_CONSOLE, e)) < 0 ||
        (d->row.config.flags & DOM_F_INITRD &&
         file_add(f, store_get(&k->store, &nobody, d->row.initrd, e)) < 0) ||
        (core_ends(&d->row.config) &&
         file_add(f, store_core_new(&k->store, &d->row.id, e)) < 0))
        return -e->code;
    return run_devices(d, f, e);
}

static void start_post(struct keeper *k, const struct dom *d, uint64_t tag,
                       const struct start_files *f)
{
    const struct dom_create *c = &d->row.config;
    static struct msg_start m;

    m = (struct msg_start){
        .id = d->row.id,
        .domid = d->row.domid,
        .engine = c->engine,
        .flags = START_ROLLS |
                 (d->row.restarts == 0 && c->flags & DOM_F_PAUSED ? START_PAUSED
                                                                  : 0),
        .cpu_weight = dom_cpu_weight(c->weight),
        .cpu_cap_percent = c->cap,
        .max_kib = c->max_kib,
        .memory_kib = c->memory_kib,
        .cpu_ns = c->cpu_ns,
        .wall_ns = c->wall_ns,
        .console_bytes = DOM_CONSOLE_BYTES,
        .lease_mono_ns = clock_mono_ns() + k->cfg.lease_ns,
        .has_initrd = !!(c->flags & DOM_F_INITRD),
        .core_ends = core_ends(c),
        .core_bytes = CORE_BYTES_MAX,
        .ndevices = d->row.devices.n,
        .argc = c->argc,
        .envc = c->envc,
        .cmdline_len = c->cmdline_len,
    };
    memcpy(m.name, c->name, sizeof(m.name));
    memcpy(m.cmdline, c->cmdline, c->cmdline_len);
    ipc_head_cut(&m, MSG_START, tag, cmdline, c->cmdline_len);
    chan_post(&k->spawner, &m, f->fd, f->n);
}

// It cannot run, or not now.
static void dom_unstarted(struct keeper *k, struct dom *d, unsigned status,
                          const char *why)
{
    if (d->creating) {
        dom_created(k, d, status, why);
        dom_forget(k, d);
        return;
    }
    if (status == 503) { // no slot just now, or no back end
        if (strcmp(d->waits_for, why))
            log_warn("domain %s is not started again yet: %s",
                     d->row.config.name, why);
        ipc_text(d->waits_for, why);
        d->row.state = DOM_WAITING;
        d->due_ns = clock_mono_ns() + DOM_RESTART_NS;
        dom_touch(d);
        return;
    }
    log_error("domain %s is not started again: %s", d->row.config.name, why);
    ipc_text(d->row.report, why);
    dom_preserve(k, d, DOM_CRASHED);
}

static void dom_start(struct keeper *k, struct dom *d)
{
    struct start_files files;
    uint64_t tag;
    struct err e;

    if (d->row.restarts)
        store_log_drop(&k->store, &d->row.id);
    randombytes_buf(&d->row.id, sizeof(d->row.id));
    d->row.state = DOM_STARTING;
    d->now = (struct dom_figures){.domid = d->row.domid, .letter = '-'};
    d->due_ns = 0;
    dom_touch(d);
    room_take(k, d);
    if (run_files(k, d, &files, &e) < 0) {
        fds_close(files.fd, files.n);
        dom_unstarted(k, d, 500, e.text);
        return;
    }
    tag = dom_ask_new(k, ASK_START, d->serial, NULL);
    if (!tag) {
        fds_close(files.fd, files.n);
        dom_unstarted(k, d, 503, "too many requests are under way");
        return;
    }
    start_post(k, d, tag, &files);
}

void dom_begin(struct keeper *k, struct dom *d)
{
    struct err e;

    d->row.domid = domid_next(k);
    d->row.created_real_ns = clock_real_ns();
    if (dom_row_insert(&k->journal, &d->row, &d->serial, &e) < 0)
        keeper_fail(k, &e);
    dom_start(k, d);
}

void dom_stop(struct keeper *k, struct dom *d, enum hvc_cause cause)
{
    struct msg_stop m = {.id = d->row.id, .cause = cause};

    if (cause == HVC_STOPPED) {
        d->row.destroyed = 1;
        dom_touch(d);
    }
    if (d->row.state == DOM_STARTING || d->row.state == DOM_RUNNING) {
        ipc_head(&m, MSG_STOP, 0);
        chan_post(&k->spawner, &m, NULL, 0);
    } else if (cause == HVC_STOPPED) {
        dom_forget(k, d);
    }
}

// ------------------------------------------------------------------- its end

// A budget that is spent is not given again, an image that is refused not
// tried again: such an end is not for on_crash to make good.
static bool is_final(uint32_t cause)
{
    return cause == HVC_CPU_BUDGET || cause == HVC_WALL_BUDGET ||
           cause == HVC_REFUSED;
}

static enum dom_end end_of(uint32_t cause)
{
    return cause == HVC_POWEROFF ? DOM_POWEROFF
           : cause == HVC_REBOOT ? DOM_REBOOT
                                 : DOM_CRASH;
}

// What a monitor was killed over is no core.
static bool core_whole(const struct dom *d, uint32_t cause)
{
    return core_ends(&d->row.config) &&
           (cause == HVC_POWEROFF || cause == HVC_REBOOT ||
            cause == HVC_CRASH || cause == HVC_TRAP || cause == HVC_SYSCALL);
}

static void dom_again(struct keeper *k, struct dom *d)
{
    d->row.restarts++;
    d->row.domid = domid_next(k);
    if (clock_mono_ns() - d->begun_ns >= DOM_RESTART_NS) {
        dom_start(k, d);
        return;
    }
    d->row.state = DOM_WAITING;
    d->due_ns = d->begun_ns + DOM_RESTART_NS;
    dom_touch(d);
}

// The first of NAME-1, NAME-2 ... that is free. False: as many as there may be
// are kept already.
static bool name_free(struct keeper *k, const char *name,
                      char out[DOM_NAME_MAX])
{
    for (unsigned n = 1; n <= DOM_KEPT_MAX; n++) {
        snprintf(out, DOM_NAME_MAX, "%.*s-%u", DOM_NAME_MAX - 12, name, n);
        if (!dom_named(k, out))
            return true;
    }
    return false;
}

// What is over stays under another name; its name goes on.
static void dom_rename_restart(struct keeper *k, struct dom *d,
                               enum dom_state how)
{
    char name[DOM_NAME_MAX];
    struct dom *next;
    struct err e;

    if (!name_free(k, d->row.config.name, name)) {
        dom_again(k, d);
        return;
    }
    next = dom_new(k);
    if (!next) {
        dom_preserve(k, d, how);
        return;
    }
    next->row = d->row;
    next->row.done = (struct usage){0};
    next->row.report[0] = 0;
    next->row.restarts++;
    next->row.config.flags &= ~DOM_F_PAUSED;
    memcpy(d->row.config.name, name, sizeof(name));
    next->begun_ns = d->begun_ns;
    for (uint32_t i = 0; i < d->row.devices.n; i++)
        next->device_fd[i] = steal_fd(&d->device_fd[i]);
    d->shelved = false;
    k->doms.shelf_stale |= dom_holds(next);
    dom_preserve(k, d, how);
    // A log of its own: the old one's stays.
    randombytes_buf(&next->row.id, sizeof(next->row.id));
    if (clock_mono_ns() - next->begun_ns >= DOM_RESTART_NS) {
        dom_begin(k, next);
        return;
    }
    next->row.domid = domid_next(k);
    next->row.created_real_ns = clock_real_ns();
    next->row.state = DOM_WAITING;
    next->due_ns = next->begun_ns + DOM_RESTART_NS;
    room_take(k, next);
    if (dom_row_insert(&k->journal, &next->row, &next->serial, &e) < 0)
        keeper_fail(k, &e);
}

static void dom_ended(struct keeper *k, struct dom *d, uint32_t cause,
                      uint32_t status, const char *text)
{
    enum dom_end end = end_of(cause);
    uint32_t on = d->row.config.on[end];
    enum dom_state how = cause == HVC_POWEROFF ? DOM_OFF : DOM_CRASHED;

    d->row.cause = cause;
    d->row.status = status;
    ipc_text(d->row.report, text);
    if (d->creating && cause == HVC_REFUSED) {
        dom_created(k, d, 422, text);
        dom_forget(k, d);
        return;
    }
    dom_created(k, d, 200, NULL);
    if (is_final(cause) && on != DOM_PRESERVE)
        on = DOM_DESTROY;
    if (end == DOM_CRASH && !d->row.destroyed)
        log_warn("domain %s ended: %.*s", d->row.config.name,
                 (int)strcspn(text, "\n"), text);
    if (core_whole(d, cause) &&
        store_core_keep(&k->store, &d->row.id, d->row.config.name))
        log_info("domain %s has left a core, cores/%s.core", d->row.config.name,
                 d->row.config.name);
    if (d->row.destroyed)
        dom_forget(k, d);
    else if (on == DOM_PRESERVE)
        dom_preserve(k, d, how);
    else if (on == DOM_RESTART || on == DOM_COREDUMP_RESTART)
        dom_again(k, d);
    else if (on == DOM_RENAME_RESTART)
        dom_rename_restart(k, d, how);
    else
        dom_forget(k, d);
}

// ---------------------------------------------------------------------- news

static void look_later(struct dom *d)
{
    d->due_ns = clock_mono_ns() + LOOK_NS;
}

static void news_started(struct keeper *k, const struct dom_ask *ask,
                         const struct msg_reply *m)
{
    struct dom *d = dom_of_serial(k, ask->serial);

    if (!d || d->row.state != DOM_STARTING)
        return;
    if (m->status >= 400) {
        if (d->row.destroyed)
            dom_forget(k, d);
        else
            dom_unstarted(k, d, m->status, m->text);
        return;
    }
    d->waits_for[0] = 0;
    d->row.state = DOM_RUNNING;
    d->row.started_real_ns = clock_real_ns();
    d->begun_ns = clock_mono_ns();
    dom_touch(d);
    if (d->creating)
        look_later(d);
}

static void news_figures(struct keeper *k, struct dom *d,
                         const struct msg_domain *m)
{
    figures_take(&d->now, m);
    if (m->up && d->creating)
        dom_created(k, d, 200, NULL);
}

static void news_ended(struct keeper *k, struct dom *d,
                       const struct msg_domain *m)
{
    if (d->row.state != DOM_STARTING && d->row.state != DOM_RUNNING) {
        machine_release(k, &m->id); // told again
        return;
    }
    figures_take(&d->now, m);
    if (usage_add(&d->row.done, &m->usage) < 0)
        log_warn("domain %s has used more than can be counted",
                 d->row.config.name);
    d->now.usage = (struct usage){0};
    machine_release(k, &m->id);
    dom_ended(k, d, m->cause, m->status, m->text);
}

static void news_adopted(struct keeper *k, struct dom *d,
                         const struct msg_domain *m)
{
    d->adopted = true;
    d->row.state = DOM_RUNNING;
    d->begun_ns = clock_mono_ns();
    figures_take(&d->now, m);
    dom_touch(d);
    room_take(k, d);
    if (d->row.destroyed)
        dom_stop(k, d, HVC_STOPPED);
    k->lease_due_ns = 0; // whatever is left of the old lease
}

static bool news_answer(struct keeper *k, const union ipc_any *any)
{
    struct dom_ask ask;

    if (!(any->head.tag & DOM_TAG))
        return false;
    if (!dom_ask_take(k, any->head.tag, &ask))
        return true; // answered already
    if (ask.kind == ASK_START)
        news_started(k, &ask, &any->reply);
    else if (ask.kind == ASK_LOOK)
        dom_serve_lists(k);
    else
        dom_serve_answered(k, &ask, any);
    return true;
}

bool doms_news(struct keeper *k, const union ipc_any *any)
{
    const struct msg_domain *m = &any->domain;
    struct sub *s;
    struct dom *d;

    switch (any->head.type) {
    case MSG_START | MSG_REPLY:
    case MSG_FEED | MSG_REPLY:
    case MSG_PASS | MSG_REPLY:
    case MSG_CONTROL | MSG_REPLY:
    case MSG_LOOK | MSG_REPLY:
        return news_answer(k, any);
    case MSG_USAGE:
    case MSG_FIGURES:
    case MSG_ADOPTED:
    case MSG_ENDED:
        break;
    default:
        return false;
    }
    d = dom_find(k, &m->id);
    if (!d) {
        s = sub_find(&k->subs, &m->id);
        if (s)
            figures_take(&s->now, m);
        return any->head.type == MSG_FIGURES;
    }
    if (any->head.type == MSG_ENDED)
        news_ended(k, d, m);
    else if (any->head.type == MSG_ADOPTED)
        news_adopted(k, d, m);
    else
        news_figures(k, d, m);
    return true;
}

void doms_given(struct keeper *k, const struct msg_given *m,
                int fds[IPC_FDS_MAX])
{
    struct dom *d = dom_find(k, &m->id);
    struct err e;

    if (!d || m->index >= d->row.devices.n || d->device_fd[m->index] >= 0 ||
        d->row.state != DOM_RUNNING)
        return;
    if (device_take(&d->row.devices.at[m->index], fds[0], &e) < 0) {
        log_warn("domain %s: its monitor gives what is not its device: %s",
                 d->row.config.name, e.text);
        return;
    }
    d->device_fd[m->index] = steal_fd(&fds[0]);
    k->doms.shelf_stale |= dom_holds(d);
}

void doms_failed(struct keeper *k, const struct msg_failed *m)
{
    const struct dom *d = dom_find(k, &m->id);
    char id[SUB_ID_TEXT];

    if (!d)
        log_warn("submission %s: a back end of its volumes is gone: what it "
                 "asks of the volume fails",
                 sub_id_text(id, &m->id));
    else if (m->index < d->row.devices.n)
        log_warn("domain %s: disk %s: its back end is gone: what the domain "
                 "asks of the disk fails",
                 d->row.config.name, d->row.devices.at[m->index].target);
}

// -------------------------------------------------------------------- timers

void doms_renew(struct keeper *k, uint64_t until_ns)
{
    for (struct dom *d = k->doms.first; d; d = d->next) {
        struct msg_renew m = {.id = d->row.id, .lease_mono_ns = until_ns};

        if (d->gone || d->row.state != DOM_RUNNING)
            continue;
        ipc_head(&m, MSG_RENEW, 0);
        chan_post(&k->spawner, &m, NULL, 0);
    }
}

void doms_look(struct keeper *k)
{
    struct msg_get m = {0};
    uint64_t tag = k->doms.looking ? 0 : dom_ask_new(k, ASK_LOOK, 0, NULL);

    if (!tag)
        return;
    k->doms.looking = true;
    ipc_head(&m, MSG_LOOK, tag);
    chan_post(&k->spawner, &m, NULL, 0);
}

void doms_timers(struct keeper *k, uint64_t now_ns)
{
    bool look = false;

    dom_asks_expire(k, now_ns);
    for (struct dom *d = k->doms.first; d; d = d->next) {
        if (d->gone || !d->due_ns || now_ns < d->due_ns)
            continue;
        d->due_ns = 0;
        if (d->row.state == DOM_WAITING && !k->adopting) {
            dom_start(k, d);
        } else if (d->creating) {
            look = true;
            look_later(d);
        }
    }
    if (look)
        doms_look(k);
}

uint64_t doms_due_ns(const struct keeper *k)
{
    uint64_t due_ns = dom_asks_due_ns(k);

    for (const struct dom *d = k->doms.first; d; d = d->next)
        if (d->due_ns && d->due_ns < due_ns)
            due_ns = d->due_ns;
    return due_ns;
}

// ------------------------------------------------------------------- journal

static int dom_save(struct keeper *k, struct dom *d, struct err *e)
{
    d->touched = false;
    if (!d->gone)
        return dom_row_save(&k->journal, d->serial, &d->row, e);
    store_log_drop(&k->store, &d->row.id);
    return dom_row_delete(&k->journal, d->serial, e);
}

int doms_save(struct keeper *k, struct err *e)
{
    if (k->doms.numbered &&
        dom_number_save(&k->journal, k->boot, k->doms.last_domid, e) < 0)
        return -EIO;
    k->doms.numbered = false;
    for (struct dom **at = &k->doms.first; *at;) {
        struct dom *d = *at;
        int r = d->touched ? dom_save(k, d, e) : 0;

        if (r < 0)
            return r;
        if (!d->gone) {
            at = &d->next;
            continue;
        }
        *at = d->next;
        k->doms.count--;
        free(d);
    }
    dom_shelf_save(k);
    return 0;
}

bool doms_use_blob(const struct keeper *k, const key_id_t *customer,
                   const uint8_t name[32])
{
    if (memcmp(customer, &nobody, sizeof(nobody)))
        return false;
    for (const struct dom *d = k->doms.first; d; d = d->next)
        if (!memcmp(d->row.image, name, 32) || !memcmp(d->row.initrd, name, 32))
            return true;
    return false;
}

static int load(void *arg, int64_t serial, const struct dom_row *row)
{
    struct keeper *k = arg;
    struct dom *d = dom_new(k);

    if (!d)
        return -ENOMEM;
    d->serial = serial;
    d->row = *row;
    d->now = (struct dom_figures){.domid = row->domid, .letter = '-'};
    d->begun_ns = clock_mono_ns();
    if (row->state == DOM_WAITING)
        d->due_ns = d->begun_ns + DOM_RESTART_NS;
    if (row->state != DOM_OFF && row->state != DOM_CRASHED)
        room_take(k, d);
    return 0;
}

static int boot_read(char boot[DOM_BOOT_MAX], struct err *e)
{
    cleanup_close int fd =
        open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, boot, DOM_BOOT_MAX - 1);

    if (n <= 0)
        return err_errno(e, "/proc/sys/kernel/random/boot_id");
    boot[n] = 0;
    boot[strcspn(boot, "\n")] = 0;
    return 0;
}

int doms_open(struct keeper *k, struct err *e)
{
    bool same;

    if (boot_read(k->boot, e) < 0 || dom_rows_open(&k->journal, e) < 0 ||
        dom_number_load(&k->journal, k->boot, &k->doms.last_domid, &same, e) <
            0 ||
        dom_rows_each(&k->journal, load, k, e) < 0)
        return -e->code;
    for (struct dom *d = k->doms.first; d; d = d->next)
        if (!same) // the machine was started anew, and they were not
            dom_forget(k, d);
    dom_shelf_restore(k);
    return 0;
}

void doms_adopted(struct keeper *k)
{
    for (struct dom *d = k->doms.first; d; d = d->next) {
        if (d->gone || d->adopted)
            continue;
        if (d->row.state == DOM_STARTING && d->row.restarts == 0)
            dom_forget(k, d); // nobody was told that it exists
        else if (d->row.state == DOM_STARTING)
            dom_start(k, d);
        else if (d->row.state == DOM_RUNNING)
            dom_ended(k, d, HVC_LOST, 0, "lost while the agent was away");
    }
}

void doms_close(struct keeper *k)
{
    while (k->doms.first) {
        struct dom *d = k->doms.first;

        k->doms.first = d->next;
        fds_close(d->device_fd, HV_DEVICE_MAX);
        free(d);
    }
    shelf_close(&k->doms.shelf);
}
