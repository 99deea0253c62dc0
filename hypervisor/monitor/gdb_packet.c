// SPDX-License-Identifier: ISC
// Packets of gdb's protocol; see gdb_packet.h.

#include "hypervisor/monitor/gdb_packet.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static enum gdb_event idle(struct gdb_reader *r, char byte)
{
    switch (byte) {
    case '$':
        r->at = GDB_DATA;
        r->len = 0;
        r->sum = 0;
        return GDB_NOTHING;
    case 3:
        return GDB_INTERRUPT;
    case '-':
        return GDB_AGAIN;
    default: // + and noise
        return GDB_NOTHING;
    }
}

static void data_add(struct gdb_reader *r, char byte)
{
    // One that is too long is read to its end and then refused.
    if (r->len <= GDB_PACKET_MAX)
        r->data[r->len++] = byte;
}

enum gdb_event gdb_read(struct gdb_reader *r, char byte)
{
    switch (r->at) {
    case GDB_IDLE:
        return idle(r, byte);
    case GDB_DATA:
        if (byte == '#') {
            r->at = GDB_SUM1;
            return GDB_NOTHING;
        }
        r->sum += (uint8_t)byte;
        if (byte == '}')
            r->at = GDB_ESCAPE;
        else
            data_add(r, byte);
        return GDB_NOTHING;
    case GDB_ESCAPE:
        r->sum += (uint8_t)byte;
        data_add(r, byte ^ 0x20);
        r->at = GDB_DATA;
        return GDB_NOTHING;
    case GDB_SUM1:
        r->said = digit(byte) < 0 ? -1 : digit(byte) << 4;
        r->at = GDB_SUM2;
        return GDB_NOTHING;
    case GDB_SUM2:
        r->at = GDB_IDLE;
        if (r->len > GDB_PACKET_MAX || r->said < 0 || digit(byte) < 0 ||
            (r->said | digit(byte)) != r->sum)
            return GDB_BAD;
        r->data[r->len] = 0;
        return GDB_PACKET;
    }
    return GDB_NOTHING;
}

// ------------------------------------------------------------------ writing

void gdb_begin(struct gdb_writer *w)
{
    w->data[0] = '$';
    w->len = 1;
}

static void put(struct gdb_writer *w, char c)
{
    if (w->len < sizeof(w->data) - 3) // room for the checksum
        w->data[w->len++] = c;
}

void gdb_put(struct gdb_writer *w, const char *text)
{
    while (*text)
        put(w, *text++);
}

void gdb_put_hex(struct gdb_writer *w, const void *bytes, size_t len)
{
    const uint8_t *b = bytes;

    for (size_t i = 0; i < len; i++) {
        put(w, digits[b[i] >> 4]);
        put(w, digits[b[i] & 15]);
    }
}

void gdb_put_binary(struct gdb_writer *w, const void *bytes, size_t len)
{
    const char *b = bytes;

    for (size_t i = 0; i < len; i++) {
        if (memchr("#$}*", b[i], 4)) {
            put(w, '}');
            put(w, b[i] ^ 0x20);
        } else {
            put(w, b[i]);
        }
    }
}

void gdb_end(struct gdb_writer *w)
{
    uint8_t sum = 0;

    for (size_t i = 1; i < w->len; i++)
        sum += (uint8_t)w->data[i];
    w->data[w->len++] = '#';
    w->data[w->len++] = digits[sum >> 4];
    w->data[w->len++] = digits[sum & 15];
}

// ------------------------------------------------------------------ reading

size_t gdb_unhex(const char *text, void *to, size_t max)
{
    uint8_t *out = to;
    size_t n = 0;

    while (n < max && digit(text[0]) >= 0 && digit(text[1]) >= 0) {
        out[n++] = (uint8_t)(digit(text[0]) << 4 | digit(text[1]));
        text += 2;
    }
    return n;
}

bool gdb_number(const char **at, uint64_t *value)
{
    const char *start = *at;

    *value = 0;
    while (digit(**at) >= 0 && *at - start < 16)
        *value = *value << 4 | (uint64_t)digit(*(*at)++);
    return *at != start;
}
