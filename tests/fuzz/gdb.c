// SPDX-License-Identifier: ISC
// What a debugger sends: any bytes, as packets. A packet that comes out is at
// most as long as it may be and ends; its numbers and bytes can be read.

#include "hypervisor/monitor/gdb_packet.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct gdb_reader r;
    static uint8_t bytes[GDB_PACKET_MAX / 2];

    memset(&r, 0, sizeof(r));
    for (size_t i = 0; i < len; i++) {
        const char *at = r.data;
        uint64_t n;

        if (gdb_read(&r, (char)data[i]) != GDB_PACKET)
            continue;
        if (r.len > GDB_PACKET_MAX || r.data[r.len])
            abort();
        if (gdb_number(&at, &n) && at > r.data + r.len)
            abort();
        if (gdb_unhex(r.data, bytes, sizeof(bytes)) > r.len / 2)
            abort();
    }
    return 0;
}
