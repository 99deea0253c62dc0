// SPDX-License-Identifier: ISC
// Counters and their page; see metrics.h.

#include "node-agent/api/metrics.h"

#include <errno.h>

#include "node-agent/api/limits.h"
#include "node-agent/api/render.h"
#include "node-agent/api/v1.h"

static const uint64_t time_bound_ns[METRICS_TIMES - 1] = {
    250000,   500000,    1000000,   2500000,    5000000,    10000000,
    50000000, 100000000, 500000000, 1000000000, 5000000000,
};
static const char *const time_bound[METRICS_TIMES] = {
    "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01",
    "0.05",    "0.1",    "0.5",   "1.0",    "5.0",   "+Inf",
};

void metrics_answered(struct metrics *m, unsigned route, unsigned status,
                      uint64_t took_ns)
{
    size_t i = 0;

    if (route >= METRICS_ROUTES_MAX)
        route = METRICS_ROUTES_MAX - 1;
    atomic_fetch_add(&m->requests[route][status / 100 % 6], 1);
    if (took_ns == UINT64_MAX)
        return;
    while (i < METRICS_TIMES - 1 && took_ns > time_bound_ns[i])
        i++;
    atomic_fetch_add(&m->times[i], 1);
    atomic_fetch_add(&m->time_sum_ns, took_ns);
}

// -------------------------------------------------------------------- writing

// The page as it grows. Lack of memory adds up.
struct page {
    struct buf *out;
    int open, failed;
};

// The head of a family: in the older format counters are named as samples are.
static void family(struct page *p, const char *name, const char *type,
                   const char *unit, const char *help)
{
    const char *total = type[0] == 'c' && !p->open ? "_total" : "";

    if (type[0] == 'i' && !p->open) { // info is a gauge to older readers
        total = "_info";
        type = "gauge";
    }
    p->failed |= buf_printf(p->out, "# TYPE %s%s %s\n", name, total, type);
    if (p->open && unit)
        p->failed |= buf_printf(p->out, "# UNIT %s %s\n", name, unit);
    p->failed |= buf_printf(p->out, "# HELP %s%s %s\n", name, total, help);
}

static void count(struct page *p, const char *name, const char *labels,
                  uint64_t n)
{
    p->failed |=
        buf_printf(p->out, "%s%s %llu\n", name, labels, (unsigned long long)n);
}

static void seconds(struct page *p, const char *name, uint64_t ns)
{
    p->failed |= buf_printf(p->out, "%s %llu.%09u\n", name,
                            (unsigned long long)(ns / 1000000000u),
                            (unsigned)(ns % 1000000000u));
}

static void gauge(struct page *p, const char *name, const char *unit,
                  const char *help, uint64_t n)
{
    family(p, name, "gauge", unit, help);
    count(p, name, "", n);
}

// ----------------------------------------------------------------- the parts

static void requests(struct page *p, const struct metrics *m,
                     int (*route_name)(unsigned, struct route_label *))
{
    family(p, "hostel_http_requests", "counter", NULL,
           "Answers, by route and by the first digit of the status.");
    for (unsigned r = 0; r < METRICS_ROUTES_MAX; r++) {
        struct route_label label = {"", "other"};

        if (!route_name(r, &label) && r != METRICS_ROUTES_MAX - 1)
            continue;
        for (int class = 1; class < 6; class ++) {
            uint64_t n = atomic_load(&m->requests[r][class]);

            if (n)
                p->failed |= buf_printf(
                    p->out,
                    "hostel_http_requests_total{method=\"%s\",route=\"%s\","
                    "class=\"%dxx\"} %llu\n",
                    label.method, label.path, class, (unsigned long long)n);
        }
    }
}

static void times(struct page *p, const struct metrics *m)
{
    uint64_t n = 0;

    family(p, "hostel_http_answer_seconds", "histogram", "seconds",
           "From a request's end to its answer, for what does not wait on "
           "purpose.");
    for (int i = 0; i < METRICS_TIMES; i++) {
        n += atomic_load(&m->times[i]);
        p->failed |= buf_printf(
            p->out, "hostel_http_answer_seconds_bucket{le=\"%s\"} %llu\n",
            time_bound[i], (unsigned long long)n);
    }
    count(p, "hostel_http_answer_seconds_count", "", n);
    seconds(p, "hostel_http_answer_seconds_sum", atomic_load(&m->time_sum_ns));
}

static void refusals(struct page *p, const struct metrics *m)
{
    family(p, "hostel_http_limited", "counter", NULL,
           "Requests and connections refused because there were too many.");
    count(p, "hostel_http_limited_total", "{by=\"address\"}",
          atomic_load(&m->limited_address));
    count(p, "hostel_http_limited_total", "{by=\"customer\"}",
          atomic_load(&m->limited_customer));
    count(p, "hostel_http_limited_total", "{by=\"handshakes\"}",
          atomic_load(&m->limited_connections));
    family(p, "hostel_http_bad_signatures", "counter", NULL,
           "Requests whose signature did not pass.");
    count(p, "hostel_http_bad_signatures_total", "",
          atomic_load(&m->unsigned_bad));
    family(p, "hostel_http_late", "counter", NULL,
           "Connections closed because they were too slow.");
    count(p, "hostel_http_late_total", "", atomic_load(&m->late));
}

