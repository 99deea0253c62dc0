// SPDX-License-Identifier: ISC
// The table of messages between roles, and the only way they are received.

#include "node-agent/agent/ipc.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "lib/sock.h"

#define TEXTS_MAX 3

/* A char array in a message; those of `text` must hold a NUL. */
struct ipc_span {
    uint32_t at, len;
};

struct ipc_rule {
    uint32_t type;
    const char *name;
    uint32_t size;
    uint8_t fds_min, fds_max;
    struct ipc_span cut; /* may end anywhere in it; len 0 = exact size */
    uint32_t len_at;     /* uint32 that counts the bytes in use of `cut` */
    struct ipc_span text[TEXTS_MAX];
};

#define SPAN(type, field)                                                      \
    {                                                                          \
        offsetof(struct type, field), sizeof(((struct type *)0)->field)        \
    }
#define RULE(t, n, s, lo, hi)                                                  \
    .type = (t), .name = (n), .size = sizeof(struct s), .fds_min = (lo),       \
    .fds_max = (hi)
#define REPLY(t, n, s, hi, ...)                                                \
    {                                                                          \
        RULE((t) | MSG_REPLY, n " reply", s, 0, hi), .text = {                 \
            SPAN(msg_reply, text),                                             \
            __VA_ARGS__                                                        \
        }                                                                      \
    }
#define INFO_TEXTS(s) SPAN(s, info.name), SPAN(s, info.report)

