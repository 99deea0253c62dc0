// SPDX-License-Identifier: ISC
// A ledger whose process is killed at random moments, again and again: what was
// acknowledged is there, once; what was not is there whole or not at all; the
// books are in order each time.
//
// The child settles submissions in numbered groups and writes the group's
// number to a pipe after its commit. Repeating the group after the last
// acknowledged one must be harmless: it may or may not have been committed.
#include "tests/unit/ledger_fixture.h"
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS    25
#define PER_GROUP 5
#define HOLD      1000

static struct fixture f;

static void group(uint64_t number)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];

    OK(ledger_begin(f.ledger, &test_err));
    for (uint64_t n = number * PER_GROUP; n < (number + 1) * PER_GROUP; n++) {
        struct usage_record record = record_of(n, 1, 100000);
        int r = ledger_hold(f.ledger, id_of(n, id), key_of(1, key), HOLD,
                            &test_err);

        CHECK(r == 0 || r == -EALREADY);
        OK(ledger_settle(f.ledger, id, &record, NULL, &test_err));
    }
    OK(ledger_batch_seal(f.ledger, NULL, &test_err));
    OK(ledger_commit(f.ledger, &test_err));
}

static void child_run(uint64_t first, int acknowledge)
{
    fixture_open(&f);
    for (uint64_t number = first;; number++) {
        group(number);
        if (write(acknowledge, &number, sizeof(number)) != sizeof(number))
            _exit(0);
    }
}

// Runs a child for a random while; returns the first group that was not
// acknowledged.
static uint64_t round_run(uint64_t first, uint64_t *state)
{
    struct timespec pause = {0, 1000000 + (long)(draw(state) % 60000000)};
    uint64_t number, next = first;
    int pipe_fds[2], status;
    pid_t child;

    CHECK(pipe(pipe_fds) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(pipe_fds[0]);
        child_run(first, pipe_fds[1]);
    }
    close(pipe_fds[1]);
    nanosleep(&pause, NULL);
    CHECK(kill(child, SIGKILL) == 0);
    CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) &&
          WTERMSIG(status) == SIGKILL);
    while (read(pipe_fds[0], &number, sizeof(number)) == sizeof(number)) {
        CHECK(number == next);
        next = number + 1;
    }
    close(pipe_fds[0]);
    return next;
}

static void books_check(uint64_t groups)
{
    // 1 a start and 200 for the CPU.
    int64_t expected = (int64_t)groups * PER_GROUP * 201;
    struct submission_books books;
    struct audit_result result;
    uint8_t id[LEDGER_ID_SIZE];
    int64_t spent;

    fixture_open(&f);
    spent = account_of(&f, 1).debits_posted_nano;
    CHECK(spent == expected || spent == expected + PER_GROUP * 201);
    CHECK(account_of(&f, 1).debits_pending_nano == 0);
    for (uint64_t n = 0; n < groups * PER_GROUP; n++) {
        OK(ledger_submission_get(f.ledger, id_of(n, id), &books, &test_err));
        CHECK(books.state == SUBMISSION_SETTLED && books.billed_nano == 201);
    }
    ledger_close(f.ledger);
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    CHECK(result.unsealed == 0 && result.held == 0);
}

int main(void)
{
    uint64_t next = 0, state = 7;

    fixture_start(&f);
    customer_make(&f, 1, 1000000000000);
    seal(&f);
    ledger_close(f.ledger);
    for (int i = 0; i < ROUNDS; i++) {
        next = round_run(next, &state);
        books_check(next);
    }
    printf("%" PRIu64 " groups acknowledged over %d kills\n", next, ROUNDS);
    CHECK(next > 0);
    fixture_open(&f);
    fixture_end(&f);
    return 0;
}
