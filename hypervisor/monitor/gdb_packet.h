// SPDX-License-Identifier: ISC
/*
 * Packets of the gdb remote serial protocol: `$data#checksum`, acknowledged by
 * + or - until both sides agree to do without, and a bare 0x03 that asks for a
 * stop. What comes in is a stranger's; a packet that is too long, or whose
 * checksum is wrong, is refused as the protocol has it.
 */
#ifndef MONITOR_GDB_PACKET_H
#define MONITOR_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GDB_PACKET_MAX 16384u // bytes of data, either way

enum gdb_event {
    GDB_NOTHING,   // more bytes are needed
    GDB_PACKET,    // data[0 .. len), NUL-terminated
    GDB_BAD,       // refuse it
    GDB_INTERRUPT, // 0x03
    GDB_AGAIN      // the peer did not understand our last packet
};

struct gdb_reader {
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPE, GDB_SUM1, GDB_SUM2 } at;
    uint8_t sum;
    int said; // the checksum's first digit, -1: none
    size_t len;
    char data[GDB_PACKET_MAX + 1];
};
enum gdb_event gdb_read(struct gdb_reader *, char byte);

// A packet being written; what does not fit is cut, so callers keep to sizes.
struct gdb_writer {
    size_t len;
    char data[2 * GDB_PACKET_MAX + 64];
};
void gdb_begin(struct gdb_writer *);
void gdb_put(struct gdb_writer *, const char *text);
void gdb_put_hex(struct gdb_writer *, const void *bytes, size_t len);
void gdb_put_binary(struct gdb_writer *, const void *bytes, size_t len);
void gdb_end(struct gdb_writer *);

// Hex digits to bytes: how many bytes, at most max.
size_t gdb_unhex(const char *text, void *to, size_t max);

// A hexadecimal number at *at, which moves behind it. False: there is none.
bool gdb_number(const char **at, uint64_t *value);

#endif
