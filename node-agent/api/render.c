// SPDX-License-Identifier: ISC
// Messages of the other roles as JSON; see render.h.

#include "node-agent/api/render.h"

#include "node-agent/api/api.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "billing/rate.h"
#include "lib/hex.h"

// jansson ignores NULL values by failing; those failures add up here.
struct object {
    json_t *o;
    int failed;
};

static void put(struct object *b, const char *key, json_t *value)
{
    b->failed |= json_object_set_new(b->o, key, value);
}

static void put_text(struct object *b, const char *key, const char *text)
{
    // What came from a program may not be UTF-8.
    json_t *v = json_string(text);

    put(b, key, v ? v : json_string("(not UTF-8)"));
}

// Counts beyond 2^63 cannot be told as a JSON integer of jansson's; nothing
// that is measured comes near.
static void put_count(struct object *b, const char *key, uint64_t n)
{
    put(b, key, json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n));
}

static void put_hex(struct object *b, const char *key, const uint8_t *data,
                    size_t len)
{
    char text[129];

    put(b, key, json_string(hex_encode(text, data, len)));
}

// key_nano and key.
static void put_money(struct object *b, const char *key, int64_t amount_nano)
{
    char text[MONEY_TEXT_SIZE], nano[64];

    snprintf(nano, sizeof(nano), "%s_nano", key);
    put(b, nano, json_integer(amount_nano));
    put(b, key, json_string(money_text(amount_nano, text)));
}

char *render_time(char out[RENDER_TIME_SIZE], uint64_t real_ns)
{
    time_t s = (time_t)(real_ns / 1000000000u);
    struct tm tm;
    size_t n;

    gmtime_r(&s, &tm);
    n = strftime(out, RENDER_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, RENDER_TIME_SIZE - n, ".%09uZ",
             (unsigned)(real_ns % 1000000000u));
    return out;
}

// key_at and key_ns; 0: it has not happened.
static void put_time(struct object *b, const char *key, uint64_t real_ns)
{
    char text[RENDER_TIME_SIZE], name[64];

    snprintf(name, sizeof(name), "%s_at", key);
    put(b, name,
        real_ns ? json_string(render_time(text, real_ns)) : json_null());
    snprintf(name, sizeof(name), "%s_ns", key);
    put(b, name, real_ns ? json_integer((json_int_t)real_ns) : json_null());
}

static json_t *object_end(struct object *b)
{
    if (!b->failed)
        return b->o;
    json_decref(b->o);
    return NULL;
}

// ---------------------------------------------------------------- submissions

const char *render_state(uint32_t state)
{
    static const char *const name[] = {
        [SUB_HELD] = "held",         [SUB_BUILDING] = "building",
        [SUB_BUILT] = "built",       [SUB_RUNNING] = "running",
        [SUB_SETTLING] = "settling", [SUB_DONE] = "done"};

    return state < sizeof(name) / sizeof(*name) && name[state] ? name[state]
                                                               : "unknown";
}

const char *render_outcome(uint32_t outcome)
{
    static const char *const name[] = {[OUTCOME_EXITED] = "exited",
                                       [OUTCOME_BUILD_FAILED] = "build-failed",
                                       [OUTCOME_BUILD_BUDGET] = "build-budget",
                                       [OUTCOME_CRASHED] = "crashed",
                                       [OUTCOME_TRAPPED] = "trapped",
                                       [OUTCOME_SYSCALL] = "system-call",
                                       [OUTCOME_CPU_BUDGET] = "cpu-budget",
                                       [OUTCOME_WALL_BUDGET] = "wall-budget",
                                       [OUTCOME_MEMORY] = "memory",
                                       [OUTCOME_DESTROYED] = "destroyed",
                                       [OUTCOME_REFUSED] = "refused",
                                       [OUTCOME_LOST] = "lost"};

    return outcome < sizeof(name) / sizeof(*name) && name[outcome]
               ? name[outcome]
               : "unknown";
}

static json_t *render_limits(const struct sub_limits *l)
{
    struct object b = {json_object(), 0};

    put_count(&b, "memory_kib", l->memory_kib);
    put_count(&b, "cpu_ns", l->cpu_ns);
    put_count(&b, "wall_ns", l->wall_ns);
    put_count(&b, "build_cpu_ns", l->build_cpu_ns);
    put_count(&b, "console_bytes", l->console_bytes);
    if (l->cost_cap_nano) {
        put_money(&b, "cost_cap", l->cost_cap_nano);
    } else {
        put(&b, "cost_cap_nano", json_null());
        put(&b, "cost_cap", json_null());
    }
    return object_end(&b);
}

