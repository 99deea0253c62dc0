// SPDX-License-Identifier: ISC
/*
 * The roles of hosteld: one program, re-executed once a role, each with its
 * own uid, its own descriptors and nothing else.
 *
 * hosteld starts as root, reads and checks the configuration, makes the
 * channels, and runs itself again as `hosteld --role NAME` for each role. A
 * role finds everything it may use at fixed descriptor numbers:
 *
 *   0,1  /dev/null        2  the log
 *   3    sealed memfd holding one struct node_config, already checked
 *   4    supervisor's lifeline: readable (EOF) when the supervisor is gone;
 *        written to once, by role_ready
 *   5    api only: listening TCP socket (absent with no TCP)
 *   6    operator only: listening unix socket, for HTTP
 *   7    ledger: sealed memfd with a struct receipts_key, the key that the
 *        node's identity has certified for signing batches; keeper: likewise
 *        a struct secrets_key, which opens what customers have sealed; api:
 *        one with a struct tls_secret (tls.h), absent without TLS
 *   8+r  SOCK_SEQPACKET channel to role r, where the table below has one
 *   16   lock of the run folder, held as long as any role lives
 *   17   api only: listening socket for those who collect metrics, or absent
 *   18   operator only: listening unix socket of domains' control
 *   19,20  keeper only: both ends of a queue of descriptors that is older than
 *        its generation, see keeper/shelf.h
 *
 * Channels: api-keeper, api-ledger, operator-keeper, operator-ledger,
 * keeper-ledger, keeper-spawner, keeper-builder, keeper-net, keeper-volumes. A role whose peer closes a
 * channel exits; when any role exits the supervisor ends the others and starts
 * all anew, loudly. Domains go on meanwhile, on their leases.
 */
#ifndef AGENT_ROLE_H
#define AGENT_ROLE_H

#include <stdint.h>
#include "node-agent/agent/network.h"

enum role {
    ROLE_API,
    ROLE_KEEPER,
    ROLE_BUILDER,
    ROLE_LEDGER,
    ROLE_SPAWNER,
    ROLE_OPERATOR,
    ROLE_NET,
    ROLE_VOLUMES
};
#define ROLE_COUNT 8

#define ROLE_CONFIG_FD   3
#define ROLE_LIFELINE_FD 4
#define ROLE_TCP_FD      5
#define ROLE_UNIX_FD     6
#define ROLE_SECRET_FD   7
#define ROLE_FD(peer)    (8 + (int)(peer))
#define ROLE_LOCK_FD     (8 + ROLE_COUNT)
#define ROLE_METRICS_FD  (ROLE_LOCK_FD + 1)
#define ROLE_CONTROL_FD  (ROLE_LOCK_FD + 2)
#define ROLE_SHELF_FD    (ROLE_LOCK_FD + 3) /* and the next */
#define ROLE_FD_END      (ROLE_SHELF_FD + 2)

#define UID_BASE_DEFAULT         1879048192u /* above any subuid or container range */
#define UID_ROLE(base, role)     ((base) + (uint32_t)(role))
#define UID_BUILD_SLOT(base, n)  ((base) + 16u + (uint32_t)(n))
#define UID_DOMAIN_SLOT(base, n) ((base) + 256u + (uint32_t)(n))
#define UID_VOLUME(base, n)      ((base) + 32768u + (uint32_t)(n))
#define BUILD_SLOTS_MAX          16u
#define DOMAIN_SLOTS_MAX         16384u
#define VOLUMES_MAX              32768u
#define UIDS_ALL                 65536u

#define NODE_PATH_MAX 256

/* Of the customers' listener: TLS_AUTO is plain on a loopback address only. */
enum tls_mode { TLS_AUTO, TLS_ON, TLS_OFF };

/* What one customer may have at once; 0 = no limit. Part of the keeper's
 * journal as it is here. */
