// SPDX-License-Identifier: ISC
// The configuration of hosteld; see config.h and hosteld.conf(5).

#include "node-agent/agent/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>
#include "hypervisor/monitor/control.h"
#include "lib/buf.h"
#include "lib/cfg.h"
#include "lib/cleanup.h"
#include "lib/hex.h"
#include "lib/io.h"
#include "node-agent/agent/config_net.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#define PASSWD_MAX (64u << 20) /* a machine with a million users */
/* run_dir/slots/16383/sock must fit a socket's path of 108 bytes. */
#define RUN_DIR_MAX 80

/* As written in the file. Numbers are in the units of their names. */
struct conf {
    char *name, *state_dir, *run_dir, *hv_path, *toolchain_dir, *ratecard;
    char *invoice, *payment_secret;
    char *listen, *cgroup, *on_stop;
    char *tls, *tls_certificate, *tls_key, *metrics, *log_format;
    struct cfg_list engines;
    int64_t address_rate, customer_rate;
    char *accounts;
    struct cfg_list admins, viewers;
    int64_t quota_submissions, quota_memory_mib, quota_store_mib;
    int64_t quota_volumes_mib, volumes_mib;
    int64_t memory_overcommit, domains_per_cpu;
    int64_t audit_days;
    int64_t operator_uid, uid_base, slots, spare_slots, spare_slots_kvm;
    int64_t build_slots;
    int64_t memory_mib, build_memory_mib, build_wall_s;
    int64_t lease_s, interval_ms, hold_s, batch_ms;
    struct conf_net net;
};

#define STR(key, field, most)   CFG_STR_KEY(key, struct conf, field, most, 0)
#define INT(key, field, lo, hi) CFG_INT_KEY(key, struct conf, field, lo, hi, 0)

/* Why each has its bounds: hosteld.conf(5). */
static const struct cfg_key keys[] = {
    STR("name", name, 63),
    STR("state_dir", state_dir, NODE_PATH_MAX - 1),
    STR("run_dir", run_dir, RUN_DIR_MAX),
    STR("hv_path", hv_path, NODE_PATH_MAX - 1),
    STR("toolchain_dir", toolchain_dir, NODE_PATH_MAX - 1),
    STR("ratecard", ratecard, NODE_PATH_MAX - 1),
    STR("invoice", invoice, NODE_PATH_MAX - 1),
    STR("payment_secret", payment_secret, NODE_PATH_MAX - 1),
    STR("listen", listen, 63 + 8),
    STR("accounts", accounts, 16),
    CFG_LIST_KEY("admins", struct conf, admins, OPERATORS_MAX, 0),
    CFG_LIST_KEY("viewers", struct conf, viewers, OPERATORS_MAX, 0),
    INT("quota_submissions", quota_submissions, 0, 32768),
    INT("quota_memory_mib", quota_memory_mib, 0, 1ll << 30),
    INT("quota_store_mib", quota_store_mib, 0, 1ll << 30),
    INT("quota_volumes_mib", quota_volumes_mib, 0, 1ll << 30),
    INT("volumes_mib", volumes_mib, 0, 1ll << 30),
    INT("memory_overcommit", memory_overcommit, 10, 1000),
    INT("domains_per_cpu", domains_per_cpu, 0, DOMAIN_SLOTS_MAX),
    INT("audit_days", audit_days, 1, 3650),
    STR("tls", tls, 16),
    STR("tls_certificate", tls_certificate, NODE_PATH_MAX - 1),
    STR("tls_key", tls_key, NODE_PATH_MAX - 1),
    STR("metrics", metrics, 63 + 8),
    STR("log_format", log_format, 16),
    INT("address_rate", address_rate, 0, 1000000),
    INT("customer_rate", customer_rate, 0, 1000000),
    STR("cgroup", cgroup, NODE_PATH_MAX - 1),
    STR("on_stop", on_stop, 16),
    INT("operator_uid", operator_uid, 0, UINT32_MAX - 1),
    INT("uid_base", uid_base, 1000, UINT32_MAX - UIDS_ALL),
    INT("slots", slots, 1, DOMAIN_SLOTS_MAX),
    INT("spare_slots", spare_slots, 1, 1024),
    INT("spare_slots_kvm", spare_slots_kvm, 0, 1024),
    CFG_LIST_KEY("engines", struct conf, engines, HVC_ENGINES, 0),
    INT("build_slots", build_slots, 0, BUILD_SLOTS_MAX),
    INT("memory_mib", memory_mib, 16, 1ll << 30),
    INT("build_memory_mib", build_memory_mib, 64, 1 << 20),
    INT("build_wall_s", build_wall_s, 1, 86400),
    INT("lease_s", lease_s, 2, 86400),
    INT("interval_ms", interval_ms, 100, 60000),
    INT("hold_s", hold_s, 0, 31 * 86400),
    INT("batch_ms", batch_ms, 10, 600000),
    CONF_NET_KEYS(struct conf),
    {0},
};

