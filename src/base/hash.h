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

/*
 * A much faster keyed hash for long texts: 64 bytes a step are multiplied and folded in four lanes
 * (the idea of wyhash). It tells different texts apart as well as any 64-bit hash, but whoever
 * knows the key can make texts that collide, so nothing may depend on it that such a person must
 * not be able to upset. `seed` keeps kinds of things apart. The same on every machine.
 */
uint64_t hash_fold(struct hash_key key, uint64_t seed, const void *bytes, size_t n);

/*
 * The four lanes alone, of a text that is read in parts or goes on: whole steps of 64 bytes from
 * its start. Equal lanes after equally many steps: equal texts, as far as hash_fold tells.
 */
enum { HASH_STEP = 64 };
struct hash_lanes {
    uint64_t v[4];
};
struct hash_lanes hash_lanes_start(struct hash_key key, uint64_t seed);
void hash_lanes_add(struct hash_key key, struct hash_lanes *lanes, const void *bytes, size_t steps);
static inline bool hash_lanes_eq(const struct hash_lanes *a, const struct hash_lanes *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

/* One number of two: order matters. */
static inline uint64_t hash_mix(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)(a ^ UINT64_C(0x9E3779B97F4A7C15)) * (b ^ UINT64_C(0xD6E8FEB86659FD93));
    return (uint64_t)product ^ (uint64_t)(product >> 64) ^ a;
}

static inline bool hash128_eq(struct hash128 a, struct hash128 b)
{
    return a.hi == b.hi && a.lo == b.lo;
}

#endif
