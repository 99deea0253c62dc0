// SPDX-License-Identifier: ISC
// The HTTP server; see server.h.
//
// libmicrohttpd 0.9.75 calls, on the connection's thread: on_target with the
// request line; on_request once when the headers are there, once for each
// piece of the body, and once at the end; on_completed. An answer queued at
// the first call ends the connection, so requests without a body are answered
// at the last. While a body arrives no answer can be queued at all: a refusal
// waits for the end of a short body, and goes past libmicrohttpd (conn_cut)
// when the body is long.

#include "node-agent/api/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/log.h"
#include "lib/sock.h"
#include "node-agent/api/auth.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/rate.h"
#include "node-agent/api/route.h"
#include "node-agent/api/tls.h"
#include "node-agent/api/upload.h"
#include "node-agent/api/volume.h"

struct server {
    struct api *api;
    enum server_kind kind;
    struct MHD_Daemon *daemon;
};

// --------------------------------------------------------------- refusals

static void refuse(struct request *rq, unsigned status, unsigned retry_s,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static void refuse(struct request *rq, unsigned status, unsigned retry_s,
                   const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(rq->refused_text, sizeof(rq->refused_text), fmt, args);
    va_end(args);
    rq->refused_status = status;
    rq->refused_retry_s = retry_s;
}

static void refuse_reply(struct request *rq)
{
    reply_problem(rq, rq->refused_status, rq->refused_retry_s, "%s",
                  rq->refused_text);
}

// How much of the body is still to come: UINT64_MAX if nobody knows.
static uint64_t body_left(const struct request *rq)
{
    const char *length = request_field(rq, "content-length");
    uint64_t n;

    if (request_field(rq, "transfer-encoding"))
        return UINT64_MAX;
    n = length ? strtoull(length, NULL, 10) : 0;
    return n > rq->conn->body_bytes ? n - rq->conn->body_bytes : 0;
}

// A refusal was found, headers or part of the body read.
static void refuse_now(struct request *rq, bool first)
{
    uint64_t left = body_left(rq);

    if (first && left && request_field(rq, "expect")) {
        refuse_reply(rq); // the client holds the body back
    } else if (left > DRAIN_MAX) {
        conn_cut(rq->conn, rq->refused_status, rq->refused_text);
        rq->answered = true;
        rq->status = rq->refused_status;
    }
}

// ------------------------------------------------------------- one request

// Seconds to wait for whoever asks too often. This machine's own users are not
// counted, nor is who watches.
static unsigned request_limited(struct request *rq)
{
    const struct conn *c = rq->conn;
    unsigned wait_s;

    if (c->local || rq->watcher)
        return 0;
    wait_s = rate_take(rq->api->by_address, c->address, sizeof(c->address), 1,
                       clock_mono_ns());
    if (wait_s)
        atomic_fetch_add(&rq->api->metrics.limited_address, 1);
    return wait_s;
}

// The listener for metrics has nothing else.
static bool watchers(const struct route *route)
{
    return route->access == ACCESS_WATCHER ||
           !strcmp(route->path, "/healthz") || !strcmp(route->path, "/readyz");
}

static bool request_allowed(struct request *rq);

static void request_begin(struct request *rq)
{
    char allowed[ALLOWED_MAX];
    unsigned wait_s;
    uint64_t length;

    rq->begun = true;
    conn_phase(rq->conn, CONN_BODY);
    length = body_left(rq);
    rq->route = route_find(rq->method, rq->path, rq->param, allowed);
    if (rq->watcher && rq->route && !watchers(rq->route)) {
        rq->route = NULL;
        *allowed = '\0';
    }
    wait_s = request_limited(rq);
    if (wait_s) {
        refuse(rq, 429, wait_s,
               "there are too many requests from your address; %u a second "
               "are allowed",
               rq->api->cfg->address_rate);
    } else if (!rq->route && *allowed) {
        snprintf(rq->param, sizeof(rq->param), "%s", allowed);
        reply_header(rq, MHD_HTTP_HEADER_ALLOW, rq->param);
        refuse(rq, 405, 0, "%s is not a method of this resource; it has %s",
               rq->method, allowed);
    } else if (!rq->route) {
        refuse(rq, 404, 0, "this node has no such resource");
    } else if (length && rq->route->body_max == 0) {
        refuse(rq, 413, 0, "this request takes no body");
    } else if (length != UINT64_MAX && length > rq->route->body_max) {
        refuse(rq, 413, 0, "the body has %llu bytes; %zu are allowed",
               (unsigned long long)length, rq->route->body_max);
    } else if (route_streams(rq->route)) {
        rq->upload = upload_new(rq->api, rq->conn);
        if (!rq->upload)
            refuse(rq, 503, 5, "the node has no memory for the bundle");
    } else if (route_fills(rq->route)) {
        // Before a byte of it: the reply, if there is one, ends the connection.
        rq->streams = length != 0;
        if (request_allowed(rq))
            rq->volume = volume_upload_new(rq);
        if (!rq->volume && rq->answered)
            audit_note(rq);
    } else {
        rq->body = (struct buf)BUF_INIT(rq->route->body_max);
    }
    if (rq->refused_status)
        refuse_now(rq, true);
}

static void request_piece(struct request *rq, const char *data, size_t len)
{
    struct err e = {0};
    unsigned status = 0;

    conn_received(rq->conn, len);
    if (rq->refused_status || rq->answered)
        return; // read and dropped
    if (rq->volume)
        status = volume_upload_add(rq, data, len, &e);
    else if (rq->upload)
        status = upload_add(rq->upload, data, len, &e);
    else if (buf_add(&rq->body, data, len) < 0)
        status = 413;
    if (!status)
        return;
    refuse(rq, status, status == 503 || status == 429 ? 5 : 0, "%s",
           *e.text ? e.text : "the body is longer than this request may have");
    refuse_now(rq, false);
}

static bool request_allowed(struct request *rq)
{
    if (rq->route->access == ACCESS_OPEN ||
        (rq->route->access == ACCESS_WATCHER && rq->watcher))
        return true;
    if (!auth_caller(rq))
        return false;
    if (rq->route->access == ACCESS_EITHER)
        return true;
    if (rq->caller.viewer && strcmp(rq->method, "GET") &&
        strcmp(rq->method, "HEAD")) {
        reply_problem(rq, 403, 0, "you may look here, but change nothing");
        return false;
    }
    if (rq->route->access == ACCESS_STRANGER &&
        rq->caller.kind == CALLER_CUSTOMER)
        return true;
    if (rq->caller.kind == CALLER_OPERATOR ||
        (rq->caller.kind == CALLER_CUSTOMER &&
         rq->route->access == ACCESS_CUSTOMER))
        return true;
    if (rq->route->access == ACCESS_OPERATOR ||
        rq->route->access == ACCESS_WATCHER)
        reply_problem(rq, 403, 0,
                      "only the operator may ask this, on the node's own "
                      "socket");
    else
        auth_demand(rq);
    return false;
}

static void request_end(struct request *rq)
{
    conn_phase(rq->conn, CONN_ANSWER);
    rq->read_ns = clock_mono_ns();
    if (rq->refused_status)
        refuse_reply(rq);
    else if (rq->volume || request_allowed(rq))
        rq->route->serve(rq);
    if (!rq->answered)
        reply_problem(rq, 500, 0, "the node has no answer to this");
    rq->read_ns = clock_mono_ns() - rq->read_ns;
    audit_note(rq);
    log_debug("%s %s %s", rq->conn->peer, rq->method, rq->target);
}

// ---------------------------------------------------------- libmicrohttpd's

static void *on_target(void *arg, const char *target,
                       struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct server *s = arg;
    struct request *rq;

    if (!info || !info->socket_context)
        return NULL;
    rq = calloc(1, sizeof(*rq));
    if (!rq)
        return NULL;
    rq->api = s->api;
    rq->mhd = mhd;
    rq->conn = info->socket_context;
    rq->watcher = s->kind == SERVER_METRICS;
    rq->target = strdup(target);
    rq->path = strndup(target, strcspn(target, "?"));
    conn_phase(rq->conn, CONN_HEAD);
    return rq;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd,
                                  const char *url, const char *method,
                                  const char *version, const char *data,
                                  size_t *len, void **context)
{
    struct request *rq = *context;

    (void)arg, (void)mhd, (void)url, (void)version;
    if (!rq || !rq->target || !rq->path)
        return MHD_NO;
    if (!rq->begun) {
        rq->method = method;
        request_begin(rq);
    } else if (*len) {
        request_piece(rq, data, *len);
        *len = 0;
    } else if (rq->answered) {
        return MHD_NO; // it was cut; now the client has read that
    } else {
        request_end(rq);
    }
    return MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct request *rq = *context;

    (void)arg, (void)mhd, (void)code;
    if (!rq)
        return;
    conn_phase(rq->conn, CONN_IDLE);
    if (rq->status)
        metrics_answered(&rq->api->metrics, route_place(rq->route), rq->status,
                         rq->waits || !rq->read_ns ? UINT64_MAX : rq->read_ns);
    waits_leave(&rq->api->waits, &rq->waiting);
    upload_free(rq->upload);
    volume_upload_free(rq->volume);
    buf_free(&rq->body);
    free(rq->target);
    free(rq->path);
    free(rq);
    *context = NULL;
}

// Not by getnameinfo: for a link-local address it would open a socket, which
// this role may not.
static void peer_name(char *out, size_t size, const struct sockaddr *at)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;
    char host[INET6_ADDRSTRLEN] = "unknown";
    unsigned port = 0;

    if (at && at->sa_family == AF_INET) {
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        port = ntohs(v4->sin_port);
    } else if (at && at->sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        port = ntohs(v6->sin6_port);
    }
    snprintf(out, size, "%s port %u", host, port);
}

