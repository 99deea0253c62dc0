// SPDX-License-Identifier: ISC
// Uploads: who may send one, how much, and how slowly.

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/io.h"
#include "node-agent/api/limits.h"
#include "node-agent/api/upload.h"
#include "node-agent/bundle/bundle.h"
#include "tests/unit/api_fake.h"

static struct fake_node node;

// Everything up to the files is enough to refuse who has no account; and
// when it is opened, the same bundle is good.
static void test_account(struct conn *conn)
{
    struct buf b = BUF_INIT(1 << 20);
    struct seckey key;
    struct upload *u;
    struct err e = {0};

    key_make(&key);
    memcpy(node.fake.nobody.b, key.key + 32, 32);
    fake_bundle(&node, &b, "int x;\n", 0, &key);
    u = upload_new(&node.api, conn);
    assert(u && upload_add(u, b.data, b.len - 7, &e) == 404);
    assert(strstr(e.text, "account"));
    upload_free(u);
    memset(&node.fake.nobody, 0, sizeof(node.fake.nobody));
    u = upload_new(&node.api, conn);
    assert(u && upload_add(u, b.data, b.len, &e) == 0);
    assert(spool_bytes(&node.api.spool) == b.len);
    upload_free(u);
    assert(spool_bytes(&node.api.spool) == 0);
    buf_free(&b);
}

static void test_shares(void)
{
    struct spool s = SPOOL_INIT;
    struct spool_item a, b, c, d[4];
    uint8_t ann[32] = {1};
    struct err e;

    // One address, whatever the port, and one IPv6 network.
    spool_enter(&s, &a, "192.0.2.1 port 1");
    spool_enter(&s, &b, "192.0.2.1 port 2");
    assert(spool_take(&s, &a, SPOOL_BYTES_EACH_MAX, &e) == 0);
    assert(spool_take(&s, &b, 1, &e) == 429);
    spool_leave(&s, &a);
    assert(spool_take(&s, &b, 1, &e) == 0);
    spool_leave(&s, &b);
    spool_enter(&s, &a, "2001:db8::1 port 1");
    spool_enter(&s, &b, "2001:db8::ffff:2 port 1");
    spool_enter(&s, &c, "2001:db8:0:1::1 port 1");
    assert(spool_take(&s, &a, SPOOL_BYTES_EACH_MAX, &e) == 0);
    assert(spool_take(&s, &b, 1, &e) == 429);
    assert(spool_take(&s, &c, 1, &e) == 0);
    // One customer from two networks; what came before counts.
    assert(spool_customer(&s, &a, ann, &e) == 0);
    assert(spool_customer(&s, &c, ann, &e) == 429);
    assert(spool_take(&s, &c, 1, &e) == 429);
    spool_leave(&s, &b);
    spool_leave(&s, &c);
    spool_leave(&s, &a);
    assert(spool_bytes(&s) == 0);
    // All together.
    for (int i = 0; i < 4; i++) {
        char peer[32];

        snprintf(peer, sizeof(peer), "192.0.2.%d port 1", i);
        spool_enter(&s, &d[i], peer);
        assert(spool_take(&s, &d[i], SPOOL_BYTES_EACH_MAX, &e) == 0);
    }
    spool_enter(&s, &a, "198.51.100.1 port 1");
    assert(spool_take(&s, &a, 1, &e) == 503);
}

// An upload of n bytes has 10 s and n / 64 KiB seconds.
static void test_pace(struct conn *conn)
{
    struct upload *u;
    uint64_t late_ns;

    conn_phase(conn, CONN_BODY);
    u = upload_new(&node.api, conn);
    assert(u && conn->body_rate == UPLOAD_BYTES_PER_S);
    conn->began_ns -= 60ull * 1000000000;
    conn_received(conn, 10 * UPLOAD_BYTES_PER_S);
    late_ns = conn->began_ns + BODY_PAUSE_NS + 10ull * 1000000000;
    assert(conn->deadline_ns == late_ns);
    assert(conn_reap(late_ns - 1) == 0 && conn_reap(late_ns) == 1);
    upload_free(u);
    // The next body on the connection is its own.
    conn_phase(conn, CONN_BODY);
    assert(conn->body_rate == BODY_BYTES_PER_S);
}

int main(void)
{
    struct conn *conn;
    struct err e;
    int pair[2];

    assert(key_init(&e) == 0);
    fake_node_start(&node);
    assert(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    conn = conn_open(pair[0], false, "192.0.2.9 port 9", 0);
    assert(conn);
    test_account(conn);
    test_shares();
    test_pace(conn);
    conn_close(conn);
    fake_node_stop(&node);
    return 0;
}
