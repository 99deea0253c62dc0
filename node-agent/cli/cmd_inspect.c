// SPDX-License-Identifier: ISC
// hostel inspect: shows what a bundle asks for, after checking all of it.

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "lib/table.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/cli/cmd.h"

#define NS_PER_MS 1000000

static const char *role_name(enum manifest_role role)
{
    return role == ROLE_SOURCE ? "source"
           : role == ROLE_DATA ? "data"
                               : "image";
}

static const char *kind_name(enum manifest_kind kind)
{
    return kind == KIND_SOURCE ? "source" : "image";
}

static char *utc(char out[32], uint64_t s)
{
    time_t t = s;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
    return out;
}

static char *money(char out[40], const struct manifest *m)
{
    snprintf(out, 40, "%" PRIu64 ".%09" PRIu64 "%s%s",
             m->cost_cap_nano / 1000000000, m->cost_cap_nano % 1000000000,
             *m->currency ? " " : "", m->currency);
    return out;
}

// ------------------------------------------------------------------- people

static void print_list(const char *what, size_t n, const char *const *item)
{
    for (size_t i = 0; i < n; i++)
        printf("%-13s %s\n", i ? "" : what, item[i]);
}

static void print_files(const struct manifest *m)
{
    struct table *t = table_new("ROLE,MODE,>BYTES,BLAKE2B-256,PATH");

    for (size_t i = 0; t && i < m->nfiles; i++) {
        const struct manifest_file *f = &m->file[i];
        char mode[8], size[24], hex[2 * DIGEST_BYTES + 1];

        snprintf(mode, sizeof(mode), "%04o", f->mode);
        snprintf(size, sizeof(size), "%" PRIu64, f->size);
        table_row(t, role_name(f->role), mode, size,
                  hex_encode(hex, f->digest, DIGEST_BYTES), f->path);
    }
    if (t)
        table_print(t, stdout);
    table_free(t);
}

static const char *const mode_names[] = {[RUN_ONCE] = "once",
                                         [RUN_SERVICE] = "service",
                                         [RUN_FUNCTION] = "function"};

static void print_net(const struct net_terms *n)
{
    if (n->mode == NET_NONE)
        return;
    printf("network       %s", net_mode_name(n->mode));
    if (*n->link)
        printf(", link %s", n->link);
    printf("; at most %llu bytes in, %llu out\n",
           (unsigned long long)n->in_bytes, (unsigned long long)n->out_bytes);
    for (uint32_t i = 0; i < n->npublish; i++)
        printf("publishes     %s:%u:%u\n",
               n->publish[i].protocol == NET_UDP ? "udp" : "tcp",
               n->publish[i].host_port, n->publish[i].port);
}

static void print_run(const struct manifest *m)
{
    const struct run_terms *t = &m->run;

    printf("run           %s", mode_names[t->mode]);
    if (t->mode == RUN_SERVICE)
        printf(", restart %s after %u ms",
               t->restart == RESTART_ALWAYS ? "always" : "on failure",
               t->backoff_ms);
    if (t->restarts_max)
        printf(", at most %u times", t->restarts_max);
    if (t->mode == RUN_FUNCTION)
        printf(", %u requests at once, %u ms each", t->concurrency,
               t->request_ms);
    printf("\n");
    if (t->cpu_weight)
        printf("CPU weight    %u\n", t->cpu_weight);
    if (t->cpu_cap_percent)
        printf("CPU cap       %u %%\n", t->cpu_cap_percent);
    if (m->sealed_len)
        printf("secrets       %zu bytes, sealed\n", m->sealed_len);
}

static void print_volumes(const struct manifest *m)
{
    for (size_t i = 0; i < m->nvolumes; i++)
        printf("volume        %s at %s%s%s\n", m->volume[i].name,
               m->volume[i].mount, m->volume[i].read_only ? ", read-only" : "",
               m->volume[i].shared ? ", shared" : "");
}

static void print_text(const struct bundle_reader *r)
{
    const struct manifest *m = bundle_reader_manifest(r);
    uint8_t digest[DIGEST_BYTES];
    char hex[2 * DIGEST_BYTES + 1], from[32], to[32], cost[40];

    bundle_reader_digest(r, digest);
    printf("name          %s\n", m->name);
    printf("kind          %s\n", kind_name(m->kind));
    printf("manifest      %s\n", hex_encode(hex, digest, sizeof(digest)));
    printf("customer      %s\n", hex_encode(hex, m->customer, KEY_BYTES));
    printf("node          %s\n", hex_encode(hex, m->audience, KEY_BYTES));
    printf("valid         %s to %s\n", utc(from, m->not_before_s),
           utc(to, m->expires_s));
    printf("memory        %" PRIu64 " KiB\n", m->memory_kib);
    printf("CPU           %" PRIu64 " ms\n", m->cpu_ns / NS_PER_MS);
    printf("wall time     %" PRIu64 " ms\n", m->wall_ns / NS_PER_MS);
    if (m->build_cpu_ns)
        printf("build CPU     %" PRIu64 " ms\n", m->build_cpu_ns / NS_PER_MS);
    printf("console       %" PRIu64 " bytes\n", m->console_bytes);
    print_run(m);
    print_volumes(m);
    print_net(&m->net);
    printf("cost cap      %s\n",
           m->cost_cap_nano ? money(cost, m) : "what the budgets can cost");
    if (m->purchase_order_len)
        printf("order         %s\n",
               hex_encode((char[2 *PURCHASE_ORDER_MAX + 1]){0},
                          m->purchase_order, m->purchase_order_len));
    print_list("options", m->noptions, m->option);
    print_list("arguments", m->nargs, m->arg);
    print_list("environment", m->nenv, m->env);
    printf("\n");
    print_files(m);
}

