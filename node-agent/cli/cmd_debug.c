// SPDX-License-Identifier: ISC
// hostel debug, hostel dump-core, hostel trace: looking inside a program that
// runs.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "node-agent/cli/client.h"
#include "node-agent/cli/cmd.h"
#include "node-agent/cli/ctl.h"

static struct client *client_for(const char *text, char id[SUB_ID_TEXT],
                                 struct err *e)
{
    bool domain = ctl_wanted();
    struct client *c =
        client_open(domain ? CLIENT_OPERATOR : CLIENT_CUSTOMER, e);

    if (c && (domain ? ctl_find_run(text, id, e)
                     : client_find_submission(c, text, id, e)) < 0) {
        client_close(c);
        return NULL;
    }
    return c;
}

// ------------------------------------------------------------------- debugger

struct bridge {
    char id[SUB_ID_TEXT];
    int gdb_fd;
    pthread_mutex_t lock;
    pthread_cond_t named;
    char session[32]; // its first line
    bool is_named;    // ... has come
    size_t session_len;
    bool over;
    struct err e;
};

// From the node to gdb; the first line is the session's name.
static int bridge_sink(void *arg, const void *data, size_t len)
{
    struct bridge *b = arg;
    const char *at = data;

    pthread_mutex_lock(&b->lock);
    while (len && !b->is_named) {
        char c = *at++;

        len--;
        b->is_named = c == '\n';
        if (!b->is_named && b->session_len < sizeof(b->session) - 1)
            b->session[b->session_len++] = c;
    }
    pthread_cond_signal(&b->named);
    pthread_mutex_unlock(&b->lock);
    return len ? write_full(b->gdb_fd, at, len) : 0;
}

static void *bridge_listen(void *arg)
{
    struct bridge *b = arg;
    const struct call call = {.sink = bridge_sink, .arg = b};
    cleanup_answer struct answer a = ANSWER_INIT;
    struct client *c = client_open(
        ctl_wanted() ? CLIENT_OPERATOR : CLIENT_CUSTOMER, &b->e);
    int r = -1;

    if (c)
        r = client_call(c, &call, &a, &b->e, "/v1/submissions/%s/debug", b->id);
    pthread_mutex_lock(&b->lock);
    b->over = true;
    if (r == 0)
        b->e = (struct err){0};
    pthread_cond_signal(&b->named);
    pthread_mutex_unlock(&b->lock);
    shutdown(b->gdb_fd, SHUT_RDWR);
    client_close(c);
    return NULL;
}

// From gdb to the node, until either goes.
static int bridge_run(struct bridge *b, struct client *c, struct err *e)
{
    pthread_t thread;
    char piece[32768];
    ssize_t n;

    if (pthread_create(&thread, NULL, bridge_listen, b))
        return err_set(e, ENOMEM, "no memory for a thread");
    pthread_mutex_lock(&b->lock);
    while (!b->over && !b->is_named)
        pthread_cond_wait(&b->named, &b->lock);
    pthread_mutex_unlock(&b->lock);
    while (!b->over && (n = read(b->gdb_fd, piece, sizeof(piece))) > 0) {
        const struct call call = {.method = "POST",
                                  .type = "application/octet-stream",
                                  .body = piece,
                                  .body_len = (size_t)n};
        cleanup_answer struct answer a = ANSWER_INIT;

        if (client_call(c, &call, &a, e, "/v1/submissions/%s/debug?session=%s",
                        b->id, b->session) < 0)
            return b->over ? 0 : -e->code;
    }
    if (b->over && b->e.code) {
        *e = b->e;
        return -e->code;
    }
    return 0;
}

static int listen_port(unsigned port, unsigned *got, struct err *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 1) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        return err_errno(e, "listening on port %u", port);
    *got = ntohs(a.sin_port);
    return fd;
}

static int listen_path(const char *path, struct err *e)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(a.sun_path))
        return err_set(e, ENAMETOOLONG, "%s: too long for a socket", path);
    strcpy(a.sun_path, path);
    umask(077);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        listen(fd, 1) < 0)
        return err_errno(e, "%s", path);
    return fd;
}

static int debug_serve(struct bridge *b, struct client *c, int listen_fd,
                       struct err *e)
{
    const int one = 1;
    int r;

