// SPDX-License-Identifier: ISC
/*
 * The keeper's messages to the role net. The kernel is a model of what nftables
 * does with elements: all of a text or nothing; an element that is there with
 * another value, and one that is to go and is not there, are errors. Whatever
 * is asked for, no rule may be left of a lease that was given back, and each
 * lease in use has its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define rules_apply rules_apply_really
#include "node-agent/netd/rules.c"
#undef rules_apply
int rules_apply(const struct buf *text, struct err *e);
#include "node-agent/netd/netd.c"

#define LEASES       12u
#define ELEMENTS_MAX 4096u
#define TEXT_MAX     120u

struct element {
    char key[TEXT_MAX], value[TEXT_MAX];
};
struct model {
    size_t n;
    struct element at[ELEMENTS_MAX];
};
static struct model *is, *next;

static struct element *find(struct model *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (!strcmp(m->at[i].key, key))
            return &m->at[i];
    return NULL;
}

static int element_add(const struct element *new)
{
    const struct element *old = find(next, new->key);

    if (old)
        return strcmp(old->value, new->value) ? -EEXIST : 0;
    if (next->n == ELEMENTS_MAX)
        abort();
    next->at[next->n++] = *new;
    return 0;
}

static int element_delete(const char *key)
{
    struct element *old = find(next, key);

    if (!old)
        return -ENOENT;
    *old = next->at[--next->n];
    return 0;
}

// A line: "add element FAMILY TABLE SET { KEY[ : VALUE], ... }", or "delete".
static int line_apply(const char *text, size_t len)
{
    char line[4 * TEXT_MAX], *set, *rest, *one;
    bool add = !strncmp(text, "add", 3);
    int r = 0;

    if (len >= sizeof(line))
        abort();
    memcpy(line, text, len);
    line[len] = '\0';
    set = strstr(line, "element ");
    rest = strstr(line, " { ");
    if (!rest || strcmp(line + len - 2, " }"))
        abort();
    line[len - 2] = *rest = '\0';
    rest += 3;
    while (r == 0 && rest) {
        struct element e = {0};
        char *value;

        one = rest;
        rest = strstr(one, ", ");
        if (rest) {
            *rest = '\0';
            rest += 2;
        }
        value = strstr(one, " : ");
        if (value) {
            *value = '\0';
            snprintf(e.value, sizeof(e.value), "%s", value + 3);
        }
        if (value && !add)
            abort();
        snprintf(e.key, sizeof(e.key), "%s %s", set, one);
        r = add ? element_add(&e) : element_delete(e.key);
    }
    return r;
}

int rules_apply(const struct buf *text, struct err *e)
{
    const char *at = (const char *)text->data, *end = at + text->len, *line_end;
    int r = 0;

    memcpy(next, is, sizeof(*is));
    for (; at < end && r == 0; at = line_end + 1) {
        size_t len;

        line_end = memchr(at, '\n', (size_t)(end - at));
        if (!line_end)
            abort();
        len = (size_t)(line_end - at);
        if (len > 12 && !strncmp(at, "delete table", 12))
            next->n = 0;
        if (len > 14 && (!strncmp(at, "add element", 11) ||
                         !strncmp(at, "delete element", 14)))
            r = line_apply(at, len);
    }
    if (r == -ENOENT)
        abort(); // what should go would have stayed
    if (r < 0)
        return err_set(e, -r, "there is such an element, and it is another");
    memcpy(is, next, sizeof(*is));
    return 0;
}

// ------------------------------------------------------------- the rest of it

int link_open(struct err *e)
{
    (void)e;
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

int link_forward(const struct network_config *n, const char *run_dir,
                 struct err *e)
{
    (void)n, (void)run_dir, (void)e;
    return 0;
}

bool link_noted(const char *run_dir)
{
    (void)run_dir;
    return false;
}

void link_restore(const char *run_dir)
{
    (void)run_dir;
}

int link_settle(int fd, const struct network_config *n,
                const struct net_place *p, struct err *e)
{
    (void)fd, (void)n, (void)p, (void)e;
    return 0;
}

int link_proxy(int fd, const struct network_config *n,
               const struct net_place *p, bool add, struct err *e)
{
    (void)fd, (void)n, (void)p, (void)add, (void)e;
    return 0;
}

int link_proxy_clear(int fd, const struct network_config *n, struct err *e)
{
    (void)fd, (void)n, (void)e;
    return 0;
}

int link_forget(uint32_t mark, struct err *e)
{
    (void)mark, (void)e;
    return 0;
}

int vif_open(const struct vif *v, struct hvc_device *out, struct err *e)
{
    (void)v, (void)e;
    memset(out, 0, sizeof(*out));
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

void role_ready(void)
{
}

// ----------------------------------------------------------------- the harness

static const struct network_config net = {
    .mode = NET_NAT,
    .count = LEASES,
    .id = 0xabcdef,
    .bits4 = 24,
    .bits6 = 64,
    .first4 = {10, 77, 0, 2},
    .first6 = {0xfd, 0, 0x77, [15] = 2},
    .publish_first = 4000,
    .publish_last = 4015,
};

static void replies_drop(int fd)
{
    static union ipc_any any;
    int fds[IPC_FDS_MAX];
    struct err e;

    while (ipc_recv(fd, &any, fds, &e) > 0) {
        if (any.head.type != (MSG_NET_OPEN | MSG_REPLY) &&
            any.head.type != (MSG_NET_READY | MSG_REPLY))
            abort();
        ipc_close(fds);
    }
}

// Takes one message of the input's beginning; its length, or 0.
static size_t message_take(struct msg_net *m, const uint8_t *data, size_t len)
{
    static const uint32_t types[] = {MSG_NET_KEEP, MSG_NET_OPEN, MSG_NET_CLOSE,
                                     MSG_NET_READY, MSG_LIST};
    size_t used = 5;

    if (len < used)
        return 0;
    memset(m, 0, sizeof(*m));
    ipc_head(m, types[data[0] % 5], data[1]);
    m->number = data[0] & 0x80 ? (uint32_t)data[2] << 24 : data[2];
    m->group = data[3];
    m->npublish = data[4];
    for (uint32_t i = 0; i < NET_PUBLISH_MAX && i < m->npublish; i++) {
        const uint8_t *at = data + used;

        if (len < used + 3)
            break;
        m->publish[i] = (struct net_publish){
            .protocol = at[0], .host_port = 3990 + at[1], .port = at[2]};
        used += 3;
    }
    return used;
}

static bool own_there(uint32_t number)
{
    char quoted[NETWORK_NAME_MAX + 3];
    struct net_place p;
    bool found = false;

    network_place(&net, number, &p);
    snprintf(quoted, sizeof(quoted), "\"%s\"", p.name);
    for (size_t i = 0; i < is->n; i++)
        found |=
            strstr(is->at[i].key, "marks") && strstr(is->at[i].key, quoted);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct netd d = {.n = &net, .run_dir = "/nowhere"};
    struct msg_net m;
    struct err e;
    size_t used;
    int pair[2], r = 0;

    if (!is)
        is = calloc(1, sizeof(*is)), next = calloc(1, sizeof(*next));
    is->n = 0;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
                   pair) < 0 ||
        netd_open(&d, &e) < 0)
        abort();
    while (r == 0 && (used = message_take(&m, data, len))) {
        data += used;
        len -= used;
        r = serve(&d, pair[0], &m, &e);
        replies_drop(pair[1]);
        if (r > 0 || (r < 0 && (r != -e.code || !e.text[0])))
            abort();
    }
    for (uint32_t i = 1; i <= LEASES && d.ready; i++)
        if (d.lease[i].used != own_there(i))
            abort();
    for (uint32_t i = 1; i <= LEASES; i++)
        lease_remove(&d, i);
    if (is->n)
        abort();
    free(d.lease);
    close(d.link_fd);
    close(pair[0]);
    close(pair[1]);
    return 0;
}
