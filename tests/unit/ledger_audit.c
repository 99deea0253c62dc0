// SPDX-License-Identifier: ISC
// What the auditor finds. Each case alters a sound ledger by one statement, as
// somebody with the file in hand could, and expects the auditor's sentence.
#include "tests/unit/ledger_fixture.h"
#include "billing/invoice.h"
#include "lib/db.h"

static struct fixture f;

// After all that: late usage, new terms and what they bring, two invoices.
static void terms_make(void)
{
    static const struct invoice_terms terms = {
        .taxes_included = true,
        .rounding = ROUND_HALF_UP,
        .rule_count = 1,
        .rules = {{.name = "VAT", .rate_ppm = 190000}},
    };
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    struct usage_record record = record_of(10, 3, 40000);
    uint64_t number;

    ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
    ALONE(&f, ledger_account_change(f.ledger, key_of(2, key), "Bob", 7, 1000000,
                                    NULL, &test_err));
    ALONE(&f, ledger_correct(f.ledger, id_of(77, id), key, -20, NULL, "a fee",
                             NULL, &test_err));
    test_now_ns += 1000000000;
    for (uint64_t customer = 1; customer <= 2; customer++)
        ALONE(&f, invoice_issue(f.ledger, key_of(customer, key), test_now_ns,
                                &terms, &number, &test_err));
    CHECK(number == 2);
    seal(&f);
}

// Ledger: two customers, submissions in each state, three batches and a rest.
static void ledger_make(void)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];
    struct usage_record record;

    customer_make(&f, 1, 100000);
    customer_make(&f, 2, 50000);
    for (uint64_t n = 10; n < 20; n++) {
        ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key_of(1 + n % 2, key),
                              300, &test_err));
        record = record_of(n, 1, 20000 * (n - 9));
        ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
        record = record_of(n, 2, 500);
        if (n < 18)
            ALONE(&f, ledger_settle(f.ledger, id, &record, NULL, &test_err));
        if (n % 4 == 0)
            seal(&f);
    }
    ALONE(&f,
          ledger_hold(f.ledger, id_of(30, id), key_of(1, key), 300, &test_err));
    ALONE(&f, ledger_void(f.ledger, id, &test_err));
    ALONE(&f,
          ledger_hold(f.ledger, id_of(31, id), key_of(1, key), 300, &test_err));
    ALONE(&f,
          ledger_hold(f.ledger, id_of(32, id), key_of(1, key), 0, &test_err));
    seal(&f);
    terms_make();
    ALONE(&f,
          ledger_hold(f.ledger, id_of(33, id), key_of(2, key), 0, &test_err));
}

