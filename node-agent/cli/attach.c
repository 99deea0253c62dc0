// SPDX-License-Identifier: ISC
// Staying with a submission; see attach.h.

#include "node-agent/cli/attach.h"

#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"

// A node that restarts is back in a second or two.
#define RETRIES_MAX    100
#define RETRY_NS       200000000L
#define INPUT_PIECE    65536 // what one request may have
#define INPUT_RETRY_NS 20000000L

static void sleep_ns(long ns)
{
    const struct timespec t = {.tv_nsec = ns};

    nanosleep(&t, NULL);
}

// -------------------------------------------------------------------- waiting

// How far a state is; -1: there is none of this name.
static int state_rank(const char *state)
{
    static const char *const states[] = {"held",    "building", "built",
                                         "running", "settling", "done"};

    for (int i = 0; i < 6; i++)
        if (!strcmp(states[i], state))
            return i;
    return -1;
}

json_t *attach_wait(struct client *c, const char *id, const char *state,
                    struct err *e)
{
    const struct call call = {0};
    int wanted = state_rank(state);

    if (wanted < 0) {
        err_set(e, EINVAL,
                "a state is held, building, built, running, settling or done, "
                "not \"%.40s\"",
                state);
        return NULL;
    }

    for (int failures = 0;;) {
        cleanup_answer struct answer a = ANSWER_INIT;
        json_t *o = NULL;

        if (client_call(c, &call, &a, e,
                        "/v1/submissions/%s?wait_state=%s&timeout_ms=30000", id,
                        state) < 0) {
            if (!client_passing(e, a.status) || ++failures > RETRIES_MAX)
                return NULL;
            sleep_ns(RETRY_NS);
            continue;
        }
        failures = 0;
        o = json_loadb(buf_str(&a.body), a.body.len, 0, NULL);
        if (!o) {
            err_set(e, EPROTO, "the node's answer is not JSON");
            return NULL;
        }
        if (state_rank(get_text(o, "state")) >= wanted)
            return o;
        json_decref(o);
    }
}

// -------------------------------------------------------------------- console

struct console {
    uint64_t offset;
    bool moved; // since the last failure
    int failed; // errno of writing it
};

static int console_write(void *arg, const void *data, size_t len)
{
    struct console *o = arg;
    int r = write_full(STDOUT_FILENO, data, len);

    o->failed = r < 0 ? -r : 0;
    o->offset += len;
    o->moved = true;
    return o->failed;
}

int attach_console(struct client *c, const char *id, uint64_t since_ns,
                   struct err *e)
{
    struct console o = {0};
    const struct call call = {.sink = console_write, .arg = &o};

    for (int failures = 0; failures <= RETRIES_MAX; failures++) {
        cleanup_answer struct answer a = ANSWER_INIT;
        int r = client_call(
            c, &call, &a, e,
            "/v1/submissions/%s/console?follow=1&offset=%llu&since_ns=%llu", id,
            (unsigned long long)o.offset, (unsigned long long)since_ns);

        if (o.failed)
            return err_set(e, o.failed, "writing the console: %s",
                           strerror(o.failed));
        if (r == 0 || !client_passing(e, a.status))
            return r;
        // What came began there; from now on the place is known.
        if (since_ns && a.status && a.status < 400) {
            o.offset += a.cursor;
            since_ns = 0;
        }
        if (o.moved)
            failures = 0;
        o.moved = false;
        sleep_ns(RETRY_NS);
    }
    return -e->code;
}

// ---------------------------------------------------------------------- input

// This program as the writer of a console; see openapi.json.
struct input {
    char *id; // owned
    struct client *client;
    uint64_t writer;
    uint64_t offset; // of the next byte in the program's input
    bool over;       // the submission is
};

// Waits until the program runs, or will never. -errno: cannot be known.
static int input_await(struct input *in, struct err *e)
{
    const struct call call = {0};
    long long version = 0;

    for (int failures = 0; failures <= RETRIES_MAX;) {
        cleanup_answer struct answer a = ANSWER_INIT;
        const char *state;
        json_t *o;

        if (client_call(in->client, &call, &a, e,
                        "/v1/submissions/%s?wait_version=%lld&timeout_ms=30000",
                        in->id, version) < 0) {
            if (!client_passing(e, a.status))
                return -e->code;
            failures++;
            sleep_ns(RETRY_NS);
            continue;
        }
        failures = 0;
        o = json_loadb(buf_str(&a.body), a.body.len, 0, NULL);
        state = get_text(o, "state");
        version = get_count(o, "version");
        in->over = json_is_true(json_object_get(o, "final"));
        if (in->over || !strcmp(state, "running") ||
            !strcmp(state, "settling")) {
            json_decref(o);
            return 0;
        }
        json_decref(o);
    }
    return -e->code;
}

// One request; see input_send.
static int input_post(struct input *in, const char *data, size_t len,
                      const char *flags, struct answer *a, struct err *e)
{
    const struct call call = {.method = "POST",
                              .type = "application/octet-stream",
                              .body = data,
                              .body_len = len};

    // To attach is to ask where the input is.
    if (!strcmp(flags, "&take=1"))
        return client_call(in->client, &call, a, e,
                           "/v1/submissions/%s/input?writer=%llu%s", in->id,
                           (unsigned long long)in->writer, flags);
    return client_call(in->client, &call, a, e,
                       "/v1/submissions/%s/input?writer=%llu&offset=%llu%s",
                       in->id, (unsigned long long)in->writer,
                       (unsigned long long)in->offset, flags);
}

