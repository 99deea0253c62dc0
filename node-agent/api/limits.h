// SPDX-License-Identifier: ISC
// Limits of the API, each with its reason.

#ifndef API_LIMITS_H
#define API_LIMITS_H

#include <stdint.h>

// A thread and 100 KiB each: 60 MiB when somebody takes them all.
#define TCP_CONNECTIONS_MAX 512u
// One customer's machine runs many commands at once; one alone must not take
// every connection.
#define TCP_CONNECTIONS_PER_ADDRESS_MAX 192u
// The operator's way in stays free whatever the internet does.
#define UNIX_CONNECTIONS_MAX 64u

// Of the customers' connections, those on which something is waited for, and
// one customer's of these: the others are for who just asks.
#define WAITS_MAX      (TCP_CONNECTIONS_MAX / 4 * 3)
#define WAITS_EACH_MAX (TCP_CONNECTIONS_MAX / 4)

// Request line and headers; ours are 1 KiB.
#define HEADERS_MAX 32768u
// Handlers keep two messages (20 KiB) and small tables on the stack.
#define THREAD_STACK_BYTES (256u << 10)

// The whole head must have come after this long,
#define HEAD_NS (10ull * 1000000000)
// a body must never pause longer,
#define BODY_PAUSE_NS (10ull * 1000000000)
// and must come at this rate on the whole: a modem's.
#define BODY_BYTES_PER_S 4096u
// A connection without a request, or a reply that nobody reads.
#define IDLE_S 30u

// JSON and console input. Bundles have their own limit.
#define BODY_MAX 65536u
// A refused body that is at most this long is read to its end, so that the
// connection can go on; a longer one ends it.
#define DRAIN_MAX 262144u
#define DRAIN_NS  (2ull * 1000000000)
// One whose connection was told to end may still send so much of it, so that it
// comes to read why.
#define DRAIN_CUT_MAX (16u << 20)

// Bundles being uploaded, all together: memory that is not yet anybody's.
#define SPOOL_BYTES_MAX (512ull << 20)
// Of these, one customer's and one address's.
#define SPOOL_BYTES_EACH_MAX (SPOOL_BYTES_MAX / 4)
// They must come at this rate on the whole, from BODY_PAUSE_NS on: a bundle of
// 64 MiB has 17 minutes.
#define UPLOAD_BYTES_PER_S 65536u

// An archive for a volume goes through and is not kept: its quota is what
// bounds it. Moving files into place, at its end, may take the disk a while.
#define VOLUME_BODY_MAX (1ull << 40)
#define UPLOAD_END_NS   (300ull * 1000000000)

// How long a key that has an account is let in without asking the ledger.
#define KNOWN_NS (30ull * 1000000000)

// A request's signature is good for this long; clocks differ.
#define SIGNATURE_AGE_S 300
// Nonces remembered: 16 MiB, more than all signatures that two cores can
// check in twice that time.
#define NONCES_MAX (1u << 20)

// What another role may take to answer. The ledger's disk may be slow; what
// waits for something to happen says how long.
#define CALL_NS     (20ull * 1000000000)
#define WAIT_MAX_NS (60ull * 1000000000)

// How long one request's input waits for a program that reads slowly, before
// the client is told how much of it arrived.
#define INPUT_PATIENCE_NS (15ull * 1000000000)

// Debuggers at once, of everybody: each holds a connection besides.
#define DEBUG_SESSIONS_MAX 32

// How often a followed console is looked at: at once while it flows, then
// less often, so that a thousand silent ones cost nothing.
#define FOLLOW_MIN_NS 2000000ull
#define FOLLOW_MAX_NS 100000000ull

// A silent stream of events says that it lives: proxies cut off silent ones.
#define EVENTS_BEAT_NS (15ull * 1000000000)

// Who asks whether the node is ready wants to hear soon that it is not.
#define PROBE_NS (5ull * 1000000000)

// New TLS connections of one address, a second: a handshake costs a
// millisecond of CPU.
#define HANDSHAKES_PER_S 100u
// Addresses and customers that are told apart by rate.h: 1 MiB.
#define RATE_PLACES (1u << 16)
// What a signature that does not pass counts for, in requests.
#define BAD_SIGNATURE_COST 10u

// Those who collect metrics.
#define METRICS_CONNECTIONS_MAX 16u

#define LIST_LIMIT_DEFAULT 50
#define LIST_LIMIT_MAX     1000
// Pages of the keeper's that one request with a filter looks through, 2.6 MiB
// each; then it answers with what it found and where to go on.
#define LIST_PAGES_MAX 8

#endif
