// SPDX-License-Identifier: ISC
// The operator's domains in the keeper: what is refused, what follows an end,
// what a restart keeps, and that only the operator's channel asks for them.

#include "tests/unit/keeper_world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/lib_check.h"

static struct world w;

// ----------------------------------------------------------------- requests

static int file_of(const char *text)
{
    int fd = memfd_create("image", MFD_CLOEXEC);

    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    return fd;
}

static struct dom_create like(const char *name)
{
    struct dom_create m = {.engine = ENGINE_PV,
                           .memory_kib = 1024,
                           .max_kib = 1024,
                           .weight = DOM_WEIGHT_USUAL,
                           .on = {DOM_DESTROY, DOM_RESTART, DOM_DESTROY},
                           .argc = 1,
                           .cmdline_len = 6,
                           .cmdline = "image"};

    ipc_text(m.name, name);
    return m;
}

static void create_send(struct dom_create *m, int fd)
{
    ipc_head_cut(m, MSG_DOM_CREATE, ++w.tag, cmdline, m->cmdline_len);
    CHECK_WORKS(ipc_send(w.api, &m->head, &fd, 1, e));
    close(fd);
}

static bool answered(void)
{
    struct pollfd p = {.fd = w.api, .events = POLLIN};

    return poll(&p, 1, 0) > 0;
}

// Creates it and runs the world; the reply is in *any.
static unsigned create(const struct dom_create *given, union ipc_any *any)
{
    struct dom_create m = *given;
    int fds[IPC_FDS_MAX];

    create_send(&m, file_of("an image"));
    do {
        world_run(&w);
        usleep(1000); // until it looks again
    } while (!answered());
    world_reply(&w, MSG_DOM_CREATE, any, fds);
    CHECK(any->head.tag == w.tag);
    ipc_close(fds);
    return any->reply.status;
}

static struct dom_info made(const struct dom_create *m)
{
    union ipc_any any;

    unsigned status = create(m, &any);

    if (status != 200)
        fprintf(stderr, "%u %s\n", status, any.reply.text);
    CHECK(status == 200);
    return any.dom_reply.info;
}

static void refused(const struct dom_create *m, unsigned status,
                    const char *why)
{
    union ipc_any any;

    CHECK(create(m, &any) == status);
    CHECK_TEXT(strstr(any.reply.text, why), any.reply.text);
}

// A list, or -1 with the status.
static int list(const char *who, struct dom_info *out, int most)
{
    struct dom_who m = {0};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    ipc_text(m.who, who);
    world_send(&w, &m, MSG_DOM_LIST, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_DOM_LIST, &any, fds);
    if (any.reply.status >= 400)
        return -(int)any.reply.status;
    CHECK((int)any.count.count <= most);
    CHECK(pread(fds[0], out, any.count.count * sizeof(*out), 0) ==
          (ssize_t)(any.count.count * sizeof(*out)));
    ipc_close(fds);
    return (int)any.count.count;
}

static struct dom_info find(const char *who)
{
    struct dom_info i;

    CHECK_TEXT(list(who, &i, 1) == 1, who);
    return i;
}

static unsigned act(const char *who, uint32_t action, uint64_t value,
                    const char *text)
{
    struct dom_act m = {.action = action, .value = value};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    ipc_text(m.who, who);
    ipc_text(m.text, text);
    world_send(&w, &m, MSG_DOM_ACT, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_DOM_ACT, &any, fds);
    CHECK(any.reply.status < 400 || any.reply.text[0]);
    return any.reply.status;
}

static void clear(void)
{
    static struct dom_info i[64];
    int n = list("", i, 64);

    for (int k = 0; k < n; k++)
        CHECK(act(i[k].name, DOM_ACT_DESTROY, 0, "") == 200);
    CHECK(list("", i, 64) == 0);
    CHECK(w.k->slots_used == 0 && w.k->memory_used_kib == 0);
}

static void end(const struct dom_info *i, enum hvc_cause cause, uint32_t status)
{
    world_end(&w, &i->id, cause, status);
    world_run(&w);
}

// -------------------------------------------------------------------- cases

