/*
 * A growing byte buffer with a ceiling. Appending past the ceiling, or running out of memory, is a
 * sticky error: later appends do nothing and buf_status tells once at the end, so that writers
 * need not check each step.
 *
 *     struct buf b;
 *     buf_init(&b, 1 << 20);
 *     buf_printf(&b, "%d rows", n);
 *     if (buf_status(&b) != OK) ...
 *     buf_fini(&b);
 */
#ifndef ASSAY_BASE_BUF_H
#define ASSAY_BASE_BUF_H

#include "base/err.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n;
    size_t cap;
    size_t max; /* ceiling of n in bytes */
    enum status status;
};

void buf_init(struct buf *b, size_t max);
/* In memory of the caller's, which it never leaves; without buf_fini. */
void buf_on(struct buf *b, char *room, size_t n);
void buf_fini(struct buf *b);
/* Empties b and clears a sticky error; the memory is kept. */
void buf_reset(struct buf *b);
/* Empties b; a sticky error stays, for who writes many texts and looks at the status later. */
void buf_rewind(struct buf *b);
/* Makes room for n more bytes behind b->n; false (and a sticky error) when that cannot be. */
bool buf_reserve(struct buf *b, size_t n);
void buf_append(struct buf *b, const void *bytes, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_char(struct buf *b, char c);
void buf_fill(struct buf *b, char c, size_t n);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
enum status buf_status(const struct buf *b);
static inline struct str buf_view(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

#endif
