/*
 * Random numbers that are the same on every machine: xoshiro256** (Blackman and Vigna 2018), seeded
 * through splitmix64. Whole numbers only, so that no rounding mode or math library can change a
 * corpus. Every actor of a simulation has streams of its own: what one of them draws never moves
 * what another one does.
 */
#ifndef ASSAY_SIM_RAND_H
#define ASSAY_SIM_RAND_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t s[4];
};

/* The same (seed, stream) gives the same numbers for ever. */
void rng_seed(struct rng *r, uint64_t seed, uint64_t stream);

static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t x = r->s[1] * 5;
    uint64_t result = ((x << 7) | (x >> 57)) * 9;
    uint64_t t = r->s[1] << 17;
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = (r->s[3] << 45) | (r->s[3] >> 19);
    return result;
}

/* 0 … n-1; n > 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)(((rng_u64(r) >> 32) * n) >> 32);
}

/* lo … hi, both included. */
static inline uint32_t rng_between(struct rng *r, uint32_t lo, uint32_t hi)
{
    return lo + rng_below(r, hi - lo + 1);
}

static inline bool rng_one_in(struct rng *r, uint32_t n)
{
    return rng_below(r, n) == 0;
}

/* lo … hi with many small values and few large ones (the cube of a uniform one): the shape of
 * prompts, tool results and pauses. */
static inline uint32_t rng_skewed(struct rng *r, uint32_t lo, uint32_t hi)
{
    uint64_t x = rng_u64(r) >> 48;
    return lo + (uint32_t)(((x * x * x) >> 24) * (hi - lo) >> 24);
}
/* A version 4 UUID. */
enum { UUID_TEXT = 37 };
void rng_uuid(struct rng *r, char out[UUID_TEXT]);

#endif