/* ---------------------------------------------------------------- defaults */

static uint64_t memory_half_kib(void)
{
    struct sysinfo si;

    if (sysinfo(&si) < 0)
        return 1u << 20;
    return (uint64_t)si.totalram * si.mem_unit / 2 >> 10;
}

static void path_beside(char out[NODE_PATH_MAX], const char *exe_dir,
                        const char *built, const char *installed)
{
    struct stat st;

    snprintf(out, NODE_PATH_MAX, "%s/%s", exe_dir, built);
    if (installed && stat(out, &st) < 0)
        snprintf(out, NODE_PATH_MAX, "%s/%s", exe_dir, installed);
}

void config_defaults(struct node_config *cfg, const char *exe_dir)
{
    *cfg = (struct node_config){
        .size = sizeof(*cfg),
        .uid_base = UID_BASE_DEFAULT,
        .state_dir = "/var/lib/hostel",
        .run_dir = "/run/hostel",
        .ratecard_path = "/etc/hostel/ratecard.cfg",
        .accounts = ACCOUNTS_INVITATION,
        .audit_days = 365,
        .quota = {.submissions = 4096,
                  .store_kib = 4096u << 10,
                  .volumes_kib = 10240u << 10},
        .volumes_kib = 65536u << 10,
        .memory_overcommit = 100,
        .listen_host = "127.0.0.1",
        .listen_port = 7070,
        .address_rate = 2000,
        .customer_rate = 1000,
        .slots = 256,
        .spare_slots = 8,
        .engines = 1u << HVC_ENGINE_PV | 1u << HVC_ENGINE_KVM,
        .usual_engine = HVC_ENGINE_PV,
        .build_slots = 2,
        .memory_kib = memory_half_kib(),
        .build_memory_kib = 512u << 10,
        .build_wall_ns = 60 * NS_PER_S,
        .lease_ns = 30 * NS_PER_S,
        .interval_ns = 1 * NS_PER_S,
        .hold_ns = 3600 * NS_PER_S,
        .batch_ns = 1 * NS_PER_S,
    };
    config_net_defaults(&cfg->network);
    if (gethostname(cfg->node_name, sizeof(cfg->node_name) - 1) < 0)
        strcpy(cfg->node_name, "node");
    path_beside(cfg->hv_path, exe_dir, "hostel-hv", NULL);
    /* In the build tree, and where `make install` puts it. */
    path_beside(cfg->toolchain_dir, exe_dir, "../toolchain",
                "../lib/hostel/toolchain");
}

/* ----------------------------------------------------------------- reading */

static int path_set(char out[NODE_PATH_MAX], const char *key, const char *value,
                    struct err *e)
{
    size_t len;

