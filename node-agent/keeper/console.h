// SPDX-License-Identifier: ISC
// The consoles of submissions.
//
// What a domain says goes to a file that its monitor appends to. Most programs
// say little, and a file for each of millions of them is dear: to make one is
// the most expensive thing that a short submission needs of a file system. So
// when a program that runs once has ended and said little, its words go into
// the journal, in the transaction that notes its end, and its file is used
// again for another. Never one that a reader has been given: what comes next
// may be another customer's.

#ifndef KEEPER_CONSOLE_H
#define KEEPER_CONSOLE_H

#include "node-agent/keeper/keeper.h"

// Longest text that goes into the journal: a row with it fits half a page.
#define CONSOLE_KEPT_MAX 2048

// When it said what is known to the second or so: while it runs, marks (times
// and how much there was then) are noted in a file beside the console, no more
// of them than a quarter of what is said, and one a minute.

// The file for its next domain, to append to; or -errno.
int console_begin(struct keeper *k, struct sub *s, struct err *e);

// It goes on, and by now has said so much as its usage tells.
void console_mark(struct keeper *k, struct sub *s, uint64_t now_real_ns);

// Where in a console that has `len` bytes begins what was said since then; a
// little may be older.
uint64_t console_since(struct keeper *k, const struct sub_info *info,
                       uint64_t since_real_ns, uint64_t len);

// Its domain has ended and nobody writes any more.
void console_over(struct keeper *k, struct sub *s);

// The transaction with the ends is done: their files can be used again.
void console_reuse(struct keeper *k);

// To read from its beginning: a file that grows, or all it will ever say.
// `live` is NULL when the submission is done. -errno: there is none.
int console_open(struct keeper *k, const sub_id_t *id, struct sub *live);

#endif
