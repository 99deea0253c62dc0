// SPDX-License-Identifier: ISC
// The table of routes; see route.h.

#include "node-agent/api/route.h"

#include <stdio.h>
#include <string.h>

#include "node-agent/api/limits.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/limits.h"

static const struct route routes[] = {
    {"GET", "/healthz", ACCESS_OPEN, 0, serve_health},
    {"GET", "/readyz", ACCESS_OPEN, 0, serve_ready},
    {"GET", "/metrics", ACCESS_WATCHER, 0, serve_metrics},
    {"GET", "/v1/node", ACCESS_OPEN, 0, serve_node},
    {"GET", "/v1/openapi.json", ACCESS_OPEN, 0, serve_openapi},
    {"GET", "/v1/ratecard", ACCESS_OPEN, 0, serve_ratecard},
    {"GET", "/v1/batches", ACCESS_OPEN, 0, serve_batches},
    {"POST", "/v1/quotes", ACCESS_EITHER, 2 * MANIFEST_MAX, serve_quote},

    // Open, since what signs it is inside.
    {"POST", "/v1/submissions", ACCESS_OPEN, BUNDLE_MAX, serve_submit},
    {"GET", "/v1/submissions", ACCESS_CUSTOMER, 0, serve_list},
    {"GET", "/v1/submissions/{}", ACCESS_CUSTOMER, 0, serve_submission},
    {"DELETE", "/v1/submissions/{}", ACCESS_CUSTOMER, 0, serve_destroy},
    {"POST", "/v1/submissions/{}/pause", ACCESS_CUSTOMER, 0, serve_pause},
    {"POST", "/v1/submissions/{}/unpause", ACCESS_CUSTOMER, 0, serve_unpause},
    {"POST", "/v1/submissions/{}/shutdown", ACCESS_CUSTOMER, 0, serve_shutdown},
    {"GET", "/v1/events", ACCESS_CUSTOMER, 0, serve_feed},
    {"GET", "/v1/submissions/{}/events", ACCESS_CUSTOMER, 0, serve_events},
    {"GET", "/v1/submissions/{}/outputs", ACCESS_CUSTOMER, 0, serve_outputs},
    {"GET", "/v1/submissions/{}/console", ACCESS_CUSTOMER, 0, serve_console},
    {"GET", "/v1/submissions/{}/build-log", ACCESS_CUSTOMER, 0,
     serve_build_log},
    {"POST", "/v1/submissions/{}/input", ACCESS_CUSTOMER, BODY_MAX,
     serve_input},
    {"POST", "/v1/submissions/{}/call", ACCESS_CUSTOMER, FUNCTION_BODY_MAX,
     serve_call},
    {"GET", "/v1/submissions/{}/debug", ACCESS_CUSTOMER, 0, serve_debug},
    {"POST", "/v1/submissions/{}/debug", ACCESS_CUSTOMER, BODY_MAX,
     serve_debug_say},
    {"GET", "/v1/submissions/{}/core", ACCESS_CUSTOMER, 0, serve_core},
    {"GET", "/v1/submissions/{}/trace", ACCESS_CUSTOMER, 0, serve_trace},
    {"GET", "/v1/submissions/{}/receipt", ACCESS_CUSTOMER, 0, serve_receipt},

    {"GET", "/v1/volumes", ACCESS_CUSTOMER, 0, serve_volumes},
    {"POST", "/v1/volumes", ACCESS_CUSTOMER, BODY_MAX, serve_volume_create},
    {"GET", "/v1/volumes/{}", ACCESS_CUSTOMER, 0, serve_volume},
    {"DELETE", "/v1/volumes/{}", ACCESS_CUSTOMER, 0, serve_volume_delete},
    {"PUT", "/v1/volumes/{}/quota", ACCESS_CUSTOMER, BODY_MAX,
     serve_volume_resize},
    {"GET", "/v1/volumes/{}/files", ACCESS_CUSTOMER, 0, serve_volume_download},
    {"PUT", "/v1/volumes/{}/files", ACCESS_CUSTOMER, VOLUME_BODY_MAX,
     serve_volume_upload},

    {"POST", "/v1/account", ACCESS_STRANGER, BODY_MAX, serve_join},
    {"GET", "/v1/account/keys", ACCESS_CUSTOMER, 0, serve_keys},
    {"POST", "/v1/account/keys", ACCESS_CUSTOMER, BODY_MAX, serve_key_add},
    {"DELETE", "/v1/account/keys/{}", ACCESS_CUSTOMER, 0, serve_key_revoke},
    {"GET", "/v1/account/quota", ACCESS_CUSTOMER, 0, serve_quota},
    {"PUT", "/v1/accounts/{}/quota", ACCESS_OPERATOR, BODY_MAX,
     serve_quota_set},
    {"PUT", "/v1/node/draining", ACCESS_OPERATOR, 0, serve_drain_begin},
    {"DELETE", "/v1/node/draining", ACCESS_OPERATOR, 0, serve_drain_end},
    {"GET", "/v1/audit", ACCESS_CUSTOMER, 0, serve_audit},
    {"POST", "/v1/invitations", ACCESS_OPERATOR, BODY_MAX, serve_invite},
    {"GET", "/v1/account", ACCESS_CUSTOMER, 0, serve_account},
    {"GET", "/v1/account/invoice", ACCESS_CUSTOMER, 0, serve_invoice},
    {"GET", "/v1/account/invoices", ACCESS_CUSTOMER, 0, serve_invoices},
    {"GET", "/v1/account/invoices/{}", ACCESS_CUSTOMER, 0, serve_invoice_final},
    {"GET", "/v1/account/export", ACCESS_CUSTOMER, 0, serve_export},
    {"GET", "/v1/account/statement", ACCESS_CUSTOMER, 0, serve_statement},
    {"GET", "/v1/account/spend", ACCESS_CUSTOMER, 0, serve_spend},
    {"GET", "/v1/account/usage.csv", ACCESS_CUSTOMER, 0, serve_usage_csv},

    {"GET", "/v1/domains", ACCESS_OPERATOR, 0, serve_domains},
    {"GET", "/v1/accounts", ACCESS_OPERATOR, 0, serve_accounts},
    {"POST", "/v1/accounts", ACCESS_OPERATOR, BODY_MAX, serve_account_open},
    {"GET", "/v1/accounts/{}", ACCESS_OPERATOR, 0, serve_account_of},
    {"POST", "/v1/accounts/{}/credits", ACCESS_OPERATOR, BODY_MAX,
     serve_account_credit},
    {"POST", "/v1/accounts/{}/corrections", ACCESS_OPERATOR, BODY_MAX,
     serve_account_correct},
    {"POST", "/v1/accounts/{}/terms", ACCESS_OPERATOR, BODY_MAX,
     serve_account_change},
    {"POST", "/v1/accounts/{}/invoices", ACCESS_OPERATOR, BODY_MAX,
     serve_invoice_issue},

    // Open, since what signs it is in its headers, for the ledger to check.
    {"POST", "/v1/payments", ACCESS_OPEN, PAYMENT_BODY_MAX, serve_payment},
};

