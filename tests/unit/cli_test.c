// SPDX-License-Identifier: ISC
// The verbs of hostel(1) against a node that makes its answers up: exit
// status and what they print.

#include <assert.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/bundle/key.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/show.h"
#include "tests/unit/api_fake.h"

static struct fake_node node;
static char home[] = "/tmp/hostel-cli.XXXXXX";

// -------------------------------------------------------------------- figures

static void test_figures(void)
{
    char out[SHOW_SIZE], fate[SHOW_FATE_SIZE];
    json_t *o = json_pack("{s:s, s:i, s:{s:i}}", "outcome", "exited",
                          "exit_status", 300, "usage", "cpu_ns", 12);

    assert(!strcmp(show_ns(out, 0), "0 ns"));
    assert(!strcmp(show_ns(out, 999), "999 ns"));
    assert(!strcmp(show_ns(out, 1500), "1.5 us"));
    assert(!strcmp(show_ns(out, 2345678), "2.346 ms"));
    assert(!strcmp(show_ns(out, 61000000000), "61.000 s"));
    assert(!strcmp(show_bytes(out, 1023), "1023 B"));
    assert(!strcmp(show_bytes(out, 1536), "1.5 KiB"));
    assert(!strcmp(show_kib(out, 16384), "16.0 MiB"));
    assert(!strcmp(show_kib(out, INT64_MAX), "8388608.0 TiB"));
    assert(!strcmp(show_time(out, "2026-11-22T17:03:44.123456789Z"),
                   "2026-11-22 17:03:44"));
    assert(!strcmp(show_time(out, ""), "-"));
    assert(get_count(o, "usage.cpu_ns") == 12);
    assert(get_count(o, "usage.none") == 0 && !*get_text(o, "none.at.all"));
    assert(!strcmp(show_fate(fate, o), "exited with status 300"));
    assert(fate_status(o) == 300 % 256);
    json_object_set_new(o, "outcome", json_string("build-failed"));
    assert(fate_status(o) == FATE_BUILD);
    json_object_set_new(o, "outcome", json_string("trapped"));
    assert(fate_status(o) == FATE_STOPPED);
    json_decref(o);
}

// ---------------------------------------------------------------------- verbs

static struct buf out = BUF_INIT(1 << 20), errors = BUF_INIT(1 << 20);

static int redirect(int fd)
{
    int file = memfd_create("output", MFD_CLOEXEC);

    assert(file >= 0 && dup2(file, fd) == fd);
    return file;
}

static void collect(int file, int fd, int saved, struct buf *b)
{
    assert(dup2(saved, fd) == fd);
    close(saved);
    assert(lseek(file, 0, SEEK_SET) == 0);
    buf_free(b);
    assert(fd_read(file, "output", b, NULL) == 0);
    close(file);
}

// Runs a verb; what it prints is then in `out` and `errors`.
static int run_args(const struct cmd *c, int argc, char **argv)
{
    int saved_out, saved_err, out_file, err_file, r;

    fflush(NULL);
    saved_out = dup(1);
    saved_err = dup(2);
    out_file = redirect(1);
    err_file = redirect(2);
    optind = 0;
    r = c->run(argc, argv);
    fflush(NULL);
    collect(out_file, 1, saved_out, &out);
    collect(err_file, 2, saved_err, &errors);
    return r;
}

// The last argument is NULL.
#define ARGS_MAX_HERE 12
static int run(const struct cmd *c, const char *const *args)
{
    char *argv[ARGS_MAX_HERE + 1] = {(char *)c->name};
    int argc = 1;

    while (*args && argc < ARGS_MAX_HERE)
        argv[argc++] = (char *)*args++;
    return run_args(c, argc, argv);
}
#define verb(c, ...) run(&(c), (const char *const[]){__VA_ARGS__, NULL})

static void expect(int got, int status, const struct buf *b, const char *text)
{
    if (got != status || !strstr(buf_str(b), text)) {
        fprintf(stderr, "%d, not %d, or no \"%s\"\nout: %s\nerrors: %s\n", got,
                status, text, buf_str(&out), buf_str(&errors));
        abort();
    }
}

static void test_context(void)
{
    char address[32], id[65], other[65];

    snprintf(address, sizeof(address), "127.0.0.1:%d",
             ntohs(node.tcp_at.sin_port));
    hex_encode(id, node.cfg.node_id, 32);
    memset(other, 'a', 64);
    other[64] = '\0';
    expect(verb(cmd_list, NULL), 1, &errors, "which node?");
    expect(verb(cmd_context, "add", "t", address, "--node-id", other), 1,
           &errors, "not the one you named");
    expect(verb(cmd_context, "add", "t", "127.0.0.1:1"), 1, &errors,
           "no node answers at 127.0.0.1:1");
    expect(verb(cmd_context, "add", "../t", address), 1, &errors, "a name has");
    expect(verb(cmd_context, "add", "t", "http://x/"), 1, &errors,
           "a node's address is HOST");
    expect(verb(cmd_context, "add", "t", address, "--node-id", id), 0, &out,
           id);
    expect(verb(cmd_context, "list"), 0, &out, address);
    expect(verb(cmd_context, "show", "--json"), 0, &out, "\"current\": true");
    expect(verb(cmd_context, "use", "none"), 1, &errors, "no context none");
    expect(verb(cmd_context, "add", "gone", address), 0, &out, "gone");
    expect(verb(cmd_context, "use", "t"), 0, &out, "");
    expect(verb(cmd_context, "remove", "gone"), 0, &out, "");
    expect(verb(cmd_context, "remove", "gone"), 1, &errors, "no context gone");
    expect(verb(cmd_context, "sing"), 2, &errors, "usage: hostel context");
}

