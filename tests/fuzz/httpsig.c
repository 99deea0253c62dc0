// SPDX-License-Identifier: ISC
// Headers of request signatures: Signature-Input, Signature and Content-Digest,
// a line each. Nothing that a stranger can write verifies; what is accepted is
// what we would have written.

#include "node-agent/api/httpsig.c"

#include <stdlib.h>

static const char *field(void *arg, const char *name)
{
    return !strcmp(name, "content-digest") ? arg : NULL;
}

// The text up to the next new line, which is cut off; "" after the last.
static char *line(char **at)
{
    char *text = *at, *end = strchr(text, '\n');

    *at = end ? end + 1 : text + strlen(text);
    if (end)
        *end = '\0';
    return text;
}

static void check_input(const char *input, const char *signature, char *digest)
{
    static const uint8_t key[32] = {
        0x26, 0xb4, 0x0b, 0x8f, 0x93, 0xff, 0xf3, 0xd8, 0x97, 0x11, 0x2f,
        0x7e, 0xbc, 0x58, 0x2b, 0x23, 0x2d, 0xbd, 0x72, 0x51, 0x7d, 0x08,
        0x2f, 0xe8, 0x3c, 0xfb, 0x30, 0xdd, 0xce, 0x43, 0xd1, 0xbb};
    const struct httpsig_request rq = {.method = "GET",
                                       .authority = "Node:7070",
                                       .path = "/v1/account",
                                       .query = "a=b",
                                       .field = field,
                                       .arg = digest};
    struct err e = {0};
    struct httpsig sig;
    int r = httpsig_parse(&sig, input, "hostel-", &e);

    if (r < 0) {
        if (r != -e.code || !e.text[0])
            abort();
        return;
    }
    if (sig.ncomponents > HTTPSIG_COMPONENTS_MAX)
        abort();
    for (size_t i = 0; i < sig.ncomponents; i++)
        for (size_t j = 0; j < i; j++)
            if (!strcmp(sig.component[i], sig.component[j]))
                abort();
    if (!strstr(input, sig.params) || !strstr(input, sig.label))
        abort();
    if (httpsig_verify(&sig, signature, &rq, key, &e) == 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = strndup((const char *)data, len), *at = text;
    char *input = line(&at), *signature = line(&at), *digest = line(&at);
    char ours[HTTPSIG_DIGEST_SIZE];

    check_input(input, signature, digest);
    // What is taken for sha-256 is ours, maybe beside others.
    if (httpsig_digest_check(digest, at, strlen(at), NULL) == 0 &&
        !strstr(digest, httpsig_digest(ours, at, strlen(at))) &&
        !strstr(digest, "sha-512="))
        abort();
    free(text);
    return 0;
}
