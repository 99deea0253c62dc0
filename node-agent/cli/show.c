// SPDX-License-Identifier: ISC
// Answers of the node for people; see show.h.

#include "node-agent/cli/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/json.h"

static const json_t *get(const json_t *o, const char *name)
{
    const char *dot = strchr(name, '.');
    char first[64];

    if (!dot)
        return json_object_get(o, name);
    snprintf(first, sizeof(first), "%.*s", (int)(dot - name), name);
    return json_object_get(json_object_get(o, first), dot + 1);
}

const char *get_text(const json_t *o, const char *name)
{
    const char *text = json_string_value(get(o, name));

    return text ? text : "";
}

int64_t get_count(const json_t *o, const char *name)
{
    return json_integer_value(get(o, name));
}

char *show_ns(char *out, int64_t ns)
{
    if (ns < 1000)
        snprintf(out, SHOW_SIZE, "%lld ns", (long long)ns);
    else if (ns < 1000000)
        snprintf(out, SHOW_SIZE, "%.1f us", (double)ns / 1e3);
    else if (ns < 1000000000)
        snprintf(out, SHOW_SIZE, "%.3f ms", (double)ns / 1e6);
    else
        snprintf(out, SHOW_SIZE, "%.3f s", (double)ns / 1e9);
    return out;
}

char *show_bytes(char *out, int64_t bytes)
{
    static const char *const unit[] = {"KiB", "MiB", "GiB", "TiB"};
    double n = (double)bytes;
    int i = -1;

    while (n >= 1024 && i < 3) {
        n /= 1024;
        i++;
    }
    if (i < 0)
        snprintf(out, SHOW_SIZE, "%lld B", (long long)bytes);
    else
        snprintf(out, SHOW_SIZE, "%.1f %s", n, unit[i]);
    return out;
}

char *show_kib(char *out, int64_t kib)
{
    return show_bytes(out, kib > INT64_MAX / 1024 ? INT64_MAX : kib * 1024);
}

char *show_time(char *out, const char *time)
{
    if (strlen(time) < 19)
        snprintf(out, SHOW_SIZE, "-");
    else
        snprintf(out, SHOW_SIZE, "%.10s %.8s", time, time + 11);
    return out;
}

char *show_when(char *out, const char *at)
{
    time_t now = time(NULL);
    char today[16];
    struct tm tm;

    gmtime_r(&now, &tm);
    strftime(today, sizeof(today), "%Y-%m-%d", &tm);
    if (strlen(at) < 19)
        snprintf(out, SHOW_SIZE, "-");
    else if (!strncmp(at, today, 10))
        snprintf(out, SHOW_SIZE, "%.8s", at + 11);
    else
        snprintf(out, SHOW_SIZE, "%.10s", at);
    return out;
}

char *show_id(char *out, const char *id)
{
    snprintf(out, SHOW_SIZE, "%.12s", id);
    return out;
}

char *show_fate(char out[SHOW_FATE_SIZE], const json_t *submission)
{
    static const struct {
        const char *outcome, *text;
    } fates[] = {
        {"build-failed", "it did not compile"},
        {"build-budget", "its build reached a limit"},
        {"crashed", "it crashed"},
        {"trapped", "it trapped"},
        {"system-call", "it tried a system call of the host"},
        {"cpu-budget", "its CPU budget is used up"},
        {"wall-budget", "its time is up"},
        {"memory", "it ran out of memory"},
        {"destroyed", "it was destroyed"},
        {"refused", "it was refused"},
        {"lost", "the node failed"},
    };
    const char *outcome = get_text(submission, "outcome");

    if (!strcmp(outcome, "exited")) {
        snprintf(out, SHOW_FATE_SIZE, "exited with status %lld",
                 (long long)get_count(submission, "exit_status"));
        return out;
    }
    for (size_t i = 0; i < sizeof(fates) / sizeof(*fates); i++)
        if (!strcmp(outcome, fates[i].outcome)) {
            snprintf(out, SHOW_FATE_SIZE, "%s", fates[i].text);
            return out;
        }
    snprintf(out, SHOW_FATE_SIZE, "%s", get_text(submission, "state"));
    return out;
}

char *show_end(char out[SHOW_FATE_SIZE], const json_t *submission)
{
    static const struct {
        const char *outcome, *text;
    } ends[] = {
        {"build-failed", "build failed"}, {"build-budget", "build limit"},
        {"system-call", "system call"},   {"cpu-budget", "CPU budget"},
        {"wall-budget", "time up"},       {"memory", "no memory"},
    };
    const char *outcome = get_text(submission, "outcome");

    snprintf(out, SHOW_FATE_SIZE, "%s",
             *outcome ? outcome : get_text(submission, "state"));
    if (!strcmp(outcome, "exited"))
        snprintf(out, SHOW_FATE_SIZE, "exit %lld",
                 (long long)get_count(submission, "exit_status"));
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
        if (!strcmp(outcome, ends[i].outcome))
            snprintf(out, SHOW_FATE_SIZE, "%s", ends[i].text);
    return out;
}

int print_json(json_t *o)
{
    char *text = json_text(o, true);

    json_decref(o);
    if (!text)
        return 1;
    printf("%s\n", text);
    free(text);
    return 0;
}

int fate_status(const json_t *submission)
{
    const char *outcome = get_text(submission, "outcome");

    if (!strcmp(outcome, "exited"))
        return (int)(get_count(submission, "exit_status") & 0xff);
    return !strncmp(outcome, "build-", 6) ? FATE_BUILD : FATE_STOPPED;
}