static void test_refused(void)
{
    static const char *const names[] = {"", "17", "a b", "-x", "a/b", "\x01a"};
    struct dom_create m;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        m = like(names[i]);
        refused(&m, 422, "letters");
    }
#define REFUSED(change, status, why)                                           \
    do {                                                                       \
        m = like("x");                                                         \
        change;                                                                \
        refused(&m, status, why);                                              \
    } while (0)
    REFUSED(m.engine = ENGINE_AUTO + 1, 422, "range");
    REFUSED(m.flags = 4, 422, "range");
    REFUSED(m.weight = 0, 422, "range");
    REFUSED(m.weight = DOM_WEIGHT_MAX + 1, 422, "range");
    REFUSED(m.cap = DOM_CAP_MAX + 1, 422, "range");
    REFUSED(m.on[DOM_CRASH] = DOM_ON_MAX + 1, 422, "range");
    REFUSED(m.memory_kib = 0, 422, "range");
    REFUSED(m.memory_kib = 1025, 422, "range");
    REFUSED(m.max_kib = 1023, 422, "range");
    REFUSED(m.memory_kib = m.max_kib = UINT64_MAX, 422, "range");
    REFUSED(m.argc = 2, 422, "range");
    REFUSED(m.argc = UINT32_MAX, 422, "range");
    REFUSED(m.envc = UINT32_MAX, 422, "range");
    REFUSED(m.cmdline_len = 5, 422, "range"); // its end is cut off
    REFUSED(m.memory_kib = m.max_kib = 1u << 20, 503, "are free");
    w.start_status = 422;
    m = like("x");
    refused(&m, 422, ""); // the spawner says why
    w.start_status = 503;
    refused(&m, 503, "");
    w.start_status = 200;
    CHECK(w.k->doms.count == 0 && w.k->slots_used == 0);
}

static void test_image_refused(void)
{
    struct dom_create m = like("bad");
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    w.loading = true;
    create_send(&m, file_of("no image"));
    world_run(&w);
    CHECK(!answered()); // nobody is told yes before the image is taken
    CHECK(w.ndomains > 0);
    world_end(&w, &w.domain[w.ndomains - 1].id, HVC_REFUSED, 8);
    world_run(&w);
    world_reply(&w, MSG_DOM_CREATE, &any, fds);
    CHECK(any.reply.status == 422);
    w.loading = false;
    CHECK(w.k->doms.count == 0);
}

static void test_names(void)
{
    struct dom_create m = like("one");
    struct dom_info one = made(&m), i;
    char number[16];

    CHECK(one.domid > 0 && !strcmp(one.name, "one"));
    refused(&m, 409, "already");
    snprintf(number, sizeof(number), "%u", one.domid);
    CHECK(!strcmp(find(number).name, "one"));
    CHECK(list("none", &i, 1) == -404 && list("999999", &i, 1) == -404);
    CHECK(act("one", DOM_ACT_RENAME, 0, "17") == 422);
    CHECK(act("one", DOM_ACT_RENAME, 0, "one") == 409);
    CHECK(act("one", DOM_ACT_RENAME, 0, "two") == 200);
    CHECK(list("one", &i, 1) == -404 && find("two").domid == one.domid);
    m = like("one");
    CHECK(made(&m).domid == one.domid + 1);
    clear();
}