struct quota {
    uint32_t submissions; /* that are not over */
    uint32_t pad;
    uint64_t memory_kib; /* of domains that run */
    uint64_t store_kib;  /* images, bundles, data */
    uint64_t volumes_kib; /* what volumes may hold, all together */
};

/* Who opens accounts. */
enum accounts_by { ACCOUNTS_OPERATOR, ACCOUNTS_INVITATION, ACCOUNTS_OPEN };
#define OPERATORS_MAX 16

/* The checked configuration, as every role sees it; hosteld.conf(5). */
struct node_config {
    uint32_t size; /* sizeof, as a check between builds */
    uint32_t uid_base;
    uint8_t node_id[32]; /* node identity public key */
    char node_name[64];
    char state_dir[NODE_PATH_MAX]; /* each role has state_dir/ROLE, its own */
    char run_dir[NODE_PATH_MAX];
    char hv_path[NODE_PATH_MAX];        /* hostel-hv */
    char toolchain_dir[NODE_PATH_MAX];  /* root holding only the toolchain */
    char ratecard_path[NODE_PATH_MAX];  /* opened by the ledger role */
    char invoice_path[NODE_PATH_MAX];   /* likewise; "": none */
    char payment_secret[NODE_PATH_MAX]; /* the supervisor's to read; "": none */
    char listen_host[64];               /* numeric address */
    uint32_t listen_port;               /* 0 = none; the real one once bound */
    uint32_t tls;                       /* enum tls_mode */
    char tls_certificate[NODE_PATH_MAX]; /* "": the node's own */
    char tls_key[NODE_PATH_MAX];
    char metrics_host[64];           /* numeric address; "": none */
    uint32_t metrics_port;           /* the real one once bound */
    uint32_t address_rate;           /* requests a second; 0 = no limit */
    uint32_t customer_rate;          /* likewise */
    uint32_t log_json;               /* 1 = a JSON object a line */
    uint32_t slots;                  /* domain slots to keep */
    uint32_t engines;                /* mask of 1 << enum hvc_engine: allowed */
    uint32_t usual_engine;           /* enum hvc_engine: when nobody says */
    uint32_t spare_slots;            /* clean slots ready, of the usual one */
    uint32_t spare_slots_kvm;        /* and of kvm, when that is not it */
    uint32_t build_slots;            /* builds at once */
    uint64_t memory_kib;             /* RAM for all domains together */
    uint64_t build_memory_kib;       /* limit of one build */
    uint64_t build_wall_ns;          /* limit of one build */
    uint64_t volumes_kib;            /* what all volumes may hold together */
    uint64_t lease_ns;               /* how long a domain runs unattended */
    uint64_t interval_ns;            /* usage is recorded this often */
    uint64_t hold_ns;                /* what services are held for; 0: all */
    uint64_t batch_ns;               /* a ledger batch is sealed this often */
    uint32_t operator_uid;           /* beside root, may use the unix socket */
    uint32_t destroy_on_stop;        /* 1 = domains end with the agent */
    char cgroup_path[NODE_PATH_MAX]; /* see spawner/cgroup.h */
    struct quota quota; /* of customers about whom nothing else is said */
    uint32_t memory_overcommit; /* percent of memory_kib that is given away */
    uint32_t domains_per_cpu;   /* at most running at once; 0 = no limit */
    uint32_t accounts;          /* enum accounts_by */
    uint32_t audit_days;        /* the audit log goes back so far */
    uint32_t noperators;        /* beside root and operator_uid */
    uint32_t pad_operators;
    struct operator_entry {
        uint32_t may_change; /* 1 admin, 0 may only look */
        uint32_t is_key;     /* by a signature; else by a uid */
        uint32_t uid, pad;
        uint8_t key[32];
    } operators[OPERATORS_MAX];
    struct network_config network; /* of customers' domains */
    uint8_t toolchain_id[32]; /* of what builds see, for their cache */
    /* Customers seal secrets to this key, see bundle/secrets.h; the identity's
     * signature of it. */
    uint8_t secrets_key[32], secrets_signature[64];
};

#endif
