// SPDX-License-Identifier: ISC
// Lists of submissions, page by page. A page's `next` is where the following
// one begins: the number of the last submission that was looked at.

#include <string.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/route.h"

// What of the keeper's list is wanted; NULL and false: everything.
struct filter {
    const char *state, *outcome, *name;
};

struct listing {
    struct request *rq;
    struct msg_list msg; // which page is asked for next
    struct filter filter;
    uint64_t wanted; // at most
    json_t *found;
    bool more; // behind msg.after there may be others
};

static bool passes(const struct filter *f, const struct sub_info *info)
{
    const char *outcome =
        info->state >= SUB_SETTLING ? render_outcome(info->outcome) : "";

    return (!f->state || !strcmp(f->state, render_state(info->state))) &&
           (!f->outcome || !strcmp(f->outcome, outcome)) &&
           (!f->name || !strcmp(f->name, info->name));
}

// Looks through what the keeper handed over. -ENOMEM.
static int page_take(struct listing *l, int fd, uint64_t count)
{
    l->more = count == l->msg.limit;
    for (uint64_t i = 0; i < count; i++) {
        struct sub_info info;

        if (json_array_size(l->found) == l->wanted) {
            l->more = true;
            return 0;
        }
        if (pread_full(fd, &info, sizeof(info), (off_t)(i * sizeof(info))) !=
            sizeof(info))
            return -EIO;
        l->msg.after = info.id;
        if (passes(&l->filter, &info) &&
            json_array_append_new(l->found,
                                  render_submission_of(l->rq->api, &info)))
            return -ENOMEM;
    }
    return 0;
}

// Asks for pages until there is enough. false: the reply is made.
static bool pages_take(struct listing *l)
{
    int pages = 0;

    do {
        cleanup_mux_reply struct mux_reply reply = MUX_REPLY_INIT;

        ipc_head(&l->msg, MSG_LIST, 0);
        if (!request_call(l->rq, l->rq->api->keeper, &l->msg, CALL_NS, &reply))
            return false;
        if (page_take(l, reply.fds[0],
                      reply.fds[0] < 0 ? 0 : reply.any.count.count) < 0) {
            reply_problem(l->rq, 503, 1, "the node has no memory for the list");
            return false;
        }
    } while (l->more && json_array_size(l->found) < l->wanted &&
             ++pages < LIST_PAGES_MAX);
    return true;
}

static void list_reply(struct listing *l)
{
    bool filtered = l->filter.state || l->filter.outcome || l->filter.name;
    char next[2 * sizeof(sub_id_t) + 1];

    l->found = json_array();
    l->msg.limit = filtered ? LIST_LIMIT_MAX : (uint32_t)l->wanted;
    if (!pages_take(l)) {
        json_decref(l->found);
        return;
    }
    hex_encode(next, l->msg.after.b, sizeof(l->msg.after.b));
    reply_json(l->rq, 200,
               json_pack("{s:o, s:o}", "submissions", l->found, "next",
                         l->more ? json_string(next) : json_null()));
}

static bool page_args(struct listing *l, uint64_t limit)
{
    const char *after = request_arg(l->rq, "after");

    l->wanted = limit;
    if (!request_arg_u64(l->rq, "limit", 1, LIST_LIMIT_MAX, &l->wanted))
        return false;
    if (!after ||
        hex_decode(l->msg.after.b, sizeof(l->msg.after.b), after) == 0)
        return true;
    reply_problem(l->rq, 400, 0,
                  "the argument \"after\" must be a submission's number");
    return false;
}

// A word of render.h's, or 400.
static bool word_arg(struct request *rq, const char *name, const char **word,
                     const char *(*render)(uint32_t), uint32_t last)
{
    *word = request_arg(rq, name);
    for (uint32_t i = 1; *word && i <= last; i++)
        if (!strcmp(*word, render(i)))
            return true;
    if (!*word)
        return true;
    reply_problem(rq, 400, 0, "the argument \"%s\" is not one that there is",
                  name);
    return false;
}

void serve_list(struct request *rq)
{
    struct listing l = {.rq = rq, .msg = {.customer = rq->caller.key}};
    bool live;

    if (!page_args(&l, LIST_LIMIT_DEFAULT) ||
        !request_arg_flag(rq, "live", &live) ||
        !word_arg(rq, "state", &l.filter.state, render_state, SUB_DONE) ||
        !word_arg(rq, "outcome", &l.filter.outcome, render_outcome,
                  OUTCOME_LOST))
        return;
    l.filter.name = request_arg(rq, "name");
    l.msg.live_only = live;
    list_reply(&l);
}

void serve_domains(struct request *rq)
{
    struct listing l = {.rq = rq, .msg = {.live_only = 1}};

    if (page_args(&l, LIST_LIMIT_MAX))
        list_reply(&l);
}