// What tells addresses apart: of IPv6 the first 64 bits, since the rest is the
// peer's to choose; with the kind of address before it.
static void address_key(uint8_t out[9], const struct sockaddr *at)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)at;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)at;

    memset(out, 0, 9);
    if (at && at->sa_family == AF_INET) {
        out[0] = 4;
        memcpy(out + 1, &v4->sin_addr, 4);
    } else if (at && at->sa_family == AF_INET6 &&
               IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        out[0] = 4;
        memcpy(out + 1, v6->sin6_addr.s6_addr + 12, 4);
    } else if (at && at->sa_family == AF_INET6) {
        out[0] = 6;
        memcpy(out + 1, v6->sin6_addr.s6_addr, 8);
    }
}

// Before anything is spent on a handshake.
static enum MHD_Result on_accept(void *arg, const struct sockaddr *at,
                                 socklen_t len)
{
    struct server *s = arg;
    uint8_t key[9];

    (void)len;
    if (s->kind != SERVER_TLS)
        return MHD_YES;
    address_key(key, at);
    if (!rate_take(s->api->handshakes, key, sizeof(key), 1, clock_mono_ns()))
        return MHD_YES;
    atomic_fetch_add(&s->api->metrics.limited_connections, 1);
    return MHD_NO;
}

static void *tls_session(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);

    return info ? info->tls_session : NULL;
}

