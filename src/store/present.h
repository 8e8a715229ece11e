/*
 * Which series a bucket has: a bitmap, of which only runs of bytes are written that are not zero.
 * Questions that differ in time alone need no more than that of a bucket, often of thousands of
 * buckets one after the other: so what costs is reading, and that is an OR of bytes. Of the hours
 * of a year it takes a tenth of the time of a list of numbers.
 *
 * A run is the distance from the end of the one before, its length, and its bytes.
 */
#ifndef ASSAY_STORE_PRESENT_H
#define ASSAY_STORE_PRESENT_H

#include "store/pack.h"

enum { PRESENT_RUN = 120 };

struct present_writer {
    struct buf *out;
    uint64_t end;   /* in bytes of the bitmap: behind the last run that is written */
    uint64_t first; /* of the run in the making */
    size_t n;
    uint8_t run[PRESENT_RUN];
};

static inline struct present_writer present_to(struct buf *out)
{
    return (struct present_writer){.out = out};
}
/* Series come in rising order. A failure is kept by the buffer. */
void present_add(struct present_writer *w, uint32_t series);
void present_end(struct present_writer *w);

struct present_reader {
    struct unpack u;
    uint64_t at; /* of `bits` in the bitmap, plus one */
    size_t left; /* bytes of the run that follow */
    uint8_t bits;
};

static inline struct present_reader present_of(struct unpack u)
{
    return (struct present_reader){.u = u};
}
/* Series in rising order; false at the end or when r->u.bad. */
bool present_next(struct present_reader *r, uint32_t *series);
/* bitmap |= the set; false when it is damaged or has a byte at n or behind. */
bool present_or(struct unpack u, uint8_t *bitmap, size_t n);

#endif
