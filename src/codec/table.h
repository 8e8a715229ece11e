/*
 * Small tables that people write by hand, as CSV with a header or as YAML (a list of mappings, read
 * by libcyaml): the same columns, one row at a time. Used for directories and profile maps.
 *
 * Messages name the file, the line, the unknown column and the nearest valid one.
 */
#ifndef ASSAY_CODEC_TABLE_H
#define ASSAY_CODEC_TABLE_H

#include "base/arena.h"
#include "base/err.h"

enum { TABLE_COLUMNS = 16, TABLE_ROWS = 1 << 20 };

struct table_spec {
    const char *const *columns; /* names */
    int columns_n;
    int required; /* the first so many columns must be there and not empty */
};

struct table_row {
    struct str v[TABLE_COLUMNS]; /* "" where the row is silent; lives in the arena */
    int64_t line;                /* 0 when not known (YAML) */
};

/* Reads the whole text into rows (in the arena). CSV when the first line, split at commas, holds
 * the first required column's name; YAML otherwise. */
enum status table_read(struct str text, const char *name, const struct table_spec *spec,
                       struct arena *arena, struct table_row **rows, size_t *rows_n,
                       struct err *err) MUST_USE;

#endif
