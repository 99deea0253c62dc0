// SPDX-License-Identifier: ISC
// Messages with descriptors: what arrives is whole, or closed and refused.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/cleanup.h"
#include "lib/sock.h"
#include "tests/unit/lib_check.h"

static void test_messages(void)
{
    int pair[2], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fds[4] = {null, null, null, null}, got[4], before;
    char in[8];
    size_t n;

    CHECK(sock_pair(pair) == 0);
    before = fds_open();

    CHECK(sock_send(pair[0], "abc", 3, fds, 2) == 0);
    n = 4;
    CHECK(sock_recv(pair[1], in, sizeof(in), got, &n) == 3 && n == 2);
    CHECK(fcntl(got[0], F_GETFD) == FD_CLOEXEC && got[0] != null);
    close(got[0]);
    close(got[1]);

    // More descriptors than room, none expected at all, a message too long:
    // all closed, and the channel works on.
    CHECK(sock_send(pair[0], "abc", 3, fds, 4) == 0);
    n = 3;
    CHECK(sock_recv(pair[1], in, sizeof(in), got, &n) == -EMSGSIZE && n == 0);
    CHECK(sock_send(pair[0], "abc", 3, fds, 4) == 0);
    CHECK(sock_recv(pair[1], in, sizeof(in), NULL, NULL) == -EMSGSIZE);
    CHECK(sock_send(pair[0], "123456789", 9, fds, 1) == 0);
    n = 4;
    CHECK(sock_recv(pair[1], in, sizeof(in), got, &n) == -EMSGSIZE && n == 0);
    CHECK(fds_open() == before);
    CHECK(sock_send(pair[0], "x", 1, NULL, 0) == 0);
    CHECK(sock_recv(pair[1], in, sizeof(in), NULL, NULL) == 1 && in[0] == 'x');

    CHECK(sock_send(pair[0], "x", 1, fds, SOCK_FDS_MAX + 1) == -EINVAL);
    CHECK(sock_send(pair[0], "", 0, NULL, 0) == -EINVAL);
    close(pair[0]);
    CHECK(sock_recv(pair[1], in, sizeof(in), NULL, NULL) == 0);
    CHECK(sock_send(pair[1], "x", 1, NULL, 0) == -EPIPE); // and no SIGPIPE
    close(pair[1]);
    close(null);
}

static void test_listen(const char *dir)
{
    char path[512], file[512], long_path[300];
    struct stat st;
    uid_t uid;
    pid_t pid;

    snprintf(path, sizeof(path), "%s/s", dir);
    snprintf(file, sizeof(file), "%s/f", dir);
    memset(long_path, 'x', sizeof(long_path) - 1);
    long_path[299] = 0;
    close(sock_listen(path, SOCK_SEQPACKET, 0600, NULL)); // a dead node's
    {
        struct err e;
        cleanup_close int l = sock_listen(path, SOCK_SEQPACKET, 0600, &e);
        cleanup_close int a = sock_connect(path, SOCK_SEQPACKET, &e);
        cleanup_close int b = accept4(l, NULL, NULL, SOCK_CLOEXEC);

        CHECK(l >= 0 && a >= 0 && b >= 0);
        CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
        CHECK(sock_peer(b, &pid, &uid) == 0);
        CHECK(pid == getpid() && uid == getuid());
    }
    CHECK_WORKS(file_write_durable(file, "x", 1, 0600, e));
    CHECK_FAILS(sock_listen(file, SOCK_STREAM, 0600, e), "in use");
    CHECK(stat(file, &st) == 0 && S_ISREG(st.st_mode));
    CHECK_FAILS(sock_connect("/nonexistent/s", SOCK_STREAM, e), "No such");
    CHECK_FAILS(sock_connect(long_path, SOCK_STREAM, e), "at most 107 bytes");
    unlink(path);
    unlink(file);
}

int main(void)
{
    char dir[] = "/tmp/hostel-sock-XXXXXX";

    CHECK(mkdtemp(dir));
    test_messages();
    test_listen(dir);
    return rmdir(dir);
}
