// SPDX-License-Identifier: ISC
// bundle.cfg: how a folder becomes a bundle. Every key may be left out; the
// file itself too.
//
//     name        = "primes"         # default: the folder's name
//     kind        = "source"         # or "image"; default: "image" if the
//                                    # key image is set
//     image       = "primes.elf"     # kind image: the guest
//     sources     = [ "main.c" ]     # default: all *.c and *.h
//     data        = [ "limits.txt", "maps" ] # default: all that is left
//     arguments   = [ "1000", "-v" ]
//     environment = [ "LANG=C" ]
//     cflags      = [ "-O2", "-DFAST" ]      # default: -O2
//     libs        = [ "m" ]
//     memory      = 32               # MiB
//     cpu_ms      = 10000            # hard budgets
//     wall_ms     = 60000
//     build_cpu_ms = 20000
//     console_kib = 1024
//     output_kib  = 256
//     max_cost    = "0.05 EUR"       # default: what the budgets can cost
//     valid_hours = 24
//     run         = "once"           # or "service", "function"
//     restart     = "on-failure"     # service: or "always"
//     restarts    = 100              # service; default: no limit
//     backoff_ms  = 1000             # service: doubles with each failure
//     concurrency = 8                # function: requests at once
//     request_ms  = 10000            # function: one request, at most
//     cpu_weight  = 100              # share when CPUs are short
//     cpu_cap     = 50               # percent of a CPU; default: none
//     network     = "nat"            # or "routed", "bridge", "any"; default:
//                                    # "none"
//     publish     = [ "tcp:30080:80" ] # of the node's ports: of the program's
//     link        = "shop"           # may talk to others of yours with it
//     net_in_mib  = 1024             # what may go in, and out
//     net_out_mib = 1024
//     secrets     = [ "DB_PASSWORD" ] # from the environment, sealed
//     volumes     = [ "data:/data", "conf:/etc/app:ro" ] # the customer's

#ifndef BUNDLE_RECIPE_H
#define BUNDLE_RECIPE_H

#include <stdint.h>

#include "lib/cfg.h"
#include "lib/err.h"

struct recipe {
    char *name, *kind, *image, *max_cost;
    struct cfg_list sources, data, arguments, environment, cflags, libs;
    int64_t memory_mib, cpu_ms, wall_ms, build_cpu_ms, console_kib, output_kib;
    int64_t valid_hours;
    char *run, *restart;
    struct cfg_list secrets, volumes;
    int64_t restarts, backoff_ms, concurrency, cpu_weight, cpu_cap;
    int64_t request_ms;
    char *network, *link;
    struct cfg_list publish;
    int64_t net_in_mib, net_out_mib;
};

// The defaults; recipe_free afterwards in any case.
void recipe_init(struct recipe *r);
int recipe_read(struct recipe *r, const char *path, struct err *e);
int recipe_parse(struct recipe *r, const char *name, const char *text,
                 size_t len, struct err *e);
void recipe_free(struct recipe *r);

// "0.05" or "0.05 EUR"; currency is "" when none is named.
int cost_parse(const char *text, uint64_t *amount_nano, char currency[4],
               struct err *e);

#endif