static json_t *render_usage(const struct usage *u)
{
    const struct {
        const char *key;
        uint64_t n;
    } counts[] = {
        {"starts", u->starts},
        {"builds", u->builds},
        {"cpu_ns", u->cpu_ns},
        {"wall_ns", u->wall_ns},
        {"build_cpu_ns", u->build_cpu_ns},
        {"build_wall_ns", u->build_wall_ns},
        {"mem_reserved_kib_ms", u->mem_reserved_kib_ms},
        {"mem_reserved_kib", u->mem_reserved_kib},
        {"mem_peak_kib", u->mem_peak_kib},
        {"net_rx_bytes", u->net_rx_bytes},
        {"net_tx_bytes", u->net_tx_bytes},
        {"net_packets", u->net_packets},
        {"disk_read_bytes", u->disk_read_bytes},
        {"disk_write_bytes", u->disk_write_bytes},
        {"disk_ops", u->disk_ops},
        {"console_bytes", u->console_bytes},
        {"storage_kib_ms", u->storage_kib_ms},
    };
    struct object b = {json_object(), 0};

    _Static_assert(sizeof(counts) / sizeof(*counts) ==
                       sizeof(struct usage) / sizeof(uint64_t),
                   "every figure is told");
    for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
        put_count(&b, counts[i].key, counts[i].n);
    return object_end(&b);
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    return used < limit ? limit - used : 0;
}

static json_t *render_left(const struct sub_info *info)
{
    const struct sub_limits *l = &info->limits;
    const struct usage *u = &info->usage;
    struct object b = {json_object(), 0};

    put_count(&b, "cpu_ns", left(l->cpu_ns, u->cpu_ns));
    put_count(&b, "wall_ns", left(l->wall_ns, u->wall_ns));
    put_count(&b, "build_cpu_ns", left(l->build_cpu_ns, u->build_cpu_ns));
    put_count(&b, "console_bytes", left(l->console_bytes, u->console_bytes));
    return object_end(&b);
}

static json_t *render_run(const struct sub_info *info)
{
    static const char *const mode[] = {[RUN_ONCE] = "once",
                                       [RUN_SERVICE] = "service",
                                       [RUN_FUNCTION] = "function"};
    static const char *const restart[] = {
        [RESTART_ON_FAILURE] = "on-failure", [RESTART_ALWAYS] = "always"};
    const struct run_terms *t = &info->run;
    struct object b = {json_object(), 0};

    put(&b, "mode", json_string(t->mode <= RUN_FUNCTION ? mode[t->mode] : ""));
    put_count(&b, "cpu_weight", t->cpu_weight ? t->cpu_weight : 100);
    put_count(&b, "cpu_cap_percent", t->cpu_cap_percent);
    put_count(&b, "output_bytes", t->output_bytes);
    if (t->mode == RUN_SERVICE) {
        put(&b, "restart",
            json_string(t->restart == RESTART_ALWAYS
                            ? restart[RESTART_ALWAYS]
                            : restart[RESTART_ON_FAILURE]));
        put_count(&b, "restarts_max", t->restarts_max);
        put_count(&b, "backoff_ms", t->backoff_ms);
        put_count(&b, "incarnation", info->incarnation);
        put(&b, "last_outcome",
            info->outcome ? json_string(render_outcome(info->outcome))
                          : json_null());
        put_time(&b, "next_start", info->next_start_real_ns);
    }
    if (t->mode == RUN_FUNCTION) {
        put_count(&b, "concurrency", t->concurrency);
        put_count(&b, "request_ms", t->request_ms);
        put_count(&b, "requests", info->incarnation);
    }
    return object_end(&b);
}

static json_t *render_publish(const struct net_publish *p)
{
    return json_pack("{s:s, s:i, s:i}", "protocol",
                     p->protocol == NET_UDP ? "udp" : "tcp", "host_port",
                     p->host_port, "port", p->port);
}

// null: it is not of that family, or has none yet.
static json_t *render_address(const uint8_t *ip, int family)
{
    static const uint8_t none[16];
    char text[INET6_ADDRSTRLEN];

    if (!memcmp(ip, none, family == AF_INET ? 4 : 16))
        return json_null();
    return json_string(inet_ntop(family, ip, text, sizeof(text)));
}

static json_t *render_network(const struct sub_info *info)
{
    const struct net_terms *t = &info->net;
    const uint8_t *m = info->lease.mac;
    struct object b = {json_object(), 0};
    json_t *ports = json_array();
    char mac[18];

    if (t->mode == NET_NONE) {
        json_decref(b.o);
        json_decref(ports);
        return json_null();
    }
    for (uint32_t i = 0; i < t->npublish && i < NET_PUBLISH_MAX; i++)
        b.failed |=
            json_array_append_new(ports, render_publish(&t->publish[i]));
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1],
             m[2], m[3], m[4], m[5]);
    put_text(&b, "mode", net_mode_name(t->mode));
    put(&b, "link", *t->link ? json_string(t->link) : json_null());
    put_count(&b, "in_bytes", t->in_bytes);
    put_count(&b, "out_bytes", t->out_bytes);
    put(&b, "publish", ports);
    put(&b, "mac", info->lease.number ? json_string(mac) : json_null());
    put(&b, "ipv4", render_address(info->lease.ipv4, AF_INET));
    put(&b, "ipv6", render_address(info->lease.ipv6, AF_INET6));
    return object_end(&b);
}

