/*
 * Writing JSON into a buffer: commas and indentation are taken care of, strings are escaped
 * (control characters, quotes, invalid UTF-8 becomes U+FFFD). Errors are sticky in the buffer.
 *
 *     struct jsonw w = jsonw_start(&buf, 2);
 *     jsonw_object(&w); jsonw_key(&w, STR("assay")); jsonw_i64(&w, 1); jsonw_end(&w);
 */
#ifndef ASSAY_CODEC_JSONW_H
#define ASSAY_CODEC_JSONW_H

#include "base/buf.h"

enum { JSONW_DEPTH = 64 };

struct jsonw {
    struct buf *out;
    int indent; /* blanks per level; 0: everything on one line */
    int depth;
    bool comma[JSONW_DEPTH]; /* an element was written at this level */
    bool array[JSONW_DEPTH];
    bool inline_[JSONW_DEPTH]; /* this container stays on one line */
    bool after_key;
};

struct jsonw jsonw_start(struct buf *out, int indent);
void jsonw_object(struct jsonw *w);
void jsonw_array(struct jsonw *w);
/* As the two above, but the container is written on one line. */
void jsonw_object_inline(struct jsonw *w);
void jsonw_array_inline(struct jsonw *w);
void jsonw_end(struct jsonw *w); /* closes the innermost container */
void jsonw_key(struct jsonw *w, struct str key);
void jsonw_str(struct jsonw *w, struct str text);
void jsonw_i64(struct jsonw *w, int64_t value);
void jsonw_bool(struct jsonw *w, bool value);
void jsonw_null(struct jsonw *w);
/* A value that is JSON already (a number as text, a nested document). */
void jsonw_raw(struct jsonw *w, struct str json);

#endif
