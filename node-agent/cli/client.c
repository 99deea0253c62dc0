// SPDX-License-Identifier: ISC
// Talking to a node; see client.h.

#include "node-agent/cli/client.h"

#include <curl/curl.h>
#include <limits.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/hex.h"
#include "lib/json.h"
#include "node-agent/api/httpsig.h"
#include "node-agent/api/v1.h"
#include "node-agent/bundle/key.h"
#include "node-agent/cli/show.h"
#include "node-agent/cli/trace.h"

#define SOCKET_DEFAULT "/run/hostel/hostel.sock"
#define CONNECT_S      10L
#define PATH_TEXT_MAX  1024
#define LIST_PAGE      1000

struct cli_options cli_options;

struct client {
    CURL *curl;
    struct context context;
    struct place place;
    bool sign, may_sign;
    bool have_key;
    char tag[SIGNATURE_TAG_SIZE]; // of signatures for this node; "": not known
    struct seckey key;
};

void progress(const char *fmt, ...)
{
    va_list args;

    if (!cli_options.verbose && !isatty(STDERR_FILENO))
        return;
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
}

// ------------------------------------------------------------------- opening

// How the context says that its node is to be believed.
static int context_trust(struct client *c, struct err *e)
{
    const struct context *x = &c->context;
    const char *tls = x->tls ? x->tls : x->node_id ? "node" : "web";

    if (c->place.trust == TRUST_PLAIN)
        return 0;
    c->place.ca = x->ca;
    if (!strcmp(tls, "web"))
        return 0;
    if (strcmp(tls, "node"))
        return err_set(e, EINVAL,
                       "the context's tls is \"node\" or \"web\", not \"%s\"",
                       tls);
    c->place.trust = TRUST_NODE;
    if (!x->node_id)
        return err_set(e, EINVAL, "the context has no node_id to trust");
    return pubkey_from_hex(x->node_id, c->place.node_id, e);
}

bool client_named(void)
{
    return !cli_options.socket &&
           (cli_options.host || cli_options.key || cli_options.context);
}

const char *client_socket(void)
{
    const char *path = cli_options.socket;

    if (!path)
        path = getenv("HOSTEL_SOCKET");
    return path && *path ? path : SOCKET_DEFAULT;
}

static int place_set(struct client *c, enum client_who who, struct err *e)
{
    const char *path = cli_options.socket;
    int r;

    // Never this machine's node when another one was named.
    if (who == CLIENT_OPERATOR && !client_named())
        path = client_socket();
    if (path) {
        c->place.socket = strdup(path);
        snprintf(c->place.authority, sizeof(c->place.authority), "node");
        return c->place.socket ? 0 : err_set(e, ENOMEM, "no memory");
    }
    if (cli_options.host)
        return place_parse(&c->place, cli_options.host, e);
    if (c->context.node) {
        r = place_parse(&c->place, c->context.node, e);
        return r < 0 ? r : context_trust(c, e);
    }
    return err_set(e, ENOENT,
                   "which node? `hostel context add NAME ADDRESS` remembers "
                   "one, -H ADDRESS names one");
}

static struct client *client_new(struct err *e)
{
    struct client *c = calloc(1, sizeof(*c));

    if (c)
        c->curl = curl_easy_init();
    if (!c || !c->curl) {
        free(c);
        err_set(e, ENOMEM, "no memory for a connection");
        return NULL;
    }
    return c;
}

struct client *client_open(enum client_who who, struct err *e)
{
    struct client *c = client_new(e);

    if (!c)
        return NULL;
    if (context_load(NULL, &c->context, e) < 0 || place_set(c, who, e) < 0) {
        client_close(c);
        return NULL;
    }
    c->may_sign =
        who == CLIENT_CUSTOMER || (who == CLIENT_OPERATOR && !c->place.socket);
    c->sign = c->may_sign && !c->place.socket;
    return c;
}

struct client *client_open_at(const char *address, enum trust trust,
                              const uint8_t *node_id, const char *ca,
                              struct err *e)
{
    struct client *c = client_new(e);