    if (!value)
        return 0;
    len = strlen(value);
    if (value[0] != '/')
        return err_set(e, EINVAL, "%s must be an absolute path, not \"%s\"",
                       key, value);
    while (len > 1 && value[len - 1] == '/')
        len--;
    snprintf(out, NODE_PATH_MAX, "%.*s", (int)len, value);
    return 0;
}

/* "127.0.0.1:7070", "[::1]:7070" or "" for none. */
static int listen_set(char out_host[64], uint32_t *out_port, const char *key,
                      const char *value, struct err *e)
{
    char host[64];
    struct in6_addr address;
    const char *colon;
    size_t len;
    long port;
    char *end;

    if (!value)
        return 0;
    if (!*value) {
        out_host[0] = 0;
        *out_port = 0;
        return 0;
    }
    colon = strrchr(value, ':');
    if (!colon || colon[1] < '0' || colon[1] > '9')
        return err_set(e, EINVAL, "%s must be \"ADDRESS:PORT\", not \"%s\"",
                       key, value);
    port = strtol(colon + 1, &end, 10);
    if (*end || port > 65535)
        return err_set(e, EINVAL, "%s has no port \"%s\": 0 to 65535", key,
                       colon + 1);
    len = colon - value;
    if (len >= 2 && value[0] == '[' && value[len - 1] == ']')
        snprintf(host, sizeof(host), "%.*s", (int)len - 2, value + 1);
    else
        snprintf(host, sizeof(host), "%.*s", (int)len, value);
    if (inet_pton(strchr(host, ':') ? AF_INET6 : AF_INET, host, &address) != 1)
        return err_set(e, EINVAL,
                       "%s needs a numeric address, such as 127.0.0.1 or "
                       "[::1], not \"%s\"",
                       key, host);
    strcpy(out_host, host);
    *out_port = port;
    return 0;
}

/* One of a key's words, by number. */
static int word_set(uint32_t *out, const char *key, const char *value,
                    const char *const *words, struct err *e)
{
    char all[128] = "";

    if (!value)
        return 0;
    for (uint32_t i = 0; words[i]; i++) {
        size_t n = strlen(all);

        if (!strcmp(words[i], value)) {
            *out = i;
            return 0;
        }
        snprintf(all + n, sizeof(all) - n, "%s\"%s\"",
                 !i             ? ""
                 : words[i + 1] ? ", "
                                : " or ",
                 words[i]);
    }
    return err_set(e, EINVAL, "%s is %s, not \"%s\"", key, all, value);
}

static const char *const on_stop_words[] = {"leave", "destroy", NULL};
static const char *const tls_words[] = {
    [TLS_AUTO] = "auto", [TLS_ON] = "on", [TLS_OFF] = "off", NULL};
static const char *const log_words[] = {"text", "json", NULL};

static const char *const engine_names[HVC_ENGINES] = {
    [HVC_ENGINE_PV] = "pv", [HVC_ENGINE_KVM] = "kvm"};

/* Those allowed; the first is what a domain gets that asks for none. */
static int engines_set(struct node_config *cfg, const struct cfg_list *list,
                       struct err *e)
{
    uint32_t mask = 0;

    if (!list->item)
        return 0;
    for (size_t i = 0; i < list->n; i++) {
        enum hvc_engine one = 0;

        while (one < HVC_ENGINES && strcmp(engine_names[one], list->item[i]))
            one++;
        if (one == HVC_ENGINES)
            return err_set(e, EINVAL,
                           "engines has \"%s\": it takes \"pv\" and \"kvm\"",
                           list->item[i]);
        if (!mask)
            cfg->usual_engine = one;
        mask |= 1u << one;
    }
    if (!mask)
        return err_set(e, EINVAL, "engines must name one at least");
    cfg->engines = mask;
    return 0;
}

static const char *const accounts_names[] = {
    [ACCOUNTS_OPERATOR] = "operator",
    [ACCOUNTS_INVITATION] = "invitation",
    [ACCOUNTS_OPEN] = "open",
};

