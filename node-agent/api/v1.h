// SPDX-License-Identifier: ISC
// What client and node agree on beside openapi.json: names in the protocol.

#ifndef API_V1_H
#define API_V1_H

#include <stdint.h>
#include <string.h>

#include "lib/hex.h"

#define HOSTEL_VERSION "0.1"

#define BUNDLE_TYPE  "application/vnd.hostel.bundle"
#define RECEIPT_TYPE "application/x-protobuf"
#define TAR_TYPE     "application/x-tar"
#define EVENTS_TYPE  "text/event-stream"
#define PROBLEM_TYPE "application/problem+json"

// A request to a function: for more, hand it a URL.
#define FUNCTION_BODY_MAX (1u << 20)

// The label of a request's signature, and its tag parameter: with the first
// 16 digits of the node's id, so that no other node takes it.
#define SIGNATURE_LABEL    "hostel"
#define SIGNATURE_TAG      "hostel-"
#define SIGNATURE_TAG_SIZE 24
static inline char *signature_tag(char out[SIGNATURE_TAG_SIZE],
                                  const uint8_t node_id[32])
{
    memcpy(out, SIGNATURE_TAG, 7);
    hex_encode(out + 7, node_id, 8);
    return out;
}

#endif