static void connections(struct page *p, const struct metrics *m,
                        const struct metrics_now *now)
{
    family(p, "hostel_http_connections", "gauge", NULL, "Open connections.");
    count(p, "hostel_http_connections", "{listener=\"tcp\"}",
          now->tcp_connections);
    count(p, "hostel_http_connections", "{listener=\"local\"}",
          now->local_connections);
    gauge(p, "hostel_http_event_streams", NULL, "Event streams under way.",
          atomic_load(&m->events_open));
    gauge(p, "hostel_http_upload_bytes", "bytes",
          "Memory taken by uploads under way.", now->spool_bytes);
    if (now->certificate_expires_s)
        gauge(p, "hostel_tls_certificate_expiry_timestamp_seconds", "seconds",
              "When the certificate ends, since 1970.",
              (uint64_t)now->certificate_expires_s);
}

static void capacity(struct page *p, const struct msg_capacity_reply *c)
{
    gauge(p, "hostel_memory_limit_bytes", "bytes",
          "Memory for domains, all together.", c->memory_kib << 10);
    gauge(p, "hostel_memory_reserved_bytes", "bytes",
          "Memory that domains have now.", c->memory_used_kib << 10);
    gauge(p, "hostel_slots", NULL, "Domains that could run at once.", c->slots);
    gauge(p, "hostel_slots_used", NULL, "Domains that run.", c->slots_used);
    gauge(p, "hostel_build_slots", NULL, "Builds that could run at once.",
          c->build_slots);
    gauge(p, "hostel_builds_running", NULL, "Builds that run.",
          c->builds_running);
    gauge(p, "hostel_addresses", NULL,
          "Domains that can have a network at once.", c->leases);
    gauge(p, "hostel_addresses_used", NULL, "Domains that have one.",
          c->leases_used);
    gauge(p, "hostel_submissions_queued", NULL,
          "Submissions that wait for a slot.", c->queued);
    family(p, "hostel_submissions", "gauge", NULL,
           "Submissions that are not over, by state.");
    for (uint32_t s = SUB_HELD; s < SUB_DONE; s++)
        p->failed |= buf_printf(p->out, "hostel_submissions{state=\"%s\"} %u\n",
                                render_state(s), c->live[s]);
    family(p, "hostel_submissions_ended", "counter", NULL,
           "Submissions that were charged, by how they ended.");
    for (uint32_t o = OUTCOME_NONE + 1; o <= OUTCOME_LOST; o++)
        p->failed |= buf_printf(
            p->out, "hostel_submissions_ended_total{outcome=\"%s\"} %llu\n",
            render_outcome(o), (unsigned long long)c->ended[o]);
    family(p, "hostel_domain_cpu_seconds", "counter", "seconds",
           "CPU time of domains, of submissions that are over.");
    seconds(p, "hostel_domain_cpu_seconds_total", c->ended_cpu_ns);
    family(p, "hostel_build_cpu_seconds", "counter", "seconds",
           "CPU time of builds, of submissions that are over.");
    seconds(p, "hostel_build_cpu_seconds_total", c->ended_build_cpu_ns);
    family(p, "hostel_agent_cpu_seconds", "counter", "seconds",
           "CPU time of the node agent itself, all roles.");
    seconds(p, "hostel_agent_cpu_seconds_total", c->agent_cpu_ns);
}

int metrics_page(struct buf *out, const struct metrics *m,
                 const struct metrics_now *now, int open,
                 int (*route_name)(unsigned route, struct route_label *label))
{
    struct page p = {out, open, 0};

    family(&p, "hostel_build", "info", NULL, "The program.");
    count(&p, "hostel_build_info", "{version=\"" HOSTEL_VERSION "\"}", 1);
    family(&p, "hostel_role_up", "gauge", NULL,
           "Whether a part of the node answers.");
    count(&p, "hostel_role_up", "{role=\"keeper\"}", (uint64_t)now->keeper_up);
    count(&p, "hostel_role_up", "{role=\"ledger\"}", (uint64_t)now->ledger_up);
    family(&p, "hostel_api_start_time_seconds", "gauge", "seconds",
           "When the api role began, since 1970.");
    seconds(&p, "hostel_api_start_time_seconds", now->started_real_ns);
    family(&p, "hostel_clock_steps", "counter", NULL,
           "How often somebody set the real clock since the api role began.");
    count(&p, "hostel_clock_steps_total", "", now->clock_steps);
    family(&p, "hostel_api_cpu_seconds", "counter", "seconds",
           "CPU time of the api role.");
    seconds(&p, "hostel_api_cpu_seconds_total", now->cpu_ns);
    requests(&p, m, route_name);
    times(&p, m);
    refusals(&p, m);
    connections(&p, m, now);
    if (now->keeper_up)
        capacity(&p, &now->capacity);
    if (open)
        p.failed |= buf_printf(out, "# EOF\n");
    return p.failed ? -ENOMEM : 0;
}
