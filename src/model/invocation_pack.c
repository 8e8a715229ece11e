/* An invocation as some 50 bytes: see invocation_pack.h. Numbers are base-128 varints; a bit mask
 * says which of the many that are mostly zero are there at all. */
#include "model/invocation_pack.h"

static unsigned char *put(unsigned char *p, uint64_t value)
{
    while (value >= 0x80) {
        *p++ = (unsigned char)(value | 0x80);
        value >>= 7;
    }
    *p++ = (unsigned char)value;
    return p;
}

static const unsigned char *get(const unsigned char *p, const unsigned char *end, uint64_t *value)
{
    uint64_t v = 0;
    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        unsigned char byte = *p++;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *value = v;
            return p;
        }
    }
    return NULL;
}

/* The figures that are zero more often than not, as one list. None is negative. */
enum { SPARSE = 2 * TOKEN_CLASSES + 3 };
/* Bit of the mask above those: the session follows, a hash, whole. */
#define HAS_SESSION (UINT64_C(1) << SPARSE)
_Static_assert(2 * sizeof(uint64_t) + sizeof(uint64_t) + (7 + SPARSE) * 10 + sizeof(uint64_t) <=
                   PACK_MAX,
               "the longest invocation fits");

static void list_sparse(const struct invocation *v, uint64_t out[SPARSE])
{
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        out[i] = (uint64_t)v->tokens[i];
        out[TOKEN_CLASSES + i] = (uint64_t)v->cost[i];
    }
    int64_t sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++)
        sum += v->cost[i];
    out[2 * TOKEN_CLASSES] = (uint64_t)v->cost_span;
    out[2 * TOKEN_CLASSES + 1] = (uint64_t)(v->list_cost - sum); /* 0 without a discount */
    out[2 * TOKEN_CLASSES + 2] = (uint64_t)v->unpriced_tokens;
}

size_t invocation_pack(const struct invocation *v, unsigned char out[PACK_MAX])
{
    uint64_t sparse[SPARSE], mask = 0;
    list_sparse(v, sparse);
    for (int i = 0; i < SPARSE; i++)
        mask |= (uint64_t)(sparse[i] != 0) << i;
    mask |= v->session ? HAS_SESSION : 0;

    unsigned char *p = out;
    memcpy(p, &v->key, sizeof v->key);
    p += sizeof v->key;
    memcpy(p, &v->content, sizeof v->content);
    p += sizeof v->content;
    p = put(p, (uint64_t)v->time_us);
    p = put(p, v->series);
    p = put(p, v->flags);
    p = put(p, v->outcome);
    p = put(p, (uint64_t)((int64_t)v->latency_ms + 1));
    p = put(p, (uint64_t)((int64_t)v->first_byte_ms + 1));
    p = put(p, mask);
    for (int i = 0; i < SPARSE; i++)
        if (sparse[i])
            p = put(p, sparse[i]);
    if (v->session) {
        memcpy(p, &v->session, sizeof v->session);
        p += sizeof v->session;
    }
    return (size_t)(p - out);
}

size_t invocation_unpack(const unsigned char *p, size_t n, struct invocation *v)
{
    const unsigned char *start = p, *end = p + n;
    uint64_t head[7], sparse[SPARSE] = {0};
    if (n < sizeof v->key + sizeof v->content)
        return 0;
    *v = (struct invocation){0};
    memcpy(&v->key, p, sizeof v->key);
    p += sizeof v->key;
    memcpy(&v->content, p, sizeof v->content);
    p += sizeof v->content;
    for (int i = 0; i < 7; i++)
        if (!(p = get(p, end, &head[i])))
            return 0;
    for (int i = 0; i < SPARSE; i++)
        if (head[6] >> i & 1 && !(p = get(p, end, &sparse[i])))
            return 0;
    if (head[6] & HAS_SESSION) {
        if ((size_t)(end - p) < sizeof v->session)
            return 0;
        memcpy(&v->session, p, sizeof v->session);
        p += sizeof v->session;
    }
    v->time_us = (int64_t)head[0];
    v->series = (uint32_t)head[1];
    v->flags = (uint32_t)head[2];
    v->outcome = (uint8_t)head[3];
    v->latency_ms = (int32_t)((int64_t)head[4] - 1);
    v->first_byte_ms = (int32_t)((int64_t)head[5] - 1);
    int64_t sum = 0;
    for (int i = 0; i < TOKEN_CLASSES; i++) {
        v->tokens[i] = (int64_t)sparse[i];
        v->cost[i] = (int64_t)sparse[TOKEN_CLASSES + i];
        sum += v->cost[i];
    }
    v->cost_span = (int64_t)sparse[2 * TOKEN_CLASSES];
    v->list_cost = (int64_t)sparse[2 * TOKEN_CLASSES + 1] + sum;
    v->unpriced_tokens = (int64_t)sparse[2 * TOKEN_CLASSES + 2];
    return (size_t)(p - start);
}
