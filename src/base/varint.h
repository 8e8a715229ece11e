/*
 * Numbers as bytes: seven bits a byte, lowest first; signed ones in zigzag order. A reader checks
 * its bounds, sets `bad` and gives zero past the end, so bytes may come from anybody.
 */
#ifndef ASSAY_BASE_VARINT_H
#define ASSAY_BASE_VARINT_H

#include "base/str.h"

#include <endian.h>

enum { VARINT_MAX = 10 }; /* bytes of a 64-bit number */

struct unpack {
    const uint8_t *p, *end;
    bool bad;
};

static inline struct unpack unpack_of(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    return (struct unpack){p, p ? p + n : p, false};
}

/* The varint that begins with the lowest byte of `bits`, whose last byte is the one of `stop`. */
static inline uint64_t varint_of(uint64_t bits, uint64_t stop)
{
    bits &= (stop | (stop - 1)) & UINT64_C(0x7f7f7f7f7f7f7f7f);
    bits = (bits & UINT64_C(0x007f007f007f007f)) | (bits & UINT64_C(0x7f007f007f007f00)) >> 1;
    bits = (bits & UINT64_C(0x00003fff00003fff)) | (bits & UINT64_C(0x3fff00003fff0000)) >> 2;
    return (bits & UINT64_C(0x000000000fffffff)) | (bits & UINT64_C(0x0fffffff00000000)) >> 4;
}

static inline uint64_t unpack_u64(struct unpack *u)
{
    uint64_t v = 0;
    if (u->p < u->end && *u->p < 0x80)
        return *u->p++;
    /* Eight bytes at once, without a branch for each: most numbers that are not small. */
    if (u->end - u->p >= 8) {
        memcpy(&v, u->p, sizeof v);
        v = le64toh(v);
        uint64_t stop = ~v & UINT64_C(0x8080808080808080);
        if (stop) {
            u->p += __builtin_ctzll(stop) / 8 + 1;
            return varint_of(v, stop & (0 - stop));
        }
        v = 0;
    }
    for (unsigned shift = 0; u->p < u->end && shift < 64; shift += 7) {
        uint8_t byte = *u->p++;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return v;
    }
    u->bad = true;
    return 0;
}

static inline int64_t unpack_i64(struct unpack *u)
{
    uint64_t v = unpack_u64(u);
    return (int64_t)(v >> 1 ^ (0 - (v & 1)));
}

static inline uint8_t *pack_u64(uint8_t *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static inline uint8_t *pack_i64(uint8_t *p, int64_t v)
{
    return pack_u64(p, (uint64_t)v << 1 ^ (0 - ((uint64_t)v >> 63)));
}

#endif
