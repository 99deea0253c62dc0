// SPDX-License-Identifier: ISC
// HTTP for load generators; see link.h.

#include "tests/bench/link.h"

#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct addrinfo *address_find(const char *text)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    char *host = strdup(text), *port = host ? strrchr(host, ':') : NULL;
    struct addrinfo *found;

    if (!port)
        errx(2, "an address is HOST:PORT");
    *port++ = '\0';
    if (getaddrinfo(host, port, &hints, &found) != 0)
        errx(1, "there is no %s", text);
    free(host);
    return found;
}

void load_read(struct load_to *to, char **argument)
{
    struct err e;

    if (key_init(&e) < 0 || pubkey_from_hex(argument[1], to->node_id, &e) < 0 ||
        seckey_read(argument[2], &to->key, &e) < 0)
        errx(1, "%s", e.text);
    to->authority = argument[0];
    to->address = address_find(to->authority);
    to->what = argument[3];
    to->seconds = strtoull(argument[4], NULL, 10);
    to->connections = atoi(argument[5]);
    if (to->seconds < 1 || to->seconds > LOAD_SECONDS_MAX ||
        to->connections < 1 || to->connections > CONNECTIONS_MAX)
        errx(2, "1 to %d seconds, 1 to %d connections", LOAD_SECONDS_MAX,
             CONNECTIONS_MAX);
}

void load_run(int connections, void *(*run)(void *arg))
{
    pthread_t thread[CONNECTIONS_MAX];

    for (int i = 0; i < connections; i++)
        if (pthread_create(&thread[i], NULL, run, NULL) != 0)
            errx(1, "a connection's thread");
    for (int i = 0; i < connections; i++)
        pthread_join(thread[i], NULL);
}

static ssize_t socket_read(struct link *l, void *data, size_t len)
{
    return read(l->fd, data, len);
}

void link_open(struct link *l, const struct addrinfo *address, const char *name)
{
    int on = 1;

    l->len = 0;
    l->secure = NULL;
    l->read = socket_read;
    l->fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0 || connect(l->fd, address->ai_addr, address->ai_addrlen) < 0)
        err(1, "connecting to %s", name);
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void link_write(struct link *l, struct iovec *part, int n)
{
    while (n > 0) {
        ssize_t done = l->secure ? l->write(l, part->iov_base, part->iov_len)
                                 : writev(l->fd, part, n);

        if (done < 0)
            err(1, "sending");
        while (n > 0 && (size_t)done >= part->iov_len) {
            done -= (ssize_t)part->iov_len;
            part++;
            n--;
        }
        if (n > 0) {
            part->iov_base = (char *)part->iov_base + done;
            part->iov_len -= (size_t)done;
        }
    }
}

// Reads one answer; *body points into the link until the next one. Returns
// the status.
int link_read(struct link *l, const char **body, size_t *body_len)
{
    char *end = NULL, *length;
    int status;

    l->len = 0;
    *body_len = 0;
    while (!end || l->len < (size_t)(end + 4 - l->data) + *body_len) {
        ssize_t n = l->read(l, l->data + l->len, ANSWER_MAX - 1 - l->len);

        if (n <= 0)
            errx(1, "the node closed a connection");
        l->len += (size_t)n;
        l->data[l->len] = '\0';
        if (!end && (end = strstr(l->data, "\r\n\r\n"))) {
            length = strcasestr(l->data, "\r\nContent-Length: ");
            if (!length || length > end)
                errx(1, "an answer without a length: %s", l->data);
            *body_len = strtoull(length + 18, NULL, 10);
        }
    }
    *body = end + 4;
    if (sscanf(l->data, "HTTP/1.1 %d", &status) != 1)
        errx(1, "no answer: %s", l->data);
    return status;
}
