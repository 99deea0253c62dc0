// SPDX-License-Identifier: ISC
// A ledger whose power is cut, thousands of times, at any write or sync: what
// was acknowledged is there, once; the group at hand is there whole or not at
// all; a batch that was committed stays what it was; the books are in order.
//
//     ledger_powercut [SEED [CUTS]]
//
// A group tops an account up and settles submissions, all named by the group's
// number; after a cut the group that was not acknowledged is done again.
#include <sqlite3.h>
#include "tests/unit/ledger_fixture.h"
#include "tests/unit/powercut.h"

#define PER_GROUP     3
#define HOLD          1000
#define TOP_UP        2000
#define CHARGE        201 // 1 a start and 200 for the CPU
#define CUTS_PER_DISK 40  // an audit takes longer with every group

static struct fixture f;
static uint64_t state;
static uint64_t groups;             // acknowledged
static uint64_t undecided;          // found done though not acknowledged
static struct batch_head committed; // newest batch acknowledged

static uint64_t pick(uint64_t limit)
{
    return draw(&state) % limit;
}

// The library's random numbers too are of the seed.
static uint64_t salt_state;

static uint32_t salt_u32(void)
{
    return draw(&salt_state);
}

static void salt_bytes(void *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = draw(&salt_state);
}

static const char *salt_name(void)
{
    return "seeded";
}

static struct randombytes_implementation seeded = {
    .implementation_name = salt_name,
    .random = salt_u32,
    .buf = salt_bytes,
};

// Checkpoints come every few pages instead of every thousand.
static int connection_set(sqlite3 *db, char **message,
                          const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    return sqlite3_wal_autocheckpoint(db, 5 + pick(100));
}

// ------------------------------------------------------------------- groups

// 0, or the power is gone.
static int group_try(uint64_t number)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    int r = ledger_begin(f.ledger, &test_err);

    if (r < 0)
        return r;
    r = ledger_credit(f.ledger, id_of(7000000 + number, id), key_of(1, key),
                      TOP_UP, NULL, NULL, &test_err);
    for (uint64_t n = number * PER_GROUP;
         r == 0 && n < (number + 1) * PER_GROUP; n++) {
        struct usage_record record = record_of(n, 1, 100000);

        r = ledger_hold(f.ledger, id_of(n, id), key, HOLD, &test_err);
        if (r == 0 || r == -EALREADY)
            r = ledger_settle(f.ledger, id, &record, NULL, &test_err);
    }
    if (r == 0)
        r = ledger_batch_seal(f.ledger, NULL, &test_err);
    if (r < 0) {
        ledger_rollback(f.ledger);
        return r;
    }
    return ledger_commit(f.ledger, &test_err);
}

static int open_try(void)
{
    int r = ledger_open(&f.ledger, &f.options, &test_err);

    if (r < 0)
        return r;
    r = ledger_begin(f.ledger, &test_err);
    if (r < 0)
        return r;
    r = ledger_ratecard_set(f.ledger, &f.card, &test_err);
    if (r < 0) {
        ledger_rollback(f.ledger);
        return r;
    }
    return ledger_commit(f.ledger, &test_err);
}

// Until the power goes; the ledger is closed and opened now and then.
static void work(void)
{
    int r = open_try();

    while (r == 0) {
        r = group_try(groups);
        if (r < 0)
            break;
        groups++;
        OK(ledger_batch_head(f.ledger, &committed, &test_err));
        test_now_ns += 1000000;
        if (pick(8) == 0) {
            ledger_close(f.ledger);
            f.ledger = NULL;
            if (powercut_happened())
                return;
            r = open_try();
        }
    }
    CHECK(powercut_happened());
    ledger_close(f.ledger);
    f.ledger = NULL;
}

// -------------------------------------------------------------- after a cut

static void submissions_check(void)
{
    struct submission_books books;
    uint8_t id[LEDGER_ID_SIZE];

    for (uint64_t n = 0; n < groups * PER_GROUP; n++) {
        OK(ledger_submission_get(f.ledger, id_of(n, id), &books, &test_err));
        CHECK(books.state == SUBMISSION_SETTLED &&
              books.billed_nano == CHARGE && books.record_count == 1);
    }
}

static void chain_check(void)
{
    struct batch_head head;

    OK(ledger_batch_head(f.ledger, &head, &test_err));
    CHECK(head.number == committed.number ||
          head.number == committed.number + 1);
    if (head.number == committed.number)
        CHECK(memcmp(&head, &committed, sizeof(head)) == 0);
    committed = head;
}

static void books_check(void)
{
    struct audit_result result;
    struct account account;

    OK(open_try());
    account = account_of(&f, 1);
    if (account.credits_posted_nano == (int64_t)(groups + 1) * TOP_UP) {
        groups++; // durable, though the answer was lost
        undecided++;
    }
    CHECK(account.credits_posted_nano == (int64_t)groups * TOP_UP);
    CHECK(account.debits_posted_nano == (int64_t)groups * PER_GROUP * CHARGE);
    CHECK(account.debits_pending_nano == 0);
    chain_check();
    submissions_check();
    ledger_close(f.ledger);
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    CHECK(result.unsealed == 0 && result.held == 0);
    CHECK(result.settlements == groups * PER_GROUP);
    f.ledger = NULL;
}

static void disk_start(void)
{
    powercut_wipe();
    groups = 0;
    OK(open_try());
    customer_make(&f, 1, 0);
    seal(&f);
    OK(ledger_batch_head(f.ledger, &committed, &test_err));
    ledger_close(f.ledger);
    f.ledger = NULL;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    uint64_t cuts = argc > 2 ? strtoull(argv[2], NULL, 0) : 2000;
    uint64_t total = 0;
    struct powercut_counts counts;

    state = salt_state = seed;
    randombytes_set_implementation(&seeded);
    CHECK(sqlite3_auto_extension((void (*)(void))connection_set) == SQLITE_OK);
    powercut_init(seed);
    fixture_start(&f);
    ledger_close(f.ledger);
    for (uint64_t i = 0; i < cuts; i++) {
        if (i % CUTS_PER_DISK == 0) {
            total += groups;
            disk_start();
        }
        powercut_after(1 + pick(pick(4) ? 150 : 20));
        work();
        powercut_restore();
        books_check();
    }
    counts = powercut_counts();
    printf("seed %" PRIu64 ": %" PRIu64 " cuts over %" PRIu64
           " groups; %" PRIu64 " groups durable but not answered; of what was "
           "not synced %" PRIu64 " kept, %" PRIu64 " dropped, %" PRIu64
           " torn\n",
           seed, counts.cuts, total + groups, undecided, counts.kept,
           counts.dropped, counts.torn);
    CHECK(counts.cuts == cuts && total > 0);
    CHECK(counts.kept && counts.dropped && counts.torn && undecided);
    powercut_wipe();
    rmdir(f.folder);
    return 0;
}