static void test_controls(void)
{
    static const struct {
        uint32_t action;
        uint64_t value;
        unsigned status;
    } tries[] = {
        {DOM_ACT_PAUSE, 0, 200},      {DOM_ACT_PAUSE, 1, 422},
        {DOM_ACT_UNPAUSE, 0, 200},    {DOM_ACT_SHUTDOWN, 0, 200},
        {DOM_ACT_WEIGHT, 0, 422},     {DOM_ACT_WEIGHT, DOM_WEIGHT_MAX + 1, 422},
        {DOM_ACT_WEIGHT, 512, 200},   {DOM_ACT_CAP, DOM_CAP_MAX + 1, 422},
        {DOM_ACT_CAP, 50, 200},       {DOM_ACT_MAX_KIB, 512, 422},
        {DOM_ACT_MAX_KIB, 4096, 200}, {DOM_ACT_BALLOON, 512, 200},
        {DOM_ACT_BALLOON, 513, 422},  {DOM_ACT_BALLOON, 2048, 422},
        {DOM_ACT_BALLOON, 0, 422},    {0, 0, 422},
        {CONTROL_ACTIONS, 0, 422},    {UINT32_MAX, 0, 422},
    };
    struct dom_create m = like("one");
    struct dom_info i = made(&m);

    for (size_t k = 0; k < sizeof(tries) / sizeof(tries[0]); k++) {
        w.control = (struct msg_control){0};
        CHECK(act("one", tries[k].action, tries[k].value, "") ==
              tries[k].status);
        CHECK((w.control.action == tries[k].action) ==
              (tries[k].status == 200 || !tries[k].action));
        CHECK(tries[k].status != 200 ||
              !memcmp(&w.control.id, &i.id, sizeof(i.id)));
    }
    CHECK(act("one", DOM_ACT_WEIGHT, 512, "") == 200 && w.control.value == 200);
    i = find("one");
    CHECK(i.weight == 512 && i.cap == 50 && i.max_kib == 4096);
    w.control_status = 422;
    CHECK(act("one", DOM_ACT_PAUSE, 0, "") == 422);
    w.control_status = 200;
    clear();
}

static void test_ends(void)
{
    struct dom_create m = like("one");
    struct dom_info i = made(&m), none;

    end(&i, HVC_POWEROFF, 3); // on_poweroff: destroy
    CHECK(list("one", &none, 1) == -404);

    m.on[DOM_POWEROFF] = DOM_PRESERVE;
    i = made(&m);
    end(&i, HVC_POWEROFF, 3);
    i = find("one");
    CHECK(i.letter == 's' && i.cause == HVC_POWEROFF && i.status == 3);
    CHECK(i.usage.cpu_ns == 1000 && i.usage.starts == 1);
    CHECK(w.k->slots_used == 0); // kept, but it takes no room
    CHECK(act("one", DOM_ACT_PAUSE, 0, "") == 409);
    clear();

    i = made(&m);
    end(&i, HVC_REBOOT, 0); // at once it would be too soon
    CHECK(find("one").letter == '-' && find("one").restarts == 1);
    CHECK(find("one").domid == i.domid + 1);
    CHECK(act("one", DOM_ACT_CAP, 10, "") == 200); // for its next run
    CHECK(find("one").cap == 10);
    CHECK(act("one", DOM_ACT_PAUSE, 0, "") == 409);
    clear();

    m = like("one");
    m.on[DOM_CRASH] = DOM_RENAME_RESTART;
    i = made(&m);
    end(&i, HVC_TRAP, 0);
    CHECK(find("one-1").letter == 'c' && find("one-1").domid == i.domid);
    CHECK(find("one").letter == '-' && find("one").domid == i.domid + 1);
    clear();

    m.on[DOM_CRASH] = DOM_RESTART;
    i = made(&m);
    end(&i, HVC_CPU_BUDGET, 0); // a budget is not given again
    CHECK(list("one", &none, 1) == -404);
    i = made(&m);
    CHECK(act("one", DOM_ACT_RESET, 0, "") == 200);
    CHECK(find("one").restarts == 1);
    clear();
}

static void test_successor(void)
{
    struct dom_create m = like("kept"), p = like("off");
    struct dom_info kept, off, none;

    m.on[DOM_CRASH] = DOM_PRESERVE;
    p.on[DOM_POWEROFF] = DOM_PRESERVE;
    kept = made(&m);
    off = made(&p);
    end(&off, HVC_POWEROFF, 7);
    CHECK(act("kept", DOM_ACT_RENAME, 0, "renamed") == 200);
    CHECK(act("renamed", DOM_ACT_CAP, 40, "") == 200);
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    CHECK(find("renamed").domid == kept.domid && find("renamed").cap == 40);
    CHECK(find("renamed").letter == 'b');
    CHECK(find("off").letter == 's' && find("off").status == 7);
    CHECK(w.k->slots_used == 1 && w.k->memory_used_kib == 1024);
    p = like("next");
    CHECK(made(&p).domid == off.domid + 1); // numbers go on

    // One that the next spawner does not know was lost.
    kept = find("renamed");
    world_domain(&w, &kept.id)->released = true;
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    CHECK(find("renamed").letter == 'c' && find("renamed").cause == HVC_LOST);
    CHECK(find("next").letter == 'b');
    clear();
    CHECK(list("renamed", &none, 1) == -404);
}

