// SPDX-License-Identifier: ISC
// gdb's protocol: packets whole and broken, and the registers' table.

#include "hypervisor/monitor/gdb_packet.h"
#include "hypervisor/monitor/gdb_target.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static struct gdb_reader *reader;
static struct gdb_writer *writer;

// The last event that these bytes make.
static enum gdb_event feed(const char *bytes, size_t len)
{
    enum gdb_event event = GDB_NOTHING;

    for (size_t i = 0; i < len; i++)
        event = gdb_read(reader, bytes[i]);
    return event;
}

static enum gdb_event feed_text(const char *text)
{
    return feed(text, strlen(text));
}

static void packets(void)
{
    assert(feed_text("$g#67") == GDB_PACKET && !strcmp(reader->data, "g"));
    assert(feed_text("+++$g#67") == GDB_PACKET);
    assert(feed_text("$#00") == GDB_PACKET && reader->len == 0);
    assert(feed_text("$g#68") == GDB_BAD);
    assert(feed_text("$g#zz") == GDB_BAD);
    assert(feed_text("$g#z7") == GDB_BAD && feed_text("$g#6z") == GDB_BAD);
    assert(feed_text("$G#47") == GDB_PACKET);
    assert(feed_text("\003") == GDB_INTERRUPT);
    assert(feed_text("-") == GDB_AGAIN);
    // 0x03 within a packet is data.
    assert(feed_text("$\003#03") == GDB_PACKET && reader->data[0] == 3);
    // } is followed by a byte with one bit turned over.
    assert(feed_text("$a}\003b#43") == GDB_PACKET && reader->len == 3 &&
           !memcmp(reader->data, "a#b", 3));
}

// One byte too many is refused; the next packet is taken.
static void long_packets(void)
{
    for (size_t len = GDB_PACKET_MAX - 1; len <= GDB_PACKET_MAX + 2; len++) {
        bool fits = len <= GDB_PACKET_MAX;

        gdb_begin(writer);
        for (size_t i = 0; i < len; i++)
            gdb_put(writer, "x");
        gdb_end(writer);
        assert(feed(writer->data, writer->len) ==
               (fits ? GDB_PACKET : GDB_BAD));
        assert(!fits || reader->len == len);
        assert(feed_text("$?#3f") == GDB_PACKET);
    }
}

// What is written is read as it was, all bytes; the longest fits.
static void round_trip(void)
{
    static uint8_t bytes[GDB_PACKET_MAX / 2];
    static uint8_t back[sizeof(bytes)];
    char all[256];

    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    gdb_begin(writer);
    gdb_put_binary(writer, all, sizeof(all));
    gdb_end(writer);
    assert(feed(writer->data, writer->len) == GDB_PACKET);
    assert(reader->len == 256 && !memcmp(reader->data, all, 256));
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 7);
    gdb_begin(writer);
    gdb_put_hex(writer, bytes, sizeof(bytes));
    gdb_end(writer);
    assert(feed(writer->data, writer->len) == GDB_PACKET);
    assert(gdb_unhex(reader->data, back, sizeof(back)) == sizeof(back));
    assert(!memcmp(bytes, back, sizeof(back)));
}

static void numbers(void)
{
    const char *at = "7f,";
    uint64_t n;

    assert(gdb_number(&at, &n) && n == 0x7f && *at == ',');
    assert(!gdb_number(&at, &n));
    at = "ffffffffffffffff0";
    assert(gdb_number(&at, &n) && n == UINT64_MAX && *at == '0');
    assert(gdb_unhex("0", &n, 1) == 0 && gdb_unhex("0g", &n, 1) == 0);
}

// Every register keeps what it is given (selectors are fixed, some of the
// x87's are narrow), and touches no other.
static void registers(uint64_t xcr0)
{
    struct hv_cpu *c = aligned_alloc(64, sizeof(*c));
    static char xml[32768];
    size_t len;
    unsigned count;

    memset(c, 0, sizeof(*c));
    c->xcr0 = xcr0;
    c->xsave_len = 2696 > HV_XSAVE_MAX ? HV_XSAVE_MAX : 2696;
    gdb_plain(c);
    count = gdb_registers(c);
    for (unsigned n = 0; n < count; n++) {
        uint8_t was[GDB_REGISTER_MAX], value[GDB_REGISTER_MAX];

        assert(gdb_register_len(n) <= GDB_REGISTER_MAX);
        gdb_register_get(c, n, was);
        memset(value, 0, sizeof(value));
        value[0] = (uint8_t)(n + 1);
        gdb_register_set(c, n, value);
        if (n < 18) { // rax to eflags
            uint8_t got[GDB_REGISTER_MAX];

            gdb_register_get(c, n, got);
            assert(!memcmp(got, value, gdb_register_len(n)));
        }
        gdb_register_set(c, n, was);
    }
    for (unsigned n = 0; n < 17; n++) {
        uint64_t value;

        gdb_register_get(c, n, &value);
        assert(value == 0);
    }
    len = gdb_description(c, xml, sizeof(xml));
    assert(len == strlen(xml) && len < sizeof(xml) - 1);
    assert(strstr(xml, "</target>") == xml + len - 9);
    free(c);
}

int main(void)
{
    reader = calloc(1, sizeof(*reader));
    writer = calloc(1, sizeof(*writer));
    assert(reader && writer);
    packets();
    long_packets();
    round_trip();
    numbers();
    registers(3);
    registers(7);
    registers(0xe7);
    free(reader);
    free(writer);
    return 0;
}
