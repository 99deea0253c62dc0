/* SPDX-License-Identifier: ISC */
/* What the cases of tests/domain/slots have: a spawner, and a keeper's part to
 * play. */
#ifndef TESTS_SLOTS_DRIVER_H
#define TESTS_SLOTS_DRIVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "node-agent/agent/ipc.h"
#include "node-agent/agent/role.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S  1000000000ull

#define SLOTS       24
#define DOMAINS_MAX 4096
/* Far longer than anything here should take: a case that needs it failed. */
#define PATIENCE_NS (30 * NS_PER_S)
#define TREE        "/hostel-slots-test"

struct domain {
    sub_id_t id;
    bool answered, adopted, released;
    unsigned status; /* of the answer to MSG_START */
    unsigned ends, usages;
    struct msg_domain last, end;
};

struct world {
    struct node_config cfg;
    const char *hello, *primes, *crash;
    pid_t spawner;
    int fd, lifeline;
    bool ready, adopting;
    bool hold; /* do not release what ends */
    struct domain domain[DOMAINS_MAX];
    unsigned ndomains;
};
extern struct world w;

struct wish {
    const char *image, *arg;
    uint64_t cpu_ns, wall_ns, lease_ns;
    int console; /* -1: nowhere */
};

void verdict(bool ok, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
_Noreturn void give_up(const char *why);
void spawner_begin(void);
/* Its status. */
int spawner_end(int signal);
void send_plain(const struct msg_head *m);
void release(struct domain *d);
/* Hear one message, waiting at most so long: false when nothing came. */
bool hear(int timeout_ms);
void hear_until(bool (*done)(void));
struct domain *start(const struct wish *h);
void stop(struct domain *d, uint32_t cause);
bool is_ready(void);

/* slots_cases.c */
void case_hello(void);
void case_trap(void);
void case_not_an_image(void);
void case_cpu_budget(void);
void case_wall_budget(void);
void case_lease(void);
void case_many(void);
void case_monitor_killed(void);
void case_budget_alone(void);
void case_storm(void);
void case_stop(void);

#endif
