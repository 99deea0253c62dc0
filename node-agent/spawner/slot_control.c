// SPDX-License-Identifier: ISC
// What can be done to a domain that runs, and how it is seen to run.

#include "node-agent/spawner/slot_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "lib/cleanup.h"
#include "lib/io.h"

/* The kernel's word about the guest's process, which says it as xl does. */
uint32_t slot_letter(const struct slot *s)
{
    char path[48], text[256], *at;
    cleanup_close int fd = -1;
    ssize_t n;

    if (s->state != SLOT_RUNNING)
        return 'd';
    if (s->record->paused)
        return 'p';
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)s->guest_pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read_full(fd, text, sizeof(text) - 1);
    text[n > 0 ? n : 0] = 0;
    /* The name in parentheses may hold anything: the last one closes it. */
    at = strrchr(text, ')');
    return at && at[1] == ' ' && at[2] == 'R' ? 'r' : 'b';
}

static int pause_set(struct slot *s, bool paused)
{
    struct hvc_head m = {paused ? HVC_PAUSE : HVC_UNPAUSE, sizeof(m)};

    s->record->paused = paused;
    slot_message_send(s, &m, sizeof(m));
    return 0;
}

static int guest_ask(struct slot *s, uint32_t action)
{
    struct hvc_ask m = {.head = {HVC_ASK, sizeof(m)}, .action = action};

    slot_message_send(s, &m, sizeof(m));
    return 0;
}

static int balloon_set(struct slot *s, uint64_t kib)
{
    struct hvc_balloon m = {.head = {HVC_BALLOON, sizeof(m)},
                            .memory_kib = kib};

    slot_message_send(s, &m, sizeof(m));
    return 0;
}

static int max_set(struct spawner *p, struct slot *s, uint64_t kib,
                   struct err *e)
{
    uint64_t before =
        s->record->max_kib ? s->record->max_kib : s->record->memory_kib;
    struct err why;
    int r = slot_limit_set(p, s, kib, &why);

    if (r == 0) {
        s->record->max_kib = kib;
        return 0;
    }
    /* Version 1 refuses a limit below what is in use, halfway. */
    s->limit_kib = 0;
    slot_limit_set(p, s, before, &(struct err){0});
    return err_set(e, -r,
                   r == -EBUSY ? "it uses more memory than that now" : "%s",
                   why.text);
}

static int share_set(struct spawner *p, struct slot *s, uint32_t weight,
                     uint32_t cap, struct err *e)
{
    int r = slot_share_set(p, s, weight, cap, e);

    slot_share_note(s);
    return r;
}

int slot_control(struct spawner *p, struct slot *s, const struct msg_control *m,
                 struct err *e)
{
    switch (m->action) {
    case CONTROL_PAUSE:
        return pause_set(s, true);
    case CONTROL_UNPAUSE:
        return pause_set(s, false);
    case CONTROL_SHUTDOWN:
        return guest_ask(s, HV_ACTION_SHUTDOWN);
    case CONTROL_REBOOT:
        return guest_ask(s, HV_ACTION_REBOOT);
    case CONTROL_BALLOON:
        return balloon_set(s, m->value);
    case CONTROL_WEIGHT:
        return share_set(p, s, m->value, s->cap, e);
    case CONTROL_CAP:
        return share_set(p, s, s->weight, m->value, e);
    }
    return max_set(p, s, m->value, e);
}
