// SPDX-License-Identifier: ISC
// What the api role counts, and the page that tells it together with what the
// keeper says: OpenMetrics 1.0 for who accepts that, else the older text
// format of Prometheus. Labels have few values, none of a customer's choice.

#ifndef API_METRICS_H
#define API_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "lib/buf.h"
#include "node-agent/agent/msg.h"

// A request's route by its place in the table; beyond it: none fitted.
#define METRICS_ROUTES_MAX 64

// Upper bounds of the histogram of answers' times, in ns; the last: above.
#define METRICS_TIMES 12

struct metrics {
    // By route and by the status's first digit.
    atomic_ullong requests[METRICS_ROUTES_MAX][6];
    // Answers that wait for something on purpose are not in here.
    atomic_ullong times[METRICS_TIMES];
    atomic_ullong time_sum_ns;
    atomic_ullong limited_address, limited_customer, limited_connections;
    atomic_ullong unsigned_bad; // signatures that did not pass
    atomic_ullong late;         // connections that were too slow
    atomic_ullong events_open;  // streams under way, a gauge
};

// One answer was made: `took_ns` after its request was read, or UINT64_MAX for
// one that waited on purpose. route: as above, or METRICS_ROUTES_MAX - 1.
void metrics_answered(struct metrics *m, unsigned route, unsigned status,
                      uint64_t took_ns);

// What stands beside the counters.
struct metrics_now {
    int keeper_up, ledger_up;
    struct msg_capacity_reply capacity; // when the keeper is up
    uint64_t spool_bytes;
    unsigned tcp_connections, local_connections;
    int64_t certificate_expires_s; // 0: none
    uint64_t cpu_ns;               // of this process
    uint64_t started_real_ns;
    uint64_t clock_steps;
};

// The page. open: as OpenMetrics. route_name gives a route's labels, or NULL
// behind the last. 0 or -ENOMEM.
struct route_label {
    const char *method, *path;
};
int metrics_page(struct buf *out, const struct metrics *m,
                 const struct metrics_now *now, int open,
                 int (*route_name)(unsigned route, struct route_label *label));

#endif
