// SPDX-License-Identifier: ISC
// The strings a domain starts with: name, arguments, environment and opened
// secrets. They are in memory only as long as a start needs them.

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "node-agent/keeper/keeper.h"

static int make(struct sub *s, const struct manifest *m,
                const struct buf *secrets, size_t nsecrets, struct err *e)
{
    size_t len = strlen(m->name) + 1 + secrets->len;
    char *at;

    for (size_t i = 0; i < m->nargs; i++)
        len += strlen(m->arg[i]) + 1;
    for (size_t i = 0; i < m->nenv; i++)
        len += strlen(m->env[i]) + 1;
    if (len > ARGS_BYTES_MAX)
        return err_set(e, E2BIG,
                       "arguments, environment and secrets together take %zu "
                       "bytes; at most %u fit",
                       len, (unsigned)ARGS_BYTES_MAX);
    cmdline_forget(s);
    s->cmdline = at = malloc(len);
    if (!at)
        return err_set(e, ENOMEM, "no memory for a command line");
    at = stpcpy(at, m->name) + 1;
    for (size_t i = 0; i < m->nargs; i++)
        at = stpcpy(at, m->arg[i]) + 1;
    for (size_t i = 0; i < m->nenv; i++)
        at = stpcpy(at, m->env[i]) + 1;
    if (secrets->len)
        memcpy(at, secrets->data, secrets->len);
    s->argc = 1 + m->nargs;
    s->envc = m->nenv + nsecrets;
    s->cmdline_len = len;
    return 0;
}

int cmdline_make(struct keeper *k, struct sub *s, const struct manifest *m,
                 struct err *e)
{
    struct buf secrets = BUF_INIT(SEALED_MAX);
    size_t n;
    int r = secrets_open(m, &k->secrets, &secrets, &n, e);

    if (r == 0)
        r = make(s, m, &secrets, n, e);
    if (r == 0)
        r = volumes_take_uses(s, m, e);
    secrets_forget(&secrets);
    return r;
}

int cmdline_load(struct keeper *k, struct sub *s, struct err *e)
{
    struct buf bytes = BUF_INIT(MANIFEST_MAX);
    struct manifest m;
    int r;

    if (s->cmdline)
        return 0;
    r = journal_manifest(&k->journal, &s->info.id, &bytes, e);
    if (r == 0) {
        r = manifest_decode(bytes.data, bytes.len, &m, e);
        if (r == 0)
            r = cmdline_make(k, s, &m, e);
        manifest_free(&m);
    }
    buf_free(&bytes);
    return r;
}
