// SPDX-License-Identifier: ISC
// The message table: whatever a taken role may send is refused whole, and no
// descriptor of a refused message stays open.

#include "node-agent/agent/ipc.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/sock.h"
#include "tests/unit/lib_check.h"

static int pair[2];

/* Past the sender's own checks, straight into the socket. */
static int pass(const void *msg, size_t len, int nfds, union ipc_any *any)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fds[SOCK_FDS_MAX], got[IPC_FDS_MAX], before, r;
    struct err e = {0};

    for (int i = 0; i < nfds; i++)
        fds[i] = null;
    CHECK(sock_send(pair[0], msg, len, fds, nfds) == 0);
    close(null);
    before = fds_open();
    r = ipc_recv(pair[1], any, got, &e);
    if (r < 0) {
        CHECK(r == -EPROTO && e.code == EPROTO && e.text[0]);
        CHECK(fds_open() == before);
        for (int i = 0; i < IPC_FDS_MAX; i++)
            CHECK(got[i] == -1);
    } else {
        for (int i = 0; i < IPC_FDS_MAX; i++)
            CHECK((got[i] >= 0) == (i < nfds));
        ipc_close(got);
    }
    return r;
}

/* Every type, every size from one byte to past the largest, no descriptors:
 * accepted is only what the table says. */
static void sizes_all(void)
{
    static const struct {
        uint32_t type;
        size_t least, most;
    } good[] = {
        {MSG_GET, sizeof(struct msg_get), sizeof(struct msg_get)},
        {MSG_INPUT, offsetof(struct msg_input, data), sizeof(struct msg_input)},
        {MSG_ENDED, offsetof(struct msg_domain, text),
         sizeof(struct msg_domain)},
        {MSG_SETTLE | MSG_REPLY, sizeof(struct msg_settle_reply),
         sizeof(struct msg_settle_reply)},
        {MSG_START, 1, 0}, /* needs descriptors */
        {MSG_START | MSG_REPLY, sizeof(struct msg_reply),
         sizeof(struct msg_reply)},
        {0, 1, 0},
        {MSG_STOP | MSG_REPLY, 1, 0}, /* has no reply */
        {UINT32_MAX, 1, 0},
    };
    static char bytes[sizeof(union ipc_any) + 64];
    static union ipc_any any;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        for (size_t n = 1; n <= sizeof(bytes);
             n += n < 4096 || n > sizeof(any) - 16 ? 1 : 61) {
            struct msg_head head = {good[i].type, n, 7};
            int want = n >= good[i].least && n <= good[i].most;

            memcpy(bytes, &head, sizeof(head));
            CHECK(pass(bytes, n, 0, &any) == (want ? 1 : -EPROTO));
        }
    }
}

static void head_lies(void)
{
    struct msg_get m = {0};
    union ipc_any any;

    ipc_head(&m, MSG_GET, 1);
    m.head.size--;
    CHECK(pass(&m, sizeof(m), 0, &any) == -EPROTO);
    m.head.size += 2;
    CHECK(pass(&m, sizeof(m), 0, &any) == -EPROTO);
    m.head.size--;
    CHECK(pass(&m, sizeof(m), 0, &any) == 1);
}

static void descriptors(void)
{
    static struct msg_start s;
    struct msg_get g = {0};
    union ipc_any any;

    ipc_head(&g, MSG_GET, 1);
    for (int n = 1; n <= SOCK_FDS_MAX; n++)
        CHECK(pass(&g, sizeof(g), n, &any) == -EPROTO);

    s.has_initrd = 0;
    ipc_head_cut(&s, MSG_START, 1, cmdline, 0);
    for (int n = 0; n <= 6; n++)
        CHECK(pass(&s, s.head.size, n, &any) == (n == 2 ? 1 : -EPROTO));
    s.has_initrd = 1;
    for (int n = 0; n <= 6; n++)
        CHECK(pass(&s, s.head.size, n, &any) == (n == 3 ? 1 : -EPROTO));
}

