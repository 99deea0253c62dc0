// SPDX-License-Identifier: ISC
// Aligned tables; see table.h.

#include "lib/table.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct table {
    size_t columns, rows;
    bool right[TABLE_COLUMNS_MAX];
    int width[TABLE_COLUMNS_MAX];
    char **cell; // rows * columns; the first row is the heading
};

void table_cells(struct table *t, const char *const *cells)
{
    char **bigger;

    bigger = realloc(t->cell, (t->rows + 1) * t->columns * sizeof(char *));
    if (!bigger)
        return;
    t->cell = bigger;
    for (size_t c = 0; c < t->columns; c++) {
        char *copy = strdup(cells[c] ? cells[c] : "");
        int width = 0;

        for (char *p = copy; p && *p; p++) {
            if ((unsigned char)*p < 0x20 || *p == 0x7f)
                *p = '?';
            // A column a character: bytes that continue one add nothing.
            width += ((unsigned char)*p & 0xc0) != 0x80;
        }
        t->cell[t->rows * t->columns + c] = copy;
        if (width > t->width[c])
            t->width[c] = width;
    }
    t->rows++;
}

struct table *table_new(const char *columns)
{
    const char *heading[TABLE_COLUMNS_MAX];
    struct table *t = calloc(1, sizeof(*t));
    char *copy = strdup(columns), *rest = copy, *word;

    if (!t || !copy) {
        free(t);
        free(copy);
        return NULL;
    }
    while ((word = strsep(&rest, ",")) && t->columns < TABLE_COLUMNS_MAX) {
        t->right[t->columns] = *word == '>';
        heading[t->columns++] = *word == '>' ? word + 1 : word;
    }
    table_cells(t, heading);
    free(copy);
    return t;
}

static void cell_print(const struct table *t, const char *text, size_t c,
                       FILE *out)
{
    int pad = t->width[c];

    for (const char *p = text; *p; p++)
        pad -= ((unsigned char)*p & 0xc0) != 0x80;
    if (t->right[c])
        fprintf(out, "%*s%s", pad, "", text);
    else if (c + 1 < t->columns)
        fprintf(out, "%s%*s", text, pad, "");
    else
        fputs(text, out); // no blanks at the end of a line
}

void table_print(const struct table *t, FILE *out)
{
    for (size_t r = 0; r < t->rows; r++) {
        for (size_t c = 0; c < t->columns; c++) {
            const char *text = t->cell[r * t->columns + c];

            if (c)
                fputs("  ", out);
            cell_print(t, text ? text : "", c, out);
        }
        fputc('\n', out);
    }
}

void table_free(struct table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->rows * t->columns; i++)
        free(t->cell[i]);
    free(t->cell);
    free(t);
}
