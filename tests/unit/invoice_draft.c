// SPDX-License-Identifier: ISC
// Invoices and exports: their sums are the ledger's, to the nano-unit; the CSV
// is RFC 4180; periods are half open; odd names stay in their column.
#include "tests/unit/ledger_fixture.h"
#include "billing/export.h"
#include "billing/invoice.h"

#define SUBMISSIONS 12
#define COLUMNS     28

static struct fixture f;
static uint8_t key[LEDGER_KEY_SIZE], id[LEDGER_ID_SIZE];
static int64_t billed_nano, written_off_nano;
static uint64_t start_ns;

static void ledger_make(void)
{
    struct submission_books books;
    struct usage_record record;

    start_ns = test_now_ns;
    customer_make(&f, 1, 1000000);
    ALONE(&f, ledger_account_open(f.ledger, key_of(2, key), "O\"Brien, \"Inc\"",
                                  "EUR", 1000000, NULL, &test_err));
    for (uint64_t n = 0; n < SUBMISSIONS; n++) {
        // Every third is over its cap; records of odd sizes, so that rounding
        // happens in the middle.
        key_of(1 + n % 2, key);
        ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key, n % 3 ? 100000 : 150,
                              &test_err));
        for (uint64_t seq = 1; seq <= 3; seq++) {
            record = record_of(n, seq, 100333 + 777 * n + seq);
            record.phase = seq == 1 ? USAGE_BUILD : USAGE_RUN;
            record.usage.mem_peak_kib = 1000 - seq;
            record.usage.mem_reserved_kib_ms = 10 + seq;
            ALONE(&f, ledger_usage_record_add(f.ledger, &record, &test_err));
        }
        ALONE(&f, ledger_settle(f.ledger, id, NULL, &books, &test_err));
        if (n % 2 == 0) {
            billed_nano += books.billed_nano;
            written_off_nano += books.written_off_nano;
        }
        test_now_ns += 1000000000;
    }
}

static int64_t integer_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    CHECK(json_is_integer(value));
    return json_integer_value(value);
}

static int64_t lines_sum(const json_t *lines)
{
    const json_t *line;
    int64_t sum = 0;
    size_t i;

    json_array_foreach(lines, i, line) sum += integer_of(line, "amount_nano");
    return sum;
}

static json_t *draft(uint64_t from_ns, uint64_t to_ns)
{
    json_t *invoice;

    OK(invoice_draft(f.ledger, key_of(1, key), from_ns, to_ns, NULL, &invoice,
                     &test_err));
    return invoice;
}

static void sums_test(void)
{
    json_t *invoice = draft(0, UINT64_MAX);
    const json_t *submissions = json_object_get(invoice, "submissions");
    const json_t *submission;
    int64_t sum = 0;
    size_t i;

    CHECK(json_array_size(submissions) == SUBMISSIONS / 2);
    json_array_foreach(submissions, i, submission)
    {
        int64_t charge = integer_of(submission, "charge_nano");

        CHECK(lines_sum(json_object_get(submission, "lines")) == charge);
        CHECK(charge == integer_of(submission, "billed_nano") +
                            integer_of(submission, "written_off_nano"));
        sum += charge;
    }
    CHECK(written_off_nano > 0);
    CHECK(sum == billed_nano + written_off_nano);
    CHECK(lines_sum(json_object_get(invoice, "totals")) == sum);
    CHECK(integer_of(invoice, "billed_nano") == billed_nano);
    CHECK(integer_of(invoice, "balance_nano") == 1000000 - billed_nano);
    json_decref(invoice);
}

static void period_test(void)
{
    json_t *first = draft(0, start_ns + 2000000000);
    json_t *rest = draft(start_ns + 2000000000, UINT64_MAX);
    json_t *none = draft(start_ns + 1, start_ns + 1);

    CHECK(json_array_size(json_object_get(first, "submissions")) == 1);
    CHECK(json_array_size(json_object_get(rest, "submissions")) == 5);
    CHECK(json_array_size(json_object_get(none, "submissions")) == 0);
    CHECK(integer_of(first, "billed_nano") + integer_of(rest, "billed_nano") ==
          billed_nano);
    json_decref(first);
    json_decref(rest);
    json_decref(none);
    REFUSED(
        invoice_draft(f.ledger, key_of(9, key), 0, 1, NULL, &none, &test_err),
        ENOENT);
}

static void print_test(void)
{
    json_t *invoice = draft(0, UINT64_MAX), *other = json_object();
    char *text = NULL, total[MONEY_TEXT_SIZE], line[64];
    size_t len;
    FILE *out = open_memstream(&text, &len);

    OK(invoice_print(invoice, out, &test_err));
    CHECK(fclose(out) == 0);
    snprintf(line, sizeof(line), "TO PAY               %s EUR\n",
             money_text(billed_nano, total));
    CHECK(strstr(text, line) && strstr(text, "over the cap, not billed"));
    free(text);
    out = open_memstream(&text, &len);
    REFUSED(invoice_print(other, out, &test_err), EINVAL);
    // Members of the wrong type print as nothing.
    json_object_set_new(other, "kind", json_string("hostel draft invoice"));
    json_object_set_new(other, "submissions",
                        json_pack("[i, {s:[n]}]", 5, "lines"));
    OK(invoice_print(other, out, &test_err));
    fclose(out);
    free(text);
    json_decref(invoice);
    json_decref(other);
}