/* Devices: the list and one each. */
static void descriptors_of_devices(void)
{
    static const uint32_t counts[] = {1, 2, HV_DEVICE_MAX};
    static const uint32_t wrong[] = {HV_DEVICE_MAX + 1, UINT32_MAX - 1,
                                     UINT32_MAX};
    static struct msg_start s;
    static struct dom_create c;
    union ipc_any any;

    ipc_head_cut(&s, MSG_START, 1, cmdline, 0);
    ipc_head_cut(&c, MSG_DOM_CREATE, 1, cmdline, 0);
    s.has_initrd = s.has_source = 1;
    c.flags = DOM_F_INITRD;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        s.ndevices = c.ndevices = counts[i];
        for (int n = 0; n <= SOCK_FDS_MAX; n++) {
            int extra = 1 + (int)counts[i];

            CHECK(pass(&s, s.head.size, n, &any) ==
                  (n == 4 + extra ? 1 : -EPROTO));
            CHECK(pass(&c, c.head.size, n, &any) ==
                  (n == 2 + extra ? 1 : -EPROTO));
        }
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        s.ndevices = c.ndevices = wrong[i];
        for (int n = 0; n <= SOCK_FDS_MAX; n++) {
            CHECK(pass(&s, s.head.size, n, &any) == -EPROTO);
            CHECK(pass(&c, c.head.size, n, &any) == -EPROTO);
        }
    }
}

static void lengths(void)
{
    static struct msg_start s;
    struct msg_input in = {0};
    union ipc_any any;

    memset(s.cmdline, 'x', sizeof(s.cmdline));
    s.cmdline_len = 10;
    ipc_head_cut(&s, MSG_START, 1, cmdline, 10);
    memset(&any, 0xff, sizeof(any));
    CHECK(pass(&s, s.head.size, 2, &any) == 1);
    CHECK(any.start.cmdline[9] == 'x' && any.start.cmdline[10] == 0);
    CHECK(any.start.cmdline[HV_CMDLINE_MAX - 1] == 0);
    s.cmdline_len = 11;
    CHECK(pass(&s, s.head.size, 2, &any) == -EPROTO);
    s.cmdline_len = UINT32_MAX;
    CHECK(pass(&s, s.head.size, 2, &any) == -EPROTO);

    in.len = HVC_INPUT_MAX;
    ipc_head(&in, MSG_FEED, 1);
    CHECK(pass(&in, in.head.size, 0, &any) == 1);
    in.len++;
    CHECK(pass(&in, in.head.size, 0, &any) == -EPROTO);
}

static void texts(void)
{
    static struct msg_info_reply m;
    static struct msg_domain d;
    union ipc_any any;

    ipc_head(&m, MSG_GET | MSG_REPLY, 1);
    CHECK(pass(&m, sizeof(m), 0, &any) == 1);
    memset(m.info.report, 'x', sizeof(m.info.report));
    CHECK(pass(&m, sizeof(m), 0, &any) == -EPROTO);
    m.info.report[sizeof(m.info.report) - 1] = 0;
    CHECK(pass(&m, sizeof(m), 0, &any) == 1);
    memset(m.reply.text, 'x', sizeof(m.reply.text));
    CHECK(pass(&m, sizeof(m), 0, &any) == -EPROTO);

    /* Cut short, the text ends by the zeros put behind it. */
    memset(d.text, 'x', sizeof(d.text));
    ipc_head_cut(&d, MSG_ENDED, 1, text, 5);
    CHECK(pass(&d, d.head.size, 0, &any) == 1);
    CHECK(strcmp(any.domain.text, "xxxxx") == 0);
    ipc_head(&d, MSG_ENDED, 1);
    CHECK(pass(&d, d.head.size, 0, &any) == -EPROTO);
}

/* The sender checks itself by the same table; then what went in comes out. */
static void send_checks(void)
{
    struct msg_get g = {0}, *got;
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    struct err e;

    ipc_head(&g, MSG_DESTROY, 99);
    memset(g.id.b, 0xab, sizeof(g.id.b));
    CHECK(ipc_send(pair[0], &g.head, NULL, 0, &e) == 0);
    CHECK(ipc_recv(pair[1], &any, fds, &e) == 1);
    got = &any.get;
    CHECK(got->head.tag == 99 && memcmp(got, &g, sizeof(g)) == 0);

    g.head.size++;
    CHECK(ipc_send(pair[0], &g.head, NULL, 0, &e) == -EPROTO);
    g.head.size--;
    g.head.type = 4711;
    CHECK(ipc_send(pair[0], &g.head, NULL, 0, &e) == -EPROTO);
    ipc_head(&g, MSG_DESTROY, 1);
    CHECK(ipc_send(pair[0], &g.head, (int[]){0}, 1, &e) == -EPROTO);

    CHECK(fcntl(pair[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK(ipc_recv(pair[1], &any, fds, &e) == -EAGAIN);
    CHECK(fcntl(pair[1], F_SETFL, 0) == 0);
    close(pair[0]);
    CHECK(ipc_recv(pair[1], &any, fds, &e) == 0);
}

int main(void)
{
    CHECK(sock_pair(pair) == 0);
    sizes_all();
    head_lies();
    descriptors();
    descriptors_of_devices();
    lengths();
    texts();
    send_checks();
    return 0;
}
