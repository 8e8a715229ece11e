/* Which series a bucket has: see present.h. */
#include "store/present.h"

/* So many zeros cost no more than the beginning of another run. */
enum { GAP = 2 };

static void end_run(struct present_writer *w)
{
    uint8_t head[2 * PACK_VARINT_MAX], *p = pack_u64(head, w->first - w->end);
    p = pack_u64(p, w->n);
    buf_append(w->out, head, (size_t)(p - head));
    buf_append(w->out, w->run, w->n);
    w->end = w->first + w->n;
    w->n = 0;
}

void present_add(struct present_writer *w, uint32_t series)
{
    uint64_t byte = series / 8;
    if (w->n > 0 && (byte > w->first + w->n + GAP || byte >= w->first + PRESENT_RUN))
        end_run(w);
    if (w->n == 0)
        w->first = byte;
    while (w->first + w->n <= byte)
        w->run[w->n++] = 0;
    w->run[byte - w->first] |= (uint8_t)(1u << series % 8);
}

void present_end(struct present_writer *w)
{
    if (w->n > 0)
        end_run(w);
}

/* The head of the next run: its bytes follow in u, and it begins at *at. */
static bool next_run(struct unpack *u, uint64_t *at, size_t *n)
{
    if (u->p == u->end)
        return false;
    uint64_t skip = unpack_u64(u), length = unpack_u64(u);
    if (u->bad || skip > UINT32_MAX / 8 || length == 0 || length > (uint64_t)(u->end - u->p) ||
        *at + skip + length > UINT32_MAX / 8) {
        u->bad = true;
        return false;
    }
    *at += skip;
    *n = (size_t)length;
    return true;
}

bool present_next(struct present_reader *r, uint32_t *series)
{
    while (r->bits == 0) {
        if (r->left == 0 && !next_run(&r->u, &r->at, &r->left))
            return false;
        r->bits = *r->u.p++;
        r->at++;
        r->left--;
    }
    *series = (uint32_t)((r->at - 1) * 8) + (uint32_t)__builtin_ctz(r->bits);
    r->bits &= (uint8_t)(r->bits - 1);
    return true;
}

bool present_or(struct unpack u, uint8_t *bitmap, size_t n)
{
    uint64_t at = 0;
    for (size_t length; next_run(&u, &at, &length); at += length) {
        if (at + length > n)
            return false;
        for (size_t i = 0; i < length; i++)
            bitmap[at + i] |= u.p[i];
        u.p += length;
    }
    return !u.bad;
}
