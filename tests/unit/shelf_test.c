// SPDX-License-Identifier: ISC
// The shelf: what is put is there until nobody wants it, in whatever state a
// keeper that was killed has left it, and no descriptor leaks.

#include "node-agent/keeper/shelf.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "lib/sock.h"
#include "tests/unit/lib_check.h"

static struct shelf shelf = {-1, -1};
static int pair[2] = {-1, -1};
static int64_t seen[4096];
static unsigned nseen;
static int64_t unwanted;

static bool look(void *arg, int64_t id, const int *fds, uint32_t n)
{
    (void)arg;
    CHECK(nseen < sizeof(seen) / sizeof(seen[0]));
    CHECK(n == (uint32_t)(id % 16) + 1);
    for (uint32_t i = 0; i < n; i++)
        CHECK(fcntl(fds[i], F_GETFD) >= 0);
    seen[nseen++] = id;
    return id != unwanted;
}

static unsigned turn(int want)
{
    nseen = 0;
    CHECK(shelf_turn(&shelf, look, NULL) == want);
    return nseen;
}

static int put(int64_t id)
{
    int fds[16] = {0}, r;

    for (int i = 0; i <= id % 16; i++)
        CHECK((fds[i] = memfd_create("x", MFD_CLOEXEC)) >= 0);
    r = shelf_put(&shelf, id, fds, (uint32_t)(id % 16) + 1);
    for (int i = 0; i <= id % 16; i++)
        close(fds[i]);
    return r;
}

static void again(void)
{
    shelf_close(&shelf);
    if (pair[0] >= 0)
        close(pair[0]), close(pair[1]);
    CHECK(sock_pair(pair) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(fcntl(pair[i], F_SETFL, O_NONBLOCK) == 0);
    shelf_open(&shelf, (int[2]){dup(pair[0]), dup(pair[1])});
}

static void test_order(void)
{
    again();
    CHECK(turn(0) == 0);
    for (int64_t id = 1; id <= 40; id++)
        CHECK(put(id) == 0);
    CHECK(turn(0) == 40 && turn(0) == 40);
    for (int i = 0; i < 40; i++)
        CHECK(seen[i] == i + 1);
    unwanted = 17;
    CHECK(turn(0) == 40);
    unwanted = 0;
    CHECK(turn(0) == 39);
    for (int i = 0; i < 39; i++)
        CHECK(seen[i] != 17);
}

// Killed amid a turn: its mark and what it had put behind are still there.
static void test_killed(void)
{
    static const char mark[16], odd[3] = "odd";

    again();
    CHECK(put(1) == 0);
    CHECK(sock_send(pair[0], mark, sizeof(mark), NULL, 0) == 0);
    CHECK(put(2) == 0);
    CHECK(turn(0) == 2 && seen[0] == 1 && seen[1] == 2);
    CHECK(turn(0) == 2);
    CHECK(sock_send(pair[0], odd, sizeof(odd), NULL, 0) == 0);
    CHECK(turn(0) == 2 && turn(0) == 2);
}

static void test_full(void)
{
    int64_t id = 0;
    unsigned n;

    again();
    while (put(id + 1) == 0)
        id++;
    CHECK(id > 16);
    n = turn(1); // each was seen, none stayed
    CHECK(n == (unsigned)id);
    CHECK(turn(0) == 0);
    CHECK(put(1) == 0 && turn(0) == 1);
}

static void test_none(void)
{
    shelf_close(&shelf);
    shelf_open(&shelf, (int[2]){-1, -1});
    CHECK(put(1) < 0 && turn(0) == 0);
}

int main(void)
{
    int before;

    CHECK(sodium_init() >= 0);
    again();
    before = fds_open();
    test_order();
    test_killed();
    test_full();
    again();
    CHECK(fds_open() == before);
    test_none();
    return 0;
}
