// SPDX-License-Identifier: ISC
// Staying with a submission; see attach.h.

#include "node-agent/cli/attach.h"

#include <pthread.h>
#include <signal.h>
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
#define INPUT_PIECE    16384
#define INPUT_RETRY_NS 20000000L

static void sleep_ns(long ns)
{
    const struct timespec t = {.tv_nsec = ns};

    nanosleep(&t, NULL);
}

// Is it worth asking again? When the node is away for a moment, or says so.
static bool passing(const struct err *e, long status)
{
    return e->code == ECONNREFUSED || e->code == ECONNRESET || status == 503 ||
           status == 429 || status == 425;
}

// -------------------------------------------------------------------- waiting

json_t *attach_wait(struct client *c, const char *id, struct err *e)
{
    const struct call call = {0};
    long long version = 0;

    for (int failures = 0;;) {
        cleanup_answer struct answer a = ANSWER_INIT;
        json_t *o = NULL;

        if (client_call(c, &call, &a, e,
                        "/v1/submissions/%s?wait_version=%lld&timeout_ms=30000",
                        id, version) < 0) {
            if (!passing(e, a.status) || ++failures > RETRIES_MAX)
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
        if (json_is_true(json_object_get(o, "final")))
            return o;
        version = get_count(o, "version");
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

int attach_console(struct client *c, const char *id, uint64_t offset,
                   struct err *e)
{
    struct console o = {.offset = offset};
    const struct call call = {.sink = console_write, .arg = &o};

    for (int failures = 0; failures <= RETRIES_MAX; failures++) {
        cleanup_answer struct answer a = ANSWER_INIT;
        int r = client_call(c, &call, &a, e,
                            "/v1/submissions/%s/console?follow=1&offset=%llu",
                            id, (unsigned long long)o.offset);

        if (o.failed)
            return err_set(e, o.failed, "writing the console: %s",
                           strerror(o.failed));
        if (r == 0 || !passing(e, a.status))
            return r;
        if (o.moved)
            failures = 0;
        o.moved = false;
        sleep_ns(RETRY_NS);
    }
    return -e->code;
}

// ---------------------------------------------------------------------- input

// Posts a piece, or the end of input, until the domain has taken all of it. It
// cannot before it runs (409), and not more than it reads (429, or part of it
// is accepted). Returns 0, or < 0: no more.
static int input_post(struct client *c, const char *id, const char *data,
                      size_t len)
{
    bool end = len == 0;

    do {
        const struct call call = {.method = "POST",
                                  .type = "application/octet-stream",
                                  .body = data,
                                  .body_len = len};
        cleanup_answer struct answer a = ANSWER_INIT;
        struct err e = {0};
        int r = client_call(c, &call, &a, &e, "/v1/submissions/%s/input%s", id,
                            end ? "?eof=1" : "");

        if (r == 0) {
            json_t *o = json_loadb(buf_str(&a.body), a.body.len, 0, NULL);
            int64_t n = get_count(o, "accepted");

            json_decref(o);
            if (n < 0 || (uint64_t)n > len)
                return -EPROTO;
            data += n;
            len -= (size_t)n;
            end = false;
        } else if (a.status == 409 || passing(&e, a.status)) {
            sleep_ns(a.status ? INPUT_RETRY_NS : RETRY_NS);
        } else {
            return r;
        }
    } while (len || end);
    return 0;
}

static void *input_thread(void *arg)
{
    cleanup_free char *id = arg;
    struct err e = {0};
    struct client *c = client_open(CLIENT_CUSTOMER, &e);
    char piece[INPUT_PIECE];
    ssize_t n = 1;

    while (c && n > 0) {
        n = read(STDIN_FILENO, piece, sizeof(piece));
        if (input_post(c, id, piece, n > 0 ? (size_t)n : 0) < 0)
            break;
    }
    client_close(c);
    return NULL;
}

int attach_input(const char *id, struct err *e)
{
    char *copy = strdup(id);
    pthread_t thread;

    // In the background of a terminal, reading it fails instead of stopping
    // the program.
    signal(SIGTTIN, SIG_IGN);
    if (!copy || pthread_create(&thread, NULL, input_thread, copy)) {
        free(copy);
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

    // The compiler has said it better.
    if (!strcmp(get_text(o, "outcome"), "build-failed"))
        report = "";
    show_fate(fate, o);
    if (strcmp(get_text(o, "outcome"), "exited"))
        fprintf(stderr, "hostel: %s%s%s\n", fate, *report ? ":\n" : "", report);
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
    o = attach_wait(c, id, &e);
    if (!o)
        return cmd_fail(&e);
    status = fate_status(o);
    if (status == FATE_BUILD)
        print_build_log(c, id);
    print_fate(o);
    json_decref(o);
    return status;
}
