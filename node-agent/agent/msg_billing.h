// SPDX-License-Identifier: ISC
/*
 * What the API asks the ledger beside accounts and documents; part of msg.h.
 */
#ifndef AGENT_MSG_BILLING_H
#define AGENT_MSG_BILLING_H

/* A credit note (above 0) or a debit note (below); billing/ledger.h. */
struct msg_account_correct {
    struct msg_head head;
    key_id_t customer;
    uint8_t id[16]; /* client-made: the same one is applied once */
    int64_t amount_nano;
    sub_id_t submission; /* all zero: about none */
    char reason[64];
};

/* New terms of an account; -1 and "" leave what is. */
struct msg_account_change {
    struct msg_head head;
    key_id_t customer;
    int64_t credit_limit_nano;
    int64_t low_balance_nano;
    char name[64];
};

struct msg_invoice_issue { /* msg_count_reply: count is its number */
    struct msg_head head;
    key_id_t customer;
    uint32_t month; /* 202611: of all until its end */
    uint32_t pad;
    uint64_t until_real_ns; /* with month 0: of all until then; 0: now */
};

/* What a payment provider's webhook said, as it came; the ledger checks its
 * signature (Standard Webhooks, HMAC-SHA256). */
#define PAYMENT_BODY_MAX       4096
#define PAYMENT_SIGNATURES_MAX 4
struct msg_payment {
    struct msg_head head;
    char webhook_id[64];
    uint64_t timestamp_s;
    uint32_t signatures; /* one of them must be right */
    uint32_t len;
    uint8_t signature[PAYMENT_SIGNATURES_MAX][32];
    char body[PAYMENT_BODY_MAX];
};

#endif
