// SPDX-License-Identifier: ISC
// hosteld's configuration: each tests/golden/conf/*.conf against its .ok,
// which holds the whole configuration printed back, or the exact message; and
// the search for users that a range of uids would collide with.
//
// With the argument `write` it makes the .ok files, to be read by a person
// before they are committed.

#include "node-agent/agent/config.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

#define FOLDER "tests/golden/conf"

static int failures;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    failures++;
}

static char *outcome(const char *path)
{
    struct node_config cfg;
    struct err e = {0};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);

    config_defaults(&cfg, "/nowhere");
    strcpy(cfg.node_name, "host");
    cfg.memory_kib = 1u << 20;
    if (config_read(&cfg, path, &e) == 0)
        config_print(&cfg, out);
    else
        fprintf(out, "%s\n", e.text);
    fclose(out);
    return text;
}

static void golden_one(const char *path, int rewrite)
{
    cleanup_free char *got = outcome(path);
    cleanup_buf struct buf want = BUF_INIT(65536);
    int passes = strncmp(path, FOLDER "/pass-", strlen(FOLDER "/pass-")) == 0;
    char ok[512];

    snprintf(ok, sizeof(ok), "%.*s.ok", (int)(strlen(path) - 5), path);
    if (rewrite)
        file_write_durable(ok, got, strlen(got), 0644, NULL);
    if (file_read(ok, &want, NULL) < 0)
        fail(path, "has no .ok file");
    else if (strcmp(got, buf_str(&want)) != 0)
        fail(path, got);
    if (passes != (strncmp(got, "name = ", 7) == 0))
        fail(path, "passes or fails against its name");
}

/* What is printed is a configuration, and means the same. */
static void round_trip(void)
{
    cleanup_free char *first = outcome(FOLDER "/pass-all.conf"), *again = NULL;
    char path[] = "/tmp/config_test.XXXXXX";

    close(mkstemp(path));
    if (file_write_durable(path, first, strlen(first), 0600, NULL) < 0)
        return fail(path, "cannot be written");
    again = outcome(path);
    remove(path);
    if (strcmp(first, again) != 0)
        fail("printed again", again);
}

static void uids(void)
{
    static const struct {
        const char *text;
        int is_subuid;
        int taken;
    } cases[] = {
        {"", 0, 0},
        {"root:x:0:0:root:/root:/bin/sh\n", 0, 0},
        {"a:x:999:0::/:\nb:x:1100:0::/:\n", 0, 0},
        {"a:x:1000:0::/:\n", 0, 1},
        {"a:x:1:0::/:\nb:x:1099:1::/:", 0, 1},
        {"a::1050:0::/:\n", 0, 1},
        {"nonsense\n:::\nb:x:1099:1::/:", 0, 1},
        {"a:900:100\n", 1, 0},
        {"a:900:101\n", 1, 1},
        {"a:1100:65536\n", 1, 0},
        {"a:0:100000\n", 1, 1},
        {"a:1050:1\n", 1, 1},
    };
    struct err e;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int r = config_uids_free("file", cases[i].text, cases[i].is_subuid,
                                 1000, 100, &e);

        if (r != (cases[i].taken ? -EEXIST : 0))
            fail("uids", cases[i].text);
    }
}

int main(int argc, char **argv)
{
    int rewrite = argc > 1 && strcmp(argv[1], "write") == 0;
    glob_t g;

    if (glob(FOLDER "/*.conf", 0, NULL, &g) != 0 || g.gl_pathc < 15)
        fail(FOLDER, "is not complete");
    else
        for (size_t i = 0; i < g.gl_pathc; i++)
            golden_one(g.gl_pathv[i], rewrite);
    globfree(&g);
    round_trip();
    uids();
    return failures != 0;
}