// ----------------------------------------------------------------- programs

static json_t *json_hex(const void *data, size_t len)
{
    char hex[2 * PURCHASE_ORDER_MAX + 1];

    return json_string(hex_encode(hex, data, len));
}

static json_t *json_list(size_t n, const char *const *item)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, json_string(item[i]));
    return a;
}

static json_t *json_files(const struct manifest *m)
{
    json_t *a = json_array();

    for (size_t i = 0; i < m->nfiles; i++) {
        const struct manifest_file *f = &m->file[i];

        json_array_append_new(a, json_pack("{s:s, s:s, s:I, s:i, s:o}", "path",
                                           f->path, "role", role_name(f->role),
                                           "size", (json_int_t)f->size, "mode",
                                           (int)f->mode, "blake2b256",
                                           json_hex(f->digest, DIGEST_BYTES)));
    }
    return a;
}

static void print_json(const struct bundle_reader *r)
{
    const struct manifest *m = bundle_reader_manifest(r);
    uint8_t digest[DIGEST_BYTES];
    char *text;
    json_t *o;

    bundle_reader_digest(r, digest);
    o = json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:I, s:o}", "name", m->name,
                  "kind", kind_name(m->kind), "manifest_blake2b256",
                  json_hex(digest, sizeof(digest)), "customer",
                  json_hex(m->customer, KEY_BYTES), "node",
                  json_hex(m->audience, KEY_BYTES), "not_before_s",
                  (json_int_t)m->not_before_s, "expires_s",
                  (json_int_t)m->expires_s, "nonce",
                  json_hex(m->nonce, NONCE_BYTES));
    json_object_update_new(
        o, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:o}", "memory_kib",
                     (json_int_t)m->memory_kib, "cpu_ns", (json_int_t)m->cpu_ns,
                     "wall_ns", (json_int_t)m->wall_ns, "build_cpu_ns",
                     (json_int_t)m->build_cpu_ns, "console_bytes",
                     (json_int_t)m->console_bytes, "cost_cap_nano",
                     (json_int_t)m->cost_cap_nano, "currency", m->currency,
                     "purchase_order",
                     json_hex(m->purchase_order, m->purchase_order_len)));
    json_object_update_new(
        o, json_pack("{s:o, s:o, s:o, s:o}", "options",
                     json_list(m->noptions, m->option), "arguments",
                     json_list(m->nargs, m->arg), "environment",
                     json_list(m->nenv, m->env), "files", json_files(m)));
    text = json_text(o, true);
    printf("%s\n", text ? text : "null");
    free(text);
    json_decref(o);
}

static int run(int argc, char **argv)
{
    static const struct option longs[] = {{"json", no_argument, NULL, 'j'},
                                          {0}};
    static const struct bundle_handler nothing = {0};
    cleanup_close int fd = -1;
    struct bundle_reader *r;
    bool json = false;
    struct err e;
    int c;

    while ((c = getopt_long(argc, argv, "j", longs, NULL)) != -1) {
        if (c != 'j')
            return cmd_usage(&cmd_inspect);
        json = true;
    }
    if (argc - optind != 1)
        return cmd_usage(&cmd_inspect);
    fd = open(argv[optind], O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(&e, "%s", argv[optind]);
        return cmd_fail(&e);
    }
    r = bundle_reader_new(&nothing, NULL);
    if (!r) {
        err_set(&e, ENOMEM, "no memory to read a bundle");
        return cmd_fail(&e);
    }
    c = bundle_read_fd(r, fd, &e);
    if (c == 0 && json)
        print_json(r);
    else if (c == 0)
        print_text(r);
    else
        err_prefix(&e, "%s", argv[optind]);
    bundle_reader_free(r);
    return c < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_inspect = {
    .name = "inspect",
    .run = run,
    .usage = "[--json] BUNDLE",
    .summary = "show what a bundle holds and asks for",
    .help = "  --json   for programs\n",
};
