// SPDX-License-Identifier: ISC
// Which settings can change under a running node; see reload.h.

#include "node-agent/agent/reload.h"

#include <stddef.h>
#include <string.h>

#define FIXED(key, field)                                                      \
    {                                                                          \
        key, offsetof(struct node_config, field),                              \
            sizeof(((struct node_config *)0)->field)                           \
    }

// What domains, sockets and files that live on depend on.
static const struct {
    const char *key;
    size_t at, len;
} fixed[] = {
    FIXED("state_dir", state_dir),  FIXED("run_dir", run_dir),
    FIXED("uid_base", uid_base),    FIXED("cgroup", cgroup_path),
    FIXED("listen", listen_host),   FIXED("listen", listen_port),
    FIXED("metrics", metrics_host), FIXED("metrics", metrics_port),
    FIXED("network", network.mode),
    FIXED("network_bridge", network.bridge),
    FIXED("network_uplink", network.uplink),
    FIXED("network_ipv4", network.first4),
    FIXED("network_ipv4", network.bits4),
    FIXED("network_ipv4", network.count),
    FIXED("network_ipv6", network.first6),
    FIXED("network_ipv6", network.bits6),
    FIXED("network_gateway", network.gateway4),
    FIXED("network_gateway", network.gateway6),
};

int reload_merge(const struct node_config *running,
                 const struct node_config *asked,
                 const struct node_config *next, struct node_config *out,
                 struct err *e)
{
    for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
        if (memcmp((const char *)asked + fixed[i].at,
                   (const char *)next + fixed[i].at, fixed[i].len))
            return err_set(e, EINVAL,
                           "%s cannot change while the node runs: stop it and "
                           "start it again",
                           fixed[i].key);
    if (!memcmp(asked, next, sizeof(*next)))
        return 0;
    *out = *next;
    out->listen_port = running->listen_port;
    out->metrics_port = running->metrics_port;
    memcpy(out->node_id, running->node_id, sizeof(out->node_id));
    memcpy(out->secrets_key, running->secrets_key, sizeof(out->secrets_key));
    memcpy(out->secrets_signature, running->secrets_signature,
           sizeof(out->secrets_signature));
    return 1;
}
