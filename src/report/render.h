/*
 * Printing an answer. All formats say the same: rows, a total, and how far it is to be believed. An
 * answer and options determine the bytes: nothing of the process or of the time of day goes in.
 *
 *     struct report_options o = {.format = REPORT_TABLE, .width = 100, .bars = true};
 *     report_render(answer, &o, &out, &err)
 *
 * Texts of the logs were written by strangers. Table, Markdown and CSV show control characters,
 * direction marks and broken UTF-8 as visible escapes; JSON escapes them its own way.
 */
#ifndef ASSAY_REPORT_RENDER_H
#define ASSAY_REPORT_RENDER_H

#include "base/buf.h"
#include "query/answer.h"
#include "query/savings.h"
#include "query/timeline.h"

/* id, name as typed */
#define REPORT_FORMAT_MAP(X)                                                                       \
    X(REPORT_TABLE, "table")                                                                       \
    X(REPORT_JSON, "json")                                                                         \
    X(REPORT_CSV, "csv")                                                                           \
    X(REPORT_MD, "md")

enum report_format {
#define REPORT_ENUM(id, name) id,
    REPORT_FORMAT_MAP(REPORT_ENUM)
#undef REPORT_ENUM
        REPORT_FORMATS
};

struct report_options {
    enum report_format format;
    bool color; /* ANSI colours; the table only */
    int width;  /* columns of the terminal; 0: as wide as it takes */
    bool bars;  /* a bar per row, where there is room */
    bool ascii; /* neither line drawing nor any other character beyond ASCII */
};

/* False when there is no such format. */
bool report_format_find(struct str name, enum report_format *format);

/* Appends to out. */
enum status report_render(const struct answer *a, const struct report_options *o, struct buf *out,
                          struct err *err) MUST_USE;
/* The same for one session: of its calls those that t->skip and the question's limit leave. */
enum status report_timeline(const struct timeline *t, const struct report_options *o,
                            struct buf *out, struct err *err) MUST_USE;
/* The same for findings. */
enum status report_savings(const struct savings *s, const struct report_options *o, struct buf *out,
                           struct err *err) MUST_USE;

#endif