static const struct {
    const char *sql;
    const char *sentence; // a part of it
} cases[] = {
    // Balances and what belongs to them.
    {"update accounts set debits_posted_nano = debits_posted_nano - 1"
     " where number = 5",
     "account 5 is not what its entries add up to"},
    {"update accounts set credits_posted_nano = credits_posted_nano + 1"
     " where number = 1",
     "account 1 is not what"},
    {"update accounts set debits_pending_nano = 0 where number = 5",
     "account 5 is not what"},
    {"update accounts set credit_limit_nano = 1 where number = 5",
     "account 5 is not what"},
    {"update accounts set name = 'Mallory' where number = 6",
     "account 6 is not what"},
    {"update accounts set key = zeroblob(32) where number = 6",
     "account 6 is not what"},
    {"update accounts set currency = 'SEK' where number = 6",
     "account 6 is not what"},
    {"update accounts set last_seq = last_seq + 1 where number = 6",
     "account 6 is not what"},
    {"update accounts set opened_ns = opened_ns + 1 where number = 6",
     "account 6 is not what"},
    {"insert into accounts select 99, kind, null, name, 'SEK',"
     " credit_limit_nano, 0, 0, 0, 0, opened_ns, 0, 0, 0, 0 from accounts"
     " where number = 1",
     "the table of accounts has 7 rows instead of 6"},
    // Submissions.
    {"update submissions set billed_nano = billed_nano - 1 where number = 3",
     "the table of submissions differs from the log in row 3"},
    {"update submissions set hold_nano = 299 where number = 3", "row 3"},
    {"update submissions set state = 3 where number = 3", "row 3"},
    {"update submissions set state = 2 where number = 9", "row 9"},
    {"update submissions set usage = zeroblob(136) where number = 9", "row 9"},
    {"update submissions set record_count = 2 where number = 9", "row 9"},
    {"update submissions set last_record_seq = 9 where number = 9", "row 9"},
    {"update submissions set settled_ns = settled_ns + 1 where number = 2",
     "row 2"},
    {"update submissions set last_entry = last_entry - 1 where number = 2",
     "row 2"},
    {"update submissions set account = 5 where number = 2", "row 2"},
    {"update submissions set written_off_nano = 0 where number = 8", "row 8"},
    {"update submissions set id = randomblob(16) where number = 2",
     "the table of submissions lacks a row"},
    {"delete from submissions where number = 13",
     "the table of submissions lacks a row"},
    {"insert into submissions select 99, randomblob(16), account, card, 3, 0,"
     " usage, 0, 0, 0, 0, 0, 0, last_entry from submissions where number = 1",
     "the table of submissions has"},
    // Transfers and records: at most once.
    {"update transfers set open = 1 where entry = (select min(entry)"
     " from transfers)",
     "calls it an open hold"},
    {"update transfers set open = 1 - open where entry = (select max(entry)"
     " from transfers where open = 1)",
     "is wrong about an open hold"},
    {"update transfers set entry = entry + 1 where entry = 7",
     "the transfer was made before as entry 8"},
    {"delete from transfers where entry = 7",
     "the table of transfers lacks a row"},
    {"update transfers set account = null where account is not null",
     "on another statement"},
    {"update transfers set account = account + 1 where account is not null",
     "on another statement"},
    {"insert into transfers values (randomblob(16), 3, 0, null)",
     "the table of transfers has"},
    {"update settlements set settled_ns = settled_ns + 1 where submission = 4",
     "the table of settlements has it differently"},
    {"update settlements set submission = 5 where submission = 4",
     "the table of settlements has it differently"},
    {"delete from settlements where submission = 4",
     "the table of settlements lacks a row"},
    {"insert into settlements values (5, 1, 1, 1)",
     "the table of settlements has"},
    {"update entries set before = before - 1 where number = 21",
     "does not follow the submission's entries"},
    {"update entries set before = null where number = 21",
     "does not follow the submission's entries"},
    {"update entries set before = 0 where number = (select min(number) from"
     " entries where submission = 1)",
     "is missing or malformed"},
    {"update entries set submission = 0 where number = 1",
     "entry 1 is missing or malformed"},
    {"update cards set entry = entry + 1", "a rate card is in the log twice"},
    {"update cards set digest = randomblob(32)",
     "the table of submissions differs from the log in row 2"},
    // The log itself. Sense first, then what was signed.
    {"update entries set salt = randomblob(16) where number = 13",
     "was altered after it was signed"},
    {"update entries set salt = randomblob(15) where number = 13",
     "entry 13 is missing or malformed"},
    {"delete from entries where number = 21",
     "entry 21 is missing or malformed"},
    {"update entries set entry = x'0801' where number = 21",
     "entry 21: the entry is malformed"},
    {"update entries set entry = (select entry from entries where number = 9)"
     " where number = 21",
     "entry 21: it is number"},
    {"update entries set submission = submission + 1 where number = 21",
     "entry 21: its row names another submission"},
    {"delete from entries where number > (select max(number) - 3 from entries)",
     "entries of batch 4 are missing"},
    {"insert into entries select max(number) + 1, submission, before, salt,"
     " entry"
     " from entries",
     ": it is number"},
    // Late usage, terms, invoices.
    {"update settlements set entry = entry - 1 where submission = 1 and entry ="
     " (select max(entry) from settlements where submission = 1)",
     "the table of settlements lacks a row"},
    {"update entries set before = (select min(entry) from settlements where"
     " submission = 2) where before = (select min(entry) from settlements where"
     " submission = 1)",
     "admitted or is over"},
    {"update accounts set low = 0 where number = 6", "account 6 is not what"},
    {"update accounts set low_balance_nano = 5 where number = 6",
     "account 6 is not what"},
    {"update accounts set invoiced = invoiced + 1 where number = 5",
     "account 5 is not what"},
    {"update invoices set document = cast(replace(cast(document as text),"
     " 'Bob', 'Rob') as blob)",
     "the document of invoice 2 was altered"},
    {"update invoices set account = 5 where number = 2",
     "the document of invoice 2 was altered"},
    {"delete from invoices where number = 2",
     "the document of invoice 2 is missing"},
    {"insert into invoices values (3, 5, 1, x'00')",
     "the table of invoices has 3 rows instead of 2"},
    {"update transfers set account = null where account = 6 and entry ="
     " (select max(entry) from transfers where account = 6)",
     "on another statement"},
    // Batches.
    {"delete from batches where number = (select max(number) from batches)",
     NULL}, // allowed: entries not signed yet look the same
    {"delete from batches where number = 2", "batch 2 is missing"},
    {"update batches set signature = zeroblob(64) where number = 2",
     "the signature of batch 2 is wrong"},
    {"update batches set signature = zeroblob(63) where number = 2",
     "the signature of batch 2 is wrong"},
    {"update batches set header = (select header from batches where number = 1)"
     " where number = 2",
     "batch 2 is missing or out of order"},
    {"update batches set header = x'00' where number = 2",
     "batch 2: the batch header is malformed"},
    {"update batches set cert = 7 where number = 2",
     "certificate 7 is missing"},
    {"update certs set cert = x'00'", "certificate is malformed"},
    {"update batches set first_entry = 10000 where number = 2",
     "batch 2 does not begin where"},
    {"delete from meta", "does not say whose it is"},
    {"update meta set value = randomblob(32) where key = 'node_id'",
     "the ledger belongs to another node"},
};

