// SPDX-License-Identifier: ISC
// The control socket's client; see ctl.h.

#include "node-agent/cli/ctl.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "lib/sock.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/context.h"

struct ctl {
    int fd;
    bool answered; // at least once
    uint64_t tag;
};

// In the folder of the HTTP socket.
static const char *control_path(char out[PATH_MAX])
{
    const char *path = client_socket(), *slash = strrchr(path, '/');

    snprintf(out, PATH_MAX, "%.*scontrol.sock",
             slash ? (int)(slash + 1 - path) : 0, path);
    return out;
}

bool ctl_wanted(void)
{
    char path[PATH_MAX];
    struct context c;
    bool named;

    if (cli_options.socket)
        return true;
    if (cli_options.host || cli_options.key || getenv("HOSTEL_CONTEXT"))
        return false;
    // What is wrong with a context its own verbs will say.
    named = context_load(NULL, &c, &(struct err){0}) < 0 || c.node;
    context_free(&c);
    return !named && access(control_path(path), R_OK | W_OK) == 0;
}

struct ctl *ctl_open(struct err *e)
{
    struct ctl *c = calloc(1, sizeof(*c));
    char path[PATH_MAX];

    if (!c) {
        err_set(e, ENOMEM, "no memory");
        return NULL;
    }
    // Never this machine's domains when another node was named.
    if (client_named()) {
        err_set(e, EINVAL,
                "domains are asked for on their own machine, over its socket: "
                "leave -H, -C and -k out, or say which with -S");
        free(c);
        return NULL;
    }
    c->fd = sock_connect(control_path(path), SOCK_SEQPACKET, e);
    if (c->fd >= 0)
        return c;
    if (e->code == ENOENT || e->code == ECONNREFUSED)
        err_set(e, ENOENT,
                "no node serves at %s: is hosteld running? -S SOCKET names "
                "another",
                path);
    else if (e->code == EACCES)
        err_set(e, EACCES, "%s is for root and the node's operators", path);
    free(c);
    return NULL;
}

void ctl_close(struct ctl *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c);
}

int ctl_call(struct ctl *c, const struct msg_head *m, const int *fds, int nfds,
             union ipc_any *reply, int *fd, struct err *e)
{
    int got[IPC_FDS_MAX], r;

    *fd = -1;
    r = ipc_send(c->fd, m, fds, nfds, e);
    if (r == 0)
        r = ipc_recv(c->fd, reply, got, e);
    if (r == 0 || r == -EPIPE || r == -ECONNRESET)
        return err_set(e, EPIPE, "%s",
                       c->answered
                           ? "the node has hung up; its log may say why"
                           : "the node hangs up: domains are for root, its "
                             "operator, and who is named in admins or viewers");
    if (r < 0)
        return r;
    c->answered = true;
    *fd = steal_fd(&got[0]);
    ipc_close(got);
    if (reply->head.type != (m->type | MSG_REPLY))
        r = err_set(e, EPROTO, "the node answered something else");
    else if (reply->reply.status >= 400)
        r = err_set(e, EREMOTEIO, "%s", reply->reply.text);
    else
        return 0;
    if (*fd >= 0)
        close(steal_fd(fd));
    return r;
}

// ---------------------------------------------------------------------- list

static int by_number(const void *a, const void *b)
{
    const struct dom_info *x = a, *y = b;

    return x->domid < y->domid ? -1 : x->domid > y->domid;
}

static int list_read(int fd, uint64_t count, struct ctl_list *l, struct err *e)
{
    uint64_t bytes = count * sizeof(*l->at);
    struct stat st;

    if (fstat(fd, &st) < 0 || count > SIZE_MAX / sizeof(*l->at) ||
        (uint64_t)st.st_size != bytes)
        return err_set(e, EPROTO, "the node's list has another length");
    l->at = calloc(count + 1, sizeof(*l->at));
    if (!l->at)
        return err_set(e, ENOMEM, "no memory for a list");
    if (pread_full(fd, l->at, bytes, 0) != (ssize_t)bytes)
        return err_set(e, EIO, "the node's list cannot be read");
    l->n = count;
    qsort(l->at, l->n, sizeof(*l->at), by_number);
    return 0;
}

