// SPDX-License-Identifier: ISC
// From what a user names on the command line to what bundle_write takes: the
// files of a folder, sorted into roles by its bundle.cfg (recipe.h), or a
// single program.
//
//     struct bundle_request q = {.path = "prog.c", .audience = node};
//     struct bundle_plan p;
//     if (bundle_plan(&q, &p, &e) == 0)
//         r = bundle_write(fd, &p.m, p.from, &sk, &e);
//     bundle_plan_free(&p);

#ifndef BUNDLE_PLAN_H
#define BUNDLE_PLAN_H

#include <stdint.h>

#include "lib/err.h"
#include "node-agent/bundle/bundle.h"
#include "node-agent/bundle/recipe.h"

// What is 0 or NULL is as bundle.cfg or the defaults say.
struct bundle_request {
    const char *path;        // a folder, a *.c file, or a linked guest
    const uint8_t *audience; // KEY_BYTES; must be given
    const char *name;
    size_t nargs, nenv; // arguments replace, variables add to bundle.cfg's
    const char *const *args, *const *env;
    int64_t memory_mib, cpu_ms, wall_ms, build_cpu_ms, console_kib, output_kib;
    int64_t output_kib_usual; // where nothing else says how much
    int64_t valid_hours;
    const char *max_cost;
    const char *run, *restart; // "service"; "always"
    int64_t restarts, backoff_ms, concurrency, request_ms;
    int64_t cpu_weight, cpu_cap;
    const char *network, *link;
    size_t npublish; // replace bundle.cfg's
    const char *const *publish;
    int64_t net_in_mib, net_out_mib;
    size_t nsecrets; // NAME=value or NAME; added to bundle.cfg's
    const char *const *secrets;
    size_t nvolumes; // NAME:MOUNT[:ro][:shared]; replace bundle.cfg's
    const char *const *volumes;
};

struct bundle_plan {
    struct manifest m; // complete but for sizes, digests and customer
    struct bundle_source *from;
    struct recipe recipe; // what m's strings point into, with the next two
    size_t nowned;
    char **owned;
    char currency[4];
    // NAME=value, to be sealed (secrets.h) before the manifest is written.
    size_t nsecrets;
    const char **secret;
};

// bundle_plan_free afterwards in any case.
int bundle_plan(const struct bundle_request *q, struct bundle_plan *p,
                struct err *e);
void bundle_plan_free(struct bundle_plan *p);

#endif