// ----------------------------------------------------------------------- CSV

// Splits one record into its fields, in place; returns what follows it.
static char *record_split(char *at, char *fields[COLUMNS])
{
    for (int i = 0; i < COLUMNS; i++) {
        char *to;

        if (*at == '"') {
            fields[i] = to = ++at;
            while (*at != '"' || at[1] == '"') {
                CHECK(*at);
                at += *at == '"';
                *to++ = *at++;
            }
            at++;
        } else {
            fields[i] = at;
            at += strcspn(at, ",\r\"");
            to = at;
        }
        CHECK(i < COLUMNS - 1 ? *at == ',' : at[0] == '\r' && at[1] == '\n');
        at += i < COLUMNS - 1 ? 1 : 2;
        *to = '\0';
    }
    return at;
}

static int64_t nano_of(const char *text)
{
    bool negative = *text == '-';
    char *end;
    int64_t whole = strtoll(text + negative, &end, 10), part = 0;
    int digits = 0;

    CHECK(*end == '.');
    for (end++; *end; end++, digits++)
        part = 10 * part + (*end - '0');
    CHECK(digits >= 2 && digits <= 9);
    for (; digits < 9; digits++)
        part *= 10;
    return (negative ? -1 : 1) * (whole * 1000000000 + part);
}

static int column(char *header[COLUMNS], const char *name)
{
    for (int i = 0; i < COLUMNS; i++)
        if (!strcmp(header[i], name))
            return i;
    fprintf(stderr, "no column %s\n", name);
    exit(1);
}

// FOCUS 1.2's mandatory columns.
static const char *const mandatory[] = {
    "BilledCost",        "ContractedCost",    "EffectiveCost",
    "ListCost",          "PricingQuantity",   "BillingPeriodStart",
    "BillingPeriodEnd",  "ChargePeriodStart", "ChargePeriodEnd",
    "BillingAccountId",  "BillingCurrency",   "ChargeCategory",
    "InvoiceIssuerName", "ProviderName",      "PublisherName",
    "ServiceCategory",   "ServiceName",       "BillingAccountName",
    "ChargeClass",       "ChargeDescription", "PricingUnit",
};

static char *export_text(const uint8_t *customer)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    OK(export_csv(f.ledger, customer, 0, UINT64_MAX, out, &test_err));
    CHECK(fclose(out) == 0);
    return text;
}

static void csv_test(void)
{
    char *text = export_text(key_of(1, key)), *header[COLUMNS];
    char *fields[COLUMNS], *at = record_split(text, header);
    int64_t billed = 0, list = 0;
    int rows = 0, credits = 0;

    for (size_t i = 0; i < sizeof(mandatory) / sizeof(mandatory[0]); i++)
        column(header, mandatory[i]);
    while (*at) {
        at = record_split(at, fields);
        billed += nano_of(fields[column(header, "BilledCost")]);
        list += nano_of(fields[column(header, "ListCost")]);
        credits += !strcmp(fields[column(header, "ChargeCategory")], "Credit");
        CHECK(!strcmp(fields[column(header, "BillingPeriodStart")],
                      "2027-01-01T00:00:00Z"));
        CHECK(!strcmp(fields[column(header, "BillingPeriodEnd")],
                      "2027-02-01T00:00:00Z"));
        rows++;
    }
    CHECK(billed == billed_nano && list == billed_nano + written_off_nano);
    CHECK(credits == 2);
    // A start once; CPU, reserved and peak memory of three records each.
    CHECK(rows == SUBMISSIONS / 2 * 10 + credits);
    free(text);
}

static void quoting_test(void)
{
    char *text = export_text(NULL), *header[COLUMNS], *fields[COLUMNS];
    char *at = record_split(text, header);
    int quoted = 0;

    while (*at) {
        at = record_split(at, fields);
        quoted += !strcmp(fields[column(header, "BillingAccountName")],
                          "O\"Brien, \"Inc\"");
    }
    CHECK(quoted > SUBMISSIONS / 2);
    free(text);
}

// A reader that went away is an error, not a signal or an endless loop.
static void full_test(void)
{
    FILE *out = fopen("/dev/full", "w");

    CHECK(out);
    CHECK(export_csv(f.ledger, NULL, 0, UINT64_MAX, out, &test_err) < 0);
    fclose(out);
}

int main(void)
{
    fixture_start(&f);
    ledger_make();
    sums_test();
    period_test();
    print_test();
    csv_test();
    quoting_test();
    full_test();
    fixture_end(&f);
    return 0;
}
