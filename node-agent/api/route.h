// SPDX-License-Identifier: ISC
// What the API offers: the table of routes. openapi.json tells it to users,
// and tests/lint/openapi that both say the same.

#ifndef API_ROUTE_H
#define API_ROUTE_H

#include "node-agent/api/request.h"

enum access {
    ACCESS_OPEN,     // anybody; no signature is looked at
    ACCESS_EITHER,   // anybody; a signature tells who, and must be right
    ACCESS_STRANGER, // whoever has a key: it needs no account
    ACCESS_CUSTOMER, // the owner, or the operator for anybody's
    ACCESS_OPERATOR,
    ACCESS_WATCHER, // the listener for metrics, or the operator
};

struct route {
    const char *method, *path; // {} stands for one segment
    enum access access;
    size_t body_max; // 0: takes no body
    void (*serve)(struct request *rq);
};

// The one whose body is not collected but read as it arrives (upload.h).
bool route_streams(const struct route *route);
// And the one that is, into a volume (volume.h): who asks must be known first.
bool route_fills(const struct route *route);

// Finds the route; fills in the parameter. NULL: *allowed is "" if there is
// no such path, else the methods it has.
#define ALLOWED_MAX 64
const struct route *route_find(const char *method, const char *path,
                               char param[PARAM_MAX],
                               char allowed[ALLOWED_MAX]);

// A route's labels for metrics, by its place in the table. 0: there is none.
int route_label(unsigned place, struct route_label *label);
unsigned route_place(const struct route *route);

// health.c
void serve_health(struct request *rq);
void serve_ready(struct request *rq);
void serve_metrics(struct request *rq);
// node.c
void serve_node(struct request *rq);
void serve_openapi(struct request *rq);
void serve_ratecard(struct request *rq);
void serve_quote(struct request *rq);
void serve_domains(struct request *rq);
// upload.c
void serve_submit(struct request *rq);
// submission.c
void serve_list(struct request *rq);
void serve_submission(struct request *rq);
void serve_destroy(struct request *rq);
void serve_pause(struct request *rq);
void serve_unpause(struct request *rq);
void serve_shutdown(struct request *rq);
void serve_input(struct request *rq);
void serve_receipt(struct request *rq);
// people.c
void serve_audit(struct request *rq);
void serve_quota(struct request *rq);
void serve_quota_set(struct request *rq);
void serve_drain_begin(struct request *rq);
void serve_drain_end(struct request *rq);
void serve_invite(struct request *rq);
void serve_join(struct request *rq);
void serve_keys(struct request *rq);
void serve_key_add(struct request *rq);
void serve_key_revoke(struct request *rq);
// An answered request, into the audit log if it belongs there.
void audit_note(struct request *rq);
// volume.c
void serve_volumes(struct request *rq);
void serve_volume_create(struct request *rq);
void serve_volume(struct request *rq);
void serve_volume_delete(struct request *rq);
void serve_volume_resize(struct request *rq);
void serve_volume_upload(struct request *rq);
void serve_volume_download(struct request *rq);
// call.c
void serve_call(struct request *rq);
// events.c
void serve_events(struct request *rq);
void serve_feed(struct request *rq); // feed.c

// attach.c
void serve_debug(struct request *rq);
void serve_debug_say(struct request *rq);
void serve_core(struct request *rq);
void serve_trace(struct request *rq);
// console.c
void serve_console(struct request *rq);
void serve_outputs(struct request *rq);
void serve_build_log(struct request *rq);
// account.c
void serve_account(struct request *rq);
void serve_invoice(struct request *rq);
void serve_usage_csv(struct request *rq);
void serve_statement(struct request *rq);
void serve_spend(struct request *rq);
void serve_batches(struct request *rq);
void serve_accounts(struct request *rq);
void serve_account_open(struct request *rq);
void serve_account_of(struct request *rq);
void serve_account_credit(struct request *rq);
// billing.c
void serve_invoices(struct request *rq);
void serve_invoice_final(struct request *rq);
void serve_invoice_issue(struct request *rq);
void serve_export(struct request *rq);
void serve_account_correct(struct request *rq);
void serve_account_change(struct request *rq);
void serve_payment(struct request *rq);

#endif
