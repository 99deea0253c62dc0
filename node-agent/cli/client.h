// SPDX-License-Identifier: ISC
// Talking to a node: HTTP or HTTPS over TCP, each request signed with the
// customer's key, or over the node's unix socket as its operator.
// api/openapi.json has the resources.
//
//     struct client *c = client_open(CLIENT_CUSTOMER, &e);
//     json_t *o = client_get_json(c, &e, "/v1/submissions/%s", id);
//     ...
//     client_close(c);
//
// Which node is said by the options before the verb (cli_options), else by
// the context.

#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "node-agent/cli/context.h"
#include "node-agent/cli/place.h"

// What stands before the verb.
struct cli_options {
    const char *host;   // -H, or NULL
    const char *socket; // -S, or NULL
    const char *key;    // -k, or NULL for the context's
    bool context;       // -C: it is in $HOSTEL_CONTEXT
    bool verbose;       // -v
};
extern struct cli_options cli_options;

// Progress is for people: with -v, or when standard error is a terminal.
void progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

struct client;

enum client_who {
    CLIENT_CUSTOMER, // signs, unless -S makes it the operator
    CLIENT_OPERATOR, // the unix socket (-S, $HOSTEL_SOCKET or the usual place),
                     // or with -H, -C or -k a signature, as for a customer
    CLIENT_ANYBODY,  // what needs no signature
};

// Has the command line named a node that is not (only) this machine's socket?
bool client_named(void);

// The socket of this machine's node: -S, $HOSTEL_SOCKET or the usual place.
const char *client_socket(void);

struct client *client_open(enum client_who who, struct err *e);
void client_close(struct client *c);

// The same with another address than the context's; for making contexts. trust
// narrows what the address says when that is HTTPS; node_id is for TRUST_NODE,
// ca for TRUST_WEB (or NULL).
struct client *client_open_at(const char *address, enum trust trust,
                              const uint8_t *node_id, const char *ca,
                              struct err *e);

// Whether what is said cannot be read on the way: HTTPS, or a unix socket.
bool client_secure(const struct client *c);

// The context it was opened with; never NULL.
const struct context *client_context(const struct client *c);

struct call {
    const char *method; // "GET" when NULL
    const char *type;   // of the body
    const void *body;
    size_t body_len;
    // Where a good answer's body goes as it comes; NULL: into the answer.
    // Returns 0, or another number to stop.
    int (*sink)(void *arg, const void *data, size_t len);
    void *arg;
    const char *header, *value; // one more; value NULL: none
};

struct answer {
    long status;
    struct buf body;
    uint64_t cursor; // of an export: where the next one goes on
};
#define ANSWER_MAX (256u << 20)
#define ANSWER_INIT                                                            \
    {                                                                          \
        .body = BUF_INIT(ANSWER_MAX)                                           \
    }
#define cleanup_answer __attribute__((cleanup(answer_free)))
void answer_free(struct answer *a);

// The path (and query) is a format. 0: a status below 400. -EREMOTEIO: the
// node refused, its sentence is in e and its status in the answer; others:
// there was no answer.
int client_call(struct client *c, const struct call *call, struct answer *a,
                struct err *e, const char *path, ...)
    __attribute__((format(printf, 5, 6)));

// Is it worth asking again after such a failure? When the node is away for a
// moment, or says so.
bool client_passing(const struct err *e, long status);

// The answer to a GET as JSON; NULL: failed.
json_t *client_get_json(struct client *c, struct err *e, const char *path, ...)
    __attribute__((format(printf, 3, 4)));

// A submission's number, given whole or as the beginning of only one of the
// customer's.
#define SUB_ID_TEXT 33
int client_find_submission(struct client *c, const char *text,
                           char id[SUB_ID_TEXT], struct err *e);

#endif