    b->gdb_fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    close(listen_fd);
    if (b->gdb_fd < 0)
        return err_errno(e, "accept");
    setsockopt(b->gdb_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    r = bridge_run(b, c, e);
    // The thread, and the node's session, end with this program.
    return r;
}

// Better now than when gdb comes.
static int debug_running(struct client *c, const char *id, struct err *e)
{
    json_t *o = client_get_json(c, e, "/v1/submissions/%s", id);
    bool runs;

    if (!o)
        return -e->code;
    runs = !strcmp(json_string_value(json_object_get(o, "state")), "running");
    json_decref(o);
    return runs ? 0 : err_set(e, ESRCH, "it is not running");
}

static int debug_run(int argc, char **argv)
{
    static const struct option longs[] = {
        {"port", required_argument, NULL, 'p'},
        {"socket", required_argument, NULL, 'u'},
        {0}};
    static struct bridge b = {.lock = PTHREAD_MUTEX_INITIALIZER,
                              .named = PTHREAD_COND_INITIALIZER};
    const char *path = NULL;
    unsigned port = 0;
    struct err e = {0};
    struct client *c;
    int o, fd, r;

    while ((o = getopt_long(argc, argv, "p:u:", longs, NULL)) != -1) {
        char *end = NULL;

        if (o == 'u')
            path = optarg;
        else if (o == 'p')
            port = (unsigned)strtoul(optarg, &end, 10);
        if (o == '?' || (end && (*end || port > 65535)))
            return cmd_usage(&cmd_debug);
    }
    if (argc - optind != 1 || (path && port))
        return cmd_usage(&cmd_debug);
    signal(SIGPIPE, SIG_IGN);
    c = client_for(argv[optind], b.id, &e);
    if (!c || debug_running(c, b.id, &e) < 0)
        return cmd_fail(&e);
    fd = path ? listen_path(path, &e) : listen_port(port, &port, &e);
    if (fd < 0)
        return cmd_fail(&e);
    if (path)
        printf("target remote %s\n", path);
    else
        printf("target remote localhost:%u\n", port);
    fflush(stdout);
    r = debug_serve(&b, c, fd, &e);
    if (path)
        unlink(path);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_debug = {
    .name = "debug",
    .run = debug_run,
    .usage = "[-p PORT | -u PATH] ID",
    .summary = "stop a running program and wait for gdb",
    .help =
        "It stops when gdb connects, and runs on when gdb goes away. What to\n"
        "tell gdb is printed: gdb -ex \"target remote localhost:PORT\" IMAGE\n"
        "  -p  listen on this port of the loopback (default: any)\n"
        "  -u  listen on this unix socket instead\n",
};

// ----------------------------------------------------------------------- core

static int fd_write(void *arg, const void *data, size_t len)
{
    return write_full(*(int *)arg, data, len);
}

static int core_run(int argc, char **argv)
{
    static const struct option longs[] = {{0}};
    cleanup_answer struct answer a = ANSWER_INIT;
    cleanup_close int fd = -1;
    const struct call call = {.sink = fd_write, .arg = &fd};
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    int r;

    if (getopt_long(argc, argv, "", longs, NULL) != -1 || argc - optind != 2)
        return cmd_usage(&cmd_dump_core);
    c = client_for(argv[optind], id, &e);
    if (!c)
        return cmd_fail(&e);
    fd = open(argv[optind + 1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        err_errno(&e, "%s", argv[optind + 1]);
        return cmd_fail(&e);
    }
    r = client_call(c, &call, &a, &e, "/v1/submissions/%s/core", id);
    client_close(c);
    if (r == 0 && lseek(fd, 0, SEEK_CUR) == 0)
        r = err_set(&e, EIO, "the program ended before its memory was read");
    if (r < 0)
        unlink(argv[optind + 1]);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_dump_core = {
    .name = "dump-core",
    .run = core_run,
    .usage = "ID FILE",
    .summary = "write a running program's memory to a file for gdb",
    .help = "It stands still meanwhile, and then runs on: gdb IMAGE FILE\n",
};

// ---------------------------------------------------------------------- trace

static int trace_run(int argc, char **argv)
{
    static const struct option longs[] = {{0}};
    int out = STDOUT_FILENO;
    const struct call call = {.sink = fd_write, .arg = &out};
    cleanup_answer struct answer a = ANSWER_INIT;
    char id[SUB_ID_TEXT];
    struct err e = {0};
    struct client *c;
    int r;

    if (getopt_long(argc, argv, "", longs, NULL) != -1 || argc - optind != 1)
        return cmd_usage(&cmd_trace);
    c = client_for(argv[optind], id, &e);
    if (!c)
        return cmd_fail(&e);
    r = client_call(c, &call, &a, &e, "/v1/submissions/%s/trace", id);
    client_close(c);
    return r < 0 ? cmd_fail(&e) : 0;
}

const struct cmd cmd_trace = {
    .name = "trace",
    .run = trace_run,
    .usage = "ID",
    .summary = "print what a running program asks of its hypervisor",
    .help = "A line each: time, what, and how much of it was missed.\n",
};
