// SPDX-License-Identifier: ISC
// Connections and their deadlines; see conn.h.

#include "node-agent/api/conn.h"

#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/clock.h"
#include "lib/json.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/v1.h"

// Guards the list and every connection's phase, so that the reaper never
// writes into an answer.
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct conn *list;

struct conn *conn_open(int fd, bool local, const char *peer, uid_t uid)
{
    struct conn *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->fd = fd;
    c->local = local;
    c->uid = uid;
    snprintf(c->peer, sizeof(c->peer), "%s", peer);
    c->fresh = true;
    c->deadline_ns = clock_mono_ns() + HEAD_NS;
    pthread_mutex_lock(&lock);
    c->next = list;
    c->prev = &list;
    if (list)
        list->prev = &c->next;
    list = c;
    pthread_mutex_unlock(&lock);
    return c;
}

void conn_close(struct conn *c)
{
    pthread_mutex_lock(&lock);
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    pthread_mutex_unlock(&lock);
    free(c);
}

void conn_phase(struct conn *c, enum conn_phase phase)
{
    uint64_t now = clock_mono_ns();

    pthread_mutex_lock(&lock);
    c->phase = phase;
    switch (phase) {
    case CONN_IDLE:
        c->deadline_ns = now + IDLE_S * 1000000000ull;
        break;
    case CONN_HEAD:
        // The first request's time began with the connection.
        if (!c->fresh)
            c->deadline_ns = now + HEAD_NS;
        break;
    case CONN_BODY:
        c->began_ns = now;
        c->body_bytes = 0;
        c->body_rate = BODY_BYTES_PER_S;
        c->deadline_ns = now + BODY_PAUSE_NS;
        break;
    case CONN_ANSWER:
        c->deadline_ns = 0;
        break;
    }
    if (phase != CONN_HEAD)
        c->fresh = false;
    pthread_mutex_unlock(&lock);
}

void conn_rate(struct conn *c, uint64_t bytes_per_s)
{
    pthread_mutex_lock(&lock);
    c->body_rate = bytes_per_s;
    pthread_mutex_unlock(&lock);
}

void conn_received(struct conn *c, size_t len)
{
    uint64_t pause, rate;

    pthread_mutex_lock(&lock);
    if (!c->cut) {
        c->body_bytes += len;
        pause = clock_mono_ns() + BODY_PAUSE_NS;
        rate = c->began_ns + BODY_PAUSE_NS +
               c->body_bytes * 1000000000u / c->body_rate;
        c->deadline_ns = pause < rate ? pause : rate;
    } else {
        c->cut_bytes += len;
        if (c->cut_bytes > DRAIN_CUT_MAX)
            shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&lock);
}

// Never sleeps: an answer that does not fit the socket's buffer was not going
// to be read.
static void conn_write(struct conn *c, const char *text, size_t len)
{
    if (c->tls)
        (void)!gnutls_record_send(c->tls, text, len);
    else
        (void)!send(c->fd, text, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// With the lock held.
static void conn_tell(struct conn *c, unsigned status, const char *detail)
{
    const char *title = MHD_get_reason_phrase_for(status);
    json_t *problem = json_problem((int)status, title, detail);
    char *body = problem ? json_text(problem, false) : NULL;
    char *text = NULL;
    int len = -1;

    if (body)
        len = asprintf(&text,
                       "HTTP/1.1 %u %s\r\n"
                       "Connection: close\r\n"
                       "Content-Type: " PROBLEM_TYPE "\r\n"
                       "Content-Length: %zu\r\n\r\n%s",
                       status, title, strlen(body), body);
    if (len > 0) {
        conn_write(c, text, (size_t)len);
        free(text);
    }
    free(body);
    json_decref(problem);
}

void conn_cut(struct conn *c, unsigned status, const char *detail)
{
    pthread_mutex_lock(&lock);
    if (!c->cut) {
        conn_tell(c, status, detail);
        shutdown(c->fd, SHUT_WR);
        c->cut = true;
        c->deadline_ns = clock_mono_ns() + DRAIN_NS;
    }
    pthread_mutex_unlock(&lock);
}

static void conn_late(struct conn *c)
{
    // A TLS session is its own thread's alone: such a client just loses it.
    if (!c->cut && !c->tls && (c->phase != CONN_IDLE || c->fresh))
        conn_tell(c, MHD_HTTP_REQUEST_TIMEOUT,
                  c->phase == CONN_BODY
                      ? "the body of the request came too slowly"
                      : "the request came too slowly");
    // libmicrohttpd sees the end and closes.
    shutdown(c->fd, SHUT_RDWR);
    c->cut = true;
    c->deadline_ns = 0;
}

void conn_count(unsigned *tcp, unsigned *local)
{
    *tcp = *local = 0;
    pthread_mutex_lock(&lock);
    for (const struct conn *c = list; c; c = c->next)
        (*(c->local ? local : tcp))++;
    pthread_mutex_unlock(&lock);
}

int conn_reap(uint64_t now_ns)
{
    int n = 0;

    pthread_mutex_lock(&lock);
    for (struct conn *c = list; c; c = c->next)
        if (c->deadline_ns && c->deadline_ns <= now_ns) {
            conn_late(c);
            n++;
        }
    pthread_mutex_unlock(&lock);
    return n;
}
