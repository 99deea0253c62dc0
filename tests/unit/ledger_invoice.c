// SPDX-License-Identifier: ISC
// Final invoices and what belongs to them: terms, taxes, numbers, notes, late
// usage; events of low balances; exports by cursor.
#include "tests/unit/ledger_fixture.h"
#include "billing/export.h"
#include "billing/invoice.h"
#include "billing/statement.h"

static struct fixture f;
static struct invoice_terms terms;
static uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];

#define S 1000000000ull

static void terms_use(const char *taxes_are, const char *more)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "seller = \"Example\"\naddress = [ \"1 Street\", \"Town\" ]\n"
             "tax_id = \"X1\"\nprefix = \"H-\"\ntaxes_are = \"%s\"\n%s",
             taxes_are, more);
    OK(invoice_terms_parse(&terms, text, strlen(text), "t", &test_err));
}

static void terms_refused(const char *text, const char *sentence)
{
    REFUSED(invoice_terms_parse(&terms, text, strlen(text), "t", &test_err),
            EINVAL);
    CHECK(strstr(test_err.text, sentence));
}

static void terms_test(void)
{
    static const struct {
        int64_t base, tax;
        bool included;
    } cases[] = {
        {119, 19, true},
        {119, 23, false},
        {100, 16, true},
        {100, 19, false},
        {0, 0, true},
        {-119, -19, true},
        {-100, -19, false},
        {3, 0, true},
        {INT64_MAX, 1752440687002407403, false},
    };
    struct invoice_tax taxes[INVOICE_TAXES_MAX];
    size_t count;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        terms_use(cases[i].included ? "included" : "added",
                  "taxes = [ \"name=VAT, rate_ppm=190000\" ]\n");
        OK(invoice_taxes(&terms, key_of(1, key), cases[i].base, taxes, &count,
                         &test_err));
        CHECK(count == 1 && taxes[0].amount_nano == cases[i].tax);
    }
    // A customer of his own has none of the general ones.
    terms_use(
        "added",
        "taxes = [ \"name=VAT, rate_ppm=190000\", \"name=None, rate_ppm=0,"
        " customer=0900000000000000c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c"
        "5c5c5c5c5\" ]\n");
    OK(invoice_taxes(&terms, key_of(9, key), 1000, taxes, &count, &test_err));
    CHECK(count == 1 && !strcmp(taxes[0].name, "None") &&
          taxes[0].amount_nano == 0);
    terms_refused("", "seller");
    terms_refused("seller = \"a\"\ntaxes_are = \"free\"\n", "taxes_are");
    terms_refused("seller = \"a\"\ntaxes = [ \"name=a\" ]\n", "rate_ppm");
    terms_refused("seller = \"a\"\ntaxes = [ \"name=a, rate_ppm=1000001\" ]\n",
                  "t:2: a tax needs");
    terms_refused("seller = \"a\"\ntaxes = [ \"x=1\" ]\n", "is none of");
}

static void money_test(void)
{
    static const char *const bad[] = {
        "",   ".5",  "1.",         "-1", "1.0000000001",
        "1 ", "1e3", "9223372037", "+1", "1.2.3"};
    int64_t nano;

    CHECK(money_parse("10.00", &nano) == 0 && nano == 10 * (int64_t)S);
    CHECK(money_parse("0.000000001", &nano) == 0 && nano == 1);
    CHECK(money_parse("9223372036.854775807", &nano) == 0 && nano == INT64_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        CHECK(money_parse(bad[i], &nano) == -1);
}

// ------------------------------------------------------------------ invoices

static void run(uint64_t n, int64_t hold_nano, uint64_t cpu_ns)
{
    struct usage_record record = record_of(n, 1, cpu_ns);

    ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key_of(1, key), hold_nano,
                          &test_err));
    ALONE(&f, ledger_settle(f.ledger, id, &record, NULL, &test_err));
    test_now_ns += S;
}

static uint64_t issue(uint64_t to_ns)
{
    uint64_t number = 0;

    ALONE(&f, invoice_issue(f.ledger, key_of(1, key), to_ns, &terms, &number,
                            &test_err));
    return number;
}

static void issue_refused(uint64_t to_ns, int code)
{
    uint64_t number;

    OK(ledger_begin(f.ledger, &test_err));
    REFUSED(invoice_issue(f.ledger, key_of(1, key), to_ns, &terms, &number,
                          &test_err),
            code);
    OK(ledger_commit(f.ledger, &test_err));
}

static int64_t member(const json_t *o, const char *name)
{
    const json_t *value = json_object_get(o, name);

    CHECK(json_is_integer(value));
    return json_integer_value(value);
}

