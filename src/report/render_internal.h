/* What the formats share; included nowhere else. */
#ifndef ASSAY_REPORT_RENDER_INTERNAL_H
#define ASSAY_REPORT_RENDER_INTERNAL_H

#include "base/arena.h"
#include "codec/jsonw.h"
#include "query/metric.h"
#include "report/render.h"

/* ---- The flat form: one field per key of a JSON row and per column of a CSV file (fields.c). */

enum field_kind {
    FIELD_DIM,
    FIELD_NUMBER,   /* counts, ratios, milliseconds */
    FIELD_NANO,     /* money as integer nano-USD */
    FIELD_USD,      /* money as decimal text */
    FIELD_AT_LEAST, /* whether prompts are a lower limit */
    FIELD_UNPRICED, /* how many invocations have no amount */
    FIELD_REASON,   /* why an amount is missing */
};

struct field {
    enum field_kind kind;
    int index; /* position in dims[] or in values[] */
    enum metric_kind unit;
    char name[DIMENSION_NAME]; /* zero-terminated */
};

enum { FIELDS = QUESTION_DIMS + 2 * QUESTION_METRICS + 3, FIGURE_TEXT = 80 };

/* Returns the number of fields. */
int fields_of(const struct question *q, struct field out[FIELDS]);
/* The value: text of figures is written into `room`. p == NULL where there is no value. */
struct str field_value(const struct field *f, const struct answer_row *row, char room[FIGURE_TEXT]);

/* ---- Figures as text (figure.c). All return the length and terminate with zero. */

size_t figure_count(char out[FIGURE_TEXT], int64_t n);                        /* 1,234,567 */
size_t figure_count_short(char out[FIGURE_TEXT], int64_t n);                  /* 1.23M */
size_t figure_plain(char out[FIGURE_TEXT], enum metric_kind kind, int64_t n); /* 0.8731 */
size_t figure_percent(char out[FIGURE_TEXT], int64_t ten_thousandths);        /* 87.3% */
/* 45s, 3m 20s, 1h 05m, 2d 04h; rounded down. */
size_t figure_time(char out[FIGURE_TEXT], int64_t ms);
size_t figure_nano(char out[FIGURE_TEXT], money_sum pico);
/* Exact: at least two decimals, no zeros behind. */
size_t figure_usd(char out[FIGURE_TEXT], money_sum pico);
/* $1,234.50; an amount that would round to nothing is "<$0.01". */
size_t figure_dollars(char out[FIGURE_TEXT], money_sum pico, int decimals);

/* ---- Text of strangers (text.c). */

/* Appends text with everything that a terminal would not simply show as escapes. */
void text_clean(struct buf *out, struct str text, bool ascii);
/* Columns that cleaned text takes. */
int text_width(struct str text);
/* The first part of cleaned text that takes at most `columns`; the last, likewise. */
struct str text_head(struct str text, int columns);
struct str text_tail(struct str text, int columns);

/* ---- The form for people: a grid of cells, already text (grid.c). */

struct column {
    struct str above;   /* first line of a heading of two, or "" */
    struct str heading; /* its last line */
    bool figures;       /* aligned to the right */
    bool lead;          /* of the metric that the bars show */
    bool cost;          /* the amount, which is rather kept than others */
    int width;          /* of the widest cell, the heading and the total */
};

struct grid {
    int columns_n;
    int dims_n; /* the first columns; at least one, for the word "total" */
    struct column columns[QUESTION_DIMS + QUESTION_METRICS + 1];
    size_t rows_n;
    struct str *cells; /* rows_n x columns_n */
    struct str total[QUESTION_DIMS + QUESTION_METRICS + 1];
    bool marked; /* some amount bears the mark for "more, but unknown" */
};

struct grid_style {
    bool ascii;
    bool narrow;      /* counts as 12.3M, headings on two lines */
    bool align_marks; /* blanks where other cells have a mark */
};

enum status grid_new(const struct answer *a, const struct grid_style *style, struct arena *arena,
                     struct grid *out) MUST_USE;
static inline struct str *grid_row(const struct grid *g, size_t row)
{
    return g->cells + row * (size_t)g->columns_n;
}

/* ---- What has to be said below (notes.c). */

struct note {
    struct str text;
    bool warning;
    bool starts_line;
};

enum { NOTES = 28 };

struct notes {
    struct arena *arena;
    int n;
    struct note v[NOTES];
    int width; /* of a line; 0: any */
    bool ascii;
    bool failed; /* memory was short */
};

/* Without a grid nothing is said of the marks of amounts. */
void notes_of(const struct answer *a, const struct grid *g, struct notes *out);
/* "Spend by person", cleaned; "2026-04-01 – 2026-04-30, UTC". */
struct str notes_title(const struct answer *a, struct notes *n);
struct str notes_period(const struct answer *a, struct notes *n);
/* "where team=search* and …"; "" without filters that the reader has to be told of. */
struct str notes_filters(const struct answer *a, struct notes *n);
/* A sentence for an answer without rows. */
struct str notes_empty(const struct answer *a, struct notes *n);

/* ---- Markdown (md.c). */

void md_text(struct buf *out, struct str text);
/* Text of strangers. */
void md_name(struct buf *out, struct str text);
void md_head(struct buf *out, const struct answer *a, struct notes *n);
/* A grid without a total has none. */
void md_table(struct buf *out, const struct grid *g);
void md_notes(struct buf *out, const struct notes *n);

/* ---- JSON (json.c). */

void write_question(struct jsonw *w, const struct question *q);
void write_time(struct jsonw *w, const char *key, int64_t time_us);
void write_i64(struct jsonw *w, const char *key, int64_t value);
void write_str(struct jsonw *w, const char *key, struct str value);
/* KEY_nusd and KEY_usd. */
void write_money(struct jsonw *w, const char *key, money_sum pico);
void write_read(struct jsonw *w, const struct about *about);
void write_kept(struct jsonw *w, const struct about *about);
void write_sessions(struct jsonw *w, const struct answer_sessions *s);

/* The page of a daemon (standing_json.c). */
struct standing;
void standing_json(const struct standing *s, struct buf *out);

/* ---- Grids made by hand. */

/* Widths of columns, when all cells are there. */
void grid_measure(struct grid *g);

/* ---- The formats. */

enum status render_table(const struct answer *a, const struct report_options *o, struct buf *out,
                         struct err *err) MUST_USE;
enum status render_json(const struct answer *a, struct buf *out) MUST_USE;
enum status render_csv(const struct answer *a, struct buf *out) MUST_USE;
enum status render_md(const struct answer *a, struct buf *out, struct err *err) MUST_USE;

#endif
