/* Seeding of the generator of rand.h. */
#include "sim/rand.h"

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void rng_seed(struct rng *r, uint64_t seed, uint64_t stream)
{
    /* Hashing the stream first keeps neighbours (seed 1, stream 2 and seed 2, stream 1) apart. */
    uint64_t state = seed ^ splitmix64(&stream);
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&state);
}

void rng_uuid(struct rng *r, char out[UUID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    uint64_t bits[2] = {rng_u64(r), rng_u64(r)};
    bits[0] = (bits[0] & ~UINT64_C(0xf000)) | 0x4000;
    bits[1] = (bits[1] & ~(UINT64_C(3) << 62)) | UINT64_C(1) << 63;
    int at = 0;
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = hex[(bits[i / 16] >> (60 - 4 * (i % 16))) & 15];
    }
    out[at] = 0;
}