    if (c && place_parse(&c->place, address, e) < 0) {
        client_close(c);
        return NULL;
    }
    if (c && c->place.trust != TRUST_PLAIN) {
        c->place.trust = trust;
        c->place.ca = ca;
        if (trust == TRUST_NODE)
            memcpy(c->place.node_id, node_id, sizeof(c->place.node_id));
    }
    return c;
}

bool client_secure(const struct client *c)
{
    return c->place.socket || c->place.trust != TRUST_PLAIN;
}

void client_close(struct client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    context_free(&c->context);
    key_forget(&c->key);
    place_free(&c->place);
    free(c);
}

const struct context *client_context(const struct client *c)
{
    return &c->context;
}

// ------------------------------------------------------------------- signing

struct signing {
    struct client *client;
    const char *digest; // NULL: no body
};

static const char *signing_field(void *arg, const char *name)
{
    const struct signing *s = arg;

    return !strcmp(name, "content-digest") ? s->digest : NULL;
}

static int key_load(struct client *c, struct err *e)
{
    char path[PATH_MAX];
    int r;

    if (c->have_key)
        return 0;
    r = context_key_path(&c->context, cli_options.key, path, e);
    if (r == 0)
        r = seckey_read(path, &c->key, e);
    if (r == 0)
        c->have_key = true;
    return r;
}

static int header_add(struct curl_slist **list, const char *name,
                      const char *value, struct err *e)
{
    cleanup_free char *line = NULL;
    struct curl_slist *longer;

    if (asprintf(&line, "%s: %s", name, value) < 0)
        line = NULL;
    longer = line ? curl_slist_append(*list, line) : NULL;
    if (!longer)
        return err_set(e, ENOMEM, "no memory for a request");
    *list = longer;
    return 0;
}

static int signature_add(struct client *c, const struct call *call,
                         const char *target, struct curl_slist **list,
                         struct err *e)
{
    cleanup_buf struct buf input = BUF_INIT(4096), value = BUF_INIT(4096);
    char path[PATH_TEXT_MAX], digest[HTTPSIG_DIGEST_SIZE];
    const char *query = strchr(target, '?');
    struct signing signing = {c, NULL};
    const struct httpsig_request rq = {
        .method = call->method ? call->method : "GET",
        .authority = c->place.authority,
        .scheme = c->place.trust == TRUST_PLAIN ? "http" : "https",
        .path = path,
        .query = query ? query + 1 : NULL,
        .field = signing_field,
        .arg = &signing};
    struct httpsig sig = {.label = SIGNATURE_LABEL,
                          .component = {"@method", "@authority", "@path",
                                        "@query", "content-digest"},
                          .ncomponents = 4,
                          .created = (int64_t)(clock_real_ns() / 1000000000u)};
    uint8_t nonce[16];
    struct pubkey pk;
    int r = key_load(c, e);

    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%.*s", (int)strcspn(target, "?"), target);
    key_public(&c->key, &pk);
    memcpy(sig.tag, c->tag, sizeof(c->tag));
    hex_encode(sig.keyid, pk.key, sizeof(pk.key));
    randombytes_buf(nonce, sizeof(nonce));
    hex_encode(sig.nonce, nonce, sizeof(nonce));
    if (call->body_len) {
        signing.digest = httpsig_digest(digest, call->body, call->body_len);
        sig.ncomponents = 5;
        r = header_add(list, "Content-Digest", digest, e);
    }
    if (r == 0)
        r = httpsig_sign(&sig, &rq, c->key.key, &input, &value, e);
    if (r == 0)
        r = header_add(list, "Signature-Input", buf_str(&input), e);
    if (r == 0)
        r = header_add(list, "Signature", buf_str(&value), e);
    return r;
}

// ------------------------------------------------------------------- calling

struct transfer {
    CURL *curl;
    const struct call *call;
    struct answer *answer;
    struct trace *trace; // or NULL
    bool stopped;        // by the sink
};

static size_t on_data(char *data, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &t->answer->status);
    if (t->call->sink && t->answer->status < 400) {
        t->stopped = t->call->sink(t->call->arg, data, size * n) != 0;
        return t->stopped ? 0 : size * n;
    }
    return buf_add(&t->answer->body, data, size * n) < 0 ? 0 : size * n;
}