// ------------------------------------------------------------------ devices

#define DISK_BYTES 65536

// A disk that is a file without a name; the lock says who has it.
static int disk_make(void)
{
    char path[] = "/tmp/keeper-disk-XXXXXX";
    int fd = mkostemp(path, O_CLOEXEC);

    CHECK(fd >= 0 && unlink(path) == 0 && ftruncate(fd, DISK_BYTES) == 0);
    return fd;
}

static void devices_fill(struct dom_devices *d, uint32_t n)
{
    memset(d, 0, sizeof(*d));
    d->n = n;
    for (uint32_t i = 0; i < n; i++) {
        d->at[i].m = (struct hvc_device){
            .head = {HVC_DEVICE, sizeof(struct hvc_device)},
            .type = HV_DEV_BLOCK,
            .window_kib = 2048,
            .block = {.capacity_bytes = DISK_BYTES, .block_bytes = 512}};
        snprintf(d->at[i].target, sizeof(d->at[i].target), "/disk-%u", i);
    }
}

// Asks for one that has this disk as each of its devices.
static unsigned create_with(struct dom_create m, const struct dom_devices *d,
                            int disk, union ipc_any *any)
{
    int fds[IPC_FDS_MAX], n = 0;

    m.ndevices = d->n;
    fds[n++] = file_of("an image");
    CHECK_WORKS(fds[n] = devices_pack(d, e));
    n++;
    for (uint32_t i = 0; i < d->n; i++)
        fds[n++] = dup(disk);
    ipc_head_cut(&m, MSG_DOM_CREATE, ++w.tag, cmdline, m.cmdline_len);
    CHECK_WORKS(ipc_send(w.api, &m.head, fds, n, e));
    while (n)
        close(fds[--n]);
    do {
        world_run(&w);
        usleep(1000);
    } while (!answered());
    world_reply(&w, MSG_DOM_CREATE, any, fds);
    ipc_close(fds);
    return any->reply.status;
}

static uint32_t devices_of(const char *who, struct dom_devices *d)
{
    struct dom_who m = {0};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    memset(d, 0, sizeof(*d));
    ipc_text(m.who, who);
    world_send(&w, &m, MSG_DOM_DEVICES, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_DOM_DEVICES, &any, fds);
    if (any.reply.status == 200)
        CHECK(any.count.count <= HV_DEVICE_MAX &&
              pread(fds[0], d->at, sizeof(d->at), 0) ==
                  (ssize_t)(any.count.count * sizeof(d->at[0])));
    ipc_close(fds);
    d->n = (uint32_t)any.count.count;
    return any.reply.status;
}

// Another open description of the same file can have it only when nobody does.
static bool is_free(int disk)
{
    char path[32];
    int fd, r;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", disk);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    r = flock(fd, LOCK_EX | LOCK_NB);
    close(fd);
    return r == 0;
}

static int disk_lock(int disk)
{
    char path[32];
    int lent;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", disk);
    lent = open(path, O_RDWR | O_CLOEXEC);
    CHECK(lent >= 0 && flock(lent, LOCK_EX | LOCK_NB) == 0);
    return lent;
}

// A disk that only its domain holds: `*disk` is another description of it.
static int disk_lend(int *disk)
{
    *disk = disk_make();
    return disk_lock(*disk);
}