json_t *render_submission(const struct sub_info *info, const char *currency)
{
    struct object b = {json_object(), 0};
    bool over = info->state >= SUB_SETTLING;
    bool done = info->state == SUB_DONE;

    put_hex(&b, "id", info->id.b, sizeof(info->id.b));
    put_hex(&b, "customer", info->customer.b, sizeof(info->customer.b));
    put_text(&b, "name", info->name);
    put(&b, "state", json_string(render_state(info->state)));
    put(&b, "outcome",
        over ? json_string(render_outcome(info->outcome)) : json_null());
    put(&b, "exit_status",
        over && info->outcome == OUTCOME_EXITED
            ? json_integer(info->exit_status)
            : json_null());
    if (over && *info->report)
        put_text(&b, "report", info->report);
    else
        put(&b, "report", json_null());
    put_count(&b, "version", info->version);
    put_time(&b, "submitted", info->submitted_real_ns);
    put_time(&b, "started", info->started_real_ns);
    put_time(&b, "ended", info->ended_real_ns);
    put(&b, "run", render_run(info));
    put(&b, "network", render_network(info));
    put(&b, "build_cached", json_boolean(info->build_cached));
    put(&b, "limits", render_limits(&info->limits));
    put(&b, "usage", render_usage(&info->usage));
    put(&b, "left", over ? json_null() : render_left(info));
    put(&b, "currency", json_string(currency));
    put_money(&b, "hold", info->hold_nano);
    put_money(&b, "charged", info->charged_nano);
    put_count(&b, "period", info->period);
    put_money(&b, "written_off", info->written_off_nano);
    put(&b, "final", json_boolean(done));
    return object_end(&b);
}

json_t *render_submission_of(struct api *api, const struct sub_info *info)
{
    char currency[8];

    currency_of(&api->currencies, api->ledger, &info->customer, api->currency,
                currency);
    return render_submission(info, currency);
}

// -------------------------------------------------------------- ledger, node

json_t *render_account(const struct account_info *account)
{
    struct object b = {json_object(), 0};

    put_hex(&b, "customer", account->customer.b, sizeof(account->customer.b));
    put_text(&b, "name", account->name);
    put_text(&b, "currency", account->currency);
    put_money(&b, "balance", account->balance_nano);
    put_money(&b, "held", account->held_nano);
    put_money(&b, "available",
              account->balance_nano - account->held_nano +
                  account->credit_limit_nano);
    put_money(&b, "credit_limit", account->credit_limit_nano);
    put_money(&b, "low_balance", account->low_balance_nano);
    put(&b, "low", json_boolean(account->low));
    put_money(&b, "spent", account->spent_nano);
    put_time(&b, "opened", account->opened_real_ns);
    return object_end(&b);
}

// A quantity of 128 bits: as an integer where jansson has room for it.
static json_t *render_quantity(uint64_t hi, uint64_t lo)
{
    unsigned __int128 n = (unsigned __int128)hi << 64 | lo;
    char text[40], *at = text + sizeof(text);

    if (n <= INT64_MAX)
        return json_integer((json_int_t)n);
    *--at = '\0';
    do {
        *--at = (char)('0' + (int)(n % 10));
        n /= 10;
    } while (n);
    return json_string(at);
}

static json_t *render_quote_line(const struct quote_line *line)
{
    struct object b = {json_object(), 0};

    put_text(&b, "sku", line->sku);
    put(&b, "quantity", render_quantity(line->quantity_hi, line->quantity_lo));
    put_text(&b, "unit", line->unit);
    put_money(&b, "amount", line->amount_nano);
    return object_end(&b);
}

json_t *render_quote(const struct msg_quote_reply *quote)
{
    struct object b = {json_object(), 0};
    json_t *lines = json_array();

    for (uint32_t i = 0; i < quote->nlines && i < QUOTE_LINES_MAX; i++)
        b.failed |=
            json_array_append_new(lines, render_quote_line(&quote->line[i]));
    put_text(&b, "currency", quote->currency);
    put_text(&b, "ratecard", quote->ratecard);
    put(&b, "lines", lines);
    put_money(&b, "total", quote->total_nano);
    return object_end(&b);
}

json_t *render_capacity(const struct msg_capacity_reply *c)
{
    struct object b = {json_object(), 0};

    put_count(&b, "memory_kib", c->memory_kib);
    put_count(&b, "memory_used_kib", c->memory_used_kib);
    put_count(&b, "slots", c->slots);
    put_count(&b, "slots_used", c->slots_used);
    put_count(&b, "build_slots", c->build_slots);
    put_count(&b, "builds_running", c->builds_running);
    put_count(&b, "addresses", c->leases);
    put_count(&b, "addresses_used", c->leases_used);
    put_count(&b, "queued", c->queued);
    put(&b, "draining", json_boolean(c->draining));
    put_count(&b, "agent_cpu_ns", c->agent_cpu_ns);
    return object_end(&b);
}
