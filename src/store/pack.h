/*
 * The bytes in the store's blobs: facts, cells of the rollups, names. Numbers are varints, and a
 * bitmap says which fields are not zero, because most are.
 *
 * A fact or a cell as columns of SQLite was measured first: 2.0 us to insert and 1.0 us to read a
 * fact of 25 columns, against 1.1 us and 0.13 us with one blob that is also a third smaller.
 *
 * A store may come from anybody: every reader checks its bounds, sets `bad` and returns zero past
 * the end; sums wrap rather than overflow.
 */
#ifndef ASSAY_STORE_PACK_H
#define ASSAY_STORE_PACK_H

#include "base/buf.h"
#include "base/varint.h"
#include "query/sums.h"

enum {
    PACK_VARINT_MAX = 19, /* of a money_sum */
    PACK_SUMS_MAX = 10 + COUNTS * 10 + MONIES * PACK_VARINT_MAX,
    PACK_FACT_MAX = 24 + 4 + 24 * 10,
};

/* Writes sums to at most PACK_SUMS_MAX bytes; returns the end. */
uint8_t *pack_sums(uint8_t *p, const struct sums *s);
/* Adds packed sums to *s; u->bad when the bytes are not packed sums. */
void unpack_sums(struct unpack *u, struct sums *s);
/* The number of invocations in packed sums, without the work of reading all. */
int64_t unpack_invocations(struct unpack u);
/* *s += *other, wrapping. */
void pack_add(struct sums *s, const struct sums *other);
/* *s -= *other, wrapping. */
void pack_take(struct sums *s, const struct sums *other);

/*
 * A cell: series (as distance from the one before), length, packed sums. Cells of a blob stand in
 * rising order of the series.
 */
struct cell_reader {
    struct unpack u;
    uint64_t next; /* the lowest series that may follow */
};

struct cell {
    uint32_t series;
    struct unpack sums;
};

static inline struct cell_reader cells_of(const void *bytes, size_t n)
{
    return (struct cell_reader){unpack_of(bytes, n), 0};
}

/* False at the end or when r->u.bad. */
static inline bool cell_next(struct cell_reader *r, struct cell *c)
{
    if (r->u.p == r->u.end)
        return false;
    uint64_t step = unpack_u64(&r->u);
    uint64_t n = unpack_u64(&r->u);
    if (r->u.bad || step > UINT32_MAX || r->next + step >= UINT32_MAX ||
        n > (uint64_t)(r->u.end - r->u.p)) {
        r->u.bad = true;
        return false;
    }
    c->series = (uint32_t)(r->next + step);
    c->sums = unpack_of(r->u.p, (size_t)n);
    r->next += step + 1;
    r->u.p += n;
    return true;
}

/* Appends a cell; *next is kept by the caller and begins with 0. */
void cell_append(struct buf *out, uint64_t *next, uint32_t series, const void *sums, size_t n);

/* A fact without its second, which is in its id (store_internal.h). */
uint8_t *pack_fact(uint8_t *p, const struct invocation *v, uint32_t series, uint32_t us);
/* Fills *v, time_us with `second` and the fraction; false when the bytes are no fact. */
bool unpack_fact(struct unpack *u, int64_t second, struct invocation *v);

#endif
