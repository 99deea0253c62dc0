// SPDX-License-Identifier: ISC
// Selective acknowledgements that come in.
#ifndef RT_NET_SACK_H
#define RT_NET_SACK_H

#include <stddef.h>
#include <stdint.h>

struct tcp_pcb;
struct tcp_hdr;

// Before lwIP looks at a packet of a connection: `len` bytes of options, of
// which the first follow the header and those after `first_len` are at `rest`.
void sack_packet(struct tcp_pcb *pcb, const struct tcp_hdr *header, size_t len,
                 size_t first_len, const uint8_t *rest);

#endif