static void test_devices(void)
{
    static struct dom_devices d, got;
    struct dom_create m = like("disks");
    struct dom_info i, none;
    union ipc_any any;
    int disk, lent = disk_lend(&disk), before;

    m.on[DOM_CRASH] = DOM_RENAME_RESTART;
    devices_fill(&d, 2);
    before = fds_open();
    CHECK(create_with(m, &d, lent, &any) == 200);
    close(lent);
    i = any.dom_reply.info;
    CHECK(i.disks == 2 && i.vifs == 0);
    CHECK(!memcmp(&world_domain(&w, &i.id)->devices, &d, sizeof(d)));
    CHECK(w.k->memory_used_kib == 1024 + 1024 + 2 * 2048);
    CHECK(devices_of("disks", &got) == 200);
    CHECK(!memcmp(&got, &d, sizeof(d)));
    CHECK(devices_of("nobody", &got) == 404);
    CHECK(!is_free(disk));

    // The next run has them; what is preserved of the last has them not.
    end(&i, HVC_TRAP, 0);
    CHECK(find("disks-1").letter == 'c' && !is_free(disk));
    usleep(DOM_RESTART_NS / 1000 + 100000);
    world_turn(&w);
    world_run(&w);
    i = find("disks");
    CHECK(i.restarts == 1 && world_domain(&w, &i.id)->devices.n == 2);
    CHECK(act("disks", DOM_ACT_DESTROY, 0, "") == 200);
    CHECK(is_free(disk));
    CHECK(devices_of("disks-1", &got) == 200 && got.n == 2);
    clear();
    CHECK(fds_open() == before - 1);
    CHECK(list("disks", &none, 1) == -404);
    close(disk);
}

// A successor finds them on the shelf; where that is gone too, it says so.
static void test_devices_of_another(void)
{
    static struct dom_devices d, got;
    struct dom_info i;
    union ipc_any any;
    int disk, lent = disk_lend(&disk);

    devices_fill(&d, 1);
    CHECK(create_with(like("disk"), &d, lent, &any) == 200);
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    i = find("disk");
    CHECK(i.letter == 'b' && i.disks == 1);
    CHECK(devices_of("disk", &got) == 200 && got.n == 1);
    CHECK(!strcmp(got.at[0].target, "/disk-0"));
    CHECK(!is_free(disk));
    end(&i, HVC_REBOOT, 0);
    usleep(DOM_RESTART_NS / 1000 + 100000);
    world_turn(&w);
    world_run(&w);
    i = find("disk");
    CHECK(i.letter != 'c' && i.restarts == 1);
    CHECK(world_domain(&w, &i.id)->devices.n == 1);
    // What is over is not there for the next.
    CHECK(create_with(like("other"), &d, lent, &any) == 200);
    CHECK(act("other", DOM_ACT_DESTROY, 0, "") == 200);
    close(lent);
    world_kill(&w);
    CHECK(!is_free(disk));
    world_open_again(&w);
    world_run(&w);
    CHECK(act("disk", DOM_ACT_DESTROY, 0, "") == 200);
    CHECK(is_free(disk));

    lent = disk_lock(disk);
    CHECK(create_with(like("disk"), &d, lent, &any) == 200);
    close(lent);
    world_kill(&w);
    world_shelf_new(&w);
    CHECK(is_free(disk));
    world_open_again(&w);
    world_run(&w);
    i = find("disk");
    CHECK(i.letter == 'b');
    end(&i, HVC_REBOOT, 0);
    usleep(DOM_RESTART_NS / 1000 + 100000);
    world_turn(&w);
    world_run(&w);
    i = find("disk");
    CHECK(i.letter == 'c' && strstr(i.report, "create it again"));
    clear();
    close(disk);
}

static void give(const sub_id_t *id, uint32_t index, int fd)
{
    struct msg_given m = {.id = *id, .index = index};

    ipc_head(&m, MSG_GIVEN, 0);
    CHECK_WORKS(ipc_send(w.spawner, &m.head, &fd, 1, e));
    world_run(&w);
}