static const struct sockaddr *peer_address(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    return info ? info->client_addr : NULL;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct server *s = arg;
    struct conn *c;
    char name[64];
    uid_t uid = (uid_t)-1;
    pid_t pid;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context)
            conn_close(*context);
        *context = NULL;
        return;
    }
    *context = NULL;
    if (!info)
        return;
    if (s->kind != SERVER_LOCAL)
        peer_name(name, sizeof(name), peer_address(mhd));
    else if (sock_peer(info->connect_fd, &pid, &uid) == 0)
        snprintf(name, sizeof(name), "uid %u pid %d", (unsigned)uid, (int)pid);
    else
        snprintf(name, sizeof(name), "unknown");
    // The operator's role does not talk to strangers, even where they can
    // connect: without a context nothing of theirs is served.
    if (s->kind == SERVER_LOCAL && !api_operator_uid(s->api->cfg, uid, false))
        return;
    c = conn_open(info->connect_fd, s->kind == SERVER_LOCAL, name, uid);
    if (c && s->kind != SERVER_LOCAL)
        address_key(c->address, peer_address(mhd));
    if (c && s->kind == SERVER_TLS)
        c->tls = tls_session(mhd);
    *context = c;
}

static void on_log(void *arg, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
static void on_log(void *arg, const char *fmt, va_list args)
{
    char text[512];

    (void)arg;
    vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("libmicrohttpd: %s", text);
}

static unsigned connections_max(enum server_kind kind)
{
    switch (kind) {
    case SERVER_LOCAL:
        return UNIX_CONNECTIONS_MAX;
    case SERVER_METRICS:
        return METRICS_CONNECTIONS_MAX;
    default:
        return TCP_CONNECTIONS_MAX;
    }
}

struct server *server_start(struct api *api, int listen_fd,
                            enum server_kind kind)
{
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)tls_retrieve},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    struct server *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->api = api;
    s->kind = kind;
    // The logger comes first, so that it hears about the other options. POLL:
    // 0.9.75 spins on a partial TLS hello with EPOLL.
    s->daemon = MHD_start_daemon(
        MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
            MHD_USE_POLL | MHD_USE_ERROR_LOG |
            (kind == SERVER_TLS ? MHD_USE_TLS : 0),
        0, on_accept, s, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_log,
        NULL, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK,
        on_target, s, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
        MHD_OPTION_CONNECTION_LIMIT, connections_max(kind),
        MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        kind == SERVER_LOCAL ? 0 : TCP_CONNECTIONS_PER_ADDRESS_MAX,
        // The read buffer, which must hold the head, is half of it.
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)2 * HEADERS_MAX,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK_BYTES,
        MHD_OPTION_ARRAY, kind == SERVER_TLS ? tls : plain, MHD_OPTION_END);
    if (!s->daemon) {
        free(s);
        return NULL;
    }
    return s;
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    MHD_stop_daemon(s->daemon);
    free(s);
}