static const struct ipc_rule rules[] = {
    /* api -> keeper */
    {RULE(MSG_SUBMIT, "submit", msg_submit, 1, 1),
     .text = {SPAN(msg_submit, peer)}},
    REPLY(MSG_SUBMIT, "submit", msg_submit_reply, 0,
          INFO_TEXTS(msg_submit_reply)),
    {RULE(MSG_GET, "get", msg_get, 0, 0)},
    REPLY(MSG_GET, "get", msg_info_reply, 0, INFO_TEXTS(msg_info_reply)),
    {RULE(MSG_LIST, "list", msg_list, 0, 0)},
    REPLY(MSG_LIST, "list", msg_count_reply, 1),
    {RULE(MSG_WAIT, "wait", msg_wait, 0, 0)},
    REPLY(MSG_WAIT, "wait", msg_info_reply, 0, INFO_TEXTS(msg_info_reply)),
    {RULE(MSG_WATCH, "watch", msg_watch, 0, 0)},
    REPLY(MSG_WATCH, "watch", msg_info_reply, 0, INFO_TEXTS(msg_info_reply)),
    {RULE(MSG_DESTROY, "destroy", msg_get, 0, 0)},
    REPLY(MSG_DESTROY, "destroy", msg_reply, 0),
    {RULE(MSG_INPUT, "input", msg_input, 0, 0), .cut = SPAN(msg_input, data),
     .len_at = offsetof(struct msg_input, len)},
    REPLY(MSG_INPUT, "input", msg_input_reply, 0),
    {RULE(MSG_ATTACH, "attach", msg_attach, 1, 1)},
    REPLY(MSG_ATTACH, "attach", msg_input_reply, 0),
    {RULE(MSG_LOG, "log", msg_log, 0, 0)},
    REPLY(MSG_LOG, "log", msg_info_reply, 1, INFO_TEXTS(msg_info_reply)),
    {RULE(MSG_CALL, "call", msg_call, 2, 2)},
    REPLY(MSG_CALL, "call", msg_call_reply, 0),
    {RULE(MSG_QUOTA, "quota", msg_quota, 0, 0)},
    REPLY(MSG_QUOTA, "quota", msg_quota_reply, 0),
    {RULE(MSG_DRAIN, "drain", msg_drain, 0, 0)},
    REPLY(MSG_DRAIN, "drain", msg_capacity_reply, 0),
    {RULE(MSG_AUDIT, "audit", msg_audit, 0, 0),
     .text = {SPAN(msg_audit, row.peer), SPAN(msg_audit, row.path),
              SPAN(msg_audit, row.subject)}},
    {RULE(MSG_AUDIT_LIST, "audit list", msg_audit_list, 0, 0)},
    REPLY(MSG_AUDIT_LIST, "audit list", msg_count_reply, 1),
    {RULE(MSG_INVITE, "invite", msg_invite, 0, 0),
     .text = {SPAN(msg_invite, name)}},
    REPLY(MSG_INVITE, "invite", msg_reply, 0),
    {RULE(MSG_JOIN, "join", msg_join, 0, 0), .text = {SPAN(msg_join, name)}},
    REPLY(MSG_JOIN, "join", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),
    {RULE(MSG_KEY, "key", msg_key, 0, 0), .text = {SPAN(msg_key, name)}},
    REPLY(MSG_KEY, "key", msg_key_reply, 0, SPAN(msg_key_reply, key.name)),
    {RULE(MSG_KEY_LIST, "key list", msg_account, 0, 0)},
    REPLY(MSG_KEY_LIST, "key list", msg_count_reply, 1),
    {RULE(MSG_CAPACITY, "capacity", msg_get, 0, 0)},
    REPLY(MSG_CAPACITY, "capacity", msg_capacity_reply, 0),

    /* api -> ledger */
    {RULE(MSG_ACCOUNT_OPEN, "account open", msg_account_open, 0, 0),
     .text = {SPAN(msg_account_open, name), SPAN(msg_account_open, currency)}},
    REPLY(MSG_ACCOUNT_OPEN, "account open", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),
    {RULE(MSG_ACCOUNT_CREDIT, "account credit", msg_account_credit, 0, 0),
     .text = {SPAN(msg_account_credit, currency),
              SPAN(msg_account_credit, reference)}},
    REPLY(MSG_ACCOUNT_CREDIT, "account credit", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),
    {RULE(MSG_ACCOUNT_GET, "account get", msg_account, 0, 0)},
    REPLY(MSG_ACCOUNT_GET, "account get", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),
    {RULE(MSG_ACCOUNT_LIST, "account list", msg_account, 0, 0)},
    REPLY(MSG_ACCOUNT_LIST, "account list", msg_count_reply, 1),
    {RULE(MSG_QUOTE, "quote", msg_quote, 0, 0)},
    REPLY(MSG_QUOTE, "quote", msg_quote_reply, 0,
          SPAN(msg_quote_reply, currency), SPAN(msg_quote_reply, ratecard)),
    {RULE(MSG_DOCUMENT, "document", msg_document, 0, 0)},
    REPLY(MSG_DOCUMENT, "document", msg_count_reply, 1),
    {RULE(MSG_ACCOUNT_CORRECT, "account correct", msg_account_correct, 0, 0),
     .text = {SPAN(msg_account_correct, reason)}},
    REPLY(MSG_ACCOUNT_CORRECT, "account correct", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),
    {RULE(MSG_ACCOUNT_CHANGE, "account change", msg_account_change, 0, 0),
     .text = {SPAN(msg_account_change, name)}},
    REPLY(MSG_ACCOUNT_CHANGE, "account change", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),
    {RULE(MSG_INVOICE_ISSUE, "invoice issue", msg_invoice_issue, 0, 0)},
    REPLY(MSG_INVOICE_ISSUE, "invoice issue", msg_count_reply, 0),
    {RULE(MSG_PAYMENT, "payment", msg_payment, 0, 0),
     .cut = SPAN(msg_payment, body),
     .len_at = offsetof(struct msg_payment, len),
     .text = {SPAN(msg_payment, webhook_id)}},
    REPLY(MSG_PAYMENT, "payment", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),

    /* keeper -> ledger */
    {RULE(MSG_HOLD, "hold", msg_hold, 0, 0),
     .text = {SPAN(msg_hold, currency)}},
    REPLY(MSG_HOLD, "hold", msg_hold_reply, 0),
    {RULE(MSG_RECORD, "record", msg_record, 0, 0)},
    REPLY(MSG_RECORD, "record", msg_reply, 0),
    {RULE(MSG_SETTLE, "settle", msg_record, 0, 0)},
    REPLY(MSG_SETTLE, "settle", msg_settle_reply, 0),
    {RULE(MSG_VOID, "void", msg_record, 0, 0)},
    REPLY(MSG_VOID, "void", msg_reply, 0),
    {RULE(MSG_ENROL, "enrol", msg_enrol, 0, 0),
     .text = {SPAN(msg_enrol, name)}},
    REPLY(MSG_ENROL, "enrol", msg_account_reply, 0,
          SPAN(msg_account_reply, account.name),
          SPAN(msg_account_reply, account.currency)),

    /* keeper <-> spawner */
    {RULE(MSG_START, "start", msg_start, 2, IPC_FDS_MAX),
     .cut = SPAN(msg_start, cmdline),
     .len_at = offsetof(struct msg_start, cmdline_len),
     .text = {SPAN(msg_start, name)}},
    REPLY(MSG_START, "start", msg_reply, 0),
    {RULE(MSG_STOP, "stop", msg_stop, 0, 0)},
    {RULE(MSG_RENEW, "renew", msg_renew, 0, 0)},
    {RULE(MSG_RELEASE, "release", msg_renew, 0, 0)},
    {RULE(MSG_FEED, "feed", msg_input, 0, 0), .cut = SPAN(msg_input, data),
     .len_at = offsetof(struct msg_input, len)},
    REPLY(MSG_FEED, "feed", msg_input_reply, 0),
    {RULE(MSG_PASS, "pass", msg_attach, 1, 1)},
    REPLY(MSG_PASS, "pass", msg_input_reply, 0),
#define DOMAIN_NEWS(t, n)                                                      \
    {                                                                          \
        RULE(t, n, msg_domain, 0, 0), .cut = SPAN(msg_domain, text), .text = { \
            SPAN(msg_domain, text)                                             \
        }                                                                      \
    }
    DOMAIN_NEWS(MSG_USAGE, "usage"),
    DOMAIN_NEWS(MSG_ENDED, "ended"),
    DOMAIN_NEWS(MSG_OVER, "over"),
    DOMAIN_NEWS(MSG_ADOPTED, "adopted"),
    DOMAIN_NEWS(MSG_FIGURES, "figures"),
    {RULE(MSG_GIVEN, "given", msg_given, 1, 1)},
    {RULE(MSG_FAILED, "failed", msg_failed, 0, 0)},
    {RULE(MSG_CONTROL, "control", msg_control, 0, 0)},
    REPLY(MSG_CONTROL, "control", msg_reply, 0),
    {RULE(MSG_LOOK, "look", msg_get, 0, 0)},
    REPLY(MSG_LOOK, "look", msg_reply, 0),

    /* api -> keeper -> volumes */
    {RULE(MSG_VOLUME, "volume", msg_volume, 0, 1),
     .text = {SPAN(msg_volume, name), SPAN(msg_volume, from)}},
    REPLY(MSG_VOLUME, "volume", msg_volume_reply, 0,
          SPAN(msg_volume_reply, info.name),
          SPAN(msg_volume_reply, info.origin)),
    {RULE(MSG_VOLUME_LIST, "volume list", msg_volume, 0, 0),
     .text = {SPAN(msg_volume, name), SPAN(msg_volume, from)}},
    REPLY(MSG_VOLUME_LIST, "volume list", msg_count_reply, 1),
    {RULE(MSG_JOB, "job", msg_job, 0, 1)},
    REPLY(MSG_JOB, "job", msg_job_reply, 1),

    /* keeper <-> builder */
    {RULE(MSG_BUILD, "build", msg_build, 2, 2)},
    {RULE(MSG_BUILD_STOP, "build stop", msg_get, 0, 0)},
    {RULE(MSG_BUILT, "built", msg_built, 0, 1),
     .text = {SPAN(msg_built, text)}},

    /* operator -> keeper */
    {RULE(MSG_DOM_CREATE, "domain create", dom_create, 1, 2 + DEVICES_FDS_MAX),
     .cut = SPAN(dom_create, cmdline),
     .len_at = offsetof(struct dom_create, cmdline_len),
     .text = {SPAN(dom_create, name), SPAN(dom_create, kernel),
              SPAN(dom_create, ramdisk)}},
    REPLY(MSG_DOM_CREATE, "domain create", dom_reply, 1,
          SPAN(dom_reply, info.name), SPAN(dom_reply, info.report)),
    {RULE(MSG_DOM_LIST, "domain list", dom_who, 0, 0),
     .text = {SPAN(dom_who, who)}},
    REPLY(MSG_DOM_LIST, "domain list", msg_count_reply, 1),
    {RULE(MSG_DOM_ACT, "domain act", dom_act, 0, 0),
     .text = {SPAN(dom_act, who), SPAN(dom_act, text)}},
    REPLY(MSG_DOM_ACT, "domain act", msg_reply, 0),
    {RULE(MSG_DOM_LOG, "domain log", dom_who, 0, 0),
     .text = {SPAN(dom_who, who)}},
    REPLY(MSG_DOM_LOG, "domain log", msg_count_reply, 1),
    {RULE(MSG_DOM_INPUT, "domain input", dom_input, 0, 0),
     .cut = SPAN(dom_input, data), .len_at = offsetof(struct dom_input, len),
     .text = {SPAN(dom_input, who)}},
    REPLY(MSG_DOM_INPUT, "domain input", msg_input_reply, 0),
    {RULE(MSG_DOM_DEVICES, "domain devices", dom_who, 0, 0),
     .text = {SPAN(dom_who, who)}},
    REPLY(MSG_DOM_DEVICES, "domain devices", msg_count_reply, 1),
    {RULE(MSG_SUB_ACT, "submission act", msg_sub_act, 0, 0)},
    REPLY(MSG_SUB_ACT, "submission act", msg_reply, 0),

    /* keeper <-> net */
    {RULE(MSG_NET_KEEP, "net keep", msg_net, 0, 0)},
    {RULE(MSG_NET_READY, "net ready", msg_net, 0, 0)},
    REPLY(MSG_NET_READY, "net ready", msg_reply, 0),
    {RULE(MSG_NET_OPEN, "net open", msg_net, 0, 0)},
    REPLY(MSG_NET_OPEN, "net open", msg_net_reply, 1,
          SPAN(msg_net_reply, device.target),
          SPAN(msg_net_reply, device.bridge)),
    {RULE(MSG_NET_CLOSE, "net close", msg_net, 0, 0)},
};

