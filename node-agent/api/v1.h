// SPDX-License-Identifier: ISC
// What client and node agree on beside API.md: names in the protocol.

#ifndef API_V1_H
#define API_V1_H

#define HOSTEL_VERSION "0.1"

#define BUNDLE_TYPE  "application/vnd.hostel.bundle"
#define RECEIPT_TYPE "application/x-protobuf"
#define PROBLEM_TYPE "application/problem+json"

// The tag parameter and the label of a request's signature.
#define SIGNATURE_TAG "hostel"

#endif
