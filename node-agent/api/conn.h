// SPDX-License-Identifier: ISC
// Connections and their deadlines.
//
// libmicrohttpd only notices silence; a client that sends a byte now and then
// would keep a thread for ever. So every connection is in one list with the
// time by which it must have got further, and conn_reap, called about once a
// second, tells those who are late so (408) and closes them.
//
//     idle --first byte of a target--> head --headers--> body --end--> answer
//       ^------------------------------------------------------------------'

#ifndef API_CONN_H
#define API_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum conn_phase { CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_ANSWER };

struct conn {
    struct conn *next, **prev;
    int fd;
    bool local;         // came over the unix socket
    void *tls;          // gnutls_session_t of HTTPS, else NULL
    uint8_t address[9]; // of a TCP peer, as far as it counts: see server.c
    uid_t uid;          // of a local peer
    char peer[64];      // for logs
    enum conn_phase phase;
    bool fresh;           // no request yet
    bool cut;             // told to go away
    uint64_t began_ns;    // of the body
    uint64_t body_bytes;  // so far
    uint64_t cut_bytes;   // that came after it was cut
    uint64_t body_rate;   // bytes a second that it must reach
    uint64_t deadline_ns; // 0: none
};

// NULL: no memory.
struct conn *conn_open(int fd, bool local, const char *peer, uid_t uid);
void conn_close(struct conn *c);

void conn_phase(struct conn *c, enum conn_phase phase);
void conn_rate(struct conn *c, uint64_t bytes_per_s); // of this body
void conn_received(struct conn *c, size_t len);       // more of the body

// Writes a whole problem+json answer past libmicrohttpd, which cannot answer
// before a body has come to its end, and gives the client a moment to read
// it. What still arrives is to be dropped. On the connection's own thread.
void conn_cut(struct conn *c, unsigned status, const char *detail);

// How many there are.
void conn_count(unsigned *tcp, unsigned *local);

// Closes connections that are late. Returns how many.
int conn_reap(uint64_t now_ns);

#endif
