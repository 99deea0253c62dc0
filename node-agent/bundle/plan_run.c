// SPDX-License-Identifier: ISC
// How a program is to be run; see plan_run.h.

#include "node-agent/bundle/plan_run.h"

#include <stdlib.h>
#include <string.h>

#define BACKOFF_MS_DEFAULT  1000
#define CONCURRENCY_DEFAULT 8
#define REQUEST_MS_DEFAULT  10000

static const char *either_text(const char *asked, const char *otherwise)
{
    return asked ? asked : otherwise;
}

static int64_t either(int64_t asked, int64_t otherwise)
{
    return asked ? asked : otherwise;
}

static int mode_parse(const char *text, uint32_t *mode, struct err *e)
{
    static const char *const names[] = {[RUN_ONCE] = "once",
                                        [RUN_SERVICE] = "service",
                                        [RUN_FUNCTION] = "function"};

    *mode = RUN_ONCE;
    for (uint32_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i]) == 0) {
            *mode = i;
            return 0;
        }
    }
    return text ? err_set(e, EINVAL,
                          "run must be \"once\", \"service\" or \"function\", "
                          "not \"%s\"",
                          text)
                : 0;
}

static int restart_parse(const char *text, uint32_t *restart, struct err *e)
{
    if (!text || strcmp(text, "on-failure") == 0)
        *restart = RESTART_ON_FAILURE;
    else if (strcmp(text, "always") == 0)
        *restart = RESTART_ALWAYS;
    else
        return err_set(e, EINVAL,
                       "restart must be \"on-failure\" or \"always\", not "
                       "\"%s\"",
                       text);
    return 0;
}

int plan_run_fill(const struct bundle_request *q, const struct recipe *c,
                  struct run_terms *out, struct err *e)
{
    const char *restart = either_text(q->restart, c->restart);
    int64_t restarts = either(q->restarts, c->restarts);
    int64_t backoff = either(q->backoff_ms, c->backoff_ms);
    int64_t concurrency = either(q->concurrency, c->concurrency);
    int64_t request = either(q->request_ms, c->request_ms);
    int64_t output_kib =
        either(either(q->output_kib, c->output_kib), q->output_kib_usual);

    if (output_kib > OUTPUT_BYTES_MAX / 1024)
        return err_set(e, EINVAL,
                       "output_kib is %lld; at most %d KiB of output files "
                       "are kept",
                       (long long)output_kib, OUTPUT_BYTES_MAX / 1024);
    *out = (struct run_terms){
        .cpu_weight = either(q->cpu_weight, c->cpu_weight),
        .cpu_cap_percent = either(q->cpu_cap, c->cpu_cap),
        .output_bytes = (uint32_t)output_kib * 1024,
    };
    if (mode_parse(either_text(q->run, c->run), &out->mode, e) < 0)
        return -EINVAL;
    if (out->mode != RUN_SERVICE && (restart || restarts || backoff))
        return err_set(e, EINVAL,
                       "restart, restarts and backoff_ms go with run = "
                       "\"service\"");
    if (out->mode != RUN_FUNCTION && (concurrency || request))
        return err_set(e, EINVAL,
                       "concurrency and request_ms go with run = "
                       "\"function\"");
    if (out->mode == RUN_FUNCTION) {
        out->concurrency = either(concurrency, CONCURRENCY_DEFAULT);
        out->request_ms = either(request, REQUEST_MS_DEFAULT);
    }
    if (out->mode != RUN_SERVICE)
        return 0;
    out->restarts_max = restarts;
    out->backoff_ms = either(backoff, BACKOFF_MS_DEFAULT);
    return restart_parse(restart, &out->restart, e);
}

const char *plan_secret(const char *given, struct err *e)
{
    const char *value;

    if (strchr(given, '='))
        return given;
    value = getenv(given);
    if (!value) {
        err_set(e, EINVAL,
                "the secret %s is not set in your environment; set it, or "
                "write NAME=value",
                given);
        return NULL;
    }
    // environ's strings are NAME=value; the value lies behind its name.
    return value - strlen(given) - 1;
}