static const struct ipc_rule *rule_find(uint32_t type)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (rules[i].type == type)
            return &rules[i];
    return NULL;
}

const char *ipc_name(uint32_t type)
{
    const struct ipc_rule *r = rule_find(type);

    return r ? r->name : "unknown";
}

static int rule_size(const struct ipc_rule *r, size_t size)
{
    return r->cut.len ? size >= r->cut.at && size <= r->size : size == r->size;
}

/* `body` holds r->size bytes, zeros behind the first `size`. */
static int rule_check(const struct ipc_rule *r, const char *body, size_t size,
                      int nfds, struct err *e)
{
    if (!rule_size(r, size))
        return err_set(e, EPROTO, "message %s has %zu bytes, should be %u",
                       r->name, size, r->size);
    if (nfds < r->fds_min || nfds > r->fds_max)
        return err_set(e, EPROTO, "message %s came with %d descriptors",
                       r->name, nfds);
    if (r->len_at) {
        uint32_t used;

        memcpy(&used, body + r->len_at, sizeof(used));
        if (used > r->cut.len || used > size - r->cut.at)
            return err_set(e, EPROTO,
                           "message %s says it holds %u bytes, it has %zu",
                           r->name, used, size - r->cut.at);
    }
    for (int i = 0; i < TEXTS_MAX && r->text[i].len; i++)
        if (!memchr(body + r->text[i].at, 0, r->text[i].len))
            return err_set(e, EPROTO, "message %s: a text does not end",
                           r->name);
    return 0;
}

