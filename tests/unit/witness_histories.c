// SPDX-License-Identifier: ISC
// A node that keeps two ledgers: what both sign is valid, and no customer sees
// it alone; witnesses who exchange what they were shown do.
#include "tests/unit/ledger_fixture.h"
#include "billing/witness.h"

struct paper {
    uint8_t *bytes;
    size_t len;
};

static struct fixture f;

static void history_add(uint64_t from, uint64_t to)
{
    uint8_t id[LEDGER_ID_SIZE], key[LEDGER_KEY_SIZE];

    for (uint64_t n = from; n < to; n++) {
        struct usage_record record = record_of(n, 1, 1000);

        ALONE(&f, ledger_hold(f.ledger, id_of(n, id), key_of(1, key), 100,
                              &test_err));
        ALONE(&f, ledger_settle(f.ledger, id, &record, NULL, &test_err));
        seal(&f);
        test_now_ns += 1000000000;
    }
}

static struct paper chain_of(uint64_t after)
{
    struct paper paper;

    OK(chain_build(f.ledger, after, &paper.bytes, &paper.len, &test_err));
    return paper;
}

static struct paper receipt_of(uint64_t n)
{
    uint8_t id[LEDGER_ID_SIZE];
    struct paper paper;

    OK(receipt_build(f.ledger, id_of(n, id), false, &paper.bytes, &paper.len,
                     &test_err));
    return paper;
}

static struct chain verified(struct paper paper)
{
    struct chain chain;

    OK(chain_verify(paper.bytes, paper.len, f.options.node_id, &chain,
                    &test_err));
    return chain;
}

static int compare(struct paper a, struct paper b, size_t *common)
{
    struct chain x = verified(a), y = verified(b);
    int r = chain_compare(&x, &y, common, &test_err);

    CHECK(chain_compare(&y, &x, NULL, NULL) == r);
    chain_free(&x);
    chain_free(&y);
    return r;
}

static struct paper joined(struct paper a, struct paper b)
{
    struct paper out;

    OK(chain_join(a.bytes, a.len, b.bytes, b.len, &out.bytes, &out.len,
                  &test_err));
    return out;
}

// No byte of a chain can be changed; nothing can be cut off or added.
static void bytes_test(struct paper paper)
{
    struct chain chain;

    for (size_t i = 0; i < paper.len; i++) {
        paper.bytes[i] ^= 1;
        CHECK(chain_verify(paper.bytes, paper.len, f.options.node_id, &chain,
                           &test_err) == -EBADMSG);
        paper.bytes[i] ^= 1;
    }
    // A run of fewer batches is a chain as well; a cut batch is none.
    for (size_t cut = 0; cut < paper.len; cut++) {
        uint8_t *part = malloc(cut + 1);

        memcpy(part, paper.bytes, cut);
        if (chain_verify(part, cut, f.options.node_id, &chain, &test_err) == 0)
            chain_free(&chain);
        free(part);
    }
    paper.bytes = realloc(paper.bytes, paper.len + 3);
    memcpy(paper.bytes + paper.len, "\x98\x06\x01", 3);
    CHECK(chain_verify(paper.bytes, paper.len + 3, f.options.node_id, &chain,
                       &test_err) == -EBADMSG);
    free(paper.bytes);
    CHECK(chain_verify((const uint8_t *)"", 0, f.options.node_id, &chain,
                       &test_err) == -EBADMSG);
}

static void growth_test(void)
{
    struct paper first = chain_of(0), more, all, whole;
    struct chain chain;
    uint64_t last;
    size_t common;

    history_add(20, 25);
    chain = verified(first);
    last = chain.links[chain.count - 1].number;
    more = chain_of(last - 1); // overlaps by one
    CHECK(compare(first, more, &common) == 0 && common == 1);
    all = joined(first, more);
    whole = chain_of(0);
    CHECK(all.len == whole.len && !memcmp(all.bytes, whole.bytes, all.len));
    chain_free(&chain);
    free(more.bytes);
    more = chain_of(1000); // nothing yet
    chain = verified(more);
    CHECK(chain.count == 0);
    chain_free(&chain);
    free(more.bytes);
    more = chain_of(last + 1); // a gap
    free(all.bytes);
    REFUSED(chain_join(first.bytes, first.len, more.bytes, more.len, &all.bytes,
                       &all.len, &test_err),
            EINVAL);
    free(more.bytes);
    free(first.bytes);
    free(whole.bytes);
}

static void file_copy(const char *from, const char *to)
{
    char command[400];

    snprintf(command, sizeof(command), "cp %s %s", from, to);
    CHECK(system(command) == 0);
}

static void divergence_test(void)
{
    char honest[120], other[120];
    struct paper ada, ada_receipt, bob, bob_receipt, common_receipt, tail;
    uint64_t last;
    struct chain chain;

    common_receipt = receipt_of(24);
    chain = verified(common_receipt);
    last = chain.links[chain.count - 1].number;
    chain_free(&chain);
    // From here on the node keeps two books with one key.
    ledger_close(f.ledger);
    strcpy(honest, f.path);
    snprintf(other, sizeof(other), "%s.other", f.path);
    file_copy(honest, other);
    fixture_open(&f);
    history_add(100, 103);
    ada = chain_of(0);
    ada_receipt = receipt_of(102);
    ledger_close(f.ledger);
    strcpy(f.path, other);
    fixture_open(&f);
    history_add(200, 204);
    bob = chain_of(0);
    bob_receipt = receipt_of(203);
    tail = chain_of(last + 1); // from the second batch of the divergence on

    // Each is good, and says nothing against what was before.
    CHECK(compare(ada, ada_receipt, NULL) == 0);
    CHECK(compare(bob, bob_receipt, NULL) == 0);
    CHECK(compare(ada, common_receipt, NULL) == 0);
    CHECK(compare(bob, common_receipt, NULL) == 0);
    // Together they are the proof.
    REFUSED(compare(ada, bob, NULL), EILSEQ);
    CHECK(strstr(test_err.text, "two histories"));
    REFUSED(compare(ada, tail, NULL), EILSEQ);
    CHECK(compare(common_receipt, tail, NULL) == 0);
    // One who has only what was before, and then is shown the other tail.
    chain = verified(ada);
    chain.count = last + 1; // up to the first batch of the honest divergence
    {
        struct chain next = verified(tail);

        REFUSED(chain_compare(&chain, &next, NULL, &test_err), EILSEQ);
        chain_free(&next);
    }
    chain_free(&chain);
    ledger_close(f.ledger);
    unlink(other);
    strcpy(f.path, honest);
    fixture_open(&f);
    free(ada.bytes);
    free(bob.bytes);
    free(ada_receipt.bytes);
    free(bob_receipt.bytes);
    free(common_receipt.bytes);
    free(tail.bytes);
}

int main(void)
{
    fixture_start(&f);
    customer_make(&f, 1, 1000000);
    history_add(1, 3);
    bytes_test(chain_of(0));
    growth_test();
    divergence_test();
    fixture_end(&f);
    return 0;
}