// No shelf is left, but its monitor gives it back: what is the domain's is
// taken, once, and nothing else.
static void test_devices_given(void)
{
    static struct dom_devices d;
    struct dom_info i;
    union ipc_any any;
    int disk, lent = disk_lend(&disk), pair[2], before;

    devices_fill(&d, 1);
    CHECK(create_with(like("disk"), &d, lent, &any) == 200);
    world_kill(&w);
    world_shelf_new(&w);
    world_open_again(&w);
    world_run(&w);
    i = find("disk");
    CHECK(i.letter == 'b' && pipe(pair) == 0);
    before = fds_open();
    give(&i.id, 0, pair[0]);                  // no disk
    give(&i.id, 1, lent);                     // it has one
    give(&(sub_id_t){{1, 2, 3}}, 0, lent);    // nobody's
    give(&(sub_id_t){{0}}, 0, lent);
    CHECK(fds_open() == before);
    give(&i.id, 0, lent);
    CHECK(fds_open() > before);
    before = fds_open();
    give(&i.id, 0, lent); // again
    CHECK(fds_open() == before);
    close(lent);
    CHECK(!is_free(disk));
    end(&i, HVC_REBOOT, 0);
    usleep(DOM_RESTART_NS / 1000 + 100000);
    world_turn(&w);
    world_run(&w);
    i = find("disk");
    CHECK(i.letter != 'c' && i.restarts == 1);
    CHECK(world_domain(&w, &i.id)->devices.n == 1);
    clear();
    CHECK(is_free(disk));
    close(pair[0]);
    close(pair[1]);
    close(disk);
}

static void test_devices_refused(void)
{
    static struct dom_devices d;
    struct dom_create m = like("bad");
    union ipc_any any;
    int disk, lent = disk_lend(&disk), before = fds_open();

    devices_fill(&d, 1);
    d.at[0].m.block.block_bytes = 768;
    CHECK(create_with(m, &d, lent, &any) == 422);
    CHECK_TEXT(strstr(any.reply.text, "as it cannot be"), any.reply.text);
    devices_fill(&d, 1);
    d.at[0].m.block.capacity_bytes = DISK_BYTES + 512;
    CHECK(create_with(m, &d, lent, &any) == 422);
    CHECK_TEXT(strstr(any.reply.text, "shorter than the disk"), any.reply.text);
    // What it refuses for another reason it does not keep either.
    devices_fill(&d, HV_DEVICE_MAX);
    m.weight = 0;
    CHECK(create_with(m, &d, lent, &any) == 422);
    m = like("bad");
    w.start_status = 422;
    CHECK(create_with(m, &d, lent, &any) == 422);
    w.start_status = 200;
    CHECK(fds_open() == before);
    close(lent);
    CHECK(is_free(disk));
    close(disk);
    CHECK(w.k->doms.count == 0 && w.k->memory_used_kib == 0);
}

// What the api role may not ask ends the keeper: it was taken, or is a bug.
static void breach(const void *msg, uint32_t type, size_t size, uint64_t tag)
{
    static union ipc_any m;
    struct err why;

    memcpy(&m, msg, size);
    m.head = (struct msg_head){type, (uint32_t)size, tag};
    CHECK_WORKS(ipc_send(w.public, &m.head, NULL, 0, e));
    CHECK(keeper_turn(w.k, 0, &why) == -EPROTO);
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
}

static void test_api_role(void)
{
    static const struct dom_act act_all = {.who = "x", .action = 1};
    static const struct dom_who who_all;
    static const struct msg_get get_all;
    static const struct msg_list list_all = {.limit = 10};
    static const struct msg_sub_act sub_all = {.action = CONTROL_PAUSE};
    struct msg_get get_one = {.customer.b = {1}};

    breach(&act_all, MSG_DOM_ACT, sizeof(act_all), 1);
    breach(&who_all, MSG_DOM_LIST, sizeof(who_all), 1);
    breach(&who_all, MSG_DOM_DEVICES, sizeof(who_all), 1);
    breach(&get_all, MSG_GET, sizeof(get_all), 1);
    breach(&get_all, MSG_DESTROY, sizeof(get_all), 1);
    breach(&list_all, MSG_LIST, sizeof(list_all), 1);
    breach(&sub_all, MSG_SUB_ACT, sizeof(sub_all), 1);
    // Nor can it pretend to have come the other way.
    breach(&act_all, MSG_DOM_ACT, sizeof(act_all), CHAN_TAG_OTHER | 1);
    breach(&get_one, MSG_GET, sizeof(get_one), CHAN_TAG_OTHER | 1);
}

int main(void)
{
    world_open(&w);
    world_run(&w);
    test_refused();
    test_image_refused();
    test_names();
    test_controls();
    test_ends();
    test_successor();
    test_devices();
    test_devices_of_another();
    test_devices_given();
    test_devices_refused();
    test_api_role();
    world_close(&w);
    return 0;
}