int ipc_send(int fd, const struct msg_head *head, const int *fds, int nfds,
             struct err *e)
{
    const struct ipc_rule *r = rule_find(head->type);
    int got;

    if (!r)
        return err_set(e, EPROTO, "no message has type %#x", head->type);
    if (!rule_size(r, head->size))
        return err_set(e, EPROTO, "message %s has %u bytes, should be %u",
                       r->name, head->size, r->size);
    if (nfds < r->fds_min || nfds > r->fds_max)
        return err_set(e, EPROTO, "message %s with %d descriptors", r->name,
                       nfds);
    got = sock_send(fd, head, head->size, fds, nfds);
    if (got < 0) {
        errno = -got;
        return err_errno(e, "sending %s", r->name);
    }
    return 0;
}

/* Where the message itself says how many come along. */
static int fds_agree(const union ipc_any *any, size_t nfds)
{
    const struct msg_start *s = &any->start;
    const struct dom_create *c = &any->dom_create;

    if (any->head.type == MSG_START)
        return s->ndevices <= HV_DEVICE_MAX &&
               s->nvolumes <= START_VOLUMES_MAX &&
               nfds == start_files(s) + DEVICES_FDS(s->ndevices) + s->nvolumes;
    if (any->head.type == MSG_DOM_CREATE)
        return c->ndevices <= HV_DEVICE_MAX &&
               nfds ==
                   1u + !!(c->flags & DOM_F_INITRD) + DEVICES_FDS(c->ndevices);
    return 1;
}