_Static_assert(sizeof(routes) / sizeof(*routes) < METRICS_ROUTES_MAX,
               "each route has counters");

int route_label(unsigned place, struct route_label *label)
{
    if (place >= sizeof(routes) / sizeof(*routes))
        return 0;
    *label = (struct route_label){routes[place].method, routes[place].path};
    return 1;
}

unsigned route_place(const struct route *route)
{
    return route ? (unsigned)(route - routes) : METRICS_ROUTES_MAX - 1;
}

bool route_streams(const struct route *route)
{
    return route->serve == serve_submit;
}

bool route_fills(const struct route *route)
{
    return route->serve == serve_volume_upload;
}

// Does the path have the pattern's form? {} takes a segment that is neither
// empty nor longer than the parameter has room.
static bool path_fits(const char *pattern, const char *path,
                      char param[PARAM_MAX])
{
    while (*pattern) {
        if (!strncmp(pattern, "{}", 2)) {
            size_t len = strcspn(path, "/");

            if (len == 0 || len >= PARAM_MAX)
                return false;
            memcpy(param, path, len);
            param[len] = '\0';
            pattern += 2;
            path += len;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

const struct route *route_find(const char *method, const char *path,
                               char param[PARAM_MAX], char allowed[ALLOWED_MAX])
{
    // libmicrohttpd leaves the body out of what answers HEAD.
    const char *wanted = strcmp(method, "HEAD") ? method : "GET";

    allowed[0] = '\0';
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        size_t n = strlen(allowed);

        if (!path_fits(routes[i].path, path, param))
            continue;
        if (!strcmp(routes[i].method, wanted))
            return &routes[i];
        snprintf(allowed + n, ALLOWED_MAX - n, "%s%s%s", n ? ", " : "",
                 routes[i].method,
                 strcmp(routes[i].method, "GET") ? "" : ", HEAD");
    }
    return NULL;
}