static int accounts_set(struct node_config *cfg, const char *value,
                        struct err *e)
{
    if (!value)
        return 0;
    for (uint32_t i = 0; i <= ACCOUNTS_OPEN; i++) {
        if (strcmp(value, accounts_names[i]) == 0) {
            cfg->accounts = i;
            return 0;
        }
    }
    return err_set(e, EINVAL,
                   "accounts is \"operator\", \"invitation\" or \"open\", not "
                   "\"%s\"",
                   value);
}

/* A list replaces what was set before: uids of the machine, or keys. */
static int operators_set(struct node_config *cfg, const struct cfg_list *list,
                         uint32_t may_change, struct err *e)
{
    uint32_t kept = 0;

    if (!list->item)
        return 0;
    for (uint32_t i = 0; i < cfg->noperators; i++)
        if (cfg->operators[i].may_change != may_change)
            cfg->operators[kept++] = cfg->operators[i];
    cfg->noperators = kept;
    for (size_t i = 0; i < list->n; i++) {
        struct operator_entry o = {.may_change = may_change};
        const char *text = list->item[i];
        char rest;

        if (cfg->noperators == OPERATORS_MAX)
            return err_set(e, E2BIG, "admins and viewers are more than %d",
                           OPERATORS_MAX);
        if (hex_decode(o.key, sizeof(o.key), text) == 0)
            o.is_key = 1;
        else if (strlen(text) > 10 || sscanf(text, "%u%c", &o.uid, &rest) != 1)
            return err_set(e, EINVAL,
                           "%s: \"%s\" is neither a user's number nor a key of "
                           "64 hexadecimal digits",
                           may_change ? "admins" : "viewers", text);
        cfg->operators[cfg->noperators++] = o;
    }
    return 0;
}

static void operators_print(const struct node_config *cfg, const char *name,
                            uint32_t may_change, FILE *out)
{
    const char *comma = "";
    char key[65];

    fprintf(out, "%s = [ ", name);
    for (uint32_t i = 0; i < cfg->noperators; i++) {
        const struct operator_entry *o = &cfg->operators[i];

        if (o->may_change != may_change)
            continue;
        if (o->is_key)
            fprintf(out, "%s\"%s\"", comma, hex_encode(key, o->key, 32));
        else
            fprintf(out, "%s\"%u\"", comma, o->uid);
        comma = ", ";
    }
    fprintf(out, " ]\n");
}

static void conf_from(struct conf *c, const struct node_config *cfg)
{
    *c = (struct conf){
        .address_rate = cfg->address_rate,
        .customer_rate = cfg->customer_rate,
        .operator_uid = cfg->operator_uid,
        .audit_days = cfg->audit_days,
        .quota_submissions = cfg->quota.submissions,
        .quota_memory_mib = cfg->quota.memory_kib >> 10,
        .quota_store_mib = cfg->quota.store_kib >> 10,
        .quota_volumes_mib = cfg->quota.volumes_kib >> 10,
        .volumes_mib = cfg->volumes_kib >> 10,
        .memory_overcommit = cfg->memory_overcommit,
        .domains_per_cpu = cfg->domains_per_cpu,
        .uid_base = cfg->uid_base,
        .slots = cfg->slots,
        .spare_slots = cfg->spare_slots,
        .spare_slots_kvm = cfg->spare_slots_kvm,
        .build_slots = cfg->build_slots,
        .memory_mib = cfg->memory_kib >> 10,
        .build_memory_mib = cfg->build_memory_kib >> 10,
        .build_wall_s = cfg->build_wall_ns / NS_PER_S,
        .lease_s = cfg->lease_ns / NS_PER_S,
        .interval_ms = cfg->interval_ns / NS_PER_MS,
        .hold_s = cfg->hold_ns / NS_PER_S,
        .batch_ms = cfg->batch_ns / NS_PER_MS,
    };
    config_net_from(&c->net, &cfg->network);
}