int ipc_recv(int fd, union ipc_any *any, int fds[IPC_FDS_MAX], struct err *e)
{
    size_t nfds = IPC_FDS_MAX;
    const struct ipc_rule *r = NULL;
    ssize_t n;
    int got;

    n = sock_recv(fd, any, sizeof(*any), fds, &nfds);
    for (int i = n < 0 ? 0 : (int)nfds; i < IPC_FDS_MAX; i++)
        fds[i] = -1;
    if (n == -ECONNRESET) /* it closed with something of ours unread */
        n = 0;
    if (n == 0)
        return 0;
    if (n == -EMSGSIZE)
        return err_set(e, EPROTO,
                       "a message with too many bytes or "
                       "descriptors");
    if (n < 0) {
        errno = -n;
        return err_errno(e, "receiving");
    }
    memset((char *)any + n, 0, sizeof(*any) - n);
    got = 0;
    if ((size_t)n < sizeof(any->head) || any->head.size != (size_t)n)
        got = err_set(e, EPROTO, "a message of %zd bytes with a wrong head", n);
    else if (!(r = rule_find(any->head.type)))
        got = err_set(e, EPROTO, "no message has type %#x", any->head.type);
    else
        got = rule_check(r, (const char *)any, n, (int)nfds, e);
    if (got == 0 && !fds_agree(any, nfds))
        got = err_set(e, EPROTO, "message %s with %zu descriptors", r->name,
                      nfds);
    if (got < 0) {
        ipc_close(fds);
        return got;
    }
    return 1;
}

void ipc_close(int fds[IPC_FDS_MAX])
{
    for (int i = 0; i < IPC_FDS_MAX; i++) {
        if (fds[i] >= 0)
            close(fds[i]);
        fds[i] = -1;
    }
}