static void test_node(void)
{
    expect(verb(cmd_node, "info"), 0, &out, "testnode");
    expect(verb(cmd_node, "--json"), 0, &out, "\"currency\": \"EUR\"");
    expect(verb(cmd_node, "ratecard"), 0, &out, "a document");
    expect(verb(cmd_node, "dance"), 2, &errors, "usage: hostel node");
}

static void test_submission(const char *program)
{
    char id[33], prefix[9];

    expect(verb(cmd_list, NULL), 1, &errors, "keys/default.key");
    expect(verb(cmd_keygen, NULL), 0, &out, "");
    expect(verb(cmd_list, NULL), 0, &out, "SUBMITTED");
    expect(verb(cmd_quote, "--cpu-ms", "2000", program), 0, &out, "0.02");
    expect(verb(cmd_quote, "--json", program), 0, &out, "\"total_nano\"");
    expect(verb(cmd_quote, "/nowhere.c"), 1, &errors, "/nowhere.c");
    expect(verb(cmd_run, NULL), 2, &errors, "usage: hostel run");

    // The fake program says hello, and bye when it is waited for.
    assert(write_full(node.fake.log_fd, "hello\n", 6) == 0);
    expect(verb(cmd_run, "-d", program), 0, &out, "");
    assert(out.len == 33);
    memcpy(id, out.data, 32);
    id[32] = '\0';
    snprintf(prefix, sizeof(prefix), "%.8s", id);
    expect(verb(cmd_show, prefix), 0, &out, id);
    expect(verb(cmd_usage_of, prefix), 0, &out, "250.000 ms");
    expect(verb(cmd_usage_of, NULL), 0, &out, "750.000 ms");
    expect(verb(cmd_show, "ffffffff"), 1, &errors, "no submission begins");
    expect(verb(cmd_show, "xyz"), 1, &errors, "not a submission's number");
    expect(verb(cmd_logs, prefix), 0, &out, "hello\n");
    expect(verb(cmd_console, id), 7, &out, "hello\nbye\n");
    expect(verb(cmd_wait, id), 7, &out, "exited with status 7");
    expect(verb(cmd_list, "--live"), 0, &out, "SUBMITTED");
    assert(!strstr(buf_str(&out), prefix));
    expect(verb(cmd_list, "--json", "-n", "3"), 0, &out, id);
    expect(verb(cmd_destroy, id), 0, &out, "");
    expect(verb(cmd_receipt, "-o", "-", id), 0, &out, "a document");
    expect(verb(cmd_invoice, "--month", "2026-11"), 0, &out, "a document");
    expect(verb(cmd_invoice, "--month", "November"), 1, &errors, "a month");
    expect(verb(cmd_export, "--csv"), 0, &out, "a document");
    expect(verb(cmd_submit, program), 1, &errors, "hostel: ");
}

static void test_receipt_of_nobody(const char *program)
{
    expect(verb(cmd_verify_receipt, program), 1, &errors, program);
    expect(verb(cmd_verify_receipt, "-n", "12", program), 1, &errors,
           "hostel: ");
}

static void test_operator(void)
{
    cli_options.socket = node.unix_at;
    expect(verb(cmd_account, "create", "default", "Ada"), 0, &out, "Ada");
    expect(verb(cmd_account, "credit", "default", "10.50 EUR"), 0, &out,
           "10.50");
    expect(verb(cmd_account, "credit", "default", "ten"), 1, &errors,
           "hostel: ");
    expect(verb(cmd_account, "credit", "default", "0"), 1, &errors,
           "more than 0");
    expect(verb(cmd_account, "credit", "stranger", "1"), 1, &errors,
           "stranger is no key pair here");
    expect(verb(cmd_invite, "-u", "2x"), 2, &errors, "-u is a number");
    expect(verb(cmd_quota, "default", "--memory", "lots"), 2, &errors,
           "--memory is a number");
    expect(verb(cmd_account, "list"), 0, &out, "Ada");
    expect(verb(cmd_account, "list", "--json"), 0, &out, "\"accounts\"");
    expect(verb(cmd_account, "show", "default"), 0, &out, "10.50");
    // He sees everybody's.
    expect(verb(cmd_list, "--submissions"), 0, &out, "exit 7");
    cli_options.socket = NULL;
    expect(verb(cmd_account, "show"), 0, &out, "Ada");
    cli_options.socket = "/tmp/no-such-socket";
    expect(verb(cmd_account, "list"), 1, &errors,
           "no node serves at /tmp/no-such-socket");
    cli_options.socket = NULL;
}

int main(void)
{
    char program[64], tidy[96];
    struct err e;

    assert(key_init(&e) == 0 && mkdtemp(home));
    curl_global_init(CURL_GLOBAL_DEFAULT);
    setenv("HOSTEL_HOME", home, 1);
    unsetenv("HOSTEL_CONTEXT");
    unsetenv("HOSTEL_SOCKET");
    snprintf(program, sizeof(program), "%s/seven.c", home);
    assert(file_write_durable(program, "int main(void) { return 7; }\n", 29,
                              0644, &e) == 0);
    fake_node_start(&node);
    test_figures();
    test_context();
    test_node();
    test_submission(program);
    test_receipt_of_nobody(program);
    test_operator();
    fake_node_stop(&node);
    buf_free(&out);
    buf_free(&errors);
    snprintf(tidy, sizeof(tidy), "rm -r %s", home);
    return system(tidy);
}
