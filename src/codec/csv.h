/*
 * CSV (RFC 4180, with LF or CRLF): reading record by record, and quoting for writing. Quoted fields
 * may hold commas, quotes ("" for one) and line ends. Needs the whole text in memory.
 */
#ifndef ASSAY_CODEC_CSV_H
#define ASSAY_CODEC_CSV_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct csv {
    struct str rest;
    int64_t line; /* line where the record last read began, from 1 */
    int64_t next_line;
};

/* A byte order mark is passed over. */
void csv_open(struct csv *c, struct str text);
/*
 * Reads the next record into fields (at most max; ERR_LIMIT beyond) and *n; *n == 0 at the end.
 * Empty lines are passed over. Fields borrow from the text, or from the arena when they had quotes
 * in them. ERR_PARSE for an open quote or text behind a closing one: err->offset is the line.
 */
enum status csv_next(struct csv *c, struct arena *arena, struct str *fields, size_t max, size_t *n,
                     struct err *err) MUST_USE;
/* Appends a field, quoted when it must be. A field that a spreadsheet would take for a formula
 * (= + - @ or a tab at its start, not a number) gets an apostrophe in front. */
void csv_write(struct buf *out, struct str field);

#endif