int ctl_list(struct ctl *c, const char *who, struct ctl_list *l, struct err *e)
{
    struct dom_who m = {0};
    static union ipc_any reply;
    int fd, r;

    *l = (struct ctl_list){0};
    if (strlen(who) >= sizeof(m.who))
        return err_set(e, ENOENT, "there is no domain %s", who);
    ipc_text(m.who, who);
    ipc_head(&m, MSG_DOM_LIST, ++c->tag);
    r = ctl_call(c, &m.head, NULL, 0, &reply, &fd, e);
    if (r < 0)
        return r;
    if (fd < 0)
        return err_set(e, EPROTO, "the node sent no list");
    r = list_read(fd, reply.count.count, l, e);
    close(fd);
    return r;
}

void ctl_list_free(struct ctl_list *l)
{
    free(l->at);
    *l = (struct ctl_list){0};
}

int ctl_devices(struct ctl *c, const char *who, struct dom_devices *d,
                struct err *e)
{
    struct dom_who m = {0};
    static union ipc_any reply;
    size_t bytes;
    int fd, r;

    memset(d, 0, sizeof(*d));
    if (strlen(who) >= sizeof(m.who))
        return err_set(e, ENOENT, "there is no domain %s", who);
    ipc_text(m.who, who);
    ipc_head(&m, MSG_DOM_DEVICES, ++c->tag);
    r = ctl_call(c, &m.head, NULL, 0, &reply, &fd, e);
    if (r < 0)
        return r;
    bytes = reply.count.count * sizeof(d->at[0]);
    if (reply.count.count > HV_DEVICE_MAX ||
        pread_full(fd, d->at, bytes, 0) != (ssize_t)bytes)
        r = err_set(e, EPROTO, "the node's list of devices has another length");
    else
        d->n = (uint32_t)reply.count.count;
    if (fd >= 0)
        close(fd);
    return r;
}

int ctl_find_run(const char *who, char id[33], struct err *e)
{
    struct ctl_list l = {0};
    struct ctl *c = ctl_open(e);
    int r = c ? ctl_list(c, who, &l, e) : -e->code;

    if (r == 0)
        hex_encode(id, l.at[0].id.b, sizeof(l.at[0].id));
    ctl_list_free(&l);
    ctl_close(c);
    return r;
}

int ctl_act(struct ctl *c, const char *who, enum dom_action action,
            uint64_t value, const char *text, struct err *e)
{
    struct dom_act m = {.action = action, .value = value};
    static union ipc_any reply;
    int fd, r;

    if (strlen(who) >= sizeof(m.who))
        return err_set(e, ENOENT, "there is no domain %s", who);
    if (text && strlen(text) >= sizeof(m.text))
        return err_set(e, EINVAL, "a domain's name has at most %zu bytes",
                       sizeof(m.text) - 1);
    ipc_text(m.who, who);
    if (text)
        ipc_text(m.text, text);
    ipc_head(&m, MSG_DOM_ACT, ++c->tag);
    r = ctl_call(c, &m.head, NULL, 0, &reply, &fd, e);
    if (fd >= 0)
        close(fd);
    return r;
}

// --------------------------------------------------------------------- words

bool ctl_is_own(const struct dom_info *i)
{
    static const key_id_t nobody;

    return !memcmp(&i->customer, &nobody, sizeof(nobody));
}

char *ctl_state(char out[CTL_STATE_SIZE], const struct dom_info *i)
{
    static const char letters[] = "rbpscd";
    const char *at = i->letter ? strchr(letters, (int)i->letter) : NULL;

    memcpy(out, "------", CTL_STATE_SIZE);
    if (at)
        out[at - letters] = *at;
    return out;
}

const char *ctl_engine(const struct dom_info *i)
{
    return i->engine == HVC_ENGINE_KVM ? "kvm" : "pv";
}
