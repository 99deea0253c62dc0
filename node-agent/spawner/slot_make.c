// SPDX-License-Identifier: ISC
// How a slot comes to be clean, and goes; see slot_internal.h.

#include "node-agent/spawner/slot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/spawner/nursery.h"
#include "node-agent/spawner/process.h"

/* A monitor sets itself up in less than a millisecond, or on a machine that
 * is thrashing. */
#define BIRTH_NS (10000 * NS_PER_MS)
/* Monitor and guest; KVM's thread for large pages; four that the kernel may
 * make for an io_uring, and a few more. None of them can make another. And for
 * each volume its back end, with FS_HELPERS threads. */
#define TASKS_MAX (16 + START_VOLUMES_MAX * 6)
/* Between attempts of a nursery that fails. */
#define PAUSE_MIN_NS (100 * NS_PER_MS)
#define PAUSE_MAX_NS (5000 * NS_PER_MS)

static int slot_files(struct spawner *p, struct slot *s, struct err *e)
{
    char path[PATH_TEXT];

    if (s->listen_fd < 0) {
        slot_path(path, p, s, "");
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            return err_errno(e, "making %s", path);
        s->listen_fd = sock_listen(slot_path(path, p, s, "sock"),
                                   SOCK_SEQPACKET | SOCK_NONBLOCK, 0600, e);
        if (s->listen_fd < 0)
            return s->listen_fd;
    }
    if (s->page_fd < 0) {
        slot_path(path, p, s, "page");
        s->page_fd =
            open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (s->page_fd < 0)
            return err_errno(e, "making %s", path);
    }
    /* Cut and lengthened again, it is all zeros. */
    if (ftruncate(s->page_fd, 0) < 0 || ftruncate(s->page_fd, HV_PAGE) < 0)
        return err_errno(e, "clearing a counter page");
    return 0;
}

static int slot_group(struct spawner *p, struct slot *s, struct err *e)
{
    char name[GROUP_TEXT];

    slot_group_name(name, s);
    /* A group whose peak cannot be reset serves one domain. */
    if (s->made_before && p->tree.version != 2)
        return 0;
    cgroup_kept_drop(&s->kept);
    if (s->made_before && cgroup_remove(&p->tree, name) < 0)
        return err_set(e, EBUSY, "the control group %s is not empty", name);
    if (cgroup_make(&p->tree, name, e) < 0)
        return -e->code;
    s->limit_kib = 0;
    s->weight = s->cap = 0;
    s->permille = FAIR_USUAL;
    s->made_before = true;
    if (cgroup_tasks(&p->tree, name, TASKS_MAX) < 0)
        return err_set(e, EIO, "the control group %s takes no limit of tasks",
                       name);
    return 0;
}

static int slot_ask(struct spawner *p, struct slot *s, struct err *e)
{
    uint32_t uid = UID_DOMAIN_SLOT(p->cfg->uid_base, s->index);
    struct hvc_make m = {.head = {HVC_MAKE, sizeof(m)},
                         .slot = s->index,
                         .uid = uid,
                         .gid = uid,
                         .engine = s->engine,
                         .flags = s->rings ? HVC_M_RINGS : 0};
    char name[GROUP_TEXT];
    int n;

    if (slot_files(p, s, e) < 0 || slot_group(p, s, e) < 0)
        return -e->code;
    n = cgroup_procs_kept(&p->tree, slot_group_name(name, s), &s->kept, e);
    if (n < 0)
        return n;
    m.nprocs = n;
    return nursery_make(p->nursery_fd, &m, s->listen_fd, s->page_fd,
                        s->kept.procs, e);
}

void slot_act_make(struct spawner *p, struct slot *s)
{
    struct err e;

    if (slot_ask(p, s, &e) == 0)
        return;
    log_error("slot %u: %s", s->index, e.text);
    slot_event(p, s, SLOT_EV_FAILED);
}

void slot_act_give_up(struct spawner *p, struct slot *s)
{
    (void)s;
    p->make_after_ns = clock_mono_ns() + p->make_pause_ns;
    p->make_pause_ns *= 2;
    if (p->make_pause_ns > PAUSE_MAX_NS)
        p->make_pause_ns = PAUSE_MAX_NS;
    spawner_wake_at(p, p->make_after_ns);
}

void slot_made(struct spawner *p, struct slot *s, const struct hvc_made *made,
               int pidfd)
{
    p->best_engine = made->best < HVC_ENGINES ? made->best : HVC_ENGINE_PV;
    if (made->error == -ENODEV) {
        p->pool[slot_kind(s)].absent = true;
        slot_event(p, s, SLOT_EV_FAILED);
        p->make_after_ns = 0; /* the others' nursery is well */
        return;
    }
    if (made->error) {
        errno = -made->error;
        log_error("slot %u: the nursery could not fork: %s", s->index,
                  strerrordesc_np(errno));
        slot_event(p, s, SLOT_EV_FAILED);
        return;
    }
    s->turn++;
    s->monitor_fd = pidfd;
    s->monitor_pid = made->monitor_pid;
    s->monitor_born = process_born(s->monitor_pid, pidfd);
    slot_event(p, s, SLOT_EV_MADE);
}

int slot_connect(struct spawner *p, struct slot *s, struct err *e)
{
    char path[PATH_TEXT];

    s->greeted = false;
    s->conn_fd = sock_connect(slot_path(path, p, s, "sock"),
                              SOCK_SEQPACKET | SOCK_NONBLOCK, e);
    if (s->conn_fd < 0)
        return s->conn_fd;
    if (spawner_watch(p, s->conn_fd, WATCH_CONN, s) < 0)
        return err_errno(e, "watching a monitor");
    return 0;
}

void slot_act_greet(struct spawner *p, struct slot *s)
{
    struct err e = {0};

    slot_overdue_in(s, BIRTH_NS);
    slot_arm(p, s);
    if (spawner_watch(p, s->monitor_fd, WATCH_MONITOR, s) < 0 ||
        slot_connect(p, s, &e) < 0) {
        log_error("slot %u: %s", s->index, e.text);
        slot_event(p, s, SLOT_EV_HANGUP);
    }
}

void slot_act_park(struct spawner *p, struct slot *s)
{
    char name[GROUP_TEXT];

    slot_group_name(name, s);
    if (cgroup_cpu_ns(&p->tree, name, &s->kept, &s->cpu_base_ns) < 0 ||
        cgroup_oom_kills(&p->tree, name, &s->kept, &s->oom_base) < 0) {
        log_error("slot %u: its control group cannot be read", s->index);
        slot_event(p, s, SLOT_EV_HANGUP);
        return;
    }
    cgroup_peak_reset(&p->tree, name, &s->kept);
    p->make_pause_ns = PAUSE_MIN_NS;
    slot_overdue_in(s, 0);
    slot_arm(p, s);
}

void slot_remove(struct spawner *p, struct slot *s)
{
    char path[PATH_TEXT], name[GROUP_TEXT];

    slot_fd_drop(&s->listen_fd);
    slot_fd_drop(&s->page_fd);
    cgroup_kept_drop(&s->kept);
    s->made_before = false;
    unlink(slot_path(path, p, s, "sock"));
    unlink(slot_path(path, p, s, "page"));
    rmdir(slot_path(path, p, s, ""));
    cgroup_remove(&p->tree, slot_group_name(name, s));
}
