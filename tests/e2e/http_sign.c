// SPDX-License-Identifier: ISC
// Prints one signed HTTP request as it goes over the wire, for tests that
// repeat it, cut it or change it.
//
//     http-sign KEY HOST METHOD TARGET [BODY]

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
    struct httpsig sig = {.label = SIGNATURE_TAG,
                          .component = {"@method", "@authority", "@path",
                                        "@query", "content-digest"},
                          .created = (int64_t)(clock_real_ns() / 1000000000u),
                          .tag = SIGNATURE_TAG};
    const char *body = argc == 6 ? argv[5] : "", *query;
    struct httpsig_request rq = {.path = path, .field = field, .arg = digest};
    struct seckey key;
    uint8_t nonce[16];
    struct err e;

    if (argc != 5 && argc != 6)
        errx(2, "usage: http-sign KEY HOST METHOD TARGET [BODY]");
    if (key_init(&e) < 0 || seckey_read(argv[1], &key, &e) < 0)
        errx(1, "%s", e.text);
    rq.authority = argv[2];
    rq.method = argv[3];
    query = strchr(argv[4], '?');
    rq.query = query ? query + 1 : NULL;
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(argv[4], "?"), argv[4]);
    httpsig_digest(digest, body, strlen(body));
    sig.ncomponents = *body ? 5 : 4;
    hex_encode(sig.keyid, key.key + 32, 32);
    randombytes_buf(nonce, sizeof(nonce));
    hex_encode(sig.nonce, nonce, sizeof(nonce));
    if (httpsig_sign(&sig, &rq, key.key, &input, &signature, &e) < 0)
        errx(1, "%s", e.text);
    printf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"
           "Signature-Input: %s\r\nSignature: %s\r\n",
           rq.method, argv[4], rq.authority, buf_str(&input),
           buf_str(&signature));
    if (*body)
        printf("Content-Digest: %s\r\nContent-Length: %zu\r\n", digest,
               strlen(body));
    printf("\r\n%s", body);
    return 0;
}
