/*
 * A page for a terminal: head, lines of cells below headings, notes. What stands between is of
 * table.c, savings.c and timeline.c. No line is wider than the terminal.
 */
#ifndef ASSAY_REPORT_SHEET_H
#define ASSAY_REPORT_SHEET_H

#include "report/layout.h"

struct sheet {
    const struct answer *answer;
    const struct report_options *o;
    struct grid grid;
    struct layout layout;
    struct notes notes;
    struct buf *out;
    bool chosen; /* columns can be chosen with --metrics */
};

/* SGR sequences; the empty string without colours. */
#define BOLD "\x1b[1m"
#define DIM "\x1b[2m"
#define CYAN "\x1b[36m"
#define YELLOW "\x1b[33m"
#define PLAIN "\x1b[0m"

void sheet_ink(const struct sheet *s, const char *code);
void sheet_inked(const struct sheet *s, const char *code, struct str text);
/* The cells of a line, by the layout. */
void sheet_cells(const struct sheet *s, const struct str *cells);
/* No blanks at the end of a line: they stand there for a mark that other rows have. */
void sheet_trim(const struct sheet *s);
void sheet_rule(const struct sheet *s);
void sheet_headings(const struct sheet *s);
/* Text that goes on below, between words, where it is longer than the line. */
void sheet_wrapped(const struct sheet *s, const char *code, struct str text);
/* Title, period and filters of the answer, and an empty line. */
void sheet_head(struct sheet *s);
void sheet_notes(const struct sheet *s);

#endif
