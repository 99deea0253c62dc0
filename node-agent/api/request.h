// SPDX-License-Identifier: ISC
// One HTTP request, from its first line until its answer was queued; and the
// ways to answer. Every handler ends by calling one reply function.

#ifndef API_REQUEST_H
#define API_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "node-agent/api/api.h"
#include "node-agent/api/conn.h"

struct route;
struct upload;
struct volume_upload;

enum caller_kind { CALLER_NOBODY, CALLER_CUSTOMER, CALLER_OPERATOR };
struct caller {
    enum caller_kind kind;
    key_id_t key;    // the account's; all zero for the operator: messages mean
                     // "anybody's" by it
    key_id_t signer; // the key that signed; all zero on the unix socket
    bool viewer;     // an operator who may only look
};

#define PARAM_MAX         128
#define REPLY_HEADERS_MAX 6
#define ETAG_SIZE         72

struct request {
    struct api *api;
    struct MHD_Connection *mhd;
    struct conn *conn;
    char *target; // as it stands in the request line
    char *path;   // its part before '?', not decoded: no path of ours needs it
    const char *method;
    const struct route *route;
    char subject[72];      // for the audit log, where the path does not say
    char param[PARAM_MAX]; // what {} stands for in the route
    struct caller caller;
    struct buf body;
    struct upload *upload; // instead of body, where the route streams
    bool streams;          // a body is to come that is not collected
    struct volume_upload *volume; // likewise, into a volume

    struct {
        const char *name, *value;
    } header[REPLY_HEADERS_MAX]; // of reply_header
    unsigned nheaders;
    char etag[ETAG_SIZE]; // "": none
    char retry_after[16];
    char accept[160]; // how to sign
    bool watcher;     // came in by the listener for metrics
    bool waits;       // for something to happen: takes its time on purpose
    struct wait_item waiting;
    unsigned status;  // of the answer
    uint64_t read_ns; // when all of it was there, monotonic
    bool begun;       // headers were seen
    bool answered;    // a reply is queued, or was written past libmicrohttpd
    // A refusal found before the body's end waits for it here.
    unsigned refused_status, refused_retry_s;
    char refused_text[512];
};

// ------------------------------------------------------------------- reading

// A header, or an argument of the query (decoded), or NULL.
const char *request_field(const struct request *rq, const char *name);
const char *request_arg(const struct request *rq, const char *name);

// A number, or a flag (absent: 0; "1" or "true"; "0" or "false"), of the
// query. false: it was malformed and the problem is already the reply.
bool request_arg_u64(struct request *rq, const char *name, uint64_t min,
                     uint64_t max, uint64_t *value);
bool request_arg_flag(struct request *rq, const char *name, bool *value);

// The {} of the route as an id or a key. Otherwise 404 is the reply.
bool request_param_id(struct request *rq, sub_id_t *id);
bool request_param_key(struct request *rq, key_id_t *key);

// The header Idempotency-Key (a text of up to 255 visible characters, quoted or
// not) as an id: a hash of it with who asks and for what. *given: there is one.
// false: it was malformed and the problem is already the reply.
bool request_once_id(struct request *rq, uint8_t id[16], bool *given);

// The body as a JSON object; otherwise NULL and 400 is the reply.
json_t *request_json(struct request *rq);

// ------------------------------------------------------------------ replying

// Takes the reference; NULL (no memory) becomes a problem.
void reply_json(struct request *rq, unsigned status, json_t *body);

// application/problem+json with one sentence, written as those of lib/err.h
// are. retry_s: 0, or a Retry-After.
void reply_problem(struct request *rq, unsigned status, unsigned retry_s,
                   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

// 304: the client has what it asked for.
void reply_unchanged(struct request *rq);

// A copy of these bytes.
void reply_bytes(struct request *rq, const char *type, const void *data,
                 size_t len);

// len bytes of a file from offset; takes the descriptor.
void reply_fd(struct request *rq, const char *type, int fd, uint64_t offset,
              uint64_t len);

// An answer that grows: libmicrohttpd calls `next` on this thread until it
// says END_OF_STREAM, then `done` with its argument.
void reply_stream(struct request *rq, const char *type,
                  MHD_ContentReaderCallback next, void *arg,
                  MHD_ContentReaderFreeCallback done);

// A header for the reply that is made next; at most REPLY_HEADERS_MAX. Kept by
// reference until then.
void reply_header(struct request *rq, const char *name, const char *value);

// To be asked before waiting for something to happen. false: there are too
// many who wait, and that is the reply.
bool request_waits(struct request *rq);

// ------------------------------------------------------------- other roles

// Calls the keeper or the ledger. true: the reply has a good status (below
// 400). Otherwise its sentence has become the answer to the request.
bool request_call(struct request *rq, struct mux *m, void *msg,
                  uint64_t timeout_ns, struct mux_reply *reply);

// The same with descriptors, which stay the caller's.
bool request_call_fds(struct request *rq, struct mux *m, void *msg,
                      const int *fds, int nfds, uint64_t timeout_ns,
                      struct mux_reply *reply);

#endif