static int conf_apply(struct node_config *cfg, const struct conf *c,
                      struct err *e)
{
    if (path_set(cfg->state_dir, "state_dir", c->state_dir, e) < 0 ||
        path_set(cfg->run_dir, "run_dir", c->run_dir, e) < 0 ||
        path_set(cfg->hv_path, "hv_path", c->hv_path, e) < 0 ||
        path_set(cfg->toolchain_dir, "toolchain_dir", c->toolchain_dir, e) <
            0 ||
        path_set(cfg->ratecard_path, "ratecard", c->ratecard, e) < 0 ||
        path_set(cfg->invoice_path, "invoice", c->invoice, e) < 0 ||
        path_set(cfg->payment_secret, "payment_secret", c->payment_secret, e) <
            0 ||
        path_set(cfg->cgroup_path, "cgroup", c->cgroup, e) < 0 ||
        path_set(cfg->tls_certificate, "tls_certificate", c->tls_certificate,
                 e) < 0 ||
        path_set(cfg->tls_key, "tls_key", c->tls_key, e) < 0 ||
        listen_set(cfg->listen_host, &cfg->listen_port, "listen", c->listen,
                   e) < 0 ||
        listen_set(cfg->metrics_host, &cfg->metrics_port, "metrics", c->metrics,
                   e) < 0 ||
        word_set(&cfg->tls, "tls", c->tls, tls_words, e) < 0 ||
        word_set(&cfg->log_json, "log_format", c->log_format, log_words, e) <
            0 ||
        word_set(&cfg->destroy_on_stop, "on_stop", c->on_stop, on_stop_words,
                 e) < 0 ||
        engines_set(cfg, &c->engines, e) < 0 ||
        config_net_apply(&cfg->network, &c->net, e) < 0)
        return -e->code;
    if (c->name && !*c->name)
        return err_set(e, EINVAL, "name must not be empty");
    if (c->name)
        snprintf(cfg->node_name, sizeof(cfg->node_name), "%s", c->name);
    cfg->address_rate = c->address_rate;
    cfg->customer_rate = c->customer_rate;
    if (accounts_set(cfg, c->accounts, e) < 0 ||
        operators_set(cfg, &c->admins, 1, e) < 0 ||
        operators_set(cfg, &c->viewers, 0, e) < 0)
        return -e->code;
    cfg->audit_days = c->audit_days;
    cfg->quota = (struct quota){
        .submissions = c->quota_submissions,
        .memory_kib = (uint64_t)c->quota_memory_mib << 10,
        .store_kib = (uint64_t)c->quota_store_mib << 10,
        .volumes_kib = (uint64_t)c->quota_volumes_mib << 10,
    };
    cfg->volumes_kib = (uint64_t)c->volumes_mib << 10;
    cfg->memory_overcommit = c->memory_overcommit;
    cfg->domains_per_cpu = c->domains_per_cpu;
    cfg->operator_uid = c->operator_uid;
    cfg->uid_base = c->uid_base;
    cfg->slots = c->slots;
    cfg->spare_slots = c->spare_slots;
    cfg->spare_slots_kvm = c->spare_slots_kvm;
    cfg->build_slots = c->build_slots;
    cfg->memory_kib = (uint64_t)c->memory_mib << 10;
    cfg->build_memory_kib = (uint64_t)c->build_memory_mib << 10;
    cfg->build_wall_ns = c->build_wall_s * NS_PER_S;
    cfg->lease_ns = c->lease_s * NS_PER_S;
    cfg->interval_ns = c->interval_ms * NS_PER_MS;
    cfg->hold_ns = c->hold_s * NS_PER_S;
    cfg->batch_ns = c->batch_ms * NS_PER_MS;
    return 0;
}

