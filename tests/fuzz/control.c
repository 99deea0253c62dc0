// SPDX-License-Identifier: ISC
// Messages of a controller: the first byte is the monitor's state and how many
// descriptors came, the rest a message. What is taken must be what its
// handlers rely on.

#include "hypervisor/monitor/controller.c"

#include <stdlib.h>
#include <string.h>

static size_t descriptors(uint32_t flags)
{
    return 2 + !!(flags & HVC_F_INITRD) + !!(flags & HVC_F_SOURCE) +
           !!(flags & HVC_F_CORE) + !!(flags & HVC_F_FILES);
}

// Of the other messages.
static size_t descriptors_of(enum hvc_type type)
{
    switch (type) {
    case HVC_KEEP:
        return HVC_KEEP_FDS;
    case HVC_ATTACH:
        return 1;
    default:
        return 0;
    }
}

static void check_prepare(const struct hvc_prepare *p, size_t nfds)
{
    static uint8_t pages[HV_START_INFO_LEN];
    const struct image image = {.low = HV_IMAGE_BASE, .high = HV_IMAGE_LIMIT};
    struct domain d = {.start_info = (struct hv_start_info *)pages};
    struct err e = {0};

    if (p->cmdline_len > sizeof(p->cmdline) || nfds != descriptors(p->flags))
        abort();
    if (start_info_check(p, &e) < 0) {
        if (!e.text[0])
            abort();
        return;
    }
    start_info_fill(&d, p, &image, 4096);
    if (d.start_info->cmdline_len &&
        pages[HV_PAGE + d.start_info->cmdline_len - 1] != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static union message u;
    struct monitor m = {0};
    const struct accepted *a;
    size_t nfds;

    if (len < 1 || len - 1 > sizeof(u))
        return 0;
    m.state = data[0] & 7;
    nfds = data[0] >> 3 & 7;
    memset(&u, 0xee, sizeof(u));
    memcpy(&u, data + 1, len - 1);
    a = message_check(&m, &u, len - 1, nfds);
    if (!a)
        return 0;
    if (u.head.size != len - 1 || a->type != u.head.type)
        abort();
    if (a->type == HVC_PREPARE)
        check_prepare(&u.prepare, nfds);
    else if (a->type == HVC_DEVICE ? nfds > HVC_DEVICE_FDS_MAX
                                   : nfds != descriptors_of(a->type))
        abort();
    if (a->type == HVC_ASK && u.ask.action != HV_ACTION_SHUTDOWN &&
        u.ask.action != HV_ACTION_REBOOT)
        abort();
    if (a->type == HVC_INPUT &&
        offsetof(struct hvc_input, data) + u.input.len != len - 1)
        abort();
    return 0;
}
