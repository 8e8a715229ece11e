/* Keyed hashes: see hash.h. */
#include "base/hash.h"

#include <endian.h>
#include <sys/random.h>
#include <time.h>

struct hash_key hash_key_random(void)
{
    struct hash_key key;
    if (getrandom(&key, sizeof key, 0) == (ssize_t)sizeof key)
        return key;
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    key.k0 = (uint64_t)now.tv_sec * 0x9E3779B97F4A7C15ULL ^ (uint64_t)now.tv_nsec;
    key.k1 = (uint64_t)(uintptr_t)&key ^ key.k0 << 17;
    return key;
}

static inline uint64_t rotl(uint64_t x, int b)
{
    return x << b | x >> (64 - b);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline struct sip sip_start(struct hash_key key)
{
    return (struct sip){key.k0 ^ 0x736f6d6570736575ULL, key.k1 ^ 0x646f72616e646f6dULL,
                        key.k0 ^ 0x6c7967656e657261ULL, key.k1 ^ 0x7465646279746573ULL};
}

static inline void sip_feed(struct sip *s, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    size_t left = n;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t m;
        memcpy(&m, p, 8);
        s->v3 ^= m;
        sip_round(s);
        s->v0 ^= m;
    }
    uint64_t last = (uint64_t)n << 56;
    for (size_t i = 0; i < left; i++)
        last |= (uint64_t)p[i] << (8 * i);
    s->v3 ^= last;
    sip_round(s);
    s->v0 ^= last;
}

static inline uint64_t sip_end(struct sip *s)
{
    sip_round(s);
    sip_round(s);
    sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t hash64(struct hash_key key, const void *bytes, size_t n)
{
    struct sip s = sip_start(key);
    sip_feed(&s, bytes, n);
    s.v2 ^= 0xff;
    return sip_end(&s);
}

struct hash128 hash128(struct hash_key key, const void *bytes, size_t n)
{
    struct sip s = sip_start(key);
    s.v1 ^= 0xee;
    sip_feed(&s, bytes, n);
    s.v2 ^= 0xee;
    struct hash128 out;
    out.hi = sip_end(&s);
    s.v1 ^= 0xdd;
    out.lo = sip_end(&s);
    return out;
}

static inline uint64_t load64(const unsigned char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return le64toh(v);
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static const uint64_t C[4] = {UINT64_C(0x2d358dccaa6c78a5), UINT64_C(0x8bb84b93962eacc9),
                              UINT64_C(0x4b33a62ed433d4a3), UINT64_C(0x4d5a2da51de1aa47)};

static inline struct hash_lanes lanes_of(uint64_t h)
{
    return (struct hash_lanes){{h, h ^ C[1], h ^ C[2], h ^ C[3]}};
}

static inline void add_steps(struct hash_key key, struct hash_lanes *lanes, const unsigned char *p,
                             size_t steps)
{
    const uint64_t k0 = key.k0 ^ C[0], k1 = key.k1 ^ C[1];
    uint64_t a = lanes->v[0], b = lanes->v[1], c = lanes->v[2], d = lanes->v[3];
    for (; steps > 0; steps--, p += HASH_STEP) {
        a = fold(load64(p) ^ k0, load64(p + 8) ^ a);
        b = fold(load64(p + 16) ^ k1, load64(p + 24) ^ b);
        c = fold(load64(p + 32) ^ k0 ^ C[2], load64(p + 40) ^ c);
        d = fold(load64(p + 48) ^ k1 ^ C[3], load64(p + 56) ^ d);
    }
    *lanes = (struct hash_lanes){{a, b, c, d}};
}

static inline uint64_t first_lane(struct hash_key key, uint64_t seed, uint64_t n)
{
    return fold(key.k0 ^ C[0] ^ seed, key.k1 ^ C[1] ^ n) ^ key.k1;
}

struct hash_lanes hash_lanes_start(struct hash_key key, uint64_t seed)
{
    return lanes_of(first_lane(key, seed, 0));
}

void hash_lanes_add(struct hash_key key, struct hash_lanes *lanes, const void *bytes, size_t steps)
{
    add_steps(key, lanes, bytes, steps);
}

uint64_t hash_fold(struct hash_key key, uint64_t seed, const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    const uint64_t k0 = key.k0 ^ C[0], k1 = key.k1 ^ C[1];
    uint64_t h = first_lane(key, seed, n);
    size_t left = n % HASH_STEP;
    if (n >= HASH_STEP) {
        struct hash_lanes l = lanes_of(h);
        add_steps(key, &l, p, n / HASH_STEP);
        h = fold(l.v[0] ^ k0, l.v[1] ^ C[2]) ^ fold(l.v[2] ^ k1, l.v[3] ^ C[3]);
        p += n - left;
    }
    for (; left >= 16; left -= 16, p += 16)
        h = fold(load64(p) ^ k0, load64(p + 8) ^ h);
    unsigned char rest[16] = {0};
    if (left)
        memcpy(rest, p, left);
    h = fold(load64(rest) ^ k1, load64(rest + 8) ^ h);
    return fold(h ^ k0, k1 ^ C[2]);
}