/* A published port is taken from whatever else listens there. */
static int port_apart(const struct node_config *cfg, const char *key,
                      uint32_t port, struct err *e)
{
    const struct network_config *n = &cfg->network;

    if (!port || !n->publish_first || port < n->publish_first ||
        port > n->publish_last)
        return 0;
    return err_set(e, EINVAL,
                   "the port of %s, %u, is among those of network_publish: "
                   "customers could publish it",
                   key, port);
}

/* Settings that must fit each other. */
static int conf_agree(const struct node_config *cfg, struct err *e)
{
    if (strcmp(cfg->state_dir, cfg->run_dir) == 0)
        return err_set(e, EINVAL,
                       "state_dir and run_dir must be different folders");
    if (strcmp(cfg->cgroup_path, "/") == 0)
        return err_set(e, EINVAL, "cgroup must be a folder of hosteld's own");
    if (!cfg->tls_certificate[0] != !cfg->tls_key[0])
        return err_set(e, EINVAL,
                       "tls_certificate and tls_key must be set together");
    if (cfg->spare_slots > cfg->slots)
        return err_set(e, EINVAL,
                       "spare_slots (%u) is more than there are slots (%u)",
                       cfg->spare_slots, cfg->slots);
    if (cfg->lease_ns < 2 * cfg->interval_ns)
        return err_set(e, EINVAL,
                       "lease_s must be at least twice interval_ms: a lease "
                       "is renewed once an interval");
    if (port_apart(cfg, "listen", cfg->listen_port, e) < 0 ||
        port_apart(cfg, "metrics", cfg->metrics_port, e) < 0)
        return -e->code;
    return config_net_agree(&cfg->network, e);
}

static int config_take(struct node_config *cfg, const char *path,
                       const char *text, struct err *e)
{
    struct node_config next = *cfg;
    struct conf c;
    int r;

    conf_from(&c, cfg);
    r = text ? cfg_parse("command line", text, strlen(text), keys, &c, e)
             : cfg_read(path, keys, &c, e);
    if (r == 0) {
        r = conf_apply(&next, &c, e);
        if (r == 0)
            r = conf_agree(&next, e);
        if (r < 0)
            err_prefix(e, "%s", path);
    }
    cfg_free(keys, &c);
    if (r == 0)
        *cfg = next;
    return r;
}

int config_read(struct node_config *cfg, const char *path, struct err *e)
{
    return config_take(cfg, path, NULL, e);
}

int config_set(struct node_config *cfg, const char *text, struct err *e)
{
    return config_take(cfg, "command line", text, e);
}

/* ---------------------------------------------------------------- checking */

int config_uids_free(const char *name, const char *text, int is_subuid,
                     uint64_t first, uint64_t count, struct err *e)
{
    for (const char *line = text; *line;) {
        size_t len = strcspn(line, "\n");
        unsigned long long from, n = 1;
        char owner[64];

        /* passwd: name:password:uid:...; subuid: name:first:count */
        if ((is_subuid
                 ? sscanf(line, "%63[^:\n]:%llu:%llu", owner, &from, &n) == 3
                 : sscanf(line, "%63[^:\n]:%*[^:\n]:%llu", owner, &from) == 2 ||
                       sscanf(line, "%63[^:\n]::%llu", owner, &from) == 2) &&
            from < first + count && first < from + n)
            return err_set(e, EEXIST,
                           "uid_base: users %llu to %llu are wanted, but %s "
                           "gives %llu to \"%s\"",
                           (unsigned long long)first,
                           (unsigned long long)(first + count - 1), name,
                           from < first ? (unsigned long long)first : from,
                           owner);
        line += len + (line[len] == '\n');
    }
    return 0;
}

