/*
 * Keyed hashes (SipHash-1-3, Aumasson and Bernstein 2012, with 64 and 128 bits of output). The key
 * is secret per process or per store, so that whoever writes logs cannot choose colliding names.
 */
#ifndef ASSAY_BASE_HASH_H
#define ASSAY_BASE_HASH_H

#include "base/str.h"

struct hash_key {
    uint64_t k0, k1;
};

struct hash128 {
    uint64_t hi, lo;
};

/* A key from the operating system's random source; falls back to clock and address bits when that
 * source fails, which weakens only the protection against chosen collisions. */
struct hash_key hash_key_random(void);
uint64_t hash64(struct hash_key key, const void *bytes, size_t n);
struct hash128 hash128(struct hash_key key, const void *bytes, size_t n);

static inline bool hash128_eq(struct hash128 a, struct hash128 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

#endif
