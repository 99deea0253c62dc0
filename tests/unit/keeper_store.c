// SPDX-License-Identifier: ISC
// The keeper's files: written once, found again, swept when nobody needs them;
// and the money of a submission that never came to be is given back.

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/keeper/console.h"
#include "tests/unit/clock_shift.h"
#include "tests/unit/keeper_world.h"

static struct world w;

static const key_id_t ada = {{1}}, bob = {{2}};

static void blob_name(uint8_t name[32], uint8_t n)
{
    memset(name, n, 32);
}

static char *blob_at(char out[256], const key_id_t *who, const uint8_t name[32])
{
    strcpy(out, "blobs/");
    hex_encode(out + 6, who, 32);
    out[70] = '/';
    hex_encode(out + 71, name, 32);
    return out;
}

static void put(struct store *st, const key_id_t *who, uint8_t n, size_t len)
{
    static uint8_t data[4096];
    uint8_t name[32];

    blob_name(name, n);
    CHECK_WORKS(store_put(st, who, name, data, len, e));
}

static bool has(struct store *st, const key_id_t *who, uint8_t n)
{
    uint8_t name[32];

    blob_name(name, n);
    return store_has(st, who, name);
}

static void age(const key_id_t *who, uint8_t n, int hours)
{
    struct timespec t[2] = {{.tv_sec = clock_real_ns() / 1000000000u}};
    uint8_t name[32];
    char path[256];

    blob_name(name, n);
    t[0].tv_sec -= hours * 3600;
    t[1] = t[0];
    CHECK(utimensat(AT_FDCWD, blob_at(path, who, name), t, 0) == 0);
}

static bool used_none(void *arg, const key_id_t *who, const uint8_t name[32])
{
    (void)who;
    return arg && *(const uint8_t *)arg == name[0];
}