// The sentence of a refusal; of another server's, what there is.
static int refusal(const struct client *c, const struct answer *a,
                   struct err *e)
{
    json_t *o = json_parse("the answer", buf_str(&a->body), a->body.len, NULL);
    const char *detail = json_string_value(json_object_get(o, "detail"));

    if (detail)
        err_set(e, EREMOTEIO, "%s", detail);
    else
        err_set(e, EREMOTEIO, "%s answers %ld, and is perhaps not a node",
                c->place.authority, a->status);
    json_decref(o);
    return -EREMOTEIO;
}

static size_t on_header(char *line, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;

    trace_header(t->trace, line, size * n);
    return size * n;
}

static void cursor_take(CURL *curl, struct answer *a)
{
    struct curl_header *h;

    if (curl_easy_header(curl, "Hostel-Cursor", 0, CURLH_HEADER, -1, &h) ==
        CURLHE_OK)
        a->cursor = strtoull(h->value, NULL, 10);
}

static int perform(struct client *c, const struct call *call, struct answer *a,
                   const char *target, struct curl_slist *headers,
                   struct err *e)
{
    struct transfer t = {c->curl, call, a, NULL, false};
    CURLcode code;

    curl_easy_reset(c->curl); // keeps the connection
    if (place_apply(&c->place, c->curl, target, e) < 0)
        return -e->code;
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    // The path is signed as it is written.
    curl_easy_setopt(c->curl, CURLOPT_PATH_AS_IS, 1L);
    // A node is not the web: it is reached directly.
    curl_easy_setopt(c->curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(c->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, &t);
    t.trace = trace_begin(call->method ? call->method : "GET", target);
    if (t.trace) {
        curl_easy_setopt(c->curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(c->curl, CURLOPT_HEADERDATA, &t);
    }
    if (call->body || (call->method && !strcmp(call->method, "POST"))) {
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS,
                         call->body ? call->body : "");
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE,
                         (curl_off_t)call->body_len);
    }
    if (call->method)
        curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, call->method);
    code = curl_easy_perform(c->curl);
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &a->status);
    cursor_take(c->curl, a);
    trace_end(t.trace, a->status,
              call->sink && a->status < 400 ? NULL : buf_str(&a->body),
              a->body.len);
    if (t.stopped)
        return 0;
    // A refusal may come while the body is still being sent.
    if (a->status >= 400)
        return refusal(c, a, e);
    if (code != CURLE_OK)
        return place_fail(&c->place, code, e);
    return 0;
}

void answer_free(struct answer *a)
{
    buf_free(&a->body);
}

// Which node requests are signed for: the one pinned in the context; who was
// named in another way says it itself.
static int tag_load(struct client *c, struct err *e)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {0};
    uint8_t id[KEY_BYTES];
    json_t *o = NULL;
    int r = 0;

    if (*c->tag)
        return 0;
    if (!c->place.socket && !cli_options.host && c->context.node_id) {
        r = pubkey_from_hex(c->context.node_id, id, e);
    } else {
        r = perform(c, &call, &a, "/v1/node", NULL, e);
        if (r == 0)
            o = json_parse("the node's answer", buf_str(&a.body), a.body.len,
                           e);
        if (r == 0 && !o)
            return -e->code;
        if (r == 0)
            r = pubkey_from_hex(get_text(o, "id"), id, e);
        json_decref(o);
    }
    if (r < 0)
        return err_prefix(e, "the node's id");
    signature_tag(c->tag, id);
    return 0;
}

static int target_call_once(struct client *c, const struct call *call,
                            struct answer *a, struct err *e, const char *target)
{
    struct curl_slist *headers = NULL;
    int r;