static int uids_check(const struct node_config *cfg, struct err *e)
{
    static const char *const files[] = {"/etc/passwd", "/etc/group",
                                        "/etc/subuid", "/etc/subgid"};
    uint64_t count = cfg->volumes_kib
                         ? UIDS_ALL
                         : UID_DOMAIN_SLOT(0, 0) + (uint64_t)cfg->slots;

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        cleanup_buf struct buf b = BUF_INIT(PASSWD_MAX);
        int r;

        if (access(files[i], F_OK) < 0)
            continue;
        r = file_read(files[i], &b, e);
        if (r == 0)
            r = config_uids_free(files[i], buf_str(&b), i >= 2, cfg->uid_base,
                                 count, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A short name for the control groups that two nodes on one machine do not
 * share and that a node's next start finds again. */
static uint32_t text_hash(const char *s)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h;
}

/* A hash of everything in it, which the script that made it has left there. */
static int toolchain_id_read(struct node_config *cfg, struct err *e)
{
    char path[NODE_PATH_MAX + 16], text[2 * sizeof(cfg->toolchain_id) + 1];
    cleanup_buf struct buf b = BUF_INIT(256);
    int r;

    snprintf(path, sizeof(path), "%s/toolchain.id", cfg->toolchain_dir);
    r = file_read(path, &b, e);
    if (r < 0)
        return err_prefix(e, "toolchain_dir");
    snprintf(text, sizeof(text), "%.*s", (int)strcspn(buf_str(&b), " \n"),
             buf_str(&b));
    if (hex_decode(cfg->toolchain_id, sizeof(cfg->toolchain_id), text) < 0)
        return err_set(e, EINVAL,
                       "toolchain_dir: %s holds no hash; make the folder again "
                       "with make-toolchain",
                       path);
    return 0;
}

int config_check(struct node_config *cfg, struct err *e)
{
    if (access(cfg->hv_path, X_OK) < 0)
        return err_errno(e, "hv_path: %s", cfg->hv_path);
    if (access(cfg->ratecard_path, R_OK) < 0)
        return err_errno(e, "ratecard: %s", cfg->ratecard_path);
    if (cfg->invoice_path[0] && access(cfg->invoice_path, R_OK) < 0)
        return err_errno(e, "invoice: %s", cfg->invoice_path);
    if (cfg->build_slots && access(cfg->toolchain_dir, X_OK) < 0)
        return err_errno(e, "toolchain_dir: %s", cfg->toolchain_dir);
    if (cfg->build_slots && toolchain_id_read(cfg, e) < 0)
        return -e->code;
    if (cfg->tls_certificate[0] && access(cfg->tls_certificate, R_OK) < 0)
        return err_errno(e, "tls_certificate: %s", cfg->tls_certificate);
    if (cfg->tls_key[0] && access(cfg->tls_key, R_OK) < 0)
        return err_errno(e, "tls_key: %s", cfg->tls_key);
    if (!cfg->cgroup_path[0])
        snprintf(cfg->cgroup_path, sizeof(cfg->cgroup_path), "/hostel-%08x",
                 text_hash(cfg->run_dir));
    cfg->network.id = text_hash(cfg->run_dir) & 0xffffff;
    return uids_check(cfg, e);
}

static void listen_print(FILE *out, const char *key, const char *host,
                         uint32_t port)
{
    bool v6 = strchr(host, ':') != NULL;

    if (*host)
        fprintf(out, "%s = \"%s%s%s:%u\"\n", key, v6 ? "[" : "", host,
                v6 ? "]" : "", port);
    else
        fprintf(out, "%s = \"\"\n", key);
}

void config_print(const struct node_config *cfg, FILE *out)
{
    fprintf(out, "name = \"%s\"\n", cfg->node_name);
    fprintf(out, "state_dir = \"%s\"\n", cfg->state_dir);
    fprintf(out, "run_dir = \"%s\"\n", cfg->run_dir);
    fprintf(out, "hv_path = \"%s\"\n", cfg->hv_path);
    fprintf(out, "toolchain_dir = \"%s\"\n", cfg->toolchain_dir);
    fprintf(out, "ratecard = \"%s\"\n", cfg->ratecard_path);
    if (cfg->invoice_path[0])
        fprintf(out, "invoice = \"%s\"\n", cfg->invoice_path);
    if (cfg->payment_secret[0])
        fprintf(out, "payment_secret = \"%s\"\n", cfg->payment_secret);
    listen_print(out, "listen", cfg->listen_host, cfg->listen_port);
    fprintf(out, "tls = \"%s\"\n", tls_words[cfg->tls]);
    if (cfg->tls_certificate[0])
        fprintf(out, "tls_certificate = \"%s\"\ntls_key = \"%s\"\n",
                cfg->tls_certificate, cfg->tls_key);
    listen_print(out, "metrics", cfg->metrics_host, cfg->metrics_port);
    fprintf(out, "address_rate = %u\n", cfg->address_rate);
    fprintf(out, "customer_rate = %u\n", cfg->customer_rate);
    fprintf(out, "log_format = \"%s\"\n", log_words[cfg->log_json]);
    if (cfg->cgroup_path[0])
        fprintf(out, "cgroup = \"%s\"\n", cfg->cgroup_path);
    fprintf(out, "on_stop = \"%s\"\n", on_stop_words[cfg->destroy_on_stop]);
    fprintf(out, "accounts = \"%s\"\n", accounts_names[cfg->accounts]);
    operators_print(cfg, "admins", 1, out);
    operators_print(cfg, "viewers", 0, out);
    fprintf(out, "audit_days = %u\n", cfg->audit_days);
    fprintf(out, "quota_submissions = %u\n", cfg->quota.submissions);
    fprintf(out, "quota_memory_mib = %llu\n",
            (unsigned long long)cfg->quota.memory_kib >> 10);
    fprintf(out, "quota_store_mib = %llu\n",
            (unsigned long long)cfg->quota.store_kib >> 10);
    fprintf(out, "quota_volumes_mib = %llu\n",
            (unsigned long long)cfg->quota.volumes_kib >> 10);
    fprintf(out, "volumes_mib = %llu\n",
            (unsigned long long)cfg->volumes_kib >> 10);
    fprintf(out, "memory_overcommit = %u\n", cfg->memory_overcommit);
    fprintf(out, "domains_per_cpu = %u\n", cfg->domains_per_cpu);
    fprintf(out, "operator_uid = %u\n", cfg->operator_uid);
    fprintf(out, "uid_base = %u\n", cfg->uid_base);
    fprintf(out, "slots = %u\n", cfg->slots);
    fprintf(out, "spare_slots = %u\n", cfg->spare_slots);
    fprintf(out, "spare_slots_kvm = %u\n", cfg->spare_slots_kvm);
    fprintf(out, "engines = [ \"%s\"", engine_names[cfg->usual_engine]);
    for (enum hvc_engine i = 0; i < HVC_ENGINES; i++)
        if (i != cfg->usual_engine && cfg->engines >> i & 1)
            fprintf(out, ", \"%s\"", engine_names[i]);
    fprintf(out, " ]\n");
    fprintf(out, "build_slots = %u\n", cfg->build_slots);
    fprintf(out, "memory_mib = %llu\n",
            (unsigned long long)cfg->memory_kib >> 10);
    fprintf(out, "build_memory_mib = %llu\n",
            (unsigned long long)cfg->build_memory_kib >> 10);
    fprintf(out, "build_wall_s = %llu\n",
            (unsigned long long)(cfg->build_wall_ns / NS_PER_S));
    fprintf(out, "lease_s = %llu\n",
            (unsigned long long)(cfg->lease_ns / NS_PER_S));
    fprintf(out, "interval_ms = %llu\n",
            (unsigned long long)(cfg->interval_ns / NS_PER_MS));
    fprintf(out, "hold_s = %llu\n",
            (unsigned long long)(cfg->hold_ns / NS_PER_S));
    fprintf(out, "batch_ms = %llu\n",
            (unsigned long long)(cfg->batch_ns / NS_PER_MS));
    config_net_print(&cfg->network, out);
}