static json_t *document(uint64_t number)
{
    json_t *o;

    OK(invoice_get(f.ledger, key_of(1, key), number, &o, &test_err));
    return o;
}

static void audit(void)
{
    struct audit_result result;

    OK(ledger_audit(f.path, f.options.node_id, &result, &test_err));
}

// Cost: 1 a start and 2 for each us.
static void first_test(void)
{
    uint64_t middle_ns;
    json_t *o;

    terms_use("included", "taxes = [ \"name=VAT, rate_ppm=190000\" ]\n");
    issue_refused(test_now_ns, ENOENT); // nothing was used
    run(10, 5000, 500000);              // 1001
    run(11, 100, 500000);               // 100 of it billed
    middle_ns = test_now_ns;
    run(12, 5000, 1000); // 3
    issue_refused(test_now_ns + 1, EINVAL);
    CHECK(issue(middle_ns) == 1);
    CHECK(issue(middle_ns) == 1); // again: the same
    issue_refused(middle_ns - 1, EALREADY);
    o = document(1);
    CHECK(member(o, "charge_nano") == 2002 && member(o, "billed_nano") == 1101);
    CHECK(member(o, "written_off_nano") == 901);
    CHECK(member(o, "total_nano") == 1101 && member(o, "number") == 1);
    CHECK(json_array_size(json_object_get(o, "submissions")) == 2);
    CHECK(!strcmp(json_string_value(json_object_get(o, "number_text")),
                  "H-00000001"));
    json_decref(o);
    REFUSED(invoice_get(f.ledger, key_of(2, key), 1, &o, &test_err), ENOENT);
    REFUSED(invoice_get(f.ledger, key_of(1, key), 2, &o, &test_err), ENOENT);
    audit();
}

// What came late, and corrections, are on the next one; taxes on top.
static void second_test(void)
{
    struct usage_record late = record_of(10, 2, 4000); // 8 more
    struct account before = account_of(&f, 1), after;
    json_t *o;

    ALONE(&f, ledger_usage_record_add(f.ledger, &late, &test_err));
    ALONE(&f, ledger_correct(f.ledger, id_of(500, id), key_of(1, key), 2, NULL,
                             "slow", NULL, &test_err));
    test_now_ns += S;
    terms_use("added", "taxes = [ \"name=VAT, rate_ppm=190000\","
                       " \"name=Levy, rate_ppm=500000\" ]\n");
    CHECK(issue(test_now_ns) == 2);
    o = document(2);
    CHECK(member(o, "billed_nano") == 11 &&
          member(o, "notes_total_nano") == -2);
    CHECK(member(o, "total_nano") == 9 + 2 + 5); // 1.71 and 4.5, half up
    CHECK(json_array_size(json_object_get(o, "submissions")) == 2);
    OK(invoice_records_add(f.ledger, o, &test_err));
    for (size_t i = 0; i < 2; i++)
        CHECK(json_array_size(json_object_get(
                  json_array_get(json_object_get(o, "submissions"), i),
                  "usage_records")) == 1);
    json_decref(o);
    after = account_of(&f, 1);
    CHECK(account_balance_nano(&before) - account_balance_nano(&after) ==
          8 - 2 + 7);
    issue_refused(test_now_ns + 1, EINVAL);
    test_now_ns += S;
    issue_refused(test_now_ns, ENOENT); // taxes are no news
    audit();
}

// A tax on top that the account has no money for: nothing is written.
static void poor_test(void)
{
    struct account account = account_of(&f, 1);
    int64_t rest = account_available_nano(&account);

    run(20, rest, 500 * (uint64_t)(rest - 1));
    account = account_of(&f, 1);
    CHECK(account_available_nano(&account) == 0);
    issue_refused(test_now_ns, EDQUOT);
    ALONE(&f, ledger_credit(f.ledger, id_of(900, id), key_of(1, key), 10000000,
                            NULL, NULL, &test_err));
    CHECK(issue(test_now_ns) == 3);
    audit();
}

static void list_test(void)
{
    json_t *o;

    OK(invoice_list(f.ledger, key_of(1, key), &o, &test_err));
    CHECK(json_array_size(json_object_get(o, "invoices")) == 3);
    CHECK(member(json_array_get(json_object_get(o, "invoices"), 0), "number") ==
          3);
    json_decref(o);
}

// -------------------------------------------------------------- low balances

static void late_window_test(void)
{
    struct usage_record late = record_of(11, 3, 4000);

    test_now_ns += LEDGER_LATE_NS;
    OK(ledger_begin(f.ledger, &test_err));
    REFUSED(ledger_usage_record_add(f.ledger, &late, &test_err), EALREADY);
    OK(ledger_commit(f.ledger, &test_err));
}

