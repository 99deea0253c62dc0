// SPDX-License-Identifier: ISC
/*
 * Two domains that share a volume: what one has written the other reads; locks
 * exclude them from each other; a counter under a lock loses nothing, and lines
 * that both append are whole. Arguments: 1 or 2, and how often.
 */
#include "tests/domain/volume_files.h"

static void nap(void)
{
    usleep(1000);
}

static void say(const char *name)
{
    int fd = open(name, O_CREAT | O_WRONLY, 0644);
    CHECK(fd >= 0 && close(fd) == 0);
}

static void hear(const char *name)
{
    while (access(name, F_OK) < 0) {
        CHECK(errno == ENOENT);
        nap();
    }
}

// One writes a number, the other reads it and answers.
static void play(int me, int rounds)
{
    int fd = open("ball", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    for (int i = 0; i < 2 * rounds; i++) {
        int seen = -1;
        if (i % 2 + 1 != me)
            continue;
        while (pread(fd, &seen, sizeof seen, 0) != sizeof seen ? i != 0
                                                               : seen != i - 1)
            nap();
        CHECK(pwrite(fd, &i, sizeof i, 0) == sizeof i);
    }
    CHECK(close(fd) == 0);
}

static void count(int rounds, int by_flock)
{
    const char *name = by_flock ? "count-flock" : "count-fcntl";
    int fd = open(name, O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    for (int i = 0; i < rounds; i++) {
        struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 4};
        int n = 0;
        if (by_flock)
            CHECK(flock(fd, LOCK_EX) == 0);
        else
            CHECK(fcntl(fd, F_SETLKW, &l) == 0);
        CHECK(pread(fd, &n, sizeof n, 0) >= 0);
        n++;
        CHECK(pwrite(fd, &n, sizeof n, 0) == sizeof n);
        l.l_type = F_UNLCK;
        CHECK(by_flock ? flock(fd, LOCK_UN) == 0 : fcntl(fd, F_SETLK, &l) == 0);
    }
    CHECK(close(fd) == 0);
}

static void append(int me, int rounds)
{
    int fd = open("log", O_WRONLY | O_CREAT | O_APPEND, 0644);
    char line[64];
    CHECK(fd >= 0);
    for (int i = 0; i < rounds; i++) {
        int n =
            snprintf(line, sizeof line, "%d says %d, for what it is\n", me, i);
        CHECK(write(fd, line, n) == n);
    }
    CHECK(close(fd) == 0);
}

// What the other holds is in the way, until it is closed there.
static void refuse(int me)
{
    int fd = open("held", O_RDWR | O_CREAT, 0644);
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 10};
    CHECK(fd >= 0);
    if (me == 1) {
        CHECK(fcntl(fd, F_SETLK, &l) == 0 && flock(fd, LOCK_SH) == 0);
        say("is-held");
        hear("was-refused");
        CHECK(close(fd) == 0);
        say("is-free");
        return;
    }
    hear("is-held");
    l.l_start = 5;
    FAILS(fcntl(fd, F_SETLK, &l), EAGAIN);
    CHECK(fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_WRLCK &&
          l.l_start == 0 && l.l_len == 10);
    l = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10};
    CHECK(fcntl(fd, F_SETLK, &l) == 0); // behind it
    FAILS(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
    CHECK(flock(fd, LOCK_SH | LOCK_NB) == 0);
    say("was-refused");
    hear("is-free");
    l.l_start = 0;
    CHECK(fcntl(fd, F_SETLK, &l) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0);
    CHECK(close(fd) == 0);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3 && chdir("/data") == 0);
    int me = atoi(argv[1]), rounds = atoi(argv[2]);
    say(me == 1 ? "one-is-there" : "two-is-there");
    hear(me == 1 ? "two-is-there" : "one-is-there");
    play(me, rounds);
    count(rounds, 0);
    count(rounds, 1);
    append(me, rounds);
    refuse(me);
    return 0;
}
