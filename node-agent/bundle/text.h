// SPDX-License-Identifier: ISC
// Strings that strangers wrote: may they be used, and how to show them.

#ifndef BUNDLE_TEXT_H
#define BUNDLE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// Valid UTF-8 without control characters (C0, DEL, C1), except those in
// `allowed`.
bool text_is_plain(const char *text, const char *allowed);

// A letter or _, then letters, digits and _; ends at the 0 byte or at `end`.
bool text_is_identifier(const char *text, const char *end);

// Copies text for a message: bytes outside printable ASCII and backslash as
// \xNN, cut with "..." to fit. Returns out.
#define TEXT_QUOTE_MAX 96
char *text_quote(char out[TEXT_QUOTE_MAX], const char *text);

#endif
