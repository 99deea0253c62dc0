// SPDX-License-Identifier: ISC
// Where a node is; see place.h.

#include "node-agent/cli/place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/sock.h"
#include "node-agent/agent/cert.h"

// The host of "host:port" or "[v6]:port" is this machine, whatever its network.
static bool host_is_here(const char *authority)
{
    char host[256];
    size_t len;

    if (authority[0] == '[')
        snprintf(host, sizeof(host), "%.*s", (int)strcspn(authority + 1, "]"),
                 authority + 1);
    else
        snprintf(host, sizeof(host), "%.*s", (int)strcspn(authority, ":"),
                 authority);
    len = strlen(host);
    return sock_loopback(host) || !strcasecmp(host, "localhost") ||
           (len > 10 && !strcasecmp(host + len - 10, ".localhost"));
}

int place_parse(struct place *p, const char *address, struct err *e)
{
    const char *rest = address, *end, *port;
    bool secure = false, plain = false;

    if (!strncmp(address, "https://", 8)) {
        secure = true;
        rest += 8;
    } else if (!strncmp(address, "http://", 7)) {
        plain = true;
        rest += 7;
    }
    if (!*rest || strlen(rest) > 255 || rest[strcspn(rest, "/?#@ \"\\")])
        return err_set(e, EINVAL,
                       "a node's address is HOST, HOST:PORT or "
                       "https://HOST:PORT, not \"%.100s\"",
                       address);
    end = strrchr(rest, ']');
    port = strchr(end ? end : rest, ':');
    if (port)
        snprintf(p->authority, sizeof(p->authority), "%s", rest);
    else
        snprintf(p->authority, sizeof(p->authority), "%s:%d", rest,
                 NODE_PORT_DEFAULT);
    p->trust = plain || (!secure && host_is_here(p->authority)) ? TRUST_PLAIN
                                                                : TRUST_WEB;
    return 0;
}

void place_free(struct place *p)
{
    free(p->socket);
    p->socket = NULL;
}

// Only the pinned node's authority: none of the machine's may stand beside it,
// since the host's name is not looked at.
static int trust_node(const struct place *p, CURL *curl, struct err *e)
{
    cleanup_buf struct buf der = BUF_INIT(CERT_MAX);
    cleanup_buf struct buf pem = BUF_INIT(CERT_MAX);
    struct curl_blob blob = {.flags = CURL_BLOB_COPY};

    if (cert_authority(&der, p->node_id, NULL) < 0 ||
        cert_pem(&pem, "CERTIFICATE", &der) < 0)
        return err_set(e, ENOMEM, "no memory for a certificate");
    blob.data = pem.data;
    blob.len = pem.len;
    if (curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &blob) ||
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL) ||
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L))
        return err_set(e, ENOTSUP,
                       "this machine's libcurl cannot check a node's own "
                       "certificate");
    return 0;
}

int place_apply(const struct place *p, CURL *curl, const char *target,
                struct err *e)
{
    cleanup_free char *url = NULL;

    if (asprintf(&url, "%s://%s%s", p->trust == TRUST_PLAIN ? "http" : "https",
                 p->authority, target) < 0)
        url = NULL;
    if (!url || curl_easy_setopt(curl, CURLOPT_URL, url))
        return err_set(e, ENOMEM, "no memory for a request");
    if (p->socket)
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, p->socket);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    switch (p->trust) {
    case TRUST_PLAIN:
        break;
    case TRUST_NODE:
        return trust_node(p, curl, e);
    case TRUST_WEB:
        if (p->ca && (curl_easy_setopt(curl, CURLOPT_CAINFO, p->ca) ||
                      curl_easy_setopt(curl, CURLOPT_CAPATH, NULL)))
            return err_set(e, ENOMEM, "no memory for a request");
        break;
    case TRUST_ANY:
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
        break;
    }
    return 0;
}

int place_fail(const struct place *p, CURLcode code, struct err *e)
{
    const char *where = p->socket ? p->socket : p->authority;

    switch (code) {
    case CURLE_COULDNT_CONNECT:
        if (p->socket && access(where, W_OK) < 0 && errno == EACCES)
            return err_set(e, EACCES, "%s is for root and the node's operators",
                           where);
        if (p->socket)
            return err_set(e, ECONNREFUSED,
                           "no node serves at %s: is hosteld running? -S "
                           "SOCKET names another, -H ADDRESS one elsewhere",
                           where);
        return err_set(e, ECONNREFUSED, "no node answers at %s", where);
    case CURLE_GOT_NOTHING:
        if (p->socket)
            return err_set(e, EACCES,
                           "the node hangs up: %s is for root, its operator, "
                           "and who is named in admins or viewers",
                           where);
        return err_set(e, ECONNRESET,
                       "what answers at %s hung up without a word%s", where,
                       p->trust == TRUST_PLAIN
                           ? "; if that node speaks HTTPS, write https://"
                           : "");
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(e, EHOSTUNREACH, "there is no host %s", where);
    case CURLE_PEER_FAILED_VERIFICATION:
        if (p->trust == TRUST_NODE)
            return err_set(e, EBADMSG,
                           "what answers at %s is not the node whose key the "
                           "context has pinned: its certificate is not signed "
                           "by that key",
                           where);
        return err_set(e, EBADMSG,
                       "the certificate shown at %s is not from an authority "
                       "that this machine trusts, or is for another host; "
                       "`hostel context add` pins a node's own",
                       where);
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(e, EPROTO,
                       "no HTTPS is spoken at %s; if that node speaks plain "
                       "HTTP, say http://%s",
                       where, where);
    case CURLE_SSL_CACERT_BADFILE:
        return err_set(e, ENOENT, "the authorities in %s cannot be read",
                       p->ca ? p->ca : "this machine's store");
    default:
        return err_set(e, ECONNRESET, "talking to %s: %s", where,
                       curl_easy_strerror(code));
    }
}
