// SPDX-License-Identifier: ISC
// Aligned tables for people.
//
//     struct table *t = table_new("NAME,STATE,>CPU");   // '>': right-aligned
//     table_row(t, "primes", "running", "1.2 s");
//     table_print(t, stdout);
//     table_free(t);

#ifndef LIB_TABLE_H
#define LIB_TABLE_H

#include <stdio.h>

#define TABLE_COLUMNS_MAX 24

struct table;

// NULL: no memory. No memory later loses the row, never the program.
struct table *table_new(const char *columns);

// As many strings as there are columns; copied. Control characters in a
// cell print as '?'.
void table_cells(struct table *t, const char *const *cells);
#define table_row(t, ...) table_cells(t, (const char *const[]){__VA_ARGS__})

void table_print(const struct table *t, FILE *out);
void table_free(struct table *t);

#endif
