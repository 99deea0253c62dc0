// SPDX-License-Identifier: ISC
// Prints one signed HTTP request as it goes over the wire, for tests that
// repeat it, cut it or change it.
//
//     http-sign KEY NODE HOST METHOD TARGET [BODY]

#include <err.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/hex.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/key.h"

static const char *field(void *arg, const char *name)
{
    return !strcmp(name, "content-digest") ? arg : NULL;
}

int main(int argc, char **argv)
{
    struct buf input = BUF_INIT(4096), signature = BUF_INIT(4096);
    char path[1024], digest[HTTPSIG_DIGEST_SIZE];
    struct httpsig sig = {.label = SIGNATURE_LABEL,
                          .component = {"@method", "@authority", "@path",
                                        "@query", "content-digest"},
                          .created = (int64_t)(clock_real_ns() / 1000000000u)};
    const char *body = argc == 7 ? argv[6] : "", *query;
    struct httpsig_request rq = {.path = path, .field = field, .arg = digest};
    struct seckey key;
    uint8_t nonce[16], node_id[32];
    struct err e;

    if (argc != 6 && argc != 7)
        errx(2, "usage: http-sign KEY NODE HOST METHOD TARGET [BODY]");
    if (key_init(&e) < 0 || seckey_read(argv[1], &key, &e) < 0)
        errx(1, "%s", e.text);
    if (hex_decode(node_id, sizeof(node_id), argv[2]) < 0)
        errx(2, "a node's id has 64 hexadecimal digits");
    signature_tag(sig.tag, node_id);
    rq.authority = argv[3];
    rq.method = argv[4];
    query = strchr(argv[5], '?');
    rq.query = query ? query + 1 : NULL;
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(argv[5], "?"), argv[5]);
    httpsig_digest(digest, body, strlen(body));
    sig.ncomponents = *body ? 5 : 4;
    hex_encode(sig.keyid, key.key + 32, 32);
    randombytes_buf(nonce, sizeof(nonce));
    hex_encode(sig.nonce, nonce, sizeof(nonce));
    if (httpsig_sign(&sig, &rq, key.key, &input, &signature, &e) < 0)
        errx(1, "%s", e.text);
    printf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
           "Signature-Input: %s\r\nSignature: %s\r\n",
           rq.method, argv[5], rq.authority, buf_str(&input),
           buf_str(&signature));
    if (*body)
        printf("Content-Digest: %s\r\nContent-Length: %zu\r\n", digest,
               strlen(body));
    printf("\r\n%s", body);
    return 0;
}