static void test_blobs(struct store *st)
{
    struct stat before, after;
    struct draft d;
    uint8_t name[32];
    char path[256];
    int fd;

    put(st, &ada, 1, 100);
    CHECK(has(st, &ada, 1) && !has(st, &bob, 1)); // not shared
    blob_name(name, 1);
    CHECK(stat(blob_at(path, &ada, name), &before) == 0);
    put(st, &ada, 1, 100); // there already: not written again
    CHECK(stat(path, &after) == 0 && before.st_ino == after.st_ino);
    CHECK(st->bytes == 100);
    fd = store_get(st, &ada, name, NULL);
    CHECK(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
    close(fd);
    CHECK(store_get(st, &bob, name, NULL) < 0);

    // A draft that a crash left is gone with the next start.
    CHECK_WORKS(store_draft(st, &d, &ada, e));
    CHECK(write(d.fd, "half", 4) == 4);
    close(d.fd);
    close(d.folder);
    store_close(st);
    CHECK_WORKS(store_open(st, 1000, e));
    CHECK(st->bytes == 100);
    hex_encode(path, &ada, 32);
    CHECK(!has(st, &ada, 0));
    strcpy(path + 64, "/.0");
    CHECK(faccessat(st->blobs, path, F_OK, 0) < 0);
}

static void test_sweep(struct store *st)
{
    uint8_t needed = 3;

    put(st, &ada, 2, 100);
    put(st, &bob, 3, 100);
    put(st, &bob, 4, 100);
    age(&ada, 1, 30);
    age(&bob, 3, 30);
    store_sweep(st, 86400, used_none, &needed);
    CHECK(!has(st, &ada, 1) && has(st, &ada, 2));
    CHECK(has(st, &bob, 3) && has(st, &bob, 4)); // one is needed, one is new
    CHECK(st->bytes == 300);

    // Near the maximum the oldest go first, needed or not new enough.
    put(st, &ada, 5, 500);
    CHECK(st->bytes == 800 && store_room(st, 201, NULL) == -ENOSPC);
    age(&ada, 2, 3);
    age(&bob, 4, 2);
    store_sweep(st, 86400, used_none, &needed);
    CHECK(!has(st, &ada, 2) && has(st, &bob, 4) && has(st, &ada, 5));
    CHECK(has(st, &bob, 3) && st->bytes == 700);
    CHECK(store_room(st, 300, NULL) == 0);

    age(&bob, 3, 30);
    age(&bob, 4, 30);
    store_sweep(st, 86400, used_none, NULL);
    CHECK(!has(st, &bob, 3) && !has(st, &bob, 4));
    CHECK(has(st, &ada, 5) && st->bytes == 500);
}

// The node died when the ledger had said yes and nobody else knew.
static void test_forgotten_hold(void)
{
    struct bundle_of b;
    struct msg_get m = {0};
    union ipc_any any;
    int fds[IPC_FDS_MAX];

    bundle_image(&w, &b, 1);
    world_submit(&w, &b);
    world_turn(&w);
    world_peers(&w); // held
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    m.id = b.id;
    world_send(&w, &m, MSG_GET, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_GET, &any, fds);
    CHECK(any.reply.status == 404); // nobody was told of it
    CHECK(w.k->subs.count == 1 && world_held(&w, &b.id)->voided == 0);

    sub_next(&w.k->subs, NULL)->asked_mono_ns -= ASKED_KEEP_NS + 1;
    w.k->lease_due_ns = 0;
    world_run(&w);
    CHECK(w.k->subs.count == 0 && world_held(&w, &b.id)->voided == 1);
    CHECK(world_held(&w, &b.id)->settled == 0);
}

// What its monitor would have written, or a reader reads.
static int console_of(const struct bundle_of *b, int flags)
{
    char path[64];

    strcpy(path, "logs/");
    hex_encode(path + 5, b->id.b, 16);
    strcat(path, ".console");
    return open(path, flags | O_CLOEXEC);
}

static void console_say(const struct bundle_of *b, const char *text, int times)
{
    int fd = console_of(b, O_WRONLY | O_APPEND);

    CHECK(fd >= 0);
    while (times--)
        CHECK(write_full(fd, text, strlen(text)) == 0);
    close(fd);
}

static int console_ask(const struct bundle_of *b)
{
    struct msg_log m = {.id = b->id, .kind = LOG_CONSOLE};
    int fds[IPC_FDS_MAX];
    union ipc_any any;

    memcpy(m.customer.b, b->sk.key + 32, sizeof(m.customer.b));
    world_send(&w, &m, MSG_LOG, sizeof(m));
    world_run(&w);
    world_reply(&w, MSG_LOG, &any, fds);
    CHECK(any.reply.status == 200 && fds[0] >= 0);
    return fds[0];
}

// All that a descriptor gives.
static void console_is(int fd, const char *text)
{
    char got[256] = "";

    CHECK(pread_full(fd, got, sizeof(got) - 1, 0) == (ssize_t)strlen(text));
    CHECK(!strcmp(got, text));
    close(fd);
}

// Few words are in the journal, and their file is another's; whoever had it
// open sees nothing of that.
static void test_consoles(void)
{
    struct bundle_of shy, loud, read, next;
    int reader;

    bundle_image(&w, &shy, 20);
    world_accept(&w, &shy, 201);
    console_say(&shy, "I am shy", 1);
    world_end(&w, &shy.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(w.k->store.nspares == 1);
    console_is(console_of(&shy, O_RDONLY), ""); // emptied at once
    console_is(console_ask(&shy), "I am shy");

    bundle_image(&w, &read, 21);
    world_accept(&w, &read, 201);
    CHECK(w.k->store.nspares == 0 && console_of(&shy, O_RDONLY) < 0);
    reader = console_ask(&read);
    console_is(dup(reader), ""); // of another's before it: nothing
    console_say(&read, "I am read", 1);
    world_end(&w, &read.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(w.k->store.nspares == 0);
    console_is(console_ask(&read), "I am read");

    bundle_image(&w, &loud, 22);
    world_accept(&w, &loud, 201);
    console_say(&loud, "loud ", CONSOLE_KEPT_MAX / 5 + 1);
    world_end(&w, &loud.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(w.k->store.nspares == 0);
    close(console_ask(&loud));

    bundle_image(&w, &next, 23);
    world_accept(&w, &next, 201);
    console_say(&next, "I am next", 1);
    console_is(reader, "I am read");

    // After a restart nobody knows who reads.
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    world_end(&w, &next.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK(w.k->store.nspares == 0);
    console_is(console_ask(&next), "I am next");
    console_is(console_ask(&shy), "I am shy");
}

// Done long ago: the row goes, and its logs; not while its nonce may be used.
static void test_forget(void)
{
    struct bundle_of old, fresh;
    struct sub s;
    char log[64];

    bundle_image(&w, &old, 2);
    world_accept(&w, &old, 201);
    world_end(&w, &old.id, HVC_POWEROFF, 0);
    bundle_image(&w, &fresh, 3);
    world_accept(&w, &fresh, 201);
    close(console_ask(&fresh));
    world_end(&w, &fresh.id, HVC_POWEROFF, 0);
    world_run(&w);
    CHECK_WORKS(
        db_exec(w.k->journal.db, "update submission set ended_ns = 1000", e));
    CHECK_WORKS(journal_get(&w.k->journal, &old.id, &s, e));
    CHECK_WORKS(db_exec(w.k->journal.db,
                        "update submission set expires_s = 1000 "
                        "where seq = (select min(seq) from submission)",
                        e));
    w.k->lease_due_ns = 0;
    world_run(&w);
    CHECK(journal_get(&w.k->journal, &old.id, &s, NULL) == -ENOENT);
    CHECK_WORKS(journal_get(&w.k->journal, &fresh.id, &s, e));
    strcpy(log, "logs/");
    hex_encode(log + 5, old.id.b, 16);
    strcat(log, ".console");
    CHECK(access(log, F_OK) < 0);
    hex_encode(log + 5, fresh.id.b, 16);
    strcat(log, ".console");
    CHECK(access(log, F_OK) == 0);
}

// The clock is set ahead by years, while it runs and while it is off. Nothing
// is forgotten for that before it has lasted; then it is.
static void test_forget_clock(void)
{
    struct bundle_of b;
    struct sub s;

    bundle_image(&w, &b, 4);
    world_accept(&w, &b, 201);
    world_end(&w, &b.id, HVC_POWEROFF, 0);
    world_run(&w);
    shift_set_ns += 1000 * SHIFT_DAY_NS;
    w.k->lease_due_ns = 0;
    world_run(&w);
    CHECK_WORKS(journal_get(&w.k->journal, &b.id, &s, e));
    world_kill(&w);
    world_open_again(&w);
    world_run(&w);
    w.k->lease_due_ns = 0;
    world_run(&w);
    CHECK_WORKS(journal_get(&w.k->journal, &b.id, &s, e));
    shift_pass_ns += 2 * SHIFT_HOUR_NS;
    w.k->lease_due_ns = 0;
    world_run(&w);
    CHECK(journal_get(&w.k->journal, &b.id, &s, NULL) == -ENOENT);
    shift_set_ns -= 1000 * SHIFT_DAY_NS;
    w.k->lease_due_ns = 0;
    world_run(&w);
}

// When a step cannot be written down nobody hears of it: the role ends, and
// its successor takes up what is written.
static void test_broken_journal(void)
{
    struct bundle_of b;
    struct err failure = {0};
    union ipc_any any;
    int fds[IPC_FDS_MAX];
    sqlite3 *other;

    bundle_image(&w, &b, 4);
    world_submit(&w, &b);
    world_turn(&w);
    CHECK(world_peers(&w)); // the hold is granted
    CHECK(sqlite3_open("keeper.db", &other) == SQLITE_OK);
    CHECK(sqlite3_exec(other, "alter table submission rename to gone", NULL,
                       NULL, NULL) == SQLITE_OK);
    CHECK(keeper_turn(w.k, 0, &failure) < 0 && failure.text[0]);
    CHECK(world_quiet(&w));                                 // no 201
    CHECK(ipc_recv(w.spawner, &any, fds, NULL) == -EAGAIN); // no start

    world_kill(&w);
    CHECK(sqlite3_exec(other, "alter table gone rename to submission", NULL,
                       NULL, NULL) == SQLITE_OK);
    CHECK(sqlite3_close(other) == SQLITE_OK);
    world_open_again(&w);
    world_run(&w);
    world_accept(&w, &b, 200); // the same hold, found again
    CHECK(world_get(&w, &b.id).state == SUB_RUNNING);
}

int main(void)
{
    struct store st;

    world_open(&w);
    CHECK_WORKS(store_open(&st, 1000, e));
    test_blobs(&st);
    test_sweep(&st);
    store_close(&st);
    test_forgotten_hold();
    test_forget();
    test_forget_clock();
    test_consoles();
    test_broken_journal();
    world_close(&w);
    return 0;
}
