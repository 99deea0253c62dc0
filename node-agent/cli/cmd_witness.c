// SPDX-License-Identifier: ISC
// hostel witness: keeps the batches that a node signed, in the client's home
// (witness/NODE.chain), and compares them with what it shows later and with
// what it showed to others.

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "billing/when.h"
#include "billing/witness.h"
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/bundle/key.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"

struct witness {
    uint8_t node_id[KEY_BYTES];
    char path[PATH_MAX];
    struct buf kept; // the chain's file; empty: none yet
    struct chain chain;
};

static void witness_free(struct witness *w)
{
    chain_free(&w->chain);
    buf_free(&w->kept);
}

static int folder_make(struct err *e)
{
    char path[PATH_MAX];

    context_path(path, "witness");
    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(e, "making %s", path);
    return 0;
}

// What was kept before; it is verified each time, since it is a file.
static int kept_load(struct witness *w, struct err *e)
{
    int r;

    if (access(w->path, F_OK) < 0)
        return 0;
    r = file_read(w->path, &w->kept, e);
    if (r == 0)
        r = chain_verify(w->kept.data, w->kept.len, w->node_id, &w->chain, e);
    return r < 0 ? err_prefix(e, "%s", w->path) : 0;
}

static int witness_open(struct witness *w, struct err *e)
{
    struct context ctx = {0};
    char hex[2 * KEY_BYTES + 1];
    int r = context_load(NULL, &ctx, e);

    *w = (struct witness){.kept = BUF_INIT(CHAIN_MAX)};
    if (r == 0 && !ctx.node_id)
        r = err_set(e, ENOENT,
                    "whose batches? Make a context with `hostel context`");
    if (r == 0 && hex_decode(w->node_id, KEY_BYTES, ctx.node_id) < 0)
        r = err_set(e, EINVAL, "the context's node_id is no key");
    context_free(&ctx);
    if (r < 0)
        return r;
    context_path(w->path, "witness/%s.chain",
                 hex_encode(hex, w->node_id, KEY_BYTES));
    r = folder_make(e);
    return r < 0 ? r : kept_load(w, e);
}

static uint64_t last_number(const struct witness *w)
{
    return w->chain.count ? w->chain.links[w->chain.count - 1].number : 0;
}

// Replaces what is kept by it and the batches in `more`.
static int witness_join(struct witness *w, const struct buf *more,
                        struct err *e)
{
    cleanup_free uint8_t *joined = NULL;
    size_t len;
    int r = chain_join(w->kept.data, w->kept.len, more->data, more->len,
                       &joined, &len, e);

    if (r < 0)
        return r;
    buf_free(&w->kept);
    w->kept = (struct buf)BUF_INIT(CHAIN_MAX);
    if (buf_add(&w->kept, joined, len) < 0)
        return err_set(e, ENOMEM, "no memory for the batches");
    chain_free(&w->chain);
    return chain_verify(w->kept.data, w->kept.len, w->node_id, &w->chain, e);
}

// Takes what the node shows from our last batch on. That one must be in it, and
// the same: a node that has forgotten it tells another story. *more: there may
// be further batches.
static int witness_fetch(struct witness *w, struct client *c, bool *more,
                         struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {0};
    uint64_t last = last_number(w);
    struct chain shown = {0};
    size_t common = 0;
    int r = client_call(c, &call, &a, e, "/v1/batches?after=%" PRIu64,
                        last ? last - 1 : 0);

    if (r < 0)
        return r;
    r = chain_verify(a.body.data, a.body.len, w->node_id, &shown, e);
    if (r == 0)
        r = chain_compare(&w->chain, &shown, &common, e);
    if (r == 0 && last && !common)
        r = err_set(e, EILSEQ,
                    "the node shows two histories: it signed batch %" PRIu64
                    " and does not know it any more",
                    last);
    if (r == 0)
        r = witness_join(w, &a.body, e);
    *more = shown.count == CHAIN_BATCHES_MAX;
    chain_free(&shown);
    return r;
}

static void head_print(const struct witness *w)
{
    const struct link *head;
    char when[WHEN_TEXT_SIZE], hex[2 * MERKLE_HASH_SIZE + 1];

    if (!w->chain.count) {
        printf("no batches yet\n");
        return;
    }
    head = &w->chain.links[w->chain.count - 1];
    printf("batches  %" PRIu64 " to %" PRIu64 "\nsigned   %s\n",
           w->chain.links[0].number, head->number,
           when_text(head->time_ns, when));
    printf("root     %s\n", hex_encode(hex, head->root, MERKLE_HASH_SIZE));
    printf("header   %s\n", hex_encode(hex, head->hash, MERKLE_HASH_SIZE));
    printf("kept in  %s\n", w->path);
}

// ------------------------------------------------------------------ the verbs

static int update(struct witness *w, struct err *e)
{
    struct client *c = client_open(CLIENT_ANYBODY, e);
    uint64_t before = last_number(w);
    bool more = true;
    int r = c ? 0 : -e->code;

    while (r == 0 && more)
        r = witness_fetch(w, c, &more, e);
    client_close(c);
    if (r < 0)
        return r;
    if (last_number(w) != before)
        r = file_write_durable(w->path, w->kept.data, w->kept.len, 0644, e);
    if (r == 0)
        head_print(w);
    return r;
}

// Another customer's chain, or a receipt.
static int check_one(const struct witness *w, const char *path, struct err *e)
{
    cleanup_buf struct buf b = BUF_INIT(CHAIN_MAX);
    struct chain other = {0};
    size_t common;
    int r = file_read(path, &b, e);

    if (r == 0)
        r = chain_verify(b.data, b.len, w->node_id, &other, e);
    if (r == 0)
        r = chain_compare(&w->chain, &other, &common, e);
    if (r == 0)
        printf("%s: one history, %zu of %zu batches compared\n", path, common,
               other.count);
    chain_free(&other);
    return r < 0 ? err_prefix(e, "%s", path) : 0;
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{0}};
    const char *verb = "update";
    struct witness w;
    struct err e = {0};
    int r;

    if (getopt_long(argc, argv, "", longs, NULL) != -1)
        return cmd_usage(&cmd_witness);
    argc -= optind;
    argv += optind;
    if (argc > 0) {
        verb = *argv++;
        argc--;
    }
    if (!strcmp(verb, "check")
            ? argc < 1
            : argc || (strcmp(verb, "update") && strcmp(verb, "show")))
        return cmd_usage(&cmd_witness);
    r = witness_open(&w, &e);
    if (r == 0 && !strcmp(verb, "update"))
        r = update(&w, &e);
    else if (r == 0 && !strcmp(verb, "show"))
        head_print(&w);
    for (int i = 0; r == 0 && i < argc; i++)
        r = check_one(&w, argv[i], &e);
    witness_free(&w);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_witness = {
    .name = "witness",
    .run = run,
    .usage = "[update | show | check FILE ...]",
    .summary = "keep and compare what a node signs",
    .help =
        "  update  get the batches that the node signed since the last time; "
        "they must\n          continue those kept before\n"
        "  show    the newest batch kept\n"
        "  check   compare with what others were shown: their kept file, or "
        "a receipt\n"
        "The status is 1, and the sentence names the batch, when the node "
        "shows two\nhistories; the two files are then the proof.\n",
};