// Sends a piece until the domain has taken all of it, however often the node
// restarts: it says where in the input the piece belongs, so what arrived
// already is not taken twice. `flags`: for the query. Returns 0, or < 0: no
// more, and *e says why.
static int input_send(struct input *in, const char *data, size_t len,
                      const char *flags, struct err *e)
{
    bool end = strstr(flags, "eof=1") != NULL;
    int failures = 0;

    for (;;) {
        cleanup_answer struct answer a = ANSWER_INIT;
        int r = input_post(in, data, len, flags, &a, e);

        if (r == 0) {
            json_t *o = json_loadb(buf_str(&a.body), a.body.len, 0, NULL);
            int64_t n = get_count(o, "accepted"), at = get_count(o, "position");
            bool ended = json_is_true(json_object_get(o, "ended"));

            json_decref(o);
            if (!o || n < 0 || (uint64_t)n > len || at < 0)
                return err_set(e, EPROTO, "the node's answer makes no sense");
            if (!strcmp(flags, "&take=1"))
                in->offset = (uint64_t)at;
            in->offset += (uint64_t)n;
            data += n;
            len -= (size_t)n;
            failures = 0;
            if (!len && (!end || ended))
                return 0;
        } else if (a.status == 425) {
            r = input_await(in, e);
            if (r < 0 || in->over)
                return r < 0 ? r : -ESRCH;
        } else if (a.status == 429) {
            sleep_ns(INPUT_RETRY_NS); // it has waited for us already
        } else if (client_passing(e, a.status) && ++failures <= RETRIES_MAX) {
            sleep_ns(RETRY_NS);
        } else {
            return -e->code;
        }
    }
}

// Is it simply over? Then its end, which the console waits for, says more than
// that it did not read.
static bool input_moot(struct input *in)
{
    const struct call call = {0};
    cleanup_answer struct answer a = ANSWER_INIT;
    bool over;
    json_t *o;

    if (client_call(in->client, &call, &a, NULL, "/v1/submissions/%s", in->id) <
        0)
        return false;
    o = json_loadb(buf_str(&a.body), a.body.len, 0, NULL);
    over = strcmp(get_text(o, "state"), "running") != 0;
    json_decref(o);
    return over;
}

static void *input_thread(void *arg)
{
    struct input *in = arg;
    struct err e = {0};
    char piece[INPUT_PIECE];
    ssize_t n = 1;
    bool lost = isatty(STDIN_FILENO); // who types should know that it is heard
    int r = -1;

    in->client = client_open(CLIENT_CUSTOMER, &e);
    if (in->client)
        r = input_send(in, "", 0, "&take=1", &e);
    while (r == 0 && n > 0) {
        n = read(STDIN_FILENO, piece, sizeof(piece));
        lost = n > 0;
        r = input_send(in, piece, n > 0 ? (size_t)n : 0, n > 0 ? "" : "&eof=1",
                       &e);
    }
    if (r < 0 && lost && !in->over && in->client && !input_moot(in))
        fprintf(stderr,
                "hostel: no more input is sent; %llu bytes of it have "
                "arrived: %s\n",
                (unsigned long long)in->offset, e.text);
    client_close(in->client);
    free(in->id);
    free(in);
    return NULL;
}

int attach_input(const char *id, struct err *e)
{
    struct input *in = calloc(1, sizeof(*in));
    pthread_t thread;

    // In the background of a terminal, reading it fails instead of stopping
    // the program.
    signal(SIGTTIN, SIG_IGN);
    if (in) {
        in->id = strdup(id);
        randombytes_buf(&in->writer, sizeof(in->writer));
        in->writer = in->writer >> 2 | 1; // a number JSON and query can hold
    }
    if (!in || !in->id || pthread_create(&thread, NULL, input_thread, in)) {
        if (in)
            free(in->id);
        free(in);
        return err_set(e, ENOMEM, "no memory to send input");
    }
    pthread_detach(thread);
    return 0;
}

// ------------------------------------------------------------------ all of it

static int error_write(void *arg, const void *data, size_t len)
{
    (void)arg;
    return write_full(STDERR_FILENO, data, len);
}

static void print_build_log(struct client *c, const char *id)
{
    const struct call call = {.sink = error_write};
    cleanup_answer struct answer a = ANSWER_INIT;

    client_call(c, &call, &a, NULL, "/v1/submissions/%s/build-log", id);
}

static void print_fate(const json_t *o)
{
    char fate[SHOW_FATE_SIZE], cpu[SHOW_SIZE], wall[SHOW_SIZE];
    const char *report = get_text(o, "report");

    show_fate(fate, o);
    // The compiler has said it better, and a budget says no more than that.
    if (!strcmp(get_text(o, "outcome"), "build-failed") ||
        !strcmp(report, "stopped") || !strcmp(report, fate))
        report = "";
    if (strcmp(get_text(o, "outcome"), "exited"))
        fprintf(stderr, "hostel: %s%s%s\n", fate, *report ? ":\n" : "", report);
    if (json_is_true(json_object_get(o, "build_cached")))
        progress("hostel: it was built before, so the build was free");
    progress("hostel: %s; CPU %s, wall time %s, charged %s %s",
             strcmp(get_text(o, "outcome"), "exited") ? "in all" : fate,
             show_ns(cpu, get_count(o, "usage.cpu_ns") +
                              get_count(o, "usage.build_cpu_ns")),
             show_ns(wall, get_count(o, "usage.wall_ns")),
             get_text(o, "charged"), get_text(o, "currency"));
}

int attach_run(struct client *c, const char *id, bool input)
{
    struct err e = {0};
    json_t *o;
    int status;

    if ((input && attach_input(id, &e) < 0) || attach_console(c, id, 0, &e) < 0)
        return cmd_fail(&e);
    o = attach_wait(c, id, "done", &e);
    if (!o)
        return cmd_fail(&e);
    status = fate_status(o);
    if (status == FATE_BUILD)
        print_build_log(c, id);
    print_fate(o);
    json_decref(o);
    return status;
}