static void file_copy(const char *from, const char *to)
{
    char buffer[65536];
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    size_t n;

    CHECK(in && out);
    while ((n = fread(buffer, 1, sizeof(buffer), in)) > 0)
        CHECK(fwrite(buffer, 1, n, out) == n);
    fclose(in);
    CHECK(fclose(out) == 0);
}

static void files_remove(const char *path)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[128];

    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
        unlink(name);
    }
}

static void case_run(size_t i, const char *path)
{
    const char *sentence = cases[i].sentence;
    struct audit_result result;
    struct db *db;
    int r;

    files_remove(path);
    file_copy(f.path, path);
    db = db_open(path, "", 3, &test_err);
    CHECK(db);
    OK(db_exec(db, cases[i].sql, &test_err));
    db_close(db);
    test_err.text[0] = '\0';
    r = ledger_audit(path, f.options.node_id, &result, &test_err);
    if (sentence ? r != -EBADMSG || !strstr(test_err.text, sentence) : r != 0) {
        fprintf(stderr, "case %zu (%s): expected \"%s\", got %d \"%s\"\n", i,
                cases[i].sql, sentence ? sentence : "ok", r, test_err.text);
        exit(1);
    }
}

// Some bytes in the middle of the file, as a failing disk changes them.
static void damage_test(const char *path)
{
    struct audit_result result;
    uint64_t state = 3;

    for (int i = 0; i < 100; i++) {
        FILE *file;
        long at;
        int byte;

        files_remove(path);
        file_copy(f.path, path);
        file = fopen(path, "r+");
        CHECK(file && fseek(file, 0, SEEK_END) == 0);
        at = 100 + (long)(draw(&state) % (uint64_t)(ftell(file) - 100));
        CHECK(fseek(file, at, SEEK_SET) == 0);
        byte = fgetc(file);
        CHECK(byte != EOF && fseek(file, at, SEEK_SET) == 0);
        fputc(byte ^ (1 << draw(&state) % 8), file);
        CHECK(fclose(file) == 0);
        // Free space in a page proves nothing; but it never crashes or errs.
        test_err.text[0] = '\0';
        if (ledger_audit(path, f.options.node_id, &result, &test_err) < 0)
            CHECK(test_err.text[0]);
    }
}

int main(void)
{
    struct audit_result result;
    uint8_t other[LEDGER_KEY_SIZE] = {1};
    char path[100];

    fixture_start(&f);
    ledger_make();
    ledger_close(f.ledger); // now everything is in the one file
    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
    CHECK(result.held == 5 && result.settlements == 10);
    CHECK(result.unsealed == 1 && result.batches == 4 && result.invoices == 2);
    OK(ledger_audit(f.path, NULL, &result, &test_err));
    REFUSED(ledger_audit(f.path, other, &result, &test_err), EBADMSG);

    snprintf(path, sizeof(path), "%s/copy.db", f.folder);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        case_run(i, path);
    damage_test(path);
    files_remove(path);
    CHECK(ledger_audit("/nonexistent/ledger.db", NULL, &result, &test_err) < 0);
    fixture_open(&f);
    fixture_end(&f);
    return 0;
}
