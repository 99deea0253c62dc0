// SPDX-License-Identifier: ISC
// sendfile: to sockets, pipes and files, as on Linux.
#include "tests/domain/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define LEN 300001 // some pieces, and not all of the last

static void pair(int *client, int *server)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(4000),
                            .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int one = 1, l = socket(AF_INET, SOCK_STREAM, 0);
    *client = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(l >= 0 && *client >= 0);
    CHECK(setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0);
    CHECK(bind(l, (struct sockaddr *)&a, sizeof a) == 0 && listen(l, 1) == 0);
    CHECK(connect(*client, (struct sockaddr *)&a, sizeof a) == 0);
    *server = accept(l, NULL, NULL);
    CHECK(*server >= 0 && close(l) == 0);
}

static uint8_t byte_at(size_t i, unsigned salt)
{
    return (uint8_t)(i * 2654435761u >> 13) ^ salt;
}

static int file_make(const char *path, size_t len, unsigned salt)
{
    static uint8_t data[LEN];
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    for (size_t i = 0; i < len; i++)
        data[i] = byte_at(i, salt);
    CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void expect(int fd, size_t from, size_t len, unsigned salt)
{
    static uint8_t got[65536];
    for (size_t done = 0; done < len;) {
        size_t most = len - done < sizeof got ? len - done : sizeof got;
        ssize_t n = read(fd, got, most);
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++)
            CHECK(got[i] == byte_at(from + done + i, salt));
        done += n;
    }
}

struct sending {
    int to, file;
    off_t offset;
    size_t len;
    int by_offset;
};

static void *send_all(void *arg)
{
    struct sending *s = arg;
    while (s->len) {
        ssize_t n =
            sendfile(s->to, s->file, s->by_offset ? &s->offset : NULL, s->len);
        CHECK(n > 0 && (size_t)n <= s->len);
        s->len -= n;
    }
    return NULL;
}

static void through(int from, int to, int file, off_t offset, size_t len,
                    int by_offset, unsigned salt)
{
    struct sending s = {to, file, offset, len, by_offset};
    pthread_t t;
    CHECK(by_offset || lseek(file, offset, SEEK_SET) == offset);
    CHECK(pthread_create(&t, NULL, send_all, &s) == 0);
    expect(from, offset, len, salt);
    CHECK(pthread_join(t, NULL) == 0);
    if (by_offset)
        CHECK(s.offset == (off_t)(offset + len));
    else
        CHECK(lseek(file, 0, SEEK_CUR) == (off_t)(offset + len));
}

static void sockets(void)
{
    int a, b, f = file_make("/tmp/file", LEN, 0);
    off_t at = LEN;
    pair(&a, &b);
    for (int i = 0; i < 3; i++) { // again from what is kept
        through(a, b, f, 0, LEN, 1, 0);
        through(a, b, f, 0, LEN, 0, 0);
    }
    through(b, a, f, 65535, 65537 + 2, 1, 0);
    through(b, a, f, 131071, 1, 0, 0);
    through(b, a, f, LEN - 1, 1, 1, 0);
    CHECK(sendfile(a, f, &at, 1) == 0 && at == LEN); // it has ended
    at = LEN - 10;
    CHECK(sendfile(a, f, &at, 1000) == 10 && at == LEN);
    expect(b, LEN - 10, 10, 0);
    CHECK(lseek(f, 77, SEEK_SET) == 77); // an offset leaves it alone
    at = 0;
    CHECK(sendfile(a, f, &at, 5) == 5 && lseek(f, 0, SEEK_CUR) == 77);
    expect(b, 0, 5, 0);

    // What was written is what is sent from then on.
    CHECK(close(f) == 0);
    f = file_make("/tmp/file", LEN, 0x5a);
    through(a, b, f, 0, LEN, 1, 0x5a);
    CHECK(ftruncate(f, 100000) == 0);
    at = 90000;
    CHECK(sendfile(a, f, &at, LEN) == 10000);
    expect(b, 90000, 10000, 0x5a);
    CHECK(close(f) == 0 && unlink("/tmp/file") == 0);
    // Another file, perhaps at the same place in memory.
    f = file_make("/tmp/other", LEN, 0x33);
    through(a, b, f, 0, LEN, 1, 0x33);
    CHECK(close(f) == 0 && unlink("/tmp/other") == 0);
    CHECK(close(a) == 0 && close(b) == 0);
}

// It is closed, and removed, before it has arrived.
static void closed_early(void)
{
    int a, b, f = file_make("/tmp/file", 50000, 9);
    char end;
    pair(&a, &b);
    CHECK(sendfile(a, f, NULL, 50000) == 50000);
    CHECK(close(f) == 0 && unlink("/tmp/file") == 0 && close(a) == 0);
    expect(b, 0, 50000, 9);
    CHECK(read(b, &end, 1) == 0 && close(b) == 0);
}

static void full(void)
{
    int a, b, f = file_make("/tmp/file", LEN, 1);
    size_t sent = 0;
    ssize_t n;
    pair(&a, &b);
    CHECK(fcntl(a, F_SETFL, O_NONBLOCK) == 0);
    for (;;) {
        off_t at = sent % LEN;
        n = sendfile(a, f, &at, LEN - at);
        if (n < 0)
            break;
        CHECK(n > 0 && at == (off_t)(sent % LEN + n));
        sent += n;
    }
    CHECK(errno == EAGAIN && sent > LEN);
    for (size_t at = 0; at < sent; at += LEN)
        expect(b, 0, sent - at < LEN ? sent - at : LEN, 1);
    signal(SIGPIPE, SIG_IGN);
    CHECK(shutdown(a, SHUT_WR) == 0);
    CHECK(sendfile(a, f, NULL, 1) == -1 && errno == EPIPE);
    CHECK(close(a) == 0 && close(b) == 0 && close(f) == 0);
}

static void others(void)
{
    int p[2], s[2], f = file_make("/tmp/file", LEN, 2);
    int g = open("/tmp/copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t at = 0;
    CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    through(p[0], p[1], f, 1, LEN - 1, 1, 2);
    through(s[0], s[1], f, 1, LEN - 1, 0, 2);
    CHECK(sendfile(g, f, &at, LEN) == LEN && at == LEN);
    CHECK(lseek(g, 0, SEEK_SET) == 0);
    expect(g, 0, LEN, 2);

    errno = 0;
    at = -1;
    CHECK(sendfile(p[1], f, &at, 1) == -1 && errno == EINVAL);
    at = 0;
    CHECK(sendfile(p[1], p[0], &at, 1) == -1 && errno == ESPIPE);
    CHECK(sendfile(p[1], p[0], NULL, 1) == -1 && errno == EINVAL);
    CHECK(sendfile(-1, f, NULL, 1) == -1 && errno == EBADF);
    CHECK(sendfile(p[1], 999, NULL, 1) == -1 && errno == EBADF);
    CHECK(sendfile(p[1], f, &at, 0) == 0 && at == 0);
    int w = open("/tmp/file", O_WRONLY), r = open("/tmp/copy", O_RDONLY);
    CHECK(sendfile(p[1], w, NULL, 1) == -1 && errno == EBADF);
    CHECK(sendfile(r, f, NULL, 1) == -1 && errno == EBADF);
    int e = open("/tmp/copy", O_WRONLY | O_APPEND);
    CHECK(sendfile(e, f, NULL, 1) == -1 && errno == EINVAL);
    int d = open("/tmp", O_RDONLY);
    CHECK(sendfile(p[1], d, NULL, 1) == -1 && errno == EINVAL);
}

int main(void)
{
    sockets();
    closed_early();
    full();
    others();
    return 0;
}