    a->status = 0;
    a->body.len = 0;
    r = header_add(&headers, "Host", c->place.authority, e);
    if (r == 0)
        r = header_add(&headers, "Content-Type", call->type ? call->type : "",
                       e);
    if (r == 0 && call->value)
        r = header_add(&headers, call->header, call->value, e);
    if (r == 0 && c->sign)
        r = tag_load(c, e);
    if (r == 0 && c->sign)
        r = signature_add(c, call, target, &headers, e);
    if (r == 0)
        r = perform(c, call, a, target, headers, e);
    curl_slist_free_all(headers);
    return r;
}

// On the unix socket the operator needs no signature, and other users do: who
// is who only the node knows.
static int target_call(struct client *c, const struct call *call,
                       struct answer *a, struct err *e, const char *target)
{
    int r = target_call_once(c, call, a, e, target);

    if (r < 0 && a->status == 401 && c->may_sign && !c->sign) {
        c->sign = true;
        r = target_call_once(c, call, a, e, target);
    }
    // The node has started since this was signed.
    if (r < 0 && a->status == 425 && c->sign)
        r = target_call_once(c, call, a, e, target);
    return r;
}

static int client_vcall(struct client *c, const struct call *call,
                        struct answer *a, struct err *e, const char *path,
                        va_list args)
{
    char target[PATH_TEXT_MAX];
    int n = vsnprintf(target, sizeof(target), path, args);

    if (n < 0 || n >= (int)sizeof(target))
        return err_set(e, EINVAL, "an argument is too long");
    return target_call(c, call, a, e, target);
}

int client_call(struct client *c, const struct call *call, struct answer *a,
                struct err *e, const char *path, ...)
{
    va_list args;
    int r;

    va_start(args, path);
    r = client_vcall(c, call, a, e, path, args);
    va_end(args);
    return r;
}

bool client_passing(const struct err *e, long status)
{
    return e->code == ECONNREFUSED || e->code == ECONNRESET || status == 503 ||
           status == 429 || status == 425;
}

json_t *client_get_json(struct client *c, struct err *e, const char *path, ...)
{
    cleanup_answer struct answer a = ANSWER_INIT;
    const struct call call = {0};
    va_list args;
    int r;

    va_start(args, path);
    r = client_vcall(c, &call, &a, e, path, args);
    va_end(args);
    if (r < 0)
        return NULL;
    return json_parse("the node's answer", buf_str(&a.body), a.body.len, e);
}

// --------------------------------------------------------------- abbreviations

// Counts the page's submissions whose number begins so; keeps the last one.
static int page_match(const json_t *page, const char *prefix,
                      char id[SUB_ID_TEXT])
{
    const json_t *item;
    size_t i;
    int n = 0;

    json_array_foreach(json_object_get(page, "submissions"), i, item)
    {
        const char *text = json_string_value(json_object_get(item, "id"));

        if (text && !strncmp(text, prefix, strlen(prefix))) {
            snprintf(id, SUB_ID_TEXT, "%s", text);
            n++;
        }
    }
    return n;
}

int client_find_submission(struct client *c, const char *text,
                           char id[SUB_ID_TEXT], struct err *e)
{
    char after[SUB_ID_TEXT + 8] = "";
    size_t len = strlen(text);
    int n = 0;
    bool more;

    if (len < 1 || len >= SUB_ID_TEXT || text[strspn(text, "0123456789abcdef")])
        return err_set(e, EINVAL,
                       "\"%.64s\" is not a submission's number, nor the "
                       "beginning of one",
                       text);
    snprintf(id, SUB_ID_TEXT, "%s", text);
    if (len == SUB_ID_TEXT - 1)
        return 0;
    do {
        json_t *page = client_get_json(c, e, "/v1/submissions?limit=%d%s",
                                       LIST_PAGE, after);
        const char *next = json_string_value(json_object_get(page, "next"));

        if (!page)
            return -e->code;
        n += page_match(page, text, id);
        more = next && strlen(next) < SUB_ID_TEXT;
        if (more)
            snprintf(after, sizeof(after), "&after=%s", next);
        json_decref(page);
    } while (more && n < 2);
    if (n == 0)
        return err_set(e, ENOENT, "no submission begins with %s", text);
    if (n > 1)
        return err_set(e, EINVAL, "more than one submission begins with %s",
                       text);
    return 0;
}
