// SPDX-License-Identifier: ISC
// A domain's description; see config.h.

#include "hypervisor/monitor/config.h"

#include <string.h>

#define NAME_MAX_  63 // of hvc_prepare.domain_name
#define PATH_MAX_  4096
#define EXTRA_MAX  4096
#define STRINGS    1024 // arguments or variables; the page fills up first
#define BUDGET_MAX (INT64_MAX / 1000000) // fits into ns

static const struct cfg_key keys[] = {
    CFG_STR_KEY("kernel", struct domain_config, kernel, PATH_MAX_, 0),
    CFG_STR_KEY("ramdisk", struct domain_config, ramdisk, PATH_MAX_, 0),
    CFG_STR_KEY("name", struct domain_config, name, NAME_MAX_, 0),
    CFG_STR_KEY("engine", struct domain_config, engine, 32, 0),
    CFG_INT_KEY("memory", struct domain_config, memory_mib, 1, HV_RAM_MAX >> 20,
                0),
    CFG_INT_KEY("vcpus", struct domain_config, vcpus, 1, 1, 0),
    CFG_STR_KEY("extra", struct domain_config, extra, EXTRA_MAX, 0),
    CFG_LIST_KEY("args", struct domain_config, args, STRINGS, 0),
    CFG_LIST_KEY("env", struct domain_config, env, STRINGS, 0),
    CFG_LIST_KEY("vif", struct domain_config, vif, HV_DEVICE_MAX, 0),
    CFG_LIST_KEY("disk", struct domain_config, disk, HV_DEVICE_MAX, 0),
    CFG_INT_KEY("cpu_ms", struct domain_config, cpu_ms, 1, BUDGET_MAX, 0),
    CFG_INT_KEY("wall_ms", struct domain_config, wall_ms, 1, BUDGET_MAX, 0),
    CFG_STR_KEY("on_poweroff", struct domain_config, on_poweroff, 32, 0),
    CFG_STR_KEY("on_reboot", struct domain_config, on_reboot, 32, 0),
    CFG_STR_KEY("on_crash", struct domain_config, on_crash, 32, 0),
    {0},
};

void config_init(struct domain_config *c)
{
    *c = (struct domain_config){.memory_mib = CONFIG_MEMORY_MIB, .vcpus = 1};
}

// What happens at an end: for now a domain is always gone afterwards.
static int check_action(const char *path, const char *key, const char *action,
                        struct err *e)
{
    if (!action || strcmp(action, "destroy") == 0)
        return 0;
    return err_set(e, EINVAL, "%s: %s can be \"destroy\" only, not \"%s\"",
                   path, key, action);
}

int config_read(struct domain_config *c, const char *path, struct err *e)
{
    if (cfg_read(path, keys, c, e) < 0 ||
        check_action(path, "on_poweroff", c->on_poweroff, e) < 0 ||
        check_action(path, "on_reboot", c->on_reboot, e) < 0 ||
        check_action(path, "on_crash", c->on_crash, e) < 0)
        return -e->code;
    for (size_t i = 0; i < c->env.n; i++)
        if (!strchr(c->env.item[i], '='))
            return err_set(e, EINVAL, "%s:%d: env has \"%s\", not VAR=value",
                           path, c->env.line[i], c->env.item[i]);
    return 0;
}

void config_free(struct domain_config *c)
{
    cfg_free(keys, c);
}

static int add(struct hvc_prepare *p, const char *s, size_t len, struct err *e)
{
    if (len >= sizeof(p->cmdline) - p->cmdline_len)
        return err_set(e, E2BIG,
                       "arguments and environment have more than %zu bytes",
                       sizeof(p->cmdline));
    memcpy(p->cmdline + p->cmdline_len, s, len);
    p->cmdline[p->cmdline_len + len] = 0;
    p->cmdline_len += len + 1;
    return 0;
}

int config_add_argument(struct hvc_prepare *p, const char *s, struct err *e)
{
    p->argc++;
    return add(p, s, strlen(s), e);
}

int config_add_environment(struct hvc_prepare *p, const char *s, struct err *e)
{
    p->envc++;
    return add(p, s, strlen(s), e);
}
