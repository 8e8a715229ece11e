/* A growing byte buffer with a ceiling: see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_on(struct buf *b, char *room, size_t n)
{
    *b = (struct buf){.p = room, .cap = n, .max = n};
}

void buf_fini(struct buf *b)
{
    free(b->p);
    *b = (struct buf){0};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->status = OK;
}

void buf_rewind(struct buf *b)
{
    b->n = 0;
}

bool buf_reserve(struct buf *b, size_t n)
{
    if (b->status != OK)
        return false;
    if (n > b->max || b->n > b->max - n) {
        b->status = ERR_LIMIT;
        return false;
    }
    size_t want = b->n + n;
    if (want <= b->cap)
        return true;
    size_t cap = b->cap ? b->cap : 256;
    while (cap < want)
        cap = cap > SIZE_MAX / 2 ? want : cap * 2;
    char *p = realloc(b->p, cap);
    if (!p) {
        b->status = ERR_NOMEM;
        return false;
    }
    b->p = p;
    b->cap = cap;
    return true;
}

void buf_append(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0 || !buf_reserve(b, n))
        return;
    memcpy(b->p + b->n, bytes, n);
    b->n += n;
}

void buf_str(struct buf *b, struct str s)
{
    buf_append(b, s.p, s.n);
}

void buf_char(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void buf_fill(struct buf *b, char c, size_t n)
{
    if (n == 0 || !buf_reserve(b, n))
        return;
    memset(b->p + b->n, c, n);
    b->n += n;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    /* vsnprintf writes a terminating zero: room for it, but it does not count. */
    if (n > 0 && buf_reserve(b, (size_t)n + 1)) {
        vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
        b->n += (size_t)n;
    }
    va_end(again);
}

enum status buf_status(const struct buf *b)
{
    return b->status;
}
