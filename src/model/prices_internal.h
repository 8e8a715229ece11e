/* Shared by the prices_*.c files only. */
#ifndef ASSAY_MODEL_PRICES_INTERNAL_H
#define ASSAY_MODEL_PRICES_INTERNAL_H

#include "model/prices.h"

/* All rows with one head. Entries are sorted by head, so the longest head that begins an id, and
 * the others that begin it, are found by one binary search and a walk up the parents. */
struct price_entry {
    struct str head;
    uint32_t first, n; /* in book->order */
    uint32_t parent;   /* the longest other head that begins this one, or ROW_NONE */
};

/* Builds entries and order anew from the rows. */
enum status price_book_index(struct price_book *b, struct err *err) MUST_USE;
/* Reads the rows of a CSV into *rows (malloc, the caller's), texts in the arena. */
enum status price_csv_read(struct arena *arena, struct str csv, const char *name,
                           struct price_row **rows, uint32_t *rows_n, struct err *err) MUST_USE;

/* Same pattern, scope and date: one stands for the other. */
bool price_row_replaces(const struct price_row *a, const struct price_row *b);

enum { PRICE_ROWS_MAX = 10000, PRICE_COLUMNS = 22 };

enum cell_kind { CELL_TEXT, CELL_PATTERN, CELL_SCOPE, CELL_DAY, CELL_RATE, CELL_COUNT, CELL_BASIS };

/* The columns of a price file, from which reading and writing are made. */
struct price_column {
    const char *name;
    enum cell_kind kind;
    size_t offset; /* of the member in struct price_row */
    bool required;
};
extern const struct price_column price_columns[PRICE_COLUMNS];

#endif