static void low_test(void)
{
    struct account account = account_of(&f, 1);
    int64_t have = account_available_nano(&account);

    ALONE(&f, ledger_account_change(f.ledger, key_of(1, key), "customer", 0,
                                    have - 100, &account, &test_err));
    CHECK(!account.low);
    ALONE(&f,
          ledger_hold(f.ledger, id_of(30, id), key_of(1, key), 200, &test_err));
    CHECK(account_of(&f, 1).low);
    ALONE(&f, ledger_hold(f.ledger, id_of(31, id), key_of(1, key), 200,
                          &test_err)); // told once
    ALONE(&f, ledger_void(f.ledger, id_of(30, id), &test_err));
    ALONE(&f, ledger_void(f.ledger, id_of(31, id), &test_err));
    CHECK(!account_of(&f, 1).low);
    // A limit that falls takes nothing away, and is an event too.
    ALONE(&f, ledger_account_change(f.ledger, key_of(1, key), "customer", 500,
                                    have + 400, &account, &test_err));
    CHECK(!account.low);
    ALONE(&f, ledger_account_change(f.ledger, key_of(1, key), "customer", 0,
                                    have + 400, &account, &test_err));
    CHECK(account.low);
    audit();
}

// ------------------------------------------------------------------- exports

static char *exported(enum export_format format, const uint8_t *whose,
                      struct export_cursor *cursor, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    OK(export_after(f.ledger, whose, format, cursor, out, &test_err));
    CHECK(fclose(out) == 0);
    return text;
}

// Every entry of the account, once, whatever the pieces.
static void jsonl_test(void)
{
    struct export_cursor cursor = {0};
    size_t len, lows = 0, entries = 0;
    char *text = exported(EXPORT_JSONL, key_of(1, key), &cursor, &len), *save;

    for (char *line = strtok_r(text, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        json_t *o = json_loads(line, 0, NULL);

        CHECK(o);
        if (json_object_get(o, "cursor")) {
            CHECK(json_is_true(json_object_get(o, "end")));
            CHECK((uint64_t)member(o, "cursor") == cursor.after);
        } else {
            CHECK((uint64_t)member(o, "account_seq") == ++entries);
            lows += !strcmp(json_string_value(json_object_get(o, "kind")),
                            "low balance");
        }
        json_decref(o);
    }
    free(text);
    CHECK(cursor.end && lows == 2);
    CHECK(entries == account_of(&f, 1).last_seq);
    text = exported(EXPORT_JSONL, key_of(1, key), &cursor, &len);
    CHECK(!strncmp(text, "{\"cursor\":", 10) &&
          strchr(text, '\n') == text + len - 1);
    free(text);
    cursor.after++;
    REFUSED(export_after(f.ledger, key_of(1, key), EXPORT_JSONL, &cursor,
                         stderr, &test_err),
            EINVAL);
}

static void protobuf_test(void)
{
    struct export_cursor cursor = {0};
    size_t len, at = 0, items = 0;
    char *bytes = exported(EXPORT_PROTOBUF, NULL, &cursor, &len);

    while (at < len) {
        size_t size = 0;

        for (int shift = 0;; shift += 7) {
            size |= (size_t)(bytes[at] & 0x7f) << shift;
            if (!(bytes[at++] & 0x80))
                break;
        }
        at += size;
        items++;
    }
    CHECK(at == len && items == cursor.after + 1 && cursor.end);
    free(bytes);
}

// Rows add up to what the account was charged, taxes on top included.
static void focus_test(void)
{
    struct export_cursor cursor = {0};
    size_t len;
    char *text = exported(EXPORT_FOCUS, key_of(1, key), &cursor, &len), *save;
    struct account account = account_of(&f, 1);
    int64_t sum = 0;
    bool first = true;

    for (char *line = strtok_r(text, "\r\n", &save); line;
         line = strtok_r(NULL, "\r\n", &save), first = false) {
        char *at = line;
        double billed;

        if (first)
            continue;
        for (int comma = 0; comma < 21; comma++)
            at = strchr(at, ',') + 1;
        billed = strtod(at, NULL) * 1e9;
        sum += (int64_t)(billed + (billed < 0 ? -0.5 : 0.5));
    }
    free(text);
    // Top-ups: 2,000,000 and 10,000,000.
    CHECK(sum == 12000000 - account_balance_nano(&account));
}

int main(void)
{
    fixture_start(&f);
    customer_make(&f, 1, 2000000);
    customer_make(&f, 2, 10);
    test_now_ns += S;
    terms_test();
    money_test();
    first_test();
    second_test();
    poor_test();
    list_test();
    late_window_test();
    low_test();
    jsonl_test();
    protobuf_test();
    focus_test();
    seal(&f);
    audit();
    fixture_end(&f);
    return 0;
}
